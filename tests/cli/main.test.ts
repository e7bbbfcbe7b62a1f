import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { codes, version } from "../../index.ts";
import { bundledCli } from "./sluice.ts";

const sluice = bundledCli();

describe("sluice", () => {
  it("tells its version, which is the package's", () => {
    const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(version).toBe(manifest.version);
    expect(sluice(["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
  });

  it("lists its commands", () => {
    const { code, out } = sluice(["--help"]);
    expect(code).toBe(0);
    expect(out).toContain("explain");
    expect(sluice([]).out).toBe(out);
  });

  it("names the command that may be meant", () => {
    const { code, out, err } = sluice(["explian"]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain("cli/usage");
    expect(err).toContain("did you mean 'explain'?");
  });

  it("refuses flags that a command does not have", () => {
    const { code, err } = sluice(["explain", "--frobnicate"]);
    expect(code).toBe(2);
    expect(err).toContain("--frobnicate");
  });
});

describe("sluice explain", () => {
  it("explains a code, also as messages show it", () => {
    const { code, out } = sluice(["explain", "verify/dominance"]);
    expect(code).toBe(0);
    expect(out).toContain(codes["verify/dominance"].title);
    expect(out).toContain(codes["verify/dominance"].mend);
    expect(sluice(["explain", "error[verify/dominance]"]).out).toBe(out);
  });

  it("lists all codes, or those that begin alike", () => {
    const all = sluice(["explain"]).out.trimEnd().split("\n");
    expect(all).toHaveLength(Object.keys(codes).length);
    const some = sluice(["explain", "run/"]).out.trimEnd().split("\n");
    expect(some).toHaveLength(Object.keys(codes).filter((c) => c.startsWith("run/")).length);
  });

  it("offers the nearest code", () => {
    const { code, err } = sluice(["explain", "verify/dominence"]);
    expect(code).toBe(2);
    expect(err).toContain("did you mean 'verify/dominance'?");
  });
});

describe("sluice dialect", () => {
  it("lists dialects and the ops of one, and describes an op", () => {
    expect(sluice(["dialect"]).out).toMatch(/^scf +Structured/m);
    expect(sluice(["dialect", "scf"]).out).toMatch(/^scf\.for +Counts/m);
    const { out } = sluice(["dialect", "arith.addi"]);
    expect(out).toContain("# `arith.addi`");
    expect(out).toContain("| operand | `lhs` |");
  });

  it("writes dialects of our own as IRDL", () => {
    expect(sluice(["dialect", "--irdl", "graph"]).out).toContain("irdl.dialect @graph {");
    expect(sluice(["dialect", "--irdl", "graph", "--mlir-version=22"]).out).toContain("irdl.operands(x: %0)");
    expect(sluice(["dialect", "--irdl", "arith"])).toMatchObject({ code: 2, out: "" });
  });

  it("offers the nearest name", () => {
    expect(sluice(["dialect", "arith.adi"]).err).toContain("did you mean 'arith.addi'?");
  });
});
