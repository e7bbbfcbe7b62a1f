/** @file Diagnostics on standard error. */
import { type Diagnostic, describeLocation } from "../index.ts";
import { printError } from "./terminal.ts";

export function report(diagnostics: readonly Diagnostic[]): void {
  for (const { severity, code, message, at, help } of diagnostics) {
    const place = at.kind === "unknown" ? "" : `\n  at ${describeLocation(at)}`;
    printError(`${severity}[${code}]: ${message}${place}${help ? `\n  help: ${help}` : ""}\n`);
  }
}
