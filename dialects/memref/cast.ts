/** @file Memrefs under other types, and what a memref knows of itself. */
import { AnyMemRef, Index, where } from "../../ir/constraints.ts";
import { defineOp } from "../../ir/define.ts";
import type { Evaluator } from "../../ir/evaluate.ts";
import { one } from "../../ir/fields.ts";
import { viewLike } from "../../ir/interfaces.ts";
import { isStrided, stridedOf } from "../../ir/strided.ts";
import { Pure } from "../../ir/traits.ts";
import { index, isDynamic, type MemRefType, memref as memrefType, type Type, unrankedMemref } from "../../ir/types.ts";
import { type NDArray, sizeOf } from "../../support/ndarray.ts";
import { checkShape, compatibleShapes, quoted, sameSpace } from "../shaped.ts";
import { elementShape } from "./memory.ts";

const view = viewLike({ source: (op) => op.operand(0) });

export const StridedMemRef = where<MemRefType>(
  "strided memref of any type values",
  (t) => t.kind === "memref" && t.ranked && isStrided(t),
);

export const dim = defineOp("memref.dim", {
  doc: "The size of one dimension of a memref.",
  operands: [
    one(
      "source",
      where<MemRefType>(
        "unranked.memref of any type values or non-0-ranked.memref of any type values",
        (t) => t.kind === "memref" && (!t.ranked || t.shape.length > 0),
      ),
    ),
    one("index", Index),
  ],
  results: [one("result", Index)],
  traits: [Pure],
  assembly: "attr-dict $source `,` $index `:` type($source)",
  names: () => ["dim"],
  infer: () => [index],
  evaluate: ({ source, index: i }, run) => [source.shape[i] ?? run.fail(`index ${i} is no dimension of the memref`)],
});

export const rank = defineOp("memref.rank", {
  doc: "The number of dimensions of a memref.",
  operands: [one("memref", AnyMemRef)],
  results: [one("result", Index)],
  traits: [Pure],
  assembly: "$memref attr-dict `:` type($memref)",
  infer: () => [index],
  evaluate: ({ memref }) => [memref.rank],
});

/** One type may be cast to the other: equal but for what is static in one and dynamic in the other. */
export function areCastCompatible(a: MemRefType, b: MemRefType): boolean {
  if (a.element !== b.element || !sameSpace(a, b)) return false;
  if (!a.ranked || !b.ranked) return a.ranked || b.ranked;
  if (!compatibleShapes(a.shape, b.shape)) return false;
  if (a.layout === b.layout) return true;
  const x = stridedOf(a);
  const y = stridedOf(b);
  if (!x || !y) return false;
  const agree = (m: number, n: number): boolean => isDynamic(m) || isDynamic(n) || m === n;
  // The stride of a dimension of size one says nothing.
  return (
    agree(x.offset, y.offset) &&
    x.strides.every((s, i) => a.shape[i] === 1 || b.shape[i] === 1 || agree(s, y.strides[i]!))
  );
}

const castMismatch = (from: Type, to: Type): string =>
  `operand type ${quoted(from)} and result type ${quoted(to)} are cast incompatible`;

export const cast = defineOp("memref.cast", {
  doc: "The same memref under a type that says more or less: static for dynamic sizes, strides and offset, or no rank.",
  operands: [one("source", AnyMemRef)],
  results: [one("dest", AnyMemRef)],
  traits: [Pure],
  interfaces: [view],
  assembly: "$source attr-dict `:` type($source) `to` type($dest)",
  names: () => ["cast"],
  verify({ source, dest }, fail) {
    if (!areCastCompatible(source.type, dest.type)) fail(castMismatch(source.type, dest.type));
  },
  evaluate({ source }, run) {
    const to = run.resultType(0) as MemRefType;
    if (to.ranked && source.rank !== to.shape.length + elementShape(to.element).length) {
      run.fail(`a memref of rank ${source.rank} is cast to ${quoted(to)}`);
    }
    checkShape(source, to, run);
    checkLayout(source, to, run);
    return [source];
  },
});

/** Static strides and offset of the type are those of the array. */
function checkLayout(a: NDArray, t: MemRefType, run: Evaluator): void {
  const layout = stridedOf(t);
  if (!layout) return;
  const unit = sizeOf(elementShape(t.element));
  const wrong =
    (!isDynamic(layout.offset) && layout.offset * unit !== a.offset) ||
    layout.strides.some((s, i) => !isDynamic(s) && a.shape[i]! > 1 && s * unit !== a.strides[i]);
  if (wrong)
    run.fail(`the memory's layout (strides ${a.strides.join(", ")}, offset ${a.offset}) is not that of ${quoted(t)}`);
}

export const memory_space_cast = defineOp("memref.memory_space_cast", {
  doc: "The same memref seen from another memory space.",
  operands: [one("source", AnyMemRef)],
  results: [one("dest", AnyMemRef)],
  traits: [Pure],
  interfaces: [view],
  assembly: "$source attr-dict `:` type($source) `to` type($dest)",
  names: () => ["memspacecast"],
  verify({ source, dest }, fail) {
    const a = source.type;
    const b = dest.type;
    const moved = a.ranked
      ? memrefType(a.shape, a.element, a.layout, b.memorySpace)
      : unrankedMemref(a.element, b.memorySpace);
    if (moved !== b) fail(castMismatch(a, b));
  },
  evaluate: ({ source }) => [source],
});
