/**
 * @file What products of matrices can compute as they load: sums over small windows of each channel (depthwise convolutions,
 * pools) and what follows them element by element. Threads that share what they load compute each element once for a tile of
 * columns, and nothing of it goes through memory.
 */
import { type Structure, type StructuredOperand, stepsOf, structureOf } from "../../dialects/linalg/structure.ts";
import { isIdentityMap } from "../../ir/affine.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { isShaped } from "../../ir/types.ts";
import { type Product, productOf } from "./product.ts";

/** Steps of a window, at most. */
const mostSteps = 32;
/** Rows and columns of a product whose threads share what they load, at least. */
const fewest = 8;
/** Columns that one tile holds. */
const tileColumns = 32;

/** A sum over a few places around each element, of one channel each. */
export const isWindow = (s: Structure): boolean => {
  const [out, ...others] = s.outputs;
  const steps = stepsOf(s);
  return steps > 1 && steps <= mostSteps && others.length === 0 && productOf(s, out!.shape) === undefined;
};

/** A product that is large enough for threads to share what they load, if it is one. */
export function sharedProduct(s: Structure): Product | undefined {
  const [out] = s.outputs;
  const product = out && productOf(s, out.shape);
  if (!product) return undefined;
  const [columns = 1] = out.shape.slice(-1);
  const rows = product.rows.reduce((n, d) => n * out.shape[d]!, 1);
  return rows >= fewest && columns >= fewest ? product : undefined;
}

/**
 * The ops between an operand of a product and the window that it is made of, the window last; undefined where there is none,
 * or it would be summed too often. Each is used by the one before only.
 */
export function windowBefore(s: Structure, operand: StructuredOperand): readonly Operation[] | undefined {
  const product = sharedProduct(s);
  if (!product || operand !== product.left || stepsOf(s) % 8 !== 0) return undefined;
  const [columns = 1] = s.outputs[0]!.shape.slice(-1);
  // Whole rows of it only: windows of windows would be summed once for each tap.
  if (product.sums.length !== 1) return undefined;
  const chain: Operation[] = [];
  for (let value: Value = operand.value; ; ) {
    const op = value.definingOp;
    const own = op && value.hasOneUse ? structureOf(op) : undefined;
    if (!op || own?.outputs.length !== 1 || op.block !== s.op.block) return undefined;
    chain.push(op);
    if (isWindow(own)) return stepsOf(own) * Math.ceil(columns / tileColumns) <= columns ? chain : undefined;
    if (own.loops.some((l) => l.kind !== "parallel") || !isIdentityMap(own.outputs[0]!.map)) return undefined;
    // What is added to each channel or pixel may be read beside it.
    const whole = own.inputs.filter((i) => isShaped(i.value.type) && isIdentityMap(i.map));
    if (whole.length !== 1) return undefined;
    value = whole[0]!.value;
  }
}
