/** @file The ops of the arith dialect: arithmetic on integers, index and floats, alone, in vectors and in tensors. */
export * from "./casts.ts";
export { cmpf, cmpi, type FloatPredicate, type IntegerPredicate, select } from "./compare.ts";
export * from "./constant.ts";
export * from "./extended.ts";
export * from "./floats.ts";
export * from "./integers.ts";
