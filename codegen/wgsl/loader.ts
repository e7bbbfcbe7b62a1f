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
export const { inputs, outputs, gpu: { limits, variants } } = manifest;
export const features = variants.map((v) => v.needs);

${readText}

/** Loads the model on a GPUDevice, or on one that it asks for. \`base\` is where its files are. */
export async function load({ base = import.meta.url, ...options } = {}) {
  const [weights, ...texts] = await Promise.all([${JSON.stringify(files.weights)}, ...shaders].map((f) => read(f, base)));
  const decoder = new TextDecoder();
  const code = texts.map((t) => decoder.decode(t)).join("//\\n");
  const bytes = new Uint8Array(weights.buffer ?? weights, weights.byteOffset ?? 0, weights.byteLength);
  return GpuSession.load({ manifest, code, weights: bytes }, options);
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
  /** Gives the memory of the device back. */
  dispose(): void;
}
export declare const inputs: readonly Port[];
export declare const outputs: readonly Port[];
/** What the device must offer beyond what WebGPU promises everywhere: \`requiredLimits\` of \`requestDevice\`. */
export declare const limits: Readonly<Record<string, number>>;
/** Features of devices that the model runs quicker with: \`requiredFeatures\`, as far as the adapter has them. */
export declare const features: readonly GPUFeatureName[];
export interface LoadOptions {
  /** The device to run on. Without it one is asked for, and given back by \`dispose\`. */
  readonly device?: GPUDevice;
  /** Where a device is asked for; \`navigator.gpu\` unless another is given. */
  readonly gpu?: GPU;
  /** Hears how many of the pipelines are ready. */
  readonly progress?: (done: number, total: number) => void;
  /** Where the files are, if not beside this one. */
  readonly base?: string | URL;
}
/** Rejected with one clear error if there is no WebGPU, no adapter, or one that offers too little. */
export declare function load(options?: LoadOptions): Promise<Session>;
`;
}
