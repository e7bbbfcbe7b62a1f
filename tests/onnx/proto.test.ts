import { describe, expect, it } from "vitest";
import { MAX_DEPTH } from "../../onnx/decode.ts";
import { elementTypes } from "../../onnx/dtypes.ts";
import { encode } from "../../onnx/encode.ts";
import { MAX_FAULTS } from "../../onnx/faults.ts";
import * as make from "../../onnx/make.ts";
import type { Model, Tensor } from "../../onnx/model.ts";
import { readModel } from "../../onnx/proto.ts";
import type { Raw } from "../../onnx/schema.ts";
import { bytesOf } from "../../onnx/tensor.ts";
import { writeModel } from "../../onnx/write.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { describeLocation } from "../../support/location.ts";

const opset = [{ domain: "", version: 17n }];
const rawModel = (graph: Raw<"GraphProto">): Raw<"ModelProto"> => ({ irVersion: 8n, opsetImport: opset, graph });

/** Reads raw messages; the model, and each diagnostic as "code at place". */
function read(raw: Raw<"ModelProto"> | Uint8Array): { model: Model | undefined; faults: readonly string[] } {
  const diagnostics = new Diagnostics();
  const bytes = raw instanceof Uint8Array ? raw : encode("ModelProto", raw);
  const model = readModel(bytes, { diagnostics, file: "m.onnx" });
  return { model, faults: diagnostics.list.map((d) => `${d.code} at ${describeLocation(d.at)}`) };
}

function readTensor(raw: Raw<"TensorProto">): { tensor: Tensor | undefined; faults: readonly string[] } {
  const { model, faults } = read(rawModel({ initializer: [raw] }));
  return { tensor: model?.graph.initializers[0], faults };
}

const dims = (...sizes: (number | bigint)[]): Uint8Array => bytesOf(BigInt64Array.from(sizes, BigInt));
const payload = (tensor: Tensor | undefined): readonly number[] =>
  tensor?.payload.kind === "bytes" ? Array.from(tensor.payload.bytes) : [];

describe("tensors are views of the file", () => {
  const weights = Float32Array.from({ length: 50_000 }, (_, i) => i);
  const graph = make.makeGraph("g", {
    initializers: [make.makeTensor("w", "float32", [50_000], weights)],
    nodes: [
      make.makeNode("Constant", [], ["c"], {
        value: make.tensorAttribute(make.makeTensor("", "int8", [3], Int8Array.of(1, 2, 3))),
      }),
    ],
  });
  // At an odd offset of a bigger buffer, and as a Node Buffer: both are what callers have.
  const written = writeModel(make.makeModel(graph, 17));
  const buffer = Buffer.alloc(written.length + 13);
  buffer.set(written, 13);
  const file = buffer.subarray(13);

  it("for raw data, whatever buffer the file lies in", () => {
    const { model, faults } = read(file);
    expect(faults).toEqual([]);
    const { payload } = model!.graph.initializers[0]!;
    if (payload.kind !== "bytes") throw new Error("expected bytes");
    expect(payload.bytes.buffer).toBe(file.buffer);
    expect(payload.bytes.byteOffset).toBeGreaterThan(file.byteOffset);
    expect(payload.bytes.constructor).toBe(Uint8Array);
    expect(Buffer.compare(payload.bytes, bytesOf(weights))).toBe(0);
    const constant = model!.graph.nodes[0]!.attributes.get("value");
    if (constant?.type !== "tensor" || constant.value.payload.kind !== "bytes") throw new Error("expected a tensor");
    expect(constant.value.payload.bytes.buffer).toBe(file.buffer);
  });

  it("for packed float_data and double_data", () => {
    const bytes = encode(
      "ModelProto",
      rawModel({
        initializer: [
          { dataType: 1, dims: dims(2), floatData: bytesOf(Float32Array.of(1, 2)) },
          { dataType: 11, dims: dims(2), doubleData: bytesOf(Float64Array.of(1, 2)) },
        ],
      }),
    );
    for (const { payload } of read(bytes).model!.graph.initializers) {
      expect(payload.kind === "bytes" && payload.bytes.buffer).toBe(bytes.buffer);
    }
  });
});

describe("elements in typed fields", () => {
  const i32 = (...values: number[]): Uint8Array => bytesOf(Int32Array.from(values));
  const cases: readonly [type: string, raw: Raw<"TensorProto">, bytes: readonly number[]][] = [
    ["float32", { dims: dims(1), floatData: bytesOf(Float32Array.of(1)) }, [0, 0, 0x80, 0x3f]],
    ["complex64", { dims: dims(1), floatData: bytesOf(Float32Array.of(1, -1)) }, [0, 0, 0x80, 0x3f, 0, 0, 0x80, 0xbf]],
    ["float64", { dims: dims(1), doubleData: bytesOf(Float64Array.of(1)) }, [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]],
    ["int32", { dims: dims(2), int32Data: i32(-2, 70000) }, [0xfe, 255, 255, 255, 0x70, 0x11, 1, 0]],
    ["int16", { dims: dims(2), int32Data: i32(-2, 300) }, [0xfe, 255, 0x2c, 1]],
    ["uint16", { dims: dims(1), int32Data: i32(65535) }, [255, 255]],
    ["float16", { dims: dims(1), int32Data: i32(0x3c00) }, [0, 0x3c]],
    ["bfloat16", { dims: dims(1), int32Data: i32(0x3f80) }, [0x80, 0x3f]],
    ["int8", { dims: dims(3), int32Data: i32(-1, 255, 5) }, [255, 255, 5]],
    ["uint8", { dims: dims(2), int32Data: i32(0, 200) }, [0, 200]],
    ["bool", { dims: dims(4), int32Data: i32(0, 1, 256, -1) }, [0, 1, 1, 1]],
    ["float8e4m3fn", { dims: dims(2), int32Data: i32(0x38, 0xb8) }, [0x38, 0xb8]],
    ["float8e8m0", { dims: dims(1), int32Data: i32(127) }, [127]],
    ["int4", { dims: dims(3), int32Data: i32(0xf1, 0x07) }, [0xf1, 7]],
    ["uint4", { dims: dims(2), int32Data: i32(0x21) }, [0x21]],
    ["float4e2m1", { dims: dims(1), int32Data: i32(0x02) }, [2]],
    ["uint2", { dims: dims(5), int32Data: i32(0xe4, 0x01) }, [0xe4, 1]],
    ["int2", { dims: dims(4), int32Data: i32(0xe4) }, [0xe4]],
    // x0 | (x1 & 3) << 6, x1 >> 2 | (x2 & 15) << 4, x2 >> 4 | x3 << 2
    ["float6e2m3", { dims: dims(5), int32Data: i32(0x3f, 0x21, 0x15, 0x0a, 0x3f) }, [0x7f, 0x58, 0x29, 0x3f]],
    [
      "int64",
      { dims: dims(2), int64Data: bytesOf(BigInt64Array.of(-1n, 256n)) },
      [255, 255, 255, 255, 255, 255, 255, 255, 0, 1, 0, 0, 0, 0, 0, 0],
    ],
    [
      "uint64",
      { dims: dims(1), uint64Data: bytesOf(BigUint64Array.of(2n ** 64n - 2n)) },
      [254, 255, 255, 255, 255, 255, 255, 255],
    ],
    [
      "uint32",
      { dims: dims(2), uint64Data: bytesOf(BigUint64Array.of(4294967295n, 1n)) },
      [255, 255, 255, 255, 1, 0, 0, 0],
    ],
  ];
  for (const [type, raw, bytes] of cases) {
    it(`${type} become packed bytes`, () => {
      const { tensor, faults } = readTensor({ ...raw, dataType: elementTypes.find((t) => t.name === type)!.code });
      expect(faults).toEqual([]);
      expect(tensor?.type).toBe(type);
      expect(payload(tensor)).toEqual(bytes);
    });
  }

  it("strings", () => {
    const { tensor, faults } = readTensor({ dataType: 8, dims: dims(2), stringData: ["", "ü"] });
    expect(faults).toEqual([]);
    expect(tensor?.payload).toEqual({ kind: "strings", strings: ["", "ü"] });
  });

  it("numbers may stand one by one, packed, and both mixed", () => {
    const tensorProto = [
      ...[0x10, 7], // data_type: int64
      ...[0x0a, 1, 3], // dims, packed: 3
      ...[0x38, 5], // int64_data: 5
      ...[0x3a, 11, 0x80, 2, 255, 255, 255, 255, 255, 255, 255, 255, 127], // packed: 256, 2^63 - 1
    ];
    const graph = [0x2a, tensorProto.length, ...tensorProto];
    const { model, faults } = read(Uint8Array.from([8, 8, 0x42, 2, 16, 17, 0x3a, graph.length, ...graph]));
    expect(faults).toEqual([]);
    expect(model!.graph.initializers[0]!.dims).toEqual([3]);
    expect(payload(model!.graph.initializers[0])).toEqual(
      Array.from(bytesOf(BigInt64Array.of(5n, 256n, 2n ** 63n - 1n))),
    );
  });
});

describe("malformed tensors are reported", () => {
  const at = ' at "m.onnx · initializer "t""';
  const cases: readonly [what: string, raw: Raw<"TensorProto">][] = [
    ["an unknown element type", { dataType: 99 }],
    ["no element type", { rawData: new Uint8Array(4) }],
    ["a negative dimension", { dataType: 1, dims: dims(-1), rawData: new Uint8Array(4) }],
    ["a dimension beyond 2^53", { dataType: 1, dims: dims(2n ** 60n) }],
    ["a product beyond 2^53", { dataType: 1, dims: dims(2 ** 30, 2 ** 30), rawData: new Uint8Array(4) }],
    ["10 GB that are not there", { dataType: 2, dims: dims(10 ** 10), rawData: new Uint8Array(4) }],
    ["too few bytes", { dataType: 1, dims: dims(2), rawData: new Uint8Array(7) }],
    ["too many bytes", { dataType: 1, dims: dims(2), rawData: new Uint8Array(12) }],
    ["no elements at all", { dataType: 1, dims: dims(2) }],
    ["elements given twice", { dataType: 1, floatData: new Uint8Array(4), rawData: new Uint8Array(4) }],
    ["elements in the wrong field", { dataType: 1, int64Data: new Uint8Array(8) }],
    ["strings in raw data", { dataType: 8, rawData: new Uint8Array(4) }],
    ["too few strings", { dataType: 8, dims: dims(2), stringData: ["a"] }],
  ];
  for (const [what, raw] of cases) {
    it(what, () => {
      const { tensor, faults } = readTensor({ ...raw, name: "t" });
      expect(tensor).toBeUndefined();
      expect(faults).toEqual([`onnx/tensor${at}`]);
    });
  }

  it("keeps messages short for tensors of absurd rank", () => {
    const diagnostics = new Diagnostics();
    const raw = { dataType: 1, dims: bytesOf(new BigInt64Array(100_000).fill(1n)) };
    readModel(encode("ModelProto", rawModel({ initializer: [raw] })), { diagnostics });
    expect(diagnostics.list.map((d) => d.message.length < 200)).toEqual([true]);
  });
});

describe("faults of the wire format", () => {
  const good = encode(
    "ModelProto",
    rawModel({ name: "graph", node: [{ opType: "Relu", input: ["x"], output: ["y"] }] }),
  );

  it("a file cut off anywhere never passes for a whole one, and what stands whole before the cut is kept", () => {
    for (let length = 0; length < good.length; length++) {
      const { model, faults } = read(good.subarray(0, length));
      // The opset import follows the graph: a cut between the two is a whole message that lacks something.
      expect(faults.length, `${length} bytes`).toBeGreaterThan(0);
      if (length > good.length - 4) expect(model?.graph.name).toBe("graph");
    }
  });

  it("goes on after the message that is damaged", () => {
    const bytes = Uint8Array.from(good);
    const at = bytes.indexOf("R".charCodeAt(0)) - 1; // the length of "Relu"
    bytes[at] = 100;
    const { model, faults } = read(bytes);
    expect(faults[0]).toMatch(/^onnx\/wire at "m.onnx · byte \d+ · graph.node\[0\]"$/);
    expect(model?.graph.name).toBe("graph");
    expect(model?.graph.nodes[0]?.inputs).toEqual(["x"]);
    expect(model?.opsetImport).toEqual([{ domain: "", version: 17 }]);
  });

  it("a nested message cannot read past its end", () => {
    // graph { name: 5 bytes in a graph of 3 }, opset import behind it.
    const { model, faults } = read(Uint8Array.of(8, 8, 0x3a, 3, 0x12, 5, 0x61, 0x42, 2, 16, 17));
    expect(faults).toEqual(['onnx/wire at "m.onnx · byte 4 · graph"']);
    expect(model?.opsetImport).toEqual([{ domain: "", version: 17 }]);
  });

  it("a field of the wrong wire type", () => {
    const { faults } = read(Uint8Array.of(8, 8, 0x38, 1, 0x3a, 0, 0x42, 2, 16, 17));
    expect(faults).toEqual(['onnx/wire at "m.onnx · byte 2 · graph"']);
  });

  it("a number of more than ten bytes", () => {
    const { faults } = read(Uint8Array.of(8, ...new Array<number>(12).fill(255)));
    expect(faults[0]).toBe('onnx/wire at "m.onnx · byte 0"');
  });

  it("names that are not UTF-8", () => {
    const { model, faults } = read(Uint8Array.of(8, 8, 0x3a, 4, 0x12, 2, 0x61, 0xff, 0x42, 2, 16, 17));
    expect(faults).toEqual(['onnx/utf8 at "m.onnx · byte 4 · graph.name"']);
    expect(model?.graph.name).toBe("a\ufffd");
  });

  it("fields that later versions may add are no fault", () => {
    const { faults } = read(Uint8Array.of(...good, 0xfa, 0x3f, 2, 1, 2, 0xfd, 0x3f, 1, 2, 3, 4, 0xf8, 0x3f, 1));
    expect(faults).toEqual([]);
  });

  it("of thousands of faults the first are listed", () => {
    const diagnostics = new Diagnostics();
    const names = Array.from({ length: 3000 }, () => [0x12, 1, 0xff]).flat();
    const graph = [0x3a, ...varint(names.length), ...names];
    readModel(Uint8Array.from([8, 8, ...graph, 0x42, 2, 16, 17]), { diagnostics });
    expect(diagnostics.list.length).toBe(MAX_FAULTS + 1);
    expect(diagnostics.list.at(-1)?.message).toContain("more faults");
  });

  it("no bytes, text, and a pointer of Git LFS are no models", () => {
    for (const text of ["", "hello", "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"]) {
      const { model, faults } = read(new TextEncoder().encode(text));
      expect(model).toBeUndefined();
      expect(faults.length).toBeGreaterThan(0);
    }
  });
});

describe("limits", () => {
  /** A model whose graph is nested in attributes of its nodes. */
  function nested(levels: number): Raw<"GraphProto"> {
    let graph: Raw<"GraphProto"> = { name: "innermost" };
    for (let i = 0; i < levels; i++)
      graph = { node: [{ opType: "If", attribute: [{ name: "then_branch", type: 5, g: graph }] }] };
    return graph;
  }

  it("a subgraph may stand twenty deep", () => {
    expect(read(rawModel(nested(20))).faults).toEqual([]);
  });

  it("deeper nesting is reported, however deep", () => {
    for (const levels of [22, 1000]) {
      const { faults } = read(rawModel(nested(levels)));
      expect(faults[0]).toMatch(/^onnx\/nesting at /);
    }
  });

  it("a hundred thousand levels do not exhaust the stack", () => {
    // Built by hand: sequence types of sequence types, 4 bytes a level and more as lengths grow.
    let type: number[] = [];
    const chunks: number[][] = [];
    let length = 0;
    for (let i = 0; i < 50_000; i++) {
      for (const tag of [0x0a, 0x22]) {
        const head = [tag, ...varint(length)];
        chunks.push(head);
        length += head.length;
      }
    }
    type = chunks.reverse().flat();
    const value = [0x12, ...varint(type.length), ...type];
    const graph = [0x5a, ...varint(value.length), ...value];
    const { faults } = read(Uint8Array.from([8, 8, 0x42, 2, 16, 17, 0x3a, ...varint(graph.length), ...graph]));
    expect(faults[0]).toMatch(/^onnx\/nesting at /);
  });

  it("groups of the old wire format are skipped, to a limit", () => {
    const { faults } = read(Uint8Array.of(...new Array<number>(1000).fill(0xfb).map((b, i) => (i % 2 ? 0x3f : b))));
    expect(faults[0]).toMatch(/^onnx\/wire at /);
  });

  it(`nesting is counted from the file's outermost message: ${MAX_DEPTH} below it`, () => {
    let type: Raw<"TypeProto"> = { tensorType: { elemType: 1 } };
    // graph, input, type: 3 levels; each sequence 2; the tensor 1.
    for (let i = 0; i < (MAX_DEPTH - 4) / 2; i++) type = { sequenceType: { elemType: type } };
    expect(read(rawModel({ input: [{ name: "x", type }] })).faults).toEqual([]);
    type = { sequenceType: { elemType: type } };
    expect(read(rawModel({ input: [{ name: "x", type }] })).faults[0]).toMatch(/^onnx\/nesting/);
  });
});

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return [...out, rest];
}

describe("models and nodes", () => {
  it("what every model has must be there", () => {
    expect(read({}).faults).toEqual(['onnx/model at "m.onnx"']);
    expect(read({ graph: {}, opsetImport: opset }).faults).toEqual(['onnx/model at "m.onnx"']);
    expect(read({ irVersion: 8n, graph: {} }).faults).toEqual(['onnx/model at "m.onnx"']);
    expect(read({ irVersion: 2n, graph: {} }).faults).toEqual([]);
    expect(read({ irVersion: 8n, graph: {}, opsetImport: [{ version: -1n }] }).faults).toEqual([
      'onnx/model at "m.onnx"',
    ]);
  });

  it("attributes have a name, once, and a value of their type", () => {
    const { model, faults } = read(
      rawModel({
        node: [
          {
            name: "n",
            opType: "Foo",
            attribute: [
              { type: 2, i: 3n },
              { name: "a", type: 2, i: 3n },
              { name: "a", type: 2, i: 4n },
              { name: "b", type: 77 },
              { name: "c", type: 4 },
              { name: "d", type: 5 },
              { name: "e" },
            ],
          },
        ],
      }),
    );
    const at = 'm.onnx · node 0 "n" (Foo, opset 17)';
    expect(faults).toEqual(new Array(6).fill(`onnx/attribute at ${at}`));
    expect(model?.graph.nodes[0]?.attributes).toEqual(new Map([["a", { type: "int", value: 3n }]]));
  });

  it("places name the opset of the node's domain", () => {
    const bad = [{ name: "a", type: 77 }];
    const { faults } = read({
      irVersion: 8n,
      opsetImport: [
        { domain: "ai.onnx", version: 12n },
        { domain: "x.y", version: 3n },
      ],
      graph: {
        node: [
          { opType: "Foo", attribute: bad },
          { opType: "Bar", domain: "x.y", attribute: bad },
        ],
      },
    });
    expect(faults.map((f) => f.replace(/^.* · /, ""))).toEqual([
      'node 0 "" (Foo, opset 12)',
      'node 1 "" (Bar, opset 3)',
    ]);
  });

  it("files of IR version 1 leave the attribute's type to the field in use", () => {
    const attribute = [
      { name: "f", f: 1.5 },
      { name: "i", i: 2n },
      { name: "s", s: new TextEncoder().encode("text") },
      { name: "is", ints: bytesOf(BigInt64Array.of(1n)) },
    ];
    const { model, faults } = read({ irVersion: 1n, graph: { node: [{ opType: "Foo", attribute }] } });
    expect(faults).toEqual([]);
    const types = Array.from(model!.graph.nodes[0]!.attributes.values(), (a) => a.type);
    expect(types).toEqual(["float", "int", "string", "ints"]);
  });

  it("an attribute of bytes that are no text keeps the bytes", () => {
    const s = Uint8Array.of(0xff, 0xfe, 0);
    const { model, faults } = read(rawModel({ node: [{ opType: "Blob", attribute: [{ name: "b", type: 3, s }] }] }));
    expect(faults).toEqual([]);
    expect(model!.graph.nodes[0]!.attributes.get("b")).toEqual({ type: "string", value: s });
  });

  it("malformed types are reported, open ones are not", () => {
    const shape = (...values: bigint[]): Raw<"TensorShapeProto"> => ({ dim: values.map((dimValue) => ({ dimValue })) });
    const input = [
      { name: "open" },
      { name: "empty", type: {} },
      { name: "no element", type: { tensorType: {} } },
      { name: "unknown size", type: { tensorType: { elemType: 1, shape: shape(-1n) } } },
    ];
    expect(read(rawModel({ input })).faults).toEqual([]);
    const bad = [
      { name: "a", type: { tensorType: { elemType: 99 } } },
      { name: "b", type: { tensorType: { elemType: 1, shape: shape(-2n) } } },
      { name: "c", type: { sequenceType: {} } },
      { name: "d", type: { mapType: { keyType: 7 } } },
    ];
    expect(read(rawModel({ input: bad })).faults).toEqual(
      ["a", "b", "c", "d"].map((n) => `onnx/type at "m.onnx · input "${n}""`),
    );
  });

  it("training information is skipped with a remark", () => {
    const training = Uint8Array.of(0xa2, 1, 2, 0x0a, 0); // field 20: { initialization {} }
    const model = encode("ModelProto", rawModel({}));
    const diagnostics = new Diagnostics();
    expect(readModel(Uint8Array.of(...model, ...training), { diagnostics })).toBeDefined();
    expect(diagnostics.list.map((d) => [d.code, d.severity])).toEqual([["onnx/ignored", "remark"]]);
  });
});
