/** @file Kernels of workgroups that share what they load: what the interpreter makes of them, and what they look like. */
import { describe, expect, it } from "vitest";
import * as arith from "../../../dialects/arith/ops.ts";
import * as linalg from "../../../dialects/linalg/index.ts";
import * as tensor from "../../../dialects/tensor/index.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import { interpret } from "../../../ir/interpret.ts";
import { f32, type TensorType, tensor as tensorType } from "../../../ir/types.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { distance, program, randomArray, runPasses } from "../../support/compile.ts";

const f = (...shape: number[]): TensorType => tensorType(shape, f32);
const number = (b: Builder, value: number): Value => arith.constantFloat(b, value, f32);
const empty = (b: Builder, type: TensorType): Value => tensor.empty(b, [], { types: [type] });

interface Sum {
  readonly loops: string;
  readonly x: string;
  readonly w: string;
  readonly y: string;
  /** Zeros around what is given as x. */
  readonly border?: number;
}

/** Zeros around the second and third dimension. */
function bordered(b: Builder, x: Value, by: number): Value {
  const sizes = (x.type as TensorType).shape.map((_, d) => (d === 1 || d === 2 ? by : 0));
  const zero = number(b, 0);
  return tensor.pad(b, x, [], [], {
    static_low: sizes,
    static_high: sizes,
    region: () => [zero],
    types: [f(...(x.type as TensorType).shape.map((n, d) => n + 2 * sizes[d]!))],
  });
}

/** Sums of products that start at -0.5, then something elementwise. */
function products(inputs: readonly TensorType[], result: TensorType, s: Sum): Operation {
  return program(inputs, [result], (b, given, w, bias) => {
    const dims = s.y;
    const x = s.border ? bordered(b, given!, s.border) : given;
    const start = linalg.genericOf(b, {
      loops: dims.replaceAll(",", ""),
      inputs: [[bias!, dims.split(", ").at(-1)!]],
      outputs: [[empty(b, result), dims]],
      body: (_b, v) => v!,
    })[0]!;
    const sum = linalg.genericOf(b, {
      loops: s.loops,
      inputs: [
        [x!, s.x],
        [w!, s.w],
      ],
      outputs: [[start, s.y]],
      body: (inner, p, q, acc) => arith.addf(inner, acc!, arith.mulf(inner, p!, q!)),
    })[0]!;
    return [
      linalg.genericOf(b, {
        loops: dims.replaceAll(",", ""),
        inputs: [[sum, dims]],
        outputs: [[empty(b, result), dims]],
        body: (inner, v) => arith.maximumf(inner, v!, number(inner, 0)),
      })[0]!,
    ];
  });
}

const matrix: Sum = { loops: "m n : k", x: "m, k", w: "k, n", y: "m, n" };
const turned: Sum = { loops: "m n : k", x: "m, k", w: "n, k", y: "m, n" };
const tall: Sum = { loops: "m n : k", x: "k, m", w: "k, n", y: "m, n" };
const batched: Sum = { loops: "b m n : k", x: "b, m, k", w: "b, k, n", y: "b, m, n" };
const window = (stride: number): Sum => ({
  loops: "n h w o : i j c",
  x: `n, h * ${stride} + i, w * ${stride} + j, c`,
  w: "i, j, c, o",
  y: "n, h, w, o",
});

const passes = (machine: string): string =>
  `builtin.module(linalg-pack{panel=0},linalg-outline,linalg-bufferize,linalg-schedule{machine=${machine}},linalg-to-loops)`;

/** The largest difference between what the interpreter makes of a module before and after, and the launches. */
function compare(module: Operation, inputs: readonly TensorType[], result: TensorType, machine: string) {
  const given = inputs.map((t, i) => randomArray(t, i + 1));
  const [wanted] = interpret(module, "main", given) as [NDArray];
  runPasses(module, passes(machine));
  let barriers = 0;
  let tile: readonly number[] = [];
  module.walk((op) => {
    if (op.name === "gpu.barrier") barriers++;
    const schedule = op.attributes?.get("schedule");
    const share = schedule?.kind === "dictionary" ? schedule.entries.get("share") : undefined;
    if (share?.kind === "denseArray") tile = share.values.map(Number);
  });
  const got = NDArray.zeros(wanted.dtype, result.shape);
  interpret(module, "main", [...given, got]);
  return { difference: distance(got, wanted), barriers, tile };
}

describe.each(["webgpu", "webgpu-small"])("products by workgroups on %s", (machine) => {
  it.each<[string, Sum, TensorType[], TensorType]>([
    ["a square", matrix, [f(32, 32), f(32, 32), f(32)], f(32, 32)],
    ["rows and columns that tiles do not divide", matrix, [f(37, 24), f(24, 28), f(28)], f(37, 28)],
    ["columns that are no vectors", matrix, [f(19, 20), f(20, 11), f(11)], f(19, 11)],
    ["sums of an odd length", matrix, [f(16, 27), f(27, 16), f(16)], f(16, 16)],
    ["weights that lie along the sums", turned, [f(24, 16), f(20, 16), f(20)], f(24, 20)],
    ["rows that lie side by side", tall, [f(16, 24), f(16, 20), f(20)], f(24, 20)],
    ["a batch", batched, [f(3, 9, 8), f(3, 8, 12), f(12)], f(3, 9, 12)],
    ["windows", window(1), [f(1, 8, 9, 8), f(3, 3, 8, 12), f(12)], f(1, 6, 7, 12)],
    ["windows beyond a border", { ...window(1), border: 1 }, [f(1, 6, 7, 8), f(3, 3, 8, 12), f(12)], f(1, 6, 7, 12)],
    ["far beyond it, few channels", { ...window(2), border: 3 }, [f(1, 7, 6, 3), f(3, 3, 3, 8), f(8)], f(1, 6, 5, 8)],
    ["windows of few channels in steps", window(2), [f(2, 9, 11, 3), f(3, 3, 3, 8), f(8)], f(2, 4, 5, 8)],
  ])("%s", (_name, sum, inputs, result) => {
    const { difference, barriers, tile } = compare(products(inputs, result, sum), inputs, result, machine);
    expect(difference).toBeLessThan(1e-5);
    expect(barriers).toBe(2);
    const [rows, columns, , , depth] = tile as [number, number, number, number, number];
    expect((rows + columns) * depth * 4).toBeLessThanOrEqual(16 << 10);
  });
});
