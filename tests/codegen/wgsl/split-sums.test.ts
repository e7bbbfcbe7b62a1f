/** @file Products whose sums are cut into parts for workgroups: what the interpreter makes of them, and that there are two launches. */
import { describe, expect, it } from "vitest";
import type { TensorType } from "../../../ir/types.ts";
import { batched, compare, f, matrix, products, type Sum, turned, window } from "../../support/products.ts";

const cutFor = (machine: string): string => `func.func(linalg-split-sums{machine=${machine} least-work=0}),`;

describe.each(["webgpu", "webgpu-small"])("long sums of few results on %s", (machine) => {
  it.each<[string, Sum, TensorType[], TensorType]>([
    ["a square", matrix, [f(16, 1024), f(1024, 16), f(16)], f(16, 16)],
    ["rows that tiles do not divide", matrix, [f(9, 1024), f(1024, 12), f(12)], f(9, 12)],
    ["weights that lie along the sums", turned, [f(8, 1024), f(8, 1024), f(8)], f(8, 8)],
    ["a batch", batched, [f(2, 8, 1024), f(2, 1024, 8), f(8)], f(2, 8, 8)],
    ["windows beyond a border", { ...window(1), border: 1 }, [f(1, 3, 3, 128), f(3, 3, 128, 8), f(8)], f(1, 3, 3, 8)],
  ])("%s", (_name, sum, inputs, result) => {
    const { difference, launches, schedules } = compare(
      products(inputs, result, sum),
      inputs,
      result,
      machine,
      cutFor(machine),
    );
    expect(difference).toBeLessThan(1e-4);
    expect(launches).toBe(2);
    expect(schedules.share).toBeDefined();
  });

  it("are left as they are where there is little to do, or sums are short", () => {
    const launches = (k: number, before: string): number => {
      const inputs = [f(16, k), f(k, 16), f(16)];
      return compare(products(inputs, f(16, 16), matrix), inputs, f(16, 16), machine, before).launches;
    };
    expect(launches(1024, `func.func(linalg-split-sums{machine=${machine}}),`)).toBe(1);
    expect(launches(256, cutFor(machine))).toBe(1);
  });
});
