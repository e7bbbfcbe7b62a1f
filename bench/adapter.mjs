/**
 * @file Lets sluice join an interleaved comparison of ML runtimes, as a peer: a harness imports this module in a process
 * of its own and calls `load(bytes, entry, options)`; `run()` on what it answers is one inference, and is what is timed.
 *
 * `options` besides `inputs` (name → typed array) and `threads`:
 *   target=NAME     what to compile for (wasm-simd; wasm-threads for more than one thread)
 *   variant=NAME    which of the target's variants is run: simd, relaxed …; by default the best that this engine takes
 *   cpu=NAME        the target's setting `cpu` (native: this machine); cc=NAME the C compiler
 *   from=src|dist   run the sources through tsx, or the built library (default); a library older than its sources is built first
 */
import { execFileSync } from "node:child_process";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const rooms = ["codegen", "dialects", "ir", "lowering", "onnx", "rewrite", "runtime", "support", "text"];

/** The latest change of a source file. */
function newest(folder, deep = true) {
  let latest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) latest = Math.max(latest, deep ? newest(path) : 0);
    else if (entry.name.endsWith(".ts")) latest = Math.max(latest, statSync(path).mtimeMs);
  }
  return latest;
}

/** The library: `compile` and what goes with it. */
async function library(from) {
  if (from === "src") {
    const { register } = await import("tsx/esm/api");
    register();
    return import("../index.ts");
  }
  const built = join(root, "dist/index.js");
  const time = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const changed = Math.max(newest(root, false), ...rooms.map((room) => newest(join(root, room))));
  if (changed > time) execFileSync(process.execPath, [join(root, "tools/build.mjs")], { stdio: "inherit" });
  return import("../dist/index.js");
}

/** What a harness calls. Compiling is done ahead of time by users, so its time is told apart (`info.convertMs`). */
export async function load(bytes, entry, { inputs, threads = 1, target: given, variant, cpu, cc, from = "dist" }) {
  const target = given ?? (threads > 1 ? "wasm-threads" : "wasm-simd");
  if (cc) process.env.SLUICE_CC = cc;
  const started = performance.now();
  const { compile, CompileError } = await library(from);
  const shapes = Object.fromEntries(entry.inputs.map(({ name, dims }) => [name, dims]));
  const compiled = await compile(bytes, {
    target,
    shapes,
    file: entry.file,
    ...(cpu && { settings: { cpu } }),
    variants: variant ? [variant] : threads > 1 ? "all" : "here",
  }).catch((error) => {
    if (!(error instanceof CompileError)) throw error;
    throw Object.assign(new Error(error.message), { unsupported: true });
  });
  const convertMs = performance.now() - started;
  const session = await compiled.load({ threads: Number(threads), ...(variant ? { variant } : {}) });
  return {
    run: () => session.run(inputs),
    canonical: (result) => entry.outputs.map(({ name }) => result[name]),
    info: {
      convertMs,
      target,
      variant: session.variant,
      threads,
      codeBytes: compiled.code.byteLength,
      weightsBytes: compiled.weights.byteLength,
      memoryBytes: compiled.manifest.memory.bytes,
    },
  };
}
