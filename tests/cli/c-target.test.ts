/** What the target c says of a model before anything is built, and what it refuses: one clear error each, nothing written. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeGraph, makeModel, makeNode, makeValue } from "../../onnx/make.ts";
import { writeModel } from "../../onnx/write.ts";
import { bundledCli } from "./sluice.ts";

const sluice = bundledCli();
const folder = mkdtempSync(join(tmpdir(), "sluice-c-target-"));
afterAll(() => rmSync(folder, { recursive: true }));

const digits = "examples/digits/digits.onnx";

describe("sluice report", () => {
  it("says RAM, flash, stack and work per layer, and writes nothing", () => {
    const empty = mkdtempSync(join(folder, "report-"));
    const { code, out, err } = sluice(["report", resolve(digits), "--cpu", "m4"], "", empty);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    for (const row of ["RAM, workspace", "RAM, inputs", "flash, weights", "flash, code", "stack", "MACs", "live"])
      expect(out).toContain(row);
    expect(out).toMatch(/^MACs +290,080$/m);
    expect(readdirSync(empty)).toEqual([]);
  });

  it("says the same to programs, with the buffers that live at each layer", () => {
    const { code, out } = sluice(["report", digits, "--cpu", "m4", "--opt", "ram", "--json"]);
    const report = JSON.parse(out) as { workspace: number; layers: { live: { offset: number; bytes: number }[] }[] };
    expect(code).toBe(0);
    const ends = report.layers.flatMap((l) => l.live.map((b) => b.offset + b.bytes));
    expect(Math.max(...ends)).toBeLessThanOrEqual(report.workspace);
    expect(Math.max(...ends)).toBeGreaterThan(report.workspace - 16);
  });

  it("counts inputs and outputs once where they lie in the workspace", () => {
    const takes = (...flags: string[]): { workspace: number; inputs: number; outputs: number } =>
      JSON.parse(sluice(["report", digits, "--cpu", "m4", "--json", ...flags]).out);
    const within = takes("--in-place-io");
    const limit = String(within.workspace);
    expect(sluice(["report", digits, "--cpu", "m4", "--in-place-io", "--ram", limit]).code).toBe(0);
    const apart = takes();
    const too = String(apart.workspace + apart.inputs + apart.outputs - 1);
    expect(sluice(["report", digits, "--cpu", "m4", "--ram", too]).err).toContain("error[target/limit]");
  });
});

describe("sluice compile --target c", () => {
  const compile = (...flags: string[]): { code: number | null; err: string; isWritten: boolean } => {
    const out = join(folder, "out");
    const { code, err } = sluice(["compile", digits, "--target", "c", "-o", out, ...flags]);
    return { code, err, isWritten: existsSync(out) };
  };
  const errors = (err: string): string[] => err.match(/^error\[[^\]]*\]/gm) ?? [];

  it.each([
    ["more RAM than there is", ["--ram", "1k"], ["error[target/limit]"], "the limit is 1024"],
    ["more flash than there is", ["--flash", "2k"], ["error[target/limit]"], "the limit is 2048"],
    [
      "more of both",
      ["--ram", "1k", "--flash", "2k"],
      ["error[target/limit]", "error[target/limit]"],
      "bytes of flash",
    ],
    ["a limit that is no number", ["--ram", "much"], ["error[cli/usage]"], "write 65536, 64k or 1M"],
    ["an unknown machine", ["--cpu", "m44"], ["error[cli/usage]"], 'did you mean "m4"?'],
    ["unknown semantics", ["--requant", "tflit"], ["error[cli/usage]"], 'did you mean "tflite"?'],
    ["an unknown aim", ["--opt", "sped"], ["error[cli/usage]"], 'did you mean "speed"?'],
    ["an unknown layout", ["--io", "nchv"], ["error[cli/usage]"], 'did you mean "nchw"?'],
    ["an unknown form of weights", ["--weights", "hex"], ["error[cli/usage]"], "hex"],
  ] as const)("refuses %s", (_what, flags, codes, message) => {
    const { code, err, isWritten } = compile(...flags);
    expect(errors(err)).toEqual(codes);
    expect(err).toContain(message);
    expect({ code: code !== 0, isWritten }).toEqual({ code: true, isWritten: false });
  });

  it("names the node of an operator that it cannot compute, for any machine", () => {
    const graph = makeGraph("places", {
      nodes: [makeNode("NonZero", ["x"], ["y"], {}, { name: "where" })],
      inputs: [makeValue("x", "float32", [2, 3])],
      outputs: [makeValue("y", "int64", [2, "n"])],
    });
    const model = join(folder, "places.onnx");
    writeFileSync(model, writeModel(makeModel(graph, 21)));
    const out = join(folder, "places");
    for (const cpu of ["m0", "x86-64-v3"]) {
      const { code, err } = sluice(["compile", model, "--target", "c", "--cpu", cpu, "-o", out]);
      expect(errors(err)).toHaveLength(1);
      expect(err).toContain('node 0 "where" (NonZero');
      expect({ code, isWritten: existsSync(out) }).toEqual({ code: 1, isWritten: false });
    }
  });

  it.each(["--opt=ram", "--io=nhwc", "--requant=tflite", "--in-place-io"])("alone takes %s", (flag) => {
    const out = join(folder, "wasm");
    const { code, err } = sluice(["compile", digits, "-o", out, flag]);
    expect(errors(err)).toEqual(["error[cli/usage]"]);
    expect({ code, isWritten: existsSync(out) }).toEqual({ code: 2, isWritten: false });
  });
});
