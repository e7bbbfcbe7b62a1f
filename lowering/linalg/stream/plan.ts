/**
 * @file Where a function is streamed: its ops, in their order, are cut into segments, each of one op or a chain computed in
 * steps, such that the most bytes that live at a time are as few as can be, and then the steps. Sizes are estimates of what
 * kernel-plan-memory will need: a result may lie over what it is made of, row by row.
 */
import type { Block, Operation } from "../../../ir/core.ts";
import { byteWidth } from "../../../ir/datum.ts";
import { elementCount, elementOf, isShaped } from "../../../ir/types.ts";
import { reshapeSource } from "../views.ts";
import { isTransparent } from "./rows.ts";
import { bytesInSteps, Chain, joinsReader, type Link, readersOf } from "./steps.ts";

/** A chain that is computed in steps. */
export interface Stream {
  /** The last op first. */
  readonly links: readonly Link[];
  /** Rows of the first op's result that a step makes. */
  readonly rows: number;
}

/** Ops of a chain, and calls of a chain, at most. */
const longest = 40;
const mostCalls = 800;
/** What is streamed must save this part of the memory: it costs code, and copies of rows. */
const worthwhile = 0.9;

interface Segment {
  readonly from: number;
  readonly bytes: number;
  /** Calls beyond those of computing everything once. */
  readonly calls: number;
  readonly stream?: Stream;
}

/** What is to be streamed of a block, in order. */
export function planStreams(block: Block): Stream[] {
  const ops = [...block].filter((op) => isComputed(op));
  const sizes = new Sizes(block, ops);
  const singles = ops.map((_, j): Segment => ({ from: j, bytes: sizes.ofOp(j), calls: 0 }));
  const plain = Math.max(0, ...singles.map((s) => s.bytes));
  const segments = ops.map((op, j): Segment[] => [
    singles[j]!,
    ...(sizes.isTensor(op) && !sizes.joins(j) ? streamsTo(ops, j, sizes, plain * worthwhile) : []),
  ]);
  const least = fewestBytes(segments);
  return least >= plain * worthwhile ? [] : fewestCalls(segments, least);
}

const isComputed = (op: Operation): boolean =>
  op.results.some((r) => r.type.kind === "tensor") &&
  !op.def.isConstant &&
  !op.def.isTerminator &&
  !isTransparent(op) &&
  reshapeSource(op) === undefined;

/** Bytes of the tensors of a block while each op runs. */
class Sizes {
  readonly #ops: readonly Operation[];
  readonly #bytes: readonly number[];
  readonly #last: readonly number[];
  readonly #joins: readonly boolean[];

  constructor(block: Block, ops: readonly Operation[]) {
    this.#ops = ops;
    // Ops that are one kernel run together, when the last of them does.
    const position = new Map<Operation, number>();
    for (const [i, op] of [...ops.entries()].reverse()) {
      const reader = joinsReader(op) ? readersOf(op)[0] : undefined;
      position.set(op, (reader && position.get(reader)) ?? i);
    }
    this.#joins = ops.map((op, i) => position.get(op) !== i);
    // What leaves the function lies in memory of the caller's.
    this.#last = ops.map((op) =>
      readersOf(op).reduce((last, r) => Math.max(last, position.get(r.ancestorIn(block) ?? r) ?? -1), -1),
    );
    this.#bytes = ops.map((op, i) =>
      this.#last[i]! < 0 || this.#joins[i]
        ? 0
        : op.results.reduce((n, r) => n + (isShaped(r.type) ? bytesOf(r.type) : 0), 0),
    );
  }

  isTensor(op: Operation): boolean {
    return op.results.length === 1 && op.result().type.kind === "tensor" && op.regions.length === 1;
  }

  /** The op is not the last of its kernel. */
  joins(j: number): boolean {
    return this.#joins[j] ?? false;
  }

  /** While an op runs by itself. */
  ofOp(j: number): number {
    const dying = this.#bytes.filter((_, i) => i < j && this.#last[i] === j);
    let isByRow = true;
    for (let i = j; i === j || this.#joins[i]; i--) {
      const op = this.#ops[i]!;
      isByRow &&= dimsOf(op).some((d) => Chain.from(op, d)?.isInOrder);
    }
    const over = isByRow ? Math.max(0, ...dying) : 0;
    return this.#across(j) + Math.max(0, this.#bytes[j]! - over);
  }

  /** While the ops from `i` to `j` run in steps, besides what the steps take themselves. */
  around(i: number, j: number): number {
    return this.#across(i) + this.#bytes[j]!;
  }

  /** Of what was made before an op and is read by it or later. */
  #across(i: number): number {
    return this.#bytes.reduce((n, bytes, k) => n + (k < i && this.#last[k]! >= i ? bytes : 0), 0);
  }
}

const bytesOf = (t: Parameters<typeof elementOf>[0] & { readonly shape: readonly number[] }): number =>
  elementCount(t.shape) * byteWidth(elementOf(t));

/** Dimensions that rows may be along: not those that vectors and columns of products are. */
function dimsOf(op: Operation): number[] {
  const type = op.results[0]?.type;
  if (op.results.length !== 1 || type?.kind !== "tensor") return [];
  return type.shape.flatMap((n, d) => (n > 1 && d < type.shape.length - 1 ? [d] : []));
}

/** The chains that end in an op, in steps of some numbers of rows, that need less than `limit` bytes. */
function streamsTo(ops: readonly Operation[], j: number, sizes: Sizes, limit: number): Segment[] {
  const found: Segment[] = [];
  const op = ops[j]!;
  for (const dim of dimsOf(op)) {
    const chain = Chain.from(op, dim);
    if (!chain) continue;
    for (let i = j - 1; i >= 0 && j - i < longest && chain.grow(ops[i]!); i--) {
      const around = sizes.around(i, j);
      if (sizes.joins(i - 1) || around >= limit) continue;
      const links = [...chain.links];
      const { rows } = links[links.length - 1]!;
      for (let step = 1; step <= rows / 2; step *= 2) {
        const calls = (Math.ceil(rows / step) - 1) * links.length;
        if (calls > mostCalls) continue;
        const bytes = around + bytesInSteps(links, step, limit - around);
        if (bytes < limit) found.push({ from: i, bytes, calls, stream: { links, rows: step } });
      }
    }
  }
  return found;
}

/** The least peak of all ways to cut the ops into segments. */
function fewestBytes(segments: readonly (readonly Segment[])[]): number {
  const best = [0];
  for (const ending of segments) best.push(Math.min(...ending.map(({ from, bytes }) => Math.max(best[from]!, bytes))));
  return best[segments.length]!;
}

/** Of the ways whose peak is no more than `bytes`, the one with the fewest calls. */
function fewestCalls(segments: readonly (readonly Segment[])[], bytes: number): Stream[] {
  const best: { readonly calls: number; readonly last?: Segment }[] = [{ calls: 0 }];
  for (const ending of segments) {
    let least: { calls: number; last?: Segment } = { calls: Number.POSITIVE_INFINITY };
    for (const last of ending) {
      const calls = best[last.from]!.calls + last.calls;
      if (last.bytes <= bytes && calls < least.calls) least = { calls, last };
    }
    best.push(least);
  }
  const streams: Stream[] = [];
  for (let at = segments.length; at > 0; at = best[at]!.last!.from) {
    const { stream } = best[at]!.last!;
    if (stream) streams.unshift(stream);
  }
  return streams;
}
