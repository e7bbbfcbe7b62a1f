/** @file Winograd's minimal filtering: its matrices, what it is chosen for, and how far its results are from exact ones. */
import { describe, expect, it } from "vitest";
import { wasmSimd } from "../../codegen/wasm/index.ts";
import * as func from "../../dialects/func.ts";
import { constantOfArray } from "../../dialects/graph/constant.ts";
import * as conv from "../../dialects/graph/conv.ts";
import * as memref from "../../dialects/memref/index.ts";
import type { Operation } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { f32, tensor } from "../../ir/types.ts";
import { chosen, f23, f43 } from "../../lowering/graph/winograd/algorithm.ts";
import { type Field, transform } from "../../lowering/graph/winograd/transform.ts";
import { type Numerics, setNumerics } from "../../rewrite/numerics.ts";
import { Session } from "../../runtime/session.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { print } from "../../text/printer.ts";
import { program, randomArray, runPasses } from "../support/compile.ts";

const numbers: Field<number> = { add: (a, b) => a + b, sub: (a, b) => a - b, scale: (a, by) => a * by };

describe.each([
  ["F(2,3)", f23],
  ["F(4,3)", f43],
] as const)("%s", (_, { m, input, filter, output }) => {
  it("is a correlation with three taps", () => {
    const d = Array.from({ length: m + 2 }, (_, i) => ((i * 7) % 5) - 2);
    const g = [3, -1, 2];
    const u = transform(numbers, filter, g);
    const v = transform(numbers, input, d);
    const y = transform(
      numbers,
      output,
      u.map((x, i) => x * v[i]!),
    );
    y.forEach((value, i) =>
      expect(value).toBeCloseTo(
        g.reduce((s, c, k) => s + c * d[i + k]!, 0),
        10,
      ),
    );
  });

  it("computes what rows share once, and the same", () => {
    const x = Array.from({ length: m + 2 }, (_, i) => i * i - 3);
    const plain = input.map((row) => row.reduce((s, c, i) => s + c * x[i]!, 0));
    expect(transform(numbers, input, x)).toEqual(plain);
  });
});

describe("choice", () => {
  it.each([
    [56, 64, 64, f43, f43],
    [28, 128, 128, f43, f43],
    [14, 256, 256, f43, f43],
    [7, 512, 512, f43, f23],
    [8, 16, 16, f43, f43],
    [6, 16, 16, f23, f23],
    [4, 64, 64, f23, f23],
    [2, 64, 64, undefined, undefined],
    [56, 3, 64, undefined, undefined],
  ] as const)("%i², %i to %i channels, where bytes cost less and more", (size, channels, out, ...algorithms) => {
    const sizes = { batch: 1, height: size, width: size, channels, out };
    expect([2, 4].map((perByte) => chosen(sizes, perByte))).toEqual(algorithms);
  });

  it("is F(4,3) for many images, which share what is read", () => {
    expect(chosen({ batch: 4, height: 7, width: 7, channels: 512, out: 512 }, 4)).toBe(f43);
  });
});

interface Layer {
  readonly size: readonly [number, number];
  readonly channels: number;
  readonly out: number;
  readonly bias?: boolean;
  readonly pads?: readonly number[];
}

/** A convolution of inputs in [-1, 1) with weights of size 1 / √(9 C). */
function layer({ size: [h, w], channels, out, bias = true, pads = [1, 1, 1, 1] }: Layer): Operation {
  const weights = randomArray(tensor([3, 3, channels, out], f32), 5);
  const scale = Math.sqrt(3 / (9 * channels));
  for (let i = 0; i < weights.size; i++) weights.setData(i, Math.fround(Number(weights.getData(i)) * scale));
  const x = tensor([1, h, w, channels], f32);
  const y = tensor([1, h + pads[0]! + pads[2]! - 2, w + pads[1]! + pads[3]! - 2, out], f32);
  return program([x], [y], (b, v) => [
    conv.conv(
      b,
      v!,
      constantOfArray(b, weights, f32),
      bias ? constantOfArray(b, randomArray(tensor([out], f32), 6), f32) : undefined,
      { strides: [1, 1], pads, dilations: [1, 1], layout: "channels-last" },
    ),
  ]);
}

/** The largest difference from the sums in double precision, and the names of the functions of the compiled program. */
async function errorOf(module: Operation, policy: Numerics): Promise<{ most: number; functions: readonly string[] }> {
  const fn = [...module.region().entry].find((op) => func.func.is(op))!;
  const [type] = func.func.of(fn).function_type.inputs;
  const input = randomArray(type as ReturnType<typeof tensor>, 1);
  const exact = (interpret(module, "main", [input])[0] as NDArray).values() as number[];
  setNumerics(module, policy);
  runPasses(module, wasmSimd.pipeline);
  const functions = [...module.region().entry].flatMap((op) => func.func.match(op)?.sym_name ?? []);
  const session = await Session.load(wasmSimd.emit(module, { model: "layer", names: true }));
  const given = { [session.inputs[0]!.name]: input.contiguous().data as Float32Array };
  session.run(given);
  // The second run tells whether what is computed at load stays.
  const answer = session.run(given)[session.outputs[0]!.name] as Float32Array;
  let most = 0;
  exact.forEach((v, i) => {
    most = Math.max(most, Math.abs(v - answer[i]!));
  });
  return { most, functions };
}

describe("compiled", () => {
  it.each<[string, Layer]>([
    ["tiles that fit", { size: [16, 12], channels: 16, out: 16 }],
    ["tiles beyond the border", { size: [14, 13], channels: 20, out: 24 }],
    ["no padding, no bias", { size: [18, 14], channels: 16, out: 16, bias: false, pads: [0, 0, 0, 0] }],
    ["small maps by F(2,3)", { size: [5, 6], channels: 64, out: 32 }],
    ["512 channels", { size: [7, 7], channels: 512, out: 64 }],
    ["slices that are kept apart", { size: [16, 16], channels: 64, out: 64 }],
    ["many channels", { size: [14, 14], channels: 256, out: 64 }],
  ])("%s", async (_, given) => {
    const { most, functions } = await errorOf(layer(given), "default");
    expect(most).toBeLessThan(2.4e-5);
    expect(functions).toContain("init");
  });

  it("leaves room between the slices of a transform where they would meet in the cache, and copies nothing for it", () => {
    const module = layer({ size: [18, 18], channels: 64, out: 64, pads: [0, 0, 0, 0] });
    runPasses(module, wasmSimd.pipeline.replace(/,linalg-schedule.*$/, ")"));
    const functions = [...module.region().entry].flatMap((op) => func.func.match(op)?.sym_name ?? []);
    expect(functions.filter((name) => name.startsWith("copy_"))).toEqual([]);
    const shapes: string[] = [];
    module.walk((op) => {
      if (memref.alloc.is(op) || memref.global.is(op))
        shapes.push(print(op).match(/memref<(36x[0-9x]+)xf32>/)?.[1] ?? "");
    });
    // The filters' 64·64 elements, and the input's and the output's 16 tiles of 64, with a line behind each slice.
    expect(shapes.filter((s) => s !== "").sort()).toEqual(["36x1040", "36x1040", "36x4112"]);
  });

  it("is not done under strict", async () => {
    const { most, functions } = await errorOf(layer({ size: [16, 12], channels: 16, out: 16 }), "strict");
    expect(most).toBeLessThan(4e-6);
    expect(functions).not.toContain("init");
  });

  it("is not done where the weights are not known, or the windows have a stride", () => {
    const x = tensor([1, 16, 16, 16], f32);
    const w = tensor([3, 3, 16, 16], f32);
    const open = program([x, w], [x], (b, v, u) => [
      conv.conv(b, v!, u!, undefined, {
        strides: [1, 1],
        pads: [1, 1, 1, 1],
        dilations: [1, 1],
        layout: "channels-last",
      }),
    ]);
    runPasses(open, "builtin.module(func.func(graph-winograd))");
    const names = [...func.func.of([...open.region().entry][0]!).body.entry].map((op) => op.name);
    expect(names).toContain("graph.conv");
  });
});
