/** @file Control flow on tensors: what the ops compute is what their scf computes. */
import { describe, expect, it } from "vitest";
import { constantOfArray } from "../../../dialects/graph/constant.ts";
import * as control from "../../../dialects/graph/control.ts";
import { add, less, mul } from "../../../dialects/graph/elementwise.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/core.ts";
import { f32, i1, i64, integer, type TensorType, type Type, tensor } from "../../../ir/types.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { bothWays, faultsOf, programOf, run, sample } from "../../support/graph-law.ts";

const t = (dims: readonly number[], element: Type = f32): TensorType => tensor(dims, element);
const u8 = integer(8, "unsigned");

interface Row {
  readonly name: string;
  readonly inputs: readonly TensorType[];
  readonly build: (b: Builder, ...xs: Value[]) => readonly Value[];
}
const scalar = (b: Builder, value: number | bigint, element: Type): Value =>
  constantOfArray(b, NDArray.from(element === i64 ? "i64" : "f32", [], [value]), element);

/** A sum that each turn adds to and hands out. */
const runningSum = (
  b: Builder,
  x: Value,
  start: Value,
  back: boolean,
  axis: number,
  outAxis: number,
): readonly Value[] =>
  control.scan(b, [start], [x], {
    types: [start.type, stacked(start.type as TensorType, outAxis, (x.type as TensorType).shape[axis]!)],
    input_axes: [axis],
    input_reverse: [back],
    output_axes: [outAxis],
    output_reverse: [back],
    body(inner, state, part) {
      const sum = add(inner, state!, part!);
      return [sum, sum];
    },
  });
const stacked = (type: TensorType, axis: number, count: number): TensorType =>
  tensor([...type.shape.slice(0, axis), count, ...type.shape.slice(axis)], type.element);

const rows: readonly Row[] = [
  {
    name: "if",
    inputs: [t([], i1), t([3]), t([3])],
    build: (b, c, x, y) =>
      control.if(b, c!, {
        types: [x!.type],
        thenRegion: (inner) => [add(inner, x!, y!)],
        elseRegion: (inner) => [mul(inner, x!, y!)],
      }),
  },
  {
    name: "if that hands on what it sees",
    inputs: [t([1], i1), t([3], u8), t([3], u8)],
    build: (b, c, x, y) => control.if(b, c!, { types: [x!.type], thenRegion: () => [x!], elseRegion: () => [y!] }),
  },
  {
    name: "loop of known length with a scan output",
    inputs: [t([2, 3])],
    build: (b, x) =>
      control.loop(b, undefined, undefined, [x!], {
        types: [x!.type, t([4, 2, 3]), t([4], i64)],
        trip: 4,
        steady: true,
        body: (inner, i, go, v) => {
          const twice = add(inner, v!, x!);
          return [go!, twice, twice, i!];
        },
      }),
  },
  {
    name: "loop of no turns",
    inputs: [t([2])],
    build: (b, x) =>
      control.loop(b, undefined, undefined, [x!], {
        types: [x!.type],
        trip: 0,
        steady: true,
        body: (inner, _, go, v) => [go!, add(inner, v!, v!)],
      }),
  },
  {
    name: "loop that its body ends",
    inputs: [t([]), t([], i64)],
    build: (b, x, n) =>
      control.loop(b, n!, undefined, [x!], {
        types: [x!.type],
        body(inner, _i, _go, v) {
          const next = add(inner, v!, scalar(inner, 1.5, f32));
          return [less(inner, next, scalar(inner, 20, f32)), next];
        },
      }),
  },
  {
    name: "loop whose length is a number",
    inputs: [t([2]), t([], i64)],
    build: (b, x, n) =>
      control.loop(b, n!, undefined, [x!], {
        types: [x!.type],
        body: (inner, _, go, v) => [go!, add(inner, v!, x!)],
      }),
  },
  { name: "scan", inputs: [t([5, 3]), t([3])], build: (b, x, s) => runningSum(b, x!, s!, false, 0, 0) },
  {
    name: "scan backwards along the last axis",
    inputs: [t([3, 5], u8), t([3], u8)],
    build: (b, x, s) => runningSum(b, x!, s!, true, 1, 1),
  },
];

describe("evaluate and expand agree", () => {
  it.each(rows)("$name", ({ inputs, build }) => {
    const args = inputs.map((type, i) => sample(type, i + 3));
    const program = programOf(inputs, (b, ...xs) => build(b, ...xs));
    const { before, after, faults } = bothWays(program, args);
    expect(faults).toEqual([]);
    expect(after.map((a) => a.values())).toEqual(before.map((a) => a.values()));
  });
});

describe("scan", () => {
  it("adds from the end where it runs backwards", () => {
    const program = programOf([t([3, 1]), t([1])], (b, x, s) => runningSum(b, x!, s!, true, 0, 0));
    const results = run(program.module, [NDArray.from("f32", [3, 1], [1, 2, 3]), NDArray.from("f32", [1], [10])]);
    expect(results.map((r) => r.values())).toEqual([[16], [16, 15, 13]]);
  });
});

describe("verify", () => {
  it("finds branches that do not give what the op does", () => {
    const program = programOf([t([], i1), t([3]), t([2])], (b, c, x, y) =>
      control.if(b, c!, { types: [x!.type], thenRegion: () => [x!], elseRegion: () => [y!] }),
    );
    expect(faultsOf(program.module)).toEqual([
      "'graph.if' op values of a branch: number 0 is a tensor<2xf32>, must be a tensor<3xf32>",
    ]);
  });

  it("finds a body that changes the type of what it carries", () => {
    const program = programOf([t([3]), t([2, 3])], (b, x, y) =>
      control.loop(b, undefined, undefined, [x!], {
        types: [x!.type],
        trip: 2,
        steady: true,
        body: (_, _i, go) => [go!, y!],
      }),
    );
    expect(faultsOf(program.module)[0]).toContain("carried values of the body");
  });
});
