/** @file Compiled models and shaders on a WebGPU device, in a process of its own (gpu.mjs). */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { shadersOf } from "../../codegen/wgsl/files.ts";
import type { GpuCompiled, SplitCompiled } from "../../index.ts";

const program = fileURLToPath(new URL("./gpu.mjs", import.meta.url));

export interface GpuJob {
  /** Options of Dawn; `backend=null` validates everything and computes nothing. */
  readonly options?: readonly string[];
  /** The device's descriptor; features that compiled models know to use are asked for unless it names others. */
  readonly device?: object;
  readonly validate?: readonly string[];
  readonly inputs?: Readonly<Record<string, { readonly array: string; readonly values: readonly number[] }>>;
  readonly lose?: "before" | "after";
  readonly disposed?: boolean;
  /** Runs on inputs in buffers of the device too, and into such: models of floats. */
  readonly buffers?: boolean;
}

export interface GpuAnswer {
  /** Vendor and device; null where there is no adapter. */
  readonly adapter: string | null;
  readonly faults?: readonly (readonly string[])[];
  readonly outputs?: Readonly<Record<string, readonly number[]>>;
  /** Calls of the second run. */
  readonly counts?: Readonly<Record<string, number>>;
  /** The second run answered what the first did. */
  readonly same?: boolean;
  /** Of a run on inputs in buffers; and what is in the buffers of a run whose outputs stay on the device, to their ends. */
  readonly fromBuffers?: Readonly<Record<string, readonly number[]>>;
  readonly inBuffers?: Readonly<Record<string, readonly number[]>>;
  readonly error?: string;
}

/** Runs a job, with the files of a compiled model if one is given. `env` is for the driver of the device. */
export async function onGpu(
  job: GpuJob,
  model?: GpuCompiled | SplitCompiled,
  env: Readonly<Record<string, string>> = {},
): Promise<GpuAnswer> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-gpu-"));
  try {
    for (const [name, bytes] of (await model?.files()) ?? []) writeFileSync(join(folder, name), bytes);
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    const url = model && pathToFileURL(join(folder, `${model.manifest.model}.js`)).href;
    writeFileSync(join(folder, "job.json"), JSON.stringify({ ...job, model: url }));
    const { stdout } = await promisify(execFile)(process.execPath, [program, join(folder, "job.json")], {
      maxBuffer: 256 << 20,
      timeout: 300_000,
      env: { ...process.env, ...env },
    });
    return JSON.parse(stdout) as GpuAnswer;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const nullBackend = ["backend=null"];

export { shadersOf } from "../../codegen/wgsl/files.ts";

/** Shaders that any device runs: without those that take the place of others where there are features. */
export const plainShadersOf = (model: GpuCompiled): readonly string[] =>
  shadersOf(model).slice(0, model.manifest.gpu!.shaders.length);

/** A shader that asks for features. */
export const isForFeatures = (code: string): boolean => code.startsWith("enable ");
