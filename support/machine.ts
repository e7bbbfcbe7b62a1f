/**
 * @file What machines offer, in numbers. A WebAssembly engine is a machine of its own: how it schedules and allocates
 * registers decides which tiles and loop forms are fast. Figures: measured on x86-64 (see docs/architecture.md).
 */

export interface Machine {
  readonly name: string;
  /** 32-bit lanes of a vector register. */
  readonly lanes: number;
  /** Vectors that stay in registers, one left for what the engine needs itself. */
  readonly vectorRegisters: number;
  /** Register tiles for products of matrices, best first: rows × columns (columns a multiple of the lanes). */
  readonly tiles: readonly { readonly rows: number; readonly columns: number; readonly gflops: number }[];
  /** Output pixels of a depthwise strip. */
  readonly strip: number;
  /** Steps of a reduction loop written out in a row. */
  readonly unroll: number;
  /** `bump`: one back edge, pointers move within the step; `exits`: every step ends with its own test. */
  readonly loopForm: "bump" | "exits";
  /** Bytes of the first two cache levels, per core. */
  readonly l1: number;
  readonly l2: number;
  /** Multiply and add fuse into one instruction. */
  readonly fusedMultiplyAdd: boolean;
}

const zen = { lanes: 4, vectorRegisters: 15, l1: 32 << 10, l2: 1 << 20 } as const;

/** V8 from 13 on (Chrome 132, Node 24): emits code in the order in which it is written. */
export const v8: Machine = {
  ...zen,
  name: "v8",
  tiles: [
    { rows: 4, columns: 8, gflops: 58.0 },
    { rows: 3, columns: 8, gflops: 55.2 },
    { rows: 2, columns: 8, gflops: 46 },
    { rows: 1, columns: 24, gflops: 40 },
    { rows: 1, columns: 8, gflops: 30 },
  ],
  strip: 8,
  unroll: 8,
  loopForm: "bump",
  fusedMultiplyAdd: false,
};

/** The same with relaxed SIMD: a product and a sum are one instruction, and the product needs no register. */
export const v8Relaxed: Machine = {
  ...v8,
  name: "v8-relaxed",
  tiles: [
    { rows: 6, columns: 8, gflops: 59.1 },
    { rows: 5, columns: 8, gflops: 56.4 },
    { rows: 4, columns: 8, gflops: 55.2 },
    { rows: 3, columns: 8, gflops: 44.8 },
    { rows: 2, columns: 8, gflops: 40 },
    { rows: 1, columns: 24, gflops: 42.7 },
    { rows: 1, columns: 8, gflops: 30 },
  ],
  fusedMultiplyAdd: true,
};

/** V8 to 12 (Node 20 and 22): loads first, arithmetic as late as possible; a test after every step pins it down. */
export const v8Before13: Machine = {
  ...zen,
  name: "v8-12",
  tiles: [
    { rows: 4, columns: 8, gflops: 51.5 },
    { rows: 3, columns: 8, gflops: 43.9 },
    { rows: 2, columns: 16, gflops: 49.4 },
    { rows: 2, columns: 8, gflops: 40 },
    { rows: 1, columns: 16, gflops: 34.8 },
    { rows: 1, columns: 8, gflops: 28 },
  ],
  strip: 4,
  unroll: 1,
  loopForm: "exits",
  fusedMultiplyAdd: false,
};

export const machines: readonly Machine[] = [v8, v8Relaxed, v8Before13];
