/**
 * @file What the compiler makes of a model, in numbers that do not depend on the machine: how much of the arithmetic that
 * runs is in vectors, memory against what must live at one time, layout changes, sizes; and what compiling takes.
 *
 * `npx tsx bench/structure.ts MODEL.onnx…`
 */

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { Command } from "commander";
import { wasmSimd } from "../codegen/wasm/index.ts";
import { compileModel, importBytes, lower, targetNamed } from "../compile.ts";
import * as arith from "../dialects/arith/ops.ts";
import * as func from "../dialects/func.ts";
import * as scf from "../dialects/scf/ops.ts";
import type { Block, Operation, Value } from "../ir/core.ts";
import { Elementwise } from "../ir/traits.ts";
import { elementCount, elementOf, type Type } from "../ir/types.ts";
import { lifetimesOf, planLifetimes } from "../lowering/kernel/plan-memory.ts";
import type { Instrument, StepRun } from "../rewrite/pipeline.ts";
import { describeLocation } from "../support/location.ts";
import { endWithReader } from "./pipe.ts";

endWithReader();

/** Arithmetic operations that one inference runs, by the elements that they work on. */
export interface Arithmetic {
  vector: number;
  scalar: number;
  /** Scalar operations by kernel. */
  readonly scalarsIn: Map<string, number>;
  /** Ops whose number of turns is known only at run time; they are counted for one turn. */
  unknown: number;
}

/** Multiplies and adds of floats count as two where they are one instruction. */
const weightOf = (op: Operation): number => (/\bfma$|madd$/.test(op.name) ? 2 : 1);

const isFloat = (t: Type): boolean => elementOf(t).kind === "float";

/** What the kernels execute when the entry runs once: each op as often as the loops around it turn. */
export function arithmeticOf(module: Operation): Arithmetic {
  const functions = new Map<string, Operation>();
  for (const op of module.region().entry) {
    const fn = func.func.match(op);
    if (fn) functions.set(fn.sym_name, op);
  }
  const sum: Arithmetic = { vector: 0, scalar: 0, unknown: 0, scalarsIn: new Map() };
  const visit = (block: Block, times: number, sure: boolean, name: string): void => {
    for (const op of block) {
      const callee = func.call.match(op)?.callee;
      const called = callee === undefined ? undefined : functions.get(callee);
      if (called) visit(func.func.of(called).body.entry, times, sure, callee!);
      const counts = op.def.has(Elementwise) || /\bfma$|madd$|^vector\.reduction$/.test(op.name);
      const type = op.results[0]?.type;
      if (counts && type && op.operandCount > 0 && isFloat(op.operand(0).type)) {
        const lanes = type.kind === "vector" ? elementCount(type.shape) : 1;
        if (type.kind === "vector") sum.vector += times * lanes * weightOf(op);
        else {
          sum.scalar += times * weightOf(op);
          sum.scalarsIn.set(name, (sum.scalarsIn.get(name) ?? 0) + times * weightOf(op));
        }
        if (!sure) sum.unknown += times;
      }
      const loop = scf.for.match(op);
      const turns = loop ? turnsOf(loop.lowerBound, loop.upperBound, loop.step) : op.regions.length > 0 ? undefined : 1;
      for (const region of op.regions) {
        for (const inner of region.blocks) visit(inner, times * (turns ?? 1), sure && turns !== undefined, name);
      }
    }
  };
  for (const [, fn] of functions) {
    if (func.func.of(fn).sym_visibility !== "private") visit(func.func.of(fn).body.entry, 1, true, "main");
  }
  return sum;
}

const known = (v: Value): number | undefined => {
  const value = arith.constant.match(v)?.value;
  return value?.kind === "integer" ? Number(value.value) : undefined;
};

function turnsOf(lower: Value, upper: Value, step: Value): number | undefined {
  const [from, to, by] = [known(lower), known(upper), known(step)];
  return from === undefined || to === undefined || by === undefined
    ? undefined
    : Math.max(0, Math.ceil((to - from) / by));
}

/** Looks at the program where a storey ends. */
class Looking implements Instrument {
  /** Transposes of whole tensors between others: where an input or output changes its layout is part of the bargain. */
  readonly inside: string[] = [];
  /** The most bytes of buffers that live at one time. */
  live = 0;

  before({ step, root }: StepRun): void {
    if (step.pass.name === "kernel-plan-memory") {
      for (const op of root.region().entry) {
        const fn = func.func.match(op);
        if (fn && !fn.body.isEmpty)
          this.live = Math.max(this.live, planLifetimes(lifetimesOf(fn.body.entry)).lowerBound);
      }
    }
    if (step.pass.name !== "graph-to-linalg") return;
    root.walk((op) => {
      if (op.name !== "graph.transpose") return;
      const atBorder =
        op.operand(0).definingOp === null || [...op.result().uses()].every((u) => u.owner.def.isTerminator);
      if (!atBorder) this.inside.push(describeLocation(op.loc));
    });
  }
}

function structureOf(path: string): void {
  const bytes = readFileSync(path);
  const look = new Looking();
  const options = { file: basename(path), instruments: [look] };
  const pipeline = targetNamed("wasm-simd").pipeline;
  const started = performance.now();
  const module = importBytes(bytes, options);
  lower(module, pipeline, options);
  const artifact = wasmSimd.emit(module, { model: "model", names: false });
  const took = performance.now() - started;
  const again = compileModel(bytes, { file: basename(path), name: "model" });
  const peak = process.resourceUsage().maxRSS / 1024;
  const { vector, scalar, unknown, scalarsIn } = arithmeticOf(module);
  const { code, manifest } = artifact;
  const arena = manifest.memory.arena.bytes;
  const hash = (a: { readonly code: Uint8Array; readonly weights: Uint8Array }): string =>
    createHash("sha256").update(a.code).update(a.weights).digest("hex");
  const most = [...scalarsIn].sort(([, m], [, n]) => n - m).slice(0, 4);
  const rows: (readonly [string, string])[] = [
    [
      "arithmetic in vectors",
      `${((100 * vector) / (vector + scalar)).toFixed(2)} % of ${((vector + scalar) / 1e6).toFixed(1)} M operations` +
        (unknown > 0 ? `, ${unknown} in loops of unknown length` : ""),
    ],
    ["  most scalars in", most.map(([name, n]) => `${name} (${(n / 1e6).toFixed(2)} M)`).join(", ")],
    ["arena", `${arena} B, ${(arena / look.live).toFixed(3)} x the ${look.live} B that live at one time`],
    ["transposes inside", [String(look.inside.length), ...look.inside.slice(0, 5)].join(" ")],
    ["code", `${code.length} B, ${gzipSync(code).length} B gzip`],
    ["compiled twice", hash(artifact) === hash(again) ? "the same bytes" : "DIFFERENT BYTES"],
    ["compiled in", `${took.toFixed(0)} ms, in this process for the first time`],
    ["peak memory", `${peak.toFixed(0)} MiB for a model of ${(bytes.length / 2 ** 20).toFixed(1)} MiB`],
  ];
  console.log(`${basename(path)}\n${rows.map(([name, text]) => `  ${name.padEnd(24)}${text}`).join("\n")}`);
}

const command = new Command("structure")
  .description("Numbers of what models compile to that do not depend on the machine.")
  .argument("<model...>", "ONNX files")
  .parse();
for (const path of command.args) structureOf(path);
