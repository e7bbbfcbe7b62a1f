/** The affine and bufferization dialects: bounds, conditions, accesses, and which values maps may be applied to. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as affine from "../../dialects/affine/index.ts";
import { add, affineMap, constant, dim, evaluateMap, floordiv, mod, mul, symbol } from "../../ir/affine.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { loopLike } from "../../ir/interfaces.ts";
import { index } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { print } from "../../text/printer.ts";
import { build } from "../support/build.ts";
import { errorsOf, faultOf, moduleOf, run } from "../support/run.ts";

const counting = (...shape: number[]): NDArray =>
  NDArray.from(
    "i32",
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
  );

/** Text that reads and prints as itself. */
function expectFixpoint(text: string): void {
  expect(print(moduleOf(text))).toBe(text);
}

describe("maps", () => {
  it("are applied, rounding towards minus infinity", () => {
    const map = affineMap(2, 1, [
      add(floordiv(dim(0), constant(3)), mod(dim(1), constant(4))),
      add(mul(dim(0), constant(-2)), symbol(0)),
    ]);
    const f = build([index, index, index], (b, x, y, s) => [
      affine.min(b, [x!, y!, s!], { map }),
      affine.max(b, [x!, y!, s!], { map }),
      affine.apply(b, [x!, y!, s!], { map: affineMap(2, 1, map.results.slice(0, 1)) }),
    ]);
    const small = fc.integer({ min: -20, max: 20 });
    fc.assert(
      fc.property(small, small, small, (x, y, s) => {
        const [a, b] = evaluateMap(map, [x, y], [s]) as [number, number];
        expect(f(x, y, s)).toEqual([Math.min(a, b), Math.max(a, b), Math.floor(x / 3) + (((y % 4) + 4) % 4)]);
      }),
    );
  });

  it("take a linear index apart", () => {
    const text = `func.func @f(%i: index, %a: index, %b: index) -> (index, index, index) {
      %0:3 = affine.delinearize_index %i into (%a, %a, %b) : index, index, index
      return %0#0, %0#1, %0#2 : index, index, index
    }`;
    expect(run(text, [23, 3, 4])).toEqual([1, 2, 3]);
    expect(faultOf(text, [23, 3, 0])).toMatch(/not positive/);
  });
});

describe("loops", () => {
  it("run from the greatest lower bound to the least upper bound", () => {
    const lower = affineMap(1, 0, [dim(0), constant(2)]);
    const upper = affineMap(0, 1, [symbol(0), constant(9)]);
    fc.assert(
      fc.property(
        fc.integer({ min: -3, max: 6 }),
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 1, max: 4 }),
        (lo, hi, step) => {
          const f = build([index, index, index], (b, l, u, zero) =>
            affine.for(b, [l!], [u!], [zero!], {
              lowerBoundMap: lower,
              upperBoundMap: upper,
              step,
              region: (inner: Builder, i: Value, sum: Value) => [
                affine.apply(inner, [i, sum], { map: affineMap(2, 0, [add(dim(0), dim(1))]) }),
              ],
            }),
          );
          let sum = 0;
          for (let i = Math.max(lo, 2); i < Math.min(hi, 9); i += step) sum += i;
          expect(f(lo, hi, 0)).toEqual([sum]);
        },
      ),
    );
  });

  it("tell passes their bounds where they are simple", () => {
    const module = moduleOf(`func.func @f(%n: index) {
      affine.for %i = 3 to %n step 2 { }
      affine.for %i = max affine_map<(d0) -> (d0, 1)>(%n) to 5 { }
      return
    }`);
    const bounds: unknown[] = [];
    module.walk((op) => {
      const loop = loopLike.of(op);
      if (loop) bounds.push(loop.bounds(op));
    });
    const n = module.region().entry.first!.region().entry.args[0];
    expect(bounds).toEqual([{ lower: 3, upper: n, step: 2 }, undefined]);
  });

  it("run boxes in parallel and reduce what they yield", () => {
    const text = `func.func @f(%n: index, %m: memref<4x6xi32>) -> (i32, i32) {
      %0:2 = affine.parallel (%i, %j) = (0, 1) to (min(%n, 4), 6) step (1, 2) reduce ("addi", "maxs") -> (i32, i32) {
        %1 = affine.load %m[%i, %j] : memref<4x6xi32>
        affine.yield %1, %1 : i32, i32
      }
      return %0#0, %0#1 : i32, i32
    }`;
    const m = counting(4, 6);
    expect(run(text, [2, m])).toEqual([1 + 3 + 5 + 7 + 9 + 11, 11]);
    expect(run(text, [9, m])[1]).toBe(23);
    expect(run(text, [0, m])).toEqual([0, -(2 ** 31)]);
  });

  it("choose by integer sets", () => {
    const text = `#set = affine_set<(d0)[s0] : (d0 - 2 >= 0, s0 - d0 >= 0, d0 mod 2 == 0)>
    func.func @f(%n: index) -> i32 {
      %c0 = arith.constant 0 : i32
      %c1 = arith.constant 1 : i32
      %0 = affine.for %i = 0 to 10 iter_args(%x = %c0) -> (i32) {
        %1 = affine.if #set(%i)[%n] -> i32 {
          %2 = arith.addi %x, %c1 : i32
          affine.yield %2 : i32
        } else {
          affine.yield %x : i32
        }
        affine.yield %1 : i32
      }
      return %0 : i32
    }`;
    expect([0, 2, 5, 6, 100].map((n) => run(text, [n])[0])).toEqual([0, 1, 2, 3, 4]);
  });
});

describe("accesses", () => {
  it("have affine subscripts, checked", () => {
    const text = `func.func @f(%m: memref<4x4xi32>, %n: index) -> vector<2xi32> {
      affine.for %i = 0 to 2 {
        %0 = affine.load %m[%i + 1, symbol(%n) - %i] : memref<4x4xi32>
        affine.store %0, %m[%i, 0] : memref<4x4xi32>
      }
      %1 = affine.vector_load %m[0, symbol(%n) - 1] : memref<4x4xi32>, vector<2xi32>
      affine.vector_store %1, %m[3, 2] : memref<4x4xi32>, vector<2xi32>
      return %1 : vector<2xi32>
    }`;
    const m = counting(4, 4);
    expect((run(text, [m, 2])[0] as NDArray).values()).toEqual([1, 2]);
    expect(m.values()).toEqual([6, 1, 2, 3, 9, 5, 6, 7, 8, 9, 10, 11, 12, 13, 1, 2]);
    expect(faultOf(text, [counting(4, 4), 4])).toMatch(/index 4 is out of bounds: dimension 1/);
  });

  it("move memory with affine subscripts", () => {
    const t = counting(8);
    run(
      `func.func @f(%s: memref<8xi32>, %t: memref<8xi32>, %tag: memref<1xi32>, %n: index) {
        affine.dma_start %s[symbol(%n) + 1], %t[0], %tag[0], %n : memref<8xi32>, memref<8xi32>, memref<1xi32>
        affine.dma_wait %tag[0], %n : memref<1xi32>
        return
      }`,
      [counting(8), t, counting(1), 3],
    );
    expect(t.values()).toEqual([4, 5, 6, 3, 4, 5, 6, 7]);
  });

  it("take symbols and dimensions only where MLIR does", () => {
    const f = (body: string): string[] =>
      errorsOf(`func.func @f(%m: memref<?xf32>, %n: index) {\n%c0 = arith.constant 0 : index\n${body}\nreturn\n}`);
    const load = (subscript: string): string => `%0 = affine.load %m[${subscript}] : memref<?xf32>`;
    // Arguments, constants, sizes, and affine.apply of them.
    expect(f(load("symbol(%n)"))).toEqual([]);
    expect(f(`%d = memref.dim %m, %c0 : memref<?xf32>\n${load("%d")}`)).toEqual([]);
    expect(f(`affine.for %i = 0 to 4 {\n%j = affine.apply affine_map<(d0) -> (d0 + 1)>(%i)\n${load("%j")}\n}`)).toEqual(
      [],
    );
    // A size of memory made inside, of a size that is a symbol.
    const inside = (size: string): string =>
      `affine.for %i = 0 to 4 {\n%x = arith.muli %i, %n : index\n%a = memref.alloc(${size}) : memref<?xf32>\n%d = memref.dim %a, %c0 : memref<?xf32>\naffine.for %j = 0 to %d { }\n}`;
    expect(f(inside("%n"))).toEqual([]);
    expect(f(inside("%x"))).toEqual(["7: verify/operands: 'affine.for' op operand cannot be used as a symbol"]);
    // What arithmetic makes in a loop is neither.
    expect(f(`affine.for %i = 0 to 4 {\n%j = arith.muli %i, %n : index\n${load("%j")}\n}`)).toEqual([
      "5: verify/operands: 'affine.load' op index must be a valid dimension or symbol identifier",
    ]);
    expect(
      f("affine.for %i = 0 to 4 {\n%j = affine.apply affine_map<()[s0] -> (s0)>()[%i]\naffine.for %k = 0 to %j { }\n}"),
    ).toEqual(["5: verify/operands: 'affine.for' op operand cannot be used as a symbol"]);
  });
});

describe("text", () => {
  it("is MLIR's", () => {
    expectFixpoint(`#map = affine_map<(d0)[s0] -> (d0, s0)>
#map1 = affine_map<()[s0] -> (s0, 5)>
#map2 = affine_map<(d0) -> (d0 + 1)>
#map3 = affine_map<(d0)[s0] -> (d0, s0 + 1)>
#set = affine_set<(d0)[s0] : (d0 - 10 >= 0, -d0 + s0 - 9 >= 0)>
module {
  func.func @f(%arg0: memref<10x10xf32>, %arg1: index, %arg2: vector<4xf32>) -> f32 {
    %cst = arith.constant 1.000000e+00 : f32
    %0 = affine.for %arg3 = 0 to 10 iter_args(%arg4 = %cst) -> (f32) {
      %2 = affine.load %arg0[%arg3, symbol(%arg1) + 3] : memref<10x10xf32>
      %3 = arith.addf %arg4, %2 : f32
      affine.yield %3 : f32
    }
    affine.for %arg3 = max #map(%arg1)[%arg1] to min #map1()[%arg1] step 2 {
      affine.store %0, %arg0[%arg3, %arg3 * 2] {foo} : memref<10x10xf32>
    } {bar}
    affine.for %arg3 = #map2(%arg1) to %arg1 {
      affine.if #set(%arg3)[%arg1] {
        affine.prefetch %arg0[%arg3, 0], read, locality<2>, data : memref<10x10xf32>
      } else {
        affine.vector_store %arg2, %arg0[%arg3, 3] : memref<10x10xf32>, vector<4xf32>
      }
      %2 = affine.min #map3(%arg3)[%arg1]
    }
    affine.parallel (%arg3, %arg4) = (0, max(%arg1, 1)) to (10, min(%arg1, %arg1 * 2)) step (2, 3) {
    }
    %1 = affine.parallel (%arg3, %arg4) = (0, 1) to (10, 20) reduce ("addf") -> (f32) {
      affine.yield %cst : f32
    }
    return %0 : f32
  }
}
`);
  });

  it("is refused with MLIR's words", () => {
    const f = (line: string): string[] =>
      errorsOf(`func.func @f(%m: memref<4xf32>, %n: index, %x: f32) {\n${line}\nreturn\n}`);
    expect(f("%0 = affine.apply affine_map<(d0) -> (d0, d0)>(%n)")).toEqual([
      "2: verify/attribute: 'affine.apply' op mapping must produce one value",
    ]);
    expect(f("%0 = affine.min affine_map<(d0) -> (d0)>(%n, %n)")).toEqual([
      "2: verify/operands: 'affine.min' op operand count and affine map dimension and symbol count must match",
    ]);
    expect(f("affine.for %i = affine_map<(d0) -> (d0, 1)>(%n) to 4 { }")).toEqual([
      "2: parse/syntax: custom op 'affine.for' lower loop bound affine map with multiple results requires 'max' prefix",
    ]);
    expect(f('"affine.store"(%x, %m, %n) <{map = affine_map<() -> (0)>}> : (f32, memref<4xf32>, index) -> ()')).toEqual(
      ["2: verify/operands: 'affine.store' op expects as many subscripts as affine map inputs"],
    );
    expect(f('%0 = affine.parallel (%i) = (0) to (4) reduce ("addi") -> (f32) {\naffine.yield %x : f32\n}')).toEqual([
      "2: verify/attribute: 'affine.parallel' op result type cannot match reduction attribute",
    ]);
  });
});

describe("bufferization", () => {
  it("crosses between tensors and memory", () => {
    const text = `func.func @f(%t: tensor<4xi32>, %m: memref<4xi32>, %n: index, %b: i1) -> (tensor<4xi32>, tensor<4xi32>, tensor<?xi32>, i1) {
      %c0 = arith.constant 0 : index
      %v = arith.constant 9 : i32
      %a = bufferization.to_memref %t : memref<4xi32>
      memref.store %v, %a[%c0] : memref<4xi32>
      %0 = bufferization.to_tensor %a restrict writable : memref<4xi32>
      memref.store %v, %m[%c0] : memref<4xi32>
      %c = bufferization.alloc_tensor() copy(%t) : tensor<4xi32>
      %e = bufferization.alloc_tensor(%n) : tensor<?xi32>
      bufferization.materialize_in_destination %t in restrict writable %m : (tensor<4xi32>, memref<4xi32>) -> ()
      %d = bufferization.dealloc (%a : memref<4xi32>) if (%b) retain (%a : memref<4xi32>)
      return %0, %c, %e, %d : tensor<4xi32>, tensor<4xi32>, tensor<?xi32>, i1
    }`;
    const [t, m] = [counting(4), NDArray.zeros("i32", [4])];
    const [a, c, e, d] = run(text, [t, m, 3, 1]) as [NDArray, NDArray, NDArray, number];
    expect([a.values(), c.values(), e.shape, d]).toEqual([[9, 1, 2, 3], [0, 1, 2, 3], [3], 1]);
    expect(t.values()).toEqual([0, 1, 2, 3]);
    expect(m.values()).toEqual([0, 1, 2, 3]);
  });

  it("is refused with MLIR's words", () => {
    const f = (line: string): string[] =>
      errorsOf(
        `func.func @f(%t: tensor<4xf32>, %u: tensor<5xf32>, %m: memref<4xf32>, %n: index) {\n${line}\nreturn\n}`,
      );
    expect(f("%0 = bufferization.alloc_tensor(%n) : tensor<4xf32>")).toEqual([
      "2: verify/op: expected 0 dynamic sizes",
    ]);
    expect(
      f("bufferization.materialize_in_destination %u in writable %m : (tensor<5xf32>, memref<4xf32>) -> ()"),
    ).toEqual([
      "2: verify/op: 'bufferization.materialize_in_destination' op source/destination shapes are incompatible",
    ]);
  });
});
