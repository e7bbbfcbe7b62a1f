/** @file Attention whose scores stay in memory that a workgroup shares: what the interpreter makes of it, and when it is not done. */
import { describe, expect, it } from "vitest";
import { attention } from "../../../dialects/graph/attention.ts";
import { add, mul } from "../../../dialects/graph/elementwise.ts";
import { matmul } from "../../../dialects/graph/matmul.ts";
import { softmax } from "../../../dialects/graph/normalize.ts";
import { transpose } from "../../../dialects/graph/shape.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/core.ts";
import { interpret } from "../../../ir/interpret.ts";
import type { TensorType } from "../../../ir/types.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { distance, program, randomArray, runPasses } from "../../support/compile.ts";
import { f } from "../../support/products.ts";

const passes = (machine: string): string =>
  "builtin.module(graph-to-linalg,canonicalize,cse,linalg-outline{again=true},linalg-bufferize," +
  `linalg-schedule{machine=${machine}},gpu-subgroups,linalg-to-loops)`;

type Body = (b: Builder, q: Value, k: Value, v: Value, mask: Value) => readonly Value[];

const last = (v: Value): number => (v.type as TensorType).shape.length - 1;

/** q kᵀ, with k as it is: [.., E, S] or [.., S, E]. */
const plain: Body = (b, q, k, v) => [matmul(b, softmax(b, matmul(b, q, k), { axis: last(q) }), v)];
const masked: Body = (b, q, k, v, mask) => [matmul(b, softmax(b, add(b, matmul(b, q, k), mask), { axis: last(q) }), v)];
const turned: Body = (b, q, k, v) => plain(b, q, transpose(b, k, { perm: [0, 1, 3, 2] }), v, v);
/** Heads that lie side by side, and results that are put so. */
const heads: Body = (b, q, k, v) => {
  const split = (x: Value): Value => transpose(b, x, { perm: [0, 2, 1, 3] });
  const keys = transpose(b, k, { perm: [0, 2, 3, 1] });
  return [transpose(b, plain(b, split(q), keys, split(v), v)[0]!, { perm: [0, 2, 1, 3] })];
};
const causal: Body = (b, q, k, v) => [attention(b, q, k, v, undefined, { scale: 0.25, causal: true })];
/** The scores are a result, too. */
const shown: Body = (b, q, k, v) => {
  const scores = matmul(b, q, k);
  return [matmul(b, softmax(b, scores, { axis: last(q) }), v), mul(b, scores, scores)];
};

function compare(body: Body, inputs: readonly TensorType[], results: readonly TensorType[], machine: string) {
  const module = program(inputs, results, (b, q, k, v, mask) => body(b, q!, k!, v!, mask!));
  const given = inputs.map((t, i) => randomArray(t, i + 1));
  const wanted = interpret(module, "main", given) as NDArray[];
  runPasses(module, passes(machine));
  let launches = 0;
  let fused = 0;
  module.walk((op) => {
    if (op.name === "gpu.launch") launches++;
    const schedule = op.attributes?.get("schedule");
    if (schedule?.kind === "dictionary" && schedule.entries.has("attention")) fused++;
  });
  const got = results.map((t, i) => NDArray.zeros(wanted[i]!.dtype, t.shape));
  interpret(module, "main", [...given, ...got]);
  return { difference: Math.max(...got.map((g, i) => distance(g, wanted[i]!))), launches, fused };
}

describe.each(["webgpu", "webgpu-small"])("attention on %s", (machine) => {
  it.each<[string, Body, TensorType[], TensorType]>([
    ["keys that lie along the columns", plain, [f(1, 2, 32, 16), f(1, 2, 16, 64), f(1, 2, 64, 16)], f(1, 2, 32, 16)],
    ["keys that lie along the sums", turned, [f(1, 2, 32, 16), f(1, 2, 64, 16), f(1, 2, 64, 16)], f(1, 2, 32, 16)],
    ["heads side by side", heads, [f(1, 32, 2, 16), f(1, 48, 2, 16), f(1, 48, 2, 16)], f(1, 32, 2, 16)],
    ["a mask", masked, [f(2, 1, 16, 8), f(2, 1, 8, 36), f(2, 1, 36, 8), f(2, 1, 1, 36)], f(2, 1, 16, 8)],
    ["rows that blocks do not divide", turned, [f(1, 1, 37, 8), f(1, 1, 20, 8), f(1, 1, 20, 12)], f(1, 1, 37, 12)],
    ["numbers of columns that are odd", turned, [f(1, 2, 17, 8), f(1, 2, 17, 8), f(1, 2, 17, 8)], f(1, 2, 17, 8)],
    ["heads of odd sizes", plain, [f(1, 1, 16, 5), f(1, 1, 5, 24), f(1, 1, 24, 7)], f(1, 1, 16, 7)],
    ["rows that see what is before", causal, [f(1, 2, 24, 8), f(1, 2, 24, 8), f(1, 2, 24, 8)], f(1, 2, 24, 8)],
    ["a single matrix", plain, [f(64, 16), f(16, 64), f(64, 16)], f(64, 16)],
  ])("%s", (_name, body, inputs, result) => {
    const { difference, launches, fused } = compare(body, inputs, [result], machine);
    expect(difference).toBeLessThan(1e-5);
    expect(fused).toBe(1);
    // Queries that are scaled before, and results in another order that nobody reads, are launches of their own.
    expect(launches).toBe(body === causal || body === heads ? 2 : 1);
  });

  it.each<[string, Body, TensorType[], TensorType[]]>([
    ["rows do not fit into shared memory", plain, [f(1, 8, 16), f(1, 16, 600), f(1, 600, 8)], [f(1, 8, 8)]],
    ["scores are wanted elsewhere", shown, [f(1, 16, 8), f(1, 8, 32), f(1, 32, 8)], [f(1, 16, 8), f(1, 16, 32)]],
    ["there are few rows", plain, [f(1, 4, 16), f(1, 16, 64), f(1, 64, 16)], [f(1, 4, 16)]],
  ])("is computed in steps where %s", (_name, body, inputs, results) => {
    const { difference, launches, fused } = compare(body, inputs, results, machine);
    expect(difference).toBeLessThan(1e-5);
    expect(fused).toBe(0);
    expect(launches).toBeGreaterThan(2);
  });
});
