/**
 * @file How long reading, verifying, printing and the general passes take, and how that grows: programs of 10,000 and
 * 100,000 operations, in many functions and in one.
 * `npx tsx bench/passes.ts [runs]` prints the best time of each, and by how much ten times the program takes longer.
 */
import { dialects } from "../dialects/index.ts";
import { Context } from "../ir/context.ts";
import type { Operation } from "../ir/core.ts";
import { verify } from "../ir/verify.ts";
import { passes } from "../lowering/index.ts";
import { parsePipeline, runPipeline } from "../rewrite/pipeline.ts";
import { Diagnostics } from "../support/diagnostic.ts";
import { parse } from "../text/parser.ts";
import { print } from "../text/printer.ts";

const runs = Number(process.argv[2] ?? 3);
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

function best(run: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    run();
    least = Math.min(least, performance.now() - start);
  }
  return least;
}

function read(text: string): Operation {
  const diagnostics = new Diagnostics();
  const module = parse(text, context, diagnostics);
  if (!module) throw new Error(diagnostics.list[0]?.message);
  return module;
}

/** Best time of a pipeline on fresh copies of a program. */
function passTime(module: Operation, pipeline: string): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const copy = module.clone();
    const diagnostics = new Diagnostics();
    const steps = parsePipeline(pipeline, passes, diagnostics)!;
    const start = performance.now();
    runPipeline(steps, copy, { context, diagnostics });
    least = Math.min(least, performance.now() - start);
    diagnostics.throwIfErrors();
  }
  return least;
}

const pipelines = [
  "canonicalize",
  "cse",
  "canonicalize,cse",
  "dce",
  "licm",
  "fold-constants",
  "symbol-dce",
  "inline",
  "loop-unroll",
];

for (const [shape, make] of Object.entries(shapes)) {
  const rows = new Map<string, number[]>();
  const add = (name: string, ms: number): void => {
    const row = rows.get(name);
    if (row) row.push(ms);
    else rows.set(name, [ms]);
  };
  for (const ops of [10_000, 100_000]) {
    const text = make(ops);
    add(
      "parse",
      best(() => read(text)),
    );
    const module = read(text);
    add(
      "verify",
      best(() => verify(module, new Diagnostics())),
    );
    add(
      "print",
      best(() => print(module)),
    );
    add(
      "clone",
      best(() => module.clone()),
    );
    for (const p of pipelines) add(p, passTime(module, p));
  }
  console.log(`\n${shape}, Node ${process.versions.node}`);
  console.log(`${"".padEnd(20)}${"10k ops".padStart(12)}${"100k ops".padStart(12)}${"growth".padStart(10)}`);
  for (const [name, [small, large]] of rows) {
    const cells = [`${small!.toFixed(1)} ms`, `${large!.toFixed(1)} ms`].map((t) => t.padStart(12)).join("");
    console.log(`${name.padEnd(20)}${cells}${`${(large! / small!).toFixed(1)}x`.padStart(10)}`);
  }
}
