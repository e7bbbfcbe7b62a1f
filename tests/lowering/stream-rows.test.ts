/**
 * Chains in steps of some rows: what comes out at the end, loops over one arena, is run and compared with what the graph means, and
 * with what the same loops compute that are not streamed: the same bits, in less memory.
 */
import { describe, expect, it } from "vitest";
import { constantOfArray } from "../../dialects/graph/constant.ts";
import { conv } from "../../dialects/graph/conv.ts";
import { add, relu } from "../../dialects/graph/elementwise.ts";
import { average_pool, max_pool } from "../../dialects/graph/pool.ts";
import { reshape } from "../../dialects/graph/shape.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { f32, type TensorType, tensor } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { programOf, randomArray } from "../support/compile.ts";
import { answerOf, arenaOf, lowerForC, mainOf } from "../support/lowered-c.ts";

const t = (...shape: number[]): TensorType => tensor(shape, f32);

interface Answer {
  readonly found: readonly number[];
  /** Bytes. */
  readonly arena: number;
  readonly calls: number;
}

function lowered(module: Operation, x: NDArray, settings: Record<string, string>): Answer {
  lowerForC(module, settings);
  let calls = 0;
  mainOf(module).walk((op) => {
    if (op.name === "func.call") calls++;
  });
  return { found: [...answerOf(module, x).values()].map(Number), arena: arenaOf(module), calls };
}

/** Answers what is computed in steps, and what all at once. */
function check(type: TensorType, fill: (b: Builder, x: Value) => Value, cpu = "m4"): { ram: Answer; speed: Answer } {
  const build = programOf(type, fill);
  const x = randomArray(type, 1);
  const expected = [...(interpret(build(), "main", [x])[0] as NDArray).values()].map(Number);
  const speed = lowered(build(), x, { cpu });
  const ram = lowered(build(), x, { cpu, opt: "ram" });
  expect(ram.found).toEqual(speed.found);
  ram.found.forEach((v, i) => expect(Math.abs(v - expected[i]!)).toBeLessThan(1e-4));
  return { ram, speed };
}

const convolve = (
  b: Builder,
  x: Value,
  shape: number[],
  pads: number[],
  stride = 1,
  group = 1,
  dilation = 1,
): Value => {
  const weights = (s: number[], seed: number): Value => constantOfArray(b, randomArray(t(...s), seed), f32);
  const options = { strides: [stride, stride], pads, dilations: [dilation, dilation], group };
  return conv(b, x, weights(shape, shape.length + stride), weights([shape[0]!], 7), options);
};
const same = [1, 1, 1, 1];
/** The end of a small network: what is streamed must be kept in memory somewhere. */
const head = (b: Builder, x: Value): Value =>
  relu(b, convolve(b, x, [4, (x.type as TensorType).shape[1]!, 3, 3], [0, 0, 0, 0], 2));

describe("linalg-stream-rows", () => {
  it("computes a chain of convolutions and pools in rings of rows", () => {
    const { ram, speed } = check(t(1, 3, 24, 20), (b, x) => {
      let y = relu(b, convolve(b, x, [8, 3, 3, 3], same));
      y = relu(b, convolve(b, y, [8, 1, 3, 3], same, 1, 8));
      y = relu(b, convolve(b, y, [16, 8, 1, 1], [0, 0, 0, 0]));
      y = max_pool(b, y, { kernel: [3, 3], strides: [2, 2], pads: same, dilations: [1, 1] });
      return head(b, y);
    });
    expect(ram.arena).toBeLessThan(speed.arena / 2);
    expect(ram.calls).toBeGreaterThan(2 * speed.calls);
  });

  it.each([
    ["a stride and borders at one side", 2, [0, 0, 1, 1], 1],
    ["wide steps without borders", 2, [0, 0, 0, 0], 1],
    ["windows with gaps", 1, [2, 2, 2, 2], 2],
  ] as const)("knows the rows of windows with %s", (_what, stride, pads, dilation) => {
    const { ram, speed } = check(t(1, 4, 23, 12), (b, x) => {
      const wide = relu(b, convolve(b, x, [12, 4, 1, 1], [0, 0, 0, 0]));
      return head(b, relu(b, convolve(b, wide, [12, 12, 3, 3], [...pads], stride, 1, dilation)));
    });
    expect(ram.arena).toBeLessThan(speed.arena);
  });

  it("keeps rows that a residual sum wants later", () => {
    const { ram, speed } = check(t(1, 2, 32, 12), (b, x) => {
      const first = relu(b, convolve(b, x, [12, 2, 3, 3], same));
      const inner = relu(b, convolve(b, first, [12, 12, 3, 3], same));
      const sum = relu(b, add(b, convolve(b, inner, [12, 12, 3, 3], same), first));
      return head(b, sum);
    });
    expect(ram.arena).toBeLessThan(speed.arena / 2);
  });

  it("leaves alone what is read as a whole", () => {
    const { ram, speed } = check(t(1, 2, 16, 8), (b, x) => {
      const wide = relu(b, convolve(b, x, [8, 2, 3, 3], same));
      const turned = reshape(b, wide, undefined, { shape: [1, 16, 8, 8] });
      return average_pool(b, turned, { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1] });
    });
    expect(ram.calls).toBe(speed.calls);
  });

  it("is right on machines with vectors too", () => {
    check(
      t(1, 3, 24, 20),
      (b, x) => {
        const y = relu(b, convolve(b, x, [16, 3, 3, 3], same));
        return head(b, relu(b, convolve(b, y, [16, 1, 3, 3], same, 1, 16)));
      },
      "x86-64-v3",
    );
  });
});
