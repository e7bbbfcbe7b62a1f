/** @file Depthwise convolutions and pools that products of matrices compute as they load: one launch, the same numbers. */
import { describe, expect, it } from "vitest";
import { conv } from "../../../dialects/graph/conv.ts";
import { maximum, relu } from "../../../dialects/graph/elementwise.ts";
import { max_pool } from "../../../dialects/graph/pool.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/core.ts";
import { interpret } from "../../../ir/interpret.ts";
import { f32, type TensorType, tensor as tensorType } from "../../../ir/types.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { distance, program, randomArray, runPasses } from "../../support/compile.ts";

const f = (...shape: number[]): TensorType => tensorType(shape, f32);
const window = (pads: number, stride: number) => ({
  strides: [stride, stride],
  dilations: [1, 1],
  pads: [pads, pads, pads, pads],
});

const passes =
  "builtin.module(func.func(graph-layout),graph-to-linalg,func.func(linalg-pad-to-generic),canonicalize,cse,linalg-pack{panel=0}," +
  "canonicalize,cse,linalg-outline{again=true},linalg-bufferize,linalg-schedule{machine=webgpu},linalg-to-loops)";

type Body = (b: Builder, x: Value, taps: Value, bias: Value, w: Value) => Value;

const depthwise =
  (stride: number): Body =>
  (b, x, taps, bias, w) => {
    const [channels = 1] = (taps.type as TensorType).shape;
    const own = relu(b, conv(b, x, taps, bias, { ...window(1, stride), group: channels }));
    return relu(b, conv(b, own, w, undefined, window(0, 1)));
  };
const pooled: Body = (b, x, _taps, _bias, w) =>
  conv(b, max_pool(b, x, { kernel: [3, 3], ...window(1, 2) }), w, undefined, window(0, 1));
/** Both of them read what the first makes. */
const twice: Body = (b, x, taps, bias, w) => {
  const own = conv(b, x, taps, bias, { ...window(1, 1), group: 8 });
  return maximum(b, conv(b, own, w, undefined, window(0, 1)), own);
};

// The last launch lays out what goes out.
describe("windows in products on webgpu", () => {
  it.each<[string, Body, number, TensorType, number]>([
    ["a depthwise convolution", depthwise(1), 8, f(1, 16, 6, 6), 2],
    ["a depthwise convolution in steps", depthwise(2), 16, f(1, 12, 3, 3), 2],
    ["a pool", pooled, 8, f(1, 12, 3, 3), 2],
    ["a depthwise convolution that is read twice stays apart", twice, 8, f(1, 8, 6, 6), 3],
    ["few columns stay apart", depthwise(1), 8, f(1, 4, 6, 6), 3],
  ])("%s", (_name, body, channels, result, wanted) => {
    const inputs = [f(1, channels, 6, 6), f(channels, 1, 3, 3), f(channels), f(result.shape[1]!, channels, 1, 1)];
    const module = program(inputs, [result], (b, x, taps, bias, w) => [body(b, x!, taps!, bias!, w!)]);
    const given = inputs.map((t, i) => randomArray(t, i + 1));
    const [reference] = interpret(module, "main", given) as [NDArray];
    runPasses(module, passes);
    let launches = 0;
    module.walk((op) => {
      if (op.name === "gpu.launch") launches++;
    });
    const got = NDArray.zeros(reference.dtype, result.shape);
    interpret(module, "main", [...given, got]);
    expect(distance(got, reference)).toBeLessThan(1e-5);
    expect(launches).toBe(wanted);
  });
});
