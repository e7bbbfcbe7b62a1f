/**
 * @file Bodies of structured ops as straight-line programs on registers, run in strips of many elements or one element
 * at a time. Only bodies of scalar functions, constants and loop indices are programs; others are interpreted op by op.
 */
import type { Block, Operation, Value } from "../../ir/core.ts";
import { datumOfAttribute, isBig } from "../../ir/datum.ts";
import type { Num } from "../../ir/evaluate.ts";
import { type Finish, finishOf, type Kernel, kernelOf } from "../../ir/scalar.ts";
import type { Attribute, FloatType, IndexType, IntegerType, Type } from "../../ir/types.ts";
import { loopIndex } from "./structure.ts";

export interface Step {
  readonly kernel: Kernel;
  readonly args: readonly number[];
  readonly results: readonly number[];
  /** What brings each result to its type. */
  readonly finish: readonly Finish[];
}

export interface Program {
  /** Type of each register. */
  readonly registers: readonly Type[];
  /** The register of each argument of the body, -1 where nobody reads it. */
  readonly args: readonly number[];
  /** Registers that hold the turn of a loop. */
  readonly indices: readonly { readonly loop: number; readonly register: number }[];
  /** Registers that hold the same value throughout: constants, and values from outside. */
  readonly fixed: readonly { readonly value: Num | Value; readonly register: number }[];
  readonly steps: readonly Step[];
  /** The registers that are handed back. */
  readonly yields: readonly number[];
}

const isScalar = (t: Type): t is IntegerType | FloatType | IndexType =>
  t.kind === "integer" || t.kind === "float" || t.kind === "index";

const same: Finish = (v) => v;

/** The program of a body, or undefined if it is none. `fail` is told of faults at run time. */
export const compileBody = (body: Block, fail: (message: string) => never): Program | undefined =>
  new Compiler(body, fail).compile();

class Compiler {
  readonly #body: Block;
  readonly #fail: (message: string) => never;
  readonly #registers: Type[] = [];
  readonly #of = new Map<Value, number>();
  readonly #indices: { loop: number; register: number }[] = [];
  readonly #fixed: { value: Num | Value; register: number }[] = [];
  readonly #steps: Step[] = [];

  constructor(body: Block, fail: (message: string) => never) {
    this.#body = body;
    this.#fail = fail;
  }

  compile(): Program | undefined {
    const end = this.#body.terminator;
    if (!end || !this.#body.args.every((a) => isScalar(a.type))) return undefined;
    const args = this.#body.args.map((a) => (a.hasUses ? this.#define(a) : -1));
    for (let op = this.#body.first; op && op !== end; op = op.next) if (!this.#op(op)) return undefined;
    const yields = end.operands.map((v) => this.#read(v));
    if (yields.includes(-1)) return undefined;
    return { registers: this.#registers, args, indices: this.#indices, fixed: this.#fixed, steps: this.#steps, yields };
  }

  #define(v: Value): number {
    const register = this.#registers.length;
    this.#registers.push(v.type);
    this.#of.set(v, register);
    return register;
  }

  /** The register of a value; one from outside gets one; -1 if it is no scalar. */
  #read(v: Value): number {
    const known = this.#of.get(v);
    if (known !== undefined) return known;
    if (!isScalar(v.type)) return -1;
    const register = this.#define(v);
    this.#fixed.push({ value: v, register });
    return register;
  }

  #op(op: Operation): boolean {
    const { def } = op;
    const loop = loopIndex.of(op)?.loop(op);
    if (loop !== undefined) {
      this.#indices.push({ loop, register: this.#define(op.result()) });
      return true;
    }
    if (def.isConstant) {
      const value = datumOfAttribute(op.props[def.attrIndex.get("value")!] as Attribute);
      if (typeof value !== "number" && typeof value !== "bigint") return false;
      this.#fixed.push({ value, register: this.#define(op.result()) });
      return true;
    }
    if (!def.spec.scalar || !op.results.every((r) => isScalar(r.type))) return false;
    const args = op.uses.map((u) => this.#read(u.value));
    if (args.includes(-1)) return false;
    this.#steps.push({
      kernel: kernelOf(op, this.#fail),
      args,
      results: op.results.map((r) => this.#define(r)),
      finish: op.results.map((r) => finishOf(r.type) ?? same),
    });
    return true;
  }
}

/** A column of values of one register: floats and small integers as doubles, f32 rounded by its store, wide integers as bigints. */
export type Column = Float32Array | Float64Array | bigint[];

export const columnOf = (t: Type, length: number): Column =>
  isBig(t)
    ? new Array<bigint>(length).fill(0n)
    : t.kind === "float" && t.name === "f32"
      ? new Float32Array(length)
      : new Float64Array(length);

/** Storing into the column is all the rounding the type needs. */
const roundsByStore = (t: Type): boolean => t.kind === "float" && (t.name === "f32" || t.name === "f64");

/** Runs the steps on the first `n` values of the columns. */
export function runStrip(program: Program, columns: readonly Column[], n: number): void {
  for (const { kernel, args, results, finish } of program.steps) {
    const inputs = args.map((r) => columns[r]!);
    const out = columns[results[0]!]!;
    if (results.length > 1) {
      for (let i = 0; i < n; i++) {
        const answer = apply(kernel, inputs, i) as readonly Num[];
        for (let k = 0; k < results.length; k++) columns[results[k]!]![i] = finish[k]!(answer[k]!) as never;
      }
    } else if (roundsByStore(program.registers[results[0]!]!)) {
      const [a, b] = inputs;
      if (inputs.length === 1) for (let i = 0; i < n; i++) out[i] = kernel(a![i]) as number;
      else if (inputs.length === 2) for (let i = 0; i < n; i++) out[i] = kernel(a![i], b![i]) as number;
      else for (let i = 0; i < n; i++) out[i] = apply(kernel, inputs, i) as number;
    } else {
      const [end] = finish;
      for (let i = 0; i < n; i++) out[i] = end!(apply(kernel, inputs, i) as Num) as never;
    }
  }
}

/** Some kernels take any number of arguments: they get those of the op and no more. */
function apply(kernel: Kernel, columns: readonly Column[], i: number): Num | readonly Num[] {
  switch (columns.length) {
    case 1:
      return kernel(columns[0]![i]);
    case 2:
      return kernel(columns[0]![i], columns[1]![i]);
    default:
      return kernel(columns[0]![i], columns[1]![i], columns[2]![i]);
  }
}

/** Runs the steps on one value per register. */
export function runOnce(program: Program, registers: Num[]): void {
  for (const { kernel, args, results, finish } of program.steps) {
    const [a, b, c] = args;
    const answer =
      c !== undefined
        ? kernel(registers[a!], registers[b!], registers[c])
        : b !== undefined
          ? kernel(registers[a!], registers[b])
          : kernel(registers[a!]);
    if (typeof answer !== "object") registers[results[0]!] = finish[0]!(answer);
    else for (let k = 0; k < results.length; k++) registers[results[k]!] = finish[k]!(answer[k]!);
  }
}
