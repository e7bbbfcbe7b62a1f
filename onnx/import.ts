/** @file A model → a module of graph ops: the signature, sizes bound, and the clearing away of what was only needed on the way. */

import { makeModule } from "../dialects/builtin.ts";
import { func, return as return_ } from "../dialects/func.ts";
import { constantOfArray } from "../dialects/graph/constant.ts";
import { Builder } from "../ir/builder.ts";
import { Block, type Operation, Region, type Value } from "../ir/core.ts";
import { dtypeOf } from "../ir/datum.ts";
import { Pure } from "../ir/traits.ts";
import { type Attribute, elementOf, functionType, stringAttribute, type TensorType, tensor } from "../ir/types.ts";
import type { Diagnostics } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import { nearest } from "../support/nearest.ts";
import { checkModel, checkOutput, tooLarge } from "./check-model.ts";
import { GraphImporter, ModelContext } from "./graph-importer.ts";
import type { Graph, Model, ValueInfo } from "./model.ts";
import type { Known } from "./node-builder.ts";
import type { ImportOptions } from "./options.ts";
import { elementOfType, typeOfElement } from "./types.ts";

/**
 * Imports a model as a module with one function `@main`. Arguments and results carry the names and element types of the
 * model as attributes `onnx.name` and `onnx.type`; initializers are views of the model's bytes.
 *
 * @returns undefined after reporting everything that is wrong
 */
export function importModel(model: Model, options: ImportOptions): Operation | undefined {
  const { diagnostics } = options;
  const before = diagnostics.errorCount;
  const context = new ModelContext(model, options);
  const { graph } = model;
  const block = new Block();
  const module = makeModule();
  const importer = new GraphImporter(context, block);
  const names: string[] = [];
  const sizes = new SizeBinding(options, context.file);
  checkModel(model, { kind: "name", name: context.file }, diagnostics);
  const initializers = new Set(graph.initializers.map((t) => t.name));
  for (const input of graph.inputs) {
    // Before IR version 4 initializers are listed among the inputs; they are constants all the same.
    if (initializers.has(input.name)) continue;
    const at = context.place(`input "${input.name}"`);
    if (graph.unreadable?.has(input.name)) {
      importer.define(input.name, null, at);
      continue;
    }
    const type = inputType(input, sizes, at, diagnostics);
    const given = options.constants?.get(input.name);
    if (!type) importer.define(input.name, null, at);
    else if (given) importer.define(input.name, constantOfArray(importer.builder(at), given, type.element), at);
    else {
      const argument = block.addArgument(type, at);
      context.inputs.set(argument, input.name);
      names.push(input.name);
      importer.define(input.name, argument, at);
    }
  }
  sizes.reportUnused(diagnostics, graph);
  importer.initializers(graph);
  importer.declare(graph.valueInfo, graph.outputs);
  importer.nodes(graph.nodes);
  const results = graph.outputs.map((o) => importer.output(o.name));
  graph.outputs.forEach((o, i) => {
    checkOutput(o, results[i] ?? null, context.place(`output "${o.name}"`), diagnostics);
  });
  sizes.report(diagnostics);
  if (diagnostics.errorCount > before || results.some((r) => !r)) return undefined;
  const outputs = results as readonly Value[];
  return_(Builder.atEnd(block), outputs);
  settle(block, context.known);
  func(Builder.atEnd(module.region().entry), {
    sym_name: "main",
    function_type: functionType(
      block.args.map((a) => a.type),
      block.last!.operands.map((v) => v.type),
    ),
    arg_attrs: block.args.map((a, i) => describe(names[i]!, a)),
    res_attrs: graph.outputs.map((o, i) => describe(o.name, outputs[i]!)),
    body: new Region([block]),
  });
  return module;
}

function describe(name: string, value: Value): ReadonlyMap<string, Attribute> {
  const element = elementOfType(elementOf(value.type));
  return new Map([
    ["onnx.name", stringAttribute(name)],
    ["onnx.type", stringAttribute(element ?? "")],
  ]);
}

function inputType(
  input: ValueInfo,
  sizes: SizeBinding,
  at: Location,
  diagnostics: Diagnostics,
): TensorType | undefined {
  const { type } = input;
  if (type?.kind !== "tensor") {
    const what = type ? `is a ${type.kind}` : "has no type";
    diagnostics.error(type ? "onnx/unsupported-type" : "onnx/type", at, `the input "${input.name}" ${what}`, {
      help: "inputs are tensors with a declared element type",
    });
    return undefined;
  }
  const element = typeOfElement(type.element);
  if (!element || !dtypeOf(element)) {
    diagnostics.error("onnx/unsupported-type", at, `the input "${input.name}" has elements of type ${type.element}`);
    return undefined;
  }
  const shape = sizes.of(input, at, diagnostics);
  const found = shape && tensor(shape, element);
  const fault = found && tooLarge(found);
  if (fault === undefined) return found;
  diagnostics.error("onnx/shape", at, `the input "${input.name}" ${fault}`, {
    help: "give it smaller sizes with --shape",
  });
  return undefined;
}

/** Which symbolic sizes stand for what. */
class SizeBinding {
  readonly #given: Readonly<Record<string, readonly number[] | number>>;
  readonly #file: Location;
  readonly #used = new Set<string>();
  /** Symbols that were taken as 1, and inputs whose nameless sizes were. */
  readonly #assumed = new Set<string>();

  constructor(options: ImportOptions, file: string) {
    this.#given = options.shapes ?? {};
    this.#file = { kind: "name", name: file };
  }

  of(input: ValueInfo, at: Location, diagnostics: Diagnostics): number[] | undefined {
    const declared = input.type?.kind === "tensor" ? input.type.shape : undefined;
    const given = Object.hasOwn(this.#given, input.name) ? this.#given[input.name]! : undefined;
    if (typeof given === "object") {
      this.#used.add(input.name);
      const fits =
        !declared ||
        (declared.length === given.length && declared.every((d, i) => typeof d === "string" || d === given[i]));
      if (!fits) {
        const wanted = declared.map((d) => (d === "" ? "?" : d)).join("x");
        diagnostics.error("onnx/shape", at, `shape ${given.join("x")} does not fit the declared ${wanted}`);
        return undefined;
      }
      return given.slice();
    }
    if (!declared) {
      diagnostics.error("onnx/shape", at, `the shape of the input "${input.name}" is not declared`, {
        help: `give it: --shape ${input.name}=…`,
      });
      return undefined;
    }
    return declared.map((d) => (typeof d === "number" ? d : this.#symbol(d, input.name)));
  }

  #symbol(name: string, input: string): number {
    const given = name !== "" && Object.hasOwn(this.#given, name) ? this.#given[name] : undefined;
    if (typeof given === "number") {
      this.#used.add(name);
      return given;
    }
    this.#assumed.add(name === "" ? `? of "${input}"` : name);
    return 1;
  }

  report(diagnostics: Diagnostics): void {
    if (this.#assumed.size === 0) return;
    const names = [...this.#assumed].join(", ");
    diagnostics.remark("onnx/symbolic-shape", this.#file, `sizes that are left open are taken as 1: ${names}`, {
      help: "give them with --shape NAME=SIZE or --shape INPUT=1x3x224x224",
    });
  }

  /** Sizes that were given for names that the model does not have. */
  reportUnused(diagnostics: Diagnostics, graph: Graph): void {
    const known = graph.inputs.map((i) => i.name).concat([...this.#assumed].filter((a) => !a.startsWith("?")));
    for (const name of Object.keys(this.#given)) {
      if (this.#used.has(name) || known.includes(name)) continue;
      const near = nearest(name, known);
      diagnostics.warning("onnx/symbolic-shape", this.#file, `the model has no input or size named "${name}"`, {
        ...(near === undefined ? {} : { help: `did you mean "${near}"?` }),
      });
    }
  }
}

/** Writes known values down as constants where they are used, and removes what nobody uses. */
function settle(block: Block, known: Known): void {
  for (let op = block.first; op; ) {
    const next: Operation | null = op.next;
    for (const region of op.regions) for (const inner of region.blocks) settle(inner, known);
    if (!op.def.isConstant) {
      for (const r of op.results) {
        const array = r.hasUses && known.has(r) ? known.array(r) : undefined;
        if (array) r.replaceAllUsesWith(constantOfArray(Builder.before(op), array, elementOf(r.type)));
      }
    }
    op = next;
  }
  for (let op = block.last; op; ) {
    const prev: Operation | null = op.prev;
    if (op.isUnused && op.def.has(Pure) && !op.def.isTerminator) op.erase();
    op = prev;
  }
}
