/**
 * @file The module that ships with a compiled model: the driver of runtime/webgpu.ts, what there is to run, and a
 * function that fetches the shaders and the weights. No dependencies, no dynamic code.
 */
import type { Manifest, Port } from "../../runtime/manifest.ts";
import { commentText, fieldsText, portDeclaration, readText } from "../loader-text.ts";
import { driverText } from "./driver-text.ts";

export interface FileNames {
  readonly shaders: readonly string[];
  readonly weights: string;
}

/** What of the manifest a run needs. */
function runManifest({ target, inputs, outputs, memory, gpu }: Manifest): object {
  const port = ({ name, type, shape }: Port): object => ({ name, type, shape });
  const steps = gpu!.steps.map(({ shader, bind, grid }) => ({ shader, bind, grid }));
  return {
    target,
    inputs: inputs.map(port),
    outputs: outputs.map(port),
    memory: { weights: { bytes: memory.weights.bytes } },
    gpu: { ...gpu!, steps },
  };
}

/** The text of `model.js`. */
export function loaderText(manifest: Manifest, files: FileNames): string {
  return `// ${commentText(manifest.model)}: compiled by sluice for ${manifest.target}. Serve this file beside ${files.weights} and the .wgsl files.
${driverText}
const manifest = ${JSON.stringify(runManifest(manifest))};
const shaders = ${JSON.stringify(files.shaders)};
export const { inputs, outputs } = manifest;

${readText}

/** Loads the model on a GPUDevice. \`base\` is where its files are, \`progress\` hears of pipelines that are ready. */
export async function load({ device, progress, base = import.meta.url } = {}) {
  const [weights, ...texts] = await Promise.all([${JSON.stringify(files.weights)}, ...shaders].map((f) => read(f, base)));
  const decoder = new TextDecoder();
  const code = texts.map((t) => decoder.decode(t)).join("//\\n");
  const bytes = new Uint8Array(weights.buffer ?? weights, weights.byteOffset ?? 0, weights.byteLength);
  return GpuSession.load({ manifest, code, weights: bytes }, { device, progress });
}
`;
}

/** The text of `model.d.ts`: inputs and outputs by name, with their arrays. */
export function declarationText(manifest: Manifest): string {
  const buffers = manifest.outputs.map((p) => `  ${JSON.stringify(p.name)}: GPUBuffer;`).join("\n");
  return `// ${commentText(manifest.model)}: compiled by sluice for ${manifest.target}.
export interface Inputs {
${fieldsText(manifest.inputs, " | GPUBuffer")}
}
export interface Outputs {
${fieldsText(manifest.outputs)}
}
export interface OutputBuffers {
${buffers}
}
${portDeclaration}
export interface Session {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  /** Runs the model. Buffers that are passed in hold a word of 32 bits for each element. */
  run(inputs: Inputs): Promise<Outputs>;
  /** The same, with the outputs left on the device, in buffers that the next run overwrites. */
  runOnDevice(inputs: Inputs): Promise<OutputBuffers>;
  dispose(): void;
}
export declare const inputs: readonly Port[];
export declare const outputs: readonly Port[];
export declare function load(options: {
  readonly device: GPUDevice;
  readonly progress?: (done: number, total: number) => void;
  readonly base?: string | URL;
}): Promise<Session>;
`;
}
