/** @file Test cases in the layout of the official ONNX suite: a model, data sets of inputs and expected outputs, tolerances. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Tolerance } from "../../cli/compare.ts";
import type { Graph, Model, OnnxValue, ValueInfo } from "../../onnx/model.ts";
import { readModel } from "../../onnx/proto.ts";
import { readValue, type ValueMessage } from "../../onnx/values.ts";
import { type Diagnostic, Diagnostics } from "../../support/diagnostic.ts";

export interface Case {
  /** Path of the model below the folder that was searched, without `/model.onnx`. */
  readonly name: string;
  readonly model: string;
}

export interface DataSet {
  /** By position in graph.input; missing where the file is. */
  readonly inputs: ReadonlyMap<string, OnnxValue>;
  readonly outputs: ReadonlyMap<string, OnnxValue>;
}

/** All cases in a folder and below it, by name. */
export function findCases(folder: string): Case[] {
  const found: Case[] = [];
  const walk = (dir: string, prefix: string): void => {
    const entries = readdirSync(dir, { withFileTypes: true });
    if (entries.some((e) => e.name === "model.onnx")) {
      found.push({ name: prefix === "" ? basename(dir) : prefix, model: join(dir, "model.onnx") });
      return;
    }
    for (const e of entries) {
      const name = prefix === "" ? e.name : `${prefix}/${e.name}`;
      if (e.isDirectory()) walk(join(dir, e.name), name);
      else if (e.name.endsWith(".onnx") && existsSync(join(dir, `${e.name.slice(0, -5)}_output_0.pb`))) {
        found.push({ name: name.slice(0, -5), model: join(dir, e.name) });
      }
    }
  };
  if (statSync(folder).isDirectory()) walk(folder, "");
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What a case is at fault with itself, or what we cannot read. */
export class CaseFault extends Error {
  readonly diagnostics: readonly Diagnostic[];
  constructor(message: string, diagnostics: readonly Diagnostic[] = []) {
    super(diagnostics.length > 0 ? `${message}: ${diagnostics[0]!.message}` : message);
    this.diagnostics = diagnostics;
  }
}

export function readCaseModel(c: Case): Model {
  const diagnostics = new Diagnostics();
  const model = readModel(readFileSync(c.model), { diagnostics, file: basename(dirname(c.model)) });
  if (!model || diagnostics.hasErrors) throw new CaseFault("the model cannot be read", diagnostics.list);
  return model;
}

export function toleranceOf(c: Case): Tolerance {
  const file = join(dirname(c.model), "data.json");
  const given: Partial<Tolerance> = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as object) : {};
  const light = basename(c.model).startsWith("light_");
  return { rtol: given.rtol ?? (light ? 2e-3 : 1e-3), atol: given.atol ?? 1e-7 };
}

/** The data sets of a case, read one by one. */
export function* dataSetsOf(c: Case, graph: Graph): Generator<DataSet> {
  const dir = dirname(c.model);
  if (basename(c.model) !== "model.onnx") {
    yield lightDataSet(c, graph);
    return;
  }
  const sets = readdirSync(dir).filter((n) => n.startsWith("test_data_set_"));
  for (const set of sets.sort()) {
    const read = (kind: string, values: readonly ValueInfo[]): ReadonlyMap<string, OnnxValue> =>
      new Map(
        values.flatMap((info, i): [string, OnnxValue][] => {
          const file = join(dir, set, `${kind}_${i}.pb`);
          return existsSync(file) ? [[info.name, readValueFile(file, info)]] : [];
        }),
      );
    yield { inputs: read("input", graph.inputs), outputs: read("output", graph.outputs) };
  }
}

/** The light models have one input, the numbers from 0 to 1 in even steps, and one output. */
function lightDataSet(c: Case, graph: Graph): DataSet {
  const initializers = new Set(graph.initializers.map((t) => t.name));
  const input = graph.inputs.find((i) => !initializers.has(i.name));
  const shape = input?.type?.kind === "tensor" ? input.type.shape : undefined;
  if (!input || !shape?.every((d) => typeof d === "number")) throw new CaseFault("the input has no known shape");
  const dims = shape as readonly number[];
  const n = dims.reduce((a, b) => a * b, 1);
  const data = Float32Array.from({ length: n }, (_, i) => i / n);
  const bytes = new Uint8Array(data.buffer);
  const tensor = {
    name: "",
    type: "float32",
    dims,
    payload: { kind: "bytes", bytes },
    docString: "",
    metadata: new Map(),
  };
  const output = graph.outputs[0]!;
  const expected = readValueFile(`${c.model.slice(0, -5)}_output_0.pb`, output);
  return {
    inputs: new Map([[input.name, { kind: "tensor", tensor } as OnnxValue]]),
    outputs: new Map([[output.name, expected]]),
  };
}

const messages: Readonly<Record<string, ValueMessage>> = {
  tensor: "TensorProto",
  sparse_tensor: "SparseTensorProto",
  sequence: "SequenceProto",
  optional: "OptionalProto",
  map: "MapProto",
};

function readValueFile(file: string, info: ValueInfo): OnnxValue {
  const diagnostics = new Diagnostics();
  const message = messages[info.type?.kind ?? "tensor"] ?? "TensorProto";
  const value = readValue(readFileSync(file), message, { diagnostics, file: basename(file) });
  if (!value) throw new CaseFault(`${basename(file)} cannot be read`, diagnostics.list);
  return value;
}
