/** @file loop-unroll: several turns of a loop in a row. */
import { constantIndex, constantInteger } from "../../dialects/arith/constant.ts";
import { addi, divsi, muli, subi } from "../../dialects/arith/ops.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { loopLike } from "../../ir/interfaces.ts";
import { type IntegerType, index } from "../../ir/types.ts";
import { knownNumber } from "../../rewrite/matchers.ts";
import { definePass } from "../../rewrite/pass.ts";

export const loopUnroll = definePass("loop-unroll", {
  doc:
    "Writes out the turns of the innermost loops: `factor` of them in a row, with a loop for those that are left over, or " +
    "all of them where it is known that there are no more than `full`.",
  options: {
    factor: attr.int.default(4),
    /** Loops of at most so many turns are written out whole. */
    full: attr.int.default(0),
  },
  example: {
    options: "full=2",
    before: `func.func @f(%x: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %0 = scf.for %i = %c0 to %c2 step %c1 iter_args(%a = %x) -> (f32) {
    %1 = arith.mulf %a, %a : f32
    scf.yield %1 : f32
  }
  return %0 : f32
}`,
    after: `func.func @f(%arg0: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c0_0 = arith.constant 0 : index
  %0 = arith.mulf %arg0, %arg0 : f32
  %c1_1 = arith.constant 1 : index
  %1 = arith.mulf %0, %0 : f32
  return %1 : f32
}`,
  },
  run(op, { factor, full }, pass) {
    const loops: Operation[] = [];
    op.walk((o) => {
      if (loopLike.of(o)?.bounds(o) && isInnermost(o)) loops.push(o);
    });
    let unrolled = 0;
    for (const loop of loops) {
      const turns = turnsOf(loop);
      if (turns !== undefined && turns <= full) {
        unrollWhole(loop, turns);
        unrolled++;
      } else if (factor > 1 && unrollBy(loop, factor, turns)) unrolled++;
    }
    pass.count("unrolled", unrolled);
    return unrolled > 0;
  },
});

function isInnermost(op: Operation): boolean {
  let inner = false;
  op.walk((o) => {
    if (o !== op && loopLike.of(o)) inner = true;
  });
  return !inner && loopLike.of(op)!.body(op).blocks.length === 1;
}

const numberOf = (b: Value | number): number | undefined => (typeof b === "number" ? b : knownNumber(b));

/** How often a loop runs, if its bounds are known. */
function turnsOf(loop: Operation): number | undefined {
  const { lower, upper, step } = loopLike.of(loop)!.bounds(loop)!;
  const [low, high, by] = [numberOf(lower), numberOf(upper), numberOf(step)];
  if (low === undefined || high === undefined || by === undefined || by <= 0) return undefined;
  return Math.max(0, Math.ceil((high - low) / by));
}

/** Copies the body once; answers what it hands to the next turn. */
function copyBody(loop: Operation, counter: Value | undefined, carried: readonly Value[], b: Builder): Value[] {
  const iface = loopLike.of(loop)!;
  const { entry } = iface.body(loop);
  const map = new Map<Value, Value>();
  const variable = iface.inductionVariable(loop);
  if (variable && counter) map.set(variable, counter);
  const values = iface.carried(loop);
  values.forEach((c, i) => {
    map.set(c.arg, carried[i]!);
  });
  for (let o = entry.first; o && o !== entry.last; o = o.next) b.insert(o.clone(map));
  return values.map((c) => map.get(c.next) ?? c.next);
}

const constantLike = (b: Builder, value: number, like: Value | undefined): Value =>
  like && like.type !== index ? constantInteger(b, value, like.type as IntegerType) : constantIndex(b, value);

function unrollWhole(loop: Operation, turns: number): void {
  const iface = loopLike.of(loop)!;
  const { lower, step } = iface.bounds(loop)!;
  const [low, by] = [numberOf(lower)!, numberOf(step)!];
  const variable = iface.inductionVariable(loop);
  const b = Builder.before(loop);
  let carried: readonly Value[] = iface.carried(loop).map((c) => c.init);
  for (let i = 0; i < turns; i++) {
    carried = copyBody(loop, variable && constantLike(b, low + i * by, variable), carried, b);
  }
  replaceResults(loop, carried);
}

function replaceResults(loop: Operation, values: readonly Value[]): void {
  loopLike
    .of(loop)!
    .carried(loop)
    .forEach((c, i) => {
      c.result.replaceAllUsesWith(values[i]!);
    });
  loop.erase();
}

/** The loop takes steps of `factor` turns as long as it can; a copy of it takes the turns that are left. */
function unrollBy(loop: Operation, factor: number, turns: number | undefined): boolean {
  const iface = loopLike.of(loop)!;
  if (!iface.rebound) return false;
  const { lower, upper, step } = iface.bounds(loop)!;
  const variable = iface.inductionVariable(loop);
  if (typeof lower === "number" || typeof upper === "number" || typeof step === "number" || !variable) return false;
  if (turns !== undefined && turns < factor) return false;
  const b = Builder.before(loop);
  const by = muli(b, step, constantLike(b, factor, step));
  // lower + ⌊(upper - lower) / by⌋ · by: whole groups only. With the step left over the rest starts where this ends.
  const groups = divsi(b, subi(b, upper, lower), by);
  const middle = addi(b, lower, muli(b, groups, by));
  const whole = turns !== undefined && turns % factor === 0;
  const rest = whole ? undefined : loop.clone();
  if (rest) {
    b.setAfter(loop).insert(rest);
    iface.carried(loop).forEach((c, i) => {
      c.result.replaceAllUsesWith(rest.results[i]!);
    });
    iface.rebound(rest, { lower: middle, inits: iface.carried(loop).map((c) => c.result) });
  }
  iface.rebound(loop, { upper: middle, step: by });
  writeOut(loop, factor, step);
  return true;
}

/** Appends copies of the body to it, each a step further on. */
function writeOut(loop: Operation, factor: number, step: Value): void {
  const iface = loopLike.of(loop)!;
  const { entry } = iface.body(loop);
  const end = entry.last!;
  const variable = iface.inductionVariable(loop)!;
  const b = new Builder(entry, end, loop.loc);
  const original: Operation[] = [];
  for (let o = entry.first; o && o !== end; o = o.next) original.push(o);
  let handed = iface.carried(loop).map((c) => c.next);
  const args = iface.carried(loop).map((c) => c.arg);
  const nexts = handed;
  for (let i = 1; i < factor; i++) {
    const counter = addi(b, variable, muli(b, step, constantLike(b, i, step)));
    const map = new Map<Value, Value>([[variable, counter]]);
    args.forEach((a, n) => {
      map.set(a, handed[n]!);
    });
    for (const o of original) b.insert(o.clone(map));
    handed = nexts.map((v) => map.get(v) ?? v);
  }
  end.setOperands(handed);
}
