/**
 * @file The target `wgsl`: a model compiled to shaders and run on the WebGPU that the package `webgpu` brings (Dawn), on
 * whatever adapter there is. One device for each worker.
 */
import { wgsl } from "../../codegen/wgsl/index.ts";
import { GpuSession } from "../../runtime/session.ts";
import { compiledTarget } from "./compiled.ts";

/** Must stay referenced for as long as anything of it is alive. */
const held = globalThis as { sluiceGpu?: GPU; sluiceDevice?: Promise<GPUDevice> };

/**
 * Dawn asks for events in a busy loop of immediates. With a pause between them, the core is left to the driver, which
 * compiles shaders on it.
 */
function askNowAndThen(): void {
  const pause = (run: (...args: unknown[]) => void, ...args: unknown[]): unknown => setTimeout(run, 1, ...args);
  Object.assign(globalThis, { setImmediate: pause });
}

/** The device of this worker. */
export function deviceOf(options: readonly string[] = []): Promise<GPUDevice> {
  held.sluiceDevice ??= (async () => {
    const { create, globals } = await import("webgpu");
    Object.assign(globalThis, globals);
    askNowAndThen();
    held.sluiceGpu ??= create([...options]);
    const adapter = await held.sluiceGpu.requestAdapter();
    if (!adapter) throw new Error("there is no WebGPU adapter: install a Vulkan driver (mesa-vulkan-drivers)");
    const { maxStorageBuffersPerShaderStage } = adapter.limits;
    return adapter.requestDevice({ requiredLimits: { maxStorageBuffersPerShaderStage } });
  })();
  return held.sluiceDevice;
}

export const wgslTarget = compiledTarget(wgsl, async (artifact) =>
  GpuSession.load(artifact, { device: await deviceOf() }),
);
