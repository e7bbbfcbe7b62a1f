/** @file A seeded generator of random numbers: the same on every machine and engine. */

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform in [low, high). */
  between(low: number, high: number): number;
  /**
   * Nearly normal, mean 0 and standard deviation 1: the sum of twelve uniform numbers, for logarithms differ between
   * engines.
   */
  normal(): number;
  /** An integer in [0, count). */
  below(count: number): number;
}

/** The generator sfc32 of PractRand. */
export function random(seed: number): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 15; i++) next();
  return {
    next,
    between: (low, high) => low + (high - low) * next(),
    normal: () => {
      let sum = -6;
      for (let i = 0; i < 12; i++) sum += next();
      return sum;
    },
    below: (count) => Math.floor(next() * count),
  };
}
