/**
 * @file Inputs and outputs that live in the arena like any other buffer: an input from the start to its last reader, an output from
 * its first writer to the end, and other buffers in their place when they do not live. The copies that say so are left to
 * targets whose callers read and write the arena themselves.
 */
import * as func from "../../dialects/func.ts";
import { isOutputRole } from "../../dialects/host.ts";
import * as memref from "../../dialects/memref/index.ts";
import { Builder } from "../../ir/builder.ts";
import type { MemRefType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { isKernel } from "../linalg/outline.ts";

export const portsInArena = definePass("kernel-ports-in-arena", {
  doc: "Gives inputs and outputs buffers in the arena, which are copied at the start and at the end.",
  on: func.func,
  run(fn) {
    const { body, arg_attrs: attrs } = func.func.of(fn);
    if (isKernel(fn) || body.isEmpty || body.blocks.length !== 1) return false;
    const { entry } = body;
    const start = new Builder(entry, entry.first, fn.loc);
    const end = Builder.before(entry.terminator!);
    const isOutput = entry.args.map((_, i) => isOutputRole(attrs?.[i]));
    // Of other functions it is not known which arguments are written.
    if (!isOutput.includes(true)) return false;
    entry.args.forEach((a, i) => {
      if (a.type.kind !== "memref") return;
      const buffer = memref.alloc(start, [], [], { types: [a.type as MemRefType] });
      a.replaceAllUsesWith(buffer);
      if (isOutput[i]) memref.copy(end, buffer, a);
      else memref.copy(start, a, buffer);
    });
    return true;
  },
});
