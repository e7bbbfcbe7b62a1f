/**
 * @file Buffers of the entry function share one arena. A buffer lives from the first op that touches it to the last;
 * buffers that live at the same time do not overlap. Greedy by size, each at the lowest offset where it fits (Pisarchyk
 * and Lee, "Efficient Memory Management for Deep Neural Net Inference", arXiv:2001.03288).
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import { Builder } from "../../ir/builder.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import { viewLike } from "../../ir/interfaces.ts";
import { elementCount, i8, type MemRefType, memref as memrefType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { isKernel } from "../linalg/outline.ts";
import { sinkFills } from "./sink-fills.ts";

/** Offsets of buffers in the arena are multiples of this many bytes. */
export const alignment = 64;

export interface Lifetime {
  /** Positions in the function's block, inclusive. */
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
}

export interface Plan {
  readonly offsets: readonly number[];
  readonly size: number;
  /** The most bytes that live at one time: no plan is smaller. */
  readonly lowerBound: number;
}

export const planMemory = definePass("kernel-plan-memory", {
  doc: "Puts all buffers of a function into one arena, at offsets where none overlaps another that lives at the time.",
  options: {},
  run(module, _options, pass) {
    const functions = new Map([...module.region().entry].map((op) => [func.func.match(op)?.sym_name, op]));
    for (const fn of module.region().entry) {
      if (!func.func.is(fn) || isKernel(fn) || func.func.of(fn).body.isEmpty) continue;
      sinkFills(func.func.of(fn).body.entry, (name) => functions.get(name));
      const plan = planFunction(fn);
      if (plan) pass.remark(fn, `arena of ${plan.size} bytes, ${plan.lowerBound} live at most`);
    }
  },
});

function planFunction(fn: Operation): Plan | undefined {
  const block = func.func.of(fn).body.entry;
  const buffers = buffersOf(block);
  if (buffers.length === 0) return undefined;
  const plan = planLifetimes(lifetimesOf(block));
  const b = new Builder(block, block.first, fn.loc);
  const arena = memref.alloc(b, [], [], { types: [memrefType([plan.size], i8)], alignment });
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

const roundUp = (n: number): number => Math.ceil(n / alignment) * alignment;

/** Offsets for all lifetimes; none that overlap in time overlap in space. */
export function planLifetimes(lifetimes: readonly Lifetime[]): Plan {
  const order = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b]!.bytes - lifetimes[a]!.bytes || a - b);
  const offsets = new Array<number>(lifetimes.length).fill(0);
  const placed: number[] = [];
  let size = 0;
  for (const i of order) {
    const it = lifetimes[i]!;
    const bytes = roundUp(it.bytes);
    const neighbours = placed
      .filter((j) => lifetimes[j]!.first <= it.last && it.first <= lifetimes[j]!.last)
      .sort((a, b) => offsets[a]! - offsets[b]!);
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
      at = Math.max(at, offsets[j]! + roundUp(lifetimes[j]!.bytes));
    }
    offsets[i] = best >= 0 ? best : at;
    size = Math.max(size, offsets[i]! + bytes);
    placed.push(i);
  }
  return { offsets, size, lowerBound: lowerBound(lifetimes) };
}

function lowerBound(lifetimes: readonly Lifetime[]): number {
  let most = 0;
  for (const at of lifetimes) {
    let live = 0;
    for (const l of lifetimes) if (l.first <= at.first && at.first <= l.last) live += l.bytes;
    most = Math.max(most, live);
  }
  return most;
}
