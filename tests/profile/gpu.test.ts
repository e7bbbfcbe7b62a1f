/** Profiling on WebGPU: each dispatch knows its step, and the clock of a device makes the records that others make. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compileModel } from "../../compile.ts";
import { compileProfiled, summarize, watchOn } from "../../profile/index.ts";
import type { Dispatch } from "../../runtime/manifest.ts";
import { GpuClock } from "../../runtime/webgpu-clock.ts";
import { FakeDevice } from "../support/fake-gpu.ts";

const bytes = readFileSync("examples/digits/digits.onnx");
const options = { file: "digits.onnx", target: "wgsl" };
const { artifact, steps, buffers, macs } = compileProfiled(bytes, options);

describe("a model that is compiled for profiling on WebGPU", () => {
  it("is the model, with the number of the step beside each dispatch", () => {
    const plain = compileModel(bytes, options);
    const dispatches = artifact.manifest.gpu!.steps;
    expect(artifact.code).toEqual(plain.code);
    expect(dispatches.map(({ step: _, ...d }) => d)).toEqual(plain.manifest.gpu!.steps);
    // A kernel may take several dispatches, and every one has some.
    expect([...new Set(dispatches.map((d) => d.step))]).toEqual(steps.map((_, i) => i));
    for (const d of dispatches) expect(d.kernel).toBe(steps[d.step!]!.kernel);
  });

  it("knows its work and its buffers, which lie in no other", () => {
    expect(steps.reduce((n, s) => n + s.macs, 0)).toBe(macs);
    for (const a of buffers) {
      for (const b of buffers) {
        const apart = a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
        if (a !== b && a.first <= b.last && b.first <= a.last) expect(apart).toBe(true);
      }
    }
  });
});

/** A device whose dispatches take 1 ms each, and begin 2 ms apart. */
class ClockedDevice extends FakeDevice {
  override readonly features = new Set(["timestamp-query"]);
  readonly sets: number[] = [];
  #now = 5_000_000n;

  createQuerySet({ count }: { readonly count: number }): object {
    this.sets.push(count);
    return { count, values: new BigUint64Array(count), destroy: () => {} };
  }

  override createCommandEncoder(): object {
    const inner = super.createCommandEncoder() as {
      copyBufferToBuffer: unknown;
      beginComputePass: () => object;
      finish: () => (() => void)[];
    };
    return {
      ...inner,
      beginComputePass: ({ timestampWrites: t }: GPUComputePassDescriptor) => {
        const set = t!.querySet as unknown as { readonly values: BigUint64Array };
        set.values[t!.beginningOfPassWriteIndex!] = this.#now;
        set.values[t!.endOfPassWriteIndex!] = this.#now + 1_000_000n;
        this.#now += 2_000_000n;
        return inner.beginComputePass();
      },
      resolveQuerySet: (
        set: { readonly values: BigUint64Array },
        from: number,
        count: number,
        to: { readonly bytes: Uint8Array },
        at: number,
      ) => {
        inner.finish().push(() => to.bytes.set(new Uint8Array(set.values.buffer, 8 * from, 8 * count), at));
      },
    };
  }
}

const dispatch = (i: number): Dispatch => ({
  shader: 0,
  bind: [[0], [1]],
  grid: [1, 1, 1],
  kernel: `k${i}`,
  step: Math.floor(i / 2),
});

describe("the clock of a device", () => {
  it("makes a record of dispatches, also if they are more than a query set holds", async () => {
    const fake = new ClockedDevice();
    const many = Array.from({ length: 3000 }, (_, i) => dispatch(i));
    const port = (name: string) => ({ name, type: "float32", shape: [4], offset: 0, bytes: 16 }) as const;
    const watched = await watchOn(fake.device)({
      manifest: {
        ...artifact.manifest,
        inputs: [port("x")],
        outputs: [port("y")],
        memory: { ...artifact.manifest.memory, weights: { offset: 0, bytes: 256 } },
        gpu: { buffers: [16, 16], shaders: ["rw"], variants: [], steps: many, limits: {} },
      },
      code: new Uint8Array(1),
      weights: new Uint8Array(256),
    });
    expect(fake.sets).toEqual([4096, 1904]);
    const record = await watched.record({ x: new Float32Array(4) });
    expect(record.events.length).toBe(3000);
    record.events.forEach((e, i) => {
      expect(e).toEqual({ step: Math.floor(i / 2), start: 2 * i, end: 2 * i + 1 });
    });
    const work = { kernel: "k", nodes: [], bytes: 16, flops: 8, macs: 4 };
    const roof = { flops: 1, bandwidths: [{ bytes: 1, rate: 1 }] };
    const what = { model: "m", target: "wgsl", machine: "none", macs: 0, roof, buffers: [] };
    const profile = summarize(
      what,
      Array.from({ length: 1500 }, () => work),
      [record],
    );
    expect(profile.steps.every((s) => s.ns === 2_000_000)).toBe(true);
    watched.dispose();
    expect(fake.buffers.every((b) => b.destroyed)).toBe(true);
  });

  it("wants a device that was asked for one", () => {
    const fake = new ClockedDevice();
    fake.features.clear();
    expect(() => new GpuClock(fake.device, [])).toThrow("the device has no timestamp-query");
  });
});
