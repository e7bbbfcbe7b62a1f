/**
 * @file Several threads through one region, as the interpreter runs them: each has registers of its own, and what ends at
 * a barrier is done by all before one goes on. Barriers, and ops whose answers depend on all threads, stand in the region's
 * block itself or in counted loops of it (all threads take the same turns); what has none inside runs thread by thread.
 */
import type { Operation, Value } from "./core.ts";
import { collective, loopLike } from "./interfaces.ts";
import type { Activation, BlockPlan, OpPlan } from "./plan.ts";
import { Barrier } from "./traits.ts";

/** An op at which threads meet: a barrier, one that asks all of them, or a loop around such. */
export const meets = (op: Operation): boolean => {
  if (op.def.has(Barrier) || collective.of(op)) return true;
  for (const region of op.regions) {
    for (const block of region.blocks) for (const inner of block) if (meets(inner)) return true;
  }
  return false;
};

/** Runs a block for all threads at once; answers what its terminator hands over, per thread. */
export function runTogether(
  block: BlockPlan,
  threads: readonly Activation[],
  args: readonly (readonly unknown[])[],
): readonly (readonly unknown[])[] {
  threads.forEach(({ registers }, t) => {
    block.args.forEach((slot, i) => {
      registers[slot] = args[t]![i];
    });
  });
  block.steps.forEach((step, i) => {
    const meeting = block.meetings[i];
    if (!meeting) for (const t of threads) step(t.registers, t);
    else if (collective.of(meeting.op)) ask(meeting, threads);
    else if (!meeting.op.def.has(Barrier)) runLoop(meeting, threads);
  });
  const handed = block.end?.plan.operands ?? [];
  return threads.map(({ registers }) => handed.map((slot) => registers[slot]));
}

/** An op whose answers depend on all threads. */
function ask({ op, operands, results }: OpPlan, threads: readonly Activation[]): void {
  const given = threads.map(({ registers }) => operands.map((slot) => registers[slot]));
  const found = collective.of(op)!.together(op, given);
  threads.forEach(({ registers }, t) => {
    results.forEach((slot, i) => {
      registers[slot] = found[t]![i];
    });
  });
}

/** A counted loop: the same turns for all threads. */
function runLoop(plan: OpPlan, threads: readonly Activation[]): void {
  const { op } = plan;
  const bounds = loopLike.of(op)?.bounds(op);
  const body = plan.regions[0]?.blocks[0];
  const [first] = threads;
  if (!first) return;
  if (!bounds || !body) throw first.fail(`'${op.name}' holds a barrier, but is no counted loop`);
  const slotOf = (v: Value): number => plan.operands[op.uses.findIndex((u) => u.value === v)]!;
  const valueIn = (t: Activation, v: Value | number): number =>
    typeof v === "number" ? v : (t.registers[slotOf(v)] as number);
  const { lower, upper, step } = bounds;
  const [low, high, by] = [valueIn(first, lower), valueIn(first, upper), valueIn(first, step)];
  if (threads.some((t) => valueIn(t, lower) !== low || valueIn(t, upper) !== high)) {
    first.fail("threads of one workgroup do not come to the same barriers");
  }
  const carriedSlots = plan.operands.slice(plan.operands.length - plan.results.length);
  let carried: readonly (readonly unknown[])[] = threads.map((t) => carriedSlots.map((s) => t.registers[s]));
  for (let i = low; i < high; i += by) {
    const args = carried.map((c) => [i, ...c]);
    carried = runTogether(body, threads, args);
  }
  threads.forEach(({ registers }, t) => {
    plan.results.forEach((slot, i) => {
      registers[slot] = carried[t]![i];
    });
  });
}
