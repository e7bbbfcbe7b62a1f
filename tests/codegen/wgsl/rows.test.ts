/** @file Rows that workgroups sum up together: what the interpreter makes of them, and what they look like. */
import { describe, expect, it } from "vitest";
import { layer_norm, softmax as softmaxOp } from "../../../dialects/graph/normalize.ts";
import { reduce_max, reduce_sum } from "../../../dialects/graph/reduce.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/core.ts";
import { interpret } from "../../../ir/interpret.ts";
import { f32, type TensorType, tensor as tensorType } from "../../../ir/types.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { distance, program, randomArray, runPasses } from "../../support/compile.ts";

const f = (...shape: number[]): TensorType => tensorType(shape, f32);

const passes = (machine: string): string =>
  "builtin.module(graph-to-linalg,canonicalize,cse,linalg-outline{again=true},linalg-bufferize," +
  `linalg-schedule{machine=${machine}},linalg-to-loops)`;

type Body = (b: Builder, x: Value, y: Value) => Value;

/** The largest difference between before and after, launches, barriers, and the threads of a workgroup. */
function compare(body: Body, inputs: readonly TensorType[], result: TensorType, machine: string) {
  const module = program(inputs, [result], (b, x, y) => [body(b, x!, y!)]);
  const given = inputs.map((t, i) => randomArray(t, i + 1));
  const [wanted] = interpret(module, "main", given) as [NDArray];
  runPasses(module, passes(machine));
  let barriers = 0;
  let launches = 0;
  module.walk((op) => {
    if (op.name === "gpu.barrier") barriers++;
    if (op.name === "gpu.launch") launches++;
  });
  const got = NDArray.zeros(wanted.dtype, result.shape);
  interpret(module, "main", [...given, got]);
  return { difference: distance(got, wanted), barriers, launches };
}

const last = (v: Value): number => (v.type as TensorType).shape.length - 1;
const softmax: Body = (b, x) => softmaxOp(b, x, { axis: last(x) });
const norm: Body = (b, x, gain) => layer_norm(b, x, gain, undefined, { axis: last(x), epsilon: 1e-5 });
const sum: Body = (b, x) => reduce_sum(b, x, { axes: [1], keepdims: false });
const most: Body = (b, x) => reduce_max(b, x, { axes: [last(x)], keepdims: true });

describe.each(["webgpu", "webgpu-small"])("rows by workgroups on %s", (machine) => {
  it.each<[string, Body, TensorType[], TensorType, number]>([
    ["a softmax", softmax, [f(3, 64)], f(3, 64), 4],
    ["a softmax of rows that threads do not divide", softmax, [f(2, 3, 140)], f(2, 3, 140), 4],
    ["a softmax of single elements", softmax, [f(5, 37)], f(5, 37), 4],
    ["a softmax of long rows", softmax, [f(2, 1030)], f(2, 1030), 4],
    ["a norm", norm, [f(4, 96), f(96)], f(4, 96), 4],
    ["a norm of single elements", norm, [f(4, 35), f(35)], f(4, 35), 4],
    ["sums alone", sum, [f(6, 200)], f(6), 2],
    ["maxima alone", most, [f(2, 3, 77)], f(2, 3, 1), 2],
    ["short rows, by a thread each", softmax, [f(5, 8)], f(5, 8), 0],
  ])("%s", (_name, body, inputs, result, wanted) => {
    const { difference, barriers, launches } = compare(body, inputs, result, machine);
    expect(difference).toBeLessThan(1e-5);
    expect({ barriers, launches }).toEqual({ barriers: wanted, launches: 1 });
  });
});
