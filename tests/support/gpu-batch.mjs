// Many compiled models, one after the other, on one WebGPU device of the package `webgpu`, in a process of its own. Reads
// the job (a file of JSON: the driver's text, models with inputs by position), writes their outputs, as bytes, to stdout.
import { readFileSync } from "node:fs";
import { create, globals } from "webgpu";

const { driver, models } = JSON.parse(readFileSync(process.argv[2], "utf8"));
Object.assign(globalThis, globals);
// Must stay referenced as long as anything of it is alive.
globalThis.heldGpu = create([]);
const adapter = await globalThis.heldGpu.requestAdapter();
if (!adapter) throw new Error("there is no adapter");
const { maxStorageBuffersPerShaderStage } = adapter.limits;
const requiredFeatures = ["subgroups", "shader-f16"].filter((f) => adapter.features.has(f));
const device = await adapter.requestDevice({ requiredFeatures, requiredLimits: { maxStorageBuffersPerShaderStage } });
const { GpuSession } = await import(`data:text/javascript;base64,${Buffer.from(driver).toString("base64")}`);

const bytesOf = (text) => Uint8Array.from(Buffer.from(text, "base64"));
const answers = [];
for (const { manifest, code, weights, inputs } of models) {
  try {
    const session = await GpuSession.load({ manifest, code, weights: bytesOf(weights) }, { device });
    const given = inputs.map(({ array, data }, i) => [`${i}`, new globalThis[array](bytesOf(data).buffer)]);
    const answer = await session.run(Object.fromEntries(given));
    session.dispose();
    const outputs = session.outputs.map((_, i) => Buffer.from(answer[`${i}`].buffer).toString("base64"));
    answers.push({ outputs });
  } catch (e) {
    answers.push({ error: `${e.name}: ${e.message}` });
  }
}
process.stdout.write(JSON.stringify(answers));
process.exit(0);
