/** The vector dialect: every op against plain loops over lanes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as vector from "../../dialects/vector/index.ts";
import { generalFloat } from "../../dialects/vector/print.ts";
import { affineMap, constant, dim } from "../../ir/affine.ts";
import {
  dynamic,
  f32,
  i1,
  i8,
  i16,
  i32,
  i64,
  index,
  memref as memrefType,
  tensor as tensorType,
  vector as vectorType,
} from "../../ir/types.ts";
import { f32Bits } from "../../support/float.ts";
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

function* indices(shape: readonly number[]): Generator<number[]> {
  if (shape.length === 0) yield [];
  else for (let i = 0; i < shape[0]!; i++) for (const rest of indices(shape.slice(1))) yield [i, ...rest];
}

const valuesOf = (x: unknown): unknown[] => (x as NDArray).values();
const mask = (...bits: number[]): NDArray => NDArray.from("i1", [bits.length], bits);

describe("transfers", () => {
  /** A source of rank two, a start that may lie outside, and a map of one or two results (0 repeats). */
  const cases = fc.record({
    shape: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
    start: fc.tuple(fc.nat(3), fc.nat(3)),
    map: fc.constantFrom<number[]>([0, 1], [1, 0], [1], [0], [-1, 1], [0, -1], [-1, -1]),
    size: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
  });

  it("read elements along the map, and padding outside", () => {
    fc.assert(
      fc.property(cases, fc.boolean(), ({ shape, start, map, size }, isTensor) => {
        const at = start.map((x, d) => (map.includes(d) ? x : Math.min(x, shape[d]! - 1)));
        const lanes = size.slice(0, map.length);
        const source = isTensor ? tensorType([dynamic, dynamic], i32) : memrefType([dynamic, dynamic], i32);
        const f = build([source, index, index, i32], (b, s, i, j, pad) => [
          vector.transfer_read(b, s!, [i!, j!], pad!, undefined, {
            permutation_map: affineMap(
              2,
              0,
              map.map((d) => (d < 0 ? constant(0) : dim(d))),
            ),
            in_bounds: map.map((d) => d < 0),
            types: [vectorType(lanes, i32)],
          }),
        ]);
        const data = counting(...shape);
        const [read] = f(data, ...at, -9) as [NDArray];
        for (const v of indices(lanes)) {
          const from = at.slice();
          map.forEach((d, i) => {
            if (d >= 0) from[d] = at[d]! + v[i]!;
          });
          expect(read.get(v)).toBe(from.every((x, d) => x < shape[d]!) ? data.get(from) : -9);
        }
      }),
    );
  });

  it("write what lies inside, under a mask in the order of the memory", () => {
    const writes = fc.record({
      shape: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
      start: fc.tuple(fc.nat(3), fc.nat(3)),
      swap: fc.boolean(),
      size: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
      bits: fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 9, maxLength: 9 }),
    });
    fc.assert(
      fc.property(writes, ({ shape, start, swap, size, bits }) => {
        const map = swap ? [1, 0] : [0, 1];
        // Sizes in the order of the memory's dimensions.
        const masked = [0, 1].map((d) => size[map.indexOf(d)]!);
        const f = build(
          [vectorType(size, i32), memrefType(shape, i32), index, index, vectorType(masked, i1)],
          (b, v, m, i, j, k) => {
            vector.transfer_write(b, v!, m!, [i!, j!], k!, {
              permutation_map: affineMap(2, 0, map.map(dim)),
              in_bounds: [false, false],
            });
            return [];
          },
        );
        const target = NDArray.filled("i32", shape, -1);
        const set = NDArray.from("i1", masked, bits.slice(0, masked[0]! * masked[1]!));
        const source = counting(...size);
        f(source, target, ...start, set);
        const wanted = NDArray.filled("i32", shape, -1);
        for (const v of indices(size)) {
          const to = start.slice();
          map.forEach((d, n) => {
            to[d] = start[d]! + v[n]!;
          });
          const lane = [0, 1].map((d) => v[map.indexOf(d)]!);
          if (set.get(lane) && to.every((x, d) => x < shape[d]!)) wanted.set(to, source.get(v));
        }
        expect(target.values()).toEqual(wanted.values());
      }),
    );
  });

  it("fault where in_bounds was promised, and answer a new tensor", () => {
    const text = `func.func @f(%m: memref<4xi32>, %i: index, %p: i32) -> vector<2xi32> {
      %0 = vector.transfer_read %m[%i], %p {in_bounds = [true]} : memref<4xi32>, vector<2xi32>
      return %0 : vector<2xi32>
    }`;
    expect(valuesOf(run(text, [counting(4), 2, 0])[0])).toEqual([2, 3]);
    expect(faultOf(text, [counting(4), 3, 0])).toMatch(/index 4 is out of bounds.*in_bounds/);
    const write = `func.func @f(%t: tensor<4xi32>, %i: index, %v: vector<2xi32>) -> tensor<4xi32> {
      %0 = vector.transfer_write %v, %t[%i] : vector<2xi32>, tensor<4xi32>
      return %0 : tensor<4xi32>
    }`;
    const t = counting(4);
    expect(valuesOf(run(write, [t, 3, counting(2)])[0])).toEqual([0, 1, 2, 0]);
    expect(t.values()).toEqual([0, 1, 2, 3]);
  });
});

describe("memory", () => {
  it("is read and written contiguously, checked at both ends", () => {
    const text = `func.func @f(%m: memref<3x4xi32>, %i: index, %j: index) -> vector<2x2xi32> {
      %0 = vector.load %m[%i, %j] : memref<3x4xi32>, vector<2x2xi32>
      %1 = arith.addi %0, %0 : vector<2x2xi32>
      vector.store %1, %m[%i, %j] : memref<3x4xi32>, vector<2x2xi32>
      return %0 : vector<2x2xi32>
    }`;
    const m = counting(3, 4);
    expect(valuesOf(run(text, [m, 1, 2])[0])).toEqual([6, 7, 10, 11]);
    expect(m.values()).toEqual([0, 1, 2, 3, 4, 5, 12, 14, 8, 9, 20, 22]);
    expect(faultOf(text, [m, 1, 3])).toMatch(/elements 3 to 5 are out of bounds/);
    expect(faultOf(text, [m, 2, 0])).toMatch(/elements 2 to 4 are out of bounds/);
  });

  it("under a mask is touched only where the mask is set", () => {
    const text = `func.func @f(%m: memref<4xi32>, %i: index, %k: vector<4xi1>, %p: vector<4xi32>) -> (vector<4xi32>, vector<4xi32>) {
      %0 = vector.maskedload %m[%i], %k, %p : memref<4xi32>, vector<4xi1>, vector<4xi32> into vector<4xi32>
      %1 = vector.expandload %m[%i], %k, %p : memref<4xi32>, vector<4xi1>, vector<4xi32> into vector<4xi32>
      vector.compressstore %m[%i], %k, %p : memref<4xi32>, vector<4xi1>, vector<4xi32>
      return %0, %1 : vector<4xi32>, vector<4xi32>
    }`;
    const m = counting(4);
    const pass = NDArray.from("i32", [4], [-1, -2, -3, -4]);
    const [a, b] = run(text, [m, 1, mask(1, 0, 1, 0), pass]);
    expect(valuesOf(a)).toEqual([1, -2, 3, -4]);
    expect(valuesOf(b)).toEqual([1, -2, 2, -4]);
    expect(m.values()).toEqual([0, -1, -3, 3]);
    // The last lanes would lie outside, but are not asked for.
    expect(faultOf(text, [counting(4), 3, mask(1, 0, 0, 0), pass])).toBe("no fault");
    expect(faultOf(text, [counting(4), 3, mask(1, 1, 0, 0), pass])).toMatch(/out of bounds/);
  });

  it("is gathered and scattered by index", () => {
    const text = `func.func @f(%m: memref<2x4xi32>, %x: vector<3xi64>, %k: vector<3xi1>, %p: vector<3xi32>) -> vector<3xi32> {
      %c1 = arith.constant 1 : index
      %c0 = arith.constant 0 : index
      %0 = vector.gather %m[%c1, %c0] [%x], %k, %p : memref<2x4xi32>, vector<3xi64>, vector<3xi1>, vector<3xi32> into vector<3xi32>
      vector.scatter %m[%c0, %c1] [%x], %k, %p : memref<2x4xi32>, vector<3xi64>, vector<3xi1>, vector<3xi32>
      return %0 : vector<3xi32>
    }`;
    const m = counting(2, 4);
    const x = NDArray.from("i64", [3], [3n, 0n, 2n]);
    const [a] = run(text, [m, x, mask(1, 0, 1), NDArray.from("i32", [3], [-1, -2, -3])]);
    expect(valuesOf(a)).toEqual([7, -2, 6]);
    expect(m.values()).toEqual([0, 1, 2, -3, -1, 5, 6, 7]);
  });
});

describe("shapes", () => {
  it("broadcast along new and unit dimensions", () => {
    const f = build([vectorType([2, 1], i32), i32], (b, v, s) => [
      vector.broadcast(b, v!, { types: [vectorType([3, 2, 2], i32)] }),
      vector.broadcast(b, s!, { types: [vectorType([2], i32)] }),
    ]);
    const [a, b] = f(counting(2, 1), 7);
    expect(valuesOf(a)).toEqual([0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1]);
    expect(valuesOf(b)).toEqual([7, 7]);
  });

  it("transpose by a permutation, and cast in row-major order", () => {
    const shape = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 });
    const cases = shape.chain((s) =>
      fc.tuple(fc.constant(s), fc.shuffledSubarray([...s.keys()], { minLength: s.length })),
    );
    fc.assert(
      fc.property(cases, ([s, permutation]) => {
        const count = s.reduce((a, b) => a * b, 1);
        const f = build([vectorType(s, i32)], (b, v) => [
          vector.transpose(b, v!, { permutation }),
          vector.shape_cast(b, v!, { types: [vectorType([count], i32)] }),
        ]);
        const source = counting(...s);
        const [t, flat] = f(source) as [NDArray, NDArray];
        for (const at of indices(t.shape)) {
          const from = new Array<number>(s.length);
          permutation.forEach((p, i) => {
            from[p] = at[i]!;
          });
          expect(t.get(at)).toBe(source.get(from));
        }
        expect(flat.values()).toEqual(source.values());
      }),
    );
  });

  it("reinterpret bits, lowest first", () => {
    const f = build([vectorType([2], f32)], (b, v) => {
      const words = vector.bitcast(b, v!, { types: [vectorType([4], i16)] });
      const bytes = vector.bitcast(b, words, { types: [vectorType([8], i8)] });
      const one = vector.bitcast(b, bytes, { types: [vectorType([1], i64)] });
      return [words, bytes, one, vector.bitcast(b, one, { types: [vectorType([2], f32)] })];
    });
    fc.assert(
      fc.property(fc.float({ noNaN: true }), fc.float({ noNaN: true }), (x, y) => {
        const [words, bytes, one, back] = f(NDArray.from("f32", [2], [x, y]));
        const both = (BigInt(f32Bits(y) >>> 0) << 32n) | BigInt(f32Bits(x) >>> 0);
        expect(
          valuesOf(words)
            .map((w, i) => BigInt(Number(w) & 0xffff) << BigInt(16 * i))
            .reduce((a, b) => a | b),
        ).toBe(both);
        expect(valuesOf(bytes)[3]).toBe(f32Bits(x) >> 24);
        expect(BigInt.asUintN(64, valuesOf(one)[0] as bigint)).toBe(both);
        expect(valuesOf(back)).toEqual([x, y]);
      }),
    );
  });

  it("are taken apart and put together by position", () => {
    const text = `func.func @f(%v: vector<2x3xi32>, %i: index, %r: vector<3xi32>, %s: i32) -> (vector<3xi32>, i32, vector<2x3xi32>, vector<2x3xi32>) {
      %0 = vector.extract %v[%i] : vector<3xi32> from vector<2x3xi32>
      %1 = vector.extract %v[1, %i] : i32 from vector<2x3xi32>
      %2 = vector.insert %r, %v[%i] : vector<3xi32> into vector<2x3xi32>
      %3 = vector.insert %s, %v[%i, 2] : i32 into vector<2x3xi32>
      return %0, %1, %2, %3 : vector<3xi32>, i32, vector<2x3xi32>, vector<2x3xi32>
    }`;
    const [a, b, c, d] = run(text, [counting(2, 3), 1, NDArray.from("i32", [3], [7, 8, 9]), -1]);
    expect(valuesOf(a)).toEqual([3, 4, 5]);
    expect(b).toBe(4);
    expect(valuesOf(c)).toEqual([0, 1, 2, 7, 8, 9]);
    expect(valuesOf(d)).toEqual([0, 1, 2, 3, 4, -1]);
    expect(faultOf(text, [counting(2, 3), 2, counting(3), 0])).toMatch(/position 2 is outside dimension 0/);
  });

  it("have strided slices", () => {
    const f = build([vectorType([4, 3], i32), vectorType([2, 2], i32)], (b, v, s) => [
      vector.extract_strided_slice(b, v!, { offsets: [1], sizes: [2], strides: [1] }),
      vector.insert_strided_slice(b, s!, v!, { offsets: [2, 1], strides: [1, 1] }),
    ]);
    const [a, b] = f(counting(4, 3), NDArray.filled("i32", [2, 2], -1)) as [NDArray, NDArray];
    expect([a.shape, a.values()]).toEqual([
      [2, 3],
      [3, 4, 5, 6, 7, 8],
    ]);
    expect(b.values()).toEqual([0, 1, 2, 3, 4, 5, 6, -1, -1, 9, -1, -1]);
  });

  it("mix elements by number", () => {
    const text = `func.func @f(%a: vector<2x2xi32>, %b: vector<3x2xi32>, %v: vector<2xi32>) -> (vector<3x2xi32>, vector<4xi32>, vector<1xi32>, vector<1xi32>, vector<2xindex>) {
      %0 = vector.shuffle %a, %b [4, 0, 2] : vector<2x2xi32>, vector<3x2xi32>
      %1 = vector.interleave %v, %v : vector<2xi32> -> vector<4xi32>
      %2, %3 = vector.deinterleave %v : vector<2xi32> -> vector<1xi32>
      %4 = vector.step : vector<2xindex>
      return %0, %1, %2, %3, %4 : vector<3x2xi32>, vector<4xi32>, vector<1xi32>, vector<1xi32>, vector<2xindex>
    }`;
    const results = run(text, [counting(2, 2), NDArray.from("i32", [3, 2], [10, 11, 12, 13, 14, 15]), counting(2)]);
    expect(results.map(valuesOf)).toEqual([[14, 15, 0, 1, 10, 11], [0, 0, 1, 1], [0], [1], [0, 1]]);
  });
});

describe("arithmetic", () => {
  it("contracts as the maps and kinds say", () => {
    // Loops (m, n, k); the result transposed; kinds that combine and multiply.
    const kinds = {
      add: (a: number, b: number) => a + b,
      maxsi: Math.max,
      minsi: Math.min,
      xor: (a: number, b: number) => a ^ b,
    };
    const sizes = fc.tuple(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 4 }),
    );
    const kind = fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[]));
    fc.assert(
      fc.property(sizes, kind, fc.infiniteStream(fc.integer({ min: -9, max: 9 })), ([m, n, k], word, stream) => {
        const random = (...shape: number[]) =>
          NDArray.from(
            "i32",
            shape,
            counting(...shape)
              .values()
              .map(() => stream.next().value as number),
          );
        const maps = [
          [0, 2],
          [1, 2],
          [1, 0],
        ].map((dims) => affineMap(3, 0, dims.map(dim)));
        const f = build([vectorType([m, k], i32), vectorType([n, k], i32), vectorType([n, m], i32)], (b, x, y, acc) => [
          vector.contract(b, x!, y!, acc!, {
            indexing_maps: maps,
            iterator_types: ["parallel", "parallel", "reduction"],
            kind: word,
          }),
        ]);
        const [x, y, acc] = [random(m, k), random(n, k), random(n, m)];
        const [result] = f(x, y, acc) as [NDArray];
        for (const [j, i] of indices([n, m]) as Iterable<[number, number]>) {
          let sum = acc.get([j, i]) as number;
          for (let l = 0; l < k; l++) sum = kinds[word](sum, Number(x.get([i, l])) * Number(y.get([j, l])) + 0);
          expect(result.get([j, i])).toBe(sum);
        }
      }),
    );
  });

  it("widens narrow integers before it multiplies them", () => {
    const text = `func.func @f(%a: vector<2xi8>, %acc: i32) -> i32 {
      %0 = vector.contract {indexing_maps = [affine_map<(d0) -> (d0)>, affine_map<(d0) -> (d0)>, affine_map<(d0) -> ()>], iterator_types = ["reduction"]} %a, %a, %acc : vector<2xi8>, vector<2xi8> into i32
      return %0 : i32
    }`;
    // Of different element types, which stock MLIR accepts for contractions alone.
    expect(errorsOf(text)).toEqual([]);
    expect(run(text, [NDArray.from("i8", [2], [-128, 100]), 1])).toEqual([16384 + 10000 + 1]);
  });

  it("reduces from first to last, after the accumulator", () => {
    const text = (kind: string, acc: string) => `func.func @f(%v: vector<4xf32>, %a: f32) -> f32 {
      %0 = vector.reduction <${kind}>, %v${acc} : vector<4xf32> into f32
      return %0 : f32
    }`;
    const v = NDArray.from("f32", [4], [2 ** 24, 1, 1, -(2 ** 24)]);
    expect(run(text("add", ""), [v, 0])).toEqual([0]);
    expect(run(text("add", ", %a"), [v, 1])).toEqual([0]);
    expect(run(text("add", ", %a"), [v, -(2 ** 24)])).toEqual([2 - 2 ** 24]);
    const nans = NDArray.from("f32", [4], [1, Number.NaN, -0, 0]);
    expect(run(text("maximumf", ""), [nans, 0])).toEqual([Number.NaN]);
    expect(run(text("maxnumf", ""), [nans, 0])).toEqual([1]);
    expect(run(text("minnumf", ""), [nans, 0])).toEqual([-0]);
  });

  it("reduces dimensions, and keeps running sums", () => {
    const text = `func.func @f(%v: vector<2x3xi32>, %a: vector<3xi32>, %i: vector<2xi32>) -> (vector<3xi32>, vector<2x3xi32>, vector<2xi32>, vector<2x3xi32>, vector<2xi32>) {
      %0 = vector.multi_reduction <add>, %v, %a [0] : vector<2x3xi32> to vector<3xi32>
      %1:2 = vector.scan <add>, %v, %i {inclusive = true, reduction_dim = 1 : i64} : vector<2x3xi32>, vector<2xi32>
      %2:2 = vector.scan <add>, %v, %i {inclusive = false, reduction_dim = 1 : i64} : vector<2x3xi32>, vector<2xi32>
      return %0, %1#0, %1#1, %2#0, %2#1 : vector<3xi32>, vector<2x3xi32>, vector<2xi32>, vector<2x3xi32>, vector<2xi32>
    }`;
    const results = run(text, [
      counting(2, 3),
      NDArray.from("i32", [3], [10, 20, 30]),
      NDArray.filled("i32", [2], 100),
    ]);
    expect(results.map(valuesOf)).toEqual([
      [13, 25, 37],
      [0, 1, 3, 3, 7, 12],
      [3, 12],
      [100, 100, 101, 100, 103, 107],
      [101, 107],
    ]);
  });

  it("multiplies every pair in an outer product, and rounds fma once", () => {
    const text = `func.func @f(%a: vector<2xf32>, %b: vector<3xf32>, %c: vector<2x3xf32>, %s: f32) -> (vector<2x3xf32>, vector<2xf32>, vector<2xf32>) {
      %0 = vector.outerproduct %a, %b, %c {kind = #vector.kind<maximumf>} : vector<2xf32>, vector<3xf32>
      %1 = vector.outerproduct %a, %s : vector<2xf32>, f32
      %2 = vector.fma %a, %a, %1 : vector<2xf32>
      return %0, %1, %2 : vector<2x3xf32>, vector<2xf32>, vector<2xf32>
    }`;
    const x = Math.fround(1 + 2 ** -12);
    const results = run(text, [
      NDArray.from("f32", [2], [x, 2]),
      NDArray.from("f32", [3], [1, -1, 3]),
      NDArray.filled("f32", [2, 3], 0.5),
      -1,
    ]);
    expect(results.map(valuesOf)).toEqual([
      [x, 0.5, Math.fround(3 * x), 2, 0.5, 6],
      [-x, -2],
      // x * x - x exactly, rounded once.
      [Math.fround(x * x - x), 2],
    ]);
  });

  it("works on matrices in flat vectors, row by row", () => {
    const text = `func.func @f(%a: vector<4xi32>, %b: vector<6xi32>) -> (vector<6xi32>, vector<6xi32>) {
      %0 = vector.matrix_multiply %a, %b {lhs_rows = 2 : i32, lhs_columns = 2 : i32, rhs_columns = 3 : i32} : (vector<4xi32>, vector<6xi32>) -> vector<6xi32>
      %1 = vector.flat_transpose %b {rows = 2 : i32, columns = 3 : i32} : vector<6xi32> -> vector<6xi32>
      return %0, %1 : vector<6xi32>, vector<6xi32>
    }`;
    const [p, t] = run(text, [NDArray.from("i32", [4], [1, 2, 3, 4]), counting(6)]);
    // [1 2; 3 4] * [0 1 2; 3 4 5]
    expect(valuesOf(p)).toEqual([6, 9, 12, 12, 19, 26]);
    expect(valuesOf(t)).toEqual([0, 3, 1, 4, 2, 5]);
  });
});

describe("masks", () => {
  it("are boxes of lanes", () => {
    const text = `func.func @f(%i: index, %j: index) -> (vector<2x3xi1>, vector<2x3xi1>) {
      %0 = vector.create_mask %i, %j : vector<2x3xi1>
      %1 = vector.constant_mask [2, 1] : vector<2x3xi1>
      return %0, %1 : vector<2x3xi1>, vector<2x3xi1>
    }`;
    expect(run(text, [1, 2]).map(valuesOf)).toEqual([
      [1, 1, 0, 0, 0, 0],
      [1, 0, 0, 1, 0, 0],
    ]);
    expect(valuesOf(run(text, [9, -1])[0])).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("predicate the op inside: masked lanes take no part", () => {
    const text = `func.func @f(%v: vector<4xi32>, %k: vector<4xi1>, %a: i32, %m: memref<4xi32>, %p: vector<4xi32>) -> (i32, vector<4xi32>, vector<4xi32>) {
      %c0 = arith.constant 0 : index
      %pad = arith.constant -1 : i32
      %0 = vector.mask %k { vector.reduction <mul>, %v, %a : vector<4xi32> into i32 } : vector<4xi1> -> i32
      %1 = vector.mask %k { vector.transfer_read %m[%c0], %pad : memref<4xi32>, vector<4xi32> } : vector<4xi1> -> vector<4xi32>
      %2 = vector.mask %k, %p { vector.transfer_read %m[%c0], %pad : memref<4xi32>, vector<4xi32> } : vector<4xi1> -> vector<4xi32>
      vector.mask %k { vector.transfer_write %v, %m[%c0] : vector<4xi32>, memref<4xi32> } : vector<4xi1>
      return %0, %1, %2 : i32, vector<4xi32>, vector<4xi32>
    }`;
    const m = counting(4);
    const v = NDArray.from("i32", [4], [2, 3, 5, 7]);
    const [a, b, c] = run(text, [v, mask(1, 0, 1, 0), 10, m, NDArray.from("i32", [4], [-5, -6, -7, -8])]);
    expect(a).toBe(100);
    expect(valuesOf(b)).toEqual([0, -1, 2, -1]);
    expect(valuesOf(c)).toEqual([0, -6, 2, -8]);
    expect(m.values()).toEqual([2, 1, 5, 3]);
  });
});

describe("printing", () => {
  it("looks as MLIR's runner prints", () => {
    let out = "";
    run(
      `func.func @f(%v: vector<2x2xf32>, %i: i64, %b: vector<2xi1>, %x: f64) {
        vector.print %v : vector<2x2xf32>
        vector.print %i : i64
        vector.print %b : vector<2xi1>
        vector.print %x : f64 punctuation <comma>
        vector.print str "text\\n"
        vector.print punctuation <close>
        return
      }`,
      [NDArray.from("f32", [2, 2], [1, -0.5, 1e10, Number.NaN]), -7n, mask(1, 0), 1 / 3],
      { print: (t) => (out += t) },
    );
    expect(out).toBe("( ( 1, -0.5 ), ( 1e+10, nan ) )\n-7\n( 1, 0 )\n0.333333, text\n )");
  });

  it("shows floats with six digits, as %g does", () => {
    const wanted: readonly (readonly [number, string])[] = [
      [0, "0"],
      [-0, "-0"],
      [100000, "100000"],
      [1000000, "1e+06"],
      [999999.5, "1e+06"],
      [0.0001, "0.0001"],
      [0.00001234567, "1.23457e-05"],
      [123456.7, "123457"],
      [1.5e-300, "1.5e-300"],
      [Number.NEGATIVE_INFINITY, "-inf"],
    ];
    for (const [x, text] of wanted) expect(generalFloat(x)).toBe(text);
  });
});

describe("text", () => {
  it("is MLIR's", () => {
    const text = `#map = affine_map<(d0, d1) -> (d1, d0)>
#map1 = affine_map<(d0) -> (d0)>
#map2 = affine_map<(d0) -> ()>
module {
  func.func @f(%arg0: memref<?x8xf32>, %arg1: index, %arg2: vector<4xf32>, %arg3: f32, %arg4: vector<4x4xi1>) {
    %0 = vector.transfer_read %arg0[%arg1, %arg1], %arg3 {in_bounds = [true, false], permutation_map = #map} : memref<?x8xf32>, vector<4x4xf32>
    %1 = vector.transfer_read %arg0[%arg1, %arg1], %arg3, %arg4 : memref<?x8xf32>, vector<4x4xf32>
    vector.transfer_write %arg2, %arg0[%arg1, %arg1] {in_bounds = [true]} : vector<4xf32>, memref<?x8xf32>
    %2 = vector.contract {indexing_maps = [#map1, #map1, #map2], iterator_types = ["reduction"], kind = #vector.kind<add>} %arg2, %arg2, %arg3 : vector<4xf32>, vector<4xf32> into f32
    %3 = vector.outerproduct %arg2, %arg2, %0 {kind = #vector.kind<add>} : vector<4xf32>, vector<4xf32>
    %4 = vector.shuffle %arg2, %arg2 [0, 5] : vector<4xf32>, vector<4xf32>
    %5 = vector.extract %3[0, %arg1] : f32 from vector<4x4xf32>
    %6 = vector.insert %5, %arg2 [%arg1] : f32 into vector<4xf32>
    %7 = vector.reduction <add>, %6, %2 fastmath<reassoc> : vector<4xf32> into f32
    %8 = vector.mask %arg4 { vector.multi_reduction <add>, %1, %arg2 [1] : vector<4x4xf32> to vector<4xf32> } : vector<4x4xi1> -> vector<4xf32>
    %9 = vector.extract_strided_slice %3 {offsets = [1], sizes = [2], strides = [1]} : vector<4x4xf32> to vector<2x4xf32>
    vector.print str "done"
    return
  }
}
`;
    expect(print(moduleOf(text))).toBe(text);
  });

  it("is refused with MLIR's words", () => {
    const f = (line: string): string[] =>
      errorsOf(
        `func.func @f(%m: memref<4x6xf32>, %v: vector<4xf32>, %w: vector<4x6xf32>, %i: index, %x: f32, %y: f64) {\n${line}\nreturn\n}`,
      );
    const verify = "2: verify/op: 'vector.";
    expect(f("%0 = vector.broadcast %w : vector<4x6xf32> to vector<6xf32>")).toEqual([
      `${verify}broadcast' op source rank higher than destination rank`,
    ]);
    expect(f("%0 = vector.broadcast %w : vector<4x6xf32> to vector<2x4x7xf32>")).toEqual([
      `${verify}broadcast' op dimension mismatch (6 vs. 7)`,
    ]);
    expect(f("%0 = vector.extract %w[4] : vector<6xf32> from vector<4x6xf32>")).toEqual([
      `${verify}extract' op expected position attribute #1 to be a non-negative integer smaller than the corresponding vector dimension`,
    ]);
    expect(f("%0 = vector.shuffle %v, %v [1, 8] : vector<4xf32>, vector<4xf32>")).toEqual([
      `${verify}shuffle' op mask index #2 out of range`,
    ]);
    expect(f("%0 = vector.load %m[%i] : memref<4x6xf32>, vector<4xf32>")).toEqual([
      "2: verify/operands: 'vector.load' op requires 2 indices",
    ]);
    expect(f("%0 = vector.transpose %w, [1, 1] : vector<4x6xf32> to vector<6x4xf32>")).toEqual([
      `${verify}transpose' op duplicate position index: 1`,
    ]);
    expect(f("%0 = vector.reduction <and>, %v : vector<4xf32> into f32")).toEqual([
      `${verify}reduction' op unsupported reduction type 'f32' for kind 'and'`,
    ]);
    expect(f("%0 = vector.shape_cast %w : vector<4x6xf32> to vector<5x5xf32>")).toEqual([
      `${verify}shape_cast' op source/result number of elements must match`,
    ]);
    expect(
      f(
        "%0 = vector.transfer_read %m[%i, %i], %x {permutation_map = affine_map<(d0, d1) -> (d0, d0)>} : memref<4x6xf32>, vector<2x2xf32>",
      ),
    ).toEqual([
      `${verify}transfer_read' op requires a permutation_map that is a permutation (found one dim used more than once)`,
    ]);
    expect(f("%0 = vector.constant_mask [3, 0] : vector<4x6xi1>")).toEqual([
      `${verify}constant_mask' op expected all mask dim sizes to be zeros, as a result of conjunction with zero mask dim`,
    ]);
  });
});
