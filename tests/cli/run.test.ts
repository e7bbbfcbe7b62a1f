import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readNpy, writeNpy } from "../../cli/npy.ts";
import { NDArray } from "../../index.ts";
import { bundledCli } from "./sluice.ts";

const sluice = bundledCli();
const folder = mkdtempSync(join(tmpdir(), "sluice-run-"));
afterAll(() => rmSync(folder, { recursive: true }));

const program = `func.func @main() -> (i32, tensor<2xf32>) {
  %0 = arith.constant 7 : i32
  vector.print %0 : i32
  %1 = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  return %0, %1 : i32, tensor<2xf32>
}
func.func @twice(%x: tensor<2xf32>) -> tensor<2xf32> {
  %0 = arith.addf %x, %x : tensor<2xf32>
  return %0 : tensor<2xf32>
}
func.func @quotient(%a: i32, %b: i32) -> i32 {
  %0 = arith.divsi %a, %b : i32
  return %0 : i32
}
func.func private @printMemrefI32(memref<*xi32>)
func.func @show() {
  %m = memref.alloc() : memref<2xi32>
  %c = arith.constant 5 : i32
  %i = arith.constant 0 : index
  %j = arith.constant 1 : index
  memref.store %c, %m[%i] : memref<2xi32>
  memref.store %c, %m[%j] : memref<2xi32>
  %u = memref.cast %m : memref<2xi32> to memref<*xi32>
  call @printMemrefI32(%u) : (memref<*xi32>) -> ()
  return
}
func.func @forever() {
  %t = arith.constant true
  scf.while : () -> () {
    scf.condition(%t)
  } do {
    scf.yield
  }
  return
}
`;
const run = (...args: string[]) => sluice(["run", "-", ...args], program);

describe("sluice run", () => {
  it("runs @main and prints what it prints, and its results", () => {
    expect(run()).toEqual({
      code: 0,
      out: "7\n7 : i32\ndense<[1.000000e+00, 2.000000e+00]> : tensor<2xf32>\n",
      err: "",
    });
  });

  it("runs an entry on arguments", () => {
    expect(run("@quotient", "-7", "2").out).toBe("-3 : i32\n");
    expect(run("@twice", "dense<[1.5, 2.0]> : tensor<2xf32>").out).toBe(
      "dense<[3.000000e+00, 4.000000e+00]> : tensor<2xf32>\n",
    );
  });

  it("reads and writes .npy", () => {
    const input = join(folder, "x.npy");
    const output = join(folder, "y.npy");
    writeFileSync(input, writeNpy(NDArray.from("f32", [2], [0.5, -1])));
    expect(run("@twice", input, "-o", output)).toEqual({ code: 0, out: "", err: "" });
    expect(readNpy(readFileSync(output))).toEqual(NDArray.from("f32", [2], [1, -2]));
  });

  it("gives programs the functions of MLIR's runner library", () => {
    expect(run("@show").out).toContain("[5,  5]");
  });

  it("transforms the program first", () => {
    expect(run("@quotient", "8", "2", "--pass-pipeline=canonicalize").out).toBe("4 : i32\n");
  });

  it("reports what the program does wrong, with its place", () => {
    const { code, out, err } = run("@quotient", "1", "0");
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(err).toContain("error[run/fault]");
    expect(err).toContain("<stdin>:12:8");
  });

  it("stops a program that never ends", () => {
    expect(run("@forever", "--max-steps=1000").err).toContain("error[run/fault]");
  });

  it("reports wrong entries and arguments", () => {
    for (const args of [
      ["@qoutient", "1", "2"],
      ["@quotient", "1"],
      ["@quotient", "1", "2.5"],
      ["@twice", "none.npy"],
    ]) {
      const { code, err } = run(...args);
      expect(code, args.join(" ")).toBe(1);
      expect(err).toMatch(/error\[(run\/arguments|cli\/file)\]/);
    }
    expect(run("@qoutient", "1", "2").err).toContain("did you mean '@quotient'?");
  });
});
