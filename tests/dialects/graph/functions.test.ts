/** @file Functions, reductions and normalisations: what they compute is what their expansions compute. */
import * as activations from "../../../dialects/graph/activations.ts";
import { abs, add } from "../../../dialects/graph/elementwise.ts";
import * as normalize from "../../../dialects/graph/normalize.ts";
import * as reduce from "../../../dialects/graph/reduce.ts";
import { cumprod, cumsum } from "../../../dialects/graph/scan.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/core.ts";
import { typeText } from "../../../ir/spell.ts";
import { f32, i1, i8, i32, i64, integer } from "../../../ir/types.ts";
import { checkLaw, type Row, row, t } from "../../support/graph-rows.ts";

const u8 = integer(8, "unsigned");

type Unary = (b: Builder, x: Value) => Value;
const positive = (b: Builder, x: Value): Value => abs(b, x);
const functions: readonly (readonly [string, Unary])[] = [
  ["exp", activations.exp],
  ["log", (b, x) => activations.log(b, positive(b, x))],
  ["sqrt", (b, x) => activations.sqrt(b, positive(b, x))],
  ["reciprocal", activations.reciprocal],
  ["floor", activations.floor],
  ["ceil", activations.ceil],
  ["round", activations.round],
  ["sin", activations.sin],
  ["cos", activations.cos],
  ["atan", activations.atan],
  ["sinh", activations.sinh],
  ["cosh", activations.cosh],
  ["tanh", activations.tanh],
  ["asinh", activations.asinh],
  ["erf", activations.erf],
  ["sigmoid", activations.sigmoid],
  ["swish", activations.swish],
  ["swish with alpha", (b, x) => activations.swish(b, x, { alpha: 0.5 })],
  ["gelu", activations.gelu],
  ["gelu by tanh", (b, x) => activations.gelu(b, x, { approximate: "tanh" })],
  ["leaky_relu", (b, x) => activations.leaky_relu(b, x, { alpha: 0.25 })],
  ["elu", (b, x) => activations.elu(b, x, { alpha: 2, scale: 1.5, slope: 0.5 })],
  ["hard_sigmoid", activations.hard_sigmoid],
  ["hard_swish", activations.hard_swish],
  ["softplus", activations.softplus],
  ["softsign", activations.softsign],
  ["mish", activations.mish],
  ["thresholded_relu", activations.thresholded_relu],
];

const reductions: readonly Row[] = [f32, i32, i64, u8].flatMap((element) => [
  row(`reduce_sum ${typeText(element)}`, [t([3, 4, 5], element)], (b, x) => reduce.reduce_sum(b, x, { axes: [0, 2] }), {
    terms: 15,
  }),
  row(`reduce_max ${typeText(element)}`, [t([3, 4], element)], (b, x) =>
    reduce.reduce_max(b, x, { axes: [1], keepdims: false }),
  ),
  row(`reduce_min ${typeText(element)}`, [t([3, 4], element)], (b, x) => reduce.reduce_min(b, x, { axes: [0, 1] })),
]);

checkLaw([
  ...functions.map(([name, op]) => row(name, [t([64])], op, { ulps: 8 })),
  row("is_nan", [t([9])], (b, x) => activations.is_nan(b, activations.sqrt(b, x))),
  row("is_inf", [t([9])], (b, x) => activations.is_inf(b, activations.reciprocal(b, activations.floor(b, x)))),
  ...reductions,
  row("reduce_mean", [t([3, 4, 5])], (b, x) => reduce.reduce_mean(b, x, { axes: [1] }), { terms: 4 }),
  row("reduce_mean of integers", [t([3, 4], i32)], (b, x) => reduce.reduce_mean(b, x, { axes: [1] })),
  row("reduce_prod", [t([3, 4])], (b, x) => reduce.reduce_prod(b, x, { axes: [1] }), { terms: 4 }),
  row("reduce_max of booleans", [t([3, 4], i1)], (b, x) => reduce.reduce_max(b, x, { axes: [1] })),
  row("reduction of nothing", [t([3, 4])], (b, x) => reduce.reduce_sum(b, x, { axes: [] })),
  ...[false, true].flatMap((last) =>
    [f32, i8, u8].map((element) =>
      row(`arg_extreme ${typeText(element)}${last ? ", the last" : ""}`, [t([4, 6], element)], (b, x) =>
        reduce.arg_extreme(b, x, { axis: 1, last, smallest: last }),
      ),
    ),
  ),
  row("cumsum", [t([3, 5])], (b, x) => cumsum(b, x, { axis: 1 }), { terms: 5 }),
  row("cumsum i32, exclusive, backwards", [t([3, 5], i32)], (b, x) =>
    cumsum(b, x, { axis: 0, exclusive: true, reverse: true }),
  ),
  row("cumprod", [t([3, 5])], (b, x) => cumprod(b, x, { axis: 1, reverse: true }), { terms: 5 }),
  row("softmax", [t([3, 5])], (b, x) => normalize.softmax(b, x, { axis: 1 }), { ulps: 4 }),
  row("softmax along the first axis", [t([3, 5])], (b, x) => normalize.softmax(b, x, { axis: 0 }), { ulps: 4 }),
  row("log_softmax", [t([3, 5])], (b, x) => normalize.log_softmax(b, x, { axis: 1 }), { ulps: 8 }),
  row("layer_norm", [t([2, 3, 8]), t([8]), t([8])], (b, x, s, c) => normalize.layer_norm(b, x, s, c, { axis: 2 }), {
    ulps: 32,
  }),
  row(
    "layer_norm of two axes",
    [t([2, 3, 4])],
    (b, x) => normalize.layer_norm(b, x, undefined, undefined, { axis: 1 }),
    {
      ulps: 16,
    },
  ),
  row("rms_norm", [t([2, 3, 8]), t([8])], (b, x, s) => normalize.rms_norm(b, x, s, { axis: 2 }), { ulps: 16 }),
  row(
    "group_norm",
    [t([2, 6, 3, 2]), t([6]), t([6])],
    (b, x, s, c) => normalize.group_norm(b, x, s, c, { groups: 3 }),
    {
      ulps: 32,
    },
  ),
  row(
    "batch_norm",
    [t([2, 3, 4]), t([3]), t([3]), t([3]), t([3])],
    (b, x, s, c, m, v) => normalize.batch_norm(b, x, s, c, m, add(b, abs(b, v), abs(b, v))),
    { ulps: 64 },
  ),
  row(
    "batch_norm channels-last",
    [t([2, 4, 3]), t([3]), t([3]), t([3]), t([3])],
    (b, x, s, c, m, v) =>
      normalize.batch_norm(b, x, s, c, m, add(b, abs(b, v), abs(b, v)), { layout: "channels-last" }),
    { ulps: 64 },
  ),
  row("lrn", [t([2, 5, 3])], (b, x) => normalize.lrn(b, x, { size: 3, alpha: 0.5 }), { ulps: 16 }),
]);
