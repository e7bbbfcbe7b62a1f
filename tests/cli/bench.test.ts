import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { bundledCli } from "./sluice.ts";

const sluice = bundledCli();
const folder = mkdtempSync(join(tmpdir(), "sluice-bench-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

const digits = "examples/digits/digits.onnx";
const quick = ["--rounds", "2", "--budget", "10", "--warm", "10"];

/** A runtime that answers what it is told. */
function adapter(name: string, run: string): string {
  const file = join(folder, name);
  writeFileSync(
    file,
    `export async function load(bytes, entry, { inputs, threads, scale }) {
  if (bytes.length < 1000 || entry.inputs[0].dims.join() !== "1,1,28,28" || inputs.image.length !== 784) throw new Error("not what was agreed");
  return { run: () => ${run}, info: { convertMs: 0, threads, scale } };
}
`,
  );
  return file;
}

describe("sluice bench", () => {
  it("measures contenders side by side, and compares what they answer", () => {
    const json = join(folder, "r.json");
    const html = join(folder, "r.html");
    const other = adapter("other.mjs", "[new Float32Array(10)]");
    const { code, out } = sluice([
      "bench",
      digits,
      ...quick,
      "--vs",
      `${other}:scale=2`,
      "--json",
      json,
      "--html",
      html,
    ]);
    expect(out).toMatch(/^sluice \([\w-]+\) +[\d.e-]+ +[\d.e-]+ +[\d.e-]+ +1\.00x/m);
    expect(out).toContain("other.mjs:scale=2");
    expect(code).toBe(0);
    const report = JSON.parse(readFileSync(json, "utf8")) as {
      roof: { flops: number };
      models: { macs: number; results: { label: string; timing: Record<string, number>; info: object }[] }[];
    };
    const [ours, theirs] = report.models[0]!.results;
    expect(ours!.timing.runs).toBeGreaterThanOrEqual(4);
    expect(ours!.timing.min).toBeLessThanOrEqual(ours!.timing.median!);
    expect(ours!.timing.median).toBeLessThanOrEqual(ours!.timing.p99!);
    expect(ours!.timing.difference).toBe(0);
    // It answered zeros: as far off as the largest output is large.
    expect(theirs!.timing.difference).toBeCloseTo(1, 5);
    expect(theirs!.info).toMatchObject({ threads: 1, scale: "2" });
    expect(report.models[0]!.macs).toBeGreaterThan(100_000);
    const page = readFileSync(html, "utf8");
    for (const tab of ["Latency", "Cold start", "Tables"]) expect(page).toContain(`>${tab}</button>`);
    expect(page).not.toContain("NaN");
  });

  it("goes on without a contender that fails, and says why", () => {
    const broken = adapter("broken.mjs", "(() => { throw new Error('out of order'); })()");
    const { code, out } = sluice(["bench", digits, ...quick, "--vs", `ort-web,${broken}`]);
    expect(code).toBe(1);
    expect(out).toContain("ort-web needs the package onnxruntime-web: npm install onnxruntime-web");
    expect(out).toContain("broken.mjs: not measured: out of order");
    expect(out).toMatch(/^sluice +/m);
  });

  it("refuses runtimes that it does not know", () => {
    const { code, err } = sluice(["bench", digits, ...quick, "--vs", "tensorrt"]);
    expect(code).toBe(2);
    expect(err).toContain("ort-web, ort-node, litert, tfjs");
  });
});
