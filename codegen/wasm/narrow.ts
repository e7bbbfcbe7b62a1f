/**
 * @file Vectors whose elements do not fill 128 bits: `vector<4xi16>` lies in the lanes of `i32x4`, `vector<8xi8>` in those of
 * `i16x8`, each element with its sign, as narrow scalars lie in an i32. Loads widen and stores narrow.
 */
import type { Operation } from "../../ir/core.ts";
import { elementCount, type Type, type VectorType } from "../../ir/types.ts";
import type { Plain } from "./function-builder.ts";
import { unsupported } from "./rows-scalar.ts";
import type { FunctionWriter } from "./writer.ts";

const lanesOf = (t: VectorType): number => elementCount(t.shape);

/** `f32x4` and the like, by the lanes that hold the vector; masks take the shape of their lanes. Undefined: none does. */
export function laneShapeOf(t: Type): string | undefined {
  if (t.kind !== "vector") return undefined;
  const e = t.element;
  const lanes = lanesOf(t);
  if (e.kind === "float")
    return e.width * lanes === 128 && (e.width === 32 || e.width === 64) ? `f${e.width}x${lanes}` : undefined;
  if (e.kind === "index") return lanes === 4 ? "i32x4" : undefined;
  if (e.kind !== "integer") return undefined;
  if (e.width * lanes === 128) return `i${e.width}x${lanes}`;
  if (e.width === 1 && [2, 4, 8, 16].includes(lanes)) return `i${128 / lanes}x${lanes}`;
  return isHeldWider(t) ? `i${128 / lanes}x${lanes}` : undefined;
}

export function laneShape(t: Type, op: Operation): string {
  return laneShapeOf(t) ?? unsupported(op);
}

/** The lanes are wider than the elements. */
export function isHeldWider(t: Type): t is VectorType {
  if (t.kind !== "vector" || t.element.kind !== "integer") return false;
  const { width } = t.element;
  const lanes = lanesOf(t);
  return (width === 8 && (lanes === 4 || lanes === 8)) || (width === 16 && lanes === 4);
}

/** Brings lanes on the stack into the form that the type is held in: what is above the elements becomes their sign. */
export function normalizeLanes(w: FunctionWriter, t: Type): void {
  if (!isHeldWider(t) || t.element.kind !== "integer") return;
  const lanes = lanesOf(t);
  const by = 128 / lanes - t.element.width;
  const shape = `i${128 / lanes}x${lanes}`;
  w.f
    .i32Const(by)
    .op(`${shape}.shl` as Plain)
    .i32Const(by)
    .op(`${shape}.shr_s` as Plain);
}

/** The bits of an element in each lane, without its sign. */
export function unsignedLanes(w: FunctionWriter, t: VectorType): void {
  const width = t.element.kind === "integer" ? t.element.width : 32;
  const mask = 2 ** width - 1;
  w.f.v128Const(lanesOf(t) === 4 ? new Int32Array(4).fill(mask) : new Int16Array(8).fill(mask)).op("v128.and");
}

/** Loads elements from the address on the stack, widened. */
export function loadWidened(w: FunctionWriter, t: VectorType, offset: number): void {
  const bytes = (t.element as { readonly width: number }).width / 8;
  if (bytes * lanesOf(t) === 8) {
    w.f.access(bytes === 1 ? "v128.load8x8_s" : "v128.load16x4_s", offset);
    return;
  }
  w.f.access("v128.load32_zero", offset).op("i16x8.extend_low_i8x16_s").op("i32x4.extend_low_i16x8_s");
}

/** Stores the low bits of the lanes of a vector at an address, both on the stack. */
export function storeNarrowed(w: FunctionWriter, t: VectorType, offset: number): void {
  const lanes = lanesOf(t);
  const bytes = (t.element as { readonly width: number }).width / 8;
  const apart = 16 / lanes;
  const low = Array.from({ length: lanes }, (_, i) => Array.from({ length: bytes }, (_, j) => i * apart + j)).flat();
  const once = w.scratch("v128");
  w.f
    .localTee(once)
    .localGet(once)
    .shuffle(Array.from({ length: 16 }, (_, i) => low[i % low.length]!));
  w.f.accessLane(bytes * lanes === 8 ? "v128.store64_lane" : "v128.store32_lane", 0, offset);
  w.freeScratch(once);
}
