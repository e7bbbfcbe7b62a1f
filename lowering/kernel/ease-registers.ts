/**
 * @file Order of accesses where vectors are more than registers: what is loaded long before it is used, or stored long
 * after it was made, lies on the stack meanwhile. Engines that keep the order of the code do not mend it.
 */
import * as func from "../../dialects/func.ts";
import { attr } from "../../ir/attributes.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { effectsOf } from "../../ir/effects.ts";
import { definePass } from "../../rewrite/pass.ts";

export const easeRegisters = definePass("kernel-ease-registers", {
  doc:
    "Where more vectors live at one time than there are registers, loads move down to their first use and stores up to " +
    "what they store. No access passes another one that writes.",
  on: func.func,
  options: { registers: attr.int.default(15) },
  example: {
    options: "registers=1",
    before: `func.func @f(%a: memref<8xf32>, %b: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %0 = vector.load %a[%c0] : memref<8xf32>, vector<4xf32>
  %1 = vector.load %a[%c4] : memref<8xf32>, vector<4xf32>
  %2 = arith.addf %0, %0 : vector<4xf32>
  %3 = arith.mulf %1, %1 : vector<4xf32>
  vector.store %2, %b[%c0] : memref<8xf32>, vector<4xf32>
  vector.store %3, %b[%c4] : memref<8xf32>, vector<4xf32>
  return
}`,
    after: `func.func @f(%arg0: memref<8xf32>, %arg1: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c4 = arith.constant 4 : index
  %0 = vector.load %arg0[%c0] : memref<8xf32>, vector<4xf32>
  %1 = arith.addf %0, %0 : vector<4xf32>
  %2 = vector.load %arg0[%c4] : memref<8xf32>, vector<4xf32>
  vector.store %1, %arg1[%c0] : memref<8xf32>, vector<4xf32>
  %3 = arith.mulf %2, %2 : vector<4xf32>
  vector.store %3, %arg1[%c4] : memref<8xf32>, vector<4xf32>
  return
}`,
  },
  run(fn, { registers }, pass) {
    const blocks: Block[] = [];
    fn.walk((op) => {
      for (const region of op.regions) blocks.push(...region.blocks);
    });
    let moved = 0;
    for (const block of blocks) if (mostAlive(block) > registers) moved += reorder(block);
    if (moved > 0) pass.count("moved accesses", moved);
    return moved > 0;
  },
});

/** Where in the block a value made in it is used: positions of ops of the block, with what is inside of them. */
function usersOf(v: Value, block: Block, at: ReadonlyMap<Operation, number>): number[] {
  const places: number[] = [];
  for (const { owner } of v.uses()) {
    const user = owner.ancestorIn(block);
    const place = user ? at.get(user) : undefined;
    if (place !== undefined) places.push(place);
  }
  return places;
}

const positions = (ops: readonly Operation[]): Map<Operation, number> => new Map(ops.map((op, i) => [op, i]));

/** Most vectors made in the block that are alive at one place of it. */
function mostAlive(block: Block): number {
  const ops = [...block];
  const at = positions(ops);
  const ends = new Array<number>(ops.length).fill(0);
  let alive = 0;
  let most = 0;
  ops.forEach((op, i) => {
    // What an op uses for the last time makes room for its results.
    alive -= ends[i]!;
    for (const r of op.results) {
      const last = r.type.kind === "vector" ? Math.max(-1, ...usersOf(r, block, at)) : -1;
      if (last <= i) continue;
      alive++;
      ends[last] = ends[last]! + 1;
    }
    most = Math.max(most, alive);
  });
  return most;
}

type Access = "none" | "read" | "write";

function accessOf(op: Operation): Access {
  const effects = effectsOf(op);
  if (!effects) return "write";
  if (effects.length === 0) return "none";
  return effects.every((e) => e.kind === "read") ? "read" : "write";
}

/** Answers how many accesses have moved. */
function reorder(block: Block): number {
  const before = [...block];
  const order = storesUp(loadsDown(before));
  const last = order[order.length - 1]!;
  for (const op of order) if (op !== last) op.moveBefore(last);
  return order.filter((op, i) => op !== before[i] && accessOf(op) !== "none").length;
}

/** Each load before the first op that uses it or writes. */
function loadsDown(ops: readonly Operation[]): Operation[] {
  const at = positions(ops);
  const ahead: Operation[][] = ops.map(() => []);
  const moved = new Set<Operation>();
  let writer = ops.length - 1;
  for (let i = ops.length - 2; i >= 0; i--) {
    const op = ops[i]!;
    const access = accessOf(op);
    if (access === "write") writer = i;
    const users =
      access === "read" && op.regions.length === 0 ? op.results.flatMap((r) => usersOf(r, op.block!, at)) : [];
    if (users.length === 0) continue;
    ahead[Math.min(writer, ...users)]!.unshift(op);
    moved.add(op);
  }
  return ops.flatMap((op, i) => [...ahead[i]!, ...(moved.has(op) ? [] : [op])]);
}

/** Each store behind what it stores, but not before an access that it follows. */
function storesUp(ops: readonly Operation[]): Operation[] {
  const place = positions(ops);
  const behind: Operation[][] = ops.map(() => []);
  const moved = new Set<Operation>();
  let accessed = -1;
  ops.forEach((op, i) => {
    const access = accessOf(op);
    if (access === "none") return;
    const stores = access === "write" && op.results.length === 0 && op.regions.length === 0 && !op.def.isTerminator;
    if (!stores) {
      accessed = i;
      return;
    }
    const made = op.operands.map((v) => (v.definingOp ? (place.get(v.definingOp) ?? -1) : -1));
    const to = Math.max(accessed, ...made);
    if (to < 0) {
      accessed = i;
      return;
    }
    behind[to]!.push(op);
    moved.add(op);
    accessed = Math.max(accessed, to);
  });
  return ops.flatMap((op, i) => [...(moved.has(op) ? [] : [op]), ...behind[i]!]);
}
