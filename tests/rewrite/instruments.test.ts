import { describe, expect, it } from "vitest";
import { addf, constant, subf } from "../../dialects/arith/ops.ts";
import { func } from "../../dialects/func.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation } from "../../ir/core.ts";
import { f32, floatAttribute } from "../../ir/types.ts";
import { bisect, compare, Evaluation, evaluateEach } from "../../rewrite/evaluate.ts";
import { dumpEach, printIr, reproducer, statisticsReport, timing, verifyEach } from "../../rewrite/instruments.ts";
import { definePass, type Pass, Statistics } from "../../rewrite/pass.ts";
import { type Instrument, parsePipeline, runPipeline } from "../../rewrite/pipeline.ts";
import { Diagnostics, invariant } from "../../support/diagnostic.ts";
import { NDArray } from "../../support/ndarray.ts";
import { print } from "../../text/printer.ts";
import { context, moduleOf } from "../support/run.ts";

const text = `func.func @f(%x: f32, %y: f32) -> f32 {
  %0 = arith.addf %x, %y : f32
  return %0 : f32
}`;

/** Replaces every op of one kind by another on the same operands. */
const swap = (name: string, from: typeof addf, to: typeof subf): Pass =>
  definePass(name, {
    doc: "Swaps.",
    run(op) {
      op.walk((o) => {
        if (!from.is(o)) return;
        const { lhs, rhs, result } = from.of(o);
        result.replaceAllUsesWith(to(Builder.before(o), lhs, rhs));
        o.erase();
      });
    },
  });
const nothing = definePass("nothing", { doc: "Does nothing.", run: () => false });
const lies = definePass("says-nothing", { doc: "Does nothing, and does not say so.", run: () => {} });
const breaks = definePass("breaks", {
  doc: "Leaves a block without its end.",
  on: func,
  run: (op) => op.region().entry.last!.erase(),
});
const crashes = definePass("crashes", { doc: "Crashes.", run: () => invariant(false, "broken") });
const wrong = swap("wrong", addf as never, subf);
const commute = definePass("commute", {
  doc: "Changes the order of operands.",
  run(op, _options, pass) {
    op.walk((o) => {
      if (!addf.is(o)) return;
      const [a, b] = o.operands as [never, never];
      o.setOperand(0, b);
      o.setOperand(1, a);
      pass.count("swapped");
    });
  },
});
const passes = [nothing, lies, breaks, crashes, wrong, commute];

function run(pipeline: string, instruments: readonly Instrument[], root: Operation = moduleOf(text)) {
  const diagnostics = new Diagnostics();
  const statistics = new Statistics();
  const steps = parsePipeline(pipeline, passes, diagnostics)!;
  expect(diagnostics.list).toEqual([]);
  const ok = runPipeline(steps, root, { context, diagnostics }, { instruments, statistics });
  return {
    ok,
    codes: diagnostics.list.map((d) => d.code),
    messages: diagnostics.list.map((d) => d.message),
    statistics,
  };
}

describe("instruments", () => {
  it("verify the program after every step, and name the pass that broke it", () => {
    const { ok, messages } = run("commute,breaks,commute", [verifyEach()]);
    expect(ok).toBe(false);
    expect(messages.at(-1)).toBe("the program has a fault after pass 'breaks'");
  });

  it("print before and after passes, all or some, whole or as a difference", () => {
    const written: string[] = [];
    const write = (t: string): void => void written.push(t);
    run("commute,nothing", [printIr({ print, write, before: ["nothing"], after: "all" })]);
    expect(written.map((t) => t.split("\n")[0])).toEqual([
      "// -----// IR Dump After Commute (commute) //----- //",
      "// -----// IR Dump Before Nothing (nothing) //----- //",
      "// -----// IR Dump After Nothing (nothing) //----- //",
    ]);
    expect(written[0]).toContain("arith.addf %arg1, %arg0 : f32");
    written.length = 0;
    run("says-nothing,commute,nothing", [printIr({ print, write, after: "all", diff: true, onlyChanges: true })]);
    expect(written).toHaveLength(1);
    expect(written[0]).toContain("-    %0 = arith.addf %arg0, %arg1 : f32\n+    %0 = arith.addf %arg1, %arg0 : f32\n");
    written.length = 0;
    run("says-nothing", [printIr({ print, write, after: "all", diff: true })]);
    expect(written).toEqual(["// -----// IR Dump After SaysNothing (says-nothing) //----- // (no change)\n"]);
  });

  it("write every state into a file", () => {
    const files: string[] = [];
    run("nothing,commute", [dumpEach(print, (file) => files.push(file))]);
    expect(files).toEqual(["00-input.mlir", "02-commute.mlir"]);
  });

  it("save what is needed to see a crash again", () => {
    let saved = "";
    const save = (t: string): void => {
      saved = t;
    };
    expect(() => run("commute,crashes,nothing", [reproducer(print, save)])).toThrow("broken");
    expect(saved).toContain("arith.addf %arg1, %arg0");
    expect(saved).toContain('pipeline: "crashes,nothing"');
    expect(saved).toMatch(/^\{-#\n {2}external_resources: \{\n {4}mlir_reproducer: \{/m);
  });

  it("measure steps and count what passes did", () => {
    const watch = timing();
    const { statistics } = run("builtin.module(commute,func.func(nothing))", [watch]);
    expect(watch.steps.map((s) => [s.name, s.path])).toEqual([
      ["commute", []],
      ["nothing", ["func.func"]],
    ]);
    expect(watch.report()).toMatch(/commute\n.*'func.func' Pipeline\n.*nothing\n.*\(100.0%\) {2}Total\n$/);
    expect(statisticsReport(statistics)).toBe("commute\n  (S)       1 swapped\n");
  });
});

describe("evaluation", () => {
  it("finds the pass that changes what the program computes", () => {
    expect(run("commute,commute", [evaluateEach()]).ok).toBe(true);
    const { ok, codes, messages } = run("commute,wrong,nothing", [evaluateEach()]);
    expect(ok).toBe(false);
    expect(codes).toEqual(["pass/changed-meaning"]);
    expect(messages[0]).toMatch(/^after pass 'wrong' @f: value 0 is -?[\d.]+ instead of -?[\d.]+$/);
  });

  it("takes inputs that are given, and a way to call that passes have changed", () => {
    const program = moduleOf(text);
    const seen: unknown[] = [];
    const evaluation = new Evaluation(program, {
      samples: 1,
      inputs: () => [2, 3],
      call: (_p, entry, args) => {
        seen.push(entry, ...args);
        return [5];
      },
    });
    expect(seen).toEqual(["f", 2, 3]);
    expect(evaluation.usable).toBe(1);
  });

  it("looks at what has become of memory, and leaves out runs that fault", () => {
    const program = moduleOf(`func.func @f(%m: memref<2xf32>) {
      %c0 = arith.constant 0 : index
      %v = arith.constant 1.0 : f32
      memref.store %v, %m[%c0] : memref<2xf32>
      return
    }
    func.func @g(%x: i32) -> i32 {
      %c0 = arith.constant 0 : i32
      %0 = arith.divsi %x, %c0 : i32
      return %0 : i32
    }`);
    const evaluation = new Evaluation(program, { samples: 1 });
    expect(evaluation.usable).toBe(1);
    program.walk((o) => {
      if (constant.is(o) && o.result().type === f32) o.props[0] = floatAttribute(2, f32);
    });
    expect(evaluation.difference(program)).toBe("@f: value 0 has 2 instead of 1 at element 0");
  });

  it("allows floats to differ by some units in the last place", () => {
    const next = 1 + 2 ** -23;
    expect(compare([1], [next], { ulps: 1 })).toBeUndefined();
    expect(compare([1], [next], { ulps: 0 })).toBe(`value 0 is ${next} instead of 1`);
    const [a, b] = [NDArray.from("f32", [2], [1, 2]), NDArray.from("f32", [2], [1, 2 + 2 ** -21])];
    expect(compare([a], [b], { ulps: 2 })).toBeUndefined();
    expect(compare([a], [b], { ulps: 1 })).toMatch(/element 1$/);
    expect(compare([0], [-0], { ulps: 0 })).toBeDefined();
    expect(compare([Number.NaN], [Number.NaN], { ulps: 0 })).toBeUndefined();
    expect(compare([1n], [2n], { ulps: 5 })).toBeDefined();
  });

  it("bisects to the step that made the answer wrong", () => {
    const program = moduleOf(text);
    const evaluation = new Evaluation(program);
    const steps = parsePipeline("commute,nothing,commute,wrong,nothing,commute", passes, new Diagnostics())!;
    let runs = 0;
    const isGood = (p: Operation): boolean => {
      runs++;
      return evaluation.difference(p) === undefined;
    };
    const env = { context, diagnostics: new Diagnostics() };
    expect(bisect(steps, program, env, isGood)).toBe(3);
    expect(runs).toBeLessThanOrEqual(4);
    expect(bisect({ ...steps, steps: steps.steps.slice(0, 3) }, program, env, isGood)).toBeUndefined();
    expect(print(program)).toContain("arith.addf %arg0, %arg1");
  });
});
