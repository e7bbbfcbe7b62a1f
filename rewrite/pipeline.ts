/**
 * @file Pipelines, in MLIR's syntax: `builtin.module(func.func(canonicalize{max-iterations=3},cse),symbol-dce)`. Reading,
 * printing and running them; what watches a run is an instrument (instruments.ts).
 */
import type { Operation } from "../ir/core.ts";
import { Diagnostics, InternalError } from "../support/diagnostic.ts";
import { type Location, span } from "../support/location.ts";
import { nearest } from "../support/nearest.ts";
import { Source } from "../support/source.ts";
import { type GivenOption, optionsText, readOptions } from "./options.ts";
import { AnalysisCache, type Pass, PassContext, type PassEnvironment, Statistics } from "./pass.ts";

/** One pass of a pipeline, and the ops that lead to those it runs on. */
export interface Step {
  readonly pass: Pass;
  readonly options: Readonly<Record<string, unknown>>;
  /**
   * Names of the ops from the root (left out) inwards: at each name the pass goes on to the ops of that name directly
   * inside. `any` is every op with a region.
   */
  readonly path: readonly string[];
  /** Where it stands in the pipeline's text. */
  readonly at: Location;
}

/**
 * A pipeline is a list of steps. All ops of one step are done before the next begins, so that after every step the
 * whole program has reached one state, which can be printed, run and compared.
 */
export interface Pipeline {
  /** The op it is for; undefined if its text names none, then passes find the ops they run on themselves. */
  readonly root: string | undefined;
  readonly steps: readonly Step[];
}

// --- text -----------------------------------------------------------------------------------------------------

const NAME = /[A-Za-z_][\w.$-]*/y;

class Reader {
  readonly #source: Source;
  readonly #passes: ReadonlyMap<string, Pass>;
  readonly #diagnostics: Diagnostics;
  readonly steps: Step[] = [];
  #at = 0;

  constructor(source: Source, passes: ReadonlyMap<string, Pass>, diagnostics: Diagnostics) {
    this.#source = source;
    this.#passes = passes;
    this.#diagnostics = diagnostics;
  }

  /** The whole text. Answers the op it names at the top, if it does. */
  read(): string | undefined {
    const top = this.#name();
    this.#at = 0;
    if (top !== undefined && this.#isNest(top)) {
      this.#expectName();
      this.#eat("(");
      this.#list([], ")");
      this.#expect(")");
      this.#end();
      return top;
    }
    this.#list([], "");
    this.#end();
    return undefined;
  }

  /** The text starts with `op.name(` and that parenthesis closes at its end. */
  #isNest(top: string): boolean {
    const text = this.#source.text.trim();
    if (!text.slice(top.length).trimStart().startsWith("(") || !text.endsWith(")")) return false;
    let depth = 0;
    for (let i = top.length; i < text.length - 1; i++) {
      if (text[i] === "(") depth++;
      else if (text[i] === ")" && --depth === 0) return false;
    }
    return true;
  }

  #list(path: readonly string[], close: string): void {
    this.#space();
    if (this.#peek() === close || this.#at >= this.#source.text.length) return;
    do {
      if (!this.#element(path)) return;
    } while (this.#eat(","));
  }

  #element(path: readonly string[]): boolean {
    const start = this.#skipSpace();
    const name = this.#expectName();
    if (name === undefined) return false;
    const at = span(this.#source, start, this.#at);
    if (this.#eat("(")) {
      this.#list([...path, name], ")");
      return this.#expect(")");
    }
    const given = this.#eat("{") ? this.#options() : [];
    const pass = this.#passes.get(name);
    if (!pass) {
      const near = nearest(name, this.#passes.keys());
      this.#diagnostics.error("pass/unknown", at, `there is no pass '${name}'`, {
        ...(near ? { help: `did you mean '${near}'?` } : {}),
      });
      return true;
    }
    this.steps.push({ pass, options: readOptions(pass, given, at, this.#diagnostics), path, at });
    return true;
  }

  /** `name=value name=value }`, separated by space; a value may be quoted or bracketed. */
  #options(): GivenOption[] {
    const given: GivenOption[] = [];
    for (;;) {
      const start = this.#skipSpace();
      if (this.#eat("}")) return given;
      const name = this.#expectName();
      if (name === undefined) return given;
      const value = this.#eat("=") ? this.#value() : undefined;
      given.push({ name, value, at: span(this.#source, start, this.#at) });
    }
  }

  #value(): string {
    const { text } = this.#source;
    const start = this.#skipSpace();
    let depth = 0;
    let quoted = false;
    for (; this.#at < text.length; this.#at++) {
      const c = text[this.#at]!;
      if (c === '"') quoted = !quoted;
      else if (quoted) continue;
      else if ("[({<".includes(c)) depth++;
      else if (depth > 0 && "])}>".includes(c)) depth--;
      else if (depth === 0 && (c === "}" || /\s/.test(c))) break;
    }
    return text.slice(start, this.#at);
  }

  #name(): string | undefined {
    this.#space();
    NAME.lastIndex = this.#at;
    const found = NAME.exec(this.#source.text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #expectName(): string | undefined {
    const name = this.#name();
    if (name === undefined) this.#fail("the name of a pass or op");
    return name;
  }

  #expect(text: string): boolean {
    if (this.#eat(text)) return true;
    this.#fail(`'${text}'`);
    return false;
  }

  #fail(wanted: string): void {
    if (this.#diagnostics.hasErrors) return;
    const { text } = this.#source;
    const found = this.#at < text.length ? `'${text[this.#at]}'` : "the end";
    const at = span(this.#source, this.#at, Math.min(this.#at + 1, text.length));
    this.#diagnostics.error("pass/syntax", at, `expected ${wanted}, found ${found}`);
  }

  #end(): void {
    this.#space();
    if (this.#at < this.#source.text.length) this.#fail("',' or the end of the pipeline");
  }

  #peek(): string {
    return this.#source.text[this.#at] ?? "";
  }

  #eat(text: string): boolean {
    this.#space();
    if (!this.#source.text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #space(): void {
    while (/\s/.test(this.#peek())) this.#at++;
  }

  #skipSpace(): number {
    this.#space();
    return this.#at;
  }
}

/** Reads a pipeline. Faults are reported with their place in the text; then there is no pipeline. */
export function parsePipeline(
  text: string,
  passes: Iterable<Pass>,
  diagnostics: Diagnostics,
  name = "pipeline",
): Pipeline | undefined {
  const own = new Diagnostics();
  const reader = new Reader(new Source(name, text), new Map([...passes].map((p) => [p.name, p])), own);
  const root = reader.read();
  if (!own.hasErrors && root !== undefined) for (const s of reader.steps) checkAnchor(s, root, own);
  diagnostics.addAll(own.list);
  return own.hasErrors ? undefined : { root, steps: reader.steps };
}

function checkAnchor(step: Step, root: string, diagnostics: Diagnostics): void {
  const { pass, path, at } = step;
  const anchor = path[path.length - 1] ?? root;
  if (!pass.on || anchor === "any" || anchor === pass.on.opName) return;
  diagnostics.error("pass/anchor", at, `pass '${pass.name}' runs on '${pass.on.opName}', not on '${anchor}'`, {
    help: `nest it: ${pass.on.opName}(${pass.name})`,
  });
}

/** One pass with its options: `canonicalize{max-iterations=3}`. */
export function stepText(step: Pick<Step, "pass" | "options">): string {
  const options = optionsText(step.pass.options, step.options);
  return options ? `${step.pass.name}{${options}}` : step.pass.name;
}

/** The text of a pipeline, or of its steps from one on. Reading it gives the same pipeline. */
export function printPipeline(pipeline: Pipeline, from = 0): string {
  const body = nested(pipeline.steps.slice(from), 0);
  return pipeline.root === undefined ? body : `${pipeline.root}(${body})`;
}

function nested(steps: readonly Step[], depth: number): string {
  const parts: string[] = [];
  for (let i = 0; i < steps.length; ) {
    const anchor = steps[i]!.path[depth];
    if (anchor === undefined) {
      parts.push(stepText(steps[i++]!));
      continue;
    }
    let end = i;
    while (end < steps.length && steps[end]!.path[depth] === anchor) end++;
    parts.push(`${anchor}(${nested(steps.slice(i, end), depth + 1)})`);
    i = end;
  }
  return parts.join(",");
}

// --- running --------------------------------------------------------------------------------------------------

/** One step of a run, as instruments see it. */
export interface StepRun {
  readonly pipeline: Pipeline;
  /** Number of the step, from 0. */
  readonly index: number;
  readonly step: Step;
  /** The op that the pipeline was given. */
  readonly root: Operation;
  readonly env: PassEnvironment;
}

/** Watches a run. All are told in order; what one throws ends the run. */
export interface Instrument {
  start?(pipeline: Pipeline, root: Operation, env: PassEnvironment): void;
  before?(run: StepRun): void;
  /** The step is done, in `ms` milliseconds. `changed` is false only if the pass said each time that nothing changed. */
  after?(run: StepRun, changed: boolean, ms: number): void;
  /** The step threw (a fault of ours), or reported an error. */
  failed?(run: StepRun, error: unknown): void;
  finish?(root: Operation): void;
}

export interface RunOptions {
  readonly instruments?: readonly Instrument[];
  readonly statistics?: Statistics;
}

/** Runs a pipeline on an op. Stops after the step that reports an error; answers whether there was none. */
export function runPipeline(
  pipeline: Pipeline,
  root: Operation,
  env: PassEnvironment,
  options: RunOptions = {},
): boolean {
  const { instruments = [], statistics = new Statistics() } = options;
  const analyses = new AnalysisCache();
  const errors = env.diagnostics.errorCount;
  const outer = outerPath(pipeline, root);
  if (outer.length > 0 && childrenOf(root, outer[0]!).length === 0) {
    const message = `the pipeline is for '${outer[0]}', the program is a '${root.name}' without one`;
    env.diagnostics.error("pass/anchor", root.loc, message);
    return false;
  }
  for (const i of instruments) i.start?.(pipeline, root, env);
  for (let index = 0; index < pipeline.steps.length; index++) {
    const step = pipeline.steps[index]!;
    const run: StepRun = { pipeline, index, step, root, env };
    for (const i of instruments) i.before?.(run);
    const started = performance.now();
    try {
      const changed = runStep(run, statistics, analyses);
      const ms = performance.now() - started;
      // An instrument that finds a fault keeps the later ones from looking at the program.
      for (const i of instruments) if (env.diagnostics.errorCount === errors) i.after?.(run, changed, ms);
    } catch (error) {
      for (const i of instruments) i.failed?.(run, error);
      throw error instanceof InternalError ? inPass(error, step) : error;
    }
    if (env.diagnostics.errorCount > errors) {
      for (const i of instruments) i.failed?.(run, undefined);
      return false;
    }
  }
  for (const i of instruments) i.finish?.(root);
  return true;
}

function inPass(error: InternalError, step: Step): InternalError {
  const named = new InternalError(`in pass '${step.pass.name}': ${error.message}`, error.at);
  if (error.stack) named.stack = error.stack;
  return named;
}

function runStep(run: StepRun, statistics: Statistics, analyses: AnalysisCache): boolean {
  const { step, root, env } = run;
  const pass = new PassContext(step.pass.name, env, statistics, analyses);
  let changed = false;
  for (const op of targets(run.pipeline, step, root)) {
    if (op !== root && op.block === null) continue;
    if (step.pass.run(op, step.options, pass) === false) continue;
    changed = true;
    analyses.changed(op);
  }
  return changed;
}

/** A pipeline for an op directly inside of the root goes on to those. */
const outerPath = ({ root: wanted }: Pipeline, root: Operation): readonly string[] =>
  wanted === undefined || wanted === "any" || wanted === root.name ? [] : [wanted];

/** The ops that a step runs on. Where the pipeline names no op at all, a pass finds those of its kind. */
function targets(pipeline: Pipeline, step: Step, root: Operation): readonly Operation[] {
  let ops: Operation[] = [root];
  for (const name of [...outerPath(pipeline, root), ...step.path]) ops = ops.flatMap((op) => childrenOf(op, name));
  const { on } = step.pass;
  if (pipeline.root !== undefined || !on || ops.every((op) => op.def === on)) return ops;
  const found: Operation[] = [];
  for (const op of ops) {
    op.walk((o) => {
      if (o.def === on) found.push(o);
    });
  }
  return found;
}

function childrenOf(op: Operation, name: string): Operation[] {
  const found: Operation[] = [];
  for (const region of op.regions) {
    for (const block of region.blocks) {
      for (let o = block.first; o; o = o.next) {
        if (o.name === name || (name === "any" && o.regions.length > 0)) found.push(o);
      }
    }
  }
  return found;
}
