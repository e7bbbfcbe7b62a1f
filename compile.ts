/** @file The whole path on one page: a model's bytes → a module → the target's pipeline → an artifact. */
import { targets } from "./codegen/index.ts";
import type { Artifact, Fact, Target } from "./codegen/target.ts";
import { dialects } from "./dialects/index.ts";

export { nodesOf } from "./dialects/graph/count.ts";
export { workOf } from "./dialects/linalg/count.ts";

import { Context } from "./ir/context.ts";
import type { Operation } from "./ir/core.ts";
import { importModel } from "./onnx/import.ts";
import type { ImportOptions } from "./onnx/options.ts";
import { readModel } from "./onnx/proto.ts";
import { passes } from "./passes.ts";
import { type Instrument, parsePipeline, runPipeline } from "./rewrite/pipeline.ts";
import { Session } from "./runtime/session.ts";
import { CompileError, Diagnostics, fault } from "./support/diagnostic.ts";
import { unknownLocation } from "./support/location.ts";
import { nearest } from "./support/nearest.ts";

export type CompileOptions = Omit<ImportOptions, "diagnostics" | "needs"> & {
  /** `wasm-simd` unless another is named. */
  readonly target?: string;
  /** The pipeline in place of the target's own. */
  readonly pipeline?: string;
  /** Name of the model, for the manifest; the file's name without its ending by default. */
  readonly name?: string;
  /** Write function names into the code. */
  readonly names?: boolean;
  /** What watches the passes. */
  readonly instruments?: readonly Instrument[];
  /** Collects remarks and warnings. Errors are thrown, all of them at once. */
  readonly diagnostics?: Diagnostics;
};

export function targetNamed(name: string): Target {
  const found = targets.find((t) => t.name === name);
  if (found) return found;
  const near = nearest(
    name,
    targets.map((t) => t.name),
  );
  throw fault("cli/usage", unknownLocation, `no target "${name}"`, {
    help: near ? `did you mean "${near}"?` : `targets: ${targets.map((t) => t.name).join(", ")}`,
  });
}

/** Reads and imports a model. Throws a CompileError with everything that is wrong with it. */
export function importBytes(bytes: Uint8Array, options: CompileOptions = {}): Operation {
  const diagnostics = options.diagnostics ?? new Diagnostics();
  const file = options.file ?? "model.onnx";
  const before = diagnostics.errorCount;
  const model = readModel(bytes, { diagnostics, file });
  const module = model && importModel(model, { ...options, file, diagnostics });
  // Reading leaves out what it cannot read; the rest has been looked at, but is no model.
  if (!module || diagnostics.errorCount > before) throw new CompileError(diagnostics.list.slice());
  return module;
}

/** Runs a pipeline on a module, in place. Throws a CompileError if a pass fails. */
export function lower(module: Operation, pipeline: string, options: CompileOptions = {}): void {
  const diagnostics = options.diagnostics ?? new Diagnostics();
  const parsed = parsePipeline(pipeline, passes, diagnostics);
  const env = { context: new Context(dialects), diagnostics };
  const done = parsed && runPipeline(parsed, module, env, { instruments: options.instruments ?? [] });
  if (!done) throw new CompileError(diagnostics.list.slice());
}

/** Compiles a model for a target. Throws a CompileError with everything that is wrong. */
export function compileModel(bytes: Uint8Array, options: CompileOptions = {}): Artifact {
  const target = targetNamed(options.target ?? "wasm-simd");
  const module = importBytes(bytes, options);
  lower(module, options.pipeline ?? target.pipeline, options);
  return compileModule(module, options);
}

/** Writes what a target's pipeline has left of a model. */
export function compileModule(module: Operation, options: CompileOptions = {}): Artifact {
  const target = targetNamed(options.target ?? "wasm-simd");
  const model = options.name ?? (options.file ?? "model").replace(/^.*[/\\]/, "").replace(/\.onnx$/, "");
  return target.emit(module, { model, names: options.names ?? false });
}

/** A compiled model: its code and weights, ready to run here or to be written to disk. */
export interface Compiled extends Artifact {
  /**
   * An instance with memory of its own.
   * @throws CompileError if the target makes texts for another compiler, which cannot be run here
   */
  load(): Promise<Session>;
  /** The files to ship, by name, in the order in which they are to be written. */
  files(): Promise<ReadonlyMap<string, Uint8Array>>;
  /** What is worth knowing: kernels, sizes, memory. */
  facts(): Promise<readonly Fact[]>;
  /** A text that shows the code; which there are depends on the target. Undefined if it has none of this name. */
  listing(name: string): Promise<string> | undefined;
}

/** Compiles a model. Throws a CompileError with all diagnostics. */
export async function compile(bytes: Uint8Array, options: CompileOptions = {}): Promise<Compiled> {
  const target = targetNamed(options.target ?? "wasm-simd");
  const artifact = compileModel(bytes, options);
  const files = (): Promise<ReadonlyMap<string, Uint8Array>> => target.files(artifact);
  return {
    ...artifact,
    load: () => loadArtifact(target, artifact),
    files,
    facts: async () => target.facts(artifact, await files()),
    listing: (name) => target.listings?.[name]?.(artifact),
  };
}

async function loadArtifact(target: Target, artifact: Artifact): Promise<Session> {
  if (target.runtime === "wasm") return Session.load(artifact);
  throw fault("cli/usage", unknownLocation, `what is compiled for ${target.name} cannot be run here`, {
    help: "write it to a folder and build it for its machine",
  });
}
