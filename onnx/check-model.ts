/** @file What can be wrong with a model as a whole, beside its nodes. */
import type { Value } from "../ir/core.ts";
import { typeText } from "../ir/spell.ts";
import { isDynamic, type TensorType, type Type } from "../ir/types.ts";
import type { Diagnostics } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import { sizeOf } from "../support/ndarray.ts";
import type { Model, Shape, ValueInfo } from "./model.ts";
import { functionText, shortDomain } from "./places.ts";
import { typeOfElement } from "./types.ts";

/** A tensor larger than this (in bytes) fits no machine that we compile for. */
const TENSOR_LIMIT = 2 ** 32;

/** Why a tensor is too large, or of a size that makes no sense; undefined if it is neither. Open sizes count as 1. */
export function tooLarge({ shape, element }: TensorType): string | undefined {
  const bad = shape.find((d) => d < 0 && !isDynamic(d));
  if (bad !== undefined) return `has a size of ${bad}`;
  const bytes = sizeOf(shape.map((d) => (isDynamic(d) ? 1 : d))) * bytesOf(element);
  return bytes < TENSOR_LIMIT ? undefined : `takes ${amountText(bytes)}, more than the 4 GiB that can be addressed`;
}

const bytesOf = (t: Type): number => (t.kind === "integer" || t.kind === "float" ? Math.ceil(t.width / 8) : 8);
const amountText = (bytes: number): string =>
  Number.isFinite(bytes) ? `${(bytes / 2 ** 30).toPrecision(3)} GiB` : "more bytes than can be counted";

/** Operator sets and functions are known by their names, and a model answers something. */
export function checkModel({ opsetImport, functions, graph }: Model, file: Location, diagnostics: Diagnostics): void {
  const sets = new Map<string, number>();
  for (const { domain, version } of opsetImport) {
    const first = sets.get(shortDomain(domain));
    if (first !== undefined && first !== version) {
      const name = JSON.stringify(shortDomain(domain) || "ai.onnx");
      diagnostics.error(
        "onnx/graph",
        file,
        `versions ${first} and ${version} of the operator set ${name} are imported`,
        {
          help: "a model uses one version of each operator set",
        },
      );
    }
    sets.set(shortDomain(domain), version);
  }
  const known = new Set<string>();
  for (const f of functions) {
    const key = `${functionText(f.domain, f.name)}${f.overload === "" ? "" : ` (${f.overload})`}`;
    if (known.has(key)) diagnostics.error("onnx/graph", file, `the ${key} is defined twice`);
    known.add(key);
  }
  if (graph.outputs.length === 0) {
    diagnostics.error("onnx/graph", file, "the graph has no outputs: there is nothing to compute", {
      help: "name what is wanted in graph.output",
    });
  }
}

/** A result is of the type that the model declares. Sizes that differ are what exporters often leave behind. */
export function checkOutput(declared: ValueInfo, result: Value | null, at: Location, diagnostics: Diagnostics): void {
  const { type } = declared;
  if (result?.type.kind !== "tensor" || type === undefined) return;
  if (type.kind !== "tensor") {
    diagnostics.error("onnx/type", at, `is declared as a ${type.kind}, but is a ${typeText(result.type)}`);
    return;
  }
  const element = typeOfElement(type.element);
  if (element !== result.type.element) {
    diagnostics.error(
      "onnx/type",
      at,
      `is declared with elements of type ${type.element}, but is a ${typeText(result.type)}`,
      { help: "declare what is computed, or insert a Cast" },
    );
  } else if (type.shape && !fits(type.shape, result.type.shape)) {
    const sizes = type.shape.map((d) => (d === "" ? "?" : d)).join("x");
    diagnostics.warning("onnx/shape", at, `is declared as ${sizes || "a scalar"}, but is a ${typeText(result.type)}`, {
      help: "the declared shape is ignored",
    });
  }
}

const fits = (declared: Shape, actual: readonly number[]): boolean =>
  declared.length === actual.length &&
  declared.every((d, i) => typeof d === "string" || isDynamic(actual[i]!) || d === actual[i]);
