/**
 * @file Chains of ops in steps of some rows (plan.ts), for machines with little memory: of a tensor in the middle of a chain
 * there are only the rows that the current step makes, and those of steps before that windows still reach. Nothing is
 * computed twice.
 */
import * as func from "../../../dialects/func.ts";
import { structureOf } from "../../../dialects/linalg/structure.ts";
import * as tensor from "../../../dialects/tensor/index.ts";
import { Builder } from "../../../ir/builder.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import { type TensorType, tensor as tensorType } from "../../../ir/types.ts";
import { definePass } from "../../../rewrite/pass.ts";
import { invariant } from "../../../support/diagnostic.ts";
import { freePaddingValue, staticPad } from "../static-pad.ts";
import { planStreams, type Stream } from "./plan.ts";
import { isTransparent, type Rows, readingsOf, rowsInside, rowsRead, shapeOf } from "./rows.ts";
import { keptFrom, type Link, madeAfter } from "./steps.ts";

export const streamRows = definePass("linalg-stream-rows", {
  doc:
    "Computes chains of windows and of what works element by element some rows at a time, where that needs less memory: " +
    "tensors in the middle of a chain are rings of a few rows.",
  on: func.func,
  run(fn, _options, pass) {
    const { entry } = func.func.of(fn).body;
    fn.walk((op) => {
      if (tensor.pad.is(op)) freePaddingValue(op);
    });
    const streams = planStreams(entry);
    for (const stream of streams) new Streaming(stream).run();
    pass.count("streams", streams.length);
    return streams.length > 0;
  },
});

/** Some rows of a tensor. */
interface Window {
  readonly value: Value;
  readonly from: number;
}

class Streaming {
  readonly #b: Builder;
  readonly #stream: Stream;
  /** In the order in which they are computed. */
  readonly #order: readonly Link[];
  readonly #links: ReadonlyMap<Operation, Link>;
  readonly #windows = new Map<Link, Window>();

  constructor(stream: Stream) {
    this.#stream = stream;
    this.#order = [...stream.links].reverse();
    this.#links = new Map(stream.links.map((l) => [l.op, l]));
    this.#b = Builder.before(stream.links[0]!.op);
  }

  run(): void {
    const { links, rows: step } = this.#stream;
    const last = links[0]!;
    const { rows } = links[links.length - 1]!;
    const b = this.#b;
    let whole: Value = tensor.empty(b, [], { types: [last.op.result().type] });
    let had = madeAfter(links, 0);
    for (let done = 0; done < rows; done += step) {
      const has = madeAfter(links, Math.min(rows, done + step));
      const kept = keptFrom(links, had);
      for (const link of this.#order) {
        const fresh = { from: had.get(link)!, to: has.get(link)! };
        if (fresh.to === fresh.from) continue;
        b.loc = link.op.loc;
        if (link === last) whole = insert(b, this.#rowsOf(link.op, link.dim, fresh), whole, link.dim, fresh.from);
        else this.#advance(link, fresh, kept.get(link)!);
      }
      had = has;
    }
    last.op.result().replaceAllUsesWith(whole);
    for (const { op } of links) sweep(op);
  }

  /** Makes the next rows of a tensor, behind those that are still wanted. */
  #advance(link: Link, fresh: Rows, from: number): void {
    const b = this.#b;
    const { dim } = link;
    const old = Math.max(0, fresh.from - from);
    if (old === 0) {
      this.#windows.set(link, { value: this.#rowsOf(link.op, dim, fresh), from: fresh.from });
      return;
    }
    // What is kept is brought to its place first: the rest of the old rows is gone before new ones are made.
    const empty = tensor.empty(b, [], { types: [withRows(link.op.result().type, dim, fresh.to - from)] });
    const kept = insert(b, this.#window(link, { from, to: fresh.from }), empty, dim, 0);
    const value = insert(b, this.#rowsOf(link.op, dim, fresh), kept, dim, old);
    this.#windows.set(link, { value, from });
  }

  #window(link: Link, { from, to }: Rows): Value {
    const window = this.#windows.get(link);
    invariant(window && window.from <= from, "rows that are wanted have been kept", link.op.loc);
    return slice(this.#b, window.value, link.dim, { from: from - window.from, to: to - window.from });
  }

  /** Rows of a tensor: of what is there, or made for the reader. */
  #part(v: Value, dim: number, rows: Rows): Value {
    const op = v.definingOp;
    const link = op ? this.#links.get(op) : undefined;
    if (link) return this.#window(link, rows);
    const pad = op && staticPad(op);
    if (op && pad) return this.#padded(op, dim, rows);
    if (op && tensor.empty.is(op)) {
      return tensor.empty(this.#b, [], { types: [withRows(v.type, dim, rows.to - rows.from)] });
    }
    if (op && structureOf(op) && isTransparent(op)) return this.#rowsOf(op, dim, rows);
    return slice(this.#b, v, dim, rows);
  }

  #padded(op: Operation, dim: number, rows: Rows): Value {
    const { source, low, high, type, value } = staticPad(op)!;
    const inside = rowsInside(low[dim]!, shapeOf(source)[dim]!, rows);
    const before = inside.from + low[dim]! - rows.from;
    const behind = rows.to - low[dim]! - inside.to;
    const part = this.#part(source, dim, inside);
    const [static_low, static_high] = [low.with(dim, before), high.with(dim, behind)];
    if ([...static_low, ...static_high].every((n) => n === 0)) return part;
    return tensor.pad(this.#b, part, [], [], {
      static_low,
      static_high,
      nofold: false,
      types: [withRows(type, dim, rows.to - rows.from)],
      region: () => [value],
    });
  }

  /** The op on the rows of its operands that some rows of its result are made of. */
  #rowsOf(op: Operation, dim: number, rows: Rows): Value {
    const s = structureOf(op);
    const readings = s && readingsOf(s, dim);
    invariant(s && readings, "what is streamed is computed row by row", op.loc);
    const operands = s.operands.map(({ value }, i) => {
      const reading = readings[i]!;
      return reading === "whole" ? value : this.#part(value, reading.dim, rowsRead(reading, rows));
    });
    const copy = op.clone();
    operands.forEach((v, i) => {
      copy.setOperand(i, v);
    });
    copy.result().type = operands[s.outputs[0]!.index]!.type;
    this.#b.insert(copy);
    return copy.result();
  }
}

const withRows = (t: Value["type"], dim: number, rows: number): TensorType => {
  const { shape, element } = t as TensorType;
  return tensorType(shape.with(dim, rows), element);
};

/** Rows of a tensor; the tensor itself where they are all of it. */
function slice(b: Builder, v: Value, dim: number, { from, to }: Rows): Value {
  const shape = shapeOf(v);
  if (from === 0 && to === shape[dim]) return v;
  return tensor.extract_slice(b, v, [], [], [], {
    static_offsets: shape.map((_, d) => (d === dim ? from : 0)),
    static_sizes: shape.with(dim, to - from),
    static_strides: shape.map(() => 1),
  });
}

const insert = (b: Builder, source: Value, dest: Value, dim: number, at: number): Value =>
  tensor.insert_slice(b, source, dest, [], [], [], {
    static_offsets: shapeOf(dest).map((_, d) => (d === dim ? at : 0)),
    static_sizes: shapeOf(source),
    static_strides: shapeOf(dest).map(() => 1),
  });

/** Erases an op without uses, and what was only made for it. */
function sweep(op: Operation): void {
  if (!op.isUnused) return;
  const operands = op.uses.map((u) => u.value.definingOp);
  op.erase();
  for (const from of operands) if (from && isTransparent(from)) sweep(from);
}
