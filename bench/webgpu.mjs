/**
 * @file Inferences on WebGPU side by side with onnxruntime-web's WebGPU provider, both on the same Dawn in this process:
 *
 *     node bench/webgpu.mjs --peers DIR [--null] [--patient] [--warm 1000] [--rounds 7] [--budget 300] [--json FILE] MODEL.onnx…
 *
 * DIR is a folder in which onnxruntime-web is installed. The adapter is the first that Dawn finds (VK_DRIVER_FILES chooses
 * the driver): the time of an inference, from arrays to arrays, and whether the outputs agree. With `--null` it is Dawn's
 * backend that validates everything and computes nothing: what is left is what the host does, which is the overhead of each.
 * Dawn in Node asks for events without a pause, which keeps the processor busy while it waits; with `--patient` it pauses
 * for a millisecond, so processor time is that of work alone, and waits are longer.
 * Both take turns, in every second round the other way round; times are medians of rounds, ratios are taken inside of them.
 * Calls of the device are counted apart from what is timed. Needs `npm run build`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { create, globals } from "webgpu";
import { compile } from "../dist/index.js";

const { values: flags, positionals: models } = parseArgs({
  allowPositionals: true,
  options: {
    peers: { type: "string" },
    null: { type: "boolean", default: false },
    patient: { type: "boolean", default: false },
    warm: { type: "string", default: "1000" },
    rounds: { type: "string", default: "7" },
    budget: { type: "string", default: "300" },
    json: { type: "string" },
  },
});

Object.assign(globalThis, globals);
if (flags.patient) globalThis.setImmediate = (run, ...args) => setTimeout(run, 1, ...args);
// Must stay referenced as long as anything of it is alive.
const gpu = create(flags.null ? ["backend=null"] : []);
globalThis.heldGpu = gpu;
if (!globalThis.navigator) globalThis.navigator = {};
Object.defineProperty(globalThis.navigator, "gpu", { value: gpu, configurable: true });

/** Dawn in Node takes no views of shared memory, which is what the runtime's heap is. */
const { writeBuffer } = GPUQueue.prototype;
GPUQueue.prototype.writeBuffer = function (buffer, offset, data, ...rest) {
  const shared = ArrayBuffer.isView(data) && data.buffer instanceof SharedArrayBuffer;
  const given = shared ? data.slice() : data;
  return writeBuffer.call(this, buffer, offset, given, ...rest);
};

/** Counts calls of the device while `run` runs. */
async function counted(run) {
  const counts = {};
  const watched = [
    [GPUDevice, ["createBuffer", "createBindGroup"]],
    [GPUQueue, ["submit", "writeBuffer"]],
    [GPUCommandEncoder, ["beginComputePass"]],
    [GPUComputePassEncoder, ["dispatchWorkgroups"]],
    [GPUBuffer, ["mapAsync"]],
  ];
  const restore = watched.flatMap(([{ prototype }, names]) =>
    names.map((name) => {
      const own = prototype[name];
      counts[name] = 0;
      prototype[name] = function (...args) {
        counts[name]++;
        return own.apply(this, args);
      };
      return () => {
        prototype[name] = own;
      };
    }),
  );
  await run();
  for (const undo of restore) undo();
  return counts;
}

const arrays = {
  float32: Float32Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
};

/** Numbers that look like those of pictures, or small integers. */
function arrayFor({ name, type, shape }) {
  const make = arrays[type];
  if (!make) throw new Error(`input ${name} has elements of type ${type}`);
  const length = shape.reduce((n, d) => n * d, 1);
  const value = (i) => (type === "float32" ? Math.sin(i * 0.37) ** 2 : (i * 7) % 2);
  return make.from({ length }, (_, i) => (type === "int64" ? BigInt(value(i)) : value(i)));
}

async function ours(file) {
  const model = await compile(readFileSync(file), { target: "wgsl", file: basename(file) });
  const session = await model.load({ gpu });
  const inputs = Object.fromEntries(session.inputs.map((p) => [p.name, arrayFor(p)]));
  return { ports: session.inputs, inputs, run: () => session.run(inputs), end: () => session.dispose() };
}

async function onnxruntime(file, ports, inputs) {
  const root = createRequire(join(resolve(flags.peers ?? "."), "package.json"));
  const dist = join(dirname(root.resolve("onnxruntime-web")));
  const ort = await import(pathToFileURL(join(dist, "ort.webgpu.mjs")).href);
  ort.env.wasm.wasmPaths = `${pathToFileURL(dist).href}/`;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  const session = await ort.InferenceSession.create(new Uint8Array(readFileSync(file)), {
    executionProviders: ["webgpu"],
  });
  const feeds = Object.fromEntries(ports.map((p) => [p.name, new ort.Tensor(p.type, inputs[p.name], p.shape)]));
  const run = async () => {
    const answer = await session.run(feeds);
    return Object.fromEntries(Object.entries(answer).map(([name, t]) => [name, t.data]));
  };
  return { run, end: () => session.release() };
}

const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

/** Milliseconds of an inference, and of the processor for one. */
async function slice(run, ms) {
  const times = [];
  const before = process.cpuUsage();
  const until = performance.now() + ms;
  while (times.length < 3 || performance.now() < until) {
    const start = performance.now();
    await run();
    times.push(performance.now() - start);
  }
  const { user, system } = process.cpuUsage(before);
  return { wall: median(times), cpu: (user + system) / 1000 / times.length };
}

/** The largest difference, relative to the largest output. */
function difference(a, b) {
  let far = 0;
  let most = 1e-30;
  for (const [name, x] of Object.entries(a)) {
    const y = b[name];
    if (x.length !== y?.length) return Number.POSITIVE_INFINITY;
    for (let i = 0; i < x.length; i++) {
      far = Math.max(far, Math.abs(Number(x[i]) - Number(y[i])));
      most = Math.max(most, Math.abs(Number(y[i])));
    }
  }
  return far / most;
}

const short = (n) => (n >= 100 ? n.toFixed(0) : n.toPrecision(3));
const adapter = await gpu.requestAdapter();
console.log(`adapter: ${flags.null ? "none (backend=null)" : adapter.info.description || adapter.info.device}`);
const results = [];
for (const file of models) {
  const name = basename(file) === "model.onnx" ? basename(dirname(resolve(file))) : basename(file, ".onnx");
  const a = await ours(file);
  const b = await onnxruntime(file, a.ports, a.inputs);
  const apart = difference(await a.run(), await b.run());
  // Engines compile well what has run for a while.
  for (const { run } of [a, b]) await slice(run, Number(flags.warm));
  const rounds = [];
  for (let r = 0; r < Number(flags.rounds); r++) {
    const found = {};
    for (const [who, { run }] of r % 2
      ? [
          ["theirs", b],
          ["ours", a],
        ]
      : [
          ["ours", a],
          ["theirs", b],
        ]) {
      found[who] = await slice(run, Number(flags.budget));
    }
    rounds.push(found);
  }
  const counts = { ours: await counted(a.run), theirs: await counted(b.run) };
  a.end();
  await b.end();
  const of = (who, what) => median(rounds.map((r) => r[who][what]));
  const what = flags.patient ? "cpu" : "wall";
  const ratios = rounds.map((r) => r.theirs[what] / r.ours[what]);
  results.push({ name, apart, rounds, counts });
  console.log(
    `${name}: ours ${short(of("ours", "wall"))} ms (processor ${short(of("ours", "cpu"))}), onnxruntime-web ` +
      `${short(of("theirs", "wall"))} ms (${short(of("theirs", "cpu"))}); ratio of ${flags.patient ? "processor time" : "time"} ${short(median(ratios))} ` +
      `(${short(Math.min(...ratios))}–${short(Math.max(...ratios))})${flags.null ? "" : `; outputs differ by ${apart.toExponential(1)}`}`,
  );
  for (const [who, c] of Object.entries(counts)) {
    console.log(
      `  ${who}: ${Object.entries(c)
        .map(([k, n]) => `${k} ${n}`)
        .join(", ")}`,
    );
  }
}
if (flags.json) writeFileSync(flags.json, JSON.stringify(results, null, 1));
process.exit(0);
