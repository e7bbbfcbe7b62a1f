/** @file Element types of ONNX as types of the IR, and back. */
import { bf16, f16, f32, f64, float, i1, i8, i16, i32, i64, integer, type Type } from "../ir/types.ts";
import type { ElementType } from "./dtypes.ts";

/** Complex numbers, strings and 6-bit floats have none. Unsigned integers keep their sign in the type. */
const types: Readonly<Partial<Record<ElementType, Type>>> = {
  float64: f64,
  float32: f32,
  float16: f16,
  bfloat16: bf16,
  float8e4m3fn: float("f8E4M3FN"),
  float8e4m3fnuz: float("f8E4M3FNUZ"),
  float8e5m2: float("f8E5M2"),
  float8e5m2fnuz: float("f8E5M2FNUZ"),
  float8e8m0: float("f8E8M0FNU"),
  float4e2m1: float("f4E2M1FN"),
  bool: i1,
  int2: integer(2),
  uint2: integer(2, "unsigned"),
  int4: integer(4),
  uint4: integer(4, "unsigned"),
  int8: i8,
  uint8: integer(8, "unsigned"),
  int16: i16,
  uint16: integer(16, "unsigned"),
  int32: i32,
  uint32: integer(32, "unsigned"),
  int64: i64,
  uint64: integer(64, "unsigned"),
};

export const typeOfElement = (e: ElementType): Type | undefined => types[e];

const elements = new Map<Type, ElementType>(Object.entries(types).map(([e, t]) => [t, e as ElementType]));

export const elementOfType = (t: Type): ElementType | undefined => elements.get(t);
