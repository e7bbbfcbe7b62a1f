/** @file Operators that move elements, and those that tell and make shapes. */

import { select } from "../../dialects/graph/elementwise.ts";
import {
  concat,
  expand,
  pad,
  reshape,
  shape as shapeOp,
  slice,
  tile,
  transpose,
  WHOLE,
} from "../../dialects/graph/shape.ts";
import type { Value } from "../../ir/core.ts";
import { dynamic, elementOf, f32, hasStaticShape, i1, i64, isDynamic } from "../../ir/types.ts";
import { elementTypeOf } from "../dtypes.ts";
import type { NodeBuilder } from "../node-builder.ts";
import { attr, defineImport, many, one, optional, type TensorValue } from "../op.ts";
import { typeOfElement } from "../types.ts";

const rankOf = (x: TensorValue): number => x.type.shape.length;
const from0 = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);

/** Axes counted from 0, checked; undefined after reporting. */
export function axesOf(axes: readonly number[], rank: number, b: NodeBuilder): number[] | undefined {
  const found = axes.map((a) => from0(a, rank));
  const wrong = axes.find((_, i) => found[i]! < 0 || found[i]! >= rank);
  if (wrong !== undefined) return b.fail("onnx/shape", `axis ${wrong} is not one of ${rank} dimensions`);
  return found;
}

export const axisOf = (axis: number, rank: number, b: NodeBuilder): number | undefined => axesOf([axis], rank, b)?.[0];

// --- constants ----------------------------------------------------------------------------------------------------

export const Constant = defineImport("Constant", {
  since: 1,
  inputs: [],
  attrs: {
    value: attr.tensor.optional(),
    value_float: attr.float.optional(),
    value_floats: attr.floats.optional(),
    value_int: attr.int.optional(),
    value_ints: attr.ints.optional(),
  },
  import({ value, value_float, value_floats, value_int, value_ints }, b) {
    if (value) return b.graph.constant(value, b.loc, b);
    if (value_float !== undefined) return b.scalar(value_float, f32);
    if (value_floats) return b.vector(value_floats, [value_floats.length], f32);
    if (value_int !== undefined) return b.scalar(value_int, i64);
    if (value_ints) return b.ints(value_ints);
    return b.fail("onnx/unsupported-type", "strings and sparse tensors are not supported");
  },
});

export const ConstantOfShape = defineImport("ConstantOfShape", {
  since: 9,
  inputs: [one("input")],
  attrs: { value: attr.tensor.optional() },
  import({ input, value }, b) {
    const one = value ? b.graph.constant(value, b.loc, b) : b.scalar(0, f32);
    if (!one) return undefined;
    if (!b.known(input) && b.graph.inputsOf(input).length > 0) return void b.need(input, "input");
    const scalar = reshape(b, one, undefined, { shape: [] });
    return expanded(scalar, input, b, "input");
  },
});

/** Broadcasts to a shape that is known, or not. */
function expanded(x: TensorValue, sizes: TensorValue, b: NodeBuilder, what: string): Value | undefined {
  if (b.known(sizes)) {
    const shape = b.numbers(sizes, what);
    return shape && expand(b, x, undefined, { shape });
  }
  const [rank] = sizes.type.shape;
  if (rank === undefined || isDynamic(rank))
    return b.fail("onnx/shape", `the number of sizes in '${what}' is not known`);
  return expand(b, x, sizes, { shape: new Array<number>(rank).fill(dynamic) });
}

export const Shape = defineImport("Shape", {
  since: 1,
  inputs: [one("data")],
  attrs: { start: attr.int.default(0), end: attr.int.optional() },
  import({ data, start, end }, b) {
    const { shape } = data.type;
    const rank = shape.length;
    const clamp = (n: number): number => Math.min(Math.max(from0(n, rank), 0), rank);
    const [from, to] = [clamp(start), clamp(end ?? rank)];
    const part = shape.slice(from, Math.max(from, to));
    if (!part.some(isDynamic)) return b.ints(part);
    return slice(b, shapeOp(b, data), undefined, { starts: [from], ends: [to], steps: [1] });
  },
});

export const Size = defineImport("Size", {
  since: 1,
  inputs: [one("data")],
  import({ data }, b) {
    if (!hasStaticShape(data.type)) return b.fail("onnx/needs-constant", "the sizes of the input are not known");
    return b.scalar(
      data.type.shape.reduce((n, d) => n * d, 1),
      i64,
    );
  },
});

export const EyeLike = defineImport("EyeLike", {
  since: 9,
  inputs: [one("input")],
  attrs: { dtype: attr.int.optional(), k: attr.int.default(0) },
  import({ input, dtype, k }, b) {
    const name = dtype === undefined ? undefined : elementTypeOf(dtype);
    const element = dtype === undefined ? elementOf(input.type) : name && typeOfElement(name);
    if (!element) return b.fail("onnx/unsupported-type", `elements of type ${name ?? dtype} are not supported`);
    const [rows = 1, columns = 1] = input.type.shape;
    if (!b.affords(rows * columns)) return undefined;
    const values = Array.from({ length: rows * columns }, (_, n) =>
      Number((n % columns) - Math.floor(n / columns) === k),
    );
    return b.vector(values, [rows, columns], element);
  },
});

// --- reshape ------------------------------------------------------------------------------------------------------

export const Reshape = defineImport("Reshape", {
  since: 5,
  inputs: [one("data"), one("shape")],
  attrs: { allowzero: attr.bool.default(false) },
  import({ data, shape, allowzero }, b) {
    const [count] = shape.type.shape;
    if (!b.known(shape) && b.graph.inputsOf(shape).length === 0 && count !== undefined && !isDynamic(count)) {
      return reshape(b, data, shape, { shape: new Array<number>(count).fill(dynamic) });
    }
    const sizes = b.numbers(shape, "shape");
    return sizes && reshape(b, data, undefined, { shape: sizesOf(sizes, data, allowzero) });
  },
});

export const Reshape1 = defineImport("Reshape", {
  since: 1,
  inputs: [one("data")],
  attrs: { shape: attr.ints },
  import: ({ data, shape }, b) => reshape(b, data, undefined, { shape: sizesOf(shape, data, false) }),
});

const sizesOf = (sizes: readonly number[], data: TensorValue, allowZero: boolean): number[] =>
  sizes.map((d, i) => (d === -1 ? dynamic : d === 0 && !allowZero ? (data.type.shape[i] ?? 0) : d));

export const Flatten = defineImport("Flatten", {
  since: 1,
  inputs: [one("input")],
  attrs: { axis: attr.int.default(1) },
  import({ input, axis }, b) {
    const rank = rankOf(input);
    const at = from0(axis, rank);
    if (at < 0 || at > rank) return b.fail("onnx/shape", `axis ${axis} is not one of ${rank} dimensions`);
    const count = (sizes: readonly number[]): number =>
      sizes.some(isDynamic) ? dynamic : sizes.reduce((n, d) => n * d, 1);
    const { shape } = input.type;
    return reshape(b, input, undefined, { shape: [count(shape.slice(0, at)), count(shape.slice(at))] });
  },
});

/** Dimensions of size 1 dropped: those given, or all. */
function squeezed(data: TensorValue, axes: readonly number[] | undefined, b: NodeBuilder): Value | undefined {
  const { shape } = data.type;
  const drop = axes ? axesOf(axes, shape.length, b) : shape.flatMap((d, i) => (d === 1 ? [i] : []));
  if (!drop) return undefined;
  const wrong = drop.find((a) => shape[a] !== 1 && !isDynamic(shape[a]!));
  if (wrong !== undefined) return b.fail("onnx/shape", `dimension ${wrong} has size ${shape[wrong]}, not 1`);
  return reshape(b, data, undefined, { shape: shape.filter((_, i) => !drop.includes(i)) });
}

export const Squeeze = defineImport("Squeeze", {
  since: 13,
  inputs: [one("data"), optional("axes")],
  import({ data, axes }, b) {
    const given = axes && b.numbers(axes, "axes");
    return axes && !given ? undefined : squeezed(data, given, b);
  },
});
export const Squeeze1 = defineImport("Squeeze", {
  since: 1,
  inputs: [one("data")],
  attrs: { axes: attr.ints.optional() },
  import: ({ data, axes }, b) => squeezed(data, axes, b),
});

/** Dimensions of size 1 put in at places of the result. */
function unsqueezed(data: TensorValue, axes: readonly number[], b: NodeBuilder): Value | undefined {
  const rank = rankOf(data) + axes.length;
  const at = axesOf(axes, rank, b);
  if (!at) return undefined;
  if (new Set(at).size < at.length) return b.fail("onnx/shape", `axes ${axes.join(", ")} name a dimension twice`);
  const old = data.type.shape.slice();
  const shape = Array.from({ length: rank }, (_, i) => (at.includes(i) ? 1 : old.shift()!));
  return reshape(b, data, undefined, { shape });
}

export const Unsqueeze = defineImport("Unsqueeze", {
  since: 13,
  inputs: [one("data"), one("axes")],
  import({ data, axes }, b) {
    const given = b.numbers(axes, "axes");
    return given && unsqueezed(data, given, b);
  },
});
export const Unsqueeze1 = defineImport("Unsqueeze", {
  since: 1,
  inputs: [one("data")],
  attrs: { axes: attr.ints },
  import: ({ data, axes }, b) => unsqueezed(data, axes, b),
});

export const Transpose = defineImport("Transpose", {
  since: 1,
  inputs: [one("data")],
  attrs: { perm: attr.ints.optional() },
  import: ({ data, perm }, b) =>
    transpose(b, data, { perm: perm ?? data.type.shape.map((_, i) => rankOf(data) - 1 - i) }),
});

// --- slices -------------------------------------------------------------------------------------------------------

/** One entry per dimension from entries for some. */
function sliced(
  data: TensorValue,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[] | undefined,
  steps: readonly number[] | undefined,
  b: NodeBuilder,
): Value | undefined {
  const rank = rankOf(data);
  const at = axesOf(axes ?? starts.map((_, i) => i), rank, b);
  if (!at) return undefined;
  if (ends.length !== starts.length || at.length !== starts.length || (steps && steps.length !== starts.length)) {
    return b.fail("onnx/shape", "starts, ends, axes and steps differ in length");
  }
  const clamp = (n: number): number => Math.min(Math.max(n, -WHOLE), WHOLE);
  const full = {
    starts: new Array<number>(rank).fill(0),
    ends: data.type.shape.map(() => WHOLE),
    steps: data.type.shape.map(() => 1),
  };
  at.forEach((a, i) => {
    full.starts[a] = clamp(starts[i]!);
    full.ends[a] = clamp(ends[i]!);
    full.steps[a] = steps?.[i] ?? 1;
  });
  return slice(b, data, undefined, full);
}

export const Slice = defineImport("Slice", {
  since: 10,
  inputs: [one("data"), one("starts"), one("ends"), optional("axes"), optional("steps")],
  import({ data, starts, ends, axes, steps }, b) {
    const [s, e] = [b.numbers(starts, "starts"), b.numbers(ends, "ends")];
    const a = axes && b.numbers(axes, "axes");
    const t = steps && b.numbers(steps, "steps");
    return s && e && !b.failed ? sliced(data, s, e, a, t, b) : undefined;
  },
});
export const Slice1 = defineImport("Slice", {
  since: 1,
  inputs: [one("data")],
  attrs: { starts: attr.ints, ends: attr.ints, axes: attr.ints.optional() },
  import: ({ data, starts, ends, axes }, b) => sliced(data, starts, ends, axes, undefined, b),
});

/** Parts of an axis one after the other. */
function splitAt(input: TensorValue, axis: number, sizes: readonly number[], b: NodeBuilder): Value[] | undefined {
  const at = axisOf(axis, rankOf(input), b);
  if (at === undefined) return undefined;
  const size = input.type.shape[at]!;
  if (sizes.some((s) => s < 0) || (!isDynamic(size) && sizes.reduce((n, s) => n + s, 0) !== size)) {
    return b.fail("onnx/shape", `parts of ${sizes.join(", ")} do not make up ${size}`);
  }
  let start = 0;
  return sizes.map((s) => {
    const part = sliced(input, [start], [start + s], [at], undefined, b)!;
    start += s;
    return part;
  });
}

/** As equal as they can be, the last one smaller. */
function evenSizes(input: TensorValue, axis: number, parts: number, b: NodeBuilder): number[] | undefined {
  const at = axisOf(axis, rankOf(input), b);
  if (at === undefined) return undefined;
  const size = input.type.shape[at]!;
  if (isDynamic(size) || parts < 1) return b.fail("onnx/needs-constant", "the size of the axis is not known");
  if (parts !== b.outputCount) {
    return b.fail("onnx/attribute", `num_outputs is ${parts}, but the node has ${b.outputCount} outputs`);
  }
  const each = Math.ceil(size / parts);
  return Array.from({ length: parts }, (_, i) => Math.max(0, Math.min(each, size - i * each)));
}

export const Split = defineImport("Split", {
  since: 13,
  inputs: [one("input"), optional("split")],
  attrs: { axis: attr.int.default(0), num_outputs: attr.int.optional() },
  import({ input, split, axis, num_outputs }, b) {
    const sizes = split ? b.numbers(split, "split") : evenSizes(input, axis, num_outputs ?? b.outputCount, b);
    return sizes && splitAt(input, axis, sizes, b);
  },
});
export const Split2 = defineImport("Split", {
  since: 2,
  inputs: [one("input")],
  attrs: { axis: attr.int.default(0), split: attr.ints.optional() },
  import({ input, axis, split }, b) {
    const sizes = split ?? evenSizes(input, axis, b.outputCount, b);
    return sizes && splitAt(input, axis, sizes, b);
  },
});

/** Cuts a border off (an experimental operator of exporters). */
export const Crop = defineImport("Crop", {
  since: 1,
  inputs: [one("input")],
  attrs: { border: attr.ints, scale: attr.ints.optional() },
  import({ input, border, scale }, b) {
    const [left = 0, top = 0, right = 0, bottom = 0] = border;
    const [, , height = 0, width = 0] = input.type.shape;
    const ends = scale ? [top + (scale[0] ?? 0), left + (scale[1] ?? 0)] : [height - bottom, width - right];
    return sliced(input, [top, left], ends, [2, 3], undefined, b);
  },
});

// --- concat, pad, expand, tile ------------------------------------------------------------------------------------

export const Concat = defineImport("Concat", {
  since: 4,
  inputs: [many("inputs")],
  attrs: { axis: attr.int },
  import({ inputs, axis }, b) {
    if (inputs.length === 0) return b.fail("onnx/graph", "has no inputs");
    const at = axisOf(axis, rankOf(inputs[0]!), b);
    return at === undefined ? undefined : concat(b, inputs, { axis: at });
  },
});
export const Concat1 = defineImport("Concat", {
  since: 1,
  inputs: [many("inputs")],
  attrs: { axis: attr.int.default(1) },
  import: ({ inputs, axis }, b) => concat(b, inputs, { axis }),
});

const padMode = attr.oneOf("constant", "reflect", "edge", "wrap").default("constant");

/** Pads of some axes: beginnings, then ends. */
function paddedBy(
  data: TensorValue,
  pads: readonly number[],
  axes: readonly number[] | undefined,
  value: Value | undefined,
  mode: "constant" | "reflect" | "edge" | "wrap",
  b: NodeBuilder,
): Value | undefined {
  const rank = rankOf(data);
  const at = axesOf(axes ?? data.type.shape.map((_, i) => i), rank, b);
  if (!at) return undefined;
  if (pads.length !== 2 * at.length) return b.fail("onnx/shape", `${at.length} axes need ${2 * at.length} pads`);
  const low = new Array<number>(rank).fill(0);
  const high = new Array<number>(rank).fill(0);
  at.forEach((a, i) => {
    low[a] = pads[i]!;
    high[a] = pads[at.length + i]!;
  });
  return pad(b, data, value, { low, high, mode });
}

export const Pad = defineImport("Pad", {
  since: 11,
  inputs: [one("data"), one("pads"), optional("constant_value"), optional("axes")],
  attrs: { mode: padMode },
  import({ data, pads, constant_value, axes, mode }, b) {
    const amounts = b.numbers(pads, "pads");
    const at = axes && b.numbers(axes, "axes");
    return amounts && !b.failed ? paddedBy(data, amounts, at, constant_value, mode, b) : undefined;
  },
});
export const Pad2 = defineImport("Pad", {
  since: 2,
  inputs: [one("data")],
  attrs: { pads: attr.ints, value: attr.float.default(0), mode: padMode },
  import: ({ data, pads, value, mode }, b) =>
    paddedBy(data, pads, undefined, value === 0 ? undefined : b.scalar(value, data), mode, b),
});
export const Pad1 = defineImport("Pad", {
  since: 1,
  inputs: [one("data")],
  attrs: { paddings: attr.ints, value: attr.float.default(0), mode: padMode },
  import: ({ data, paddings, value, mode }, b) =>
    paddedBy(data, paddings, undefined, value === 0 ? undefined : b.scalar(value, data), mode, b),
});

export const Expand = defineImport("Expand", {
  since: 8,
  inputs: [one("input"), one("shape")],
  import({ input, shape }, b) {
    if (!b.known(shape) && b.graph.inputsOf(shape).length > 0) return void b.need(shape, "shape");
    return expanded(input, shape, b, "shape");
  },
});

export const Tile = defineImport("Tile", {
  since: 6,
  inputs: [one("input"), one("repeats")],
  import({ input, repeats }, b) {
    const given = b.numbers(repeats, "repeats");
    return given && tile(b, input, { repeats: given });
  },
});
export const Tile1 = defineImport("Tile", {
  since: 1,
  inputs: [one("input"), one("tiles"), one("axis")],
  import({ input, tiles, axis }, b) {
    const [n, at] = [b.numbers(tiles, "tiles")?.[0], b.numbers(axis, "axis")?.[0]];
    if (n === undefined || at === undefined) return undefined;
    return tile(b, input, { repeats: input.type.shape.map((_, i) => (i === at ? n : 1)) });
  },
});

export const Range = defineImport("Range", {
  since: 11,
  inputs: [one("start"), one("limit"), one("delta")],
  import({ start, limit, delta }, b) {
    const [from, to, by] = [b.reals(start, "start"), b.reals(limit, "limit"), b.reals(delta, "delta")];
    if (!from || !to || !by) return undefined;
    if (by[0] === 0) return b.fail("onnx/shape", "the step is 0");
    const count = Math.max(0, Math.ceil((to[0]! - from[0]!) / by[0]!));
    if (!b.affords(count)) return undefined;
    return b.vector(
      Array.from({ length: count }, (_, i) => from[0]! + i * by[0]!),
      [count],
      elementOf(start.type),
    );
  },
});

/** Elements above or below a diagonal, the others 0. */
export const Trilu = defineImport("Trilu", {
  since: 14,
  inputs: [one("input"), optional("k")],
  attrs: { upper: attr.bool.default(true) },
  import({ input, k, upper }, b) {
    const at = k ? b.numbers(k, "k")?.[0] : 0;
    if (at === undefined) return undefined;
    const [rows = 0, columns = 0] = input.type.shape.slice(-2);
    if (!b.affords(rows * columns)) return undefined;
    const keep = Array.from({ length: rows * columns }, (_, n) => {
      const diagonal = (n % columns) - Math.floor(n / columns);
      return Number(upper ? diagonal >= at : diagonal <= at);
    });
    return select(b, b.vector(keep, [rows, columns], i1), input, b.scalar(0, input));
  },
});
