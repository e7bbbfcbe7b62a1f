import { expect, it } from "vitest";
import { memrefText, runnerLibrary } from "../../dialects/runner.ts";
import { NDArray } from "../../support/ndarray.ts";
import { run } from "../support/run.ts";

it("shows memrefs with their layout, rows indented by their depth", () => {
  const a = NDArray.from("f32", [2, 2, 2], [1, 2, 3, 4, 5, 6, 0.5, 8]);
  expect(memrefText(a.view([0, 0, 1], [2, 2, 1]), String)).toBe(
    "Unranked Memref base@ = PTR rank = 3 offset = 1 sizes = [2, 2, 1] strides = [4, 2, 1] data = \n" +
      "[[[2], \n  [4]], \n [[6], \n  [8]]]\n",
  );
  expect(memrefText(NDArray.from("i32", [], [7]), String)).toContain(
    "rank = 0 offset = 0 sizes = [] strides = [] data = \n[7]\n",
  );
});

it("prints numbers as C does, bytes as characters, and counts differences", () => {
  let out = "";
  const text = `
    func.func private @printF64(f64)
    func.func private @printU64(i64)
    func.func private @printNewline()
    func.func private @printMemrefI8(memref<*xi8>)
    func.func private @verifyMemRefI8(memref<*xi8>, memref<*xi8>) -> i64
    func.func @f(%x: f64, %n: i64, %a: memref<2xi8>, %b: memref<2xi8>) -> i64 {
      call @printF64(%x) : (f64) -> ()
      call @printNewline() : () -> ()
      call @printU64(%n) : (i64) -> ()
      call @printNewline() : () -> ()
      %0 = memref.cast %a : memref<2xi8> to memref<*xi8>
      %1 = memref.cast %b : memref<2xi8> to memref<*xi8>
      call @printMemrefI8(%0) : (memref<*xi8>) -> ()
      %2 = call @verifyMemRefI8(%0, %1) : (memref<*xi8>, memref<*xi8>) -> i64
      return %2 : i64
    }`;
  const [a, b] = [NDArray.from("i8", [2], [72, 105]), NDArray.from("i8", [2], [72, 5])];
  const print = (t: string) => {
    out += t;
  };
  expect(run(text, [1 / 3, -1n, a, b], { print, externals: runnerLibrary })).toEqual([1n]);
  expect(out).toMatch(/^0\.333333\n18446744073709551615\nUnranked Memref .*\n\[H, {2}i\]\n$/);
});
