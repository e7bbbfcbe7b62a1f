/** @file Ops that choose, place and contract elements: what they compute is what their expansions compute. */
import { expect, it } from "vitest";
import { attention } from "../../../dialects/graph/attention.ts";
import { constantOfArray } from "../../../dialects/graph/constant.ts";
import { conv_transpose } from "../../../dialects/graph/conv-transpose.ts";
import { einsum } from "../../../dialects/graph/einsum.ts";
import { gather, gather_elements, gather_nd } from "../../../dialects/graph/gather.ts";
import { topk } from "../../../dialects/graph/pick.ts";
import { max_pool_indices } from "../../../dialects/graph/pool.ts";
import { scatter_elements, scatter_nd, tensor_scatter } from "../../../dialects/graph/scatter.ts";
import { f32, i8, i32, i64, integer } from "../../../ir/types.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { print } from "../../../text/printer.ts";
import { lower, programOf } from "../../support/graph-law.ts";
import { checkLaw, type Row, row, t } from "../../support/graph-rows.ts";

const u8 = integer(8, "unsigned");
const places = (shape: readonly number[], ...values: number[]): NDArray =>
  NDArray.from("i64", shape, values.map(BigInt));

const reductions: readonly Row[] = (["none", "add", "mul", "max", "min"] as const).flatMap((reduction) => [
  row(
    `scatter_elements, ${reduction}`,
    [t([3, 3]), t([2, 3], i64), t([2, 3])],
    (b, x, at, u) => scatter_elements(b, x, at, u, { axis: 0, reduction }),
    { ulps: 1 },
    [undefined, places([2, 3], 1, 0, 2, -1, 0, 2)],
  ),
  row(
    `scatter_nd, ${reduction}`,
    [t([4, 3], i32), t([3, 1], i64), t([3, 3], i32)],
    (b, x, at, u) => scatter_nd(b, x, at, u, { reduction }),
    "exact",
    [undefined, places([3, 1], 2, -4, 2)],
  ),
]);

/** Constant places: a box in order, one in another order, places with a gap, and a place twice. */
const listed: readonly [string, NDArray][] = [
  ["a box", places([2, 2, 2], 1, 0, 1, 1, 2, 0, 2, -2)],
  ["a box in another order", places([2, 2, 2], 1, 0, 2, 0, 1, 1, 2, 1)],
  ["a gap", places([2, 2, 2], 0, 0, 0, 1, 2, 0, 2, 1)],
  ["a place twice", places([2, 2, 2], 1, 0, 1, 1, 1, 1, 2, 1)],
];
const boxes: readonly Row[] = listed.flatMap(([what, at]) =>
  (["none", "add"] as const).map((reduction) =>
    row(`scatter_nd at constant places, ${what}, ${reduction}`, [t([4, 3, 2]), t([2, 2, 2])], (b, x, u) =>
      scatter_nd(b, x, constantOfArray(b, at, i64), u, { reduction }),
    ),
  ),
);

const window = { strides: [2, 1], pads: [1, 0, 0, 1], dilations: [1, 2], more: [1, 0] };

checkLaw([
  row("gather", [t([3, 4], u8), t([2, 2], i64)], (b, x, at) => gather(b, x, at, { axis: 1 }), "exact", [
    undefined,
    places([2, 2], 3, 0, -1, -4),
  ]),
  row("gather by a scalar", [t([3, 4]), t([], i64)], (b, x, at) => gather(b, x, at, { axis: 0 }), "exact", [
    undefined,
    places([], 2),
  ]),
  row("gather_elements", [t([3, 3]), t([2, 3], i64)], (b, x, at) => gather_elements(b, x, at, { axis: 0 }), "exact", [
    undefined,
    places([2, 3], 1, 2, 0, 2, -3, 0),
  ]),
  row("gather_nd", [t([2, 3, 4]), t([2, 2], i64)], (b, x, at) => gather_nd(b, x, at), "exact", [
    undefined,
    places([2, 2], 0, 1, 1, -1),
  ]),
  row(
    "gather_nd in batches",
    [t([2, 3, 4]), t([2, 1], i64)],
    (b, x, at) => gather_nd(b, x, at, { batch_dims: 1 }),
    "exact",
    [undefined, places([2, 1], 1, 0)],
  ),
  ...reductions,
  row(
    "scatter_nd of elements",
    [t([4, 3]), t([2, 2], i64), t([2])],
    (b, x, at, u) => scatter_nd(b, x, at, u),
    "exact",
    [undefined, places([2, 2], 0, 1, 3, -1)],
  ),
  ...boxes,
  row(
    "tensor_scatter",
    [t([2, 5, 3]), t([2, 2, 3]), t([2], i64)],
    (b, x, u, at) => tensor_scatter(b, x, u, at, { axis: 1 }),
    "exact",
    [undefined, undefined, places([2], 1, 3)],
  ),
  row(
    "tensor_scatter, circular",
    [t([2, 5, 3]), t([2, 2, 3]), t([2], i64)],
    (b, x, u, at) => tensor_scatter(b, x, u, at, { axis: 1, circular: true }),
    "exact",
    [undefined, undefined, places([2], 1, 4)],
  ),
  ...[f32, i8, u8].flatMap((element) => [
    row(`topk ${element.kind}${element.width}`, [t([3, 6], element)], (b, x) => topk(b, x, { k: 4, axis: 1 })),
    row(`topk ${element.kind}${element.width}, smallest`, [t([6, 3], element)], (b, x) =>
      topk(b, x, { k: 2, axis: 0, largest: false }),
    ),
    row(`max_pool_indices ${element.kind}${element.width}`, [t([2, 3, 5, 6], element)], (b, x) =>
      max_pool_indices(b, x, { kernel: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1], dilations: [1, 1] }),
    ),
  ]),
  row("max_pool_indices, column-major", [t([1, 2, 5, 6])], (b, x) =>
    max_pool_indices(b, x, {
      kernel: [2, 2],
      strides: [1, 1],
      pads: [0, 0, 0, 0],
      dilations: [2, 1],
      column_major: true,
    }),
  ),
  row(
    "conv_transpose",
    [t([2, 3, 4, 5]), t([3, 2, 3, 2]), t([2])],
    (b, x, w, c) => conv_transpose(b, x, w, c, window),
    {
      terms: 18,
    },
  ),
  row(
    "conv_transpose grouped",
    [t([1, 4, 3, 3]), t([4, 2, 3, 2])],
    (b, x, w) => conv_transpose(b, x, w, undefined, { ...window, group: 2 }),
    { terms: 12 },
  ),
  row(
    "conv_transpose channels-last",
    [t([2, 4, 5, 3]), t([3, 2, 3, 2]), t([2])],
    (b, x, w, c) => conv_transpose(b, x, w, c, { ...window, layout: "channels-last" }),
    { terms: 18 },
  ),
  row(
    "einsum, batched product",
    [t([2, 3, 4]), t([2, 4, 5])],
    (b, x, y) => einsum(b, [x, y], { equation: "bij,bjk->bik" }),
    {
      terms: 4,
    },
  ),
  row("einsum, diagonal", [t([4, 4])], (b, x) => einsum(b, [x], { equation: "ii->i" })),
  row("einsum, trace", [t([4, 4])], (b, x) => einsum(b, [x], { equation: "ii->" }), { terms: 4 }),
  row(
    "einsum of three",
    [t([2, 3]), t([3, 4]), t([4, 2])],
    (b, x, y, z) => einsum(b, [x, y, z], { equation: "ij,jk,kl->il" }),
    { terms: 12 },
  ),
  row("einsum, broadcast", [t([1, 3]), t([4, 3])], (b, x, y) => einsum(b, [x, y], { equation: "ai,ai->a" }), {
    terms: 3,
  }),
  row(
    "attention",
    [t([2, 4, 3, 8]), t([2, 2, 5, 8]), t([2, 2, 5, 6]), t([3, 5])],
    (b, q, k, v, bias) => attention(b, q, k, v, bias, { scale: 0.3, softcap: 2 }),
    { ulps: 32 },
  ),
  row(
    "attention, causal",
    [t([1, 2, 4, 8]), t([1, 2, 6, 8]), t([1, 2, 6, 8])],
    (b, q, k, v) => attention(b, q, k, v, undefined, { scale: 0.1, causal: true, past: 2 }),
    { ulps: 32 },
  ),
]);

it.each([
  ["a box", 0],
  ["a box in another order", 1],
])("places that are %s are replaced in %i loops", (what, loops) => {
  const at = listed.find(([name]) => name === what)![1];
  const program = programOf([t([4, 3, 2]), t([2, 2, 2])], (b, x, u) => [
    scatter_nd(b, x!, constantOfArray(b, at, i64), u!),
  ]);
  expect(lower(program.module)).toEqual([]);
  expect(print(program.module).match(/scf\.for/g) ?? []).toHaveLength(loops);
});
