/** @file `sluice check MODEL.onnx`: everything that is wrong with a model, and nothing else. */
import { Command } from "commander";
import { CompileError, Diagnostics, loadCompiler } from "../index.ts";
import { parseArguments } from "./arguments.ts";
import { addModelFlags, countText, type ModelFlags, readingOptions } from "./model.ts";
import { report, reportAs } from "./report.ts";
import { print, readBytes } from "./terminal.ts";

export async function main(args: readonly string[]): Promise<number> {
  const command = new Command("check")
    .description("Says everything that is wrong with a model: what is malformed, and what cannot be compiled.")
    .argument("<model>", "the model, an .onnx file");
  addModelFlags(command);
  const parsed = parseArguments(command, args);
  if (typeof parsed === "number") return parsed;
  const flags = parsed.opts<ModelFlags>();
  reportAs(flags.errorFormat);
  const path = parsed.args[0]!;
  const bytes = readBytes(path);
  const diagnostics = new Diagnostics();
  try {
    (await loadCompiler()).importBytes(bytes, readingOptions(path, flags, diagnostics));
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
  }
  report(diagnostics.list);
  print(`${path}: ${diagnostics.hasErrors ? countText(diagnostics.errorCount, "error") : "no errors"}\n`);
  return diagnostics.hasErrors ? 1 : 0;
}
