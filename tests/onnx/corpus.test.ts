/** All models of the provided data: read without a diagnostic, and written back to the same bytes or the same model. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { decode } from "../../onnx/decode.ts";
import { encode } from "../../onnx/encode.ts";
import { FileFaults } from "../../onnx/faults.ts";
import { readModel } from "../../onnx/proto.ts";
import { readValue, type ValueMessage, writeValue } from "../../onnx/values.ts";
import { writeModel } from "../../onnx/write.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { sharedPath } from "../support/shared.ts";

const data = sharedPath("data/onnx");
const files = (extension: string): readonly string[] =>
  data === undefined
    ? []
    : readdirSync(data, { recursive: true, encoding: "utf8" })
        .filter((f) => f.endsWith(extension))
        .sort();

/** Written by tools that order fields in their own way. */
const otherOrder = new Set(["real/squeezenet/model.onnx", "real/super-resolution/model.onnx"]);

describe.skipIf(data === undefined)("all models (needs ../shared/data/onnx)", () => {
  const models = files(".onnx");

  it("are there", () => {
    expect(models.length).toBeGreaterThan(2700);
  });

  it("are read without a diagnostic, and messages are written back byte by byte", () => {
    const diagnostics = new Diagnostics();
    const different: string[] = [];
    for (const file of models) {
      const bytes = readFileSync(join(data!, file));
      const model = readModel(bytes, { file, diagnostics });
      expect(model, file).toBeDefined();
      const written = encode("ModelProto", decode("ModelProto", bytes, { file, faults: new FileFaults(diagnostics) }));
      if (Buffer.compare(written, bytes) !== 0) different.push(file);
    }
    expect(diagnostics.list).toEqual([]);
    expect(new Set(different)).toEqual(otherOrder);
  });

  it("are the same after writing and reading again (a sample, and all real ones)", () => {
    for (const file of models.filter((f, i) => i % 25 === 0 || f.startsWith("real/"))) {
      const diagnostics = new Diagnostics();
      const model = readModel(readFileSync(join(data!, file)), { file, diagnostics });
      const written = writeModel(model!);
      const again = readModel(written, { file, diagnostics });
      expect(isDeepStrictEqual(again, model), file).toBe(true);
      expect(Buffer.compare(writeModel(again!), written), file).toBe(0);
    }
  });
});

describe.skipIf(data === undefined)("test data (needs ../shared/data/onnx)", () => {
  it("is read as what the model declares, and written back byte by byte", () => {
    const diagnostics = new Diagnostics();
    const counts: Partial<Record<ValueMessage, number>> = {};
    let same = 0;
    let read = 0;
    for (const file of files("model.onnx").filter(
      (f, i) => f.includes("seq") || f.includes("optional") || i % 10 === 0,
    )) {
      const folder = join(data!, file.slice(0, -"model.onnx".length));
      const { graph } = readModel(readFileSync(join(data!, file)), { file, diagnostics })!;
      const sets = readdirSync(folder).filter((d) => d.startsWith("test_data_set_"));
      for (const value of sets.flatMap((set) => readdirSync(join(folder, set)).map((v) => join(folder, set, v)))) {
        const [, role, index] = /(input|output)_(\d+)\.pb$/.exec(value) ?? [];
        const declared = (role === "input" ? graph.inputs : graph.outputs)[Number(index)]?.type;
        const message = messages[declared?.kind ?? "tensor"];
        const bytes = readFileSync(value);
        const result = readValue(bytes, message, { file: value, diagnostics });
        expect(result, value).toBeDefined();
        counts[message] = (counts[message] ?? 0) + 1;
        read++;
        if (Buffer.compare(writeValue(result!), bytes) === 0) same++;
      }
    }
    expect(diagnostics.list).toEqual([]);
    expect(counts.SequenceProto).toBeGreaterThan(20);
    expect(counts.OptionalProto).toBeGreaterThan(5);
    // The rest keeps elements in typed fields, which are written as raw data.
    expect(same / read).toBeGreaterThan(0.8);
  });
});

const messages = {
  tensor: "TensorProto",
  sparse_tensor: "SparseTensorProto",
  sequence: "SequenceProto",
  optional: "OptionalProto",
  map: "MapProto",
  opaque: "TensorProto",
} as const;
