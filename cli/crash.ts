/** @file The last resort of every command: what was thrown becomes a message and an exit code. */
import { CompileError, describeLocation, InternalError, version } from "../index.ts";
import { report } from "./report.ts";
import { errorStyle, printError } from "./terminal.ts";

/** Exit codes: 1 where the input is at fault, 2 where the command line is, 3 where we are. */
export function crash(error: unknown): number {
  if (error instanceof CompileError) {
    report(error.diagnostics);
    return error.diagnostics.some((d) => d.code === "cli/usage") ? 2 : 1;
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  const place =
    error instanceof InternalError && error.at.kind !== "unknown" ? ` (at ${describeLocation(error.at)})` : "";
  printError(`${errorStyle.bold(errorStyle.red("internal error"))}: ${message}${place}\n`);
  printError(`This is a bug of sluice ${version}, not of your input. Please report it with the input.\n`);
  if (process.env.SLUICE_DEBUG !== undefined) printError(`${stack}\n`);
  else printError("SLUICE_DEBUG=1 shows where it happened.\n");
  return 3;
}
