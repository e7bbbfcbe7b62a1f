/**
 * @file The transforms of Winograd's minimal filtering F(m × m, r × r) as MLIR's linalg has them: read, checked and
 * printed; their meaning is left to what lowers them.
 */
import { attr } from "../../ir/attributes.ts";
import { type Constraint, where } from "../../ir/constraints.ts";
import { defineOp } from "../../ir/define.ts";
import { one } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { dynamic, isDynamic, type TensorType } from "../../ir/types.ts";
import { compatibleShapes } from "../shaped.ts";

const tensorOf = (rank: number): Constraint<TensorType> =>
  where<TensorType>(
    `${rank}D tensor of any type values`,
    (t) => t.kind === "tensor" && t.ranked && t.shape.length === rank,
  );

const assembly = (operand: string): string =>
  "attr-dict `m` `(` $m `)` `r` `(` $r `)` `ins` `(` $OP `:` type($OP) `)` `outs` `(` $output `:` type($output) `)` `->` type($result)".replaceAll(
    "$OP",
    `$${operand}`,
  );

const attrs = { m: attr.int, r: attr.int };
const unexpected = "the output shape is not expected";

export const winograd_filter_transform = defineOp("linalg.winograd_filter_transform", {
  doc: "Transforms filters (FHWC) to tiles of m + r - 1 by m + r - 1.",
  operands: [one("filter", tensorOf(4)), one("output", tensorOf(4))],
  attrs,
  results: [one("result", tensorOf(4))],
  traits: [Pure],
  assembly: assembly("filter"),
  infer: ({ output }) => [output.type],
  verify({ filter, output, m, r }, fail) {
    const [f, h, w, c] = filter.type.shape as [number, number, number, number];
    if (h !== r && h !== 1) fail("expect filter height either equals to r or 1");
    else if (w !== r && w !== 1) fail("expect filter width either equals to r or 1");
    else if (h === 1 && w === 1) fail("expect either filter height or width equals to r");
    else {
      const tile = m + r - 1;
      const expected = [h === r ? tile : 1, w === r ? tile : 1, c, f];
      if (!compatibleShapes(expected, output.type.shape)) fail(unexpected);
    }
  },
});

export const winograd_input_transform = defineOp("linalg.winograd_input_transform", {
  doc: "Transforms images (NHWC) to overlapping tiles of m + r - 1 by m + r - 1.",
  operands: [one("input", tensorOf(4)), one("output", tensorOf(6))],
  attrs,
  results: [one("result", tensorOf(6))],
  traits: [Pure],
  assembly: assembly("input"),
  infer: ({ output }) => [output.type],
  verify({ input, output, m, r }, fail) {
    const [n, h, w, c] = input.type.shape as [number, number, number, number];
    const { shape } = output.type;
    /** Tile size, and number of tiles, along one dimension. */
    const along = (size: number, given: number): readonly [number, number] => {
      const tile = m + r - 1;
      if (isDynamic(size)) return [tile, dynamic];
      return given === 1 ? [1, size] : [tile, Math.trunc((size - (r - 1)) / m)];
    };
    const [tileH, countH] = along(h, shape[0]!);
    const [tileW, countW] = along(w, shape[1]!);
    if (!compatibleShapes([tileH, tileW, countH, countW, n, c], shape)) fail(unexpected);
  },
});

export const winograd_output_transform = defineOp("linalg.winograd_output_transform", {
  doc: "Transforms products of tiles back to images (NHWF), m by m pixels a tile.",
  operands: [one("value", tensorOf(6)), one("output", tensorOf(4))],
  attrs,
  results: [one("result", tensorOf(4))],
  traits: [Pure],
  assembly: assembly("value"),
  infer: ({ output }) => [output.type],
  verify({ value, output, m, r }, fail) {
    const [h, w, tilesH, tilesW, n, f] = value.type.shape as [number, number, number, number, number, number];
    /** Pixels along one dimension; undefined if the tiles have a wrong size. */
    const along = (size: number, tiles: number): number | undefined => {
      if (isDynamic(size) || isDynamic(tiles)) return dynamic;
      if (size !== 1 && size !== m + r - 1) return undefined;
      return size === 1 ? tiles : m * tiles;
    };
    const [height, width] = [along(h, tilesH), along(w, tilesW)];
    if (height === undefined) fail("expect input height equals to input tile size");
    else if (width === undefined) fail("expect input width equals to input tile size");
    else if (!compatibleShapes([n, height, width, f], output.type.shape)) fail(unexpected);
  },
});
