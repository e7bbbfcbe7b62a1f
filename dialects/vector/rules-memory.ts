/** @file Rules of vectors and memory: masks that are all set or not at all, casts of what is addressed. */
import type { Operation, Value } from "../../ir/core.ts";
import type { OpInfo, RuleLike } from "../../ir/define.ts";
import type { VectorType } from "../../ir/types.ts";
import { constantOf } from "../../rewrite/constants.ts";
import { knownNumber } from "../../rewrite/matchers.ts";
import type { Rewriter } from "../../rewrite/rewriter.ts";
import { rule } from "../../rewrite/rule.ts";
import { scalarOf } from "../../rewrite/scalars.ts";
import { castsInto } from "../memref/rules-view.ts";
import { constant_mask, create_mask, mask as maskOp } from "./mask.ts";
import { compressstore, expandload, gather, load, maskedload, maskedstore, scatter, store } from "./memory.ts";
import { transfer_read, transfer_write } from "./transfer.ts";

/** Whether every lane of a mask is set, or none; undefined if it is neither, or not known. */
function lanesOf(value: Value): "all" | "none" | undefined {
  const n = scalarOf(constantOf(value));
  if (n !== undefined) return n === 0n ? "none" : "all";
  const known = constant_mask.match(value);
  if (known) return lanes(known.result.type, known.mask_dim_sizes);
  const made = create_mask.match(value);
  return made && lanes(made.result.type, made.operands.map(knownNumber));
}

function lanes({ shape, scalable }: VectorType, sizes: readonly (number | undefined)[]): "all" | "none" | undefined {
  if (sizes.some((s) => s !== undefined && s <= 0)) return "none";
  if (scalable.length > 0 || sizes.includes(undefined)) return undefined;
  const extents = shape.length === 0 ? [1] : shape;
  return sizes.every((s, i) => s! >= extents[i]!) ? "all" : undefined;
}

const masks: readonly RuleLike[] = [
  ...[maskedload, expandload].map((op) =>
    rule(op, "a mask that is all set, or not at all", ({ base, indices, mask, pass_thru, result }, rw) => {
      const set = lanesOf(mask);
      return set === "none" ? pass_thru : set && load(rw, base, indices, { types: [result.type] });
    }),
  ),
  ...[maskedstore, compressstore].map((op) =>
    rule(op, "a mask that is all set, or not at all", ({ op: self, base, indices, mask, valueToStore }, rw) => {
      const set = lanesOf(mask);
      if (!set) return undefined;
      if (set === "all") store(rw, valueToStore, base, indices);
      rw.erase(self);
      return true;
    }),
  ),
  rule(gather, "a mask that is not set at all", ({ mask, pass_thru }) =>
    lanesOf(mask) === "none" ? pass_thru : undefined,
  ),
  rule(scatter, "a mask that is not set at all", ({ mask }) => (lanesOf(mask) === "none" ? [] : undefined)),
  rule(maskOp, "a mask that is all set", ({ op, mask, maskRegion }, rw) => {
    if (lanesOf(mask) !== "all" || maskRegion.blocks.length !== 1) return undefined;
    rw.replaceWithRegion(op, maskRegion);
    return true;
  }),
  rule(maskOp, "nothing is masked", ({ op, mask, passthru, maskRegion }, rw) => {
    const { first, last } = maskRegion.entry;
    if (passthru || first !== last || lanesOf(mask) === "none") return undefined;
    rw.replaceWithRegion(op, maskRegion);
    return true;
  }),
];

const addressed: readonly OpInfo[] = [
  load,
  store,
  maskedload,
  maskedstore,
  expandload,
  compressstore,
  gather,
  scatter,
  transfer_read,
  transfer_write,
];

/** A transfer in a dimension where index and extent are known needs no check. */
const transfers: readonly RuleLike[] = [
  rule(transfer_read, "a mask that is all set", (view, rw) => dropMask(view.op, view.mask, rw)),
  rule(transfer_write, "a mask that is all set", (view, rw) => dropMask(view.op, view.mask, rw)),
];

function dropMask(op: Operation, mask: Value | undefined, rw: Rewriter): boolean {
  if (!mask || lanesOf(mask) !== "all") return false;
  const segments = op.operandSegments!.slice();
  segments[segments.length - 1] = 0;
  rw.setOperands(op, op.operands.slice(0, -1), segments);
  return true;
}

export const memoryRules: readonly RuleLike[] = [...masks, ...addressed.map(castsInto), ...transfers];
