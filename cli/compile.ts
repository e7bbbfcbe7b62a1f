/** @file `sluice compile MODEL.onnx`: a model becomes files that run without us. */
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { Command, Option } from "commander";
import {
  type Compiled,
  type CompileOptions,
  Diagnostics,
  fault,
  loadCompiler,
  type Operation,
  print as printIr,
  unknownLocation,
} from "../index.ts";
import { parseArguments } from "./arguments.ts";
import { externalReader } from "./external.ts";
import { type ReportFormat, report, reportAs, reportFormats } from "./report.ts";
import { print, readBytes, writeOutput } from "./terminal.ts";
import { usageFault } from "./usage.ts";

/** Storeys that can be printed, and the pass before which the program is there; none is the end of the pipeline. */
const storeys: Readonly<Record<string, string | undefined>> = {
  "mlir-graph": "graph-to-linalg",
  "mlir-linalg": "linalg-bufferize",
  "mlir-kernel": undefined,
};

interface CompileFlags {
  readonly target: string;
  readonly output?: string;
  readonly emit?: string;
  readonly shape: readonly string[];
  readonly names?: boolean;
  readonly printPipeline?: boolean;
  readonly errorFormat: ReportFormat;
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

export async function main(args: readonly string[]): Promise<number> {
  const command = new Command("compile")
    .description(
      "Compiles an ONNX model to a folder of files that run by themselves: code, weights, loader, types, manifest.",
    )
    .argument("<model>", "the model, an .onnx file")
    .option("--target <name>", "what to compile for", "wasm-simd")
    .option("-o, --output <dir>", "the folder to write; by default the model's name, here")
    .addOption(
      new Option("--emit <what>", "print the program at a storey instead of writing files").choices(
        Object.keys(storeys),
      ),
    )
    .option(
      "--shape <name=size>",
      "bind a symbolic dimension (N=1) or an input (image=1x3x224x224); may be repeated",
      collect,
      [],
    )
    .option("--names", "keep names of functions in the code")
    .option("--print-pipeline", "print the target's pipeline and stop")
    .addOption(new Option("--error-format <how>", "how faults are written").choices(reportFormats).default("text"));
  const parsed = parseArguments(command, args);
  if (typeof parsed === "number") return parsed;
  const flags = parsed.opts<CompileFlags>();
  reportAs(flags.errorFormat);
  return compileFile(parsed.args[0]!, flags);
}

async function compileFile(path: string, flags: CompileFlags): Promise<number> {
  const compiler = await loadCompiler();
  if (flags.printPipeline) {
    print(`${compiler.targetNamed(flags.target).pipeline}\n`);
    return 0;
  }
  const diagnostics = new Diagnostics();
  const options: CompileOptions = {
    target: flags.target,
    file: basename(path),
    shapes: shapesOf(flags.shape),
    readExternal: externalReader(path),
    names: flags.names ?? false,
    diagnostics,
  };
  const bytes = readBytes(path);
  const started = performance.now();
  if (flags.emit !== undefined) {
    print(emitStorey(compiler, bytes, flags.emit, options));
    return 0;
  }
  const compiled = await compiler.compile(bytes, options);
  const took = performance.now() - started;
  report(diagnostics.list.filter((d) => d.severity !== "remark"));
  const folder = flags.output ?? compiled.manifest.model;
  await writeFolder(folder, compiled);
  print(summary(folder, compiled, took));
  return 0;
}

/** `N=1` binds a dimension, `image=1x3x224x224` an input. */
function shapesOf(given: readonly string[]): Record<string, number | readonly number[]> {
  const shapes: Record<string, number | readonly number[]> = {};
  for (const text of given) {
    const match = /^(.+)=(\d+(?:x\d+)*)$/.exec(text);
    if (!match) throw usageFault(`--shape ${text} is not NAME=SIZE`, "write --shape N=1 or --shape image=1x3x224x224");
    const sizes = match[2]!.split("x").map(Number);
    shapes[match[1]!] = sizes.length === 1 ? sizes[0]! : sizes;
  }
  return shapes;
}

/** Stops the pipeline where the storey stands, by way of what watches its passes. */
class Reached extends Error {}

function emitStorey(
  compiler: Awaited<ReturnType<typeof loadCompiler>>,
  bytes: Uint8Array,
  storey: string,
  options: CompileOptions,
): string {
  const stop = storeys[storey];
  const module: Operation = compiler.importBytes(bytes, options);
  const watch = {
    before(run: { readonly step: { readonly pass: { readonly name: string } } }): void {
      if (run.step.pass.name === stop) throw new Reached();
    },
  };
  try {
    compiler.lower(module, compiler.targetNamed(options.target ?? "wasm-simd").pipeline, {
      ...options,
      instruments: [watch],
    });
  } catch (error) {
    if (!(error instanceof Reached)) throw error;
  }
  return `${printIr(module)}\n`;
}

async function writeFolder(folder: string, compiled: Compiled): Promise<void> {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw fault("cli/file", unknownLocation, `cannot make the folder '${folder}': ${(error as Error).message}`);
  }
  for (const [name, content] of await compiled.files()) writeOutput(join(folder, name), content);
}

const bytesText = (n: number): string =>
  n < 10_000 ? `${n} B` : n < 10_000_000 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 1048576).toFixed(1)} MiB`;

function summary(folder: string, { manifest, code, weights }: Compiled, took: number): string {
  const calls = manifest.kernels.reduce((n, k) => n + k.calls, 0);
  const rows: readonly (readonly [string, string])[] = [
    ["kernels", `${manifest.kernels.length} (${calls} calls)`],
    ["code", `${bytesText(code.byteLength)} (${bytesText(gzipSync(code).byteLength)} gzip)`],
    ["weights", bytesText(weights.byteLength)],
    ["arena", bytesText(manifest.memory.arena.bytes)],
    ["compiled in", `${took.toFixed(0)} ms`],
  ];
  return `${folder}/\n${rows.map(([k, v]) => `  ${k.padEnd(12)} ${v}`).join("\n")}\n`;
}
