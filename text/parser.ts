/**
 * @file The entry points for reading text. Loading this file loads Chevrotain, and the first parse builds the grammar:
 * whoever only compiles models imports it lazily or not at all.
 */
import type { Context } from "../ir/context.ts";
import { Block, Operation, Region } from "../ir/core.ts";
import type { OpInfo } from "../ir/define.ts";
import type { Attribute, Type } from "../ir/types.ts";
import type { Diagnostics } from "../support/diagnostic.ts";
import { type Location, span } from "../support/location.ts";
import { Source } from "../support/source.ts";
import { MlirParser } from "./mlir-parser.ts";

// Building the grammar takes some milliseconds, so parsers are kept. A second one is needed only while the first is
// busy (an op's own syntax that reads another text).
const idle: MlirParser[] = [];

function withParser<R>(run: (parser: MlirParser) => R): R {
  const parser = idle.pop() ?? new MlirParser();
  try {
    return run(parser);
  } finally {
    idle.push(parser);
  }
}

const asSource = (text: string | Source): Source => (typeof text === "string" ? new Source("-", text) : text);

/** The top-level ops of a text, in order; undefined if it has faults, which are all reported. */
export function parseAll(
  text: string | Source,
  context: Context,
  diagnostics: Diagnostics,
): readonly Operation[] | undefined {
  const block = withParser((p) => p.readText(asSource(text), context, diagnostics));
  if (!block) return undefined;
  const ops = [...block];
  for (const op of ops) op.remove();
  return ops;
}

/**
 * Reads a program: the one top-level op if it is a module, else a module around all that stands there. Undefined if the
 * text has faults, which are all reported.
 */
export function parse(text: string | Source, context: Context, diagnostics: Diagnostics): Operation | undefined {
  const source = asSource(text);
  const block = withParser((p) => p.readText(source, context, diagnostics));
  if (!block) return undefined;
  const only = block.first === block.last ? block.first : null;
  const top = topOf(context);
  if (only && (!top || only.def === top)) return only.remove();
  if (!top) {
    diagnostics.error("parse/syntax", span(source, 0, source.text.length), "expected one top-level operation");
    return undefined;
  }
  // The module stands nowhere in the text; MLIR places it before the first line.
  const loc: Location = { kind: "file", file: source.name, line: 0, column: 0 };
  const body = new Region([new Block()]);
  for (const op of [...block]) {
    op.remove();
    body.entry.append(op);
  }
  return new Operation(top, { props: top.fallbacks.slice(), regions: [body], loc });
}

function topOf(context: Context): OpInfo | undefined {
  for (const d of context.dialects.values()) if (d.top) return d.top;
  return undefined;
}

/** Reads a text that is one type. */
export const parseType = (text: string | Source, context: Context, diagnostics: Diagnostics): Type | undefined =>
  withParser((p) => p.readType(asSource(text), context, diagnostics));

/** Reads a text that is one attribute. */
export const parseAttribute = (
  text: string | Source,
  context: Context,
  diagnostics: Diagnostics,
): Attribute | undefined => withParser((p) => p.readAttribute(asSource(text), context, diagnostics));

/** The parts of a text between lines `// -----`, each padded so that its lines keep their numbers. */
export function splitInput(source: Source): readonly Source[] {
  const parts: Source[] = [];
  const { text } = source;
  const separator = /^\/\/ -----[^\S\n]*$/gm;
  let start = 0;
  let lines = 0;
  const add = (end: number): void => {
    const part = text.slice(start, end);
    parts.push(new Source(source.name, "\n".repeat(lines) + part));
    for (let at = part.indexOf("\n"); at >= 0; at = part.indexOf("\n", at + 1)) lines++;
  };
  for (let m = separator.exec(text); m; m = separator.exec(text)) {
    add(m.index);
    start = m.index + m[0].length;
  }
  add(text.length);
  return parts;
}
