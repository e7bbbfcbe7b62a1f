import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { f32FromBits, roundTo } from "../../support/float.ts";
import { fma } from "../../support/fma.ts";

/** A finite double as an exact fraction m / 2^k. */
function fraction(x: number): readonly [bigint, number] {
  let k = 0;
  let y = x;
  while (!Number.isInteger(y)) {
    y *= 2;
    k++;
  }
  return [BigInt(y), k];
}

/** Is `r` a float of the type nearest to a * b + c? Distances to its neighbours are compared exactly. */
function isNearest(a: number, b: number, c: number, r: number, next: (x: number, up: boolean) => number): boolean {
  const [ma, ka] = fraction(a);
  const [mb, kb] = fraction(b);
  const distance = (x: number): readonly [bigint, number] => {
    const [mx, kx] = fraction(x);
    const [mc, kc] = fraction(c);
    const k = Math.max(ka + kb, kc, kx);
    const exact = ((ma * mb) << BigInt(k - ka - kb)) + (mc << BigInt(k - kc));
    const d = exact - (mx << BigInt(k - kx));
    return [d < 0n ? -d : d, k];
  };
  const least = distance(r);
  const closer = ([m, k]: readonly [bigint, number]): boolean => m << BigInt(least[1]) < least[0] << BigInt(k);
  return ![next(r, true), next(r, false)].some((n) => Number.isFinite(n) && closer(distance(n)));
}

const scratch = new DataView(new ArrayBuffer(8));
const next32 = (x: number, up: boolean): number => {
  scratch.setFloat32(0, x === 0 ? 0 : x);
  const bits = scratch.getInt32(0);
  if (x === 0) return up ? f32FromBits(1) : -f32FromBits(1);
  scratch.setInt32(0, bits + (up === x > 0 ? 1 : -1));
  return scratch.getFloat32(0);
};
const next64 = (x: number, up: boolean): number => {
  if (x === 0) return up ? Number.MIN_VALUE : -Number.MIN_VALUE;
  scratch.setFloat64(0, x);
  scratch.setBigInt64(0, scratch.getBigInt64(0) + (up === x > 0 ? 1n : -1n));
  return scratch.getFloat64(0);
};

const float32 = fc.float({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 60), max: 2 ** 60 });
const float64 = fc.double({ noNaN: true, noDefaultInfinity: true, min: -(2 ** 200), max: 2 ** 200 });

describe("fma", () => {
  it("rounds f32 once", () => {
    fc.assert(
      fc.property(float32, float32, float32, (a, b, c) => {
        const r = fma("f32", a, b, c);
        expect(Math.fround(r)).toBe(r);
        return isNearest(a, b, c, r, next32);
      }),
    );
  });

  it("rounds f64 once", () => {
    fc.assert(fc.property(float64, float64, float64, (a, b, c) => isNearest(a, b, c, fma("f64", a, b, c), next64)));
  });

  it("tells apart what two roundings would not", () => {
    // The product is the middle of two floats; what is added is lost in a double.
    const a = 1 + 2 ** -12;
    expect(fma("f32", a, a, 2 ** -80)).toBe(1 + 2 ** -11 + 2 ** -23);
    expect(fma("f32", a, a, -(2 ** -80))).toBe(1 + 2 ** -11);
    expect(fma("f32", a, a, 0)).toBe(roundTo("f32", a * a));
    expect(fma("f64", 1 + 2 ** -30, 1 + 2 ** -30, -1)).toBe(2 ** -29 + 2 ** -60);
  });

  it("handles zeros, infinities and NaN as the rounded operations do", () => {
    for (const kind of ["f32", "f64"] as const) {
      expect(fma(kind, 0, -1, 0)).toBe(0);
      expect(fma(kind, 0, -1, -0)).toBe(-0);
      expect(fma(kind, 2, 3, -6)).toBe(0);
      expect(fma(kind, Number.POSITIVE_INFINITY, 0, 1)).toBeNaN();
      expect(fma(kind, Number.POSITIVE_INFINITY, 1, Number.NEGATIVE_INFINITY)).toBeNaN();
      expect(fma(kind, 1e30, 1e30, 0)).toBe(kind === "f32" ? Number.POSITIVE_INFINITY : 1e30 * 1e30);
    }
    expect(fma("f64", 1e200, 1e200, -1)).toBe(Number.POSITIVE_INFINITY);
    expect(fma("f64", 2 ** 1000, 2 ** 24, -(2 ** 1023))).toBe(2 ** 1023);
    expect(fma("f64", 2 ** -600, 2 ** -500, 0)).toBe(0);
    expect(fma("f64", 2 ** -600, 2 ** -474, 2 ** -1074)).toBe(2 ** -1073);
  });
});
