/** @file Ops by which sums, in the wide sense, come together: what they start from, and how two parts become one. */
import * as arith from "../../../dialects/arith/ops.ts";
import type { Structure } from "../../../dialects/linalg/structure.ts";
import type { Builder } from "../../../ir/builder.ts";
import { Operation, type Value } from "../../../ir/core.ts";
import type { OpInfo } from "../../../ir/define.ts";
import type { Type } from "../../../ir/types.ts";

/** An op that combines two partial results, with its neutral element: what `vector.reduction` knows as `kind`. */
export interface Combiner {
  readonly def: OpInfo;
  readonly kind: string;
  neutral(type: Type): number | bigint;
}

const infinity = (sign: 1 | -1): number => sign * Number.POSITIVE_INFINITY;
const widthOf = (t: Type): number => (t.kind === "integer" ? t.width : 64);
const signedMin = (t: Type): bigint => -(1n << BigInt(widthOf(t) - 1));
const signedMax = (t: Type): bigint => (1n << BigInt(widthOf(t) - 1)) - 1n;

const combiners: readonly Combiner[] = [
  { def: arith.addf, kind: "add", neutral: () => -0 },
  { def: arith.mulf, kind: "mul", neutral: () => 1 },
  { def: arith.maximumf, kind: "maximumf", neutral: () => infinity(-1) },
  { def: arith.minimumf, kind: "minimumf", neutral: () => infinity(1) },
  { def: arith.addi, kind: "add", neutral: () => 0n },
  { def: arith.muli, kind: "mul", neutral: () => 1n },
  { def: arith.maxsi, kind: "maxsi", neutral: signedMin },
  { def: arith.minsi, kind: "minsi", neutral: signedMax },
  { def: arith.maxui, kind: "maxui", neutral: () => 0n },
  { def: arith.minui, kind: "minui", neutral: () => -1n },
  { def: arith.andi, kind: "and", neutral: () => -1n },
  { def: arith.ori, kind: "or", neutral: () => 0n },
  { def: arith.xori, kind: "xor", neutral: () => 0n },
];

/** The op with which a body folds into its only accumulator, if it is one whose order may be changed. */
export function combinerOf(structure: Structure): { readonly combiner: Combiner; readonly op: Operation } | undefined {
  if (structure.outputs.length !== 1) return undefined;
  const acc = structure.outputs[0]!.arg;
  const last = structure.body.terminator?.operand(0).definingOp;
  if (!last || !acc?.hasOneUse || acc.firstUse!.owner !== last) return undefined;
  const combiner = combiners.find((c) => c.def === last.def);
  return combiner && { combiner, op: last };
}

/** The neutral element as a constant. */
export function neutralOf(b: Builder, combiner: Combiner, type: Type): Value {
  const n = combiner.neutral(type);
  const value =
    type.kind === "float"
      ? ({ kind: "float", value: Number(n), type } as const)
      : ({ kind: "integer", value: BigInt(n), type } as const);
  return arith.constant(b, { value, types: [type] });
}

/** Whether a number is a combiner's neutral element. */
export function isNeutral(v: Value, combiner: Combiner): boolean {
  const value = arith.constant.match(v)?.value;
  return value?.kind === "float" && Object.is(value.value, combiner.neutral(v.type));
}

/** Two partial results as one, by an op like the one that combines them. */
export const combined = (b: Builder, { def, props, loc }: Operation, x: Value, y: Value): Value =>
  b.insert(new Operation(def, { operands: [x, y], props: props.slice(), resultTypes: [x.type], loc })).result();
