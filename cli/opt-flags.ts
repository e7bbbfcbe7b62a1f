/** @file The flags of `sluice opt`: those that are always there, and one for each pass, in the order they are given. */
import { Command, InvalidArgumentError, Option } from "commander";
import { type Pass, passes } from "../index.ts";
import { normalizeFlags, parseArguments, toSwitch } from "./arguments.ts";
import { addWatchFlags, type WatchFlags, watchSwitches } from "./opt-instruments.ts";
import { addPrintFlags, type PrintFlags, printSwitches } from "./print-flags.ts";
import { summaryOf } from "./reference.ts";
import { type ReportFormat, reportFormats } from "./report.ts";
import { usageFault } from "./usage.ts";

export interface OptFlags extends PrintFlags, WatchFlags {
  readonly output?: string;
  readonly passPipeline?: string;
  readonly allowUnregisteredDialect?: boolean;
  readonly splitInputFile?: boolean;
  readonly verifyDiagnostics?: "all" | "only-expected";
  readonly bisect?: boolean;
  readonly runReproducer?: boolean;
  readonly verifyRoundtrip?: boolean;
  readonly implicitModule: boolean;
  readonly printPipeline?: boolean;
  readonly dumpPassPipeline?: boolean;
  readonly listPasses?: boolean;
  readonly showDialects?: boolean;
  readonly errorFormat: ReportFormat;
}

export interface OptRequest {
  readonly file: string;
  readonly flags: OptFlags;
  /** The pipeline as text, and what to call it in messages; undefined if none is given. */
  readonly pipeline: { readonly text: string; readonly name: string } | undefined;
}

/** Reads the arguments; answers the exit code where nothing is left to do. */
export function readOptArguments(args: readonly string[]): OptRequest | number {
  const steps: string[] = [];
  const command = new Command("opt")
    .description("Reads MLIR text, runs passes on it, and prints it. Flags are those of mlir-opt, where it has them.")
    .argument("[file]", "the text; - is standard input", "-");
  addFlags(command);
  addPrintFlags(command);
  addWatchFlags(command, true);
  command.optionsGroup("Passes, run in the order they are given:");
  for (const pass of passes) addPassFlag(command, pass, steps);
  const optional = new Set([...switches, ...printSwitches, ...watchSwitches, ...passes.map((p) => p.name)]);
  const parsed = parseArguments(command, normalizeFlags(args, optional));
  if (typeof parsed === "number") return parsed;
  const flags = parsed.opts<OptFlags>();
  if (flags.passPipeline !== undefined && steps.length > 0) {
    throw usageFault("passes are given both by flags and by --pass-pipeline", "use one of the two");
  }
  const text = flags.passPipeline ?? (steps.length > 0 ? steps.join(",") : undefined);
  const name = flags.passPipeline === undefined ? "flags" : "--pass-pipeline";
  return { file: parsed.args[0] ?? "-", flags, pipeline: text === undefined ? undefined : { text, name } };
}

const switches = [
  "allow-unregistered-dialect",
  "split-input-file",
  "verify-diagnostics",
  "verify-roundtrip",
  "bisect",
  "run-reproducer",
  "print-pipeline",
  "dump-pass-pipeline",
  "list-passes",
  "show-dialects",
];

function addFlags(command: Command): void {
  const on = (flags: string, help: string): Option => new Option(`${flags} [bool]`, help).argParser(toSwitch);
  command
    .option("-o, --output <file>", "where to write; standard output by default")
    .option("--pass-pipeline <text>", "the passes: builtin.module(func.func(canonicalize{max-iterations=3},cse))")
    .addOption(on("--allow-unregistered-dialect", "take ops of unknown dialects as they are"))
    .addOption(on("--split-input-file", "work on each part between lines `// -----` by itself"))
    .addOption(
      new Option(
        "--verify-diagnostics [which]",
        "compare diagnostics with `// expected-error {{…}}` in the text; all or only-expected",
      ).argParser(toWhich),
    )
    .addOption(on("--verify-roundtrip", "what is printed must read as the same program"))
    .option("--no-implicit-module", "the text is one op; do not put a module around it")
    .addOption(on("--bisect", "find the first pass that leaves a wrong program, by running functions on random inputs"))
    .addOption(on("--run-reproducer", "the input is a reproducer: run the pipeline that it holds"))
    .addOption(on("--print-pipeline", "print the pipeline that is run, to standard error"))
    .addOption(on("--dump-pass-pipeline", "the same, by mlir-opt's name").hideHelp())
    .addOption(on("--list-passes", "list the passes, and end"))
    .addOption(on("--show-dialects", "list the dialects, and end"))
    .addOption(new Option("--error-format <how>", "how faults are written").choices(reportFormats).default("text"));
}

function toWhich(text: string): "all" | "only-expected" {
  if (text === "" || text === "all") return "all";
  if (text === "only-expected") return text;
  throw new InvalidArgumentError("Expected all or only-expected.");
}

function addPassFlag(command: Command, pass: Pass, steps: string[]): void {
  const add = (given: string): string => {
    const options = given.trim().replace(/^\{(.*)\}$/s, "$1");
    steps.push(options ? `${pass.name}{${options}}` : pass.name);
    return given;
  };
  command.addOption(new Option(`--${pass.name} [options]`, summaryOf(pass.doc)).argParser(add));
}
