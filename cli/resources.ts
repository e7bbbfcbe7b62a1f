/** @file `sluice report MODEL`: what a model takes of a machine, per layer, without writing anything. */
import { Command, Option } from "commander";
import {
  type Compiled,
  CompileError,
  type CompileOptions,
  Diagnostics,
  loadCompiler,
  unknownLocation,
} from "../index.ts";
import { parseArguments } from "./arguments.ts";
import { addModelFlags, type ModelFlags, readingOptions } from "./model.ts";
import { report, reportAs } from "./report.ts";
import { addSettingFlags, type SettingFlags, settingsOf } from "./settings.ts";
import { print, readBytes } from "./terminal.ts";
import { usageFault } from "./usage.ts";

/** What a machine has, in bytes. */
export interface Limits {
  readonly ram?: number;
  readonly flash?: number;
}

interface Flags extends ModelFlags, SettingFlags, Limits {
  readonly target: string;
  readonly json?: boolean;
}

/** `64k` and `1M` are multiples of 1024. */
function toBytes(text: string): number {
  const match = /^(\d+)([kKmM]?)$/.exec(text);
  if (!match) throw usageFault(`${text} is no number of bytes`, "write 65536, 64k or 1M");
  const unit = match[2]!.toLowerCase();
  return Number(match[1]) * (unit === "k" ? 1024 : unit === "m" ? 1048576 : 1);
}

export function addLimitFlags(command: Command): void {
  command
    .addOption(new Option("--ram <bytes>", "refuse a model that takes more RAM (64k, 1M)").argParser(toBytes))
    .addOption(new Option("--flash <bytes>", "refuse a model that takes more flash").argParser(toBytes));
}

/** Throws a CompileError with every limit that is exceeded. */
export function checkLimits(compiled: Compiled, limits: Limits): void {
  const takes = compiled.resources();
  const diagnostics = new Diagnostics();
  for (const kind of ["ram", "flash"] as const) {
    const limit = limits[kind];
    if (limit === undefined) continue;
    if (!takes) throw usageFault(`--${kind}: the target ${compiled.manifest.target} does not say what a model takes`);
    if (takes[kind] <= limit) continue;
    const name = kind === "ram" ? "RAM" : "flash";
    diagnostics.error(
      "target/limit",
      unknownLocation,
      `the model takes ${takes[kind]} bytes of ${name}, the limit is ${limit}`,
      {
        help: "`sluice report` shows what each layer takes",
      },
    );
  }
  diagnostics.throwIfErrors();
}

export async function main(args: readonly string[]): Promise<number> {
  const command = new Command("report")
    .description(
      "Says how much RAM, flash and stack a model takes and what each layer computes, before any compiler runs.",
    )
    .argument("<model>", "the model, an .onnx file")
    .option("--target <name>", "what to compile for", "c")
    .option("--json", "the same for programs");
  addSettingFlags(command);
  addLimitFlags(command);
  addModelFlags(command);
  const parsed = parseArguments(command, args);
  if (typeof parsed === "number") return parsed;
  const flags = parsed.opts<Flags>();
  reportAs(flags.errorFormat);
  const path = parsed.args[0]!;
  const diagnostics = new Diagnostics();
  const options: CompileOptions = {
    ...readingOptions(path, flags, diagnostics),
    target: flags.target,
    settings: settingsOf(flags),
  };
  const { compile } = await loadCompiler();
  const compiled = await compile(readBytes(path), options);
  report(diagnostics.list.filter((d) => d.severity !== "remark"));
  const takes = compiled.resources();
  if (!takes) throw usageFault(`the target ${flags.target} does not say what a model takes`, "--target c does");
  print(flags.json ? `${JSON.stringify(takes.json, null, 2)}\n` : takes.text);
  try {
    checkLimits(compiled, flags);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    report(error.diagnostics);
    return 1;
  }
  return 0;
}
