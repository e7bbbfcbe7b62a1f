/**
 * The official suite on WebGPU, computed by lavapipe (Vulkan by software): no wrong answer, nothing that breaks, and no fewer
 * passes. With subgroups of 4 threads all cases but whole networks, which lavapipe compiles for minutes; with subgroups of
 * 8 every eighth case. `.ci/run` installs the driver.
 */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { findCases } from "../../bench/conformance/case.ts";
import { runAll } from "../../bench/conformance/pool.ts";
import type { Outcome, Status } from "../../bench/conformance/run-case.ts";
import { sharedPath } from "../support/shared.ts";

const folder = sharedPath("data/onnx/onnx-1.22");
const driver = "/usr/share/vulkan/icd.d/lvp_icd.json";

/** So many pass at least; docs/conformance.md lists the others. */
const passing = 1650;

describe.skipIf(!folder || !existsSync(driver))("the official suite on lavapipe (needs the suite and lavapipe)", () => {
  const cases = folder ? findCases(folder).filter((c) => !c.name.startsWith("light/")) : [];

  it.each([
    ["4", "128", cases, passing],
    ["8", "256", cases.filter((_, i) => i % 8 === 0), Math.floor(passing / 8) - 10],
  ])("with subgroups of %s threads passes as recorded", async (_size, bits, chosen, least) => {
    const env = { VK_DRIVER_FILES: driver, LP_NATIVE_VECTOR_WIDTH: bits };
    const outcomes = await runAll(chosen, { target: "wgsl", workers: 2, limitMs: 120_000, env, done: () => {} });
    const of = (s: Status): Outcome[] => outcomes.filter((o) => o.status === s);
    const named = (list: readonly Outcome[]): string[] => list.map((o) => `${o.name}: ${o.reason}`);
    expect(named(of("fail"))).toEqual([]);
    expect(named(of("timeout"))).toEqual([]);
    // Whatever stops says so with a diagnostic.
    expect(named(of("error").filter((o) => !/^[a-z]+\/[a-z-]+: /.test(o.reason)))).toEqual([]);
    expect(of("pass").length).toBeGreaterThanOrEqual(least);
  });
});
