import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encode } from "../../onnx/encode.ts";
import type { ExternalReference, Tensor } from "../../onnx/model.ts";
import { noMetadata } from "../../onnx/model.ts";
import { readModel } from "../../onnx/proto.ts";
import { sha1 } from "../../onnx/sha1.ts";
import { bytesOf } from "../../onnx/tensor.ts";
import { ExternalFiles, type ReadExternal, tensorData, unsafePath } from "../../onnx/weights.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { unknownLocation } from "../../support/location.ts";

const weights = bytesOf(Float32Array.from({ length: 64 }, (_, i) => i));

const external = (reference: Partial<ExternalReference>, dims: readonly number[] = [4]): Tensor => ({
  name: "w",
  type: "float32",
  dims,
  docString: "",
  metadata: noMetadata,
  payload: {
    kind: "external",
    reference: { location: "w.bin", offset: 0, length: undefined, checksum: undefined, ...reference },
  },
});

function resolve(tensor: Tensor, read: ReadExternal | undefined = () => weights) {
  const diagnostics = new Diagnostics();
  const data = tensorData(tensor, new ExternalFiles(read), unknownLocation, diagnostics);
  return { data, faults: diagnostics.list.map((d) => `${d.code}: ${d.message}`) };
}

describe("external data", () => {
  it("is the part of the file that offset and length name, without copying", () => {
    const { data, faults } = resolve(external({ offset: 8, length: 16 }));
    expect(faults).toEqual([]);
    if (data === undefined || data.type === "string") throw new Error("expected bytes");
    expect(data.bytes.buffer).toBe(weights.buffer);
    expect(data.bytes).toEqual(bytesOf(Float32Array.of(2, 3, 4, 5)));
  });

  it("needs no length, and reads each file once", () => {
    let reads = 0;
    const files = new ExternalFiles((location) => {
      reads++;
      expect(location).toBe("data/w.bin");
      return weights;
    });
    const diagnostics = new Diagnostics();
    for (const offset of [0, 16, 240]) {
      const tensor = external({ location: "data/w.bin", offset });
      expect(tensorData(tensor, files, unknownLocation, diagnostics)).toBeDefined();
    }
    expect(reads).toBe(1);
    expect(diagnostics.list).toEqual([]);
  });

  it("must lie within the file, and be as long as the tensor", () => {
    const cases: readonly [Partial<ExternalReference>, RegExp][] = [
      [{ offset: 244 }, /has 256 bytes, but bytes 244 to 260/],
      [{ offset: 2 ** 50 }, /has 256 bytes/],
      [{ length: 12 }, /16 bytes are needed, but the model names 12/],
      [{ length: 0 }, /16 bytes are needed/],
    ];
    for (const [reference, message] of cases) {
      const { data, faults } = resolve(external(reference));
      expect(data).toBeUndefined();
      expect(faults.join()).toMatch(message);
      expect(faults.join()).toMatch(/^onnx\/external-data/);
    }
  });

  it("of absurd size is refused without allocating", () => {
    const { data, faults } = resolve(external({}, [1e6, 1e6, 1000]));
    expect(data).toBeUndefined();
    expect(faults.length).toBe(1);
  });

  it("is checked against its checksum, in either case", () => {
    const checksum = createHash("sha1").update(weights).digest("hex");
    expect(resolve(external({ checksum })).faults).toEqual([]);
    expect(resolve(external({ checksum: checksum.toUpperCase() })).faults).toEqual([]);
    expect(resolve(external({ checksum: checksum.replace(/^./, "x") })).faults.join()).toContain("checksum");
  });

  it("a file that cannot be read is reported once", () => {
    const files = new ExternalFiles(() => {
      throw new Error("ENOENT");
    });
    const diagnostics = new Diagnostics();
    for (let i = 0; i < 3; i++) expect(tensorData(external({}), files, unknownLocation, diagnostics)).toBeUndefined();
    expect(diagnostics.list.map((d) => d.message)).toEqual(['the file "w.bin" cannot be read: ENOENT']);
    expect(resolve(external({}), undefined).data).toBeDefined();
    const none = new Diagnostics();
    expect(tensorData(external({}), new ExternalFiles(), unknownLocation, none)).toBeUndefined();
    expect(none.list[0]?.message).toContain("cannot be reached");
  });

  it("entries that are no numbers are reported when the model is read", () => {
    for (const [key, value] of [
      ["offset", "-1"],
      ["offset", "0x10"],
      ["length", "1e3"],
      ["length", "99999999999999999999"],
      ["offset", " 4"],
    ]) {
      const raw = {
        name: "w",
        dataType: 1,
        dataLocation: 1,
        externalData: [
          { key: "location", value: "w" },
          { key, value },
        ],
      };
      const bytes = encode("ModelProto", {
        irVersion: 8n,
        opsetImport: [{ version: 17n }],
        graph: { initializer: [raw] },
      });
      const diagnostics = new Diagnostics();
      expect(readModel(bytes, { diagnostics })?.graph.initializers).toEqual([]);
      expect(diagnostics.list.map((d) => d.code)).toEqual(["onnx/external-data"]);
    }
  });
});

describe("paths of external data", () => {
  it("inside the model's folder are followed", () => {
    for (const path of ["w.bin", "sub/w.bin", "./w.bin", "a..b", "..w", "w..", "a/.hidden", "ä b.bin", "a%20b"]) {
      expect(unsafePath(path), path).toBeUndefined();
    }
  });

  it("that lead anywhere else are refused, and never asked for", () => {
    const paths = [
      "",
      ".",
      "./",
      "/",
      "/etc/passwd",
      "//host/share",
      "..",
      "../w.bin",
      "a/../../w",
      "a/..",
      "..\\w.bin",
      "a\\b",
      "\\\\host\\share",
      "C:/w.bin",
      "c:w.bin",
      "w.bin:stream",
      "http://host/w",
      "file:///etc/passwd",
      "w\0.bin",
      "a/\t../w",
      "%2e%2e/w",
      ".%2E/w",
      "a%2f..%2fw",
      "a%5C..",
      ".. /w",
      "... /w",
      ".../w",
      "w%00",
      " ",
      " /etc/passwd",
      "w ",
    ];
    for (const location of paths) {
      const { data, faults } = resolve(external({ location }), () => {
        throw new Error("asked");
      });
      expect(data).toBeUndefined();
      expect(faults.join(), JSON.stringify(location)).toMatch(/^onnx\/external-data: the path /);
      expect(faults.join()).not.toContain("asked");
    }
  });

  it("never leave the folder, whatever they are", () => {
    const piece = fc.constantFrom("..", ".", "/", "\\", "a", "%2e", "%2F", ":", " ", "\t", "C", "\0", "é");
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const path = pieces.join("");
        if (unsafePath(path) !== undefined) return;
        const url = new URL(path, "http://host/models/").href;
        expect(url.startsWith("http://host/models/"), path).toBe(true);
        expect(url).not.toBe("http://host/models/");
      }),
      { numRuns: 2000 },
    );
  });
});

describe("SHA-1", () => {
  it("is that of Node's crypto for every length around the block size", () => {
    for (const length of [0, 1, 3, 55, 56, 57, 63, 64, 65, 119, 120, 128, 1000]) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 7) & 255);
      expect(sha1(bytes)).toBe(createHash("sha1").update(bytes).digest("hex"));
    }
  });
});
