/**
 * @file What the interpreter prepares once per isolated op, so that running is a walk over arrays of closures: every
 * value has a slot in the activation's registers, every op is a step.
 */
import { fault } from "../support/diagnostic.ts";
import type { Block, Operation, Region, Value } from "./core.ts";
import { datumOfAttribute } from "./datum.ts";
import type { OpInfo } from "./define.ts";
import type { Evaluator } from "./evaluate.ts";
import { fieldRange } from "./fields.ts";
import { meets } from "./lockstep.ts";
import { finishOf, type Kernel, kernelOf, mappingOf } from "./scalar.ts";
import { Elementwise, Isolated } from "./traits.ts";
import { type Attribute, isShaped, type Type } from "./types.ts";

/** One running call of an isolated op: its registers, and the interpreter as ops see it. */
export interface Activation extends Evaluator {
  readonly registers: unknown[];
  /** The op whose `evaluate` runs. */
  current: OpPlan;
}

export type Step = (registers: unknown[], run: Activation) => void;

export interface OpPlan {
  readonly op: Operation;
  /** Slots of operands and results. */
  readonly operands: readonly number[];
  readonly results: readonly number[];
  readonly regions: readonly RegionPlan[];
  /** The symbol that the op asked for last, and what it found. */
  symbol: string;
  target: Operation | undefined;
}

export interface RegionPlan {
  readonly region: Region;
  readonly blocks: readonly BlockPlan[];
}

export interface BlockPlan {
  readonly block: Block;
  readonly args: readonly number[];
  /** All ops but a terminator. */
  readonly steps: readonly Step[];
  /** By step: the op, where threads that run together wait for each other in it. */
  readonly meetings: readonly (OpPlan | undefined)[];
  readonly end: EndPlan | undefined;
  /** Ops in the block, for the limit of steps. */
  readonly cost: number;
}

/** A terminator: what it hands over, or, if it has a meaning of its own, what that answers. */
export interface EndPlan {
  readonly plan: OpPlan;
  readonly evaluate: ((run: Activation) => unknown) | undefined;
}

/** What a frame needs of the plan of an isolated op. */
export interface FramePlan {
  readonly regions: ReadonlyMap<Region, RegionPlan>;
  readonly blocks: ReadonlyMap<Block, BlockPlan>;
  readonly slots: ReadonlyMap<Value, number>;
  /** Registers as a call finds them: known numbers are there already. */
  readonly initial: readonly unknown[];
}

export interface BodyPlan extends FramePlan {
  readonly body: RegionPlan;
}

/** Plans the body of an isolated op. */
export function planBody(region: Region): BodyPlan {
  const planner = new Planner();
  const body = planner.region(region);
  return { ...planner.frame, body };
}

/** Plans a single op: its operands have the slots from 0 on, its results those from `results` on. */
export function planAlone(op: Operation): { readonly plan: FramePlan; readonly step: Step; readonly results: number } {
  const planner = new Planner();
  for (const u of op.uses) planner.fresh(u.value);
  const results = planner.initial.length;
  for (const r of op.results) planner.slot(r);
  const step = planner.step(planner.op(op));
  return { plan: planner.frame, step, results };
}

class Planner {
  readonly regions = new Map<Region, RegionPlan>();
  readonly blocks = new Map<Block, BlockPlan>();
  readonly initial: unknown[] = [];
  readonly slots = new Map<Value, number>();

  get frame(): FramePlan {
    return { regions: this.regions, blocks: this.blocks, slots: this.slots, initial: this.initial };
  }

  slot(v: Value): number {
    return this.slots.get(v) ?? this.fresh(v);
  }

  fresh(v: Value): number {
    const slot = this.initial.length;
    this.slots.set(v, slot);
    this.initial.push(undefined);
    return slot;
  }

  region(region: Region): RegionPlan {
    const plan: RegionPlan = { region, blocks: region.blocks.map((b) => this.#block(b)) };
    this.regions.set(region, plan);
    return plan;
  }

  #block(block: Block): BlockPlan {
    const args = block.args.map((a) => this.slot(a));
    const steps: Step[] = [];
    const meetings: (OpPlan | undefined)[] = [];
    let end: EndPlan | undefined;
    let cost = 0;
    for (let op = block.first; op; op = op.next) {
      cost++;
      if (op.def.isTerminator) end = this.#end(this.op(op));
      else if (!this.#known(op)) {
        const own = this.op(op);
        steps.push(this.step(own));
        meetings.push(meets(op) ? own : undefined);
      }
    }
    const plan: BlockPlan = { block, args, steps, meetings, end, cost };
    this.blocks.set(block, plan);
    return plan;
  }

  op(op: Operation): OpPlan {
    return {
      op,
      operands: op.uses.map((u) => this.slot(u.value)),
      results: op.results.map((r) => this.slot(r)),
      // What is isolated is planned when it is called.
      regions: op.def.has(Isolated) ? [] : op.regions.map((r) => this.region(r)),
      symbol: "",
      target: undefined,
    };
  }

  /** Constants that are single numbers need no step: they stand in the registers from the start. */
  #known(op: Operation): boolean {
    if (!op.def.isConstant || op.results.length !== 1) return false;
    const value = op.props[op.def.attrIndex.get("value") ?? -1] as Attribute | undefined;
    if (value?.kind !== "integer" && value?.kind !== "float" && value?.kind !== "bool") return false;
    this.initial[this.slot(op.result())] = datumOfAttribute(value);
    return true;
  }

  #end(plan: OpPlan): EndPlan {
    const { evaluate } = plan.op.def.spec;
    if (!evaluate) return { plan, evaluate: undefined };
    const Args = argsOf(plan.op.def);
    return {
      plan,
      evaluate: (run) => {
        run.current = plan;
        return evaluate(new Args(run.registers, plan) as never, run);
      },
    };
  }

  step(plan: OpPlan): Step {
    const { op } = plan;
    const { spec } = op.def;
    const types = op.uses.map((u) => u.value.type);
    if (spec.scalar && [...types, ...op.results.map((r) => r.type)].every(isNumber)) return scalarStep(plan);
    const lifted =
      op.def.has(Elementwise) && op.results.every((r) => r.type.kind === "vector" || r.type.kind === "tensor");
    if (spec.scalar && lifted && (types.every(isShaped) || !spec.evaluate)) return liftedStep(plan);
    if (spec.evaluate) return op.def.isConstant ? constantStep(plan) : evaluateStep(plan);
    return () => {
      throw fault("run/no-meaning", op.loc, `'${op.name}' has no meaning that the interpreter knows`);
    };
  }
}

const isNumber = (t: Type): boolean => t.kind === "integer" || t.kind === "float" || t.kind === "index";

const failAt =
  (op: Operation): ((message: string) => never) =>
  (message) => {
    throw fault("run/fault", op.loc, `'${op.name}': ${message}`);
  };

function scalarStep(plan: OpPlan): Step {
  const { op } = plan;
  const kernel = kernelOf(op, failAt(op));
  if (op.results.length !== 1) return scalarsStep(plan, kernel);
  const type = op.result().type;
  const finish = finishOf(type);
  const [a = 0, b = 0, c = 0] = plan.operands;
  const r = plan.results[0]!;
  // The commonest forms have closures of their own, so that rounding is inlined.
  if (plan.operands.length === 2) {
    if (!finish)
      return (x) => {
        x[r] = kernel(x[a], x[b]);
      };
    if (type.kind === "float" && type.name === "f32") {
      return (x) => {
        x[r] = Math.fround(kernel(x[a], x[b]) as number);
      };
    }
    return (x) => {
      x[r] = finish(kernel(x[a], x[b]) as number);
    };
  }
  if (plan.operands.length === 1) {
    if (!finish)
      return (x) => {
        x[r] = kernel(x[a]);
      };
    return (x) => {
      x[r] = finish(kernel(x[a]) as number);
    };
  }
  if (!finish)
    return (x) => {
      x[r] = kernel(x[a], x[b], x[c]);
    };
  return (x) => {
    x[r] = finish(kernel(x[a], x[b], x[c]) as number);
  };
}

/** Several results. */
function scalarsStep(plan: OpPlan, kernel: Kernel): Step {
  const finish = plan.op.results.map((r) => finishOf(r.type));
  return (x) => {
    const values = (kernel as (...args: unknown[]) => readonly number[])(...plan.operands.map((s) => x[s]));
    for (let i = 0; i < plan.results.length; i++) x[plan.results[i]!] = finish[i]?.(values[i]!) ?? values[i]!;
  };
}

/** The scalar function over the elements of vectors or tensors. */
function liftedStep(plan: OpPlan): Step {
  const { op } = plan;
  const map = mappingOf(
    kernelOf(op, failAt(op)),
    op.results.map((r) => r.type),
  );
  return (x) => {
    const results = map(plan.operands.map((s) => x[s]));
    if (!results) return failAt(op)("elements of this type have no run-time form");
    for (let i = 0; i < results.length; i++) x[plan.results[i]!] = results[i];
  };
}

function evaluateStep(plan: OpPlan): Step {
  const evaluate = plan.op.def.spec.evaluate!;
  const Args = argsOf(plan.op.def);
  const { results, op } = plan;
  const only = results.length === 1 ? results[0]! : -1;
  return (x, run) => {
    run.current = plan;
    const answer = evaluate(new Args(x, plan) as never, run);
    if (only >= 0) x[only] = Array.isArray(answer) ? answer[0] : answer;
    else if (results.length > 0) {
      if (!Array.isArray(answer) || answer.length !== results.length) {
        return failAt(op)(`${results.length} results were to be computed`);
      }
      for (let i = 0; i < results.length; i++) x[results[i]!] = answer[i];
    }
  };
}

/** Constants with a shape are decoded when they are first needed, and kept. */
function constantStep(plan: OpPlan): Step {
  const evaluate = evaluateStep(plan);
  const slot = plan.results[0]!;
  let value: unknown;
  return (x, run) => {
    if (value === undefined) {
      evaluate(x, run);
      value = x[slot];
    } else x[slot] = value;
  };
}

// --- named access ---------------------------------------------------------------------------------------------

type ArgsClass = new (registers: readonly unknown[], plan: OpPlan) => object;
const argsClasses = new WeakMap<OpInfo, ArgsClass>();

/** The class of an op's named run-time arguments: one per definition, so that each `evaluate` sees a single shape. */
function argsOf(def: OpInfo): ArgsClass {
  let made = argsClasses.get(def);
  if (!made) {
    made = makeArgs(def);
    argsClasses.set(def, made);
  }
  return made;
}

function makeArgs(def: OpInfo): ArgsClass {
  class Args {
    // Only declared: fields of a class that is made at run time are initialised slowly.
    declare readonly registers: readonly unknown[];
    declare readonly plan: OpPlan;
    constructor(registers: readonly unknown[], plan: OpPlan) {
      this.registers = registers;
      this.plan = plan;
    }
  }
  const getter = (name: string, get: (registers: readonly unknown[], plan: OpPlan) => unknown): void => {
    Object.defineProperty(Args.prototype, name, {
      get(this: Args) {
        return get(this.registers, this.plan);
      },
    });
  };
  const { operandFields: fields, attrFields, regionNames } = def;
  regionNames.forEach((name, i) => {
    getter(name, (_, plan) => plan.op.regions[i]);
  });
  attrFields.forEach((f, i) => {
    getter(f.name, (_, plan) => plan.op.props[i]);
  });
  fields.forEach((f, i) => {
    if (fields.slice(0, i + 1).every((g) => g.arity === "one")) {
      getter(f.name, (x, plan) => x[plan.operands[i]!]);
      return;
    }
    getter(f.name, (x, plan) => {
      const [start, end] = fieldRange(fields, i, plan.operands.length, plan.op.operandSegments);
      if (f.arity !== "many") return start < end ? x[plan.operands[start]!] : undefined;
      const values = new Array<unknown>(end - start);
      for (let n = start; n < end; n++) values[n - start] = x[plan.operands[n]!];
      return values;
    });
  });
  return Args;
}
