/** @file Masks: made, and put around an op. */
import { attr } from "../../ir/attributes.ts";
import { Any, Index } from "../../ir/constraints.ts";
import { type Block, Operation, type Region } from "../../ir/core.ts";
import { defineOp, type OpInfo } from "../../ir/define.ts";
import type { Evaluator, Num } from "../../ir/evaluate.ts";
import { many, one, optional } from "../../ir/fields.ts";
import { defineInterface } from "../../ir/interface.ts";
import { Pure, RecursiveEffects, ReturnLike, SingleBlock, Terminator } from "../../ir/traits.ts";
import type { Type, VectorType } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { plain, quoted } from "../shaped.ts";
import { forEachIndex, zerosOf } from "./data.ts";
import { isScalable, Mask } from "./kinds.ts";

/** Ops that `vector.mask` can predicate. */
export const maskable = defineInterface<{
  /** The type of the mask that fits the op; undefined if any does. */
  maskType(op: Operation): VectorType | undefined;
  /** Takes a value for masked-off lanes from the mask op. */
  readonly supportsPassthru?: boolean;
}>("maskable");

export const create_mask = defineOp("vector.create_mask", {
  doc: "A mask that is set where every index is below the operand of its dimension.",
  operands: [many("operands", Index)],
  results: [one("result", Mask)],
  traits: [Pure],
  assembly: "$operands attr-dict `:` type($result)",
  verify({ operands, result }, fail) {
    const { rank } = { rank: result.type.shape.length };
    if (rank === 0) {
      if (operands.length !== 1) fail("must specify exactly one operand for 0-D create_mask");
    } else if (operands.length !== rank) fail("must specify an operand for each result vector dimension");
  },
  evaluate: ({ operands }, run) => [boxMask(run.resultType(0) as VectorType, operands, run)],
});

export const constant_mask = defineOp("vector.constant_mask", {
  doc: "A mask that is set where every index is below the number of its dimension.",
  attrs: { mask_dim_sizes: attr.intArray.in22(attr.ints) },
  results: [one("result", Mask)],
  traits: [Pure],
  assembly: "$mask_dim_sizes attr-dict `:` type($result)",
  verify({ mask_dim_sizes: sizes, result }, fail) {
    const { shape } = result.type;
    if (shape.length === 0) {
      if (sizes.length !== 1) fail("array attr must have length 1 for 0-D vectors", plain);
      else if (sizes[0] !== 0 && sizes[0] !== 1) fail("mask dim size must be either 0 or 1 for 0-D vectors", plain);
      return;
    }
    if (sizes.length !== shape.length) {
      fail("must specify array attr of size equal vector result rank");
      return;
    }
    for (const [d, n] of sizes.entries()) {
      if (n < 0 || n > shape[d]!) {
        fail("array attr of size out of bounds of vector result dimension size");
        return;
      }
      if (isScalable(result.type, d) && n !== 0 && n !== shape[d]) {
        fail(`only supports 'none set' or 'all set' scalable dimensions`);
        return;
      }
    }
    const zero = sizes.includes(0);
    if (zero && sizes.some((n) => n !== 0)) {
      fail("expected all mask dim sizes to be zeros, as a result of conjunction with zero mask dim");
    }
  },
  evaluate: ({ mask_dim_sizes }, run) => [boxMask(run.resultType(0) as VectorType, mask_dim_sizes, run)],
});

function boxMask(type: VectorType, sizes: readonly number[], run: Evaluator): NDArray {
  const made = zerosOf(type, run);
  if (type.shape.length === 0) made.set([], sizes[0]! > 0 ? 1 : 0);
  else {
    forEachIndex(type.shape, (i) => {
      if (i.every((x, d) => x < sizes[d]!)) made.set(i, 1);
    });
  }
  return made;
}

const yield_ = defineOp("vector.yield", {
  doc: "Ends a region of the vector dialect and hands its values over.",
  operands: [many("operands", Any)],
  traits: [Pure, ReturnLike, Terminator],
  assembly: "attr-dict ($operands^ `:` type($operands))?",
  evaluate: ({ operands }) => operands,
});

export { yield_ as yield };

/** The mask that is in force, kept between a mask op and the op inside it. */
interface Cell {
  mask: NDArray | undefined;
}
const cellOf = (op: Operation, run: Evaluator): Cell => run.global<Cell>(op, () => ({ mask: undefined }));

/** The mask under which the op runs: that of the `vector.mask` around it. */
export function activeMask(run: Evaluator): NDArray | undefined {
  const parent = run.op.parentOp;
  return parent && mask.is(parent) ? cellOf(parent, run).mask : undefined;
}

export const mask = defineOp("vector.mask", {
  doc: "Runs the one op inside only in the lanes that are set. Masked-off lanes of a result are those of `passthru`, else what the op defines.",
  operands: [one("mask", Mask), optional("passthru", Any)],
  results: [many("results", Any)],
  regions: ["maskRegion"],
  traits: [SingleBlock, RecursiveEffects],
  terminator: (): OpInfo => yield_,
  parse(p) {
    const maskName = p.operand();
    const at = p.here();
    const passName = p.optionalPunct(",") ? p.operand() : undefined;
    const region = p.region();
    p.ensureTerminator(region, (block) => yieldOfOnly(block));
    const attributes = p.attrDict();
    const maskType = p.colonType();
    const resultTypes = p.optionalArrowTypes();
    const operands = [p.resolve(maskName, maskType)];
    if (passName) {
      if (resultTypes.length !== 1) return p.fail("expects a single result if passthru operand is provided", at);
      operands.push(p.resolve(passName, resultTypes[0]!));
    }
    return { operands, attributes, resultTypes, regions: [region] };
  },
  print(view, p) {
    p.write(" ");
    p.operand(view.mask);
    if (view.passthru) {
      p.write(", ");
      p.operand(view.passthru);
    }
    p.write(" { ");
    const first = view.maskRegion.blocks[0]?.first;
    if (first) p.op(first);
    p.write(" }");
    p.attrDict(view.op);
    p.write(" : ");
    p.type(view.mask.type);
    if (view.results.length > 0) p.optionalArrowTypes(view.results.map((r) => r.type));
  },
  verify(view, fail) {
    const message = maskFault(view.op, view.maskRegion, view.mask.type, view.passthru?.type);
    if (message) fail(message);
  },
  evaluate(args, run) {
    const cell = cellOf(run.op, run);
    const outer = cell.mask;
    cell.mask = args.mask;
    const results = run.call(args.maskRegion, []);
    cell.mask = outer;
    if (args.passthru === undefined) return results;
    return [keepLanes(results[0], args.passthru, args.mask)];
  },
});

/** The yield of the results of the only op of a block. */
function yieldOfOnly(block: Block): Operation {
  const only = block.first && block.first === block.last ? block.first : null;
  return new Operation(yield_, { operands: only?.results ?? [] });
}

function maskFault(op: Operation, region: Region, type: VectorType, passthru: Type | undefined): string | undefined {
  const block = region.blocks[0];
  if (!block || block.isEmpty) return "expects a terminator within the mask region";
  const inner = [...block];
  if (inner.length > 2) return "expects only one operation to mask";
  const end = inner.at(-1)!;
  if (!end.def.isTerminator) return "expects a terminator within the mask region";
  if (end.operandCount !== op.results.length) return "expects number of results to match mask region yielded values";
  const masked = inner.length === 2 ? inner[0]! : undefined;
  if (!masked) return undefined;
  const how = maskable.of(masked);
  if (!how) return "expects a MaskableOpInterface within the mask region";
  if (masked.results.length !== op.results.length)
    return "expects number of results to match maskable operation number of results";
  if (masked.results.some((r, i) => r.type !== op.results[i]!.type)) {
    return "expects result type to match maskable operation result type";
  }
  if (masked.results.length > 0 && masked.results.filter((r) => r.type.kind === "vector").length > 1) {
    return "multiple vector results not supported";
  }
  const wanted = how.maskType(masked);
  if (wanted && wanted !== type) return `expects a ${quoted(wanted)} mask for the maskable operation`;
  if (passthru) {
    if (!how.supportsPassthru) return "doesn't expect a passthru argument for this maskable operation";
    if (masked.results.length !== 1) return "expects result when passthru argument is provided";
    if (masked.results[0]!.type !== passthru) return "expects passthru type to match result type";
  }
  return undefined;
}

/** Lanes of `value` where the mask is set, of `other` elsewhere. */
function keepLanes(value: unknown, other: unknown, mask: NDArray): unknown {
  if (!(value instanceof NDArray) || !(other instanceof NDArray)) return mask.get([]) ? value : other;
  const made = other.copy();
  forEachIndex(mask.shape, (i) => {
    if (mask.get(i)) made.set(i, value.get(i) as Num);
  });
  return made;
}
