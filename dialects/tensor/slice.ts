/** @file Slices of tensors: taken out, put in, padded, joined. */
import { attr } from "../../ir/attributes.ts";
import { Index, RankedTensor } from "../../ir/constraints.ts";
import type { Region, Value } from "../../ir/core.ts";
import { defineOp, type OpInfo } from "../../ir/define.ts";
import type { Evaluator, Num } from "../../ir/evaluate.ts";
import { many, one } from "../../ir/fields.ts";
import { parallelInsertion } from "../../ir/interfaces.ts";
import { droppedDimensions, plus } from "../../ir/strided.ts";
import { type Fail, Pure, SingleBlock, typesMatchWith } from "../../ir/traits.ts";
import { index, isDynamic, type TensorType, tensor as tensorType } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import {
  compatibleShapes,
  dropDimensions,
  mixed,
  plain,
  quoted,
  type SliceView,
  sliceArray,
  verifySlice,
} from "../shaped.ts";
import { forEachIndex } from "../vector/data.ts";
import { yield as yield_ } from "./create.ts";

const sliceAttrs = { static_offsets: attr.ints, static_sizes: attr.ints, static_strides: attr.ints };
const sliceFormat =
  "custom<DynamicIndexList>($offsets, $static_offsets) custom<DynamicIndexList>($sizes, $static_sizes) custom<DynamicIndexList>($strides, $static_strides) attr-dict";

/** The type that stands for a slice, in full rank. */
const sliceType = (of: TensorType, sizes: readonly number[]): TensorType => tensorType(sizes, of.element);

/** Why a tensor cannot stand for a slice of the expected type, which it may do with dimensions of size one left out. */
function mismatch(expected: TensorType, given: TensorType): string | undefined {
  if (given.shape.length > expected.shape.length) return "expected rank to be smaller or equal to the other rank. ";
  if (!droppedDimensions(expected.shape, given.shape)) {
    return `expected type to be ${quoted(expected)} or a rank-reduced version. (size mismatch) `;
  }
  return expected.element === given.element ? undefined : `expected element type to be ${quoted(expected.element)}`;
}

/** Checks the lists of a slice, and the type that stands for it. */
function verifySlicedType(v: SliceView, whole: TensorType, part: TensorType, fail: Fail): void {
  if (!verifySlice(v, whole.shape.length, fail)) return;
  const message = mismatch(sliceType(whole, v.static_sizes), part);
  if (message) fail(message, plain);
}

interface RunSlice {
  readonly offsets: readonly number[];
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
  readonly static_offsets: readonly number[];
  readonly static_sizes: readonly number[];
  readonly static_strides: readonly number[];
}

const noneDropped: ReadonlySet<number> = new Set();

/** The view of the slice in full rank. */
function viewOf(a: NDArray, v: RunSlice, run: Evaluator): NDArray {
  const offsets = mixed(v.static_offsets, v.offsets);
  const sizes = mixed(v.static_sizes, v.sizes);
  return sliceArray(a, offsets, sizes, mixed(v.static_strides, v.strides), noneDropped, run);
}

/** Writes a tensor, which may lack dimensions of size one, over the slice of an array. */
function writeSlice(into: NDArray, source: NDArray, v: RunSlice, type: TensorType, run: Evaluator): void {
  const view = viewOf(into, v, run);
  const dropped = droppedDimensions(v.static_sizes, type.shape) ?? noneDropped;
  const target = dropDimensions(view, dropped);
  if (target.shape.some((n, d) => n !== source.shape[d])) {
    run.fail(`inserts ${source.shape.join("x")} elements into a slice of ${target.shape.join("x")}`);
  }
  target.assign(source);
}

export const extract_slice = defineOp("tensor.extract_slice", {
  doc: "A slice of a tensor: an offset, a size and a stride per dimension, each static or dynamic. Dimensions of size one may be left out.",
  operands: [one("source", RankedTensor), many("offsets", Index), many("sizes", Index), many("strides", Index)],
  attrs: sliceAttrs,
  results: [one("result", RankedTensor)],
  traits: [Pure],
  assembly: `$source \`\` ${sliceFormat} \`:\` type($source) \`to\` type($result)`,
  names: () => ["extracted_slice"],
  inferLoosely: true,
  infer: ({ source, static_sizes }) => [sliceType(source.type, static_sizes)],
  verify: (v, fail) => verifySlicedType(v, v.source.type, v.result.type, fail),
  evaluate(v, run) {
    const view = viewOf(v.source, v, run);
    const type = run.resultType(0) as TensorType;
    const dropped = droppedDimensions(v.static_sizes, type.shape) ?? noneDropped;
    return [dropped.size > 0 ? dropDimensions(view, dropped) : view];
  },
});

export const insert_slice = defineOp("tensor.insert_slice", {
  doc: "A tensor with a slice replaced by another tensor, which may lack dimensions of size one.",
  operands: [
    one("source", RankedTensor),
    one("dest", RankedTensor),
    many("offsets", Index),
    many("sizes", Index),
    many("strides", Index),
  ],
  attrs: sliceAttrs,
  results: [one("result", RankedTensor)],
  traits: [Pure, typesMatchWith("expected result type to match dest type", "dest", "result", (t) => t)],
  assembly: `$source \`into\` $dest \`\` ${sliceFormat} \`:\` type($source) \`into\` type($dest)`,
  names: () => ["inserted_slice"],
  inferLoosely: true,
  infer: ({ dest }) => [dest.type],
  verify: (v, fail) => verifySlicedType(v, v.dest.type, v.source.type, fail),
  evaluate(v, run) {
    const made = v.dest.copy();
    writeSlice(made, v.source, v, run.operandType(0) as TensorType, run);
    return [made];
  },
});

export const parallel_insert_slice = defineOp("tensor.parallel_insert_slice", {
  doc: "At the end of a turn of a parallel loop: replaces a slice of a shared tensor.",
  operands: [
    one("source", RankedTensor),
    one("dest", RankedTensor),
    many("offsets", Index),
    many("sizes", Index),
    many("strides", Index),
  ],
  attrs: sliceAttrs,
  interfaces: [parallelInsertion({ destination: (op): Value => op.operand(1) })],
  assembly: `$source \`into\` $dest \`\` ${sliceFormat} \`:\` type($source) \`into\` type($dest)`,
  verify(v, fail) {
    const parent = v.op.parentOp;
    if (parent?.def.registered && !parent.def.isTerminator) {
      fail(`expected ParallelCombiningOpInterface parent, got: ${parent.name}`, plain);
      return;
    }
    verifySlicedType(v, v.dest.type, v.source.type, fail);
  },
  // The loop hands its turns an array of its own to write to.
  evaluate(v, run) {
    writeSlice(v.dest, v.source, v, run.operandType(0) as TensorType, run);
    return [];
  },
});

// --- padding --------------------------------------------------------------------------------------------------------

const padded = (t: TensorType, low: readonly number[], high: readonly number[]): TensorType =>
  tensorType(
    t.shape.map((n, d) => plus(plus(n, low[d] ?? 0), high[d] ?? 0)),
    t.element,
    t.encoding,
  );

export const pad = defineOp("tensor.pad", {
  doc: "A tensor with elements added before and behind it in each dimension; the body computes them from their indices.",
  operands: [one("source", RankedTensor), many("low", Index), many("high", Index)],
  attrs: { static_low: attr.ints, static_high: attr.ints, nofold: attr.unit },
  results: [one("result", RankedTensor)],
  regions: ["region"],
  traits: [Pure, SingleBlock],
  terminator: (): OpInfo => yield_,
  assembly:
    "$source (`nofold` $nofold^)? `low` `` custom<DynamicIndexList>($low, $static_low) `high` `` custom<DynamicIndexList>($high, $static_high) $region attr-dict `:` type($source) `to` type($result)",
  names: () => ["padded"],
  inferLoosely: true,
  infer: ({ source, static_low, static_high }) => [padded(source.type, static_low, static_high)],
  enter: ({ source }) => ({ region: source.type.shape.map(() => index) }),
  verify({ source, result, static_low, static_high, region }, fail) {
    const from = source.type;
    const to = result.type;
    const expected = padded(from, static_low, static_high);
    const fits =
      to.shape.length === expected.shape.length &&
      static_low.length === from.shape.length &&
      static_high.length === from.shape.length &&
      to.shape.every((n, d) => n === expected.shape[d] || isDynamic(expected.shape[d]!));
    if (!fits) {
      fail(`specified type ${quoted(to)} does not match the inferred type ${quoted(expected)}`, plain);
      return;
    }
    const message = paddingFault(region, to);
    if (message) fail(message.text, { code: "verify/region", ...(message.plain && plain) });
  },
  evaluate({ source, low, high, static_low, static_high, region }, run) {
    const before = mixed(static_low, low);
    const after = mixed(static_high, high);
    const shape = source.shape.map((n, d) => n + before[d]! + after[d]!);
    if (shape.some((n) => n < 0)) run.fail(`padding leaves ${shape.join("x")} elements`);
    const made = NDArray.zeros(source.dtype, shape);
    const inside = (at: readonly number[], from: number[]): boolean => {
      for (let d = 0; d < at.length; d++) {
        from[d] = at[d]! - before[d]!;
        if (from[d]! < 0 || from[d]! >= source.shape[d]!) return false;
      }
      return true;
    };
    const from = new Array<number>(shape.length);
    forEachIndex(shape, (at) => {
      made.set(at, inside(at, from) ? source.get(from) : (run.call(region, at.slice())[0] as Num));
    });
    return [made];
  },
});

function paddingFault(region: Region, t: TensorType): { readonly text: string; readonly plain: boolean } | undefined {
  const block = region.blocks[0];
  if (!block) return undefined;
  if (block.args.length !== t.shape.length) {
    return { text: `expected the block to have ${t.shape.length} arguments`, plain: true };
  }
  const wrong = block.args.findIndex((a) => a.type !== index);
  if (wrong >= 0) return { text: `expected block argument ${wrong + 1} to be an index`, plain: false };
  if (block.last?.uses[0]?.value.type !== t.element) {
    return { text: "expected yield type to match shape element type", plain: false };
  }
  return undefined;
}

// --- concatenation --------------------------------------------------------------------------------------------------

/** The type of tensors joined along a dimension; elsewhere a static size wins over a dynamic one. */
function joined(types: readonly TensorType[], dim: number): TensorType | undefined {
  const [first] = types;
  if (!first || dim >= first.shape.length) return undefined;
  const shape = first.shape.map((n, d) => {
    if (d === dim) return types.reduce((sum, t) => plus(sum, t.shape[d]!), 0);
    return types.map((t) => t.shape[d]!).find((m) => !isDynamic(m)) ?? n;
  });
  return tensorType(shape, first.element);
}

export const concat = defineOp("tensor.concat", {
  doc: "Tensors joined end to end along one dimension.",
  operands: [many("inputs", RankedTensor)],
  attrs: { dim: attr.int },
  results: [one("result", RankedTensor)],
  traits: [Pure],
  assembly: "`dim` `(` $dim `)` $inputs attr-dict `:` functional-type(operands, results)",
  names: () => ["concat"],
  inferLoosely: true,
  infer({ inputs, dim }) {
    const type = joined(
      inputs.map((v) => v.type),
      dim,
    );
    return type && [type];
  },
  verify({ inputs, dim, result }, fail) {
    const types = inputs.map((v) => v.type);
    const to = result.type;
    const rank = to.shape.length;
    if (types.length < 1) fail("requires at least one input");
    else if (types.some((t) => t.shape.length !== rank)) {
      fail("rank of concatenated inputs must match result rank");
    } else if (types.some((t) => t.element !== to.element)) {
      fail("inputs and result element type must match");
    } else if (dim >= rank) fail("concatenation dim must be less than the tensor rank");
    else {
      for (let d = 0; d < rank; d++) {
        const sizes = types.map((t) => t.shape[d]!).filter((n) => !isDynamic(n));
        if (d !== dim && sizes.some((n) => n !== sizes[0])) {
          fail(`static concatenation size mismatch along non-concatenated dimension ${d}`);
          return;
        }
      }
      const expected = joined(types, dim)!;
      if (!compatibleShapes(expected.shape, to.shape)) {
        fail(`result type ${quoted(to)}does not match inferred shape ${quoted(expected)} static sizes`);
      }
    }
  },
  evaluate({ inputs, dim }, run) {
    const [first] = inputs;
    if (!first) return run.fail("joins no tensors");
    const shape = first.shape.map((n, d) => (d === dim ? inputs.reduce((sum, a) => sum + a.shape[d]!, 0) : n));
    const made = NDArray.zeros(first.dtype, shape);
    let at = 0;
    for (const a of inputs) {
      if (a.shape.some((n, d) => d !== dim && n !== shape[d])) {
        run.fail(`joins ${a.shape.join("x")} elements with ${first.shape.join("x")} along dimension ${dim}`);
      }
      made
        .view(
          shape.map((_, d) => (d === dim ? at : 0)),
          a.shape,
        )
        .assign(a);
      at += a.shape[dim]!;
    }
    return [made];
  },
});
