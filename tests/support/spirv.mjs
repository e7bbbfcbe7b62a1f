// spirv.mjs FILE TOGGLES: makes a pipeline of each shader of a file (JSON) on a device of Dawn that has some toggles on,
// such as that which writes the SPIR-V of shaders to the log.
import { readFileSync } from "node:fs";
import { create, globals } from "webgpu";

Object.assign(globalThis, globals);
// Must stay referenced as long as anything of it is alive.
globalThis.heldGpu = create([`enable-dawn-features=${process.argv[3]}`]);
const adapter = await globalThis.heldGpu.requestAdapter();
if (!adapter) throw new Error("there is no adapter");
const { maxStorageBuffersPerShaderStage } = adapter.limits;
const requiredFeatures = ["subgroups", "shader-f16"].filter((f) => adapter.features.has(f));
const device = await adapter.requestDevice({ requiredFeatures, requiredLimits: { maxStorageBuffersPerShaderStage } });
for (const code of JSON.parse(readFileSync(process.argv[2], "utf8"))) {
  await device.createComputePipelineAsync({ layout: "auto", compute: { module: device.createShaderModule({ code }) } });
}
// The log is written as events come in.
await new Promise((resolve) => setTimeout(resolve, 100));
process.exit(0);
