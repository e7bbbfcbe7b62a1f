/** @file The second law: what a tensor op computes is what its expansion computes. */
import { describe, expect, it } from "vitest";
import { cast } from "../../../dialects/graph/cast.ts";
import * as conv from "../../../dialects/graph/conv.ts";
import * as elementwise from "../../../dialects/graph/elementwise.ts";
import * as matmul from "../../../dialects/graph/matmul.ts";
import * as pool from "../../../dialects/graph/pool.ts";
import * as shape from "../../../dialects/graph/shape.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/core.ts";
import { typeText } from "../../../ir/spell.ts";
import { f32, i1, i8, i32, i64, integer, type TensorType, type Type, tensor } from "../../../ir/types.ts";
import { bothWays, furthest, magnitude, type Program, programOf, run, sample } from "../../support/graph-law.ts";

const u8 = integer(8, "unsigned");
const u32 = integer(32, "unsigned");

interface Row {
  readonly name: string;
  readonly inputs: readonly TensorType[];
  readonly build: (b: Builder, ...xs: Value[]) => Value;
  /** How many products are summed: the allowance is then computed from the sum of their magnitudes. Exact without. */
  readonly terms?: number;
}
const row = (
  name: string,
  inputs: readonly TensorType[],
  build: (b: Builder, ...xs: Value[]) => Value,
  terms?: number,
): Row => ({ name, inputs, build, ...(terms === undefined ? {} : { terms }) });
const t = (dims: readonly number[], element: Type = f32): TensorType => tensor(dims, element);

const ones = (n: number): number[] => new Array<number>(n).fill(1);
const window = (n: number, more: object = {}) => ({
  strides: ones(n),
  dilations: ones(n),
  pads: new Array<number>(2 * n).fill(0),
  ...more,
});
const poolOf = (kernel: readonly number[], more: object = {}) => ({ kernel, ...window(kernel.length, more) });
const last = { layout: "channels-last" } as const;

type Binary = (b: Builder, x: Value, y: Value) => Value;
const binaries: readonly (readonly [string, Binary])[] = [
  ["add", elementwise.add],
  ["sub", elementwise.sub],
  ["mul", elementwise.mul],
  ["max", elementwise.maximum],
  ["min", elementwise.minimum],
  ["less", elementwise.less],
  ["greater_equal", elementwise.greater_equal],
  ["equal", elementwise.equal],
];
const arithmetic: readonly Row[] = binaries.flatMap(([name, op]) =>
  [f32, i32, i64, u8, u32].map((element) =>
    row(`${name} ${typeText(element)}`, [t([2, 1, 4], element), t([3, 1], element)], op),
  ),
);
/** An odd number of the type: no division by it is a fault. */
const odd = (b: Builder, x: Value): Value =>
  elementwise.or(
    b,
    x,
    elementwise.abs(b, elementwise.sign(b, elementwise.not(b, elementwise.and(b, x, elementwise.not(b, x))))),
  );
const divisions: readonly Row[] = [i32, i64, u8, i8].flatMap((element) => [
  row(`div ${typeText(element)}`, [t([30], element), t([30], element)], (b, x, y) => elementwise.div(b, x, odd(b, y))),
  row(`modulo ${typeText(element)}`, [t([30], element), t([30], element)], (b, x, y) =>
    elementwise.modulo(b, x, odd(b, y)),
  ),
  row(`remainder ${typeText(element)}`, [t([30], element), t([30], element)], (b, x, y) =>
    elementwise.remainder(b, x, odd(b, y)),
  ),
]);

const rows: readonly Row[] = [
  ...arithmetic,
  ...divisions,
  row("relu", [t([5, 7])], (b, x) => elementwise.relu(b, x)),
  row("relu i8", [t([5, 7], i8)], (b, x) => elementwise.relu(b, x)),
  row("clip", [t([5, 7])], (b, x) => elementwise.clip(b, x, { min: -1, max: 2 })),
  row("sign", [t([9])], (b, x) => elementwise.sign(b, x)),
  row("not", [t([9], i1)], (b, x) => elementwise.not(b, x)),
  row("and", [t([9], i1), t([1], i1)], (b, x, y) => elementwise.and(b, x, y)),
  row("shift_right u8", [t([9], u8)], (b, x) => elementwise.shift_right(b, x, elementwise.and(b, x, x))),
  row("shift_left i8", [t([9], i8)], (b, x) => elementwise.shift_left(b, x, elementwise.abs(b, x))),
  row("select", [t([3, 1], i1), t([3, 4]), t([4])], (b, c, x, y) => elementwise.select(b, c, x, y)),
  ...[f32, i8, u8, i64, i1].flatMap((from) =>
    [f32, i8, i32, u8, i64, i1].map((to) =>
      row(`cast ${from.kind}${from.width} to ${to.kind}${to.width}`, [t([20], from)], (b, x) =>
        // Negative floats have no unsigned value.
        cast(b, from === f32 && to === u8 ? elementwise.abs(b, x) : x, { to }),
      ),
    ),
  ),
  row(
    "conv",
    [t([2, 3, 7, 6]), t([4, 3, 3, 2]), t([4])],
    (b, x, w, c) => conv.conv(b, x, w, c, window(2, { strides: [2, 1], pads: [1, 0, 2, 1] })),
    16,
  ),
  row(
    "conv dilated",
    [t([1, 2, 9]), t([3, 2, 3])],
    (b, x, w) => conv.conv(b, x, w, undefined, window(1, { dilations: [2], pads: [1, 1] })),
    16,
  ),
  row("conv 3-D", [t([1, 2, 4, 4, 3]), t([3, 2, 2, 2, 2])], (b, x, w) => conv.conv(b, x, w, undefined, window(3)), 16),
  row(
    "conv grouped",
    [t([2, 6, 5, 5]), t([4, 3, 3, 3]), t([4])],
    (b, x, w, c) => conv.conv(b, x, w, c, window(2, { group: 2 })),
    16,
  ),
  row(
    "conv depthwise",
    [t([2, 6, 5, 5]), t([6, 1, 3, 3])],
    (b, x, w) => conv.conv(b, x, w, undefined, window(2, { group: 6, pads: [1, 1, 1, 1] })),
    16,
  ),
  row(
    "conv channels-last",
    [t([2, 7, 6, 3]), t([3, 2, 3, 4]), t([4])],
    (b, x, w, c) => conv.conv(b, x, w, c, window(2, { strides: [2, 1], pads: [1, 0, 2, 1], ...last })),
    16,
  ),
  row(
    "conv grouped, channels-last",
    [t([2, 5, 5, 6]), t([3, 3, 3, 4])],
    (b, x, w) => conv.conv(b, x, w, undefined, window(2, { group: 2, ...last })),
    16,
  ),
  row(
    "conv depthwise, channels-last",
    [t([2, 5, 5, 6]), t([3, 3, 1, 6])],
    (b, x, w) => conv.conv(b, x, w, undefined, window(2, { group: 6, ...last })),
    16,
  ),
  row("matmul", [t([3, 5]), t([5, 4])], (b, x, y) => matmul.matmul(b, x, y), 16),
  row("matmul batched", [t([2, 1, 3, 5]), t([4, 5, 2])], (b, x, y) => matmul.matmul(b, x, y), 16),
  row("matmul of vectors", [t([5]), t([5])], (b, x, y) => matmul.matmul(b, x, y), 16),
  row("matmul i32", [t([3, 5], i32), t([5], i32)], (b, x, y) => matmul.matmul(b, x, y)),
  row(
    "gemm",
    [t([5, 3]), t([4, 5]), t([4])],
    (b, x, y, c) => matmul.gemm(b, x, y, c, { transA: true, transB: true }),
    16,
  ),
  row(
    "gemm scaled",
    [t([3, 5]), t([5, 4]), t([3, 1])],
    (b, x, y, c) => matmul.gemm(b, x, y, c, { alpha: 0.5, beta: 2 }),
    16,
  ),
  row("max_pool", [t([2, 3, 7, 6])], (b, x) =>
    pool.max_pool(b, x, poolOf([3, 2], { strides: [2, 2], pads: [1, 0, 1, 1] })),
  ),
  row("max_pool ceil", [t([1, 1, 6, 6], i8)], (b, x) =>
    pool.max_pool(b, x, poolOf([3, 3], { strides: [2, 2], ceil_mode: true })),
  ),
  row("max_pool channels-last", [t([2, 7, 6, 3], u8)], (b, x) =>
    pool.max_pool(b, x, poolOf([3, 2], { pads: [1, 0, 1, 1], ...last })),
  ),
  row(
    "average_pool",
    [t([2, 3, 7, 6])],
    (b, x) => pool.average_pool(b, x, poolOf([3, 2], { strides: [2, 2], pads: [1, 0, 1, 1] })),
    8,
  ),
  row(
    "average_pool with padding",
    [t([2, 3, 7])],
    (b, x) =>
      pool.average_pool(b, x, poolOf([3], { pads: [1, 1], count_include_pad: true, ceil_mode: true, strides: [2] })),
    8,
  ),
  row(
    "average_pool channels-last",
    [t([2, 7, 6, 3])],
    (b, x) => pool.average_pool(b, x, poolOf([3, 2], { pads: [1, 0, 1, 1], ...last })),
    8,
  ),
  row("lp_pool", [t([2, 3, 7])], (b, x) => pool.lp_pool(b, x, poolOf([3], { p: 3 })), 8),
  row("reshape", [t([2, 6, 1, 4])], (b, x) => shape.reshape(b, x, undefined, { shape: [3, 4, 4] })),
  row("reshape to a scalar", [t([1, 1])], (b, x) => shape.reshape(b, x, undefined, { shape: [] })),
  row("reshape of a scalar", [t([])], (b, x) => shape.reshape(b, x, undefined, { shape: [1, 1] })),
  row("reshape with ones", [t([4, 1, 3])], (b, x) => shape.reshape(b, x, undefined, { shape: [1, 4, 3, 1] })),
  row("transpose", [t([2, 3, 4], u8)], (b, x) => shape.transpose(b, x, { perm: [2, 0, 1] })),
  row("slice", [t([5, 7])], (b, x) => shape.slice(b, x, undefined, { starts: [1, -6], ends: [4, 100], steps: [1, 2] })),
  row("slice backwards", [t([5, 7])], (b, x) =>
    shape.slice(b, x, undefined, { starts: [-1, 0], ends: [-100, 7], steps: [-2, 3] }),
  ),
  row("concat", [t([2, 3]), t([2, 1]), t([2, 2])], (b, x, y, z) => shape.concat(b, [x, y, z], { axis: 1 })),
  row("pad", [t([3, 4]), t([])], (b, x, v) => shape.pad(b, x, v, { low: [1, -1], high: [0, 2] })),
  row("pad reflect", [t([3, 4])], (b, x) => shape.pad(b, x, undefined, { low: [2, 1], high: [1, 0], mode: "reflect" })),
  row("pad edge", [t([3, 4], u8)], (b, x) => shape.pad(b, x, undefined, { low: [2, 1], high: [1, 0], mode: "edge" })),
  row("expand", [t([3, 1])], (b, x) => shape.expand(b, x, undefined, { shape: [2, 1, 4] })),
  row("tile", [t([2, 3])], (b, x) => shape.tile(b, x, { repeats: [2, 3] })),
  row("shape", [t([2, 3])], (b, x) => shape.shape(b, x)),
];

describe("evaluate and expand agree", () => {
  it.each(rows)("$name", ({ inputs, build, terms }) => {
    const program = (): Program => programOf(inputs, (b, ...xs) => [build(b, ...xs)]);
    const args = inputs.map((type, i) => sample(type, i + 1));
    const { before, after, faults } = bothWays(program(), args);
    expect(faults).toEqual([]);
    const magnitudes = terms === undefined ? undefined : run(program().module, args.map(magnitude));
    before.forEach((a, i) => {
      expect(furthest(a, after[i]!, magnitudes?.[i], terms)).toBeLessThanOrEqual(1);
    });
  });
});
