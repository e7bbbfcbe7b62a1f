/** @file What a program will take on its machine, known before any compiler runs: RAM, flash, stack, work per layer. */
import * as func from "../../dialects/func.ts";
import type { Operation } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import { elementCount, elementOf, type MemRefType } from "../../ir/types.ts";
import { nodesIn } from "../../support/location.ts";
import { entryOf } from "../program.ts";
import { isInPlace } from "./files.ts";
import type { CProgram } from "./module.ts";

/** One call of a kernel. */
export interface LayerReport {
  readonly kernel: string;
  /** Operators of the model that it computes. */
  readonly ops: readonly string[];
  /** Shapes of its buffers, inputs first. */
  readonly shapes: readonly string[];
  readonly macs: number;
  readonly bytes: number;
}

export interface Report {
  readonly model: string;
  readonly cpu: string;
  readonly macs: number;
  /** Bytes of RAM: workspace, inputs, outputs. */
  readonly workspace: number;
  readonly inputs: number;
  readonly outputs: number;
  /** Inputs and outputs lie in the workspace. */
  readonly inPlace: boolean;
  /** Bytes of flash: constants, and code as estimated from the number of ops. */
  readonly constants: number;
  readonly codeEstimate: number;
  /** Bytes of stack: the most values that one function holds at a time, beyond registers. */
  readonly stackEstimate: number;
  readonly layers: readonly LayerReport[];
}

/** Bytes of machine code that an op of the kernel storey becomes, on average (Thumb-2 and x86-64 within a third). */
const bytesPerOp = 6;

/** Bytes that calls and saved registers take, of the entry and one kernel. */
const frames = 192;
/** Bytes that registers hold. */
const inRegisters = 96;

/** Bytes of values that live over the loops of a function and do not fit into registers. */
function spilled(fn: Operation): number {
  let most = 0;
  fn.walk((op) => {
    if (op.regions.length === 0 || op === fn) return;
    const carried = op.results.reduce((n, r) => {
      const lanes = r.type.kind === "vector" ? elementCount(r.type.shape) : 1;
      return n + lanes * byteWidth(elementOf(r.type));
    }, 0);
    most = Math.max(most, carried);
  });
  return Math.max(0, most - inRegisters);
}

export function reportOf(module: Operation, program: CProgram, cpu: string): Report {
  const entry = entryOf(module);
  const functions = new Map<string, Operation>();
  let ops = 0;
  for (const op of module.region().entry) {
    const fn = func.func.match(op);
    if (!fn) continue;
    functions.set(fn.sym_name, op);
    op.walk((inner) => {
      if (!inner.def.isConstant) ops++;
    });
  }
  const layers: LayerReport[] = [];
  entry.walk((op) => {
    const call = func.call.match(op);
    const fn = call && functions.get(call.callee);
    if (!call || !fn) return;
    const buffers = op.operands.map((v) => v.type).filter((t): t is MemRefType => t.kind === "memref");
    layers.push({
      kernel: call.callee,
      ops: nodesOf(op),
      shapes: buffers.map((t) => t.shape.join("x") || "scalar"),
      macs: macsOf(fn),
      bytes: buffers.reduce((n, t) => n + elementCount(t.shape) * byteWidth(elementOf(t)), 0),
    });
  });
  const sum = (ports: CProgram["inputs"]): number => ports.reduce((n, p) => n + p.bytes, 0);
  return {
    model: program.model,
    cpu,
    macs: layers.reduce((n, l) => n + l.macs, 0),
    workspace: program.workspace,
    inputs: sum(program.inputs),
    outputs: sum(program.outputs),
    inPlace: isInPlace(program),
    constants: program.constants.reduce((n, c) => n + c.bytes.byteLength, 0),
    codeEstimate: ops * bytesPerOp,
    stackEstimate: frames + Math.max(0, ...[...functions.values()].map(spilled)),
    layers,
  };
}

/** Multiply-accumulates of one call, as counted while the kernel was structured. */
function macsOf(fn: Operation): number {
  const work = fn.attributes?.get("work");
  const macs = work?.kind === "dictionary" ? work.entries.get("macs") : undefined;
  return macs?.kind === "integer" ? Number(macs.value) : 0;
}

/** The nodes of the model that an op stands for. */
const nodesOf = (op: Operation): string[] => [
  ...new Set(nodesIn(op.loc).map((n) => (n.name === "" ? n.opType : `${n.opType} ${n.name}`))),
];
