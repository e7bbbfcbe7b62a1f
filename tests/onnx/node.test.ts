/**
 * @file A quick part of the official node suite: run as graph ops, again in lower words, and compiled. The whole of it:
 * `npm run conformance`.
 */
import { describe, expect, it } from "vitest";
import { type Case, findCases } from "../../bench/conformance/case.ts";
import { interpreter } from "../../bench/conformance/interpreter.ts";
import { linalg } from "../../bench/conformance/linalg.ts";
import { runCase } from "../../bench/conformance/run-case.ts";
import { wasmTarget } from "../../bench/conformance/wasm.ts";
import { sharedPath } from "../support/shared.ts";

/** One case, or a few, of each family. */
const names = [
  "adam_multiple",
  "add_bcast",
  "and_bcast3v2d",
  "argmax_default_axis_example_select_last_index",
  "attention_4d_gqa_causal",
  "averagepool_2d_same_upper",
  "batchnorm_example",
  "bitcast_2d_float32_to_int32",
  "cast_FLOAT_to_INT4",
  "causal_conv_with_state_silu_with_past_state",
  "clip_default_inbounds",
  "col2im_pads",
  "concat_2d_axis_negative_1",
  "constant_pad",
  "conv_with_autopad_same",
  "convinteger_with_padding",
  "convtranspose_output_shape",
  "cumsum_2d_axis_1",
  "depthtospace_crd_mode_example",
  "dft_irfft",
  "dequantizelinear_axis",
  "dynamicquantizelinear",
  "einsum_batch_matmul",
  "expand_dim_changed",
  "flatten_axis2",
  "flexattention_prob_mod",
  "gather_negative_indices",
  "gathernd_example_int32_batch_dim1",
  "gelu_tanh_2",
  "gemm_all_attributes",
  "gridsample_bicubic_align_corners_1_additional_1",
  "gridsample_reflection_padding",
  "gridsample_volumetric_bilinear_align_corners_0",
  "group_normalization_example",
  "gru_seq_length",
  "if",
  "instancenorm_example",
  "layer_normalization_4d_axis2",
  "logsoftmax_axis_1",
  "linear_attention_gated_delta_gqa",
  "loop11",
  "lrn",
  "lstm_with_peepholes",
  "matmul_4d",
  "matmulinteger",
  "maxpool_2d_ceil",
  "mod_mixed_sign_int8",
  "nllloss_NCd1d2_with_weight_reduction_mean",
  "onehot_negative_indices",
  "pow_types_float32_int64",
  "prelu_broadcast",
  "qlinearconv",
  "qlinearmatmul_2D_uint8_float32",
  "quantizelinear_blocked_symmetric",
  "range_int32_type_negative_delta",
  "reduce_log_sum_exp_do_not_keepdims_random",
  "reflect_pad",
  "reshape_negative_extended_dims",
  "resize_upsample_scales_linear_align_corners",
  "resize_downsample_sizes_cubic_antialias",
  "rnn_seq_length",
  "rotary_embedding_interleaved",
  "scan9_sum",
  "scatter_elements_with_reduction_max",
  "scatternd_add",
  "shape_start_negative_1",
  "slice_neg_steps",
  "softmax_large_number",
  "split_variable_parts_2d_opset18",
  "squeeze_negative_axes",
  "stft_with_window",
  "tile_precomputed",
  "top_k_negative_axis",
  "transpose_all_permutations_3",
  "tril_neg",
  "unsqueeze_two_axes",
  "where_long_example",
  "xor_bcast4v3d",
];

const folder = sharedPath("data/onnx/onnx-1.22/node");

describe.skipIf(!folder)("official node tests", () => {
  const cases = new Map<string, Case>(folder ? findCases(folder).map((c) => [c.name, c]) : []);
  const chosen = names.flatMap((n) => cases.get(`test_${n}`) ?? []);

  it("has the cases", () => {
    expect(chosen.length).toBe(names.length);
  });

  it.each(chosen)("$name", async (c) => {
    expect(await runCase(c, interpreter)).toMatchObject({ status: "pass", reason: "" });
    expect(await runCase(c, linalg)).toMatchObject({ status: "pass", reason: "" });
    expect(await runCase(c, wasmTarget)).toMatchObject({ status: "pass", reason: "" });
  });
});
