/** @file The whole official suite, compiled to WebAssembly: no wrong answer, nothing that hangs, and no fewer passes. */
import { describe, expect, it } from "vitest";
import { findCases } from "../../bench/conformance/case.ts";
import { runAll } from "../../bench/conformance/pool.ts";
import type { Outcome, Status } from "../../bench/conformance/run-case.ts";
import { sharedPath } from "../support/shared.ts";

const folder = sharedPath("data/onnx/onnx-1.22");

/** So many pass at least; docs/conformance.md lists the others. */
const passing = 1700;
/** Expected values next to zero that are nothing but the rounding of another algorithm (2e-7 beside numbers near 1). */
const rounding = ["node/test_dft_inverse", "node/test_dft_inverse_opset19"];

describe.skipIf(!folder)("the official suite on wasm-simd", () => {
  it("passes as recorded", async () => {
    const cases = findCases(folder!);
    const outcomes = await runAll(cases, { target: "wasm-simd", workers: 2, limitMs: 120_000, done: () => {} });
    const of = (s: Status): Outcome[] => outcomes.filter((o) => o.status === s);
    const wrong = of("fail").filter((o) => !rounding.includes(o.name));
    expect(wrong.map((o) => `${o.name}: ${o.reason}`)).toEqual([]);
    expect(of("timeout").map((o) => o.name)).toEqual([]);
    // Whatever stops says so with a diagnostic.
    expect(of("error").filter((o) => !/^[a-z]+\/[a-z-]+: /.test(o.reason))).toEqual([]);
    expect(of("pass").length).toBeGreaterThanOrEqual(passing);
  });
});
