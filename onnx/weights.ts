/** @file From a model's tensors to their bytes, wherever they are kept: in the file, or in files beside it. */
import { type Diagnostics, invariant } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import { byteLength, type ElementType, elementCount } from "./dtypes.ts";
import type { ExternalReference, Tensor } from "./model.ts";
import { sha1 } from "./sha1.ts";

/**
 * The elements of a tensor. `bytes` is packed, row-major, little-endian, as long as type and dims ask for, and not
 * aligned.
 */
export type TensorData =
  | { readonly type: Exclude<ElementType, "string">; readonly dims: readonly number[]; readonly bytes: Uint8Array }
  | { readonly type: "string"; readonly dims: readonly number[]; readonly strings: readonly string[] };

/**
 * Gives the bytes of a file beside the model, by its relative path with forward slashes. May throw if there is none.
 * Paths that lead out of the model's folder by their text are never asked for; symbolic links are the callee's concern.
 */
export type ReadExternal = (location: string) => Uint8Array;

/** The files beside a model, each read once. */
export class ExternalFiles {
  readonly #read: ReadExternal | undefined;
  /** Undefined stands for a file that was found to be unusable, and reported. */
  readonly #files = new Map<string, Uint8Array | undefined>();
  /** The checksum of each file that some tensor states one for. */
  readonly #checksums = new Map<string, string>();

  constructor(read?: ReadExternal) {
    this.#read = read;
  }

  /**
   * The part of a file that a reference names, as a view of what `readExternal` gave.
   *
   * @param needed how many bytes the tensor has
   * @returns undefined after reporting `onnx/external-data` (once for a file that cannot be read at all)
   */
  resolve(
    reference: ExternalReference,
    needed: number,
    at: Location,
    diagnostics: Diagnostics,
  ): Uint8Array | undefined {
    const bad = (message: string): undefined => {
      diagnostics.error("onnx/external-data", at, message);
    };
    const { location, offset, length = needed, checksum } = reference;
    const file = this.#file(location, bad);
    if (file === undefined) return undefined;
    if (length !== needed) return bad(`"${location}": ${needed} bytes are needed, but the model names ${length}`);
    if (offset + length > file.length) {
      return bad(`"${location}" has ${file.length} bytes, but bytes ${offset} to ${offset + length} are needed`);
    }
    if (checksum !== undefined) {
      const actual = this.#checksums.get(location) ?? sha1(file);
      this.#checksums.set(location, actual);
      if (actual !== checksum.toLowerCase()) {
        return bad(`"${location}" has the SHA-1 checksum ${actual}, but the model states ${checksum}`);
      }
    }
    return file.subarray(offset, offset + length);
  }

  #file(location: string, bad: (message: string) => undefined): Uint8Array | undefined {
    if (this.#files.has(location)) return this.#files.get(location);
    let file: Uint8Array | undefined;
    const fault = unsafePath(location);
    if (fault !== undefined) bad(`the path ${JSON.stringify(location)} ${fault}`);
    else if (this.#read === undefined) bad(`the file "${location}" beside the model is needed, but cannot be reached`);
    else {
      try {
        file = this.#read(location);
      } catch (error) {
        bad(`the file "${location}" cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    this.#files.set(location, file);
    return file;
  }
}

/**
 * Why a path must not be followed; undefined if it stays inside the model's folder on every system, and when resolved
 * as a URL (where %2e is a dot, control characters and outer spaces vanish, and a colon ends a scheme).
 */
export function unsafePath(location: string): string | undefined {
  if (location === "") return "is empty";
  if (location.trim() !== location) return "begins or ends with a space";
  for (let i = 0; i < location.length; i++) {
    const unit = location.charCodeAt(i);
    if (unit < 0x20 || unit === 0x7f) return "contains a control character";
  }
  if (location.includes("\\")) return "contains a backslash";
  if (location.includes(":")) return "contains a colon, as drives and URLs do";
  if (location.startsWith("/")) return "is absolute";
  const segments = location.split("/").map((s) => s.replace(/%2e/gi, "."));
  // Windows drops dots and spaces at the end of a name, so ".. " and "..." are not names either.
  if (segments.some((s) => /^[. ]{2,}$/.test(s))) return "leads out of the model's folder";
  if (/%2f|%5c|%00/i.test(location)) return "contains an escaped separator";
  if (segments.every((s) => s === "." || s === "")) return "names no file";
  return undefined;
}

/**
 * The elements of a tensor.
 *
 * @param files where external data is; without it, tensors that are kept outside are reported
 * @returns undefined after reporting `onnx/external-data`
 */
export function tensorData(
  tensor: Tensor,
  files: ExternalFiles,
  at: Location,
  diagnostics: Diagnostics,
): TensorData | undefined {
  const { type, dims, payload } = tensor;
  if (payload.kind === "strings") return { type: "string", dims, strings: payload.strings };
  invariant(type !== "string", "strings are never kept outside of the model");
  if (payload.kind === "bytes") return { type, dims, bytes: payload.bytes };
  const needed = byteLength(type, elementCount(dims) ?? Number.POSITIVE_INFINITY);
  const bytes = files.resolve(payload.reference, needed, at, diagnostics);
  return bytes && { type, dims, bytes };
}
