/** @file Laws of comparisons and of select. */
import { widthOf } from "../../ir/datum.ts";
import type { RuleLike } from "../../ir/define.ts";
import { elementOf, i1, isShaped } from "../../ir/types.ts";
import { any, constant, law, literal, type Match, rootType, typeVariable, type Variable } from "../../rewrite/law.ts";
import { extsi, extui } from "./casts.ts";
import { cmpf, cmpi, type FloatPredicate, type IntegerPredicate, select } from "./compare.ts";
import { andi, ori, xori } from "./integers.ts";

const x = any("x");
const y = any("y");
const z = any("z");
const p = any("p");
const q = any("q");
const c = constant("c");
const S = typeVariable("S");
/** Of type i1: 1 and all ones are the same. */
const yes = literal(1);
const no = literal(0);

const integerPredicates = ["eq", "ne", "slt", "sle", "sgt", "sge", "ult", "ule", "ugt", "uge"] as const;

/** The predicate with its operands exchanged. */
const swapped: Readonly<Record<IntegerPredicate, IntegerPredicate>> = {
  eq: "eq",
  ne: "ne",
  slt: "sgt",
  sle: "sge",
  sgt: "slt",
  sge: "sle",
  ult: "ugt",
  ule: "uge",
  ugt: "ult",
  uge: "ule",
};
/** The predicate that is true where this one is false. */
const inverse: Readonly<Record<IntegerPredicate, IntegerPredicate>> = {
  eq: "ne",
  ne: "eq",
  slt: "sge",
  sle: "sgt",
  sgt: "sle",
  sge: "slt",
  ult: "uge",
  ule: "ugt",
  ugt: "ule",
  uge: "ult",
};
const reflexive = new Set<IntegerPredicate>(["eq", "sle", "sge", "ule", "uge"]);

const isBool = (v: Variable) => (m: Match) => elementOf(m.type(v)) === i1;
const sameWidth = (m: Match): boolean => m.type(x) === m.type(y);

const integers: readonly RuleLike[] = integerPredicates.flatMap((predicate) => [
  law(
    (b) => cmpi(b, x, x, { predicate }),
    () => literal(reflexive.has(predicate) ? 1 : 0),
  ),
  law(
    (b) => cmpi(b, c, x, { predicate }),
    (b) => cmpi(b, x, c, { predicate: swapped[predicate] }),
    {
      when: (m) => m.value(x).definingOp?.def.isConstant !== true,
    },
  ),
  law(
    (b) => xori(b, cmpi(b, x, y, { predicate }), yes),
    (b) => cmpi(b, x, y, { predicate: inverse[predicate] }),
  ),
  law(
    (b) => cmpi(b, extsi(b, x, { types: [S] }), extsi(b, y, { types: [S] }), { predicate }),
    (b) => cmpi(b, x, y, { predicate }),
    { when: sameWidth },
  ),
  law(
    (b) => cmpi(b, extui(b, x, { types: [S] }), extui(b, y, { types: [S] }), { predicate }),
    // Zero-extended numbers have no sign left.
    (b) =>
      cmpi(b, x, y, {
        predicate: predicate.startsWith("s") ? (`u${predicate.slice(1)}` as IntegerPredicate) : predicate,
      }),
    { when: sameWidth },
  ),
]);

const truth: readonly RuleLike[] = [
  law(
    (b) => cmpi(b, x, yes, { predicate: "eq" }),
    () => x,
    { when: isBool(x) },
  ),
  law(
    (b) => cmpi(b, x, no, { predicate: "ne" }),
    () => x,
    { when: isBool(x) },
  ),
  ...[extsi, extui].map((ext) =>
    law(
      (b) => cmpi(b, ext(b, x, { types: [S] }), no, { predicate: "ne" }),
      () => x,
      { when: isBool(x) },
    ),
  ),
  law(
    (b) => cmpi(b, extui(b, x, { types: [S] }), yes, { predicate: "eq" }),
    () => x,
    { when: isBool(x) },
  ),
  law(
    (b) => cmpi(b, x, no, { predicate: "ult" }),
    () => literal(0),
  ),
  law(
    (b) => cmpi(b, x, no, { predicate: "uge" }),
    () => literal(1),
  ),
];

const constantPredicates: readonly (readonly [FloatPredicate, number])[] = [
  ["false", 0],
  ["true", 1],
];
const floats: readonly RuleLike[] = constantPredicates.map(([predicate, value]) =>
  law(
    (b) => cmpf(b, x, y, { predicate }),
    () => literal(value),
  ),
);

const choices: readonly RuleLike[] = [
  law(
    (b) => select(b, p, x, x),
    () => x,
  ),
  // A condition with a shape of its own is known only if all of it is.
  law(
    (b) => select(b, yes, x, y),
    () => x,
  ),
  law(
    (b) => select(b, no, x, y),
    () => y,
  ),
  law(
    (b) => select(b, p, yes, no),
    () => p,
    { when: (m) => m.type(p) === m.root.result().type },
  ),
  law(
    (b) => select(b, p, no, yes),
    (b) => xori(b, p, literal(1)),
    { when: (m) => m.type(p) === m.root.result().type },
  ),
  law(
    (b) => select(b, p, yes, no),
    (b) => extui(b, p, { types: [rootType] }),
    { when: widens },
  ),
  law(
    (b) => select(b, p, no, yes),
    (b) => extui(b, xori(b, p, literal(1, p)), { types: [rootType] }),
    { when: widens },
  ),
  law(
    (b) => select(b, p, select(b, p, x, y), z),
    (b) => select(b, p, x, z),
  ),
  law(
    (b) => select(b, p, x, select(b, p, y, z)),
    (b) => select(b, p, x, z),
  ),
  law(
    (b) => select(b, xori(b, p, yes), x, y),
    (b) => select(b, p, y, x),
  ),
  law(
    (b) => select(b, cmpi(b, x, y, { predicate: "eq" }), x, y),
    () => y,
    { when: sameShape },
  ),
  law(
    (b) => select(b, cmpi(b, x, y, { predicate: "eq" }), y, x),
    () => x,
    { when: sameShape },
  ),
  law(
    (b) => select(b, cmpi(b, x, y, { predicate: "ne" }), x, y),
    () => x,
    { when: sameShape },
  ),
  law(
    (b) => select(b, cmpi(b, x, y, { predicate: "ne" }), y, x),
    () => y,
    { when: sameShape },
  ),
  law(
    (b) => select(b, p, select(b, q, x, y), y),
    (b) => select(b, andi(b, p, q), x, y),
    { when: sameConditions },
  ),
  law(
    (b) => select(b, p, x, select(b, q, x, y)),
    (b) => select(b, ori(b, p, q), x, y),
    { when: sameConditions },
  ),
];

function widens(m: Match): boolean {
  const to = m.root.result().type;
  const element = elementOf(to);
  const alike = isShaped(to) === isShaped(m.type(p));
  return alike && element.kind === "integer" && widthOf(element) > 1 && elementOf(m.type(p)) === i1;
}
function sameShape(m: Match): boolean {
  return m.root.result().type === m.type(x);
}
function sameConditions(m: Match): boolean {
  return m.type(p) === m.type(q);
}

export const compareLaws: readonly RuleLike[] = [...integers, ...truth, ...floats, ...choices];
