/**
 * @file What profiling adds to a program: how much each kernel computes, written down while its ops are still structured,
 * and a call of `@mark` behind each kernel that is called. Both are in the IR, so every target can be profiled alike.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import { markFunction } from "../../dialects/host.ts";
import { contractionBody } from "../../dialects/linalg/analysis.ts";
import { extentsOf, structureOf } from "../../dialects/linalg/structure.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import { initAttribute } from "../../ir/interpret.ts";
import { Elementwise } from "../../ir/traits.ts";
import {
  type Attribute,
  dictionaryAttribute,
  elementCount,
  functionType,
  i32,
  i64,
  integerAttribute,
  isDynamic,
} from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { isKernel } from "../linalg/outline.ts";

/** The discardable attribute of a kernel that says how much it computes in one call. */
export const workAttribute = "work";

export interface KernelWork {
  /** Floating-point or integer operations; a multiply-accumulate is two, an elementary function one. */
  readonly flops: number;
  /** Multiply-accumulates of contractions alone. */
  readonly macs: number;
}

export const countWork = definePass("kernel-count-work", {
  doc: "Writes into each kernel how much one call computes, as long as its ops are structured: `work = {flops, macs}`.",
  options: {},
  run(module) {
    for (const fn of module.region().entry) {
      if (isKernel(fn)) fn.setAttribute(workAttribute, workText(countKernel(fn)));
    }
  },
});

const workText = ({ flops, macs }: KernelWork): Attribute =>
  dictionaryAttribute(
    new Map([
      ["flops", integerAttribute(flops, i64)],
      ["macs", integerAttribute(macs, i64)],
    ]),
  );

/** What `kernel-count-work` has written into a kernel. */
export function workOfKernel(fn: Operation): KernelWork {
  const said = fn.attributes?.get(workAttribute);
  const number = (key: string): number => {
    const a = said?.kind === "dictionary" ? said.entries.get(key) : undefined;
    return a?.kind === "integer" ? Number(a.value) : 0;
  };
  return { flops: number("flops"), macs: number("macs") };
}

function countKernel(fn: Operation): KernelWork {
  let flops = 0;
  let macs = 0;
  fn.walk((op) => {
    const s = structureOf(op);
    if (!s) return;
    const extents = extentsOf(s);
    if (extents.some(isDynamic)) return;
    const turns = extents.reduce((a, b) => a * b, 1);
    if (contractionBody(s)) macs += turns;
    for (const inner of s.body) if (inner.def.has(Elementwise) && !inner.def.isConstant) flops += turns;
  });
  return { flops, macs };
}

/** The calls of kernels in an inference, in the order of the program's text; what runs at load is no part of it. */
export function kernelCalls(module: Operation): Operation[] {
  const kernels = new Set(
    [...module.region().entry].filter((op) => isKernel(op)).map((op) => func.func.of(op).sym_name),
  );
  const found: Operation[] = [];
  for (const fn of module.region().entry) {
    if (!func.func.is(fn) || isKernel(fn) || fn.attributes?.has(initAttribute)) continue;
    fn.walk((op) => {
      const call = func.call.match(op);
      if (call && kernels.has(call.callee)) found.push(op);
    });
  }
  return found;
}

export const markCalls = definePass("kernel-mark-calls", {
  doc: "Calls `@mark` at the start of the program with -1, and behind each call of a kernel with the number of that call.",
  options: {},
  run(module) {
    const calls = kernelCalls(module);
    const [entry] = [...module.region().entry].filter(
      (op) =>
        func.func.is(op) && !isKernel(op) && !op.region().isEmpty && func.func.of(op).sym_visibility !== "private",
    );
    if (calls.length === 0 || !entry) return false;
    const mark = (b: Builder, n: number): void => {
      func.call(b, [arith.constantInteger(b, n, i32)], { callee: markFunction, types: [] });
    };
    for (const [n, op] of calls.entries()) mark(Builder.after(op), n);
    const block = entry.region().entry;
    mark(new Builder(block, block.first, entry.loc), -1);
    func.func(new Builder(module.region().entry, module.region().entry.first, module.loc), {
      sym_name: markFunction,
      sym_visibility: "private",
      function_type: functionType([i32], []),
    });
    return true;
  },
});

/** Bytes of all buffers that a call is given, each once: what has to be moved at the least. */
export function bytesOfCall(call: Operation): number {
  return call.operands.reduce((n, { type: t }) => {
    if (t.kind !== "memref" || t.shape.some(isDynamic)) return n;
    return n + elementCount(t.shape) * byteWidth(t.element);
  }, 0);
}
