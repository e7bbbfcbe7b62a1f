/** @file `sluice opt [FILE|-]`: text → passes → text. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  CompileError,
  Context,
  Diagnostics,
  dialects,
  loadParser,
  type Operation,
  type Pipeline,
  type PrintOptions,
  parsePipeline,
  passes,
  print as printIr,
  printPipeline,
  runPipeline,
  Source,
  type TextReader,
  unknownLocation,
  verify,
} from "../index.ts";
import { allPassesAreGood } from "./bisect.ts";
import { type OptRequest, readOptArguments } from "./opt-flags.ts";
import { evaluationOptions, savingReproducer, watchWith } from "./opt-instruments.ts";
import { printOptions } from "./print-flags.ts";
import { summaryOf } from "./reference.ts";
import { report, reportAs } from "./report.ts";
import { print, printError, readSource, style, writeOutput } from "./terminal.ts";
import { usageFault } from "./usage.ts";
import { checkExpectations } from "./verify-diagnostics.ts";

export async function main(args: readonly string[]): Promise<number> {
  const request = readOptArguments(args);
  if (typeof request === "number") return request;
  const { flags } = request;
  reportAs(flags.errorFormat);
  if (flags.listPasses) listPasses();
  if (flags.showDialects) showDialects();
  if (flags.listPasses || flags.showDialects) return 0;
  const pipeline = readPipeline(request);
  if (pipeline && (flags.printPipeline || flags.dumpPassPipeline)) printError(`${printPipeline(pipeline)}\n`);
  return new Opt(request, pipeline, await loadParser()).run();
}

function listPasses(): void {
  const width = Math.max(0, ...passes.map((p) => p.name.length));
  print(passes.map((p) => `${style.bold(p.name.padEnd(width))}  ${summaryOf(p.doc)}\n`).join(""));
}

function showDialects(): void {
  const width = Math.max(...dialects.map((d) => d.name.length));
  print(dialects.map((d) => `${style.bold(d.name.padEnd(width))}  ${summaryOf(d.doc)}\n`).join(""));
}

function readPipeline({ pipeline }: OptRequest): Pipeline | undefined {
  return pipeline && pipelineOf(pipeline.text, pipeline.name);
}

function pipelineOf(text: string, name: string): Pipeline {
  const diagnostics = new Diagnostics();
  const pipeline = parsePipeline(text, passes, diagnostics, name);
  if (!pipeline) throw new CompileError(diagnostics.list);
  return pipeline;
}

/** One run of the command over all sections of its input. */
class Opt {
  readonly #request: OptRequest;
  readonly #pipeline: Pipeline | undefined;
  readonly #reader: TextReader;
  readonly #context: Context;
  readonly #print: PrintOptions;
  #sections = 1;
  #section = 0;

  constructor(request: OptRequest, pipeline: Pipeline | undefined, reader: TextReader) {
    this.#request = request;
    this.#pipeline = pipeline;
    this.#reader = reader;
    this.#context = new Context(dialects, { allowUnregistered: request.flags.allowUnregisteredDialect ?? false });
    this.#print = printOptions(request.flags);
  }

  /** Answers the exit code. Output that is asked for in a file is only written when all went well. */
  run(): number {
    const { file, flags } = this.#request;
    const source = readSource(file);
    const sections = flags.splitInputFile ? this.#reader.splitInput(source) : [source];
    const texts: string[] = [];
    let failed = false;
    this.#sections = sections.length;
    for (const section of sections) {
      this.#section++;
      const diagnostics = new Diagnostics();
      const module = this.#programOf(section, diagnostics);
      texts.push(module ? printIr(module, this.#print) : "");
      if (!this.#accept(section, diagnostics)) failed = true;
    }
    const text = texts.join("// -----\n");
    if (failed && flags.output !== undefined) return 1;
    if (texts.some((t) => t !== "")) writeOutput(flags.output, text);
    return failed ? 1 : 0;
  }

  /** The program of a section after all passes; undefined if something is wrong with it. */
  #programOf(section: Source, diagnostics: Diagnostics): Operation | undefined {
    const { flags } = this.#request;
    const module = this.#read(section, diagnostics);
    if (!module || !verify(module, diagnostics)) return undefined;
    if (flags.verifyRoundtrip && !this.#survives(module, diagnostics)) return undefined;
    const pipeline = flags.runReproducer ? this.#reproducedPipeline(section) : this.#pipeline;
    if (!pipeline) return module;
    const env = { context: this.#context, diagnostics };
    if (flags.bisect && !allPassesAreGood(pipeline, module, env, evaluationOptions(flags))) return undefined;
    return this.#transform(pipeline, module, section, diagnostics) ? module : undefined;
  }

  #transform(pipeline: Pipeline, module: Operation, section: Source, diagnostics: Diagnostics): boolean {
    const { flags } = this.#request;
    const watch = watchWith(flags, (op) => printIr(op, this.#print), this.#sections > 1 ? this.#section : undefined);
    const { instruments, statistics } = watch;
    try {
      return runPipeline(pipeline, module, { context: this.#context, diagnostics }, { instruments, statistics });
    } catch (error) {
      if (flags.reproducer === undefined && !(error instanceof CompileError)) this.#reproduce(pipeline, section);
      throw error;
    } finally {
      printError(watch.report());
    }
  }

  /** A pass has crashed: once more, to keep the program before it. */
  #reproduce(pipeline: Pipeline, section: Source): void {
    const diagnostics = new Diagnostics();
    const again = this.#read(section, diagnostics);
    if (!again) return;
    const file = join(mkdtempSync(join(tmpdir(), "sluice-")), "reproducer.mlir");
    const keep = savingReproducer((op) => printIr(op, { ...this.#print, resources: "inline" }), file);
    try {
      runPipeline(pipeline, again, { context: this.#context, diagnostics }, { instruments: [keep] });
    } catch {
      // As the first time; that is what is reported.
    }
  }

  /** The pipeline that a reproducer holds among its external resources. */
  #reproducedPipeline(section: Source): Pipeline {
    const found = /mlir_reproducer:\s*\{[^}]*?pipeline:\s*("(?:[^"\\]|\\.)*")/.exec(section.text)?.[1];
    if (found === undefined)
      throw usageFault("the input is no reproducer", "--reproducer FILE writes one when a pass fails");
    return pipelineOf(JSON.parse(found) as string, "reproducer");
  }

  #read(section: Source, diagnostics: Diagnostics): Operation | undefined {
    if (this.#request.flags.implicitModule) return this.#reader.parse(section, this.#context, diagnostics);
    const ops = this.#reader.parseAll(section, this.#context, diagnostics);
    if (ops && ops.length !== 1) {
      diagnostics.error("parse/syntax", unknownLocation, `expected one top-level operation, found ${ops.length}`);
      return undefined;
    }
    return ops?.[0];
  }

  /** Reports what came of a section; answers whether that is as it should be. */
  #accept(section: Source, diagnostics: Diagnostics): boolean {
    const which = this.#request.flags.verifyDiagnostics;
    if (which === undefined) {
      report(diagnostics.list);
      return !diagnostics.hasErrors;
    }
    const wrong = checkExpectations(section, diagnostics.list, which === "only-expected");
    report(wrong);
    return wrong.length === 0;
  }

  /** Printed and read again, in the pretty and in the generic form, the program is the same. */
  #survives(module: Operation, diagnostics: Diagnostics): boolean {
    const generic = { generic: true, debugInfo: true, resources: "inline" } as const;
    const before = printIr(module, generic);
    for (const text of [before, printIr(module, { debugInfo: true, resources: "inline" })]) {
      const faults = new Diagnostics();
      const again = this.#reader.parse(new Source("printed", text), this.#context, faults);
      const after = again ? printIr(again, generic) : "";
      if (after === before) continue;
      diagnostics.addAll(faults.list);
      diagnostics.error("verify/roundtrip", module.loc, `printed and read again, ${difference(before, after)}`);
      return false;
    }
    return true;
  }
}

function difference(before: string, after: string): string {
  if (after === "") return "the program has faults";
  const lines = after.split("\n");
  const at = before.split("\n").findIndex((line, i) => line !== lines[i]);
  return `line ${at + 1} differs: '${before.split("\n")[at]?.trim()}' became '${(lines[at] ?? "").trim()}'`;
}
