/**
 * @file What the choice of schedules costs: each kernel that matters is compiled with every candidate of its tiles, its
 * unrolling and its order of loops, and timed next to the one that was chosen.
 *
 * `npx tsx bench/regret.ts MODEL.onnx… [--variant relaxed] [--ms 30] [--most 60]`: per model, its heaviest kernel (most scalar
 * steps), the chosen schedule, the best found, and the regret: time of the chosen over time of the best, minus 1. Candidates
 * are timed in turn in rounds, in the order of the list and back; the least of each counts.
 */

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { setFlagsFromString } from "node:v8";
import { Command } from "commander";
import { compile, schedulesOf } from "../compile.ts";
import type { KernelSchedule } from "../lowering/linalg/schedule-file.ts";
import { type TypedArray, viewOf } from "../runtime/tensor.ts";
import type { Session } from "../runtime/wasm.ts";
import { endWithReader } from "./pipe.ts";

endWithReader();

interface Flags {
  readonly variant: string;
  readonly ms: number;
  readonly most: number;
}

const rowsToTry = [1, 2, 3, 4, 5, 6, 8];
const columnsToTry = [4, 8, 16, 24];
const unrollsToTry = [1, 4, 8];

/** Every schedule that differs from the chosen one in its tile, its order or its unrolling, and fits the kernel's results. */
export function candidatesOf(chosen: KernelSchedule, most: number): KernelSchedule[] {
  const { vector, lanes, tile } = chosen;
  const row = tile.findIndex((t, d) => d !== vector && t > 1);
  const found = new Map<string, KernelSchedule>();
  const orders = [chosen.order, [...chosen.order].sort((a, b) => a - b)];
  for (const unroll of chosen.reductions.length > 0 ? unrollsToTry : [1]) {
    for (const columns of columnsToTry) {
      for (const rows of row < 0 ? [1] : rowsToTry) {
        for (const order of orders) {
          if (vector >= 0 && columns % lanes !== 0) continue;
          const own = tile.map((t, d) => (d === vector ? columns : d === row ? rows : t));
          const reductions = chosen.reductions.map((r) => (r.full.length > 0 ? r : { ...r, unroll }));
          const candidate = { ...chosen, order, tile: own, reductions };
          found.set(JSON.stringify(candidate), candidate);
        }
      }
    }
  }
  found.delete(JSON.stringify(chosen));
  // The nearest to the chosen tile first.
  const distance = (s: KernelSchedule): number =>
    s.tile.reduce((n, t, d) => n + Math.abs(Math.log2(t / tile[d]!)), 0) + (s.order === chosen.order ? 0 : 0.5);
  return [...found.values()].sort((a, b) => distance(a) - distance(b)).slice(0, most);
}

async function sessionWith(
  bytes: Uint8Array,
  flags: Flags,
  machine: string,
  kernel: string,
  schedule?: KernelSchedule,
): Promise<Session | undefined> {
  const schedules = schedule ? { schedules: { [machine]: { [kernel]: schedule } } } : {};
  try {
    const compiled = await compile(bytes, { variants: [flags.variant], ...schedules });
    return (await compiled.load({ variant: flags.variant })) as Session;
  } catch {
    // A tile that is larger than the results, or that cannot be written for this kernel.
    return undefined;
  }
}

function timeOf(session: Session, inputs: Readonly<Record<string, TypedArray>>, ms: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (const end = performance.now() + ms; performance.now() < end; ) {
    const start = performance.now();
    session.run(inputs);
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

async function regretOf(path: string, flags: Flags): Promise<string> {
  const bytes = readFileSync(path);
  const all = schedulesOf(bytes, { variants: [flags.variant] });
  const [machine, kernels] = Object.entries(all).at(-1)!;
  const heaviest = Object.entries(kernels).sort(([, a], [, b]) => b.reductions.length - a.reductions.length);
  const [kernel, chosen] = heaviest[0]!;
  const sessions: { readonly schedule: KernelSchedule; readonly session: Session; ms: number }[] = [];
  for (const schedule of [chosen, ...candidatesOf(chosen, flags.most)]) {
    const session = await sessionWith(bytes, flags, machine, kernel, schedule);
    if (session) sessions.push({ schedule, session, ms: Number.POSITIVE_INFINITY });
  }
  const inputs = Object.fromEntries(
    sessions[0]!.session.inputs.map((p) => {
      const array = viewOf({ ...p, offset: 0 }, new ArrayBuffer(p.bytes));
      for (let i = 0; i < array.length; i++) if (array instanceof Float32Array) array[i] = Math.sin(i);
      return [p.name, array];
    }),
  );
  for (const s of sessions) await s.session.warmUp(60);
  for (const round of [1, 2, 3]) {
    for (const s of round % 2 ? sessions : [...sessions].reverse())
      s.ms = Math.min(s.ms, timeOf(s.session, inputs, flags.ms / 3));
  }
  const best = sessions.reduce((a, b) => (b.ms < a.ms ? b : a));
  const text = (s: KernelSchedule): string =>
    `${s.tile.join("×")}${s.reductions[0] ? ` unroll ${s.reductions[0].unroll}` : ""}${s.order.join("") === chosen.order.join("") ? "" : ` order ${s.order.join("")}`}`;
  const regret = (100 * (sessions[0]!.ms / best.ms - 1)).toFixed(1);
  return `| ${basename(path, ".onnx")} | ${sessions.length} | ${text(chosen)} | ${sessions[0]!.ms.toFixed(3)} | ${text(best.schedule)} | ${best.ms.toFixed(3)} | ${regret} % |`;
}

if (import.meta.main ?? process.argv[1]?.endsWith("regret.ts")) {
  const command = new Command("regret")
    .argument("<models...>", "models of one operator, .onnx files")
    .option("--variant <name>", "the variant whose schedules are looked at", "relaxed")
    .option("--ms <n>", "time of each candidate", Number, 30)
    .option("--most <n>", "candidates at most, the nearest to the chosen first", Number, 60)
    .parse();
  // Of many short-lived codes, some would be timed in the engine's first, bad tier.
  setFlagsFromString("--no-liftoff");
  console.log(
    "| model | candidates | chosen | ms | best | ms | regret |\n| --- | ---: | --- | ---: | --- | ---: | ---: |",
  );
  for (const path of command.args) console.log(await regretOf(path, command.opts<Flags>()));
}
