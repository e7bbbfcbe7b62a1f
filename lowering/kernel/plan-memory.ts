/**
 * @file Buffers of the entry function share one arena. A buffer lives from the first op that touches it to the last;
 * buffers that live at the same time do not overlap. Greedy by size, each at the lowest offset where it fits (Pisarchyk
 * and Lee, "Efficient Memory Management for Deep Neural Net Inference", arXiv:2001.03288).
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import { viewLike } from "../../ir/interfaces.ts";
import { elementCount, i8, type MemRefType, memref as memrefType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { isKernel } from "../linalg/outline.ts";
import { type Lifetime, type Plan, roundUp } from "./lifetime.ts";
import { linksOf, planOverlapping } from "./plan-overlaps.ts";
import { sinkFills } from "./sink-fills.ts";

/** Offsets of buffers in the arena are multiples of this many bytes. */
export const alignment = 64;

export const planMemory = definePass("kernel-plan-memory", {
  doc: "Puts all buffers of a function into one arena, at offsets where none overlaps another that lives at the time.",
  options: {
    /** A buffer that begins in the call that ends another's life may lie over it, as far as the kernel allows (overlap.ts). */
    overlap: attr.bool.default(false),
    /** Offsets are multiples of this many bytes. */
    align: attr.int.default(alignment),
  },
  run(module, { overlap, align }, pass) {
    const functions = new Map([...module.region().entry].map((op) => [func.func.match(op)?.sym_name, op]));
    for (const fn of module.region().entry) {
      if (!func.func.is(fn) || isKernel(fn) || func.func.of(fn).body.isEmpty) continue;
      sinkFills(func.func.of(fn).body.entry, (name) => functions.get(name));
      const plan = planFunction(fn, align, overlap ? (name) => functions.get(name) : undefined);
      if (plan) pass.remark(fn, `arena of ${plan.size} bytes, ${plan.lowerBound} live at most`);
    }
  },
});

/** `callee`: buffers may overlap as the functions allow that this gives by name. */
function planFunction(
  fn: Operation,
  align: number,
  callee?: (name: string) => Operation | undefined,
): Plan | undefined {
  const block = func.func.of(fn).body.entry;
  const buffers = buffersOf(block);
  if (buffers.length === 0) return undefined;
  const lifetimes = lifetimesOf(block);
  const links = callee ? linksOf(block, buffers, lifetimes, callee) : [];
  const apart = planLifetimes(lifetimes, align);
  const over = links.length > 0 ? planOverlapping(lifetimes, links, align) : apart;
  const plan = over.size < apart.size ? { ...over, lowerBound: Math.min(apart.lowerBound, over.size) } : apart;
  const b = new Builder(block, block.first, fn.loc);
  const arena = memref.alloc(b, [], [], { types: [memrefType([plan.size], i8)], alignment: align });
  buffers.forEach((op, i) => {
    const at = Builder.before(op);
    const shift = arith.constantIndex(at, plan.offsets[i]!);
    const view = memref.view(at, arena, shift, [], { types: [op.result().type] });
    op.result().replaceAllUsesWith(view);
    op.erase();
  });
  return plan;
}

const buffersOf = (block: Block): Operation[] => [...block].filter((op) => memref.alloc.is(op));

/** Of the buffers that a block allocates, in its order. */
export function lifetimesOf(block: Block): readonly Lifetime[] {
  const position = new Map([...block].map((op, i) => [op, i]));
  return buffersOf(block).map((op) => lifetimeOf(op.result(), block, position));
}

function lifetimeOf(buffer: Value, block: Block, position: ReadonlyMap<Operation, number>): Lifetime {
  let first = Number.POSITIVE_INFINITY;
  let last = -1;
  const visit = (v: Value): void => {
    for (const u of v.uses()) {
      const at = u.owner.ancestorIn(block);
      if (viewLike.of(u.owner)?.source(u.owner) === v) {
        for (const r of u.owner.results) visit(r);
        continue;
      }
      if (!at) continue;
      first = Math.min(first, position.get(at)!);
      last = Math.max(last, position.get(at)!);
    }
  };
  visit(buffer);
  const type = buffer.type as MemRefType;
  const bytes = Math.max(1, elementCount(type.shape) * byteWidth(type.element));
  return { first, last, bytes };
}

/** Offsets for all lifetimes; none that overlap in time overlap in space. */
export function planLifetimes(lifetimes: readonly Lifetime[], align = alignment): Plan {
  const order = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b]!.bytes - lifetimes[a]!.bytes || a - b);
  const offsets = new Array<number>(lifetimes.length).fill(0);
  const placed = new Intervals(lifetimes);
  let size = 0;
  for (const i of order) {
    const it = lifetimes[i]!;
    const bytes = roundUp(it.bytes, align);
    const neighbours = placed.overlapping(it).sort((a, b) => offsets[a]! - offsets[b]!);
    // The smallest gap that is big enough, else behind everything.
    let at = 0;
    let best = -1;
    let bestGap = Number.POSITIVE_INFINITY;
    for (const j of neighbours) {
      const gap = offsets[j]! - at;
      if (gap >= bytes && gap < bestGap) {
        best = at;
        bestGap = gap;
      }
      at = Math.max(at, offsets[j]! + roundUp(lifetimes[j]!.bytes, align));
    }
    offsets[i] = best >= 0 ? best : at;
    size = Math.max(size, offsets[i]! + bytes);
    placed.add(i);
  }
  return { offsets, size, lowerBound: lowerBound(lifetimes) };
}

function lowerBound(lifetimes: readonly Lifetime[]): number {
  const lived = lifetimes.filter((l) => l.first <= l.last);
  const starts = [...lived].sort((a, b) => a.first - b.first);
  const ends = [...lived].sort((a, b) => a.last - b.last);
  let [live, most, ended] = [0, 0, 0];
  for (const { first, bytes } of starts) {
    while (ends[ended]!.last < first) live -= ends[ended++]!.bytes;
    live += bytes;
    most = Math.max(most, live);
  }
  return most;
}

/** Some of the lifetimes, and which of them overlap another one, in time that is theirs and not that of all. */
class Intervals {
  readonly #all: readonly Lifetime[];
  /** All by their first position, and whether they have been added. */
  readonly #byFirst: readonly number[];
  readonly #added: boolean[];
  /** A tree of halves over the positions: each added interval stands at the few nodes that it is made of. */
  readonly #nodes: number[][] = [];
  readonly #leaves: number;

  constructor(all: readonly Lifetime[]) {
    this.#all = all;
    this.#byFirst = all.map((_, i) => i).sort((a, b) => all[a]!.first - all[b]!.first);
    this.#added = all.map(() => false);
    const end = all.reduce((n, l) => Math.max(n, l.last + 1), 1);
    this.#leaves = 2 ** Math.ceil(Math.log2(end));
  }

  add(i: number): void {
    const { first, last } = this.#all[i]!;
    if (first > last) return;
    this.#added[i] = true;
    let [low, high] = [first + this.#leaves, last + this.#leaves + 1];
    for (; low < high; low >>= 1, high >>= 1) {
      if (low & 1) this.#at(low++).push(i);
      if (high & 1) this.#at(--high).push(i);
    }
  }

  /** Those that begin before and live on, then those that begin meanwhile. */
  overlapping({ first, last }: Lifetime): number[] {
    const found: number[] = [];
    if (first > last) return found;
    for (let node = first + this.#leaves; node > 0; node >>= 1) for (const i of this.#nodes[node] ?? []) found.push(i);
    let [from, to] = [0, this.#byFirst.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#all[this.#byFirst[middle]!]!.first <= first) from = middle + 1;
      else to = middle;
    }
    for (; from < this.#byFirst.length; from++) {
      const i = this.#byFirst[from]!;
      if (this.#all[i]!.first > last) break;
      if (this.#added[i]) found.push(i);
    }
    return found;
  }

  #at(node: number): number[] {
    this.#nodes[node] ??= [];
    return this.#nodes[node];
  }
}
