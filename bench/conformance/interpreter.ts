/** @file The target `interpreter`: a model imported and run as graph ops. */
import type { Operation } from "../../ir/core.ts";
import { Interpreter } from "../../ir/interpret.ts";
import { importModel } from "../../onnx/import.ts";
import type { Model } from "../../onnx/model.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import type { NDArray } from "../../support/ndarray.ts";
import type { Prepared, Target } from "./target.ts";

export const interpreter: Target = {
  name: "interpreter",
  prepare(module: Operation): Prepared {
    const run = new Interpreter();
    return { run: (inputs) => run.call(module, "main", inputs) as readonly NDArray[] };
  },
};

/** Shape-like inputs, whose values had to be given at compile time. */
export interface Imported {
  readonly module: Operation | undefined;
  readonly specialized: readonly string[];
  readonly diagnostics: Diagnostics;
}

/**
 * Imports a model for inputs of known values: shapes are theirs, and an input whose value the importer must know becomes
 * a constant.
 */
export function importFor(model: Model, inputs: ReadonlyMap<string, NDArray>): Imported {
  const shapes = Object.fromEntries([...inputs].map(([name, a]) => [name, a.shape]));
  const constants = new Map<string, NDArray>();
  for (;;) {
    const diagnostics = new Diagnostics();
    const needs = new Set<string>();
    const module = importModel(model, { diagnostics, shapes, constants, needs });
    const more = [...needs].filter((n) => inputs.has(n) && !constants.has(n));
    if (module || more.length === 0) return { module, specialized: [...constants.keys()], diagnostics };
    for (const n of more) constants.set(n, inputs.get(n)!);
  }
}
