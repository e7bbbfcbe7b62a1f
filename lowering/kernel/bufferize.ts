/**
 * @file Tensors become memory. Callers of kernels name the buffers: each tensor is placed where it is wanted, if that
 * is known when it is made (a slice of a concatenation, the inside of a padded tensor, a result of the function), and
 * else in a buffer of its own. Kernels get destination-passing signatures; inside they stay on tensors until their
 * loops are written (linalg-to-loops).
 */
import * as bufferization from "../../dialects/bufferization.ts";
import * as func from "../../dialects/func.ts";
import { Builder } from "../../ir/builder.ts";
import { Block, type Operation, type Value } from "../../ir/core.ts";
import { functionType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { fault } from "../../support/diagnostic.ts";
import { isKernel } from "../linalg/outline.ts";
import { CallerBufferizer } from "./bufferize-caller.ts";
import { bufferType } from "./place.ts";

export const bufferize = definePass("linalg-bufferize", {
  doc: "Places every tensor in a buffer: callers pass memrefs to kernels, and functions take and fill memrefs.",
  options: {},
  run(module) {
    const functions = [...module.region().entry].filter((op) => func.func.is(op));
    for (const fn of functions) if (isKernel(fn)) bufferizeKernel(fn);
    for (const fn of functions) if (!isKernel(fn)) new CallerBufferizer(module, fn).run();
  },
});

/** `func(tensors) -> tensors` to `func(memrefs, memrefs of the results)`. */
export function bufferizeKernel(fn: Operation): void {
  const { body, function_type: type } = func.func.of(fn);
  const old = body.entry;
  const end = old.terminator;
  if (!end || type.kind !== "function") throw fault("pass/failed", fn.loc, "a kernel is a function with one block");
  const inputs = type.inputs.map(bufferType);
  const outputs = type.results.map(bufferType);
  const block = new Block([...inputs, ...outputs]);
  const b = new Builder(block, null, fn.loc);
  const map = new Map<Value, Value>();
  old.args.forEach((a, i) => {
    const arg = block.args[i]!;
    map.set(a, a.type.kind === "tensor" ? bufferization.to_tensor(b, arg, { restrict: true, types: [a.type] }) : arg);
  });
  for (const op of old) {
    if (op === end) continue;
    b.insert(op.clone(map));
  }
  end.operands.forEach((v, i) => {
    bufferization.materialize_in_destination(b, map.get(v) ?? v, block.args[inputs.length + i]!, {
      restrict: true,
      writable: true,
      types: [],
    });
  });
  func.return(b, []);
  for (const op of [...old].reverse()) op.erase();
  body.remove(old);
  body.append(block);
  fn.props[fn.def.attrIndex.get("function_type")!] = functionType([...inputs, ...outputs], []);
}
