/** @file Trains the network on freshly drawn digits with Adam (Kingma and Ba 2015). */
import { drawDigit } from "./glyphs.ts";
import { CLASSES, initialParameters, Network, type Parameters, parameterNames, zeroParameters } from "./network.ts";
import { random } from "./random.ts";

export interface Training {
  readonly seed: number;
  /** How many batches, of how many pictures each. No picture is seen twice. */
  readonly steps: number;
  readonly batch: number;
  readonly log?: (line: string) => void;
}

export function train({ seed, steps, batch, log = () => {} }: Training): Parameters {
  const rng = random(seed);
  const network = new Network(initialParameters(rng));
  const adam = new Adam(network.parameters);
  let right = 0;
  for (let step = 1; step <= steps; step++) {
    const gradients = zeroParameters();
    for (let i = 0; i < batch; i++) {
      const digit = rng.below(CLASSES);
      if (guess(network.forward(drawDigit(digit, rng))) === digit) right++;
      network.backward(digit, gradients);
    }
    const rest = 1 - step / steps;
    adam.step(gradients, batch, 0.004 * rest * rest + 0.00002);
    if (step % 250 === 0) {
      log(`step ${step} of ${steps}: ${((100 * right) / (250 * batch)).toFixed(2)} % of the training pictures right`);
      right = 0;
    }
  }
  return network.parameters;
}

/** The part of `count` newly drawn pictures that is told right. */
export function accuracy(parameters: Parameters, seed: number, count: number): number {
  const rng = random(seed);
  const network = new Network(parameters);
  let right = 0;
  for (let i = 0; i < count; i++) {
    const digit = i % CLASSES;
    if (guess(network.forward(drawDigit(digit, rng))) === digit) right++;
  }
  return right / count;
}

export const guess = (probabilities: Float64Array): number =>
  probabilities.reduce((best, p, i) => (p > probabilities[best]! ? i : best), 0);

/** The parameters as 32-bit floats hold them. */
export function roundParameters(parameters: Parameters): Parameters {
  const rounded = zeroParameters();
  for (const name of parameterNames) rounded[name].set(parameters[name].map(Math.fround));
  return rounded;
}

class Adam {
  readonly #parameters: Parameters;
  readonly #mean = zeroParameters();
  readonly #square = zeroParameters();
  #decay1 = 1;
  #decay2 = 1;

  constructor(parameters: Parameters) {
    this.#parameters = parameters;
  }

  step(gradients: Parameters, batch: number, rate: number): void {
    this.#decay1 *= 0.9;
    this.#decay2 *= 0.999;
    const scale1 = 1 / (1 - this.#decay1);
    const scale2 = 1 / (1 - this.#decay2);
    for (const name of parameterNames) {
      const values = this.#parameters[name];
      const mean = this.#mean[name];
      const square = this.#square[name];
      for (let i = 0; i < values.length; i++) {
        const g = gradients[name][i]! / batch;
        mean[i]! += 0.1 * (g - mean[i]!);
        square[i]! += 0.001 * (g * g - square[i]!);
        values[i]! -= (rate * mean[i]! * scale1) / (Math.sqrt(square[i]! * scale2) + 1e-8);
      }
    }
  }
}
