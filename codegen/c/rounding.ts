/**
 * @file Sums of integers times a float, rounded to integers: said in one helper, because machines without floats can do it
 * with integers. Where the exact product lies so near to the middle of two integers that the rounding of the float could
 * have carried it there, or is large, they go the way of floats after all: the result is the same bits on all machines.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as math from "../../dialects/math.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { f32, i32 } from "../../ir/types.ts";

/** Rounds a number only to make an integer of it: both are said together, where the integer is made. */
function isRoundedForInteger(op: Operation): boolean {
  if (!math.roundeven.is(op) || op.result().type !== f32) return false;
  const reader = onlyReader(op);
  return reader !== undefined && arith.fptosi.is(reader) && reader.result().type === i32;
}

const onlyReader = (op: Operation): Operation | undefined => {
  const owner = op.result().hasOneUse ? op.result().firstUse!.owner : undefined;
  return owner?.block === op.block ? owner : undefined;
};

/** The integers and the number of a product that is only rounded to an integer. */
function factorsOf(op: Operation): { readonly sum: Operation; readonly by: Value } | undefined {
  const product = arith.mulf.match(op);
  const reader = product && onlyReader(op);
  if (!reader || !isRoundedForInteger(reader)) return undefined;
  for (const [x, by] of [
    [product.lhs, product.rhs],
    [product.rhs, product.lhs],
  ] as const) {
    const sum = x.definingOp;
    if (sum && arith.sitofp.is(sum) && sum.operand(0).type === i32 && onlyReader(sum) === op) return { sum, by };
  }
  return undefined;
}

/** What a value that ends as an integer is made of, from the op that is written in the place of all. */
export type Rounding =
  | { readonly kind: "sum" }
  | { readonly kind: "product"; readonly sum: Value; readonly by: Value }
  | { readonly kind: "rounded"; readonly scaled: boolean };

/** The part that an op has in a rounding to an integer: none of its own text, but the last one's. */
export function roundingOf(op: Operation): Rounding | undefined {
  if (isRoundedForInteger(op)) {
    const product = op.operand(0).definingOp;
    return { kind: "rounded", scaled: product !== null && factorsOf(product) !== undefined };
  }
  const factors = factorsOf(op);
  if (factors) return { kind: "product", sum: factors.sum.operand(0), by: factors.by };
  const reader = arith.sitofp.is(op) ? onlyReader(op) : undefined;
  return reader && factorsOf(reader)?.sum === op ? { kind: "sum" } : undefined;
}

/** Processors for which compilers call functions for each operation on floats. */
const withoutFloats = "defined(__GNUC__) && (defined(__SOFTFP__) || (defined(__riscv) && !defined(__riscv_flen)))";

/** Helpers of roundings. */
export const roundingHelpers: Readonly<Record<string, string>> = {
  // In the rounding mode that all C starts with: to nearest, ties to even.
  round_f32_to_i32: `static inline int32_t $round_f32_to_i32(float x) {
#if defined(__arm__) && defined(__ARM_FP) && defined(__GNUC__)
  float r;
  __asm__("vcvtr.s32.f32 %0, %1" : "=t"(r) : "t"(x));
  return $bits_of_f32(r);
#else
  return $f32_to_i32($roundeven_f32(x));
#endif
}`,
  // The product's upper word has at most 30 bits, so the float's rounding moves it by 64 at most. Too long to be written out
  // everywhere.
  round_product: `#if ${withoutFloats}
__attribute__((noinline)) static int32_t $round_product(int32_t sum, float by) {
  const uint32_t bits = (uint32_t)$bits_of_f32(by);
  const uint32_t shift = 134u - (bits >> 23);
  if ((uint32_t)sum + 0x400000u < 0x800000u && shift - 1u < 30u) {
    const int32_t factor = (int32_t)((bits << 7 | 0x40000000u) & 0x7fffffffu);
    const int32_t high = (int32_t)((int64_t)(sum * 512) * factor >> 32);
    const uint32_t shifted = (uint32_t)high + (1u << (shift - 1u));
    if (((shifted + 65u) & ((1u << shift) - 1u)) > 130u) return (int32_t)shifted >> shift;
  }
  return $round_f32_to_i32((float)sum * by);
}
#else
static inline int32_t $round_product(int32_t sum, float by) {
  return $round_f32_to_i32((float)sum * by);
}
#endif`,
};
