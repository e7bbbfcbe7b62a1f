/** Bytes that sums of products read become numbers of 16 bits where they are made; the results stay the same. */
import { describe, expect, it } from "vitest";
import * as func from "../../dialects/func.ts";
import { constantOfArray } from "../../dialects/graph/constant.ts";
import { max_pool } from "../../dialects/graph/pool.ts";
import { conv_integer, matmul_integer, requantize } from "../../dialects/graph/quant.ts";
import { concat, pad, reshape } from "../../dialects/graph/shape.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { f32, i8, i16, i32, type TensorType, tensor } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { program, programOf, randomArray, runPasses, verified } from "../support/compile.ts";

const window = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1, layout: "channels-first" } as const;
const pool = { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1], ceil_mode: false };
const bytes = (b: Builder, shape: number[], seed: number): Value =>
  constantOfArray(b, randomArray(tensor(shape, i8), seed), i8);
const scaled = (b: Builder, x: Value, by = 0.01): Value =>
  requantize(b, x, constantOfArray(b, NDArray.from("f32", [], [by]), f32), undefined, { to: i8 });

/** The ops of a function of one input after a pass of functions, which computes what it did before. */
function opsAfter(pass: string, shape: number[], fill: (b: Builder, x: Value) => Value): Operation[] {
  const input = tensor(shape, i8);
  const module = programOf(input, fill)();
  const given = [randomArray(input, 3)];
  const before = interpret(module, "main", given)[0] as NDArray;
  runPasses(module, `builtin.module(func.func(${pass}))`);
  verified(module, "the pass");
  const after = interpret(module, "main", given)[0] as NDArray;
  expect([...after.values()]).toEqual([...before.values()]);
  expect(new Set(before.values()).size).toBeGreaterThan(3);
  return [...func.func.of(module.region().entry.first!).body.entry];
}

/** Shapes of what the sums of products read, after the pass. */
const factors = (shape: number[], fill: (b: Builder, x: Value) => Value): string[] =>
  opsAfter("graph-widen-to-pairs", shape, fill).flatMap((op) => {
    if (!conv_integer.is(op) && !matmul_integer.is(op)) return [];
    const t = op.operand(0).type as TensorType;
    expect(t.element).toBe(i16);
    return [t.shape.join("x")];
  });

describe("graph-row-channels", () => {
  const rows = { ...window, layout: "channels-last" } as const;
  /** Shapes of what the convolutions read and of their weights, and the strides that are left, after the pass. */
  const unfolded = (shape: number[], weights: number[], how: Partial<Parameters<typeof conv_integer>[6]>): string[] => {
    const made = opsAfter("graph-row-channels", shape, (b, x) =>
      conv_integer(b, x, bytes(b, weights, 1), undefined, undefined, undefined, { ...rows, ...how }),
    );
    return made.flatMap((op) => {
      const c = conv_integer.match(op);
      return c ? [[c.x.type.shape.join("x"), c.w.type.shape.join("x"), c.strides.join("")].join(" ")] : [];
    });
  };

  it("makes channels of four columns", () => {
    expect(unfolded([1, 9, 10, 1], [3, 4, 1, 8], { strides: [2, 2] })).toEqual(["1x11x5x4 3x1x4x8 21"]);
  });

  it("takes steps between columns, and fills up what is one short", () => {
    expect(unfolded([2, 6, 9, 1], [2, 3, 1, 8], { dilations: [1, 2], pads: [0, 2, 0, 1] })).toEqual([
      "2x6x8x4 2x1x4x8 11",
    ]);
    expect(unfolded([1, 6, 7, 2], [3, 4, 2, 9], {})).toEqual(["1x8x6x8 3x1x8x9 11"]);
  });

  it("leaves alone what has channels, or few results, or no rows", () => {
    expect(unfolded([1, 6, 6, 3], [3, 4, 3, 8], {})).toEqual(["1x6x6x3 3x4x3x8 11"]);
    expect(unfolded([1, 6, 6, 1], [3, 4, 1, 7], {})).toEqual(["1x6x6x1 3x4x1x7 11"]);
    expect(unfolded([1, 6, 6, 1], [3, 1, 1, 8], {})).toEqual(["1x6x6x1 3x1x1x8 11"]);
    expect(unfolded([1, 6, 6, 1], [3, 2, 1, 8], {})).toEqual(["1x6x6x1 3x2x1x8 11"]);
  });
});

describe("graph-fill-channels", () => {
  /** Shapes of what the convolutions read, and the pads that are left, after the pass. */
  const filled = (shape: number[], fill: (b: Builder, x: Value) => Value): string[] =>
    opsAfter("graph-fill-channels", shape, fill).flatMap((op) => {
      const c = conv_integer.match(op);
      return c || pad.is(op)
        ? [
            `${c ? `conv ${c.pads.join("")} of ` : "pad to "}${((c?.x ?? op.result()).type as TensorType).shape.join("x")}`,
          ]
        : [];
    });

  it("gives three channels a fourth, before the padding that is there", () => {
    const found = filled([1, 6, 6, 3], (b, x) => {
      const around = pad(b, x, constantOfArray(b, NDArray.from("i8", [], [7]), i8), {
        low: [0, 1, 1, 0],
        high: [0, 1, 1, 0],
        mode: "constant",
      });
      return conv_integer(b, around, bytes(b, [3, 3, 3, 4], 1), undefined, undefined, undefined, {
        ...window,
        pads: [0, 0, 0, 0],
        layout: "channels-last",
      });
    });
    expect(found).toEqual(["pad to 1x6x6x4", "pad to 1x8x8x4", "conv 0000 of 1x8x8x4"]);
  });

  it("leaves the padding of the convolution to it, in six channels that are first", () => {
    const found = filled([1, 6, 5, 5], (b, x) =>
      conv_integer(b, x, bytes(b, [4, 6, 3, 3], 1), undefined, undefined, undefined, window),
    );
    expect(found).toEqual(["pad to 1x8x5x5", "conv 1111 of 1x8x5x5"]);
  });

  it("leaves whole words alone, and what half or more zeros would be", () => {
    for (const channels of [1, 2, 4, 8]) {
      const found = filled([1, channels, 5, 5], (b, x) =>
        conv_integer(b, x, bytes(b, [4, channels, 3, 3], 1), undefined, undefined, undefined, window),
      );
      expect(found).toEqual([`conv 1111 of 1x${channels}x5x5`]);
    }
  });
});

describe("graph-widen-to-pairs", () => {
  it("gives an odd number of channels one more, with the padding of the convolution", () => {
    const found = factors([1, 3, 6, 6], (b, x) =>
      conv_integer(b, x, bytes(b, [4, 3, 3, 3], 1), undefined, undefined, undefined, window),
    );
    expect(found).toEqual(["1x4x8x8"]);
  });

  it("fills up in the padding that is there, and in channels that are last", () => {
    const found = factors([1, 6, 6, 3], (b, x) => {
      const around = pad(b, x, constantOfArray(b, NDArray.from("i8", [], [7]), i8), {
        low: [0, 1, 1, 0],
        high: [0, 1, 1, 0],
        mode: "constant",
      });
      return conv_integer(b, around, bytes(b, [3, 3, 3, 4], 1), undefined, undefined, undefined, {
        ...window,
        pads: [0, 0, 0, 0],
        layout: "channels-last",
      });
    });
    expect(found).toEqual(["1x8x8x4"]);
  });

  it("widens what is moved before it is moved: pools, concatenations, shapes", () => {
    const found = factors([1, 4, 8, 8], (b, x) => {
      const point = { ...window, pads: [0, 0, 0, 0] };
      const one = (seed: number): Value =>
        scaled(b, conv_integer(b, x, bytes(b, [2, 4, 1, 1], seed), undefined, undefined, undefined, point), 0.004);
      const both = concat(b, [one(1), one(2)] as never, { axis: 1 });
      const most = max_pool(b, both, pool);
      const rows = reshape(b, most, undefined, { shape: [1, 64] });
      return matmul_integer(b, rows, bytes(b, [64, 6], 3), undefined, undefined);
    });
    expect(found).toEqual(["1x4x8x8", "1x4x8x8", "1x64"]);
  });

  it("leaves sums of 32 bits and factors that are not constant alone", () => {
    const input = tensor([2, 4], i8);
    const module = program([input], [tensor([2, 2], i32)], (b, x) => {
      const turned = reshape(b, x!, undefined, { shape: [4, 2] });
      return [matmul_integer(b, x!, turned, undefined, undefined)];
    });
    runPasses(module, "builtin.module(func.func(graph-widen-to-pairs))");
    const types = [...func.func.of(module.region().entry.first!).body.entry].flatMap((op) =>
      op.operands.map((v) => (v.type as TensorType).element),
    );
    expect(types).not.toContain(i16);
  });
});
