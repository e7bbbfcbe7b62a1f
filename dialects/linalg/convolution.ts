/**
 * @file Named ops: convolutions. Letters in the names are the dimensions of input and filter: n batch, d h w space, c
 * channels in, f channels out, g groups, m channel multiplier; `_q` has zero points.
 */
import { multiplyAdd, quantizedMultiplyAdd } from "./named-bodies.ts";
import { namedOp, windowAttrs } from "./named-op.ts";

/** Without strides and dilations, batch and channels. */
const plain = <const N extends string>(name: N, doc: string, loops: string, accesses: string) =>
  namedOp(name, { doc, loops, accesses, body: multiplyAdd, attrs: {} });

const conv = <const N extends string>(name: N, rank: number, doc: string, loops: string, accesses: string) =>
  namedOp(name, { doc, loops, accesses, body: multiplyAdd, attrs: windowAttrs(rank) });

/** Of integers, with the zero points of input and filter. */
const quantized = <const N extends string>(name: N, rank: number, doc: string, loops: string, accesses: string) =>
  namedOp(name, { doc, loops, accesses, body: quantizedMultiplyAdd, attrs: windowAttrs(rank) });

export const conv_1d = plain("conv_1d", "1-D convolution of a row.", "w | i", "w+i; i; w");
export const conv_2d = plain("conv_2d", "2-D convolution of an image.", "h w | i j", "h+i w+j; i j; h w");
export const conv_3d = plain("conv_3d", "3-D convolution of a volume.", "d h w | i j k", "d+i h+j w+k; i j k; d h w");

export const conv_1d_nwc_wcf = conv(
  "conv_1d_nwc_wcf",
  1,
  "1-D convolution, channels last.",
  "n w f | i c",
  "n w~i c; i c f; n w f",
);
export const conv_1d_ncw_fcw = conv(
  "conv_1d_ncw_fcw",
  1,
  "1-D convolution, channels first.",
  "n f w | c i",
  "n c w~i; f c i; n f w",
);
export const conv_2d_nhwc_hwcf = conv(
  "conv_2d_nhwc_hwcf",
  2,
  "2-D convolution, channels last, output channels last in the filter.",
  "n h w f | i j c",
  "n h~i w~j c; i j c f; n h w f",
);
export const conv_2d_nhwc_fhwc = conv(
  "conv_2d_nhwc_fhwc",
  2,
  "2-D convolution, channels last, output channels first in the filter.",
  "n h w f | i j c",
  "n h~i w~j c; f i j c; n h w f",
);
export const conv_2d_nhwc_hwcf_q = quantized(
  "conv_2d_nhwc_hwcf_q",
  2,
  "As conv_2d_nhwc_hwcf, of integers with zero points.",
  "n h w f | i j c",
  "n h~i w~j c; i j c f; ; ; n h w f",
);
export const conv_2d_nhwc_fhwc_q = quantized(
  "conv_2d_nhwc_fhwc_q",
  2,
  "As conv_2d_nhwc_fhwc, of integers with zero points.",
  "n h w f | i j c",
  "n h~i w~j c; f i j c; ; ; n h w f",
);
export const conv_2d_nchw_fchw = conv(
  "conv_2d_nchw_fchw",
  2,
  "2-D convolution, channels first.",
  "n f h w | c i j",
  "n c h~i w~j; f c i j; n f h w",
);
export const conv_2d_ngchw_fgchw = conv(
  "conv_2d_ngchw_fgchw",
  2,
  "2-D convolution in groups of channels, channels first; output channels before groups in the filter.",
  "n g f h w | c i j",
  "n g c h~i w~j; f g c i j; n g f h w",
);
export const conv_2d_ngchw_gfchw = conv(
  "conv_2d_ngchw_gfchw",
  2,
  "2-D convolution in groups of channels, channels first; groups before output channels in the filter.",
  "n g f h w | c i j",
  "n g c h~i w~j; g f c i j; n g f h w",
);
export const conv_2d_ngchw_gfchw_q = quantized(
  "conv_2d_ngchw_gfchw_q",
  2,
  "As conv_2d_ngchw_gfchw, of integers with zero points.",
  "n g f h w | c i j",
  "n g c h~i w~j; g f c i j; ; ; n g f h w",
);
export const conv_3d_ndhwc_dhwcf = conv(
  "conv_3d_ndhwc_dhwcf",
  3,
  "3-D convolution, channels last.",
  "n d h w f | i j k c",
  "n d~i h~j w~k c; i j k c f; n d h w f",
);
export const conv_3d_ndhwc_dhwcf_q = quantized(
  "conv_3d_ndhwc_dhwcf_q",
  3,
  "As conv_3d_ndhwc_dhwcf, of integers with zero points.",
  "n d h w f | i j k c",
  "n d~i h~j w~k c; i j k c f; ; ; n d h w f",
);
export const conv_3d_ncdhw_fcdhw = conv(
  "conv_3d_ncdhw_fcdhw",
  3,
  "3-D convolution, channels first.",
  "n d h w f | i j k c",
  "n c d~i h~j w~k; f c i j k; n f d h w",
);

export const depthwise_conv_1d_nwc_wc = conv(
  "depthwise_conv_1d_nwc_wc",
  1,
  "1-D convolution of each channel by itself, channels last.",
  "n w c | i",
  "n w~i c; i c; n w c",
);
export const depthwise_conv_1d_ncw_cw = conv(
  "depthwise_conv_1d_ncw_cw",
  1,
  "1-D convolution of each channel by itself, channels first.",
  "n w c | i",
  "n c w~i; c i; n c w",
);
export const depthwise_conv_1d_nwc_wcm = conv(
  "depthwise_conv_1d_nwc_wcm",
  1,
  "1-D convolution of each channel with several filters, channels last.",
  "n w c m | i",
  "n w~i c; i c m; n w c m",
);
export const depthwise_conv_2d_nhwc_hwc = conv(
  "depthwise_conv_2d_nhwc_hwc",
  2,
  "2-D convolution of each channel by itself, channels last.",
  "n h w c | i j",
  "n h~i w~j c; i j c; n h w c",
);
export const depthwise_conv_2d_nchw_chw = conv(
  "depthwise_conv_2d_nchw_chw",
  2,
  "2-D convolution of each channel by itself, channels first.",
  "n h w c | i j",
  "n c h~i w~j; c i j; n c h w",
);
export const depthwise_conv_2d_nhwc_hwc_q = quantized(
  "depthwise_conv_2d_nhwc_hwc_q",
  2,
  "As depthwise_conv_2d_nhwc_hwc, of integers with zero points.",
  "n h w c | i j",
  "n h~i w~j c; i j c; ; ; n h w c",
);
export const depthwise_conv_2d_nhwc_hwcm = conv(
  "depthwise_conv_2d_nhwc_hwcm",
  2,
  "2-D convolution of each channel with several filters, channels last.",
  "n h w c m | i j",
  "n h~i w~j c; i j c m; n h w c m",
);
export const depthwise_conv_2d_nhwc_hwcm_q = quantized(
  "depthwise_conv_2d_nhwc_hwcm_q",
  2,
  "As depthwise_conv_2d_nhwc_hwcm, of integers with zero points.",
  "n h w c m | i j",
  "n h~i w~j c; i j c m; ; ; n h w c m",
);
export const depthwise_conv_3d_ndhwc_dhwc = conv(
  "depthwise_conv_3d_ndhwc_dhwc",
  3,
  "3-D convolution of each channel by itself, channels last.",
  "n d h w | i j k | c",
  "n d~i h~j w~k c; i j k c; n d h w c",
);
export const depthwise_conv_3d_ncdhw_cdhw = conv(
  "depthwise_conv_3d_ncdhw_cdhw",
  3,
  "3-D convolution of each channel by itself, channels first.",
  "n d h w | i j k | c",
  "n c d~i h~j w~k; c i j k; n c d h w",
);
export const depthwise_conv_3d_ndhwc_dhwcm = conv(
  "depthwise_conv_3d_ndhwc_dhwcm",
  3,
  "3-D convolution of each channel with several filters, channels last.",
  "n d h w m | i j k | c",
  "n d~i h~j w~k c; i j k c m; n d h w c m",
);
