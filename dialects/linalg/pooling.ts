/** @file Named ops: pooling. The second input is not read; its shape is the window's. */
import { pool } from "./named-bodies.ts";
import { namedOp, windowAttrs } from "./named-op.ts";
import type { BinaryFunction } from "./scalar-ops.ts";

const layouts = {
  nwc: ["n w c | i", "n w~i c; i; n w c"],
  ncw: ["n c w | i", "n c w~i; i; n c w"],
  nhwc: ["n h w c | i j", "n h~i w~j c; i j; n h w c"],
  nchw: ["n c h w | i j", "n c h~i w~j; i j; n c h w"],
  ndhwc: ["n d h w c | i j k", "n d~i h~j w~k c; i j k; n d h w c"],
} as const;

const functions = {
  sum: ["add", "Sums"],
  max: ["max_signed", "Largest elements"],
  max_unsigned: ["max_unsigned", "Largest elements, without sign,"],
  min: ["min_signed", "Smallest elements"],
  min_unsigned: ["min_unsigned", "Smallest elements, without sign,"],
} as const satisfies Record<string, readonly [BinaryFunction, string]>;

function pooling<const L extends keyof typeof layouts, const F extends keyof typeof functions>(layout: L, name: F) {
  const [loops, accesses] = layouts[layout];
  const [fn, what] = functions[name];
  const unsigned = name.endsWith("_unsigned");
  return namedOp(`pooling_${layout}_${name}`, {
    doc: `${what} over moving windows, layout ${layout.toUpperCase()}.`,
    loops,
    accesses,
    body: pool(fn, unsigned ? "cast_unsigned" : "cast_signed"),
    attrs: windowAttrs(layout.length - 2),
  });
}

export const pooling_nhwc_sum = pooling("nhwc", "sum");
export const pooling_nchw_sum = pooling("nchw", "sum");
export const pooling_nhwc_max = pooling("nhwc", "max");
export const pooling_nhwc_max_unsigned = pooling("nhwc", "max_unsigned");
export const pooling_nchw_max = pooling("nchw", "max");
export const pooling_nhwc_min = pooling("nhwc", "min");
export const pooling_nhwc_min_unsigned = pooling("nhwc", "min_unsigned");
export const pooling_nwc_sum = pooling("nwc", "sum");
export const pooling_ncw_sum = pooling("ncw", "sum");
export const pooling_nwc_max = pooling("nwc", "max");
export const pooling_nwc_max_unsigned = pooling("nwc", "max_unsigned");
export const pooling_ncw_max = pooling("ncw", "max");
export const pooling_nwc_min = pooling("nwc", "min");
export const pooling_nwc_min_unsigned = pooling("nwc", "min_unsigned");
export const pooling_ndhwc_sum = pooling("ndhwc", "sum");
export const pooling_ndhwc_max = pooling("ndhwc", "max");
export const pooling_ndhwc_min = pooling("ndhwc", "min");
