/** @file Conversions between element types. */
import { attr, bounded } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { one } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { type FloatType, f32, i32, type TensorType, type Type } from "../../ir/types.ts";
import { encodeE8M0, encodeFloats, type FloatKind, floatFormats, isFloatKind } from "../../support/float.ts";
import { allocate, isNarrowFloat, NDArray, storageOf } from "../../support/ndarray.ts";
import * as arith from "../arith/ops.ts";
import { arrayOf, elementsOf, numbersOf } from "./data.ts";
import { converted, elementwise } from "./expand.ts";
import { AnyTensor, Broadcasts, dtype, isBool, isFloat, signless, withElementType } from "./op.ts";
import { convertScalar, Scalars } from "./scalars.ts";

const isScalarType = (t: Type): boolean => t.kind === "integer" || t.kind === "index" || t.kind === "float";

export const cast = defineOp("graph.cast", {
  doc:
    "Elements of another type (ONNX Cast). Floats become integers by cutting off, wrapped to their width; anything but 0 " +
    "is true. To 8-bit floats values beyond the largest saturate, or not.",
  operands: [one("x", AnyTensor)],
  attrs: {
    to: bounded(attr.type, "type attribute of numbers", isScalarType),
    saturate: attr.bool.default(true),
    round_mode: attr.oneOf("nearest", "up", "down").default("up"),
  },
  results: [one("y", AnyTensor)],
  traits: [Pure, Broadcasts],
  infer: ({ x, to }) => [withElementType(x.type, to)],
  evaluate: ({ x, to, saturate, round_mode }, run) => {
    const from = (run.operandType(0) as TensorType).element;
    return convert(x, from, to, saturate, round_mode);
  },
  expand({ x, to, saturate, round_mode, y }, b) {
    const { element } = x.type;
    if (element === to || !isFloat(to) || (to as FloatType).width !== 8) return [converted(b, x, to)];
    return [
      elementwise(b, y.type, [x], (inner, v) => {
        const wide = convertScalar(inner, v!, element, f32);
        const kept =
          (to as FloatType).name === "f8E8M0FNU"
            ? powerScalar(inner, wide, round_mode, saturate)
            : saturate
              ? saturated(inner, wide, to as FloatType)
              : wide;
        return convertScalar(inner, kept, f32, to);
      }),
    ];
  },
});

export const bitcast = defineOp("graph.bitcast", {
  doc: "The bits of the elements as elements of another type of the same size (ONNX BitCast); a bool has 8 bits.",
  operands: [one("x", AnyTensor)],
  attrs: { to: attr.type },
  results: [one("y", AnyTensor)],
  traits: [Pure, Broadcasts],
  infer: ({ x, to }) => [withElementType(x.type, to)],
  verify({ x, to }, fail) {
    const [from, into] = [bitsOf(x.type.element), bitsOf(to)];
    if (from === undefined || into === undefined)
      fail("the bits of integers and floats are read as others of their size");
    else if (from !== into) fail(`elements of ${from} bits cannot be read as elements of ${into} bits`);
  },
  evaluate({ x, to }) {
    const { data, shape } = x.contiguous();
    const kind = dtype(to);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const stored = storageOf(kind, kind === "i1" ? bytes.map((v) => (v === 0 ? 0 : 1)) : bytes);
    return new NDArray(kind, shape, stored);
  },
  expand({ x, to, y }, b) {
    const { element } = x.type;
    const [from, into] = [signless(element), signless(to)];
    return [
      elementwise(b, y.type, [x], (inner, v) => {
        if (isBool(from) || isBool(into)) return convertScalar(inner, v!, element, to);
        return from === into ? v! : arith.bitcast(inner, v!, { types: [into] });
      }),
    ];
  },
});

const bitsOf = (t: Type): number | undefined =>
  isBool(t) ? 8 : t.kind === "integer" || t.kind === "float" ? t.width : undefined;

/** A number kept within the largest of a type, infinity too. */
export function saturated(b: Builder, x: Value, to: FloatType): Value {
  const e = new Scalars(b, f32);
  const { max } = floatFormats[to.name as FloatKind];
  return e.min(e.max(x, e.num(-max)), e.num(max));
}

/** The power of two that a number becomes as an f8E8M0FNU, where it is not simply the nearest (see `encodeE8M0`). */
function powerScalar(b: Builder, x: Value, mode: "nearest" | "up" | "down", saturate: boolean): Value {
  const e = new Scalars(b, i32);
  const [lowest, normal, highest, infinity] = [0x00400000, 0x00800000, 0x7f000000, 0x7f800000].map((n) => e.num(n));
  let bits: Value = arith.andi(b, arith.bitcast(b, x, { types: [i32] }), e.num(0x7fffffff));
  if (saturate) bits = e.select(e.is("lt", bits, infinity!), e.min(bits, highest!), bits);
  const exponent = (v: Value): Value => arith.andi(b, v, infinity!);
  if (mode === "up") {
    const small = e.select(e.is("gt", bits, lowest!), normal!, lowest!);
    const rounded = exponent(e.add(bits, e.num(0x7fffff)));
    bits = e.select(e.is("lt", bits, normal!), small, e.select(e.is("gt", bits, infinity!), bits, rounded));
  } else if (mode === "down") {
    const rounded = e.select(e.is("gt", bits, infinity!), bits, exponent(bits));
    bits = e.select(e.is("lt", bits, normal!), lowest!, rounded);
  }
  return arith.bitcast(b, bits, { types: [f32] });
}

function convert(x: NDArray, from: Type, to: Type, saturate: boolean, mode: "nearest" | "up" | "down"): NDArray {
  const kind = dtype(to);
  if (isBool(to))
    return arrayOf(
      to,
      x.shape,
      Uint8Array.from(numbersOf(x), (v) => (v === 0 ? 0 : 1)),
    );
  if (kind === "f8E8M0FNU") {
    return new NDArray(
      kind,
      x.shape,
      Uint8Array.from(numbersOf(x), (v) => encodeE8M0(v, mode, saturate)),
    );
  }
  if (isNarrowFloat(kind)) {
    // Half precision has infinities to overflow to; only the 8-bit types may saturate.
    const eight = isFloatKind(kind) && kind.startsWith("f8");
    const codes = allocate(kind, x.size) as Uint16Array;
    return new NDArray(kind, x.shape, encodeFloats(kind, numbersOf(x) as Float32Array, codes, eight && saturate));
  }
  if (isFloat(to)) return arrayOf(to, x.shape, numbersOf(x));
  if (!isFloat(from)) return arrayOf(to, x.shape, elementsOf(x));
  return arrayOf(to, x.shape, integers(numbersOf(x), (to as { width: number }).width > 32));
}

/** Floats cut off; what no integer says is 0. */
function integers(values: ArrayLike<number>, wide: boolean): ArrayLike<number | bigint> {
  const n = values.length;
  if (!wide) {
    const out = new Float64Array(n);
    for (let i = 0; i < n; i++) out[i] = Math.trunc(values[i]!);
    return out;
  }
  const out = new BigInt64Array(n);
  for (let i = 0; i < n; i++) out[i] = Number.isFinite(values[i]!) ? BigInt(Math.trunc(values[i]!)) : 0n;
  return out;
}
