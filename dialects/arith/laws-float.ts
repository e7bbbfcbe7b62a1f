/** @file Laws of floats: those that hold for every number, NaN and both zeros, and those that need a flag. */
import type { RuleLike } from "../../ir/define.ts";
import { elementOf } from "../../ir/types.ts";
import { any, computed, law, literal, type Match } from "../../rewrite/law.ts";
import { isFloatKind, roundTo } from "../../support/float.ts";
import { addf, divf, maximumf, minimumf, mulf, negf, subf } from "./floats.ts";

const x = any("x");
const y = any("y");
const zero = literal(0);
const negativeZero = literal(-0);
const one = literal(1);
const minusOne = literal(-1);
const infinity = literal(Number.POSITIVE_INFINITY);
const negativeInfinity = literal(Number.NEGATIVE_INFINITY);

/** Both a power of two and its reciprocal are numbers of the type: dividing by it is multiplying, exactly. */
const p = literal<number>("p", (v) => Number.isFinite(v) && v !== 0 && isPowerOfTwo(Math.abs(v)));
function isPowerOfTwo(v: number): boolean {
  let m = v;
  while (m >= 2) m /= 2;
  while (m < 1 && m > 0) m *= 2;
  return m === 1;
}
function hasReciprocal(m: Match): boolean {
  const type = elementOf(m.type(p));
  const r = 1 / Number(m.number(p));
  return type.kind === "float" && isFloatKind(type.name) && roundTo(type.name, r) === r && Number.isFinite(r);
}
/** Any divisor whose reciprocal is a number; rounding twice is what `arcp` allows. */
const q = literal<number>("q", (v) => Number.isFinite(v) && v !== 0 && Number.isFinite(1 / v));

export const floatLaws: readonly RuleLike[] = [
  law(
    (b) => addf(b, x, negativeZero),
    () => x,
  ),
  law(
    (b) => addf(b, x, zero),
    () => x,
    { needs: "nsz" },
  ),
  law(
    (b) => addf(b, x, negf(b, y)),
    (b) => subf(b, x, y),
  ),
  law(
    (b) => subf(b, x, zero),
    () => x,
  ),
  law(
    (b) => subf(b, x, negativeZero),
    () => x,
    { needs: "nsz" },
  ),
  law(
    (b) => subf(b, x, negf(b, y)),
    (b) => addf(b, x, y),
  ),
  law(
    (b) => subf(b, negativeZero, x),
    (b) => negf(b, x),
  ),
  law(
    (b) => subf(b, zero, x),
    (b) => negf(b, x),
    { needs: "nsz" },
  ),
  law(
    (b) => subf(b, x, x),
    () => literal(0),
    { needs: ["nnan", "ninf"] },
  ),
  law(
    (b) => negf(b, subf(b, x, y)),
    (b) => subf(b, y, x),
    { needs: "nsz" },
  ),
  law(
    (b) => mulf(b, x, one),
    () => x,
  ),
  law(
    (b) => mulf(b, x, minusOne),
    (b) => negf(b, x),
  ),
  law(
    (b) => mulf(b, x, zero),
    () => literal(0),
    { needs: ["nnan", "ninf", "nsz"] },
  ),
  law(
    (b) => mulf(b, negf(b, x), negf(b, y)),
    (b) => mulf(b, x, y),
  ),
  law(
    (b) => divf(b, x, one),
    () => x,
  ),
  law(
    (b) => divf(b, x, minusOne),
    (b) => negf(b, x),
  ),
  law(
    (b) => divf(b, negf(b, x), negf(b, y)),
    (b) => divf(b, x, y),
  ),
  law(
    (b) => divf(b, x, p),
    (b) =>
      mulf(
        b,
        x,
        computed("1/p", [p], (v: number) => 1 / v),
      ),
    { when: (m) => hasReciprocal(m) && m.value(p).hasOneUse },
  ),
  law(
    (b) => divf(b, x, q),
    (b) =>
      mulf(
        b,
        x,
        computed("1/q", [q], (v: number) => 1 / v),
      ),
    {
      needs: "arcp",
      when: (m) => m.value(q).hasOneUse,
    },
  ),
  law(
    (b) => maximumf(b, x, negativeInfinity),
    () => x,
  ),
  law(
    (b) => minimumf(b, x, infinity),
    () => x,
  ),
];
