// One job on a WebGPU device of the package `webgpu`, in a process of its own: drivers do not survive the end of a
// thread. Reads the job (a file of JSON), writes what came of it to stdout.
import { readFileSync } from "node:fs";
import { create, globals } from "webgpu";

const job = JSON.parse(readFileSync(process.argv[2], "utf8"));
Object.assign(globalThis, globals);
// Must stay referenced as long as anything of it is alive.
globalThis.heldGpu = create(job.options ?? []);
const adapter = await globalThis.heldGpu.requestAdapter();
const answer = { adapter: adapter ? `${adapter.info.vendor} ${adapter.info.device}`.trim() || "unnamed" : null };

/** Messages of the validator for a shader, and what its pipeline is refused for. */
async function validate(device, code) {
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  // More buffers than every device takes are a matter of the device: the model's manifest says that it needs them.
  const buffers = code.match(/var<storage/g)?.length ?? 0;
  if (buffers <= device.limits.maxStorageBuffersPerShaderStage) {
    device.createComputePipeline({ layout: "auto", compute: { module } });
  }
  const error = await device.popErrorScope();
  return [...messages.map((m) => `${m.lineNum}: ${m.message}`), ...(error ? [error.message] : [])];
}

/** Counts calls of a method. */
function count(counts, prototype, name) {
  const own = prototype[name];
  prototype[name] = function (...args) {
    counts[name] = (counts[name] ?? 0) + 1;
    return own.apply(this, args);
  };
}

const arrays = { Float32Array, Int32Array, Uint8Array, Int8Array, BigInt64Array };
const reads = (inputs) =>
  Object.fromEntries(
    Object.entries(inputs ?? {}).map(([name, { array, values }]) => [
      name,
      arrays[array].from(values, array === "BigInt64Array" ? BigInt : Number),
    ]),
  );
/** A buffer of the device with what it holds, and what a buffer holds. */
function bufferOf(device, data) {
  const buffer = device.createBuffer({
    size: data.byteLength,
    usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(buffer, 0, data);
  return buffer;
}
async function contentOf(device, buffer) {
  const to = device.createBuffer({ size: buffer.size, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, to, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await to.mapAsync(GPUMapMode.READ);
  return to.getMappedRange().slice(0);
}
const writes = (outputs) =>
  Object.fromEntries(Object.entries(outputs).map(([name, a]) => [name, Array.from(a, Number)]));

if (adapter) {
  // What shaders may use where a device has it.
  const requiredFeatures = ["subgroups", "shader-f16"].filter((f) => adapter.features.has(f));
  const device = await adapter.requestDevice({ requiredFeatures, ...job.device });
  if (job.validate) {
    answer.faults = [];
    for (const code of job.validate) answer.faults.push(await validate(device, code));
  }
  if (job.model) {
    const { load } = await import(job.model);
    try {
      if (job.lose === "before") device.destroy();
      const session = await load({ device });
      const inputs = reads(job.inputs);
      const first = await session.run(inputs);
      const counts = {};
      const { GPUDevice, GPUQueue, GPUCommandEncoder, GPUComputePassEncoder, GPUBuffer } = globalThis;
      for (const name of Object.getOwnPropertyNames(GPUDevice.prototype)) {
        if (name.startsWith("create")) count(counts, GPUDevice.prototype, name);
      }
      for (const name of ["submit", "writeBuffer"]) count(counts, GPUQueue.prototype, name);
      count(counts, GPUCommandEncoder.prototype, "beginComputePass");
      count(counts, GPUComputePassEncoder.prototype, "dispatchWorkgroups");
      count(counts, GPUBuffer.prototype, "mapAsync");
      answer.outputs = writes(await session.run(inputs));
      answer.counts = counts;
      answer.same = JSON.stringify(writes(first)) === JSON.stringify(answer.outputs);
      if (job.buffers) {
        // Inputs that are on the device, and outputs that stay there: floats.
        const given = Object.fromEntries(Object.entries(inputs).map(([name, a]) => [name, bufferOf(device, a)]));
        answer.fromBuffers = writes(await session.run(given));
        const left = await session.runOnDevice(given);
        answer.inBuffers = {};
        for (const [name, buffer] of Object.entries(left)) {
          answer.inBuffers[name] = Array.from(new Float32Array(await contentOf(device, buffer)));
        }
      }
      if (job.lose === "after") {
        device.destroy();
        await device.lost;
        await session.run(inputs);
      }
      session.dispose();
      if (job.disposed) await session.run(inputs);
    } catch (e) {
      answer.error = `${e.name}: ${e.message}`;
    }
  }
}
process.stdout.write(JSON.stringify(answer));
process.exit(0);
