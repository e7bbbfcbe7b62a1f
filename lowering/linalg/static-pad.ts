/** @file Pads of which everything is known: one value around a tensor, and how much of it on each side. */
import * as tensor from "../../dialects/tensor/index.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { isDynamic, type TensorType } from "../../ir/types.ts";

/** A pad with one value, of which all sizes are known. */
export interface StaticPad {
  readonly source: Value;
  readonly value: Value;
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly type: TensorType;
}

/** What a pad adds where, if it adds one value and all sizes are known. */
export function staticPad(op: Operation): StaticPad | undefined {
  const pad = tensor.pad.match(op);
  const value = pad && paddingValue(op);
  if (!value) return undefined;
  const { source, static_low: low, static_high: high, result } = pad;
  const type = result.type as TensorType;
  return [...low, ...high, ...type.shape].some(isDynamic) ? undefined : { source, value, low, high, type };
}

/** The value that the op's region yields, if it comes from outside. */
function paddingValue(op: Operation): Value | undefined {
  const value = op.region().entry.terminator?.operand(0);
  return value?.block === op.region().entry ? undefined : value;
}

/** A constant that stands inside of the region of a pad is moved before it, where others can use it. */
export function freePaddingValue(op: Operation): void {
  const def = op.region().entry.terminator?.operand(0).definingOp;
  if (def?.block === op.region().entry && def.def.isConstant) def.moveBefore(op);
}
