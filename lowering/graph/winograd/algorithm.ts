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
  /** Bytes of an element of the filters: as they are, and transformed. */
  readonly bytes: { readonly direct: number; readonly filtered: number };
}

/** Operations that pass while an element of the tiles is transformed, and stored and loaded in between. */
const perElement = 8;
/** Products of fewer rows take as long as of these: each column is loaded for them alone. */
const rows = 4;

/**
 * The algorithm that takes the least time for a convolution; undefined if that is to do it directly. Below 16 channels the
 * transforms cost more than they save. On small maps it is the filters, 4 or 1.8 times as many numbers as before, that take the time:
 * they come from memory once a run, a byte in the time of `perByte` operations.
 */
export function chosen<A extends Algorithm>(
  { batch, height, width, channels, out, bytes }: Sizes,
  perByte: number,
  algorithms: readonly A[],
): A | undefined {
  if (channels < 16 || out < 16) return undefined;
  const pairs = channels * out;
  const read = (taps: number, width: number): number => width * taps * pairs * perByte;
  const cost = ({ m, points }: Algorithm): number => {
    const tiles = batch * Math.ceil(height / m) * Math.ceil(width / m);
    const transforms = points * tiles * (channels + out) * perElement;
    return 2 * points * Math.max(tiles, rows) * pairs + read(points, bytes.filtered) + transforms;
  };
  const direct = 2 * 9 * batch * height * width * pairs + read(9, bytes.direct);
  const [best] = [...algorithms].sort((a, b) => cost(a) - cost(b));
  return best && cost(best) < direct ? best : undefined;
}
