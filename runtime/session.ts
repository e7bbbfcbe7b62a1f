/** @file The public face of the runtime: what running an artifact takes, and nothing of the compiler. */
export type { ElementType, Manifest, Port } from "./manifest.ts";
export { elementBytes } from "./manifest.ts";
export { arrayOf, type TypedArray } from "./tensor.ts";
export { type LoadOptions, Session, type WasmArtifact } from "./wasm.ts";
export { type GpuArtifact, type GpuInput, type GpuLoadOptions, GpuSession, type GpuStep } from "./webgpu.ts";
