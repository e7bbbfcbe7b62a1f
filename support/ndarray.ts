/** @file NDArray: a typed array with a shape and strides. Tensors, vectors and memrefs of the interpreter are these. */
import { bf16ToNumber, f16ToNumber, numberToBf16, numberToF16 } from "./half.ts";

export type DType =
  | "i1" | "i8" | "u8" | "i16" | "u16" | "i32" | "u32" | "i64" | "u64" | "index" | "f16" | "bf16" | "f32" | "f64";
