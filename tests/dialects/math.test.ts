import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dialect } from "../../dialects/math.ts";
import { Interpreter } from "../../ir/interpret.ts";
import { ulpError } from "../../support/float.ts";
import { erf, erfc, pow, roundAway, roundEven } from "../../support/special.ts";
import { moduleOf, run } from "../support/run.ts";

const unary = (op: string, type = "f64") => `func.func @f(%a: ${type}) -> ${type} {
  %0 = math.${op} %a : ${type}
  return %0 : ${type}
}`;
const binary = (op: string, type = "f64") => `func.func @f(%a: ${type}, %b: ${type}) -> ${type} {
  %0 = math.${op} %a, %b : ${type}
  return %0 : ${type}
}`;
const nan = Number.NaN;

it("has 39 functions, each with a meaning on single numbers", () => {
  expect(dialect.ops).toHaveLength(39);
  for (const op of dialect.ops) expect(op.spec.scalar, op.opName).toBeDefined();
});

describe("rounding", () => {
  it("sends halves away from zero, or to the even integer, and keeps zeros' signs", () => {
    const values = [0.5, 1.5, 2.5, -0.5, -2.5, 0.49999999999999994, -0.2, 4503599627370497, Number.POSITIVE_INFINITY];
    expect(values.map(roundAway)).toEqual([1, 2, 3, -1, -3, 0, -0, 4503599627370497, Number.POSITIVE_INFINITY]);
    expect(values.map(roundEven)).toEqual([0, 2, 2, -0, -2, 0, -0, 4503599627370497, Number.POSITIVE_INFINITY]);
    for (const [op, wanted] of [
      ["round", -3],
      ["roundeven", -2],
      ["ceil", -2],
      ["floor", -3],
      ["trunc", -2],
    ] as const) {
      expect(run(unary(op), [-2.5]), op).toEqual([wanted]);
    }
  });

  it("copies signs, of zeros too", () => {
    expect(run(binary("copysign"), [3, -0])).toEqual([-3]);
    expect(run(binary("copysign"), [-3, 0])).toEqual([3]);
    expect(run(unary("absf"), [-0])).toEqual([0]);
  });
});

describe("transcendental functions", () => {
  /** Digits from tables (Abramowitz and Stegun; DLMF). */
  const known: readonly (readonly [string, number, number])[] = [
    ["exp", 1, Math.E],
    ["exp2", 0.5, Math.SQRT2],
    ["expm1", 1e-10, 1.00000000005e-10],
    ["log", 10, Math.LN10],
    ["log2", 8, 3],
    ["log10", 1000, 3],
    ["log1p", 1e-10, 9.9999999995e-11],
    ["sqrt", 2, Math.SQRT2],
    ["rsqrt", 4, 0.5],
    ["cbrt", 27, 3],
    ["sin", 1, 0.8414709848078965],
    ["cos", 1, 0.5403023058681398],
    ["tan", 1, 1.5574077246549023],
    ["asin", 1, Math.PI / 2],
    ["acos", -1, Math.PI],
    ["atan", 1, Math.PI / 4],
    ["sinh", 1, 1.1752011936438014],
    ["cosh", 1, 1.5430806348152437],
    ["tanh", 1, 0.7615941559557649],
    ["asinh", 1, 0.881373587019543],
    ["acosh", 2, 1.3169578969248166],
    ["atanh", 0.5, 0.5493061443340549],
    ["erf", 0.5, 0.5204998778130465],
  ];
  for (const [op, x, wanted] of known) {
    it(`${op}(${x})`, () => {
      expect(ulpError("f64", run(unary(op), [x])[0] as number, wanted)).toBeLessThanOrEqual(2);
      expect(run(unary(op, "f32"), [Math.fround(x)])[0]).toBe(
        Math.fround(run(unary(op), [Math.fround(x)])[0] as number),
      );
    });
  }

  it("erf and erfc add up to one, are odd, and meet where their forms change", () => {
    fc.assert(
      fc.property(fc.double({ min: -6, max: 6, noNaN: true }), (x) => {
        expect(Math.abs(erf(x) + erfc(x) - 1)).toBeLessThanOrEqual(2 ** -51);
        expect(erf(-x)).toBe(-erf(x));
      }),
    );
    expect(Math.abs(erf(2.5 + 1e-15) - erf(2.5 - 1e-15))).toBeLessThan(1e-15);
    expect(ulpError("f64", erfc(5), 1.5374597944280349e-12)).toBeLessThan(4);
    expect([erf(Number.POSITIVE_INFINITY), erf(nan), erf(-0)]).toEqual([1, nan, -0]);
  });
});

describe("powers", () => {
  it("powf is C's pow", () => {
    expect([pow(1, nan), pow(-1, Number.POSITIVE_INFINITY), pow(nan, 0), pow(2, 10)]).toEqual([1, 1, 1, 1024]);
    expect(run(binary("powf", "f32"), [2, 0.5])).toEqual([Math.fround(Math.SQRT2)]);
  });

  it("ipowi wraps; of negative powers only the units' are not zero", () => {
    expect(run(binary("ipowi", "i32"), [3, 5])).toEqual([243]);
    expect(run(binary("ipowi", "i32"), [3, 40])).toEqual([Number(BigInt.asIntN(32, 3n ** 40n))]);
    expect(run(binary("ipowi", "i64"), [-1n, -3n])).toEqual([-1n]);
    expect(run(binary("ipowi", "i32"), [5, -1])).toEqual([0]);
    expect(() => run(binary("ipowi", "i32"), [0, -1])).toThrow("zero to a negative power");
  });

  it("fpowi takes an integer of any width", () => {
    const text = `func.func @f(%a: f32, %n: i64) -> f32 {
      %0 = math.fpowi %a, %n : f32, i64
      return %0 : f32
    }`;
    expect(run(text, [1.5, 3n])).toEqual([3.375]);
  });
});

describe("fma", () => {
  it("rounds once in f32", () => {
    const module = moduleOf(`func.func @f(%a: f32, %b: f32, %c: f32) -> f32 {
      %0 = math.fma %a, %b, %c : f32
      return %0 : f32
    }`);
    const interpreter = new Interpreter();
    const fma = (a: number, b: number, c: number) => interpreter.call(module, "f", [a, b, c])[0];
    expect(fma(1 + 2 ** -12, 1 + 2 ** -12, -1)).toBe(2 ** -11 + 2 ** -24);
    // The sum lies just above the middle between two f32, which rounding to a double first would lose.
    expect(fma(1 + 2 ** -23, 1 + 2 ** -23, 2 ** 30 + 64)).toBe(2 ** 30 + 128);
  });
});

describe("bits", () => {
  it("counts zeros and ones in every width", () => {
    for (const width of [1, 8, 16, 32, 33, 64]) {
      const value = fc.bigInt({ min: 0n, max: 2n ** BigInt(width) - 1n });
      const modules = ["ctlz", "cttz", "ctpop"].map((op) => moduleOf(unary(op, `i${width}`)));
      fc.assert(
        fc.property(value, (v) => {
          const digits = v.toString(2).padStart(width, "0");
          const datum =
            width > 32 ? BigInt.asIntN(width, v) : width === 1 ? Number(v) : Number(BigInt.asIntN(width, v));
          const wanted = [
            digits.indexOf("1"),
            digits.length - 1 - digits.lastIndexOf("1"),
            digits.split("1").length - 1,
          ];
          if (v === 0n) wanted.splice(0, 2, width, width);
          const got = modules.map((m) => Number(new Interpreter().call(m, "f", [datum])[0]));
          expect(got.map((g) => BigInt.asUintN(width, BigInt(g)))).toEqual(
            wanted.map((w) => BigInt.asUintN(width, BigInt(w))),
          );
        }),
        { numRuns: 30 },
      );
    }
  });

  it("absi keeps the least integer", () => {
    expect(run(unary("absi", "i8"), [-128])).toEqual([-128]);
    expect(run(unary("absi", "i64"), [-5n])).toEqual([5n]);
  });
});
