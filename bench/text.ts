/**
 * @file How fast text is read and written: real generic IR (the corpus beside the checkout), one thread.
 * `node tools/run.mjs bench/text.ts [MB] [runs]` prints the best and the median of the runs, and how that compares with a yardstick.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { createToken, Lexer } from "chevrotain";
import { dialects } from "../dialects/index.ts";
import { Context } from "../ir/context.ts";
import type { Operation } from "../ir/core.ts";
import { Diagnostics } from "../support/diagnostic.ts";
import { parseAll } from "../text/parser.ts";
import { print } from "../text/printer.ts";
import { endWithReader } from "./pipe.ts";

endWithReader();

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

/**
 * Chevrotain's own lexer over the tokens of generic text, by regular expressions: what its users get. It tells a slow
 * machine from slow code: on two unloaded Zen 4 cores it reads 31 to 35 MB/s.
 */
function makeYardstick(): (text: string) => void {
  const skip = Lexer.SKIPPED;
  const patterns: readonly [name: string, pattern: RegExp, group?: string][] = [
    ["Blank", /[ \t\r\n]+/, skip],
    ["Comment", /\/\/[^\n]*/, skip],
    ["Shape", /(?:tensor|memref|vector)\s*<\s*(?:\*\s*x\s*|(?:(?:\?|\d+|\[\d+\])\s*x\s*)*)/],
    ["Word", /[A-Za-z_][\w$.]*/],
    ["Value", /%(?:\d+|[\w$.-]+)/],
    ["Symbol", /@(?:[A-Za-z_][\w$.]*|"(?:[^"\\]|\\.)*")/],
    ["Hash", /#(?:\d+|[\w$.-]+)/],
    ["Bang", /![\w$.-]+/],
    ["Caret", /\^(?:\d+|[\w$.-]+)/],
    ["Float", /\d+\.\d*(?:[eE][-+]?\d+)?/],
    ["Integer", /0x[\da-fA-F]+|\d+/],
    ["String", /"(?:[^"\\]|\\.)*"/],
    ["Arrow", /->/],
    ["Mark", /[()[\]{}<>,:=*?+|/.&;-]/],
  ];
  const tokens = patterns.map(([name, pattern, group]) =>
    createToken(group === undefined ? { name, pattern } : { name, pattern, group }),
  );
  const lexer = new Lexer(tokens, { positionTracking: "onlyOffset", ensureOptimizations: true });
  return (text) => {
    const { errors } = lexer.tokenize(text);
    if (errors.length > 0) throw new Error(errors[0]!.message);
  };
}

interface Task {
  readonly what: string;
  run(): void;
}

/**
 * Runs tasks in turn, so that a machine that others slow down slows all of them. The first round of each is cold and
 * counts for itself; processor time says more than the clock where others compute.
 */
function measure(tasks: readonly Task[], bytes: number): void {
  const rate = (ms: number): string => `${ms.toFixed(0)} ms, ${(bytes / 1e3 / ms).toFixed(1)} MB/s`;
  const times = tasks.map((): { clock: number; processor: number }[] => []);
  for (let i = 0; i < runs; i++) {
    for (const [t, task] of tasks.entries()) {
      const before = process.cpuUsage();
      const start = performance.now();
      task.run();
      const clock = performance.now() - start;
      const { user, system } = process.cpuUsage(before);
      times[t]!.push({ clock, processor: (user + system) / 1e3 });
    }
  }
  const yardstick = Math.min(...times[0]!.map((t) => t.processor));
  for (const [t, { what }] of tasks.entries()) {
    const clock = times[t]!.map((r) => r.clock);
    const first = clock[0]!;
    clock.sort((a, b) => a - b);
    const least = Math.min(...times[t]!.map((r) => r.processor));
    const parts = [
      `best ${rate(clock[0]!)}`,
      `median ${rate(clock[clock.length >> 1]!)}`,
      `first ${rate(first)}`,
      `least processor time ${rate(least)}`,
    ];
    if (t > 0) parts.push(`${(yardstick / least).toFixed(2)} of the yardstick's speed`);
    console.log(`${what}: ${parts.join("; ")}`);
  }
}

const text = makeText(megabytes * 1e6);
const plain = new Context([], { allowUnregistered: true });
const typed = new Context(dialects, { allowUnregistered: true });
let tops: readonly Operation[] = [];
let ops = 0;

const parsing = (name: string, context: Context): Task => ({
  what: `parse, ${name}`,
  run() {
    const diagnostics = new Diagnostics();
    const parsed = parseAll(text, context, diagnostics);
    if (!parsed) throw new Error(diagnostics.list[0]!.message);
    tops = parsed;
  },
});
const lexAll = makeYardstick();
const yardstick: Task = { what: "yardstick (Chevrotain's lexer alone)", run: () => lexAll(text) };

console.log(`Node ${process.versions.node}, ${(text.length / 1e6).toFixed(2)} MB of generic text`);
measure([yardstick, parsing("opaque ops", plain), parsing("our dialects", typed)], text.length);
for (const top of tops) {
  top.walk(() => {
    ops++;
  });
}
const printing = (what: string, generic: boolean): Task => ({
  what,
  run() {
    for (const top of tops) print(top, { generic });
  },
});
const both = [printing(`print, generic (${ops} ops)`, true), printing("print, pretty", false)];
measure([yardstick, ...both], text.length);
