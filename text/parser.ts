/**
 * @file The entry points for reading text. Loading this file loads Chevrotain, and the first parse builds the grammar:
 * whoever only compiles models imports it lazily or not at all.
 */
import type { Context } from "../ir/context.ts";
import type { Operation } from "../ir/core.ts";
import type { OpInfo } from "../ir/define.ts";
import type { Attribute, Type } from "../ir/types.ts";
import type { Diagnostics } from "../support/diagnostic.ts";
import { Source } from "../support/source.ts";
import { OpGrammar } from "./op-grammar.ts";

class Grammar extends OpGrammar {
  constructor() {
    super();
    this.performSelfAnalysis();
  }
  protected override resourceEntry(): void {}
  protected override readCustom(def: OpInfo, start: number): Operation {
    return this.fail("parse/unknown-op", `op '${def.opName}' has no custom assembly form`, start, this.nameEnd(start));
  }
  text(source: Source, context: Context, diagnostics: Diagnostics): readonly Operation[] | undefined {
    const block = this.readText(source, context, diagnostics);
    if (!block) return undefined;
    const ops = [...block];
    for (const op of ops) op.remove();
    return ops;
  }
}

let grammar: Grammar | undefined;

export function parseAll(
  text: string | Source,
  context: Context,
  diagnostics: Diagnostics,
): readonly Operation[] | undefined {
  grammar ??= new Grammar();
  return grammar.text(typeof text === "string" ? new Source("-", text) : text, context, diagnostics);
}
export type Wanted = Attribute | Type;
