/** @file The measuring: every contender in a process of its own, in rounds, one after the other. */
import { setTimeout as sleep } from "node:timers/promises";
import { ContenderProcess, type ProcessOptions } from "./bench-process.ts";
import type { Slice } from "./bench-worker.ts";
import type { Contender } from "./contenders.ts";

export interface MeasureOptions extends ProcessOptions {
  readonly rounds: number;
  /** Milliseconds of measured runs in each round, and of runs before the first. */
  readonly budget: number;
  readonly warm: number;
  /** Fresh processes in which each contender is loaded and run once; the medians count. */
  readonly cold: number;
}

export interface Result {
  readonly label: string;
  /** Why it was not measured. Then nothing else is there. */
  readonly error?: string;
  /** The package to install. */
  readonly missing?: string;
  readonly timing?: Timing;
  readonly info?: Readonly<Record<string, unknown>>;
}

/** Milliseconds, but for what says otherwise. */
export interface Timing {
  readonly runs: number;
  readonly min: number;
  /** Median over rounds of each round's median. */
  readonly median: number;
  readonly p99: number;
  /** To the first contender, taken in each round; their median, and the range. */
  readonly ratio: number;
  readonly ratioRange: readonly [number, number];
  /** Until a run could be asked for, and the first run: in a fresh process. */
  readonly load: number;
  readonly first: number;
  /** Time of the processor per time of the clock. */
  readonly cpu: number;
  readonly rssBytes: number;
  /** Largest difference from the first contender's outputs, relative to the largest output. */
  readonly difference: number | undefined;
}

interface Running {
  readonly contender: Contender;
  process: ContenderProcess;
  readonly cold: { readonly load: number; readonly first: number }[];
  outputs: readonly Float64Array[] | undefined;
  info: Readonly<Record<string, unknown>>;
  readonly slices: Slice[];
  rssBytes: number;
  failure: { readonly error: string; readonly missing?: string } | undefined;
}

export const median = (list: readonly number[]): number => {
  const sorted = [...list].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half]! : ((sorted[half - 1] ?? Number.NaN) + (sorted[half] ?? Number.NaN)) / 2;
};

export async function measure(contenders: readonly Contender[], options: MeasureOptions): Promise<Result[]> {
  const all: Running[] = [];
  try {
    // One after the other, so that cold times are not disturbed.
    for (const contender of contenders) all.push(await start(contender, options));
    for (let n = 1; n < options.cold; n++) for (const r of all) await startCold(r, options);
    for (let round = 0; round < options.rounds; round++) {
      const order = all.filter((r) => !r.failure);
      // In turn the other way round, so that none always follows the same other one.
      if (round % 2 === 1) order.reverse();
      for (const r of order) {
        await sleep(20);
        await guard(r, async () => {
          r.slices.push(await r.process.ask("slice", options.budget, 2));
        });
      }
    }
    for (const r of all) {
      await guard(r, async () => {
        r.rssBytes = await r.process.ask("memory");
      });
    }
  } finally {
    await Promise.all(all.map((r) => r.process.end()));
  }
  const base = all.find((r) => !r.failure);
  return all.map((r) => ({
    label: r.contender.label,
    ...(r.failure ?? { timing: timingOf(r, base!), info: r.info }),
  }));
}

async function start(contender: Contender, options: MeasureOptions): Promise<Running> {
  const running: Running = {
    contender,
    process: new ContenderProcess({
      ...options,
      nodeArgs: [...options.nodeArgs, ...(contender.nodeArgs ?? [])],
    }),
    cold: [],
    outputs: undefined,
    info: {},
    slices: [],
    rssBytes: 0,
    failure: undefined,
  };
  await guard(running, async () => {
    const { loadMs, firstMs, outputs, info } = await running.process.ask("load", contender, contender.inputs);
    running.cold.push({ load: loadMs, first: firstMs });
    Object.assign(running, { outputs, info });
    await running.process.ask("slice", options.warm, 3);
  });
  return running;
}

/** Loads and runs once more, in a process of its own. */
async function startCold(r: Running, options: MeasureOptions): Promise<void> {
  await guard(r, async () => {
    const process = new ContenderProcess({
      ...options,
      nodeArgs: [...options.nodeArgs, ...(r.contender.nodeArgs ?? [])],
    });
    try {
      const { loadMs, firstMs } = await process.ask("load", r.contender, r.contender.inputs);
      r.cold.push({ load: loadMs, first: firstMs });
    } finally {
      await process.end();
    }
  });
}

/** What goes wrong with one contender does not end the comparison. */
async function guard(r: Running, work: () => Promise<void>): Promise<void> {
  if (r.failure) return;
  try {
    await work();
  } catch (error) {
    const { message, missing } = error as Error & { missing?: string };
    r.failure = { error: message, ...(missing === undefined ? {} : { missing }) };
    await r.process.end();
  }
}

function timingOf(r: Running, base: Running): Timing {
  const times = r.slices.flatMap((s) => s.times).sort((a, b) => a - b);
  const medians = r.slices.map((s) => median(s.times));
  const ratios = medians.map((m, i) => m / median(base.slices[i]!.times));
  return {
    runs: times.length,
    min: times[0] ?? Number.NaN,
    median: median(medians),
    p99: times[Math.min(times.length - 1, Math.floor(times.length * 0.99))] ?? Number.NaN,
    ratio: median(ratios),
    ratioRange: [Math.min(...ratios), Math.max(...ratios)],
    load: median(r.cold.map((c) => c.load)),
    first: median(r.cold.map((c) => c.first)),
    cpu: median(r.slices.map((s) => s.cpu)),
    rssBytes: r.rssBytes,
    difference: r === base ? 0 : difference(r.outputs, base.outputs),
  };
}

function difference(
  found: readonly Float64Array[] | undefined,
  wanted: readonly Float64Array[] | undefined,
): number | undefined {
  if (!found || !wanted) return undefined;
  if (found.length !== wanted.length) return Number.POSITIVE_INFINITY;
  let worst = 0;
  wanted.forEach((w, i) => {
    const f = found[i]!;
    if (f.length !== w.length) worst = Number.POSITIVE_INFINITY;
    const largest = w.reduce((m, v) => Math.max(m, Math.abs(v)), Number.MIN_VALUE);
    w.forEach((v, k) => {
      const d = Math.abs(f[k]! - v) / largest;
      if (!(d <= worst)) worst = Number.isNaN(d) ? Number.POSITIVE_INFINITY : d;
    });
  });
  return worst;
}
