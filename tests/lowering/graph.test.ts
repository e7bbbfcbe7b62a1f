/** @file Passes on graphs of tensor ops: they change the ops, never what they compute. */
import { describe, expect, it } from "vitest";
import * as func from "../../dialects/func.ts";
import { constantOfArray } from "../../dialects/graph/constant.ts";
import * as conv from "../../dialects/graph/conv.ts";
import { conv_transpose } from "../../dialects/graph/conv-transpose.ts";
import * as elementwise from "../../dialects/graph/elementwise.ts";
import * as pool from "../../dialects/graph/pool.ts";
import * as shape from "../../dialects/graph/shape.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { f32, type TensorType, tensor as tensorType } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { distance, program, randomArray, runPasses, verified } from "../support/compile.ts";

const t = (...sizes: number[]): TensorType => tensorType(sizes, f32);
const known = (b: Builder, seed: number, ...sizes: number[]): Value =>
  constantOfArray(b, randomArray(t(...sizes), seed), f32);
const window = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1] };

/** Names of the ops of the function, constants left out. */
const opsOf = (module: Operation): string[] => {
  const names: string[] = [];
  for (const fn of module.region().entry) {
    for (const op of func.func.of(fn).body.entry) if (!op.def.isConstant && !op.def.isTerminator) names.push(op.name);
  }
  return names;
};

function check(inputs: readonly TensorType[], pipeline: string, fill: (b: Builder, ...x: Value[]) => Value): string[] {
  let result: TensorType = t(1);
  // Built once to learn the type of the result.
  program(inputs, [], (b, ...x) => {
    result = fill(b, ...x).type as TensorType;
    return [];
  });
  const module = program(inputs, [result], (b, ...x) => [fill(b, ...x)]);
  verified(module, "building");
  const given = inputs.map((type, i) => randomArray(type, i + 1));
  const before = interpret(module, "main", given)[0] as NDArray;
  runPasses(module, `builtin.module(func.func(${pipeline}))`);
  const after = interpret(module, "main", given)[0] as NDArray;
  expect(after.shape).toEqual(before.shape);
  expect(distance(after, before)).toBeLessThan(1e-5);
  return opsOf(module);
}

describe("graph-fold-affine", () => {
  it("folds scale and shift into weights and bias", () => {
    const ops = check([t(1, 3, 6, 6)], "graph-fold-affine", (b, x) => {
      const y = conv.conv(b, x!, known(b, 5, 4, 3, 3, 3), known(b, 6, 4), window);
      return elementwise.add(b, elementwise.mul(b, y, known(b, 7, 4, 1, 1)), known(b, 8, 1, 4, 1, 1));
    });
    expect(ops).toEqual(["graph.conv"]);
  });

  it("subtracts on one side only", () => {
    const subtract = (reversed: boolean) => (b: Builder, x: Value) => {
      const y = conv.conv(b, x, known(b, 5, 4, 3, 3, 3), undefined, window);
      const c = known(b, 7, 4, 1, 1);
      return reversed ? elementwise.sub(b, c, y) : elementwise.sub(b, y, c);
    };
    expect(check([t(1, 3, 6, 6)], "graph-fold-affine", (b, x) => subtract(false)(b, x!))).toEqual(["graph.conv"]);
    expect(check([t(1, 3, 6, 6)], "graph-fold-affine", (b, x) => subtract(true)(b, x!))).toEqual([
      "graph.conv",
      "graph.sub",
    ]);
  });

  it("leaves what varies over space, and what is used twice", () => {
    const ops = check([t(1, 3, 6, 6)], "graph-fold-affine", (b, x) => {
      const y = conv.conv(b, x!, known(b, 5, 4, 3, 3, 3), undefined, window);
      return elementwise.add(b, y, known(b, 8, 4, 6, 6));
    });
    expect(ops).toEqual(["graph.conv", "graph.add"]);
    const twice = check([t(1, 3, 6, 6)], "graph-fold-affine", (b, x) => {
      const y = conv.conv(b, x!, known(b, 5, 4, 3, 3, 3), undefined, window);
      return elementwise.add(b, elementwise.mul(b, y, known(b, 8, 4, 1, 1)), y);
    });
    expect(twice).toEqual(["graph.conv", "graph.mul", "graph.add"]);
  });
});

describe("graph-layout", () => {
  it("leaves transposes at the borders only", () => {
    const ops = check([t(1, 3, 8, 8)], "graph-layout", (b, x) => {
      const first = elementwise.relu(b, conv.conv(b, x!, known(b, 5, 4, 3, 3, 3), known(b, 6, 4), window));
      const second = conv.conv(b, first, known(b, 7, 4, 4, 3, 3), undefined, window);
      const sum = elementwise.add(b, elementwise.mul(b, second, known(b, 9, 4, 1, 1)), first);
      const cat = shape.concat(b, [sum, first], { axis: 1 });
      return pool.max_pool(b, cat, { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1] });
    });
    expect(ops.filter((n) => n === "graph.transpose")).toHaveLength(2);
    expect(ops[0]).toBe("graph.transpose");
    expect(ops[ops.length - 1]).toBe("graph.transpose");
  });

  it("moves an image of one channel without a copy", () => {
    const ops = check([t(1, 1, 8, 8)], "graph-layout", (b, x) =>
      conv.conv(b, x!, known(b, 5, 1, 1, 3, 3), undefined, window),
    );
    expect(ops).toEqual(["graph.reshape", "graph.conv", "graph.reshape"]);
  });
});

describe("graph-subpixel", () => {
  const zeros = (n: number): number[] => new Array<number>(n).fill(0);
  it.each<[string, number[], number[], Partial<Parameters<typeof conv_transpose>[4]>]>([
    ["2x2 by 2", [1, 3, 5, 6], [2, 2], { strides: [2, 2] }],
    ["3x3 by 2, padded, widened", [2, 3, 5, 6], [3, 3], { strides: [2, 2], pads: [1, 1, 1, 1], more: [1, 1] }],
    ["4x4 by 2, cut", [1, 2, 4, 4], [4, 4], { strides: [2, 2], pads: [1, 1, 1, 1] }],
    ["window smaller than the stride", [1, 2, 4, 5], [1, 2], { strides: [3, 2] }],
    ["uneven", [1, 2, 4, 5], [5, 3], { strides: [3, 1], pads: [2, 0, 1, 1] }],
    ["in one dimension", [1, 3, 7], [5], { strides: [2], pads: [1, 2] }],
    ["in three", [1, 2, 3, 2, 4], [3, 2, 3], { strides: [2, 1, 2], pads: [0, 0, 1, 1, 0, 0] }],
  ])("%s", (_name, input, kernel, window) => {
    const n = kernel.length;
    const ops = check([t(...input)], "graph-layout,graph-subpixel", (b, x) =>
      conv_transpose(b, x!, known(b, 2, input[1]!, 4, ...kernel), known(b, 3, 4), {
        strides: window.strides!,
        pads: window.pads ?? zeros(2 * n),
        dilations: kernel.map(() => 1),
        more: window.more ?? zeros(n),
      }),
    );
    expect(ops).toContain("graph.conv");
    expect(ops).not.toContain("graph.conv_transpose");
  });

  it("leaves transposed convolutions whose weights are not known", () => {
    const ops = check([t(1, 3, 5, 6), t(3, 4, 2, 2)], "graph-layout,graph-subpixel", (b, x, w) =>
      conv_transpose(b, x!, w!, undefined, { strides: [2, 2], pads: zeros(4), dilations: [1, 1], more: [0, 0] }),
    );
    expect(ops).toContain("graph.conv_transpose");
  });
});

describe("graph-whole-vectors", () => {
  const outputs = (out: number): string[] =>
    check([t(1, 8, 36, 30)], "graph-layout,graph-whole-vectors", (b, x) =>
      conv.conv(b, x!, known(b, 5, out, 8, 3, 3), known(b, 6, out), window),
    );

  it("fills vectors of few channels", () => {
    for (const out of [1, 3, 6]) expect(outputs(out)).toContain("graph.slice");
  });

  it("leaves what fills them, or nearly", () => {
    for (const out of [4, 8, 9]) expect(outputs(out)).not.toContain("graph.slice");
  });
});
