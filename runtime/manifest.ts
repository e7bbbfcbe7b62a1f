/** @file What an artifact is: where its inputs and outputs lie, what its files are, how much memory it takes. */

/**
 * Element types of inputs and outputs. f16 and bf16 are carried as their bits in 16-bit unsigned integers, floats of 8 and
 * 4 bits as their bits in bytes; integers of 4 and 2 bits take a byte each.
 */
export type ElementType =
  | "bool"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "float16"
  | "bfloat16"
  | "float32"
  | "float64"
  | "int4"
  | "uint4"
  | "int2"
  | "uint2"
  | "float8e4m3fn"
  | "float8e4m3fnuz"
  | "float8e5m2"
  | "float8e5m2fnuz"
  | "float8e8m0"
  | "float4e2m1";

export interface Port {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  /** Byte offset in memory. */
  readonly offset: number;
  readonly bytes: number;
}

export interface FileEntry {
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** What engines offer beyond 128-bit SIMD, and loaders can find out. */
export type Feature = "relaxed-simd" | "byte-dot" | "threads" | "old-engine";

/** Code that may be run in place of the artifact's own, on the same memory and weights. */
export interface VariantEntry {
  readonly name: string;
  readonly needs: Feature;
  /** Chosen wherever the engine offers what it needs; otherwise only if asked for. */
  readonly automatic: boolean;
  /** Several threads may run it; its memory is shared, and handed in. */
  readonly threads?: boolean;
  /** Bytes of memory, where that is not the artifact's own. */
  readonly memoryBytes?: number;
  readonly file?: FileEntry;
}

export interface VariantCode extends VariantEntry {
  readonly code: Uint8Array<ArrayBuffer>;
}

/** The name of the artifact's own code among its variants. */
export const plainVariant = "simd";

export interface KernelEntry {
  readonly name: string;
  /** Calls per inference. */
  readonly calls: number;
}

/** Part of a buffer (all of it, if nothing is said) that a dispatch sees: index of the buffer, offset and size in bytes. */
export type Binding = readonly [buffer: number, offset?: number, bytes?: number];

/** One dispatch. */
export interface Dispatch {
  /** Index of the shader. */
  readonly shader: number;
  readonly bind: readonly Binding[];
  readonly grid: readonly [number, number, number];
  /** The kernel that it is. */
  readonly kernel: string;
  /** In what is compiled for profiling: the number of the step that it is part of. */
  readonly step?: number;
}

/** What a device with a feature of WebGPU runs: in place of a shader, by its number, the one of another number. */
export interface GpuVariant {
  readonly needs: "subgroups" | "shader-f16";
  readonly shaders: Readonly<Record<number, number>>;
}

/** A model as a list of dispatches. Every element of a buffer takes a word of 32 bits. */
export interface GpuProgram {
  /** Bytes of each buffer: those of the inputs, of the outputs, and what is between; the weights are one more. */
  readonly buffers: readonly number[];
  /** What the bindings of each shader are, a letter each: `r` read, `w` written, `u` uniform. */
  readonly shaders: readonly string[];
  /** Shaders that take the place of others, by number, where a device has a feature. Their texts follow those of the others. */
  readonly variants: readonly GpuVariant[];
  readonly steps: readonly Dispatch[];
  /** What the device must offer, where that is more than WebGPU promises everywhere. */
  readonly limits: Readonly<Record<string, number>>;
}

export interface Manifest {
  readonly format: "sluice-artifact";
  readonly version: 1;
  readonly target: string;
  readonly model: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly memory: {
    /** All of it, in bytes; the module has the pages for it. */
    readonly bytes: number;
    readonly weights: { readonly offset: number; readonly bytes: number };
    readonly arena: { readonly offset: number; readonly bytes: number };
  };
  readonly kernels: readonly KernelEntry[];
  /** The name of the artifact's own code; `simd` if it is not given. */
  readonly variant?: string;
  /** Other code beside it. */
  readonly variants?: readonly VariantEntry[];
  /** For targets on WebGPU. */
  readonly gpu?: GpuProgram;
  readonly files?: {
    readonly code?: FileEntry;
    readonly shaders?: readonly FileEntry[];
    readonly weights: FileEntry;
    /** The file that holds the others, where they are not files of their own. */
    readonly within?: string;
  };
}

/** Bytes of one element. */
export const elementBytes: Readonly<Record<ElementType, number>> = {
  bool: 1,
  int8: 1,
  uint8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  uint64: 8,
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
  int4: 1,
  uint4: 1,
  int2: 1,
  uint2: 1,
  float8e4m3fn: 1,
  float8e4m3fnuz: 1,
  float8e5m2: 1,
  float8e5m2fnuz: 1,
  float8e8m0: 1,
  float4e2m1: 1,
};
