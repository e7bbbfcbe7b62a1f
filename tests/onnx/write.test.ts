/** Models of every shape survive being written and read. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byteLength, type ElementType, elementTypes } from "../../onnx/dtypes.ts";
import * as make from "../../onnx/make.ts";
import type {
  Attribute,
  Graph,
  Metadata,
  Model,
  ModelFunction,
  Node,
  OnnxValue,
  SparseTensor,
  Tensor,
  ValueInfo,
  ValueType,
} from "../../onnx/model.ts";
import { attributeTypes } from "../../onnx/model.ts";
import { readModel } from "../../onnx/proto.ts";
import { readValue, type ValueMessage, writeValue } from "../../onnx/values.ts";
import { writeModel } from "../../onnx/write.ts";
import { Diagnostics } from "../../support/diagnostic.ts";

const name = fc.oneof(
  fc.constantFrom("", "x", "y", "ai.onnx", "größe"),
  fc.string({ unit: "grapheme", maxLength: 200 }),
);
const list = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(of, { maxLength: 3 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const float32 = fc.float({ noNaN: true });
const metadata: fc.Arbitrary<Metadata> = fc
  .dictionary(name, name, { maxKeys: 3, noNullPrototype: true })
  .map((o) => new Map(Object.entries(o)));
const element: fc.Arbitrary<ElementType> = fc.constantFrom(...elementTypes.map((t) => t.name as ElementType));

const tensor: fc.Arbitrary<Tensor> = fc
  .record({
    name,
    type: element,
    dims: list(fc.nat(3)),
    docString: name,
    metadata,
    seed: fc.nat(255),
    external: fc.nat(9),
  })
  .chain(({ seed, external, ...base }): fc.Arbitrary<Tensor> => {
    const count = base.dims.reduce((n, d) => n * d, 1);
    if (base.type === "string") {
      return fc
        .array(name, { minLength: count, maxLength: count })
        .map((strings) => ({ ...base, payload: { kind: "strings", strings } }));
    }
    if (external === 0) {
      const reference = {
        location: "w.bin",
        offset: seed,
        length: seed % 2 ? 4 : undefined,
        checksum: seed % 3 ? "ab" : undefined,
      };
      return fc.constant({ ...base, payload: { kind: "external", reference } });
    }
    const bytes = Uint8Array.from({ length: byteLength(base.type, count) }, (_, i) => (seed + 37 * i) & 255);
    return fc.constant({ ...base, payload: { kind: "bytes", bytes } });
  });

const sparse: fc.Arbitrary<SparseTensor> = fc.record({ n: fc.nat(3), name }).map(({ n, name }) => ({
  values: make.makeTensor(name, "float32", [n], new Float32Array(n)),
  indices: make.makeTensor("", "int64", [n, 2], new BigInt64Array(2 * n)),
  dims: [5, 7],
}));

const dim = fc.oneof(fc.nat(), fc.constantFrom("", "batch"));
const shape = fc.option(list(dim), { nil: undefined });
const { type: valueType } = fc.letrec<{ type: ValueType }>((tie) => ({
  type: fc
    .record({
      denotation: fc.constantFrom({}, { denotation: "IMAGE" }),
      kind: fc.oneof(
        { maxDepth: 3 },
        fc.record({ kind: fc.constantFrom("tensor" as const, "sparse_tensor" as const), element, shape }),
        fc.record({ kind: fc.constantFrom("sequence" as const, "optional" as const), element: tie("type") }),
        fc.record({ kind: fc.constant("map" as const), key: element, value: tie("type") }),
        fc.record({ kind: fc.constant("opaque" as const), domain: name, name }),
      ),
    })
    .map(({ denotation, kind }) => ({ ...kind, ...denotation })),
}));
const valueInfo: fc.Arbitrary<ValueInfo> = fc.record({
  name,
  type: fc.option(valueType, { nil: undefined }),
  docString: name,
  metadata,
});
const opsetImport = fc.array(fc.record({ domain: name, version: fc.integer({ min: 1, max: 30 }) }), {
  minLength: 1,
  maxLength: 3,
});

const { graph, node, attribute } = fc.letrec<{ graph: Graph; node: Node; attribute: Attribute }>((tie) => {
  const of = <T extends Attribute["type"], V>(type: T, value: fc.Arbitrary<V>) =>
    fc.record({ type: fc.constant(type), value });
  return {
    attribute: fc.oneof(
      { maxDepth: 2 },
      of("float", float32),
      of("int", int64),
      of("string", fc.oneof(name, fc.constant(Uint8Array.of(0xff, 0)))),
      of("floats", fc.float32Array({ noNaN: true })),
      of("ints", fc.bigInt64Array()),
      of("strings", list(name)),
      of("tensor", tensor),
      of("tensors", list(tensor)),
      of("sparse_tensor", sparse),
      of("sparse_tensors", list(sparse)),
      of("type_proto", valueType),
      of("type_protos", list(valueType)),
      fc.record({
        type: fc.constant("ref" as const),
        value: fc.constant("alpha"),
        of: fc.constantFrom(...attributeTypes.filter((t) => t !== undefined)),
      }),
      of("graph", tie("graph")),
      of("graphs", list(tie("graph"))),
    ) as fc.Arbitrary<Attribute>,
    node: fc.record({
      name,
      opType: fc.constantFrom("Conv", "If", "Foo"),
      domain: name,
      overload: name,
      inputs: list(name),
      outputs: list(name),
      attributes: fc
        .dictionary(fc.constantFrom("a", "b", "c"), tie("attribute"))
        .map((o) => new Map(Object.entries(o))),
      docString: name,
      metadata,
    }),
    graph: fc.record({
      name,
      docString: name,
      nodes: list(tie("node")),
      inputs: list(valueInfo),
      outputs: list(valueInfo),
      valueInfo: list(valueInfo),
      initializers: list(tensor),
      sparseInitializers: list(sparse),
      quantization: list(fc.record({ tensor: name, parameters: metadata })),
      metadata,
    }),
  };
});

const modelFunction: fc.Arbitrary<ModelFunction> = fc.record({
  name,
  domain: name,
  overload: name,
  inputs: list(name),
  outputs: list(name),
  attributes: list(name),
  attributeDefaults: fc.dictionary(fc.constantFrom("a", "b"), attribute).map((o) => new Map(Object.entries(o))),
  nodes: list(node),
  opsetImport,
  valueInfo: list(valueInfo),
  docString: name,
  metadata,
});

const model: fc.Arbitrary<Model> = fc.record({
  irVersion: fc.integer({ min: 3, max: 14 }),
  producerName: name,
  producerVersion: name,
  domain: name,
  modelVersion: int64,
  docString: name,
  opsetImport,
  graph,
  functions: list(modelFunction),
  metadata,
});

describe("writing", () => {
  it("and reading give the same model", () => {
    fc.assert(
      fc.property(model, (m) => {
        const diagnostics = new Diagnostics();
        const bytes = writeModel(m);
        expect(readModel(bytes, { diagnostics })).toEqual(m);
        expect(diagnostics.list).toEqual([]);
        expect(writeModel(m)).toEqual(bytes);
      }),
      { numRuns: 150 },
    );
  });

  it("keeps big weights in one piece", () => {
    const data = Uint8Array.from({ length: 3_000_000 }, (_, i) => (i * 31) & 255);
    const bytes = writeModel(
      make.makeModel(make.makeGraph("g", { initializers: [make.makeTensor("w", "uint8", [3_000_000], data)] }), 17),
    );
    expect(bytes.length).toBeLessThan(data.length + 100);
    const { payload } = readModel(bytes, { diagnostics: new Diagnostics() })!.graph.initializers[0]!;
    expect(payload.kind === "bytes" && Buffer.compare(payload.bytes, data)).toBe(0);
  });
});

describe("values", () => {
  const inner = tensor.map((t): OnnxValue => ({ kind: "tensor", tensor: t }));
  const { value } = fc.letrec<{ value: OnnxValue }>((tie) => {
    /** The elements of a sequence are of one kind. */
    const alike = list(tie("value")).map((vs) => vs.filter((v) => v.kind === vs[0]!.kind));
    return {
      value: fc.oneof(
        { maxDepth: 3 },
        inner,
        sparse.map((s): OnnxValue => ({ kind: "sparse_tensor", tensor: s })),
        fc.record({ kind: fc.constant("sequence" as const), name, elements: alike }),
        fc.record({ kind: fc.constant("optional" as const), name, value: fc.option(tie("value"), { nil: undefined }) }),
        fc.record({ name, elements: alike, text: fc.boolean() }).map(
          ({ name, elements: values, text }): OnnxValue => ({
            kind: "map",
            name,
            key: text ? "string" : "int64",
            keys: values.map((_, i) => (text ? `k${i}` : BigInt(i))),
            values,
          }),
        ),
      ),
    };
  });
  const messages: Readonly<Record<OnnxValue["kind"], ValueMessage>> = {
    tensor: "TensorProto",
    sparse_tensor: "SparseTensorProto",
    sequence: "SequenceProto",
    optional: "OptionalProto",
    map: "MapProto",
  };

  it("survive being written and read", () => {
    fc.assert(
      fc.property(value, (v) => {
        const diagnostics = new Diagnostics();
        expect(readValue(writeValue(v), messages[v.kind], { diagnostics })).toEqual(v);
        expect(diagnostics.list).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it("of random bytes are reported or read, never a crash", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.constantFrom(...Object.values(messages)), (bytes, message) => {
        const diagnostics = new Diagnostics();
        const result = readValue(bytes, message, { diagnostics });
        expect(result === undefined).toBe(diagnostics.hasErrors);
      }),
      { numRuns: 500 },
    );
  });
});
