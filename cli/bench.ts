/** @file `sluice bench MODEL…`: times models, side by side with other runtimes: latency, cold start, rate, size. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { Command, Option } from "commander";
import { type Compiled, type CompileOptions, Diagnostics, type Instrument, loadCompiler, type Roof } from "../index.ts";
import { parseArguments, toCount } from "./arguments.ts";
import { measure } from "./bench-measure.ts";
import { ContenderProcess, canPin } from "./bench-process.ts";
import { type BenchReport, benchPage, benchText, type ModelReport } from "./bench-report.ts";
import { type Contender, contenders } from "./contenders.ts";
import { machineText } from "./machine.ts";
import { addModelFlags, collect, type ModelFlags, readingOptions } from "./model.ts";
import { report, reportAs } from "./report.ts";
import { print, printError, readBytes, writeFolder, writeOutput } from "./terminal.ts";
import { usageFault } from "./usage.ts";

interface BenchFlags extends ModelFlags {
  readonly target: readonly string[];
  readonly vs: readonly string[];
  readonly variant: readonly string[];
  readonly threads: number;
  readonly rounds: number;
  readonly budget: number;
  readonly warm: number;
  readonly timeout: number;
  readonly cold: number;
  readonly pin?: string;
  readonly nodeArg: readonly string[];
  readonly json?: string;
  readonly html?: string;
}

const list = (value: string, before: readonly string[]): readonly string[] => [
  ...before,
  ...value.split(",").filter((v) => v !== ""),
];

export async function main(args: readonly string[]): Promise<number> {
  const peers = Object.entries(contenders).filter(([name]) => name !== "sluice" && name !== "adapter");
  const command = new Command("bench")
    .description(
      "Times models: each contender in a process of its own, all in turn, in rounds, so that what disturbs one disturbs all.\n\n" +
        `Others to compare with (--vs) are optional installs:\n${peers.map(([name, k]) => `  ${name.padEnd(9)} ${k.doc}`).join("\n")}\n` +
        "  FILE.mjs  a module that exports load(bytes, entry, options) → { run, canonical? }; options follow as :key=value",
    )
    .argument("<models...>", "models, .onnx files")
    .addOption(new Option("--target <names>", "what to compile for; one contender each").argParser(list).default([]))
    .addOption(new Option("--variant <names>", "variants of the code; one contender each").argParser(list).default([]))
    .addOption(new Option("--vs <names>", "other runtimes").argParser(list).default([]))
    .addOption(new Option("--threads <n>", "threads asked of each").argParser(toCount).default(1))
    .addOption(new Option("--rounds <n>", "rounds").argParser(toCount).default(7))
    .addOption(new Option("--budget <ms>", "measured time of each in each round").argParser(toCount).default(300))
    .addOption(new Option("--warm <ms>", "time of each before").argParser(toCount).default(1000))
    .addOption(
      new Option("--cold <n>", "fresh processes in which each is loaded and run once").argParser(toCount).default(1),
    )
    .addOption(new Option("--timeout <s>", "limit of any one step").argParser(toCount).default(180))
    .option("--pin <cpus>", "processors to run on, as taskset takes them")
    .addOption(
      new Option("--node-arg <flag>", "a flag of node for all contenders; may be repeated")
        .argParser(collect)
        .default([]),
    )
    .option("--json <file>", "write everything measured")
    .option("--html <file>", "write a page with charts");
  addModelFlags(command);
  const parsed = parseArguments(command, args);
  if (typeof parsed === "number") return parsed;
  const flags = parsed.opts<BenchFlags>();
  reportAs(flags.errorFormat);
  return new Bench(flags).main(parsed.args);
}

class Bench {
  readonly #flags: BenchFlags;
  readonly #scratch = mkdtempSync(join(tmpdir(), "sluice-bench-"));

  constructor(flags: BenchFlags) {
    this.#flags = flags;
  }

  async main(models: readonly string[]): Promise<number> {
    const { json, html } = this.#flags;
    for (const vs of this.#flags.vs) peerOf(vs);
    try {
      const pin = this.#pin();
      const options = { ...this.#flags, pin, nodeArgs: this.#flags.nodeArg };
      const roof = await this.#roof(options);
      const reports: ModelReport[] = [];
      for (const path of models) {
        const model = await this.#prepare(path);
        const done = { ...model.report, results: await measure(model.contenders, options) };
        reports.push(done);
        print(benchText(done, roof));
        const all: BenchReport = {
          machine: machineText(),
          date: new Date().toISOString(),
          threads: this.#flags.threads,
          pin: pin ?? null,
          nodeArgs: this.#flags.nodeArg,
          roof,
          models: reports,
        };
        if (json !== undefined) writeOutput(json, `${JSON.stringify(all, null, 1)}\n`);
        if (html !== undefined) writeOutput(html, benchPage(all));
      }
      return reports.some((r) => r.results.some((x) => x.error !== undefined)) ? 1 : 0;
    } finally {
      rmSync(this.#scratch, { recursive: true, force: true });
    }
  }

  #pin(): string | undefined {
    const { pin } = this.#flags;
    if (pin === undefined || canPin(pin)) return pin;
    printError(`--pin ${pin}: taskset is missing, or refuses; nothing is pinned\n`);
    return undefined;
  }

  async #roof(options: ConstructorParameters<typeof ContenderProcess>[0]): Promise<Roof> {
    const child = new ContenderProcess(options);
    try {
      return await child.ask("roof", this.#flags.target[0] ?? "wasm-simd");
    } finally {
      await child.end();
    }
  }

  /** Compiles a model for each target into a folder of its own, and lists who is to run it. */
  async #prepare(path: string): Promise<{ report: Omit<ModelReport, "results">; contenders: Contender[] }> {
    const usual = this.#flags.threads > 1 ? "wasm-threads" : "wasm-simd";
    const targets = this.#flags.target.length > 0 ? this.#flags.target : [usual];
    const list: Contender[] = [];
    let facts: Omit<ModelReport, "results"> | undefined;
    for (const target of targets) {
      const { compiled, macs, took, loader, loaderBytes } = await this.#compile(path, target);
      const { inputs, outputs, model } = compiled.manifest;
      const base = { path: loader, kind: "sluice" as const, threads: this.#flags.threads, inputs, outputs };
      const label = targets.length > 1 ? `sluice ${target}` : "sluice";
      if (this.#flags.variant.length === 0) list.push({ ...base, label });
      for (const variant of this.#flags.variant) {
        list.push({ ...base, label: `${label} ${variant}`, options: { variant } });
      }
      const code = gzipSync(compiled.code).byteLength;
      facts ??= {
        model,
        macs,
        compileMs: took,
        codeBytes: compiled.code.byteLength,
        codeGzip: code,
        loaderGzip: loaderBytes,
        weightsBytes: compiled.weights.byteLength,
      };
      for (const vs of target === targets[0] ? this.#flags.vs : []) list.push({ ...base, path, ...peerOf(vs) });
    }
    return { report: facts!, contenders: list };
  }

  async #compile(
    path: string,
    target: string,
  ): Promise<{ compiled: Compiled; macs: number; took: number; loader: string; loaderBytes: number }> {
    const { compile, workOf } = await loadCompiler();
    const diagnostics = new Diagnostics();
    let macs = 0;
    const counting: Instrument = {
      after({ step, root }) {
        if (step.pass.name === "graph-to-linalg") macs = workOf(root).macs;
      },
    };
    const options: CompileOptions = {
      ...readingOptions(path, this.#flags, diagnostics),
      target,
      instruments: [counting],
    };
    const bytes = readBytes(path);
    const started = performance.now();
    const compiled = await compile(bytes, options);
    const took = performance.now() - started;
    report(diagnostics.list.filter((d) => d.severity !== "remark"));
    const folder = join(this.#scratch, `${compiled.manifest.model}-${target}`);
    mkdirSync(folder, { recursive: true });
    const files = await compiled.files();
    writeFolder(folder, files);
    writeOutput(join(folder, "package.json"), '{ "type": "module" }\n');
    const name = `${compiled.manifest.model}.js`;
    const text = files.get(name);
    if (!text)
      throw usageFault(
        `what is compiled for ${target} has no loader that could be timed here`,
        "choose a WebAssembly target",
      );
    return { compiled, macs, took, loader: join(folder, name), loaderBytes: gzipSync(text).byteLength };
  }
}

/** `name`, or `FILE.mjs:key=value:key=value`; the key `args` gives flags for its node. */
function peerOf(text: string): Pick<Contender, "label" | "kind" | "module" | "options" | "nodeArgs"> {
  const [name, ...pairs] = text.split(":") as [string, ...string[]];
  const given = Object.fromEntries(pairs.map((p) => [p.replace(/=.*/, ""), p.replace(/^[^=]*=/, "")]));
  const { args = "", ...options } = given;
  const common = { options, nodeArgs: args.split(" ").filter((a) => a !== "") };
  if (/\.m?js$/.test(name)) return { ...common, label: text.replace(/^.*[/\\]/, ""), kind: "adapter", module: name };
  if (name in contenders && name !== "sluice" && name !== "adapter") {
    return { ...common, label: text, kind: name as Contender["kind"] };
  }
  const known = Object.keys(contenders).filter((k) => k !== "adapter" && k !== "sluice");
  throw usageFault(
    `--vs ${name} is no runtime that is known`,
    `it is one of ${known.join(", ")}, or a module FILE.mjs`,
  );
}
