/** @file What only moves elements is read where it is wanted, through slices and other shapes: no launch of its own. */
import { describe, expect, it } from "vitest";
import { matmul } from "../../../dialects/graph/matmul.ts";
import { softmax } from "../../../dialects/graph/normalize.ts";
import { reshape, slice, transpose } from "../../../dialects/graph/shape.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/core.ts";
import { interpret } from "../../../ir/interpret.ts";
import { f32, type TensorType, tensor as tensorType } from "../../../ir/types.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { distance, program, randomArray, runPasses } from "../../support/compile.ts";

const f = (...shape: number[]): TensorType => tensorType(shape, f32);

const passes =
  "builtin.module(graph-to-linalg,func.func(linalg-pad-to-generic),canonicalize,cse,linalg-pack{panel=0},canonicalize,cse," +
  "linalg-outline{again=true},linalg-bufferize,linalg-schedule{machine=webgpu},linalg-to-loops)";

/** Heads of queries, keys and values that lie side by side in each of 8 tokens, and back. */
const attention =
  (size: number) =>
  (b: Builder, x: Value): Value => {
    const heads = transpose(b, reshape(b, x, undefined, { shape: [1, 8, 3, 2, size] }), { perm: [2, 0, 3, 1, 4] });
    const part = (i: number): Value => {
      const one = slice(b, heads, undefined, {
        starts: [i, 0, 0, 0, 0],
        ends: [i + 1, 1, 2, 8, size],
        steps: [1, 1, 1, 1, 1],
      });
      return reshape(b, one, undefined, { shape: [1, 2, 8, size] });
    };
    const [q, k, v] = [part(0), part(1), part(2)] as const;
    const shares = softmax(b, matmul(b, q, transpose(b, k, { perm: [0, 1, 3, 2] })), { axis: 3 });
    const mixed = transpose(b, matmul(b, shares, v), { perm: [0, 2, 1, 3] });
    return reshape(b, mixed, undefined, { shape: [1, 8, 2 * size] });
  };

describe("views in kernels on webgpu", () => {
  it.each([
    // Attention with what lays out its operands, and a product that reads its result in another order.
    ["heads of whole vectors", 8, 2],
    ["heads of single elements", 5, 2],
  ])("%s", (_name, size, wanted) => {
    const [input, weights] = [f(1, 8, 6 * size), f(2 * size, 12)];
    const body = (b: Builder, x?: Value, w?: Value): Value[] => [matmul(b, attention(size)(b, x!), w!)];
    const module = program([input, weights], [f(1, 8, 12)], body);
    const given = [randomArray(input, 1), randomArray(weights, 2)];
    const [reference] = interpret(module, "main", given) as [NDArray];
    runPasses(module, passes);
    let launches = 0;
    module.walk((op) => {
      if (op.name === "gpu.launch") launches++;
    });
    const got = NDArray.zeros(reference.dtype, [1, 8, 12]);
    interpret(module, "main", [...given, got]);
    expect(distance(got, reference)).toBeLessThan(1e-5);
    expect(launches).toBe(wanted);
  });
});
