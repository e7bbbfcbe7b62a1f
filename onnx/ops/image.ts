/** @file Operators on images: other sizes, blocks of pixels as channels, samples at points. */
import { add, mul } from "../../dialects/graph/elementwise.ts";
import { resize } from "../../dialects/graph/image.ts";
import { dtype, normalAxis, range } from "../../dialects/graph/op.ts";
import type { Resize as How } from "../../dialects/graph/resize-taps.ts";
import { grid_sample } from "../../dialects/graph/sample.ts";
import { pad, reshape, slice, transpose } from "../../dialects/graph/shape.ts";
import type { Value } from "../../ir/core.ts";
import { NDArray } from "../../support/ndarray.ts";
import type { NodeBuilder } from "../node-builder.ts";
import { attr, defineImport, one, optional, type TensorValue } from "../op.ts";

const modeAttr = attr.oneOf("nearest", "linear", "bilinear", "cubic").default("nearest");
const known = (mode: "nearest" | "linear" | "bilinear" | "cubic"): How["mode"] =>
  mode === "bilinear" ? "linear" : mode;

/** Sizes from scales: rounded down, as ONNX says. */
const stretched = (x: TensorValue, scales: readonly number[]): number[] =>
  x.type.shape.map((d, i) => Math.floor(d * Math.fround(scales[i] ?? 1)));

/** Coordinates of operator set 10 and older: an element's number times the scale. */
const asymmetric = { coordinates: "asymmetric", nearest: "floor" } as const;

function plainResize(b: NodeBuilder, x: TensorValue, scales: readonly number[], mode: How["mode"]): Value | undefined {
  if (scales.length !== x.type.shape.length) {
    return b.fail("onnx/shape", `needs ${x.type.shape.length} scales, has ${scales.length}`);
  }
  // Where a picture shrinks, the nearest pixel is the one above: axes that shrink come after those that grow.
  const shrinks = mode === "nearest" && scales.some((s) => s < 1);
  if (!shrinks) return resize(b, x, { sizes: stretched(x, scales), scales, mode, ...asymmetric });
  const up = scales.map((s) => Math.max(s, 1));
  const down = scales.map((s) => Math.min(s, 1));
  const grown = up.every((s) => s === 1)
    ? x
    : (resize(b, x, { sizes: stretched(x, up), scales: up, mode, ...asymmetric }) as TensorValue);
  return resize(b, grown, { sizes: stretched(grown, down), scales: down, mode, ...asymmetric, nearest: "ceil" });
}

export const Upsample = [
  defineImport("Upsample", {
    since: 1,
    inputs: [one("X")],
    attrs: { width_scale: attr.float, height_scale: attr.float, mode: modeAttr },
    import: ({ X, width_scale, height_scale, mode }, b) =>
      plainResize(b, X, [1, 1, height_scale, width_scale], known(mode)),
  }),
  defineImport("Upsample", {
    since: 7,
    inputs: [one("X")],
    attrs: { scales: attr.floats, mode: modeAttr },
    import: ({ X, scales, mode }, b) => plainResize(b, X, scales, known(mode)),
  }),
  defineImport("Upsample", {
    since: 9,
    inputs: [one("X"), one("scales")],
    attrs: { mode: modeAttr },
    import({ X, scales, mode }, b) {
      const factors = b.reals(scales, "scales");
      return factors && plainResize(b, X, factors, known(mode));
    },
  }),
];

const coordinateModes = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
  "tf_half_pixel_for_nn",
  "tf_crop_and_resize",
] as const;

/** Which sizes, and which factors, a resize asks for; axes that are not named stay. */
function measured(
  x: TensorValue,
  axes: readonly number[],
  given: { readonly sizes?: readonly number[] | undefined; readonly scales?: readonly number[] | undefined },
  policy: "stretch" | "not_larger" | "not_smaller",
): Pick<How, "sizes" | "scales"> {
  const { shape } = x.type;
  const scales = shape.map(() => 1);
  const sizes = shape.slice();
  if (given.scales) {
    axes.forEach((a, i) => {
      scales[a] = given.scales![i]!;
    });
    return { scales, sizes: stretched(x, scales) };
  }
  const wanted = given.sizes!;
  const ratios = axes.map((a, i) => wanted[i]! / shape[a]!);
  const common = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  axes.forEach((a, i) => {
    scales[a] = policy === "stretch" ? ratios[i]! : common;
    sizes[a] = policy === "stretch" ? wanted[i]! : Math.floor(common * shape[a]! + 0.5);
  });
  return { scales, sizes };
}

export const Resize = [
  defineImport("Resize", {
    since: 10,
    inputs: [one("X"), one("scales")],
    attrs: { mode: modeAttr },
    import({ X, scales, mode }, b) {
      const factors = b.reals(scales, "scales");
      return factors && plainResize(b, X, factors, known(mode));
    },
  }),
  // 13 made roi and scales optional, 18 added axes, antialias and the policy, 19 half_pixel_symmetric.
  defineImport("Resize", {
    since: 11,
    inputs: [one("X"), optional("roi"), optional("scales"), optional("sizes")],
    attrs: {
      mode: modeAttr,
      coordinate_transformation_mode: attr.oneOf(...coordinateModes).default("half_pixel"),
      nearest_mode: attr
        .oneOf("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
        .default("round_prefer_floor"),
      cubic_coeff_a: attr.float.default(-0.75),
      exclude_outside: attr.bool.default(false),
      extrapolation_value: attr.float.default(0),
      antialias: attr.bool.default(false),
      axes: attr.ints.optional(),
      keep_aspect_ratio_policy: attr.oneOf("stretch", "not_larger", "not_smaller").default("stretch"),
    },
    import({ X, roi, ...a }, b) {
      const rank = X.type.shape.length;
      const axes = (a.axes ?? range(rank)).map((x) => normalAxis(x, rank));
      const given = { scales: filledInput(b, a.scales, "scales"), sizes: filledInput(b, a.sizes, "sizes") };
      if (b.failed) return undefined;
      const factors = given.scales ?? given.sizes;
      if (factors?.length !== axes.length) {
        return b.fail("onnx/shape", `needs scales or sizes of ${axes.length} dimensions, has ${factors?.length ?? 0}`);
      }
      const mode = a.coordinate_transformation_mode;
      const region = mode === "tf_crop_and_resize" && roi ? b.reals(roi, "roi") : [];
      if (!region) return undefined;
      return resize(b, X, {
        ...measured(X, axes, given, a.keep_aspect_ratio_policy),
        mode: known(a.mode),
        coordinates: mode,
        nearest: a.nearest_mode,
        cubic: a.cubic_coeff_a,
        exclude_outside: a.exclude_outside,
        antialias: a.antialias,
        extrapolation: a.extrapolation_value,
        roi: fullRegion(region, axes, rank),
      });
    },
  }),
];

/** An optional input that also counts as absent where it is empty. */
function filledInput(b: NodeBuilder, v: TensorValue | undefined, what: string): number[] | undefined {
  if (!v || v.type.shape[0] === 0) return undefined;
  return what === "sizes" ? b.numbers(v, what) : b.reals(v, what);
}

/** Starts, then ends, for all axes. */
function fullRegion(region: readonly number[], axes: readonly number[], rank: number): number[] {
  if (region.length === 0) return [];
  const full = [...new Array<number>(rank).fill(0), ...new Array<number>(rank).fill(1)];
  axes.forEach((a, i) => {
    full[a] = region[i]!;
    full[rank + a] = region[axes.length + i]!;
  });
  return full;
}

// --- blocks of pixels -----------------------------------------------------------------------------------------------

/** A reshape to more dimensions, a permutation of those, and a reshape back. */
function rearranged(
  b: NodeBuilder,
  x: Value,
  split: readonly number[],
  perm: readonly number[],
  merged: readonly number[],
): Value {
  const parts = reshape(b, x, undefined, { shape: split });
  return reshape(b, transpose(b, parts, { perm }), undefined, { shape: merged });
}

function imageSizes(b: NodeBuilder, x: TensorValue): readonly [number, number, number, number] | undefined {
  const { shape } = x.type;
  if (shape.length === 4) return shape as unknown as readonly [number, number, number, number];
  return b.fail("onnx/shape", `needs a tensor of four dimensions, is given ${shape.length}`);
}

export const DepthToSpace = defineImport("DepthToSpace", {
  since: 1,
  inputs: [one("input")],
  attrs: { blocksize: attr.int, mode: attr.oneOf("DCR", "CRD").default("DCR") },
  import({ input, blocksize: s, mode }, b) {
    const sizes = imageSizes(b, input);
    if (!sizes) return undefined;
    const [n, c, h, w] = sizes;
    if (s < 1 || c % (s * s) !== 0) return b.fail("onnx/shape", `${c} channels are not split by blocks of ${s}x${s}`);
    const depth = c / (s * s);
    const merged = [n, depth, h * s, w * s];
    return mode === "DCR"
      ? rearranged(b, input, [n, s, s, depth, h, w], [0, 3, 4, 1, 5, 2], merged)
      : rearranged(b, input, [n, depth, s, s, h, w], [0, 1, 4, 2, 5, 3], merged);
  },
});

export const SpaceToDepth = defineImport("SpaceToDepth", {
  since: 1,
  inputs: [one("input")],
  attrs: { blocksize: attr.int },
  import({ input, blocksize: s }, b) {
    const sizes = imageSizes(b, input);
    if (!sizes) return undefined;
    const [n, c, h, w] = sizes;
    if (s < 1 || h % s !== 0 || w % s !== 0)
      return b.fail("onnx/shape", `${h}x${w} is not split by blocks of ${s}x${s}`);
    const [rows, columns] = [h / s, w / s];
    return rearranged(b, input, [n, c, rows, s, columns, s], [0, 3, 5, 1, 2, 4], [n, c * s * s, rows, columns]);
  },
});

// --- cutting and padding --------------------------------------------------------------------------------------------

export const CenterCropPad = defineImport("CenterCropPad", {
  since: 18,
  inputs: [one("input_data"), one("shape")],
  attrs: { axes: attr.ints.optional() },
  import({ input_data: x, shape, axes }, b) {
    const wanted = b.numbers(shape, "shape");
    if (!wanted) return undefined;
    const rank = x.type.shape.length;
    const low = new Array<number>(rank).fill(0);
    const high = low.slice();
    (axes ?? range(rank)).forEach((axis, i) => {
      const a = normalAxis(axis, rank);
      // What is left over of an odd difference is cut, and added, at the end.
      const difference = (wanted[i] ?? 0) - x.type.shape[a]!;
      low[a] = difference < 0 ? -Math.floor(-difference / 2) : Math.floor(difference / 2);
      high[a] = difference - low[a]!;
    });
    return pad(b, x, undefined, { low, high });
  },
});

/** 20 renamed the modes, and allows any number of dimensions. */
export const GridSample = defineImport("GridSample", {
  since: 16,
  inputs: [one("X"), one("grid")],
  attrs: {
    mode: attr.oneOf("linear", "bilinear", "nearest", "cubic", "bicubic").default("linear"),
    padding_mode: attr.oneOf("zeros", "border", "reflection").default("zeros"),
    align_corners: attr.bool.default(false),
  },
  import({ X, grid, mode, padding_mode, align_corners }, b) {
    const how = mode === "bilinear" ? "linear" : mode === "bicubic" ? "cubic" : mode;
    return grid_sample(b, X, grid, { mode: how, padding: padding_mode, align_corners });
  },
});

// --- experimental operators of operator set 1, which exporters of its time used --------------------------------------

export const ImageScaler = defineImport("ImageScaler", {
  since: 1,
  inputs: [one("input")],
  attrs: { scale: attr.float.default(1), bias: attr.floats },
  import({ input, scale, bias }, b) {
    const { element } = input.type;
    const offsets = b.array(NDArray.from(dtype(element), [bias.length, 1, 1], bias), element);
    return add(b, mul(b, input, b.scalar(scale, input)), offsets);
  },
});

export const Affine = defineImport("Affine", {
  since: 1,
  inputs: [one("X")],
  attrs: { alpha: attr.float.default(1), beta: attr.float.default(0) },
  import: ({ X, alpha, beta }, b) => add(b, mul(b, X, b.scalar(alpha, X)), b.scalar(beta, X)),
});

export const Crop = defineImport("Crop", {
  since: 1,
  inputs: [one("input")],
  attrs: { border: attr.ints, scale: attr.ints.optional() },
  import({ input, border, scale }, b) {
    const sizes = imageSizes(b, input);
    if (!sizes) return undefined;
    const [left = 0, top = 0, right = 0, bottom = 0] = border;
    const [, , h, w] = sizes;
    const [height, width] = scale ? [scale[0] ?? h, scale[1] ?? w] : [h - top - bottom, w - left - right];
    if (top + height > h || left + width > w)
      return b.fail("onnx/shape", `cannot cut ${height}x${width} out of ${h}x${w}`);
    return slice(b, input, undefined, {
      starts: [0, 0, top, left],
      ends: [sizes[0], sizes[1], top + height, left + width],
      steps: [1, 1, 1, 1],
    });
  },
});
