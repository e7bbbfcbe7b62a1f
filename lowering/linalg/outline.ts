/**
 * @file Each group of structured ops becomes a function, a kernel; equal kernels are one function, whatever weights
 * they are called with. What is left of the caller is a sequence of calls.
 */
import * as func from "../../dialects/func.ts";
import { structureOf } from "../../dialects/linalg/structure.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import { Block, type Operation, Region, type Value } from "../../ir/core.ts";
import { attributeKey, functionType, unitAttribute } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { fuse } from "../../support/location.ts";
import { type Group, groupInputs, groupKernels } from "./group.ts";
import { duplicateMoves } from "./views.ts";

/** The discardable attribute that marks kernels. */
export const kernelAttribute = "kernel";

export const isKernel = (op: Operation): boolean => func.func.is(op) && op.attributes?.has(kernelAttribute) === true;

export const outline = definePass("linalg-outline", {
  doc: "Gathers structured ops that can share their loops, and makes each gathering a kernel function; equal kernels once.",
  options: {
    /** What is costly and wanted twice for each row is kept in a kernel's result meanwhile; for machines that run one row after the other. */
    stash: attr.bool.default(false),
    /** It is computed twice instead; for machines of many threads. */
    again: attr.bool.default(false),
  },
  run(module, twice) {
    const kernels = new Map<string, string>();
    const functions = [...module.region().entry].filter((op) => func.func.is(op) && !isKernel(op));
    for (const fn of functions) {
      for (const block of blocksOf(fn)) {
        if (twice.again) duplicateMoves(block);
        for (const group of groupKernels(block, twice)) outlineGroup(module, group, kernels);
      }
    }
  },
});

/** The blocks of a function in which kernels are called: those of its own regions, not bodies of structured ops. */
function blocksOf(fn: Operation): Block[] {
  const found: Block[] = [];
  const visit = (region: Region): void => {
    for (const block of region.blocks) {
      found.push(block);
      for (const op of block) if (op.def.dialect !== "linalg") op.regions.forEach(visit);
    }
  };
  fn.regions.forEach(visit);
  return found;
}

function outlineGroup(module: Operation, group: Group, kernels: Map<string, string>): void {
  const inputs = groupInputs(group);
  const { root } = group;
  const types = { inputs: inputs.map((v) => v.type), results: root.results.map((r) => r.type) };
  // Most groups are like one before: they are compared where they stand, and only what is new is copied.
  const key = structureKey(inputs, group.ops, root.results);
  let name = kernels.get(key);
  if (name === undefined) {
    name = `k${kernels.size}`;
    kernels.set(key, name);
    func.func(new Builder(module.region().entry, null, root.loc), {
      sym_name: name,
      sym_visibility: "private",
      function_type: functionType(types.inputs, types.results),
      body: new Region([kernelBody(group, inputs)]),
      extra: new Map([[kernelAttribute, unitAttribute]]),
    });
  }
  // The call stands for all nodes of the group, first the one whose result leaves it. Constants belong to whoever came first.
  const places = fuse([root.loc, ...group.ops.filter((op) => structureOf(op)).map((op) => op.loc)]);
  const call = new Builder(root.block, root, places);
  const results = func.call(call, inputs, { callee: name, types: types.results });
  root.results.forEach((r, i) => r.replaceAllUsesWith(results[i]!));
  for (const op of [...group.ops].reverse()) if (op.isUnused) op.erase();
}

function kernelBody({ ops, root }: Group, inputs: readonly Value[]): Block {
  const block = new Block(inputs.map((v) => v.type));
  const map = new Map<Value, Value>(inputs.map((v, i) => [v, block.args[i]!]));
  for (const op of ops) block.append(op.clone(map));
  func.return(
    Builder.atEnd(block, root.loc),
    root.results.map((r) => map.get(r)!),
  );
  return block;
}

/**
 * A text that is equal for ops of the same structure, over the same kinds of inputs and with the same results: ops,
 * attributes and types count, names and places do not.
 */
function structureKey(inputs: readonly Value[], ops: readonly Operation[], results: readonly Value[]): string {
  const ids = new Map<Value, number>();
  let text = "";
  const number = (v: Value): number => {
    let id = ids.get(v);
    if (id === undefined) {
      id = ids.size;
      ids.set(v, id);
    }
    return id;
  };
  const define = (values: readonly Value[], mark: string): void => {
    text += mark;
    for (const v of values) text += ` ${number(v)}:${v.type.id}`;
  };
  const visit = (op: Operation): void => {
    text += `;${op.name}`;
    for (const u of op.uses) text += ` ${number(u.value)}`;
    const { attrFields } = op.def;
    for (let i = 0; i < attrFields.length; i++) {
      const value = op.props[i];
      const a = value === undefined ? undefined : attrFields[i]!.codec.to(value);
      if (a) text += ` ${attrFields[i]!.name}=${attributeKey(a)}`;
    }
    if (op.attributes) for (const [k, a] of op.attributes) text += ` ${k}=${attributeKey(a)}`;
    define(op.results, ">");
    for (const region of op.regions) {
      for (const inner of region.blocks) {
        define(inner.args, "(");
        for (let o = inner.first; o; o = o.next) visit(o);
        text += ")";
      }
    }
  };
  define(inputs, "");
  ops.forEach(visit);
  define(results, "=");
  return text;
}
