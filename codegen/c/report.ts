/** @file What a program will take on its machine, known before any compiler runs: RAM, flash, stack, work per layer. */
import * as func from "../../dialects/func.ts";
import type { Block, Operation } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import { elementCount, elementOf, type MemRefType } from "../../ir/types.ts";
import { nodesIn } from "../../support/location.ts";
import { entryOf, placedBuffer } from "../program.ts";
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
  /** What of the workspace is in use meanwhile, in the order of its bytes; buffers may overlap where one becomes the other. */
  readonly live: readonly { readonly offset: number; readonly bytes: number }[];
  /** Bytes of the workspace that are in use. */
  readonly liveBytes: number;
}

export interface Report {
  readonly model: string;
  readonly cpu: string;
  /** How sums of integers become bytes. */
  readonly requant: string;
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

export function reportOf(
  module: Operation,
  program: CProgram,
  { cpu, requant }: Pick<Report, "cpu" | "requant">,
): Report {
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
  const block = func.func.of(entry).body.entry;
  const positions = new Map([...block].map((op, i) => [op, i]));
  const positionOf = (op: Operation): number => positions.get(op.ancestorIn(block) ?? op) ?? -1;
  const buffers = buffersOf(block, positionOf);
  entry.walk((op) => {
    const call = func.call.match(op);
    const fn = call && functions.get(call.callee);
    if (!call || !fn) return;
    const position = positionOf(op);
    const given = op.operands.map((v) => v.type).filter((t): t is MemRefType => t.kind === "memref");
    const live = buffers.filter((b) => b.first <= position && position <= b.last);
    layers.push({
      kernel: call.callee,
      ops: nodesOf(op),
      shapes: given.map((t) => t.shape.join("x") || "scalar"),
      macs: macsOf(fn),
      bytes: given.reduce((n, t) => n + elementCount(t.shape) * byteWidth(elementOf(t)), 0),
      live: live.map(({ offset, bytes }) => ({ offset, bytes })),
      liveBytes: covered(live),
    });
  });
  const sum = (ports: CProgram["inputs"]): number => ports.reduce((n, p) => n + p.bytes, 0);
  return {
    model: program.model,
    cpu,
    requant,
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

interface Buffer {
  readonly offset: number;
  readonly bytes: number;
  /** Positions in the entry's block, inclusive. */
  readonly first: number;
  readonly last: number;
}

/** The buffers of the workspace and when they are in use, in the order of their bytes. */
function buffersOf(block: Block, positionOf: (op: Operation) => number): Buffer[] {
  const found = [...block].flatMap((op): Buffer[] => {
    const placed = placedBuffer(op);
    if (!placed) return [];
    const used = placed.users.map(positionOf);
    return [{ offset: placed.shift, bytes: placed.bytes, first: Math.min(...used), last: Math.max(...used) }];
  });
  return found.sort((a, b) => a.offset - b.offset || a.bytes - b.bytes);
}

/** Bytes that lie in any of some buffers, which are in the order of their offsets. */
function covered(buffers: readonly Buffer[]): number {
  let [bytes, end] = [0, 0];
  for (const b of buffers) {
    bytes += Math.max(0, b.offset + b.bytes - Math.max(end, b.offset));
    end = Math.max(end, b.offset + b.bytes);
  }
  return bytes;
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
