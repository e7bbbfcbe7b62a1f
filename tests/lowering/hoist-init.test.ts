/** @file What is computed once, at load: constants' work moves there, what a loop carries does not. */
import { describe, expect, it } from "vitest";
import { wasmSimd } from "../../codegen/wasm/index.ts";
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import * as scf from "../../dialects/scf/ops.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { initAttribute, interpret } from "../../ir/interpret.ts";
import { f32, tensor as tensorType } from "../../ir/types.ts";
import { Session } from "../../runtime/session.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { kernelPipeline, program, randomArray, runPasses } from "../support/compile.ts";
import { faultsOfPasses, pipelineOf } from "../support/evaluated.ts";

const row = tensorType([6], f32);

/** A tensor of one value, computed from a constant. */
const filled = (b: Builder, value: number): Value =>
  linalg.genericOf(b, {
    loops: "d0",
    inputs: [[arith.constantFloat(b, value, f32), ""]],
    outputs: [[tensor.empty(b, [], { types: [row] }), "d0"]],
    body: (_b, x) => x!,
  })[0]!;

const sum = (b: Builder, x: Value, y: Value): Value =>
  linalg.genericOf(b, {
    loops: "d0",
    inputs: [
      [x, "d0"],
      [y, "d0"],
    ],
    outputs: [[tensor.empty(b, [], { types: [row] }), "d0"]],
    body: (e, u, v) => arith.addf(e, u!, v!),
  })[0]!;

const hoistingPipeline = kernelPipeline().replace("linalg-bufferize,", "linalg-bufferize,kernel-hoist-init,");

/** The answers of three runs of one session, and the interpreter's. */
async function runs(module: Operation): Promise<{ expected: number[]; found: number[][]; hoists: boolean }> {
  const x = randomArray(row, 1);
  const expected = (interpret(module, "main", [x]) as readonly NDArray[])[0]!.values().map(Number);
  runPasses(module, hoistingPipeline);
  const hoists = [...module.region().entry].some((op) => func.func.is(op) && op.attributes?.has(initAttribute));
  const session = await Session.load(wasmSimd.emit(module, { model: "test", names: true }));
  const { name } = session.inputs[0]!;
  const found = [1, 2, 3].map(() =>
    Array.from(session.run({ [name]: x.contiguous().data as Float32Array })[session.outputs[0]!.name]!, Number),
  );
  return { expected, found, hoists };
}

const loopOf = (b: Builder, init: Value, body: (b: Builder, acc: Value) => Value): Value => {
  const [from, to, step] = [0, 3, 1].map((n) => arith.constantIndex(b, n));
  return scf.for(b, from!, to!, step!, [init], { region: (inner, _i, acc) => [body(inner, acc!)] })[0]!;
};

describe("kernel-hoist-init", () => {
  it("moves what depends on constants only", async () => {
    // The constant tensor is an operand of a call, as what a loop starts from; the loop itself depends on the input.
    const module = program([row], [row], (b, x) => {
      const table = sum(b, filled(b, 0.25), filled(b, 0.5));
      return [loopOf(b, x!, (inner, acc) => sum(inner, acc, table))];
    });
    expect(faultsOfPasses(module.clone(), pipelineOf(hoistingPipeline))).toEqual([]);
    const { expected, found, hoists } = await runs(module);
    expect(hoists).toBe(true);
    for (const f of found) expect(f).toEqual(expected);
  });

  it("leaves what the turns of a loop write, and what is computed from it", async () => {
    const module = program([row], [row], (b, x) => {
      const last = loopOf(b, filled(b, 0.5), (inner, acc) => sum(inner, acc, x!));
      return [sum(b, last, last)];
    });
    const { expected, found } = await runs(module);
    for (const f of found) expect(f).toEqual(expected);
  });
});
