/** Modules compiled to WGSL and run on lavapipe, many in one process: for laws over what targets compute. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { unnamed } from "../../bench/conformance/compiled.ts";
import type { Artifact } from "../../codegen/target.ts";
import { driverText } from "../../codegen/wgsl/driver-text.ts";
import { wgsl } from "../../codegen/wgsl/index.ts";
import { lower } from "../../compile.ts";
import type { Operation } from "../../ir/core.ts";
import { dtypeOf } from "../../onnx/ndarray.ts";
import { NDArray, storageOf } from "../../support/ndarray.ts";

const program = fileURLToPath(new URL("./gpu-batch.mjs", import.meta.url));

export interface BatchRun {
  readonly artifact: Artifact;
  readonly inputs: readonly NDArray[];
}

/** A module (which is changed) as an artifact whose ports are called by their number. */
export function compiledToWgsl(module: Operation): Artifact {
  lower(module, wgsl.pipeline);
  const artifact = wgsl.emit(module, { model: "batch", names: false });
  const { inputs, outputs } = artifact.manifest;
  return { ...artifact, manifest: { ...artifact.manifest, inputs: unnamed(inputs), outputs: unnamed(outputs) } };
}

const base64 = (a: ArrayBufferView): string => Buffer.from(a.buffer, a.byteOffset, a.byteLength).toString("base64");

/** The outputs of each run, or what it was stopped by. `env` is for the driver of the device. */
export async function runBatch(
  runs: readonly BatchRun[],
  env: Readonly<Record<string, string>>,
): Promise<readonly (readonly NDArray[] | string)[]> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-batch-"));
  try {
    const models = runs.map(({ artifact: { manifest, code, weights }, inputs }) => ({
      manifest,
      code: new TextDecoder().decode(code),
      weights: base64(weights),
      inputs: inputs.map((a) => {
        const data = a.contiguous().data as Float32Array;
        return { array: data.constructor.name, data: base64(data) };
      }),
    }));
    const file = join(folder, "job.json");
    writeFileSync(file, JSON.stringify({ driver: `${driverText}export { GpuSession };`, models }));
    const { stdout } = await promisify(execFile)(process.execPath, [program, file], {
      maxBuffer: 256 << 20,
      timeout: 600_000,
      env: { ...process.env, ...env },
    });
    const answers = JSON.parse(stdout) as readonly { readonly outputs: readonly string[]; readonly error?: string }[];
    return answers.map(
      ({ outputs, error }, k) =>
        error ??
        runs[k]!.artifact.manifest.outputs.map((port, i) => {
          const kind = dtypeOf(port.type)!;
          return new NDArray(kind, port.shape, storageOf(kind, new Uint8Array(Buffer.from(outputs[i]!, "base64"))));
        }),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
