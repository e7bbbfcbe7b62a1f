/**
 * @file How far elementary functions are from exact values, in units of the last place of f32, as WebAssembly computes
 * them under each numerics policy: `tsx bench/math.ts [samples]` prints the table that docs/math.md keeps. Exact is what
 * double precision gives, rounded.
 */

import { wasmSimd } from "../codegen/wasm/index.ts";
import { makeModule } from "../dialects/builtin.ts";
import * as func from "../dialects/func.ts";
import * as activations from "../dialects/graph/activations.ts";
import { dialects } from "../dialects/index.ts";
import { Builder } from "../ir/builder.ts";
import { Context } from "../ir/context.ts";
import type { Value } from "../ir/core.ts";
import { interpret } from "../ir/interpret.ts";
import { f32, functionType, tensor } from "../ir/types.ts";
import { passes } from "../passes.ts";
import { type Numerics, policies, setNumerics } from "../rewrite/numerics.ts";
import { parsePipeline, runPipeline } from "../rewrite/pipeline.ts";
import { Session } from "../runtime/session.ts";
import { Diagnostics } from "../support/diagnostic.ts";
import { ulpDistance } from "../support/float.ts";
import { NDArray } from "../support/ndarray.ts";
import { endWithReader } from "./pipe.ts";

endWithReader();

type Unary = (b: Builder, x: Value) => Value;

/** Name, function, and where it is asked. */
const functions: readonly (readonly [string, Unary, number, number])[] = [
  ["exp", (b, x) => activations.exp(b, x), -86.5, 88.5],
  ["log", (b, x) => activations.log(b, x), 1e-6, 1000],
  ["tanh", (b, x) => activations.tanh(b, x), -10, 10],
  ["erf", (b, x) => activations.erf(b, x), -5, 5],
  ["sigmoid", (b, x) => activations.sigmoid(b, x), -20, 80],
  ["swish", (b, x) => activations.swish(b, x), -20, 80],
  ["gelu (erf), x ≥ 0", (b, x) => activations.gelu(b, x, { approximate: "none" }), 0, 8],
  ["gelu (tanh), x ≥ 0", (b, x) => activations.gelu(b, x, { approximate: "tanh" }), 0, 8],
  ["softplus", (b, x) => activations.softplus(b, x), -20, 20],
  ["elu", (b, x) => activations.elu(b, x), -20, 20],
  ["sin", (b, x) => activations.sin(b, x), -100, 100],
  ["cos", (b, x) => activations.cos(b, x), -100, 100],
  ["tan", (b, x) => activations.tan(b, x), -1.5, 1.5],
  ["atan", (b, x) => activations.atan(b, x), -20, 20],
  ["asin", (b, x) => activations.asin(b, x), -1, 1],
  ["sinh", (b, x) => activations.sinh(b, x), -20, 20],
];

async function worst(f: Unary, low: number, high: number, samples: number, policy: Numerics): Promise<number> {
  const type = tensor([samples], f32);
  const module = makeModule();
  func.makeFunction(Builder.atEnd(module.region().entry), "main", functionType([type], [type]), (b, x) => [f(b, x!)]);
  const xs = Array.from({ length: samples }, (_, i) => Math.fround(low + ((high - low) * i) / (samples - 1)));
  const input = NDArray.from("f32", [samples], xs);
  const exact = (interpret(module, "main", [input])[0] as NDArray).values() as number[];
  setNumerics(module, policy);
  const diagnostics = new Diagnostics();
  const pipeline = parsePipeline(wasmSimd.pipeline, passes, diagnostics);
  diagnostics.throwIfErrors();
  runPipeline(pipeline!, module, { context: new Context(dialects), diagnostics });
  diagnostics.throwIfErrors();
  const session = await Session.load(wasmSimd.emit(module, { model: "math", names: false }));
  const answer = session.run({ [session.inputs[0]!.name]: input.data as Float32Array });
  const got = answer[session.outputs[0]!.name] as Float32Array;
  return exact.reduce((most, e, i) => Math.max(most, e === got[i] ? 0 : ulpDistance("f32", e, got[i]!)), 0);
}

const samples = Number(process.argv[2] ?? 200_001);
console.log(`| function | range | ${policies.join(" | ")} |\n| --- | --- |${" ---: |".repeat(policies.length)}`);
for (const [name, f, low, high] of functions) {
  const ulps: number[] = [];
  for (const policy of policies) ulps.push(await worst(f, low, high, samples, policy));
  console.log(`| ${name} | [${low}, ${high}] | ${ulps.join(" | ")} |`);
}
