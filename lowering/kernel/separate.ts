/**
 * @file Tensors that depend on nothing, apart: an empty one, a border of zeros, what such are inserted into. `cse` makes one
 * of equal ones; but each is about to be written into, and one place for all would have to be copied for each.
 */
import * as func from "../../dialects/func.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";

/** Gives each insertion blank tensors of its own. */
export function separateBlanks(block: Block): void {
  const blank = new Set<Operation>();
  for (const op of block) {
    for (const region of op.regions) for (const inner of region.blocks) separateBlanks(inner);
    if (isBlank(op, blank)) blank.add(op);
  }
  // From the end: what uses an op has been multiplied before it is.
  for (const op of [...blank].reverse()) {
    const uses = [...op.result().uses()].filter(({ owner }) => tensor.insert_slice.is(owner) && owner.block === block);
    // The last of the users keeps the op, if nobody else has it.
    const others = uses.length < [...op.result().uses()].length ? uses : uses.slice(1);
    for (const { owner, index } of others) {
      const copy = op.clone();
      owner.block!.insertBefore(copy, owner);
      owner.setOperand(index, copy.result());
    }
  }
}

function isBlank(op: Operation, blank: ReadonlySet<Operation>): boolean {
  if (op.results.length !== 1) return false;
  if (tensor.empty.is(op)) return op.operandCount === 0;
  if (func.call.is(op)) return op.operands.every((v) => v.type.kind !== "tensor");
  const insert = tensor.insert_slice.match(op);
  const from = (v: Value): boolean => v.definingOp !== null && blank.has(v.definingOp);
  return insert !== undefined && from(insert.source) && from(insert.dest);
}
