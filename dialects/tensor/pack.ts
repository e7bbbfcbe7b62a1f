/** @file Tensors cut into tiles that lie contiguous, and put together again. Newer MLIR has these in linalg. */

import { attr } from "../../ir/attributes.ts";
import { Any, Index, RankedTensor } from "../../ir/constraints.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { many, one, optional } from "../../ir/fields.ts";
import { Pure, typesMatchWith } from "../../ir/traits.ts";
import { dynamic, isDynamic, type TensorType, tensor as tensorType } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { mixed, plain, quoted } from "../shaped.ts";
import { forEachIndex } from "../vector/data.ts";

const attrs = {
  outer_dims_perm: attr.ints.ifAbsent([]),
  inner_dims_pos: attr.ints,
  static_inner_tiles: attr.ints,
};

interface Packing {
  readonly outer_dims_perm: readonly number[];
  readonly inner_dims_pos: readonly number[];
  readonly static_inner_tiles: readonly number[];
}

/** The packed shape: outer dimensions counted in tiles and permuted, then the tiles. */
export function packedShape(shape: readonly number[], p: Packing): number[] {
  const outer = shape.map((n, d) => {
    const i = p.inner_dims_pos.indexOf(d);
    if (i < 0) return n;
    const tile = p.static_inner_tiles[i]!;
    return isDynamic(n) || isDynamic(tile) ? dynamic : Math.ceil(n / tile);
  });
  const order = p.outer_dims_perm.length > 0 ? p.outer_dims_perm.map((d) => outer[d]!) : outer;
  return [...order, ...p.static_inner_tiles];
}

/** Distinct positions below the rank. */
const isSelection = (dims: readonly number[], rank: number): boolean =>
  dims.length <= rank && dims.every((d) => d >= 0 && d < rank) && new Set(dims).size === dims.length;

/** What packing and unpacking have in common; undefined is sound. */
function packingFault(
  unpacked: TensorType,
  packed: TensorType,
  p: Packing & { readonly inner_tiles: readonly Value[] },
): string | undefined {
  const { inner_dims_pos: inner, outer_dims_perm: outer, static_inner_tiles: tiles } = p;
  const rank = unpacked.shape.length;
  if (tiles.filter(isDynamic).length !== p.inner_tiles.length)
    return "expected as many dynamic tile sizes as are not static";
  if (tiles.includes(0)) return "invalid zero tile factor";
  if (!isSelection(inner, rank)) return "invalid inner_dims_pos vector";
  if (!isSelection(outer, rank)) return "invalid outer_dims_perm vector";
  if (outer.length > 0 && outer.length !== rank) return "outer_dims_perm must be a permutation or empty";
  if (tiles.length > rank) {
    return "tiling factors must be less than or equal to the input rank for pack or output rank for unpack";
  }
  if (tiles.length !== inner.length) return "tiling factors must equal the number of dimensions to tile";
  if (packed.shape.length !== rank + tiles.length) {
    return "packed rank must equal unpacked rank + tiling factors";
  }
  const expected = packedShape(unpacked.shape, p);
  const fits = expected.every((n, d) => isDynamic(n) || isDynamic(packed.shape[d]!) || n <= packed.shape[d]!);
  if (!fits) {
    return `the shape of output is not large enough to hold the packed data. Expected at least ${quoted(tensorType(expected, unpacked.element))}, got ${quoted(packed)}`;
  }
  const sizes = packed.shape.slice(rank);
  return sizes.every((n, i) => n === tiles[i])
    ? undefined
    : "mismatch in inner tile sizes specified and shaped of tiled dimension in the packed type";
}

/** Some tile would be filled in part only. */
function hasPartialTile(unpacked: TensorType, packed: TensorType, p: Packing): boolean {
  return p.inner_dims_pos.some((d, i) => {
    const n = unpacked.shape[d]!;
    if (isDynamic(n)) return false;
    const at = p.outer_dims_perm.length > 0 ? p.outer_dims_perm.indexOf(d) : d;
    const tile = isDynamic(p.static_inner_tiles[i]!) ? packed.shape[at]! : p.static_inner_tiles[i]!;
    return !isDynamic(tile) && n % tile !== 0;
  });
}

/** Calls `visit` with every index of the packed array and the index in the unpacked one that it stands for. */
function forEachPacked(
  packed: NDArray,
  rank: number,
  p: Packing,
  tiles: readonly number[],
  visit: (at: readonly number[], from: readonly number[]) => void,
): void {
  const from = new Array<number>(rank);
  forEachIndex(packed.shape, (at) => {
    for (let i = 0; i < rank; i++) from[p.outer_dims_perm[i] ?? i] = at[i]!;
    p.inner_dims_pos.forEach((d, i) => {
      from[d] = from[d]! * tiles[i]! + at[rank + i]!;
    });
    visit(at, from);
  });
}

const isInside = (a: NDArray, at: readonly number[]): boolean => at.every((x, d) => x < a.shape[d]!);

export const pack = defineOp("tensor.pack", {
  doc: "Cuts a tensor into tiles along `inner_dims_pos`; each tile lies contiguous behind the outer dimensions. Partial tiles are filled up with `padding_value`.",
  operands: [
    one("source", RankedTensor),
    one("dest", RankedTensor),
    optional("padding_value", Any),
    many("inner_tiles", Index),
  ],
  attrs,
  results: [one("result", RankedTensor)],
  traits: [Pure, typesMatchWith("result type matches type of dest", "dest", "result", (t) => t)],
  assembly:
    "$source (`padding_value` `(` $padding_value^ `:` type($padding_value) `)`)? (`outer_dims_perm` `=` $outer_dims_perm^)? `inner_dims_pos` `=` $inner_dims_pos `inner_tiles` `=` custom<DynamicIndexList>($inner_tiles, $static_inner_tiles) `into` $dest attr-dict `:` type($source) `->` type($dest)",
  names: () => ["pack"],
  inferLoosely: true,
  infer: ({ dest }) => [dest.type],
  verify(v, fail) {
    const from = v.source.type;
    const to = v.dest.type;
    const message = packingFault(from, to, v);
    if (message) fail(message, plain);
    else if (v.padding_value && v.padding_value.type !== from.element) {
      fail(`expected padding_value has ${quoted(from.element)} but got: ${quoted(v.padding_value.type)}`);
    } else if (!v.padding_value && hasPartialTile(from, to, v)) {
      fail("invalid tile factor or output size provided. Only full tiles are supported when padding_value is not set");
    }
  },
  evaluate(v, run) {
    const tiles = mixed(v.static_inner_tiles, v.inner_tiles);
    const made = v.dest.copy();
    forEachPacked(made, v.source.rank, v, tiles, (at, from) => {
      if (isInside(v.source, from)) made.set(at, v.source.get(from));
      else if (v.padding_value !== undefined) made.set(at, v.padding_value as Num);
      else run.fail(`element ${from.join(", ")} is outside the tensor, and there is no padding value`);
    });
    return [made];
  },
});

export const unpack = defineOp("tensor.unpack", {
  doc: "Puts the tiles of `tensor.pack` together again; what partial tiles hold beyond the destination is left out.",
  operands: [one("source", RankedTensor), one("dest", RankedTensor), many("inner_tiles", Index)],
  attrs,
  results: [one("result", RankedTensor)],
  traits: [Pure, typesMatchWith("result type matches type of dest", "dest", "result", (t) => t)],
  assembly:
    "$source (`outer_dims_perm` `=` $outer_dims_perm^)? `inner_dims_pos` `=` $inner_dims_pos `inner_tiles` `=` custom<DynamicIndexList>($inner_tiles, $static_inner_tiles) `into` $dest attr-dict `:` type($source) `->` type($dest)",
  names: () => ["unpack"],
  inferLoosely: true,
  infer: ({ dest }) => [dest.type],
  verify(v, fail) {
    const message = packingFault(v.dest.type, v.source.type, v);
    if (message) fail(message, plain);
  },
  evaluate(v) {
    const tiles = mixed(v.static_inner_tiles, v.inner_tiles);
    const made = v.dest.copy();
    forEachPacked(v.source, made.rank, v, tiles, (at, from) => {
      if (isInside(made, from)) made.set(from, v.source.get(at));
    });
    return [made];
  },
});
