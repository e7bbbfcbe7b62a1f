/** @file `sluice compile MODEL.onnx`: a model becomes files that run without us. */
import { gzipSync } from "node:zlib";
import { Command, Option } from "commander";
import {
  CompileError,
  type CompileOptions,
  type Compiler,
  Context,
  compile,
  Diagnostics,
  dialects,
  type Fact,
  type Instrument,
  loadCompiler,
  type Numerics,
  numericsPolicies,
  type Operation,
  parsePipeline,
  passes,
  print as printIr,
  type StepRun,
  type Target,
  type Work,
} from "../index.ts";
import { normalizeFlags, parseArguments } from "./arguments.ts";
import { allPassesAreGood } from "./bisect.ts";
import { addModelFlags, amountText, bytesText, type ModelFlags, readingOptions, rowsText } from "./model.ts";
import { addWatchFlags, evaluationOptions, type WatchFlags, watchSwitches, watchWith } from "./opt-instruments.ts";
import { Progress } from "./progress.ts";
import { report, reportAs } from "./report.ts";
import { addLimitFlags, checkLimits, type Limits } from "./resources.ts";
import { readSchedules, schedulesText } from "./schedule-file.ts";
import { addSettingFlags, type SettingFlags, settingsOf } from "./settings.ts";
import { print, printError, readBytes, writeFolder } from "./terminal.ts";
import { usageFault } from "./usage.ts";

/** Storeys that can be printed, and the pass before which the program is there; none is the end of the pipeline. */
const storeys: Readonly<Record<string, string | undefined>> = {
  "mlir-graph": "graph-to-linalg",
  "mlir-linalg": "linalg-bufferize",
  "mlir-kernel": undefined,
};

/** What `--variants` takes beside names. */
const variantSets = ["automatic", "all", "here"] as const;

interface CompileFlags extends ModelFlags, WatchFlags, SettingFlags, Limits {
  readonly target: string;
  readonly output?: string;
  readonly emit?: string;
  readonly numerics: Numerics;
  readonly names?: boolean;
  readonly variants: string;
  readonly relaxed?: boolean;
  readonly allowHost?: boolean;
  readonly schedule?: string;
  readonly printPipeline?: boolean;
  readonly bisect?: boolean;
}

export async function main(args: readonly string[]): Promise<number> {
  const command = new Command("compile")
    .description(
      "Compiles an ONNX model to a folder of files that run by themselves: code, weights, loader, types, manifest.",
    )
    .argument("<model>", "the model, an .onnx file")
    .option("--target <name>", "what to compile for", "wasm-simd")
    .option("-o, --output <dir>", "the folder to write; by default the model's name, here")
    .option(
      "--emit <what>",
      `print the program instead of writing files: ${Object.keys(storeys).join(", ")}, schedule, or a listing of the target's, like wat`,
    )
    .option(
      "--variants <names>",
      "code for other engines to make beside it: automatic (what loaders choose by themselves), all, here (for this engine only), or names",
      "automatic",
    )
    .addOption(
      new Option("--numerics <policy>", "what may be changed for speed: nothing, the last bits, or more")
        .choices(numericsPolicies)
        .default("default"),
    )
    .option("--relaxed", "make the code with relaxed SIMD and no other variant: short for --variants relaxed")
    .option(
      "--allow-host",
      "run on the host, as WebAssembly, what a device cannot: without it such a model is refused (for --target wgsl)",
    )
    .option(
      "--schedule <file>",
      "how kernels run, in place of what would be chosen; --emit schedule prints a file to start from",
    )
    .option("--names", "keep names of functions in the code")
    .option("--print-pipeline", "print the target's pipeline and stop")
    .option(
      "--bisect",
      "write nothing, but find the first pass that leaves a wrong program, by running it on random inputs",
    );
  addSettingFlags(command);
  addLimitFlags(command);
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
  const target = compiler.targetNamed(flags.target);
  checkEmit(flags.emit, target);
  const variants = variantsOf(flags);
  const pipeline = pipelineOf(compiler, target, variants);
  if (flags.printPipeline) {
    print(`${pipeline}\n`);
    return 0;
  }
  const diagnostics = new Diagnostics();
  const options: CompileOptions = {
    ...readingOptions(path, flags, diagnostics),
    target: flags.target,
    settings: settingsOf(flags),
    names: flags.names ?? false,
    numerics: flags.numerics,
    ...(flags.allowHost ? { allowHost: true } : {}),
    ...(flags.schedule !== undefined ? { schedules: readSchedules(flags.schedule) } : {}),
    variants,
  };
  const bytes = readBytes(path);
  if (flags.bisect) return bisectPasses(compiler, bytes, pipeline, flags, options, diagnostics);
  const watch = watchWith(flags, (op) => printIr(op, { resources: "names" }), undefined);
  const counts = new Counts(compiler);
  const progress = new Progress();
  const watched = { ...options, instruments: [counts, progress, ...watch.instruments] };
  const started = performance.now();
  if (flags.emit !== undefined && Object.hasOwn(storeys, flags.emit)) {
    const text = emitStorey(compiler, bytes, flags.emit, pipeline, watched, progress);
    printError(watch.report());
    print(text);
    return 0;
  }
  if (flags.emit === "schedule") {
    // Unless variants are asked for, those of the target's own code.
    const shown = variants === "automatic" ? [] : variants;
    const schedules = compiler.schedulesOf(bytes, { ...watched, variants: shown });
    progress.end();
    print(schedulesText(schedules));
    return 0;
  }
  const compiled = await compile(bytes, watched).finally(() => progress.end());
  const took = performance.now() - started;
  printError(watch.report());
  report(diagnostics.list.filter((d) => d.severity !== "remark"));
  if (flags.emit !== undefined) {
    print((await compiled.listing(flags.emit)) ?? "");
    return 0;
  }
  checkLimits(compiled, flags);
  const folder = flags.output ?? compiled.manifest.model;
  writeFolder(folder, await compiled.files());
  print(summary(folder, await compiled.facts(), counts, took));
  return 0;
}

type Variants = NonNullable<CompileOptions["variants"]>;

const variantsOf = (flags: CompileFlags): Variants =>
  flags.relaxed ? ["relaxed"] : (variantSets.find((s) => s === flags.variants) ?? flags.variants.split(","));

/** What is printed of a program on its way is the target's own, or that of the one variant that is asked for. */
function pipelineOf(compiler: Compiler, target: Target, variants: Variants): string {
  const named = typeof variants === "string" ? [] : variants.map((name) => compiler.variantNamed(target, name));
  return (named.length === 1 && named[0]?.pipeline) || target.pipeline;
}

function bisectPasses(
  compiler: Compiler,
  bytes: Uint8Array,
  pipeline: string,
  flags: CompileFlags,
  options: CompileOptions,
  diagnostics: Diagnostics,
): number {
  const module = compiler.importBytes(bytes, options);
  const parsed = parsePipeline(pipeline, passes, diagnostics);
  if (!parsed) throw new CompileError(diagnostics.list);
  const env = { context: new Context(dialects), diagnostics };
  const good = allPassesAreGood(parsed, module, env, evaluationOptions(flags));
  report(diagnostics.list.filter((d) => d.severity !== "remark"));
  return good ? 0 : 1;
}

/** @throws CompileError if there is nothing of this name to print */
function checkEmit(what: string | undefined, target: Target): void {
  const known = [...Object.keys(storeys), "schedule", ...Object.keys(target.listings ?? {})];
  if (what === undefined || known.includes(what)) return;
  throw usageFault(`--emit ${what} is nothing that ${target.name} can print`, `it is one of ${known.join(", ")}`);
}

/** Stops the pipeline where the storey stands, by way of what watches its passes. */
class Reached extends Error {}

function emitStorey(
  compiler: Compiler,
  bytes: Uint8Array,
  storey: string,
  pipeline: string,
  options: CompileOptions,
  progress: Progress,
): string {
  const stop = storeys[storey];
  const module: Operation = compiler.importBytes(bytes, options);
  const watch: Instrument = {
    before(run) {
      if (run.step.pass.name === stop) throw new Reached();
    },
  };
  try {
    compiler.lower(module, pipeline, { ...options, instruments: [...(options.instruments ?? []), watch] });
  } catch (error) {
    if (!(error instanceof Reached)) throw error;
  } finally {
    progress.end();
  }
  return `${printIr(module)}\n`;
}

/** Counts nodes at the beginning, what the passes leave of them on their storey, and what there is to compute. */
class Counts implements Instrument {
  nodes = 0;
  left: number | undefined;
  work: Work | undefined;
  readonly #compiler: Compiler;

  constructor(compiler: Compiler) {
    this.#compiler = compiler;
  }

  start(_pipeline: unknown, root: Operation): void {
    this.nodes = this.#compiler.nodesOf(root);
  }

  before({ step, root }: StepRun): void {
    if (step.pass.name === storeys["mlir-graph"]) this.left = this.#compiler.nodesOf(root);
  }

  after({ step, root }: StepRun): void {
    if (step.pass.name === storeys["mlir-graph"]) this.work = this.#compiler.workOf(root);
  }
}

function summary(folder: string, facts: readonly Fact[], { nodes, left, work }: Counts, took: number): string {
  const rows: readonly (readonly [string, string])[] = [
    ["nodes", left === undefined ? String(nodes) : `${nodes}, ${left} after simplification`],
    ["MACs", work ? amountText(work.macs) : "not counted"],
    ...facts.map(({ name, value }) => [name, factText(value)] as const),
    ["compiled in", `${took.toFixed(0)} ms`],
  ];
  return `${folder}/\n${rowsText(rows)}`;
}

function factText(value: Fact["value"]): string {
  if (typeof value === "string") return value;
  if ("bytes" in value) return bytesText(value.bytes);
  const total = (sizes: readonly number[]): string => bytesText(sizes.reduce((a, b) => a + b, 0));
  const { shipped } = value;
  return `${total(shipped.map((b) => b.byteLength))} (${total(shipped.map((b) => gzipSync(b).byteLength))} gzip)`;
}
