/** @file Reductions of vectors along dimensions, and running reductions. */
import { attr } from "../../ir/attributes.ts";
import { Any, Vector } from "../../ir/constraints.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { one, optional } from "../../ir/fields.ts";
import { allTypesMatch, Pure } from "../../ir/traits.ts";
import { elementOf, i1, type Type, type VectorType, withElement } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { fastmath } from "../arith/flags.ts";
import { elementsMatch, quoted } from "../shaped.ts";
import { forEachIndex } from "./data.ts";
import { combiner, isKindFor, kindAttr, selectDimensions } from "./kinds.ts";
import { activeMask, maskable } from "./mask.ts";

export const reduction = defineOp("vector.reduction", {
  doc: "Combines all elements of a vector of rank 0 or 1, from first to last, after the accumulator if there is one.",
  operands: [one("vector", Vector), optional("acc", Any)],
  attrs: { kind: kindAttr, fastmath: fastmath.default([]) },
  results: [one("dest", Any)],
  traits: [Pure, elementsMatch("source operand and result have same element type", "vector", "dest")],
  assembly: "$kind `,` $vector (`,` $acc^)? (`fastmath` `` $fastmath^)? attr-dict `:` type($vector) `into` type($dest)",
  deduce: { acc: (known) => known.type("dest") },
  interfaces: [maskable({ maskType: (op): VectorType => maskLike(reduction.of(op).vector.type) })],
  inferLoosely: true,
  infer: ({ vector }) => [vector.type.element],
  verify({ vector, acc, kind, dest }, fail) {
    const rank = vector.type.shape.length;
    if (acc && acc.type !== dest.type) fail("failed to verify that all of {dest, acc} have same type");
    else if (rank > 1) fail(`unsupported reduction rank: ${rank}`);
    else if (!isKindFor(kind, dest.type)) fail(`unsupported reduction type ${quoted(dest.type)} for kind '${kind}'`);
  },
  evaluate({ vector, acc, kind }, run) {
    const combine = combiner(kind, run.resultType(0));
    const mask = activeMask(run)?.values();
    let sum = acc as Num | undefined;
    vector.values().forEach((x, i) => {
      if (!mask || mask[i]) sum = sum === undefined ? x : combine(sum, x);
    });
    return [sum ?? neutral(kind, run.resultType(0))];
  },
});

const maskLike = (t: VectorType): VectorType => withElement(t, i1) as VectorType;

/** What leaves any element as it is: the reduction of nothing. */
function neutral(kind: string, t: Type): Num {
  const width = t.kind === "integer" ? t.width : 64;
  const number = (n: bigint): Num => (width > 32 && t.kind === "integer" ? n : Number(n));
  const top = 1n << BigInt(width - 1);
  switch (kind) {
    case "mul":
      return number(1n);
    case "and":
    case "minui":
      return number(width === 1 ? 1n : -1n);
    case "minsi":
      return number(top - 1n);
    case "maxsi":
      return number(-top);
    case "minimumf":
      return Number.POSITIVE_INFINITY;
    case "maximumf":
      return Number.NEGATIVE_INFINITY;
    case "minnumf":
    case "maxnumf":
      return Number.NaN;
    default:
      return number(0n);
  }
}

/** The type that is left when some dimensions are reduced: the element when none remains. */
function reduced(t: VectorType, dims: readonly number[]): Type {
  const kept = t.shape.map((_, d) => d).filter((d) => !dims.includes(d));
  return kept.length === 0 ? t.element : selectDimensions(t, kept);
}

export const multi_reduction = defineOp("vector.multi_reduction", {
  doc: "Combines the elements along some dimensions, in order, after the accumulator.",
  operands: [one("source", Vector), one("acc", Any)],
  attrs: { kind: kindAttr, reduction_dims: attr.intArray.in22(attr.ints) },
  results: [one("dest", Any)],
  traits: [
    Pure,
    allTypesMatch("dest", "acc"),
    elementsMatch("source operand and result have same element type", "source", "dest"),
  ],
  assembly: "$kind `,` $source `,` $acc attr-dict $reduction_dims `:` type($source) `to` type($dest)",
  interfaces: [maskable({ maskType: (op): VectorType => maskLike(multi_reduction.of(op).source.type) })],
  inferLoosely: true,
  infer: ({ acc }) => [acc.type],
  verify({ source, reduction_dims, dest }, fail) {
    if (dest.type !== reduced(source.type, reduction_dims)) {
      fail(`destination type ${quoted(dest.type)} is incompatible with source type ${quoted(source.type)}`);
    }
  },
  evaluate({ source, acc, kind, reduction_dims }, run) {
    const combine = combiner(kind, elementOf(run.resultType(0)));
    const mask = activeMask(run);
    const kept = source.shape.map((_, d) => d).filter((d) => !reduction_dims.includes(d));
    const made = acc instanceof NDArray ? acc.copy() : NDArray.filled(source.dtype, [], acc as Num);
    forEachIndex(source.shape, (i) => {
      if (mask && !mask.get(i)) return;
      const at = kept.map((d) => i[d]!);
      made.set(at, combine(made.get(at), source.get(i)));
    });
    return [acc instanceof NDArray ? made : made.get([])];
  },
});

export const scan = defineOp("vector.scan", {
  doc: "Running combinations along a dimension, with or without the element itself, and the last of them.",
  operands: [one("source", Vector), one("initial_value", Vector)],
  attrs: { kind: kindAttr, reduction_dim: attr.int, inclusive: attr.bool },
  results: [one("dest", Vector), one("accumulated_value", Vector)],
  traits: [Pure, allTypesMatch("source", "dest"), allTypesMatch("initial_value", "accumulated_value")],
  assembly: "$kind `,` $source `,` $initial_value attr-dict `:` type($source) `,` type($initial_value)",
  names: () => ["dest", "accumulated_value"],
  infer: ({ source, initial_value }) => [source.type, initial_value.type],
  inferLoosely: true,
  verify({ source, initial_value, reduction_dim, kind }, fail) {
    const { shape, element } = source.type;
    const first = initial_value.type.shape;
    if (reduction_dim >= shape.length) {
      fail(`reduction dimension ${reduction_dim} has to be less than ${shape.length}`);
    } else if (first.length !== shape.length - 1) {
      fail(`initial value rank ${first.length} has to be equal to ${shape.length - 1}`);
    } else if (shape.filter((_, d) => d !== reduction_dim).some((n, d) => n !== first[d])) {
      fail("incompatible input/initial value shapes");
    } else if (!isKindFor(kind, element)) {
      fail(`unsupported reduction type ${quoted(element)} for kind '${kind}'`);
    }
  },
  evaluate({ source, initial_value, kind, reduction_dim, inclusive }, run) {
    const combine = combiner(kind, (run.resultType(0) as VectorType).element);
    const dest = NDArray.zeros(source.dtype, source.shape);
    const last = initial_value.copy();
    const outer = source.shape.filter((_, d) => d !== reduction_dim);
    forEachIndex(outer, (o) => {
      const at = [...o.slice(0, reduction_dim), 0, ...o.slice(reduction_dim)];
      // An inclusive scan starts with the first element; the initial value stands in only where that is left out.
      let sum = inclusive ? source.get(at) : initial_value.get(o);
      dest.set(at, sum);
      for (let i = 1; i < source.shape[reduction_dim]!; i++) {
        at[reduction_dim] = inclusive ? i : i - 1;
        sum = combine(sum, source.get(at));
        at[reduction_dim] = i;
        dest.set(at, sum);
      }
      last.set(o, sum);
    });
    return [dest, last];
  },
});
