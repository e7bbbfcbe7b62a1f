/** Scaled sums, rounded by adding: the same integers as by rounding and converting, and fewer ops. */
import { describe, expect, it } from "vitest";
import { interpret } from "../../ir/interpret.ts";
import { NDArray } from "../../support/ndarray.ts";
import { runPasses } from "../support/compile.ts";
import { moduleOf } from "../support/run.ts";

const text = (low: number, high: number, zero: number): string => `
func.func @f(%x: vector<4xi32>, %m: vector<4xf32>) -> vector<4xi16> {
  %low = arith.constant dense<${low}> : vector<4xi32>
  %high = arith.constant dense<${high}> : vector<4xi32>
  %zero = arith.constant dense<${zero}> : vector<4xi32>
  %0 = arith.sitofp %x : vector<4xi32> to vector<4xf32>
  %1 = arith.mulf %0, %m : vector<4xf32>
  %2 = math.roundeven %1 : vector<4xf32>
  %3 = arith.fptosi %2 : vector<4xf32> to vector<4xi32>
  %4 = arith.maxsi %3, %low : vector<4xi32>
  %5 = arith.minsi %4, %high : vector<4xi32>
  %6 = arith.addi %5, %zero : vector<4xi32>
  %7 = arith.trunci %6 : vector<4xi32> to vector<4xi8>
  %8 = arith.extsi %7 : vector<4xi8> to vector<4xi16>
  return %8 : vector<4xi16>
}`;

const sums = [
  0,
  1,
  -1,
  3,
  5,
  7,
  -3,
  -5,
  255,
  256,
  -257,
  1000,
  -1000,
  2 ** 31 - 1,
  -(2 ** 31),
  8388607,
  127,
  129,
  -129,
  63,
];

describe("kernel-round-sums", () => {
  it.each([
    [-128, 127, 0],
    [-133, 122, 5],
    [0, 127, 0],
  ])("between %d and %d, then %d more", (low, high, zero) => {
    const [plain, quick] = [moduleOf(text(low, high, zero)), moduleOf(text(low, high, zero))];
    runPasses(quick, "builtin.module(func.func(kernel-round-sums))");
    const names: string[] = [];
    quick.walk((op) => {
      names.push(op.name);
    });
    for (const gone of ["math.roundeven", "arith.fptosi", "arith.extsi"]) expect(names).not.toContain(gone);
    const seen = new Set<unknown>();
    for (let i = 0; i + 4 <= sums.length; i += 4) {
      for (const by of [0.5, 0.1, 0.25, 1.5, 1e-9, 3e30, 0.0078125]) {
        const given = [
          NDArray.from("i32", [4], sums.slice(i, i + 4)),
          NDArray.from("f32", [4], new Array(4).fill(Math.fround(by))),
        ];
        const expected = [...(interpret(plain, "f", given)[0] as NDArray).values()];
        expect([...(interpret(quick, "f", given)[0] as NDArray).values()]).toEqual(expected);
        for (const v of expected) seen.add(v);
      }
    }
    expect(seen.size).toBeGreaterThan(8);
  });

  it("leaves numbers alone that may be no numbers, and ranges that floats do not hold", () => {
    const loaded = text(-128, 127, 0).replace(
      "arith.sitofp %x : vector<4xi32> to vector<4xf32>",
      "arith.addf %m, %m : vector<4xf32>",
    );
    for (const t of [loaded, text(-(2 ** 30), 2 ** 30, 0)]) {
      const module = moduleOf(t);
      runPasses(module, "builtin.module(func.func(kernel-round-sums))");
      const names: string[] = [];
      module.walk((op) => {
        names.push(op.name);
      });
      expect(names).toContain("math.roundeven");
    }
  });

  it.each(["vector<4x", ""])("leaves out what is cut off, widened, and taken away again (%si8)", (shape) => {
    const type = (e: string): string => (shape === "" ? e : `${shape}${e}>`);
    const number = (n: number): string => (shape === "" ? `${n} : i32` : `dense<${n}> : ${type("i32")}`);
    const of = (high: number, less: number): string => `
func.func @f(%x: ${type("i32")}) -> ${type("i32")} {
  %low = arith.constant ${number(-100)}
  %high = arith.constant ${number(high)}
  %more = arith.constant ${number(100)}
  %less = arith.constant ${number(less)}
  %0 = arith.maxsi %x, %low : ${type("i32")}
  %1 = arith.minsi %0, %high : ${type("i32")}
  %2 = arith.addi %1, %more : ${type("i32")}
  %3 = arith.trunci %2 : ${type("i32")} to ${type("i8")}
  %4 = arith.extui %3 : ${type("i8")} to ${type("i32")}
  %5 = arith.subi %4, %less : ${type("i32")}
  return %5 : ${type("i32")}
}`;
    const left = (text: string): string[] => {
      const [plain, quick] = [moduleOf(text), moduleOf(text)];
      runPasses(quick, "builtin.module(func.func(kernel-round-sums{adding=false}))");
      for (const n of [-1000, -101, -100, -1, 0, 77, 154, 155, 156, 157, 1000]) {
        const given = shape === "" ? n : NDArray.from("i32", [4], [n, n + 1, n - 1, -n]);
        expect(interpret(quick, "f", [given])).toEqual(interpret(plain, "f", [given]));
      }
      const names: string[] = [];
      quick.walk((op) => {
        names.push(op.name.replace("arith.", ""));
      });
      return names.filter((n) => ["addi", "trunci", "extui", "subi"].includes(n));
    };
    expect(left(of(155, 100))).toEqual([]);
    expect(left(of(155, 99))).toEqual(["addi", "subi"]);
    expect(left(of(156, 100))).toEqual(["addi", "trunci", "extui", "subi"]);
  });
});
