/**
 * @file How long reading, verifying, printing and every pass take, and how that grows: general passes on programs of
 * 10,000 and 100,000 operations, in many functions and in one; those of a target's pipeline on models of 20 and 200 layers.
 * `node tools/run.mjs bench/passes.ts [runs] [part]` prints the least processor time of each, and by how much ten times the program takes
 * longer. A small program is run ten times for each time that the large one is: so both make as much garbage, and
 * neither is measured in a few milliseconds. `part` is in the name of what is to be measured: "functions", "one", "wasm".
 */
import { targets } from "../codegen/index.ts";
import { dialects } from "../dialects/index.ts";
import { Context } from "../ir/context.ts";
import type { Operation } from "../ir/core.ts";
import { verify } from "../ir/verify.ts";
import { passes } from "../passes.ts";
import { type Instrument, parsePipeline, runPipeline } from "../rewrite/pipeline.ts";
import { Diagnostics } from "../support/diagnostic.ts";
import { parse } from "../text/parser.ts";
import { print } from "../text/printer.ts";
import { endWithReader } from "./pipe.ts";

endWithReader();

const runs = Number(process.argv[2] ?? 3);
const part = process.argv[3] ?? "";
const context = new Context(dialects);

/** Straight-line arithmetic with what simplification finds: constants, neutral elements, equal and unused expressions. */
function group(n: number): string[] {
  const v = (i: number): string => `%v${n + i}`;
  const before = n === 0 ? "%x" : `%v${n - 1}`;
  return [
    `${v(0)} = arith.constant ${n % 7}.5 : f32`,
    `${v(1)} = arith.addf ${before}, ${v(0)} : f32`,
    `${v(2)} = arith.addf ${v(0)}, ${before} : f32`,
    `${v(3)} = arith.mulf ${v(1)}, ${v(2)} : f32`,
    `${v(4)} = arith.constant 1.0 : f32`,
    `${v(5)} = arith.mulf ${v(3)}, ${v(4)} : f32`,
    `${v(6)} = arith.subf ${v(5)}, %y : f32`,
    `${v(7)} = arith.negf ${v(6)} : f32`,
    `${v(8)} = memref.load %m[%i] : memref<?xf32>`,
    `${v(9)} = arith.maximumf ${v(5)}, ${v(8)} : f32`,
  ];
}

/** A function of about so many operations: straight-line code, some of it in loops. */
function functionText(name: string, ops: number): string {
  const lines = [`func.func @${name}(%x: f32, %y: f32, %m: memref<?xf32>, %i: index) -> f32 {`];
  let n = 0;
  for (; n < ops; n += 10) {
    for (const line of group(n)) lines.push(`  ${line}`);
    if (n % 200 === 190) {
      lines.push(`  %lo${n} = arith.constant 0 : index`, `  %by${n} = arith.constant 1 : index`);
      lines.push(`  scf.for %k${n} = %lo${n} to %i step %by${n} {`);
      lines.push(`    %p${n} = arith.mulf %x, %y : f32`, `    memref.store %p${n}, %m[%k${n}] : memref<?xf32>`, "  }");
    }
  }
  lines.push(`  return %v${n - 1} : f32`, "}");
  return lines.join("\n");
}

const shapes: Readonly<Record<string, (ops: number) => string>> = {
  "functions of 200": (ops) => Array.from({ length: ops / 200 }, (_, i) => functionText(`f${i}`, 200)).join("\n"),
  "one function": (ops) => functionText("f", ops),
};

/** A model of so many layers, no two of the same shape as far as that goes: products, sums, and functions on rows. */
function modelText(layers: number): string {
  const width = (i: number): number => 5 + ((i * 7) % 61) + Math.floor(i / 61);
  const type = (i: number): string => `tensor<6x${width(i)}xf32>`;
  const lines = [`func.func @main(%x0: ${type(0)}) -> ${type(layers)} {`];
  for (let i = 0; i < layers; i++) {
    const [from, to] = [type(i), type(i + 1)];
    const weights = `tensor<${width(i)}x${width(i + 1)}xf32>`;
    const bias = `tensor<${width(i + 1)}xf32>`;
    const last = ["graph.relu", "graph.sigmoid", "graph.tanh"][i % 3];
    lines.push(
      `  %w${i} = "graph.constant"() {value = dense<${i % 9}.25> : ${weights}} : () -> ${weights}`,
      `  %b${i} = "graph.constant"() {value = dense<${i % 5}.5> : ${bias}} : () -> ${bias}`,
      `  %p${i} = "graph.matmul"(%x${i}, %w${i}) : (${from}, ${weights}) -> ${to}`,
      `  %s${i} = "graph.add"(%p${i}, %b${i}) : (${to}, ${bias}) -> ${to}`,
      `  %x${i + 1} = "${last}"(%s${i}) : (${to}) -> ${to}`,
    );
  }
  lines.push(`  return %x${layers} : ${type(layers)}`, "}");
  return lines.join("\n");
}

/** Milliseconds of the processor. */
function timeOf(run: () => unknown): number {
  const before = process.cpuUsage();
  const made = run();
  const { user, system } = process.cpuUsage(before);
  keep(made);
  return (user + system) / 1e3;
}

/** What is handed over is alive until here. */
const kept: unknown[] = [];
function keep(made: unknown): void {
  kept.push(made);
  kept.length = 0;
}

function read(text: string): Operation {
  const diagnostics = new Diagnostics();
  const module = parse(text, context, diagnostics);
  if (!module) throw new Error(diagnostics.list[0]?.message);
  return module;
}

interface Growth {
  readonly small: number;
  readonly large: number;
}

/** Least times of one run on the small and the large program, taken in turn; the first round warms up. */
function growthOf(onSmall: () => unknown, onLarge: () => unknown): Growth {
  let small = Number.POSITIVE_INFINITY;
  let large = Number.POSITIVE_INFINITY;
  for (let i = 0; i <= runs; i++) {
    const s = timeOf(onSmall) / 10;
    const l = timeOf(onLarge);
    if (i === 0) continue;
    small = Math.min(small, s);
    large = Math.min(large, l);
  }
  return { small, large };
}

/** A pass on fresh copies, which are made outside of the time. */
function passGrowth(small: Operation, large: Operation, name: string): Growth {
  const steps = parsePipeline(name, passes, new Diagnostics())!;
  const run = (programs: readonly Operation[]): void => {
    for (const program of programs) {
      const diagnostics = new Diagnostics();
      runPipeline(steps, program, { context, diagnostics });
      diagnostics.throwIfErrors();
    }
  };
  const least = { small: Number.POSITIVE_INFINITY, large: Number.POSITIVE_INFINITY };
  for (let i = 0; i <= runs; i++) {
    const tenSmall = Array.from({ length: 10 }, () => small.clone());
    const s = timeOf(() => run(tenSmall)) / 10;
    const one = [large.clone()];
    const l = timeOf(() => run(one));
    if (i === 0) continue;
    least.small = Math.min(least.small, s);
    least.large = Math.min(least.large, l);
  }
  return least;
}

function header(title: string, sizes: readonly [string, string]): void {
  console.log(`\n${title}, Node ${process.versions.node}`);
  console.log(`${"".padEnd(30)}${sizes[0].padStart(12)}${sizes[1].padStart(12)}${"growth".padStart(10)}`);
}

function row(name: string, { small, large }: Growth): void {
  const cells = [`${small.toFixed(1)} ms`, `${large.toFixed(1)} ms`].map((t) => t.padStart(12)).join("");
  console.log(`${name.padEnd(30)}${cells}${`${(large / small).toFixed(1)}x`.padStart(10)}`);
}

/** Those that take any program; the others want a model, or what the passes before them have made of one. */
const general = [
  "canonicalize",
  "cse",
  "canonicalize,cse",
  "dce",
  "sccp",
  "licm",
  "fold-constants",
  "symbol-dce",
  "inline",
  "loop-unroll",
  "strip-debuginfo",
  "kernel-lower-affine",
  "kernel-expand-math",
  "kernel-expand-narrow-floats",
  "kernel-expand-small-types",
];

for (const [shape, make] of Object.entries(shapes)) {
  if (!shape.includes(part)) continue;
  const [smallText, largeText] = [make(10_000), make(100_000)];
  const [small, large] = [read(smallText), read(largeText)];
  // What was made is kept as long as the time is taken: the collector has as much to copy for ten small programs.
  const ten = (run: () => unknown) => (): unknown => Array.from({ length: 10 }, run);
  const both = (run: (text: string, module: Operation) => unknown): Growth =>
    growthOf(
      ten(() => run(smallText, small)),
      () => run(largeText, large),
    );
  header(shape, ["10k ops", "100k ops"]);
  row(
    "parse",
    both((text) => read(text)),
  );
  row(
    "verify",
    both((_, module) => verify(module, new Diagnostics())),
  );
  row(
    "print",
    both((_, module) => print(module)),
  );
  row(
    "clone",
    both((_, module) => module.clone()),
  );
  for (const name of general) row(name, passGrowth(small, large, name));
}

/** What each pass of a target's pipeline takes on a model; a pass that stands in it several times counts together. */
function pipelineTimes(module: Operation, pipeline: string): Map<string, number> {
  const times = new Map<string, number>();
  let before = process.cpuUsage();
  const clock: Instrument = {
    before() {
      before = process.cpuUsage();
    },
    after({ step }) {
      const { user, system } = process.cpuUsage(before);
      const name = step.pass.name;
      times.set(name, (times.get(name) ?? 0) + (user + system) / 1e3);
    },
  };
  const diagnostics = new Diagnostics();
  runPipeline(
    parsePipeline(pipeline, passes, diagnostics)!,
    module,
    { context, diagnostics },
    { instruments: [clock] },
  );
  diagnostics.throwIfErrors();
  return times;
}

const [smallModel, largeModel] = [read(modelText(20)), read(modelText(200))];
for (const target of targets) {
  if (!target.name.includes(part)) continue;
  const least = new Map<string, { small: number; large: number }>();
  for (let i = 0; i <= runs; i++) {
    const small = new Map<string, number>();
    for (let k = 0; k < 10; k++) {
      for (const [name, ms] of pipelineTimes(smallModel.clone(), target.pipeline)) {
        small.set(name, (small.get(name) ?? 0) + ms / 10);
      }
    }
    const large = pipelineTimes(largeModel.clone(), target.pipeline);
    if (i === 0) continue;
    for (const [name, ms] of large) {
      const row = least.get(name) ?? { small: Number.POSITIVE_INFINITY, large: Number.POSITIVE_INFINITY };
      row.small = Math.min(row.small, small.get(name)!);
      row.large = Math.min(row.large, ms);
      least.set(name, row);
    }
  }
  header(`passes of ${target.name}`, ["20 layers", "200 layers"]);
  for (const [name, growth] of least) row(name, growth);
}
