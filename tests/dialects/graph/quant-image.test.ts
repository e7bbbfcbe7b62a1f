/** @file Quantized numbers and images: what their ops compute is what their expansions compute, and what ONNX says. */
import { describe, expect, it } from "vitest";
import { constantOfArray } from "../../../dialects/graph/constant.ts";
import { resize } from "../../../dialects/graph/image.ts";
import { dtype } from "../../../dialects/graph/op.ts";
import * as quant from "../../../dialects/graph/quant.ts";
import { rescale } from "../../../dialects/graph/rescale.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/core.ts";
import { f16, f32, i8, i16, i32, integer, type TensorType, type Type, tensor } from "../../../ir/types.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { bothWays, furthest, magnitude, programOf, run, sample } from "../../support/graph-law.ts";

const u8 = integer(8, "unsigned");
const u16 = integer(16, "unsigned");
const t = (dims: readonly number[], element: Type = f32): TensorType => tensor(dims, element);

interface Row {
  readonly name: string;
  readonly inputs: readonly TensorType[];
  readonly build: (b: Builder, ...xs: Value[]) => Value;
  readonly terms?: number;
}

/** One number for all, or one for each of three channels. */
const words = (b: Builder, ...values: number[]): Value => {
  const shape = values.length === 1 ? [] : [values.length, 1];
  return constantOfArray(b, NDArray.from("i32", shape, values), i32);
};
const window = { strides: [1, 2], pads: [1, 0, 1, 1], dilations: [1, 1] };
const scaled = { axis: 1, block: 0 };
const quantRows: readonly Row[] = [
  ...[u8, i8, u16, i16].flatMap((to): Row[] => [
    {
      name: `quantize ${to.signedness}${to.width}`,
      inputs: [t([3, 5]), t([]), t([], to)],
      build: (b, x, s, z) => quant.quantize(b, x, s, z, { to, ...scaled }),
    },
    {
      name: `dequantize ${to.signedness}${to.width} per axis`,
      inputs: [t([2, 3, 4], to), t([3]), t([3], to)],
      build: (b, x, s, z) => quant.dequantize(b, x, s, z, { to: f32, ...scaled }),
    },
  ]),
  {
    name: "quantize per axis",
    inputs: [t([2, 3, 4]), t([3]), t([3], u8)],
    build: (b, x, s, z) => quant.quantize(b, x, s, z, { to: u8, ...scaled }),
  },
  {
    name: "quantize in blocks",
    inputs: [t([2, 5]), t([2, 3])],
    build: (b, x, s) => quant.quantize(b, x, s, undefined, { to: i8, axis: 1, block: 2 }),
  },
  {
    name: "dequantize in blocks",
    inputs: [t([5, 2], i8), t([3, 2], f16), t([3, 2], i8)],
    build: (b, x, s, z) => quant.dequantize(b, x, s, z, { to: f16, axis: 0, block: 2 }),
  },
  {
    name: "dequantize i32",
    inputs: [t([5, 2], i32), t([1])],
    build: (b, x, s) => quant.dequantize(b, x, s, undefined, { to: f32, axis: 0 }),
  },
  {
    name: "requantize",
    inputs: [t([2, 3, 4], i32), t([3, 1]), t([], i8)],
    build: (b, x, s, z) => quant.requantize(b, x, s, z, { to: i8 }),
  },
  {
    name: "rescale",
    inputs: [t([2, 3, 4], i32)],
    build: (b, x) => rescale(b, x, words(b, 1518500250), words(b, 3), undefined, undefined, { to: i8 }),
  },
  {
    name: "rescale per channel, to the left and to the right",
    inputs: [t([2, 3, 4], i32), t([], u8)],
    build: (b, x, z) =>
      rescale(b, x, words(b, 1 << 30, 2 ** 31 - 1, 1234567890), words(b, 0, 2, 31), words(b, 4, 0, 1), z, { to: u8 }),
  },
  {
    name: "rescale to 32 bits",
    inputs: [t([2, 3, 4], i32), t([3, 1], i32)],
    build: (b, x, z) => rescale(b, x, words(b, 2 ** 31 - 1), words(b, 0), words(b, 24), z, { to: i32 }),
  },
  {
    name: "conv_integer",
    inputs: [t([2, 3, 6, 7], u8), t([4, 3, 3, 2], i8), t([], u8), t([4], i8)],
    build: (b, x, w, p, q) => quant.conv_integer(b, x, w, p, q, undefined, window),
  },
  {
    name: "conv_integer grouped",
    inputs: [t([1, 4, 6, 7], u8), t([4, 2, 3, 2], u8), t([1], u8)],
    build: (b, x, w, p) => quant.conv_integer(b, x, w, p, undefined, undefined, { ...window, group: 2 }),
  },
  {
    name: "matmul_integer",
    inputs: [t([2, 3, 5], u8), t([5, 4], i8), t([3], u8), t([4], i8)],
    build: (b, x, y, p, q) => quant.matmul_integer(b, x, y, p, q),
  },
  {
    name: "matmul_integer with zero points of full rank",
    inputs: [t([2, 3, 5], i8), t([2, 5, 4], i8), t([2, 3, 1], i8), t([2, 1, 4], i8)],
    build: (b, x, y, p, q) => quant.matmul_integer(b, x, y, p, q),
  },
];

const sizesOf = (sizes: readonly number[], more: object = {}) => ({
  sizes,
  scales: sizes.map((s, i) => s / [2, 5, 4][i]!),
  ...more,
});
const coordinates = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
] as const;
const nearest = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] as const;
const imageRows: readonly Row[] = [
  ...coordinates.flatMap((c) => [
    ...nearest.map(
      (n): Row => ({
        name: `resize nearest ${n} ${c}`,
        inputs: [t([2, 5, 4], u8)],
        build: (b, x) => resize(b, x, sizesOf([2, 7, 3], { coordinates: c, nearest: n })),
      }),
    ),
    ...(["linear", "cubic"] as const).flatMap((mode) =>
      [false, true].map(
        (flag): Row => ({
          name: `resize ${mode} ${c} ${flag ? "antialias" : ""}`,
          inputs: [t([2, 5, 4])],
          build: (b, x) =>
            resize(b, x, sizesOf([2, 7, 3], { coordinates: c, mode, antialias: flag, exclude_outside: flag })),
          terms: 64,
        }),
      ),
    ),
  ]),
  {
    name: "resize by whole factors",
    inputs: [t([2, 5, 4])],
    build: (b, x) => resize(b, x, sizesOf([2, 10, 12], { coordinates: "asymmetric", nearest: "floor" })),
  },
  {
    name: "resize of a part, with values outside",
    inputs: [t([2, 5, 4])],
    build: (b, x) =>
      resize(
        b,
        x,
        sizesOf([2, 6, 6], {
          mode: "linear",
          coordinates: "tf_crop_and_resize",
          roi: [0, 0.2, -0.3, 1, 1.4, 0.8],
          extrapolation: 9,
        }),
      ),
    terms: 64,
  },
];

describe("evaluate and expand agree", () => {
  it.each([...quantRows, ...imageRows])("$name", ({ inputs, build, terms }) => {
    const program = () => programOf(inputs, (b, ...xs) => [build(b, ...xs)]);
    // Scales are positive, and large enough that not all is saturated.
    const args = inputs.map((type, i) => {
      const a = sample(type, i + 1);
      return i > 0 && type.element.kind === "float" ? magnitude(a) : a;
    });
    const { before, after, faults } = bothWays(program(), args);
    expect(faults).toEqual([]);
    const magnitudes = terms === undefined ? undefined : run(program().module, args.map(magnitude));
    before.forEach((a, i) => {
      if (terms !== undefined) {
        // Cubic weights are negative too: bound by the largest magnitude.
        const largest = Math.max(...magnitudes![i]!.values().map((v) => Math.abs(Number(v))), 16);
        expect(furthest(a, after[i]!, NDArray.filled(a.dtype, a.shape, largest), terms)).toBeLessThanOrEqual(1);
      } else expect(furthest(a, after[i]!)).toBeLessThanOrEqual(1);
    });
  });
});

const constant = (b: Builder, value: number, element: Type): Value =>
  constantOfArray(b, NDArray.from(dtype(element), [], [value]), element);

describe("quantize", () => {
  const quantized = (x: readonly number[], scale: number, zero: number, to: Type): readonly unknown[] => {
    const inputs = [t([x.length])];
    const program = programOf(inputs, (b, v) => [
      quant.quantize(b, v!, constant(b, scale, f32), constant(b, zero, to), { to }),
    ]);
    return run(program.module, [NDArray.from("f32", [x.length], x)])[0]!.values();
  };

  it("rounds halves to even before the zero point is added", () => {
    expect(quantized([0.5, 1.5, 2.5, -0.5, -1.5], 1, 1, i8)).toEqual([1, 3, 3, 1, -1]);
  });

  it("keeps to the range of the type", () => {
    expect(quantized([-1, 254, 255, 1e9, Number.POSITIVE_INFINITY], 1, 1, u8)).toEqual([0, 255, 255, 255, 255]);
    expect(quantized([-1e9, 1e9], 0.5, -3, i8)).toEqual([-128, 127]);
  });
});
