/** The table of messages against the code that onnx-proto generates, and against the rule that no code is generated. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import * as onnxProto from "onnx-proto";
import protobuf from "protobufjs/minimal.js";
import { describe, expect, it } from "vitest";
import { decode } from "../../onnx/decode.ts";
import { elementTypes } from "../../onnx/dtypes.ts";
import { encode } from "../../onnx/encode.ts";
import { FileFaults } from "../../onnx/faults.ts";
import { attributeTypes } from "../../onnx/model.ts";
import { type Field, fieldsOf, type MessageName, schema } from "../../onnx/schema.ts";
import { Diagnostics } from "../../support/diagnostic.ts";

const { onnx } = onnxProto;

interface Generated {
  encode(message: object): { finish(): Uint8Array };
  decode(bytes: Uint8Array): object;
}

const generated: Partial<Record<MessageName, Generated>> = {
  ModelProto: onnx.ModelProto,
  GraphProto: onnx.GraphProto,
  NodeProto: onnx.NodeProto,
  AttributeProto: onnx.AttributeProto,
  FunctionProto: onnx.FunctionProto,
  OperatorSetIdProto: onnx.OperatorSetIdProto,
  StringStringEntryProto: onnx.StringStringEntryProto,
  TensorAnnotation: onnx.TensorAnnotation,
  ValueInfoProto: onnx.ValueInfoProto,
  TensorProto: onnx.TensorProto,
  SparseTensorProto: onnx.SparseTensorProto,
  TypeProto: onnx.TypeProto,
  TensorType: onnx.TypeProto.Tensor,
  SparseTensorType: onnx.TypeProto.SparseTensor,
  SequenceType: onnx.TypeProto.Sequence,
  OptionalType: onnx.TypeProto.Optional,
  MapType: onnx.TypeProto.Map,
  TensorShapeProto: onnx.TensorShapeProto,
  Dimension: onnx.TensorShapeProto.Dimension,
};

/** What a later version of the format added, which onnx-proto therefore ignores. */
const newer = new Set([
  "ModelProto.configuration",
  "GraphProto.metadataProps",
  "NodeProto.overload",
  "NodeProto.metadataProps",
  "NodeProto.deviceConfigurations",
  "FunctionProto.attributeProto",
  "FunctionProto.valueInfo",
  "FunctionProto.overload",
  "FunctionProto.metadataProps",
  "ValueInfoProto.metadataProps",
  "TensorProto.metadataProps",
  "TypeProto.opaqueType",
]);

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);

/** A value for a field: as onnx-proto's code takes it, and as ours gives it. */
function sample(field: Field): { readonly theirs: unknown; readonly ours: unknown } {
  const one = ((): { theirs: unknown; ours: unknown } => {
    switch (field.kind) {
      case "string":
        return { theirs: "ä1", ours: "ä1" };
      case "text":
        return { theirs: new TextEncoder().encode("ö"), ours: "ö" };
      case "bytes":
        return { theirs: bytes(1, 2, 255), ours: bytes(1, 2, 255) };
      case "int32":
        return { theirs: 7, ours: 7 };
      case "int64":
        return { theirs: -5, ours: -5n };
      case "float":
        return { theirs: 1.5, ours: 1.5 };
      case "f32s":
        return { theirs: [1.5, -2], ours: new Uint8Array(Float32Array.of(1.5, -2).buffer) };
      case "f64s":
        return { theirs: [1.5, -2], ours: new Uint8Array(Float64Array.of(1.5, -2).buffer) };
      case "i32s":
        return { theirs: [300, -2], ours: new Uint8Array(Int32Array.of(300, -2).buffer) };
      case "i64s":
        return { theirs: [300, -2], ours: new Uint8Array(BigInt64Array.of(300n, -2n).buffer) };
      case "u64s":
        return { theirs: [300, 2], ours: new Uint8Array(BigUint64Array.of(300n, 2n).buffer) };
      case "message":
      case "ignored":
        return { theirs: {}, ours: {} };
    }
  })();
  if (field.kind === "ignored") return { theirs: field.name === "trainingInfo" ? [{}] : {}, ours: true };
  return field.repeated ? { theirs: [one.theirs], ours: [one.ours] } : one;
}

describe("the table of messages", () => {
  it("lists only one protobufjs: onnx-proto runs on the version that we use", () => {
    expect(new onnx.ModelProto()).toBeInstanceOf(Object);
    expect(onnx.ModelProto.encode({})).toBeInstanceOf(protobuf.Writer);
  });

  for (const [message, their] of Object.entries(generated) as [MessageName, Generated][]) {
    for (const field of fieldsOf(message)) {
      const name = `${message}.${field.name}`;
      if (newer.has(name)) continue;
      it(`${name} has the number, wire form and meaning of onnx-proto`, () => {
        const { theirs, ours } = sample(field);
        const encoded = Uint8Array.from(their.encode({ [field.name]: theirs }).finish());
        expect(encoded.length, "onnx-proto knows the field").toBeGreaterThan(0);
        const diagnostics = new Diagnostics();
        expect(decode(message, encoded, { file: "f", faults: new FileFaults(diagnostics) })).toEqual({
          [field.name]: ours,
        });
        expect(diagnostics.list).toEqual([]);
        if (field.kind === "ignored") return;
        const ourBytes = encode(message, { [field.name]: ours });
        // pbjs packs what it takes for proto3; the official writers do not, and we follow these.
        if (!field.unpacked) expect(Array.from(ourBytes)).toEqual(Array.from(encoded));
        expect(their.decode(Uint8Array.from(ourBytes))).toEqual(their.decode(encoded));
      });
    }
  }

  it("has no number twice in a message, and no unknown kind", () => {
    for (const message of Object.keys(schema) as MessageName[]) {
      const numbers = fieldsOf(message).map((f) => f.number);
      expect(new Set(numbers).size, message).toBe(numbers.length);
    }
  });

  it("numbers element and attribute types as onnx-proto does", () => {
    const known: Readonly<Record<string, number | string>> = { ...onnx.TensorProto.DataType };
    const official: Readonly<Record<string, string>> = { FLOAT: "float32", DOUBLE: "float64" };
    for (const [name, code] of Object.entries(known)) {
      if (typeof code !== "number" || code === 0) continue;
      expect(elementTypes.find((t) => t.code === code)?.name).toBe(official[name] ?? name.toLowerCase());
    }
    for (const [name, code] of Object.entries({ ...onnx.AttributeProto.AttributeType })) {
      if (typeof code === "number" && code !== 0) expect(attributeTypes[code]).toBe(name.toLowerCase());
    }
  });
});

describe("a page that forbids eval", () => {
  it("can read and write models", async () => {
    const folder = mkdtempSync(join(tmpdir(), "sluice-"));
    try {
      const bundled = await build({
        stdin: {
          contents: `
            import { decode } from "./onnx/decode.ts"; import { encode } from "./onnx/encode.ts";
            const bytes = encode("ModelProto", { irVersion: 8n, graph: { name: "g" } });
            const raw = decode("ModelProto", bytes, { file: "f", faults: {} });
            let forbidden = false;
            try { new Function("return 1")(); } catch { forbidden = true; }
            console.log(JSON.stringify([String(raw.irVersion), raw.graph.name, forbidden]));`,
          resolveDir: join(import.meta.dirname, "../.."),
          loader: "ts",
        },
        bundle: true,
        platform: "browser",
        format: "iife",
        write: false,
      });
      const script = join(folder, "page.js");
      writeFileSync(script, bundled.outputFiles[0]!.contents);
      const output = execFileSync(process.execPath, ["--disallow-code-generation-from-strings", script]);
      expect(JSON.parse(output.toString())).toEqual(["8", "g", true]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
