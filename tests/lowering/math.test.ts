/** @file Elementary functions as WebAssembly computes them, in ulps from the exact values. */
import { describe, expect, it } from "vitest";
import { wasmSimd } from "../../codegen/wasm/index.ts";
import * as arith from "../../dialects/arith/ops.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import * as math from "../../dialects/math.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { type FloatType, f32, f64, type Type, tensor as tensorType } from "../../ir/types.ts";
import { type Numerics, setNumerics } from "../../rewrite/numerics.ts";
import { Session } from "../../runtime/session.ts";
import { ulpDistance } from "../../support/float.ts";
import { NDArray } from "../../support/ndarray.ts";
import { hasRelaxedSimd, kernelPipeline, program, runPasses } from "../support/compile.ts";

type Unary = (b: Builder, x: Value) => Value;

/** What a softmax asks for. */
const nonPositiveExp: Unary = (b, x) =>
  math.expOfNonPositive(b, arith.minimumf(b, x, arith.constantFloat(b, 0, x.type as FloatType)));

/** Values on both sides of zero, large, tiny and special. */
function samples(low: number, high: number, single: boolean, huge: boolean): number[] {
  const out = [0, -0, Number.NaN, 1, -1, 0.5, -0.5, 1e-30, -1e-30];
  if (huge) out.push(Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 3.3e38, -3.3e38);
  const n = 2000;
  for (let i = 0; i <= n; i++) out.push(low + ((high - low) * i) / n);
  for (let e = -30; e < 4; e += 0.37) out.push(Math.sign(high) * 2 ** e, -(2 ** e));
  return single ? out.map(Math.fround) : out;
}

/** Arguments of sin, cos and tan are reduced for |x| < 2^30 only. */
const circular: readonly string[] = ["sin", "cos", "tan"];

async function worst(
  name: string,
  op: Unary,
  low: number,
  high: number,
  type: Type,
  policy: Numerics = "default",
  machine?: string,
): Promise<{ ulps: number; at: number }> {
  const xs = samples(low, high, type === f32, !circular.includes(name));
  const shape = [xs.length];
  const module = program([tensorType(shape, type)], [tensorType(shape, type)], (b, x) =>
    linalg.genericOf(b, {
      loops: "i",
      inputs: [[x!, "i"]],
      outputs: [[tensor.empty(b, [], { types: [tensorType(shape, type)] }), "i"]],
      body: (inner, v) => op(inner, v!),
    }),
  );
  const kind = type === f32 ? "f32" : "f64";
  const input = NDArray.from(kind, shape, xs);
  const exact = (interpret(module, "main", [input])[0] as NDArray).values() as number[];
  setNumerics(module, policy);
  runPasses(module, kernelPipeline(machine));
  const artifact = wasmSimd.emit(module, { model: "math", names: false });
  const session = await Session.load(artifact);
  const answer = session.run({ [session.inputs[0]!.name]: input.data as Float32Array });
  const got = answer[session.outputs[0]!.name] as Float32Array;
  let most = { ulps: 0, at: 0 };
  exact.forEach((e, i) => {
    const g = got[i]!;
    const same = Object.is(g, e) || (Number.isNaN(g) && Number.isNaN(e)) || g === e;
    const ulps = same
      ? 0
      : Number.isFinite(g) && Number.isFinite(e)
        ? ulpDistance(kind, g, e)
        : Number.POSITIVE_INFINITY;
    if (ulps > most.ulps) most = { ulps, at: xs[i]! };
  });
  return most;
}

/** What is computed otherwise where the policy is not strict: name, function, range, ulps under strict and else. */
describe.each<Numerics>(["strict", "default", "fast"])("f32, %s", (policy) => {
  it.each<[string, Unary, number, number, number, number]>([
    ["exp", math.exp, policy === "strict" ? -105 : -86.9, 90, 2, 4],
    ["exp of what is not positive", nonPositiveExp, policy === "strict" ? -105 : -86.9, 0, 2, 4],
    ["tanh", math.tanh, -10, 10, 8, 8],
    ["erf", math.erf, -5, 5, 8, 8],
  ])("%s", async (name, op, low, high, strict, otherwise) => {
    const { ulps, at } = await worst(name, (b, x) => op(b, x), low, high, f32, policy);
    expect(ulps, `at ${at}`).toBeLessThanOrEqual(policy === "strict" ? strict : otherwise);
  });

  it("exp in code with relaxed multiply-adds", async () => {
    if (!hasRelaxedSimd()) return;
    for (const op of [math.exp, nonPositiveExp]) {
      const { ulps, at } = await worst("exp", (b, x) => op(b, x), -86.9, 90, f32, policy, "v8-relaxed");
      expect(ulps, `at ${at}`).toBeLessThanOrEqual(4);
    }
  });

  it("what exp leaves out is 0", async () => {
    const { ulps } = await worst("exp", (b, x) => math.exp(b, x), -120, -105, f32, policy);
    expect(ulps).toBeLessThanOrEqual(4);
  });
});

describe("f32", () => {
  it.each<[string, Unary, number, number, number]>([
    ["log", math.log, 0, 1000, 4],
    ["rsqrt", math.rsqrt, 0, 100, 2],
    ["sqrt", math.sqrt, -1, 100, 0],
    ["round", math.round, -10, 10, 0],
    ["roundeven", math.roundeven, -10, 10, 0],
    ["sin", math.sin, -100, 100, 1],
    ["cos", math.cos, -100, 100, 1],
    ["tan", math.tan, -10, 10, 1],
    ["asin", math.asin, -1, 1, 1],
    ["acos", math.acos, -1, 1, 1],
    ["atan", math.atan, -20, 20, 1],
    ["sinh", math.sinh, -20, 20, 1],
    ["cosh", math.cosh, -20, 20, 1],
    ["asinh", math.asinh, -50, 50, 1],
    ["acosh", math.acosh, 1, 50, 1],
    ["atanh", math.atanh, -1, 1, 1],
    ["exp2", math.exp2, -150, 130, 1],
    ["expm1", math.expm1, -20, 20, 1],
    ["log2", math.log2, 0, 1000, 1],
    ["log10", math.log10, 0, 1000, 1],
    ["log1p", math.log1p, -1, 1000, 1],
    ["cbrt", math.cbrt, -100, 100, 1],
  ])("%s", async (name, op, low, high, bound) => {
    const { ulps, at } = await worst(name, (b, x) => op(b, x), low, high, f32);
    expect(ulps, `at ${at}`).toBeLessThanOrEqual(bound);
  });
});

describe("f64", () => {
  it.each<[string, Unary, number, number, number]>([
    ["exp", math.exp, -740, 709, 20],
    ["log", math.log, 0, 1000, 4],
    ["tanh", math.tanh, -10, 10, 16],
    ["sin", math.sin, -50, 50, 1 << 12],
    ["atan", math.atan, -20, 20, 8],
  ])("%s", async (name, op, low, high, bound) => {
    const { ulps, at } = await worst(name, (b, x) => op(b, x), low, high, f64);
    expect(ulps, `at ${at}`).toBeLessThanOrEqual(bound);
  });
});
