/** @file Recurrent layers: what they compute is what the loops over time compute that they become. */
import { describe, expect, it } from "vitest";
import { gru, lstm, rnn } from "../../../dialects/graph/recurrent.ts";
import { type ActivationName, activationNames, defaultsOf } from "../../../dialects/graph/recurrent-activations.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/core.ts";
import { f32, i32, type TensorType, type Type, tensor } from "../../../ir/types.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { bothWays, programOf, run, sample } from "../../support/graph-law.ts";

const t = (dims: readonly number[], element: Type = f32): TensorType => tensor(dims, element);
type Direction = "forward" | "reverse" | "bidirectional";

const functions = (names: readonly ActivationName[], direction: Direction, clip = 0) => {
  const all = direction === "bidirectional" ? [...names, ...names] : names;
  return {
    direction,
    clip,
    activations: all,
    alpha: all.map((n) => defaultsOf(n).alpha),
    beta: all.map((n) => defaultsOf(n).beta),
  };
};

const [time, batch, inputs, hidden] = [4, 2, 3, 5];
const layer = (gates: number, count: number): readonly TensorType[] => [
  t([time, batch, inputs]),
  t([count, gates * hidden, inputs]),
  t([count, gates * hidden, hidden]),
  t([count, 2 * gates * hidden]),
  t([count, batch, hidden]),
];

interface Row {
  readonly name: string;
  readonly inputs: readonly TensorType[];
  readonly build: (b: Builder, ...xs: Value[]) => unknown;
  readonly lengths?: readonly number[];
}

const rows: readonly Row[] = [
  ...(["forward", "reverse", "bidirectional"] as const).flatMap((direction): Row[] => {
    const count = direction === "bidirectional" ? 2 : 1;
    return [
      {
        name: `rnn ${direction}`,
        inputs: layer(1, count),
        build: (b, x, w, r, c, h) => rnn(b, x!, w!, r!, c, undefined, h, functions(["Tanh"], direction)),
      },
      ...[false, true].map(
        (linear): Row => ({
          name: `gru ${direction} ${linear ? "linear before reset" : ""}`,
          inputs: layer(3, count),
          build: (b, x, w, r, c, h) =>
            gru(b, x!, w!, r!, c, undefined, h, {
              ...functions(["Sigmoid", "Tanh"], direction),
              linear_before_reset: linear,
            }),
        }),
      ),
      {
        name: `lstm ${direction} with peepholes`,
        inputs: [...layer(4, count), t([count, batch, hidden]), t([count, 3 * hidden])],
        build: (b, x, w, r, c, h, cell, p) =>
          lstm(b, x!, w!, r!, c, undefined, h, cell, p, functions(["Sigmoid", "Tanh", "Tanh"], direction, 2)),
      },
    ];
  }),
  {
    name: "gru without bias, linear before reset",
    inputs: layer(3, 1).slice(0, 3),
    build: (b, x, w, r) =>
      gru(b, x!, w!, r!, undefined, undefined, undefined, {
        ...functions(["Sigmoid", "Tanh"], "forward"),
        linear_before_reset: true,
      }),
  },
  {
    name: "lstm of sequences of different lengths",
    inputs: [...layer(4, 1).slice(0, 3), t([batch], i32)],
    build: (b, x, w, r, n) =>
      lstm(
        b,
        x!,
        w!,
        r!,
        undefined,
        n,
        undefined,
        undefined,
        undefined,
        functions(["Sigmoid", "Tanh", "Tanh"], "forward"),
      ),
    lengths: [2, 4],
  },
  ...activationNames.map(
    (name): Row => ({
      name: `rnn of ${name}`,
      inputs: layer(1, 1),
      build: (b, x, w, r, c, h) => rnn(b, x!, w!, r!, c, undefined, h, functions([name], "forward", 3)),
    }),
  ),
];

/** Inputs of at most 1/2, so that errors do not grow from step to step. */
const small = (type: TensorType, seed: number, lengths?: readonly number[]): NDArray =>
  type.element === f32
    ? NDArray.from(
        "f32",
        type.shape,
        sample(type, seed)
          .values()
          .map((v) => Number(v) / 8),
      )
    : NDArray.from("i32", type.shape, lengths ?? []);

describe("evaluate and expand agree", () => {
  it.each(rows)("$name", ({ inputs: types, build, lengths }) => {
    const program = programOf(types, (b, ...xs) => build(b, ...xs) as readonly Value[]);
    const { before, after, faults } = bothWays(
      program,
      types.map((type, i) => small(type, i + 1, lengths)),
    );
    expect(faults).toEqual([]);
    before.forEach((a, i) => {
      // Each step rounds sums of less than 16 terms of magnitude below 4; four steps of slope at most 1 times 5 states.
      const worst = Math.max(...a.values().map((v, n) => Math.abs(Number(v) - Number(after[i]!.values()[n]))));
      expect(worst).toBeLessThan(2 ** -24 * 16 * 4 * 8);
    });
  });
});

describe("sequences shorter than the longest", () => {
  it("leave zeros behind, and start from their own end backwards", () => {
    const types = [...layer(1, 1).slice(0, 3), t([batch], i32)];
    const program = programOf(
      types,
      (b, x, w, r, n) =>
        rnn(b, x!, w!, r!, undefined, n, undefined, functions(["Tanh"], "reverse")) as unknown as readonly Value[],
    );
    const args = types.map((type, i) => small(type, i + 1, [2, 4]));
    const [y, h] = run(program.module, args);
    const values = (step: number): number[] =>
      Array.from({ length: hidden }, (_, j) => Number(y!.get([step, 0, 0, j])));
    expect(
      values(2)
        .concat(values(3))
        .every((v) => v === 0),
    ).toBe(true);
    expect(values(0)).toEqual(Array.from({ length: hidden }, (_, j) => h!.get([0, 0, j])));
    expect(values(1).some((v) => v !== 0)).toBe(true);
  });
});
