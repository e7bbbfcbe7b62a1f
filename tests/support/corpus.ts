/** @file The corpus of MLIR texts by other projects, each with what mlir-opt 19 prints for it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { Context } from "../../ir/context.ts";
import type { Operation } from "../../ir/core.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { Source } from "../../support/source.ts";
import { parse, splitInput } from "../../text/parser.ts";
import { type PrintOptions, print } from "../../text/printer.ts";
import { sharedPath } from "./shared.ts";

export const corpusPath = sharedPath("data/mlir/roundtrip");

export interface Chunk {
  /** `file#number`. */
  readonly id: string;
  /** Only ops of dialects that are to be known. */
  readonly adoptedOnly: boolean;
  readonly text: string;
  readonly generic: string;
  readonly pretty: string;
  readonly genericLocal?: string;
}

export interface DebugChunk {
  readonly id: string;
  readonly genericDebug: string;
  readonly genericDebugLocal: string;
}

function* lines<T>(file: string): Generator<T> {
  for (const line of gunzipSync(readFileSync(file)).toString().split("\n")) {
    if (line !== "") yield JSON.parse(line) as T;
  }
}

/** All chunks of the corpus, or each `step`-th. */
export function* chunks(step = 1): Generator<Chunk> {
  let n = 0;
  for (const name of readdirSync(corpusPath!).sort()) {
    if (!name.endsWith(".jsonl.gz") || name.startsWith("debuginfo") || name.startsWith("canonicalize")) continue;
    type File = Chunk & { readonly chunks: readonly Chunk[] };
    for (const file of lines<File>(join(corpusPath!, name))) {
      for (const [i, chunk] of file.chunks.entries()) {
        if (n++ % step === 0) yield { ...chunk, id: `${file.id}#${i}`, adoptedOnly: file.adoptedOnly };
      }
    }
  }
}

export const debugChunks = (): Generator<DebugChunk> => lines<DebugChunk>(join(corpusPath!, "debuginfo.jsonl.gz"));

export interface Outcome {
  /** The sections printed, or why there are none. */
  readonly printed?: string;
  readonly fault?: string;
  readonly ops: readonly Operation[];
}

/** Reads a text and prints it; sections between `// -----` lines on their own. */
export function reprint(text: string, context: Context, options: PrintOptions): Outcome {
  const ops: Operation[] = [];
  for (const section of splitInput(new Source("-", text))) {
    const diagnostics = new Diagnostics();
    const op = parse(section, context, diagnostics);
    if (!op) {
      const first = diagnostics.list[0];
      return { fault: first ? `${first.code}: ${first.message}` : "no op", ops };
    }
    ops.push(op);
  }
  return { printed: normalized(ops.map((op) => print(op, options))), ops };
}

/** Sections without the blank lines around them. */
const normalized = (sections: readonly string[]): string =>
  sections
    .map((s) => s.trim())
    .filter((s) => s !== "")
    .join("\n// -----\n");

export const sectionsOf = (text: string): string => normalized(text.split(/^\/\/ -----.*$/m));

/** The first line in which two texts differ, for messages. */
export function firstDifference(wanted: string, got: string): string {
  const a = wanted.split("\n");
  const b = got.split("\n");
  const i = a.findIndex((line, n) => line !== b[n]);
  return `line ${i + 1}\n  wanted ${a[i]?.slice(0, 200)}\n  got    ${b[i]?.slice(0, 200)}`;
}
