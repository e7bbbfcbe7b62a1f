/**
 * @file How a function's ops on vectors are written that are more than a row of a table: accesses, spreading, lanes,
 * reductions. Elementwise ops on arrays are written by lanes.ts.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as scf from "../../dialects/scf/ops.ts";
import * as vector from "../../dialects/vector/index.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { elementOf, isDynamic, type Type } from "../../ir/types.ts";
import { invariant } from "../../support/diagnostic.ts";
import type { Form } from "../forms.ts";
import { atom, binding, call, type Expr, infix, within } from "../source.ts";
import type { LaneWriter } from "./lanes.ts";
import { isNarrowVector } from "./narrow.ts";
import { scalarRows, unsupported } from "./rows-scalar.ts";
import { lanesOf, vectorName, vectorRows } from "./rows-vector.ts";
import { shortName, valueType } from "./types.ts";

/** What vectors need of whoever writes a function. */
export interface VectorWriter extends LaneWriter {
  readonly scope: { readonly prefix: string; readonly blocks: boolean };
  /** Vectors are arrays. */
  readonly asArrays: boolean;
  bind(v: Value, e: Expr): void;
  define(v: Value, e: Expr): void;
  compute(op: Operation, e: Expr): void;
  element(buffer: Value, indices: readonly Value[]): { readonly pointer: Expr; readonly index: Form };
  addressOf(pointer: Expr, index: Form): Expr;
  vectorType(t: Type): string;
}

/** What several rows of a tile of sums are multiplied with, in the loop that carries them. */
function isTileFactor(v: Value): boolean {
  const loop = v.definingOp?.block?.parentOp;
  if (!loop || !scf.for.is(loop) || !loop.results.some((r) => r.type.kind === "vector")) return false;
  return !v.hasOneUse;
}

export function writeVector(op: Operation, w: VectorWriter): void {
  const { prefix } = w.scope;
  const load = vector.load.match(op);
  if (load && !w.asArrays) {
    const { pointer, index } = w.element(load.base, load.indices);
    w.vectorType(load.result.type);
    if (isNarrowVector(load.result.type)) {
      const helper = w.helper(`widen_${shortName(load.result.type)}x${lanesOf(load.result.type)}`);
      w.define(load.result, call(helper, w.addressOf(pointer, index)));
      return;
    }
    const verb = isTileFactor(load.result) ? "HELD" : "LOAD";
    const name = `${prefix.toUpperCase()}${verb}_${vectorName(load.result.type)}`;
    w.define(load.result, call(name, w.addressOf(pointer, index)));
    return;
  }
  const store = vector.store.match(op);
  if (store && !w.asArrays) {
    const { pointer, index } = w.element(store.base, store.indices);
    const { type } = store.valueToStore;
    const name = isNarrowVector(type)
      ? w.helper(`narrow_${shortName(type)}x${lanesOf(type)}`)
      : `${prefix.toUpperCase()}STORE_${vectorName(type)}`;
    w.out.line(`${call(name, w.addressOf(pointer, index), w.expr(store.valueToStore)).text};`);
    return;
  }
  const spread = vector.broadcast.match(op);
  if (spread) {
    splat(spread.vector, spread.source, w);
    return;
  }
  const extract = vector.extract.match(op);
  if (extract && extract.static_position.length === 1 && !isDynamic(extract.static_position[0]!)) {
    w.define(extract.result as Value, laneValue(extract.vector, extract.static_position[0]!, w));
    return;
  }
  if (vector.from_elements.is(op)) {
    elements(op, w);
    return;
  }
  const reduction = vector.reduction.match(op);
  if (reduction && op.operandCount === 1) {
    reduce(op, reduction.vector, reduction.kind, w);
    return;
  }
  const row = vectorRows.get(op.def);
  if (!row || w.asArrays) unsupported(op);
  const e = row(
    op,
    op.operands.map((v) => w.expr(v)),
    w,
  );
  w.compute(op, { ...e, text: e.text.replaceAll("$", prefix) });
}

function splat(result: Value, source: Value, w: VectorWriter): void {
  invariant(source.type.kind !== "vector", "vectors are spread from scalars", result.location);
  const element = elementOf(result.type);
  const x = w.expr(source);
  const mask = element.kind === "integer" && element.width === 1;
  if (w.asArrays) {
    const name = w.arrayOf(result);
    w.loopOverLanes(lanesOf(result.type), (j) => w.out.line(`${name}[${j}] = ${x.text};`));
    return;
  }
  const type = w.vectorType(result.type);
  const e = mask ? infix("-", atom("0"), x) : x;
  const splat = call(`${w.scope.prefix.toUpperCase()}SPLAT_${vectorName(result.type)}`, e);
  invariant(type !== "", "a vector has a type");
  w.define(result, splat);
}

function laneValue(v: Value, i: number, w: VectorWriter): Expr {
  if (w.asArrays) return w.lane(v, String(i));
  const element = elementOf(v.type);
  const e = atom(`${within(w.expr(v), binding.atom)}[${i}]`);
  return element.kind === "integer" && element.width === 1 ? infix("&", e, atom("1")) : e;
}

function elements(op: Operation, w: VectorWriter): void {
  const r = op.result();
  const element = elementOf(r.type);
  const mask = element.kind === "integer" && element.width === 1 && !w.asArrays;
  const texts = op.operands.map((v) => {
    const e = w.expr(v);
    return mask ? infix("-", atom("0"), e).text : e.text;
  });
  if (w.asArrays) {
    const name = w.arrayOf(r);
    texts.forEach((t, i) => w.out.line(`${name}[${i}] = ${t};`));
  } else w.define(r, atom(`((${w.vectorType(r.type)}){${texts.join(", ")}})`));
}

/** Neighbours first, then pairs of them: the same order on any machine. */
function reduce(op: Operation, v: Value, kind: string, w: VectorWriter): void {
  const def = reductionOps[`${kind} ${elementOf(v.type).kind === "float" ? "f" : "i"}`];
  const row = def && scalarRows.get(def);
  if (!row) unsupported(op);
  let parts = Array.from({ length: lanesOf(v.type) }, (_, i) => laneValue(v, i, w));
  const type = valueType(v.type);
  while (parts.length > 1) {
    const next: Expr[] = [];
    for (let i = 0; i < parts.length; i += 2) {
      const name = w.names.fresh("r");
      w.out.line(`const ${type} ${name} = ${row(op, [parts[i]!, parts[i + 1]!], w).text};`);
      next.push(atom(name));
    }
    parts = next;
  }
  w.define(op.result(), parts[0]!);
}

const reductionOps: Readonly<Record<string, typeof arith.addf | typeof arith.addi>> = {
  "add f": arith.addf,
  "mul f": arith.mulf,
  "maximumf f": arith.maximumf,
  "minimumf f": arith.minimumf,
  "add i": arith.addi,
  "mul i": arith.muli,
  "maxsi i": arith.maxsi,
  "minsi i": arith.minsi,
  "maxui i": arith.maxui,
  "minui i": arith.minui,
  "and i": arith.andi,
  "or i": arith.ori,
  "xor i": arith.xori,
} as never;
