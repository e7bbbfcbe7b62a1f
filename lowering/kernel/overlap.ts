/**
 * @file How far a kernel's result may lie over what it reads. A kernel that goes along both in the same direction writes
 * only where it has read everything already, if the two start far enough apart: by a row and a bit, for a window of three
 * rows. So buffers of which one ends its life in the call that begins another's may share most of their memory ("diagonal
 * memory optimisation": Blacker, Bridges and Hadfield, arXiv:2010.01668). Nothing is assumed of how loops were made: they are run,
 * with numbers for the counters around stores and bounds for all else.
 */
import * as affine from "../../dialects/affine/index.ts";
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import * as scf from "../../dialects/scf/ops.ts";
import * as vector from "../../dialects/vector/index.ts";
import { type AffineExpr, floorDivide } from "../../ir/affine.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import { spanOf, stridedOf } from "../../ir/strided.ts";
import { elementCount, elementOf, type MemRefType } from "../../ir/types.ts";

/** How a result may lie to an input, in bytes from the first element of one to the first of the other. */
export interface Clearance {
  /** The result may start so much before the input, or more. */
  readonly below: number;
  /** Or so much behind it, or more. */
  readonly above: number;
  /** Or exactly where it starts: each element is read only for itself. */
  readonly exact: boolean;
}

/** Inclusive. */
interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** Bytes of a buffer, from the first to behind the last; nothing yet. */
interface Reach {
  low: number;
  high: number;
}

/** What is read, and what is written then. */
interface Step {
  readonly reads: Map<number, Reach>;
  readonly writes: Map<number, Reach>;
}

/** Turns of loops that are run one by one, at most; more are taken together. */
const mostSteps = 1 << 15;

const nowhere = (): Reach => ({ low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY });

/** The clearances of a kernel's arguments; undefined where it does something that is not followed here. */
export function clearancesOf(fn: Operation): ((input: number, result: number) => Clearance) | undefined {
  const trace = new Trace(fn);
  if (!trace.run()) return undefined;
  const { steps } = trace;
  return (input, result) => ({ ...distances(steps, input, result), exact: isInPlace(fn, input, result) });
}

function distances(steps: readonly Step[], input: number, result: number): { below: number; above: number } {
  // What is still to be read after each step.
  const later: Reach[] = new Array<Reach>(steps.length);
  let reads = nowhere();
  for (let i = steps.length - 1; i >= 0; i--) {
    later[i] = reads;
    reads = joined(reads, steps[i]!.reads.get(input));
  }
  let below = 0;
  let above = 0;
  let written = nowhere();
  steps.forEach((s, i) => {
    written = joined(written, s.writes.get(result));
    const next = later[i]!;
    if (written.low > written.high || next.low > next.high) return;
    below = Math.max(below, written.high - next.low);
    above = Math.max(above, next.high - written.low);
  });
  return { below, above };
}

const joined = (a: Reach, b: Reach | undefined): Reach =>
  b ? { low: Math.min(a.low, b.low), high: Math.max(a.high, b.high) } : a;

/** Each element of the input is read only right before the same element of the result is written, in the same block. */
function isInPlace(fn: Operation, input: number, result: number): boolean {
  const args = func.func.of(fn).body.entry.args;
  const reads = accessesOf(args[input]!);
  const writes = accessesOf(args[result]!);
  if (!reads || !writes || writes.some((w) => w.isRead)) return false;
  return reads.every(
    (r) =>
      r.isRead &&
      writes.some(
        (w) =>
          w.op.block === r.op.block &&
          r.op.isBefore(w.op) &&
          w.type.shape.join() === r.type.shape.join() &&
          stridesOf(w.type).join() === stridesOf(r.type).join() &&
          byteWidth(w.type.element) === byteWidth(r.type.element) &&
          w.indices.length === r.indices.length &&
          w.indices.every((v, i) => v === r.indices[i]),
      ),
  );
}

interface Access {
  readonly op: Operation;
  readonly base: Value;
  readonly type: MemRefType;
  readonly indices: readonly Value[];
  readonly count: number;
  readonly isRead: boolean;
}

function accessOf(op: Operation): Access | undefined {
  const load = memref.load.match(op);
  if (load) return access(op, load.memref, load.indices, 1, true);
  const store = memref.store.match(op);
  if (store) return access(op, store.memref, store.indices, 1, false);
  const loads = vector.load.match(op);
  if (loads) return access(op, loads.base, loads.indices, elementCount(shapeOf(loads.result)), true);
  const stores = vector.store.match(op);
  if (stores) return access(op, stores.base, stores.indices, elementCount(shapeOf(stores.valueToStore)), false);
  return undefined;
}

const access = (op: Operation, base: Value, indices: readonly Value[], count: number, isRead: boolean): Access => ({
  op,
  base,
  type: base.type as MemRefType,
  indices,
  count,
  isRead,
});

const shapeOf = (v: Value): readonly number[] => (v.type.kind === "vector" ? v.type.shape : [1]);
const stridesOf = (t: MemRefType): readonly number[] => stridedOf(t)?.strides ?? [];

/** Accesses of a buffer, also in another shape; undefined if something else is done with it. */
function accessesOf(buffer: Value): Access[] | undefined {
  const found: Access[] = [];
  for (const { owner } of buffer.uses()) {
    const own = accessOf(owner);
    if (own?.base === buffer) found.push(own);
    else {
      if (!memref.collapse_shape.is(owner)) return undefined;
      const inner = accessesOf(owner.result());
      if (!inner) return undefined;
      found.push(...inner);
    }
  }
  return found;
}

class Trace {
  readonly steps: Step[] = [];
  readonly #entry: Block;
  readonly #argument = new Map<Value, number>();
  readonly #known = new Map<Value, Bounds>();
  readonly #stores = new Map<Operation, boolean>();
  #isFollowed = true;

  constructor(fn: Operation) {
    this.#entry = func.func.of(fn).body.entry;
    this.#entry.args.forEach((a, i) => this.#argument.set(a, i));
  }

  run(): boolean {
    this.#block(this.#entry, mostSteps);
    return this.#isFollowed;
  }

  get #step(): Step {
    const last = this.steps[this.steps.length - 1];
    if (last) return last;
    this.steps.push({ reads: new Map(), writes: new Map() });
    return this.steps[0]!;
  }

  #block(block: Block, budget: number): void {
    for (const op of block) if (this.#isFollowed) this.#op(op, budget);
  }

  #op(op: Operation, budget: number): void {
    const accessed = accessOf(op);
    if (accessed) this.#access(accessed);
    else if (scf.for.is(op)) this.#loop(op, budget);
    else if (scf.if.is(op)) this.#branch(op, budget);
    else if (memref.collapse_shape.is(op)) this.#argument.set(op.result(), this.#argument.get(op.operand(0)) ?? -1);
    else if (op.operands.some((v) => v.type.kind === "memref")) this.#isFollowed = false;
    else if (op.results.length === 1) {
      const bounds = this.#bounds(op);
      if (bounds) this.#known.set(op.result(), bounds);
      else this.#known.delete(op.result());
    }
  }

  #access({ base, type, indices, count, isRead }: Access): void {
    const argument = this.#argument.get(base);
    // What does not come from an argument is a constant: nothing is written there.
    if (argument === undefined || argument < 0) {
      if (!isRead) this.#isFollowed = false;
      return;
    }
    const strides = stridesOf(type);
    const width = byteWidth(type.element);
    let low = 0;
    let high = 0;
    indices.forEach((v, d) => {
      const size = type.shape[d]!;
      const at = this.#known.get(v) ?? { low: 0, high: size - 1 };
      // Whatever the bounds say, accesses are inside.
      low += Math.min(Math.max(0, at.low), size - 1) * strides[d]!;
      high += Math.min(Math.max(0, at.high), size - 1) * strides[d]!;
    });
    let step = this.#step;
    if (isRead && step.writes.size > 0) {
      step = { reads: new Map(), writes: new Map() };
      this.steps.push(step);
    }
    const reach = { low: low * width, high: (high + count) * width };
    const side = isRead ? step.reads : step.writes;
    side.set(argument, joined(reach, side.get(argument)));
  }

  #loop(op: Operation, budget: number): void {
    const { lowerBound, upperBound, step, region, initArgs } = scf.for.of(op);
    const [from, to, by] = [lowerBound, upperBound, step].map((v) => this.#known.get(v));
    const body = region.entry;
    initArgs.forEach((_, i) => {
      this.#known.delete(body.args[i + 1]!);
      this.#known.delete(op.result(i));
    });
    const counter = body.args[0]!;
    if (!from || !to || by?.low !== by?.high || !by) {
      this.#isFollowed = false;
      return;
    }
    const exact = from.low === from.high && to.low === to.high;
    const turns = Math.ceil((to.high - from.low) / by.low);
    if (turns <= 0) return;
    if (exact && this.#storesIn(op) && turns <= budget) {
      for (let i = from.low; i < to.high; i += by.low) {
        this.#known.set(counter, { low: i, high: i });
        this.#block(body, Math.floor(budget / turns));
      }
      return;
    }
    this.#known.set(counter, { low: from.low, high: to.high - 1 });
    this.#together(op, () => this.#block(body, 1));
  }

  #branch(op: Operation, budget: number): void {
    const { condition, thenRegion, elseRegion } = scf.if.of(op);
    const known = this.#known.get(condition);
    const regions = [thenRegion, elseRegion].filter((r) => r.blocks.length > 0);
    if (known && known.low === known.high) {
      const taken = known.low === 0 ? elseRegion : thenRegion;
      if (taken.blocks.length > 0) this.#block(taken.entry, budget);
    } else
      this.#together(op, () => {
        for (const r of regions) this.#block(r.entry, 1);
      });
  }

  /** What happens in some order, or more than once: everything may be read after everything is written. */
  #together(op: Operation, run: () => void): void {
    if (!this.#storesIn(op)) {
      run();
      return;
    }
    const first = this.steps.length;
    this.steps.push({ reads: new Map(), writes: new Map() });
    run();
    const made = this.steps.splice(first);
    const [reads, writes] = [new Map<number, Reach>(), new Map<number, Reach>()];
    for (const s of made) {
      for (const [a, r] of s.reads) reads.set(a, joined(r, reads.get(a)));
      for (const [a, r] of s.writes) writes.set(a, joined(r, writes.get(a)));
    }
    this.steps.push({ reads, writes: new Map(writes) }, { reads: new Map(reads), writes });
  }

  #storesIn(op: Operation): boolean {
    let found = this.#stores.get(op);
    if (found === undefined) {
      found = false;
      op.walk((inner) => {
        if (accessOf(inner)?.isRead === false) found = true;
      });
      this.#stores.set(op, found);
    }
    return found;
  }

  /** The bounds of an index or a condition; undefined for what is no number of these, or not known. */
  #bounds(op: Operation): Bounds | undefined {
    const constant = arith.constant.match(op)?.value;
    if (constant) return constant.kind === "integer" ? point(Number(constant.value)) : undefined;
    const apply = affine.apply.match(op);
    if (apply) {
      const dims = op.operands.map((v) => this.#known.get(v));
      return dims.every((d) => d !== undefined) ? boundsOf(apply.map.results[0]!, dims, apply.map.numDims) : undefined;
    }
    const known = op.operands.map((v) => this.#known.get(v));
    const [a, b, c] = known;
    if (arith.select.is(op) && b && c) {
      if (!a || a.low !== a.high) return { low: Math.min(b.low, c.low), high: Math.max(b.high, c.high) };
      return a.low === 0 ? c : b;
    }
    if (!a || !b) return undefined;
    if (arith.addi.is(op)) return { low: a.low + b.low, high: a.high + b.high };
    if (arith.subi.is(op)) return { low: a.low - b.high, high: a.high - b.low };
    if (arith.maxsi.is(op)) return { low: Math.max(a.low, b.low), high: Math.max(a.high, b.high) };
    if (arith.minsi.is(op)) return { low: Math.min(a.low, b.low), high: Math.min(a.high, b.high) };
    if (arith.muli.is(op)) {
      const all = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high];
      return { low: Math.min(...all), high: Math.max(...all) };
    }
    if (arith.andi.is(op) && a.low === a.high && b.low === b.high) return point(a.low !== 0 && b.low !== 0 ? 1 : 0);
    const compare = arith.cmpi.match(op);
    if (!compare || a.low !== a.high || b.low !== b.high) return undefined;
    const test = comparisons[compare.predicate];
    return test && point(test(a.low, b.low) ? 1 : 0);
  }
}

const point = (n: number): Bounds => ({ low: n, high: n });
/** Below zero is beyond the end of unsigned numbers. */
const unsigned = (n: number): number => (n < 0 ? n + 2 ** 64 : n);

const comparisons: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  ult: (a, b) => unsigned(a) < unsigned(b),
  uge: (a, b) => unsigned(a) >= unsigned(b),
  slt: (a, b) => a < b,
  sge: (a, b) => a >= b,
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
};

function boundsOf(e: AffineExpr, dims: readonly Bounds[], numDims: number): Bounds {
  switch (e.kind) {
    case "constant":
      return point(e.value);
    case "dim":
      return dims[e.index]!;
    case "symbol":
      return dims[numDims + e.index]!;
    default: {
      const a = boundsOf(e.lhs, dims, numDims);
      const b = boundsOf(e.rhs, dims, numDims);
      const all = (f: (x: number, y: number) => number): Bounds => {
        const values = [f(a.low, b.low), f(a.low, b.high), f(a.high, b.low), f(a.high, b.high)];
        return { low: Math.min(...values), high: Math.max(...values) };
      };
      if (e.kind === "+") return { low: a.low + b.low, high: a.high + b.high };
      if (e.kind === "*") return all((x, y) => x * y);
      if (e.kind === "mod") {
        const whole = floorDivide(a.low, b.low);
        const same = b.low === b.high && whole === floorDivide(a.high, b.low);
        return same ? { low: a.low - whole * b.low, high: a.high - whole * b.low } : { low: 0, high: b.high - 1 };
      }
      return all(e.kind === "floordiv" ? floorDivide : (x, y) => Math.ceil(x / y));
    }
  }
}

/** Bytes of what a type lays out, from the first element to behind the last. */
export const lengthOf = (type: MemRefType): number => spanOf(type) * byteWidth(elementOf(type));
