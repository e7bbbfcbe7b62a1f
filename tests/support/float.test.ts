import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InternalError } from "../../support/diagnostic.ts";
import {
  decodeFloat,
  decodeFloats,
  decodeTable,
  encodeE8M0,
  encodeFloat,
  encodeFloats,
  f32Bits,
  f32FromBits,
  f64Bits,
  f64FromBits,
  floatFormats,
  isFloatKind,
  type NarrowFloatKind,
  roundTo,
  ulp,
  ulpDistance,
  ulpError,
} from "../../support/float.ts";

/** Layouts as the format papers give them: sign, exponent and mantissa bits, bias; codes that are infinity or NaN. */
const layouts = {
  f16: { exponent: 5, mantissa: 10, bias: 15, infinity: 0x7c00, nan: (m: number) => m > 0x7c00 },
  bf16: { exponent: 8, mantissa: 7, bias: 127, infinity: 0x7f80, nan: (m: number) => m > 0x7f80 },
  f8E5M2: { exponent: 5, mantissa: 2, bias: 15, infinity: 0x7c, nan: (m: number) => m > 0x7c },
  f8E4M3FN: { exponent: 4, mantissa: 3, bias: 7, infinity: -1, nan: (m: number) => m === 0x7f },
  f8E5M2FNUZ: { exponent: 5, mantissa: 2, bias: 16, infinity: -1, nan: () => false },
  f8E4M3FNUZ: { exponent: 4, mantissa: 3, bias: 8, infinity: -1, nan: () => false },
  f4E2M1FN: { exponent: 2, mantissa: 1, bias: 1, infinity: -1, nan: () => false },
} as const;
type Kind = keyof typeof layouts;
const kinds = Object.keys(layouts) as Kind[];

/** The value of a code without its sign, spelled out from the definition; undefined where it is no finite number. */
function magnitudeOf(kind: Kind, code: number): number | undefined {
  const { exponent: e, mantissa: m, bias, infinity, nan } = layouts[kind];
  if (code === infinity || nan(code)) return undefined;
  const text = code.toString(2).padStart(e + m, "0");
  const exponent = Number.parseInt(text.slice(0, e), 2);
  const fraction = Number.parseInt(text.slice(e), 2) / 2 ** m;
  return exponent === 0 ? fraction * 2 ** (1 - bias) : (1 + fraction) * 2 ** (exponent - bias);
}

const magnitudes = Object.fromEntries(
  kinds.map((kind) => {
    const { exponent, mantissa } = layouts[kind];
    const codes = Array.from({ length: 2 ** (exponent + mantissa) }, (_, code) => magnitudeOf(kind, code));
    return [kind, codes.filter((value) => value !== undefined)];
  }),
) as Record<Kind, number[]>;

/** A double as an integer count of 2^-1074. */
function exact(x: number): bigint {
  const bits = f64Bits(Math.abs(x));
  const exponent = bits >> 52n;
  const fraction = bits & (2n ** 52n - 1n);
  const magnitude = exponent === 0n ? fraction : (fraction + 2n ** 52n) << (exponent - 1n);
  return x < 0 ? -magnitude : magnitude;
}

/** Round to nearest even by comparing exact distances; answers the code, which may be one above the largest. */
function nearestCode(kind: Kind, magnitude: number): number {
  const values = magnitudes[kind];
  let low = 0;
  let high = values.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= magnitude) low = middle;
    else high = middle;
  }
  const below = exact(values[low]!);
  // Above the largest number stands the one that the next code would be.
  const above = low + 1 < values.length ? exact(values[low + 1]!) : 2n * below - exact(values[low - 1]!);
  const difference = 2n * exact(magnitude) - (below + above);
  if (difference !== 0n) return difference < 0n ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

function nextDouble(x: number, step: 1n | -1n): number {
  return f64FromBits(f64Bits(x) + step);
}

const anyDouble = fc.oneof(
  fc.double(),
  fc.float(),
  fc.double({ min: -1e6, max: 1e6 }),
  fc.double({ min: -1e-3, max: 1e-3 }),
  fc.tuple(fc.double({ min: 1, max: 2 }), fc.integer({ min: -160, max: 140 })).map(([m, e]) => m * 2 ** e),
);

describe.each(kinds)("%s", (kind) => {
  const values = magnitudes[kind];
  const { exponent, mantissa } = layouts[kind];
  const signBit = 2 ** (exponent + mantissa);
  const unsignedZero = kind.endsWith("FNUZ");
  const hasInfinity = layouts[kind].infinity >= 0;

  it("decodes every code by the definition", () => {
    expect(decodeTable(kind)).toHaveLength(2 * signBit);
    for (let code = 0; code < signBit; code++) {
      const wanted =
        code === layouts[kind].infinity ? Number.POSITIVE_INFINITY : (magnitudeOf(kind, code) ?? Number.NaN);
      expect(decodeFloat(kind, code)).toBe(wanted);
      const negative = unsignedZero && code === 0 ? Number.NaN : -wanted;
      expect(decodeFloat(kind, code + signBit)).toBe(negative);
    }
    expect(() => decodeFloat(kind, 2 * signBit)).toThrow(InternalError);
  });

  it("encodes every number as its own code", () => {
    for (let code = 0; code < 2 * signBit; code++) {
      const value = decodeFloat(kind, code);
      if (Number.isNaN(value)) expect(decodeFloat(kind, encodeFloat(kind, value))).toBeNaN();
      else expect(encodeFloat(kind, value)).toBe(code);
    }
  });

  it("rounds midpoints to even and their neighbours to their own side", () => {
    for (let code = 0; code + 1 < values.length; code++) {
      const middle = (values[code]! + values[code + 1]!) / 2;
      const even = code + (code % 2);
      const got = [nextDouble(middle, -1n), middle, nextDouble(middle, 1n)].map((x) => encodeFloat(kind, x));
      if (got[0] !== code || got[1] !== even || got[2] !== code + 1) expect.fail(`${code}: ${got.join(" ")}`);
    }
  });

  it("rounds any double to the nearest, as exact arithmetic says", () => {
    fc.assert(
      fc.property(anyDouble, fc.boolean(), (x, saturate) => {
        const got = roundTo(kind, x, saturate);
        if (Number.isNaN(x)) {
          expect(got).toBe(kind === "f4E2M1FN" ? -0 : Number.NaN);
          return;
        }
        const sign = x < 0 || Object.is(x, -0) ? -1 : 1;
        const code = Number.isFinite(x) ? nearestCode(kind, Math.abs(x)) : values.length;
        const max = values.at(-1)!;
        const beyond = saturate || kind === "f4E2M1FN" ? max : hasInfinity ? Number.POSITIVE_INFINITY : Number.NaN;
        const magnitude = values[code] ?? beyond;
        const wanted = unsignedZero && magnitude === 0 ? 0 : sign * magnitude;
        expect(got).toBe(wanted);
        const bits = encodeFloat(kind, x, saturate);
        expect(decodeFloat(kind, bits)).toBe(wanted);
      }),
      { numRuns: 3000 },
    );
  });

  it("has the limits that its numbers have", () => {
    const f = floatFormats[kind];
    expect(f.max).toBe(values.at(-1));
    expect(f.minPositive).toBe(values[1]);
    expect(f.minNormal).toBe(values[2 ** mantissa]);
    expect(f.epsilon).toBe(values[values.indexOf(1) + 1]! - 1);
    expect(f.width).toBe(1 + exponent + mantissa);
  });

  it("counts distances in ulps", () => {
    const index = fc.integer({ min: 1 - values.length, max: values.length - 1 });
    const at = (i: number): number => (i < 0 ? -values[-i]! : values[i]!);
    fc.assert(
      fc.property(index, index, (i, j) => {
        expect(ulpDistance(kind, at(i), at(j))).toBe(Math.abs(i - j));
      }),
    );
    for (let i = 0; i + 1 < values.length; i++) {
      if (ulp(kind, values[i]!) !== values[i + 1]! - values[i]!) expect.fail(`ulp at ${values[i]}`);
    }
  });
});

describe("ONNX Cast", () => {
  // Inputs and codes of the official node tests test_cast[_no_saturate]_FLOAT_to_FLOAT8*.
  const inputs = [
    0.4789254665374756,
    0.48033666610717773,
    0.4996848702430725,
    0.8191054463386536,
    0.4703124761581421,
    0.7229037880897522,
    1e6,
    1.0000000116860974e-7,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -1.0000000116860974e-7,
    -1e6,
  ];
  const cases: [NarrowFloatKind, string, string][] = [
    ["f8E4M3FN", "2f 2f 30 35 2f 34 7e 0 7f 7e fe 80 fe", "2f 2f 30 35 2f 34 7f 0 7f 7f ff 80 ff"],
    ["f8E4M3FNUZ", "37 37 38 3d 37 3c 7f 0 80 7f ff 0 ff", "37 37 38 3d 37 3c 80 0 80 80 80 0 80"],
    ["f8E5M2", "38 38 38 3b 38 3a 7b 0 7e 7b fb 80 fb", "38 38 38 3b 38 3a 7c 0 7e 7c fc 80 fc"],
    ["f8E5M2FNUZ", "3c 3c 3c 3f 3c 3e 7f 0 80 7f ff 0 ff", "3c 3c 3c 3f 3c 3e 80 0 80 80 80 0 80"],
  ];
  it.each(cases)("to %s with and without saturation", (kind, saturated, plain) => {
    const text = (saturate: boolean): string =>
      [...encodeFloats(kind, inputs, new Uint8Array(inputs.length), saturate)].map((b) => b.toString(16)).join(" ");
    expect(text(true)).toBe(saturated);
    // The sign of a NaN is not observable.
    expect(text(false).replaceAll("ff", "7f")).toBe(plain.replaceAll("ff", "7f"));
  });

  it("to f4E2M1FN", () => {
    const xs = [0.48, 0.25, 1.05, -3.5, -8, 9, 1e6, 1e-7, Number.NaN, 1 / 0, -1 / 0, -4, 0.01, -0];
    const codes = [...encodeFloats("f4E2M1FN", xs, new Uint8Array(xs.length))];
    expect(codes).toEqual([1, 0, 2, 0xe, 0xf, 7, 7, 0, 8, 7, 0xf, 0xe, 0, 8]);
  });

  it("to f8E8M0FNU, by round_mode", () => {
    const xs = [0, 0.124, 0.25, 0.5, 1.1, 1.5, 1.75, 2, -4, 2 ** -130];
    const codes = (mode: "up" | "down" | "nearest"): number[] => xs.map((x) => encodeE8M0(x, mode));
    expect(codes("up")).toEqual([0, 0x7c, 0x7d, 0x7e, 0x80, 0x80, 0x80, 0x80, 0x81, 0]);
    expect(codes("down")).toEqual([0, 0x7b, 0x7d, 0x7e, 0x7f, 0x7f, 0x7f, 0x80, 0x81, 0]);
    expect(codes("nearest")).toEqual([0, 0x7c, 0x7d, 0x7e, 0x7f, 0x80, 0x80, 0x80, 0x81, 0]);
    for (const x of [Number.NaN, 1 / 0, -1 / 0]) expect(encodeE8M0(x, "up", true)).toBe(0xff);
    expect([encodeE8M0(1.5 * 2 ** 127, "up", true), encodeE8M0(1.5 * 2 ** 127, "up")]).toEqual([0xfe, 0xff]);
    expect([encodeE8M0(1e300, "down", true), encodeE8M0(1e300, "down")]).toEqual([0xfe, 0xff]);
    for (let code = 0; code < 0xff; code++) {
      expect(decodeFloat("f8E8M0FNU", code)).toBe(2 ** (code - 127));
      expect(encodeFloat("f8E8M0FNU", 2 ** (code - 127))).toBe(code);
    }
    expect(decodeFloat("f8E8M0FNU", 0xff)).toBeNaN();
    expect(roundTo("f8E8M0FNU", 5)).toBe(4);
    expect(roundTo("f8E8M0FNU", 6)).toBe(8);
  });
});

describe("f32 and f64", () => {
  it("round as the language does", () => {
    fc.assert(
      fc.property(anyDouble, (x) => {
        expect(roundTo("f32", x)).toBe(Math.fround(x));
        expect(roundTo("f64", x)).toBe(x);
        const clamped = Number.isNaN(x)
          ? x
          : Math.min(Math.max(Math.fround(x), -floatFormats.f32.max), floatFormats.f32.max);
        expect(roundTo("f32", x, true)).toBe(clamped);
        expect(roundTo("f64", x, true)).toBe(
          Number.isNaN(x) ? x : Math.min(Math.max(x, -Number.MAX_VALUE), Number.MAX_VALUE),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("give and take their bits", () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.bigInt(0n, 2n ** 64n - 1n), (b32, b64) => {
        const [x32] = new Float32Array(Uint32Array.of(b32).buffer);
        const [x64] = new Float64Array(BigUint64Array.of(b64).buffer);
        expect(f32FromBits(b32)).toBe(x32);
        expect(f64FromBits(b64)).toBe(x64);
        if (!Number.isNaN(x32)) expect(f32Bits(x32!)).toBe(b32);
        if (!Number.isNaN(x64)) expect(f64Bits(x64!)).toBe(b64);
      }),
      { numRuns: 1000 },
    );
    expect(f32Bits(-0)).toBe(0x80000000);
  });

  it("have the limits of the language", () => {
    const { max, minPositive, epsilon } = floatFormats.f64;
    expect([max, minPositive, epsilon]).toEqual([Number.MAX_VALUE, Number.MIN_VALUE, Number.EPSILON]);
    expect(floatFormats.f32.max).toBe(f32FromBits(0x7f7fffff));
    expect(floatFormats.f32.minPositive).toBe(f32FromBits(1));
    expect(floatFormats.f32.minNormal).toBe(f32FromBits(0x00800000));
  });

  it("count distances in ulps", () => {
    expect(ulpDistance("f32", 1, f32FromBits(f32Bits(1) + 5))).toBe(5);
    expect(ulpDistance("f32", f32FromBits(3), -f32FromBits(4))).toBe(7);
    expect(ulpDistance("f32", 0, -0)).toBe(0);
    expect(ulpDistance("f32", floatFormats.f32.max, Number.POSITIVE_INFINITY)).toBe(1);
    expect(ulpDistance("f64", 1, 1 + Number.EPSILON)).toBe(1);
    expect(ulpDistance("f64", -Number.MIN_VALUE, Number.MIN_VALUE)).toBe(2);
    expect(ulpDistance("f64", -Number.MAX_VALUE, Number.MAX_VALUE)).toBe(2 * Number(f64Bits(Number.MAX_VALUE)));
    expect(ulpDistance("f32", Number.NaN, Number.NaN)).toBe(0);
    expect(ulpDistance("f32", Number.NaN, 1)).toBe(Number.POSITIVE_INFINITY);
    expect(ulp("f64", 1)).toBe(Number.EPSILON);
    expect(ulp("f64", 0)).toBe(Number.MIN_VALUE);
    expect(ulp("f32", 3e-45)).toBe(2 ** -149);
  });

  it("measure errors against values between their numbers", () => {
    expect(ulpError("f32", 1, 1 + 2 ** -24)).toBe(0.5);
    expect(ulpError("f16", 2048, 2049)).toBe(0.5);
    expect(ulpError("f32", Number.POSITIVE_INFINITY, 1e39)).toBe(0);
    expect(ulpError("f32", Number.POSITIVE_INFINITY, 1e38)).toBe(Number.POSITIVE_INFINITY);
    expect(ulpError("f32", Number.NaN, Number.NaN)).toBe(0);
    expect(ulpError("f32", 1, Number.NaN)).toBe(Number.POSITIVE_INFINITY);
    expect(ulpError("f32", 0, -0)).toBe(0);
  });
});

describe("arrays", () => {
  it("widen and round element by element", () => {
    const codes = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
    const wide = decodeFloats("bf16", codes);
    // bfloat16 is the upper half of f32.
    const upper = new Float32Array(Uint32Array.from(codes, (c) => c * 0x10000).buffer);
    expect(wide).toEqual(upper);
    const back = encodeFloats("bf16", wide, new Uint16Array(codes.length));
    for (let i = 0; i < codes.length; i++) {
      if (!Number.isNaN(wide[i]) && back[i] !== i) expect.fail(`${i} became ${back[i]}`);
    }
  });

  it("are told by kind", () => {
    expect(isFloatKind("f8E4M3FN")).toBe(true);
    expect(isFloatKind("toString")).toBe(false);
  });
});
