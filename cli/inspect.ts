/** @file `sluice inspect MODEL.onnx`: what a model is made of. */
import { Command } from "commander";
import {
  CompileError,
  Diagnostics,
  type Dim,
  type Graph,
  loadCompiler,
  loadOnnx,
  type Model,
  type ValueInfo,
  type Work,
} from "../index.ts";
import { parseArguments } from "./arguments.ts";
import { addModelFlags, amountText, bytesText, countText, type ModelFlags, readingOptions, rowsText } from "./model.ts";
import { report, reportAs } from "./report.ts";
import { print, readBytes } from "./terminal.ts";

export async function main(args: readonly string[]): Promise<number> {
  const command = new Command("inspect")
    .description("Shows what a model is made of: inputs and outputs, operators, parameters, multiply-accumulates.")
    .argument("<model>", "the model, an .onnx file");
  addModelFlags(command);
  const parsed = parseArguments(command, args);
  if (typeof parsed === "number") return parsed;
  const flags = parsed.opts<ModelFlags>();
  reportAs(flags.errorFormat);
  const path = parsed.args[0]!;
  const bytes = readBytes(path);
  const diagnostics = new Diagnostics();
  const { readModel } = await loadOnnx();
  const options = readingOptions(path, flags, diagnostics);
  const model = readModel(bytes, { diagnostics, file: options.file });
  if (!model) throw new CompileError(diagnostics.list);
  const importing = new Diagnostics();
  const work = await workOfModel(bytes, { ...options, diagnostics: importing });
  print(describe(path, model, work));
  // Reading has reported once already; what is new is why it cannot be compiled.
  report(importing.list.filter((d) => d.severity !== "remark"));
  return importing.hasErrors || diagnostics.hasErrors ? 1 : 0;
}

/** What there is to compute, if the model can be imported. */
async function workOfModel(bytes: Uint8Array, options: ReturnType<typeof readingOptions>): Promise<Work | undefined> {
  const { importBytes, lower, workOf } = await loadCompiler();
  try {
    const module = importBytes(bytes, options);
    lower(module, "graph-to-linalg", options);
    return workOf(module);
  } catch (error) {
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}

function describe(path: string, model: Model, work: Work | undefined): string {
  const { graph } = model;
  const initializers = new Set(graph.initializers.map((t) => t.name));
  const parameters = graph.initializers.reduce((n, t) => n + t.dims.reduce((a, b) => a * b, 1), 0);
  const size = graph.initializers.reduce(
    (n, t) =>
      n +
      (t.payload.kind === "bytes"
        ? t.payload.bytes.length
        : t.payload.kind === "external"
          ? (t.payload.reference.length ?? 0)
          : 0),
    0,
  );
  const sets = model.opsetImport.map((s) => `${s.domain || "ai.onnx"} ${s.version}`).join(", ");
  const operators = countOperators(graph);
  const nodes = [...operators.values()].reduce((a, b) => a + b, 0);
  const rows: (readonly [string, string])[] = [
    ["producer", `${[model.producerName, model.producerVersion].filter((s) => s !== "").join(" ") || "unknown"}`],
    ["format", `IR version ${model.irVersion}, operators ${sets}`],
    [
      "inputs",
      graph.inputs
        .filter((i) => !initializers.has(i.name))
        .map(portText)
        .join("\n"),
    ],
    ["outputs", graph.outputs.map(portText).join("\n")],
    [
      "parameters",
      `${parameters.toLocaleString("en-US")} in ${countText(graph.initializers.length, "tensor")}, ${bytesText(size)}`,
    ],
    ["MACs", work ? workText(work) : "not known: the model cannot be imported"],
    ["operators", `${countText(nodes, "node")}\n${histogram(operators)}`],
  ];
  return `${path}\n${rowsText(rows)}`;
}

const workText = ({ macs, unknown }: Work): string =>
  `${amountText(macs)}${unknown > 0 ? ` and ${countText(unknown, "contraction")} of unknown size` : ""}`;

/** Operators by name, in the graph and the graphs inside of it. */
function countOperators(graph: Graph, counts = new Map<string, number>()): ReadonlyMap<string, number> {
  for (const node of graph.nodes) {
    const name = node.domain === "" ? node.opType : `${node.domain}.${node.opType}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
    for (const attribute of node.attributes.values()) {
      if (attribute.type === "graph") countOperators(attribute.value, counts);
      else if (attribute.type === "graphs") for (const inner of attribute.value) countOperators(inner, counts);
    }
  }
  return counts;
}

function histogram(counts: ReadonlyMap<string, number>): string {
  const rows = [...counts].sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return rows.map(([name, n]) => `${String(n).padStart(5)}  ${name}`).join("\n");
}

function portText({ name, type }: ValueInfo): string {
  if (!type) return name;
  if (type.kind !== "tensor") return `${name}: ${type.kind}`;
  const size = (d: Dim): string => (d === "" ? "?" : String(d));
  return `${name}: ${type.element}${type.shape ? `[${type.shape.map(size).join(", ")}]` : ""}`;
}
