import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { externalReader } from "../../cli/external.ts";
import { readNpy, writeNpy } from "../../cli/npy.ts";
import { CompileError } from "../../support/diagnostic.ts";
import { type DType, NDArray } from "../../support/ndarray.ts";

/** A file with a given header; `pad` brings it to numpy's alignment. */
function npy(header: string, content: Uint8Array | readonly number[], version = 1): Uint8Array {
  const start = version === 1 ? 10 : 12;
  const text = `${header.padEnd(Math.ceil((start + header.length + 1) / 64) * 64 - start - 1)}\n`;
  const length = version === 1 ? [text.length & 255, text.length >> 8] : [text.length & 255, text.length >> 8, 0, 0];
  const encoded = new TextEncoder().encode(text);
  return Uint8Array.from([0x93, ...new TextEncoder().encode("NUMPY"), version, 0, ...length, ...encoded, ...content]);
}

const header = (descr: string, shape: string, order = "False"): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }`;

const dtypes: readonly DType[] = ["i1", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16", "f32", "f64"];

describe(".npy files", () => {
  it("written are those that numpy.save writes", () => {
    // np.save(f, np.array([[1, 2, 3], [4, 5, 6]], dtype="<i2")) by numpy 2.4
    const expected = npy(header("<i2", "(2, 3)"), [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0]);
    expect(writeNpy(NDArray.from("i16", [2, 3], [1, 2, 3, 4, 5, 6]))).toEqual(expected);
    expect(expected.length).toBe(128 + 12);
    expect(writeNpy(NDArray.from("u8", [2], [1, 2]))).toEqual(npy(header("|u1", "(2,)"), [1, 2]));
    expect(writeNpy(NDArray.from("i1", [], [1]))).toEqual(npy(header("|b1", "()"), [1]));
  });

  it("of every type survive being written and read", () => {
    const shape = fc.array(fc.nat(4), { maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...dtypes), shape, fc.nat(), (dtype, shape, seed) => {
        const big = dtype === "i64" || dtype === "u64";
        const count = shape.reduce((n, d) => n * d, 1);
        const number = (i: number): number => (dtype === "i1" ? (seed + i) % 2 : (seed + 7 * i) % 100);
        const array = NDArray.from(
          dtype,
          shape,
          Array.from({ length: count }, (_, i) => (big ? BigInt(number(i)) : number(i))),
        );
        const file = writeNpy(array);
        const back = readNpy(file);
        expect([back.dtype, back.shape, back.values()]).toEqual([dtype, shape, array.values()]);
        expect(back.data.buffer).toBe(file.buffer);
      }),
    );
  });

  it("in Fortran order come back with column-major strides", () => {
    // np.asfortranarray([[1, 2, 3], [4, 5, 6]])
    const array = readNpy(npy(header("|u1", "(2, 3)", "True"), [1, 4, 2, 5, 3, 6]));
    expect(array.shape).toEqual([2, 3]);
    expect(array.values()).toEqual([1, 2, 3, 4, 5, 6]);
    expect(readNpy(writeNpy(array)).values()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("in big-endian order are turned round", () => {
    expect(readNpy(npy(header(">i4", "(2,)"), [0, 0, 1, 0, 255, 255, 255, 254])).values()).toEqual([256, -2]);
    expect(readNpy(npy(header(">f8", "()"), [0x3f, 0xf0, 0, 0, 0, 0, 0, 0])).values()).toEqual([1]);
  });

  it("of versions 2 and 3, and with the long integers of Python 2", () => {
    for (const version of [2, 3])
      expect(readNpy(npy(header("|i1", "(2,)"), [1, 255], version)).values()).toEqual([1, -1]);
    expect(readNpy(npy(header("|i1", "(2L, 1L)"), [1, 255])).shape).toEqual([2, 1]);
  });

  it("of a rank that needs a long header are written as version 2", () => {
    const array = NDArray.zeros("i8", new Array<number>(30_000).fill(1));
    const file = writeNpy(array);
    expect(file[6]).toBe(2);
    expect(readNpy(file).shape.length).toBe(30_000);
  });

  it("at an odd offset of a buffer are copied", () => {
    const file = npy(header("<f4", "(1,)"), [0, 0, 0x80, 0x3f]);
    const odd = new Uint8Array(file.length + 1);
    odd.set(file, 1);
    expect(readNpy(odd.subarray(1)).values()).toEqual([1]);
  });

  const fault = (bytes: Uint8Array): string => {
    try {
      readNpy(bytes, "x.npy");
    } catch (error) {
      if (error instanceof CompileError) return error.diagnostics.map((d) => d.code).join();
      throw error;
    }
    return "none";
  };

  it("that are malformed are refused", () => {
    const good = npy(header("<f4", "(2, 3)"), new Uint8Array(24));
    expect(fault(good)).toBe("none");
    for (let length = 0; length < good.length; length++) expect(fault(good.subarray(0, length))).toBe("npy/format");
    const bad = [
      npy(header("<f4", "(2, 3)"), new Uint8Array(25)),
      npy(header("<c8", "(1,)"), new Uint8Array(8)),
      npy(header("|O", "(1,)"), new Uint8Array(8)),
      npy(header("<U1", "(1,)"), new Uint8Array(4)),
      npy(header("<f4", "(-1,)"), new Uint8Array(4)),
      npy(header("<f4", "(99999999999, 99999999999)"), new Uint8Array(4)),
      npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", new Uint8Array(4)),
      npy("{'descr': '<f4', 'shape': (1,), }", new Uint8Array(4)),
      npy("['<f4']", new Uint8Array(4)),
      npy(header("<f4", "(1,)"), new Uint8Array(4), 4),
    ];
    for (const bytes of bad) expect(fault(bytes)).toBe("npy/format");
  });

  it("of random damage are refused or read, never a crash", () => {
    const good = npy(header("<i2", "(2, 2)"), [1, 0, 2, 0, 3, 0, 4, 0]);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const bytes = good.slice();
        bytes[at] = value;
        expect(["none", "npy/format"]).toContain(fault(bytes));
      }),
      { numRuns: 500 },
    );
  });

  it("cannot hold types that numpy lacks", () => {
    for (const dtype of ["bf16", "f8E5M2", "i4", "index"] as const) {
      expect(() => writeNpy(NDArray.zeros(dtype, [1]))).toThrow(CompileError);
    }
  });
});

describe("external data on disk", () => {
  it("is read from the model's folder only, wherever links lead", () => {
    const root = mkdtempSync(join(tmpdir(), "sluice-"));
    try {
      const folder = join(root, "model");
      mkdirSync(join(folder, "sub"), { recursive: true });
      writeFileSync(join(root, "secret"), "s");
      writeFileSync(join(folder, "sub", "w.bin"), Uint8Array.of(1, 2));
      symlinkSync(join(root, "secret"), join(folder, "outside"));
      symlinkSync(join(folder, "sub", "w.bin"), join(folder, "inside"));
      const read = externalReader(join(folder, "model.onnx"));
      expect(Array.from(read("sub/w.bin"))).toEqual([1, 2]);
      expect(Array.from(read("inside"))).toEqual([1, 2]);
      expect(() => read("outside")).toThrow("link out of the model's folder");
      expect(() => read("none")).toThrow("ENOENT");
    } finally {
      rmSync(root, { recursive: true });
    }
  });
});
