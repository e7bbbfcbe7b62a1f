/**
 * @file Numbers that are brought into the range of a byte before its zero point is added, so that no sum overflows: processors with
 * DSP instructions add with saturation instead, and bring the sum into the range, two instructions for seven.
 */
import * as arith from "../../dialects/arith/ops.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { i32 } from "../../ir/types.ts";
import { atom, call } from "../source.ts";
import { usedBy } from "./dots.ts";
import type { VectorWriter } from "./vectors.ts";

const known = (v: Value): number | undefined => {
  const value = arith.constant.match(v)?.value;
  return value?.kind === "integer" ? Number(value.value) : undefined;
};

/** The number, what is added, and whether the byte has a sign. */
function bytesOf(op: Operation): { readonly x: Value; readonly zero: number; readonly isSigned: boolean } | undefined {
  const sum = arith.addi.match(op);
  const below = sum?.result.type === i32 ? arith.minsi.match(sum.lhs) : undefined;
  const above = below && arith.maxsi.match(below.lhs);
  const [zero, high, low] = [sum && known(sum.rhs), below && known(below.rhs), above && known(above.rhs)];
  if (!sum || !below?.result.hasOneUse || !above?.result.hasOneUse) return undefined;
  if (zero === undefined || high === undefined || low === undefined || zero === 0) return undefined;
  const [least, most] = [low + zero, high + zero];
  if (!(least === 0 && most === 255) && !(least === -128 && most === 127)) return undefined;
  return { x: above.lhs, zero, isSigned: least < 0 };
}

/** Writes such a sum, and nothing for what only it is made of. */
export function writeSaturated(op: Operation, w: VectorWriter): boolean {
  if (arith.maxsi.is(op) && usedBy(op, (u) => arith.minsi.is(u) && usedBy(u, (s) => bytesOf(s) !== undefined)))
    return true;
  if (arith.minsi.is(op) && usedBy(op, (u) => bytesOf(u) !== undefined)) return true;
  const sum = bytesOf(op);
  if (!sum) return false;
  const name = w.helper(sum.isSigned ? "saturated_i8" : "saturated_u8");
  w.define(op.result(), call(name, w.expr(sum.x), atom(String(sum.zero))));
  return true;
}

const helper = (name: string, least: number, most: number, clamp: string): string =>
  `static inline int32_t $${name}(int32_t x, int32_t zero) {
#if defined(__ARM_FEATURE_SIMD32) && defined(__GNUC__)
  int32_t sum;
  __asm__("qadd %0, %1, %2" : "=r"(sum) : "r"(x), "r"(zero));
  __asm__("${clamp}" : "=r"(sum) : "r"(sum));
  return sum;
#else
  const int32_t low = ${least} - zero;
  const int32_t high = ${most} - zero;
  return (x < low ? low : x > high ? high : x) + zero;
#endif
}`;

/** Helpers of such sums; a zero point is a byte. */
export const saturationHelpers: Readonly<Record<string, string>> = {
  saturated_u8: helper("saturated_u8", 0, 255, "usat %0, #8, %1"),
  saturated_i8: helper("saturated_i8", -128, 127, "ssat %0, #8, %1"),
};
