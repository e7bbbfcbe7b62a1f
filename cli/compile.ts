/** @file `sluice compile MODEL.onnx`: a model becomes files that run without us. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Command, Option } from "commander";
import {
  type Compiled,
  type CompileOptions,
  type Compiler,
  Diagnostics,
  fault,
  type Instrument,
  loadCompiler,
  type Operation,
  print as printIr,
  type StepRun,
  unknownLocation,
  type Work,
} from "../index.ts";
import { normalizeFlags, parseArguments } from "./arguments.ts";
import { addModelFlags, amountText, bytesText, type ModelFlags, readingOptions, rowsText } from "./model.ts";
import { addWatchFlags, type WatchFlags, watchSwitches, watchWith } from "./opt-instruments.ts";
import { Progress } from "./progress.ts";
import { report, reportAs } from "./report.ts";
import { print, printError, readBytes, writeOutput } from "./terminal.ts";
import { usageFault } from "./usage.ts";

/** Storeys that can be printed, and the pass before which the program is there; none is the end of the pipeline. */
const storeys: Readonly<Record<string, string | undefined>> = {
  "mlir-graph": "graph-to-linalg",
  "mlir-linalg": "linalg-bufferize",
  "mlir-kernel": undefined,
};

interface CompileFlags extends ModelFlags, WatchFlags {
  readonly target: string;
  readonly output?: string;
  readonly emit?: string;
  readonly names?: boolean;
  readonly printPipeline?: boolean;
}

export async function main(args: readonly string[]): Promise<number> {
  const command = new Command("compile")
    .description(
      "Compiles an ONNX model to a folder of files that run by themselves: code, weights, loader, types, manifest.",
    )
    .argument("<model>", "the model, an .onnx file")
    .option("--target <name>", "what to compile for", "wasm-simd")
    .option("-o, --output <dir>", "the folder to write; by default the model's name, here")
    .addOption(
      new Option("--emit <what>", "print the program at a storey instead of writing files").choices([
        ...Object.keys(storeys),
        "wat",
      ]),
    )
    .option("--names", "keep names of functions in the code")
    .option("--print-pipeline", "print the target's pipeline and stop");
  addModelFlags(command);
  addWatchFlags(command, false);
  const parsed = parseArguments(command, normalizeFlags(args, new Set(watchSwitches)));
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
    ...readingOptions(path, flags, diagnostics),
    target: flags.target,
    names: flags.names ?? false,
  };
  const bytes = readBytes(path);
  const watch = watchWith(flags, (op) => printIr(op, { resources: "names" }), undefined);
  const counts = new Counts(compiler.workOf);
  const progress = new Progress();
  const watched = { ...options, instruments: [counts, progress, ...watch.instruments] };
  const started = performance.now();
  if (flags.emit !== undefined && flags.emit !== "wat") {
    print(emitStorey(compiler, bytes, flags.emit, watched));
    return 0;
  }
  const compiled = await compiler.compile(bytes, watched).finally(() => progress.end());
  const took = performance.now() - started;
  printError(watch.report());
  report(diagnostics.list.filter((d) => d.severity !== "remark"));
  if (flags.emit === "wat") {
    print(await watText(compiled.code));
    return 0;
  }
  const folder = flags.output ?? compiled.manifest.model;
  await writeFolder(folder, compiled);
  print(summary(folder, compiled, counts, took));
  return 0;
}

/** Stops the pipeline where the storey stands, by way of what watches its passes. */
class Reached extends Error {}

function emitStorey(compiler: Compiler, bytes: Uint8Array, storey: string, options: CompileOptions): string {
  const stop = storeys[storey];
  const module: Operation = compiler.importBytes(bytes, options);
  const watch: Instrument = {
    before(run) {
      if (run.step.pass.name === stop) throw new Reached();
    },
  };
  try {
    compiler.lower(module, compiler.targetNamed(options.target ?? "wasm-simd").pipeline, {
      ...options,
      instruments: [...(options.instruments ?? []), watch],
    });
  } catch (error) {
    if (!(error instanceof Reached)) throw error;
  }
  return `${printIr(module)}\n`;
}

/** The text of a WebAssembly module, by wabt's disassembler. */
async function watText(code: Uint8Array): Promise<string> {
  const { default: load } = await import("wabt").catch(() => {
    throw usageFault("--emit wat needs the package wabt", "npm install wabt");
  });
  const module = (await load()).readWasm(code, { readDebugNames: true });
  try {
    return module.toText({ foldExprs: false, inlineExport: false });
  } finally {
    module.destroy();
  }
}

async function writeFolder(folder: string, compiled: Compiled): Promise<void> {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw fault("cli/file", unknownLocation, `cannot make the folder '${folder}': ${(error as Error).message}`);
  }
  for (const [name, content] of await compiled.files()) writeOutput(join(folder, name), content);
}

/** Counts what there is at the beginning, and what there is to compute. */
class Counts implements Instrument {
  nodes = 0;
  work: Work | undefined;
  readonly #workOf: Compiler["workOf"];

  constructor(workOf: Compiler["workOf"]) {
    this.#workOf = workOf;
  }

  start(_pipeline: unknown, root: Operation): void {
    root.walk((op) => {
      if (op.results.length > 0) this.nodes++;
    });
  }

  after({ step, root }: StepRun): void {
    if (step.pass.name === storeys["mlir-graph"]) this.work = this.#workOf(root);
  }
}

function summary(folder: string, { manifest, code, weights }: Compiled, { nodes, work }: Counts, took: number): string {
  const calls = manifest.kernels.reduce((n, k) => n + k.calls, 0);
  const rows: readonly (readonly [string, string])[] = [
    ["nodes", String(nodes)],
    ["kernels", `${manifest.kernels.length} (${calls} calls)`],
    ["MACs", work ? amountText(work.macs) : "not counted"],
    ["code", `${bytesText(code.byteLength)} (${bytesText(gzipSync(code).byteLength)} gzip)`],
    ["weights", bytesText(weights.byteLength)],
    ["arena", bytesText(manifest.memory.arena.bytes)],
    ["compiled in", `${took.toFixed(0)} ms`],
  ];
  return `${folder}/\n${rowsText(rows)}`;
}
