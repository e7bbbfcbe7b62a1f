/** @file The matrices of Winograd's F(2,3) and F(4,3), and which of them a convolution takes. */
import type { Matrix } from "./transform.ts";

export interface Algorithm {
  /** Results of a tile along each side. */
  readonly m: 2 | 4;
  /** Products of a tile: (m + 2)². */
  readonly points: number;
  /** Bᵀ, G and Aᵀ (Lavin and Gray, arXiv:1509.09308, section 4). */
  readonly input: Matrix;
  readonly filter: Matrix;
  readonly output: Matrix;
}

export const f23: Algorithm = {
  m: 2,
  points: 16,
  input: [
    [1, 0, -1, 0],
    [0, 1, 1, 0],
    [0, -1, 1, 0],
    [0, 1, 0, -1],
  ],
  filter: [
    [1, 0, 0],
    [1 / 2, 1 / 2, 1 / 2],
    [1 / 2, -1 / 2, 1 / 2],
    [0, 0, 1],
  ],
  output: [
    [1, 1, 1, 0],
    [0, 1, -1, -1],
  ],
};

export const f43: Algorithm = {
  m: 4,
  points: 36,
  input: [
    [4, 0, -5, 0, 1, 0],
    [0, -4, -4, 1, 1, 0],
    [0, 4, -4, -1, 1, 0],
    [0, -2, -1, 2, 1, 0],
    [0, 2, -1, -2, 1, 0],
    [0, 4, 0, -5, 0, 1],
  ],
  filter: [
    [1 / 4, 0, 0],
    [-1 / 6, -1 / 6, -1 / 6],
    [-1 / 6, 1 / 6, -1 / 6],
    [1 / 24, 1 / 12, 1 / 6],
    [1 / 24, -1 / 12, 1 / 6],
    [0, 0, 1],
  ],
  output: [
    [1, 1, 1, 1, 1, 0],
    [0, 1, -1, 2, -2, 0],
    [0, 1, 1, 4, 4, 0],
    [0, 1, -1, 8, -8, 1],
  ],
};

export interface Sizes {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly out: number;
}

/** Bytes of transformed filters that are worth streaming from memory on every run. */
const filterBytes = 12 << 20;

/**
 * The algorithm for a convolution; undefined if it is better done directly. Below 16 channels the transforms cost more
 * than they save; below 12 tiles the products have too few rows; and on small maps it is the filters, 4 or 1.8 times as
 * large as before, that must be read.
 */
export function chosen({ batch, height, width, channels, out }: Sizes): Algorithm | undefined {
  if (channels < 16 || out < 16) return undefined;
  const tiles = (m: number): number => batch * Math.ceil(height / m) * Math.ceil(width / m);
  const bytes = (a: Algorithm): number => a.points * channels * out * 4;
  if (tiles(4) >= 12 && bytes(f43) <= filterBytes) return f43;
  return tiles(2) >= 12 ? f23 : undefined;
}
