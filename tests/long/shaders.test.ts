/**
 * Shaders before their judges. What compiles of the official suite, each distinct shader once, must pass Tint (Chromium)
 * and Naga (Firefox); where threads share memory, a race detector runs a workgroup of each schedule. The SPIR-V of models
 * is read for what costs in inner loops. No device computes anything here; the SPIR-V takes a Vulkan driver.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findCases } from "../../bench/conformance/case.ts";
import { runAll } from "../../bench/conformance/pool.ts";
import type { Outcome } from "../../bench/conformance/run-case.ts";
import { shadersVariable } from "../../bench/conformance/wgsl-shaders.ts";
import { compile } from "../../index.ts";
import { writeModel } from "../../onnx/write.ts";
import { isForFeatures, nullBackend, onGpu, shadersOf } from "../support/gpu.ts";
import { nagaFault, racesOf, schedulesOf, shortened, spirvFacts, spirvOf } from "../support/judges.ts";
import { sharedPath } from "../support/shared.ts";
import { transformerModel } from "../support/transformer-model.ts";

const suite = sharedPath("data/onnx/onnx-1.22");
const real = sharedPath("data/onnx/real");
const driver = "/usr/share/vulkan/icd.d/lvp_icd.json";
const digits = fileURLToPath(new URL("../../examples/digits/digits.onnx", import.meta.url));

/** Models with much in them that the suite lacks: tiles at their full size, quantized layers, attention. */
const models = ["kws-micro-qdq", "squeezenet", "ultraface-rfb-320", "speech-transformer-mini"];

const modelShaders = async (path: string): Promise<readonly string[]> =>
  shadersOf(await compile(readFileSync(path), { target: "wgsl", file: "model.onnx" }));

describe.skipIf(!suite || !real)("all shaders of the official suite and of models (needs the suite)", () => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-shaders-"));
  const shaders: string[] = [];
  let outcomes: readonly Outcome[] = [];

  beforeAll(async () => {
    const cases = [...findCases(suite!), ...findCases(real!).filter((c) => models.includes(c.name))];
    const env = { [shadersVariable]: folder };
    outcomes = await runAll(cases, { target: "wgsl-shaders", workers: 2, limitMs: 120_000, env, done: () => {} });
    for (const file of readdirSync(folder)) shaders.push(readFileSync(join(folder, file), "utf8"));
  }, 1_000_000);

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("are many, and what is not compiled is refused with a diagnostic", () => {
    expect(outcomes.filter((o) => o.status === "pass").length).toBeGreaterThanOrEqual(1050);
    expect(outcomes.filter((o) => o.status === "timeout").map((o) => o.name)).toEqual([]);
    const broken = outcomes.filter((o) => o.status === "error" && !/^[a-z]+\/[a-z-]+: /.test(o.reason));
    expect(broken.map((o) => `${o.name}: ${o.reason}`)).toEqual([]);
    expect(shaders.length).toBeGreaterThan(500);
  });

  it("pass Tint", async () => {
    const { faults } = await onGpu({ options: nullBackend, validate: shaders });
    expect(faultsOf(shaders, faults!)).toEqual([]);
  });

  it("pass Naga, but for those for devices with features that it does not know", () => {
    const plain = shaders.filter((code) => !isForFeatures(code));
    expect(plain.length).toBeLessThan(shaders.length);
    const faults = plain.map((code) => [nagaFault(code) ?? []].flat());
    expect(faultsOf(plain, faults)).toEqual([]);
  });

  it("have no races where threads share memory", () => {
    const schedules = schedulesOf(shaders.filter((code) => !isForFeatures(code)));
    expect(schedules.length).toBeGreaterThan(5);
    expect(
      faultsOf(
        schedules,
        schedules.map((s) => racesOf(s)),
      ),
    ).toEqual([]);
  });
});

const faultsOf = (shaders: readonly string[], faults: readonly (readonly string[])[]): string[] =>
  faults.flatMap((f, i) => (f.length > 0 ? [`${f.slice(0, 3).join("\n")}\n${shaders[i]}`] : []));

describe("the judges", () => {
  const shared = async (): Promise<string> => {
    const found = schedulesOf(await modelShaders(digits))[0];
    expect(found).toBeDefined();
    return found!;
  };

  it("find a barrier that is missing", async () => {
    const code = await shared();
    expect(racesOf(code)).toEqual([]);
    const races = racesOf(code.replace("workgroupBarrier();", ""));
    expect(races.length).toBeGreaterThan(0);
  });

  it("end long loops and leave short ones", () => {
    expect(shortened("for (var v1: i32 = 0; v1 < 64 + i32(g.z >> 16u); v1 += 2) {")).toBe(
      "for (var v1: i32 = 0; v1 < 6 + i32(g.z >> 16u); v1 += 2) {",
    );
    expect(shortened("for (var v1 = 0; v1 < 64; v1++) {")).toBe("for (var v1 = 0; v1 < 3; v1++) {");
    expect(shortened("for (var v1 = 0; v1 < 2; v1++) {")).toBe("for (var v1 = 0; v1 < 2; v1++) {");
  });

  it("find what Naga refuses", () => {
    expect(nagaFault("@compute @workgroup_size(1) fn main() {}")).toBeUndefined();
    expect(nagaFault("@compute @workgroup_size(1) fn main() { let x: i32 = 1f; }")).toMatch(/type/);
  });
});

describe.skipIf(!existsSync(driver))("the SPIR-V of shaders (needs lavapipe)", () => {
  const env = { VK_DRIVER_FILES: driver };

  it("shows clamps and divisions in inner loops where there are some", async () => {
    const code = `@group(0) @binding(0) var<storage, read_write> b: array<i32>;
var<workgroup> s: array<i32, 8>;
@compute @workgroup_size(8)
fn main(@builtin(local_invocation_id) l: vec3u) {
  for (var i = 0; i < b[0]; i++) {
    for (var j = 0; j < b[1]; j++) { b[j] = s[b[2]] + j / b[3]; }
  }
}`;
    const [kept] = await spirvOf([code], "kept", env);
    const [trusted] = await spirvOf([code], "trusted", env);
    expect(spirvFacts(kept!)).toEqual({ clamps: 1, innerClamps: 1, innerDivisions: 1 });
    expect(spirvFacts(trusted!)).toEqual({ clamps: 0, innerClamps: 0, innerDivisions: 1 });
  });

  /** Nothing that keeps an index in bounds, no division in an inner loop: only what the shaders say themselves. */
  async function expectLean(shaders: readonly string[]): Promise<void> {
    const kept = await spirvOf(shaders, "kept", env);
    const trusted = await spirvOf(shaders, "trusted", env);
    expect([kept.length, trusted.length]).toEqual([shaders.length, shaders.length]);
    shaders.forEach((code, i) => {
      const facts = spirvFacts(kept[i]!);
      expect(facts.innerDivisions, code).toBe(0);
      // What subgroups have put down is read in turns that depend on their size: an access for each sum, in a few turns.
      const unknown = isForFeatures(code) ? code.match(/var<workgroup>/g)!.length : 0;
      expect(facts.clamps - spirvFacts(trusted[i]!).clamps, code).toBe(unknown);
      expect(facts.innerClamps, code).toBe(unknown);
    });
  }

  const transformer = (): Uint8Array =>
    writeModel(transformerModel({ image: 32, width: 128, heads: 2, layers: 2, classes: 10 }));
  const read: (readonly [string, () => Uint8Array])[] = [
    ["digits", () => readFileSync(digits)],
    ["a transformer of images", transformer],
    ...(real ? models.map((n) => [n, () => readFileSync(join(real, n, "model.onnx"))] as const) : []),
  ];

  it.each(read)("of %s divides no integers in inner loops, and adds no clamps to accesses", async (_name, bytes) => {
    await expectLean(shadersOf(await compile(bytes(), { target: "wgsl", file: "model.onnx" })));
  });
});
