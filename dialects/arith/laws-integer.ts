/** @file Laws of integers. Constants stand on the right of commutative ops; computing with two of them is left to folding. */
import { widthOf } from "../../ir/datum.ts";
import type { RuleLike } from "../../ir/define.ts";
import { elementOf } from "../../ir/types.ts";
import { constantOf } from "../../rewrite/constants.ts";
import { any, constant, law, literal, type Match, type Variable } from "../../rewrite/law.ts";
import { rule } from "../../rewrite/rule.ts";
import { scalarAttribute } from "../../rewrite/scalars.ts";
import { extsi } from "./casts.ts";
import { cmpi } from "./compare.ts";
import { addui_extended, mulsi_extended, mului_extended } from "./extended.ts";
import {
  addi,
  andi,
  ceildivsi,
  ceildivui,
  divsi,
  divui,
  floordivsi,
  maxsi,
  maxui,
  minsi,
  minui,
  muli,
  ori,
  remsi,
  remui,
  shli,
  shrsi,
  shrui,
  subi,
  xori,
} from "./integers.ts";

const x = any("x");
const y = any("y");
const c = constant("c");
const d = constant("d");
const zero = literal(0);
const one = literal(1);
/** All bits set. */
const ones = literal(-1);

const additive: readonly RuleLike[] = [
  law(
    (b) => addi(b, x, zero),
    () => x,
  ),
  law(
    (b) => addi(b, subi(b, x, y), y),
    () => x,
  ),
  law(
    (b) => addi(b, addi(b, x, c), d),
    (b) => addi(b, x, addi(b, c, d)),
  ),
  law(
    (b) => addi(b, subi(b, x, c), d),
    (b) => addi(b, x, subi(b, d, c)),
  ),
  law(
    (b) => addi(b, subi(b, c, x), d),
    (b) => subi(b, addi(b, c, d), x),
  ),
  law(
    (b) => addi(b, x, muli(b, y, ones)),
    (b) => subi(b, x, y),
  ),
  law(
    (b) => addi(b, x, subi(b, zero, y)),
    (b) => subi(b, x, y),
  ),
  law(
    (b) => subi(b, x, x),
    () => literal(0),
  ),
  law(
    (b) => subi(b, x, zero),
    () => x,
  ),
  law(
    (b) => subi(b, addi(b, x, y), y),
    () => x,
  ),
  law(
    (b) => subi(b, x, addi(b, x, y)),
    (b) => subi(b, literal(0), y),
  ),
  law(
    (b) => subi(b, subi(b, x, y), x),
    (b) => subi(b, literal(0), y),
  ),
  law(
    (b) => subi(b, x, subi(b, x, y)),
    () => y,
  ),
  law(
    (b) => subi(b, x, subi(b, zero, y)),
    (b) => addi(b, x, y),
  ),
  law(
    (b) => subi(b, addi(b, x, c), d),
    (b) => addi(b, x, subi(b, c, d)),
  ),
  law(
    (b) => subi(b, c, addi(b, x, d)),
    (b) => subi(b, subi(b, c, d), x),
  ),
  law(
    (b) => subi(b, subi(b, x, c), d),
    (b) => subi(b, x, addi(b, c, d)),
  ),
  law(
    (b) => subi(b, subi(b, c, x), d),
    (b) => subi(b, subi(b, c, d), x),
  ),
  law(
    (b) => subi(b, c, subi(b, x, d)),
    (b) => subi(b, addi(b, c, d), x),
  ),
  law(
    (b) => subi(b, c, subi(b, d, x)),
    (b) => addi(b, x, subi(b, c, d)),
  ),
];

const multiplicative: readonly RuleLike[] = [
  law(
    (b) => muli(b, x, zero),
    () => zero,
  ),
  law(
    (b) => muli(b, x, one),
    () => x,
  ),
  law(
    (b) => muli(b, muli(b, x, c), d),
    (b) => muli(b, x, muli(b, c, d)),
  ),
  ...[divsi, divui, floordivsi, ceildivsi, ceildivui].map((div) =>
    law(
      (b) => div(b, x, one),
      () => x,
    ),
  ),
  ...[remsi, remui].map((rem) =>
    law(
      (b) => rem(b, x, one),
      () => literal(0),
    ),
  ),
];

const bits: readonly RuleLike[] = [
  law(
    (b) => andi(b, x, zero),
    () => zero,
  ),
  law(
    (b) => andi(b, x, ones),
    () => x,
  ),
  law(
    (b) => andi(b, x, xori(b, x, ones)),
    () => literal(0),
  ),
  law(
    (b) => andi(b, x, ori(b, x, y)),
    () => x,
  ),
  law(
    (b) => ori(b, x, zero),
    () => x,
  ),
  law(
    (b) => ori(b, x, ones),
    () => ones,
  ),
  law(
    (b) => ori(b, x, xori(b, x, ones)),
    () => literal(-1),
  ),
  law(
    (b) => ori(b, x, andi(b, x, y)),
    () => x,
  ),
  law(
    (b) => xori(b, x, zero),
    () => x,
  ),
  law(
    (b) => xori(b, x, x),
    () => literal(0),
  ),
  law(
    (b) => xori(b, xori(b, x, y), y),
    () => x,
  ),
  ...[andi, ori, xori].map((op) =>
    law(
      (b) => op(b, op(b, x, c), d),
      (b) => op(b, x, op(b, c, d)),
    ),
  ),
  ...[shli, shrsi, shrui].map((shift) =>
    law(
      (b) => shift(b, x, zero),
      () => x,
    ),
  ),
];

/** The constant is the least or greatest number of its type. */
const is =
  (limit: "least" | "greatest", signed: boolean, v: Variable) =>
  (m: Match): boolean => {
    const width = widthOf(elementOf(m.type(v)));
    if (elementOf(m.type(v)).kind === "index") return false;
    const n = m.number(v);
    if (typeof n !== "bigint") return false;
    const low = signed ? -(1n << BigInt(width - 1)) : 0n;
    const high = (1n << BigInt(signed ? width - 1 : width)) - 1n;
    return (signed ? BigInt.asIntN(width, n) : BigInt.asUintN(width, n)) === (limit === "least" ? low : high);
  };

const order: readonly RuleLike[] = (
  [
    [maxsi, true, "least", "greatest"],
    [maxui, false, "least", "greatest"],
    [minsi, true, "greatest", "least"],
    [minui, false, "greatest", "least"],
  ] as const
).flatMap(([op, signed, neutral, absorbing]) => [
  law(
    (b) => op(b, x, c),
    () => x,
    { when: is(neutral, signed, c), doc: `c is the ${neutral} number` },
  ),
  law(
    (b) => op(b, x, c),
    () => c,
    { when: is(absorbing, signed, c), doc: `c is the ${absorbing} number` },
  ),
  law(
    (b) => op(b, op(b, x, c), d),
    (b) => op(b, x, op(b, c, d)),
  ),
]);

const isZero = (a: ReturnType<typeof constantOf>): boolean =>
  (a?.kind === "integer" && a.value === 0n) ||
  (a?.kind === "bool" && !a.value) ||
  (a?.kind === "dense" && a.splat && a.bytes.every((x) => x === 0));
const isOne = (a: ReturnType<typeof constantOf>): boolean =>
  (a?.kind === "integer" && a.value === 1n) ||
  (a?.kind === "dense" && a.splat && a.bytes[0] === 1 && a.bytes.slice(1).every((x) => x === 0));

/** Ops with two results: laws speak of one. */
const extended: readonly RuleLike[] = [
  rule(addui_extended, "x + 0 does not overflow", ({ lhs, rhs, overflow }, rw) => {
    if (!isZero(constantOf(rhs))) return undefined;
    const no = scalarAttribute(0n, overflow.type);
    const made = no && rw.constant(no, overflow.type);
    return made && [lhs, made];
  }),
  rule(addui_extended, "a sum without its overflow", ({ lhs, rhs, sum, overflow }, rw) => {
    if (overflow.hasUses) return undefined;
    rw.replaceUses(sum, addi(rw, lhs, rhs));
    return true;
  }),
  ...[mulsi_extended, mului_extended].flatMap((op) => [
    rule(op, "a product without its high half", ({ lhs, rhs, low, high }, rw) => {
      if (high.hasUses || !low.hasUses) return undefined;
      rw.replaceUses(low, muli(rw, lhs, rhs));
      return true;
    }),
    rule(op, "x * 0 is 0", ({ rhs }) => (isZero(constantOf(rhs)) ? [rhs, rhs] : undefined)),
  ]),
  rule(mului_extended, "x * 1 is x", ({ lhs, rhs }, rw) => {
    if (!isOne(constantOf(rhs))) return undefined;
    const none = scalarAttribute(0n, rhs.type);
    const high = none && rw.constant(none, rhs.type);
    return high && [lhs, high];
  }),
  rule(mulsi_extended, "x * 1 is x, with its sign above", ({ lhs, rhs }, rw) => {
    if (!isOne(constantOf(rhs)) || widthOf(elementOf(lhs.type)) === 1) return undefined;
    const none = scalarAttribute(0n, rhs.type);
    const zeros = none && rw.constant(none, rhs.type);
    return zeros && [lhs, extsi(rw, cmpi(rw, lhs, zeros, { predicate: "slt" }), { types: [lhs.type] })];
  }),
];

export const integerLaws: readonly RuleLike[] = [...additive, ...multiplicative, ...bits, ...order, ...extended];
