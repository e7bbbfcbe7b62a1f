/** @file The literals of MLIR's text: floating-point numbers and dense constants. */
import { type AttributeOf, elementCount, type FloatType, isShaped, type Type } from "./types.ts";

const scratch = new DataView(new ArrayBuffer(8));

/** The bits of a finite or special value in a float type; f16, bf16, f32 and f64 are written here. */
function bitsOf(value: number, type: FloatType): bigint {
  if (type.name === "f64") {
    scratch.setFloat64(0, value);
    return scratch.getBigUint64(0);
  }
  scratch.setFloat32(0, value);
  return BigInt(scratch.getUint32(0));
}

/** `0x` and the bits in upper case, as many digits as the type is wide. */
export const floatBitsText = (bits: bigint, type: Type): string =>
  `0x${bits
    .toString(16)
    .toUpperCase()
    .padStart(type.kind === "float" ? Math.ceil(type.width / 4) : 16, "0")}`;

/** A floating-point literal as MLIR prints it. */
export function floatText(value: number, type: Type): string {
  const t = type as FloatType;
  if (!Number.isFinite(value)) return floatBitsText(bitsOf(value, t), type);
  const short = value.toExponential(6).replace(/e([+-])(\d)$/, "e$10$2");
  const back = Number(short);
  if (Object.is(t.name === "f64" ? back : Math.fround(back), value)) return short;
  return value.toString().includes(".") ? value.toString() : value.toExponential();
}

/** `dense<…>` without the type. */
export function denseText(a: AttributeOf<"dense">): string {
  if (!isShaped(a.type)) return "dense<>";
  const count = elementCount(a.type.shape);
  let hex = "";
  for (const b of a.bytes) hex += b.toString(16).toUpperCase().padStart(2, "0");
  return count === 0 ? "dense<>" : `dense<"0x${hex}">`;
}
