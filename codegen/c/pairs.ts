/**
 * @file Sums of products of pairs, in each lane one: what the IR says as pairs of 16-bit numbers that are widened, multiplied
 * and reduced is written as one helper on vectors whose lanes hold a pair each, and on arrays as two products.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as vector from "../../dialects/vector/index.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { i8, i16, i32, type Type, type VectorType, vector as vectorType } from "../../ir/types.ts";
import { invariant } from "../../support/diagnostic.ts";
import { atom, call, type Expr } from "../source.ts";
import { usedBy } from "./dots.ts";
import { memoryType } from "./types.ts";
import type { VectorWriter } from "./vectors.ts";

const isPairs = (t: Type, element?: Type): t is VectorType =>
  t.kind === "vector" && t.shape.length === 2 && t.shape[1] === 2 && (element === undefined || t.element === element);

const isFactor = (v: Value): boolean => isPairs(v.type, i32) && partOf(v) !== undefined;

/** The pairs that a factor is, before they are widened: of one for all lanes, or of each its own. */
function partOf(v: Value): { readonly load: Value; readonly shared: boolean } | undefined {
  const narrow = arith.extsi.match(v)?.in;
  const spread = narrow && vector.broadcast.match(narrow)?.source;
  const own = narrow && vector.shape_cast.match(narrow)?.source;
  const loaded = spread ?? own;
  const element = loaded?.type.kind === "vector" ? loaded.type.element : undefined;
  if (!loaded || !vector.load.is(loaded.definingOp!) || (element !== i8 && element !== i16)) return undefined;
  return spread && element !== i16 ? undefined : { load: loaded, shared: spread !== undefined };
}

/** The factors of a sum of products of pairs. */
function factorsOf(op: Operation): readonly [Value, Value] | undefined {
  const sum = vector.multi_reduction.match(op);
  const product = sum?.kind === "add" ? arith.muli.match(sum.source) : undefined;
  if (!product?.result.hasOneUse || !isFactor(product.lhs) || !isFactor(product.rhs)) return undefined;
  return [product.lhs, product.rhs];
}

/** The op is part of sums of products of pairs and of nothing else. */
export function isPairPart(op: Operation): boolean {
  if (vector.multi_reduction.is(op)) return factorsOf(op) !== undefined;
  const type = op.results[0]?.type;
  if (type?.kind !== "vector") return false;
  if (arith.muli.is(op)) return isPairs(type, i32) && usedBy(op, (u) => factorsOf(u) !== undefined);
  if (arith.extsi.is(op) || vector.shape_cast.is(op) || vector.broadcast.is(op)) {
    return isPairs(type) && usedBy(op, isPairPart);
  }
  return vector.load.is(op) && usedBy(op, isPairPart);
}

/** On arrays: both numbers of a shared pair, or where the pairs are. */
const parts = new WeakMap<Value, { readonly pair?: readonly [Expr, Expr]; readonly place?: string }>();

/** Writes a part of a sum of products of pairs. */
export function writePairPart(op: Operation, w: VectorWriter): void {
  const load = vector.load.match(op);
  if (load) {
    if (w.asArrays) loadForArrays(load, w);
    else loadVector(load, w);
    return;
  }
  const spread = vector.broadcast.match(op);
  if (spread && !w.asArrays) {
    const lanes = (op.result().type as VectorType).shape[0]!;
    const name = w.names.fresh("x");
    const splat = call(`${w.scope.prefix.toUpperCase()}SPLAT_i32x${lanes}`, w.expr(spread.source));
    w.out.line(`const ${w.vectorType(wordsOf(lanes))} ${name} = ${splat.text};`);
    w.bind(op.result(), atom(name));
    return;
  }
  const factors = factorsOf(op);
  if (factors) sum(op, factors, w);
  else if (!arith.muli.is(op) && !w.asArrays) w.bind(op.result(), w.expr(op.operand(0)));
}

type Load = ReturnType<typeof vector.load.of>;

function loadVector(load: Load, w: VectorWriter): void {
  const { pointer, index } = w.element(load.base, load.indices);
  const at = w.addressOf(pointer, index);
  const { element, shape } = load.result.type as VectorType;
  const count = shape[0]!;
  if (count === 2) {
    const name = w.names.fresh("q");
    w.out.line(`const int32_t ${name} = ${call(w.helper("load_word"), at).text};`);
    w.bind(load.result, atom(name));
    return;
  }
  const lanes = count / 2;
  const type = w.vectorType(wordsOf(lanes));
  const name = w.names.fresh("w");
  const helper = w.helper(`pairs_${element === i8 ? "i8" : "i16"}x${lanes}`);
  w.out.line(`const ${type} ${name} = ${call(helper, at).text};`);
  w.bind(load.result, atom(name));
}

function loadForArrays(load: Load, w: VectorWriter): void {
  const { pointer, index } = w.element(load.base, load.indices);
  const { element, shape } = load.result.type as VectorType;
  const name = w.names.fresh(shape[0] === 2 ? "q" : "w");
  const at = w.addressOf(pointer, index).text;
  w.out.line(`const ${memoryType(element)} *const ${name} = ${at};`);
  if (shape[0] !== 2) parts.set(load.result, { place: name });
  else {
    const both = [0, 1].map((i) => {
      const one = w.names.fresh("x");
      w.out.line(`const int32_t ${one} = ${name}[${i}];`);
      return atom(one);
    });
    parts.set(load.result, { pair: both as unknown as readonly [Expr, Expr] });
  }
}

function sum(op: Operation, factors: readonly [Value, Value], w: VectorWriter): void {
  const r = op.result();
  const lanes = (r.type as VectorType).shape[0]!;
  const { acc } = vector.multi_reduction.of(op);
  if (!w.asArrays) {
    w.vectorType(r.type);
    w.define(r, call(w.helper(`dot_i32x${lanes}`), w.expr(factors[0]), w.expr(factors[1]), w.expr(acc as Value)));
    return;
  }
  const [x, y] = factors.map((f) => parts.get(partOf(f)!.load));
  const number = (p: typeof x, i: 0 | 1, j: string): string => {
    invariant(p, "the factors of a sum have been written", op.loc);
    return p.pair ? p.pair[i].text : `${p.place}[2 * ${j}${i === 0 ? "" : " + 1"}]`;
  };
  const name = w.arrayOf(r);
  w.loopOverLanes(lanes, (j) => {
    const products = ([0, 1] as const).map((i) => `(uint32_t)(${number(x, i, j)} * ${number(y, i, j)})`);
    w.out.line(`${name}[${j}] = (int32_t)((uint32_t)${w.lane(acc as Value, j).text} + ${products.join(" + ")});`);
  });
}

const wordsOf = (lanes: number): VectorType => vectorType([lanes], i32);
