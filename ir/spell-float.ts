/**
 * @file Floating-point literals as MLIR writes them. MLIR prints a number with six digits if that reads back to the
 * same bits, else with as many digits as its type needs, else as the hexadecimal of its bits. Both decimal forms come
 * from LLVM's APFloat, which drops excess decimal digits by truncation before it rounds half up; so the digits are
 * made here by the same steps and not by the shortest-digits routines of JavaScript. (0.7 as f32 is `0.699999988`.)
 */
import { invariant } from "../support/diagnostic.ts";
import { isFloatKind, roundTo } from "../support/float.ts";
import type { FloatName, FloatType } from "./types.ts";

/** How the bits of a float type are laid out. */
interface Layout {
  /** Bits of the significand, the leading one included. */
  readonly precision: number;
  readonly exponentBits: number;
  readonly bias: number;
  /**
   * What the largest exponents mean: infinity and NaN (IEEE 754), NaN in the one code of all ones (`fn`), NaN in place
   * of the negative zero (`fnuz`), nothing special (`finite`), or powers of two with one NaN (`exponent`).
   */
  readonly specials: "ieee" | "fn" | "fnuz" | "finite" | "exponent";
  /** The leading bit of the significand is stored (x87). */
  readonly explicitBit: boolean;
}

const layout = (
  precision: number,
  exponentBits: number,
  specials: Layout["specials"] = "ieee",
  bias = 2 ** (exponentBits - 1) - (specials === "fnuz" ? 0 : 1),
): Layout => ({ precision, exponentBits, bias, specials, explicitBit: precision === 64 });

const layouts: Readonly<Record<FloatName, Layout>> = {
  f64: layout(53, 11),
  f32: layout(24, 8),
  f16: layout(11, 5),
  bf16: layout(8, 8),
  tf32: layout(11, 8),
  f80: layout(64, 15),
  f128: layout(113, 15),
  f8E5M2: layout(3, 5),
  f8E4M3: layout(4, 4),
  f8E4M3FN: layout(4, 4, "fn"),
  f8E5M2FNUZ: layout(3, 5, "fnuz"),
  f8E4M3FNUZ: layout(4, 4, "fnuz"),
  f8E4M3B11FNUZ: layout(4, 4, "fnuz", 11),
  f8E3M4: layout(5, 3),
  f8E8M0FNU: layout(1, 8, "exponent"),
  f6E3M2FN: layout(3, 3, "finite"),
  f6E2M3FN: layout(4, 2, "finite"),
  f4E2M1FN: layout(2, 2, "finite"),
};

/** A finite number: ± significand · 2^exponent. A zero significand is a zero. */
interface Exact {
  readonly negative: boolean;
  readonly significand: bigint;
  readonly exponent: number;
}

const scratch = new DataView(new ArrayBuffer(8));

/** `0x` and the bits in upper case, without leading zeros. */
const hexText = (bits: bigint): string => `0x${bits.toString(16).toUpperCase()}`;

/** The literal of a number in a float type; the number is first rounded to the type. */
export function floatText(value: number, type: FloatType): string {
  const v = isFloatKind(type.name) ? roundTo(type.name, value) : value;
  // Most constants are short binary fractions, whose exact value six digits can hold.
  if (v !== 0 && Math.abs(v) < 1e6 && Number.isInteger(v * 1024)) {
    const short = v.toExponential(5);
    if (Number(short) === v) return padded(short);
  }
  if (!Number.isFinite(v)) return hexText(specialBits(v, layouts[type.name], type.width));
  scratch.setFloat64(0, v);
  return exactText(exactOf(scratch.getBigUint64(0), layouts.f64, 64)!, type, () => bitsOfExact(v, type));
}

/** The literal of the number that bits stand for in a float type. */
export function floatBitsText(bits: bigint, type: FloatType): string {
  const exact = exactOf(bits, layouts[type.name], type.width);
  return exact ? exactText(exact, type, () => bits) : hexText(bits);
}

/** `1.23450e+1` of JavaScript as MLIR pads it: `1.234500e+01`. */
function padded(short: string): string {
  const e = short.indexOf("e");
  const exponent = short.slice(e + 2);
  return `${short.slice(0, e)}0e${short[e + 1]}${exponent.length < 2 ? "0" : ""}${exponent}`;
}

function specialBits(v: number, f: Layout, width: number): bigint {
  const mantissa = BigInt(f.precision - (f.explicitBit ? 0 : 1));
  const sign = v < 0 ? 1n << BigInt(width - 1) : 0n;
  if (f.specials === "fnuz") return 1n << BigInt(width - 1);
  if (f.specials === "fn") return sign | ((1n << BigInt(width - 1)) - 1n);
  if (f.specials === "exponent") return (1n << BigInt(width)) - 1n;
  invariant(f.specials === "ieee", `${v} is no number of a type without infinity and NaN`);
  const exponent = ((1n << BigInt(f.exponentBits)) - 1n) << mantissa;
  const quiet = Number.isNaN(v) ? 1n << BigInt(f.precision - 2) : 0n;
  return sign | exponent | quiet | (f.explicitBit ? 1n << (mantissa - 1n) : 0n);
}

/** Bits of a finite number of the type. Only numbers of 1 and above come here: their decimal form has no point. */
function bitsOfExact(v: number, type: FloatType): bigint {
  const f = layouts[type.name];
  scratch.setFloat64(0, v);
  const { negative, significand, exponent } = exactOf(scratch.getBigUint64(0), layouts.f64, 64)!;
  const scale = bitLength(significand) - f.precision;
  const whole = scale > 0 ? significand >> BigInt(scale) : significand << BigInt(-scale);
  const stored = f.explicitBit ? whole : whole & ((1n << BigInt(f.precision - 1)) - 1n);
  const biased = BigInt(exponent + scale + f.precision - 1 + f.bias);
  const sign = negative ? 1n << BigInt(type.width - 1) : 0n;
  return sign | (biased << BigInt(f.explicitBit ? f.precision : f.precision - 1)) | stored;
}

/** The number that bits stand for; undefined for infinities and NaNs. */
function exactOf(bits: bigint, f: Layout, width: number): Exact | undefined {
  const stored = BigInt(f.explicitBit ? f.precision : f.precision - 1);
  const fraction = bits & ((1n << stored) - 1n);
  const allOnes = (1n << BigInt(f.exponentBits)) - 1n;
  const biased = (bits >> stored) & allOnes;
  const signBit = f.specials === "exponent" ? 0n : 1n << BigInt(width - 1);
  const negative = (bits & signBit) !== 0n;
  switch (f.specials) {
    case "ieee":
      if (biased === allOnes) return undefined;
      break;
    case "fn":
      if (biased === allOnes && fraction === (1n << stored) - 1n) return undefined;
      break;
    case "fnuz":
      if (bits === signBit) return undefined;
      break;
    case "exponent":
      if (biased === allOnes) return undefined;
      return { negative: false, significand: 1n, exponent: Number(biased) - f.bias };
    case "finite":
      break;
  }
  const leading = biased === 0n || f.explicitBit ? 0n : 1n << stored;
  const exponent = Math.max(Number(biased), 1) - f.bias - (f.precision - 1);
  return { negative, significand: fraction | leading, exponent };
}

const bitLength = (n: bigint): number => n.toString(2).length;

function exactText(x: Exact, type: FloatType, bits: () => bigint): string {
  const sign = x.negative ? "-" : "";
  if (x.significand === 0n) return `${sign}0.000000e+00`;
  const f = layouts[type.name];
  // APFloat leaves trailing binary zeros out before it counts digits.
  let { significand, exponent } = x;
  while ((significand & 0xffn) === 0n) {
    significand >>= 8n;
    exponent += 8;
  }
  while ((significand & 1n) === 0n) {
    significand >>= 1n;
    exponent++;
  }
  const short = decimalOf(significand, exponent, 6);
  if (readsBack(short, significand, exponent, f)) {
    const power = short.exponent + short.digits.length - 1;
    const shown = String(Math.abs(power)).padStart(2, "0");
    return `${sign}${short.digits[0]}.${short.digits.slice(1).padEnd(6, "0")}e${power < 0 ? "-" : "+"}${shown}`;
  }
  const places = 2 + Math.floor((f.precision * 59) / 196);
  const text = naturalText(decimalOf(significand, exponent, places), places);
  return text.includes(".") ? sign + text : hexText(bits());
}

/** digits · 10^exponent, without trailing zeros. */
interface Decimal {
  readonly digits: string;
  readonly exponent: number;
}

/** At most `places` digits of significand · 2^exponent, made as APFloat makes them. */
function decimalOf(significand: bigint, exponent: number, places: number): Decimal {
  let n = exponent >= 0 ? significand << BigInt(exponent) : significand * 5n ** BigInt(-exponent);
  let power = Math.min(exponent, 0);
  // 59/196 is just below log10(2). Digits that are surely not needed are cut off, not rounded.
  const excess = bitLength(n) - Math.floor((places * 196 + 58) / 59);
  const cut = excess > 0 ? Math.floor((excess * 59) / 196) : 0;
  if (cut > 0) {
    n /= 10n ** BigInt(cut);
    power += cut;
  }
  let digits = n.toString();
  if (digits.length > places) {
    power += digits.length - places;
    const up = digits[places]! >= "5";
    digits = digits.slice(0, places);
    if (up) digits = (BigInt(digits) + 1n).toString();
  }
  const kept = digits.replace(/0+$/, "");
  return { digits: kept, exponent: power + digits.length - kept.length };
}

/** Rounding the decimal to the type (to nearest, ties to even) gives the odd significand · 2^exponent again. */
function readsBack(decimal: Decimal, significand: bigint, exponent: number, f: Layout): boolean {
  const lowest = 1 - f.bias - (f.precision - 1);
  const last = Math.max(exponent + bitLength(significand) - f.precision, lowest);
  // Everything is counted in quarters of the last place, times a power of ten that makes the decimal whole.
  const unit = last - 2;
  const tens = decimal.exponent < 0 ? 10n ** BigInt(-decimal.exponent) : 1n;
  const twos = 1n << BigInt(Math.max(-unit, 0));
  const wanted = (significand << BigInt(exponent - Math.min(unit, 0))) * tens;
  const given = BigInt(decimal.digits) * 10n ** BigInt(Math.max(decimal.exponent, 0)) * twos;
  const quarter = (1n << BigInt(Math.max(unit, 0))) * tens;
  const isEven = exponent > last;
  if (given >= wanted) return isEven ? given - wanted <= 2n * quarter : given - wanted < 2n * quarter;
  // Below a power of two the numbers lie twice as dense.
  const half = significand === 1n && last > lowest ? quarter : 2n * quarter;
  return isEven ? wanted - given <= half : wanted - given < half;
}

/** APFloat's default form: plain where that adds at most three zeros, else scientific. */
function naturalText({ digits, exponent }: Decimal, places: number): string {
  const count = digits.length;
  const leading = exponent + count - 1;
  const scientific = exponent >= 0 ? exponent > 3 || count + exponent > places : leading < 0 && -leading > 3;
  if (scientific) {
    return `${digits[0]}.${count === 1 ? "0" : digits.slice(1)}E${leading < 0 ? "-" : "+"}${Math.abs(leading)}`;
  }
  if (exponent >= 0) return digits + "0".repeat(exponent);
  const whole = count + exponent;
  if (whole > 0) return `${digits.slice(0, whole)}.${digits.slice(whole)}`;
  return `0.${"0".repeat(-whole)}${digits}`;
}
