/** @file Programs for tests, from text. */
import { expect } from "vitest";
import type { Context } from "../../ir/context.ts";
import type { Operation } from "../../ir/core.ts";
import { verify } from "../../ir/verify.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { parse } from "../../text/parser.ts";

/** Reads and verifies a text in which nothing is to be wrong. */
export function readProgram(text: string, context: Context): Operation {
  const diagnostics = new Diagnostics();
  const module = parse(text, context, diagnostics);
  if (module) verify(module, diagnostics);
  expect(diagnostics.list.map((d) => d.message)).toEqual([]);
  return module!;
}
