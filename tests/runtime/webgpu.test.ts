/** The driver on a device that fails on demand: what it makes, what it gives back, and one clear error for each fault. */
import { describe, expect, it } from "vitest";
import type { Manifest } from "../../runtime/manifest.ts";
import { type GpuArtifact, GpuSession } from "../../runtime/webgpu.ts";
import { FakeDevice } from "../support/fake-gpu.ts";

const port = (name: string) => ({ name, type: "float32", shape: [4], offset: 0, bytes: 16 }) as const;

/** Copies x to y, by way of a buffer between them, in two dispatches of two shaders. */
const artifact: GpuArtifact = {
  manifest: {
    format: "sluice-artifact",
    version: 1,
    target: "wgsl",
    model: "copy",
    inputs: [port("x")],
    outputs: [port("y")],
    memory: { bytes: 304, weights: { offset: 0, bytes: 256 }, arena: { offset: 0, bytes: 16 } },
    kernels: [],
    gpu: {
      buffers: [16, 16, 16],
      shaders: ["rw", "rw"],
      variants: [],
      steps: [
        { shader: 0, bind: [[0], [2]], grid: [1, 1, 1], kernel: "a" },
        { shader: 1, bind: [[2], [1]], grid: [1, 1, 1], kernel: "b" },
      ],
      limits: { maxBufferSize: 300 },
    },
  } satisfies Manifest,
  code: "a//\nb",
  weights: new Uint8Array(256),
};
const x = Float32Array.of(1, 2, 3, 4);
const load = (fake: FakeDevice, more: object = {}) => GpuSession.load(artifact, { device: fake.device, ...more });

describe("a session on a device", () => {
  it("runs, from arrays and from buffers, into arrays and into buffers", async () => {
    const fake = new FakeDevice();
    const session = await load(fake);
    expect(await session.run({ x })).toEqual({ y: x });
    const { y } = await session.runOnDevice({ x: Float32Array.of(5, 6, 7, 8) });
    expect(await session.run({ x: y! })).toEqual({ y: Float32Array.of(5, 6, 7, 8) });
    session.dispose();
    expect(fake.buffers.every((b) => b.destroyed)).toBe(true);
    expect(fake.listeners.size).toBe(0);
    // The device is its owner's.
    expect(fake.destroyed).toBe(false);
  });

  it.each([
    ["int64", BigInt64Array.of(1n, -2n, 2n ** 31n - 1n, -(2n ** 31n)), [1, -2, 2 ** 31 - 1, -(2 ** 31)]],
    ["uint64", BigUint64Array.of(0n, 1n, 2n, 2n ** 31n - 1n), [0, 1, 2, 2 ** 31 - 1]],
    ["uint32", Uint32Array.of(0, 1, 2 ** 31, 2 ** 32 - 1), [0, 1, -(2 ** 31), -1]],
    ["uint8", Uint8Array.of(0, 1, 128, 255), [0, 1, -128, -1]],
    ["int8", Int8Array.of(0, 1, -128, 127), [0, 1, -128, 127]],
    ["uint16", Uint16Array.of(0, 1, 32768, 65535), [0, 1, -32768, -1]],
    ["float16", Uint16Array.of(0, 0x3c00, 0xbc00, 0x7c00), [0, 0x3c00, 0xbc00 - 65536, 0x7c00]],
    ["bool", Uint8Array.of(0, 1, 1, 0), [0, 1, 1, 0]],
  ] as const)("carries elements of %s in words of 32 bits", async (type, values, words) => {
    const fake = new FakeDevice();
    const { inputs, outputs } = artifact.manifest;
    const manifest = { ...artifact.manifest, inputs: [{ ...inputs[0]!, type }], outputs: [{ ...outputs[0]!, type }] };
    const session = await GpuSession.load({ ...artifact, manifest }, { device: fake.device });
    expect(await session.run({ x: values })).toEqual({ y: values });
    expect([...new Int32Array(fake.buffers[0]!.bytes.buffer, 0, 4)]).toEqual(words);
  });

  it("refuses integers of 64 bits that do not fit into a word", async () => {
    const { inputs } = artifact.manifest;
    const manifest = { ...artifact.manifest, inputs: [{ ...inputs[0]!, type: "int64" as const }] };
    const session = await GpuSession.load({ ...artifact, manifest }, { device: new FakeDevice().device });
    await expect(session.run({ x: BigInt64Array.of(0n, 0n, 2n ** 31n, 0n) })).rejects.toThrow(
      /^input "x": 2147483648 does not fit into 32 bits, for which the model was compiled$/,
    );
  });

  it("asks for all pipelines at once and tells of each that is ready", async () => {
    const fake = new FakeDevice();
    fake.slow = true;
    const heard: string[] = [];
    const session = load(fake, { progress: (done: number, total: number) => heard.push(`${done}/${total}`) });
    await Promise.resolve();
    expect(fake.waiting.length).toBe(2);
    fake.waiting[1]!();
    await new Promise((resolve) => setTimeout(resolve));
    expect(heard).toEqual(["1/2"]);
    fake.waiting[0]!();
    await session;
    expect(heard).toEqual(["1/2", "2/2"]);
  });

  it("keeps overlapping runs apart", async () => {
    const session = await load(new FakeDevice());
    const answers = await Promise.all([1, 2, 3].map((v) => session.run({ x: Float32Array.of(v, v, v, v) })));
    expect(answers.map(({ y }) => y![0])).toEqual([1, 2, 3]);
  });

  it("refuses what the model does not take, and runs again", async () => {
    const session = await load(new FakeDevice());
    await expect(session.run({})).rejects.toThrow(
      'input "x" must be a Float32Array of 4 elements (float32 4), got nothing',
    );
    await expect(session.run({ x: new Float32Array(5) })).rejects.toThrow(/got Float32Array of 5 elements$/);
    await expect(session.run({ x, z: x })).rejects.toThrow('the model has no input "z"');
    expect(await session.run({ x })).toEqual({ y: x });
  });

  it("passes on what the device refuses, and runs again", async () => {
    const fake = new FakeDevice();
    const session = await load(fake);
    fake.refusesNext = "a buffer is too small";
    await expect(session.run({ x })).rejects.toThrow(/^the device refuses: a buffer is too small$/);
    expect(await session.run({ x })).toEqual({ y: x });
  });

  it("leaves no error scope open where a call of the device throws", async () => {
    const fake = new FakeDevice();
    const session = await load(fake);
    const { writeBuffer } = fake.queue;
    fake.queue.writeBuffer = () => {
      throw new TypeError("the view is of shared memory");
    };
    await expect(session.run({ x })).rejects.toThrow(/^the view is of shared memory$/);
    expect(fake.scopes).toBe(0);
    fake.queue.writeBuffer = writeBuffer;
    expect(await session.run({ x })).toEqual({ y: x });
    expect(fake.scopes).toBe(0);
  });

  it("rejects a run when the device has complained and nobody listened", async () => {
    const fake = new FakeDevice();
    const session = await load(fake);
    fake.complain("out of memory");
    await expect(session.run({ x })).rejects.toThrow(/^the device refuses: out of memory$/);
    expect(await session.run({ x })).toEqual({ y: x });
  });

  it("says that the device is lost, before a run, during one, and at load", async () => {
    const fake = new FakeDevice();
    const session = await load(fake);
    fake.queue.submit = () => {
      fake.lose({ message: "unplugged" });
      throw new Error("something else that follows from it");
    };
    await expect(session.run({ x })).rejects.toThrow(/^the device is lost: unplugged$/);
    await expect(session.run({ x })).rejects.toThrow(/^the device is lost: unplugged$/);
    await expect(load(fake)).rejects.toThrow(/^the device is lost: unplugged$/);
  });

  it("does not run once it is disposed of, also if a run is under way", async () => {
    const session = await load(new FakeDevice());
    const run = session.run({ x });
    session.dispose();
    session.dispose();
    await expect(run).rejects.toThrow(/^the session is disposed$/);
    await expect(session.run({ x })).rejects.toThrow(/^the session is disposed$/);
    await expect(session.runOnDevice({ x })).rejects.toThrow(/^the session is disposed$/);
  });
});

describe("loading", () => {
  it("gives everything back when the device refuses a shader", async () => {
    const fake = new FakeDevice();
    fake.refuses = "line 3: no such thing";
    await expect(load(fake)).rejects.toThrow(/^the device refuses: line 3: no such thing$/);
    expect(fake.buffers.length).toBe(5);
    expect(fake.buffers.every((b) => b.destroyed)).toBe(true);
  });

  it("asks for a device where none is given, with the limits that the model needs, and gives it back", async () => {
    const fake = new FakeDevice();
    const asked: object[] = [];
    const requestDevice = (what: object) => {
      asked.push(what);
      return Promise.resolve(fake.device);
    };
    const { limits, features } = fake;
    const gpu = { requestAdapter: () => Promise.resolve({ limits, features, requestDevice }) } as unknown as GPU;
    const session = await GpuSession.load(artifact, { gpu });
    expect(asked).toEqual([{ requiredFeatures: [], requiredLimits: { maxBufferSize: 300 } }]);
    expect(await session.run({ x })).toEqual({ y: x });
    session.dispose();
    expect(fake.destroyed).toBe(true);
  });

  it("runs what takes the place of shaders where the device has the feature, and asks for it where the adapter has", async () => {
    const gpu = { ...artifact.manifest.gpu!, variants: [{ needs: "subgroups" as const, shaders: { 1: 2 } }] };
    const varied = { ...artifact, manifest: { ...artifact.manifest, gpu }, code: "a\n//\nb\n//\nc\n" };
    const plain = new FakeDevice();
    await GpuSession.load(varied, { device: plain.device });
    expect(plain.texts).toEqual(["a\n", "b\n"]);
    const fake = new FakeDevice();
    fake.features.add("subgroups");
    const asked: { readonly requiredFeatures?: readonly string[] }[] = [];
    const requestDevice = (what: object) => {
      asked.push(what);
      return Promise.resolve(fake.device);
    };
    const { limits, features } = fake;
    const source = { requestAdapter: () => Promise.resolve({ limits, features, requestDevice }) } as unknown as GPU;
    await GpuSession.load(varied, { gpu: source });
    expect(asked[0]?.requiredFeatures).toEqual(["subgroups"]);
    expect(fake.texts).toEqual(["a\n", "c\n"]);
    // What takes the place of one may have something take its own.
    const more = [...gpu.variants, { needs: "shader-f16" as const, shaders: { 1: 3, 2: 4 } }];
    const both = { ...varied.manifest, gpu: { ...gpu, variants: more } };
    const code = "a\n//\nb\n//\nc\n//\nd\n//\ne\n";
    for (const [offered, text] of [
      [["shader-f16"], "d\n"],
      [["subgroups", "shader-f16"], "e\n"],
    ] as const) {
      const other = new FakeDevice();
      for (const f of offered) other.features.add(f);
      await GpuSession.load({ ...varied, manifest: both, code }, { device: other.device });
      expect(other.texts).toEqual(["a\n", text]);
    }
  });

  it("says what is missing: WebGPU, an adapter, a limit of the adapter or of the device", async () => {
    const without = { requestAdapter: () => Promise.resolve(null) } as unknown as GPU;
    const limits = { maxBufferSize: 299 };
    const small = { requestAdapter: () => Promise.resolve({ limits }) } as unknown as GPU;
    const device = { limits } as unknown as GPUDevice;
    await expect(GpuSession.load(artifact)).rejects.toThrow(/^there is no WebGPU here \(no navigator\.gpu\)/);
    await expect(GpuSession.load(artifact, { gpu: without })).rejects.toThrow(/^there is no WebGPU adapter/);
    await expect(GpuSession.load(artifact, { gpu: small })).rejects.toThrow(
      /^the model needs maxBufferSize of 300, the adapter has 299$/,
    );
    await expect(GpuSession.load(artifact, { device })).rejects.toThrow(
      /^the model needs maxBufferSize of 300, the device has 299$/,
    );
  });

  it("refuses weights of another model, and artifacts of another target", async () => {
    const { device } = new FakeDevice();
    await expect(GpuSession.load({ ...artifact, weights: new Uint8Array(4) }, { device })).rejects.toThrow(
      "the weights have 4 bytes, the model wants 256",
    );
    const { gpu: _, ...manifest } = { ...artifact.manifest, target: "wasm-simd" };
    await expect(GpuSession.load({ ...artifact, manifest }, { device })).rejects.toThrow(
      "what is compiled for wasm-simd does not run on WebGPU",
    );
  });
});
