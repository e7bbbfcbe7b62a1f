/** @file Rows of the second law: an op on some types, and how near its expansion must come. */
import { describe, expect, it } from "vitest";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { f32, type TensorType, type Type, tensor } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { bothWays, furthest, magnitude, type Program, programOf, run, sample } from "./graph-law.ts";

export interface Row {
  readonly name: string;
  readonly inputs: readonly TensorType[];
  readonly build: (b: Builder, ...xs: Value[]) => Value | readonly Value[];
  readonly how: Nearness;
  /** Inputs that are not samples. */
  readonly given?: readonly (NDArray | undefined)[];
}

/** Exactly; by a number of summed products; or by units in the last place of single precision, of at least 1. */
export type Nearness = "exact" | { readonly terms: number } | { readonly ulps: number };

export const t = (dims: readonly number[], element: Type = f32): TensorType => tensor(dims, element);

export const row = (
  name: string,
  inputs: readonly TensorType[],
  build: Row["build"],
  how: Nearness = "exact",
  given?: Row["given"],
): Row => ({ name, inputs, build, how, ...(given ? { given } : {}) });

export function checkLaw(rows: readonly Row[]): void {
  describe("evaluate and expand agree", () => {
    it.each(rows)("$name", ({ inputs, build, how, given }) => {
      const program = (): Program => programOf(inputs, (b, ...xs) => [build(b, ...xs)].flat() as Value[]);
      const args = inputs.map((type, i) => given?.[i] ?? sample(type, i + 1));
      const { before, after, faults } = bothWays(program(), args);
      expect(faults).toEqual([]);
      expect(after.length).toBe(before.length);
      const terms = how !== "exact" && "terms" in how ? how.terms : 0;
      const sums = terms > 0 ? run(program().module, args.map(magnitude)) : undefined;
      before.forEach((a, i) => {
        if (how !== "exact" && "ulps" in how) expect(ulps(a, after[i]!)).toBeLessThanOrEqual(how.ulps);
        else expect(furthest(a, after[i]!, sums?.[i], terms)).toBeLessThanOrEqual(1);
      });
    });
  });
}

/** The largest difference in units of the single precision's epsilon times the magnitude, or 1 where that is less. */
function ulps(a: NDArray, b: NDArray): number {
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return Number.POSITIVE_INFINITY;
  const [x, y] = [a.values().map(Number), b.values().map(Number)];
  return x.reduce((worst, v, i) => {
    const w = y[i]!;
    if (Object.is(v, w)) return worst;
    const distance = Math.abs(v - w) / (2 ** -23 * Math.max(1, Math.abs(v)));
    return Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(worst, distance);
  }, 0);
}
