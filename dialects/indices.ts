/**
 * @file The index dialect: arithmetic on index, whose width is that of the target (here: 64 bits). The same functions as
 * the arith dialect has for all integers, under names of its own.
 */
import { attr } from "../ir/attributes.ts";
import { I1, Index, where } from "../ir/constraints.ts";
import { defineDialect, defineOp, type OpInfo } from "../ir/define.ts";
import type { ScalarFactory } from "../ir/evaluate.ts";
import { one } from "../ir/fields.ts";
import { Commutative, ConstantLike, Pure, type Trait } from "../ir/traits.ts";
import { type IndexType, type IntegerType, i1, index as indexType, integerAttribute } from "../ir/types.ts";
import * as arith from "./arith/ops.ts";

const IntegerOrIndex = where<IntegerType | IndexType>(
  "integer or index",
  (t) => t.kind === "integer" || t.kind === "index",
);

const binary = <const N extends string>(name: N, like: OpInfo, ...traits: readonly Trait[]) =>
  defineOp(`index.${name}`, {
    doc: like.spec.doc,
    scalar: like.spec.scalar!,
    operands: [one("lhs", Index), one("rhs", Index)],
    results: [one("result", Index)],
    traits,
    infer: () => [indexType],
    assembly: "$lhs `,` $rhs attr-dict",
    effects: () => [],
  });

export const add = binary("add", arith.addi, Pure, Commutative);
export const sub = binary("sub", arith.subi, Pure);
export const mul = binary("mul", arith.muli, Pure, Commutative);
// Division by zero is undefined, so divisions may not be moved to where they did not run.
export const divs = binary("divs", arith.divsi);
export const divu = binary("divu", arith.divui);
export const ceildivs = binary("ceildivs", arith.ceildivsi);
export const ceildivu = binary("ceildivu", arith.ceildivui);
export const floordivs = binary("floordivs", arith.floordivsi);
export const rems = binary("rems", arith.remsi);
export const remu = binary("remu", arith.remui);
export const maxs = binary("maxs", arith.maxsi, Pure, Commutative);
export const maxu = binary("maxu", arith.maxui, Pure, Commutative);
export const mins = binary("mins", arith.minsi, Pure, Commutative);
export const minu = binary("minu", arith.minui, Pure, Commutative);
export const shl = binary("shl", arith.shli, Pure);
export const shrs = binary("shrs", arith.shrsi, Pure);
export const shru = binary("shru", arith.shrui, Pure);
export const and = binary("and", arith.andi, Pure, Commutative);
export const or = binary("or", arith.ori, Pure, Commutative);
export const xor = binary("xor", arith.xori, Pure, Commutative);

const cast = <const N extends string>(name: N, doc: string, scalar: ScalarFactory) =>
  defineOp(`index.${name}`, {
    doc,
    scalar,
    operands: [one("input", IntegerOrIndex)],
    results: [one("output", IntegerOrIndex)],
    traits: [Pure],
    assembly: "$input attr-dict `:` type($input) `to` type($output)",
    verify({ input, output }, fail) {
      if ((input.type.kind === "index") === (output.type.kind === "index")) {
        fail("operand and result types are cast incompatible", { code: "verify/result-type" });
      }
    },
  });

export const casts = cast("casts", "Between index and an integer, with sign.", arith.index_cast.spec.scalar!);
export const castu = cast("castu", "Between index and an integer, without sign.", arith.index_castui.spec.scalar!);

const predicates = ["eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge"] as const;
type Predicate = (typeof predicates)[number];

/** `#index<cmp_predicate slt>`, a bare word in the pretty form. */
const predicate = attr.custom<Predicate>(
  "index comparison predicate kind",
  { kind: "keyword", words: predicates },
  (v) => ({ kind: "opaque", text: `#index<cmp_predicate ${v}>` }),
  (a) => {
    const word = a.kind === "opaque" ? /^#index<cmp_predicate (\w+)>$/.exec(a.text)?.[1] : undefined;
    return predicates.find((p) => p === word);
  },
);

export const cmp = defineOp("index.cmp", {
  doc: "Compares two indices.",
  scalar: (info) => arith.cmpi.spec.scalar!({ ...info, attrs: { predicate: info.attrs.pred } }),
  operands: [one("lhs", Index), one("rhs", Index)],
  attrs: { pred: predicate },
  results: [one("result", I1)],
  traits: [Pure],
  infer: () => [i1],
  assembly: "$pred `(` $lhs `,` $rhs `)` attr-dict",
});

/** All 64 bits, which a number would not hold. */
const wholeIndex = attr.custom<bigint>(
  "index attribute",
  { kind: "untyped", type: indexType },
  (v) => integerAttribute(v, indexType),
  (a) => (a.kind === "integer" && a.type === indexType ? BigInt(a.value) : undefined),
);

export const constant = defineOp("index.constant", {
  doc: "A known index.",
  attrs: { value: wholeIndex },
  results: [one("result", Index)],
  traits: [Pure, ConstantLike],
  infer: () => [indexType],
  assembly: "attr-dict $value",
  names: ({ value }) => [`idx${value}`],
  evaluate: ({ value }) => Number(value),
});

export const bool_constant = defineOp("index.bool.constant", {
  doc: "A known truth value.",
  attrs: { value: attr.bool },
  results: [one("result", I1)],
  traits: [Pure, ConstantLike],
  infer: () => [i1],
  assembly: "attr-dict $value",
  names: ({ value }) => [`${value}`],
  evaluate: ({ value }) => (value ? 1 : 0),
});

export const sizeof = defineOp("index.sizeof", {
  doc: "How many bits an index has.",
  results: [one("result", Index)],
  traits: [Pure],
  infer: () => [indexType],
  assembly: "attr-dict",
  evaluate: () => 64,
});

export const dialect = defineDialect("index", {
  doc: "Arithmetic on index.",
  ops: [
    ...[add, sub, mul, divs, divu, ceildivs, ceildivu, floordivs, rems, remu, maxs, maxu, mins, minu],
    ...[shl, shrs, shru, and, or, xor, casts, castu, cmp, constant, bool_constant, sizeof],
  ],
  constant(b, value, type) {
    if (type === indexType && value.kind === "integer") return constant(b, { value: BigInt(value.value) });
    return type === i1 && value.kind === "bool" ? bool_constant(b, { value: value.value }) : undefined;
  },
});
