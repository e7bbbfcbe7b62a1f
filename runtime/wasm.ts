/** @file Runs a compiled WebAssembly artifact: chooses its code, instantiates it, places the weights, moves data in and out. */
import { isDecisive, offers } from "./features.ts";
import { type Manifest, type Port, plainVariant, type VariantEntry } from "./manifest.ts";
import { checkArray, checkNames, copyOf, type TypedArray, viewOf } from "./tensor.ts";
import { allowWide, whyNarrow } from "./wide.ts";
import { canShare, maySleep, startWorkers, whyAlone } from "./workers.ts";

type Code = BufferSource | WebAssembly.Module;

export interface WasmArtifact {
  readonly manifest: Manifest;
  readonly code: Code;
  readonly weights: Uint8Array;
  /** Writes the weights into as much memory as they take, where they need not be made before. */
  readonly laid?: { placeIn(memory: Uint8Array): void };
  readonly variants?: readonly (VariantEntry & { readonly code: Code })[];
}

export interface LoadOptions {
  /**
   * Which code is run. Without it, the best that the engine takes, of those that loaders may choose. A name takes that one;
   * "fastest" tries all that the engine takes, keeps those that answer alike, and then the quickest: it takes a few
   * inferences of each, and twice the memory meanwhile.
   */
  readonly variant?: string;
  /**
   * In Node from version 24 on: V8 is told to make vectors of 256 bits (a flag of the whole process, experimental), and all
   * codes are tried as by "fastest", so that the one written for that is taken if it answers as the others do, and sooner.
   * Elsewhere the console says that vectors stay as they are.
   */
  readonly wide?: boolean;
  /**
   * So many threads share the work, if the artifact is compiled for it and memory can be shared here; else one does, and
   * the console says why. Answers do not depend on it.
   */
  readonly threads?: number;
  /** Functions that an instrumented artifact calls, by name. */
  readonly imports?: Readonly<Record<string, (n: number) => void>>;
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBufferLike };
  readonly run: () => void;
  /** Of code for several threads: who this instance is, and how the others are let go. */
  readonly setup?: (thread: number, threads: number, maySleep: number) => void;
  readonly stop?: () => void;
  /** What is computed of the weights once. */
  readonly init?: () => void;
}

const noOutputs: Readonly<Record<string, TypedArray>> = Object.freeze({});

/**
 * One instance with memory of its own, of exactly the size that the model takes: nothing grows, and a run makes nothing
 * but the outputs that it is not given arrays for. Runs are synchronous, so that two of them never overlap; for runs at
 * the same time load several sessions, in workers of their own.
 */
export class Session {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** The name of the code that runs. */
  readonly variant: string;
  #exports: Exports | null;
  readonly #inputViews: readonly TypedArray[];
  readonly #outputViews: readonly TypedArray[];

  private constructor(manifest: Manifest, exports: Exports, variant: string) {
    this.inputs = manifest.inputs;
    this.outputs = manifest.outputs;
    this.variant = variant;
    this.#exports = exports;
    const { buffer } = exports.memory;
    this.#inputViews = manifest.inputs.map((p) => viewOf(p, buffer));
    this.#outputViews = manifest.outputs.map((p) => viewOf(p, buffer));
  }

  /** A model that is loaded already: its memory, in which inputs and outputs lie, and how it runs. */
  static over(manifest: Manifest, buffer: ArrayBufferLike, run: () => void): Session {
    return new Session(manifest, { memory: { buffer }, run }, manifest.variant ?? plainVariant);
  }

  /** @throws RangeError if there is no such variant, the weights are not of the size that the code wants, or memory cannot be had */
  static async load(artifact: WasmArtifact, options: LoadOptions = {}): Promise<Session> {
    const own = { name: ownVariant(artifact), code: artifact.code, threads: false };
    const all: readonly Chosen[] = [own, ...(artifact.variants ?? [])];
    if (options.wide) {
      if (allowWide()) return fastest(artifact, { ...options, wide: false });
      console.warn(whyNarrow);
    }
    if (options.variant === "fastest") return fastest(artifact, options);
    const { threads = 1 } = options;
    const alone = threads > 1 && options.variant === undefined && threadedVariant(artifact) === undefined;
    if (alone) console.warn(whyAlone);
    const name = options.variant ?? (threads > 1 ? threadedVariant(artifact) : undefined) ?? automaticVariant(artifact);
    const chosen = all.find((v) => v.name === name);
    if (!chosen) throw new RangeError(`there is no variant "${name}", but ${all.map((v) => v.name).join(", ")}`);
    if (chosen.needs && isDecisive(chosen.needs) && !offers(chosen.needs)) {
      throw new RangeError(`the variant "${name}" would answer something else on this engine`);
    }
    return Session.#start(artifact, chosen, options);
  }

  static async #start(artifact: WasmArtifact, chosen: Chosen, { imports, threads = 1 }: LoadOptions): Promise<Session> {
    const { manifest } = artifact;
    const { code, name } = chosen;
    const module = code instanceof WebAssembly.Module ? code : await WebAssembly.compile(code);
    const memory = chosen.threads ? sharedMemory(chosen.memoryBytes ?? manifest.memory.bytes) : undefined;
    const instance = await WebAssembly.instantiate(module, { sluice: { ...imports, ...(memory && { memory }) } });
    const exports = instance.exports as unknown as Exports;
    placeWeights(artifact, exports.memory.buffer);
    // Before there are others: this one alone fills what all of them read.
    exports.init?.();
    if (memory) {
      exports.setup?.(0, threads, Number(maySleep()));
      await startWorkers(module, memory, threads);
    }
    return new Session(manifest, exports, name);
  }

  /**
   * Runs the model. Inputs and outputs are typed arrays by name (see `inputs` and `outputs` for types and shapes);
   * elements are copied, and what is given may be used again as soon as this returns. Outputs that are given are filled;
   * the others are new arrays. If all of them are given, so is the answer: `outputs` itself, and nothing is allocated.
   *
   * @throws TypeError if an array is missing, of another type or length, or under a name that the model does not have;
   *   nothing has been run then
   * @throws Error if the session is disposed
   */
  run(
    inputs: Readonly<Record<string, TypedArray>>,
    outputs: Readonly<Record<string, TypedArray>> = noOutputs,
  ): Record<string, TypedArray> {
    const exports = this.#exports;
    if (!exports) throw new Error("the session is disposed");
    const open = this.#check(inputs, outputs);
    for (let i = 0; i < this.inputs.length; i++) this.#inputViews[i]!.set(inputs[this.inputs[i]!.name] as never);
    exports.run();
    const answer: Record<string, TypedArray> = open ? { ...outputs } : outputs;
    for (let i = 0; i < this.outputs.length; i++) {
      const { name } = this.outputs[i]!;
      const view = this.#outputViews[i]!;
      const given = outputs[name];
      if (given === undefined) answer[name] = copyOf(view);
      else given.set(view as never);
    }
    return answer;
  }

  /** Everything is looked at before anything is run. Answers whether there are outputs to make. */
  #check(inputs: Readonly<Record<string, TypedArray>>, outputs: Readonly<Record<string, TypedArray>>): boolean {
    checkNames(this.inputs, inputs, "input");
    checkNames(this.outputs, outputs, "output");
    for (let i = 0; i < this.inputs.length; i++) {
      const port = this.inputs[i]!;
      checkArray(port, this.#inputViews[i]!, inputs[port.name], "input");
    }
    let open = false;
    for (let i = 0; i < this.outputs.length; i++) {
      const port = this.outputs[i]!;
      const given = outputs[port.name];
      if (given === undefined) open = true;
      else checkArray(port, this.#outputViews[i]!, given, "output");
    }
    return open;
  }

  /**
   * Runs the model on what its inputs hold until the engine has compiled it well: engines first compile quickly and
   * badly, and again in the background what runs often. Ends when runs get no faster, or after so many milliseconds.
   */
  async warmUp(limit = 2000): Promise<void> {
    const until = performance.now() + limit;
    let best = Number.POSITIVE_INFINITY;
    for (let stale = 0; stale < 3 && performance.now() < until; ) {
      const took = timeRuns(() => this.#exports?.run(), 10);
      stale = took < best * 0.97 ? 0 : stale + 1;
      best = Math.min(best, took);
      // What has been compiled is put to use between tasks.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Gives the memory back: nothing of the session refers to it any more. It cannot run then. May be called again. */
  dispose(): void {
    this.#exports?.stop?.();
    this.#exports = null;
    (this.#inputViews as TypedArray[]).length = 0;
    (this.#outputViews as TypedArray[]).length = 0;
  }
}

function placeWeights(artifact: WasmArtifact, buffer: ArrayBufferLike): void {
  const { offset, bytes } = artifact.manifest.memory.weights;
  const memory = new Uint8Array(buffer, offset, bytes);
  if (artifact.laid) {
    artifact.laid.placeIn(memory);
    return;
  }
  const { weights } = artifact;
  if (weights.byteLength !== bytes) {
    throw new RangeError(`the weights have ${weights.byteLength} bytes, the model wants ${bytes}`);
  }
  memory.set(weights);
}

/** What is run: the artifact's own code or another. */
type Chosen = Pick<VariantEntry, "name" | "threads" | "memoryBytes"> & { readonly needs?: VariantEntry["needs"] } & {
  readonly code: Code;
};

const pageBytes = 65536;

function sharedMemory(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / pageBytes);
  return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
}

/** The best code for several threads that can be run here: the last one. */
function threadedVariant({ variants = [] }: WasmArtifact): string | undefined {
  if (!canShare() || !offers("threads")) return undefined;
  return variants.filter((v) => v.threads && isOpen(v)).at(-1)?.name;
}

/** What loaders may choose: where threads are asked for, the code for them stands for the code beside it. */
const isOpen = (v: VariantEntry): boolean => offers(v.needs) && (v.automatic || v.needs === "threads");

/** The best code that the engine takes, of those that loaders may choose: the last one is. */
function automaticVariant(artifact: WasmArtifact): string {
  const { variants = [] } = artifact;
  return variants.filter((v) => !v.threads && isOpen(v)).at(-1)?.name ?? ownVariant(artifact);
}

const ownVariant = ({ manifest }: WasmArtifact): string => manifest.variant ?? plainVariant;

/** Milliseconds of the quickest of some runs: two at least, and as many as fit. */
function timeRuns(run: () => void, ms: number): number {
  let best = Number.POSITIVE_INFINITY;
  const until = performance.now() + ms;
  for (let n = 0; n < 2 || performance.now() < until; n++) {
    const start = performance.now();
    run();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

/** Another code must be quicker by so much to be worth the risk. */
const worthwhile = 0.95;
/** How far answers may lie apart, in proportion to the largest: codes round products that they add differently. */
const closeness = 1e-3;

async function fastest(artifact: WasmArtifact, options: LoadOptions): Promise<Session> {
  const inputs = Object.fromEntries(artifact.manifest.inputs.map((p) => [p.name, sample(p)]));
  const timed = async (variant: string) => {
    const session = await Session.load(artifact, { ...options, variant });
    await session.warmUp();
    const answer = session.run(inputs);
    return { session, answer, ms: timeRuns(() => session.run(inputs), 40) };
  };
  const several = (options.threads ?? 1) > 1 ? threadedVariant(artifact) : undefined;
  const isThreaded = several !== undefined;
  let best = await timed(several ?? automaticVariant(artifact));
  for (const { name, needs, threads = false } of artifact.variants ?? []) {
    if (name === best.session.variant || threads !== isThreaded || !offers(needs)) continue;
    const other = await timed(name);
    const alike = best.session.outputs.every((p) => isClose(other.answer[p.name]!, best.answer[p.name]!));
    const [keep, drop] = alike && other.ms < best.ms * worthwhile ? [other, best] : [best, other];
    drop.session.dispose();
    best = keep;
  }
  return best.session;
}

/** Small numbers that are not all the same; whole ones are 0 and 1, which are indices into anything. */
function sample(port: Port): TypedArray {
  const array = viewOf({ ...port, offset: 0 }, new ArrayBuffer(port.bytes));
  const whole = !port.type.startsWith("float");
  for (let i = 0; i < array.length; i++) {
    if (array instanceof BigInt64Array || array instanceof BigUint64Array) array[i] = BigInt(i & 1);
    else if (port.type.endsWith("float16")) array[i] = 0;
    else array[i] = whole ? i & 1 : Math.sin(i * 0.7);
  }
  return array;
}

function isClose(a: TypedArray, b: TypedArray): boolean {
  let largest = 0;
  for (const v of b) largest = Math.max(largest, Math.abs(Number(v)));
  return a.every((v, i) => Math.abs(Number(v) - Number(b[i])) <= closeness * largest);
}
