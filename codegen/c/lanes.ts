/**
 * @file Vectors in plain C99: ops on vectors that follow each other share one loop over the lanes, in which a value that
 * nobody outside wants is a scalar. A tile of accumulators so becomes named rows that one inner loop updates, the form
 * that both gcc and clang turn back into vectors.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as vector from "../../dialects/vector/index.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { effectsOf } from "../../ir/effects.ts";
import { Elementwise } from "../../ir/traits.ts";
import type { Type } from "../../ir/types.ts";
import { atom, type Expr, type Names, type SourceText } from "../source.ts";
import { type RowContext, readerOf, scalarRows, unsupported } from "./rows-scalar.ts";
import { lanesOf } from "./rows-vector.ts";
import { valueType } from "./types.ts";

/** What a group asks of the writer of its function. */
export interface LaneWriter extends RowContext {
  readonly out: SourceText;
  readonly names: Names;
  arrayOf(v: Value): string;
  loopOverLanes(count: number, body: (j: string) => void): void;
  lane(v: Value, j: string): Expr;
  access(buffer: Value, indices: readonly Value[], lane?: string): Expr;
  loaded(t: Type, e: Expr): Expr;
  stored(t: Type, e: Expr): Expr;
  expr(v: Value): Expr;
}

export class LaneGroup {
  readonly #w: LaneWriter;
  #ops: Operation[] = [];
  readonly #members = new Set<Operation>();
  #lanes = 0;

  constructor(w: LaneWriter) {
    this.#w = w;
  }

  /** Takes an op into the group, if it works lane by lane. */
  takes(op: Operation): boolean {
    const lanes = lanesOfOp(op);
    if (lanes === 0) return false;
    if (this.#ops.length > 0 && (lanes !== this.#lanes || this.#hazard(op))) this.flush();
    this.#lanes = lanes;
    // What spreads a scalar needs no variable: its readers take the scalar.
    if (vector.broadcast.is(op) && !escapes(op)) return true;
    this.#ops.push(op);
    this.#members.add(op);
    return true;
  }

  /** Writes the group out if an op that is written now must come after it. */
  before(op: Operation): void {
    if (this.#ops.length === 0) return;
    const reads = op.operands.some((v) => v.definingOp !== null && this.#members.has(v.definingOp));
    const effects = effectsOf(op);
    const touches = !effects || effects.some((e) => e.kind === "write");
    const storePending = this.#ops.some((o) => vector.store.is(o));
    if (reads || op.regions.length > 0 || touches || (storePending && effects.length > 0)) this.flush();
  }

  /** A load after a store, or a store over what was loaded elsewhere, of what may be the same memory. */
  #hazard(op: Operation): boolean {
    const load = vector.load.match(op);
    if (load) return this.#ops.some((o) => vector.store.match(o)?.base === load.base);
    const store = vector.store.match(op);
    return store !== undefined && this.#ops.some((o) => vector.load.match(o)?.base === store.base);
  }

  flush(): void {
    const ops = this.#ops;
    if (ops.length === 0) return;
    this.#ops = [];
    const w = this.#w;
    const arrays = new Map<Value, string>();
    for (const op of ops) for (const r of op.results) if (this.#leaves(r)) arrays.set(r, w.arrayOf(r));
    this.#members.clear();
    w.loopOverLanes(this.#lanes, (j) => {
      const inside = new Map<Value, Expr>();
      const lane = (v: Value): Expr => inside.get(v) ?? w.lane(v, j);
      for (const op of ops) this.#write(op, j, inside, arrays, lane);
    });
  }

  #leaves(v: Value): boolean {
    for (const u of v.uses()) if (!this.#members.has(u.owner)) return true;
    return false;
  }

  #write(
    op: Operation,
    j: string,
    inside: Map<Value, Expr>,
    arrays: ReadonlyMap<Value, string>,
    lane: (v: Value) => Expr,
  ): void {
    const w = this.#w;
    const store = vector.store.match(op);
    if (store) {
      const value = w.stored(store.valueToStore.type, lane(store.valueToStore));
      w.out.line(`${w.access(store.base, store.indices, j).text} = ${value.text};`);
      return;
    }
    const r = op.result();
    const load = vector.load.match(op);
    const spread = vector.broadcast.match(op);
    let e: Expr;
    if (load) e = w.loaded(r.type, w.access(load.base, load.indices, j));
    else if (spread) e = w.expr(spread.source);
    else {
      const row = scalarRows.get(op.def) ?? unsupported(op);
      e = row(op, op.operands.map(lane), w);
    }
    const array = arrays.get(r);
    if (array !== undefined) {
      w.out.line(`${array}[${j}] = ${e.text};`);
      inside.set(r, atom(`${array}[${j}]`));
    } else if (readerOf(op)) inside.set(r, e);
    else {
      const name = w.names.fresh("x");
      w.out.line(`const ${valueType(r.type)} ${name} = ${e.text};`);
      inside.set(r, atom(name));
    }
  }
}

/** Some reader cannot take the scalar in place of the vector. */
function escapes(op: Operation): boolean {
  for (const u of op.result().uses()) if (lanesOfOp(u.owner) === 0) return true;
  return false;
}

/** Lanes of an op that works lane by lane; 0 for any other. */
function lanesOfOp(op: Operation): number {
  const store = vector.store.match(op);
  if (store) return store.valueToStore.type.kind === "vector" ? lanesOf(store.valueToStore.type) : 0;
  const type = op.results[0]?.type;
  if (type?.kind !== "vector" || type.shape.length !== 1 || op.def.isConstant) return 0;
  if (vector.load.is(op)) return lanesOf(type);
  if (vector.broadcast.is(op)) return op.operand(0).type.kind === "vector" ? 0 : lanesOf(type);
  const wide = op.operands.every((v) => v.type.kind !== "vector" || lanesOf(v.type) === lanesOf(type));
  return op.def.has(Elementwise) && scalarRows.has(op.def) && wide && !arith.constant.is(op) ? lanesOf(type) : 0;
}
