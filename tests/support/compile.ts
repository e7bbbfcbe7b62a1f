/** @file Runs a module on tensors through the passes to WebAssembly, and through the interpreter, on the same inputs. */
import v8 from "node:v8";
import { wasmSimd } from "../../codegen/wasm/index.ts";
import { makeModule } from "../../dialects/builtin.ts";
import * as func from "../../dialects/func.ts";
import { dialects } from "../../dialects/index.ts";
import { Builder } from "../../ir/builder.ts";
import { Context } from "../../ir/context.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { dtypeOf } from "../../ir/datum.ts";
import { interpret } from "../../ir/interpret.ts";
import { functionType, type TensorType, type Type } from "../../ir/types.ts";
import { verify } from "../../ir/verify.ts";
import { passes } from "../../lowering/index.ts";
import { parsePipeline, runPipeline } from "../../rewrite/pipeline.ts";
import { offers } from "../../runtime/features.ts";
import { Session } from "../../runtime/session.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { NDArray } from "../../support/ndarray.ts";

const allPasses = [...passes, ...wasmSimd.passes];

/** A module with one function `main` on tensors. */
export function program(
  inputs: readonly TensorType[],
  results: readonly Type[],
  fill: (b: Builder, ...args: Value[]) => readonly Value[],
): Operation {
  const module = makeModule();
  func.makeFunction(Builder.atEnd(module.region().entry), "main", functionType(inputs, results), fill);
  return module;
}

/** A function of one input, made as often as it is asked for; the type of its result is learnt first. */
export function programOf(type: TensorType, fill: (b: Builder, x: Value) => Value): () => Operation {
  let result = type;
  const build = (): Operation =>
    program([type], [result], (b, x) => {
      const made = fill(b, x!);
      result = made.type as TensorType;
      return [made];
    });
  build();
  return build;
}

/** Deterministic values in [-1, 1). */
export function randomArray(type: TensorType, seed: number): NDArray {
  const array = NDArray.zeros(dtypeOf(type.element)!, type.shape);
  let state = seed * 2654435761 + 12345;
  for (let i = 0; i < array.size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const unit = state / 2 ** 31 - 1;
    const value =
      type.element.kind === "float"
        ? Math.fround(unit)
        : type.element.kind === "integer" && type.element.width === 1
          ? Number(unit > 0)
          : Math.trunc(unit * 100);
    array.setData(i, array.data instanceof BigInt64Array ? BigInt(value) : value);
  }
  return array;
}

export function verified(module: Operation, after: string): void {
  const diagnostics = new Diagnostics();
  if (!verify(module, diagnostics)) {
    throw new Error(`after ${after}: ${diagnostics.list.map((d) => d.message).join("; ")}`);
  }
}

export function runPasses(module: Operation, text: string): void {
  const diagnostics = new Diagnostics();
  const pipeline = parsePipeline(text, allPasses, diagnostics);
  diagnostics.throwIfErrors();
  const env = { context: new Context(dialects), diagnostics };
  runPipeline(pipeline!, module, env, {
    instruments: [{ after: (run) => verified(module, run.step.pass.name) }],
  });
  diagnostics.throwIfErrors();
}

/** The passes from structured ops on, as the variant for the machine has them. */
export function kernelPipeline(machine = "v8"): string {
  const wanted = `linalg-schedule{machine=${machine}}`;
  const all = [wasmSimd.pipeline, ...(wasmSimd.variants ?? []).map((v) => v.pipeline)];
  const own = all.find((p) => p.includes(wanted))!;
  return `builtin.module(linalg-pack,func.func(linalg-pack-products),linalg-outline{stash=true},linalg-bufferize,${own.slice(own.indexOf(wanted))}`;
}

/** Whether this engine runs relaxed SIMD, after asking older ones for it. */
export function hasRelaxedSimd(): boolean {
  if (!offers("relaxed-simd")) v8.setFlagsFromString("--experimental-wasm-relaxed-simd");
  return offers("relaxed-simd");
}

export interface Compared {
  readonly wasm: readonly NDArray[];
  readonly reference: readonly NDArray[];
  readonly code: Uint8Array;
}

/** The results of WebAssembly and of the interpreter on the untouched module. */
export async function both(module: Operation, machine?: string, given?: readonly NDArray[]): Promise<Compared> {
  const fn = [...module.region().entry].find((op) => func.func.is(op))!;
  const types = func.func.of(fn).function_type;
  const inputs = given ?? types.inputs.map((t, i) => randomArray(t as TensorType, i + 1));
  const reference = interpret(module, "main", inputs) as readonly NDArray[];
  runPasses(module, kernelPipeline(machine));
  const artifact = wasmSimd.emit(module, { model: "test", names: true });
  const session = await Session.load(artifact);
  const named = Object.fromEntries(
    session.inputs.map((p, i) => [p.name, inputs[i]!.contiguous().data as Float32Array]),
  );
  const answer = session.run(named);
  const wasm = session.outputs.map((p, i) => {
    const r = reference[i]!;
    return new NDArray(r.dtype, r.shape, answer[p.name]!);
  });
  return { wasm, reference, code: artifact.code };
}

/** The largest |a - b| / (1 + |b|). */
export function distance(a: NDArray, b: NDArray): number {
  const x = a.values();
  const y = b.values();
  let most = 0;
  x.forEach((v, i) => {
    const [p, q] = [Number(v), Number(y[i])];
    if (Number.isNaN(p) && Number.isNaN(q)) return;
    if (p === q) return;
    const d = Math.abs(p - q) / (1 + Math.abs(q));
    most = Math.max(most, Number.isNaN(d) ? Number.POSITIVE_INFINITY : d);
  });
  return most;
}
