/** @file Which elements a resized one is made of, along one axis: after the reference of ONNX Resize. */

export const modes = ["nearest", "linear", "cubic"] as const;
export const coordinateModes = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
  "tf_half_pixel_for_nn",
  "tf_crop_and_resize",
] as const;
export const nearestModes = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"] as const;

/** How a resize interpolates. */
export interface Resize {
  readonly sizes: readonly number[];
  readonly scales: readonly number[];
  readonly mode: (typeof modes)[number];
  readonly coordinates: (typeof coordinateModes)[number];
  readonly nearest: (typeof nearestModes)[number];
  readonly cubic: number;
  readonly exclude_outside: boolean;
  readonly antialias: boolean;
  readonly extrapolation: number;
  readonly roi: readonly number[];
}

/** For every element of the result: `count` places in x and their weights; and whether it lies outside of x. */
export interface Taps {
  readonly count: number;
  /** Kept inside of x. */
  readonly places: readonly number[];
  readonly weights: readonly number[];
  readonly outside: readonly boolean[];
}

/** The taps along an axis; undefined where nothing changes. */
export function tapsOf(size: number, to: number, axis: number, r: Resize): Taps | undefined {
  const scale = r.scales[axis]!;
  const cropped = r.coordinates === "tf_crop_and_resize" && r.roi.length > 0;
  if (size === to && scale === 1 && !cropped) return undefined;
  const rank = r.scales.length;
  const roi = [r.roi[axis] ?? 0, r.roi[rank + axis] ?? 1] as const;
  const places: number[] = [];
  const weights: number[] = [];
  const outside: boolean[] = [];
  let count = 0;
  for (let n = 0; n < to; n++) {
    const at = coordinate(n, size, to, scale, r.coordinates, roi);
    outside.push(r.coordinates === "tf_crop_and_resize" && (at < 0 || at > size - 1));
    const ratio = Number.isInteger(at) ? 1 : at - Math.floor(at);
    const shares = sharesOf(ratio, scale, r);
    count = shares.length;
    const near = neighbours(at, count);
    const kept = shares.map((w, i) => (r.exclude_outside && (near[i]! < 0 || near[i]! >= size) ? 0 : w));
    const total = r.exclude_outside ? kept.reduce((a, w) => a + w, 0) : 1;
    for (let i = 0; i < count; i++) {
      places.push(Math.min(Math.max(near[i]!, 0), size - 1));
      weights.push(kept[i]! / total);
    }
  }
  return { count, places, weights, outside };
}

/** Where in x an element of the result lies. */
function coordinate(
  n: number,
  size: number,
  to: number,
  scale: number,
  mode: Resize["coordinates"],
  [start, end]: readonly [number, number],
): number {
  const width = scale * size;
  switch (mode) {
    case "align_corners":
      return width === 1 ? 0 : (n * (size - 1)) / (width - 1);
    case "asymmetric":
      return n / scale;
    case "pytorch_half_pixel":
      return width === 1 ? -0.5 : (n + 0.5) / scale - 0.5;
    case "tf_half_pixel_for_nn":
      return (n + 0.5) / scale;
    case "half_pixel":
      return (n + 0.5) / scale - 0.5;
    case "half_pixel_symmetric": {
      const offset = (size / 2) * (1 - to / width);
      return offset + (n + 0.5) / scale - 0.5;
    }
    case "tf_crop_and_resize": {
      const part = width === 1 ? ((end - start) * (size - 1)) / 2 : (n * (end - start) * (size - 1)) / (width - 1);
      return part + start * (size - 1);
    }
  }
}

/** The nearest whole coordinates, ascending; of two equally near the smaller. */
function neighbours(at: number, count: number): number[] {
  const low = Math.floor(at);
  const candidates = Array.from({ length: 2 * count + 2 }, (_, i) => low - count + i);
  candidates.sort((p, q) => Math.abs(at - p) - Math.abs(at - q) || p - q);
  return candidates.slice(0, count).sort((p, q) => p - q);
}

/** Weights of the neighbours. A ratio of 1 stands for a whole coordinate: the right of two neighbours is meant. */
function sharesOf(ratio: number, scale: number, r: Resize): readonly number[] {
  switch (r.mode) {
    case "nearest":
      return isLeft(ratio, r.nearest) ? [1, 0] : [0, 1];
    case "linear":
      return r.antialias ? smoothed(ratio, scale, 1, (d) => Math.max(0, 1 - d)) : [1 - ratio, ratio];
    case "cubic": {
      const kernel = cubicKernel(r.cubic);
      if (r.antialias) return smoothed(ratio, scale, 2, kernel);
      return [kernel(1 + ratio), kernel(ratio), kernel(1 - ratio), kernel(2 - ratio)];
    }
  }
}

function isLeft(ratio: number, mode: Resize["nearest"]): boolean {
  if (ratio === 1) return false;
  switch (mode) {
    case "round_prefer_floor":
      return ratio <= 0.5;
    case "round_prefer_ceil":
      return ratio < 0.5;
    case "floor":
      return true;
    case "ceil":
      return false;
  }
}

/** Keys' cubic convolution kernel, of a distance. */
const cubicKernel =
  (a: number) =>
  (d: number): number => {
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
  };

/** A kernel of some radius, widened where the result is smaller than x. */
function smoothed(ratio: number, scale: number, radius: number, kernel: (d: number) => number): readonly number[] {
  const shrink = Math.min(scale, 1);
  const start = Math.floor(-radius / shrink) + 1;
  const end = 2 - start;
  const shares = Array.from({ length: end - start }, (_, i) => kernel(Math.abs(shrink * (start + i - ratio))));
  const total = shares.reduce((a, w) => a + w, 0);
  return shares.map((w) => w / total);
}
