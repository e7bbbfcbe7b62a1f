/** @file Samples of images at points. */

import { constant } from "../../ir/affine.ts";
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { one } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { f32, f64, hasStaticShape, i32, index, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { rowMajor } from "../../support/ndarray.ts";
import { roundEven } from "../../support/special.ts";
import * as arith from "../arith/ops.ts";
import { index as linalgIndex } from "../linalg/ops.ts";
import * as math from "../math.ts";
import * as tensors from "../tensor/ops.ts";
import { arrayOf, doublesOf } from "./data.ts";
import { affineMap, dim, empty, identityMap, loops } from "./expand.ts";
import { AnyTensor, FloatTensor, isFloat, product, range, shapeText } from "./op.ts";
import { convertScalar, plain, Scalars, sumType } from "./scalars.ts";

type Mode = "nearest" | "linear" | "cubic";
type Padding = "zeros" | "border" | "reflection";

export const grid_sample = defineOp("graph.grid_sample", {
  doc:
    "Images sampled at the points of a grid (ONNX GridSample): x [N, C, D…], grid [N, O…, k] with coordinates from -1 to 1, " +
    "the last dimension's first; the result is [N, C, O…].",
  operands: [one("x", AnyTensor), one("grid", FloatTensor)],
  attrs: {
    mode: attr.oneOf("nearest", "linear", "cubic").default("linear"),
    padding: attr.oneOf("zeros", "border", "reflection").default("zeros"),
    align_corners: attr.bool.default(false),
  },
  results: [one("y", AnyTensor)],
  traits: [Pure],
  infer: ({ x, grid }) => [tensor([...x.type.shape.slice(0, 2), ...grid.type.shape.slice(1, -1)], x.type.element)],
  verify({ x, grid }, fail) {
    const [a, g] = [x.type.shape, grid.type.shape];
    if (a.length < 3 || g.length !== a.length || g[g.length - 1] !== a.length - 2 || g[0] !== a[0]) {
      fail(`a grid of ${shapeText(g)} does not fit images of ${shapeText(a)}`);
    }
  },
  evaluate: ({ x, grid, mode, padding, align_corners }, run) => {
    const { element } = run.resultType(0) as TensorType;
    const [batch = 1, channels = 1, ...sizes] = x.shape;
    const strides = rowMajor(sizes);
    const [plane, points, k] = [product(sizes), product(grid.shape.slice(1, -1)), sizes.length];
    const [xs, gs] = [doublesOf(x), doublesOf(grid)];
    const out = new Float64Array(batch * channels * points);
    for (let n = 0; n < batch; n++) {
      for (let p = 0; p < points; p++) {
        const taps = sizes.map((size, d) =>
          tapsAt(gs[(n * points + p) * k + k - 1 - d]!, size, mode, padding, align_corners),
        );
        for (let c = 0; c < channels; c++) {
          const at = (n * channels + c) * plane;
          const sum = (d: number, from: number): number =>
            d === k
              ? xs[from]!
              : taps[d]!.reduce((total, [i, w]) => (i < 0 ? total : total + w * sum(d + 1, from + i * strides[d]!)), 0);
          out[(n * channels + c) * points + p] = sum(0, at);
        }
      }
    }
    const shape = [batch, channels, ...grid.shape.slice(1, -1)];
    return arrayOf(element, shape, out);
  },
  expand({ x, grid, mode, padding, align_corners, y }, b) {
    if (![x, grid].every((v) => hasStaticShape(v.type))) return undefined;
    const { element } = x.type;
    const sizes = x.type.shape.slice(2);
    const [rank, k] = [y.type.shape.length, sizes.length];
    const coordinates = grid.type.element === f64 ? f64 : f32;
    const sums = mode === "nearest" ? element : isFloat(element) ? sumType(element) : f32;
    const points = [dim(0), ...range(k, 2).map(dim)];
    const [sampled] = loops(b, {
      iterators: range(rank).map(() => "parallel" as const),
      inputs: sizes.map((_, d) => [grid, affineMap(rank, 0, [...points, constant(k - 1 - d)])] as const),
      outputs: [[empty(b, y.type), identityMap(rank)]],
      body(inner, ...args) {
        const e = new Scalars(inner, sums);
        const taps = sizes.map((size, d) => {
          const at = convertScalar(inner, args[d]!, grid.type.element, coordinates);
          return new Coordinate(inner, coordinates, size, padding, align_corners).taps(at, mode);
        });
        const outer = [0, 1].map((d) => linalgIndex(inner, { dim: d }));
        const sum = (at: readonly Value[]): Value => {
          const d = at.length;
          if (d === k) {
            const v = plain(inner, tensors.extract(inner, x, [...outer, ...at]));
            return convertScalar(inner, v, element, sums);
          }
          return taps[d]!.reduce<Value | undefined>((total, { place, weight, inside }) => {
            const part = sum([...at, place]);
            const term = weight ? e.mul(convertScalar(inner, weight, coordinates, sums), part) : part;
            const kept = inside ? e.select(inside, term, e.num(0)) : term;
            return total ? e.add(total, kept) : kept;
          }, undefined)!;
        };
        return convertScalar(inner, sum([]), sums, element);
      },
    });
    return [sampled!];
  },
});

/** A place along one dimension that is known at run time. */
interface Tap {
  /** An index within the dimension. */
  readonly place: Value;
  /** No weight is 1. */
  readonly weight?: Value;
  /** Where it is false the tap counts as 0. */
  readonly inside?: Value;
}

/** `tapsAt`, as scalar code. */
class Coordinate {
  readonly #b: Builder;
  readonly #e: Scalars;
  readonly #size: number;
  readonly #padding: Padding;
  readonly #align: boolean;

  constructor(b: Builder, type: Type, size: number, padding: Padding, align: boolean) {
    this.#b = b;
    this.#e = new Scalars(b, type);
    this.#size = size;
    this.#padding = padding;
    this.#align = align;
  }

  get #low(): number {
    return this.#align ? 0 : -0.5;
  }
  get #high(): number {
    return this.#size - (this.#align ? 1 : 0.5);
  }

  taps(coordinate: Value, mode: Mode): Tap[] {
    const [e, b] = [this.#e, this.#b];
    const one = e.add(coordinate, e.num(1));
    const size = this.#size;
    let at = this.#align
      ? e.mul(e.div(one, e.num(2)), e.num(size - 1))
      : e.div(e.sub(e.mul(one, e.num(size)), e.num(1)), e.num(2));
    if (mode === "nearest") at = math.roundeven(b, at);
    if (this.#padding !== "zeros") {
      const away = this.#padding === "border" ? this.#clamped(at) : this.#reflected(at);
      const inside = arith.andi(b, e.is("ge", at, e.num(this.#low)), e.is("le", at, e.num(this.#high)));
      at = e.select(inside, at, away);
    }
    if (mode === "nearest") return [this.#tap(math.roundeven(b, at))];
    const floor = math.floor(b, at);
    const t = e.sub(at, floor);
    if (mode === "linear") {
      return [this.#tap(floor, e.sub(e.num(1), t)), this.#tap(e.add(floor, e.num(1)), t)];
    }
    return [-1, 0, 1, 2].map((i) => {
      const distance = e.abs(e.sub(t, e.num(i)));
      return this.#tap(e.add(floor, e.num(i)), i === 0 || i === 1 ? this.#near(distance) : this.#far(distance));
    });
  }

  /** The tap at a whole number, wherever it is. */
  #tap(i: Value, weight?: Value): Tap {
    const [e, b] = [this.#e, this.#b];
    const inside = arith.andi(b, e.is("ge", i, e.num(0)), e.is("lt", i, e.num(this.#size)));
    const moved = this.#padding === "reflection" ? e.select(inside, i, this.#rounded(this.#reflected(i))) : i;
    const whole = arith.fptosi(b, this.#clamped(moved), { types: [i32] });
    const place = arith.index_cast(b, whole, { types: [index] });
    return { place, ...(weight && { weight }), ...(this.#padding === "zeros" && { inside }) };
  }

  #clamped(v: Value): Value {
    const e = this.#e;
    return e.min(e.max(v, e.num(0)), e.num(this.#size - 1));
  }

  /** To the nearest whole number, upwards at a tie. */
  #rounded(v: Value): Value {
    return math.floor(this.#b, this.#e.add(v, this.#e.num(0.5)));
  }

  #reflected(v: Value): Value {
    const e = this.#e;
    const length = this.#high - this.#low;
    if (length <= 0) return e.num(this.#low);
    const distance = e.abs(e.sub(v, e.num(this.#low)));
    const turn = e.num(2 * length);
    const away = e.sub(distance, e.mul(math.floor(this.#b, e.div(distance, turn)), turn));
    const back = e.select(e.is("gt", away, e.num(length)), e.sub(turn, away), away);
    return e.add(back, e.num(this.#low));
  }

  /** `keys` for distances up to 1. */
  #near(d: Value): Value {
    const e = this.#e;
    return e.add(e.mul(e.mul(e.sub(e.mul(d, e.num(1.25)), e.num(2.25)), d), d), e.num(1));
  }

  /** `keys` for distances from 1 to 2. */
  #far(d: Value): Value {
    const e = this.#e;
    const inner = e.sub(e.mul(e.add(e.mul(d, e.num(-0.75)), e.num(3.75)), d), e.num(6));
    return e.add(e.mul(inner, d), e.num(3));
  }
}

/** Places and weights along one dimension; -1 is a place outside, which counts as 0. */
function tapsAt(
  coordinate: number,
  size: number,
  mode: Mode,
  padding: Padding,
  align: boolean,
): readonly (readonly [number, number])[] {
  const [low, high] = align ? [0, size - 1] : [-0.5, size - 0.5];
  const place = (i: number): number => {
    if (i >= 0 && i < size) return i;
    if (padding === "zeros") return -1;
    const inside = padding === "border" ? i : Math.round(reflected(i, low, high));
    return Math.min(Math.max(inside, 0), size - 1);
  };
  let at = align ? ((coordinate + 1) / 2) * (size - 1) : ((coordinate + 1) * size - 1) / 2;
  if (mode === "nearest") at = roundEven(at);
  if (at < low || at > high) {
    if (padding === "border") at = Math.min(Math.max(at, 0), size - 1);
    else if (padding === "reflection") at = reflected(at, low, high);
  }
  const floor = Math.floor(at);
  const t = at - floor;
  if (mode === "nearest") return [[place(roundEven(at)), 1]];
  if (mode === "linear") {
    return [
      [place(floor), 1 - t],
      [place(floor + 1), t],
    ];
  }
  return [-1, 0, 1, 2].map((i) => [place(floor + i), keys(Math.abs(t - i))] as const);
}

/** A coordinate mirrored at both ends until it lies between them. */
function reflected(v: number, low: number, high: number): number {
  const length = high - low;
  if (length <= 0) return low;
  const away = Math.abs(v - low) % (2 * length);
  return low + (away > length ? 2 * length - away : away);
}

/** Keys' cubic convolution kernel with a = -0.75. */
function keys(d: number): number {
  if (d <= 1) return (1.25 * d - 2.25) * d * d + 1;
  return d < 2 ? ((-0.75 * d + 3.75) * d - 6) * d + 3 : 0;
}
