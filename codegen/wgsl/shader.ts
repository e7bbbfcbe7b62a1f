/** @file One launch of a kernel as a WGSL module: its buffers as bindings, its region as the entry function. */
import * as arith from "../../dialects/arith/ops.ts";
import * as bytes from "../../dialects/bytes.ts";
import * as gpu from "../../dialects/gpu.ts";
import { widensHalf } from "../../dialects/halves.ts";
import * as memref from "../../dialects/memref/index.ts";
import * as vector from "../../dialects/vector/index.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { elementOf, i8, type MemRefType } from "../../ir/types.ts";
import { invariant } from "../../support/diagnostic.ts";
import { atom, call, infix } from "../source.ts";
import { constantIndex, number, positionOf } from "./addresses.ts";
import { compact } from "./compact.ts";
import { floatLiteral } from "./literals.ts";
import { rows } from "./rows.ts";
import { laneName, sizeName } from "./rows-subgroups.ts";
import { bufferOf, carrierOf, lanesOf, type Storage, storageOf, Unsupported, wordOf } from "./types.ts";
import { type BufferView, KernelWriter } from "./writer.ts";

/** How a kernel's argument is called. */
export type Argument =
  /**
   * Part of a buffer: which one of the call's, how many elements are in front of it (unless the calls differ), what they are a
   * multiple of, and whether the elements are bytes, four in a word.
   */
  | {
      readonly kind: "buffer";
      readonly buffer: number;
      readonly offset: number | undefined;
      readonly align: number;
      readonly bytes: boolean;
    }
  /** An integer; undefined if the calls differ. */
  | { readonly kind: "number"; readonly value: number | undefined };

export type Access = "read" | "write";

export interface ShaderBinding {
  readonly buffer: number;
  readonly access: Access;
  /** A constant is bound as its bytes are, several elements in a word. */
  readonly packed: boolean;
}

/** A WGSL module, and what it wants of its caller. */
export interface Shader {
  readonly code: string;
  /** Per binding, in order: which of the call's buffers, and whether it is written. */
  readonly bindings: readonly ShaderBinding[];
  /** Arguments whose offset or value the caller passes in a uniform buffer, behind the bindings, as i32. */
  readonly parameters: readonly number[];
  readonly grid: readonly [number, number, number];
  readonly workgroup: number;
  /** Reads floats of 16 bits, two in a word. */
  readonly halves: boolean;
}

/** What a launch does to a buffer of the kernel. */
interface Use {
  reads: boolean;
  writes: boolean;
  /** Vectors of four at multiples of four, and nothing else. */
  wide: boolean;
  /** Everything that is read is a float of 16 bits that is widened at once. */
  halves: boolean;
  /** Elements may be bytes, four in a word: what is written is a whole word, and so is what is read as one. */
  bytes: boolean;
  /** Four such words at a time are read, at multiples of sixteen elements, and nothing else. */
  rows: boolean;
}

export function usesOf(body: Operation): Map<Value, Use> {
  const found = new Map<Value, Use>();
  const note = (v: Value, op: Operation, write: boolean, lanes: number, indices: readonly Value[]): void => {
    const buffer = bufferOf(v);
    const use = found.get(buffer) ?? { reads: false, writes: false, wide: true, halves: true, bytes: true, rows: true };
    found.set(buffer, use);
    if (write) use.writes = true;
    else use.reads = true;
    if (write || ![...op.result().uses()].every(({ owner }) => widensHalf(owner))) use.halves = false;
    const { divisor } = positionOf(v.type as MemRefType, indices, op);
    const words = bytes.load.is(op);
    if ((lanes !== 4 && !words) || divisor % 4 !== 0) use.wide = false;
    if (!words || lanes !== 4 || divisor % 16 !== 0) use.rows = false;
    if ((write && lanes !== 4) || ((write || words) && divisor % 4 !== 0)) use.bytes = false;
    if (elementOf(v.type) !== i8) use.bytes = false;
  };
  body.walk((op) => {
    const load = memref.load.match(op);
    if (load) note(load.memref, op, false, 1, load.indices);
    const store = memref.store.match(op);
    if (store) note(store.memref, op, true, 1, store.indices);
    const wideLoad = vector.load.match(op);
    if (wideLoad) note(wideLoad.base, op, false, lanesOf(wideLoad.result.type) ?? 0, wideLoad.indices);
    const words = bytes.load.match(op);
    if (words) note(words.base, op, false, lanesOf(words.result.type) ?? 0, words.indices);
    const wideStore = vector.store.match(op);
    if (wideStore) note(wideStore.base, op, true, lanesOf(wideStore.valueToStore.type) ?? 0, wideStore.indices);
  });
  return found;
}

/** A number that must be known: sizes of the grid and of workgroups. */
function known(v: Value): number {
  const n = constantIndex(v);
  invariant(n !== undefined, "sizes of launches are constants", v.location);
  return n;
}

const ids = ["x", "y", "z"] as const;

/** What a device's WGSL must know for words of bytes. Where it does not, it says so by this name. */
const bytesFeature = "packed_4x8_integer_dot_product";

/**
 * Writes a launch. `args` say how the arguments of the function around it are called. `hasHalves`: floats of 16 bits are read as
 * such, by devices that have them.
 */
export function writeShader(
  launch: Operation,
  params: readonly Value[],
  args: readonly Argument[],
  hasHalves = false,
): Shader {
  const { body } = gpu.launch.of(launch);
  const uses = usesOf(launch);
  const size = (i: number): number => known(launch.operand(i));
  const grid = [size(0), size(1), size(2)] as const;
  const block = [size(3), size(4), size(5)] as const;
  const parameters: number[] = [];
  const parameter = (i: number): string => {
    if (!parameters.includes(i)) parameters.push(i);
    const at = parameters.indexOf(i);
    return `p[${at >> 2}].${"xyzw"[at & 3]}`;
  };
  // Arguments in one buffer share a binding.
  const groups = new Map<number, number[]>();
  params.forEach((v, i) => {
    const arg = args[i]!;
    if (arg.kind === "buffer" && uses.has(v)) groups.set(arg.buffer, [...(groups.get(arg.buffer) ?? []), i]);
  });
  const views = new Map<Value, BufferView>();
  const declarations: string[] = [];
  const bindings: ShaderBinding[] = [];
  for (const [buffer, members] of groups) {
    const writes = members.some((i) => uses.get(params[i]!)!.writes);
    const types = members.map((i) => elementStorage(params[i]!, launch));
    const halves = members.every((i) => uses.get(params[i]!)!.halves);
    const packed = members.every((i) => (args[i] as { readonly bytes: boolean }).bytes);
    const half = hasHalves ? "f16" : "half";
    const storage: Storage = packed ? "byte" : halves ? half : types.every((t) => t === types[0]) ? types[0]! : "i32";
    const wide = members.every((i) => {
      const arg = args[i]!;
      const use = uses.get(params[i]!)!;
      return (packed ? use.rows : use.wide) && arg.kind === "buffer" && arg.align % (packed ? 16 : 4) === 0;
    });
    const name = `b${bindings.length}`;
    const element =
      storage === "half" ? (wide ? "vec2u" : "u32") : elementName(storage === "byte" ? "i32" : storage, wide);
    declarations.push(
      `@group(0) @binding(${bindings.length}) var<storage${writes ? ", read_write" : ""}> ${name}: array<${element}>;`,
    );
    bindings.push({ buffer, access: writes ? "write" : "read", packed: packed || halves });
    for (const i of members) {
      const arg = args[i]!;
      const offset = arg.kind === "buffer" ? (arg.offset ?? parameter(i)) : 0;
      views.set(params[i]!, { name, storage, wide, offset });
    }
  }
  const { shared, ...given } = gpu.idsOf(body);
  shared.forEach((v, i) => {
    const type = v.type as MemRefType;
    const use = uses.get(v);
    const storage = elementStorage(v, launch);
    const count = type.shape.reduce((n, d) => n * d, 1);
    const wide = use?.wide === true && count % 4 === 0;
    const element = elementName(storage, wide);
    declarations.push(`var<workgroup> s${i}: array<${element}, ${wide ? count / 4 : count}>;`);
    views.set(v, { name: `s${i}`, storage, wide, offset: 0 });
  });
  const write = (repeats?: readonly number[]): KernelWriter => {
    const w = new KernelWriter(rows, views, repeats);
    ids.forEach((axis, i) => {
      w.set(given.blocks[i]!, grid[i] === 1 ? atom("0") : call("i32", atom(`g.${axis}`)));
      w.set(given.threads[i]!, block[i] === 1 ? atom("0") : call("i32", atom(`l.${axis}`)));
      w.set(given.grid[i]!, number(grid[i]!));
      w.set(given.sizes[i]!, number(block[i]!));
    });
    params.forEach((v, i) => {
      const arg = args[i]!;
      if (arg.kind !== "number" || !v.hasUses) return;
      const carrier = carrierOf(v.type);
      if (carrier === "f32") {
        w.set(v, arg.value === undefined ? atom(`bitcast<f32>(${parameter(i)})`) : floatLiteral(arg.value, w));
        return;
      }
      const value = arg.value === undefined ? atom(parameter(i)) : number(wordOf(arg.value, v.type));
      w.set(v, carrier === "bool" ? infix("!=", value, atom("0")) : value);
    });
    constantsBefore(launch, w);
    w.block(body.entry);
    return w;
  };
  // Written twice: what is said more than once is known the second time, and has a name.
  const w = write(write().repeats);
  const text = w.toString();
  if (parameters.length > 0) {
    declarations.push(
      `@group(0) @binding(${bindings.length}) var<uniform> p: array<vec4i, ${Math.ceil(parameters.length / 4)}>;`,
    );
  }
  const builtins = [
    ...(/\bg\.[xyz]/.test(text) ? ["@builtin(workgroup_id) g: vec3u"] : []),
    ...(/\bl\.[xyz]/.test(text) ? ["@builtin(local_invocation_id) l: vec3u"] : []),
    ...(text.includes(laneName) ? [`@builtin(subgroup_invocation_id) ${laneName}: u32`] : []),
    ...(text.includes(sizeName) ? [`@builtin(subgroup_size) ${sizeName}: u32`] : []),
  ];
  const reads = (storage: Storage): boolean => [...views.values()].some((v) => v.storage === storage);
  const enabled = [...(text.includes(laneName) ? ["enable subgroups;"] : []), ...(reads("f16") ? ["enable f16;"] : [])];
  const threads = block[1] === 1 && block[2] === 1 ? `${block[0]}` : block.join(", ");
  const code = [
    ...enabled,
    ...(/4x[IU]8|4I8/.test(text + [...w.helpers.values()].join()) ? [`requires ${bytesFeature};`] : []),
    ...declarations,
    ...w.helpers.values(),
    `@compute @workgroup_size(${threads})\nfn main(${builtins.join(", ")}) {`,
    text,
    "}",
    "",
  ].join("\n");
  const workgroup = block[0] * block[1] * block[2];
  return { code: compact(code), bindings, parameters, grid, workgroup, halves: reads("half") };
}

const elementName = (storage: "f32" | "i32" | "f16", wide: boolean): string =>
  wide ? `vec4${{ f32: "f", i32: "i", f16: "h" }[storage]}` : storage;

function elementStorage(v: Value, op: Operation): "f32" | "i32" {
  const storage = storageOf((v.type as MemRefType).element);
  if (!storage) throw new Unsupported(op, "buffers of this element type");
  return storage;
}

/** What stands in front of the launch and is no constant is computed by each thread for itself. */
function constantsBefore(launch: Operation, w: KernelWriter): void {
  for (let op = launch.block!.first; op && op !== launch; op = op.next) {
    if (!arith.constant.is(op) && !gpu.launch.is(op)) w.statement(op);
  }
}
