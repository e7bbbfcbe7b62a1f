/** @file How loops, branches and barriers are written. */
import * as gpu from "../../dialects/gpu.ts";
import * as memref from "../../dialects/memref/index.ts";
import * as scf from "../../dialects/scf/ops.ts";
import * as vector from "../../dialects/vector/index.ts";
import { type Block, Operation, type Value } from "../../ir/core.ts";
import type { OpInfo } from "../../ir/define.ts";
import { atom, type Expr, infix, prefix } from "../source.ts";
import { constantIndex } from "./addresses.ts";
import { bufferOf } from "./types.ts";
import type { KernelWriter, Row } from "./writer.ts";

/** Declares a variable for each value; answers their names. */
function variables(values: readonly Value[], inits: readonly Value[], op: Operation, w: KernelWriter): Expr[] {
  return values.map((v, i) => {
    const name = w.fresh();
    const init = inits[i];
    // A type is written even where nothing is, so that everything that WGSL has no type for is found.
    const type = w.typeOf(v.type, op);
    w.line(init ? `var ${name} = ${w.use(init).text};` : `var ${name}: ${type};`);
    return atom(name);
  });
}

/**
 * What a loop around this one carries and only hands to it: the loop inside goes on with the variable of the one outside.
 */
function isHandedOn(init: Value, op: Operation): boolean {
  const around = op.block?.parentOp;
  return init.owner === op.block && init.index > 0 && init.hasOneUse && around != null && scf.for.is(around);
}

/** Sets variables to what a block hands over: all are read before any is written. */
function handOver(values: readonly Value[], names: readonly Expr[], w: KernelWriter): void {
  const texts = values.map((v) => w.use(v).text);
  const mentions = (text: string, name: string): boolean => new RegExp(`\\b${name}\\b`).test(text);
  const safe = texts.map((text, i) =>
    names.slice(0, i).some((n) => mentions(text, n.text)) && text !== names[i]!.text
      ? w.named({ text: `(${text})`, level: 0 }).text
      : text,
  );
  safe.forEach((text, i) => {
    if (text !== names[i]!.text) w.line(`${names[i]!.text} = ${text};`);
  });
}

/** Loads in all turns of a loop up to which a driver may write the turns out. */
const loadsToUnroll = 16;

/**
 * Whether drivers are to keep a loop as one: its turns meet at barriers, or hold loops, or load much. Drivers write out all
 * turns of loops with few; of such loops that is slow to compile (by tens of seconds) and gains nothing. Turns that read or write
 * shared memory and meet nowhere are few, and compilers that see how many can tell that no index leaves the memory:
 * they add nothing to keep it there.
 */
function isKept(op: Operation): boolean {
  const { lowerBound, upperBound } = scf.for.of(op);
  const [low, high] = [constantIndex(lowerBound), constantIndex(upperBound)];
  if (low === undefined || high === undefined) return false;
  let loads = 0;
  let nested = false;
  let meets = false;
  let shared = false;
  for (const inner of scf.for.of(op).region.entry) {
    inner.walk((o) => {
      if (scf.for.is(o)) nested = true;
      if (gpu.barrier.is(o)) meets = true;
      const from = memref.load.match(o)?.memref ?? vector.load.match(o)?.base;
      const to = memref.store.match(o)?.memref ?? vector.store.match(o)?.base;
      if (from) loads++;
      if ((from && isShared(from)) || (to && isShared(to))) shared = true;
    });
  }
  if (high - low <= 1) return false;
  return meets || (!shared && (nested || loads * (high - low) > loadsToUnroll));
}

/** Memory that the threads of a workgroup share. */
function isShared(v: Value): boolean {
  const { owner } = bufferOf(v);
  return !(owner instanceof Operation) && gpu.launch.is(owner.parentOp!);
}

const loop: Row = (op, w) => {
  const { lowerBound, upperBound, step, initArgs, results, region } = scf.for.of(op);
  const body = region.entry;
  const [counter, ...carried] = body.args as [Value, ...Value[]];
  const names = carried.map((a, i) =>
    isHandedOn(initArgs[i]!, op) ? w.use(initArgs[i]!) : variables([a], [initArgs[i]!], op, w)[0]!,
  );
  carried.forEach((a, i) => {
    w.set(a, names[i]!);
  });
  results.forEach((r, i) => {
    w.set(r, names[i]!);
  });
  const i = w.fresh();
  w.set(counter, atom(i));
  const by = w.use(step).text;
  const low = w.use(lowerBound).text;
  // Zero, as there are no more than 65535 workgroups along an axis; compilers do not know that.
  const high = isKept(op) ? infix("+", w.use(upperBound), atom(w.first("i32(g.z >> 16u)"))) : w.use(upperBound);
  const test = infix("<", atom(i), high).text;
  w.nested(`for (var ${i} = ${low}; ${test}; ${by === "1" ? `${i}++` : `${i} += ${by}`}) {`, () => {
    w.block(body);
    handOver(body.terminator!.operands, names, w);
  });
  return undefined;
};

const branch: Row = (op, w) => {
  const { condition, thenRegion, elseRegion, results } = scf.if.of(op);
  const c = w.use(condition);
  const last = elseRegion.blocks[0];
  // What is known before is there first, and replaced if the condition holds.
  const known = last && last.first === last.terminator ? last.terminator!.operands : [];
  const names = variables(results, known, op, w);
  const inside = (block: Block): void => {
    w.block(block);
    handOver(block.terminator?.operands ?? [], names, w);
  };
  const other = last && last.first !== last.terminator ? last : undefined;
  w.line(`if (${c.text}) {`);
  w.inside(() => inside(thenRegion.entry));
  if (other) {
    w.line("} else {");
    w.inside(() => inside(other));
  }
  w.line("}");
  results.forEach((r, i) => {
    w.set(r, names[i]!);
  });
  return undefined;
};

const whileLoop: Row = (op, w) => {
  const { inits, before, after, results } = scf.while.of(op);
  const head = before.entry;
  const tail = after.entry;
  const carried = variables(head.args, inits, op, w);
  const handed = variables(results, [], op, w);
  head.args.forEach((a, i) => {
    w.set(a, carried[i]!);
  });
  tail.args.forEach((a, i) => {
    w.set(a, handed[i]!);
  });
  w.nested("loop {", () => {
    w.block(head);
    const { condition, args } = scf.condition.of(head.terminator!);
    const c = w.named(w.use(condition));
    handOver(args, handed, w);
    w.line(`if (${prefix("!", c).text}) { break; }`);
    w.block(tail);
    handOver(tail.terminator!.operands, carried, w);
  });
  results.forEach((r, i) => {
    w.set(r, handed[i]!);
  });
  return undefined;
};

const barrier: Row = (_op, w) => {
  w.line("workgroupBarrier();");
  return undefined;
};

export const controlRows: readonly (readonly [OpInfo, Row])[] = [
  [scf.for, loop],
  [scf.if, branch],
  [scf.while, whileLoop],
  [gpu.barrier, barrier],
];
