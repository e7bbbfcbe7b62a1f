/** C in this process: the same answers as the interpreter, op by op, with and without vectors. Needs a compiler. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cTarget } from "../../../bench/conformance/c.ts";
import { type Case, findCases } from "../../../bench/conformance/case.ts";
import { runCase } from "../../../bench/conformance/run-case.ts";
import { sharedPath } from "../../support/shared.ts";

const hasCompiler = ["cc", "gcc", "clang"].some((cc) => spawnSync(cc, ["--version"]).status === 0);
const data = sharedPath("data/onnx/onnx-1.22/node");
const cache = mkdtempSync(join(tmpdir(), "sluice-native-"));

/** One case for each kind of arithmetic. */
const names = [
  "add_bcast",
  "argmax_default_axis_example_select_last_index",
  "averagepool_2d_same_upper",
  "bitshift_right_uint8",
  "cast_FLOAT_to_FLOAT16",
  "clip_default_int8_inbounds",
  "conv_with_strides_padding",
  "cumsum_2d_axis_1",
  "div_uint8",
  "erf",
  "gather_negative_indices",
  "lstm_with_peepholes",
  "loop11",
  "matmul_4d",
  "mod_mixed_sign_int8",
  "qlinearconv",
  "reduce_max_bool_inputs",
  "resize_upsample_scales_linear",
  "round",
  "softmax_large_number",
  "where_long_example",
];

describe.skipIf(!hasCompiler || data === undefined)("the node suite in C", () => {
  let cases: ReadonlyMap<string, Case>;
  beforeAll(() => {
    process.env.SLUICE_CACHE = cache;
    cases = new Map(findCases(data!).map((c) => [c.name, c]));
  });
  afterAll(() => rmSync(cache, { recursive: true, force: true }));

  it.each(names)("%s", async (name) => {
    const c = cases.get(name) ?? cases.get(`test_${name}`);
    expect(c, "the case is there").toBeDefined();
    const outcome = await runCase(c!, cTarget);
    expect(outcome.reason).toBe("");
    expect(outcome.status).toBe("pass");
  });
});
