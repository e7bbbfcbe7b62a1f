/** @file Kernels whose threads sum up few results in teams: what the interpreter makes of them, and how they are shared out. */
import { describe, expect, it } from "vitest";
import type { TensorType } from "../../../ir/types.ts";
import { batched, compare, f, matrix, products, type Sum, turned, window } from "../../support/products.ts";

const batchedTurned: Sum = { ...batched, w: "b, n, k" };
/** Sums of whole images, channel by channel. */
const image: Sum = { loops: "n c : h w", x: "n, h, w, c", w: "h, w", y: "n, c" };

describe.each(["webgpu", "webgpu-small"])("few results of long sums on %s", (machine) => {
  it.each<[string, Sum, TensorType[], TensorType]>([
    ["one row", matrix, [f(1, 64), f(64, 40), f(40)], f(1, 40)],
    ["four rows", matrix, [f(4, 96), f(96, 12), f(12)], f(4, 12)],
    ["rows that are no tile", matrix, [f(7, 48), f(48, 8), f(8)], f(7, 8)],
    ["columns that are no vectors", matrix, [f(1, 128), f(128, 10), f(10)], f(1, 10)],
    ["one result", matrix, [f(1, 256), f(256, 1), f(1)], f(1, 1)],
    ["sums that no team divides", matrix, [f(2, 131), f(131, 8), f(8)], f(2, 8)],
    ["weights that lie along the sums", turned, [f(1, 64), f(9, 64), f(9)], f(1, 9)],
    ["a batch of rows", batched, [f(3, 1, 80), f(3, 80, 12), f(12)], f(3, 1, 12)],
    ["a batch of rows, weights along the sums", batchedTurned, [f(3, 1, 64), f(3, 21, 64), f(21)], f(3, 1, 21)],
    ["a window that is all there is", window(1), [f(1, 3, 3, 32), f(3, 3, 32, 8), f(8)], f(1, 1, 1, 8)],
    ["windows beyond a border", { ...window(1), border: 1 }, [f(1, 2, 2, 24), f(3, 3, 24, 4), f(4)], f(1, 2, 2, 4)],
    ["whole images", image, [f(1, 7, 7, 24), f(7, 7), f(24)], f(1, 24)],
  ])("%s", (_name, sum, inputs, result) => {
    const { difference, barriers, schedules } = compare(products(inputs, result, sum), inputs, result, machine);
    expect(difference).toBeLessThan(2e-5);
    const [members] = schedules.team!;
    expect(members).toBeGreaterThan(1);
    expect(barriers).toBe(members! > 8 ? 2 : 1);
  });
});
