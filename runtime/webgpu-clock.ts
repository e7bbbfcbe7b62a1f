/**
 * @file Takes the times of a session's dispatches on its device, by timestamp queries around passes of one dispatch each.
 * What comes out are the records that runtime/recorder.ts takes elsewhere.
 */
import type { Dispatch } from "./manifest.ts";
import type { RunRecord, StepEvent } from "./recorder.ts";
import type { GpuLoadOptions } from "./webgpu.ts";

/** What a device must have been asked for. */
export const clockFeature = "timestamp-query";

/** Timestamps of one query set, at most, everywhere. */
const mostQueries = 4096;
const QUERY_RESOLVE = 512;
const MAP_READ = 1;
const COPY_SRC = 4;
const COPY_DST = 8;

/** Give `encode` to the session that is to be watched; then record runs of it. */
export class GpuClock {
  readonly #steps: readonly Dispatch[];
  readonly #sets: readonly GPUQuerySet[];
  readonly #resolved: GPUBuffer;
  readonly #read: GPUBuffer;

  /** @throws RangeError if the device was not asked for timestamp queries */
  constructor(device: GPUDevice, steps: readonly Dispatch[]) {
    if (!device.features.has(clockFeature)) throw new RangeError(`the device has no ${clockFeature}`);
    this.#steps = steps;
    const sizes: number[] = [];
    for (let left = 2 * steps.length; left > 0; left -= mostQueries) sizes.push(Math.min(left, mostQueries));
    this.#sets = sizes.map((count) => device.createQuerySet({ type: "timestamp", count }));
    const size = Math.max(16, 16 * steps.length);
    this.#resolved = device.createBuffer({ size, usage: QUERY_RESOLVE | COPY_SRC });
    this.#read = device.createBuffer({ size, usage: MAP_READ | COPY_DST });
  }

  /** A pass for each dispatch, between two timestamps. */
  readonly encode: NonNullable<GpuLoadOptions["encode"]> = (encoder, steps) => {
    steps.forEach(({ pipeline, group, grid }, i) => {
      const at = (2 * i) % mostQueries;
      const pass = encoder.beginComputePass({
        timestampWrites: {
          querySet: this.#sets[Math.floor((2 * i) / mostQueries)]!,
          beginningOfPassWriteIndex: at,
          endOfPassWriteIndex: at + 1,
        },
      });
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...grid);
      pass.end();
    });
    this.#sets.forEach((set, i) => {
      encoder.resolveQuerySet(set, 0, set.count, this.#resolved, i * mostQueries * 8);
    });
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#read, 0, this.#read.size);
  };

  /** Runs something that makes the session run once. */
  async record(run: () => Promise<unknown>): Promise<RunRecord> {
    const start = performance.now();
    await run();
    const wall = performance.now() - start;
    await this.#read.mapAsync(1);
    const times = new BigUint64Array(this.#read.getMappedRange());
    const ms = (i: number): number => Number(times[i]! - times[0]!) / 1e6;
    const events = this.#steps.map((s, i): StepEvent => {
      // A device may have no time for what is too short, or set its clock.
      const began = Math.max(0, ms(2 * i));
      return { step: s.step ?? i, start: began, end: Math.max(began, ms(2 * i + 1)) };
    });
    this.#read.unmap();
    return { wall, events };
  }

  dispose(): void {
    for (const set of this.#sets) set.destroy();
    this.#resolved.destroy();
    this.#read.destroy();
  }
}
