/** @file The whole path on one page: a model's bytes → a module → the target's pipeline → an artifact. */
import { targets } from "./codegen/index.ts";
import { type Artifact, type Fact, type Resources, type Target, type Variant, withFields } from "./codegen/target.ts";
import { alternativeOf } from "./dialects/alternative.ts";
import { func } from "./dialects/func.ts";
import { dialects } from "./dialects/index.ts";

export { nodesOf } from "./dialects/graph/count.ts";
export { workOf } from "./dialects/linalg/count.ts";

import { Context } from "./ir/context.ts";
import type { Operation } from "./ir/core.ts";
import { isKernel } from "./lowering/linalg/outline.ts";
import { giveSchedules, type KernelSchedule, type Schedules, scheduleOf } from "./lowering/linalg/schedule-file.ts";
import { importModel } from "./onnx/import.ts";
import type { ImportOptions } from "./onnx/options.ts";
import { readModel } from "./onnx/proto.ts";
import { passes } from "./passes.ts";
import { Fork } from "./rewrite/fork.ts";
import { type Numerics, setNumerics } from "./rewrite/numerics.ts";
import { type Instrument, type Pipeline, parsePipeline, runPipeline, type StepRun } from "./rewrite/pipeline.ts";
import { offers } from "./runtime/features.ts";
import { plainVariant, type VariantCode } from "./runtime/manifest.ts";
import type { NativeOptions } from "./runtime/native.ts";
import { type GpuLoadOptions, GpuSession, type LoadOptions, Session } from "./runtime/session.ts";
import { CompileError, Diagnostics, fault, invariant } from "./support/diagnostic.ts";
import { unknownLocation } from "./support/location.ts";
import { nearest } from "./support/nearest.ts";

export type CompileOptions = Omit<ImportOptions, "diagnostics" | "needs"> & {
  /** `wasm-simd` unless another is named. */
  readonly target?: string;
  /** What the target leaves to choose, by name (its `settings`). `compile` takes `cpu: "native"` for this machine. */
  readonly settings?: Readonly<Record<string, string>>;
  /** The pipeline in place of the target's own. */
  readonly pipeline?: string;
  /** What the target refuses may run on the host, in parts, as far as the target is a device's. Only `compile` asks. */
  readonly allowHost?: boolean;
  /** Name of the model, for the manifest; the file's name without its ending by default. */
  readonly name?: string;
  /**
   * Which code is made beside the target's own: that which loaders choose by themselves ("automatic", the default), "all"
   * variants there are, those that are named, or "here", the one that suits this engine best in place of the target's own,
   * for programs that run what they have just compiled.
   */
  readonly variants?: "automatic" | "all" | "here" | readonly string[];
  /**
   * What may be changed for speed: nothing (`strict`), the last few bits of results (`default`), or more (`fast`).
   * docs/numerics.md lists every rewrite that is not exact, its bound, and the policy that it needs.
   */
  readonly numerics?: Numerics;
  /** How kernels run, by machine and kernel, in place of what would be chosen (`schedulesOf` says what that is). */
  readonly schedules?: Schedules;
  /** Write function names into the code. */
  readonly names?: boolean;
  /** What watches the passes. */
  readonly instruments?: readonly Instrument[];
  /** Collects remarks and warnings. Errors are thrown, all of them at once. */
  readonly diagnostics?: Diagnostics;
};

/** A target, with the settings that are given; faults in any of them are thrown together. */
export function targetNamed(name: string, settings: Readonly<Record<string, string>> = {}): Target {
  const found = targets.find((t) => t.name === name);
  if (found) return configured(found, settings);
  const near = nearest(
    name,
    targets.map((t) => t.name),
  );
  throw fault("cli/usage", unknownLocation, `no target "${name}"`, {
    help: near ? `did you mean "${near}"?` : `targets: ${targets.map((t) => t.name).join(", ")}`,
  });
}

function configured(target: Target, settings: Readonly<Record<string, string>>): Target {
  const diagnostics = new Diagnostics();
  const known = target.settings ?? {};
  for (const [name, value] of Object.entries(settings)) {
    const setting = known[name];
    if (setting?.values.includes(value)) continue;
    const choices = setting ? setting.values : Object.keys(known);
    const near = nearest(setting ? value : name, choices);
    const message = setting
      ? `"${value}" is no ${name} of the target ${target.name}`
      : `the target ${target.name} has no setting "${name}"`;
    diagnostics.error("cli/usage", unknownLocation, message, {
      help: near ? `did you mean "${near}"?` : choices.length > 0 ? `there are: ${choices.join(", ")}` : "it has none",
    });
  }
  diagnostics.throwIfErrors();
  return Object.keys(settings).length > 0 ? (target.configured?.(settings) ?? target) : target;
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
  setNumerics(module, options.numerics ?? "default");
  if (options.schedules) giveSchedules(module, options.schedules);
  return module;
}

function readPipeline(text: string): Pipeline {
  const diagnostics = new Diagnostics();
  const pipeline = parsePipeline(text, passes, diagnostics);
  if (!pipeline) throw new CompileError(diagnostics.list.slice());
  return pipeline;
}

/** Runs a pipeline on a module, in place. Throws a CompileError if a pass fails. */
export function lower(module: Operation, pipeline: string, options: CompileOptions = {}): void {
  runSteps(module, readPipeline(pipeline), options);
}

function runSteps(module: Operation, pipeline: Pipeline, options: CompileOptions): void {
  const diagnostics = options.diagnostics ?? new Diagnostics();
  const env = { context: new Context(dialects), diagnostics };
  const done = runPipeline(pipeline, module, env, { instruments: options.instruments ?? [] });
  if (!done) throw new CompileError(diagnostics.list.slice());
}

/** Stops a pipeline in front of a pass. */
class Before implements Instrument {
  readonly #pass: string;
  module: Operation | undefined;

  constructor(pass: string) {
    this.#pass = pass;
  }

  before({ step, root }: StepRun): void {
    if (step.pass.name === this.#pass) {
      this.module = root;
      throw this;
    }
  }
}

/**
 * The schedules that are chosen for a model's kernels (or given, where `options.schedules` has some), by machine: those of
 * the target's own code, and of the variants that are named in `options.variants`.
 */
export function schedulesOf(bytes: Uint8Array, options: CompileOptions = {}): Schedules {
  const target = targetNamed(options.target ?? "wasm-simd", options.settings);
  const { main, others } = variantsFor(target, options.variants ?? []);
  const found: Record<string, Record<string, KernelSchedule>> = {};
  for (const text of [main?.pipeline ?? target.pipeline, ...others.map((v) => v.pipeline)]) {
    const pipeline = readPipeline(text);
    const chooses = pipeline.steps.find((s) => s.pass.name === "linalg-schedule");
    const machine = String(chooses?.options.machine);
    const stop = new Before("linalg-to-loops");
    const module = importBytes(bytes, options);
    try {
      runSteps(module, pipeline, { ...options, instruments: [...(options.instruments ?? []), stop] });
    } catch (error) {
      if (error !== stop) throw error;
    }
    const kernels = [...module.region().entry].filter((fn) => isKernel(fn) && !alternativeOf(fn));
    found[machine] = Object.fromEntries(
      kernels.flatMap((fn) => {
        const schedule = scheduleOf(fn);
        return schedule ? [[func.of(fn).sym_name, schedule]] : [];
      }),
    );
  }
  return found;
}

/** Compiles a model for a target. Throws a CompileError with everything that is wrong. */
export function compileModel(bytes: Uint8Array, options: CompileOptions = {}): Artifact {
  const target = targetNamed(options.target ?? "wasm-simd", options.settings);
  const module = importBytes(bytes, options);
  const { main, others } = options.pipeline === undefined ? variantsFor(target, options.variants, module) : nothingElse;
  const fork = new Fork(new Map(others.map((v) => [v.name, readPipeline(v.pipeline)])));
  const pipeline = readPipeline(options.pipeline ?? main?.pipeline ?? target.pipeline);
  runSteps(module, pipeline, { ...options, instruments: [fork, ...(options.instruments ?? [])] });
  const artifact = named(compileModule(module, options), main?.name);
  const variants = others.map(({ name, needs, automatic, threads = false }): VariantCode => {
    const branch = fork.branches.get(name)!;
    runSteps(branch.module, branch.pipeline, { ...options, instruments: [] });
    const other = compileModule(branch.module, options, artifact);
    invariant(fitsBeside(other, artifact), `variant ${name} has the buffers and weights of the others`);
    return {
      name,
      needs,
      automatic,
      ...(threads ? { threads, memoryBytes: other.manifest.memory.bytes } : {}),
      code: other.code,
    };
  });
  return variants.length > 0 ? withFields(artifact, { variants }) : artifact;
}

const named = (artifact: Artifact, variant: string | undefined): Artifact =>
  variant === undefined ? artifact : withFields(artifact, { manifest: { ...artifact.manifest, variant } });

interface Making {
  /** In place of the target's own. */
  readonly main: Variant | undefined;
  readonly others: readonly Variant[];
}
const nothingElse: Making = { main: undefined, others: [] };

/** The variant of a name; undefined for the target's own code. Throws a CompileError if there is none. */
export function variantNamed(target: Target, name: string): Variant | undefined {
  const found = (target.variants ?? []).find((v) => v.name === name);
  if (found || name === plainVariant) return found;
  throw fault("cli/usage", unknownLocation, `${target.name} has no variant "${name}"`, {
    help: `variants: ${[plainVariant, ...(target.variants ?? []).map((v) => v.name)].join(", ")}`,
  });
}

/** The code that is made: the artifact's own, and what is beside it. */
function variantsFor(
  target: Target,
  wanted: CompileOptions["variants"] = "automatic",
  module: Operation | undefined = undefined,
): Making {
  const made = target.variants ?? [];
  const all = module && typeof wanted === "string" ? made.filter((v) => v.suits?.(module) ?? true) : made;
  if (wanted === "all") return { main: undefined, others: all };
  // Threads are asked for by number; which code runs on them, loaders choose.
  const chosen = (v: Variant): boolean => v.automatic || v.needs === "threads";
  if (wanted === "automatic") return { main: undefined, others: all.filter(chosen) };
  if (wanted === "here") return { main: all.filter((v) => v.automatic && offers(v.needs)).at(-1), others: [] };
  for (const name of wanted) variantNamed(target, name);
  return { main: undefined, others: all.filter((v) => wanted.includes(v.name)) };
}

/** Two codes may share memory: inputs, outputs and weights are the same, at the same places. */
function fitsBeside(a: Artifact, b: Artifact): boolean {
  const ports = (x: Artifact): string =>
    JSON.stringify([x.manifest.inputs, x.manifest.outputs, x.manifest.memory.weights]);
  const shared = a.laid !== undefined && a.laid === b.laid;
  return ports(a) === ports(b) && (shared || sameBytes(a.weights, b.weights));
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** What a model is called: as options say, or its file without folder and ending. */
export const modelNameOf = ({ name, file = "model" }: CompileOptions): string =>
  name ?? file.replace(/^.*[/\\]/, "").replace(/\.onnx$/, "");

/** Writes what a target's pipeline has left of a model, or of a variant of an artifact. */
export function compileModule(module: Operation, options: CompileOptions = {}, beside?: Artifact): Artifact {
  const target = targetNamed(options.target ?? "wasm-simd", options.settings);
  return target.emit(module, {
    model: modelNameOf(options),
    names: options.names ?? false,
    ...(beside ? { beside } : {}),
  });
}

/** A compiled model: its code and weights, ready to run here or to be written to disk. */
export interface Compiled<S = Session, O extends readonly unknown[] = [options?: LoadOptions]> extends Artifact {
  /**
   * An instance with memory of its own. For WebGPU, `load({ device })`, or `load()` on a device that it asks for.
   * @throws CompileError if the target makes texts for another compiler, which cannot be run here
   */
  load(...options: O): Promise<S>;
  /** The files to ship, by name, in the order in which they are to be written. */
  files(): Promise<ReadonlyMap<string, Uint8Array>>;
  /** What is worth knowing: kernels, sizes, memory. */
  facts(): Promise<readonly Fact[]>;
  /** What it takes of its machine; undefined where the target does not say. */
  resources(): Resources | undefined;
  /** A text that shows the code; which there are depends on the target. Undefined if it has none of this name. */
  listing(name: string): Promise<string> | undefined;
}

/** A model compiled for WebGPU. */
export type GpuCompiled = Compiled<GpuSession, [options?: GpuLoadOptions]>;

/**
 * Compiles a model. Throws a CompileError with all diagnostics. Weights are read from `bytes` when they are first wanted (by
 * `load`, `files` or `weights`): leave the bytes as they are until then.
 */
export function compile(bytes: Uint8Array, options: CompileOptions & { readonly target: "wgsl" }): Promise<GpuCompiled>;
export function compile(bytes: Uint8Array, options?: CompileOptions): Promise<Compiled>;
export async function compile(bytes: Uint8Array, given: CompileOptions = {}): Promise<Compiled | GpuCompiled> {
  const options = await forThisMachine(given);
  const target = targetNamed(options.target ?? "wasm-simd", options.settings);
  const artifact = compileModel(bytes, options);
  const files = (): Promise<ReadonlyMap<string, Uint8Array>> => target.files(artifact);
  const { laid: _, ...descriptors } = Object.getOwnPropertyDescriptors(artifact);
  const plain = Object.defineProperties({}, descriptors) as Artifact;
  return withFields(plain, {
    load: (given?: LoadOptions | GpuLoadOptions) => loadArtifact(target, artifact, given) as Promise<never>,
    files,
    facts: async () => target.facts(artifact, await files()),
    resources: () => target.resources?.(artifact),
    listing: (name: string) => target.listings?.[name]?.(artifact),
  });
}

/** `native` as a machine is the one that this runs on. */
export async function forThisMachine<O extends CompileOptions>(options: O): Promise<O> {
  if (options.settings?.cpu !== "native") return options;
  const { hostCpu } = await import("./runtime/native.ts");
  return { ...options, settings: { ...options.settings, cpu: hostCpu() } };
}

async function loadArtifact(
  target: Target,
  artifact: Artifact,
  options: LoadOptions | GpuLoadOptions | undefined,
): Promise<Session | GpuSession> {
  if (target.runtime === "wasm") return Session.load(artifact, options as LoadOptions | undefined);
  if (target.runtime === "webgpu") return GpuSession.load(artifact, options as GpuLoadOptions | undefined);
  if (target.runtime === "native") return loadHere(artifact);
  throw fault("cli/usage", unknownLocation, `what is compiled for ${target.name} cannot be run here`, {
    help: "write it to a folder and build it for its machine",
  });
}

/** Builds and loads C; what this machine lacks for that is a fault with a place in the catalogue. */
export async function loadHere(artifact: Artifact, options: NativeOptions = {}): Promise<Session> {
  const native = await import("./runtime/native.ts");
  try {
    return await native.loadNative(artifact, options);
  } catch (error) {
    if (!(error instanceof native.NativeError)) throw error;
    throw fault("native/missing", unknownLocation, error.message, { help: error.help });
  }
}
