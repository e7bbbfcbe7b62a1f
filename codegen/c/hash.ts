/** @file A fingerprint of generated code, computed at once: it ties a weights file to the code that reads it. */
import type { CProgram } from "./module.ts";

/** 32 bytes over the code and the layout of its constants: eight 32-bit FNV-1a hashes of different starts. */
export function planHashOf(program: CProgram): Uint8Array {
  const text = [
    program.prefix,
    program.helpers,
    program.body,
    ...program.constants.map((c) => `${c.symbol} ${c.ctype} ${c.offset} ${c.bytes.byteLength}`),
  ].join("\n");
  const words = new Uint32Array(8);
  for (let k = 0; k < 8; k++) words[k] = Math.imul(0x811c9dc5, 2 * k + 1) ^ (0x9e3779b9 * k);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    for (let k = 0; k < 8; k++) words[k] = Math.imul(words[k]! ^ (code + k), 0x01000193);
  }
  return new Uint8Array(words.buffer);
}
