/** @file Quantized models on WebGPU: bytes in words, sums of four products at a time, and what kernels mean by the interpreter. */
import { describe, expect, it } from "vitest";
import { indented } from "../../../codegen/wgsl/compact.ts";
import * as arith from "../../../dialects/arith/ops.ts";
import * as bytes from "../../../dialects/bytes.ts";
import { constantOfArray } from "../../../dialects/graph/constant.ts";
import { conv_integer, matmul_integer, requantize } from "../../../dialects/graph/quant.ts";
import { pad } from "../../../dialects/graph/shape.ts";
import { compile, type GpuCompiled } from "../../../index.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import { interpret } from "../../../ir/interpret.ts";
import { f32, i8, i32, integer, type TensorType, type Type, tensor } from "../../../ir/types.ts";
import * as make from "../../../onnx/make.ts";
import { writeModel } from "../../../onnx/write.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { program, randomArray, runPasses } from "../../support/compile.ts";
import { nullBackend, onGpu, shadersOf } from "../../support/gpu.ts";
import { nagaFault } from "../../support/judges.ts";

const u8 = integer(8, "unsigned");
const window = { strides: [1, 1], dilations: [1, 1], group: 1, layout: "channels-last" as const };
const weights = (b: Builder, ...shape: number[]): Value => constantOfArray(b, randomArray(tensor(shape, i8), 5), i8);
const scaled = (b: Builder, sums: Value): Value =>
  requantize(b, sums, constantOfArray(b, NDArray.from("f32", [], [0.001]), f32), undefined, { to: i8 });

type Body = (b: Builder, x: Value) => Value;
const product =
  (depth: number, columns: number): Body =>
  (b, x) =>
    scaled(b, matmul_integer(b, x, weights(b, depth, columns), undefined, undefined));
const convolution =
  (kernel: number, channels: number, out: number, pads: number[], strides = [1, 1]): Body =>
  (b, x) =>
    scaled(
      b,
      conv_integer(b, x, weights(b, kernel, kernel, channels, out), undefined, undefined, undefined, {
        ...window,
        pads,
        strides,
      }),
    );
/** Padded with the zero point. */
const around =
  (element: Type, zero: number, body: Body): Body =>
  (b, x) => {
    const value = constantOfArray(b, NDArray.from(element === i8 ? "i8" : "u8", [], [zero]), element);
    return body(b, pad(b, x, value, { low: [0, 1, 1, 0], high: [0, 1, 1, 0], mode: "constant" }));
  };

const lower = (machine: string): string =>
  "builtin.module(graph-to-linalg,func.func(linalg-pad-to-generic),canonicalize,cse,func.func(linalg-byte-words),linalg-pack{panel=0}," +
  `linalg-outline{again=true},linalg-bufferize,linalg-schedule{machine=${machine}},linalg-to-loops)`;

function countOf(module: Operation, ...defs: readonly { readonly opName: string }[]): number {
  let n = 0;
  module.walk((op) => {
    if (defs.some((d) => d.opName === op.name)) n++;
  });
  return n;
}

const cases: readonly (readonly [string, Type, number[], number[], Body])[] = [
  ["a product", i8, [16, 32], [16, 16], product(32, 16)],
  ["bytes without signs", u8, [16, 32], [16, 16], product(32, 16)],
  ["one row", u8, [1, 256], [1, 24], product(256, 24)],
  ["few columns", i8, [5, 8], [5, 3], product(8, 3)],
  ["windows", i8, [1, 6, 7, 8], [1, 6, 7, 12], convolution(3, 8, 12, [1, 1, 1, 1])],
  [
    "windows beyond a border, bytes without signs",
    u8,
    [1, 6, 7, 8],
    [1, 6, 7, 12],
    convolution(3, 8, 12, [1, 1, 1, 1]),
  ],
  ["windows in steps", u8, [1, 9, 9, 4], [1, 4, 4, 8], convolution(3, 4, 8, [0, 0, 0, 0], [2, 2])],
  ["single pixels", i8, [1, 6, 7, 16], [1, 6, 7, 8], convolution(1, 16, 8, [0, 0, 0, 0])],
  ["a zero point around", u8, [1, 6, 7, 8], [1, 6, 7, 12], around(u8, 131, convolution(3, 8, 12, [0, 0, 0, 0]))],
  [
    "a zero point around, with signs",
    i8,
    [1, 6, 7, 8],
    [1, 6, 7, 12],
    around(i8, -3, convolution(3, 8, 12, [0, 0, 0, 0])),
  ],
];

describe.each(["webgpu", "webgpu-small"])("sums of products of bytes on %s", (machine) => {
  it.each(cases)("%s", (_name, element, shape, out, body) => {
    const type = tensor(shape, element);
    const module = program([type], [tensor(out, i8)], (b, x) => [body(b, x!)]);
    const x = randomArray(type, 3);
    const [wanted] = interpret(module, "main", [x]) as [NDArray];
    runPasses(module, lower(machine));
    expect(countOf(module, bytes.dot)).toBeGreaterThan(0);
    expect(countOf(module, bytes.load)).toBeGreaterThan(0);
    expect(countOf(module, bytes.pack, arith.muli)).toBe(0);
    const got = NDArray.zeros("i8", out);
    // Kernels do not tell bytes with signs from others.
    const signed = new NDArray("i8", shape, Int8Array.from(x.values(), Number));
    interpret(module, "main", [signed, got]);
    expect([...got.values()]).toEqual([...wanted.values()]);
    expect(new Set(got.values()).size).toBeGreaterThan(10);
  });

  it("are left as they are where rows are no whole words, or weights are not known", () => {
    const odd = program([tensor([4, 6], i8)], [tensor([4, 8], i8)], (b, x) => [product(6, 8)(b, x!)]);
    runPasses(odd, lower(machine));
    expect(countOf(odd, bytes.dot)).toBe(0);
    const two: readonly TensorType[] = [tensor([4, 8], i8), tensor([8, 4], i8)];
    const open = program(two, [tensor([4, 4], i32)], (b, x, y) => [matmul_integer(b, x!, y!, undefined, undefined)]);
    runPasses(open, lower(machine));
    expect(countOf(open, bytes.dot)).toBe(0);
  });
});

/** Two convolutions of bytes, quantized in between; floats go in and come out. */
function quantizedModel(): Uint8Array {
  const bytesOf = (name: string, dims: number[]) => {
    const values = Int8Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => ((i * 37) % 255) - 127);
    return make.makeTensor(name, "int8", dims, values);
  };
  const scalar = (name: string, type: "float32" | "uint8" | "int8", value: number) =>
    make.makeTensor(
      name,
      type,
      [],
      type === "float32" ? Float32Array.of(value) : type === "int8" ? Int8Array.of(value) : Uint8Array.of(value),
    );
  const layer = (from: string, to: string, k: number) => [
    make.makeNode("DequantizeLinear", [`w${k}`, "ws", "wz"], [`wn${k}`]),
    make.makeNode("DequantizeLinear", [from, "s", "z"], [`${from}n`]),
    make.makeNode("Conv", [`${from}n`, `wn${k}`], [`${to}c`], { pads: make.ints([1, 1, 1, 1]) }),
    make.makeNode("QuantizeLinear", [`${to}c`, "s", "z"], [to]),
  ];
  return writeModel(
    make.makeModel(
      make.makeGraph("quantized", {
        nodes: [
          make.makeNode("QuantizeLinear", ["x", "s", "z"], ["a"]),
          ...layer("a", "b", 0),
          ...layer("b", "c", 1),
          make.makeNode("DequantizeLinear", ["c", "s", "z"], ["y"]),
        ],
        inputs: [make.makeValue("x", "float32", [1, 16, 12, 12])],
        outputs: [make.makeValue("y", "float32", [1, 16, 12, 12])],
        initializers: [
          bytesOf("w0", [16, 16, 3, 3]),
          bytesOf("w1", [16, 16, 3, 3]),
          scalar("s", "float32", 0.05),
          scalar("z", "uint8", 130),
          scalar("ws", "float32", 0.002),
          scalar("wz", "int8", 0),
        ],
      }),
      17,
    ),
  );
}

describe("a quantized model on WebGPU", () => {
  const compiled = (): Promise<GpuCompiled> => compile(quantizedModel(), { target: "wgsl", file: "quantized.onnx" });

  it("keeps bytes four in a word, and its weights in their own size", async () => {
    const { manifest, weights: file } = await compiled();
    const { buffers } = manifest.gpu!;
    const pixels = 16 * 12 * 12;
    // What goes in and comes out, in words; the layers in between in bytes.
    expect(buffers.slice(0, 2)).toEqual([pixels * 4, pixels * 4]);
    expect(buffers.slice(2)).toContain(pixels);
    expect(file.byteLength).toBeLessThan(2 * 16 * 16 * 9 + 8 * 256);
  });

  it("multiplies four bytes at a time, and divides nothing in loops", async () => {
    const codes = shadersOf(await compiled());
    const sums = codes.filter((code) => code.includes("dot4I8Packed"));
    expect(sums.length).toBeGreaterThan(0);
    for (const code of sums) {
      expect(code.startsWith("requires packed_4x8_integer_dot_product;\n")).toBe(true);
      for (const loop of indented(code).match(/^ +for .*\{[\s\S]*?^ +\}/gm) ?? []) expect(loop).not.toMatch(/[/%]/);
    }
    for (const code of codes) expect(nagaFault(code)).toBeUndefined();
    const { faults } = await onGpu({ options: nullBackend, validate: codes });
    expect(faults).toEqual(codes.map(() => []));
  });
});
