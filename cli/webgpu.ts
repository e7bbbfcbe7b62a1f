/** @file A WebGPU device for the command line: of the package `webgpu`, which its user installs beside the models. */
import { fault, unknownLocation } from "../index.ts";
import { userPackage } from "./contenders.ts";

interface WebGpuPackage {
  create(options: readonly string[]): GPU;
  readonly globals: object;
}

export interface FoundDevice {
  readonly device: GPUDevice;
  /** The adapter, in words. */
  readonly about: string;
}

/** What Dawn makes must not be collected while anything of it is alive. */
const held = globalThis as { sluiceGpu?: GPU };

/**
 * A device of the first adapter, with features and limits that it must offer, and features that it has if the adapter does.
 * @throws CompileError if the package, an adapter or a feature is missing
 */
export async function gpuDevice(
  features: readonly GPUFeatureName[],
  requiredLimits: Readonly<Record<string, number>>,
  wanted: readonly GPUFeatureName[],
): Promise<FoundDevice> {
  const { create, globals } = await installed();
  Object.assign(globalThis, globals);
  held.sluiceGpu ??= create(["disable-dawn-features=timestamp_quantization"]);
  const adapter = await held.sluiceGpu.requestAdapter();
  if (!adapter) throw missing("there is no WebGPU adapter", "install a Vulkan driver (mesa-vulkan-drivers on Debian)");
  const { vendor, architecture, device: name, description } = adapter.info;
  const about = description || name || [vendor, architecture].filter((s) => s !== "").join(" ") || "an unnamed adapter";
  for (const f of features) if (!adapter.features.has(f)) throw missing(`${about} has no ${f}`, "use another adapter");
  for (const [limit, n] of Object.entries(requiredLimits)) {
    const has = (adapter.limits as unknown as Record<string, number>)[limit] ?? 0;
    if (has < n) throw missing(`the model needs ${limit} of ${n}, ${about} has ${has}`, "use another adapter");
  }
  const requiredFeatures = [...features, ...wanted.filter((f) => adapter.features.has(f))];
  return { device: await adapter.requestDevice({ requiredFeatures, requiredLimits }), about };
}

async function installed(): Promise<WebGpuPackage> {
  try {
    return await userPackage<WebGpuPackage>("webgpu", "running on WebGPU");
  } catch (error) {
    const { message } = error as Error;
    throw missing(message, "npm install webgpu, or run the model in a page");
  }
}

const missing = (message: string, help: string) => fault("webgpu/missing", unknownLocation, message, { help });
