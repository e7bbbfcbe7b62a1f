/**
 * @file Models that a device cannot run whole, in parts: what its target refuses runs on the host, as WebAssembly. Only by
 * explicit wish (`allowHost`): each boundary costs a read-back, and is told.
 */
import { commentText, fieldsText, portDeclaration } from "./codegen/loader-text.ts";
import { splitText } from "./codegen/split-text.ts";
import type { Artifact, Fact } from "./codegen/target.ts";
import {
  type Compiled,
  type CompileOptions,
  compile,
  compileModule,
  type GpuCompiled,
  importBytes,
  lower,
  modelNameOf,
  targetNamed,
} from "./compile.ts";
import type { Operation, Value } from "./ir/core.ts";
import { elementOf, isShaped } from "./ir/types.ts";
import { type Part, type Partition, partition, type Side } from "./lowering/graph/partition.ts";
import type { Manifest, Port } from "./runtime/manifest.ts";
import { type GpuLoadOptions, GpuSession, Session } from "./runtime/session.ts";
import { SplitSession } from "./runtime/split.ts";
import { CompileError, type Diagnostic, Diagnostics, fault } from "./support/diagnostic.ts";
import { type Location, nodesIn, unknownLocation } from "./support/location.ts";

/** What runs on the host is compiled for this target. */
const hostTarget = "wasm-simd";

interface CompiledPart extends Part {
  readonly artifact: Artifact;
}

/** A value that one side makes and the other takes. */
export interface Boundary extends Port {
  readonly to: Side;
}

export interface Split {
  readonly model: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly parts: readonly CompiledPart[];
  readonly boundaries: readonly Boundary[];
  /** Outputs of the model, and the values that they are. */
  readonly values: Partition["outputs"];
  /** Why something runs on the host. */
  readonly reasons: readonly Diagnostic[];
}

/**
 * Compiles a model in parts. The target is asked for all of it; what it refuses goes to the host, until it refuses
 * nothing any more.
 * @throws CompileError if the model is at fault, or if nothing is left for the device
 */
export function compileSplit(bytes: Uint8Array, options: CompileOptions, refused: CompileError): Split {
  const module = importBytes(bytes, options);
  const target = targetNamed(options.target ?? hostTarget, options.settings);
  const nodes = new Set<string>();
  const ops = new Set<Operation>();
  const reasons: Diagnostic[] = [];
  const sideOf = (op: Operation): Side =>
    ops.has(op) || nodesOf(op.loc).some((n) => nodes.has(n)) ? "host" : "device";
  /** Sends what is refused of some operations to the host: what diagnostics name, or what is the likely cause, or all. */
  const send = (error: CompileError, tried: readonly Operation[]): void => {
    const faults = error.diagnostics.filter((d) => d.severity === "error");
    if (faults.length === 0 || !faults.every((d) => d.code === "target/unsupported")) throw error;
    for (const d of faults) if (!reasons.some((r) => r.message === d.message)) reasons.push(d);
    const left = (): Operation[] => tried.filter((op) => sideOf(op) === "device");
    const before = left().length;
    for (const n of faults.flatMap((d) => nodesOf(d.at))) nodes.add(n);
    if (left().length === before) for (const op of tried.filter(isWide)) ops.add(op);
    if (left().length === before) for (const op of tried) ops.add(op);
  };
  const compilePart = (part: Part, i: number): CompiledPart => {
    const name = part.side === "device" ? target.name : hostTarget;
    // Who watches has seen the model whole.
    const fresh = { ...options, diagnostics: new Diagnostics(), instruments: [] };
    lower(part.module, targetNamed(name).pipeline, fresh);
    const model = `${modelNameOf(options)}.p${i}`;
    return { ...part, artifact: compileModule(part.module, { ...fresh, target: name, settings: {}, name: model }) };
  };
  send(
    refused,
    partition(module, () => "device").parts.flatMap((p) => p.ops),
  );
  for (;;) {
    const cut = partition(module, sideOf);
    if (cut.parts.every((p) => p.side === "host")) throw refused;
    const parts: CompiledPart[] = [];
    for (const [i, part] of cut.parts.entries()) {
      try {
        parts.push(compilePart(part, i));
      } catch (error) {
        if (!(error instanceof CompileError) || part.side === "host") throw error;
        send(error, part.ops);
        break;
      }
    }
    if (parts.length === cut.parts.length) return describe(modelNameOf(options), parts, cut, reasons);
  }
}

/** A model compiled in parts. */
export type SplitCompiled = Compiled<SplitSession, [options?: GpuLoadOptions]>;

/**
 * Compiles a model for a device: whole if that is possible, otherwise in parts.
 * @throws CompileError if the model is at fault, or nothing of it can run on the device
 */
export async function compileAllowingHost(
  bytes: Uint8Array,
  options: CompileOptions,
): Promise<GpuCompiled | SplitCompiled> {
  const target = targetNamed(options.target ?? hostTarget, options.settings);
  if (target.runtime !== "webgpu") {
    throw fault("cli/usage", unknownLocation, `${target.name} runs on the host: there is nothing to allow`, {
      help: "--allow-host is for the target wgsl",
    });
  }
  const first = new Diagnostics();
  try {
    const whole = await compile(bytes, { ...options, target: "wgsl", diagnostics: first });
    for (const d of first.list) options.diagnostics?.report(d);
    return whole;
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    const split = compileSplit(bytes, options, error);
    const files = (): Promise<ReadonlyMap<string, Uint8Array>> => splitFiles(split);
    return {
      ...splitArtifact(split, target.name),
      load: (given) => loadSplit(split, given),
      files,
      facts: async () => splitFacts(split),
      resources: () => undefined,
      listing: () => undefined,
    };
  }
}

/** Numbers that no device of ours has. */
const isWide = (op: Operation): boolean =>
  [...op.operands, ...op.results].some((v: Value) => {
    if (!isShaped(v.type)) return false;
    const e = elementOf(v.type);
    return e.kind === "float" && e.width === 64;
  });

/** Keys of the model's nodes that a place is in. */
const nodesOf = (l: Location): string[] => nodesIn(l).map((n) => `${n.index} ${n.name} ${n.opType}`);

function describe(
  model: string,
  parts: readonly CompiledPart[],
  cut: Partition,
  reasons: readonly Diagnostic[],
): Split {
  const made = new Map<string, { readonly port: Port; readonly side: Side | undefined }>();
  const boundaries = new Map<string, Boundary>();
  for (const { side, artifact } of parts) {
    for (const port of artifact.manifest.inputs) {
      const from = made.get(port.name);
      if (!from) made.set(port.name, { port, side: undefined });
      else if (from.side !== undefined && from.side !== side) {
        boundaries.set(`${port.name} ${side}`, { ...port, to: side });
      }
    }
    for (const port of artifact.manifest.outputs) if (!made.has(port.name)) made.set(port.name, { port, side });
  }
  const inputs = cut.inputs.map((name) => made.get(name)!.port);
  const outputs = cut.outputs.map(([name, value]) => ({ ...made.get(value)!.port, name }));
  return { model, inputs, outputs, parts, boundaries: [...boundaries.values()], values: cut.outputs, reasons };
}

/** The parts, loaded: one device for all that need one. */
export async function loadSplit(split: Split, options?: GpuLoadOptions): Promise<SplitSession> {
  const loaded = await Promise.all(
    split.parts.map(({ side, artifact }) =>
      side === "device" ? GpuSession.load(artifact, options) : Session.load(artifact),
    ),
  );
  return new SplitSession(split, loaded, split.values);
}

const textEncoder = new TextEncoder();

/** Files of the parts, and a module that loads and runs them. */
export async function splitFiles(split: Split): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const { side, artifact } of split.parts) {
    const target = targetNamed(side === "device" ? artifact.manifest.target : hostTarget);
    for (const [name, bytes] of await target.files(artifact)) {
      files.set(name === "manifest.json" ? `${artifact.manifest.model}.manifest.json` : name, bytes);
    }
  }
  files.set(`${split.model}.js`, textEncoder.encode(loaderText(split)));
  files.set(`${split.model}.d.ts`, textEncoder.encode(declarationText(split)));
  const manifest = {
    format: "sluice-split",
    version: 1,
    model: split.model,
    inputs: split.inputs,
    outputs: split.outputs,
    parts: split.parts.map((p) => ({
      side: p.side,
      manifest: `${p.artifact.manifest.model}.manifest.json`,
      inputs: p.inputs,
      outputs: p.outputs,
    })),
    boundaries: split.boundaries,
  };
  files.set("manifest.json", textEncoder.encode(`${JSON.stringify(manifest)}\n`));
  return files;
}

const runPort = ({ name, type, shape }: Port): object => ({ name, type, shape });

function loaderText({ model, inputs, outputs, parts, values }: Split): string {
  const imports = parts.map(
    ({ artifact }, i) => `import { load as load${i} } from ${JSON.stringify(`./${artifact.manifest.model}.js`)};`,
  );
  const loads = parts.map((p, i) => `load${i}(${p.side === "device" ? "options" : ""})`);
  return `// ${commentText(model)}: compiled by sluice in parts, some for WebGPU and some for WebAssembly.
${imports.join("\n")}
${splitText}
export const inputs = ${JSON.stringify(inputs.map(runPort))};
export const outputs = ${JSON.stringify(outputs.map(runPort))};
const values = ${JSON.stringify(values)};

/** Loads the model; options are those of parts on WebGPU: device, gpu, progress. */
export async function load(options = {}) {
  const loaded = await Promise.all([${loads.join(", ")}]);
  return new SplitSession({ inputs, outputs }, loaded, values);
}
`;
}

const declarationText = ({
  model,
  inputs,
  outputs,
}: Split): string => `// ${commentText(model)}: compiled by sluice in parts.
export interface Inputs {
${fieldsText(inputs)}
}
export interface Outputs {
${fieldsText(outputs)}
}
${portDeclaration}
export interface Session {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  run(inputs: Inputs): Promise<Outputs>;
  dispose(): void;
}
export declare const inputs: readonly Port[];
export declare const outputs: readonly Port[];
export declare function load(options?: {
  readonly device?: GPUDevice;
  readonly gpu?: GPU;
  readonly progress?: (done: number, total: number) => void;
}): Promise<Session>;
`;

/** What runs where, why, and what crosses between. */
export function splitFacts(split: Split): Fact[] {
  const host = split.parts.filter((p) => p.side === "host");
  const device = split.parts.filter((p) => p.side === "device");
  const dispatches = device.reduce((n, p) => n + p.artifact.manifest.gpu!.steps.length, 0);
  const nodes = [...new Set(host.flatMap((p) => p.ops.map((op) => op.name)))];
  return [
    { name: "parts", value: split.parts.map((p) => p.side).join(", ") },
    { name: "dispatches", value: String(dispatches) },
    { name: "on the host", value: nodes.join(", ") },
    ...split.reasons.map((d) => ({ name: "because", value: d.message })),
    ...split.boundaries.map((b) => ({
      name: "boundary",
      value: `"${b.name}" to the ${b.to}: ${b.type} [${b.shape.join(", ")}], ${b.bytes} B`,
    })),
    { name: "across", value: { bytes: split.boundaries.reduce((n, b) => n + b.bytes, 0) } },
    { name: "read-backs", value: String(device.length) },
    { name: "GPU memory", value: { bytes: device.reduce((n, p) => n + p.artifact.manifest.memory.bytes, 0) } },
  ];
}

/** The whole as one artifact has no code of its own: its parts have. */
export const splitArtifact = (split: Split, target: string): Artifact => {
  const sum = (of: (m: Manifest) => number): number => split.parts.reduce((n, p) => n + of(p.artifact.manifest), 0);
  return {
    manifest: {
      format: "sluice-artifact",
      version: 1,
      target,
      model: split.model,
      inputs: split.inputs,
      outputs: split.outputs,
      memory: {
        bytes: sum((m) => m.memory.bytes),
        weights: { offset: 0, bytes: sum((m) => m.memory.weights.bytes) },
        arena: { offset: 0, bytes: sum((m) => m.memory.arena.bytes) },
      },
      kernels: split.parts.flatMap((p) => p.artifact.manifest.kernels),
    },
    code: new Uint8Array(0),
    weights: new Uint8Array(0),
  };
};
