/** @file Products of vectors: contraction, outer product, fused multiply-add, and matrices in flat vectors. */
import type { AffineMap } from "../../ir/affine.ts";
import { isProjectedPermutation } from "../../ir/affine.ts";
import { attr, dialectBody } from "../../ir/attributes.ts";
import { Any, Vector } from "../../ir/constraints.ts";
import { toType } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { one, optional } from "../../ir/fields.ts";
import { allTypesMatch, Elementwise, Pure } from "../../ir/traits.ts";
import {
  type Attribute,
  arrayAttribute,
  elementOf,
  i1,
  stringAttribute,
  type Type,
  type VectorType,
  vector as vectorType,
} from "../../ir/types.ts";
import { isFloatKind } from "../../support/float.ts";
import { fma as fusedMultiplyAdd } from "../../support/fma.ts";
import { NDArray } from "../../support/ndarray.ts";
import { elementsMatch, quoted } from "../shaped.ts";
import { forEachIndex, zerosOf } from "./data.ts";
import { Arithmetic1D, combiner, FloatVector, isKindFor, isScalable, kindAttr } from "./kinds.ts";
import { activeMask, maskable } from "./mask.ts";

export const fma = defineOp("vector.fma", {
  doc: "lhs * rhs + acc in each lane, rounded once.",
  operands: [one("lhs", FloatVector), one("rhs", FloatVector), one("acc", FloatVector)],
  results: [one("result", FloatVector)],
  traits: [Pure, allTypesMatch("lhs", "rhs", "acc", "result"), Elementwise],
  assembly: "$lhs `,` $rhs `,` $acc attr-dict `:` type($lhs)",
  inferLoosely: true,
  infer: ({ lhs }) => [lhs.type],
  scalar({ results: [type], fail }) {
    const kind = type?.kind === "float" && isFloatKind(type.name) ? type.name : fail("has no run-time form");
    return (a: number, b: number, c: number) => fusedMultiplyAdd(kind, a, b, c);
  },
});

/** The product of two elements as an element of another type: operands are widened before they are multiplied. */
function multiplier(from: Type, to: Type): (a: Num, b: Num) => Num {
  if (from.kind === "float") return (a, b) => toType(to, (a as number) * (b as number));
  const small = from.kind === "integer" && from.width <= 16;
  if (small && to.kind === "integer" && to.width <= 32) return (a, b) => toType(to, (a as number) * (b as number));
  return (a, b) => toType(to, BigInt(a) * BigInt(b));
}

// --- contraction ----------------------------------------------------------------------------------------------------

export type ContractIterator = "parallel" | "reduction";
const iteratorWords = ["parallel", "reduction"] as const;
const iteratorName = "vector.iterator_type";

/** `[#vector.iterator_type<parallel>, …]`; pretty forms write strings. */
const iterators = attr.custom<readonly ContractIterator[]>(
  "Iterator type should be an enum.",
  { kind: "full" },
  (v) => arrayAttribute(v.map((k): Attribute => ({ kind: "opaque", text: `#${iteratorName}<${k}>` }))),
  (a) => {
    if (a.kind !== "array") return undefined;
    const words: ContractIterator[] = [];
    for (const e of a.elements) {
      const body = e.kind === "string" ? e.value : dialectBody(e, iteratorName);
      const word = iteratorWords.find((w) => w === body);
      if (!word) return undefined;
      words.push(word);
    }
    return words;
  },
);

const traitNames = ["indexing_maps", "iterator_types", "kind"];

export const contract = defineOp("vector.contract", {
  doc: "A generalized matrix product: loops given by `iterator_types`, operands read and the accumulator written through `indexing_maps`.",
  operands: [one("lhs", Vector), one("rhs", Vector), one("acc", Any)],
  attrs: { indexing_maps: attr.maps, iterator_types: iterators, kind: kindAttr.default("add") },
  results: [one("result", Any)],
  traits: [
    Pure,
    elementsMatch("lhs and rhs have same element type", "lhs", "rhs"),
    elementsMatch("third operand acc and result have same element type", "acc", "result"),
  ],
  interfaces: [
    maskable({
      maskType(op): VectorType | undefined {
        const { lhs, rhs, indexing_maps, iterator_types } = contract.of(op);
        return vectorType(extentsOf(lhs.type, rhs.type, indexing_maps, iterator_types.length), i1);
      },
    }),
  ],
  inferLoosely: true,
  infer: ({ acc }) => [acc.type],
  parse(p) {
    const at = p.here();
    const dictionary = p.attribute();
    if (dictionary.kind !== "dictionary") return p.fail("expected dictionary attribute", at);
    const names = [p.operand()];
    p.punct(",");
    names.push(p.operand());
    p.punct(",");
    names.push(p.operand());
    const attributes = new Map([...dictionary.entries, ...p.attrDict()]);
    p.punct(":");
    const lhs = p.type();
    p.punct(",");
    const rhs = p.type();
    p.keyword("into");
    const result = p.type();
    const types = [lhs, rhs, result];
    return { operands: names.map((n, i) => p.resolve(n, types[i]!)), attributes, resultTypes: [result] };
  },
  print({ op, lhs, rhs, acc, result, indexing_maps, iterator_types, kind }, p) {
    const words = arrayAttribute(iterator_types.map((w) => stringAttribute(w)));
    const entries = new Map<string, Attribute>([
      ["indexing_maps", arrayAttribute(indexing_maps.map((map): Attribute => ({ kind: "map", map })))],
      ["iterator_types", words],
      ["kind", kindAttr.to(kind)!],
    ]);
    p.dictionary(entries);
    p.write(" ");
    p.operands([lhs, rhs, acc]);
    p.attrDict(op, traitNames);
    p.write(" : ");
    p.types([lhs.type, rhs.type]);
    p.write(" into ");
    p.type(result.type);
  },
  verify({ lhs, rhs, acc, result, indexing_maps, iterator_types, kind }, fail) {
    const message = contractFault(lhs.type, rhs.type, acc.type, result.type, indexing_maps, iterator_types);
    if (message) fail(message);
    else if (!isKindFor(kind, elementOf(result.type))) fail("unsupported contraction type");
  },
  evaluate({ lhs, rhs, acc, indexing_maps, iterator_types, kind }, run) {
    const from = run.operandType(0) as VectorType;
    const type = elementOf(run.resultType(0));
    const extents = extentsOf(from, run.operandType(1) as VectorType, indexing_maps, iterator_types.length);
    const [a, b, c] = indexing_maps.map(positions);
    const product = multiplier(from.element, type);
    const combine = combiner(kind, type);
    const mask = activeMask(run);
    const made = acc instanceof NDArray ? acc.copy() : zerosOf(vectorType([], type), run);
    if (!(acc instanceof NDArray)) made.set([], acc as Num);
    const pick = (at: readonly number[], dims: readonly number[]): number[] => dims.map((d) => at[d]!);
    // Reductions run innermost and in order, so that each sum is taken from first to last.
    const order = extents
      .map((_, d) => d)
      .sort((x, y) => rankOf(iterator_types[x]!) - rankOf(iterator_types[y]!) || x - y);
    const at = new Array<number>(extents.length);
    forEachIndex(pick(extents, order), (i) => {
      order.forEach((d, n) => {
        at[d] = i[n]!;
      });
      if (mask && !mask.get(at)) return;
      const to = pick(at, c!);
      made.set(to, combine(made.get(to), product(lhs.get(pick(at, a!)), rhs.get(pick(at, b!)))));
    });
    return [acc instanceof NDArray ? made : made.get([])];
  },
});

const rankOf = (k: ContractIterator): number => (k === "parallel" ? 0 : 1);

/** The dimension that each result of a projected permutation selects. */
const positions = (m: AffineMap): readonly number[] => m.results.map((r) => (r.kind === "dim" ? r.index : -1));

/** Sizes of the loops. */
function extentsOf(lhs: VectorType, rhs: VectorType, maps: readonly AffineMap[], loops: number): number[] {
  const extents = new Array<number>(loops).fill(1);
  for (const [i, t] of [lhs, rhs].entries()) {
    positions(maps[i]!).forEach((d, n) => {
      extents[d] = t.shape[n]!;
    });
  }
  return extents;
}

function contractFault(
  lhs: VectorType,
  rhs: VectorType,
  acc: Type,
  result: Type,
  maps: readonly AffineMap[],
  iterators: readonly ContractIterator[],
): string | undefined {
  if (lhs.element.kind === "integer" && lhs.element.signedness !== "signless") {
    return "only supports signless integer types";
  }
  if (maps.length !== 3) return "expected an indexing map for each vector operand";
  for (const [i, map] of maps.entries()) {
    const t = [lhs, rhs, acc][i]!;
    const rank = t.kind === "vector" ? t.shape.length : 0;
    if (map.numSymbols !== 0) return `expected indexing map ${i} to have no symbols`;
    if (map.numDims !== iterators.length) {
      return `expected indexing map ${i} to have ${iterators.length} number of inputs`;
    }
    if (map.results.length !== rank) return `expected indexing map ${i} to have ${rank} number of outputs`;
    if (!isProjectedPermutation(map)) {
      return `expected indexing map ${i} to be a projected permutation of its inputs`;
    }
  }
  const [a, b, c] = maps.map(positions) as [readonly number[], readonly number[], readonly number[]];
  const shared = a.filter((d) => b.includes(d));
  const contracting = shared.filter((d) => iterators[d] === "reduction");
  const batch = shared.filter((d) => iterators[d] === "parallel" && c.includes(d));
  if (contracting.length === 0) return "expected at least one contracting dimension pair";
  const agree = (d: number): boolean => lhs.shape[a.indexOf(d)] === rhs.shape[b.indexOf(d)];
  if (!contracting.every(agree)) return "invalid contracting dimension map";
  if (!batch.every(agree)) return "invalid batch dimension map";
  const free = [...a.filter((d) => !contracting.includes(d)), ...b.filter((d) => !shared.includes(d))];
  if (free.length === 0) {
    return result.kind === "vector" || acc.kind === "vector" ? "invalid accumulator/result vector shape" : undefined;
  }
  if (result.kind !== "vector" || acc.kind !== "vector") return "invalid accumulator/result vector shape";
  const used = new Set([...a, ...b]);
  if (used.size < iterators.length) return "expected all dimensions to be either a LHS or a RHS dimension";
  const extents = extentsOf(lhs, rhs, maps, iterators.length);
  const expected = vectorType(
    c.map((d) => extents[d]!),
    result.element,
    result.scalable,
  );
  return result === expected && acc === expected
    ? undefined
    : `invalid accumulator/result vector shape, expected: ${quoted(expected)}`;
}

// --- outer product --------------------------------------------------------------------------------------------------

export const outerproduct = defineOp("vector.outerproduct", {
  doc: "All products of elements of two vectors (or of a vector and a scalar), combined with an accumulator if there is one.",
  operands: [one("lhs", Vector), one("rhs", Any), optional("acc", Vector)],
  attrs: { kind: kindAttr.default("add") },
  results: [one("result", Vector)],
  traits: [
    Pure,
    elementsMatch("lhs operand and result have same element type", "lhs", "result"),
    elementsMatch("rhs operand and result have same element type", "rhs", "result"),
  ],
  interfaces: [
    maskable({
      maskType(op): VectorType {
        const { result } = outerproduct.of(op);
        return vectorType(result.type.shape, i1, result.type.scalable);
      },
    }),
  ],
  inferLoosely: true,
  infer: ({ lhs, rhs }) => [productType(lhs.type, rhs.type)],
  parse(p) {
    const start = p.here();
    const names = p.operands();
    const attributes = p.attrDict();
    const at = p.here();
    const types = p.colonTypes();
    if (names.length < 2) return p.fail("expected at least 2 operands", start);
    const [lhs, rhs] = types;
    if (types.length !== 2 || !rhs) return p.fail("expected 2 types", at);
    if (lhs?.kind !== "vector") return p.fail("expected vector type for operand #1", at);
    const result = productType(lhs, rhs);
    const wanted = [lhs, rhs, result];
    return {
      operands: names.map((n, i) => p.resolve(n, wanted[i]!)),
      attributes,
      resultTypes: [result],
    };
  },
  // Without what is added to, MLIR writes no attributes.
  isPretty: ({ op, acc, kind }) => acc !== undefined || (kind === "add" && (op.attributes?.size ?? 0) === 0),
  print({ op, lhs, rhs, acc, kind }, p) {
    p.write(" ");
    p.operands(acc ? [lhs, rhs, acc] : [lhs, rhs]);
    if (acc) p.dictionary(new Map<string, Attribute>([["kind", kindAttr.to(kind)!], ...(op.attributes ?? [])]));
    p.write(" : ");
    p.types([lhs.type, rhs.type]);
  },
  verify({ lhs, rhs, acc, result, kind }, fail) {
    const message = productFault(lhs.type, rhs.type, result.type);
    if (message) fail(message);
    else if (acc && acc.type !== result.type) fail("expected operand #3 of same type as result type");
    else if (!isKindFor(kind, result.type.element)) fail("unsupported outerproduct type");
  },
  evaluate({ lhs, rhs, acc, kind }, run) {
    const type = run.resultType(0) as VectorType;
    const product = multiplier(type.element, type.element);
    const combine = combiner(kind, type.element);
    const mask = activeMask(run);
    const made = acc ? acc.copy() : zerosOf(type, run);
    forEachIndex(type.shape, (i) => {
      if (mask && !mask.get(i)) return;
      const x = product(lhs.get([i[0]!]), rhs instanceof NDArray ? rhs.get([i[1]!]) : (rhs as Num));
      made.set(i, acc ? combine(acc.get(i), x) : x);
    });
    return [made];
  },
});

function productType(lhs: VectorType, rhs: Type): VectorType {
  if (rhs.kind !== "vector") return vectorType(lhs.shape.slice(0, 1), lhs.element, lhs.scalable);
  return vectorType([lhs.shape[0] ?? 1, rhs.shape[0] ?? 1], lhs.element, [isScalable(lhs, 0), isScalable(rhs, 0)]);
}

function productFault(lhs: VectorType, rhs: Type, result: VectorType): string | undefined {
  if (lhs.shape.length !== 1) return "expected 1-d vector for operand #1";
  if (rhs.kind !== "vector") {
    if (result.shape.length !== 1) return "expected 1-d vector result";
    return lhs.shape[0] === result.shape[0] ? undefined : "expected #1 operand dim to match result dim #1";
  }
  if (rhs.shape.length !== 1) return "expected 1-d vector for operand #2";
  if (result.shape.length !== 2) return "expected 2-d vector result";
  if (lhs.shape[0] !== result.shape[0]) return "expected #1 operand dim to match result dim #1";
  if (rhs.shape[0] !== result.shape[1]) return "expected #2 operand dim to match result dim #2";
  if (isScalable(lhs, 0) && !isScalable(rhs, 0)) {
    return "expected either both or only #2 operand dim to be scalable";
  }
  return undefined;
}

// --- matrices in flat vectors ---------------------------------------------------------------------------------------

export const matrix_multiply = defineOp("vector.matrix_multiply", {
  doc: "The product of two matrices that flat vectors hold row by row. Kept for reading.",
  operands: [one("lhs", Arithmetic1D), one("rhs", Arithmetic1D)],
  attrs: { lhs_rows: attr.i32, lhs_columns: attr.i32, rhs_columns: attr.i32 },
  results: [one("res", Arithmetic1D)],
  traits: [
    Pure,
    elementsMatch("lhs operand and result have same element type", "lhs", "res"),
    elementsMatch("rhs operand and result have same element type", "rhs", "res"),
  ],
  assembly: "$lhs `,` $rhs attr-dict `:` `(` type($lhs) `,` type($rhs) `)` `->` type($res)",
  evaluate({ lhs, rhs, lhs_rows: rows, lhs_columns: inner, rhs_columns: columns }, run) {
    const type = run.resultType(0) as VectorType;
    const product = multiplier(type.element, type.element);
    const combine = combiner("add", type.element);
    const made = zerosOf(type, run);
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let sum: Num | undefined;
        for (let k = 0; k < inner; k++) {
          const x = product(lhs.get([i * inner + k]), rhs.get([k * columns + j]));
          sum = sum === undefined ? x : combine(sum, x);
        }
        if (sum !== undefined) made.set([i * columns + j], sum);
      }
    }
    return [made];
  },
});

export const flat_transpose = defineOp("vector.flat_transpose", {
  doc: "Transposes a matrix that a flat vector holds row by row. Kept for reading.",
  operands: [one("matrix", Arithmetic1D)],
  attrs: { rows: attr.i32, columns: attr.i32 },
  results: [one("res", Arithmetic1D)],
  traits: [Pure, elementsMatch("source operand and result have same element type", "matrix", "res")],
  assembly: "$matrix attr-dict `:` type($matrix) `->` type($res)",
  evaluate: ({ matrix, rows, columns }) => [
    matrix
      .reshape([rows, columns])
      .transpose([1, 0])
      .reshape([rows * columns]),
  ],
});
