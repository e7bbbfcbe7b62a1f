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
const writes = (outputs) =>
  Object.fromEntries(Object.entries(outputs).map(([name, a]) => [name, Array.from(a, Number)]));

if (adapter) {
  const device = await adapter.requestDevice(job.device ?? {});
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
