/** Simplification keeps the meaning of every program of the corpus that can be run. */
import { describe, expect, it } from "vitest";
import { dialects } from "../../dialects/index.ts";
import { Context } from "../../ir/context.ts";
import type { Operation } from "../../ir/core.ts";
import { elementCount, hasStaticShape, isShaped } from "../../ir/types.ts";
import { verify } from "../../ir/verify.ts";
import { passes } from "../../lowering/index.ts";
import { Evaluation } from "../../rewrite/evaluate.ts";
import { parsePipeline, runPipeline } from "../../rewrite/pipeline.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { parse } from "../../text/parser.ts";
import { chunks, corpusPath } from "../support/corpus.ts";

const context = new Context(dialects, { allowUnregistered: true });

/** What is large, or invents addresses, is not run. */
function canRun(root: Operation): boolean {
  let small = true;
  root.walk((op) => {
    if (op.name === "memref.extract_aligned_pointer_as_index") small = false;
    for (const v of [...op.results, ...op.operands]) {
      if (isShaped(v.type) && hasStaticShape(v.type) && elementCount(v.type.shape) > 5000) small = false;
    }
  });
  return small;
}

describe.skipIf(!corpusPath)("the programs of other projects", () => {
  it.each(["canonicalize,cse", "canonicalize,licm,cse,loop-unroll{factor=2 full=8},canonicalize,inline,cse"])(
    "compute the same after %s",
    { timeout: 600_000 },
    (text) => {
      const pipeline = parsePipeline(text, passes, new Diagnostics())!;
      const faults: string[] = [];
      let compared = 0;
      for (const chunk of chunks()) {
        if (!chunk.adoptedOnly) continue;
        const diagnostics = new Diagnostics();
        const module = parse(chunk.generic, context, diagnostics);
        if (!module || !verify(module, diagnostics)) continue;
        const before = new Evaluation(module, { samples: canRun(module) ? 2 : 0, maxSteps: 100_000 });
        runPipeline(pipeline, module, { context, diagnostics });
        if (!verify(module, diagnostics)) faults.push(`${chunk.id}: ${diagnostics.list[0]!.message}`);
        const found = before.difference(module);
        if (found) faults.push(`${chunk.id}: ${found}`);
        compared += before.usable;
      }
      expect(faults).toEqual([]);
      expect(compared).toBeGreaterThan(3000);
    },
  );
});
