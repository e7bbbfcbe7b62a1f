/**
 * @file Does a pass keep the meaning? The program is run before and after it on the same inputs. A wrong answer names the
 * first pass after which it is wrong.
 */
import type { Operation } from "../ir/core.ts";
import { dtypeOf, isBig, widthOf } from "../ir/datum.ts";
import { callableLike, symbolLike } from "../ir/interfaces.ts";
import { Interpreter } from "../ir/interpret.ts";
import { elementOf, isDynamic, isShaped, type Type } from "../ir/types.ts";
import { CompileError, Diagnostics, InternalError } from "../support/diagnostic.ts";
import { isFloatKind, ulpDistance } from "../support/float.ts";
import { type DType, NDArray, sizeOf } from "../support/ndarray.ts";
import { callAsBefore, retyped } from "./call-as-before.ts";
import type { PassEnvironment } from "./pass.ts";
import { type Instrument, type Pipeline, runPipeline } from "./pipeline.ts";

/** How a function of the program is run, by name, with arguments as the program took them before any pass. */
export type Call = (program: Operation, entry: string, args: readonly unknown[]) => readonly unknown[];

export interface EvaluationOptions {
  /** The functions to run; by default all public ones for whose arguments there are random values. */
  readonly entries?: readonly string[];
  /** Arguments for a function; by default random ones. Undefined leaves the function out. */
  readonly inputs?: (entry: string, types: readonly Type[], sample: number) => readonly unknown[] | undefined;
  /** How many inputs each function is run on. */
  readonly samples?: number;
  readonly seed?: number;
  /** Floats may differ by this many units in the last place. */
  readonly ulps?: number;
  /** Or by this much, where small results come out of large numbers that cancel. */
  readonly absolute?: number;
  /** Or by this share of the largest number of their array: what is left of sums may be small beside their terms. */
  readonly share?: number;
  /** Random arguments have at most so many elements together; functions that take more are left out. */
  readonly maxElements?: number;
  /** Ops that one run may take before it is given up. */
  readonly maxSteps?: number;
  /** Runs a function of which passes may have changed how it is called; `callAsBefore`, if it is not given. */
  readonly call?: Call;
}

/** What a program answered: results, and what has become of the arguments; or the fault it ended with. */
export type Answer = { readonly values: readonly unknown[] } | { readonly fault: string };

/** Runs functions of a program on fixed inputs, and remembers what they answered. */
export class Evaluation {
  readonly #options: EvaluationOptions;
  readonly #cases: { readonly entry: string; readonly args: readonly unknown[]; answer: Answer }[] = [];

  constructor(program: Operation, options: EvaluationOptions = {}) {
    this.#options = options;
    for (const { entry, types } of functionsOf(program)) {
      if (options.entries && !options.entries.includes(entry)) continue;
      const random = mulberry32((options.seed ?? 1) ^ hash(entry));
      for (let i = 0; i < (options.samples ?? 2); i++) {
        const args = options.inputs
          ? options.inputs(entry, types, i)
          : randomArguments(types, random, options.maxElements);
        if (args) this.#cases.push({ entry, args, answer: this.#run(program, entry, args) });
      }
    }
  }

  /** How many runs there are to compare: those that ended without a fault. */
  get usable(): number {
    return this.#cases.filter((c) => "values" in c.answer).length;
  }

  /** Runs everything again. Answers what differs from the first time, in words; undefined if nothing does. */
  difference(program: Operation): string | undefined {
    for (const c of this.#cases) {
      if (!("values" in c.answer)) continue;
      const now = this.#run(program, c.entry, c.args);
      if ("fault" in now) return `@${c.entry} ends with a fault: ${now.fault}`;
      const found = compare(c.answer.values, now.values, this.#options);
      if (found) return `@${c.entry}: ${found}`;
    }
    return undefined;
  }

  #run(program: Operation, entry: string, args: readonly unknown[]): Answer {
    // Memory that is handed over may be written: every run gets memory of its own, and what is in it is an answer too.
    const own = args.map((a) => (a instanceof NDArray ? a.copy() : a));
    try {
      const { call, maxSteps = 10_000_000 } = this.#options;
      const results = call
        ? call(program, entry, own)
        : callAsBefore(new Interpreter({ maxSteps }), program, entry, own);
      return { values: [...results, ...own] };
    } catch (error) {
      if (error instanceof CompileError) return { fault: error.diagnostics[0]?.message ?? error.message };
      // Arrays that do not fit into memory, recursion that does not fit on the stack.
      if (error instanceof RangeError) return { fault: error.message };
      throw error;
    }
  }
}

/** Runs the program before the first step and after every step that changed it. */
export function evaluateEach(options: EvaluationOptions = {}): Instrument {
  let evaluation: Evaluation | undefined;
  return {
    start(_pipeline, root, env) {
      evaluation = new Evaluation(root, options);
      if (evaluation.usable > 0) return;
      env.diagnostics.warning(
        "pass/not-evaluated",
        root.loc,
        "no function of the program could be run before the passes",
        {
          help: "public functions are run on random values; those without such values, and runs that fault, are left out",
        },
      );
    },
    after({ root, env, step }, changed) {
      const found = changed ? evaluation?.difference(root) : undefined;
      if (!found) return;
      env.diagnostics.error("pass/changed-meaning", root.loc, `after pass '${step.pass.name}' ${found}`);
    },
  };
}

/**
 * Finds the step after which a program is no longer good, with about log₂(steps) runs of the pipeline's beginning on
 * copies. Answers its number, or undefined if the program is good after all steps.
 */
export function bisect(
  pipeline: Pipeline,
  program: Operation,
  env: PassEnvironment,
  isGood: (program: Operation) => boolean,
): number | undefined {
  const goodAfter = (steps: number): boolean => {
    const copy = program.clone();
    const own = { ...env, diagnostics: new Diagnostics() };
    const begun: Pipeline = { root: pipeline.root, steps: pipeline.steps.slice(0, steps) };
    try {
      return runPipeline(begun, copy, own) && isGood(copy);
    } catch (error) {
      if (error instanceof InternalError) return false;
      throw error;
    }
  };
  if (goodAfter(pipeline.steps.length)) return undefined;
  let good = 0;
  let bad = pipeline.steps.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (goodAfter(middle)) good = middle;
    else bad = middle;
  }
  return bad - 1;
}

// --- inputs -------------------------------------------------------------------------------------------------------

function functionsOf(program: Operation): { readonly entry: string; readonly types: readonly Type[] }[] {
  const found: { entry: string; types: Type[] }[] = [];
  for (const region of program.regions) {
    for (const block of region.blocks) {
      for (let o = block.first; o; o = o.next) {
        const symbol = symbolLike.of(o);
        const body = callableLike.of(o)?.body(o);
        if (!symbol || !body || symbol.visibility(o) !== "public") continue;
        found.push({ entry: symbol.name(o), types: body.entry.args.map((a) => a.type) });
      }
    }
  }
  return found;
}

type Random = () => number;

/** Small pseudo-random numbers in [0, 1), the same for the same seed (Tommy Ettinger's mulberry32). */
function mulberry32(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const hash = (text: string): number => {
  let h = 2166136261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  return h;
};

/** One random value per type; undefined if some type has none. All dynamic sizes of one call are the same. */
export function randomArguments(
  types: readonly Type[],
  random: Random,
  maxElements = 1_000_000,
): unknown[] | undefined {
  const size = 1 + Math.floor(random() * 5);
  const args: unknown[] = [];
  let left = maxElements;
  for (const t of types) {
    const value = randomValue(t, size, left, random);
    if (value === undefined) return undefined;
    if (value instanceof NDArray) left -= value.size;
    args.push(value);
  }
  return args;
}

function randomValue(type: Type, size: number, maxElements: number, random: Random): unknown {
  const element = elementOf(type);
  const dtype = dtypeOf(element);
  if (!dtype || isShaped(element)) return undefined;
  if (!isShaped(type)) return randomNumber(type, random);
  if (type.kind !== "vector" && !type.ranked) return undefined;
  if (type.kind === "memref" && type.layout) return undefined;
  const shape = type.shape.map((d) => (isDynamic(d) ? size : d));
  const count = sizeOf(shape);
  if (count > maxElements) return undefined;
  return NDArray.from(
    dtype,
    shape,
    Array.from({ length: count }, () => randomNumber(element, random)),
  );
}

/** Numbers near zero, now and then a special one. */
function randomNumber(type: Type, random: Random): number | bigint {
  if (type.kind === "float") {
    const pick = random();
    if (pick < 0.05) return 0;
    if (pick < 0.08) return -0;
    return Math.fround(Math.round((random() - 0.5) * 64) / 8);
  }
  if (type.kind === "index") return Math.floor(random() * 4);
  const unsigned = type.kind === "integer" && type.signedness === "unsigned";
  const width = Math.min(widthOf(type), 7);
  const span = 2 ** width;
  const n = widthOf(type) === 1 ? Math.floor(random() * 2) : Math.floor(random() * span) - (unsigned ? 0 : span / 2);
  return isBig(type) ? BigInt(n) : n;
}

// --- comparison ---------------------------------------------------------------------------------------------------

/** How far floats may be apart. */
export type Allowance = Pick<EvaluationOptions, "ulps" | "absolute" | "share">;

/** Where two lists of run-time values differ, in words. */
export function compare(a: readonly unknown[], b: readonly unknown[], allowed: Allowance = {}): string | undefined {
  if (a.length !== b.length) return `${b.length} values instead of ${a.length}`;
  for (let i = 0; i < a.length; i++) {
    const found = compareValues(a[i], b[i], allowed);
    if (found) return `value ${i} ${found}`;
  }
  return undefined;
}

/** Larger arrays (and such as no sound program makes) are taken for equal: their shapes have been compared. */
const MAX_COMPARED = 1 << 26;

function compareValues(a: unknown, b: unknown, { ulps = 0, absolute = 0, share = 0 }: Allowance): string | undefined {
  if (a instanceof NDArray && b instanceof NDArray) {
    if (a.shape.join("x") !== b.shape.join("x"))
      return `has shape ${b.shape.join("x")} instead of ${a.shape.join("x")}`;
    if (!(a.size >= 0 && a.size <= MAX_COMPARED)) return undefined;
    const [x, y] = [a.values(), retyped(b, a.dtype).values()];
    const near = share > 0 && isFloatKind(a.dtype) ? share * largestOf(x) : 0;
    const at = x.findIndex(
      (v, n) => !sameNumber(v, y[n]!, a.dtype, ulps, absolute) && !(Math.abs(Number(v) - Number(y[n])) <= near),
    );
    return at < 0 ? undefined : `has ${y[at]} instead of ${x[at]} at element ${at}`;
  }
  if (typeof a === "number" || typeof a === "bigint") {
    const same = (typeof b === "number" || typeof b === "bigint") && sameNumber(a, b, "f64", ulps, absolute);
    return same ? undefined : `is ${String(b)} instead of ${a}`;
  }
  return undefined;
}

/** The largest finite magnitude. */
const largestOf = (values: readonly (number | bigint)[]): number =>
  values.reduce<number>((most, v) => (Number.isFinite(Number(v)) ? Math.max(most, Math.abs(Number(v))) : most), 0);

function sameNumber(a: number | bigint, b: number | bigint, dtype: DType, ulps: number, absolute: number): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "number" || typeof b !== "number") return false;
  if (absolute > 0 && Math.abs(a - b) <= absolute) return true;
  if (ulps === 0) return false;
  if (Number.isNaN(a) || Number.isNaN(b)) return false;
  // A scalar has no element type here: f32 is the coarser, usual one.
  const kind = isFloatKind(dtype)
    ? dtype === "f64" && Math.fround(a) === a && Math.fround(b) === b
      ? "f32"
      : dtype
    : undefined;
  return kind !== undefined && ulpDistance(kind, a, b) <= ulps;
}
