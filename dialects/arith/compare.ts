/** @file Comparisons and the choice between two values. */
import { attr } from "../../ir/attributes.ts";
import { Any, BoolLike, FloatLike, SignlessIntegerLike } from "../../ir/constraints.ts";
import { widthOf } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num, ScalarKernel } from "../../ir/evaluate.ts";
import { one } from "../../ir/fields.ts";
import { typeText } from "../../ir/spell.ts";
import {
  allTypesMatch,
  compatibleShapes,
  Elementwise,
  Pure,
  sameOperandTypes,
  type Trait,
  typesMatchWith,
} from "../../ir/traits.ts";
import { i1, isShaped, type Type, withElement } from "../../ir/types.ts";
import { fastmath, fastmathAssembly } from "./flags.ts";

export const signedLess = (a: Num, b: Num): boolean => a < b;
/** Without sign: of two values in two's complement the negative one is the larger. */
export const unsignedLess = (a: Num, b: Num): boolean => (a < 0 === b < 0 ? a < b : b < 0);

/** The type of a comparison: i1 in the shape of what is compared. */
export const comparisonType = (t: Type): Type => withElement(t, i1);
const isComparisonType = typesMatchWith(
  "result type has i1 element type and same shape as operands",
  "lhs",
  "result",
  comparisonType,
);

type Test = (a: Num, b: Num) => boolean;
const integerTests = {
  eq: (a, b) => a === b,
  ne: (a, b) => a !== b,
  slt: (a, b) => a < b,
  sle: (a, b) => a <= b,
  sgt: (a, b) => a > b,
  sge: (a, b) => a >= b,
  ult: unsignedLess,
  ule: (a, b) => !unsignedLess(b, a),
  ugt: (a, b) => unsignedLess(b, a),
  uge: (a, b) => !unsignedLess(a, b),
} as const satisfies Readonly<Record<string, Test>>;

export type IntegerPredicate = keyof typeof integerTests;
const integerPredicates = Object.keys(integerTests) as IntegerPredicate[];

export const cmpi = defineOp("arith.cmpi", {
  doc: "Compares integers: equality, and order with (s..) or without (u..) sign.",
  operands: [one("lhs", SignlessIntegerLike), one("rhs", SignlessIntegerLike)],
  attrs: { predicate: attr.enumInt(integerPredicates) },
  results: [one("result", BoolLike)],
  traits: [Pure, sameOperandTypes("lhs", "rhs"), isComparisonType, Elementwise],
  infer: ({ lhs }) => [comparisonType(lhs.type)],
  assembly: "$predicate `,` $lhs `,` $rhs attr-dict `:` type($lhs)",
  scalar: (info) => {
    const predicate = info.attrs.predicate as IntegerPredicate;
    const test: Test = integerTests[predicate];
    // A set i1 is -1 where signs matter.
    if (predicate.startsWith("s") && widthOf(info.operands[0]!) === 1) {
      return (a: number, b: number) => (test(-a, -b) ? 1 : 0);
    }
    return (a: Num, b: Num) => (test(a, b) ? 1 : 0);
  },
});

const unordered = (a: number, b: number): boolean => Number.isNaN(a) || Number.isNaN(b);

/** Ordered (o..) are false, unordered (u..) true when an operand is NaN. */
const floatTests = {
  false: () => false,
  oeq: (a, b) => a === b,
  ogt: (a, b) => a > b,
  oge: (a, b) => a >= b,
  olt: (a, b) => a < b,
  ole: (a, b) => a <= b,
  one: (a, b) => a < b || a > b,
  ord: (a, b) => !unordered(a, b),
  ueq: (a, b) => a === b || unordered(a, b),
  ugt: (a, b) => !(a <= b),
  uge: (a, b) => !(a < b),
  ult: (a, b) => !(a >= b),
  ule: (a, b) => !(a > b),
  une: (a, b) => a !== b,
  uno: unordered,
  true: () => true,
} as const satisfies Readonly<Record<string, (a: number, b: number) => boolean>>;

export type FloatPredicate = keyof typeof floatTests;
const floatPredicates = Object.keys(floatTests) as FloatPredicate[];

export const cmpf = defineOp("arith.cmpf", {
  doc: "Compares floats; with NaN the ordered predicates (o..) are false and the unordered ones (u..) true.",
  operands: [one("lhs", FloatLike), one("rhs", FloatLike)],
  attrs: { predicate: attr.enumInt(floatPredicates), fastmath: fastmath.default([]) },
  results: [one("result", BoolLike)],
  traits: [Pure, sameOperandTypes("lhs", "rhs"), isComparisonType, Elementwise],
  infer: ({ lhs }) => [comparisonType(lhs.type)],
  assembly: `$predicate \`,\` $lhs \`,\` $rhs ${fastmathAssembly} attr-dict \`:\` type($lhs)`,
  scalar: (info): ScalarKernel => {
    const test: (a: number, b: number) => boolean = floatTests[info.attrs.predicate as FloatPredicate];
    return (a: number, b: number) => (test(a, b) ? 1 : 0);
  },
});

/** The condition of a choice is a single bit, or has the shape of what is chosen. */
const conditionFits: Trait = {
  name: "ScalarConditionOrMatchingShape",
  verify(op, fail) {
    const [c, r] = [op.operand(0).type, op.result().type];
    if (c === i1 || (isShaped(c) && c.kind === r.kind && compatibleShapes(r, c))) return;
    fail("failed to verify that condition is signless i1 or has matching shape", { code: "verify/operand-type" });
  },
};

export const select = defineOp("arith.select", {
  doc: "One of two values: the first if the condition is true. A condition with a shape chooses element by element.",
  operands: [one("condition", BoolLike), one("true_value", Any), one("false_value", Any)],
  results: [one("result", Any)],
  traits: [Pure, allTypesMatch("true_value", "false_value", "result"), conditionFits, Elementwise],
  infer: ({ true_value }) => [true_value.type],
  // The type of the condition is written only when it has a shape.
  parse(p) {
    const [condition, yes, no] = [p.operand(), comma(p.operand), comma(p.operand)];
    function comma<T>(next: () => T): T {
      p.punct(",");
      return next.call(p);
    }
    const attributes = p.attrDict();
    const first = p.colonType();
    const shaped = p.optionalPunct(",");
    const type = shaped ? p.type() : first;
    return {
      operands: [p.resolve(condition, shaped ? first : i1), p.resolve(yes, type), p.resolve(no, type)],
      attributes,
      resultTypes: [type],
    };
  },
  print({ op, condition, result }, p) {
    p.write(" ");
    p.operands(op.operands);
    p.attrDict(op);
    p.write(" : ");
    if (isShaped(condition.type)) {
      p.type(condition.type);
      p.write(", ");
    }
    p.type(result.type);
  },
  verify({ condition, result }, fail) {
    const c = condition.type;
    const r = result.type;
    if (c === i1) return;
    if (comparisonType(r) !== c) {
      fail(
        `expected condition type to have the same shape as the result type, expected '${typeText(comparisonType(r))}', ` +
          `but got '${typeText(c)}'`,
        { code: "verify/operand-type" },
      );
    }
  },
  scalar: () => ((condition: number, yes: number, no: number) => (condition ? yes : no)) as ScalarKernel,
  evaluate: ({ condition, true_value, false_value }) => [condition ? true_value : false_value],
});
