/**
 * @file How values and buffers are carried in WGSL. Every element takes a word of 32 bits: bool, narrow and wide integers
 * (which must fit) as i32, sign-extended; the bits of narrow floats likewise. Vectors of them are vec2 to vec4.
 */
import * as memref from "../../dialects/memref/index.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { elementOf, type Type } from "../../ir/types.ts";
import { encodeFloat, f32Bits, type NarrowFloatKind } from "../../support/float.ts";

export type Carrier = "f32" | "i32" | "bool";

/** What carries a scalar of a type (or each lane of a vector); undefined if nothing does. */
export function carrierOf(t: Type): Carrier | undefined {
  const e = elementOf(t);
  if (e.kind === "index") return "i32";
  if (e.kind === "integer") return e.width === 1 ? "bool" : e.width <= 64 ? "i32" : undefined;
  if (e.kind !== "float") return undefined;
  if (e.width === 32) return "f32";
  return e.width <= 16 ? "i32" : undefined;
}

/** Lanes of a vector; 1 for scalars; undefined for vectors that WGSL has no type for. */
export function lanesOf(t: Type): number | undefined {
  if (t.kind !== "vector") return 1;
  const count = t.shape.reduce((n, d) => n * d, 1);
  return count >= 1 && count <= 4 ? count : undefined;
}

const letters: Readonly<Record<Carrier, string>> = { f32: "f", i32: "i", bool: "<bool>" };

/** The type's name; undefined if there is none. */
export function typeName(t: Type): string | undefined {
  const carrier = carrierOf(t);
  const lanes = lanesOf(t);
  if (!carrier || !lanes) return undefined;
  return lanes === 1 ? carrier : `vec${lanes}${letters[carrier]}`;
}

/** The word that carries a number of a type. */
export function wordOf(value: number, t: Type): number {
  const e = elementOf(t);
  if (e.kind !== "float") return Number(BigInt.asIntN(32, BigInt(value)));
  return e.name === "f32" ? f32Bits(value) | 0 : encodeFloat(e.name as NarrowFloatKind, value);
}

/** The buffer that a value is, or is another shape of. */
export function bufferOf(v: Value): Value {
  const other = memref.collapse_shape.match(v);
  return other ? bufferOf(other.src) : v;
}

/**
 * What an element is in memory: a word, or (`half`) half of one, a float of 16 bits in a constant, which
 * devices that have such floats read as one (`f16`), or (`byte`) an integer of
 * 8 bits, four of which are a word.
 */
export type Storage = "f32" | "i32" | "half" | "f16" | "byte";

export function storageOf(t: Type): "f32" | "i32" | undefined {
  const carrier = carrierOf(t);
  return carrier === "bool" ? "i32" : carrier;
}

/** Bits of the type if it is an integer narrower than its carrier: what arithmetic must wrap to. */
export function narrowWidth(t: Type): number | undefined {
  const e = elementOf(t);
  if (e.kind !== "integer" || e.width >= 32 || e.width === 1) return undefined;
  return e.width;
}

/** Whether an op has one of the flags of fast arithmetic. */
export function isFast(op: Operation, flag: "contract" | "nnan"): boolean {
  const flags = op.props[op.def.attrIndex.get("fastmath") ?? -1];
  return Array.isArray(flags) && (flags.includes(flag) || flags.includes("fast"));
}

/** Something there is no WGSL for. Collected, so that all of a model are reported. */
export class Unsupported extends Error {
  readonly op: Operation;
  constructor(op: Operation, what: string) {
    super(what);
    this.op = op;
  }
}

/** What helps against it. */
export const hostHelp =
  "with --allow-host (`allowHost`) the host runs what the device cannot, and the report tells what crosses between them";
