/** @file Compiling for profiling: the target's own pipeline with work counted and calls marked, and what the calls are. */
import { placedBuffer } from "../codegen/program.ts";
import type { Artifact } from "../codegen/target.ts";
import { type CompileOptions, compileModule, importBytes, lower, targetNamed, variantNamed } from "../compile.ts";
import * as func from "../dialects/func.ts";
import { workOf } from "../dialects/linalg/count.ts";
import * as memref from "../dialects/memref/index.ts";
import type { Operation } from "../ir/core.ts";
import { byteWidth } from "../ir/datum.ts";
import { elementCount, type MemRefType } from "../ir/types.ts";
import { bytesOfCall, type KernelWork, kernelCalls, workOfKernel } from "../lowering/kernel/instrument.ts";
import { toLoops } from "../lowering/linalg/to-loops.ts";
import { passes } from "../passes.ts";
import { type Instrument, parsePipeline, printPipeline } from "../rewrite/pipeline.ts";
import { CompileError, Diagnostics, invariant } from "../support/diagnostic.ts";
import { type Location, nodesIn } from "../support/location.ts";

/** A node of the model that a step computes, whole or in part. */
export interface StepNode {
  readonly index: number;
  readonly name: string;
  readonly opType: string;
}

/** One call of a kernel: what it is, and how much there is to do. The same for every target. */
export interface ProfileStep extends KernelWork {
  readonly kernel: string;
  /** Nodes of the model, the one whose result the call answers first. Empty for what the compiler has added. */
  readonly nodes: readonly StepNode[];
  /** Bytes of all its buffers, each once. */
  readonly bytes: number;
}

/** A buffer in the arena, and the steps in which it lives (inclusive). */
export interface ProfileBuffer {
  readonly offset: number;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface ProfiledArtifact {
  readonly artifact: Artifact;
  readonly steps: readonly ProfileStep[];
  readonly buffers: readonly ProfileBuffer[];
  /** Multiply-accumulates of the model as it was given, before algorithms were chosen. */
  readonly macs: number;
}

export type ProfileOptions = CompileOptions & {
  /** The variant of the target's code. */
  readonly variant?: string;
};

/** Compiles a model so that it says when each of its steps ends. Throws a CompileError with everything that is wrong. */
export function compileProfiled(bytes: Uint8Array, options: ProfileOptions = {}): ProfiledArtifact {
  const target = targetNamed(options.target ?? "wasm-simd", options.settings);
  const variant = options.variant === undefined ? undefined : variantNamed(target, options.variant);
  const pipeline = instrumented(options.pipeline ?? variant?.pipeline ?? target.pipeline);
  const module = importBytes(bytes, options);
  let macs = 0;
  const counting: Instrument = {
    after({ step, root }) {
      if (step.pass.name === "graph-to-linalg") macs = workOf(root).macs;
    },
  };
  lower(module, pipeline, { ...options, instruments: [...(options.instruments ?? []), counting] });
  const { steps, buffers } = describe(module);
  lower(module, "builtin.module(kernel-mark-calls)", options);
  return { artifact: compileModule(module, options), steps, buffers, macs };
}

/** The pipeline with the work of kernels counted while they are structured. */
function instrumented(text: string): string {
  const diagnostics = new Diagnostics();
  const parsed = parsePipeline(text, passes, diagnostics);
  const counting = parsePipeline("builtin.module(kernel-count-work)", passes, diagnostics);
  if (!parsed || !counting) throw new CompileError(diagnostics.list.slice());
  const at = parsed.steps.findIndex((s) => s.pass === toLoops);
  if (at < 0) return text;
  return printPipeline({
    ...parsed,
    steps: [...parsed.steps.slice(0, at), ...counting.steps, ...parsed.steps.slice(at)],
  });
}

function describe(module: Operation): Pick<ProfiledArtifact, "steps" | "buffers"> {
  const functions = new Map<string, Operation>();
  for (const op of module.region().entry) {
    const fn = func.func.match(op);
    if (fn) functions.set(fn.sym_name, op);
  }
  const calls = kernelCalls(module);
  const number = new Map(calls.map((op, i) => [op, i]));
  const steps = calls.map((call): ProfileStep => {
    const kernel = func.call.of(call).callee;
    const fn = functions.get(kernel);
    invariant(fn, `kernel ${kernel} exists`, call.loc);
    return { kernel, nodes: nodesOf(call.loc), bytes: bytesOfCall(call), ...workOfKernel(fn) };
  });
  const buffers: ProfileBuffer[] = [];
  for (const fn of functions.values()) {
    const starts = startsOf(fn);
    fn.walk((op) => {
      const buffer = bufferOf(op, starts, number);
      if (buffer) buffers.push(buffer);
    });
  }
  return { steps, buffers };
}

/** Where allocations start if they lie one behind the other; most targets have one, the arena. */
function startsOf(fn: Operation): Map<Operation, number> {
  const starts = new Map<Operation, number>();
  let top = 0;
  fn.walk((op) => {
    if (!memref.alloc.is(op)) return;
    const type = op.result().type as MemRefType;
    starts.set(op, top);
    top += elementCount(type.shape) * byteWidth(type.element);
  });
  return starts;
}

/** A view of an allocation, and the calls that touch it. */
function bufferOf(
  op: Operation,
  starts: ReadonlyMap<Operation, number>,
  number: ReadonlyMap<Operation, number>,
): ProfileBuffer | undefined {
  const placed = placedBuffer(op);
  const start = placed && starts.get(placed.allocation.definingOp as Operation);
  if (!placed || start === undefined) return undefined;
  const touched = placed.users.flatMap((user) => number.get(user) ?? []);
  if (touched.length === 0) return undefined;
  return {
    offset: start + placed.shift,
    bytes: placed.bytes,
    first: Math.min(...touched),
    last: Math.max(...touched),
  };
}

/** The nodes of a place, each once, in order. */
export function nodesOf(location: Location): StepNode[] {
  const found = new Map<string, StepNode>();
  for (const { index, name, opType } of nodesIn(location)) found.set(`${index} ${name}`, { index, name, opType });
  return [...found.values()];
}
