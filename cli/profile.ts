/** @file `sluice profile MODEL`: where the time of an inference goes, by kernel, node and operator, against the machine's limits. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import {
  Diagnostics,
  loadCompiler,
  loadProfiling,
  type Manifest,
  type Profile,
  type Profiling,
  type Row,
  type RunRecord,
  type TypedArray,
  type Watch,
} from "../index.ts";
import { parseArguments, toCount } from "./arguments.ts";
import { machineText } from "./machine.ts";
import { addModelFlags, amountText, bytesText, type ModelFlags, readingOptions, rowsText } from "./model.ts";
import { profilePage } from "./profile-page.ts";
import { report, reportAs } from "./report.ts";
import { dataFor, dtypes, randomArray } from "./run-model.ts";
import { addSettingFlags, type SettingFlags, settingsHere } from "./settings.ts";
import { clip, percent, short, tableText } from "./table.ts";
import { print, readBytes, style, writeOutput } from "./terminal.ts";

interface ProfileFlags extends ModelFlags, SettingFlags {
  readonly target: string;
  readonly variant?: string;
  readonly output?: string;
  readonly runs: number;
  readonly warm: number;
  readonly top: number;
  readonly by: keyof typeof groupings;
  readonly json?: boolean;
}

/** Rows of the table on the terminal. */
const groupings = {
  kernel: (p: Profiling) => p.kernelRows,
  node: (p: Profiling) => p.nodeRows,
  operator: (p: Profiling) => p.operatorRows,
} as const;

export async function main(args: readonly string[]): Promise<number> {
  const command = new Command("profile")
    .description(
      "Runs a model with a clock around every kernel: time, rate, bytes moved, distance from the machine's limits.\n\n" +
        "With -o, writes profile.html (a report), trace.json (opens in Perfetto and chrome://tracing) and profile.json.",
    )
    .argument("<model>", "the model, an .onnx file")
    .option("--target <name>", "what to compile for", "wasm-simd")
    .option("--variant <name>", "the variant of the target's code; by default its plain one")
    .option("-o, --output <dir>", "a folder for the reports")
    .addOption(new Option("--runs <n>", "so many inferences are measured").argParser(toCount).default(30))
    .addOption(new Option("--warm <ms>", "run so long before").argParser(toCount).default(1000))
    .addOption(new Option("--by <what>", "rows of the table").choices(Object.keys(groupings)).default("kernel"))
    .addOption(new Option("--top <n>", "rows to show; 0 for all").argParser(toCount).default(20))
    .option("--json", "print the profile as JSON instead of the table");
  addModelFlags(command);
  addSettingFlags(command);
  const parsed = parseArguments(command, args);
  if (typeof parsed === "number") return parsed;
  const flags = parsed.opts<ProfileFlags>();
  reportAs(flags.errorFormat);
  const profiling = await loadProfiling();
  const { profile, typical } = await measure(profiling, parsed.args[0]!, flags);
  if (flags.json) print(`${JSON.stringify(profile, null, 1)}\n`);
  else print(profileText(profiling, profile, flags));
  if (flags.output !== undefined) {
    mkdirSync(flags.output, { recursive: true });
    const write = (name: string, text: string): void => writeOutput(join(flags.output!, name), text);
    write("profile.html", profilePage(profiling, profile, typical));
    write("trace.json", JSON.stringify(profiling.chromeTrace(profile, typical)));
    write("profile.json", JSON.stringify(profile, null, 1));
    if (!flags.json) print(`\n${flags.output}/: profile.html, trace.json (open it in ui.perfetto.dev), profile.json\n`);
  }
  return 0;
}

interface Measured {
  readonly profile: Profile;
  /** The run whose time is nearest to the median. */
  readonly typical: RunRecord;
}

async function measure(profiling: Profiling, path: string, flags: ProfileFlags): Promise<Measured> {
  const diagnostics = new Diagnostics();
  const compiler = await loadCompiler();
  const { settings, ...options } = await compiler.forThisMachine({
    ...readingOptions(path, flags, diagnostics),
    target: flags.target,
    settings: settingsHere(compiler.targetNamed(flags.target).settings, flags),
  });
  const chosen = flags.variant === undefined ? {} : { variant: flags.variant };
  const { artifact, steps, buffers, macs } = profiling.compileProfiled(readBytes(path), {
    ...options,
    settings,
    ...chosen,
  });
  report(diagnostics.list.filter((d) => d.severity !== "remark"));
  const { watch, machine } = await watchFor(profiling, artifact.manifest);
  const watched = await watch(artifact);
  const inputs: Record<string, TypedArray> = {};
  watched.inputs.forEach((port, i) => {
    inputs[port.name] = dataFor(port, randomArray(dtypes[port.type], port.shape, i + 1));
  });
  // The engine's better tier takes over while it runs, and compiles in the background in between.
  for (const until = performance.now() + flags.warm; performance.now() < until; ) {
    await watched.record(inputs);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  const records: RunRecord[] = [];
  for (let i = 0; i < Math.max(1, flags.runs); i++) records.push(await watched.record(inputs));
  watched.dispose();
  const roof = await profiling.measureRoof({ target: flags.target, settings, ...chosen, watch });
  const { model } = artifact.manifest;
  const target = [artifact.manifest.target, flags.variant].filter((t) => t !== undefined).join(" ");
  const profile = profiling.summarize({ model, target, machine, macs, roof, buffers }, steps, records);
  const far = (r: RunRecord): number => Math.abs(r.wall - profile.wall);
  return { profile, typical: records.reduce((a, b) => (far(b) < far(a) ? b : a)) };
}

/** In this process, or on a device of the package `webgpu`. */
async function watchFor(profiling: Profiling, { gpu }: Manifest): Promise<{ watch: Watch; machine: string }> {
  if (!gpu) return { watch: profiling.watchHere, machine: machineText() };
  const { gpuDevice } = await import("./webgpu.ts");
  const { device, about } = await gpuDevice(
    ["timestamp-query"],
    gpu.limits,
    gpu.variants.map((v) => v.needs),
  );
  return { watch: profiling.watchOn(device), machine: `${about}; ${machineText()}` };
}

function profileText(profiling: Profiling, profile: Profile, flags: ProfileFlags): string {
  const rows = groupings[flags.by](profiling)(profile);
  const shown = flags.top === 0 ? rows : rows.slice(0, flags.top);
  const rest = rows.slice(shown.length);
  const { roof } = profile;
  const rate = (2 * profile.macs) / profile.wall / 1e6;
  const head = rowsText([
    ["machine", profile.machine],
    [
      "limits",
      `${short(roof.flops)} GFLOP/s; ${roof.bandwidths.map((b) => `${short(b.rate)} GB/s reading ${bytesText(b.bytes)}`).join(", ")}`,
    ],
    [
      "inference",
      `${short(profile.wall)} ms, median of ${profile.runs}; ${percent(profile.inSteps / profile.wall)} of it in kernels`,
    ],
    [
      "rate",
      `${short(rate)} GFLOP/s of the model's ${amountText(profile.macs)} multiply-accumulates, ${percent(rate / roof.flops)} of the limit`,
    ],
  ]);
  const table = tableText(
    [flags.by, "calls", "ms", "share", "GFLOP/s", "MB", "flop/B", "of roof", "bound by", "if free"],
    shown.map((r) => cells(r)),
  );
  const more = rest.length
    ? `${rest.length} more: ${short(rest.reduce((n, r) => n + r.ms, 0))} ms (--top 0 shows all)\n`
    : "";
  const [first, ...lines] = table.split("\n");
  return `${style.bold(`${profile.model}, ${profile.target}`)}\n${head}\n${style.bold(first!)}\n${lines.join("\n")}${more}`;
}

const cells = (r: Row): string[] => [
  clip(r.name, 60),
  String(r.steps.length),
  r.ms.toFixed(3),
  percent(r.share),
  short(r.gflops),
  (r.bytes / 1e6).toFixed(2),
  short(r.intensity),
  percent(r.ofRoof),
  r.bound,
  `${r.ifFree.toFixed(2)}x`,
];
