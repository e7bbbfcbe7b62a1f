/** @file The section at the end of a text that holds the bytes of big constants: `{-# dialect_resources: … #-}`. */
import type { Resource } from "../ir/resource.ts";
import { keyText } from "../ir/spell.ts";
import { denseElementBytes, hexOf } from "../ir/spell-dense.ts";
import { type AttributeOf, elementOf } from "../ir/types.ts";

/** Bytes before the data of a blob: its alignment, little-endian. */
const ALIGNMENT_BYTES = 4;

export class ResourceList {
  readonly #found = new Map<string, { readonly resource: Resource; readonly alignment: number }>();

  add({ key, resource, type }: AttributeOf<"resource">): void {
    if (!resource || this.#found.has(key)) return;
    this.#found.set(key, { resource, alignment: resource.alignment ?? denseElementBytes(elementOf(type)) });
  }

  /** The section, or nothing. Blobs whose text is longer than `limit` characters are left out. */
  section(limit = Number.POSITIVE_INFINITY): string {
    const entries: string[] = [];
    for (const [key, { resource, alignment }] of this.#found) {
      const length = '"0x"'.length + 2 * (ALIGNMENT_BYTES + resource.byteLength);
      if (length <= limit) entries.push(`      ${keyText(key)}: "${blobText(resource, alignment)}"`);
    }
    if (entries.length === 0) return "";
    return `\n{-#\n  dialect_resources: {\n    builtin: {\n${entries.join(",\n")}\n    }\n  }\n#-}\n`;
  }
}

function blobText(resource: Resource, alignment: number): string {
  const head = new Uint8Array(ALIGNMENT_BYTES);
  new DataView(head.buffer).setUint32(0, alignment, true);
  return hexOf(head) + hexOf(resource.bytes()).slice(2);
}
