/** @file Diagnostics on standard error, drawn for people or written for tools. */
import { type Diagnostic, diagnosticJson, diagnosticLine, renderDiagnostics } from "../index.ts";
import { errorColours, printError } from "./terminal.ts";

/** Drawn with excerpts, as lines in the manner of mlir-opt, or as JSON, one a line. */
export const reportFormats = ["text", "line", "json"] as const;
export type ReportFormat = (typeof reportFormats)[number];

let format: ReportFormat = "text";

/** How diagnostics are written from now on: one process has one way. */
export function reportAs(wanted: ReportFormat): void {
  format = wanted;
}

export function report(diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length === 0) return;
  switch (format) {
    case "text":
      printError(renderDiagnostics(diagnostics, { color: errorColours, width: process.stderr.columns || 120 }));
      break;
    case "line":
      printError(diagnostics.map(diagnosticLine).join(""));
      break;
    case "json":
      printError(diagnostics.map((d) => `${JSON.stringify(diagnosticJson(d))}\n`).join(""));
      break;
  }
}
