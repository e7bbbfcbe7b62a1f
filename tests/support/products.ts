/** @file Sums of products of several forms, and what kernels for WebGPU make of them, by the interpreter. */
import * as arith from "../../dialects/arith/ops.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { f32, type TensorType, tensor as tensorType } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { distance, program, randomArray, runPasses } from "./compile.ts";

export const f = (...shape: number[]): TensorType => tensorType(shape, f32);
const number = (b: Builder, value: number): Value => arith.constantFloat(b, value, f32);
const empty = (b: Builder, type: TensorType): Value => tensor.empty(b, [], { types: [type] });

export interface Sum {
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
export function products(inputs: readonly TensorType[], result: TensorType, s: Sum): Operation {
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

export const matrix: Sum = { loops: "m n : k", x: "m, k", w: "k, n", y: "m, n" };
export const turned: Sum = { loops: "m n : k", x: "m, k", w: "n, k", y: "m, n" };
export const tall: Sum = { loops: "m n : k", x: "k, m", w: "k, n", y: "m, n" };
export const batched: Sum = { loops: "b m n : k", x: "b, m, k", w: "b, k, n", y: "b, m, n" };
export const window = (stride: number): Sum => ({
  loops: "n h w o : i j c",
  x: `n, h * ${stride} + i, w * ${stride} + j, c`,
  w: "i, j, c, o",
  y: "n, h, w, o",
});

const passes = (machine: string, before: string): string =>
  `builtin.module(linalg-pack{panel=0},${before}linalg-outline,linalg-bufferize,linalg-schedule{machine=${machine}},linalg-to-loops)`;

/**
 * The largest difference between what the interpreter makes of a module before and after, and what it becomes.
 * @param before passes in front of those that make kernels, each with a comma behind it
 */
export function compare(
  module: Operation,
  inputs: readonly TensorType[],
  result: TensorType,
  machine: string,
  before = "",
) {
  const given = inputs.map((t, i) => randomArray(t, i + 1));
  const [wanted] = interpret(module, "main", given) as [NDArray];
  runPasses(module, passes(machine, before));
  let barriers = 0;
  let launches = 0;
  const schedules: Record<string, readonly number[]> = {};
  module.walk((op) => {
    if (op.name === "gpu.barrier") barriers++;
    if (op.name === "gpu.launch") launches++;
    const schedule = op.attributes?.get("schedule");
    if (schedule?.kind !== "dictionary") return;
    for (const [name, v] of schedule.entries) if (v.kind === "denseArray") schedules[name] = v.values.map(Number);
  });
  const got = NDArray.zeros(wanted.dtype, result.shape);
  interpret(module, "main", [...given, got]);
  return { difference: distance(got, wanted), barriers, launches, schedules };
}
