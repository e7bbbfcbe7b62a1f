/** @file definePass: a named transformation with documented, typed options; and what a pass is given while it runs. */
import type { Attr } from "../ir/attributes.ts";
import type { Context } from "../ir/context.ts";
import type { Operation } from "../ir/core.ts";
import type { OpInfo } from "../ir/define.ts";
import type { Diagnostics } from "../support/diagnostic.ts";

/** Options are declared with the codecs of attributes, so they parse, print and document themselves. */
export type PassOptions = Readonly<Record<string, Attr>>;
type RequiredKeys<O extends PassOptions> = { [K in keyof O]: O[K]["required"] extends true ? K : never }[keyof O];
export type OptionValues<O extends PassOptions> = { readonly [K in keyof O]: O[K] extends Attr<infer T> ? T : never };
export type OptionInput<O extends PassOptions> = {
  readonly [K in RequiredKeys<O>]: O[K] extends Attr<infer T> ? T : never;
} & { readonly [K in Exclude<keyof O, RequiredKeys<O>>]?: O[K] extends Attr<infer T> ? T | undefined : never };

/** A program before and after, for the documentation; a test runs it. */
export interface PassExample {
  readonly before: string;
  readonly after: string;
  /** Options in the syntax of pipelines: `factor=4`. */
  readonly options?: string;
}

export interface PassSpec<O extends PassOptions> {
  /** One or more sentences; the first is the summary. */
  readonly doc: string;
  /** The op that the pass runs on; without it, on whatever the pipeline names. */
  readonly on?: OpInfo | undefined;
  readonly options?: O;
  readonly example?: PassExample;
  /** Changes the op and what is inside it. Answers false if it is known that nothing has changed. */
  run(op: Operation, options: OptionValues<O>, pass: PassContext): boolean | undefined | void;
}

/** A pass as pipelines see it. */
export interface Pass {
  readonly name: string;
  readonly doc: string;
  readonly on: OpInfo | undefined;
  readonly options: PassOptions;
  readonly example: PassExample | undefined;
  run(op: Operation, options: Readonly<Record<string, unknown>>, pass: PassContext): boolean | undefined | void;
}

/** A pass that may also be called directly: `canonicalize.apply(module, { maxIterations: 3 }, passContext)`. */
export interface PassDef<O extends PassOptions> extends Pass {
  apply(op: Operation, options: OptionInput<O>, pass: PassContext): boolean;
}

export function definePass<const O extends PassOptions = {}>(name: string, spec: PassSpec<O>): PassDef<O> {
  const options: PassOptions = spec.options ?? {};
  const run: Pass["run"] = (op, values, pass) => spec.run(op, values as OptionValues<O>, pass);
  return {
    name,
    doc: spec.doc,
    on: spec.on,
    options,
    example: spec.example,
    run,
    apply: (op, given, pass) => run(op, withDefaults(options, given), pass) !== false,
  };
}

/** The values of all options, given or by default. */
export function withDefaults(options: PassOptions, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, codec] of Object.entries(options)) values[name] = given[name] ?? codec.fallback;
  return values;
}

/** Something that is computed of an op and stays true until the op changes. */
export interface Analysis<T> {
  readonly name: string;
  compute(op: Operation, pass: PassContext): T;
}

export const defineAnalysis = <T>(name: string, compute: (op: Operation, pass: PassContext) => T): Analysis<T> => ({
  name,
  compute,
});

/** What does not change while a pipeline runs. */
export interface PassEnvironment {
  readonly context: Context;
  readonly diagnostics: Diagnostics;
}

/** Counts of what passes have done, by pass and name. */
export class Statistics {
  readonly #counts = new Map<string, Map<string, number>>();

  add(pass: string, name: string, n: number): void {
    let counts = this.#counts.get(pass);
    if (!counts) {
      counts = new Map();
      this.#counts.set(pass, counts);
    }
    counts.set(name, (counts.get(name) ?? 0) + n);
  }

  of(pass: string): ReadonlyMap<string, number> {
    return this.#counts.get(pass) ?? new Map();
  }

  *entries(): Generator<{ readonly pass: string; readonly name: string; readonly count: number }> {
    for (const [pass, counts] of this.#counts) for (const [name, count] of counts) yield { pass, name, count };
  }
}

/** What a pass may ask and tell while it runs. */
export class PassContext {
  readonly env: PassEnvironment;
  /** The name of the running pass. */
  readonly pass: string;
  readonly #statistics: Statistics;
  readonly #analyses: AnalysisCache;

  constructor(pass: string, env: PassEnvironment, statistics = new Statistics(), analyses = new AnalysisCache()) {
    this.pass = pass;
    this.env = env;
    this.#statistics = statistics;
    this.#analyses = analyses;
  }

  get context(): Context {
    return this.env.context;
  }

  get diagnostics(): Diagnostics {
    return this.env.diagnostics;
  }

  /** The program is such that the pass cannot do its work; the pipeline stops after it. */
  fail(op: Operation, message: string, help?: string): void {
    this.diagnostics.error("pass/failed", op.loc, `${this.pass}: ${message}`, help === undefined ? {} : { help });
  }

  /** Why something was done, or was not. */
  remark(op: Operation, message: string): void {
    this.diagnostics.remark("pass/remark", op.loc, `${this.pass}: ${message}`);
  }

  count(name: string, n = 1): void {
    if (n > 0) this.#statistics.add(this.pass, name, n);
  }

  /** The analysis of an op, computed unless it is known since nothing changed. */
  analysis<T>(of: Analysis<T>, op: Operation): T {
    return this.#analyses.get(of, op, this);
  }
}

/** Analyses by op. A pass that changed an op drops those of everything inside and around it. */
export class AnalysisCache {
  #known = new Map<Operation, Map<Analysis<unknown>, unknown>>();

  get<T>(analysis: Analysis<T>, op: Operation, pass: PassContext): T {
    let of = this.#known.get(op);
    if (!of) {
      of = new Map();
      this.#known.set(op, of);
    }
    if (!of.has(analysis)) of.set(analysis, analysis.compute(op, pass));
    return of.get(analysis) as T;
  }

  changed(op: Operation): void {
    for (const known of this.#known.keys()) {
      if (op.isAncestorOf(known) || known.isAncestorOf(op)) this.#known.delete(known);
    }
  }
}
