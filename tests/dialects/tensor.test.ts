/** The tensor dialect: every op against plain loops over indices. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as tensor from "../../dialects/tensor/index.ts";
import { dynamic, i32, index, tensor as tensorType } from "../../ir/types.ts";
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

/** Dimensions of a slice: extent, offset and stride, with the size that fits. */
const slices = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.nat(4), fc.integer({ min: 1, max: 3 })), {
    minLength: 1,
    maxLength: 3,
  })
  .map((dims) => {
    const shape = dims.map(([n]) => n);
    const offsets = dims.map(([n, o]) => Math.min(o, n - 1));
    const strides = dims.map(([, , s]) => s);
    return { shape, offsets, strides, sizes: shape.map((n, d) => Math.floor((n - 1 - offsets[d]!) / strides[d]!) + 1) };
  });

describe("slices", () => {
  it("taken out and put in are inverse, and touch nothing else", () => {
    fc.assert(
      fc.property(slices, ({ shape, offsets, strides, sizes }) => {
        const lists = { static_offsets: offsets, static_sizes: sizes, static_strides: strides };
        const t = tensorType(shape, i32);
        const f = build([t, tensorType(sizes, i32)], (b, whole, part) => [
          tensor.extract_slice(b, whole!, [], [], [], lists),
          tensor.insert_slice(b, part!, whole!, [], [], [], lists),
        ]);
        const whole = counting(...shape);
        const part = NDArray.filled("i32", sizes, -1);
        const [out, put] = f(whole, part) as [NDArray, NDArray];
        const places = new Set<string>();
        for (const at of indices(sizes)) {
          const from = at.map((i, d) => offsets[d]! + i * strides[d]!);
          places.add(String(from));
          expect(out.get(at)).toBe(whole.get(from));
        }
        for (const at of indices(shape)) expect(put.get(at)).toBe(places.has(String(at)) ? -1 : whole.get(at));
        expect(whole.values()).toEqual(counting(...shape).values());
      }),
    );
  });

  it("take offsets, sizes and strides at run time, and may leave out ones", () => {
    const text = `func.func @f(%t: tensor<4x?xi32>, %i: index, %n: index, %p: tensor<?xi32>) -> (tensor<?xi32>, tensor<4x?xi32>) {
      %0 = tensor.extract_slice %t[%i, 1] [1, %n] [1, 2] : tensor<4x?xi32> to tensor<?xi32>
      %1 = tensor.insert_slice %p into %t[%i, 0] [1, %n] [1, 1] : tensor<?xi32> into tensor<4x?xi32>
      return %0, %1 : tensor<?xi32>, tensor<4x?xi32>
    }`;
    const part = NDArray.from("i32", [2], [-1, -2]);
    const [a, b] = run(text, [counting(4, 4), 2, 2, part]);
    expect(valuesOf(a)).toEqual([9, 11]);
    expect(valuesOf(b).slice(8, 12)).toEqual([-1, -2, 10, 11]);
    expect(faultOf(text, [counting(4, 4), 4, 2, part])).toMatch(/slice is out of bounds in dimension 0/);
    expect(faultOf(text, [counting(4, 4), 0, 1, part])).toMatch(/inserts 2 elements into a slice of 1/);
  });

  it("are written in parallel into the tensor that a loop shares", () => {
    const text = `func.func @f(%t: tensor<6xi32>) -> tensor<6xi32> {
      %0 = scf.forall (%i) = (0) to (6) step (2) shared_outs(%o = %t) -> (tensor<6xi32>) {
        %a = tensor.extract_slice %t[%i] [2] [1] : tensor<6xi32> to tensor<2xi32>
        %b = arith.addi %a, %a : tensor<2xi32>
        scf.forall.in_parallel {
          tensor.parallel_insert_slice %b into %o[%i] [2] [1] : tensor<2xi32> into tensor<6xi32>
        }
      }
      return %0 : tensor<6xi32>
    }`;
    const t = counting(6);
    expect(valuesOf(run(text, [t])[0])).toEqual([0, 2, 4, 6, 8, 10]);
    expect(t.values()).toEqual([0, 1, 2, 3, 4, 5]);
  });
});

describe("padding", () => {
  it("surrounds a tensor with what its body computes", () => {
    const pads = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.nat(2), fc.nat(2)), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(pads, (dims) => {
        const shape = dims.map(([n]) => n);
        const low = dims.map(([, l]) => l);
        const high = dims.map(([, , h]) => h);
        const f = build([tensorType(shape, index)], (b, t) => [
          tensor.pad(b, t!, [], [], {
            static_low: low,
            static_high: high,
            // The first index, so that each padded element shows where it lies.
            region: (_, first) => [first!],
          }),
        ]);
        const source = NDArray.filled("index", shape, 100);
        const [padded] = f(source) as [NDArray];
        expect(padded.shape).toEqual(dims.map(([n, l, h]) => l + n + h));
        for (const at of indices(padded.shape)) {
          const inside = at.every((x, d) => x >= low[d]! && x < low[d]! + shape[d]!);
          expect(padded.get(at)).toBe(inside ? 100 : at[0]);
        }
      }),
    );
  });

  it("takes amounts at run time", () => {
    const text = `func.func @f(%t: tensor<2xi32>, %n: index) -> tensor<?xi32> {
      %c = arith.constant 7 : i32
      %0 = tensor.pad %t low[1] high[%n] {
      ^bb0(%i: index):
        tensor.yield %c : i32
      } : tensor<2xi32> to tensor<?xi32>
      return %0 : tensor<?xi32>
    }`;
    expect(valuesOf(run(text, [counting(2), 3])[0])).toEqual([7, 0, 1, 7, 7, 7]);
    expect(valuesOf(run(text, [counting(2), 0])[0])).toEqual([7, 0, 1]);
  });
});

describe("made and reshaped", () => {
  it("tensors hold what their elements, body or scalar say", () => {
    const text = `func.func @f(%n: index, %a: i32, %b: i32) -> (tensor<2x?xindex>, tensor<2x1xi32>, tensor<?xi32>, index, index) {
      %0 = tensor.generate %n {
      ^bb0(%i: index, %j: index):
        %k = arith.addi %i, %j : index
        tensor.yield %k : index
      } : tensor<2x?xindex>
      %1 = tensor.from_elements %a, %b : tensor<2x1xi32>
      %2 = tensor.splat %a[%n] : tensor<?xi32>
      %c1 = arith.constant 1 : index
      %d = tensor.dim %0, %c1 : tensor<2x?xindex>
      %r = tensor.rank %0 : tensor<2x?xindex>
      return %0, %1, %2, %d, %r : tensor<2x?xindex>, tensor<2x1xi32>, tensor<?xi32>, index, index
    }`;
    const [a, b, c, d, r] = run(text, [3, 5, 6]);
    expect(valuesOf(a)).toEqual([0, 1, 2, 1, 2, 3]);
    expect(valuesOf(b)).toEqual([5, 6]);
    expect(valuesOf(c)).toEqual([5, 5, 5]);
    expect([d, r]).toEqual([3, 2]);
  });

  it("keep their elements in row-major order", () => {
    const f = build([tensorType([2, dynamic, 4], i32), index], (b, t, n) => {
      const flat = tensor.collapse_shape(b, t!, { reassociation: [[0, 1], [2]] });
      const deep = tensor.expand_shape(b, flat, [n!], {
        reassociation: [[0], [1, 2]],
        static_output_shape: [dynamic, 2, 2],
      });
      return [flat, deep];
    });
    const [flat, deep] = f(counting(2, 3, 4), 6) as [NDArray, NDArray];
    expect([flat.shape, deep.shape]).toEqual([
      [6, 4],
      [6, 2, 2],
    ]);
    expect(flat.values()).toEqual(counting(24).values());
    expect(deep.values()).toEqual(counting(24).values());
    expect(() => f(counting(2, 3, 4), 5)).toThrow(/splits a dimension of 6 into 5/);
  });

  it("take a shape that a tensor holds, and other bits of the same width", () => {
    const text = `func.func @f(%t: tensor<6xi32>, %s: tensor<2xindex>) -> (tensor<?x?xi32>, tensor<6xf32>) {
      %0 = tensor.reshape %t(%s) : (tensor<6xi32>, tensor<2xindex>) -> tensor<?x?xi32>
      %1 = tensor.bitcast %t : tensor<6xi32> to tensor<6xf32>
      return %0, %1 : tensor<?x?xi32>, tensor<6xf32>
    }`;
    const bits = NDArray.from("i32", [6], [0, 0x3f800000, -0x80000000, 0x40490fdb, 1, 2]);
    const [a, b] = run(text, [bits, NDArray.from("index", [2], [3, 2])]) as [NDArray, NDArray];
    expect(a.shape).toEqual([3, 2]);
    expect(b.values()).toEqual([0, 1, -0, Math.fround(Math.PI), 2 ** -149, 2 ** -148]);
    expect(faultOf(text, [bits, NDArray.from("index", [2], [2, 2])])).toMatch(/reshapes 6 elements to 2x2/);
  });

  it("join along a dimension", () => {
    const text = `func.func @f(%a: tensor<2x1xi32>, %b: tensor<?x?xi32>) -> tensor<2x?xi32> {
      %0 = tensor.concat dim(1) %a, %b, %a : (tensor<2x1xi32>, tensor<?x?xi32>, tensor<2x1xi32>) -> tensor<2x?xi32>
      return %0 : tensor<2x?xi32>
    }`;
    expect(valuesOf(run(text, [counting(2, 1), counting(2, 2)])[0])).toEqual([0, 0, 1, 0, 1, 2, 3, 1]);
    expect(faultOf(text, [counting(2, 1), counting(3, 2)])).toMatch(/joins 3x2 elements with 2x1 along dimension 1/);
  });
});

describe("gathering", () => {
  it("slices by index tensors, and scatters them back", () => {
    const text = `func.func @f(%t: tensor<3x4xi32>, %i: tensor<2x1xindex>, %ij: tensor<2x2xindex>) -> (tensor<2x4xi32>, tensor<2x3x1xi32>, tensor<2xi32>, tensor<3x4xi32>) {
      %0 = tensor.gather %t[%i] gather_dims([0]) : (tensor<3x4xi32>, tensor<2x1xindex>) -> tensor<2x4xi32>
      %1 = tensor.gather %t[%i] gather_dims([1]) : (tensor<3x4xi32>, tensor<2x1xindex>) -> tensor<2x3x1xi32>
      %2 = tensor.gather %t[%ij] gather_dims([0, 1]) : (tensor<3x4xi32>, tensor<2x2xindex>) -> tensor<2xi32>
      %z = arith.muli %0, %0 : tensor<2x4xi32>
      %3 = tensor.scatter %z into %t[%i] scatter_dims([0]) unique : (tensor<2x4xi32>, tensor<3x4xi32>, tensor<2x1xindex>) -> tensor<3x4xi32>
      return %0, %1, %2, %3 : tensor<2x4xi32>, tensor<2x3x1xi32>, tensor<2xi32>, tensor<3x4xi32>
    }`;
    const at = NDArray.from("index", [2, 1], [2, 0]);
    const pairs = NDArray.from("index", [2, 2], [1, 3, 2, 0]);
    const [a, b, c, d] = run(text, [counting(3, 4), at, pairs]);
    expect(valuesOf(a)).toEqual([8, 9, 10, 11, 0, 1, 2, 3]);
    expect(valuesOf(b)).toEqual([2, 6, 10, 0, 4, 8]);
    expect(valuesOf(c)).toEqual([7, 8]);
    expect(valuesOf(d)).toEqual([0, 1, 4, 9, 4, 5, 6, 7, 64, 81, 100, 121]);
    const outside = NDArray.from("index", [2, 1], [2, 3]);
    expect(faultOf(text, [counting(3, 4), outside, pairs])).toMatch(/index 3 is out of bounds/);
  });

  it("tiles that are packed come back unpacked", () => {
    const sizes = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }));
    fc.assert(
      fc.property(sizes, sizes, fc.boolean(), ([m, n], [tm, tn], swap) => {
        const outer = [Math.ceil(m / tm), Math.ceil(n / tn)];
        const packed = [...(swap ? [...outer].reverse() : outer), tm, tn];
        const attributes = {
          outer_dims_perm: swap ? [1, 0] : [],
          inner_dims_pos: [0, 1],
          static_inner_tiles: [tm, tn],
        };
        const f = build([tensorType([m, n], i32), tensorType(packed, i32), i32], (b, t, dest, pad) => {
          const p = tensor.pack(b, t!, dest!, pad!, [], attributes);
          return [p, tensor.unpack(b, p, t!, [], attributes)];
        });
        const source = counting(m, n);
        const [p, back] = f(source, NDArray.zeros("i32", packed), -1) as [NDArray, NDArray];
        expect(back.values()).toEqual(source.values());
        for (const at of indices(packed)) {
          const [o0, o1] = swap ? [at[1]!, at[0]!] : [at[0]!, at[1]!];
          const [i, j] = [o0 * tm + at[2]!, o1 * tn + at[3]!];
          expect(p.get(at)).toBe(i < m && j < n ? source.get([i, j]) : -1);
        }
      }),
    );
  });
});

describe("text", () => {
  it("is MLIR's", () => {
    const text = `module {
  func.func @f(%arg0: tensor<4x?xf32>, %arg1: index, %arg2: f32) -> tensor<?x4xf32> {
    %0 = tensor.empty(%arg1) : tensor<?x4xf32>
    %extracted = tensor.extract %arg0[%arg1, %arg1] : tensor<4x?xf32>
    %inserted = tensor.insert %extracted into %0[%arg1, %arg1] : tensor<?x4xf32>
    %extracted_slice = tensor.extract_slice %inserted[0, %arg1] [1, 2] [1, 1] : tensor<?x4xf32> to tensor<2xf32>
    %inserted_slice = tensor.insert_slice %extracted_slice into %inserted[%arg1, 0] [1, 2] [1, 1] : tensor<2xf32> into tensor<?x4xf32>
    %padded = tensor.pad %inserted_slice nofold low[0, 0] high[%arg1, 0] {
    ^bb0(%arg3: index, %arg4: index):
      tensor.yield %arg2 : f32
    } : tensor<?x4xf32> to tensor<?x4xf32>
    %cast = tensor.cast %padded : tensor<?x4xf32> to tensor<*xf32>
    return %padded : tensor<?x4xf32>
  }
}
`;
    expect(print(moduleOf(text))).toBe(text);
  });

  it("is refused with MLIR's words", () => {
    const f = (line: string): string[] =>
      errorsOf(
        `func.func @f(%t: tensor<4x6xf32>, %d: tensor<?x6xf32>, %i: index, %x: f64, %n: tensor<2x1xindex>) {\n${line}\nreturn\n}`,
      );
    expect(f("%0 = tensor.empty(%i) : tensor<4xf32>")).toEqual([
      "2: verify/operands: 'tensor.empty' op incorrect number of dynamic sizes, has 1, expected 0",
    ]);
    expect(f("%0 = tensor.extract %t[%i] : tensor<4x6xf32>")).toEqual([
      "2: verify/operands: 'tensor.extract' op incorrect number of indices for extract_element",
    ]);
    expect(f("%0 = tensor.extract_slice %t[0, 0] [2, 3] [1, 1] : tensor<4x6xf32> to tensor<2x4xf32>")).toEqual([
      "2: verify/op: expected type to be 'tensor<2x3xf32>' or a rank-reduced version. (size mismatch) ",
    ]);
    expect(f("%0 = tensor.collapse_shape %t [[0, 1]] : tensor<4x6xf32> into tensor<25xf32>")).toEqual([
      "2: verify/op: 'tensor.collapse_shape' op expected dimension 0 of collapsed type to be static value of 24",
    ]);
    expect(f("%0 = tensor.concat dim(1) %t, %d : (tensor<4x6xf32>, tensor<?x6xf32>) -> tensor<4x13xf32>")).toEqual([
      "2: verify/op: 'tensor.concat' op result type 'tensor<4x13xf32>'does not match inferred shape 'tensor<4x12xf32>' static sizes",
    ]);
    expect(
      f("%0 = tensor.gather %t[%n] gather_dims([2]) : (tensor<4x6xf32>, tensor<2x1xindex>) -> tensor<2x6xf32>"),
    ).toEqual(["2: verify/op: 'tensor.gather' op gather_dims value must be smaller than source rank"]);
    expect(f("%0 = tensor.cast %t : tensor<4x6xf32> to tensor<4x6xf64>")).toEqual([
      "2: verify/op: 'tensor.cast' op operand type 'tensor<4x6xf32>' and result type 'tensor<4x6xf64>' are cast incompatible",
    ]);
  });
});
