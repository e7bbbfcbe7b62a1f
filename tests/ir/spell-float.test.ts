/** Float literals: facts from mlir-opt 19, and the algorithm against a slow one that works digit by digit. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { floatBitsText, floatText } from "../../ir/spell-float.ts";
import { bf16, type FloatType, f16, f32, f64, float } from "../../ir/types.ts";
import { decodeFloat, f32Bits, f32FromBits, f64Bits, f64FromBits } from "../../support/float.ts";

describe("float literals", () => {
  it.each<[number, FloatType, string]>([
    [0, f32, "0.000000e+00"],
    [-0, f64, "-0.000000e+00"],
    [1, f32, "1.000000e+00"],
    [-2.5, f16, "-2.500000e+00"],
    [0.1, f64, "1.000000e-01"],
    [0.1, f32, "1.000000e-01"],
    [0.7, f32, "0.699999988"],
    [0.7, f64, "0.69999999999999996"],
    [1 / 3, f32, "0.333333343"],
    [3.3866e-1, f16, "3.386230e-01"],
    [1e10, f32, "1.000000e+10"],
    [16777216, f32, "0x4B800000"],
    [123456789, f64, "0x419D6F3454000000"],
    [1234567, f32, "0x4996B438"],
    [1e-7, f32, "1.000000e-07"],
    [1.17549435e-38, f32, "1.17549435E-38"],
    [5e-324, f64, "4.940660e-324"],
    [Number.MAX_VALUE, f64, "1.7976931348623157E+308"],
    [65504, f16, "6.550400e+04"],
    [3.14, bf16, "3.140630e+00"],
    [Number.POSITIVE_INFINITY, f32, "0x7F800000"],
    [Number.NEGATIVE_INFINITY, f64, "0xFFF0000000000000"],
    [Number.NaN, f16, "0x7E00"],
    [Number.NaN, bf16, "0x7FC0"],
    [Number.NaN, float("f8E4M3FN"), "0x7F"],
    [Number.NaN, float("f8E5M2FNUZ"), "0x80"],
    [448, float("f8E4M3FN"), "4.480000e+02"],
  ])("%d as %j is %s", (value, type, text) => {
    expect(floatText(value, type)).toBe(text);
  });

  it("of types wider than a double come from the bits", () => {
    expect(floatBitsText(0x3fff8000000000000000n, float("f80"))).toBe("1.000000e+00");
    expect(floatBitsText(0x4000c90fdaa22168c235n, float("f80"))).toBe("3.14159265358979323851");
    expect(floatBitsText(0x3fff0000000000000000000000000000n, float("f128"))).toBe("1.000000e+00");
    expect(floatBitsText(0x7fffc000000000000000n, float("f80"))).toBe("0x7FFFC000000000000000");
  });

  it("keep the payload of a NaN", () => {
    expect(floatBitsText(0x7fc00001n, f32)).toBe("0x7FC00001");
  });

  it("round the number to the type first", () => {
    expect(floatText(0.1, f16)).toBe(floatText(0.0999755859375, f16));
  });
});

// --- the slow definition ----------------------------------------------------------------------------------------

/** Digits, most significant first, and the exponent of the last one, of an exact binary number. */
function slowDigits(significand: bigint, exponent: number, places: number): { digits: number[]; power: number } {
  let n = significand;
  let e = exponent;
  while (n % 2n === 0n) {
    n /= 2n;
    e++;
  }
  let power = 0;
  for (; e > 0; e--) n *= 2n;
  for (; e < 0; e++) {
    n *= 5n;
    power--;
  }
  const length = (x: bigint): number => {
    let bits = 0;
    for (let y = x; y > 0n; y /= 2n) bits++;
    return bits;
  };
  let drop = Math.trunc(((length(n) - Math.trunc((places * 196 + 58) / 59)) * 59) / 196);
  for (; drop > 0; drop--) {
    n /= 10n;
    power++;
  }
  const digits: number[] = [];
  for (; n > 0n; n /= 10n) digits.unshift(Number(n % 10n));
  if (digits.length > places) {
    const up = digits[places]! >= 5;
    power += digits.length - places;
    digits.length = places;
    if (up) {
      let i = places - 1;
      for (; i >= 0 && digits[i] === 9; i--) digits[i] = 0;
      if (i >= 0) digits[i] = digits[i]! + 1;
      else digits.unshift(1);
    }
  }
  while (digits.at(-1) === 0) {
    digits.pop();
    power++;
  }
  return { digits, power };
}

function slowText(
  significand: bigint,
  exponent: number,
  precision: number,
  isSame: (decimal: string) => boolean,
  hex: () => string,
): string {
  const scientific = (d: number[], power: number, pad: number, mark: string, width: number): string => {
    const p = power + d.length - 1;
    const fraction = d.slice(1).join("").padEnd(pad, "0") || "0";
    return `${d[0]}.${fraction}${mark}${p < 0 ? "-" : "+"}${String(Math.abs(p)).padStart(width, "0")}`;
  };
  const six = slowDigits(significand, exponent, 6);
  const short = scientific(six.digits, six.power, 6, "e", 2);
  if (isSame(short)) return short;
  const places = 2 + Math.trunc((precision * 59) / 196);
  const { digits, power } = slowDigits(significand, exponent, places);
  const first = power + digits.length - 1;
  if (power >= 0 && power <= 3 && digits.length + power <= places) return hex();
  if (power >= 0 || first < -3) return scientific(digits, power, 0, "E", 1);
  if (first >= 0) return `${digits.slice(0, first + 1).join("")}.${digits.slice(first + 1).join("")}`;
  return `0.${"0".repeat(-first - 1)}${digits.join("")}`;
}

/** Sign, significand and exponent of a finite double. */
function parts(x: number): { significand: bigint; exponent: number } {
  const bits = f64Bits(Math.abs(x));
  const fraction = bits & (2n ** 52n - 1n);
  const biased = Number(bits >> 52n);
  return biased === 0
    ? { significand: fraction, exponent: -1074 }
    : { significand: fraction | (2n ** 52n), exponent: biased - 1075 };
}

const hexOf = (bits: bigint | number): string => `0x${bits.toString(16).toUpperCase()}`;

describe("float literals, for all values", () => {
  const check = (x: number, type: FloatType, precision: number, back: (d: string) => number, bits: () => string) => {
    const { significand, exponent } = parts(x);
    const sign = x < 0 ? "-" : "";
    const same = (d: string): boolean => back(sign + d) === x;
    const hex = (): string => "";
    const wanted = slowText(significand, exponent, precision, same, hex);
    expect(floatText(x, type)).toBe(wanted === "" ? bits() : sign + wanted);
  };

  it("f32", () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), (x) => {
        if (x === 0) return;
        check(
          x,
          f32,
          24,
          (d) => Math.fround(Number(d)),
          () => hexOf(f32Bits(x)),
        );
        expect(floatBitsText(BigInt(f32Bits(x)), f32)).toBe(floatText(x, f32));
      }),
      { numRuns: 2000 },
    );
  });

  it("f32 with few digits", () => {
    fc.assert(
      fc.property(fc.integer({ min: -99999, max: 99999 }), fc.integer({ min: 0, max: 8 }), (n, p) => {
        const x = Math.fround(n / 10 ** p);
        if (x !== 0)
          check(
            x,
            f32,
            24,
            (d) => Math.fround(Number(d)),
            () => hexOf(f32Bits(x)),
          );
      }),
      { numRuns: 2000 },
    );
  });

  it("f64", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => {
        if (x !== 0) check(x, f64, 53, Number, () => hexOf(f64Bits(x)));
      }),
      { numRuns: 2000 },
    );
  });

  it("f16 and bf16: all bits read back", () => {
    for (const [kind, type, inf] of [
      ["f16", f16, 0x7c00],
      ["bf16", bf16, 0x7f80],
    ] as const) {
      for (let bits = 0; bits < inf; bits++) {
        const text = floatBitsText(BigInt(bits), type);
        const exact = decodeFloat(kind, bits);
        const below = bits > 0 ? decodeFloat(kind, bits - 1) : -decodeFloat(kind, 1);
        const above = bits + 1 < inf ? decodeFloat(kind, bits + 1) : 2 * exact - below;
        const value = Number(text);
        // Nearer to this number than to its neighbours.
        expect(value).toBeGreaterThan((below + exact) / 2);
        expect(value).toBeLessThan((exact + above) / 2);
        expect(text).toMatch(/^\d\.\d{6}e[+-]\d\d$/);
      }
    }
  });

  it("hexadecimal ones hold the bits", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffffffff }), (bits) => {
        const text = floatBitsText(BigInt(bits), f32);
        const back = text.startsWith("0x") ? Number(text) : f32Bits(Number(text));
        expect(back).toBe(bits);
        if (!text.startsWith("0x")) expect(f32FromBits(bits)).toBe(Math.fround(Number(text)));
      }),
    );
    expect(f64FromBits(0x419d6f3454000000n)).toBe(123456789);
  });
});
