/** @file What the engine at hand offers beyond 128-bit SIMD: found out by small modules that use it. */
import type { Feature } from "./manifest.ts";

interface Probe {
  readonly bytes: readonly number[];
  /** The engine has the feature if it refuses the module. */
  readonly refused?: boolean;
  /**
   * The engine has the feature if the module's `f` answers this: what the specification leaves to engines, each of which must
   * do it in one way. On engines without it, code that needs it runs, and answers something else.
   */
  readonly answers?: readonly (readonly [arguments: readonly [number, number], answer: number])[];
}

const probes: Readonly<Record<Feature, Probe>> = {
  // A function that multiplies and adds: `(func (param v128) (result v128) (f32x4.relaxed_madd $0 $0 $0))`.
  "relaxed-simd": {
    bytes: [
      0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 123, 1, 123, 3, 2, 1, 0, 10, 13, 1, 11, 0, 32, 0, 32, 0, 32, 0, 253,
      133, 2, 11,
    ],
  },
  // `f(a, b)`: four bytes of a times four of b, `(i32x4.extract_lane 0 (i32x4.relaxed_dot_i8x16_i7x16_add_s (i32x4.splat $0) (i32x4.splat $1) 0))`:
  // the bytes of b have no signs, and sums of two products do not saturate in 16 bits.
  "byte-dot": {
    bytes: [
      0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 36, 1, 34,
      0, 32, 0, 253, 17, 32, 1, 253, 17, 253, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 253, 147, 2, 253, 27,
      0, 11,
    ],
    answers: [
      [[0x7f7f7f7f, -1], 4 * 127 * 255],
      [[-0x7f7f7f80, -1], 4 * -128 * 255],
    ],
  },
  // `(memory 1 1 shared)`.
  threads: { bytes: [0, 97, 115, 109, 1, 0, 0, 0, 5, 4, 1, 3, 1, 1] },
  // `(memory i64 0)`: engines of before 2025 do not know addresses of 64 bits, among them V8 up to version 12.
  "old-engine": { bytes: [0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 4, 0], refused: true },
};

/** How to find out whether an engine has a feature: what it must say of a module, and what that answers. */
export const probeOf = (
  feature: Feature,
): Required<Omit<Probe, "bytes">> & { readonly bytes: Uint8Array<ArrayBuffer> } => {
  const { bytes, refused = false, answers = [] } = probes[feature];
  return { bytes: Uint8Array.from(bytes), refused, answers };
};

/** Code that needs the feature must not run without it: engines take it, and answer something else. */
export const isDecisive = (feature: Feature): boolean => probes[feature].answers !== undefined;

const found = new Map<Feature, boolean>();

export function offers(feature: Feature): boolean {
  const { bytes, refused, answers } = probeOf(feature);
  // Flags of the process may change what engines take, but not what they answer.
  if (WebAssembly.validate(bytes) === refused) return false;
  if (answers.length === 0) return true;
  let right = found.get(feature);
  if (right === undefined) {
    const { f } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports as unknown as {
      f: (a: number, b: number) => number;
    };
    right = answers.every(([[a, b], answer]) => f(a, b) === answer);
    found.set(feature, right);
  }
  return right;
}
