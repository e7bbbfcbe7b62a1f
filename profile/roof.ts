/**
 * @file What this machine can do at most with the code that a target emits: arithmetic in registers, and loads from each
 * level of the memory. Measured by small programs in the IR, which take the target's own way down.
 */
import type { Artifact } from "../codegen/target.ts";
import { compileModule, lower, targetNamed, variantNamed } from "../compile.ts";
import { dialects } from "../dialects/index.ts";
import { Context } from "../ir/context.ts";
import { planBuffers } from "../lowering/kernel/plan-buffers.ts";
import { planMemory } from "../lowering/kernel/plan-memory.ts";
import { passes } from "../passes.ts";
import { parsePipeline, printPipeline } from "../rewrite/pipeline.ts";
import { CompileError, Diagnostics } from "../support/diagnostic.ts";
import { machines } from "../support/machine.ts";
import { parse } from "../text/parser.ts";
import { buffer, mainText, times } from "./probe-text.ts";
import { gpuPeakFlops, gpuPeakText, gpuReadText, gpuSizes } from "./roof-gpu.ts";
import { type Watch, watchHere } from "./watch.ts";

export interface Bandwidth {
  /** Bytes that are read over and over. */
  readonly bytes: number;
  /** GB/s. */
  readonly rate: number;
}

export interface Roof {
  /** GFLOP/s of multiplications and additions of f32. */
  readonly flops: number;
  /** By the size of what is read, smallest first. */
  readonly bandwidths: readonly Bandwidth[];
}

/** Sizes that fit the first level of usual caches, the second, the third, and none. */
const sizes = [16 << 10, 256 << 10, 4 << 20, 96 << 20];
const chains = 12;
const unroll = 4;
const turns = 20_000;

/** Work of known size, as programs. */
interface Probes {
  peak(): string;
  /** Operations of `peak`. */
  readonly flops: number;
  readonly sizes: readonly number[];
  read(bytes: number, repeats: number): string;
}

/** With vectors of so many lanes. */
const probesHere = (lanes: number): Probes => ({
  peak: () => peakText(lanes),
  flops: 2 * lanes * chains * unroll * turns,
  sizes,
  read: (bytes, repeats) => readText(bytes, repeats, lanes),
});
const probesOnGpu: Probes = { peak: gpuPeakText, flops: gpuPeakFlops, sizes: gpuSizes, read: gpuReadText };

export interface RoofOptions {
  /** Name of the target; wasm-simd by default. */
  readonly target?: string;
  readonly variant?: string;
  /** The target's settings. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly watch?: Watch;
}

/** Measures what a target reaches, here or where `watch` runs it. Takes about a second. */
export async function measureRoof(options: RoofOptions = {}): Promise<Roof> {
  const { target = "wasm-simd", variant, settings, watch = watchHere } = options;
  const lanes = machines.find((m) => m.name === settings?.cpu)?.lanes ?? 4;
  const probes = targetNamed(target).runtime === "webgpu" ? probesOnGpu : probesHere(lanes);
  const rate = (text: string, units: number, ms: number): Promise<number> =>
    best(watch, probe(text, target, variant, settings), units, ms);
  const flops = await rate(probes.peak(), probes.flops, 80);
  const bandwidths: Bandwidth[] = [];
  for (const bytes of probes.sizes) {
    const repeats = Math.max(1, Math.floor((8 << 20) / bytes));
    bandwidths.push({ bytes, rate: await rate(probes.read(bytes, repeats), bytes * repeats, 120) });
  }
  return { flops, bandwidths };
}

/** The rate at which so many bytes can be moved at best: that of the smallest level that holds them. */
export function bandwidthFor(roof: Roof, bytes: number): number {
  return (roof.bandwidths.find((b) => bytes <= b.bytes) ?? roof.bandwidths[roof.bandwidths.length - 1]!).rate;
}

/** The least time in milliseconds that some work can take: by arithmetic, or by memory. */
export function leastTime(
  roof: Roof,
  work: { readonly flops: number; readonly bytes: number },
): {
  readonly compute: number;
  readonly memory: number;
} {
  return { compute: work.flops / roof.flops / 1e6, memory: work.bytes / bandwidthFor(roof, work.bytes) / 1e6 };
}

/** The best rate, in units per nanosecond, at which the last step of a program does so many units. */
async function best(watch: Watch, artifact: Artifact, units: number, ms: number): Promise<number> {
  const watched = await watch(artifact);
  let least = Number.POSITIVE_INFINITY;
  // Drivers may compile in the first run, within its time.
  await watched.record({});
  const until = performance.now() + ms;
  for (let runs = 0; runs < 3 || performance.now() < until; runs++) {
    const { events } = await watched.record({});
    const last = events[events.length - 1]!;
    // Clocks of devices may be too coarse for it.
    if (last.end > last.start) least = Math.min(least, last.end - last.start);
  }
  watched.dispose();
  return units / (least * 1e6);
}

/** A program on buffers, compiled as the last steps of a model's compilation would. */
function probe(text: string, name: string, variant: string | undefined, settings: RoofOptions["settings"]): Artifact {
  const diagnostics = new Diagnostics();
  const target = targetNamed(name, settings);
  const chosen = variant === undefined ? undefined : variantNamed(target, variant);
  const module = parse(text, new Context(dialects), diagnostics);
  const parsed = parsePipeline(chosen?.pipeline ?? target.pipeline, passes, diagnostics);
  if (!module || !parsed) throw new CompileError(diagnostics.list.slice());
  const from = parsed.steps.findIndex((s) => s.pass === planMemory || s.pass === planBuffers);
  lower(module, "builtin.module(kernel-mark-calls)", {});
  lower(module, printPipeline(parsed, from), {});
  return compileModule(module, { target: name, name: "probe", ...(settings && { settings }) });
}

/** Chains of multiplications and additions, as many at a time as registers hold. */
function peakText(lanes: number): string {
  const step = (k: number): string =>
    `${times(chains, (i) => `      %m${k}_${i} = arith.mulf %a${k}_${i}, %f fastmath<contract> : vector<${lanes}xf32>`, "\n")}\n` +
    times(
      chains,
      (i) => `      %a${k + 1}_${i} = arith.addf %m${k}_${i}, %f fastmath<contract> : vector<${lanes}xf32>`,
      "\n",
    );
  const size = lanes * chains;
  return `func.func private @fill(%x: ${buffer(size)}) attributes {kernel} {
  %c0 = arith.constant 0 : index
  %v = arith.constant dense<0.5> : vector<${lanes}xf32>
  vector.store %v, %x[%c0] : ${buffer(size)}, vector<${lanes}xf32>
  return
}
func.func private @peak(%x: ${buffer(size)}) attributes {kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = arith.constant ${turns} : index
  %f = vector.load %x[%c0] : ${buffer(size)}, vector<${lanes}xf32>
  %r:${chains} = scf.for %i = %c0 to %n step %c1 iter_args(${times(chains, (i) => `%a0_${i} = %f`)}) -> (${times(chains, () => `vector<${lanes}xf32>`)}) {
${times(unroll, step, "\n")}
    scf.yield ${times(chains, (i) => `%a${unroll}_${i}`)} : ${times(chains, () => `vector<${lanes}xf32>`)}
  }
${times(chains, (i) => `  %o${i} = arith.constant ${lanes * i} : index`, "\n")}
${times(chains, (i) => `  vector.store %r#${i}, %x[%o${i}] : ${buffer(size)}, vector<${lanes}xf32>`, "\n")}
  return
}
${mainText(size, ["fill", "peak"])}`;
}

/** Reads a buffer, several vectors at a time. */
function readText(bytes: number, repeats: number, lanes: number): string {
  const size = bytes / 4;
  const wide = 8;
  return `func.func private @fill(%x: ${buffer(size)}) attributes {kernel} {
  %c0 = arith.constant 0 : index
  %step = arith.constant ${lanes} : index
  %n = arith.constant ${size} : index
  %v = arith.constant dense<0.5> : vector<${lanes}xf32>
  scf.for %i = %c0 to %n step %step {
    vector.store %v, %x[%i] : ${buffer(size)}, vector<${lanes}xf32>
  }
  return
}
func.func private @read(%x: ${buffer(size)}) attributes {kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %by = arith.constant ${lanes * wide} : index
  %n = arith.constant ${size} : index
  %repeats = arith.constant ${repeats} : index
  %z = arith.constant dense<0.0> : vector<${lanes}xf32>
  %q:${wide} = scf.for %k = %c0 to %repeats step %c1 iter_args(${times(wide, (i) => `%b${i} = %z`)}) -> (${times(wide, () => `vector<${lanes}xf32>`)}) {
    %r:${wide} = scf.for %i = %c0 to %n step %by iter_args(${times(wide, (i) => `%a${i} = %b${i}`)}) -> (${times(wide, () => `vector<${lanes}xf32>`)}) {
${times(
  wide,
  (i) => `      %d${i} = arith.constant ${lanes * i} : index
      %j${i} = arith.addi %i, %d${i} : index
      %v${i} = vector.load %x[%j${i}] : ${buffer(size)}, vector<${lanes}xf32>
      %s${i} = arith.addf %a${i}, %v${i} : vector<${lanes}xf32>`,
  "\n",
)}
      scf.yield ${times(wide, (i) => `%s${i}`)} : ${times(wide, () => `vector<${lanes}xf32>`)}
    }
    scf.yield ${times(wide, (i) => `%r#${i}`)} : ${times(wide, () => `vector<${lanes}xf32>`)}
  }
${times(wide, (i) => `  %o${i} = arith.constant ${lanes * i} : index`, "\n")}
${times(wide, (i) => `  vector.store %q#${i}, %x[%o${i}] : ${buffer(size)}, vector<${lanes}xf32>`, "\n")}
  return
}
${mainText(size, ["fill", "read"])}`;
}
