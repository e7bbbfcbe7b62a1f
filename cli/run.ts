/** @file `sluice run FILE.mlir [@entry] [arguments…]`: runs a function of a program in the interpreter; or a model. */
import { Command, Option } from "commander";
import {
  CompileError,
  Context,
  Diagnostics,
  dialects,
  dtypeOf,
  fault,
  Interpreter,
  loadParser,
  NDArray,
  parsePipeline,
  passes,
  runnerLibrary,
  runPipeline,
  type Source,
  type TextReader,
  type Type,
  typeText,
  unknownLocation,
  verify,
} from "../index.ts";
import { normalizeFlags, parseArguments, toCount, toSwitch } from "./arguments.ts";
import { entryOf } from "./entry.ts";
import { isModelFile } from "./model.ts";
import { writeNpy } from "./npy.ts";
import { type ReportFormat, report, reportAs, reportFormats } from "./report.ts";
import { print, readBytes, readSource, writeOutput } from "./terminal.ts";
import { readValue, valueText } from "./values.ts";

interface RunFlags {
  readonly passPipeline?: string;
  readonly allowUnregisteredDialect?: boolean;
  readonly maxSteps?: number;
  readonly output: readonly string[];
  readonly errorFormat: ReportFormat;
}

export async function main(args: readonly string[]): Promise<number> {
  // Models have flags of their own.
  if (args.some(isModelFile)) return (await import("./run-model.ts")).main(args);
  const command = new Command("run")
    .description(
      "Runs a function of an MLIR program in the interpreter and prints what it answers, a typed literal a line.\n\n" +
        "Models are compiled and run; `sluice run model.onnx --help` tells how. Arguments are 3, 2.5, true, dense<[1.0, 2.0]> : tensor<2xf32>, or .npy files. Without @entry it is @main, or the " +
        "only function that is not private.",
    )
    .argument("<file>", "the program; - is standard input")
    .argument("[entry-and-arguments...]", "@entry, then one argument per parameter")
    .option("--pass-pipeline <text>", "passes to run on the program first")
    .addOption(
      new Option("--allow-unregistered-dialect [bool]", "take ops of unknown dialects as they are").argParser(toSwitch),
    )
    .addOption(new Option("--max-steps <n>", "stop the program after so many ops").argParser(toCount))
    .addOption(
      new Option("-o, --output <file>", "write a result as .npy; once for each result, in order")
        .argParser((path: string, before: readonly string[]) => [...before, path])
        .default([], "none"),
    )
    .addOption(new Option("--error-format <how>", "how faults are written").choices(reportFormats).default("text"));
  const parsed = parseArguments(command, normalizeFlags(args, new Set(["allow-unregistered-dialect"])));
  if (typeof parsed === "number") return parsed;
  const flags = parsed.opts<RunFlags>();
  reportAs(flags.errorFormat);
  const [file, ...rest] = parsed.args;
  const entry = rest[0]?.startsWith("@") ? rest[0].slice(1) : undefined;
  const given = entry === undefined ? rest : rest.slice(1);
  return runProgram(readSource(file!), entry, given, flags, await loadParser());
}

function runProgram(
  source: Source,
  entry: string | undefined,
  given: readonly string[],
  flags: RunFlags,
  reader: TextReader,
): number {
  const context = new Context(dialects, { allowUnregistered: flags.allowUnregisteredDialect ?? false });
  const diagnostics = new Diagnostics();
  const module = reader.parse(source, context, diagnostics);
  if (module && verify(module, diagnostics)) {
    const pipeline = parsePipeline(flags.passPipeline ?? "", passes, diagnostics, "--pass-pipeline");
    if (pipeline) runPipeline(pipeline, module, { context, diagnostics });
  }
  if (!module || diagnostics.hasErrors) throw new CompileError(diagnostics.list);
  report(diagnostics.list);
  const { name, op, parameters, results: types } = entryOf(module, entry);
  if (given.length !== parameters.length) {
    const wants = `takes ${parameters.length} arguments, but ${given.length} are given`;
    throw fault("run/arguments", op.loc, `'@${name}' ${wants}`, { help: signatureText(name, parameters, types) });
  }
  const values = given.map((text, i) => readValue(text, parameters[i]!, { ...reader, context, readFile: readBytes }));
  const options = {
    print,
    externals: runnerLibrary,
    ...(flags.maxSteps !== undefined && { maxSteps: flags.maxSteps }),
  };
  const results = new Interpreter(options).call(module, name, values);
  results.forEach((value, i) => {
    const path = flags.output[i];
    if (path === undefined) print(`${valueText(value, types[i]!)}\n`);
    else writeOutput(path, writeNpy(arrayOf(value, types[i]!), path));
  });
  return 0;
}

const signatureText = (name: string, parameters: readonly Type[], results: readonly Type[]): string =>
  `@${name} is (${parameters.map(typeText).join(", ")}) -> (${results.map(typeText).join(", ")})`;

/** A result as an array; single numbers have no dimension. */
function arrayOf(value: unknown, type: Type): NDArray {
  if (value instanceof NDArray) return value;
  const dtype = dtypeOf(type);
  if (dtype === undefined || (typeof value !== "number" && typeof value !== "bigint")) {
    throw fault("npy/format", unknownLocation, `${typeText(type)} cannot be written as .npy`);
  }
  return NDArray.filled(dtype, [], value);
}
