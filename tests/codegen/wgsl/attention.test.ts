/** @file Attention whose scores stay in memory that a workgroup shares: what the interpreter makes of it, and when it is not done. */
import { describe, expect, it } from "vitest";
import { mul } from "../../../dialects/graph/elementwise.ts";
import { matmul } from "../../../dialects/graph/matmul.ts";
import { softmax } from "../../../dialects/graph/normalize.ts";
import { interpret } from "../../../ir/interpret.ts";
import type { TensorType } from "../../../ir/types.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { attentionModule, attentions, type Body, last, plain } from "../../support/attentions.ts";
import { distance, randomArray, runPasses } from "../../support/compile.ts";
import { f } from "../../support/products.ts";

const passes = (machine: string): string =>
  "builtin.module(graph-to-linalg,canonicalize,cse,linalg-outline{again=true},linalg-bufferize," +
  `linalg-schedule{machine=${machine}},gpu-subgroups,linalg-to-loops)`;

/** The scores are a result, too. */
const shown: Body = (b, q, k, v) => {
  const scores = matmul(b, q, k);
  return [matmul(b, softmax(b, scores, { axis: last(q) }), v), mul(b, scores, scores)];
};

function compare(body: Body, inputs: readonly TensorType[], results: readonly TensorType[], machine: string) {
  const module = attentionModule(body, inputs, results);
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
  it.each(attentions)("%s", (_name, body, inputs, result, wanted) => {
    const { difference, launches, fused } = compare(body, inputs, [result], machine);
    expect(difference).toBeLessThan(1e-5);
    expect(fused).toBe(1);
    expect(launches).toBe(wanted);
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
