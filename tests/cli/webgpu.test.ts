import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { mixedModel } from "../support/mixed-model.ts";
import { bundledCli } from "./sluice.ts";

const sluice = bundledCli();
const folder = mkdtempSync(join(tmpdir(), "sluice-webgpu-"));
afterAll(() => rmSync(folder, { recursive: true }));

const digits = "examples/digits/digits.onnx";

describe("sluice compile --target wgsl", () => {
  it("tells dispatches, pipelines, and sizes of shaders and of memory", () => {
    const { code, out } = sluice(["compile", digits, "--target", "wgsl", "-o", join(folder, "wgsl")]);
    expect(code).toBe(0);
    for (const row of [/^ +dispatches +\d+$/m, /^ +pipelines +\d+$/m, /^ +WGSL +\d.* gzip\)$/m, /^ +GPU memory +\d/m]) {
      expect(out).toMatch(row);
    }
  });

  it("refuses a model that WebGPU cannot run whole, or cuts it if the host is allowed", () => {
    const model = join(folder, "mixed.onnx");
    writeFileSync(model, mixedModel());
    const refused = sluice(["compile", model, "--target", "wgsl", "-o", join(folder, "mixed")]);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain("error[target/unsupported]");
    expect(existsSync(join(folder, "mixed"))).toBe(false);
    const { code, out } = sluice(["compile", model, "--target", "wgsl", "--allow-host", "-o", join(folder, "mixed")]);
    expect(code).toBe(0);
    expect(out).toMatch(/^ +parts +device, host, device$/m);
    expect(out).toMatch(/^ +boundary +"r" to the host: float32 \[4, 8\], 128 B$/m);
    expect(existsSync(join(folder, "mixed/mixed.js"))).toBe(true);
  });
});
