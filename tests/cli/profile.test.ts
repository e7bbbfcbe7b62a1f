import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { bundledCli } from "./sluice.ts";

const sluice = bundledCli();
const folder = mkdtempSync(join(tmpdir(), "sluice-profile-"));
afterAll(() => rmSync(folder, { recursive: true }));

const digits = "examples/digits/digits.onnx";
const quick = ["--runs", "3", "--warm", "10"];

it("profile prints a table and writes reports", () => {
  const { code, out } = sluice(["profile", digits, ...quick, "--by", "operator", "-o", folder]);
  expect(code).toBe(0);
  expect(out).toMatch(/^operator +calls +ms +share/m);
  expect(out).toContain("Conv + Relu");
  const page = readFileSync(join(folder, "profile.html"), "utf8");
  for (const tab of ["Overview", "Operators", "Kernels", "Nodes", "Trace", "Memory"])
    expect(page).toContain(`>${tab}</button>`);
  // One file: nothing is fetched.
  expect(page).not.toMatch(/\b(src|href)=/);
  expect(page).not.toContain("NaN");
  const trace = JSON.parse(readFileSync(join(folder, "trace.json"), "utf8")) as { traceEvents: unknown[] };
  expect(trace.traceEvents.length).toBeGreaterThan(10);
  const profile = JSON.parse(readFileSync(join(folder, "profile.json"), "utf8")) as { steps: unknown[] };
  expect(profile.steps.length).toBeGreaterThan(3);
});

it("profile says where a model that cannot be read is at fault", () => {
  for (const path of ["no.onnx", join(folder, "no", "no.onnx")]) {
    const { code, err } = sluice(["profile", path]);
    expect(code).toBe(1);
    expect(err).toContain("error[cli/file]");
  }
});

const hasCompiler = ["cc", "gcc", "clang"].some((cc) => spawnSync(cc, ["--version"]).status === 0);
it.skipIf(!hasCompiler)("profile builds C for this machine, and its steps fill the run", () => {
  const { code, out, err } = sluice(["profile", digits, "--target", "c", "--json", ...quick]);
  expect(err).toBe("");
  expect(code).toBe(0);
  const { steps, wall, target } = JSON.parse(out) as {
    steps: { ns: number }[];
    wall: number;
    target: string;
  };
  expect(target).toBe("c");
  expect(steps.length).toBeGreaterThan(3);
  const inSteps = steps.reduce((n, s) => n + s.ns / 1e6, 0);
  expect(inSteps).toBeGreaterThan(0);
  expect(inSteps).toBeLessThanOrEqual(1.5 * wall);
});

it("profile says what running on WebGPU takes where it is missing", () => {
  // No packages are installed beside this folder.
  const { code, err } = sluice(["profile", join(process.cwd(), digits), "--target", "wgsl", ...quick], "", folder);
  expect(code).toBe(1);
  expect(err).toContain("error[webgpu/missing]: running on WebGPU needs the package webgpu: npm install webgpu");
});
