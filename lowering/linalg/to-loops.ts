/** @file The pass that writes the loops of kernels; see loops/ for how. */
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation } from "../../ir/core.ts";
import type { MemRefType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { lowerKernel } from "./loops/kernel.ts";
import { isKernel } from "./outline.ts";

export const toLoops = definePass("linalg-to-loops", {
  doc: "Writes the loops of each kernel as its schedule says: tiles of results in registers, vectors, fused producers.",
  options: {},
  run(module) {
    const wanted = new Map<string, MemRefType>();
    const functions = [...module.region().entry];
    for (const op of functions) {
      const own = isKernel(op) ? lowerKernel(op) : undefined;
      if (own) wanted.set(func.func.of(op).sym_name, own);
    }
    if (wanted.size > 0) for (const op of functions) if (func.func.is(op) && !isKernel(op)) giveMemory(op, wanted);
  },
});

/** Callers give kernels the memory that they want for themselves. */
function giveMemory(fn: Operation, wanted: ReadonlyMap<string, MemRefType>): void {
  fn.walk((op) => {
    const type = wanted.get(func.call.match(op)?.callee ?? "");
    if (!type) return;
    const { entry } = func.func.of(fn).body;
    const b = op.block === entry ? Builder.before(op) : new Builder(entry, entry.first, op.loc);
    op.setOperands([...op.operands, memref.alloc(b, [], [], { types: [type] })]);
  });
}
