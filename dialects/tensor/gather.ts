/** @file Slices of tensors at positions that another tensor lists. */
import { attr } from "../../ir/attributes.ts";
import { RankedTensor, where } from "../../ir/constraints.ts";
import { defineOp } from "../../ir/define.ts";
import type { Evaluator } from "../../ir/evaluate.ts";
import { one } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { type TensorType, tensor as tensorType } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { dropDimensions, quoted } from "../shaped.ts";
import { forEachIndex } from "../vector/data.ts";

const Indices = where<TensorType>(
  "ranked tensor of signless integer or index values",
  (t) =>
    t.kind === "tensor" &&
    t.ranked &&
    (t.element.kind === "index" || (t.element.kind === "integer" && t.element.signedness === "signless")),
);

/** Dimensions are in range and in order. */
function dimsFault(
  dims: readonly number[],
  rank: number,
  what: "gather" | "scatter",
  of: "source" | "dest",
): string | undefined {
  if (dims.length === 0) return `${what}_dims must be non-empty`;
  if (dims.length > rank) return `${what}_dims overflow ${of} rank`;
  for (const d of dims) {
    if (d < 0) return `${what}_dims value must be non-negative`;
    if (d >= rank) return `${what}_dims value must be smaller than ${of} rank`;
  }
  return dims.every((d, i) => i === 0 || dims[i - 1]! < d)
    ? undefined
    : `${what}_dims values must be strictly increasing`;
}

/** The shape of all slices together; the dimensions that indices choose are ones, or left out. */
function slicesType(t: TensorType, indices: TensorType, dims: readonly number[], reduced: boolean): TensorType {
  const part = t.shape.flatMap((n, d) => (!dims.includes(d) ? [n] : reduced ? [] : [1]));
  return tensorType([...indices.shape.slice(0, -1), ...part], t.element);
}

function typeFault(
  given: TensorType,
  whole: TensorType,
  indices: TensorType,
  dims: readonly number[],
  what: string,
): string | undefined {
  const full = slicesType(whole, indices, dims, false);
  const reduced = slicesType(whole, indices, dims, true);
  if (given === full || given === reduced) return undefined;
  return `${what} type mismatch: expected ${quoted(full)} or its rank-reduced variant ${quoted(reduced)} (got: ${quoted(given)})`;
}

/** Calls `visit` with each slice of an array that the indices choose, and its place among the slices. */
function forEachSlice(
  whole: NDArray,
  indices: NDArray,
  dims: readonly number[],
  run: Evaluator,
  visit: (slice: NDArray, at: readonly number[]) => void,
): void {
  const kept = whole.shape.map((_, d) => d).filter((d) => !dims.includes(d));
  if (indices.shape.at(-1) !== dims.length) {
    run.fail(`indices of ${indices.shape.at(-1)} coordinates are to choose ${dims.length} dimensions`);
  }
  forEachIndex(indices.shape.slice(0, -1), (at) => {
    const start = new Array<number>(whole.rank).fill(0);
    dims.forEach((d, i) => {
      const x = Number(indices.get([...at, i]));
      if (!(x >= 0 && x < whole.shape[d]!))
        run.fail(`index ${x} is out of bounds: dimension ${d} has size ${whole.shape[d]}`);
      start[d] = x;
    });
    const slice = new NDArray(
      whole.dtype,
      kept.map((d) => whole.shape[d]!),
      whole.data,
      kept.map((d) => whole.strides[d]!),
      whole.position(start),
    );
    visit(slice, at);
  });
}

/** The subarray that belongs to a place among the slices, without the dimensions that indices choose. */
function partAt(all: NDArray, at: readonly number[], dims: readonly number[], slice: NDArray): NDArray {
  const rest = all.shape.slice(at.length);
  const whole = new NDArray(
    all.dtype,
    rest,
    all.data,
    all.strides.slice(at.length),
    all.position([...at, ...rest.map(() => 0)]),
  );
  return whole.rank === slice.rank ? whole : dropDimensions(whole, new Set(dims));
}

export const gather = defineOp("tensor.gather", {
  doc: "Slices of a tensor at the positions that `indices` lists for the dimensions `gather_dims`.",
  operands: [one("source", RankedTensor), one("indices", Indices)],
  attrs: { gather_dims: attr.ints, unique: attr.unit },
  results: [one("result", RankedTensor)],
  traits: [Pure],
  assembly:
    "$source `[` $indices `]` `gather_dims` `(` $gather_dims `)` (`unique` $unique^)? attr-dict `:` functional-type(operands, results)",
  names: () => ["gather"],
  verify({ source, indices, gather_dims: dims, result }, fail) {
    const message =
      dimsFault(dims, source.type.shape.length, "gather", "source") ??
      typeFault(result.type, source.type, indices.type, dims, "result");
    if (message) fail(message);
  },
  evaluate({ source, indices, gather_dims: dims }, run) {
    const type = run.resultType(0) as TensorType;
    const part = source.shape.map((n, d) => (dims.includes(d) ? 1 : n));
    const full = [...indices.shape.slice(0, -1), ...part];
    const shape =
      type.shape.length === full.length
        ? full
        : [...indices.shape.slice(0, -1), ...part.filter((_, d) => !dims.includes(d))];
    const made = NDArray.zeros(source.dtype, shape);
    forEachSlice(source, indices, dims, run, (slice, at) => partAt(made, at, dims, slice).assign(slice));
    return [made];
  },
});

export const scatter = defineOp("tensor.scatter", {
  doc: "A tensor with the slices at the positions that `indices` lists for the dimensions `scatter_dims` replaced.",
  operands: [one("source", RankedTensor), one("dest", RankedTensor), one("indices", Indices)],
  attrs: { scatter_dims: attr.ints, unique: attr.unit },
  results: [one("result", RankedTensor)],
  traits: [Pure],
  assembly:
    "$source `into` $dest `[` $indices `]` `scatter_dims` `(` $scatter_dims `)` (`unique` $unique^)? attr-dict `:` functional-type(operands, results)",
  names: () => ["scatter"],
  inferLoosely: true,
  infer: ({ dest }) => [dest.type],
  verify({ source, dest, indices, scatter_dims: dims, unique }, fail) {
    const message =
      dimsFault(dims, dest.type.shape.length, "scatter", "dest") ??
      (unique ? undefined : "requires 'unique' attribute to be set") ??
      typeFault(source.type, dest.type, indices.type, dims, "source");
    if (message) fail(message);
  },
  evaluate({ source, dest, indices, scatter_dims: dims }, run) {
    const made = dest.copy();
    forEachSlice(made, indices, dims, run, (slice, at) => slice.assign(partAt(source, at, dims, slice)));
    return [made];
  },
});
