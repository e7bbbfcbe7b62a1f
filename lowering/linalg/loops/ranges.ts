/**
 * @file Index expressions of a loop nest. Dimension k is the k-th loop counter that was opened, symbol 0 is the lane of
 * a vector. Knowing the ranges of both, `floordiv` and `mod` (packed layouts) vanish from most expressions.
 */
import type { StructuredOperand } from "../../../dialects/linalg/structure.ts";
import { type AffineExpr, add, combine, constant, floorDivide, mul, substitute, symbol } from "../../../ir/affine.ts";

/** The lane of a vector: the expression of its first element plus this is the expression of all. */
export const lane: AffineExpr = symbol(0);

/** An element (or a vector of them, if the lane occurs) of a tensor: one expression per dimension. */
export type At = readonly AffineExpr[];

/** The index at which an operand is read at a point of the loops. */
export const mapped = (operand: StructuredOperand, domain: At): At =>
  operand.map.results.map((r) => substitute(r, domain));

/** Inclusive bounds. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** Whether the lane occurs. */
export const usesLane = (e: AffineExpr): boolean => e.hasSymbols;

/** The terms of a sum, each with its constant factor, and the constant part. */
export function terms(e: AffineExpr): {
  readonly parts: readonly (readonly [AffineExpr, number])[];
  readonly rest: number;
} {
  const parts: (readonly [AffineExpr, number])[] = [];
  let rest = 0;
  const visit = (x: AffineExpr, scale: number): void => {
    if (x.kind === "constant") rest += scale * x.value;
    else if (x.kind === "+") {
      visit(x.lhs, scale);
      visit(x.rhs, scale);
    } else if (x.kind === "*" && x.rhs.kind === "constant") visit(x.lhs, scale * x.rhs.value);
    else parts.push([x, scale]);
  };
  visit(e, 1);
  return { parts, rest };
}

/** Bounds of an expression, given those of the loop counters and the number of lanes. */
export function rangeOf(e: AffineExpr, dims: readonly Range[], lanes: number): Range {
  switch (e.kind) {
    case "constant":
      return { low: e.value, high: e.value };
    case "dim":
      return dims[e.index]!;
    case "symbol":
      return { low: 0, high: lanes - 1 };
    default: {
      const a = rangeOf(e.lhs, dims, lanes);
      const b = rangeOf(e.rhs, dims, lanes);
      switch (e.kind) {
        case "+":
          return { low: a.low + b.low, high: a.high + b.high };
        case "*": {
          const all = [a.low * b.low, a.low * b.high, a.high * b.low, a.high * b.high];
          return { low: Math.min(...all), high: Math.max(...all) };
        }
        case "mod":
          return b.low === b.high && a.low >= 0 && a.high < b.low ? a : { low: 0, high: Math.max(0, b.high - 1) };
        case "floordiv":
        case "ceildiv": {
          if (b.low <= 0) return { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
          const divide = e.kind === "floordiv" ? floorDivide : (x: number, y: number) => Math.ceil(x / y);
          const all = [divide(a.low, b.low), divide(a.low, b.high), divide(a.high, b.low), divide(a.high, b.high)];
          return { low: Math.min(...all), high: Math.max(...all) };
        }
      }
    }
  }
}

/** The expression with `floordiv` and `mod` by constants resolved where the ranges allow it. */
export function resolve(e: AffineExpr, dims: readonly Range[], lanes: number): AffineExpr {
  if (!e.divides || !("lhs" in e)) return e;
  const lhs = resolve(e.lhs, dims, lanes);
  const rhs = resolve(e.rhs, dims, lanes);
  if ((e.kind === "floordiv" || e.kind === "mod") && rhs.kind === "constant" && rhs.value > 0) {
    const c = rhs.value;
    const { parts, rest } = terms(lhs);
    // lhs = c * whole + left, with 0 <= left < c.
    const base = floorDivide(rest, c);
    let whole = constant(base);
    let left = constant(rest - base * c);
    for (const [term, factor] of parts) {
      if (factor % c === 0) whole = add(whole, mul(term, constant(factor / c)));
      else left = add(left, mul(term, constant(factor)));
    }
    const range = rangeOf(left, dims, lanes);
    if (range.low >= 0 && range.high < c) return e.kind === "floordiv" ? whole : left;
  }
  return combine(e.kind, lhs, rhs);
}

/** The sum with `n·(x floordiv n) + x mod n` written as x. */
export function joined(e: AffineExpr): AffineExpr {
  const { parts, rest: start } = terms(e);
  const left = [...parts];
  const sum: (readonly [AffineExpr, number])[] = [];
  let fixed = start;
  for (let part = left.shift(); part; part = left.shift()) {
    const [x, factor] = part;
    const whole = left.findIndex(([y, f]) => isQuotient(y, x) && f === factor * divisor(y));
    const rest = left.findIndex(([y, f]) => isQuotient(x, y) && factor === f * divisor(x));
    const other = whole >= 0 ? whole : rest;
    if (other < 0) {
      sum.push(part);
      continue;
    }
    const [[y, f]] = left.splice(other, 1) as [readonly [AffineExpr, number]];
    const quotient = whole >= 0 ? y : x;
    if (!("lhs" in quotient)) continue;
    // What was divided, once, times what the remainder was multiplied by.
    const scale = whole >= 0 ? factor : f;
    const divided = terms(quotient.lhs);
    left.push(...divided.parts.map(([y, n]) => [y, n * scale] as const));
    fixed += divided.rest * scale;
  }
  return sum.reduce<AffineExpr>((all, [x, f]) => add(all, mul(x, constant(f))), constant(fixed));
}

/**
 * The first is the whole part, the second what is left of dividing the same by the same; or the same but for a multiple of the
 * divisor: `(x mod 12) mod 4` is written `x mod 4`.
 */
const isQuotient = (q: AffineExpr, r: AffineExpr): boolean =>
  q.kind === "floordiv" &&
  r.kind === "mod" &&
  q.rhs === r.rhs &&
  q.rhs.kind === "constant" &&
  (q.lhs === r.lhs || (q.lhs.kind === "mod" && q.lhs.lhs === r.lhs && divisor(q.lhs) % q.rhs.value === 0));

const divisor = (q: AffineExpr): number => ("rhs" in q && q.rhs.kind === "constant" ? q.rhs.value : Number.NaN);

/** How much the expression grows from lane to lane; undefined if that is not always the same. */
export function laneStep(e: AffineExpr): number | undefined {
  if (!usesLane(e)) return 0;
  let step = 0;
  for (const [term, factor] of terms(e).parts) {
    if (term === lane) step += factor;
    else if (usesLane(term)) return undefined;
  }
  return step;
}
