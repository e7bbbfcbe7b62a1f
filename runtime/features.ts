/** @file What the engine at hand offers beyond 128-bit SIMD: found out by small modules that use it. */
import type { Feature } from "./manifest.ts";

interface Probe {
  readonly bytes: readonly number[];
  /** The engine has the feature if it refuses the module. */
  readonly refused?: boolean;
}

const probes: Readonly<Record<Feature, Probe>> = {
  // A function that multiplies and adds: `(func (param v128) (result v128) (f32x4.relaxed_madd $0 $0 $0))`.
  "relaxed-simd": {
    bytes: [
      0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 0, 32, 0, 253,
      133, 2, 11,
    ],
  },
  // `(memory 1 1 shared)`.
  threads: { bytes: [0, 97, 115, 109, 1, 0, 0, 0, 5, 4, 1, 3, 1, 1] },
  // `(memory i64 0)`: engines of before 2025 do not know addresses of 64 bits, among them V8 up to version 12.
  "old-engine": { bytes: [0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 4, 0], refused: true },
};

/** A module that engines with a feature take, or if `refused`, do not take. */
export const probeOf = (feature: Feature): { readonly bytes: Uint8Array<ArrayBuffer>; readonly refused: boolean } => ({
  bytes: Uint8Array.from(probes[feature].bytes),
  refused: probes[feature].refused ?? false,
});

export function offers(feature: Feature): boolean {
  const { bytes, refused } = probeOf(feature);
  return WebAssembly.validate(bytes) !== refused;
}
