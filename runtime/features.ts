/** @file What the engine at hand offers beyond 128-bit SIMD: found out by small modules that use it. */
import type { Feature } from "./manifest.ts";

/** A function that multiplies and adds: `(func (param v128) (result v128) (f32x4.relaxed_madd $0 $0 $0))`. */
const probes: Readonly<Record<Feature, readonly number[]>> = {
  "relaxed-simd": [
    0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 0, 32, 0, 253,
    133, 2, 11,
  ],
  // (memory 1 1 shared)
  threads: [0, 97, 115, 109, 1, 0, 0, 0, 5, 4, 1, 3, 1, 1],
};

/** The bytes of a module that only engines with a feature take. */
export const probeOf = (feature: Feature): Uint8Array<ArrayBuffer> => Uint8Array.from(probes[feature]);

export const offers = (feature: Feature): boolean => WebAssembly.validate(probeOf(feature));
