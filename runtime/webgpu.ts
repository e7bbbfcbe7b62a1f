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
  readonly device: GPUDevice;
  /** Told how many of the pipelines are ready. */
  readonly progress?: (done: number, total: number) => void;
}

/** What a run takes: typed arrays, or buffers of the device with a word of 32 bits for each element. */
export type GpuInput = TypedArray | GPUBuffer;

// The constants of WebGPU, which not every place that has a device has as globals.
const MAP_READ = 1;
const COPY_SRC = 4;
const COPY_DST = 8;
const UNIFORM = 64;
const STORAGE = 128;

interface Step {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly grid: readonly [number, number, number];
}

/** One instance, with buffers of its own. Runs that overlap wait for each other. */
export class GpuSession {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly #device: GPUDevice;
  readonly #buffers: readonly GPUBuffer[];
  readonly #read: GPUBuffer;
  readonly #steps: readonly Step[];
  /** Where each output starts in the read-back buffer. */
  readonly #starts: readonly number[];
  #tail: Promise<unknown> = Promise.resolve();
  #gone: string | null = null;

  private constructor(manifest: Manifest, device: GPUDevice, buffers: readonly GPUBuffer[], steps: readonly Step[]) {
    this.inputs = manifest.inputs;
    this.outputs = manifest.outputs;
    this.#device = device;
    this.#buffers = buffers;
    this.#steps = steps;
    const starts: number[] = [];
    let size = 0;
    for (const p of manifest.outputs) {
      starts.push(size);
      size += Math.max(1, countOf(p)) * 4;
    }
    this.#starts = starts;
    this.#read = device.createBuffer({ size: Math.max(16, size), usage: MAP_READ | COPY_DST });
    device.lost.then(({ message }) => {
      this.#gone ??= `the device is lost${message ? `: ${message}` : ""}`;
    });
  }

  /**
   * Makes pipelines (in parallel), buffers and bind groups.
   * @throws RangeError if the device offers less than the model needs; Error if the device refuses something
   */
  static async load({ manifest, code, weights }: GpuArtifact, options: GpuLoadOptions): Promise<GpuSession> {
    const { device, progress } = options ?? {};
    const program = manifest.gpu;
    if (!device) throw new TypeError("load needs a device: load({ device: await adapter.requestDevice() })");
    if (!program) throw new TypeError(`what is compiled for ${manifest.target} does not run on WebGPU`);
    if (weights.byteLength !== manifest.memory.weights.bytes) {
      throw new RangeError(
        `the weights have ${weights.byteLength} bytes, the model wants ${manifest.memory.weights.bytes}`,
      );
    }
    for (const [name, n] of Object.entries(program.limits)) {
      const has = (device.limits as unknown as Record<string, number>)[name] ?? 0;
      if (has < n) throw new RangeError(`the model needs ${name} of ${n}, the device has ${has}`);
    }
    device.pushErrorScope("validation");
    device.pushErrorScope("out-of-memory");
    const made = prepare(device, program, texts(code), weights, progress);
    const faults = [device.popErrorScope(), device.popErrorScope()];
    for (const fault of await Promise.all(faults)) if (fault) throw new Error(`the device refuses: ${fault.message}`);
    const { buffers, steps } = await made;
    return new GpuSession(manifest, device, buffers, steps);
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
    if (this.#gone === "the session is disposed") return;
    this.#gone = "the session is disposed";
    for (const b of [...this.#buffers, this.#read]) b.destroy();
  }

  #next<T>(run: () => Promise<T>): Promise<T> {
    const next = this.#tail.then(run).catch((e: unknown) => {
      throw this.#gone === null ? e : new Error(this.#gone);
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
    const encoder = device.createCommandEncoder();
    words.forEach((w, i) => {
      const to = this.#buffers[i]!;
      if (!ArrayBuffer.isView(w)) encoder.copyBufferToBuffer(w, 0, to, 0, Math.max(1, countOf(this.inputs[i]!)) * 4);
      else if (w.byteLength > 0) device.queue.writeBuffer(to, 0, w as ArrayBufferView<ArrayBuffer>);
    });
    const pass = encoder.beginComputePass();
    let pipeline: GPUComputePipeline | null = null;
    for (const s of this.#steps) {
      if (s.pipeline !== pipeline) {
        pipeline = s.pipeline;
        pass.setPipeline(pipeline);
      }
      pass.setBindGroup(0, s.group);
      pass.dispatchWorkgroups(...s.grid);
    }
    pass.end();
    if (back) {
      this.outputs.forEach((p, i) => {
        const from = this.#buffers[this.inputs.length + i]!;
        encoder.copyBufferToBuffer(from, 0, this.#read, this.#starts[i]!, Math.max(1, countOf(p)) * 4);
      });
    }
    device.queue.submit([encoder.finish()]);
    const fault = device.popErrorScope();
    const mapped = back ? this.#read.mapAsync(1) : undefined;
    const refused = await fault;
    if (refused) {
      await mapped?.catch(() => {});
      if (mapped) this.#read.unmap();
      throw new Error(`the device refuses: ${refused.message}`);
    }
    await mapped;
  }
}

const countOf = (p: Port): number => p.shape.reduce((n, d) => n * d, 1);

const texts = (code: Uint8Array | string): string[] =>
  (typeof code === "string" ? code : new TextDecoder().decode(code)).split(/^\/\/\n/m);

const kinds = { r: "read-only-storage", w: "storage", u: "uniform" } as const;

async function prepare(
  device: GPUDevice,
  program: GpuProgram,
  shaders: readonly string[],
  weights: Uint8Array,
  progress: GpuLoadOptions["progress"],
): Promise<{ readonly buffers: readonly GPUBuffer[]; readonly steps: readonly Step[] }> {
  const buffers = program.buffers.map((size) => device.createBuffer({ size, usage: STORAGE | COPY_SRC | COPY_DST }));
  const constants = device.createBuffer({ size: weights.byteLength, usage: STORAGE | UNIFORM | COPY_DST });
  device.queue.writeBuffer(constants, 0, weights as Uint8Array<ArrayBuffer>);
  buffers.push(constants);
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
      const module = device.createShaderModule({ code: shaders[i]! });
      const layout = device.createPipelineLayout({ bindGroupLayouts: [layouts.get(kind)!] });
      const pipeline = await device.createComputePipelineAsync({ layout, compute: { module } });
      progress?.(++done, program.shaders.length);
      return pipeline;
    }),
  );
  return {
    buffers,
    steps: program.steps.map((s, i) => ({ pipeline: pipelines[s.shader]!, group: bound[i]!, grid: s.grid })),
  };
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
