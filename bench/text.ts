/**
 * @file How fast text is read and written: real generic IR (the corpus beside the checkout), one thread.
 * `npx tsx bench/text.ts [MB] [runs]` prints the best and the median of the runs.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { dialects } from "../dialects/index.ts";
import { Context } from "../ir/context.ts";
import type { Operation } from "../ir/core.ts";
import { Diagnostics } from "../support/diagnostic.ts";
import { parseAll } from "../text/parser.ts";
import { print } from "../text/printer.ts";

const megabytes = Number(process.argv[2] ?? 5);
const runs = Number(process.argv[3] ?? 9);

/** Modules of the corpus until the text is long enough; those with aliases would collide. */
function makeText(size: number): string {
  const folder = fileURLToPath(new URL("../../shared/data/mlir/roundtrip/", import.meta.url));
  const parts: string[] = [];
  let length = 0;
  for (const repo of ["llvm-mlir-19", "iree", "buddy-mlir", "tpp-mlir", "xdsl", "circt", "stablehlo", "onnx-mlir"]) {
    for (const line of gunzipSync(readFileSync(`${folder}${repo}.jsonl.gz`))
      .toString()
      .split("\n")) {
      if (line === "") continue;
      for (const { generic } of (JSON.parse(line) as { chunks: { generic: string }[] }).chunks) {
        if (/^[#!]|\{-#|\/\/ -----/m.test(generic)) continue;
        parts.push(generic);
        length += generic.length;
        if (length >= size) return parts.join("\n");
      }
    }
  }
  return parts.join("\n");
}

function measure(what: string, bytes: number, run: () => void): void {
  const times: number[] = [];
  // On a machine that others use too, the processor time says more than the clock.
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const before = process.cpuUsage();
    const start = performance.now();
    run();
    times.push(performance.now() - start);
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, (user + system) / 1e3);
  }
  const first = times[0]!;
  times.sort((a, b) => a - b);
  const rate = (ms: number): string => `${ms.toFixed(0)} ms, ${(bytes / 1e3 / ms).toFixed(1)} MB/s`;
  console.log(
    `${what}: best ${rate(times[0]!)}; median ${rate(times[times.length >> 1]!)}; first ${rate(first)}; least processor time ${rate(least)}`,
  );
}

const text = makeText(megabytes * 1e6);
const plain = new Context([], { allowUnregistered: true });
const typed = new Context(dialects, { allowUnregistered: true });
let tops: readonly Operation[] = [];
let ops = 0;
console.log(`Node ${process.versions.node}, ${(text.length / 1e6).toFixed(2)} MB of generic text`);
for (const [name, context] of [
  ["opaque ops", plain],
  ["our dialects", typed],
] as const) {
  measure(`parse, ${name}`, text.length, () => {
    const diagnostics = new Diagnostics();
    const parsed = parseAll(text, context, diagnostics);
    if (!parsed) throw new Error(diagnostics.list[0]!.message);
    tops = parsed;
  });
}
for (const top of tops)
  top.walk(() => {
    ops++;
  });
measure(`print, generic (${ops} ops)`, text.length, () => {
  for (const top of tops) print(top, { generic: true });
});
measure("print, pretty", text.length, () => {
  for (const top of tops) print(top);
});
