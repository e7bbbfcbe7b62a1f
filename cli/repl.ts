/** @file `sluice repl [FILE]`: type IR, transform it, run it. On a terminal, from a script, or as JSON. */
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Command, Option } from "commander";
import { parseArguments } from "./arguments.ts";
import { externalReader } from "./external.ts";
import type { ReplHost } from "./repl/command.ts";
import { Repl } from "./repl/engine.ts";
import { type ReportFormat, report, reportAs, reportFormats } from "./report.ts";
import { outputColours, readBytes, writeOutput } from "./terminal.ts";

interface ReplFlags {
  readonly json?: boolean;
  readonly keepGoing?: boolean;
  readonly errorFormat: ReportFormat;
}

export async function main(args: readonly string[]): Promise<number> {
  const command = new Command("repl")
    .description(
      "Type MLIR: functions are added to the program, other ops are run at once. `.help` lists the commands.\n\n" +
        "From a file or a pipe it reads a script: no prompt, and it stops at the first fault.",
    )
    .argument("[file]", "a program or model to begin with")
    .option("--json", "requests and answers as JSON, one a line")
    .option("--keep-going", "a script goes on after a fault; the exit code tells that there was one")
    .addOption(new Option("--error-format <how>", "how faults are written").choices(reportFormats).default("text"));
  const parsed = parseArguments(command, args);
  if (typeof parsed === "number") return parsed;
  const flags = parsed.opts<ReplFlags>();
  reportAs(flags.errorFormat);
  const interactive = process.stdin.isTTY === true && process.stdout.isTTY === true && !flags.json;
  const repl = await Repl.create(host());
  const [file] = parsed.args;
  if (file !== undefined) {
    const { ok, diagnostics } = await repl.handle(`.load "${file}"`);
    report(diagnostics);
    if (!ok) return 1;
  }
  if (flags.json) return (await import("./repl/shell-json.ts")).jsonShell(repl);
  if (interactive) return (await import("./repl/shell-terminal.ts")).terminalShell(repl);
  return (await import("./repl/shell-script.ts")).scriptShell(repl, flags.keepGoing ?? false);
}

const host = (): ReplHost => ({
  color: outputColours,
  readFile: readBytes,
  writeFile: writeOutput,
  externalData: externalReader,
  listFiles(prefix) {
    const folder = prefix.endsWith("/") ? prefix : dirname(prefix);
    const start = prefix.endsWith("/") ? "" : basename(prefix);
    try {
      return readdirSync(folder, { withFileTypes: true })
        .filter((e) => e.name.startsWith(start) && (start !== "" || !e.name.startsWith(".")))
        .map((e) => (prefix.includes("/") ? join(folder, e.name) : e.name) + (e.isDirectory() ? "/" : ""));
    } catch {
      return []; // no such folder: nothing to offer
    }
  },
});
