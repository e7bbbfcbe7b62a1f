/** @file Winograd's minimal filtering: its matrices, what it is chosen for, and how far its results are from exact ones. */
import { describe, expect, it } from "vitest";
import { wasmSimd } from "../../codegen/wasm/index.ts";
import * as func from "../../dialects/func.ts";
import { cast } from "../../dialects/graph/cast.ts";
import { constantOfArray } from "../../dialects/graph/constant.ts";
import * as conv from "../../dialects/graph/conv.ts";
import { conv_integer } from "../../dialects/graph/quant.ts";
import { concat, pad, transpose } from "../../dialects/graph/shape.ts";
import * as memref from "../../dialects/memref/index.ts";
import type { Operation } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { f32, i8, i16, i32, integer, tensor } from "../../ir/types.ts";
import { type Algorithm, chosen, f23, f43 } from "../../lowering/graph/winograd/algorithm.ts";
import { type Field, transform } from "../../lowering/graph/winograd/transform.ts";
import { divisionBy, fits, type Range, rangeOf, whole23, whole43 } from "../../lowering/graph/winograd/whole.ts";
import { type Numerics, setNumerics } from "../../rewrite/numerics.ts";
import { Session } from "../../runtime/session.ts";
import { NDArray } from "../../support/ndarray.ts";
import { print } from "../../text/printer.ts";
import { program, randomArray, runPasses } from "../support/compile.ts";

const u8 = integer(8, "unsigned");
const numbers: Field<number> = { add: (a, b) => a + b, sub: (a, b) => a - b, scale: (a, by) => a * by };

const taps = [3, -1, 2];

/** A correlation with three taps: by an algorithm, and as it is. */
function correlated({ m, input, filter, output }: Algorithm): {
  readonly y: readonly number[];
  readonly plain: readonly number[];
} {
  const d = Array.from({ length: m + 2 }, (_, i) => ((i * 7) % 5) - 2);
  const u = transform(numbers, filter, taps);
  const v = transform(numbers, input, d);
  const y = transform(
    numbers,
    output,
    u.map((x, i) => x * v[i]!),
  );
  return { y, plain: y.map((_, i) => taps.reduce((s, c, k) => s + c * d[i + k]!, 0)) };
}

describe.each([
  ["F(2,3)", f23],
  ["F(4,3)", f43],
] as const)("%s", (_, algorithm) => {
  it("is a correlation with three taps", () => {
    const { y, plain } = correlated(algorithm);
    y.forEach((value, i) => expect(value).toBeCloseTo(plain[i]!, 10));
  });

  it("computes what rows share once, and the same", () => {
    const { m, input } = algorithm;
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
    const sizes = { batch: 1, height: size, width: size, channels, out, bytes: { direct: 4, filtered: 4 } };
    expect([2, 4].map((perByte) => chosen(sizes, perByte, [f43, f23]))).toEqual(algorithms);
  });

  it("is F(4,3) for many images, which share what is read", () => {
    const sizes = { batch: 4, height: 7, width: 7, channels: 512, out: 512, bytes: { direct: 4, filtered: 4 } };
    expect(chosen(sizes, 4, [f43, f23])).toBe(f43);
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

describe("integers", () => {
  it.each([
    ["F(2,3)", whole23],
    ["F(4,3)", whole43],
  ] as const)("%s is a multiple of a correlation, without fractions", (_, algorithm) => {
    expect([...algorithm.filter, ...algorithm.output].flat().every(Number.isInteger)).toBe(true);
    const times = Math.sqrt(algorithm.factor);
    const { y, plain } = correlated(algorithm);
    expect(y).toEqual(plain.map((v) => times * v));
  });

  it.each([4, 9, 576, 12, 7])("a multiple of %i is divided by it", (n) => {
    const { inverse, shift } = divisionBy(n);
    for (const r of [0, 1, -1, 12345, -54321, 2 ** (31 - shift) - 1, -(2 ** (31 - shift))]) {
      expect(Math.imul(Math.imul(r, n), inverse) >> shift).toBe(r);
    }
  });

  interface Bytes {
    readonly layer: readonly [size: number, channels: number, out: number];
    readonly from: typeof u8 | typeof i8;
    readonly x: (i: number) => number;
    readonly w: (i: number) => number;
  }

  /** How many results of a convolution of bytes differ from plain sums, and the functions of the compiled program. */
  async function compared({ layer: [size, channels, out], from, x, w }: Bytes): Promise<[number, readonly string[]]> {
    const filled = (kind: "i8" | "u8" | "i32", shape: readonly number[], at: (i: number) => number): NDArray =>
      NDArray.from(
        kind,
        shape,
        Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => at(i)),
      );
    const shape = [1, size, size, channels];
    const weights = filled("i8", [3, 3, channels, out], w);
    const bias = filled("i32", [out], (i) => i * 1000 - 7);
    const module = program([tensor(shape, from)], [tensor([1, size, size, out], i32)], (b, v) => [
      conv_integer(b, v!, constantOfArray(b, weights, i8), undefined, undefined, constantOfArray(b, bias, i32), {
        strides: [1, 1],
        pads: [1, 1, 1, 1],
        dilations: [1, 1],
        layout: "channels-last",
      }),
    ]);
    const input = filled(from === i8 ? "i8" : "u8", shape, x);
    const exact = (interpret(module, "main", [input])[0] as NDArray).values() as number[];
    setNumerics(module, "strict");
    runPasses(module, wasmSimd.pipeline);
    const functions = [...module.region().entry].flatMap((op) => func.func.match(op)?.sym_name ?? []);
    const session = await Session.load(wasmSimd.emit(module, { model: "layer", names: true }));
    const given = { [session.inputs[0]!.name]: new Int8Array((input.data as Uint8Array<ArrayBuffer>).buffer) };
    const answer = session.run(given)[session.outputs[0]!.name] as Int32Array;
    return [exact.filter((v, i) => v !== answer[i]).length, functions];
  }

  const mixed = (i: number): number => (Math.imul(i, 2654435761) >>> 24) % 256;
  it.each<[string, Bytes]>([
    ["mixed, F(4,3)", { layer: [13, 32, 24], from: u8, x: mixed, w: (i) => mixed(i + 9) - 128 }],
    ["mixed, F(2,3)", { layer: [6, 16, 16], from: u8, x: mixed, w: (i) => mixed(i + 9) - 128 }],
    ["with signs", { layer: [12, 16, 16], from: i8, x: (i) => mixed(i) - 128, w: (i) => mixed(i + 5) - 128 }],
    ["all as large as can be", { layer: [8, 64, 16], from: u8, x: () => 255, w: () => -128 }],
    [
      "signs that turn",
      { layer: [8, 32, 16], from: i8, x: (i) => (i % 3 ? 127 : -128), w: (i) => (i % 5 ? -128 : 127) },
    ],
    ["sums of 24 bits", { layer: [8, 256, 16], from: u8, x: mixed, w: () => 127 }],
  ])("give the same bits also under strict: %s", async (_, given) => {
    const [wrong, functions] = await compared(given);
    expect(wrong).toBe(0);
    expect(functions).toContain("init");
  });

  it("are filtered where it is known that nothing leaves its bits", () => {
    const w = (channels: number, value: number): NDArray =>
      NDArray.from("i8", [3, 3, channels, 16], new Array<number>(9 * channels * 16).fill(value));
    expect(fits(whole43, [0, 255], w(64, 127))).toBe(true);
    expect(fits(whole43, [0, 255], w(128, 127))).toBe(false);
    expect(fits(whole23, [0, 255], w(1024, 127))).toBe(true);
    expect(fits(whole23, [0, 255], w(2048, 127))).toBe(false);
    // Transforms of what has more than nine bits have more than sixteen.
    expect(fits(whole43, [-512, 511], w(16, 1))).toBe(false);
  });

  it("are known to be bytes through what moves, widens and pads them", () => {
    const ranges: (Range | undefined)[] = [];
    program([tensor([1, 4, 4, 2], u8), tensor([1, 4, 4, 2], i16)], [tensor([1, 4, 4, 2], i16)], (b, x, y) => {
      const wide = cast(b, x!, { to: i16 });
      const border = constantOfArray(b, NDArray.from("i8", [], [-5]), i8);
      const padded = pad(b, wide, cast(b, border, { to: i16 }), {
        low: [0, 1, 1, 0],
        high: [0, 1, 1, 0],
        mode: "constant",
      });
      const turned = transpose(b, padded, { perm: [0, 2, 1, 3] });
      ranges.push(rangeOf(x!), rangeOf(turned), rangeOf(concat(b, [turned, turned], { axis: 3 })), rangeOf(y!));
      return [wide];
    });
    expect(ranges).toEqual([[0, 255], [-128, 255], [-128, 255], undefined]);
  });
});
