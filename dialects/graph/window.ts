/** @file Windows that slide over spatial dimensions: attributes, sizes, and loops over one, two or three of them. */
import { attr } from "../../ir/attributes.ts";
import type { Fail } from "../../ir/traits.ts";
import { type Layout, type Shape, sizeFrom, spatialAxes } from "./op.ts";

/** One entry per spatial dimension; pads first at all beginnings, then at all ends. */
export const windowAttrs = {
  strides: attr.ints,
  pads: attr.ints,
  dilations: attr.ints,
} as const;

export interface Window {
  readonly strides: readonly number[];
  readonly pads: readonly number[];
  readonly dilations: readonly number[];
}

/** Extent of a dilated window. */
export const reach = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

/** How often a window fits: the spatial sizes of a result. */
export function windowCounts(spatial: Shape, kernel: Shape, w: Window, roundUp = false): number[] {
  const n = spatial.length;
  return spatial.map((size, i) =>
    sizeFrom([size, kernel[i] ?? 1], (s, k) => {
      const stride = w.strides[i] ?? 1;
      const before = w.pads[i] ?? 0;
      const room = s + before + (w.pads[n + i] ?? 0) - reach(k, w.dilations[i] ?? 1);
      if (!roundUp) return Math.max(0, Math.floor(room / stride) + 1);
      const count = Math.ceil(room / stride) + 1;
      // A window that would begin in the padding at the end is left out.
      return Math.max(0, (count - 1) * stride >= s + before ? count - 1 : count);
    }),
  );
}

/** As many entries as there are spatial dimensions, strides and dilations positive. */
export function verifyWindow(spatialRank: number, w: Window, fail: Fail): boolean {
  const lists: readonly (readonly [string, readonly number[], number])[] = [
    ["strides", w.strides, spatialRank],
    ["dilations", w.dilations, spatialRank],
    ["pads", w.pads, 2 * spatialRank],
  ];
  for (const [name, list, wanted] of lists) {
    if (list.length === wanted) continue;
    fail(`'${name}' needs ${wanted} entries for ${spatialRank} spatial dimensions, has ${list.length}`);
    return false;
  }
  if ([...w.strides, ...w.dilations].some((x) => x < 1)) {
    fail("strides and dilations must be positive");
    return false;
  }
  return true;
}

export const spatialShape = (shape: Shape, how: Layout): number[] =>
  spatialAxes(how, shape.length).map((axis) => shape[axis]!);

/** A shape with batch, channels and spatial sizes in their places. */
export const activationShape = (how: Layout, batch: number, channels: number, spatial: Shape): number[] =>
  how === "channels-first" ? [batch, channels, ...spatial] : [batch, ...spatial, channels];

/** The permutation that brings an activation of a layout to channels-first, and the one that takes it back. */
export function toChannelsFirst(rank: number): { readonly to: number[]; readonly from: number[] } {
  const spatial = Array.from({ length: rank - 2 }, (_, i) => i + 1);
  return { to: [0, rank - 1, ...spatial], from: [0, ...spatial.map((i) => i + 1), 1] };
}

/** The permutation of weights from spatial…, in, out to out, in, spatial…. */
export const toWeightsFirst = (rank: number): number[] => [
  rank - 1,
  rank - 2,
  ...Array.from({ length: rank - 2 }, (_, i) => i),
];

/** Geometry lifted to three spatial dimensions, the missing ones of size 1 in front. */
export interface Window3 {
  readonly size: readonly [number, number, number];
  readonly kernel: readonly [number, number, number];
  readonly count: readonly [number, number, number];
  readonly stride: readonly [number, number, number];
  readonly dilation: readonly [number, number, number];
  readonly before: readonly [number, number, number];
}

type Three = [number, number, number];
export const lift3 = (list: readonly number[], fill: number): Three => {
  const n = list.length;
  return [n > 2 ? list[n - 3]! : fill, n > 1 ? list[n - 2]! : fill, n > 0 ? list[n - 1]! : fill];
};

export const window3 = (spatial: Shape, kernel: Shape, count: Shape, w: Window): Window3 => ({
  size: lift3(spatial, 1),
  kernel: lift3(kernel, 1),
  count: lift3(count, 1),
  stride: lift3(w.strides, 1),
  dilation: lift3(w.dilations, 1),
  before: lift3(w.pads.slice(0, spatial.length), 0),
});

/** The windows [from, to) whose element at `offset` (of the padded input) lies in the input. */
export function insideRange(count: number, size: number, offset: number, stride: number): readonly [number, number] {
  const from = Math.max(0, Math.ceil(-offset / stride));
  const to = Math.min(count, Math.floor((size - 1 - offset) / stride) + 1);
  return [from, Math.max(from, to)];
}
