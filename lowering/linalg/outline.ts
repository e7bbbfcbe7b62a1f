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

/** The discardable attribute that marks kernels. */
export const kernelAttribute = "kernel";

export const isKernel = (op: Operation): boolean => func.func.is(op) && op.attributes?.has(kernelAttribute) === true;

export const outline = definePass("linalg-outline", {
  doc: "Gathers structured ops that can share their loops, and makes each gathering a kernel function; equal kernels once.",
  options: {
    /** What is costly and wanted twice for each row is kept in a kernel's result meanwhile; for machines that run one row after the other. */
    stash: attr.bool.default(false),
  },
  run(module, { stash }) {
    const kernels = new Map<string, string>();
    const functions = [...module.region().entry].filter((op) => func.func.is(op) && !isKernel(op));
    for (const fn of functions) {
      for (const block of blocksOf(fn)) {
        for (const group of groupKernels(block, stash)) outlineGroup(module, group, kernels);
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
  const block = new Block(types.inputs);
  const map = new Map<Value, Value>(inputs.map((v, i) => [v, block.args[i]!]));
  for (const op of group.ops) block.append(op.clone(map));
  const b = Builder.atEnd(block, root.loc);
  func.return(
    b,
    root.results.map((r) => map.get(r)!),
  );
  const key = structureKey(block);
  let name = kernels.get(key);
  if (name === undefined) {
    name = `k${kernels.size}`;
    kernels.set(key, name);
    func.func(new Builder(module.region().entry, null, root.loc), {
      sym_name: name,
      sym_visibility: "private",
      function_type: functionType(types.inputs, types.results),
      body: new Region([block]),
      extra: new Map([[kernelAttribute, unitAttribute]]),
    });
  } else {
    for (const op of [...block].reverse()) op.erase();
  }
  // The call stands for all nodes of the group, first the one whose result leaves it. Constants belong to whoever came first.
  const places = fuse([root.loc, ...group.ops.filter((op) => structureOf(op)).map((op) => op.loc)]);
  const call = new Builder(root.block, root, places);
  const results = func.call(call, inputs, { callee: name, types: types.results });
  root.results.forEach((r, i) => r.replaceAllUsesWith(results[i]!));
  for (const op of [...group.ops].reverse()) if (op.isUnused) op.erase();
}

/** A text that is equal for blocks of the same structure: ops, attributes and types; names and places do not count. */
export function structureKey(block: Block): string {
  const ids = new Map<Value, number>();
  const parts: string[] = [];
  const number = (v: Value): number => {
    let id = ids.get(v);
    if (id === undefined) {
      id = ids.size;
      ids.set(v, id);
    }
    return id;
  };
  const visitBlock = (x: Block): void => {
    parts.push(`(${x.args.map((a) => `${number(a)}:${a.type.id}`).join(",")})`);
    for (const op of x) {
      parts.push(op.name, op.uses.map((u) => number(u.value)).join(","));
      op.def.attrFields.forEach((f, i) => {
        const value = op.props[i];
        const a = value === undefined ? undefined : f.codec.to(value);
        if (a) parts.push(`${f.name}=${attributeKey(a)}`);
      });
      if (op.attributes) for (const [k, a] of op.attributes) parts.push(`${k}=${attributeKey(a)}`);
      for (const r of op.results) parts.push(`>${number(r)}:${r.type.id}`);
      for (const region of op.regions) for (const inner of region.blocks) visitBlock(inner);
      parts.push(";");
    }
  };
  visitBlock(block);
  return parts.join(" ");
}
