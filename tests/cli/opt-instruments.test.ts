import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { bundledCli } from "./sluice.ts";

const sluice = bundledCli();
const folder = mkdtempSync(join(tmpdir(), "sluice-watch-"));
afterAll(() => rmSync(folder, { recursive: true }));

const program = `func.func @f(%x: i32) -> i32 {
  %c0 = arith.constant 0 : i32
  %0 = arith.addi %x, %c0 : i32
  return %0 : i32
}
`;
const both = ["--canonicalize", "--cse"];

describe("printing", () => {
  it("shows the program after passes, under MLIR's banners", () => {
    const { code, err } = sluice(["opt", ...both, "--print-after-all"], program);
    expect(code).toBe(0);
    expect(err.match(/^\/\/ -----\/\/ IR Dump .*$/gm)).toEqual([
      "// -----// IR Dump After Canonicalize (canonicalize) //----- //",
      "// -----// IR Dump After Cse (cse) //----- //",
    ]);
    expect(sluice(["opt", ...both, "--mlir-print-ir-after-all"], program).err).toBe(err);
  });

  it("shows it before and after those that are named", () => {
    const dumps = (...flags: string[]) => sluice(["opt", ...both, ...flags], program).err.match(/Dump \w+ \w+/g);
    expect(dumps("--print-after=cse")).toEqual(["Dump After Cse"]);
    expect(dumps("--print-before=canonicalize")).toEqual(["Dump Before Canonicalize"]);
    expect(dumps("--print-before-all", "--print-after=cse")).toEqual([
      "Dump Before Canonicalize",
      "Dump Before Cse",
      "Dump After Cse",
    ]);
    expect(dumps("--mlir-print-ir-after-all", "--mlir-print-ir-after-change")).toEqual(["Dump After Canonicalize"]);
  });

  it("shows what changed", () => {
    const { err } = sluice(["opt", ...both, "--print-changed"], program);
    expect(err).toContain("-    %0 = arith.addi %arg0, %c0_i32 : i32\n");
    expect(err).not.toContain("Cse");
  });
});

describe("what passes took and counted", () => {
  it("is told", () => {
    const { err } = sluice(["opt", "--pass-pipeline=builtin.module(func.func(canonicalize,cse))", "--timing"], program);
    expect(err).toMatch(/'func\.func' Pipeline\n.* canonicalize\n.* cse\n.*Total\n$/);
    expect(sluice(["opt", ...both, "--pass-statistics"], program).err).toMatch(/^canonicalize\n {2}\(S\) +\d+ /m);
  });
});

describe("comparing", () => {
  it("runs the functions before and after each pass", () => {
    expect(sluice(["opt", ...both, "--evaluate-each"], program)).toMatchObject({ code: 0, err: "" });
    expect(
      sluice(["opt", ...both, "--evaluate-each=10", "--evaluate-ulps=4", "--verify-each=false"], program).code,
    ).toBe(0);
  });

  it("finds no wrong pass where there is none", () => {
    expect(sluice(["opt", ...both, "--bisect"], program).err).toBe("all 2 passes are good on 2 runs\n");
  });
});

describe("keeping", () => {
  it("writes the program after each pass that changed it", () => {
    const dumps = join(folder, "dumps");
    sluice(["opt", ...both, `--dump-dir=${dumps}`], program);
    expect(readdirSync(dumps)).toEqual(["00-input.mlir", "01-canonicalize.mlir"]);
    sluice(["opt", ...both, "--split-input-file", `--dump-dir=${dumps}`], `${program}// -----\n${program}`);
    expect(readdirSync(join(dumps, "section-2"))).toEqual(["00-input.mlir", "01-canonicalize.mlir"]);
  });

  it("runs reproducers", () => {
    const file = join(folder, "reproducer.mlir");
    const tail =
      '{-# external_resources: { mlir_reproducer: { pipeline: "builtin.module(canonicalize)", verify_each: true } } #-}';
    writeFileSync(file, `${program}${tail}\n`);
    expect(sluice(["opt", "--run-reproducer", file]).out).not.toContain("addi");
    expect(sluice(["opt", "--run-reproducer"], program)).toMatchObject({ code: 2, out: "" });
  });
});
