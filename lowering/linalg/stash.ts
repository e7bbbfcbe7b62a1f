/**
 * @file What is costly and wanted twice for each row, once to be summed and once for the result (the exponentials of a
 * softmax), need not be computed twice, nor lie in a buffer of its own: it is kept in the kernel's result until the
 * result itself is written over it, element by element.
 */
import { type Structure, structureOf } from "../../dialects/linalg/structure.ts";
import { isIdentityMap } from "../../ir/affine.ts";
import type { Operation } from "../../ir/core.ts";
import { f32, isShaped } from "../../ir/types.ts";
import type { RootSchedule } from "./schedule-attribute.ts";

/** On an op whose elements are kept in the kernel's result meanwhile. */
export const stashAttribute = "stashed";

/**
 * Whether an op's elements may be kept in the root's result: they are as many, and one sum over rows asks for each of
 * them once; whatever else asks for one is asked for itself at the same place only, from the root on.
 * @param samePlace ops whose elements the root asks for at its own index, and no others
 */
export function mayStash(
  root: Structure,
  producer: Structure,
  reduction: Operation,
  samePlace: ReadonlySet<Operation>,
): boolean {
  const out = root.outputs[0]!;
  const own = producer.outputs[0]!;
  if (root.outputs.length !== 1 || producer.outputs.length !== 1 || !isIdentityMap(out.map)) return false;
  if (out.element !== f32 || own.element !== f32 || !isIdentityMap(own.map)) return false;
  if (out.shape.length !== own.shape.length || !out.shape.every((d, i) => d === own.shape[i])) return false;
  let again = false;
  for (const use of producer.op.result().uses()) {
    const user = structureOf(use.owner);
    const read = user?.operands[use.index];
    if (!user || !read || !isIdentityMap(read.map) || read.isOutput) return false;
    if (use.owner === reduction) continue;
    if (!samePlace.has(use.owner)) return false;
    again = true;
  }
  return again;
}

export interface Stash {
  /** The op whose elements are kept. */
  readonly op: Operation;
  /** The sum that asks for all of a row before the row is written. */
  readonly filler: Operation;
}

/** The op of a kernel that keeps its elements in the result, if the loops run such that rows are whole. */
export function stashOf(ops: readonly Operation[], schedule: RootSchedule): Stash | undefined {
  const op = ops.find((o) => o.attributes?.has(stashAttribute));
  const filler = op && [...op.result().uses()].find((u) => isReducing(u.owner))?.owner;
  const s = filler && structureOf(filler);
  if (!op || !s || schedule.workgroup !== undefined) return undefined;
  const rows = new Set(s.loops.flatMap((l, i) => (l.kind === "reduction" ? [] : [i])));
  const { order, block } = schedule;
  const within = order.findIndex((d) => !rows.has(d));
  const whole = order.slice(within).every((d) => !rows.has(d) || s.loops[d]!.extent === 1);
  return whole && order.every((d) => rows.has(d) || !block[d]) ? { op, filler } : undefined;
}

const isReducing = (op: Operation): boolean =>
  isShaped(op.result().type) && structureOf(op)?.loops.some((l) => l.kind === "reduction") === true;
