/** @file Runs one case on one target and judges it. */

import { difference, type Tolerance } from "../../cli/compare.ts";
import { func } from "../../dialects/func.ts";
import type { Model, OnnxValue } from "../../onnx/model.ts";
import { toNDArray } from "../../onnx/ndarray.ts";
import { CompileError, type Diagnostic } from "../../support/diagnostic.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { type Case, CaseFault, type DataSet, dataSetsOf, readCaseModel, toleranceOf } from "./case.ts";
import { importFor } from "./interpreter.ts";
import type { Target } from "./target.ts";

/** unsupported: refused with a diagnostic; error: stopped while it ran; fail: a wrong answer. */
export type Status = "pass" | "fail" | "unsupported" | "error" | "timeout";

export interface Outcome {
  readonly name: string;
  readonly status: Status;
  readonly reason: string;
  /** Inputs that were given at compile time. */
  readonly specialized: readonly string[];
  readonly ms: number;
}

export async function runCase(c: Case, target: Target): Promise<Outcome> {
  const start = performance.now();
  const specialized = new Set<string>();
  const outcome = (status: Status, reason: string): Outcome => ({
    name: c.name,
    status,
    reason,
    specialized: [...specialized],
    ms: Math.round(performance.now() - start),
  });
  try {
    const model = readCaseModel(c);
    const tolerance = toleranceOf(c);
    let sets = 0;
    for (const set of dataSetsOf(c, model.graph)) {
      sets++;
      const verdict = await runSet(model, set, tolerance, target, specialized);
      if (verdict) return outcome(...verdict);
    }
    return sets === 0 ? outcome("error", "the case has no data") : outcome("pass", "");
  } catch (error) {
    if (error instanceof CaseFault) return outcome("unsupported", error.message);
    if (error instanceof CompileError) {
      const refused = error.diagnostics.every((d) => d.code === "target/unsupported");
      return outcome(refused ? "unsupported" : "error", reasonOf(error.diagnostics));
    }
    return outcome("error", error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error));
  }
}

const reasonOf = (diagnostics: readonly Diagnostic[]): string => {
  const found = diagnostics.find((d) => d.severity === "error");
  return found ? `${found.code}: ${found.message}` : "";
};

async function runSet(
  model: Model,
  set: DataSet,
  tolerance: Tolerance,
  target: Target,
  specialized: Set<string>,
): Promise<readonly [Status, string] | undefined> {
  const inputs = arrays(set.inputs);
  if (typeof inputs === "string") return ["unsupported", inputs];
  const expected = arrays(set.outputs);
  if (typeof expected === "string") return ["unsupported", expected];
  const imported = importFor(model, inputs);
  for (const name of imported.specialized) specialized.add(name);
  if (!imported.module) return ["unsupported", reasonOf(imported.diagnostics.list)];
  const main = func.of(imported.module.region().entry.first!);
  const names = (main.arg_attrs ?? []).map((a) => textOf(a.get("onnx.name")));
  const prepared = await target.prepare(imported.module);
  if (!prepared) return undefined;
  const args = names.map((n) => inputs.get(n));
  const missing = names.find((_, i) => !args[i]);
  if (missing !== undefined) return ["error", `the case gives no value for the input ${missing}`];
  const results = await prepared.run(args as NDArray[]);
  for (const [i, info] of model.graph.outputs.entries()) {
    const wanted = expected.get(info.name);
    const why = wanted && difference(results[i]!, wanted, tolerance);
    if (why) return ["fail", `${info.name}: ${why}`];
  }
  return undefined;
}

const textOf = (a: unknown): string => (a as { value?: string } | undefined)?.value ?? "";

/** Tensors as arrays, or why there are none. */
function arrays(values: ReadonlyMap<string, OnnxValue>): ReadonlyMap<string, NDArray> | string {
  const found = new Map<string, NDArray>();
  for (const [name, v] of values) {
    if (v.kind !== "tensor") return `${name} is a ${v.kind}`;
    const { type, dims, payload } = v.tensor;
    const array =
      payload.kind === "bytes" && type !== "string" ? toNDArray({ type, dims, bytes: payload.bytes }) : undefined;
    if (!array) return `${name} has elements of type ${type}`;
    found.set(name, array);
  }
  return found;
}
