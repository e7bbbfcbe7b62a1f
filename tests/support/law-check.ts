/** @file Attacking a law: programs that its left side matches, of all types it may have, run before and after. */
import { module } from "../../dialects/builtin.ts";
import { func, return as return_ } from "../../dialects/func.ts";
import { Builder } from "../../ir/builder.ts";
import type { Context } from "../../ir/context.ts";
import { Block, Operation, Region, type Value } from "../../ir/core.ts";
import { attributeOfDatum, datumOfAttribute, isBig, toType, widthOf } from "../../ir/datum.ts";
import { insOf } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { f16, f32, f64, float, functionType, i1, i8, i16, i32, i64, index, type Type } from "../../ir/types.ts";
import { verify } from "../../ir/verify.ts";
import { constantValue, writeConstant } from "../../rewrite/constants.ts";
import type { Law } from "../../rewrite/law.ts";
import { Variable } from "../../rewrite/pattern.ts";
import { Diagnostics } from "../../support/diagnostic.ts";

export const scalarTypes: readonly Type[] = [i1, i8, i16, i32, i64, index, f16, float("bf16"), f32, f64];

/** Values of a type where arithmetic tends to break. */
export function corners(type: Type): Num[] {
  if (type.kind === "float") {
    const all = [0, -0, 1, -1, 0.5, 2, 3, -7.25, 1e-3, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    return [...new Set([...all, 65504, 1e-7, 3e38, 1e-45].map((v) => toType(type, v)))];
  }
  if (type === i1) return [0, 1];
  const w = widthOf(type);
  const least = -(2n ** BigInt(w - 1));
  const all = [0n, 1n, -1n, 2n, 3n, 5n, -2n, 100n, -100n];
  // Index is a number at run time: beyond 2^53 it has no exact form.
  if (type.kind !== "index") all.push(least, least + 1n, -least - 1n, -least - 2n);
  return [...new Set(all.map((v) => toType(type, v)))].map((v) => (isBig(type) ? BigInt(v) : Number(v)));
}

/** The types that the left side of a law may have: by variable, and by type variable. */
export type Typing = ReadonlyMap<Variable | Type, Type>;

/** Every typing under which the left side is well formed. */
export function typings(law: Law, context: Context): Typing[] {
  const open = new Set<Type>();
  for (const op of law.left.ops) {
    if (op.def.spec.infer) continue;
    for (const r of op.results) if (!law.left.variables.some((v) => v.type === r.type)) open.add(r.type);
  }
  const found: Typing[] = [];
  const fill = (typing: Map<Variable | Type, Type>, rest: readonly (Variable | Type)[], main: Type): void => {
    const [next, ...others] = rest;
    if (!next) {
      const t = new Map(typing);
      if (isWellFormed(law, t, context)) found.push(t);
      return;
    }
    // Operands are of one type, apart from conditions; types of casts are free.
    const choices = next instanceof Variable ? (main === i1 ? [main] : [main, i1]) : scalarTypes;
    for (const type of choices) {
      typing.set(next, type);
      fill(typing, others, main);
    }
  };
  for (const main of scalarTypes) fill(new Map(), [...law.left.variables, ...open], main);
  return found;
}

const sampleOf = (v: Variable, type: Type, pick: (values: readonly Num[]) => Num): Num | undefined => {
  if (v.is.kind !== "literal") return pick(corners(type));
  const { test, exact } = v.is;
  if (exact !== undefined && type.kind === "float") return Number(exact);
  if (exact !== undefined) return Number.isInteger(exact) ? toType(type, BigInt(exact)) : undefined;
  const fitting = corners(type).filter((x) => test(type.kind === "float" ? x : BigInt(x)));
  return fitting.length > 0 ? pick(fitting) : undefined;
};

export interface Instance {
  readonly root: Operation;
  /** The op that the law is applied to. */
  readonly target: Operation;
  readonly params: readonly Value[];
  /** The function's return: what it hands back is compared. */
  readonly end: Operation;
}

/** A function whose body is the left side; what must be constant is picked. Undefined if there is none of these types. */
export function instance(
  law: Law,
  typing: Typing,
  context: Context,
  pick: (values: readonly Num[]) => Num,
): Instance | undefined {
  const open = law.left.variables.filter((v) => v.is.kind === "any");
  const types = open.map((v) => typing.get(v)!);
  const body = new Block(types);
  const b = Builder.atEnd(body);
  const made = new Map<Value, Value>(open.map((v, i) => [v, body.args[i]!]));
  for (const v of law.left.variables) {
    if (v.is.kind === "any") continue;
    const type = typing.get(v)!;
    const n = sampleOf(v, type, pick);
    const a = n === undefined ? undefined : attributeOfDatum(n, type);
    const c = a && writeConstant(context, b, a, type, "arith");
    if (!c) return undefined;
    made.set(v, c);
  }
  const typeOf = (t: Type): Type => typing.get(law.left.variables.find((v) => v.type === t) ?? t) ?? t;
  for (const op of law.left.ops) {
    const { def, operandSegments } = op;
    const operands = op.uses.map((u) => made.get(u.value)!);
    const props = def.attrFields.map((f, i) => (f.name === "fastmath" ? law.needs : op.props[i]));
    const resultTypes = def.spec.infer
      ? def.spec.infer(insOf(def, operands, props, operandSegments) as never)
      : op.results.map((r) => typeOf(r.type));
    if (!resultTypes) return undefined;
    const copy = b.insert(new Operation(def, { operands, props, resultTypes, operandSegments }));
    op.results.forEach((r, i) => {
      made.set(r, copy.results[i]!);
    });
  }
  const value = made.get(law.left.value)!;
  const end = return_(b, [value]);
  const root = new Operation(module, { props: [undefined, undefined], regions: [new Region([new Block()])] });
  func(Builder.atEnd(root.region().entry), {
    sym_name: "f",
    function_type: functionType(types, [value.type]),
    body: new Region([body]),
  });
  return { root, target: value.definingOp!, params: body.args, end };
}

function isWellFormed(law: Law, typing: Typing, context: Context): boolean {
  const made = instance(law, typing, context, (values) => values[0]!);
  return made !== undefined && verify(made.root, new Diagnostics());
}

/** Where a program has no meaning. */
export class Undefined extends Error {}

/** Runs straight-line code on scalars by the scalar functions of its ops. Throws `Undefined` at a fault. */
export function evaluate(value: Value, known: Map<Value, Num>): Num {
  const had = known.get(value);
  if (had !== undefined) return had;
  const op = value.definingOp!;
  if (op.def.isConstant) {
    const n = datumOfAttribute(constantValue(op)!) as Num;
    known.set(value, n);
    return n;
  }
  const args = op.uses.map((u) => evaluate(u.value, known));
  const kernel = op.def.spec.scalar!({
    operands: op.uses.map((u) => u.value.type),
    results: op.results.map((r) => r.type),
    attrs: Object.fromEntries(op.def.attrFields.map((f, i) => [f.name, op.props[i]])),
    fail: (message) => {
      throw new Undefined(message);
    },
  }) as (...args: readonly Num[]) => Num | readonly Num[];
  const answer = kernel(...args);
  const all = typeof answer === "object" ? answer : [answer];
  op.results.forEach((r, i) => {
    known.set(r, toType(r.type, all[i]!));
  });
  return known.get(value)!;
}
