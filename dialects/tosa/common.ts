/** @file What the ops of tosa share: tensors of numbers, zero points, broadcasting, and reading elements as integers. */
import { attr } from "../../ir/attributes.ts";
import { where } from "../../ir/constraints.ts";
import type { Operation } from "../../ir/core.ts";
import { dtypeOf, toType, unsignedOf } from "../../ir/datum.ts";
import type { Evaluator, Num } from "../../ir/evaluate.ts";
import { kernelOf, mappingOf } from "../../ir/scalar.ts";
import { typeText } from "../../ir/spell.ts";
import { type Attribute, elementOf, type TensorType, type Type } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";

/** Numbers, or the quantized types of another dialect that stand for them. */
export const NumberTensor = where<TensorType>(
  "tensor of number values",
  (t) => t.kind === "tensor" && ["integer", "float", "index", "opaque"].includes(t.element.kind),
);
export const BoolTensor = where<TensorType>(
  "tensor of 1-bit signless integer values",
  (t) => t.kind === "tensor" && t.element.kind === "integer" && t.element.width === 1,
);
export const tensorOfRank = (...ranks: readonly number[]) =>
  where<TensorType>(
    `${ranks.join("/")}-d tensor of number values`,
    (t) => t.kind === "tensor" && (!t.ranked || ranks.includes(t.shape.length)),
  );

/** How nearly every op is written. */
export const functional = "operands attr-dict `:` functional-type(operands, results)";

/** Zero points: `#tosa.conv_quant<input_zp = 3, weight_zp = 0>`. */
export const quantization = (mnemonic: string) =>
  attr.where(`${mnemonic} attribute`, (a) => a.kind === "opaque" && a.text.startsWith(`#tosa.${mnemonic}<`)).optional();

/** A number of such an attribute; 0 where it is absent. */
export function zeroPoint(a: Attribute | undefined, name: string): number {
  const found = a?.kind === "opaque" ? new RegExp(`\\b${name} *= *(-?\\d+)`).exec(a.text) : null;
  return found ? Number(found[1]) : 0;
}

// --- arrays -------------------------------------------------------------------------------------------------------

/** A zero array for a result of some shape; faults where the element type has no run-time form. */
export function makeResult(run: Evaluator, shape: readonly number[], i = 0): NDArray {
  const type = run.resultType(i);
  const dtype = dtypeOf(elementOf(type));
  if (!dtype) return run.fail(`'${typeText(type)}' has no run-time form`);
  return NDArray.zeros(dtype, shape);
}

/** The shape in which all operands meet: dimensions of one are stretched, shorter shapes count from the back. */
export function broadcastShape(run: Evaluator, arrays: readonly NDArray[]): number[] {
  const rank = Math.max(...arrays.map((a) => a.rank));
  return Array.from({ length: rank }, (_, d) => {
    const sizes = arrays.map((a) => a.shape[d - rank + a.rank] ?? 1).filter((n) => n !== 1);
    if (sizes.some((n) => n !== sizes[0])) run.fail(`sizes ${sizes.join(" and ")} of dimension ${d} do not fit`);
    return sizes[0] ?? 1;
  });
}

/** A view of the array in a broader shape. */
export function stretch(a: NDArray, shape: readonly number[]): NDArray {
  const missing = shape.length - a.rank;
  const strides = shape.map((n, d) =>
    d < missing || (a.shape[d - missing] === 1 && n !== 1) ? 0 : a.strides[d - missing]!,
  );
  return new NDArray(a.dtype, shape, a.data, strides, a.offset);
}

/** The op's scalar function over its operands, stretched to one shape. */
export function mapStretched(arrays: readonly NDArray[], run: Evaluator): NDArray {
  const shape = broadcastShape(run, arrays);
  const operands = arrays.map((a) => stretch(a, shape));
  const kernel = kernelOf(run.op, (message) => run.fail(message));
  const results = mappingOf(kernel, [run.resultType(0)])(operands);
  return results?.[0] ?? run.fail(`'${typeText(run.resultType(0))}' has no run-time form`);
}

/** Calls `visit` with every index of a shape, the last one fastest. The list is the same one each time. */
export function forEachIndex(shape: readonly number[], visit: (index: readonly number[]) => void): void {
  if (shape.some((n) => n === 0)) return;
  const index = shape.map(() => 0);
  for (;;) {
    visit(index);
    let d = shape.length - 1;
    for (; d >= 0; d--) {
      if (++index[d]! < shape[d]!) break;
      index[d] = 0;
    }
    if (d < 0) return;
  }
}

/** An array of a shape, each element computed from its index and brought to the result's type. */
export function computed(run: Evaluator, shape: readonly number[], of: (index: readonly number[]) => Num): NDArray {
  const result = makeResult(run, shape);
  const element = elementOf(run.resultType(0));
  let n = 0;
  forEachIndex(shape, (index) => result.setData(n++, toType(element, of(index))));
  return result;
}

/** Sums of products: exact for integers, rounded term by term for floats. */
export interface Accumulator {
  readonly zero: Num;
  add(sum: Num, a: Num, b: Num): Num;
}

export function accumulatorOf(type: Type): Accumulator {
  const element = elementOf(type);
  if (element.kind === "float") {
    return {
      zero: 0,
      add: (sum, a, b) => toType(element, (sum as number) + (toType(element, (a as number) * (b as number)) as number)),
    };
  }
  return { zero: 0n, add: (sum, a, b) => (sum as bigint) + BigInt(a) * BigInt(b) };
}

/** Integers of the operand without sign where its type says so. */
export const integerView = (op: Operation, operand: number): ((v: Num) => Num) => {
  const type = elementOf(op.operand(operand).type);
  return type.kind === "integer" && type.signedness === "unsigned" ? (v) => unsignedOf(type, v) : (v) => v;
};
