/** @file Vectors made, and vectors of other shapes over the same elements. */
import { attr } from "../../ir/attributes.ts";
import { Any, Index, Vector, where } from "../../ir/constraints.ts";
import { bitsOfElement, elementOfBits, widthOf } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import type { Evaluator, Num } from "../../ir/evaluate.ts";
import { many, one } from "../../ir/fields.ts";
import { Pure, typesMatchWith } from "../../ir/traits.ts";
import { elementCount, elementOf, index, type Type, type VectorType } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { elementsMatch } from "../shaped.ts";
import { arrayOfVector, zerosOf } from "./data.ts";
import { isScalable, selectDimensions } from "./kinds.ts";

export const broadcast = defineOp("vector.broadcast", {
  doc: "Repeats a scalar or vector along new leading dimensions and along dimensions of size one.",
  operands: [one("source", Any)],
  results: [one("vector", Vector)],
  traits: [Pure, elementsMatch("source operand and result have same element type", "source", "vector")],
  assembly: "$source attr-dict `:` type($source) `to` type($vector)",
  verify({ source, vector }, fail) {
    const from = source.type;
    const to = vector.type;
    if (from.kind !== "vector") {
      if (from !== to.element) fail("source type is not a vector");
      return;
    }
    if (from.shape.length > to.shape.length) {
      fail("source rank higher than destination rank");
      return;
    }
    const lead = to.shape.length - from.shape.length;
    for (const [d, n] of from.shape.entries()) {
      const wide = to.shape[lead + d]!;
      const scalable = [isScalable(from, d), isScalable(to, lead + d)] as const;
      if (n !== 1 && n !== wide) {
        const size = (x: number, s: boolean): string => (s ? `[${x}]` : `${x}`);
        fail(`dimension mismatch (${size(n, scalable[0])} vs. ${size(wide, scalable[1])})`);
        return;
      }
    }
  },
  evaluate({ source }, run) {
    const type = run.resultType(0) as VectorType;
    return [source instanceof NDArray ? broadcastArray(source, type.shape) : fillVector(type, source as Num, run)];
  },
});

/** A view with stride zero along repeated dimensions. */
export function broadcastArray(a: NDArray, shape: readonly number[]): NDArray {
  const lead = shape.length - a.rank;
  const strides = shape.map((_, d) => (d < lead || a.shape[d - lead] === 1 ? 0 : a.strides[d - lead]!));
  return new NDArray(a.dtype, shape, a.data, strides, a.offset);
}

function fillVector(type: VectorType, value: Num, run: Evaluator): NDArray {
  const made = zerosOf(type, run);
  made.fill(value);
  return made;
}

const ScalarElement = where<Type>(
  "integer/index/float type",
  (t) => (t.kind === "integer" && t.signedness === "signless") || t.kind === "index" || t.kind === "float",
);

export const splat = defineOp("vector.splat", {
  doc: "A vector of one value. Kept for reading; `vector.broadcast` says the same.",
  operands: [one("input", ScalarElement)],
  results: [one("aggregate", Vector)],
  traits: [Pure, typesMatchWith("operand type matches element type of result", "aggregate", "input", elementOf)],
  assembly: "$input attr-dict `:` type($aggregate)",
  deduce: { input: (known) => elementType(known.type("aggregate")) },
  evaluate: ({ input }, run) => [fillVector(run.resultType(0) as VectorType, input as Num, run)],
});

const elementType = (t: Type | undefined): Type | undefined => t && elementOf(t);

export const from_elements = defineOp("vector.from_elements", {
  doc: "A vector of scalars in row-major order.",
  operands: [many("elements", Any)],
  results: [one("result", Vector)],
  traits: [Pure],
  assembly: "$elements attr-dict `:` type($result)",
  deduce: {
    elements(known) {
      const t = known.type("result");
      return t?.kind === "vector" ? new Array<Type>(elementCount(t.shape)).fill(t.element) : undefined;
    },
  },
  verify({ elements, result }, fail) {
    const wanted = elementCount(result.type.shape);
    if (elements.length !== wanted || elements.some((e) => e.type !== result.type.element)) {
      fail("failed to verify that operand types match result element type");
    }
  },
  evaluate: ({ elements }, run) => [arrayOfVector(run.resultType(0) as VectorType, elements as readonly Num[], run)],
});

export const step = defineOp("vector.step", {
  doc: "The numbers 0, 1, 2, … as a vector of index.",
  results: [
    one(
      "result",
      where<VectorType>(
        "vector of index values of ranks 1",
        (t) => t.kind === "vector" && t.shape.length === 1 && t.element.kind === "index",
      ),
    ),
  ],
  traits: [Pure],
  assembly: "attr-dict `:` type($result)",
  evaluate(_, run) {
    const type = run.resultType(0) as VectorType;
    return [
      arrayOfVector(
        type,
        Array.from({ length: type.shape[0]! }, (_, i) => i),
        run,
      ),
    ];
  },
});

export const vscale = defineOp("vector.vscale", {
  doc: "By how much scalable vectors are longer than their types say. The interpreter's are not.",
  results: [one("res", Index)],
  traits: [Pure],
  assembly: "attr-dict",
  names: () => ["vscale"],
  infer: () => [index],
  evaluate: () => [1],
});

export const transpose = defineOp("vector.transpose", {
  doc: "Permutes dimensions: dimension i of the result is dimension `permutation[i]` of the source.",
  operands: [one("vector", Vector)],
  attrs: { permutation: attr.ints },
  results: [one("result", Vector)],
  traits: [Pure, elementsMatch("operand and result have same element type", "vector", "result")],
  assembly: "$vector `,` $permutation attr-dict `:` type($vector) `to` type($result)",
  inferLoosely: true,
  infer: ({ vector, permutation }) => [selectDimensions(vector.type, permutation)],
  verify({ vector, permutation, result }, fail) {
    const from = vector.type;
    const to = result.type;
    if (from.shape.length !== to.shape.length) {
      fail(`vector result rank mismatch: ${to.shape.length}`);
      return;
    }
    if (permutation.length !== from.shape.length) {
      fail(`transposition length mismatch: ${permutation.length}`);
      return;
    }
    const seen = new Set<number>();
    for (const [i, d] of permutation.entries()) {
      if (d < 0 || d >= from.shape.length) {
        fail(`transposition index out of range: ${d}`);
        return;
      }
      if (seen.has(d)) {
        fail(`duplicate position index: ${d}`);
        return;
      }
      seen.add(d);
      if (to.shape[i] !== from.shape[d]) {
        fail(`dimension size mismatch at: ${d}`);
        return;
      }
    }
  },
  evaluate: ({ vector, permutation }) => [vector.transpose(permutation)],
});

export const shape_cast = defineOp("vector.shape_cast", {
  doc: "The same elements in row-major order under another shape.",
  operands: [one("source", Vector)],
  results: [one("result", Vector)],
  traits: [Pure],
  assembly: "$source attr-dict `:` type($source) `to` type($result)",
  verify({ source, result }, fail) {
    const from = source.type;
    const to = result.type;
    if (from.element !== to.element) {
      fail("source/result vectors must have same element type");
    } else if (elementCount(from.shape) !== elementCount(to.shape)) {
      fail("source/result number of elements must match");
    } else if (!refines(from.shape, to.shape)) {
      fail("invalid shape cast");
    } else if (from.scalable.filter(Boolean).length !== to.scalable.filter(Boolean).length) {
      fail("different number of scalable dims at source and result");
    }
  },
  evaluate: ({ source }, run) => [source.reshape((run.resultType(0) as VectorType).shape)],
});

/** Shapes of different rank must refine each other: every dimension of the shorter is a product of neighbours. */
function refines(a: readonly number[], b: readonly number[]): boolean {
  if (a.length === b.length) return true;
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  if (short.length === 0) return true;
  let at = 0;
  for (const n of short) {
    let size = 1;
    while (size < n && at < long.length) size *= long[at++]!;
    if (size !== n) return false;
  }
  return long.slice(at).every((n) => n === 1);
}

export const bitcast = defineOp("vector.bitcast", {
  doc: "The bits of the innermost dimension read as elements of another width, lowest bits first.",
  operands: [one("source", Vector)],
  results: [one("result", Vector)],
  traits: [Pure],
  assembly: "$source attr-dict `:` type($source) `to` type($result)",
  verify({ source, result }, fail) {
    const from = source.type;
    const to = result.type;
    if (from.shape.length !== to.shape.length) {
      fail("failed to verify that all of {source, result} have same rank");
      return;
    }
    const last = from.shape.length - 1;
    for (let d = 0; d < last; d++) {
      if (from.shape[d] !== to.shape[d]) {
        fail(`dimension size mismatch at: ${d}`);
        return;
      }
    }
    const bits = (t: VectorType): number => widthOf(t.element) * (last < 0 ? 1 : t.shape[last]!);
    if (bits(from) !== bits(to)) {
      fail(
        last < 0
          ? "source/result bitwidth of the 0-D vector element types must be equal"
          : "source/result bitwidth of the minor 1-D vectors must be equal",
      );
    }
  },
  evaluate({ source }, run) {
    const from = (run.operandType(0) as VectorType).element;
    const to = run.resultType(0) as VectorType;
    const row = source.rank === 0 ? 1 : source.shape.at(-1)!;
    const values = source.values();
    const out: Num[] = [];
    const width = BigInt(widthOf(to.element));
    for (let start = 0; start < values.length; start += row) {
      let bits = 0n;
      for (let i = row - 1; i >= 0; i--) {
        bits = (bits << BigInt(widthOf(from))) | bitsOfElement(from, values[start + i]!);
      }
      const count = (row * widthOf(from)) / Number(width);
      for (let i = 0; i < count; i++, bits >>= width)
        out.push(elementOfBits(to.element, BigInt.asUintN(Number(width), bits)));
    }
    return [arrayOfVector(to, out, run)];
  },
});
