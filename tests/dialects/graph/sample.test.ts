/** @file Samples of images at points, against values computed by hand. */
import { describe, expect, it } from "vitest";
import { grid_sample } from "../../../dialects/graph/sample.ts";
import { f32, tensor } from "../../../ir/types.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { programOf, run } from "../../support/graph-law.ts";

/** A row of pixels 1, 2, 3 sampled at coordinates. */
function sampled(at: readonly number[], attrs: object): readonly unknown[] {
  const types = [tensor([1, 1, 3], f32), tensor([1, at.length, 1], f32)];
  const program = programOf(types, (b, x, g) => [grid_sample(b, x!, g!, attrs)]);
  const args = [NDArray.from("f32", [1, 1, 3], [1, 2, 3]), NDArray.from("f32", [1, at.length, 1], at)];
  return run(program.module, args)[0]!.values();
}

describe("grid_sample", () => {
  it("interpolates between pixels", () => {
    expect(sampled([-1, -0.5, 0, 1], { align_corners: true })).toEqual([1, 1.5, 2, 3]);
    expect(sampled([0, 0.25], {})).toEqual([2, 2.375]);
  });

  it("fills what lies outside as it is told", () => {
    expect(sampled([-1, 2], {})).toEqual([0.5, 0]);
    expect(sampled([-1, 2], { padding: "border" })).toEqual([1, 3]);
    expect(sampled([2], { padding: "reflection", align_corners: true })).toEqual([2]);
  });

  it("takes the nearest pixel", () => {
    expect(sampled([-0.6, 0.1, 0.9], { mode: "nearest", align_corners: true })).toEqual([1, 2, 3]);
  });
});
