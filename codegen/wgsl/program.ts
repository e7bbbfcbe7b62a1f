/** @file Calls of kernels become dispatches: shaders (equal ones once), bindings, and one buffer with all constants. */
import { type AlternativeNeeds, alternativeOf } from "../../dialects/alternative.ts";
import * as func from "../../dialects/func.ts";
import * as gpu from "../../dialects/gpu.ts";
import type { Operation } from "../../ir/core.ts";
import { elementOf, type MemRefType } from "../../ir/types.ts";
import type { Binding, Dispatch, GpuProgram, GpuVariant } from "../../runtime/manifest.ts";
import { CompileError, type Diagnostic, invariant, makeDiagnostic } from "../../support/diagnostic.ts";
import { describeLocation } from "../../support/location.ts";
import type { ProgramConstant } from "../program.ts";
import { packTensors } from "./bytes.ts";
import { type Call, type HostBuffer, HostWalk, type Place, wordsIn } from "./host.ts";
import { type Argument, type Shader, writeShader } from "./shader.ts";
import { hostHelp, Unsupported, wordOf } from "./types.ts";

/** Bindings start at multiples of this many bytes, on every device. */
const alignment = 256;
/** Buffers are a multiple of the largest element. */
const roundUp = (n: number, to: number): number => Math.max(to, Math.ceil(n / to) * to);

export interface Program {
  readonly gpu: GpuProgram;
  readonly shaders: readonly string[];
  readonly weights: Uint8Array<ArrayBuffer>;
}

/** What WebGPU promises everywhere. */
const promised = {
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 128 << 20,
  maxBufferSize: 256 << 20,
};

export class ProgramBuilder {
  readonly #constants = new Map<string, ProgramConstant>();
  readonly #faults = new Map<string, Diagnostic>();
  readonly #shaders: string[] = [];
  readonly #kinds: string[] = [];
  /**
   * Shaders that take the place of others: texts, by what they need of a device and by the number of the other, or by its text, where
   * that takes the place of one itself.
   */
  readonly #variants = new Map<GpuVariant["needs"], Map<number | string, string>>([
    ["subgroups", new Map()],
    ["shader-f16", new Map()],
  ]);
  readonly #alternatives = new Map<string, { readonly fn: Operation; readonly needs: AlternativeNeeds }[]>();
  readonly #steps: Dispatch[] = [];
  /** Parts of the weights buffer, by content. */
  readonly #parts = new Map<string | ProgramConstant, { readonly at: number; readonly bytes: Uint8Array }>();
  #top = 0;

  constructor(constants: readonly ProgramConstant[]) {
    for (const c of constants) for (const name of c.globals) this.#constants.set(name, c);
  }

  /** @throws CompileError with everything that there is no WGSL for */
  build(module: Operation, entry: Operation): Program {
    for (const fn of module.region().entry) {
      const other = alternativeOf(fn);
      if (other)
        this.#alternatives.set(other.to, [...(this.#alternatives.get(other.to) ?? []), { fn, needs: other.needs }]);
    }
    const walk = this.#try(() => new HostWalk(module, entry));
    const kept = walk ? this.#dispatches(walk) : [];
    if (this.#faults.size > 0) throw new CompileError([...this.#faults.values()]);
    const weights = new Uint8Array(roundUp(this.#top, alignment));
    for (const { at, bytes } of this.#parts.values()) weights.set(bytes, at);
    const buffers = kept.map((b) => roundUp(wordsIn(b) * 4, 16));
    const largest = Math.max(0, ...buffers, weights.byteLength);
    const most = Math.max(0, ...this.#kinds.map((k) => k.replaceAll("u", "").length));
    const limits = Object.entries({
      maxStorageBuffersPerShaderStage: most,
      maxStorageBufferBindingSize: Math.max(0, ...buffers),
      maxBufferSize: largest,
    }).filter(([name, n]) => n > promised[name as keyof typeof promised]);
    const shaders = [...this.#shaders];
    const numbers = new Map<string, number>();
    const variants = [...this.#variants].flatMap(([needs, texts]): GpuVariant[] => {
      for (const text of texts.values()) if (!numbers.has(text)) numbers.set(text, shaders.push(text) - 1);
      const entries = [...texts].map(([of, text]) => [
        typeof of === "number" ? of : numbers.get(of)!,
        numbers.get(text)!,
      ]);
      return entries.length > 0 ? [{ needs, shaders: Object.fromEntries(entries) }] : [];
    });
    return {
      gpu: { buffers, shaders: this.#kinds, variants, steps: this.#steps, limits: Object.fromEntries(limits) },
      shaders,
      weights,
    };
  }

  #try<T>(run: () => T): T | undefined {
    try {
      return run();
    } catch (e) {
      if (!(e instanceof Unsupported)) throw e;
      const { op } = e;
      const key = `${e.message} ${op.name} ${describeLocation(op.loc)}`;
      if (!this.#faults.has(key)) {
        this.#faults.set(
          key,
          makeDiagnostic("error", "target/unsupported", op.loc, `WGSL cannot say ${e.message} (${op.name})`, {
            help: hostHelp,
          }),
        );
      }
      return undefined;
    }
  }

  /** Writes all dispatches; answers the buffers that they use, ports first. */
  #dispatches(walk: HostWalk): HostBuffer[] {
    const kept = walk.buffers.filter((b) => b.kind !== "constant");
    kept.sort((a, b) => (a.port ?? kept.length) - (b.port ?? kept.length));
    const index = new Map(kept.map((b, i) => [b, i]));
    this.#try(() => packTensors(walk.calls, (kernel) => this.#othersOf(kernel).map(({ fn }) => fn)));
    const groups = new Map<string, Call[]>();
    for (const c of walk.calls) {
      const key = groupOf(c);
      const group = groups.get(key);
      if (group) group.push(c);
      else groups.set(key, [c]);
    }
    const written = new Map<string, readonly (Shader & { readonly id: number })[]>();
    for (const [key, calls] of groups) written.set(key, this.#write(calls));
    for (const c of walk.calls) {
      for (const s of written.get(groupOf(c))!) this.#step(c, s, index, kept.length);
    }
    return kept;
  }

  #othersOf(kernel: Operation): readonly { readonly fn: Operation; readonly needs: AlternativeNeeds }[] {
    return this.#alternatives.get(func.func.of(kernel).sym_name) ?? [];
  }

  /** The launches of a kernel, for calls that bind its arguments alike. */
  #write(calls: readonly Call[]): readonly (Shader & { readonly id: number })[] {
    const { kernel } = calls[0]!;
    const { entry } = func.func.of(kernel).body;
    const args = entry.args.map((_, i) => argumentOf(calls, i));
    const others = this.#othersOf(kernel);
    return launchesOf(kernel).flatMap((op, number) => {
      const shader = this.#try(() => writeShader(op, entry.args, args));
      if (!shader) return [];
      const kinds = shader.bindings.map((b) => (b.access === "read" ? "r" : "w")).join("");
      const kind = kinds + (shader.parameters.length > 0 ? "u" : "");
      let id = this.#shaders.findIndex((code, i) => code === shader.code && this.#kinds[i] === kind);
      if (id < 0) {
        id = this.#shaders.length;
        this.#shaders.push(shader.code);
        this.#kinds.push(kind);
      }
      const ways = [{ launch: op, params: entry.args, of: id as number | string, halves: shader.halves }];
      for (const { fn, needs } of others) {
        const [launch, params] = [launchesOf(fn)[number]!, func.func.of(fn).body.entry.args];
        const other = this.#try(() => writeShader(launch, params, args));
        if (!other) continue;
        this.#vary(needs, id, shader, other);
        ways.push({ launch, params, of: other.code, halves: other.halves });
      }
      for (const { launch, params, of, halves } of ways) {
        const other = halves && this.#try(() => writeShader(launch, params, args, true));
        if (other) this.#vary("shader-f16", of, shader, other);
      }
      return [{ ...shader, id }];
    });
  }

  /** Notes a shader that may be run in place of one, on the same bindings. */
  #vary(needs: GpuVariant["needs"], of: number | string, shader: Shader, other: Shader): void {
    const calledAs = ({ bindings, parameters, grid }: Shader): string => JSON.stringify([bindings, parameters, grid]);
    invariant(calledAs(shader) === calledAs(other), "an alternative is called as what it is an alternative to");
    if (other.code !== (typeof of === "number" ? shader.code : of)) this.#variants.get(needs)!.set(of, other.code);
  }

  #step(
    call: Call,
    shader: Shader & { readonly id: number },
    index: ReadonlyMap<HostBuffer, number>,
    weights: number,
  ): void {
    const bind = shader.bindings.map(({ buffer, packed }): Binding => {
      const place = call.args[buffer] as Place;
      const own = index.get(place.buffer);
      if (own !== undefined) return [own];
      const constant = this.#constants.get(place.buffer.constant!)!;
      const part = this.#try(() =>
        packed
          ? this.#part(`packed ${constant.globals[0]}`, () => constant.bytes)
          : this.#part(constant, () => wordsOf(constant, call.kernel)),
      );
      return part ? [weights, part.at, roundUp(part.bytes.byteLength, 16)] : [weights];
    });
    if (shader.parameters.length > 0) {
      const values = shader.parameters.map((i) => {
        const arg = call.args[i]!;
        return typeof arg === "number" ? wordOf(arg, func.func.of(call.kernel).body.entry.args[i]!.type) : arg.offset;
      });
      const words = new Int32Array(roundUp(values.length, 4));
      words.set(values);
      const part = this.#part(values.join(","), () => new Uint8Array(words.buffer));
      bind.push([weights, part.at, words.byteLength]);
    }
    this.#steps.push({
      shader: shader.id,
      bind,
      grid: shader.grid,
      kernel: func.func.of(call.kernel).sym_name,
      ...(call.step === undefined ? {} : { step: call.step }),
    });
  }

  #part(key: string | ProgramConstant, make: () => Uint8Array): { readonly at: number; readonly bytes: Uint8Array } {
    let part = this.#parts.get(key);
    if (!part) {
      const bytes = make();
      part = { at: this.#top, bytes };
      this.#parts.set(key, part);
      this.#top += roundUp(bytes.byteLength, alignment);
    }
    return part;
  }
}

/** The launches of a kernel, in order. */
const launchesOf = (kernel: Operation): readonly Operation[] =>
  [...func.func.of(kernel).body.entry].filter((op) => gpu.launch.is(op));

/** Calls of a kernel that bind it alike: which arguments lie in the same buffer. */
function groupOf({ kernel, args }: Call): string {
  const first = args.map((a) =>
    typeof a === "number"
      ? ""
      : `${args.findIndex((b) => typeof b !== "number" && b.buffer === a.buffer)}${a.tensor.packed ? "p" : ""}`,
  );
  return `${func.func.of(kernel).sym_name} ${first.join(",")}`;
}

function argumentOf(calls: readonly Call[], i: number): Argument {
  const [first] = calls;
  const given = calls.map((c) => c.args[i]!);
  const value = given[0]!;
  if (typeof value === "number") {
    return { kind: "number", value: given.every((v) => v === value) ? value : undefined };
  }
  const offsets = given.map((p) => (p as Place).offset);
  const buffer = first!.args.findIndex((a) => typeof a !== "number" && a.buffer === value.buffer);
  const align = offsets.reduce((a, b) => gcd(a, b), 0);
  const bytes = value.tensor.packed;
  const offset = offsets.every((o) => o === offsets[0]) ? offsets[0]! : undefined;
  return { kind: "buffer", buffer, offset, align, bytes };
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

/** A constant with a word for each element. */
function wordsOf({ type, bytes }: ProgramConstant, op: Operation): Uint8Array {
  const element = elementOf(type as MemRefType);
  const { buffer, byteOffset, byteLength } = bytes.slice();
  const width =
    element.kind === "index" ? 64 : element.kind === "integer" || element.kind === "float" ? element.width : 0;
  const wide = (values: Int8Array | Int16Array | Uint8Array): Uint8Array =>
    new Uint8Array(Int32Array.from(values).buffer);
  if (width === 1) return wide(new Uint8Array(buffer, byteOffset, byteLength));
  if (width <= 8) return wide(new Int8Array(buffer, byteOffset, byteLength));
  if (width === 16) return wide(new Int16Array(buffer, byteOffset, byteLength / 2));
  if (width === 32) return new Uint8Array(buffer, byteOffset, byteLength);
  if (element.kind === "float") throw new Unsupported(op, "numbers of 64 bits");
  const values = new BigInt64Array(buffer, byteOffset, byteLength / 8);
  if (values.some((v) => v !== BigInt.asIntN(32, v))) throw new Unsupported(op, "integers of more than 32 bits");
  return new Uint8Array(Int32Array.from(values, Number).buffer);
}
