/** @file licm: what does not change leaves the loop. */
import type { Operation, Region } from "../../ir/core.ts";
import { loopLike } from "../../ir/interfaces.ts";
import { Pure } from "../../ir/traits.ts";
import { definePass } from "../../rewrite/pass.ts";

export const licm = definePass("licm", {
  doc: "Moves operations out of loops if their operands are defined outside and they may run even if the loop does not.",
  example: {
    before: `func.func @f(%n: index, %x: f32, %m: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %n step %c1 {
    %0 = arith.mulf %x, %x : f32
    memref.store %0, %m[%i] : memref<?xf32>
  }
  return
}`,
    after: `func.func @f(%arg0: index, %arg1: f32, %arg2: memref<?xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %0 = arith.mulf %arg1, %arg1 : f32
  scf.for %arg3 = %c0 to %arg0 step %c1 {
    memref.store %0, %arg2[%arg3] : memref<?xf32>
  }
  return
}`,
  },
  run(op, _options, pass) {
    let moved = 0;
    // Inner loops first: what leaves one may leave the next.
    op.walkPost((loop) => {
      const body = loop === op ? undefined : loopLike.of(loop)?.body(loop);
      if (body) moved += hoistFrom(loop, body);
    });
    pass.count("moved", moved);
    return moved > 0;
  },
});

function hoistFrom(loop: Operation, body: Region): number {
  let moved = 0;
  for (const block of body.blocks) {
    for (let o = block.first; o; ) {
      const next: Operation | null = o.next;
      if (isSafe(o) && isInvariant(o, body)) {
        o.moveBefore(loop);
        moved++;
      }
      o = next;
    }
  }
  return moved;
}

/** Has no effects and cannot fault, with all that is inside of it. */
function isSafe(op: Operation): boolean {
  if (op.def.isTerminator || !op.def.has(Pure)) return false;
  for (const region of op.regions) {
    for (const block of region.blocks) {
      for (let o = block.first; o; o = o.next) if (!o.def.isTerminator && !isSafe(o)) return false;
    }
  }
  return true;
}

/** Nothing that the op or its inside uses is defined in the loop, apart from what it defines itself. */
function isInvariant(op: Operation, body: Region): boolean {
  let invariant = true;
  op.walk((o) => {
    for (const u of o.uses) {
      const home = u.value.block;
      if (!home?.parent?.isInside(body)) continue;
      const holder = u.value.definingOp ?? home.parentOp;
      if (!holder || !op.isAncestorOf(holder)) invariant = false;
    }
  });
  return invariant;
}
