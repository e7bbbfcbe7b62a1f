/**
 * @file Convolutions with windows of 3×3 by Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks", arXiv:1509.09308): tiles of m×m results cost (m + 2)² products a channel pair instead
 * of 9 m². Input tiles are transformed, the (m + 2)² matrices multiplied, and the products transformed back.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as conv from "../../dialects/graph/conv.ts";
import { empty, filled, padded, reshaped } from "../../dialects/graph/expand.ts";
import type { TensorValue } from "../../dialects/graph/op.ts";
import { conv_integer } from "../../dialects/graph/quant.ts";
import { Scalars } from "../../dialects/graph/scalars.ts";
import { type Access, genericOf } from "../../dialects/linalg/builders.ts";
import * as tensors from "../../dialects/tensor/index.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import { Block, type Value } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import { f32, hasStaticShape, i8, i16, i32, type Type, tensor } from "../../ir/types.ts";
import { allows, defineInexact } from "../../rewrite/numerics.ts";
import { definePass } from "../../rewrite/pass.ts";
import { knownOf } from "./constants.ts";
import { type Algorithm, chosen, f23, f43, type Sizes } from "./winograd/algorithm.ts";
import { type Field, type Matrix, transform2 } from "./winograd/transform.ts";
import { divisionBy, fits, rangeOf, type WholeAlgorithm, whole23, whole43 } from "./winograd/whole.ts";

export const minimalFiltering = defineInexact({
  name: "3×3 convolutions by Winograd's F(4,3) and F(2,3)",
  from: "default",
  bound: "2.4e-5 absolute for inputs in [-1, 1] and weights scaled by 1 / √(9 C), to 512 channels",
});

/** Columns of a panel of the filters, as linalg-pack has them. */
const panel = 8;
/** Integers that machines multiply and add up together. */
const pair = 2;
const wholes = [whole43, whole23];

export const winograd = definePass("graph-winograd", {
  doc:
    "Says 3×3 convolutions of stride 1 by Winograd's minimal filtering, F(4,3) or F(2,3), where that takes less time: operations are weighed " +
    "against bytes of the filters. The filters' transform depends on constants only, so it runs once, at load. Floats not under `strict`; " +
    "integers that are multiplied in pairs give the same bits, and are done so where nothing leaves its bits.",
  on: func.func,
  options: { "operations-per-byte": attr.int.default(2) },
  run(fn, { "operations-per-byte": perByte }, pass) {
    const found: { readonly view: Convolution; readonly algorithm: Algorithm; readonly numbers: Numbers }[] = [];
    fn.walk((op) => {
      const floats = conv.conv.match(op);
      const algorithm = floats && suitable(floats, perByte);
      if (floats && algorithm && allows(op, minimalFiltering))
        found.push({ view: floats, algorithm, numbers: singles });
      const integers = conv_integer.match(op);
      const whole = integers && suitableWhole(integers, perByte);
      if (integers && whole) found.push({ view: integers, algorithm: whole, numbers: pairsOf(whole) });
    });
    const bodies = new Map<Algorithm, Bodies>();
    for (const { view, algorithm, numbers } of found) {
      const b = Builder.before(view.op);
      const its = bodies.get(algorithm) ?? new Bodies(algorithm, numbers);
      bodies.set(algorithm, its);
      view.y.replaceAllUsesWith(filtered(b, view, algorithm, its));
      view.op.erase();
      pass.count(`F(${algorithm.m},3)`);
    }
    return found.length > 0;
  },
});

type Convolution = ReturnType<typeof conv.conv.of> | ReturnType<typeof conv_integer.of>;

/** The sizes of a convolution with windows of 3×3 and panels of columns that are full; undefined of others. */
function sizesOf({ x, w, y, layout, group, strides, dilations }: Convolution): Omit<Sizes, "bytes"> | undefined {
  const weights = w.type.shape;
  if (layout !== "channels-last" || group !== 1 || !knownOf(w)) return undefined;
  if (![x, y].every((v) => hasStaticShape(v.type)) || x.type.shape.length !== 4) return undefined;
  if (weights[0] !== 3 || weights[1] !== 3 || [...strides, ...dilations].some((s) => s !== 1)) return undefined;
  const [batch = 1, height = 1, width = 1, out = 1] = y.type.shape as readonly number[];
  return out % panel === 0 ? { batch, height, width, channels: weights[2]!, out } : undefined;
}

function suitable(view: ReturnType<typeof conv.conv.of>, perByte: number): Algorithm | undefined {
  const sizes = view.x.type.element === f32 ? sizesOf(view) : undefined;
  return sizes && chosen({ ...sizes, bytes: { direct: 4, filtered: 4 } }, perByte, [f43, f23]);
}

/** The same for integers that machines multiply in pairs. */
function suitableWhole(view: ReturnType<typeof conv_integer.of>, perByte: number): WholeAlgorithm | undefined {
  const sizes = view.x.type.element === i16 && !view.x_zero && !view.w_zero ? sizesOf(view) : undefined;
  const { element } = view.w.type;
  const range = sizes && (element === i8 || element === i16) ? rangeOf(view.x) : undefined;
  if (!sizes || !range || sizes.channels % pair !== 0) return undefined;
  const given = { ...sizes, bytes: { direct: byteWidth(element), filtered: byteWidth(i16) } };
  const able = wholes.filter((a) => chosen(given, perByte, [a]));
  if (able.length === 0) return undefined;
  const w = knownOf(view.w)!.array();
  return chosen(
    given,
    perByte,
    able.filter((a) => fits(a, range, w)),
  );
}

/** The convolution in transforms and one batched product. */
function filtered(b: Builder, { x, w, bias, y, pads }: Convolution, algorithm: Algorithm, bodies: Bodies): TensorValue {
  const [batch, height, width, out] = y.type.shape as readonly [number, number, number, number];
  const channels = w.type.shape[2]!;
  const { m } = algorithm;
  const [rows, columns] = [Math.ceil(height / m), Math.ceil(width / m)];
  const [top = 0, left = 0, bottom = 0, right = 0] = pads;
  // Tiles at the lower and right border may reach beyond the image.
  const low = [0, top, left, 0];
  const high = [0, bottom + rows * m - height, right + columns * m - width, 0];
  const tiles = inputTiles(b, padded(b, x, low, high, 0), [batch, rows, columns, channels], algorithm, bodies);
  const products = multiplied(b, tiles, filterTiles(b, w, algorithm, bodies), out, bodies);
  const split = reshaped(b, products, [algorithm.points, batch, rows, columns, out]);
  const whole = outputTiles(b, split, bias, algorithm, bodies);
  if (rows * m === height && columns * m === width) return whole;
  return tensors.extract_slice(b, whole, [], [], [], {
    static_offsets: [0, 0, 0, 0],
    static_sizes: y.type.shape,
    static_strides: [1, 1, 1, 1],
  }) as TensorValue;
}

/** Results of one op next to each other: result i where `offsets(i)` says. */
function gathered(
  b: Builder,
  parts: readonly Value[],
  into: TensorValue,
  offsets: (i: number) => readonly number[],
): TensorValue {
  return parts.reduce<TensorValue>((whole, part, i) => {
    const at = offsets(i);
    return tensors.insert_slice(b, part, whole, [], [], [], {
      static_offsets: at,
      static_sizes: (part as TensorValue).type.shape,
      static_strides: at.map(() => 1),
    }) as TensorValue;
  }, into);
}

/** What transforms compute with, and what they keep. */
interface Numbers {
  /** Elements of tiles and filters, in memory. */
  readonly kept: Type;
  /** Elements of sums. */
  readonly sums: Type;
  /** So many neighbours of a column of the filters lie together. */
  readonly group: number;
  readonly widened: (b: Builder, v: Value) => Value;
  readonly narrowed: (b: Builder, v: Value) => Value;
  /** Results of the last transform as those of the convolution. */
  readonly finished: (b: Builder, v: Value) => Value;
}

const same = (_b: Builder, v: Value): Value => v;
const singles: Numbers = { kept: f32, sums: f32, group: 1, widened: same, narrowed: same, finished: same };

const pairsOf = ({ factor }: WholeAlgorithm): Numbers => ({
  kept: i16,
  sums: i32,
  group: pair,
  widened: (b, v) => (v.type === i32 ? v : arith.extsi(b, v, { types: [i32] })),
  narrowed: (b, v) => arith.trunci(b, v, { types: [i16] }),
  finished(b, v) {
    const e = new Scalars(b, i32);
    const { inverse, shift } = divisionBy(factor);
    return arith.shrsi(b, inverse === 1 ? v : e.mul(v, e.num(inverse)), e.num(shift));
  },
});

/** Arithmetic in the body of an op. */
function field(b: Builder, type: Type): Field {
  const e = new Scalars(b, type);
  const factors = new Map<number, Value>();
  const num = (n: number): Value => {
    const known = factors.get(n) ?? e.num(n);
    factors.set(n, known);
    return known;
  };
  const doublings = (by: number): number => (type === i32 && by > 1 ? Math.log2(by) : 0);
  const scale = (p: Value, by: number): Value => {
    const n = doublings(by);
    return n > 0 && Number.isInteger(n) ? arith.shli(b, p, num(n)) : e.mul(p, num(by));
  };
  return { add: (p, q) => e.add(p, q), sub: (p, q) => e.sub(p, q), scale };
}

/**
 * The body of a transform, which is the same for every convolution of a model: written once, then copied. Its results for
 * `elements`.
 */
class Body {
  readonly #fill: (b: Builder, elements: readonly Value[]) => readonly Value[];
  #made: { readonly body: Block; readonly results: readonly Value[] } | undefined;

  constructor(fill: (b: Builder, elements: readonly Value[]) => readonly Value[]) {
    this.#fill = fill;
  }

  at(b: Builder, elements: readonly Value[]): readonly Value[] {
    if (!this.#made) {
      const body = new Block(elements.map((v) => v.type));
      this.#made = { body, results: this.#fill(b.inside(body), body.args) };
    }
    const { body, results } = this.#made;
    const map = new Map<Value, Value>(body.args.map((a, i) => [a, elements[i]!]));
    for (const op of body) b.insert(op.clone(map)).loc = b.loc;
    return results.map((v) => map.get(v)!);
  }
}

/** The bodies of an algorithm. */
class Bodies {
  readonly numbers: Numbers;
  readonly input: Body;
  readonly filter: Body;
  readonly output: Body;
  /** The same, with a bias behind the elements. */
  readonly outputAndBias: Body;

  constructor({ points, input, filter, output }: Algorithm, numbers: Numbers) {
    this.numbers = numbers;
    const { sums, widened, narrowed, finished } = numbers;
    const forth = (b: Builder, matrix: Matrix, x: readonly Value[]): readonly Value[] => {
      const wide = x.map((v) => widened(b, v));
      return transform2(field(b, sums), matrix, wide).map((v) => narrowed(b, v));
    };
    const back = (b: Builder, f: Field, p: readonly Value[]): readonly Value[] =>
      transform2(f, output, p.slice(0, points)).map((v) => finished(b, v));
    this.input = new Body((b, d) => forth(b, input, d));
    this.filter = new Body((b, g) => forth(b, filter, g));
    this.output = new Body((b, p) => back(b, field(b, sums), p));
    this.outputAndBias = new Body((b, p) => {
      const f = field(b, sums);
      return back(b, f, p).map((v) => f.add(v, p[points]!));
    });
  }
}

const grid = (n: number): (readonly [number, number])[] =>
  Array.from({ length: n * n }, (_, k) => [Math.floor(k / n), k % n] as const);

/** [points, batch · rows · columns, channels]: Bᵀ d B for each tile d of (m + 2)² pixels. */
function inputTiles(
  b: Builder,
  x: TensorValue,
  [batch, rows, columns, channels]: readonly [number, number, number, number],
  { m, points }: Algorithm,
  bodies: Bodies,
): TensorValue {
  const size = m + 2;
  const { kept } = bodies.numbers;
  const shape = [1, batch, rows, columns, channels];
  const parts = genericOf(b, {
    loops: "n y x c",
    inputs: grid(size).map(([i, j]): Access => [x, `n, y * ${m} + ${i}, x * ${m} + ${j}, c`]),
    outputs: grid(size).map((): Access => [empty(b, tensor(shape, kept)), "0, n, y, x, c"]),
    body: (inner, ...d) => bodies.input.at(inner, d.slice(0, points)),
  });
  const all = gathered(b, parts, empty(b, tensor([points, ...shape.slice(1)], kept)), (k) => [k, 0, 0, 0, 0]);
  return reshaped(b, all, [points, batch * rows * columns, channels]);
}

/** [points, out / 8, channels / group, 8 · group]: G g Gᵀ in panels of 8 columns, as linalg-pack lays out weights. */
function filterTiles(b: Builder, w: TensorValue, { points }: Algorithm, bodies: Bodies): TensorValue {
  const [, , channels, out] = w.type.shape as readonly [number, number, number, number];
  const { kept, group } = bodies.numbers;
  const [loops, c, place] = group === 1 ? ["p c o", "c", "p, c, o"] : ["p c o e", `c * ${group} + e`, "p, c, o, e"];
  const shape = [1, out / panel, channels / group, panel, ...(group === 1 ? [] : [group])];
  const parts = genericOf(b, {
    loops,
    inputs: grid(3).map(([i, j]): Access => [w, `${i}, ${j}, ${c}, p * ${panel} + o`]),
    outputs: Array.from({ length: points }, (): Access => [empty(b, tensor(shape, kept)), `0, ${place}`]),
    body: (inner, ...g) => bodies.filter.at(inner, g.slice(0, 9)),
  });
  const into = empty(b, tensor([points, ...shape.slice(1)], kept));
  const all = gathered(b, parts, into, (k) => [k, ...shape.slice(1).fill(0)]);
  return group === 1 ? all : reshaped(b, all, [points, out / panel, channels / group, panel * group]);
}

/** One product of matrices per point of the tiles. */
function multiplied(b: Builder, tiles: TensorValue, filters: TensorValue, out: number, bodies: Bodies): TensorValue {
  const [points, count] = tiles.type.shape as readonly [number, number, number];
  const { sums, group, widened } = bodies.numbers;
  const place = group === 1 ? `c, o mod ${panel}` : `c floordiv ${group}, (o mod ${panel}) * ${group} + c mod ${group}`;
  return genericOf(b, {
    loops: "t p o : c",
    inputs: [
      [tiles, "t, p, c"],
      [filters, `t, o floordiv ${panel}, ${place}`],
    ],
    outputs: [[filled(b, tensor([points, count, out], sums), 0), "t, p, o"]],
    body: (inner, v, u, sum) => new Scalars(inner, sums).multiplyAdd(sum!, widened(inner, v!), widened(inner, u!)),
  })[0] as TensorValue;
}

/** [batch, rows · m, columns · m, out]: Aᵀ p A for each tile of products, plus the bias. */
function outputTiles(
  b: Builder,
  products: TensorValue,
  bias: TensorValue | undefined,
  { m, points }: Algorithm,
  bodies: Bodies,
): TensorValue {
  const [, batch, rows, columns, out] = products.type.shape as readonly [number, number, number, number, number];
  const { sums } = bodies.numbers;
  const reads = Array.from({ length: points }, (_, k): Access => [products, `${k}, n, y, x, o`]);
  const parts = genericOf(b, {
    loops: "n y x o",
    inputs: bias ? [...reads, [bias, "o"]] : reads,
    outputs: grid(m).map((): Access => [empty(b, tensor([batch, rows, 1, columns, 1, out], sums)), "n, y, 0, x, 0, o"]),
    body: (inner, ...p) =>
      bias ? bodies.outputAndBias.at(inner, p.slice(0, points + 1)) : bodies.output.at(inner, p.slice(0, points)),
  });
  const all = gathered(b, parts, empty(b, tensor([batch, rows, m, columns, m, out], sums)), (k) => [
    0,
    0,
    Math.floor(k / m),
    0,
    k % m,
    0,
  ]);
  return reshaped(b, all, [batch, rows * m, columns * m, out]);
}
