/** @file One contender on one model, in a process of its own: it obeys what the process that started it asks. */
import { loadProfiling, type Roof, type TypedArray } from "../index.ts";
import type { PortSpec } from "./contenders.ts";
import { type Contender, contenders, type Runner } from "./contenders.ts";
import { dtypes, randomArray } from "./run-model.ts";

export interface Slice {
  /** Milliseconds of each run. */
  readonly times: readonly number[];
  /** Time of the processor per time of the clock. */
  readonly cpu: number;
}

export interface Loaded {
  readonly loadMs: number;
  readonly firstMs: number;
  readonly outputs: readonly Float64Array[] | undefined;
  readonly info: Readonly<Record<string, unknown>>;
}

/** What may be asked, and what is answered. */
export interface Requests {
  load(contender: Contender, inputs: readonly PortSpec[]): Promise<Loaded>;
  slice(ms: number, atLeast: number): Promise<Slice>;
  roof(target: string): Promise<Roof>;
  memory(): Promise<number>;
}

let runner: Runner | undefined;

const requests: Requests = {
  async load(contender, inputs) {
    const given = Object.fromEntries(inputs.map((p, i) => [p.name, inputFor(p, i + 1)]));
    const t0 = performance.now();
    runner = await contenders[contender.kind].load(contender, given);
    const t1 = performance.now();
    await runner.run();
    const firstMs = performance.now() - t1;
    return {
      loadMs: t1 - t0 - (runner.setAside ?? 0),
      firstMs,
      outputs: await runner.outputs?.(),
      info: runner.info ?? {},
    };
  },

  async slice(ms, atLeast) {
    const times: number[] = [];
    const cpu = process.cpuUsage();
    const start = performance.now();
    while (times.length < atLeast || performance.now() - start < ms) {
      const t = performance.now();
      await runner!.run();
      times.push(performance.now() - t);
    }
    const wall = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    return { times, cpu: (user + system) / 1000 / wall };
  },

  async roof(target) {
    return (await loadProfiling()).measureRoof({ target });
  },

  async memory() {
    return process.resourceUsage().maxRSS * 1024;
  },
};

/** Between -1 and 1; whole numbers are 0 or 1, which are indices into anything. */
function inputFor({ type, shape }: PortSpec, seed: number): TypedArray {
  const data = randomArray(dtypes[type], shape, seed).data as TypedArray;
  if (!/^u?int/.test(type)) return data;
  for (let i = 0; i < data.length; i++) {
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt.asUintN(1, data[i]!);
    else data[i] = data[i]! & 1;
  }
  return data;
}

export async function main(): Promise<number> {
  process.on("message", async ({ name, args }: { name: keyof Requests; args: never[] }) => {
    try {
      const answer = await (requests[name] as (...a: never[]) => Promise<unknown>)(...args);
      process.send!({ answer });
    } catch (error) {
      const { message, stack, missing } = error as Error & { missing?: unknown };
      process.send!({ error: { message, stack, missing } });
    }
  });
  // The one who asks is gone.
  await new Promise((resolve) => process.on("disconnect", resolve));
  return 0;
}
