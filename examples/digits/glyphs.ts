/**
 * @file Draws digits as a hand might: strokes with a shaky pen, slanted, stretched, thick or thin, on a noisy ground.
 */
import type { Random } from "./random.ts";

export const SIZE = 28;

type Point = readonly [x: number, y: number];
/**
 * A curve through its points, or for `lines` straight from point to point. The box of a digit is [0, 1] × [0, 1], y
 * down.
 */
interface Stroke {
  readonly points: readonly Point[];
  readonly lines?: true;
}
type Glyph = readonly Stroke[];

const curve = (...points: Point[]): Stroke => ({ points });
const lines = (...points: Point[]): Stroke => ({ points, lines: true });

/** The ways of writing each digit. */
const glyphs: readonly (readonly Glyph[])[] = [
  [
    [
      curve(
        [0.52, 0.02],
        [0.25, 0.15],
        [0.15, 0.5],
        [0.27, 0.87],
        [0.5, 0.98],
        [0.75, 0.85],
        [0.85, 0.5],
        [0.74, 0.13],
        [0.5, 0.02],
      ),
    ],
    [
      curve(
        [0.62, 0.04],
        [0.36, 0.1],
        [0.24, 0.5],
        [0.33, 0.9],
        [0.55, 0.97],
        [0.7, 0.75],
        [0.74, 0.4],
        [0.66, 0.1],
        [0.52, 0.03],
      ),
    ],
  ],
  [
    [lines([0.5, 0.02], [0.5, 0.98])],
    [lines([0.28, 0.26], [0.55, 0.02], [0.55, 0.98])],
    [lines([0.3, 0.22], [0.53, 0.02], [0.53, 0.97]), lines([0.28, 0.97], [0.78, 0.97])],
  ],
  [
    [
      curve([0.16, 0.28], [0.3, 0.06], [0.58, 0.02], [0.8, 0.2], [0.72, 0.45], [0.42, 0.72], [0.15, 0.97]),
      lines([0.15, 0.97], [0.86, 0.95]),
    ],
    [
      curve(
        [0.2, 0.22],
        [0.42, 0.03],
        [0.74, 0.12],
        [0.74, 0.38],
        [0.45, 0.7],
        [0.2, 0.9],
        [0.2, 0.98],
        [0.4, 0.86],
        [0.6, 0.95],
        [0.86, 0.9],
      ),
    ],
  ],
  [
    [
      curve([0.2, 0.12], [0.48, 0.02], [0.74, 0.14], [0.7, 0.38], [0.42, 0.47]),
      curve([0.42, 0.47], [0.74, 0.54], [0.8, 0.78], [0.52, 0.97], [0.18, 0.88]),
    ],
    [
      lines([0.2, 0.04], [0.78, 0.04], [0.46, 0.4]),
      curve([0.46, 0.4], [0.76, 0.48], [0.8, 0.78], [0.5, 0.97], [0.2, 0.9]),
    ],
  ],
  [
    [lines([0.6, 0.02], [0.14, 0.64], [0.88, 0.64]), lines([0.66, 0.36], [0.66, 0.98])],
    [lines([0.26, 0.04], [0.22, 0.5], [0.8, 0.5]), lines([0.76, 0.04], [0.72, 0.98])],
    [lines([0.66, 0.98], [0.66, 0.03], [0.13, 0.68], [0.88, 0.68])],
  ],
  [
    [
      lines([0.8, 0.04], [0.28, 0.04], [0.24, 0.44]),
      curve([0.24, 0.44], [0.52, 0.36], [0.8, 0.52], [0.78, 0.82], [0.5, 0.98], [0.17, 0.88]),
    ],
    [
      lines([0.3, 0.06], [0.24, 0.42]),
      curve([0.24, 0.42], [0.6, 0.4], [0.8, 0.64], [0.66, 0.92], [0.36, 0.98], [0.16, 0.86]),
      lines([0.3, 0.06], [0.82, 0.02]),
    ],
  ],
  [
    [
      curve(
        [0.7, 0.04],
        [0.42, 0.2],
        [0.22, 0.5],
        [0.22, 0.82],
        [0.48, 0.98],
        [0.76, 0.84],
        [0.74, 0.6],
        [0.5, 0.5],
        [0.24, 0.66],
      ),
    ],
    [
      curve(
        [0.46, 0.02],
        [0.28, 0.38],
        [0.2, 0.72],
        [0.36, 0.96],
        [0.64, 0.95],
        [0.74, 0.74],
        [0.58, 0.56],
        [0.34, 0.6],
        [0.22, 0.76],
      ),
    ],
  ],
  [
    [lines([0.14, 0.05], [0.84, 0.05], [0.42, 0.98])],
    [lines([0.14, 0.06], [0.84, 0.04], [0.44, 0.98]), lines([0.34, 0.52], [0.78, 0.5])],
    [
      lines([0.18, 0.2], [0.18, 0.06]),
      curve([0.18, 0.06], [0.5, 0.08], [0.82, 0.04]),
      curve([0.82, 0.04], [0.58, 0.44], [0.46, 0.98]),
    ],
  ],
  [
    [
      curve(
        [0.74, 0.16],
        [0.48, 0.02],
        [0.24, 0.18],
        [0.4, 0.42],
        [0.66, 0.58],
        [0.78, 0.8],
        [0.5, 0.98],
        [0.22, 0.82],
        [0.36, 0.56],
        [0.64, 0.4],
        [0.76, 0.2],
      ),
    ],
    [
      curve([0.5, 0.02], [0.28, 0.12], [0.3, 0.38], [0.5, 0.46], [0.72, 0.36], [0.72, 0.12], [0.5, 0.02]),
      curve([0.5, 0.46], [0.22, 0.58], [0.22, 0.86], [0.5, 0.98], [0.78, 0.86], [0.78, 0.58], [0.5, 0.46]),
    ],
  ],
  [
    [
      curve([0.74, 0.2], [0.52, 0.02], [0.26, 0.16], [0.26, 0.42], [0.5, 0.52], [0.72, 0.38], [0.76, 0.16]),
      lines([0.75, 0.2], [0.68, 0.98]),
    ],
    [
      curve([0.74, 0.24], [0.5, 0.03], [0.24, 0.2], [0.3, 0.46], [0.58, 0.48], [0.75, 0.22]),
      curve([0.75, 0.22], [0.76, 0.58], [0.62, 0.9], [0.3, 0.96]),
    ],
  ],
];

/** How far a picture may stray from the plain glyph; 1 is what the network is trained on. */
export interface Wildness {
  readonly wildness?: number;
}

/** A picture of a digit: SIZE × SIZE, row by row, 0 for the ground to 1 for ink. */
export function drawDigit(digit: number, rng: Random, { wildness = 1 }: Wildness = {}): Float64Array {
  const variants = glyphs[digit]!;
  const glyph = variants[rng.below(variants.length)]!;
  const place = placement(rng, wildness);
  const thickness = rng.between(0.75, 1.9);
  const softness = rng.between(0.6, 1.3);
  const ink = rng.between(0.75, 1);
  const picture = new Float64Array(SIZE * SIZE);
  for (const stroke of glyph) {
    const shaken = stroke.points.map(
      ([x, y]): Point => [x + 0.03 * wildness * rng.normal(), y + 0.03 * wildness * rng.normal()],
    );
    const path = (stroke.lines ? shaken : smooth(shaken)).map(place);
    // The pen's pressure changes along a stroke.
    const pressure = rng.between(0.85, 1.15);
    for (let i = 1; i < path.length; i++) {
      drawSegment(picture, path[i - 1]!, path[i]!, thickness * pressure, softness, ink);
    }
  }
  const noise = rng.next() < 0.5 ? 0.05 * rng.next() * wildness : 0;
  for (let i = 0; i < picture.length; i++) {
    const value = picture[i]! + noise * rng.normal();
    picture[i] = Math.min(1, Math.max(0, value));
  }
  return picture;
}

/** A random affine map from the glyph's box to pixels, with a slow bend on top. */
function placement(rng: Random, wildness: number): (p: Point) => Point {
  const height = rng.between(15, 23);
  const width = height * rng.between(0.6, 1.05);
  const slant = 0.18 * wildness * rng.normal();
  // A turn by an angle whose half has this tangent: sine and cosine without trigonometry.
  const t = 0.06 * wildness * rng.normal();
  const cos = (1 - t * t) / (1 + t * t);
  const sin = (2 * t) / (1 + t * t);
  const bendX = 0.8 * wildness * rng.normal();
  const bendY = 0.8 * wildness * rng.normal();
  const centerX = SIZE / 2 - 0.5 + 1.3 * wildness * rng.normal();
  const centerY = SIZE / 2 - 0.5 + 1.3 * wildness * rng.normal();
  return ([px, py]) => {
    const u = px - 0.5;
    const v = py - 0.5;
    const x = width * (u - slant * v) + bendX * (4 * v * v - 0.5);
    const y = height * v + bendY * (4 * u * u - 0.5);
    return [centerX + cos * x - sin * y, centerY + sin * x + cos * y];
  };
}

/** A Catmull-Rom spline through the points, in short straight pieces. */
function smooth(points: readonly Point[]): readonly Point[] {
  const steps = 6;
  const out: Point[] = [points[0]!];
  for (let i = 0; i + 1 < points.length; i++) {
    const p1 = points[i]!;
    const p2 = points[i + 1]!;
    const p0 = points[i - 1] ?? p1;
    const p3 = points[i + 2] ?? p2;
    for (let s = 1; s <= steps; s++) {
      const t = s / steps;
      const at = (k: 0 | 1): number =>
        p1[k] +
        0.5 *
          t *
          (p2[k] - p0[k] + t * (2 * p0[k] - 5 * p1[k] + 4 * p2[k] - p3[k] + t * (3 * (p1[k] - p2[k]) + p3[k] - p0[k])));
      out.push([at(0), at(1)]);
    }
  }
  return out;
}

/** Inks the pixels near a line; overlapping strokes do not grow darker. */
function drawSegment(
  picture: Float64Array,
  [ax, ay]: Point,
  [bx, by]: Point,
  radius: number,
  softness: number,
  ink: number,
): void {
  const reach = radius + softness;
  const left = Math.max(0, Math.floor(Math.min(ax, bx) - reach));
  const right = Math.min(SIZE - 1, Math.ceil(Math.max(ax, bx) + reach));
  const top = Math.max(0, Math.floor(Math.min(ay, by) - reach));
  const bottom = Math.min(SIZE - 1, Math.ceil(Math.max(ay, by) + reach));
  const dx = bx - ax;
  const dy = by - ay;
  const length2 = dx * dx + dy * dy;
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      const along = length2 === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / length2));
      const ex = x - ax - along * dx;
      const ey = y - ay - along * dy;
      const cover = 0.5 + (radius - Math.sqrt(ex * ex + ey * ey)) / (2 * softness);
      const value = ink * Math.min(1, Math.max(0, cover));
      const at = y * SIZE + x;
      if (value > picture[at]!) picture[at] = value;
    }
  }
}
