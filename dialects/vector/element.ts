/** @file Parts of vectors: elements, subvectors and strided slices, taken out and put in. */
import { attr } from "../../ir/attributes.ts";
import { Any, Index, Vector, where } from "../../ir/constraints.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import type { Evaluator, Num } from "../../ir/evaluate.ts";
import { many, one, optional } from "../../ir/fields.ts";
import { allTypesMatch, type Fail, Pure, typesMatchWith } from "../../ir/traits.ts";
import { elementOf, isDynamic, type Type, type VectorType, vector as vectorType } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { dynamicCount, elementsMatch, mixed, quoted } from "../shaped.ts";
import { isScalable, selectDimensions, Vector1D } from "./kinds.ts";

/** The type of what stands at a position: a vector of the remaining dimensions, or the element. */
function partAt(t: VectorType, depth: number): Type {
  if (depth === t.shape.length) return t.element;
  return selectDimensions(t, t.shape.map((_, d) => d).slice(depth));
}

/** Static positions lie inside the dimensions they select. */
function verifyPosition(
  statics: readonly number[],
  dynamics: readonly Value[],
  t: VectorType,
  what: string,
  fail: Fail,
): boolean {
  if (dynamicCount(statics) !== dynamics.length) {
    fail(
      "mismatch between dynamic and static positions (kDynamic marker but no corresponding dynamic position) -- this can only happen due to an incorrect fold/rewrite",
    );
    return false;
  }
  const wrong = statics.findIndex((n, d) => !isDynamic(n) && (n < 0 || n >= t.shape[d]!));
  if (wrong < 0) return true;
  fail(
    `expected position attribute #${wrong + 1} to be a non-negative integer smaller than the corresponding ${what} dimension`,
  );
  return false;
}

/** The subarray at a position, checked. */
function partOf(a: NDArray, position: readonly number[], run: Evaluator): NDArray {
  position.forEach((x, d) => {
    if (!(x >= 0 && x < a.shape[d]!)) run.fail(`position ${x} is outside dimension ${d} of size ${a.shape[d]}`);
  });
  const rest = a.shape.slice(position.length);
  return new NDArray(
    a.dtype,
    rest,
    a.data,
    a.strides.slice(position.length),
    a.position([...position, ...rest.map(() => 0)]),
  );
}

/** A scalar for the element type, else the array. */
const scalarOr = (a: NDArray, t: Type): NDArray | Num => (t.kind === "vector" ? a : a.get([]));

/** A copy with one part replaced. */
function withPart(a: NDArray, position: readonly number[], value: NDArray | Num, run: Evaluator): NDArray {
  const made = a.copy();
  const part = partOf(made, position, run);
  if (value instanceof NDArray) part.assign(value);
  else part.set([], value);
  return made;
}

export const extract = defineOp("vector.extract", {
  doc: "The element or subvector at a position of the leading dimensions.",
  operands: [one("vector", Vector), many("dynamic_position", Index)],
  attrs: { static_position: attr.ints },
  results: [one("result", Any)],
  traits: [Pure, elementsMatch("operand and result have same element type", "vector", "result")],
  assembly:
    "$vector `` custom<DynamicIndexList>($dynamic_position, $static_position) attr-dict `:` type($result) `from` type($vector)",
  inferLoosely: true,
  infer: ({ vector, static_position }) =>
    static_position.length <= vector.type.shape.length ? [partAt(vector.type, static_position.length)] : undefined,
  verify({ vector, static_position, dynamic_position, result }, fail) {
    const t = vector.type;
    if (static_position.length > t.shape.length) {
      fail("expected position attribute of rank no greater than vector rank");
      return;
    }
    const wanted = partAt(t, static_position.length);
    // A single element may also be seen as a vector of one.
    const one = static_position.length === t.shape.length && result.type === vectorType([1], t.element);
    if (result.type !== wanted && !one) {
      fail(
        `inferred type(s) ${quoted(wanted)} are incompatible with return type(s) of operation ${quoted(result.type)}`,
        { code: "verify/result-type" },
      );
      return;
    }
    verifyPosition(static_position, dynamic_position, t, "vector", fail);
  },
  evaluate({ vector, static_position, dynamic_position }, run) {
    const part = partOf(vector, mixed(static_position, dynamic_position), run);
    const t = run.resultType(0);
    return [t.kind === "vector" && part.rank < t.shape.length ? part.reshape(t.shape) : scalarOr(part, t)];
  },
});

export const insert = defineOp("vector.insert", {
  doc: "A copy of a vector with the element or subvector at a position replaced.",
  operands: [one("source", Any), one("dest", Vector), many("dynamic_position", Index)],
  attrs: { static_position: attr.ints },
  results: [one("result", Vector)],
  traits: [
    Pure,
    elementsMatch("source operand and result have same element type", "source", "result"),
    allTypesMatch("dest", "result"),
  ],
  assembly:
    "$source `,` $dest custom<DynamicIndexList>($dynamic_position, $static_position) attr-dict `:` type($source) `into` type($dest)",
  inferLoosely: true,
  infer: ({ dest }) => [dest.type],
  verify({ source, dest, static_position, dynamic_position }, fail) {
    const t = dest.type;
    const depth = static_position.length;
    if (depth > t.shape.length) {
      fail("expected position attribute of rank no greater than dest vector rank");
    } else if (source.type.kind === "vector" && depth + source.type.shape.length !== t.shape.length) {
      fail("expected position attribute rank + source rank to match dest vector rank");
    } else if (source.type.kind !== "vector" && depth !== t.shape.length) {
      fail("expected position attribute rank to match the dest vector rank");
    } else verifyPosition(static_position, dynamic_position, t, "dest vector", fail);
  },
  evaluate: ({ source, dest, static_position, dynamic_position }, run) => [
    withPart(dest, mixed(static_position, dynamic_position), source as NDArray | Num, run),
  ],
});

const Position = where<Type>(
  "signless integer or index",
  (t) => t.kind === "index" || (t.kind === "integer" && t.signedness === "signless"),
);

function verifyElementPosition(t: VectorType, position: Value | undefined, fail: Fail): void {
  if (t.shape.length === 0) {
    if (position) fail("expected position to be empty with 0-D vector");
  } else if (t.shape.length !== 1) fail("unexpected >1 vector rank");
  else if (!position) fail("expected position for 1-D vector");
}

export const extractelement = defineOp("vector.extractelement", {
  doc: "The element of a vector of rank 0 or 1 at a run-time position. Kept for reading; `vector.extract` says the same.",
  operands: [one("vector", Vector), optional("position", Position)],
  results: [one("result", Any)],
  traits: [Pure, typesMatchWith("result type matches element type of vector operand", "vector", "result", elementOf)],
  assembly: "$vector `[` ($position^ `:` type($position))? `]` attr-dict `:` type($vector)",
  inferLoosely: true,
  infer: ({ vector }) => [vector.type.element],
  verify: ({ vector, position }, fail) => verifyElementPosition(vector.type, position, fail),
  evaluate: ({ vector, position }, run) => [
    partOf(vector, position === undefined ? [] : [Number(position)], run).get([]),
  ],
});

export const insertelement = defineOp("vector.insertelement", {
  doc: "A copy of a vector of rank 0 or 1 with one element replaced. Kept for reading; `vector.insert` says the same.",
  operands: [one("source", Any), one("dest", Vector), optional("position", Position)],
  results: [one("result", Vector)],
  traits: [
    Pure,
    typesMatchWith("source operand type matches element type of result", "result", "source", elementOf),
    allTypesMatch("dest", "result"),
  ],
  assembly: "$source `,` $dest `[` ($position^ `:` type($position))? `]` attr-dict `:` type($result)",
  deduce: {
    source: (known) => elementType(known.type("result")),
    dest: (known) => known.type("result"),
  },
  inferLoosely: true,
  infer: ({ dest }) => [dest.type],
  verify: ({ dest, position }, fail) => verifyElementPosition(dest.type, position, fail),
  evaluate: ({ source, dest, position }, run) => [
    withPart(dest, position === undefined ? [] : [Number(position)], source as Num, run),
  ],
});

const elementType = (t: Type | undefined): Type | undefined => t && elementOf(t);

// --- strided slices -------------------------------------------------------------------------------------------------

/** Each number of a list is at least `min` and below the size of its dimension (sizes: at most that size). */
function verifyBounds(
  list: readonly number[],
  name: "offsets" | "sizes",
  shape: readonly number[],
  fail: Fail,
): boolean {
  const [min, extra] = name === "sizes" ? [1, 1] : [0, 0];
  const wrong = list.findIndex((n, d) => n < min || n >= shape[d]! + extra);
  if (wrong < 0) return true;
  fail(`expected ${name} dimension ${wrong} to be confined to [${min}, ${shape[wrong]! + extra})`);
  return false;
}

function verifyOnes(strides: readonly number[], fail: Fail): boolean {
  if (strides.every((s) => s === 1)) return true;
  fail("expected strides to be confined to [1, 2)");
  return false;
}

/** Offset plus size stays within the shape, in every dimension. */
function verifySum(
  offsets: readonly number[],
  sizes: readonly number[],
  shape: readonly number[],
  names: readonly [string, string],
  fail: Fail,
): boolean {
  const wrong = offsets.findIndex((o, d) => o + sizes[d]! > shape[d]!);
  if (wrong < 0) return true;
  fail(`expected sum(${names[0]}, ${names[1]}) dimension ${wrong} to be confined to [1, ${shape[wrong]! + 1})`);
  return false;
}

export const extract_strided_slice = defineOp("vector.extract_strided_slice", {
  doc: "A slice of the leading dimensions, with static offsets and sizes and steps of one.",
  operands: [one("vector", Vector)],
  attrs: { offsets: attr.intArray, sizes: attr.intArray, strides: attr.intArray },
  results: [one("result", Vector)],
  traits: [Pure, elementsMatch("operand and result have same element type", "vector", "result")],
  assembly: "$vector attr-dict `:` type($vector) `to` type($result)",
  inferLoosely: true,
  infer({ vector, sizes }) {
    const { shape, element, scalable } = vector.type;
    return [vectorType([...sizes, ...shape.slice(sizes.length)], element, scalable)];
  },
  verify({ vector, offsets, sizes, strides, result }, fail) {
    const { shape, element, scalable } = vector.type;
    if (offsets.length !== sizes.length || offsets.length !== strides.length) {
      fail("expected offsets, sizes and strides attributes of same size");
      return;
    }
    for (const [name, list] of Object.entries({ offsets, sizes, strides })) {
      if (list.length > shape.length) {
        fail(`expected ${name} attribute of rank no greater than vector rank`);
        return;
      }
    }
    const sound =
      verifyBounds(offsets, "offsets", shape, fail) &&
      verifyBounds(sizes, "sizes", shape, fail) &&
      verifyOnes(strides, fail) &&
      verifySum(offsets, sizes, shape, ["offsets", "sizes"], fail);
    if (!sound) return;
    const expected = vectorType([...sizes, ...shape.slice(sizes.length)], element, scalable);
    if (result.type !== expected) fail(`expected result type to be ${quoted(expected)}`);
  },
  evaluate({ vector, offsets, sizes }) {
    const rest = vector.shape.slice(sizes.length);
    return [vector.view([...offsets, ...rest.map(() => 0)], [...sizes, ...rest])];
  },
});

export const insert_strided_slice = defineOp("vector.insert_strided_slice", {
  doc: "A copy of a vector with a slice replaced: `offsets` per dimension of the result, `strides` per dimension of the source.",
  operands: [one("source", Vector), one("dest", Vector)],
  attrs: { offsets: attr.intArray, strides: attr.intArray },
  results: [one("res", Vector)],
  traits: [
    Pure,
    elementsMatch("operand #0 and result have same element type", "source", "res"),
    allTypesMatch("dest", "res"),
  ],
  assembly: "$source `,` $dest attr-dict `:` type($source) `into` type($dest)",
  inferLoosely: true,
  infer: ({ dest }) => [dest.type],
  verify({ source, dest, offsets, strides }, fail) {
    const from = source.type;
    const to = dest.type;
    if (offsets.length !== to.shape.length) {
      fail("expected offsets of same size as destination vector rank");
      return;
    }
    if (strides.length !== from.shape.length) {
      fail("expected strides of same size as source vector rank");
      return;
    }
    if (from.shape.length > to.shape.length) {
      fail("expected source rank to be no greater than destination rank");
      return;
    }
    if (!verifyBounds(offsets, "offsets", to.shape, fail) || !verifyOnes(strides, fail)) return;
    const lead = to.shape.length - from.shape.length;
    const sizes = [...new Array<number>(lead).fill(1), ...from.shape];
    if (!verifySum(offsets, sizes, to.shape, ["offsets", "source vector shape"], fail)) return;
    for (const [d, n] of from.shape.entries()) {
      if (isScalable(from, d) !== isScalable(to, lead + d)) {
        fail(`mismatching scalable flags (at source vector idx=${d})`);
        return;
      }
      if (isScalable(from, d) && n !== to.shape[lead + d]) {
        fail(
          `expected size at idx=${d} to match the corresponding base size from the input vector (${n} vs ${to.shape[lead + d]})`,
        );
        return;
      }
    }
  },
  evaluate({ source, dest, offsets }) {
    const made = dest.copy();
    const lead = dest.rank - source.rank;
    const sizes = [...new Array<number>(lead).fill(1), ...source.shape];
    made.view(offsets, sizes).assign(source);
    return [made];
  },
});

export const scalable_extract = defineOp("vector.scalable.extract", {
  doc: "A fixed-length piece of a scalable vector, from element `pos` on.",
  operands: [one("source", Vector1D)],
  attrs: { pos: attr.int },
  results: [one("res", Vector1D)],
  traits: [Pure, elementsMatch("all of {source, res} have same element type", "source", "res")],
  assembly: "$source `[` $pos `]` attr-dict `:` type($res) `from` type($source)",
  verify({ source, res, pos }, fail) {
    if (isScalable(res.type, 0) && !isScalable(source.type, 0)) {
      fail("failed to verify that it is not extracting scalable from fixed-length vectors.");
    } else if (pos % res.type.shape[0]! !== 0) {
      fail("failed to verify that position is a multiple of the result length.");
    }
  },
  evaluate({ source, pos }, run) {
    const [size] = (run.resultType(0) as VectorType).shape;
    if (pos + size! > source.shape[0]!) run.fail(`takes elements ${pos} to ${pos + size!} of ${source.shape[0]}`);
    return [source.view([pos], [size!])];
  },
});

export const scalable_insert = defineOp("vector.scalable.insert", {
  doc: "A copy of a scalable vector with a fixed-length piece replaced, from element `pos` on.",
  operands: [one("source", Vector1D), one("dest", Vector1D)],
  attrs: { pos: attr.int },
  results: [one("res", Vector1D)],
  traits: [
    Pure,
    elementsMatch("all of {source, dest} have same element type", "source", "dest"),
    allTypesMatch("dest", "res"),
  ],
  assembly: "$source `,` $dest `[` $pos `]` attr-dict `:` type($source) `into` type($dest)",
  inferLoosely: true,
  infer: ({ dest }) => [dest.type],
  verify({ source, dest, pos }, fail) {
    if (isScalable(source.type, 0) && !isScalable(dest.type, 0)) {
      fail("failed to verify that it is not inserting scalable into fixed-length vectors.");
    } else if (pos % source.type.shape[0]! !== 0) {
      fail("failed to verify that position is a multiple of the source length.");
    }
  },
  evaluate({ source, dest, pos }, run) {
    if (pos + source.size > dest.size) run.fail(`replaces elements ${pos} to ${pos + source.size} of ${dest.size}`);
    const made = dest.copy();
    made.view([pos], source.shape).assign(source);
    return [made];
  },
});
