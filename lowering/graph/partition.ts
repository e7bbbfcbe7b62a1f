/**
 * @file A model in parts that two machines run in turns: what one of them cannot compute, the other does. A part is a
 * module with one function; values that cross a boundary are its arguments and results, by name.
 */
import { makeModule } from "../../dialects/builtin.ts";
import { func, return as return_ } from "../../dialects/func.ts";
import { Builder } from "../../ir/builder.ts";
import { Block, type Operation, Region, type Value } from "../../ir/core.ts";
import { type Attribute, functionType, stringAttribute } from "../../ir/types.ts";
import { invariant } from "../../support/diagnostic.ts";

export type Side = "device" | "host";

export interface Part {
  readonly side: Side;
  readonly module: Operation;
  /** The operations of the model that it computes, constants left out. */
  readonly ops: readonly Operation[];
  /** Names of what it takes and answers. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface Partition {
  /** In the order in which they run. */
  readonly parts: readonly Part[];
  /** Inputs of the model, in its order. */
  readonly inputs: readonly string[];
  /** Outputs of the model, and the values that they are. */
  readonly outputs: readonly (readonly [output: string, value: string])[];
}

/** Cuts `@main` into as few parts as its operations allow when each runs on its side. */
export function partition(module: Operation, sideOf: (op: Operation) => Side): Partition {
  const main = [...module.region().entry].find((op) => func.is(op));
  invariant(main, "a model has a function");
  const { body, arg_attrs, res_attrs } = func.of(main);
  const block = body.entry;
  const results = block.last!.operands;
  const ops = [...block].filter((op) => op !== block.last && !op.def.isConstant);
  const levels = levelsOf(ops, sideOf);
  const names = new Names();
  block.args.forEach((a, i) => {
    names.give(a, textOf(arg_attrs?.[i], "onnx.name") ?? `input${i}`, arg_attrs?.[i]);
  });
  const outputs = results.map((v, i) => {
    const said = textOf(res_attrs?.[i], "onnx.name") ?? `output${i}`;
    return [said, names.give(v, said, res_attrs?.[i])] as const;
  });
  const numbers = [...new Set(levels.values())].sort((a, b) => a - b);
  const known = new Set<Value>(block.args);
  const parts = numbers.map((level, i): Part => {
    const own = ops.filter((op) => levels.get(op) === level);
    const made = new Set(own.flatMap((op) => [...op.results]));
    const isLast = i === numbers.length - 1;
    const later = new Set(ops.filter((op) => levels.get(op)! > level).flatMap(valuesOf));
    const out = new Set([...made].filter((v) => later.has(v) || results.includes(v)));
    // What is an input or a constant all the same is answered by the last.
    if (isLast) for (const v of results) if (!v.definingOp || v.definingOp.def.isConstant) out.add(v);
    // Inputs that nobody wants are inputs all the same: of the first.
    const idle = i === 0 ? block.args.filter((a) => !a.hasUses) : [];
    const wanted = new Set([...own.flatMap(valuesOf), ...out, ...idle]);
    const into = [...wanted].filter((v) => !made.has(v) && !v.definingOp?.def.isConstant);
    invariant(
      into.every((v) => known.has(v)),
      "parts run in the order of their levels",
    );
    for (const v of made) known.add(v);
    return {
      side: level % 2 === 0 ? "device" : "host",
      module: moduleOf(module, main, own, into, [...out], names),
      ops: own,
      inputs: into.map((v) => names.of(v)),
      outputs: [...out].map((v) => names.of(v)),
    };
  });
  return { parts, inputs: block.args.map((a) => names.of(a)), outputs };
}

/** Even levels are the device's, odd ones the host's; an operation stands above what it needs of the other side. */
function levelsOf(ops: readonly Operation[], sideOf: (op: Operation) => Side): ReadonlyMap<Operation, number> {
  const levels = new Map<Operation, number>();
  for (const op of ops) {
    let level = sideOf(op) === "device" ? 0 : 1;
    const odd = level;
    for (const v of valuesOf(op)) {
      const below = v.definingOp ? levels.get(v.definingOp) : undefined;
      if (below !== undefined) level = Math.max(level, below % 2 === odd ? below : below + 1);
    }
    levels.set(op, level);
  }
  return levels;
}

/** What an operation uses, in its regions too, of the block that it stands in. */
function valuesOf(op: Operation): Value[] {
  const found: Value[] = [];
  op.walk((inner) => {
    for (const v of inner.operands) if ((v.definingOp?.block ?? v.owner) === op.block) found.push(v);
  });
  return found;
}

/** Names of values that cross boundaries, and what the model says of those that are its own. */
class Names {
  readonly #names = new Map<Value, string>();
  readonly #attributes = new Map<Value, ReadonlyMap<string, Attribute>>();
  readonly #taken = new Set<string>();

  /** The name that a value has in the end: the first that it is given. */
  give(v: Value, name: string, attributes: ReadonlyMap<string, Attribute> = new Map()): string {
    const known = this.#names.get(v);
    if (known !== undefined) return known;
    let free = name;
    for (let i = 1; this.#taken.has(free); i++) free = `${name}.${i}`;
    this.#taken.add(free);
    this.#names.set(v, free);
    this.#attributes.set(v, new Map([...attributes, ["onnx.name", stringAttribute(free)]]));
    return free;
  }

  of(v: Value): string {
    return this.give(v, "between");
  }

  attributes(v: Value): ReadonlyMap<string, Attribute> {
    this.of(v);
    return this.#attributes.get(v)!;
  }
}

function textOf(attributes: ReadonlyMap<string, Attribute> | undefined, key: string): string | undefined {
  const a = attributes?.get(key);
  return a?.kind === "string" ? a.value : undefined;
}

/** A module like the model's with a function that computes some of its operations. */
function moduleOf(
  whole: Operation,
  main: Operation,
  ops: readonly Operation[],
  inputs: readonly Value[],
  outputs: readonly Value[],
  names: Names,
): Operation {
  const module = makeModule();
  for (const [name, value] of whole.attributes ?? []) module.setAttribute(name, value);
  const block = new Block();
  const map = new Map<Value, Value>();
  for (const v of inputs) map.set(v, block.addArgument(v.type, v.location));
  const constants = new Set<Operation>();
  for (const v of [...ops.flatMap(valuesOf), ...outputs]) {
    if (v.definingOp?.def.isConstant) constants.add(v.definingOp);
  }
  for (const op of [...constants, ...ops]) block.append(op.clone(map));
  const answers = outputs.map((v) => map.get(v)!);
  return_(Builder.atEnd(block, main.loc), answers);
  func(Builder.atEnd(module.region().entry, main.loc), {
    sym_name: "main",
    function_type: functionType(
      inputs.map((v) => v.type),
      answers.map((v) => v.type),
    ),
    arg_attrs: inputs.map((v) => names.attributes(v)),
    res_attrs: outputs.map((v) => names.attributes(v)),
    body: new Region([block]),
  });
  return module;
}
