/**
 * @file Runs any IR whose ops say what they mean (`scalar` or `evaluate` in their records): the oracle that every
 * lowering and every target is compared with.
 */
import { fault } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import { NDArray } from "../support/ndarray.ts";
import type { Operation, Region, Value } from "./core.ts";
import { dtypeOf, isBig } from "./datum.ts";
import { type Evaluator, Jump } from "./evaluate.ts";
import { callableLike, symbolLike } from "./interfaces.ts";
import { runTogether } from "./lockstep.ts";
import {
  type Activation,
  type BlockPlan,
  type BodyPlan,
  type FramePlan,
  type OpPlan,
  planAlone,
  planBody,
  type RegionPlan,
} from "./plan.ts";
import { typeText } from "./spell.ts";
import { SymbolScope } from "./symbols.ts";
import { isDynamic, isShaped, type Type } from "./types.ts";

/** A function that a program declares and the surroundings provide. */
export type External = (args: readonly unknown[], run: Evaluator) => readonly unknown[] | undefined;

export interface InterpretOptions {
  /** Where printing ops write; nowhere by default. */
  readonly print?: (text: string) => void;
  /** How many ops may run before the program is stopped with a fault. */
  readonly maxSteps?: number;
  /** How deep calls may nest. */
  readonly maxDepth?: number;
  /** Bodies of declared functions, by name. */
  readonly externals?: Readonly<Record<string, External>>;
}

/**
 * The discardable attribute of a function without arguments that is run once, before anything else of its module is: it
 * fills globals that have no value of their own.
 */
export const initAttribute = "sluice.init";

const defaultDepth = 1000;
const nothing: readonly unknown[] = Object.freeze([]);

/**
 * Runs a function of a module and answers what it returns.
 * @throws CompileError with a `run/…` diagnostic at the op where the program did something undefined.
 */
export function interpret(
  module: Operation,
  entry: string,
  args: readonly unknown[],
  options: InterpretOptions = {},
): readonly unknown[] {
  return new Interpreter(options).call(module, entry, args);
}

/**
 * What an op gives for known operands: constant folding. The op's regions may use nothing from outside.
 * @throws CompileError as `interpret`.
 */
export function evaluateOp(
  op: Operation,
  operands: readonly unknown[],
  options: InterpretOptions = {},
): readonly unknown[] {
  return new Interpreter(options).evaluate(op, operands);
}

/** Keeps plans and globals between calls, so that a module can be run many times. The IR must not change meanwhile. */
export class Interpreter {
  readonly print: (text: string) => void;
  readonly #externals: Readonly<Record<string, External>>;
  readonly #maxSteps: number;
  readonly #maxDepth: number;
  readonly #plans = new Map<Region, BodyPlan>();
  readonly #globals = new Map<Operation, unknown>();
  readonly #symbols = new SymbolScope();
  readonly #initialized = new WeakSet<Operation>();
  #steps = 0;
  #depth = 0;

  constructor(options: InterpretOptions = {}) {
    this.print = options.print ?? (() => {});
    this.#externals = options.externals ?? {};
    this.#maxSteps = options.maxSteps ?? Number.POSITIVE_INFINITY;
    this.#maxDepth = options.maxDepth ?? defaultDepth;
  }

  /** Ops that have run so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Calls a function by its name, seen from `module`. */
  call(module: Operation, entry: string, args: readonly unknown[]): readonly unknown[] {
    const target = this.#symbols.lookup(module, { root: entry, nested: [] });
    const body = target && callableLike.of(target)?.body(target);
    if (!target || !body) throw fault("run/arguments", module.loc, `there is no function '@${entry}' with a body`);
    checkArguments(target, body, entry, args);
    this.#initialize(module);
    return this.#guard(target, () => this.callBody(target, args, undefined));
  }

  #initialize(module: Operation): void {
    if (this.#initialized.has(module)) return;
    this.#initialized.add(module);
    for (const op of module.regions[0]?.entry ?? []) {
      if (!op.attributes?.has(initAttribute) || !callableLike.of(op)?.body(op)) continue;
      this.#guard(op, () => this.callBody(op, [], undefined));
    }
  }

  /** Runs one op on known operands. */
  evaluate(op: Operation, operands: readonly unknown[]): readonly unknown[] {
    const { plan, step, results } = planAlone(op);
    const frame = new Frame(this, plan, noPlan(op));
    for (let i = 0; i < operands.length; i++) frame.registers[i] = operands[i];
    this.#guard(op, () => step(frame.registers, frame));
    return frame.registers.slice(results, results + op.results.length);
  }

  /** Runs the body of a callable op. `caller` is where a fault of the call itself is reported. */
  callBody(target: Operation, args: readonly unknown[], caller: Evaluator | undefined): readonly unknown[] {
    const body = callableLike.of(target)?.body(target);
    if (!body) return this.#external(target, args, caller);
    let plan = this.#plans.get(body);
    if (!plan) {
      plan = planBody(body);
      this.#plans.set(body, plan);
    }
    const at = caller?.loc ?? target.loc;
    if (this.#depth >= this.#maxDepth) throw fault("run/fault", at, `calls nest more than ${this.#maxDepth} deep`);
    this.#depth++;
    const results = new Frame(this, plan, noPlan(target)).run(plan.body, args);
    this.#depth--;
    return results;
  }

  #external(target: Operation, args: readonly unknown[], caller: Evaluator | undefined): readonly unknown[] {
    const name = symbolLike.of(target)?.name(target) ?? "";
    const external = Object.hasOwn(this.#externals, name) ? this.#externals[name] : undefined;
    if (!external || !caller) {
      throw fault("run/no-meaning", caller?.loc ?? target.loc, `'@${name}' is declared but has no body`);
    }
    return external(args, caller) ?? nothing;
  }

  count(ops: number, block: BlockPlan): void {
    this.#steps += ops;
    if (this.#steps > this.#maxSteps) {
      const at = block.block.first?.loc ?? block.block.parentOp?.loc;
      throw fault("run/fault", at!, `stopped after ${this.#maxSteps} steps`);
    }
  }

  global<T>(key: Operation, make: () => T): T {
    if (!this.#globals.has(key)) this.#globals.set(key, make());
    return this.#globals.get(key) as T;
  }

  lookup(from: Operation, root: string, nested: readonly string[]): Operation | undefined {
    return this.#symbols.lookup(from, { root, nested });
  }

  /** An exhausted stack or memory is the program's fault, too. */
  #guard<T>(op: Operation, run: () => T): T {
    const depth = this.#depth;
    try {
      return run();
    } catch (e) {
      if (e instanceof RangeError) {
        const stack = /call stack/.test(e.message);
        throw fault(
          "run/fault",
          op.loc,
          stack ? "calls nest too deep for the stack" : `not enough memory: ${e.message}`,
        );
      }
      throw e;
    } finally {
      this.#depth = depth;
    }
  }
}

const noPlan = (op: Operation): OpPlan => ({
  op,
  operands: [],
  results: [],
  regions: [],
  symbol: "",
  target: undefined,
});

/** One call: registers, and the op that is being evaluated. */
class Frame implements Activation {
  readonly registers: unknown[];
  current: OpPlan;
  readonly #interpreter: Interpreter;
  readonly #plan: FramePlan;

  constructor(interpreter: Interpreter, plan: FramePlan, current: OpPlan) {
    this.#interpreter = interpreter;
    this.#plan = plan;
    this.registers = plan.initial.slice();
    this.current = current;
  }

  get op(): Operation {
    return this.current.op;
  }

  get loc(): Location {
    return this.current.op.loc;
  }

  operandType(i: number): Type {
    return this.current.op.operand(i).type;
  }

  resultType(i: number): Type {
    return this.current.op.result(i).type;
  }

  valueOf(v: Value): unknown {
    const slot = this.#plan.slots.get(v);
    return slot === undefined ? undefined : this.registers[slot];
  }

  /** Runs the blocks of a region until one hands values over. */
  run(plan: RegionPlan, args: readonly unknown[]): readonly unknown[] {
    const x = this.registers;
    let block: BlockPlan | undefined = plan.blocks[0];
    let given = args;
    while (block) {
      const slots = block.args;
      for (let i = 0; i < slots.length; i++) x[slots[i]!] = given[i];
      this.#interpreter.count(block.cost, block);
      const { steps, end } = block;
      for (let i = 0; i < steps.length; i++) steps[i]!(x, this);
      if (!end) return nothing;
      if (!end.evaluate) {
        const { operands } = end.plan;
        const values = new Array<unknown>(operands.length);
        for (let i = 0; i < operands.length; i++) values[i] = x[operands[i]!];
        return values;
      }
      const answer = end.evaluate(this);
      if (!(answer instanceof Jump)) return Array.isArray(answer) ? answer : nothing;
      given = answer.args;
      block = this.#plan.blocks.get(answer.block);
    }
    return nothing;
  }

  call(region: Region, args: readonly unknown[]): readonly unknown[] {
    const caller = this.current;
    const own = caller.regions[0];
    const plan = own?.region === region ? own : this.#plan.regions.get(region);
    if (!plan) throw fault("run/no-meaning", this.loc, `'${caller.op.name}' runs a region that is not its own`);
    const values = this.run(plan, args);
    this.current = caller;
    return values;
  }

  lockstep(region: Region, threads: readonly (readonly unknown[])[]): void {
    const caller = this.current;
    const plan = caller.regions.find((r) => r.region === region);
    const block = plan?.blocks[0];
    if (!plan || !block)
      throw fault("run/no-meaning", this.loc, `'${caller.op.name}' runs a region that is not its own`);
    if (!block.meetings.some((m) => m)) {
      for (const args of threads) this.run(plan, args);
    } else {
      const frames = threads.map(() => {
        const frame = new Frame(this.#interpreter, this.#plan, caller);
        frame.registers.splice(0, frame.registers.length, ...this.registers);
        return frame;
      });
      runTogether(block, frames, threads);
    }
    this.current = caller;
  }

  callSymbol(root: string, nested: readonly string[], args: readonly unknown[]): readonly unknown[] {
    return this.callOp(this.symbol(root, nested), args);
  }

  callOp(callable: Operation, args: readonly unknown[]): readonly unknown[] {
    return this.#interpreter.callBody(callable, args, this);
  }

  symbol(root: string, nested: readonly string[] = []): Operation {
    const { current } = this;
    if (current.target && current.symbol === root && nested.length === 0) return current.target;
    const found = this.#interpreter.lookup(current.op, root, nested);
    if (!found) return this.fail(`there is no symbol '@${[root, ...nested].join("::@")}'`);
    if (nested.length === 0) {
      current.symbol = root;
      current.target = found;
    }
    return found;
  }

  global<T>(key: Operation, make: () => T): T {
    return this.#interpreter.global(key, make);
  }

  jump(successor: number, args: readonly unknown[]): Jump {
    return new Jump(this.current.op.successors[successor]!, args);
  }

  fail(message: string): never {
    throw fault("run/fault", this.loc, `'${this.op.name}': ${message}`);
  }

  print(text: string): void {
    this.#interpreter.print(text);
  }
}

// --- arguments ------------------------------------------------------------------------------------------------

/** Number, kind and shape of what an entry function is called with. */
function checkArguments(target: Operation, body: Region, entry: string, args: readonly unknown[]): void {
  const wanted = body.entry.args.map((a) => a.type);
  const refuse = (message: string): never => {
    throw fault("run/arguments", target.loc, `'@${entry}' ${message}`);
  };
  if (wanted.length !== args.length) refuse(`takes ${wanted.length} arguments, but ${args.length} are given`);
  wanted.forEach((type, i) => {
    if (!fits(type, args[i])) refuse(`takes '${typeText(type)}' as argument ${i}, but ${describe(args[i])} is given`);
  });
}

function fits(type: Type, datum: unknown): boolean {
  if (isShaped(type)) {
    if (!(datum instanceof NDArray) || datum.dtype !== dtypeOf(type.element)) return false;
    if (type.kind !== "vector" && !type.ranked) return true;
    return datum.rank === type.shape.length && type.shape.every((d, i) => isDynamic(d) || d === datum.shape[i]);
  }
  if (type.kind === "float" || type.kind === "index") return typeof datum === "number";
  return type.kind === "integer" ? typeof datum === (isBig(type) ? "bigint" : "number") : true;
}

function describe(datum: unknown): string {
  if (datum instanceof NDArray) return `an array of ${[...datum.shape, datum.dtype].join("x")}`;
  return `${typeof datum === "bigint" ? `the wide integer ${datum}` : String(datum)}`;
}
