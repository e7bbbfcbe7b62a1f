/** @file `sluice opt [FILE|-]`: text → passes → text. */
import {
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
import { type OptRequest, readOptArguments } from "./opt-flags.ts";
import { printOptions } from "./print-flags.ts";
import { summaryOf } from "./reference.ts";
import { report, reportAs } from "./report.ts";
import { print, printError, readSource, style, writeOutput } from "./terminal.ts";
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
  if (!pipeline) return undefined;
  const diagnostics = new Diagnostics();
  const read = parsePipeline(pipeline.text, passes, diagnostics, pipeline.name);
  diagnostics.throwIfErrors();
  return read;
}

/** One run of the command over all sections of its input. */
class Opt {
  readonly #request: OptRequest;
  readonly #pipeline: Pipeline | undefined;
  readonly #reader: TextReader;
  readonly #context: Context;
  readonly #print: PrintOptions;

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
    for (const section of sections) {
      const diagnostics = new Diagnostics();
      const module = this.#section(section, diagnostics);
      texts.push(module ? printIr(module, this.#print) : "");
      if (!this.#accept(section, diagnostics)) failed = true;
    }
    const text = texts.join("// -----\n");
    if (failed && flags.output !== undefined) return 1;
    if (texts.some((t) => t !== "")) writeOutput(flags.output, text);
    return failed ? 1 : 0;
  }

  /** The program of a section after all passes; undefined if something is wrong with it. */
  #section(section: Source, diagnostics: Diagnostics): Operation | undefined {
    const { flags } = this.#request;
    const module = this.#read(section, diagnostics);
    if (!module || !verify(module, diagnostics)) return undefined;
    if (flags.verifyRoundtrip && !this.#survives(module, diagnostics)) return undefined;
    if (this.#pipeline) {
      const env = { context: this.#context, diagnostics };
      if (!runPipeline(this.#pipeline, module, env)) return undefined;
    }
    return module;
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
