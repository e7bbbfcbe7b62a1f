/**
 * @file V8 can make vectors of 256 bits of neighbouring ones of 128 (its revectorizer), behind a flag of the whole process
 * that must be set before code is compiled. Only Node lets a program set it.
 */

/** The first V8 whose revectorizer takes the code that is written for it (Node 24). */
const first = 13;

export const whyNarrow =
  "sluice: vectors stay at 128 bits: only Node from version 24 on can be told to make wider ones (in Chromium: --js-flags=--wasm-revectorize)";

/** Tells V8 to make vectors of 256 bits of what it compiles from now on; false where that cannot be. */
export function allowWide(): boolean {
  const here = globalThis.process;
  const version = Number.parseInt(here?.versions?.v8 ?? "", 10);
  const v8 = here?.getBuiltinModule?.("node:v8");
  if (!v8 || !(version >= first)) return false;
  v8.setFlagsFromString("--experimental-wasm-revectorize");
  return true;
}
