/** Text in, values or faults out: what tests of ops and of the interpreter share. */
import { dialects } from "../../dialects/index.ts";
import { Context } from "../../ir/context.ts";
import type { Operation } from "../../ir/core.ts";
import { type InterpretOptions, interpret } from "../../ir/interpret.ts";
import { verify } from "../../ir/verify.ts";
import { CompileError, type Diagnostic, Diagnostics } from "../../support/diagnostic.ts";
import { describeLocation, primary } from "../../support/location.ts";
import { parse } from "../../text/parser.ts";

export const context = new Context(dialects, { allowUnregistered: true });

/** The verified module of a text; a fault in it fails the test. */
export function moduleOf(text: string): Operation {
  const diagnostics = new Diagnostics();
  const module = parse(text, context, diagnostics);
  if (module) verify(module, diagnostics);
  if (!module || diagnostics.hasErrors) {
    throw new Error(diagnostics.list.map((d) => `${describeLocation(d.at)}: ${d.message}`).join("\n"));
  }
  return module;
}

/** What the function `@f` of a text returns. */
export const run = (text: string, args: readonly unknown[] = [], options?: InterpretOptions): readonly unknown[] =>
  interpret(moduleOf(text), "f", args, options);

/** The first fault of a run, as `line: code: message`. */
export function faultOf(text: string, args: readonly unknown[] = [], options?: InterpretOptions): string {
  const module = moduleOf(text);
  try {
    interpret(module, "f", args, options);
  } catch (e) {
    if (e instanceof CompileError) return describe(e.diagnostics[0]!);
    throw e;
  }
  return "no fault";
}

/** All errors that parsing and verifying a text give, as `line: code: message`. */
export function errorsOf(text: string): string[] {
  const diagnostics = new Diagnostics();
  const module = parse(text, context, diagnostics);
  if (module) verify(module, diagnostics);
  return diagnostics.list.filter((d) => d.severity === "error").map(describe);
}

function describe(d: Diagnostic): string {
  const at = primary(d.at);
  const line = at.kind === "span" ? at.source.position(at.start).line : 0;
  return `${line}: ${d.code}: ${d.message}`;
}
