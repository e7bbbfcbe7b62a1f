/**
 * @file Convolutions with windows of 3×3 by Winograd's minimal filtering (Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks", arXiv:1509.09308): tiles of m×m results cost (m + 2)² products a channel pair instead
 * of 9 m². Input tiles are transformed, the (m + 2)² matrices multiplied, and the products transformed back.
 */
import * as func from "../../dialects/func.ts";
import * as conv from "../../dialects/graph/conv.ts";
import { empty, filled, padded, reshaped } from "../../dialects/graph/expand.ts";
import type { TensorValue } from "../../dialects/graph/op.ts";
import { Scalars } from "../../dialects/graph/scalars.ts";
import { type Access, genericOf } from "../../dialects/linalg/builders.ts";
import * as tensors from "../../dialects/tensor/index.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import { Block, type Value } from "../../ir/core.ts";
import { f32, hasStaticShape, tensor } from "../../ir/types.ts";
import { allows, defineInexact } from "../../rewrite/numerics.ts";
import { definePass } from "../../rewrite/pass.ts";
import { knownOf } from "./constants.ts";
import { type Algorithm, chosen } from "./winograd/algorithm.ts";
import { type Field, transform2 } from "./winograd/transform.ts";

export const minimalFiltering = defineInexact({
  name: "3×3 convolutions by Winograd's F(4,3) and F(2,3)",
  from: "default",
  bound: "2.4e-5 absolute for inputs in [-1, 1] and weights scaled by 1 / √(9 C), to 512 channels",
});

/** Columns of a panel of the filters, as linalg-pack has them. */
const panel = 8;

export const winograd = definePass("graph-winograd", {
  doc:
    "Says 3×3 convolutions of stride 1 by Winograd's minimal filtering, F(4,3) or F(2,3), where that takes less time: operations are weighed " +
    "against bytes of the filters. The filters' transform depends on constants only, so it runs once, at load. Not under `strict`.",
  on: func.func,
  options: { "operations-per-byte": attr.int.default(2) },
  run(fn, { "operations-per-byte": perByte }, pass) {
    const found: { readonly view: ReturnType<typeof conv.conv.of>; readonly algorithm: Algorithm }[] = [];
    fn.walk((op) => {
      const view = conv.conv.match(op);
      const algorithm = view && suitable(view, perByte);
      if (view && algorithm && allows(op, minimalFiltering)) found.push({ view, algorithm });
    });
    const bodies = new Map<Algorithm, Bodies>();
    for (const { view, algorithm } of found) {
      const b = Builder.before(view.op);
      const its = bodies.get(algorithm) ?? new Bodies(algorithm);
      bodies.set(algorithm, its);
      view.y.replaceAllUsesWith(filtered(b, view, algorithm, its));
      view.op.erase();
      pass.count(`F(${algorithm.m},3)`);
    }
    return found.length > 0;
  },
});

type Convolution = ReturnType<typeof conv.conv.of>;

function suitable({ x, w, y, layout, group, strides, dilations }: Convolution, perByte: number): Algorithm | undefined {
  const weights = w.type.shape;
  if (layout !== "channels-last" || group !== 1 || x.type.element !== f32 || !knownOf(w)) return undefined;
  if (![x, y].every((v) => hasStaticShape(v.type)) || x.type.shape.length !== 4) return undefined;
  if (weights[0] !== 3 || weights[1] !== 3 || [...strides, ...dilations].some((s) => s !== 1)) return undefined;
  const [batch = 1, height = 1, width = 1, out = 1] = y.type.shape as readonly number[];
  return out % panel === 0 ? chosen({ batch, height, width, channels: weights[2]!, out }, perByte) : undefined;
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
  const products = multiplied(b, tiles, filterTiles(b, w, algorithm, bodies), out);
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

/** Arithmetic of f32 in the body of an op. */
function field(b: Builder): Field {
  const e = new Scalars(b, f32);
  const factors = new Map<number, Value>();
  const num = (n: number): Value => {
    const known = factors.get(n) ?? e.num(n);
    factors.set(n, known);
    return known;
  };
  return { add: (p, q) => e.add(p, q), sub: (p, q) => e.sub(p, q), scale: (p, by) => e.mul(p, num(by)) };
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
  readonly input: Body;
  readonly filter: Body;
  readonly output: Body;
  /** The same, with a bias behind the elements. */
  readonly outputAndBias: Body;

  constructor({ points, input, filter, output }: Algorithm) {
    const back = (f: Field, p: readonly Value[]): readonly Value[] => transform2(f, output, p.slice(0, points));
    this.input = new Body((b, d) => transform2(field(b), input, d));
    this.filter = new Body((b, g) => transform2(field(b), filter, g));
    this.output = new Body((b, p) => back(field(b), p));
    this.outputAndBias = new Body((b, p) => {
      const f = field(b);
      return back(f, p).map((v) => f.add(v, p[points]!));
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
  const shape = [1, batch, rows, columns, channels];
  const parts = genericOf(b, {
    loops: "n y x c",
    inputs: grid(size).map(([i, j]): Access => [x, `n, y * ${m} + ${i}, x * ${m} + ${j}, c`]),
    outputs: grid(size).map((): Access => [empty(b, tensor(shape, f32)), "0, n, y, x, c"]),
    body: (inner, ...d) => bodies.input.at(inner, d.slice(0, points)),
  });
  const all = gathered(b, parts, empty(b, tensor([points, ...shape.slice(1)], f32)), (k) => [k, 0, 0, 0, 0]);
  return reshaped(b, all, [points, batch * rows * columns, channels]);
}

/** [points, out / 8, channels, 8]: G g Gᵀ in panels of 8 columns. */
function filterTiles(b: Builder, w: TensorValue, { points }: Algorithm, bodies: Bodies): TensorValue {
  const [, , channels, out] = w.type.shape as readonly [number, number, number, number];
  const shape = [1, out / panel, channels, panel];
  const parts = genericOf(b, {
    loops: "p c o",
    inputs: grid(3).map(([i, j]): Access => [w, `${i}, ${j}, c, p * ${panel} + o`]),
    outputs: Array.from({ length: points }, (): Access => [empty(b, tensor(shape, f32)), "0, p, c, o"]),
    body: (inner, ...g) => bodies.filter.at(inner, g.slice(0, 9)),
  });
  return gathered(b, parts, empty(b, tensor([points, ...shape.slice(1)], f32)), (k) => [k, 0, 0, 0]);
}

/** One product of matrices per point of the tiles. */
function multiplied(b: Builder, tiles: TensorValue, filters: TensorValue, out: number): TensorValue {
  const [points, count] = tiles.type.shape as readonly [number, number, number];
  return genericOf(b, {
    loops: "t p o : c",
    inputs: [
      [tiles, "t, p, c"],
      [filters, `t, o floordiv ${panel}, c, o mod ${panel}`],
    ],
    outputs: [[filled(b, tensor([points, count, out], f32), 0), "t, p, o"]],
    body: (inner, v, u, sum) => new Scalars(inner, f32).multiplyAdd(sum!, v!, u!),
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
  const reads = Array.from({ length: points }, (_, k): Access => [products, `${k}, n, y, x, o`]);
  const parts = genericOf(b, {
    loops: "n y x o",
    inputs: bias ? [...reads, [bias, "o"]] : reads,
    outputs: grid(m).map((): Access => [empty(b, tensor([batch, rows, 1, columns, 1, out], f32)), "n, y, 0, x, 0, o"]),
    body: (inner, ...p) =>
      bias ? bodies.outputAndBias.at(inner, p.slice(0, points + 1)) : bodies.output.at(inner, p.slice(0, points)),
  });
  const all = gathered(b, parts, empty(b, tensor([batch, rows, m, columns, m, out], f32)), (k) => [
    0,
    0,
    Math.floor(k / m),
    0,
    k % m,
    0,
  ]);
  return reshaped(b, all, [batch, rows * m, columns * m, out]);
}
