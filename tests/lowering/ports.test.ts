/** Inputs and outputs in other layouts and places: what is computed stays the same. */
import { describe, expect, it } from "vitest";
import { constantOfArray } from "../../dialects/graph/constant.ts";
import { conv } from "../../dialects/graph/conv.ts";
import { relu } from "../../dialects/graph/elementwise.ts";
import type { Operation } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { f32, tensor } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { program, randomArray } from "../support/compile.ts";
import { arenaOf, lowerForC } from "../support/lowered-c.ts";

const image = tensor([1, 3, 6, 5], f32);
const answer = tensor([1, 4, 6, 5], f32);

const build = (): Operation =>
  program([image], [answer], (b, x) => {
    const [weights, bias] = [tensor([4, 3, 3, 3], f32), tensor([4], f32)].map((t, i) =>
      constantOfArray(b, randomArray(t, i + 2), f32),
    );
    const window = { strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 };
    return [relu(b, conv(b, x!, weights!, bias, window))];
  });

function lowered(settings: Record<string, string>): { readonly module: Operation; readonly arena: number } {
  const module = build();
  lowerForC(module, settings);
  return { module, arena: arenaOf(module) };
}

/** The array in another order of dimensions, in memory of its own. */
const turned = (a: NDArray, order: readonly number[]): NDArray => {
  const shape = order.map((d) => a.shape[d]!);
  const strides = order.map((d) => a.strides[d]!);
  return new NDArray(a.dtype, shape, a.data, strides, a.offset).contiguous();
};

const x = randomArray(image, 1);
const expected = interpret(build(), "main", [x])[0] as NDArray;
const numbers = (a: NDArray): number[] => [...a.values()].map((v) => Math.round(Number(v) * 1e4));

describe("inputs and outputs", () => {
  it("have their channels last with --io nhwc", () => {
    const { module } = lowered({ cpu: "m4", io: "nhwc" });
    const found = NDArray.zeros("f32", [1, 6, 5, 4]);
    interpret(module, "main", [turned(x, [0, 2, 3, 1]), found]);
    expect(numbers(found)).toEqual(numbers(turned(expected, [0, 2, 3, 1])));
  });

  it("share the arena with --in-place-io", () => {
    const { module, arena } = lowered({ cpu: "m4", io: "nhwc", "in-place-io": "yes" });
    const found = NDArray.zeros("f32", [1, 6, 5, 4]);
    interpret(module, "main", [turned(x, [0, 2, 3, 1]), found]);
    expect(numbers(found)).toEqual(numbers(turned(expected, [0, 2, 3, 1])));
    // They overlap: the result takes the place of rows that are not read any more.
    expect(arena).toBeLessThan(4 * 6 * 5 * (3 + 4));
    expect(arena).toBeGreaterThanOrEqual(4 * 6 * 5 * 4);
  });
});
