/** @file Windows over planes of channels-first images: what stays as it is, and that it computes the same at every border. */
import { describe, expect, it } from "vitest";
import { wasmSimd } from "../../codegen/wasm/index.ts";
import * as func from "../../dialects/func.ts";
import { constantOfArray } from "../../dialects/graph/constant.ts";
import * as conv from "../../dialects/graph/conv.ts";
import * as elementwise from "../../dialects/graph/elementwise.ts";
import * as pool from "../../dialects/graph/pool.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { f32, type TensorType, tensor as tensorType } from "../../ir/types.ts";
import { Session } from "../../runtime/session.ts";
import { NDArray } from "../../support/ndarray.ts";
import { distance, hasRelaxedSimd, program, randomArray, runPasses } from "../support/compile.ts";

const t = (...sizes: number[]): TensorType => tensorType(sizes, f32);
const known = (b: Builder, seed: number, ...sizes: number[]): Value =>
  constantOfArray(b, randomArray(t(...sizes), seed), f32);

function moduleOf(input: TensorType, fill: (b: Builder, x: Value) => Value): Operation {
  let result: TensorType = input;
  program([input], [], (b, x) => {
    result = fill(b, x!).type as TensorType;
    return [];
  });
  return program([input], [result], (b, x) => [fill(b, x!)]);
}

/** Runs WebAssembly and the interpreter on the same image. */
async function both(module: Operation, pipeline: string, x: NDArray): Promise<readonly [NDArray, NDArray]> {
  const expected = interpret(module, "main", [x])[0] as NDArray;
  runPasses(module, pipeline);
  const session = await Session.load(wasmSimd.emit(module, { model: "test", names: true }));
  const answer = session.run({ [session.inputs[0]!.name]: x.data as Float32Array });
  const [port] = session.outputs;
  return [new NDArray("f32", expected.shape, answer[port!.name]!), expected];
}

type Window = { kernel: number[]; strides: number[]; pads: number[]; dilations: number[] };
const windows: readonly (readonly [string, number[], Window])[] = [
  ["3x3 by 2, padded", [1, 3, 37, 38], { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], dilations: [1, 1] }],
  ["3x3 by 1, padded", [2, 2, 17, 19], { kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1] }],
  ["2x2 by 2, not padded", [1, 2, 34, 40], { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1] }],
  ["5x3, uneven pads", [1, 2, 16, 35], { kernel: [5, 3], strides: [1, 2], pads: [2, 0, 2, 1], dilations: [1, 1] }],
  ["dilated", [1, 2, 21, 23], { kernel: [3, 3], strides: [1, 1], pads: [2, 2, 2, 2], dilations: [2, 2] }],
];

const wide = wasmSimd.variants!.find((v) => v.name === "relaxed-256")!;
const every: readonly (readonly [string, string, typeof windows])[] = [
  ["simd", wasmSimd.pipeline, windows],
  ...(hasRelaxedSimd() ? [[wide.name, wide.pipeline, windows.slice(0, 2)] as const] : []),
];

describe.each(every)("%s", (_variant, pipeline, some) => {
  it.each(some)("max pool %s, NaN wins", async (_name, shape, w) => {
    const x = randomArray(t(...shape), 1);
    for (let i = 5; i < x.size; i += 97) x.setData(i, Number.NaN);
    const [got, expected] = await both(
      moduleOf(t(...shape), (b, v) => pool.max_pool(b, v, w)),
      pipeline,
      x,
    );
    expect(got.values()).toEqual(expected.values());
  });

  it.each(some)("average pool and depthwise convolution %s", async (_name, shape, w) => {
    const x = randomArray(t(...shape), 2);
    const channels = shape[1]!;
    const { kernel, ...window } = w;
    for (const fill of [
      (b: Builder, v: Value) => pool.average_pool(b, v, w),
      (b: Builder, v: Value) => {
        const weights = known(b, 3, channels, 1, ...kernel);
        const y = conv.conv(b, v, weights, known(b, 4, channels), { ...window, group: channels });
        return elementwise.relu(b, y);
      },
    ]) {
      const [got, expected] = await both(moduleOf(t(...shape), fill), pipeline, x);
      expect(distance(got, expected)).toBeLessThan(1e-5);
    }
  });
});

describe("graph-layout{planes=true}", () => {
  const names = (module: Operation): string[] =>
    [...module.region().entry]
      .filter((op) => func.func.is(op))
      .flatMap((fn) => [...fn.region().entry].map((op) => op.name));
  const pooled = (b: Builder, x: Value): Value => pool.max_pool(b, x, windows[0]![2]);
  const layout = "builtin.module(func.func(graph-layout{planes=true}))";

  it("leaves a pool alone, and what follows it", () => {
    const module = moduleOf(t(1, 3, 37, 38), (b, x) => elementwise.relu(b, pooled(b, x)));
    runPasses(module, layout);
    expect(names(module)).not.toContain("graph.transpose");
  });

  it("turns a pool with the convolution that it belongs to", () => {
    const module = moduleOf(t(1, 3, 37, 38), (b, x) => {
      const y = conv.conv(b, x, known(b, 5, 4, 3, 3, 3), undefined, {
        strides: [1, 1],
        pads: [1, 1, 1, 1],
        dilations: [1, 1],
      });
      return pooled(b, elementwise.relu(b, y));
    });
    runPasses(module, layout);
    // The image is turned at the beginning, the result at the end, and nothing between.
    expect(names(module).filter((n) => n === "graph.transpose")).toHaveLength(2);
  });

  it("turns pools of short rows", () => {
    const module = moduleOf(t(1, 3, 14, 14), pooled);
    runPasses(module, layout);
    expect(names(module)).toContain("graph.transpose");
  });

  it("keeps a pad only where its source comes from outside", () => {
    const pads = (fill: (b: Builder, x: Value) => Value): number => {
      const module = moduleOf(t(1, 3, 37, 38), fill);
      runPasses(module, "builtin.module(graph-to-linalg,func.func(linalg-decompose-pad{keep-windows=true}))");
      return [...module.region().entry].flatMap((fn) => [...fn.region().entry]).filter((op) => tensor.pad.is(op))
        .length;
    };
    expect(pads(pooled)).toBe(1);
    expect(pads((b, x) => pooled(b, elementwise.relu(b, x)))).toBe(0);
  });
});
