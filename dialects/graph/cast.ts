/** @file Conversions between element types. */
import { attr } from "../../ir/attributes.ts";
import { defineOp } from "../../ir/define.ts";
import { one } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import type { TensorType, Type } from "../../ir/types.ts";
import { encodeE8M0, encodeFloats, isFloatKind } from "../../support/float.ts";
import { allocate, isNarrowFloat, NDArray } from "../../support/ndarray.ts";
import { arrayOf, elementsOf, numbersOf } from "./data.ts";
import { converted } from "./expand.ts";
import { AnyTensor, Broadcasts, dtype, isBool, isFloat, withElementType } from "./op.ts";

export const cast = defineOp("graph.cast", {
  doc:
    "Elements of another type (ONNX Cast). Floats become integers by cutting off, wrapped to their width; anything but 0 " +
    "is true. To 8-bit floats values beyond the largest saturate, or not.",
  operands: [one("x", AnyTensor)],
  attrs: {
    to: attr.type,
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
  expand: ({ x, to }, b) => (isSmallFloat(to) || isSmallFloat(x.type.element) ? undefined : [converted(b, x, to)]),
});

/** Lower storeys have no arithmetic on them. */
const isSmallFloat = (t: Type): boolean => t.kind === "float" && t.width < 16;

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
