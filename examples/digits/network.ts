/**
 * @file A small convolutional network, forward and backward, in plain loops: conv 3×3×8, relu, pool 2×2, conv 3×3×16,
 * relu, pool 2×2, dense 10. Only operations that IEEE 754 fixes are used, so that training gives the same bits
 * anywhere.
 */
import type { Random } from "./random.ts";

export const CLASSES = 10;
const CHANNELS_1 = 8;
const CHANNELS_2 = 16;
const SIDE = 28;
const SIDE_1 = 14;
const SIDE_2 = 7;
export const FEATURES = CHANNELS_2 * SIDE_2 * SIDE_2;

/** Weights and biases; also their gradients, and the moments of the optimizer. Shapes as in ONNX: OIHW, [out, in]. */
export interface Parameters {
  readonly conv1: Float64Array;
  readonly bias1: Float64Array;
  readonly conv2: Float64Array;
  readonly bias2: Float64Array;
  readonly dense: Float64Array;
  readonly bias3: Float64Array;
}

export const shapes = {
  conv1: [CHANNELS_1, 1, 3, 3],
  bias1: [CHANNELS_1],
  conv2: [CHANNELS_2, CHANNELS_1, 3, 3],
  bias2: [CHANNELS_2],
  dense: [CLASSES, FEATURES],
  bias3: [CLASSES],
} as const satisfies Record<keyof Parameters, readonly number[]>;

export const parameterNames = Object.keys(shapes) as (keyof Parameters)[];

export function zeroParameters(): Parameters {
  const zeros = (name: keyof Parameters): Float64Array =>
    new Float64Array(shapes[name].reduce((n: number, d) => n * d, 1));
  return {
    conv1: zeros("conv1"),
    bias1: zeros("bias1"),
    conv2: zeros("conv2"),
    bias2: zeros("bias2"),
    dense: zeros("dense"),
    bias3: zeros("bias3"),
  };
}

/** Weights scaled by the number of inputs (He et al. 2015), biases zero. */
export function initialParameters(rng: Random): Parameters {
  const parameters = zeroParameters();
  const fill = (weights: Float64Array, inputs: number): void => {
    const scale = Math.sqrt(2 / inputs);
    for (let i = 0; i < weights.length; i++) weights[i] = scale * rng.normal();
  };
  fill(parameters.conv1, 9);
  fill(parameters.conv2, 9 * CHANNELS_1);
  fill(parameters.dense, FEATURES);
  return parameters;
}

/** A picture or its features with a border of zeros, so that the loops need no edges. */
class Padded {
  readonly side: number;
  readonly data: Float64Array;

  constructor(channels: number, side: number) {
    this.side = side + 2;
    this.data = new Float64Array(channels * this.side * this.side);
  }
}

/** The network with room for the values between its layers: one picture at a time. */
export class Network {
  readonly parameters: Parameters;
  readonly #input = new Padded(1, SIDE);
  readonly #plane1 = new Float64Array(CHANNELS_1 * SIDE * SIDE);
  readonly #pooled1 = new Padded(CHANNELS_1, SIDE_1);
  /** For each pooled value, the position in the plane that it came from; -1 where the relu cut it off. */
  readonly #from1 = new Int32Array(CHANNELS_1 * SIDE_1 * SIDE_1);
  readonly #plane2 = new Float64Array(CHANNELS_2 * SIDE_1 * SIDE_1);
  readonly #features = new Padded(CHANNELS_2, SIDE_2);
  readonly #from2 = new Int32Array(CHANNELS_2 * SIDE_2 * SIDE_2);
  readonly #flat = new Float64Array(FEATURES);
  readonly #gradient1 = new Padded(CHANNELS_1, SIDE_1);
  readonly probabilities = new Float64Array(CLASSES);

  constructor(parameters: Parameters) {
    this.parameters = parameters;
  }

  /** The probabilities of the ten digits for a picture of 28 × 28 values from 0 to 1; valid until the next call. */
  forward(picture: ArrayLike<number>): Float64Array {
    const p = this.parameters;
    const input = this.#input;
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) input.data[(y + 1) * input.side + x + 1] = picture[y * SIDE + x]!;
    }
    convolve(input, 1, p.conv1, p.bias1, this.#plane1, SIDE);
    reluPool(this.#plane1, CHANNELS_1, SIDE, this.#pooled1, this.#from1);
    convolve(this.#pooled1, CHANNELS_1, p.conv2, p.bias2, this.#plane2, SIDE_1);
    reluPool(this.#plane2, CHANNELS_2, SIDE_1, this.#features, this.#from2);
    const { side, data } = this.#features;
    for (let c = 0, i = 0; c < CHANNELS_2; c++) {
      for (let y = 0; y < SIDE_2; y++)
        for (let x = 0; x < SIDE_2; x++) this.#flat[i++] = data[(c * side + y + 1) * side + x + 1]!;
    }
    for (let k = 0; k < CLASSES; k++) {
      let sum = p.bias3[k]!;
      for (let i = 0; i < FEATURES; i++) sum += p.dense[k * FEATURES + i]! * this.#flat[i]!;
      this.probabilities[k] = sum;
    }
    softmax(this.probabilities);
    return this.probabilities;
  }

  /** Adds the gradient of the cross entropy with `label` to `gradients`, for the picture of the last `forward`. */
  backward(label: number, gradients: Parameters): void {
    const p = this.parameters;
    const flatGradient = new Float64Array(FEATURES);
    for (let k = 0; k < CLASSES; k++) {
      const g = this.probabilities[k]! - (k === label ? 1 : 0);
      gradients.bias3[k]! += g;
      for (let i = 0; i < FEATURES; i++) {
        gradients.dense[k * FEATURES + i]! += g * this.#flat[i]!;
        flatGradient[i]! += g * p.dense[k * FEATURES + i]!;
      }
    }
    const gradient1 = this.#gradient1;
    gradient1.data.fill(0);
    convolveBack(
      flatGradient,
      this.#from2,
      SIDE_1,
      this.#pooled1,
      CHANNELS_1,
      p.conv2,
      gradients.conv2,
      gradients.bias2,
      gradient1,
    );
    const { side } = gradient1;
    const inner = new Float64Array(CHANNELS_1 * SIDE_1 * SIDE_1);
    for (let c = 0, i = 0; c < CHANNELS_1; c++) {
      for (let y = 0; y < SIDE_1; y++)
        for (let x = 0; x < SIDE_1; x++) inner[i++] = gradient1.data[(c * side + y + 1) * side + x + 1]!;
    }
    convolveBack(inner, this.#from1, SIDE, this.#input, 1, p.conv1, gradients.conv1, gradients.bias1, undefined);
  }
}

/** A 3×3 convolution that keeps the size. */
function convolve(
  input: Padded,
  channels: number,
  weights: Float64Array,
  bias: Float64Array,
  output: Float64Array,
  size: number,
): void {
  const { side, data } = input;
  for (let o = 0; o < bias.length; o++) {
    const out = output.subarray(o * size * size, (o + 1) * size * size);
    out.fill(bias[o]!);
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < 3; i++) {
        const at = ((o * channels + c) * 3 + i) * 3;
        const w0 = weights[at]!;
        const w1 = weights[at + 1]!;
        const w2 = weights[at + 2]!;
        for (let y = 0; y < size; y++) {
          const row = (c * side + y + i) * side;
          for (let x = 0; x < size; x++) {
            out[y * size + x]! += w0 * data[row + x]! + w1 * data[row + x + 1]! + w2 * data[row + x + 2]!;
          }
        }
      }
    }
  }
}

/** The largest of each 2×2 values, cut off below zero, into a padded plane of half the size. */
function reluPool(plane: Float64Array, channels: number, size: number, output: Padded, from: Int32Array): void {
  const half = size / 2;
  for (let c = 0, n = 0; c < channels; c++) {
    for (let y = 0; y < half; y++) {
      for (let x = 0; x < half; x++, n++) {
        const corner = (c * size + 2 * y) * size + 2 * x;
        let best = corner;
        if (plane[corner + 1]! > plane[best]!) best = corner + 1;
        if (plane[corner + size]! > plane[best]!) best = corner + size;
        if (plane[corner + size + 1]! > plane[best]!) best = corner + size + 1;
        const value = plane[best]!;
        from[n] = value > 0 ? best : -1;
        output.data[(c * output.side + y + 1) * output.side + x + 1] = Math.max(value, 0);
      }
    }
  }
}

/**
 * Gradients of a convolution that relu and pooling follow. Only the values that came through have any, which is a
 * quarter at most.
 *
 * @param gradient one value per pooled value
 * @param from the position in the convolution's output, of side `size`, that it came from; -1: from nowhere
 */
function convolveBack(
  gradient: Float64Array,
  from: Int32Array,
  size: number,
  input: Padded,
  channels: number,
  weights: Float64Array,
  weightGradient: Float64Array,
  biasGradient: Float64Array,
  inputGradient: Padded | undefined,
): void {
  const { side, data } = input;
  const perChannel = size * size;
  for (let n = 0; n < gradient.length; n++) {
    const g = gradient[n]!;
    const position = from[n]!;
    if (position < 0 || g === 0) continue;
    const o = Math.floor(position / perChannel);
    const y = Math.floor((position % perChannel) / size);
    const x = position % size;
    biasGradient[o]! += g;
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < 3; i++) {
        const row = (c * side + y + i) * side + x;
        const at = ((o * channels + c) * 3 + i) * 3;
        for (let j = 0; j < 3; j++) {
          weightGradient[at + j]! += g * data[row + j]!;
          if (inputGradient !== undefined) inputGradient.data[row + j]! += g * weights[at + j]!;
        }
      }
    }
  }
}

function softmax(values: Float64Array): void {
  const largest = values.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (let k = 0; k < values.length; k++) {
    values[k] = exponential(values[k]! - largest);
    sum += values[k]!;
  }
  for (let k = 0; k < values.length; k++) values[k]! /= sum;
}

/** e to a power that is not positive. Math.exp may differ in the last bit from engine to engine; this cannot. */
function exponential(x: number): number {
  if (x < -700) return 0;
  const halvings = Math.round(-x / Math.LN2);
  const r = x + halvings * Math.LN2;
  let sum = 1;
  for (let n = 13; n >= 1; n--) sum = 1 + (r / n) * sum;
  for (let i = 0; i < halvings; i++) sum /= 2;
  return sum;
}
