/** @file What manifests say of files. */
import type { ElementType, FileEntry } from "../runtime/manifest.ts";

const hex = (bytes: ArrayBuffer): string =>
  Array.from(new Uint8Array(bytes), (b) => b.toString(16).padStart(2, "0")).join("");

/** Name, size and hash of a file. */
export async function hashed(file: string, bytes: Uint8Array<ArrayBuffer>): Promise<FileEntry> {
  return { file, bytes: bytes.byteLength, sha256: hex(await crypto.subtle.digest("SHA-256", bytes)) };
}

/** The typed array that holds elements of a type, by its name. */
export const arrayNames: Readonly<Record<ElementType, string>> = {
  bool: "Uint8Array",
  int8: "Int8Array",
  uint8: "Uint8Array",
  int16: "Int16Array",
  uint16: "Uint16Array",
  int32: "Int32Array",
  uint32: "Uint32Array",
  int64: "BigInt64Array",
  uint64: "BigUint64Array",
  float16: "Uint16Array",
  bfloat16: "Uint16Array",
  float32: "Float32Array",
  float64: "Float64Array",
  int4: "Int8Array",
  uint4: "Uint8Array",
  int2: "Int8Array",
  uint2: "Uint8Array",
  float8e4m3fn: "Uint8Array",
  float8e4m3fnuz: "Uint8Array",
  float8e5m2: "Uint8Array",
  float8e5m2fnuz: "Uint8Array",
  float8e8m0: "Uint8Array",
  float4e2m1: "Uint8Array",
};
