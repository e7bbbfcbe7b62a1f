/** @file Elements of two vectors mixed: shuffles and interleavings. */
import { attr } from "../../ir/attributes.ts";
import { Vector } from "../../ir/constraints.ts";
import { defineOp } from "../../ir/define.ts";
import { one } from "../../ir/fields.ts";
import { allTypesMatch, Pure } from "../../ir/traits.ts";
import { type VectorType, vector as vectorType } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { FixedVector } from "./kinds.ts";

/** The type of a shuffle: as many leading elements as the mask has numbers. */
const shuffled = (t: VectorType, mask: readonly number[]): VectorType =>
  vectorType([mask.length, ...t.shape.slice(1)], t.element);

/** What is wrong with the types of a shuffle, in MLIR's order; undefined is sound. */
function shuffleFault(a: VectorType, b: VectorType, to: VectorType, mask: readonly number[]): string | undefined {
  if (a.element !== to.element) return "failed to verify that first operand v1 and result have same element type";
  if (b.element !== to.element) return "failed to verify that second operand v2 and result have same element type";
  const ranks = [a.shape.length, b.shape.length, to.shape.length];
  const isFlat = ranks.join() === "0,0,1";
  if (!isFlat && ranks.some((r) => r !== ranks[0])) return "rank mismatch";
  for (let d = 1; d < a.shape.length; d++) {
    if (a.shape[d] !== b.shape[d] || a.shape[d] !== to.shape[d]) return "dimension mismatch";
  }
  if (mask.length === 0) return "invalid mask length";
  if (mask.length !== to.shape[0]) return "mask length mismatch";
  const count = (a.shape[0] ?? 1) + (b.shape[0] ?? 1);
  const wrong = mask.findIndex((n) => n < 0 || n >= count);
  return wrong < 0 ? undefined : `mask index #${wrong + 1} out of range`;
}

export const shuffle = defineOp("vector.shuffle", {
  doc: "Picks leading-dimension elements of two vectors, laid end to end, by number.",
  operands: [one("v1", FixedVector), one("v2", FixedVector)],
  attrs: { mask: attr.intArray.in22(attr.ints) },
  results: [one("vector", Vector)],
  traits: [Pure],
  assembly: "operands $mask attr-dict `:` type(operands)",
  inferLoosely: true,
  infer: ({ v1, mask }) => [shuffled(v1.type, mask)],
  verify({ v1, v2, mask, vector }, fail) {
    const a = v1.type;
    const b = v2.type;
    const to = vector.type;
    const message = shuffleFault(a, b, to, mask);
    if (message) fail(message);
  },
  evaluate({ v1, v2, mask }) {
    // A vector without dimensions counts as one element.
    const [a, b] = v1.rank === 0 ? [v1.reshape([1]), v2.reshape([1])] : [v1, v2];
    const made = NDArray.zeros(a.dtype, [mask.length, ...a.shape.slice(1)]);
    mask.forEach((n, i) => {
      const first = n < a.shape[0]!;
      row(made, i).assign(row(first ? a : b, first ? n : n - a.shape[0]!));
    });
    return [made];
  },
});

/** The subarray at an index of the leading dimension. */
const row = (a: NDArray, i: number): NDArray =>
  new NDArray(a.dtype, a.shape.slice(1), a.data, a.strides.slice(1), a.offset + i * a.strides[0]!);

/** The innermost dimension (one element for no dimension), so many times as long. */
const stretched = (t: VectorType, by: number): VectorType =>
  t.shape.length === 0
    ? vectorType([by], t.element)
    : vectorType([...t.shape.slice(0, -1), t.shape.at(-1)! * by], t.element, t.scalable);

/** Every second element of the innermost dimension. */
function everySecond(a: NDArray, first: number): NDArray {
  const last = a.rank - 1;
  const offsets = a.shape.map((_, d) => (d === last ? first : 0));
  const sizes = a.shape.map((n, d) => (d === last ? n / 2 : n));
  return a.view(
    offsets,
    sizes,
    a.shape.map((_, d) => (d === last ? 2 : 1)),
  );
}

export const interleave = defineOp("vector.interleave", {
  doc: "The elements of two vectors in turn along the innermost dimension.",
  operands: [one("lhs", Vector), one("rhs", Vector)],
  results: [one("result", Vector)],
  traits: [Pure, allTypesMatch("lhs", "rhs")],
  assembly: "$lhs `,` $rhs attr-dict `:` type($lhs) `->` type($result)",
  inferLoosely: true,
  infer: ({ lhs }) => [stretched(lhs.type, 2)],
  verify({ lhs, result }, fail) {
    if (result.type !== stretched(lhs.type, 2)) {
      fail("failed to verify that type of 'result' is double the width of the inputs");
    }
  },
  evaluate({ lhs, rhs }, run) {
    const made = NDArray.zeros(lhs.dtype, (run.resultType(0) as VectorType).shape);
    everySecond(made, 0).assign(lhs);
    everySecond(made, 1).assign(rhs);
    return [made];
  },
});

export const deinterleave = defineOp("vector.deinterleave", {
  doc: "The even and the odd elements along the innermost dimension.",
  operands: [one("source", Vector)],
  results: [one("res1", Vector), one("res2", Vector)],
  traits: [Pure, allTypesMatch("res1", "res2")],
  assembly: "$source attr-dict `:` type($source) `->` type($res1)",
  names: () => ["res1", "res2"],
  inferLoosely: true,
  infer({ source }) {
    const { shape, element, scalable } = source.type;
    const half = vectorType([...shape.slice(0, -1), Math.floor((shape.at(-1) ?? 0) / 2)], element, scalable);
    return [half, half];
  },
  verify({ source, res1 }, fail) {
    const n = source.type.shape.at(-1);
    if (n === undefined || n % 2 !== 0) {
      fail("failed to verify that the trailing dimension of the source vector has an even number of elements");
    } else if (res1.type.shape.length === 0 || stretched(res1.type, 2) !== source.type) {
      fail(
        "failed to verify that the trailing dimension of the results is half the width of source trailing dimension",
      );
    }
  },
  evaluate: ({ source }) => [everySecond(source, 0), everySecond(source, 1)],
});
