/** The memref dialect: views share memory, accesses are checked, text is MLIR's. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as memref from "../../dialects/memref/index.ts";
import { effectsOf } from "../../ir/effects.ts";
import { viewLike } from "../../ir/interfaces.ts";
import { Interpreter } from "../../ir/interpret.ts";
import { dynamic, f32, i32, index, memref as memrefType } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { print } from "../../text/printer.ts";
import { build } from "../support/build.ts";
import { errorsOf, faultOf, moduleOf, run } from "../support/run.ts";

/** An i32 array that holds 0, 1, 2, … */
const counting = (...shape: number[]): NDArray =>
  NDArray.from(
    "i32",
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => i),
  );

/** Text that reads and prints as itself. */
function expectFixpoint(body: string): void {
  const text = `module {\n${body}\n}\n`;
  expect(print(moduleOf(text))).toBe(text);
}

describe("access", () => {
  it("reads what was written, at the place that was asked for", () => {
    const f = build([memrefType([dynamic, dynamic], i32), index, index, i32], (b, m, i, j, v) => {
      const old = memref.load(b, m!, [i!, j!]);
      memref.store(b, v!, m!, [i!, j!]);
      return [old];
    });
    const m = counting(3, 4);
    expect(f(m, 1, 2, -5)).toEqual([6]);
    expect(m.get([1, 2])).toBe(-5);
    expect(m.values().filter((v) => Number(v) < 0)).toEqual([-5]);
  });

  it("faults outside", () => {
    const text = `func.func @f(%m: memref<2x3xi32>, %i: index) -> i32 {
      %0 = memref.load %m[%i, %i] : memref<2x3xi32>
      return %0 : i32
    }`;
    expect(faultOf(text, [counting(2, 3), 2])).toMatch(/^2: run\/fault: .*index 2 is out of bounds/);
    expect(faultOf(text, [counting(2, 3), -1])).toMatch(/index -1 is out of bounds/);
    expect(faultOf(text, [counting(2, 3), 1])).toBe("no fault");
  });

  it("copies between overlapping views as if the source were taken first", () => {
    const m = counting(6);
    run(
      `func.func @f(%m: memref<6xi32>) {
        %a = memref.subview %m[0] [4] [1] : memref<6xi32> to memref<4xi32, strided<[1]>>
        %b = memref.subview %m[2] [4] [1] : memref<6xi32> to memref<4xi32, strided<[1], offset: 2>>
        memref.copy %a, %b : memref<4xi32, strided<[1]>> to memref<4xi32, strided<[1], offset: 2>>
        return
      }`,
      [m],
    );
    expect(m.values()).toEqual([0, 1, 0, 1, 2, 3]);
  });

  it("updates atomically by every kind", () => {
    const update = (kind: string, type: string, value: unknown, old: NDArray): unknown[] => {
      const text = `func.func @f(%m: memref<1x${type}>, %v: ${type}) -> ${type} {
        %c0 = arith.constant 0 : index
        %0 = memref.atomic_rmw ${kind} %v, %m[%c0] : (${type}, memref<1x${type}>) -> ${type}
        return %0 : ${type}
      }`;
      return [...run(text, [old, value]), old.get([0])];
    };
    const i8 = (x: number) => NDArray.from("i8", [1], [x]);
    expect(update("addi", "i8", 100, i8(100))).toEqual([100, -56]);
    expect(update("muli", "i8", 2, i8(-128))).toEqual([-128, 0]);
    expect(update("maxs", "i8", -1, i8(-2))).toEqual([-2, -1]);
    expect(update("maxu", "i8", 3, i8(-2))).toEqual([-2, -2]);
    expect(update("minu", "i8", 3, i8(-2))).toEqual([-2, 3]);
    expect(update("mins", "i8", 3, i8(-2))).toEqual([-2, -2]);
    expect(update("andi", "i8", 6, i8(3))).toEqual([3, 2]);
    expect(update("ori", "i8", 6, i8(3))).toEqual([3, 7]);
    expect(update("assign", "i8", 6, i8(3))).toEqual([3, 6]);
    const f = (x: number) => NDArray.from("f32", [1], [x]);
    expect(update("addf", "f32", 1, f(2 ** 24))).toEqual([2 ** 24, 2 ** 24]);
    expect(update("maximumf", "f32", Number.NaN, f(1))).toEqual([1, Number.NaN]);
    expect(update("maxnumf", "f32", Number.NaN, f(1))).toEqual([1, 1]);
    expect(update("minimumf", "f32", -0, f(0))).toEqual([0, -0]);
  });

  it("runs the body of a generic update on the element and answers the old one", () => {
    const m = counting(3);
    const text = `func.func @f(%m: memref<3xi32>) -> i32 {
      %c2 = arith.constant 2 : index
      %0 = memref.generic_atomic_rmw %m[%c2] : memref<3xi32> {
      ^bb0(%x: i32):
        %y = arith.muli %x, %x : i32
        memref.atomic_yield %y : i32
      }
      return %0 : i32
    }`;
    expect(run(text, [m])).toEqual([2]);
    expect(m.values()).toEqual([0, 1, 4]);
  });

  it("keeps vectors as elements", () => {
    const text = `func.func @f(%v: vector<2xf32>) -> (vector<2xf32>, vector<2xf32>) {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %m = memref.alloc() : memref<3xvector<2xf32>>
      memref.store %v, %m[%c1] : memref<3xvector<2xf32>>
      %s = memref.subview %m[1] [2] [1] : memref<3xvector<2xf32>> to memref<2xvector<2xf32>, strided<[1], offset: 1>>
      %0 = memref.load %s[%c0] : memref<2xvector<2xf32>, strided<[1], offset: 1>>
      %1 = memref.load %m[%c0] : memref<3xvector<2xf32>>
      return %0, %1 : vector<2xf32>, vector<2xf32>
    }`;
    const [a, b] = run(text, [NDArray.from("f32", [2], [1, 2])]) as NDArray[];
    expect(a!.values()).toEqual([1, 2]);
    expect(b!.values()).toEqual([0, 0]);
  });
});

describe("views", () => {
  it("of slices show offset + i * stride, and writing through them is seen", () => {
    const slices = fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.nat(4), fc.integer({ min: 1, max: 3 })), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(slices, (dims) => {
        const shape = dims.map(([n]) => n);
        const offsets = dims.map(([n, o]) => Math.min(o, n - 1));
        const strides = dims.map(([, , s]) => s);
        const sizes = shape.map((n, d) => Math.floor((n - 1 - offsets[d]!) / strides[d]!) + 1);
        const each = shape.map(() => dynamic);
        const n = shape.length;
        const f = build([memrefType(each, i32), ...dims.flatMap(() => [index, index, index])], (b, m, ...args) => {
          const attributes = { static_offsets: each, static_sizes: each, static_strides: each };
          const view = memref.subview(b, m!, args.slice(0, n), args.slice(n, 2 * n), args.slice(2 * n), attributes);
          return [view];
        });
        const m = counting(...shape);
        const [view] = f(m, ...offsets, ...sizes, ...strides) as [NDArray];
        const places = (at: readonly number[]) => at.map((i, d) => offsets[d]! + i * strides[d]!);
        const walk = (at: number[]): void => {
          if (at.length === n) {
            expect(view.get(at)).toBe(m.get(places(at)));
            view.set(at, -1);
            expect(m.get(places(at))).toBe(-1);
          } else for (let i = 0; i < sizes[at.length]!; i++) walk([...at, i]);
        };
        walk([]);
      }),
    );
  });

  it("fault where a slice leaves its source", () => {
    const text = `func.func @f(%m: memref<4xi32>, %n: index) {
      %0 = memref.subview %m[1] [%n] [2] : memref<4xi32> to memref<?xi32, strided<[2], offset: 1>>
      return
    }`;
    expect(faultOf(text, [counting(4), 2])).toBe("no fault");
    expect(faultOf(text, [counting(4), 3])).toMatch(/slice is out of bounds in dimension 0/);
  });

  it("merge and split dimensions without moving elements", () => {
    const m = counting(4, 6);
    const [a, b] = run(
      `func.func @f(%m: memref<4x6xi32>) -> (memref<24xi32>, memref<4x2x3xi32>) {
        %0 = memref.collapse_shape %m [[0, 1]] : memref<4x6xi32> into memref<24xi32>
        %1 = memref.expand_shape %m [[0], [1, 2]] output_shape [4, 2, 3] : memref<4x6xi32> into memref<4x2x3xi32>
        return %0, %1 : memref<24xi32>, memref<4x2x3xi32>
      }`,
      [m],
    ) as [NDArray, NDArray];
    m.set([2, 4], 99);
    expect(a.get([16])).toBe(99);
    expect(b.get([2, 1, 1])).toBe(99);
  });

  it("fault where merged dimensions turn out to have gaps", () => {
    const text = `func.func @f(%m: memref<?x?xi32, strided<[?, 1]>>) {
      %0 = memref.collapse_shape %m [[0, 1]] : memref<?x?xi32, strided<[?, 1]>> into memref<?xi32, strided<[?]>>
      return
    }`;
    expect(faultOf(text, [counting(2, 3)])).toBe("no fault");
    const gaps = new NDArray("i32", [2, 3], new Int32Array(8), [4, 1]);
    expect(faultOf(text, [gaps])).toMatch(/do not lie evenly/);
  });

  it("reinterpret a buffer, take it apart, and transpose it", () => {
    const m = counting(12);
    const text = `func.func @f(%m: memref<12xi32>, %o: index) -> (i32, index, index, index, i32) {
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %r = memref.reinterpret_cast %m to offset: [%o], sizes: [2, 3], strides: [4, 1] : memref<12xi32> to memref<2x3xi32, strided<[4, 1], offset: ?>>
      %0 = memref.load %r[%c1, %c2] : memref<2x3xi32, strided<[4, 1], offset: ?>>
      %base, %offset, %sizes:2, %strides:2 = memref.extract_strided_metadata %r : memref<2x3xi32, strided<[4, 1], offset: ?>> -> memref<i32>, index, index, index, index, index
      %t = memref.transpose %r (d0, d1) -> (d1, d0) : memref<2x3xi32, strided<[4, 1], offset: ?>> to memref<3x2xi32, strided<[1, 4], offset: ?>>
      %1 = memref.load %t[%c2, %c1] : memref<3x2xi32, strided<[1, 4], offset: ?>>
      return %0, %offset, %sizes#1, %strides#0, %1 : i32, index, index, index, i32
    }`;
    expect(run(text, [m, 3])).toEqual([9, 3, 3, 4, 9]);
    expect(faultOf(text, [m, 6])).toMatch(/reaches element 12 of a buffer of 12/);
  });

  it("see bytes as elements, in little-endian order", () => {
    const bytes = new NDArray("i8", [16], new Int8Array(16));
    const text = `func.func @f(%m: memref<16xi8>, %at: index, %n: index, %v: i32) -> i8 {
      %c0 = arith.constant 0 : index
      %v1 = memref.view %m[%at][%n] : memref<16xi8> to memref<?xi32>
      memref.store %v, %v1[%c0] : memref<?xi32>
      %0 = memref.load %m[%at] : memref<16xi8>
      return %0 : i8
    }`;
    expect(run(text, [bytes, 4, 3, 0x01020304])).toEqual([4]);
    expect(bytes.values().slice(4, 8)).toEqual([4, 3, 2, 1]);
    expect(faultOf(text, [bytes, 4, 4, 0])).toMatch(/needs bytes 4 to 20 of a buffer of 16/);
    expect(faultOf(text, [bytes, 2, 1, 0])).toMatch(/not aligned to 4 bytes/);
  });

  it("may be cast to types that say less, and checked back", () => {
    const text = `func.func @f(%m: memref<?xi32>) -> index {
      %u = memref.cast %m : memref<?xi32> to memref<*xi32>
      %r = memref.rank %u : memref<*xi32>
      %0 = memref.cast %u : memref<*xi32> to memref<4xi32>
      return %r : index
    }`;
    expect(run(text, [counting(4)])).toEqual([1]);
    expect(faultOf(text, [counting(5)])).toMatch(/run-time shape 5/);
  });

  it("name their source", () => {
    const module = moduleOf(
      `func.func @f(%m: memref<4x4xi32>) {
      %0 = memref.subview %m[0, 0] [2, 2] [1, 1] : memref<4x4xi32> to memref<2x2xi32, strided<[4, 1]>>
      %1 = memref.load %0[%c, %c] : memref<2x2xi32, strided<[4, 1]>>
      return
    }`.replace("{\n", "{\n%c = arith.constant 0 : index\n"),
    );
    const found: string[] = [];
    module.walk((op) => {
      const view = viewLike.of(op);
      if (view) found.push(`${op.name} of ${view.source(op).name}`);
      if (memref.load.is(op)) expect(effectsOf(op)).toEqual([{ kind: "read", of: op.operand(0) }]);
    });
    expect(found).toEqual(["memref.subview of m"]);
  });
});

describe("allocation", () => {
  it("gives memory of the asked size, in the layout of the type", () => {
    const f = build([index, index], (b, n, s) => {
      const plain = memref.alloc(b, [n!], [], { types: [memrefType([dynamic, 2], f32)] });
      const laid = memref.alloc(b, [], [s!], {
        types: [memrefType([3, 2], f32, { kind: "strided", strides: [dynamic, 1], offset: 4 })],
      });
      return [plain, laid];
    });
    const [plain, laid] = f(5, 7) as [NDArray, NDArray];
    expect(plain.shape).toEqual([5, 2]);
    expect([laid.strides, laid.offset]).toEqual([[7, 1], 4]);
    expect(laid.data.length).toBe(4 + 2 * 7 + 1 + 1);
    expect(() => f(-1, 7)).toThrow(/dimension of -1/);
  });

  it("grows memory and keeps what fits", () => {
    const text = `func.func @f(%m: memref<3xi32>, %n: index) -> memref<?xi32> {
      %0 = memref.realloc %m(%n) : memref<3xi32> to memref<?xi32>
      return %0 : memref<?xi32>
    }`;
    expect((run(text, [counting(3), 5])[0] as NDArray).values()).toEqual([0, 1, 2, 0, 0]);
    expect((run(text, [counting(3), 2])[0] as NDArray).values()).toEqual([0, 1]);
  });

  it("makes each global once, with its content", () => {
    const module = moduleOf(`
      memref.global "private" @table : memref<2x2xi32> = dense<[[1, 2], [3, 4]]>
      memref.global @open : memref<3xf32> = uninitialized
      memref.global "private" @elsewhere : memref<3xf32>
      func.func @f() -> i32 {
        %c1 = arith.constant 1 : index
        %0 = memref.get_global @table : memref<2x2xi32>
        %1 = memref.load %0[%c1, %c1] : memref<2x2xi32>
        %2 = arith.addi %1, %1 : i32
        memref.store %2, %0[%c1, %c1] : memref<2x2xi32>
        return %1 : i32
      }
      func.func @g() { %0 = memref.get_global @elsewhere : memref<3xf32>
        return
      }`);
    const interpreter = new Interpreter();
    expect([1, 2, 3].map(() => interpreter.call(module, "f", [])[0])).toEqual([4, 8, 16]);
    expect(() => interpreter.call(module, "g", [])).toThrow(/only declared here/);
    expect(new Interpreter().call(module, "f", [])).toEqual([4]);
  });

  it("moves elements by DMA at once, with a stride in the farther memory", () => {
    const target = counting(6);
    run(
      `func.func @f(%s: memref<10xi32>, %t: memref<6xi32>, %tag: memref<1xi32>) {
        %c0 = arith.constant 0 : index
        %c1 = arith.constant 1 : index
        %c2 = arith.constant 2 : index
        %c4 = arith.constant 4 : index
        memref.dma_start %s[%c1], %t[%c2], %c4, %tag[%c0], %c4, %c2 : memref<10xi32>, memref<6xi32>, memref<1xi32>
        memref.dma_wait %tag[%c0], %c4 : memref<1xi32>
        return
      }`,
      [counting(10), target, counting(1)],
    );
    expect(target.values()).toEqual([0, 1, 1, 2, 5, 6]);
  });
});

describe("text", () => {
  it("is MLIR's", () => {
    expectFixpoint(
      `  memref.global "private" constant @g : memref<2xf32> = dense<1.000000e+00> {alignment = 64 : i64}
  memref.global @h : memref<2xi32> = uninitialized
  func.func @f(%arg0: memref<?x4xf32>, %arg1: index, %arg2: f32) {
    %alloc = memref.alloc(%arg1) {alignment = 16 : i64} : memref<?xf32>
    %alloca = memref.alloca()[%arg1] : memref<4xf32, affine_map<(d0)[s0] -> (d0 + s0)>>
    %subview = memref.subview %arg0[%arg1, 0] [2, %arg1] [1, 1] : memref<?x4xf32> to memref<2x?xf32, strided<[4, 1], offset: ?>>
    %dim = memref.dim %subview, %arg1 : memref<2x?xf32, strided<[4, 1], offset: ?>>
    %0 = memref.atomic_rmw addf %arg2, %alloc[%dim] : (f32, memref<?xf32>) -> f32
    memref.store %0, %alloc[%dim] {nontemporal = true} : memref<?xf32>
    memref.prefetch %alloc[%dim], write, locality<3>, data : memref<?xf32>
    %1 = memref.alloca_scope  -> (f32) {
      memref.alloca_scope.return %0 : f32
    }
    memref.assume_alignment %alloc, 16 : memref<?xf32>
    return
  }`.replace(/affine_map<\(d0\)\[s0\] -> \(d0 \+ s0\)>/, "strided<[?]>"),
    );
  });

  it("is refused with MLIR's words", () => {
    const f = (line: string): string[] =>
      errorsOf(`func.func @f(%m: memref<4x6xf32>, %d: memref<?x?xf32>, %i: index, %x: f64) {\n${line}\nreturn\n}`);
    expect(f("%0 = memref.load %m[%i] : memref<4x6xf32>")).toEqual([
      "2: verify/operands: 'memref.load' op incorrect number of indices for load, expected 2 but got 1",
    ]);
    expect(f('"memref.store"(%x, %m, %i, %i) : (f64, memref<4x6xf32>, index, index) -> ()')).toEqual([
      "2: verify/operand-type: 'memref.store' op failed to verify that type of 'value' matches element type of 'memref'",
    ]);
    expect(f("%0 = memref.alloc() : memref<?xf32>")).toEqual([
      "2: verify/operands: 'memref.alloc' op dimension operand count does not equal memref dynamic dimension count",
    ]);
    expect(f("%0 = memref.subview %m[%i, 0] [4, 4] [1, 1] : memref<4x6xf32> to memref<4x4xf32>")).toEqual([
      "2: verify/op: expected result type to be 'memref<4x4xf32, strided<[6, 1], offset: ?>>' or a rank-reduced version. (mismatch of result layout) ",
    ]);
    expect(f("%0 = memref.collapse_shape %m [[0], [1]] : memref<4x6xf32> into memref<24xf32>")).toEqual([
      "2: verify/op: 'memref.collapse_shape' op invalid number of reassociation groups: found 2, expected 1",
    ]);
    expect(f("%0 = memref.cast %m : memref<4x6xf32> to memref<4x5xf32>")).toEqual([
      "2: verify/op: 'memref.cast' op operand type 'memref<4x6xf32>' and result type 'memref<4x5xf32>' are cast incompatible",
    ]);
    expect(f("%0 = memref.get_global @nothing : memref<2xf32>")).toEqual([
      "2: verify/symbol: 'memref.get_global' op 'nothing' does not reference a valid global memref",
    ]);
    expect(f("memref.assume_alignment %m, 3 : memref<4x6xf32>")).toEqual([
      "2: verify/op: 'memref.assume_alignment' op alignment must be power of 2",
    ]);
    expect(f("memref.assume_alignment %m, 0 : memref<4x6xf32>")).toEqual([
      "2: verify/attribute: 'memref.assume_alignment' op attribute 'alignment' failed to satisfy constraint: 32-bit signless integer attribute whose value is positive",
    ]);
  });
});
