/**
 * The second law, over everything that is registered: an op that says itself in lower words means by them what it means
 * by itself. Programs with each such op stand in a file; an op without one fails.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dialects } from "../dialects/index.ts";
import { Context } from "../ir/context.ts";
import type { Operation } from "../ir/core.ts";
import { elementOf, type Type } from "../ir/types.ts";
import { verify } from "../ir/verify.ts";
import { passes } from "../lowering/index.ts";
import { Evaluation, randomArguments } from "../rewrite/evaluate.ts";
import { parsePipeline, runPipeline } from "../rewrite/pipeline.ts";
import { Rewriter } from "../rewrite/rewriter.ts";
import { Diagnostics } from "../support/diagnostic.ts";
import { NDArray } from "../support/ndarray.ts";
import { readProgram } from "./support/read.ts";

const context = new Context(dialects);
const expandable = dialects.flatMap((d) => d.ops).filter((op) => op.spec.expand !== undefined);

const read = (text: string): Operation => readProgram(text, context);

const samples = readFileSync(new URL("support/expand-samples.mlir", import.meta.url), "utf8").split(/^\/\/ -----\n/m);

function opsOf(module: Operation, name: string): Operation[] {
  const found: Operation[] = [];
  module.walk((op) => {
    if (op.name === name) found.push(op);
  });
  return found;
}

/** Says the ops of the name in lower words. Tensor ops go together: their elements lose their signs on the way. */
function lower(module: Operation, name: string): void {
  const diagnostics = new Diagnostics();
  if (name.startsWith("graph.")) {
    runPipeline(parsePipeline("graph-to-linalg", passes, diagnostics)!, module, { context, diagnostics });
  } else {
    for (const op of opsOf(module, name)) {
      const rw = new Rewriter(context).focus(op);
      rw.replace(op, op.def.spec.expand!(op.def.of(op) as never, rw)!);
    }
  }
  verify(module, diagnostics);
  expect(diagnostics.list.filter((d) => d.severity === "error").map((d) => d.message)).toEqual([]);
  expect(opsOf(module, name)).toEqual([]);
}

/** Integers may be places in another tensor, so every other sample has none but 0 and 1. */
function inputs(_entry: string, types: readonly Type[], sample: number): readonly unknown[] | undefined {
  let state = sample * 7919 + 17;
  const random = (): number => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state / 2 ** 31;
  };
  const values = randomArguments(types, random);
  if (sample % 2 === 0) return values;
  const small = (v: number | bigint): number | bigint => (typeof v === "bigint" ? v & 1n : v & 1);
  return values?.map((v, i) => {
    const t = types[i]!;
    if (!(v instanceof NDArray) || elementOf(t).kind !== "integer") return v;
    return NDArray.from(v.dtype, v.shape, v.values().map(small));
  });
}

/** Elementary functions are approximated in their own way, and sums are taken in another order. */
const allowance = { inputs, samples: 4, share: 1e-5, ulps: 64 };

describe("an op means what its expansion means", () => {
  it.each(expandable.map((op) => op.opName))("%s", (name) => {
    let compared = 0;
    for (const text of samples) {
      if (!text.includes(name)) continue;
      const module = read(text);
      if (opsOf(module, name).length === 0) continue;
      const before = new Evaluation(module, allowance);
      lower(module, name);
      expect(before.difference(module)).toBeUndefined();
      compared += before.usable;
    }
    expect(compared, "there is a program with the op in expand-samples.mlir that ends without a fault").toBeGreaterThan(
      0,
    );
  });
});
