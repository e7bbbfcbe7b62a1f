/** @file What must hold for every structured op: MLIR's checks of destination-style and structured ops, in its words. */
import { type AffineExpr, type AffineMap, evaluateExpr } from "../../ir/affine.ts";
import type { Operation } from "../../ir/core.ts";
import { typeText } from "../../ir/spell.ts";
import type { Fail } from "../../ir/traits.ts";
import { isDynamic } from "../../ir/types.ts";
import { elementTypeOf, formOf, shapeOf, structured } from "./structure.ts";

/** Checks outputs and results of an op that implements `structured`: what can be told before its body is looked at. */
export function verifyOutputs(op: Operation, fail: Fail): boolean {
  return verifyDestinations(op, structured.of(op)!.inputCount(op), fail);
}

/** Checks how operands, maps and body of an op that implements `structured` fit together. */
export function verifyStructured(op: Operation, fail: Fail): void {
  if (verifyMaps(op, fail)) verifyBody(op, fail);
}

/** Each tensor among the outputs has a result of its type; the outputs are tensors or buffers. */
export function verifyDestinations(op: Operation, inputCount: number, fail: Fail): boolean {
  const outputs = op.uses.slice(inputCount).map((u) => u.value);
  const stray = outputs.findIndex((o) => o.type.kind !== "tensor" && o.type.kind !== "memref");
  if (stray >= 0) {
    fail(`expected that operand #${inputCount + stray} is a ranked tensor or a ranked memref`);
    return false;
  }
  const tensors = outputs.filter((o) => o.type.kind === "tensor");
  if (tensors.length !== op.results.length) {
    const [have, want] = [op.results.length, tensors.length];
    fail(`expected the number of tensor results (${have}) to be equal to the number of output tensors (${want})`);
    return false;
  }
  let result = 0;
  for (const [i, o] of outputs.entries()) {
    if (o.type.kind !== "tensor") continue;
    const r = op.results[result++]!.type;
    if (r === o.type) continue;
    const what = `expected type of operand #${inputCount + i} ('${typeText(o.type)}')`;
    fail(`${what} to match type of corresponding result ('${typeText(r)}')`, { code: "verify/result-type" });
    return false;
  }
  return true;
}

function verifyMaps(op: Operation, fail: Fail): boolean {
  const how = structured.of(op)!;
  const complain = (message: string): boolean => {
    fail(message);
    return false;
  };
  if (formOf(op) === "mixed") return complain("expected to have pure tensor or buffer semantics");
  const maps = how.maps(op);
  const loops = how.iterators(op).length;
  if (maps.length !== op.operandCount) {
    const n = op.operandCount;
    return complain(
      `expected the number of indexing_map (${maps.length}) to be equal to the number of input/output operands (${n})`,
    );
  }
  for (const [i, map] of maps.entries()) {
    if (map.numSymbols !== 0) return complain(`unexpected symbols in indexing_map #${i}`);
    if (map.numDims !== loops) {
      return complain(`expected indexing_map #${i} to have ${loops} dim(s) to match the number of loops`);
    }
    const rank = shapeOf(op.operand(i).type).length;
    if (map.results.length !== rank) {
      const has = map.results.length;
      return complain(`expected operand rank (${rank}) to match the result rank of indexing_map #${i} (${has})`);
    }
  }
  const extents = loopExtents(op, maps, loops);
  if (!extents) return complain("expected the shape-to-loops map to be non-null");
  if (extents.some(isDynamic)) return true;
  const wrong = outOfShape(op, maps, extents);
  return wrong === undefined || complain(wrong);
}

/** The extent of each loop, from the first operand that says it; undefined if none does for some loop. */
function loopExtents(op: Operation, maps: readonly AffineMap[], loops: number): number[] | undefined {
  const extents = new Array<number | undefined>(loops).fill(undefined);
  for (const [i, map] of maps.entries()) {
    const shape = shapeOf(op.operand(i).type);
    for (const [dim, e] of map.results.entries()) if (e.kind === "dim") extents[e.index] ??= shape[dim]!;
  }
  const known = extents.filter((e) => e !== undefined);
  return known.length === loops ? known : undefined;
}

/** The first operand dimension that the loops do not fit, in words. */
function outOfShape(op: Operation, maps: readonly AffineMap[], extents: readonly number[]): string | undefined {
  const first = extents.map(() => 0);
  const last = extents.map((e) => e - 1);
  for (const [i, map] of maps.entries()) {
    for (const [dim, size] of shapeOf(op.operand(i).type).entries()) {
      if (isDynamic(size) || size === 0) continue;
      const e = map.results[dim]!;
      const [start, end] = [evaluateExpr(e, first), evaluateExpr(e, last)];
      if (Math.min(start, end) < 0) return `unexpected result less than 0 at expression #${dim} in ${map.text}`;
      const fault = misfit(e, Math.max(start, end) + 1, size);
      if (fault)
        return `inferred input/output operand #${i} has shape's dimension #${dim} to be ${fault}, but found ${size}`;
    }
  }
  return undefined;
}

function misfit(e: AffineExpr, inferred: number, size: number): string | undefined {
  if (e.kind === "dim") return inferred === size ? undefined : `${inferred}`;
  return inferred > size ? `greater than or equal to ${inferred}` : undefined;
}

function verifyBody(op: Operation, fail: Fail): boolean {
  const how = structured.of(op)!;
  const body = op.regions[0]?.blocks[0];
  if (!body || op.regions[0]!.blocks.length !== 1) {
    fail("expects to have 1 region with 1 block", { code: "verify/region" });
    return false;
  }
  const seen = how.outputsInBody ? op.operandCount : how.inputCount(op);
  if (body.args.length !== seen) {
    fail("expected as many non-induction variable region arguments as the number of input/output operands", {
      code: "verify/region",
    });
    return false;
  }
  for (const [i, arg] of body.args.entries()) {
    const element = elementTypeOf(op.operand(i).type);
    if (arg.type === element) continue;
    const what = `expected type of bb argument #${i} ('${typeText(arg.type)}')`;
    fail(`${what} to match element or self type of the corresponding operand ('${typeText(element)}')`, {
      code: "verify/region",
    });
    return false;
  }
  return true;
}
