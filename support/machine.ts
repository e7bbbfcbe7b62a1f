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
  /** The same for sums of integers, where they are held in other registers than those of floats. */
  readonly integerTiles?: Machine["tiles"];
  /** Products of so many neighbours are summed by few instructions: 4 of bytes or 2 of 16 bits in a word, or 16 of bytes in a vector. */
  readonly dot?: number;
  /** Both factors of such products have signs, or neither. */
  readonly alike?: boolean;
  /**
   * Where products are summed in groups, what rows multiply is widened once for all columns, in memory, because pairs are loaded
   * by fewer instructions than they are made by; the register tiles then.
   */
  readonly gathers?: Machine["tiles"];
  /** Unsigned bytes times signed ones are summed in fours. */
  readonly fours?: boolean;
  /** Vectors are loaded from, and stored to, elements narrower than a word. */
  readonly narrow?: boolean;
  /** Words of four bytes are loaded from rows of bytes, whose sums of products take four at a time. */
  readonly words?: boolean;
  /** Vectors are loaded from constants that are kept as floats of 16 bits. */
  readonly halves?: boolean;
  /** Output pixels of a depthwise strip. */
  readonly strip: number;
  /** The same for sums of integers, where they are held in other registers than those of floats. */
  readonly integerStrip?: number;
  /** Steps of a reduction loop written out in a row. */
  readonly unroll: number;
  /** `bump`: one back edge, pointers move within the step; `exits`: every step ends with its own test. */
  readonly loopForm: "bump" | "exits";
  /** Bytes of the first two cache levels, per core. */
  readonly l1: number;
  readonly l2: number;
  /** Weights that no more rows than this share are brought near while what is before them is multiplied. */
  readonly ahead?: number;
  /** Operations of a product that pass while a byte comes from memory: what it costs to read much. */
  readonly operationsPerByte?: number;
  /** Multiply and add fuse into one instruction. */
  readonly fusedMultiplyAdd: boolean;
  /** Neighbouring vectors that the engine makes one wider one of, if code is written in pairs of them. */
  readonly together: number;
  /** Square blocks of vectors are turned in registers by shuffles. */
  readonly turns?: boolean;
  /**
   * Nothing is gained by keeping a panel of weights near: results come row by row, all columns of each, so that they may take
   * the place of what is read.
   */
  readonly rowByRow?: boolean;
  /** Copies of a reduction's body that may be written out for one tile of results; 128 unless said. */
  readonly copies?: number;
  /** Code is to be small: of the register tiles, those that leave nothing over are taken before quicker ones. */
  readonly even?: boolean;
  /** Many threads instead of one loop: a tile of results each. */
  readonly grid?: Grid;
}

/** The same machine where code is to be small: nothing is written out twice that can be a turn of a loop. */
export const compact = (machine: Machine): Machine => ({
  ...machine,
  unroll: 1,
  strip: 1,
  integerStrip: 1,
  copies: 1,
  even: true,
});

/** What a machine of workgroups wants. */
export interface Grid {
  /** Threads of a workgroup. */
  readonly workgroup: number;
  /** Threads that keep the machine busy: smaller tiles are chosen before there are fewer. */
  readonly threads: number;
  /** Workgroups that keep the machine busy, where threads share what they load. */
  readonly groups: number;
  /** Workgroups along one axis at most. */
  readonly most: number;
  /** Threads of a workgroup that share what they load, at most. */
  readonly share: number;
}

const zen = {
  turns: true,
  lanes: 4,
  vectorRegisters: 15,
  l1: 32 << 10,
  l2: 1 << 20,
  narrow: true,
  dot: 2,
  operationsPerByte: 2,
  ahead: 256,
} as const;

/** V8 from 13 on (Chrome 132, Node 24): emits code in the order in which it is written. */
export const v8: Machine = {
  ...zen,
  name: "v8",
  tiles: [
    { rows: 5, columns: 8, gflops: 58.4 },
    { rows: 4, columns: 8, gflops: 58.0 },
    { rows: 3, columns: 8, gflops: 55.2 },
    { rows: 2, columns: 8, gflops: 38 },
    { rows: 1, columns: 24, gflops: 40 },
    { rows: 8, columns: 4, gflops: 44 },
    { rows: 1, columns: 8, gflops: 21 },
  ],
  strip: 8,
  unroll: 8,
  loopForm: "bump",
  fusedMultiplyAdd: false,
  together: 1,
};

/** The same with relaxed SIMD: products join sums in one instruction, which frees the registers of the products. */
export const v8Relaxed: Machine = {
  ...v8,
  integerTiles: v8.tiles,
  name: "v8-relaxed",
  tiles: [
    { rows: 6, columns: 8, gflops: 59.1 },
    { rows: 5, columns: 8, gflops: 56.4 },
    { rows: 4, columns: 8, gflops: 55.2 },
    { rows: 2, columns: 16, gflops: 55.2 },
    { rows: 3, columns: 8, gflops: 44.8 },
    { rows: 1, columns: 24, gflops: 42.7 },
    { rows: 2, columns: 8, gflops: 29.5 },
    { rows: 12, columns: 4, gflops: 53 },
    { rows: 1, columns: 8, gflops: 14.8 },
  ],
  fusedMultiplyAdd: true,
};

/** The same where one instruction multiplies four unsigned bytes with signed ones, exactly (AVX-VNNI). */
export const v8Bytes: Machine = { ...v8Relaxed, name: "v8-bytes", fours: true };

/** With `--experimental-wasm-revectorize` (Node 24 and newer): pairs of vectors run as one of 256 bits. */
export const v8Wide: Machine = {
  ...v8Relaxed,
  name: "v8-256",
  tiles: [
    { rows: 6, columns: 16, gflops: 116.7 },
    { rows: 5, columns: 16, gflops: 112 },
    { rows: 4, columns: 16, gflops: 107 },
    { rows: 3, columns: 16, gflops: 88 },
    { rows: 2, columns: 16, gflops: 58 },
    { rows: 1, columns: 32, gflops: 45 },
    { rows: 1, columns: 16, gflops: 29 },
    { rows: 12, columns: 4, gflops: 53 },
    { rows: 1, columns: 8, gflops: 15 },
  ],
  strip: 7,
  unroll: 4,
  together: 2,
  operationsPerByte: 4,
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
    { rows: 8, columns: 4, gflops: 31 },
    { rows: 1, columns: 8, gflops: 28 },
  ],
  strip: 4,
  unroll: 8,
  loopForm: "exits",
  fusedMultiplyAdd: false,
  together: 1,
};

/** JavaScriptCore on x64 (Safari, Bun): loads that spread a scalar are slow there, so few rows share much. */
export const javaScriptCore: Machine = {
  ...v8,
  name: "jsc",
  tiles: [
    { rows: 2, columns: 16, gflops: 42 },
    { rows: 4, columns: 8, gflops: 38 },
    { rows: 3, columns: 8, gflops: 34 },
    { rows: 2, columns: 8, gflops: 30 },
    { rows: 1, columns: 16, gflops: 26 },
    { rows: 1, columns: 8, gflops: 20 },
  ],
};

/** SpiderMonkey (Firefox): keeps the order of the code too, and does as well with four rows as with more. */
export const spiderMonkey: Machine = {
  ...v8,
  name: "spidermonkey",
  tiles: [
    { rows: 4, columns: 8, gflops: 55 },
    { rows: 2, columns: 16, gflops: 55 },
    { rows: 3, columns: 8, gflops: 54.9 },
    { rows: 5, columns: 8, gflops: 53.9 },
    { rows: 2, columns: 8, gflops: 44 },
    { rows: 1, columns: 24, gflops: 38 },
    { rows: 1, columns: 8, gflops: 28 },
  ],
};

/** What C compilers make of a tile: rows × columns, columns a multiple of the lanes, best first. */
const tilesOf = (...tiles: readonly (readonly [rows: number, columns: number, gflops: number])[]): Machine["tiles"] =>
  tiles.map(([rows, columns, gflops]) => ({ rows, columns, gflops }));

/** Compilers unroll and schedule by themselves. */
const compiled = { unroll: 1, loopForm: "bump", together: 1, l1: 32 << 10, l2: 1 << 20 } as const;
/** Vectors of words take in what is narrower, and products of 16-bit numbers are summed in pairs. */
const pairing = { narrow: true, dot: 2 } as const;

/** 128-bit vectors on 16 registers: SSE2, and whatever else a portable program meets. */
export const x8664: Machine = {
  ...compiled,
  ...pairing,
  name: "x86-64",
  lanes: 4,
  vectorRegisters: 15,
  tiles: tilesOf([4, 8, 35], [3, 8, 33], [2, 8, 30], [1, 16, 25], [1, 8, 20]),
  strip: 4,
  fusedMultiplyAdd: false,
};
export const generic: Machine = { ...x8664, name: "generic" };

/** AVX2 and FMA. */
export const x8664v3: Machine = {
  ...compiled,
  ...pairing,
  name: "x86-64-v3",
  lanes: 8,
  vectorRegisters: 15,
  // Sums wait four steps for each other, two at a time: tiles of fewer than eight vectors are slower by what is missing.
  tiles: tilesOf([4, 16, 88], [5, 16, 88], [6, 16, 88], [3, 16, 70], [2, 16, 48], [1, 32, 46], [1, 16, 24]),
  strip: 4,
  fusedMultiplyAdd: true,
};

/** AVX-512 on 32 registers. */
export const x8664v4: Machine = {
  ...compiled,
  ...pairing,
  name: "x86-64-v4",
  lanes: 16,
  vectorRegisters: 31,
  tiles: tilesOf(
    [8, 32, 112],
    [6, 32, 108],
    [4, 32, 104],
    [8, 16, 102],
    [4, 16, 95],
    [2, 32, 90],
    [2, 16, 70],
    [1, 32, 50],
    [1, 16, 40],
  ),
  strip: 7,
  fusedMultiplyAdd: true,
};

/** NEON on 32 registers. */
export const aarch64: Machine = {
  ...compiled,
  ...pairing,
  name: "aarch64",
  lanes: 4,
  vectorRegisters: 31,
  tiles: tilesOf([4, 16, 58], [8, 8, 57], [4, 8, 52], [2, 16, 50], [1, 16, 30], [1, 8, 20]),
  strip: 4,
  fusedMultiplyAdd: true,
};

/** Microcontrollers compute one number at a time; a tile is what their registers hold. */
const scalar = (name: string, tiles: Machine["tiles"], registers: number): Machine => ({
  ...compiled,
  name,
  lanes: 1,
  vectorRegisters: registers,
  tiles,
  strip: 2,
  fusedMultiplyAdd: registers > 12,
  rowByRow: true,
  unroll: 4,
  copies: 40,
  l1: 16 << 10,
  l2: 256 << 10,
});
const floatTiles = tilesOf([4, 4, 4], [3, 4, 3.8], [2, 4, 3.3], [1, 8, 3], [1, 4, 2.5], [1, 1, 1]);
/** Four sums, and what they are made of, in 13 registers. */
const integerTiles = tilesOf([2, 2, 2], [1, 4, 1.9], [1, 2, 1.5], [1, 1, 1]);
/** Products of halves of words are summed in pairs (SMLAD). */
const packed = { integerTiles, integerStrip: 3, dot: 4 } as const;
/** Columns whose weights are made pairs of for many rows: sums, a pair of each factor and three pointers in 14 registers. */
const gathers = tilesOf(
  [6, 1, 4],
  [5, 1, 3.9],
  [3, 2, 3.9],
  [4, 1, 3.7],
  [3, 1, 3.4],
  [2, 2, 3.4],
  [2, 1, 3],
  [1, 4, 2.8],
  [1, 2, 2],
  [1, 1, 1],
);
export const m0: Machine = scalar("m0", integerTiles, 8);
export const m4: Machine = { ...scalar("m4", floatTiles, 28), ...packed, gathers };
export const m7: Machine = { ...scalar("m7", floatTiles, 28), ...packed, gathers };
/** Products of 16 bytes are summed into a register, of which an instruction takes one of six. */
export const m55: Machine = {
  ...scalar("m55", floatTiles, 28),
  dot: 16,
  alike: true,
  integerTiles: tilesOf([2, 2, 2.5], [1, 4, 2], [1, 2, 1.5], [1, 1, 1]),
};
export const rv32: Machine = scalar("rv32", floatTiles, 28);

/** What WebGPU guarantees everywhere. Ranks of tiles are by reuse of what is loaded, not by measurement. */
const anyGpu = {
  lanes: 4,
  vectorRegisters: 32,
  l1: 16 << 10,
  l2: 1 << 20,
  strip: 4,
  unroll: 1,
  loopForm: "bump",
  fusedMultiplyAdd: true,
  copies: 24,
  halves: true,
  words: true,
  narrow: true,
  together: 1,
} as const;
const tile = (rows: number, columns: number) => ({ rows, columns, gflops: rows * columns });

/** A graphics card of the middle class, through WebGPU. */
export const webgpu: Machine = {
  ...anyGpu,
  name: "webgpu",
  tiles: [tile(8, 4), tile(4, 8), tile(4, 4), tile(2, 4), tile(1, 4)],
  grid: { workgroup: 64, threads: 8192, groups: 64, most: 65535, share: 128 },
};

/** Phones and integrated graphics: fewer threads are enough, fewer registers are there. */
export const webgpuSmall: Machine = {
  ...anyGpu,
  name: "webgpu-small",
  tiles: [tile(4, 4), tile(2, 4), tile(1, 4)],
  grid: { workgroup: 64, threads: 1024, groups: 16, most: 65535, share: 64 },
};

export const machines: readonly Machine[] = [
  v8,
  v8Relaxed,
  v8Bytes,
  v8Wide,
  v8Before13,
  javaScriptCore,
  spiderMonkey,
  generic,
  x8664,
  x8664v3,
  x8664v4,
  aarch64,
  m0,
  m4,
  m7,
  m55,
  rv32,
  webgpu,
  webgpuSmall,
];

/** What `linalg-schedule{machine=…}` takes. */
export const machineNames: readonly string[] = machines.map((m) => m.name);
