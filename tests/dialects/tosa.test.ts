/** Tosa is only read and run: its ops against values worked out by hand from the specification. */
import { describe, expect, it } from "vitest";
import { dialect } from "../../dialects/tosa/index.ts";
import type { DType } from "../../support/ndarray.ts";
import { NDArray } from "../../support/ndarray.ts";
import { faultOf, run } from "../support/run.ts";

const array = (dtype: DType, shape: readonly number[], values: readonly number[]) => NDArray.from(dtype, shape, values);
const values = (results: readonly unknown[]) => (results[0] as NDArray).values();

/** One op on arguments of given types. */
const apply = (op: string, types: string, result: string, args: readonly NDArray[]) => {
  const list = types.split(" * ");
  const parameters = list.map((t, i) => `%a${i}: ${t}`).join(", ");
  const [name, ...rest] = op.split(" ");
  const text = `func.func @f(${parameters}) -> ${result} {
    %0 = tosa.${name} ${list.map((_, i) => `%a${i}`).join(", ")} ${rest.join(" ")} : (${list.join(", ")}) -> ${result}
    return %0 : ${result}
  }`;
  return values(run(text, args));
};

it("has the 77 ops of the specification's version that MLIR 19 has", () => {
  expect(dialect.ops).toHaveLength(77);
});

describe("elementwise", () => {
  it("stretches dimensions of one", () => {
    const [a, b] = [array("i32", [2, 1], [10, 20]), array("i32", [1, 3], [1, 2, 3])];
    expect(apply("add", "tensor<2x1xi32> * tensor<1x3xi32>", "tensor<2x3xi32>", [a, b])).toEqual([
      11, 12, 13, 21, 22, 23,
    ]);
    expect(() =>
      apply("add", "tensor<2x1xi32> * tensor<3x3xi32>", "tensor<?x3xi32>", [a, NDArray.zeros("i32", [3, 3])]),
    ).toThrow("do not fit");
  });

  it("shifts products of integers down, to nearest", () => {
    const [a, b] = [array("i32", [2], [7, -7]), array("i32", [2], [3, 3])];
    expect(apply("mul {shift = 2 : i8}", "tensor<2xi32> * tensor<2xi32>", "tensor<2xi32>", [a, b])).toEqual([5, -5]);
  });

  it("clamps and casts", () => {
    const x = array("f32", [4], [-1.5, 2.5, 3.5, 1e9]);
    expect(
      apply(
        "clamp {min_int = 0 : i64, max_int = 3 : i64, min_fp = 0.0 : f32, max_fp = 3.0 : f32}",
        "tensor<4xf32>",
        "tensor<4xf32>",
        [x],
      ),
    ).toEqual([0, 2.5, 3, 3]);
    expect(apply("cast", "tensor<4xf32>", "tensor<4xi8>", [x])).toEqual([-2, 2, 4, 127]);
    expect(apply("cast", "tensor<4xf32>", "tensor<4xi1>", [x])).toEqual([1, 1, 1, 1]);
  });

  it("negates about zero points, and saturates", () => {
    const x = array("i8", [2], [-128, 5]);
    expect(
      apply(
        "negate {quantization_info = #tosa.unary_quant<input_zp = 1, output_zp = 2>}",
        "tensor<2xi8>",
        "tensor<2xi8>",
        [x],
      ),
    ).toEqual([127, -2]);
    expect(apply("negate", "tensor<2xi8>", "tensor<2xi8>", [x])).toEqual([-128, -5]);
  });

  it("rounds arithmetic shifts when asked", () => {
    const [a, b] = [array("i32", [3], [5, -5, 6]), array("i32", [3], [1, 1, 2])];
    expect(
      apply("arithmetic_right_shift {round = false}", "tensor<3xi32> * tensor<3xi32>", "tensor<3xi32>", [a, b]),
    ).toEqual([2, -3, 1]);
    expect(
      apply("arithmetic_right_shift {round = true}", "tensor<3xi32> * tensor<3xi32>", "tensor<3xi32>", [a, b]),
    ).toEqual([3, -2, 2]);
  });
});

describe("windows", () => {
  const x = array("f32", [1, 3, 3, 1], [1, 2, 3, 4, 5, 6, 7, 8, 9]);

  it("convolves with padding, strides and bias", () => {
    const w = array("f32", [1, 2, 2, 1], [1, 1, 1, 1]);
    const op = "conv2d {pad = array<i64: 1, 0, 1, 0>, stride = array<i64: 2, 2>, dilation = array<i64: 1, 1>}";
    const types = "tensor<1x3x3x1xf32> * tensor<1x2x2x1xf32> * tensor<1xf32>";
    expect(apply(op, types, "tensor<1x2x2x1xf32>", [x, w, array("f32", [1], [0.5])])).toEqual([1.5, 5.5, 11.5, 28.5]);
  });

  it("spreads elements when transposed", () => {
    const small = array("f32", [1, 2, 2, 1], [1, 2, 3, 4]);
    const w = array("f32", [1, 2, 2, 1], [1, 10, 100, 1000]);
    const op =
      "transpose_conv2d {out_pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, out_shape = array<i64: 1, 3, 3, 1>}";
    const types = "tensor<1x2x2x1xf32> * tensor<1x2x2x1xf32> * tensor<1xf32>";
    const wanted = [1, 12, 20, 103, 1234, 2040, 300, 3400, 4000];
    expect(apply(op, types, "tensor<1x3x3x1xf32>", [small, w, array("f32", [1], [0])])).toEqual(wanted);
  });

  it("keeps channels apart when depthwise", () => {
    const two = array("i8", [1, 1, 2, 2], [1, 2, 3, 4]);
    const w = array("i8", [1, 2, 2, 1], [1, 10, 1, 10]);
    const op =
      "depthwise_conv2d {pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>, dilation = array<i64: 1, 1>, quantization_info = #tosa.conv_quant<input_zp = 1, weight_zp = 0>}";
    const types = "tensor<1x1x2x2xi8> * tensor<1x2x2x1xi8> * tensor<2xi32>";
    expect(apply(op, types, "tensor<1x1x1x2xi32>", [two, w, array("i32", [2], [0, 5])])).toEqual([2, 45]);
  });

  it("pools the largest and the mean, padding aside", () => {
    const pad = "kernel = array<i64: 2, 2>, pad = array<i64: 1, 0, 1, 0>, stride = array<i64: 2, 2>";
    expect(apply(`max_pool2d {${pad}}`, "tensor<1x3x3x1xf32>", "tensor<1x2x2x1xf32>", [x])).toEqual([1, 3, 7, 9]);
    expect(apply(`avg_pool2d {acc_type = f32, ${pad}}`, "tensor<1x3x3x1xf32>", "tensor<1x2x2x1xf32>", [x])).toEqual([
      1, 2.5, 5.5, 7,
    ]);
    const q = array("i8", [1, 1, 3, 1], [1, 2, 4]);
    const op =
      "avg_pool2d {acc_type = i32, kernel = array<i64: 1, 3>, pad = array<i64: 0, 0, 0, 0>, stride = array<i64: 1, 1>}";
    expect(apply(op, "tensor<1x1x3x1xi8>", "tensor<1x1x1x1xi8>", [q])).toEqual([2]);
  });
});

describe("reductions and shapes", () => {
  const x = array("i32", [2, 3], [1, 5, 3, 4, 2, 6]);

  it("reduces along an axis", () => {
    const of = (name: string, axis: number, result: string) =>
      apply(`${name} {axis = ${axis} : i32}`, "tensor<2x3xi32>", result, [x]);
    expect(of("reduce_sum", 1, "tensor<2x1xi32>")).toEqual([9, 12]);
    expect(of("reduce_prod", 0, "tensor<1x3xi32>")).toEqual([4, 10, 18]);
    expect(of("reduce_max", 0, "tensor<1x3xi32>")).toEqual([4, 5, 6]);
    expect(of("reduce_min", 1, "tensor<2x1xi32>")).toEqual([1, 2]);
    expect(of("argmax", 1, "tensor<2xi32>")).toEqual([1, 2]);
  });

  it("moves elements", () => {
    expect(apply("reverse {axis = 1 : i32}", "tensor<2x3xi32>", "tensor<2x3xi32>", [x])).toEqual([3, 5, 1, 6, 2, 4]);
    expect(
      apply("slice {start = array<i64: 0, 1>, size = array<i64: 2, -1>}", "tensor<2x3xi32>", "tensor<2x2xi32>", [x]),
    ).toEqual([5, 3, 2, 6]);
    expect(apply("tile {multiples = array<i64: 1, 2>}", "tensor<2x3xi32>", "tensor<2x6xi32>", [x])).toEqual([
      1, 5, 3, 1, 5, 3, 4, 2, 6, 4, 2, 6,
    ]);
    expect(apply("concat {axis = 1 : i32}", "tensor<2x3xi32> * tensor<2x3xi32>", "tensor<2x6xi32>", [x, x])).toEqual([
      1, 5, 3, 1, 5, 3, 4, 2, 6, 4, 2, 6,
    ]);
    const amounts = array("i32", [2, 2], [0, 1, 1, 0]);
    expect(apply("pad", "tensor<2x3xi32> * tensor<2x2xi32>", "tensor<3x4xi32>", [x, amounts])).toEqual([
      0, 1, 5, 3, 0, 4, 2, 6, 0, 0, 0, 0,
    ]);
    expect(apply("reshape {new_shape = array<i64: -1>}", "tensor<2x3xi32>", "tensor<6xi32>", [x])).toEqual(x.values());
  });

  it("gathers and scatters rows", () => {
    const rows = array("i32", [1, 3, 2], [1, 2, 3, 4, 5, 6]);
    const at = array("i32", [1, 2], [2, 0]);
    expect(apply("gather", "tensor<1x3x2xi32> * tensor<1x2xi32>", "tensor<1x2x2xi32>", [rows, at])).toEqual([
      5, 6, 1, 2,
    ]);
    const fresh = array("i32", [1, 2, 2], [50, 60, 10, 20]);
    expect(
      apply("scatter", "tensor<1x3x2xi32> * tensor<1x2xi32> * tensor<1x2x2xi32>", "tensor<1x3x2xi32>", [
        rows,
        at,
        fresh,
      ]),
    ).toEqual([10, 20, 3, 4, 50, 60]);
    const text = `func.func @f(%v: tensor<1x3x2xi32>, %i: tensor<1x2xi32>) -> tensor<1x2x2xi32> {
      %0 = tosa.gather %v, %i : (tensor<1x3x2xi32>, tensor<1x2xi32>) -> tensor<1x2x2xi32>
      return %0 : tensor<1x2x2xi32>
    }`;
    expect(faultOf(text, [rows, array("i32", [1, 2], [3, 0])])).toContain("row 3 is out of bounds of 3");
  });

  it("resizes by mixing neighbours, or takes the nearest", () => {
    const image = array("f32", [1, 1, 2, 1], [10, 20]);
    const op = (mode: string) =>
      `resize {scale = array<i64: 1, 1, 4, 2>, offset = array<i64: 0, 0>, border = array<i64: 0, 0>, mode = "${mode}"}`;
    expect(apply(op("BILINEAR"), "tensor<1x1x2x1xf32>", "tensor<1x1x3x1xf32>", [image])).toEqual([10, 15, 20]);
    expect(apply(op("NEAREST_NEIGHBOR"), "tensor<1x1x2x1xf32>", "tensor<1x1x3x1xf32>", [image])).toEqual([10, 20, 20]);
  });
});

describe("control and state", () => {
  it("loops, chooses and remembers", () => {
    const text = `module {
      func.func @f(%n: tensor<i32>) -> (tensor<i32>, tensor<i32>) {
        tosa.variable @v = dense<40> : tensor<i32>
        %one = "tosa.const"() <{value = dense<1> : tensor<i32>}> : () -> tensor<i32>
        %zero = "tosa.const"() <{value = dense<0> : tensor<i32>}> : () -> tensor<i32>
        %r = tosa.while_loop (%i = %n) : (tensor<i32>) -> tensor<i32> {
          %go = tosa.greater %i, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
          tosa.yield %go : tensor<i1>
        } do {
        ^bb0(%i: tensor<i32>):
          %old = tosa.variable.read @v : tensor<i32>
          %new = tosa.add %old, %one : (tensor<i32>, tensor<i32>) -> tensor<i32>
          tosa.variable.write @v, %new : tensor<i32>
          %j = tosa.sub %i, %one : (tensor<i32>, tensor<i32>) -> tensor<i32>
          tosa.yield %j : tensor<i32>
        }
        %c = tosa.equal %r, %zero : (tensor<i32>, tensor<i32>) -> tensor<i1>
        %v = tosa.cond_if %c -> (tensor<i32>) {
          %now = tosa.variable.read @v : tensor<i32>
          tosa.yield %now : tensor<i32>
        } else {
          tosa.yield %zero : tensor<i32>
        }
        return %r, %v : tensor<i32>, tensor<i32>
      }
    }`;
    const results = run(text, [array("i32", [], [2])]).map((r) => (r as NDArray).values());
    expect(results).toEqual([[0], [42]]);
  });
});
