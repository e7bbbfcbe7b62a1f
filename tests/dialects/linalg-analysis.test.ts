import { describe, expect, it } from "vitest";
import * as arith from "../../dialects/arith/ops.ts";
import {
  contractionDims,
  convolutionDims,
  type GenericParts,
  genericOf,
  inferContraction,
  isElementwise,
  structureOf,
} from "../../dialects/linalg/index.ts";
import * as linalg from "../../dialects/linalg/ops.ts";
import { Builder } from "../../ir/builder.ts";
import { Block, type Value } from "../../ir/core.ts";
import { f16, f32, i8, i32, type Type, tensor } from "../../ir/types.ts";

const start = (...types: Type[]) => {
  const block = new Block(types);
  return { args: block.args, b: Builder.atEnd(block), block };
};

const multiplyAdd: GenericParts["body"] = (b, x, y, acc) => arith.addf(b, acc!, arith.mulf(b, x!, y!));

describe("contractions", () => {
  it("sorts the loops of a product", () => {
    const { args, block, b } = start(tensor([2, 3, 4], f32), tensor([2, 4, 5], f32), tensor([2, 3, 5], f32));
    linalg.batch_matmul(b, args.slice(0, 2), args.slice(2));
    expect(inferContraction(structureOf(block.last!)!)).toMatchObject({ batch: [0], m: [1], n: [2], k: [3] });
  });

  it("sees products through casts and zero points", () => {
    const { args, block, b } = start(tensor([3, 4], i8), tensor([4, 5], i8), i32, i32, tensor([3, 5], i32));
    linalg.quantized_matmul(b, args.slice(0, 4), args.slice(4));
    const c = inferContraction(structureOf(block.last!)!)!;
    expect(c).toMatchObject({ batch: [], m: [0], n: [1], k: [2] });
    expect(c.lhs.casts.map((op) => op.name)).toEqual(["arith.extsi"]);
    expect([c.lhs.zero, c.rhs.zero]).toEqual([block.last!.region().entry.args[2], block.last!.region().entry.args[3]]);
  });

  it("takes either order of the sum and of the factors", () => {
    const { args, block, b } = start(tensor([3, 4], f16), tensor([4, 5], f16), tensor([3, 5], f32));
    genericOf(b, {
      loops: "m n : k",
      inputs: [
        [args[0]!, "m, k"],
        [args[1]!, "k, n"],
      ],
      outputs: [[args[2]!, "m, n"]],
      body: (inner, x, y, acc) => {
        const wide = (v: Value) => arith.extf(inner, v, { types: [f32] });
        return arith.addf(inner, arith.mulf(inner, wide(y!), wide(x!)), acc!);
      },
    });
    const c = inferContraction(structureOf(block.last!)!)!;
    expect(c.lhs.operand.index).toBe(1);
    expect(c).toMatchObject({ m: [1], n: [0], k: [2] });
  });

  it("is none without the product, or where a loop belongs to neither side", () => {
    const { args, block, b } = start(tensor([3, 4], f32), tensor([4, 5], f32), tensor([3, 5], f32));
    const accesses = {
      loops: "m n : k",
      inputs: [
        [args[0]!, "m, k"],
        [args[1]!, "k, n"],
      ],
      outputs: [[args[2]!, "m, n"]],
    } as const;
    genericOf(b, { ...accesses, body: (inner, x, y, acc) => arith.addf(inner, acc!, arith.maximumf(inner, x!, y!)) });
    const s = structureOf(block.last!)!;
    expect(inferContraction(s)).toBeUndefined();
    // The maps alone are those of one.
    expect(contractionDims(s)).toEqual({ batch: [], m: [0], n: [1], k: [2] });
    linalg.conv_2d(b, [args[0]!, args[1]!], [args[2]!]);
    expect(inferContraction(structureOf(block.last!)!)).toBeUndefined();
  });
});

describe("convolutions", () => {
  it("sorts the loops, strides and dilations of a 2-D convolution", () => {
    const { args, block, b } = start(tensor([1, 9, 9, 3], f32), tensor([3, 3, 3, 8], f32), tensor([1, 4, 3, 8], f32));
    const strides = linalg.windowSteps([2, 2]);
    linalg.conv_2d_nhwc_hwcf(b, args.slice(0, 2), args.slice(2), { strides, dilations: linalg.windowSteps([1, 2]) });
    expect(convolutionDims(structureOf(block.last!)!)).toEqual({
      batch: [0],
      outputImage: [1, 2],
      outputChannel: [3],
      filterLoop: [4, 5],
      inputChannel: [6],
      depth: [],
      strides: [2, 2],
      dilations: [1, 2],
    });
  });

  it("knows depthwise convolution, grouped convolution, and pooling", () => {
    const { args, block, b } = start(
      tensor([1, 6, 6, 4], f32),
      tensor([3, 3, 4], f32),
      tensor([1, 4, 4, 4], f32),
      tensor([3, 3], f32),
    );
    linalg.depthwise_conv_2d_nhwc_hwc(b, args.slice(0, 2), args.slice(2, 3));
    expect(convolutionDims(structureOf(block.last!)!)).toMatchObject({
      depth: [3],
      outputChannel: [],
      inputChannel: [],
    });
    linalg.pooling_nhwc_max(b, [args[0]!, args[3]!], args.slice(2, 3));
    expect(convolutionDims(structureOf(block.last!)!)).toMatchObject({ batch: [0, 3], depth: [], filterLoop: [4, 5] });
  });

  it("is none without windows", () => {
    const { args, block, b } = start(tensor([3, 4], f32), tensor([4, 5], f32), tensor([3, 5], f32));
    linalg.matmul(b, args.slice(0, 2), args.slice(2));
    expect(convolutionDims(structureOf(block.last!)!)).toBeUndefined();
  });
});

describe("elementwise", () => {
  it("is parallel, writes each element once, and has a body of scalar functions", () => {
    const { args, block, b } = start(tensor([3, 4], f32), tensor([3, 4], f32), tensor([4, 3], f32));
    linalg.add(b, [args[0]!, args[0]!], [args[1]!]);
    expect(isElementwise(structureOf(block.last!)!)).toBe(true);
    linalg.transpose(b, args[0]!, args[2]!, { permutation: [1, 0] });
    expect(isElementwise(structureOf(block.last!)!)).toBe(true);
    genericOf(b, { loops: "i : j", inputs: [[args[0]!, "i, j"]], outputs: [[args[1]!, "i, j"]], body: (_, x) => x });
    expect(isElementwise(structureOf(block.last!)!)).toBe(false);
    genericOf(b, {
      loops: "i j",
      inputs: [[args[0]!, "i, j"]],
      outputs: [[args[1]!, "i, j"]],
      body: (inner, x) => multiplyAdd(inner, linalg.index(inner, { dim: 0 }), x!, x!),
    });
    expect(isElementwise(structureOf(block.last!)!)).toBe(false);
  });
});
