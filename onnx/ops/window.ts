/** @file Convolution and pooling. */

import { conv } from "../../dialects/graph/conv.ts";
import { conv_transpose } from "../../dialects/graph/conv-transpose.ts";
import { abs, pow } from "../../dialects/graph/elementwise.ts";
import { average_pool, lp_pool, max_pool, max_pool_indices } from "../../dialects/graph/pool.ts";
import { reduce_max, reduce_mean, reduce_sum } from "../../dialects/graph/reduce.ts";
import { reach } from "../../dialects/graph/window.ts";
import type { Value } from "../../ir/core.ts";
import type { NodeBuilder } from "../node-builder.ts";
import { attr, defineImport, one, optional, type TensorValue } from "../op.ts";

const autoPad = attr.oneOf("NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER").default("NOTSET");

export const windowAttrs = {
  auto_pad: autoPad,
  kernel_shape: attr.ints.optional(),
  strides: attr.ints.optional(),
  pads: attr.ints.optional(),
  dilations: attr.ints.optional(),
};

export interface WindowArgs {
  readonly auto_pad: "NOTSET" | "VALID" | "SAME_UPPER" | "SAME_LOWER";
  readonly kernel_shape: readonly number[] | undefined;
  readonly strides: readonly number[] | undefined;
  readonly pads: readonly number[] | undefined;
  readonly dilations: readonly number[] | undefined;
}

/** Strides, dilations and pads in full, automatic padding computed from the sizes of x (channels-first). */
export function windowOf(x: TensorValue, kernel: readonly number[], args: WindowArgs) {
  const n = kernel.length;
  const ones = kernel.map(() => 1);
  const strides = args.strides ?? ones;
  const dilations = args.dilations ?? ones;
  if (args.auto_pad === "NOTSET") return { strides, dilations, pads: args.pads ?? new Array<number>(2 * n).fill(0) };
  if (args.auto_pad === "VALID") return { strides, dilations, pads: new Array<number>(2 * n).fill(0) };
  const low: number[] = [];
  const high: number[] = [];
  kernel.forEach((k, i) => {
    const size = x.type.shape[i + 2] ?? 1;
    const stride = strides[i] ?? 1;
    const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + reach(k, dilations[i] ?? 1) - size);
    const less = Math.floor(total / 2);
    low.push(args.auto_pad === "SAME_UPPER" ? less : total - less);
    high.push(args.auto_pad === "SAME_UPPER" ? total - less : less);
  });
  return { strides, dilations, pads: [...low, ...high] };
}

/** The window of a convolution: its weights say the size. */
export function kernelOf(w: TensorValue, given: readonly number[] | undefined, b: NodeBuilder): number[] | undefined {
  const kernel = w.type.shape.slice(2);
  if (given && (given.length !== kernel.length || given.some((k, i) => k !== kernel[i]))) {
    return b.fail("onnx/shape", `kernel_shape ${given.join("x")} does not fit weights of ${w.type.shape.join("x")}`);
  }
  return kernel;
}

export const Conv = defineImport("Conv", {
  since: 1,
  inputs: [one("X"), one("W"), optional("B")],
  attrs: { ...windowAttrs, group: attr.int.default(1) },
  import({ X, W, B, group, ...window }, b) {
    const kernel = kernelOf(W, window.kernel_shape, b);
    return kernel && conv(b, X, W, B, { ...windowOf(X, kernel, window), group });
  },
});

const poolAttrs = { ...windowAttrs, kernel_shape: attr.ints, ceil_mode: attr.bool.default(false) };

export const AveragePool = defineImport("AveragePool", {
  since: 1,
  inputs: [one("X")],
  attrs: { ...poolAttrs, count_include_pad: attr.bool.default(false) },
  import: ({ X, kernel_shape, ceil_mode, count_include_pad, ...window }, b) =>
    average_pool(b, X, {
      kernel: kernel_shape,
      ...windowOf(X, kernel_shape, { ...window, kernel_shape }),
      ceil_mode,
      count_include_pad,
    }),
});

export const MaxPool = defineImport("MaxPool", {
  since: 1,
  inputs: [one("X")],
  attrs: { ...poolAttrs, storage_order: attr.int.default(0) },
  import({ X, kernel_shape, ceil_mode, storage_order, ...window }, b) {
    const pool = { kernel: kernel_shape, ...windowOf(X, kernel_shape, { ...window, kernel_shape }), ceil_mode };
    const y = max_pool(b, X, pool);
    return b.wants(1) ? [y, max_pool_indices(b, X, { ...pool, column_major: storage_order === 1 })] : y;
  },
});

export const LpPool = defineImport("LpPool", {
  since: 2,
  inputs: [one("X")],
  attrs: { ...poolAttrs, p: attr.int.default(2) },
  import: ({ X, kernel_shape, ceil_mode, p, ...window }, b) =>
    lp_pool(b, X, { kernel: kernel_shape, ...windowOf(X, kernel_shape, { ...window, kernel_shape }), ceil_mode, p }),
});

/** Pads from a size of the result that is asked for; what is missing is added at its ends. */
function transposePads(
  x: TensorValue,
  kernel: readonly number[],
  strides: readonly number[],
  dilations: readonly number[],
  wanted: readonly number[],
  more: readonly number[],
  upper: boolean,
): { readonly pads: number[]; readonly more: number[] } {
  const low: number[] = [];
  const high: number[] = [];
  const ends = more.slice();
  kernel.forEach((k, i) => {
    const size = x.type.shape[i + 2]!;
    const total = strides[i]! * (size - 1) + more[i]! + reach(k, dilations[i]!) - wanted[i]!;
    if (total < 0) ends[i] = ends[i]! - total;
    const cut = Math.max(0, total);
    const less = Math.floor(cut / 2);
    low.push(upper ? less : cut - less);
    high.push(upper ? cut - less : less);
  });
  return { pads: [...low, ...high], more: ends };
}

export const ConvTranspose = defineImport("ConvTranspose", {
  since: 1,
  inputs: [one("X"), one("W"), optional("B")],
  attrs: {
    ...windowAttrs,
    group: attr.int.default(1),
    output_padding: attr.ints.optional(),
    output_shape: attr.ints.optional(),
  },
  import({ X, W, B, group, output_padding, output_shape, auto_pad, ...window }, b) {
    const kernel = kernelOf(W, window.kernel_shape, b);
    if (!kernel) return undefined;
    const ones = kernel.map(() => 1);
    const strides = window.strides ?? ones;
    const dilations = window.dilations ?? ones;
    const more = output_padding ?? kernel.map(() => 0);
    const same = auto_pad === "SAME_UPPER" || auto_pad === "SAME_LOWER";
    // Some exporters give the whole shape of the result, batch and channels included.
    const asked =
      output_shape?.slice(-kernel.length) ?? (same ? strides.map((s, i) => s * X.type.shape[i + 2]!) : undefined);
    const { pads, more: ends } = asked
      ? transposePads(X, kernel, strides, dilations, asked, more, auto_pad === "SAME_UPPER")
      : { pads: window.pads ?? new Array<number>(2 * kernel.length).fill(0), more };
    return conv_transpose(b, X, W, B, { strides, dilations, pads, more: ends, group });
  },
});

const spatialAxes = (x: TensorValue): number[] => x.type.shape.map((_, i) => i).slice(2);

export const GlobalAveragePool = defineImport("GlobalAveragePool", {
  since: 1,
  inputs: [one("X")],
  import: ({ X }, b) => reduce_mean(b, X, { axes: spatialAxes(X) }),
});
export const GlobalMaxPool = defineImport("GlobalMaxPool", {
  since: 1,
  inputs: [one("X")],
  import: ({ X }, b) => reduce_max(b, X, { axes: spatialAxes(X) }),
});
export const GlobalLpPool = defineImport("GlobalLpPool", {
  since: 2,
  inputs: [one("X")],
  attrs: { p: attr.int.default(2) },
  import({ X, p }, b) {
    const power = (v: Value, by: number): Value => pow(b, v, b.scalar(by, X));
    return power(reduce_sum(b, power(abs(b, X), p), { axes: spatialAxes(X) }), 1 / p);
  },
});
