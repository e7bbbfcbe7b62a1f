/** @file docs/conformance.md: counts, reasons, and sections that stay while others are run again. */
import { describe, expect, it } from "vitest";
import { pageOf } from "../../bench/conformance/page-text.ts";
import type { Outcome, Status } from "../../bench/conformance/run-case.ts";

const outcome = (name: string, status: Status, reason = "", specialized: readonly string[] = []): Outcome => ({
  name,
  status,
  reason,
  specialized,
  ms: 1,
});

const official = "Official suite, onnx 1.22";

describe("the page of conformance", () => {
  const page = pageOf(
    [
      {
        suite: official,
        target: "interpreter",
        outcomes: [
          outcome("node/test_add", "pass"),
          outcome("node/test_slice", "pass", "", ["starts"]),
          outcome("node/test_a", "unsupported", "onnx/unsupported-op: the operator A is not supported\nmore"),
          outcome("node/test_b", "unsupported", "onnx/unsupported-op: the operator A is not supported"),
          outcome("node/test_c", "fail", "y: 1 for 2 at element 0"),
        ],
      },
    ],
    "",
  );

  it("counts cases by status", () => {
    expect(page).toContain(`| **${official}** | interpreter | 5 | 2 | 1 | 0 | 0 | 2 | 1 |`);
  });

  it("lists the rest by reason, the most frequent first", () => {
    const lines = page.split("\n").filter((l) => l.startsWith("- "));
    expect(lines).toEqual([
      "- 2 × unsupported: onnx/unsupported-op: the operator A is not supported — a, b",
      "- 1 × fail: a value beyond the tolerance — c",
    ]);
  });

  it("counts what the target itself refuses, whatever the values are called", () => {
    const refused = (name: string, value: string): Outcome =>
      outcome(name, "unsupported", `target/unsupported: there are no numbers of 64 bits: "${value}" is float64`);
    const outcomes = [refused("node/test_a", "x"), refused("node/test_b", "data"), outcome("node/test_c", "pass")];
    const text = pageOf([{ suite: official, target: "wgsl", outcomes }], "");
    expect(text).toContain("Of what is unsupported, the target itself refuses 2.");
    expect(text).toContain(
      "- 2 × unsupported: target/unsupported: there are no numbers of 64 bits: a value is float64 — a, b",
    );
    expect(page).not.toContain("the target itself refuses");
  });

  it("keeps what is not run again", () => {
    const run = { suite: official, target: "wasm-simd", outcomes: [outcome("node/test_add", "pass")] };
    const both = pageOf([run], page);
    expect(both).toContain("| interpreter | 5 |");
    expect(both).toContain("| wasm-simd | 1 | 1 |");
    const again = pageOf([{ ...run, outcomes: [] }], both);
    expect(again).toContain("| wasm-simd | 0 | 0 |");
    expect(again).not.toContain("| wasm-simd | 1 | 1 |");
    expect(again).toContain("| interpreter | 5 |");
  });
});
