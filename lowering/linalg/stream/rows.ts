/**
 * @file Which rows of what it reads an op needs for some rows of its result. Rows are taken along one dimension of each
 * tensor, which need not be the same one everywhere; the maps of structured ops and the borders of pads say how they are related.
 */
import { loopIndex, type Structure, type StructuredOperand, structureOf } from "../../../dialects/linalg/structure.ts";
import * as tensor from "../../../dialects/tensor/index.ts";
import { linear } from "../../../ir/affine.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import { isDynamic, type TensorType } from "../../../ir/types.ts";
import { staticPad } from "../static-pad.ts";
import { mentions } from "../steps.ts";

/** Rows from the first to behind the last. */
export interface Rows {
  readonly from: number;
  readonly to: number;
}

/** Rows [a, b) of a result are made of rows [a · step, (b - 1) · step + reach + 1) of an operand. */
export interface Reading {
  /** The dimension of the operand that its rows are along. */
  readonly dim: number;
  readonly step: number;
  readonly reach: number;
}

/** The rows of an operand that some rows of the result are made of. */
export const rowsRead = ({ step, reach }: Reading, { from, to }: Rows): Rows => ({
  from: from * step,
  to: (to - 1) * step + reach + 1,
});

/** The rows of a pad's source that lie in some rows of the padded tensor. */
export function rowsInside(low: number, size: number, { from, to }: Rows): Rows {
  const within = (row: number): number => Math.max(0, Math.min(size, row - low));
  return { from: within(from), to: within(to) };
}

/**
 * How an op reads each operand for rows along dimension `dim` of its result; `whole` where every row is made of all of it;
 * undefined if the op cannot be computed row by row.
 */
export function readingsOf(s: Structure, dim: number): readonly (Reading | "whole")[] | undefined {
  const [out, ...others] = s.outputs;
  if (!out || others.length > 0 || s.form !== "tensor") return undefined;
  const along = out.map.results[dim];
  if (along?.kind !== "dim" || s.loops[along.index]!.kind !== "parallel") return undefined;
  for (const op of s.body) if (loopIndex.of(op)) return undefined;
  const readings: (Reading | "whole")[] = [];
  for (const operand of s.operands) {
    const reading = readingOf(s, operand, along.index);
    if (!reading) return undefined;
    readings.push(reading);
  }
  return readings;
}

function readingOf(s: Structure, { map, shape }: StructuredOperand, loop: number): Reading | "whole" | undefined {
  const dims = map.results.flatMap((e, d) => (mentions(e, loop) ? [d] : []));
  const [dim, ...more] = dims;
  if (dim === undefined) return "whole";
  if (more.length > 0 || shape.some(isDynamic)) return undefined;
  const form = linear(map.results[dim]!, map.numDims);
  if (form?.offset !== 0 || form.factors.some((f) => f < 0)) return undefined;
  let reach = 0;
  for (const [l, f] of form.factors.entries()) {
    if (l === loop || f === 0) continue;
    if (s.loops[l]!.kind !== "reduction") return undefined;
    reach += f * (s.loops[l]!.extent - 1);
  }
  return { dim, step: form.factors[loop]!, reach };
}

/** What it reads is known when the model is compiled: a broadcast bias, a fill. It is made again where it is wanted. */
const isOfConstants = (s: Structure): boolean => s.inputs.every((o) => o.value.definingOp?.def.isConstant === true);

/** An op whose only work is to move elements of one tensor, for one reader: it is done as that reader loads. */
function movesForReader(op: Operation): boolean {
  const s = structureOf(op);
  if (s?.outputs.length !== 1 || s.loops.some((l) => l.kind !== "parallel")) return false;
  if (s.yields.length !== 1 || !s.inputs.some((o) => o.arg === s.yields[0])) return false;
  return isOfConstants(s) || (s.inputs.length === 1 && op.result().hasOneUse);
}

/** It is not computed by itself: a pad, a move, a tensor without content. */
export const isTransparent = (op: Operation): boolean =>
  tensor.empty.is(op) || staticPad(op) !== undefined || movesForReader(op);

export const shapeOf = (v: Value): readonly number[] => (v.type as TensorType).shape;
