/** @file Convolutions, pools and products of matrices. */
import { attr } from "../../ir/attributes.ts";
import { toType } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import type { Evaluator, Num } from "../../ir/evaluate.ts";
import { one } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { type Attribute, elementOf } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import {
  accumulatorOf,
  computed,
  forEachIndex,
  functional,
  NumberTensor,
  quantization,
  tensorOfRank,
  zeroPoint,
} from "./common.ts";
import { applyScale } from "./quantized.ts";

/** An element less its zero point. */
const centred = (v: Num, zero: number): Num => (zero === 0 ? v : BigInt(v) - BigInt(zero));

/** Sizes of the output along each dimension of the window. */
function outputSizes(
  input: readonly number[],
  kernel: readonly number[],
  pad: readonly number[],
  stride: readonly number[],
  dilation: readonly number[] = kernel.map(() => 1),
): number[] {
  return kernel.map((k, d) => {
    const room = input[d]! + pad[2 * d]! + pad[2 * d + 1]! - (k - 1) * dilation[d]! - 1;
    return Math.floor(room / stride[d]!) + 1;
  });
}

interface Convolution {
  readonly x: NDArray;
  readonly weight: NDArray;
  readonly bias: NDArray;
  readonly pad: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly quantization: Attribute | undefined;
}

/** Convolution over any number of spatial dimensions: channels last, weights by output channel, space, input channel. */
function convolve(c: Convolution, run: Evaluator): NDArray {
  const space = c.stride.length;
  const { x, weight, bias } = c;
  const sizes = x.shape.slice(1, 1 + space);
  const kernel = weight.shape.slice(1, 1 + space);
  const out = outputSizes(sizes, kernel, c.pad, c.stride, c.dilation);
  const channels = x.shape[space + 1]!;
  const sum = accumulatorOf(run.resultType(0));
  const zeros = [zeroPoint(c.quantization, "input_zp"), zeroPoint(c.quantization, "weight_zp")] as const;
  return computed(run, [x.shape[0]!, ...out, weight.shape[0]!], (index) => {
    const [batch, channel] = [index[0]!, index[space + 1]!];
    let total = sum.zero;
    forEachIndex(kernel, (tap) => {
      const at = tap.map((k, d) => index[d + 1]! * c.stride[d]! + k * c.dilation[d]! - c.pad[2 * d]!);
      if (at.some((p, d) => p < 0 || p >= sizes[d]!)) return;
      for (let i = 0; i < channels; i++) {
        const a = centred(x.get([batch, ...at, i]), zeros[0]);
        total = sum.add(total, a, centred(weight.get([channel, ...tap, i]), zeros[1]));
      }
    });
    return withBias(total, bias, channel);
  });
}

function withBias(total: Num, bias: NDArray, channel: number): Num {
  const b = bias.get([bias.shape[0] === 1 ? 0 : channel]);
  return typeof total === "bigint" ? total + BigInt(b) : total + Number(b);
}

const convAttrs = {
  pad: attr.ints,
  stride: attr.ints,
  dilation: attr.ints,
  quantization_info: quantization("conv_quant"),
  local_bound: attr.bool.optional(),
};

const convolution = <const N extends string>(name: N, doc: string, rank: number) =>
  defineOp(`tosa.${name}`, {
    doc,
    operands: [one("input", tensorOfRank(rank)), one("weight", tensorOfRank(rank)), one("bias", tensorOfRank(1))],
    attrs: convAttrs,
    results: [one("output", NumberTensor)],
    traits: [Pure],
    assembly: functional,
    evaluate: ({ input, weight, bias, pad, stride, dilation, quantization_info }, run) =>
      convolve({ x: input, weight, bias, pad, stride, dilation, quantization: quantization_info }, run),
  });

export const conv2d = convolution("conv2d", "2-D convolution of NHWC activations with OHWI weights.", 4);
export const conv3d = convolution("conv3d", "3-D convolution of NDHWC activations with ODHWI weights.", 5);

export const depthwise_conv2d = defineOp("tosa.depthwise_conv2d", {
  doc: "2-D convolution of each channel by itself, with HWCM weights: M output channels for each one.",
  operands: [one("input", tensorOfRank(4)), one("weight", tensorOfRank(4)), one("bias", tensorOfRank(1))],
  attrs: convAttrs,
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ input, weight, bias, pad, stride, dilation, quantization_info }, run) {
    const [kh = 1, kw = 1, channels = 1, multiplier = 1] = weight.shape;
    const out = outputSizes(input.shape.slice(1, 3), [kh, kw], pad, stride, dilation);
    const sum = accumulatorOf(run.resultType(0));
    const zeros = [zeroPoint(quantization_info, "input_zp"), zeroPoint(quantization_info, "weight_zp")] as const;
    return computed(run, [input.shape[0]!, ...out, channels * multiplier], ([n = 0, oy = 0, ox = 0, o = 0]) => {
      const [c, m] = [Math.floor(o / multiplier), o % multiplier];
      let total = sum.zero;
      forEachIndex([kh, kw], ([ky = 0, kx = 0]) => {
        const y = oy * stride[0]! + ky * dilation[0]! - pad[0]!;
        const x = ox * stride[1]! + kx * dilation[1]! - pad[2]!;
        if (y < 0 || y >= input.shape[1]! || x < 0 || x >= input.shape[2]!) return;
        const a = centred(input.get([n, y, x, c]), zeros[0]);
        total = sum.add(total, a, centred(weight.get([ky, kx, c, m]), zeros[1]));
      });
      return withBias(total, bias, o);
    });
  },
});

export const transpose_conv2d = defineOp("tosa.transpose_conv2d", {
  doc: "The transpose of a 2-D convolution: each input element is spread over the output, with OHWI weights.",
  operands: [one("input", tensorOfRank(4)), one("filter", tensorOfRank(4)), one("bias", tensorOfRank(1))],
  attrs: {
    out_pad: attr.ints,
    stride: attr.ints,
    out_shape: attr.ints,
    quantization_info: quantization("conv_quant"),
    local_bound: attr.bool.optional(),
  },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ input, filter, bias, out_pad, stride, quantization_info }, run) {
    const [batch = 1, height = 1, width = 1, channels = 1] = input.shape;
    const [outputs = 1, kh = 1, kw = 1] = filter.shape;
    const out = [
      (height - 1) * stride[0]! + out_pad[0]! + out_pad[1]! + kh,
      (width - 1) * stride[1]! + out_pad[2]! + out_pad[3]! + kw,
    ];
    const sum = accumulatorOf(run.resultType(0));
    const zeros = [zeroPoint(quantization_info, "input_zp"), zeroPoint(quantization_info, "weight_zp")] as const;
    return computed(run, [batch, ...out, outputs], ([n = 0, oy = 0, ox = 0, o = 0]) => {
      let total = sum.zero;
      forEachIndex([kh, kw], ([ky = 0, kx = 0]) => {
        const y = (oy - out_pad[0]! - ky) / stride[0]!;
        const x = (ox - out_pad[2]! - kx) / stride[1]!;
        if (!Number.isInteger(y) || !Number.isInteger(x) || y < 0 || x < 0 || y >= height || x >= width) return;
        for (let c = 0; c < channels; c++) {
          const a = centred(input.get([n, y, x, c]), zeros[0]);
          total = sum.add(total, a, centred(filter.get([o, ky, kx, c]), zeros[1]));
        }
      });
      return withBias(total, bias, o);
    });
  },
});

// --- pools --------------------------------------------------------------------------------------------------------

/** Calls `visit` with the elements of a window that lie inside. */
function forEachTap(
  x: NDArray,
  [n = 0, oy = 0, ox = 0, c = 0]: readonly number[],
  kernel: readonly number[],
  pad: readonly number[],
  stride: readonly number[],
  visit: (v: Num) => void,
): void {
  forEachIndex(kernel, ([ky = 0, kx = 0]) => {
    const row = oy * stride[0]! + ky - pad[0]!;
    const column = ox * stride[1]! + kx - pad[2]!;
    if (row < 0 || row >= x.shape[1]! || column < 0 || column >= x.shape[2]!) return;
    visit(x.get([n, row, column, c]));
  });
}

export const max_pool2d = defineOp("tosa.max_pool2d", {
  doc: "The largest element of each window.",
  operands: [one("input", tensorOfRank(4))],
  attrs: { kernel: attr.ints, stride: attr.ints, pad: attr.ints },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ input, kernel, stride, pad }, run) {
    const out = outputSizes(input.shape.slice(1, 3), kernel, pad, stride);
    return computed(run, [input.shape[0]!, ...out, input.shape[3]!], (index) => {
      let best: Num | undefined;
      forEachTap(input, index, kernel, pad, stride, (v) => {
        if (best === undefined || Number.isNaN(v as number) || v > best) best = v;
      });
      return best ?? run.fail("a window holds nothing but padding");
    });
  },
});

export const avg_pool2d = defineOp("tosa.avg_pool2d", {
  doc: "The mean of each window; padding does not count.",
  operands: [one("input", tensorOfRank(4))],
  attrs: {
    kernel: attr.ints,
    stride: attr.ints,
    pad: attr.ints,
    acc_type: attr.type,
    quantization_info: quantization("unary_quant"),
  },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ input, kernel, stride, pad, acc_type, quantization_info }, run) {
    const out = outputSizes(input.shape.slice(1, 3), kernel, pad, stride);
    const zeros = [zeroPoint(quantization_info, "input_zp"), zeroPoint(quantization_info, "output_zp")] as const;
    const float = elementOf(run.resultType(0)).kind === "float";
    return computed(run, [input.shape[0]!, ...out, input.shape[3]!], (index) => {
      let count = 0;
      let total = 0;
      forEachTap(input, index, kernel, pad, stride, (v) => {
        count++;
        total = float ? Number(toType(acc_type, total + Number(v))) : total + Number(v) - zeros[0];
      });
      return float ? total / count : quantizedMean(total, count) + BigInt(zeros[1]);
    });
  },
});

/** Division by a count as a fixed-point factor of 31 bits (TOSA, reciprocal_scale). */
function quantizedMean(total: number, count: number): bigint {
  const k = BigInt(32 - Math.clz32(count - 1));
  const multiplier = (((1n << 30n) + 1n) << k) / BigInt(count);
  return applyScale(total, multiplier, 30 + Number(k), false);
}

// --- products -----------------------------------------------------------------------------------------------------

export const matmul = defineOp("tosa.matmul", {
  doc: "Products of batches of matrices.",
  operands: [one("a", tensorOfRank(3)), one("b", tensorOfRank(3))],
  attrs: { quantization_info: quantization("matmul_quant") },
  results: [one("c", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ a, b, quantization_info }, run) {
    const sum = accumulatorOf(run.resultType(0));
    const zeros = [zeroPoint(quantization_info, "a_zp"), zeroPoint(quantization_info, "b_zp")] as const;
    return computed(run, [a.shape[0]!, a.shape[1]!, b.shape[2]!], ([n = 0, i = 0, j = 0]) => {
      let total = sum.zero;
      for (let k = 0; k < a.shape[2]!; k++) {
        total = sum.add(total, centred(a.get([n, i, k]), zeros[0]), centred(b.get([n, k, j]), zeros[1]));
      }
      return total;
    });
  },
});

export const fully_connected = defineOp("tosa.fully_connected", {
  doc: "Rows times the rows of a weight, plus a bias.",
  operands: [one("input", tensorOfRank(2)), one("weight", tensorOfRank(2)), one("bias", tensorOfRank(1))],
  attrs: { quantization_info: quantization("conv_quant") },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ input, weight, bias, quantization_info }, run) {
    const sum = accumulatorOf(run.resultType(0));
    const zeros = [zeroPoint(quantization_info, "input_zp"), zeroPoint(quantization_info, "weight_zp")] as const;
    return computed(run, [input.shape[0]!, weight.shape[0]!], ([n = 0, o = 0]) => {
      let total = sum.zero;
      for (let k = 0; k < input.shape[1]!; k++) {
        total = sum.add(total, centred(input.get([n, k]), zeros[0]), centred(weight.get([o, k]), zeros[1]));
      }
      return withBias(total, bias, o);
    });
  },
});
