/**
 * @file Buffers of the entry function share a few buffers of their own ("slots"), for machines that cannot bind one
 * buffer for reading and for writing at the same time: buffers of one slot never live at the same time.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation } from "../../ir/core.ts";
import { i8, memref as memrefType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { isKernel } from "../linalg/outline.ts";
import type { Lifetime } from "./lifetime.ts";
import { alignment, lifetimesOf } from "./plan-memory.ts";

export const planBuffers = definePass("kernel-plan-buffers", {
  doc: "Lets buffers of a function that never live at the same time share one allocation, each from its start.",
  options: {},
  run(module, _options, pass) {
    for (const fn of module.region().entry) {
      if (!func.func.is(fn) || isKernel(fn) || func.func.of(fn).body.isEmpty) continue;
      const sizes = planFunction(fn);
      if (sizes.length > 0) pass.remark(fn, `${sizes.length} buffers of ${sizes.reduce((a, b) => a + b, 0)} bytes`);
    }
  },
});

function planFunction(fn: Operation): readonly number[] {
  const block = func.func.of(fn).body.entry;
  const buffers = [...block].filter((op) => memref.alloc.is(op));
  const lifetimes = lifetimesOf(block);
  const { slots, sizes } = colour(lifetimes);
  const b = new Builder(block, block.first, fn.loc);
  const made = sizes.map((bytes) => memref.alloc(b, [], [], { types: [memrefType([bytes], i8)], alignment }));
  const zero = sizes.length > 0 ? arith.constantIndex(b, 0) : undefined;
  buffers.forEach((op, i) => {
    const view = memref.view(Builder.before(op), made[slots[i]!]!, zero!, [], { types: [op.result().type] });
    op.result().replaceAllUsesWith(view);
    op.erase();
  });
  return sizes;
}

/** A slot for each lifetime; the largest first, each in the slot where it wastes least. */
export function colour(lifetimes: readonly Lifetime[]): {
  readonly slots: readonly number[];
  readonly sizes: readonly number[];
} {
  const order = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b]!.bytes - lifetimes[a]!.bytes || a - b);
  const slots = new Array<number>(lifetimes.length).fill(-1);
  const members: number[][] = [];
  for (const i of order) {
    const it = lifetimes[i]!;
    const isFree = (s: readonly number[]): boolean =>
      s.every((j) => lifetimes[j]!.last < it.first || it.last < lifetimes[j]!.first);
    // Slots are as large as their first member: the last one that is free is the smallest that fits.
    let slot = members.findLastIndex(isFree);
    if (slot < 0) {
      slot = members.length;
      members.push([]);
    }
    members[slot]!.push(i);
    slots[i] = slot;
  }
  return { slots, sizes: members.map((m) => lifetimes[m[0]!]!.bytes) };
}
