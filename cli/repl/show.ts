/** @file Answers of the REPL on standard output and standard error. */
import { report } from "../report.ts";
import { print, printError } from "../terminal.ts";
import type { Reply } from "./engine.ts";

export function showReply({ out, diagnostics, fault }: Reply): void {
  if (out !== "") print(out);
  report(diagnostics);
  if (fault !== undefined) printError(`${fault}\n`);
}
