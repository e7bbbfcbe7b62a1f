/** @file Pooling: the largest, or the average, of each window. */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { one } from "../../ir/fields.ts";
import { type Fail, Pure } from "../../ir/traits.ts";
import { hasStaticShape, i64, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import * as arith from "../arith/ops.ts";
import { index as linalgIndex } from "../linalg/ops.ts";
import * as math from "../math.ts";
import { arrayOf, doublesOf } from "./data.ts";
import { constantTensor, elementwise, empty, filled, loops, padded, rounded, sumsType } from "./expand.ts";
import {
  AnyTensor,
  channelAxis,
  dtype,
  FloatTensor,
  type Layout,
  layout,
  NumberTensor,
  product,
  range,
  Selects,
  shapeText,
  type TensorValue,
} from "./op.ts";
import { convertScalar, Scalars } from "./scalars.ts";
import {
  activationShape,
  insideRange,
  reach,
  spatialShape,
  toChannelsFirst,
  verifyWindow,
  type Window,
  type Window3,
  window3,
  windowAttrs,
  windowCounts,
} from "./window.ts";

export const poolAttrs = {
  kernel: attr.ints,
  ...windowAttrs,
  /** A last window that is only partly filled counts. */
  ceil_mode: attr.bool.default(false),
  layout,
} as const;

export interface Pool extends Window {
  readonly kernel: readonly number[];
  readonly ceil_mode: boolean;
  readonly layout: Layout;
}

export function poolShape(x: TensorType, pool: Pool): number[] {
  const { shape } = x;
  const counts = windowCounts(spatialShape(shape, pool.layout), pool.kernel, pool, pool.ceil_mode);
  return activationShape(pool.layout, shape[0] ?? 1, shape[channelAxis(pool.layout, shape.length)] ?? 1, counts);
}

export function verifyPool(x: TensorValue, pool: Pool, fail: Fail): void {
  const rank = x.type.shape.length;
  if (rank < 3 || rank > 5) fail(`x must have one to three spatial dimensions, has shape ${shapeText(x.type.shape)}`);
  else if (pool.kernel.length !== rank - 2 || pool.kernel.some((k) => k < 1)) {
    fail(`'kernel' needs ${rank - 2} positive entries`);
  } else verifyWindow(rank - 2, pool, fail);
}

/** What is computed of the elements of one window. `begin` gives the number of its elements in the padded input. */
interface Fold {
  begin(padded: number): void;
  /** An element and its position in the channel's plane. */
  add(value: number, at: number): void;
  end(plane: number): number;
}

/** Slides windows over every plane of a channels-first array. */
function slide(x: NDArray, pool: Pool, fold: Fold): { readonly shape: number[]; readonly values: Float64Array } {
  const [batch = 1, channels = 1, ...spatial] = x.shape;
  const counts = windowCounts(spatial, pool.kernel, pool, pool.ceil_mode);
  const g = window3(spatial, pool.kernel, counts, pool);
  const padded = paddedSizes(spatial, pool);
  const xs = doublesOf(x);
  const plane = product(spatial);
  const values = new Float64Array(batch * channels * product(counts));
  let n = 0;
  for (let p = 0; p < batch * channels; p++) {
    forEachWindow(g, (origin) => {
      fold.begin(windowElements(g, origin, padded));
      visitWindow(g, origin, (at) => fold.add(xs[p * plane + at]!, at));
      values[n++] = fold.end(p);
    });
  }
  return { shape: [batch, channels, ...counts], values };
}

type Three = readonly [number, number, number];

/** Sizes with the padding on both sides, lifted to three dimensions. */
function paddedSizes(spatial: readonly number[], w: Window): Three {
  const n = spatial.length;
  const ends = spatial.map((s, i) => s + (w.pads[n + i] ?? 0));
  return [ends[n - 3] ?? 1, ends[n - 2] ?? 1, ends[n - 1] ?? 1];
}

/** Calls `visit` with the place where each window begins, in coordinates of the input. */
function forEachWindow(g: Window3, visit: (origin: Three) => void): void {
  for (let d = 0; d < g.count[0]; d++) {
    for (let h = 0; h < g.count[1]; h++) {
      for (let w = 0; w < g.count[2]; w++) {
        visit([d * g.stride[0] - g.before[0], h * g.stride[1] - g.before[1], w * g.stride[2] - g.before[2]]);
      }
    }
  }
}

/** How many elements of a window lie in the input or its padding (not beyond, as the last ones of ceil_mode may). */
function windowElements(g: Window3, origin: Three, padded: Three): number {
  let n = 1;
  for (let i = 0; i < 3; i++)
    n *= insideRange(g.kernel[i]!, padded[i]! + g.before[i]!, origin[i]! + g.before[i]!, g.dilation[i]!)[1];
  return n;
}

function visitWindow(g: Window3, [od, oh, ow]: Three, visit: (at: number) => void): void {
  const [fromD, toD] = insideRange(g.kernel[0], g.size[0], od, g.dilation[0]);
  const [fromH, toH] = insideRange(g.kernel[1], g.size[1], oh, g.dilation[1]);
  const [fromW, toW] = insideRange(g.kernel[2], g.size[2], ow, g.dilation[2]);
  for (let d = fromD; d < toD; d++) {
    for (let h = fromH; h < toH; h++) {
      const row = ((od + d * g.dilation[0]) * g.size[1] + oh + h * g.dilation[1]) * g.size[2];
      for (let w = fromW; w < toW; w++) visit(row + ow + w * g.dilation[2]);
    }
  }
}

/** Runs channels-first and brings the result back to the layout. */
export function inLayout(x: NDArray, how: Layout, run: (first: NDArray) => NDArray): NDArray {
  if (how === "channels-first") return run(x);
  const { to, from } = toChannelsFirst(x.rank);
  return run(x.transpose(to)).transpose(from);
}

const NOTHING = Number.NEGATIVE_INFINITY;

export const max_pool = defineOp("graph.max_pool", {
  doc: "The largest element of each window (ONNX MaxPool). Padding never wins.",
  operands: [one("x", NumberTensor)],
  attrs: poolAttrs,
  results: [one("y", NumberTensor)],
  traits: [Pure, Selects],
  infer: ({ x, ...pool }) => [tensor(poolShape(x.type, pool), x.type.element)],
  verify: (view, fail) => verifyPool(view.x, view, fail),
  evaluate: ({ x, kernel, strides, pads, dilations, ceil_mode, layout: how }, run) => {
    const { element } = run.resultType(0) as TensorType;
    const pool = { kernel, strides, pads, dilations, ceil_mode, layout: how };
    return inLayout(x, how, (first) => {
      const { shape, values } = slide(first, pool, largest(lowest(element)));
      return arrayOf(element, shape, values);
    });
  },
  expand(view, b) {
    const { x, y } = view;
    const { element } = x.type;
    if (!hasStaticShape(x.type)) return undefined;
    const start = wide(element) ? -(2n ** 63n) : lowest(element);
    const init = filled(b, y.type, start);
    return [windows(b, x, view, init, start, (inner, v, acc) => new Scalars(inner, element).max(v, acc))];
  },
});

/** The smallest number of a type. */
export function lowest(t: TensorType["element"]): number {
  if (t.kind !== "integer") return NOTHING;
  return t.signedness === "unsigned" || t.width === 1 ? 0 : -(2 ** (t.width - 1));
}

function largest(start: number): Fold {
  let best = start;
  return {
    begin: () => {
      best = start;
    },
    add: (v) => {
      best = Math.max(best, v);
    },
    end: () => best,
  };
}

export const max_pool_indices = defineOp("graph.max_pool_indices", {
  doc:
    "Where the largest element of each window stands (ONNX MaxPool's second output): its position in the flattened x, " +
    "with the spatial dimensions in row-major or column-major order. Of equal elements the first counts.",
  operands: [one("x", NumberTensor)],
  attrs: { ...poolAttrs, column_major: attr.bool.default(false) },
  results: [one("indices", AnyTensor)],
  traits: [Pure],
  infer: ({ x, ...pool }) => [tensor(poolShape(x.type, pool), i64)],
  verify(view, fail) {
    verifyPool(view.x, view, fail);
    if (view.layout !== "channels-first") fail("positions are of channels-first arrays only");
  },
  evaluate: ({ x, column_major, kernel, strides, pads, dilations, ceil_mode, layout: how }) => {
    const spatial = x.shape.slice(2);
    const plane = product(spatial);
    const pool = { kernel, strides, pads, dilations, ceil_mode, layout: how };
    let best = NOTHING;
    let where = 0;
    const { shape, values } = slide(x, pool, {
      begin: () => {
        best = NOTHING;
        where = 0;
      },
      add: (v, at) => {
        if (v > best) {
          best = v;
          where = at;
        }
      },
      end: (p) => p * plane + (column_major ? columnMajor(where, spatial) : where),
    });
    return NDArray.from("i64", shape, Array.from(values, BigInt));
  },
  expand(view, b) {
    const { x, indices, column_major } = view;
    const { element, shape } = x.type;
    if (!hasStaticShape(x.type)) return undefined;
    const rank = shape.length;
    const n = rank - 2;
    const spatial = shape.slice(2);
    const order = column_major ? range(n).reverse() : range(n);
    const start = wide(element) ? -(2n ** 63n) : lowest(element);
    const inits = [filled(b, tensor(indices.type.shape, element), start), filled(b, indices.type, -1)];
    const [, found] = windowLoops(b, x, view, inits, start, (inner, v, [best, place]) => {
      const e = new Scalars(inner, element);
      const p = new Scalars(inner, i64);
      const loop = (d: number): Value => linalgIndex(inner, { dim: d });
      const times = (v: Value, by: number): Value => arith.muli(inner, v, arith.constantIndex(inner, by));
      // Where the element stands in x; in the padding it stands nowhere.
      const at = spatial.map((_, i) =>
        arith.subi(
          inner,
          arith.addi(inner, times(loop(2 + i), view.strides[i]!), times(loop(rank + i), view.dilations[i]!)),
          arith.constantIndex(inner, view.pads[i]!),
        ),
      );
      const inside = at.map((c, i) =>
        arith.cmpi(inner, c, arith.constantIndex(inner, spatial[i]!), { predicate: "ult" }),
      );
      const plane = arith.addi(inner, times(loop(0), shape[1]!), loop(1));
      const flat = order.reduce((acc, i) => arith.addi(inner, times(acc, spatial[i]!), at[i]!), plane);
      const better = arith.ori(inner, p.is("lt", place!, p.num(0)), e.is("gt", v, best!));
      const wins = inside.reduce((acc, c) => arith.andi(inner, acc, c), better);
      return [e.select(wins, v, best!), e.select(wins, arith.index_cast(inner, flat, { types: [i64] }), place!)];
    });
    return [found!];
  },
});

/** A row-major position counted in column-major order. */
export function columnMajor(at: number, shape: readonly number[]): number {
  let rest = at;
  let out = 0;
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i]!;
    out += (rest % size) * product(shape.slice(0, i));
    rest = Math.floor(rest / size);
  }
  return out;
}

export const average_pool = defineOp("graph.average_pool", {
  doc: "The average of each window (ONNX AveragePool); padding counts as zeros, or not at all.",
  operands: [one("x", FloatTensor)],
  attrs: { ...poolAttrs, count_include_pad: attr.bool.default(false) },
  results: [one("y", FloatTensor)],
  traits: [Pure],
  infer: ({ x, ...pool }) => [tensor(poolShape(x.type, pool), x.type.element)],
  verify: (view, fail) => verifyPool(view.x, view, fail),
  evaluate: ({ x, count_include_pad, kernel, strides, pads, dilations, ceil_mode, layout: how }, run) => {
    const { element } = run.resultType(0) as TensorType;
    const pool = { kernel, strides, pads, dilations, ceil_mode, layout: how };
    let sum = 0;
    let count = 0;
    let all = 0;
    return inLayout(x, how, (first) => {
      const { shape, values } = slide(first, pool, {
        begin: (padded) => {
          sum = 0;
          count = 0;
          all = padded;
        },
        add: (v) => {
          sum += v;
          count++;
        },
        end: () => sum / (count_include_pad ? all : count),
      });
      return arrayOf(element, shape, values);
    });
  },
  expand(view, b) {
    const { x, y, count_include_pad } = view;
    const { element } = x.type;
    if (!hasStaticShape(x.type)) return undefined;
    const type = sumsType(y.type);
    const e = (inner: Builder): Scalars => new Scalars(inner, type.element);
    const sums = windows(b, x, view, filled(b, type, 0), 0, (inner, v, acc) =>
      e(inner).accumulate(acc, convertScalar(inner, v, element, type.element)),
    );
    const shares = sharesOf(x.type.shape, view, count_include_pad);
    const table = constantTensor(b, NDArray.from(dtype(type.element), shares.shape, shares.values), type.element);
    const result = elementwise(b, type, [sums, table], (inner, s, share) => e(inner).mul(s!, share!));
    return [rounded(b, result, element)];
  },
});

export const lp_pool = defineOp("graph.lp_pool", {
  doc: "The p-norm of each window (ONNX LpPool).",
  operands: [one("x", FloatTensor)],
  attrs: { ...poolAttrs, p: attr.int.default(2) },
  results: [one("y", FloatTensor)],
  traits: [Pure],
  infer: ({ x, ...pool }) => [tensor(poolShape(x.type, pool), x.type.element)],
  verify: (view, fail) => verifyPool(view.x, view, fail),
  evaluate: ({ x, p, kernel, strides, pads, dilations, ceil_mode, layout: how }, run) => {
    const { element } = run.resultType(0) as TensorType;
    const pool = { kernel, strides, pads, dilations, ceil_mode, layout: how };
    let sum = 0;
    return inLayout(x, how, (first) => {
      const { shape, values } = slide(first, pool, {
        begin: () => {
          sum = 0;
        },
        add: (v) => {
          sum += Math.abs(v) ** p;
        },
        end: () => sum ** (1 / p),
      });
      return arrayOf(element, shape, values);
    });
  },
  expand(view, b) {
    const { x, y, p } = view;
    const { element } = x.type;
    if (!hasStaticShape(x.type)) return undefined;
    const type = sumsType(y.type);
    const sums = windows(b, x, view, filled(b, type, 0), 0, (inner, v, acc) => {
      const e = new Scalars(inner, type.element);
      const size = e.abs(convertScalar(inner, v, element, type.element));
      return e.accumulate(acc, p === 1 ? size : p === 2 ? e.mul(size, size) : math.powf(inner, size, e.num(p)));
    });
    const result = elementwise(b, type, [sums], (inner, s) =>
      p === 2 ? math.sqrt(inner, s!) : math.powf(inner, s!, new Scalars(inner, type.element).num(1 / p)),
    );
    return [rounded(b, result, element)];
  },
});

// --- in lower words -----------------------------------------------------------------------------------------------

const wide = (t: Type): boolean => t.kind === "integer" && t.width > 32 && t.signedness !== "unsigned";

/** How much must be added behind so that the last window is whole. */
function endPadding(spatial: readonly number[], counts: readonly number[], pool: Pool): number[] {
  const n = spatial.length;
  return spatial.map((size, i) => {
    const end = (counts[i]! - 1) * pool.strides[i]! + reach(pool.kernel[i]!, pool.dilations[i]!);
    return Math.max(0, pool.pads[n + i]!, end - size - pool.pads[i]!);
  });
}

/** Folds every window of x, padded with `filler`, into the elements of `init`: loops over the result, then the window. */
const windows = (
  b: Builder,
  x: TensorValue,
  pool: Pool,
  init: TensorValue,
  filler: number | bigint,
  body: (inner: Builder, v: Value, acc: Value) => Value,
): TensorValue => windowLoops(b, x, pool, [init], filler, (inner, v, [acc]) => [body(inner, v, acc!)])[0]!;

function windowLoops(
  b: Builder,
  x: TensorValue,
  pool: Pool,
  inits: readonly TensorValue[],
  filler: number | bigint,
  body: (inner: Builder, v: Value, accs: readonly Value[]) => readonly Value[],
): readonly TensorValue[] {
  const how = pool.layout;
  const spatial = spatialShape(x.type.shape, how);
  const counts = spatialShape(inits[0]!.type.shape, how);
  const low = activationShape(how, 0, 0, pool.pads.slice(0, spatial.length));
  const high = activationShape(how, 0, 0, endPadding(spatial, counts, pool));
  const names = spatial.map((_, i) => `s${i}`).join(" ");
  const window = spatial.map((_, i) => `k${i}`).join(" ");
  const place = spatial.map((_, i) => `s${i} * ${pool.strides[i]} + k${i} * ${pool.dilations[i]}`).join(", ");
  const list = (text: string): string => text.replace(/ /g, ", ");
  const first = how === "channels-first";
  const order = first ? `n c ${names}` : `n ${names} c`;
  // The window has no operand that says how long its loops run.
  const extent = empty(b, tensor(pool.kernel, x.type.element));
  return loops(b, {
    loops: `${order} : ${window}`,
    inputs: [
      [padded(b, x, low, high, filler), first ? `n, c, ${place}` : `n, ${place}, c`],
      [extent, list(window)],
    ],
    outputs: inits.map((v) => [v, list(order)] as const),
    body: (inner, v, _, ...accs) => body(inner, v!, accs),
  });
}

/** One over the number of elements that each average is of: one number, or one for each place. */
function sharesOf(
  shape: readonly number[],
  pool: Pool,
  includePad: boolean,
): { readonly shape: number[]; readonly values: number[] } {
  const spatial = spatialShape(shape, pool.layout);
  const n = spatial.length;
  const counts = windowCounts(spatial, pool.kernel, pool, pool.ceil_mode);
  const perDim = spatial.map((size, i) =>
    range(counts[i]!).map((at) => {
      const from = at * pool.strides[i]! - pool.pads[i]!;
      const inside = (k: number): boolean => {
        const place = from + k * pool.dilations[i]!;
        return includePad ? place < size + pool.pads[n + i]! : place >= 0 && place < size;
      };
      return range(pool.kernel[i]!).filter(inside).length;
    }),
  );
  const whole = product(pool.kernel);
  if (perDim.every((list, i) => list.every((c) => c === pool.kernel[i]))) return { shape: [], values: [1 / whole] };
  const values = perDim.reduce<number[]>((out, list) => out.flatMap((v) => list.map((c) => v * c)), [1]);
  const places = pool.layout === "channels-first" ? counts : [...counts, 1];
  return { shape: places, values: values.map((v) => 1 / v) };
}
