/**
 * @file Who can be compared: what we have compiled, by the loader that ships with it, and other runtimes, which are
 * optional installs. Each is loaded as its users would, and hands over fresh inputs in each run.
 */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { compileFunction } from "node:vm";
import type { Port, TypedArray } from "../index.ts";

export type PortSpec = Pick<Port, "name" | "type" | "shape">;

/** One who is measured; it travels between processes. */
export interface Contender {
  readonly label: string;
  readonly kind: keyof typeof contenders;
  /** The folder of a compiled model, or the model itself. */
  readonly path: string;
  readonly threads: number;
  readonly inputs: readonly PortSpec[];
  readonly outputs: readonly PortSpec[];
  /** For adapters: the module. */
  readonly module?: string;
  readonly options?: Readonly<Record<string, string>>;
  /** Flags of node for its process. */
  readonly nodeArgs?: readonly string[];
}

export interface Runner {
  run(): unknown;
  /** What the last run has answered, if it can be compared. */
  outputs?(): readonly Float64Array[] | Promise<readonly Float64Array[]>;
  /** Milliseconds of loading that users do not wait for, such as translating the model. */
  readonly setAside?: number;
  readonly info?: Readonly<Record<string, unknown>>;
}

type Inputs = Readonly<Record<string, TypedArray>>;

interface Kind {
  readonly doc: string;
  load(contender: Contender, inputs: Inputs): Promise<Runner>;
}

/** A package that is not installed; the message says how to install it. */
function missing(packageName: string, what: string): Error {
  return Object.assign(new Error(`${what} needs the package ${packageName}: npm install ${packageName}`), {
    missing: packageName,
  });
}

/** Packages are looked for from where the command was called: they are the user's. */
const userRequire = createRequire(join(process.cwd(), "package.json"));

/** @throws Error with `missing` if it is not installed */
export async function userPackage<T>(name: string, what: string): Promise<T> {
  let path: string;
  try {
    path = userRequire.resolve(name);
  } catch {
    throw missing(name, what);
  }
  return (await import(pathToFileURL(path).href)) as T;
}

const asDoubles = (a: ArrayLike<number | bigint>): Float64Array => Float64Array.from(a, Number);

// --- our own --------------------------------------------------------------------------------------------------

interface ShippedSession {
  run(inputs: Inputs): Record<string, TypedArray>;
}
interface Shipped {
  load(options: object): Promise<ShippedSession>;
}

async function loadShipped({ path, threads, outputs, options }: Contender, inputs: Inputs): Promise<Runner> {
  const { load } = (await import(pathToFileURL(path).href)) as Shipped;
  const session = await load({ ...(threads > 1 ? { threads } : {}), ...options });
  let last: Record<string, TypedArray> = {};
  return {
    run() {
      last = session.run(inputs);
    },
    outputs: () => outputs.map((o) => asDoubles(last[o.name]! as ArrayLike<number | bigint>)),
    info: { variant: (session as { variant?: string }).variant },
  };
}

// --- onnxruntime ----------------------------------------------------------------------------------------------

interface OrtTensor {
  readonly data: ArrayLike<number | bigint>;
}
interface Ort {
  readonly default?: Ort;
  readonly env: { wasm?: { numThreads?: number }; logLevel?: string; versions?: Record<string, string> };
  readonly Tensor: new (type: string, data: TypedArray | Uint8Array, dims: readonly number[]) => OrtTensor;
  readonly InferenceSession: {
    create(
      model: Uint8Array,
      options: object,
    ): Promise<{ run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>> }>;
  };
}

async function loadOrt(name: string, provider: string, contender: Contender, inputs: Inputs): Promise<Runner> {
  const imported = await userPackage<Ort>(name, contender.label);
  const ort = imported.default ?? imported;
  if (ort.env.wasm) ort.env.wasm.numThreads = contender.threads;
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(readFileSync(contender.path), {
    executionProviders: [provider],
    intraOpNumThreads: contender.threads,
    interOpNumThreads: 1,
    graphOptimizationLevel: "all",
    logSeverityLevel: 3,
  });
  const feeds = Object.fromEntries(
    contender.inputs.map((p) => [p.name, new ort.Tensor(p.type, inputs[p.name]!, p.shape)]),
  );
  let last: Record<string, OrtTensor> = {};
  return {
    async run() {
      last = await session.run(feeds);
    },
    outputs: () => contender.outputs.map((o) => asDoubles(last[o.name]!.data)),
    info: { version: ort.env.versions?.common },
  };
}

// --- runtimes with a format of their own ----------------------------------------------------------------------

/** A file that lies beside the model under its name with another ending. */
function besideModel(path: string, ending: string, what: string): string {
  const file = path.replace(/\.onnx$/i, ending);
  if (existsSync(file)) return file;
  throw new Error(
    `${what} reads a format of its own: put the converted model beside this one, under its name with ${ending}`,
  );
}

interface LiteRtTensor {
  delete(): void;
  toTypedArray(): TypedArray;
}
interface LiteRt {
  loadLiteRt(path: string): Promise<void>;
  loadAndCompile(
    model: Uint8Array,
    options: object,
  ): Promise<{
    getInputDetails(): readonly { readonly shape: ArrayLike<number>; readonly dtype: string }[];
    run(inputs: readonly LiteRtTensor[]): Promise<readonly LiteRtTensor[]>;
  }>;
  readonly Tensor: new (data: TypedArray, shape: readonly number[]) => LiteRtTensor;
}

/** LiteRT.js expects a browser's worker: it is given the few globals that it asks for. */
async function loadLiteRt(contender: Contender): Promise<Runner> {
  const model = readFileSync(besideModel(contender.path, ".tflite", "LiteRT.js"));
  const g = globalThis as Record<string, unknown>;
  g.self = globalThis;
  g.GPUBuffer ??= class {};
  const gpu = { requestAdapter: async () => null };
  Object.defineProperty(globalThis, "navigator", { value: { gpu }, configurable: true });
  const core = await userPackage<LiteRt>("@litertjs/core", contender.label);
  const folder = join(dirname(userRequire.resolve("@litertjs/core/package.json")), "wasm", "/");
  g.importScripts = (url: string) => {
    const file = join(folder, basename(String(url)));
    const module = { exports: undefined as unknown };
    const text = readFileSync(file, "utf8");
    // Its loader is a classic script, which also exports itself as CommonJS.
    const names = ["module", "exports", "require", "__filename", "__dirname"];
    compileFunction(text, names, { filename: file })(module, {}, createRequire(file), file, folder);
    g.ModuleFactory = module.exports;
    g.Module = { locateFile: (f: string) => folder + f, print() {}, printErr() {} };
  };
  await core.loadLiteRt(folder);
  const compiled = await core.loadAndCompile(model, { accelerator: "wasm" });
  const inputs = compiled.getInputDetails().map(({ shape, dtype }) => {
    const dims = Array.from(shape);
    const count = dims.reduce((a, b) => a * b, 1);
    const data =
      dtype === "int32" ? new Int32Array(count) : Float32Array.from({ length: count }, (_, i) => Math.sin(i));
    return { data, dims };
  });
  return {
    async run() {
      const tensors = inputs.map((i) => new core.Tensor(i.data, i.dims));
      const results = await compiled.run(tensors);
      for (const t of tensors) t.delete();
      for (const t of results) {
        t.toTypedArray();
        t.delete();
      }
    },
  };
}

interface TfTensor {
  dataSync(): TypedArray;
  dispose(): void;
}
interface Tf {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  tensor(data: TypedArray, shape: readonly number[], dtype: string): TfTensor;
}
interface TfConverter {
  loadGraphModel(source: object): Promise<{
    readonly inputs: readonly { readonly name: string; readonly shape: readonly number[]; readonly dtype: string }[];
    execute(inputs: Record<string, TfTensor>): TfTensor | readonly TfTensor[];
  }>;
}

async function loadTfjs(contender: Contender): Promise<Runner> {
  const file = besideModel(contender.path, ".tfjs/model.json", "tfjs");
  const tf = await userPackage<Tf>("@tensorflow/tfjs-core", contender.label);
  const wasm = await userPackage<{ setWasmPaths(path: string): void }>(
    "@tensorflow/tfjs-backend-wasm",
    contender.label,
  );
  const { loadGraphModel } = await userPackage<TfConverter>("@tensorflow/tfjs-converter", contender.label);
  wasm.setWasmPaths(join(dirname(userRequire.resolve("@tensorflow/tfjs-backend-wasm")), "/"));
  await tf.setBackend("wasm");
  await tf.ready();
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(file, "utf8")) as {
    modelTopology: object;
    weightsManifest: { paths: string[]; weights: object[] }[];
  };
  const parts = weightsManifest.flatMap((w) => w.paths.map((p) => readFileSync(join(dirname(file), p))));
  const bytes = Buffer.concat(parts);
  const model = await loadGraphModel({
    load: async () => ({
      modelTopology,
      weightSpecs: weightsManifest.flatMap((w) => w.weights),
      weightData: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
    }),
  });
  const inputs = model.inputs.map(({ name, shape, dtype }) => {
    const dims = shape.map((d) => Math.max(1, d));
    const count = dims.reduce((a, b) => a * b, 1);
    const data =
      dtype === "int32" ? new Int32Array(count) : Float32Array.from({ length: count }, (_, i) => Math.sin(i));
    return { name, dims, dtype, data };
  });
  return {
    run() {
      const feeds = Object.fromEntries(inputs.map((i) => [i.name, tf.tensor(i.data, i.dims, i.dtype)]));
      const answer = model.execute(feeds);
      for (const t of [answer].flat() as TfTensor[]) {
        t.dataSync();
        t.dispose();
      }
      for (const t of Object.values(feeds)) t.dispose();
    },
  };
}

// --- anybody else ---------------------------------------------------------------------------------------------

interface Adapter {
  load(
    bytes: Uint8Array,
    entry: object,
    options: object,
  ): Promise<{ run(): unknown; canonical?(result: unknown): ArrayLike<number>[]; info?: Record<string, unknown> }>;
}

/** A module that exports `load(bytes, { inputs, outputs }, { inputs, threads, … }) → { run, canonical? }`. */
async function loadAdapter(contender: Contender, inputs: Inputs): Promise<Runner> {
  const { load } = (await import(pathToFileURL(resolve(contender.module!)).href)) as Adapter;
  const ports = (list: readonly PortSpec[]): object[] =>
    list.map(({ name, type, shape }) => ({ name, type, dims: shape }));
  const name = basename(contender.path).replace(/\.onnx$/i, "");
  const entry = {
    name,
    file: basename(contender.path),
    inputs: ports(contender.inputs),
    outputs: ports(contender.outputs),
  };
  const options = { inputs, threads: contender.threads, ...contender.options };
  const peer = await load(readFileSync(contender.path), entry, options);
  let last: unknown;
  return {
    async run() {
      last = await peer.run();
    },
    outputs: () => (peer.canonical ? peer.canonical(last) : (last as ArrayLike<number>[])).map(asDoubles),
    setAside: Number(peer.info?.convertMs ?? 0),
    ...(peer.info ? { info: peer.info } : {}),
  };
}

export const contenders = {
  sluice: { doc: "what sluice compiles", load: loadShipped },
  "ort-web": {
    doc: "onnxruntime-web, WebAssembly",
    load: (c, inputs) => loadOrt("onnxruntime-web", "wasm", c, inputs),
  },
  "ort-node": {
    doc: "onnxruntime-node, native",
    load: (c, inputs) => loadOrt("onnxruntime-node", "cpu", c, inputs),
  },
  litert: { doc: "LiteRT.js, WebAssembly; reads MODEL.tflite beside MODEL.onnx", load: loadLiteRt },
  tfjs: { doc: "tfjs, WebAssembly; reads MODEL.tfjs/model.json beside MODEL.onnx", load: loadTfjs },
  adapter: { doc: "a module that says how another runtime is called", load: loadAdapter },
} as const satisfies Readonly<Record<string, Kind>>;
