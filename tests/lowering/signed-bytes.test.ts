/** @file Unsigned bytes as signed ones: the same numbers, and the products are of bytes that both have signs. */
import { describe, expect, it } from "vitest";
import * as func from "../../dialects/func.ts";
import { constantOfArray } from "../../dialects/graph/constant.ts";
import { conv_integer, dequantize, matmul_integer, quantize } from "../../dialects/graph/quant.ts";
import { concat } from "../../dialects/graph/shape.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { f32, i8, i32, integer, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { program, randomArray, runPasses } from "../support/compile.ts";
import { network } from "../support/quantized.ts";

const u8 = integer(8, "unsigned");
const input = tensor([1, 3, 8, 8], f32);

const productsOf = (module: Operation): Type[] => {
  const found: Type[] = [];
  func.func.of(module.region().entry.first!).body.entry.parentOp!.walk((op) => {
    const x = conv_integer.match(op)?.x ?? matmul_integer.match(op)?.a;
    if (x) found.push(x.type.element);
  });
  return found;
};

/** What a function computes, before and behind the pass. */
function both(result: TensorType, fill: (b: Builder, x: Value) => Value) {
  const [before, after] = ["", ",graph-signed-bytes"].map((pass) => {
    const module = program([input], [result], (b, x) => [fill(b, x!)]);
    runPasses(module, `builtin.module(func.func(graph-integer${pass}))`);
    const [y] = interpret(module, "main", [randomArray(input, 1)]) as NDArray[];
    return { types: productsOf(module), values: [...y!.values()].map(Number) };
  });
  return { before: before!, after: after! };
}

const scale = (b: Builder): Value => constantOfArray(b, NDArray.from("f32", [], [0.02]), f32);
const zero = (b: Builder, n: number): Value => constantOfArray(b, NDArray.from("u8", [], [n]), u8);

describe("graph-signed-bytes", () => {
  it("goes through windows, pools, sums and products of a network", () => {
    const { before, after } = both(tensor([1, 5], f32), network(u8, 120));
    expect(new Set(before.types)).toEqual(new Set([u8]));
    expect(new Set(after.types)).toEqual(new Set([i8]));
    expect(new Set(after.values).size).toBeGreaterThan(3);
    expect(after.values).toEqual(before.values);
  });

  it("pads with what zero becomes, where zero is the zero point", () => {
    const w = (b: Builder): Value => constantOfArray(b, randomArray(tensor([4, 3, 3, 3], i8), 2), i8);
    const window = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1] };
    const { before, after } = both(tensor([1, 4, 8, 8], i32), (b, x) =>
      conv_integer(b, quantize(b, x, scale(b), zero(b, 0), { to: u8 }), w(b), undefined, undefined, undefined, window),
    );
    expect(after.types).toEqual([i8]);
    expect(after.values).toEqual(before.values);
  });

  it("leaves unsigned bytes to who asks for them", () => {
    const { after, before } = both(tensor([2, 3, 8, 8], u8), (b, x) => {
      const y = quantize(b, x, scale(b), zero(b, 130), { to: u8 });
      const other = dequantize(b, y, scale(b), zero(b, 120), { to: f32 });
      return concat(b, [y, quantize(b, other, scale(b), undefined, { to: u8 })] as never, { axis: 0 });
    });
    expect(new Set(after.values).size).toBeGreaterThan(20);
    expect(after.values).toEqual(before.values);
  });

  it("does not touch bytes that have signs", () => {
    const { before, after } = both(tensor([1, 5], f32), network(i8, -5));
    expect(after).toEqual(before);
  });
});
