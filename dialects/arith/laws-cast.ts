/** @file Laws of casts: two in a row are one, or none. */
import { widthOf } from "../../ir/datum.ts";
import type { RuleLike } from "../../ir/define.ts";
import { elementOf, type Type } from "../../ir/types.ts";
import { any, law, type Match, rootType, typeVariable } from "../../rewrite/law.ts";
import { bitcast, extf, extsi, extui, index_cast, index_castui, sitofp, truncf, trunci, uitofp } from "./casts.ts";

const x = any("x");
const X = typeVariable("x");
const S = typeVariable("S");
const root = { types: [rootType] };
const between = { types: [S] };
const back = { types: [X] };

const width = (t: Type): number => widthOf(elementOf(t));
const rootWidth = (m: Match): number => width(m.root.result().type);
const narrower = (m: Match): boolean => rootWidth(m) < width(m.type(x));
const wider = (m: Match): boolean => rootWidth(m) > width(m.type(x));
const toIndex = (m: Match): boolean => elementOf(m.root.result().type).kind === "index";
/** The type in the middle holds all that the outer ones do. */
const lossless = (m: Match): boolean => width(m.root.operand(0).type) >= width(m.type(x));

export const castLaws: readonly RuleLike[] = [
  law(
    (b) => extsi(b, extsi(b, x, between), root),
    (b) => extsi(b, x, root),
  ),
  law(
    (b) => extui(b, extui(b, x, between), root),
    (b) => extui(b, x, root),
  ),
  law(
    (b) => extsi(b, extui(b, x, between), root),
    (b) => extui(b, x, root),
  ),
  law(
    (b) => trunci(b, trunci(b, x, between), root),
    (b) => trunci(b, x, root),
  ),
  ...[extsi, extui].flatMap((ext) => [
    law(
      (b) => trunci(b, ext(b, x, between), back),
      () => x,
    ),
    law(
      (b) => trunci(b, ext(b, x, between), root),
      (b) => trunci(b, x, root),
      { when: narrower },
    ),
    law(
      (b) => trunci(b, ext(b, x, between), root),
      (b) => ext(b, x, root),
      { when: wider },
    ),
  ]),
  law(
    (b) => extf(b, extf(b, x, between), root),
    (b) => extf(b, x, root),
  ),
  law(
    (b) => truncf(b, extf(b, x, between), back),
    () => x,
  ),
  law(
    (b) => truncf(b, extf(b, x, between), root),
    (b) => truncf(b, x, root),
    { when: narrower },
  ),
  law(
    (b) => truncf(b, extf(b, x, between), root),
    (b) => extf(b, x, root),
    { when: wider },
  ),
  law(
    (b) => sitofp(b, extsi(b, x, between), root),
    (b) => sitofp(b, x, root),
  ),
  law(
    (b) => sitofp(b, extui(b, x, between), root),
    (b) => uitofp(b, x, root),
  ),
  law(
    (b) => uitofp(b, extui(b, x, between), root),
    (b) => uitofp(b, x, root),
  ),
  ...[index_cast, index_castui].map((cast) =>
    law(
      (b) => cast(b, cast(b, x, between), back),
      () => x,
      { when: lossless },
    ),
  ),
  law(
    (b) => index_cast(b, extsi(b, x, between), root),
    (b) => index_cast(b, x, root),
    { when: toIndex },
  ),
  law(
    (b) => index_castui(b, extui(b, x, between), root),
    (b) => index_castui(b, x, root),
    { when: toIndex },
  ),
  law(
    (b) => bitcast(b, x, back),
    () => x,
  ),
  law(
    (b) => bitcast(b, bitcast(b, x, between), root),
    (b) => bitcast(b, x, root),
  ),
];
