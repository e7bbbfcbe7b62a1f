/**
 * @file Runs a model compiled to WGSL on a WebGPU device that the user passes in: in a page, or anywhere else where there
 * is one. Everything is made once, at load; a run is one submission with one compute pass and one read-back.
 */
import type { Binding, ElementType, GpuProgram, Manifest, Port } from "./manifest.ts";
import { arrayOf, checkArray, checkNames, type TypedArray } from "./tensor.ts";

export interface GpuArtifact {
  readonly manifest: Manifest;
  /** The shaders, one after the other, with lines `//` between them. */
  readonly code: Uint8Array | string;
  readonly weights: Uint8Array;
}

export interface GpuLoadOptions {
  /** The device to run on. Without it one is asked for that offers what the model needs, and given back by `dispose`. */
  readonly device?: GPUDevice;
  /** Where a device is asked for; `navigator.gpu` unless another is given. */
  readonly gpu?: GPU;
  /** Told how many of the pipelines are ready. */
  readonly progress?: (done: number, total: number) => void;
  /** Writes the dispatches of a run, in place of one pass with all of them: for those who take times. */
  readonly encode?: (encoder: GPUCommandEncoder, steps: readonly GpuStep[]) => void;
}

/** One dispatch, with everything that it needs. */
export interface GpuStep {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly grid: readonly [number, number, number];
}

/** What a run takes: typed arrays, or buffers of the device with a word of 32 bits for each element. */
export type GpuInput = TypedArray | GPUBuffer;

// The constants of WebGPU, which not every place that has a device has as globals.
const MAP_READ = 1;
const COPY_SRC = 4;
const COPY_DST = 8;
const UNIFORM = 64;
const STORAGE = 128;

const disposed = "the session is disposed";

/** One instance, with buffers of its own. Runs that overlap wait for each other. */
export class GpuSession {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly #device: GPUDevice;
  readonly #buffers: readonly GPUBuffer[];
  readonly #read: GPUBuffer;
  readonly #steps: readonly GpuStep[];
  readonly #encode: typeof onePass;
  readonly #ownsDevice: boolean;
  /** Where each output starts in the read-back buffer. */
  readonly #starts: readonly number[];
  #tail: Promise<unknown> = Promise.resolve();
  #gone: string | null = null;
  /** What the device has said since the last run, and nobody was waiting for. */
  #fault: string | null = null;
  readonly #listen = ({ error }: GPUUncapturedErrorEvent): void => {
    this.#fault ??= error.message;
  };

  private constructor(
    manifest: Manifest,
    device: GPUDevice,
    buffers: readonly GPUBuffer[],
    steps: readonly GpuStep[],
    options: GpuLoadOptions | undefined,
  ) {
    this.inputs = manifest.inputs;
    this.outputs = manifest.outputs;
    this.#device = device;
    this.#buffers = buffers;
    this.#steps = steps;
    this.#encode = options?.encode ?? onePass;
    this.#ownsDevice = !options?.device;
    let size = 0;
    this.#starts = manifest.outputs.map((p) => {
      size += bytesOf(p);
      return size - bytesOf(p);
    });
    this.#read = buffers.at(-1)!;
    device.addEventListener("uncapturederror", this.#listen);
    device.lost.then((info) => {
      this.#gone ??= lostText(info);
    });
  }

  /**
   * Makes pipelines (in parallel), buffers and bind groups.
   * @throws RangeError if the device offers less than the model needs; Error if there is no WebGPU, no adapter, or if the
   * device refuses something or is lost
   */
  static async load({ manifest, code, weights }: GpuArtifact, options?: GpuLoadOptions): Promise<GpuSession> {
    const program = manifest.gpu;
    if (!program) throw new TypeError(`what is compiled for ${manifest.target} does not run on WebGPU`);
    const { bytes } = manifest.memory.weights;
    if (weights.byteLength !== bytes) {
      throw new RangeError(`the weights have ${weights.byteLength} bytes, the model wants ${bytes}`);
    }
    const device = options?.device ?? (await deviceFor(options?.gpu ?? globalThis.navigator?.gpu, program));
    checkLimits(program, device.limits, "device");
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    const buffers: GPUBuffer[] = [];
    const [steps, ...faults] = await Promise.all([
      prepare(device, manifest, texts(code), weights, buffers, options?.progress).catch((e: Error) => e),
      device.popErrorScope(),
      device.popErrorScope(),
    ]);
    const lost = await Promise.race([device.lost, undefined]);
    const fault = faults.find((f) => f) ?? (Array.isArray(steps) ? undefined : steps);
    if (!lost && !fault) return new GpuSession(manifest, device, buffers, steps as GpuStep[], options);
    for (const b of buffers) b.destroy();
    if (!options?.device) device.destroy();
    throw new Error(lost ? lostText(lost) : refusal(fault!));
  }

  /**
   * Runs the model. Inputs are typed arrays by name (see `inputs`), or buffers of the same device. The promise is
   * rejected if the device is lost or refuses the work.
   */
  run(inputs: Readonly<Record<string, GpuInput>>): Promise<Record<string, TypedArray>> {
    return this.#next(async () => {
      await this.#submit(inputs, true);
      const answer: Record<string, TypedArray> = {};
      const words = this.#read.getMappedRange();
      this.outputs.forEach((port, i) => {
        answer[port.name] = unpack(port, words, this.#starts[i]!);
      });
      this.#read.unmap();
      return answer;
    });
  }

  /** Runs the model and leaves the outputs on the device: buffers of the session, which the next run overwrites. */
  runOnDevice(inputs: Readonly<Record<string, GpuInput>>): Promise<Record<string, GPUBuffer>> {
    return this.#next(async () => {
      await this.#submit(inputs, false);
      return Object.fromEntries(this.outputs.map((p, i) => [p.name, this.#buffers[this.inputs.length + i]!]));
    });
  }

  /** Gives the memory of the device back. The session cannot run any more. */
  dispose(): void {
    if (this.#gone === disposed) return;
    this.#gone = disposed;
    this.#device.removeEventListener("uncapturederror", this.#listen);
    for (const b of this.#buffers) b.destroy();
    if (this.#ownsDevice) this.#device.destroy();
  }

  #next<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#tail.then(run).catch(async (e: unknown) => {
      // What fails because the device is lost may fail before the device says so.
      const lost = await Promise.race([this.#device.lost, undefined]);
      const gone = this.#gone ?? (lost && lostText(lost));
      throw gone ? new Error(gone) : e;
    });
    this.#tail = next.catch(() => {});
    return next;
  }

  async #submit(inputs: Readonly<Record<string, GpuInput>>, back: boolean): Promise<void> {
    if (this.#gone !== null) throw new Error(this.#gone);
    const device = this.#device;
    checkNames(this.inputs, inputs, "input");
    const words = this.inputs.map((port) => pack(port, inputs[port.name]));
    device.pushErrorScope("validation");
    try {
      this.#submitWork(words, back);
    } catch (e) {
      // The scope is closed whatever happens: what is open catches the errors of others.
      await device.popErrorScope().catch(() => {});
      throw e;
    }
    const [refused] = await Promise.all([device.popErrorScope(), back && this.#read.mapAsync(1)]);
    const fault = refused?.message ?? this.#fault;
    if (!fault) return;
    this.#fault = null;
    if (back) this.#read.unmap();
    throw new Error(refusal({ message: fault }));
  }

  #submitWork(words: readonly (ArrayBufferView | GPUBuffer)[], back: boolean): void {
    const { queue } = this.#device;
    const encoder = this.#device.createCommandEncoder();
    words.forEach((w, i) => {
      const to = this.#buffers[i]!;
      if (!ArrayBuffer.isView(w)) encoder.copyBufferToBuffer(w, 0, to, 0, bytesOf(this.inputs[i]!));
      else if (w.byteLength > 0) queue.writeBuffer(to, 0, w as ArrayBufferView<ArrayBuffer>);
    });
    this.#encode(encoder, this.#steps);
    if (back) {
      this.outputs.forEach((p, i) => {
        const from = this.#buffers[this.inputs.length + i]!;
        encoder.copyBufferToBuffer(from, 0, this.#read, this.#starts[i]!, bytesOf(p));
      });
    }
    queue.submit([encoder.finish()]);
  }
}

/** All dispatches in one pass. */
function onePass(encoder: GPUCommandEncoder, steps: readonly GpuStep[]): void {
  const pass = encoder.beginComputePass();
  let last: GPUComputePipeline | null = null;
  for (const { pipeline, group, grid } of steps) {
    if (pipeline !== last) pass.setPipeline(pipeline);
    last = pipeline;
    pass.setBindGroup(0, group);
    pass.dispatchWorkgroups(...grid);
  }
  pass.end();
}

const lostText = ({ message }: { readonly message: string }): string =>
  `the device is lost${message ? `: ${message}` : ""}`;

const refusal = ({ message }: { readonly message: string }): string => `the device refuses: ${message}`;

const countOf = (p: Port): number => p.shape.reduce((n, d) => n * d, 1);

/** On the device, where nothing is empty. */
const bytesOf = (p: Port): number => Math.max(1, countOf(p)) * 4;

const texts = (code: Uint8Array | string): string[] =>
  (typeof code === "string" ? code : new TextDecoder().decode(code)).split(/^\/\/\n/m);

async function deviceFor(gpu: GPU | undefined, program: GpuProgram): Promise<GPUDevice> {
  if (!gpu) {
    throw new Error(
      "there is no WebGPU here (no navigator.gpu): it takes a newer browser, and a page from https or localhost",
    );
  }
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error("there is no WebGPU adapter: no GPU, or none that may be used");
  checkLimits(program, adapter.limits, "adapter");
  const requiredFeatures = program.variants.map((v) => v.needs).filter((f) => adapter.features.has(f));
  return adapter.requestDevice({ requiredFeatures, requiredLimits: program.limits });
}

function checkLimits({ limits }: GpuProgram, offered: GPUSupportedLimits, who: string): void {
  for (const [name, n] of Object.entries(limits)) {
    const has = (offered as unknown as Record<string, number>)[name] ?? 0;
    if (has < n) throw new RangeError(`the model needs ${name} of ${n}, the ${who} has ${has}`);
  }
}

const kinds = { r: "read-only-storage", w: "storage", u: "uniform" } as const;

/** Fills `buffers`: those of the program, the weights, and the one that outputs are read back from. */
async function prepare(
  device: GPUDevice,
  manifest: Manifest,
  shaders: readonly string[],
  weights: Uint8Array,
  buffers: GPUBuffer[],
  progress: GpuLoadOptions["progress"],
): Promise<GpuStep[]> {
  const program = manifest.gpu!;
  for (const size of program.buffers) {
    buffers.push(device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST }));
  }
  const constants = device.createBuffer({ size: weights.byteLength, usage: STORAGE | UNIFORM | COPY_DST });
  device.queue.writeBuffer(constants, 0, weights as Uint8Array<ArrayBuffer>);
  const size = manifest.outputs.reduce((n, p) => n + bytesOf(p), 16);
  buffers.push(constants, device.createBuffer({ size, usage: MAP_READ | COPY_DST }));
  const layouts = new Map<string, GPUBindGroupLayout>();
  for (const kind of program.shaders) {
    if (layouts.has(kind)) continue;
    const entries = [...kind].map((k, binding) => ({
      binding,
      visibility: 4,
      buffer: { type: kinds[k as keyof typeof kinds] },
    }));
    layouts.set(kind, device.createBindGroupLayout({ entries }));
  }
  const groups = new Map<string, GPUBindGroup>();
  const entry = ([buffer, offset = 0, size]: Binding, binding: number): GPUBindGroupEntry => ({
    binding,
    resource: { buffer: buffers[buffer]!, offset, ...(size === undefined ? {} : { size }) },
  });
  const bound = program.steps.map(({ shader, bind }) => {
    const kind = program.shaders[shader]!;
    const key = `${kind} ${JSON.stringify(bind)}`;
    let group = groups.get(key);
    if (!group) {
      group = device.createBindGroup({ layout: layouts.get(kind)!, entries: bind.map(entry) });
      groups.set(key, group);
    }
    return group;
  });
  let done = 0;
  const pipelines = await Promise.all(
    program.shaders.map(async (kind, i) => {
      const text = program.variants.reduce((n, v) => (device.features.has(v.needs) && v.shaders[n]) || n, i);
      const module = device.createShaderModule({ code: shaders[text]! });
      const layout = device.createPipelineLayout({ bindGroupLayouts: [layouts.get(kind)!] });
      const pipeline = await device.createComputePipelineAsync({ layout, compute: { module } });
      progress?.(++done, program.shaders.length);
      return pipeline;
    }),
  );
  return program.steps.map((s, i) => ({ pipeline: pipelines[s.shader]!, group: bound[i]!, grid: s.grid }));
}

/** Elements of a port as they lie on the device: a word each, narrow integers with their sign. */
function pack(port: Port, given: GpuInput | undefined): ArrayBufferView | GPUBuffer {
  if (given && typeof given === "object" && "mapState" in given) return given;
  checkArray(port, { length: countOf(port) }, given, "input");
  const { buffer, byteOffset, length } = given;
  if (port.type === "bool") return Int32Array.from(given as Uint8Array, (v) => (v ? 1 : 0));
  if (given.BYTES_PER_ELEMENT === 4) return given;
  if (given.BYTES_PER_ELEMENT === 1) return Int32Array.from(new Int8Array(buffer, byteOffset, length));
  if (given.BYTES_PER_ELEMENT === 2) return Int32Array.from(new Int16Array(buffer, byteOffset, length));
  return Int32Array.from(given as BigInt64Array, (v) => {
    if (v === BigInt.asIntN(32, v)) return Number(v);
    throw new RangeError(`input "${port.name}": ${v} does not fit into 32 bits, for which the model was compiled`);
  });
}

const words: ReadonlySet<ElementType> = new Set(["float32", "int32", "uint32"]);

function unpack(port: Port, from: ArrayBuffer, start: number): TypedArray {
  const make = arrayOf(port.type);
  const n = countOf(port);
  if (words.has(port.type)) return new make(from.slice(start, start + n * 4));
  const given = new Int32Array(from, start, n);
  if (port.type === "int64") return BigInt64Array.from(given, BigInt);
  if (port.type === "uint64") return BigUint64Array.from(given, BigInt);
  return (make as Uint8ArrayConstructor).from(given);
}
