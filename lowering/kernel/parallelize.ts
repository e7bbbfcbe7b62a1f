/**
 * @file Several threads run the same program: each kernel that is worth it takes a part of its outer loop, as many parts as
 * there are threads, and all wait for each other where one needs what others have written. What a part computes of an
 * element is what the whole would, so results do not depend on the number of threads.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import { barrierFunction, threadFunction, threadsFunction } from "../../dialects/host.ts";
import * as memref from "../../dialects/memref/index.ts";
import * as scf from "../../dialects/scf/ops.ts";
import * as vector from "../../dialects/vector/index.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { type FunctionType, functionType, index } from "../../ir/types.ts";
import { definePass, type PassContext } from "../../rewrite/pass.ts";
import { isKernel } from "../linalg/outline.ts";

export const parallelize = definePass("kernel-parallelize", {
  doc: "Gives kernels a part of their outer loop to do, and lets all threads run the program: `@barrier` where they must wait.",
  options: { "least-work": attr.int.default(60_000) },
  run(module, options, pass) {
    const kernels = new Set<string>();
    const entry = entryOf(module);
    if (!entry) return false;
    for (const fn of module.region().entry) {
      if (isKernel(fn) && distributeKernel(fn, options["least-work"])) kernels.add(func.func.of(fn).sym_name);
    }
    return spread(module, entry, kernels, pass);
  },
});

/** The public function, if it is a plain sequence: what threads decide by must not depend on what others are writing. */
function entryOf(module: Operation): Operation | undefined {
  const found = [...module.region().entry].filter(
    (op) => func.func.is(op) && !isKernel(op) && !op.region().isEmpty && func.func.of(op).sym_visibility !== "private",
  );
  const [entry] = found;
  if (found.length !== 1 || !entry) return undefined;
  const { blocks } = entry.region();
  return blocks.length === 1 && [...blocks[0]!].every((op) => op.regions.length === 0) ? entry : undefined;
}

// --- kernels --------------------------------------------------------------------------------------------------

/** Loops of so many levels are looked at. */
const deepest = 4;

function distributeKernel(fn: Operation, leastWork: number): boolean {
  const block = fn.region().entry;
  if (weightOf(block) < leastWork) return false;
  let best = -1;
  let least = costOf(block, -1, 1) * 2 * 0.95;
  for (let depth = 0; depth < deepest; depth++) {
    const cost = costOf(block, depth, 2) + costOf(block, depth, 4);
    // A deeper level must be clearly better: its loops are entered more often.
    if (cost >= least * 0.95) continue;
    best = depth;
    least = cost;
  }
  if (best < 0) return false;
  const part = block.addArgument(index);
  const parts = block.addArgument(index);
  const b = new Builder(block, block.first, fn.loc);
  const first = arith.cmpi(b, part, arith.constantIndex(b, 0), { predicate: "eq" });
  distribute(block, best, { part, parts, first });
  const type = func.func.of(fn).function_type;
  setType(fn, functionType([...type.inputs, index, index], type.results));
  return true;
}

const setType = (fn: Operation, type: FunctionType): void => {
  fn.props[fn.def.attrIndex.get("function_type")!] = type;
};

interface Share {
  readonly part: Value;
  readonly parts: Value;
  /** This is the part that does what is not divided. */
  readonly first: Value;
}

const isStore = (op: Operation): boolean => memref.store.is(op) || vector.store.is(op);
const isLoop = (op: Operation): boolean => scf.for.is(op) && op.results.length === 0;

/** It writes, but is no loop that can be cut: whatever is cut must be around it. */
function writesWhole(op: Operation): boolean {
  let writes = false;
  if (op.regions.length > 0 && !isLoop(op)) op.walk((inner) => (writes ||= isStore(inner)));
  return writes;
}

function distribute(block: Block, depth: number, share: Share): void {
  for (const op of [...block]) {
    if (isStore(op)) onlyFirst(op, share);
    else if (!isLoop(op)) continue;
    else if (depth > 0) distribute(op.region().entry, depth - 1, share);
    else cut(op, share);
  }
}

function onlyFirst(op: Operation, { first }: Share): void {
  // Behind the op, which then moves inside.
  scf.if(Builder.after(op), first, {
    types: [],
    thenRegion: (inner) => {
      inner.insert(op.remove());
      return [];
    },
  });
}

/** A loop from `low` to `high` goes from `low + n * part / parts` to `low + n * (part + 1) / parts`. */
function cut(op: Operation, { part, parts }: Share): void {
  const { lowerBound, upperBound } = scf.for.of(op);
  const low = known(lowerBound)!;
  const count = known(upperBound)! - low;
  const b = Builder.before(op);
  const bound = (at: Value): Value => {
    const scaled = arith.divui(b, arith.muli(b, at, arith.constantIndex(b, count)), parts);
    return low === 0 ? scaled : arith.addi(b, scaled, arith.constantIndex(b, low));
  };
  op.setOperand(0, bound(part));
  op.setOperand(1, bound(arith.addi(b, part, arith.constantIndex(b, 1))));
}

const known = (v: Value): number | undefined => {
  const value = arith.constant.match(v)?.value;
  return value?.kind === "integer" ? Number(value.value) : undefined;
};

/** Turns of a loop with steps of one; undefined if they are not known. */
function turnsOf(op: Operation): number | undefined {
  const { lowerBound, upperBound, step } = scf.for.of(op);
  const low = known(lowerBound);
  const high = known(upperBound);
  return low === undefined || high === undefined || known(step) === undefined
    ? undefined
    : Math.max(0, Math.ceil((high - low) / known(step)!));
}

/** Operations that run in all. */
const weightOf = (block: Block): number => costOf(block, -1, 1);

/** Operations that the busiest of some threads runs, if loops at a depth are divided; -1 divides none. */
function costOf(block: Block, depth: number, threads: number): number {
  let cost = 0;
  for (const op of block) {
    if (depth >= 0 && writesWhole(op)) return Number.POSITIVE_INFINITY;
    if (!scf.for.is(op)) {
      cost += 1;
      continue;
    }
    const turns = turnsOf(op) ?? 1;
    const body = op.region().entry;
    const divisible = depth === 0 && isLoop(op) && turnsOf(op) !== undefined && known(scf.for.of(op).step) === 1;
    if (divisible) cost += Math.ceil(turns / threads) * weightOf(body);
    else if (depth > 0 && isLoop(op)) cost += turns * costOf(body, depth - 1, threads);
    else cost += depth === 0 && isLoop(op) ? Number.POSITIVE_INFINITY : turns * weightOf(body);
  }
  return cost;
}

// --- the program ----------------------------------------------------------------------------------------------

function spread(module: Operation, entry: Operation, parallel: ReadonlySet<string>, pass: PassContext): boolean {
  if (parallel.size === 0) return false;
  const top = new Builder(module.region().entry, module.region().entry.first, module.loc);
  const declare = (name: string, type: FunctionType): void => {
    func.func(top, { sym_name: name, sym_visibility: "private", function_type: type });
  };
  declare(barrierFunction, functionType([], []));
  declare(threadFunction, functionType([], [index]));
  declare(threadsFunction, functionType([], [index]));
  const block = entry.region().entry;
  const b = new Builder(block, block.first, entry.loc);
  const [part] = func.call(b, [], { callee: threadFunction, types: [index] }) as [Value];
  const [parts] = func.call(b, [], { callee: threadsFunction, types: [index] }) as [Value];
  const share: Share = {
    part,
    parts,
    first: arith.cmpi(b, part, arith.constantIndex(b, 0), { predicate: "eq" }),
  };
  let wrote: "nobody" | "first" | "all" = "nobody";
  const wait = (at: Builder): void => {
    func.call(at, [], { callee: barrierFunction, types: [] });
    wrote = "nobody";
  };
  let count = 0;
  for (let op: Operation | null = b.before; op; ) {
    const next: Operation | null = op.next;
    const call = func.call.match(op);
    if (call && parallel.has(call.callee)) {
      if (wrote !== "nobody") wait(Builder.before(op));
      op.setOperands([...op.operands, part, parts]);
      wrote = "all";
      count++;
    } else if (call) {
      if (wrote === "all") wait(Builder.before(op));
      onlyFirst(op, share);
      wrote = "first";
    } else if (op.def.isTerminator && wrote !== "nobody") wait(Builder.before(op));
    op = next;
  }
  for (const fn of module.region().entry)
    if (fn !== entry && !isKernel(fn) && func.func.is(fn)) callWhole(fn, parallel);
  pass.remark(entry, `${count} calls of kernels are divided among threads`);
  return true;
}

/** What runs beside the program (what is computed once, at load) is done by one thread: all of each kernel. */
function callWhole(fn: Operation, parallel: ReadonlySet<string>): void {
  fn.walk((op) => {
    const call = func.call.match(op);
    if (!call || !parallel.has(call.callee)) return;
    const b = Builder.before(op);
    op.setOperands([...op.operands, arith.constantIndex(b, 0), arith.constantIndex(b, 1)]);
  });
}
