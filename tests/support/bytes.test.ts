import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteWriter, ulebSize } from "../../support/bytes.ts";
import { InternalError } from "../../support/diagnostic.ts";

const written = (write: (w: ByteWriter) => void): number[] => {
  const w = new ByteWriter(1);
  write(w);
  return [...w.toBytes()];
};

/** LEB128 as the WebAssembly specification words it: Σ (byte & 0x7f) · 128^i, sign-extended from the last bit. */
function decode(bytes: readonly number[], signed: boolean): { value: bigint; length: number } {
  let value = 0n;
  let length = 0;
  for (;;) {
    const byte = bytes[length]!;
    value += BigInt(byte & 0x7f) * 128n ** BigInt(length);
    length++;
    if (byte < 0x80) break;
  }
  return { value: signed ? BigInt.asIntN(7 * length, value) : value, length };
}

const hex = (bytes: number[]): string => bytes.map((b) => b.toString(16).padStart(2, "0")).join(" ");

describe("LEB128", () => {
  it("writes the examples of the DWARF standard", () => {
    const unsigned: [number, string][] = [
      [2, "02"],
      [127, "7f"],
      [128, "80 01"],
      [129, "81 01"],
      [12857, "b9 64"],
      [2 ** 32 - 1, "ff ff ff ff 0f"],
    ];
    for (const [value, bytes] of unsigned) expect(hex(written((w) => w.uleb32(value)))).toBe(bytes);
    const signed: [number, string][] = [
      [2, "02"],
      [-2, "7e"],
      [127, "ff 00"],
      [-127, "81 7f"],
      [128, "80 01"],
      [-128, "80 7f"],
      [129, "81 01"],
      [-129, "ff 7e"],
      [-(2 ** 31), "80 80 80 80 78"],
    ];
    for (const [value, bytes] of signed) expect(hex(written((w) => w.sleb32(value)))).toBe(bytes);
  });

  const kinds = [
    ["uleb32", fc.nat(0xffffffff).map(BigInt), false, (w: ByteWriter, v: bigint) => w.uleb32(Number(v))],
    ["sleb32", fc.integer().map(BigInt), true, (w: ByteWriter, v: bigint) => w.sleb32(Number(v))],
    ["uleb64", fc.bigInt(0n, 2n ** 64n - 1n), false, (w: ByteWriter, v: bigint) => w.uleb64(v)],
    ["sleb64", fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), true, (w: ByteWriter, v: bigint) => w.sleb64(v)],
  ] as const;

  it.each(kinds)("%s reads back and is the shortest", (_, values, signed, write) => {
    // Shifting spreads the samples over all lengths.
    const spread = fc.tuple(values, fc.nat(63)).map(([v, shift]) => v >> BigInt(shift));
    fc.assert(
      fc.property(spread, (v) => {
        const bytes = written((w) => write(w, v));
        expect(decode(bytes, signed)).toEqual({ value: v, length: bytes.length });
        if (bytes.length > 1) {
          const shorter = 7n * BigInt(bytes.length - 1);
          const fits = signed ? BigInt.asIntN(Number(shorter), v) === v : v < 2n ** shorter;
          expect(fits).toBe(false);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("ulebSize is the length of uleb32", () => {
    fc.assert(
      fc.property(fc.nat(0xffffffff), fc.nat(31), (v, shift) => {
        const value = v >>> shift;
        expect(ulebSize(value)).toBe(written((w) => w.uleb32(value)).length);
      }),
    );
  });

  it("refuses what does not fit", () => {
    const w = new ByteWriter();
    expect(() => w.uleb32(-1)).toThrow(InternalError);
    expect(() => w.uleb32(2 ** 32)).toThrow(InternalError);
    expect(() => w.uleb32(1.5)).toThrow(InternalError);
    expect(() => w.sleb32(2 ** 31)).toThrow(InternalError);
    expect(() => w.sleb32(Number.NaN)).toThrow(InternalError);
    expect(() => w.uleb64(-1n)).toThrow(InternalError);
    expect(() => w.sleb64(2n ** 63n)).toThrow(InternalError);
    expect(w.length).toBe(0);
  });
});

describe("ByteWriter", () => {
  it("writes scalars in little-endian order, growing as needed", () => {
    const bytes = written((w) => {
      w.u8(0x01);
      w.u16(0x0302);
      w.u32(0x07060504);
      w.u64(0x0f0e0d0c0b0a0908n);
      w.f32(1);
      w.f64(-2);
      w.append(Uint8Array.of(9, 8, 7));
      w.zeros(2);
      w.utf8("aé→😀");
    });
    const tail = [...new TextEncoder().encode("aé→😀")];
    const floats = [0, 0, 0x80, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0];
    const counted = Array.from({ length: 15 }, (_, i) => i + 1);
    expect(bytes).toEqual([...counted, ...floats, 9, 8, 7, 0, 0, ...tail]);
  });

  it("zeros are zero even where the buffer was used before", () => {
    const w = new ByteWriter();
    w.append(new Uint8Array(64).fill(0xff));
    w.clear();
    w.zeros(64);
    expect([...w.toBytes()]).toEqual(new Array(64).fill(0));
  });

  it("prefixes parts with their length, nested and of any size", () => {
    const sizes = fc.constantFrom(0, 1, 2, 126, 127, 128, 129, 16382, 16383, 16384, 16390);
    fc.assert(
      fc.property(sizes, sizes, sizes, (before, inner, after) => {
        const fill = (n: number, byte: number): Uint8Array => new Uint8Array(n).fill(byte);
        const w = new ByteWriter(1);
        const outer = w.openPrefix();
        w.append(fill(before, 1));
        const nested = w.openPrefix();
        w.append(fill(inner, 2));
        w.closePrefix(nested);
        w.append(fill(after, 3));
        w.closePrefix(outer);
        const part = [...leb(inner), ...fill(inner, 2)];
        const body = [...fill(before, 1), ...part, ...fill(after, 3)];
        expect(Buffer.from([...leb(body.length), ...body]).equals(w.toBytes())).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("subarray shares, toBytes copies", () => {
    const w = new ByteWriter();
    w.u8(1);
    const shared = w.subarray();
    const copy = w.toBytes();
    w.clear();
    w.u8(2);
    expect([...shared]).toEqual([2]);
    expect([...copy]).toEqual([1]);
  });
});

function leb(value: number): number[] {
  return value < 0x80 ? [value] : [(value % 128) + 128, ...leb(Math.floor(value / 128))];
}
