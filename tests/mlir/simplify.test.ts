/**
 * Simplification against MLIR's own: on the programs of other projects that `mlir-opt --canonicalize --cse` changes,
 * ours must leave no more ops on most of them, always a well-formed program, and one that computes the same.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
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
import { chunks } from "../support/corpus.ts";
import { sharedPath } from "../support/shared.ts";

const path = sharedPath("data/mlir/roundtrip/canonicalize-cse.jsonl.gz");

/** The share of programs on which as few ops are left as MLIR leaves. */
const SHARE = 0.94;

interface Case {
  readonly id: string;
  readonly chunk: number;
  readonly opsAfter: number;
}

const context = new Context(dialects, { allowUnregistered: true });
const pipeline = parsePipeline("canonicalize,cse", passes, new Diagnostics())!;

function countOps(root: Operation): number {
  let n = 0;
  root.walk(() => n++);
  return n;
}

/** Nothing in the program is so large that running it would take long. */
function isSmall(root: Operation): boolean {
  let small = true;
  root.walk((op) => {
    for (const v of [...op.results, ...op.operands]) {
      if (isShaped(v.type) && hasStaticShape(v.type) && elementCount(v.type.shape) > 5000) small = false;
    }
  });
  return small;
}

describe.skipIf(!path)("canonicalize,cse on the programs of other projects", () => {
  const texts = new Map<string, string>();
  const cases: Case[] = [];
  if (path) {
    for (const line of gunzipSync(readFileSync(path)).toString().trim().split("\n"))
      cases.push(JSON.parse(line) as Case);
    const wanted = new Set(cases.map((c) => `${c.id}#${c.chunk}`));
    for (const c of chunks()) if (wanted.has(c.id)) texts.set(c.id, c.generic);
  }

  it("leaves no more ops than MLIR, well formed, and computing the same", { timeout: 120_000 }, () => {
    let noMore = 0;
    let compared = 0;
    const faults: string[] = [];
    for (const { id, chunk, opsAfter } of cases) {
      const name = `${id}#${chunk}`;
      const diagnostics = new Diagnostics();
      const module = parse(texts.get(name)!, context, diagnostics);
      if (!module || !verify(module, diagnostics)) continue;
      const before = new Evaluation(module, { samples: isSmall(module) ? 1 : 0, maxSteps: 20_000 });
      runPipeline(pipeline, module, { context, diagnostics });
      if (!verify(module, diagnostics)) faults.push(`${name}: ${diagnostics.list[0]!.message}`);
      const found = before.difference(module);
      if (found) faults.push(`${name}: ${found}`);
      compared += before.usable;
      if (countOps(module) <= opsAfter) noMore++;
    }
    expect(faults).toEqual([]);
    expect(compared).toBeGreaterThan(300);
    expect(noMore / cases.length).toBeGreaterThanOrEqual(SHARE);
  });
});
