/** @file Kernels of workgroups that share what they load: what the interpreter makes of them, and what they look like. */
import { describe, expect, it } from "vitest";
import type { TensorType } from "../../../ir/types.ts";
import { batched, compare, f, matrix, products, type Sum, tall, turned, window } from "../../support/products.ts";

describe.each(["webgpu", "webgpu-small"])("products by workgroups on %s", (machine) => {
  it.each<[string, Sum, TensorType[], TensorType]>([
    ["a square", matrix, [f(32, 32), f(32, 32), f(32)], f(32, 32)],
    ["rows and columns that tiles do not divide", matrix, [f(37, 24), f(24, 28), f(28)], f(37, 28)],
    ["columns that are no vectors", matrix, [f(19, 20), f(20, 11), f(11)], f(19, 11)],
    ["sums of an odd length", matrix, [f(16, 27), f(27, 16), f(16)], f(16, 16)],
    ["weights that lie along the sums", turned, [f(24, 16), f(20, 16), f(20)], f(24, 20)],
    ["rows that lie side by side", tall, [f(16, 24), f(16, 20), f(20)], f(24, 20)],
    ["a batch", batched, [f(3, 9, 8), f(3, 8, 12), f(12)], f(3, 9, 12)],
    ["windows", window(1), [f(1, 8, 9, 8), f(3, 3, 8, 12), f(12)], f(1, 6, 7, 12)],
    ["windows beyond a border", { ...window(1), border: 1 }, [f(1, 6, 7, 8), f(3, 3, 8, 12), f(12)], f(1, 6, 7, 12)],
    ["far beyond it, few channels", { ...window(2), border: 3 }, [f(1, 7, 6, 3), f(3, 3, 3, 8), f(8)], f(1, 6, 5, 8)],
    ["windows of few channels in steps", window(2), [f(2, 9, 11, 3), f(3, 3, 3, 8), f(8)], f(2, 4, 5, 8)],
  ])("%s", (_name, sum, inputs, result) => {
    const { difference, barriers, schedules } = compare(products(inputs, result, sum), inputs, result, machine);
    expect(difference).toBeLessThan(1e-5);
    expect(barriers).toBe(2);
    const [rows, columns, , , depth] = schedules.share as [number, number, number, number, number];
    expect((rows + columns) * depth * 4).toBeLessThanOrEqual(16 << 10);
  });
});
