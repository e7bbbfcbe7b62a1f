/**
 * @file Runs C artifacts in this process: builds them with the system's compiler into a cache, loads them by koffi. For
 * Node alone; nothing else of the runtime imports this.
 */
import type { Manifest } from "./manifest.ts";
import { Session } from "./wasm.ts";

interface Builtins {
  readonly child_process: typeof import("node:child_process");
  readonly crypto: typeof import("node:crypto");
  readonly fs: typeof import("node:fs");
  readonly os: typeof import("node:os");
  readonly path: typeof import("node:path");
}

/** A module of Node, asked for when it is used: bundlers for browsers find nothing here that they would have to resolve. */
function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  const found = globalThis.process?.getBuiltinModule?.(`node:${name}`);
  if (found) return found as Builtins[Name];
  throw new NativeError(
    "running C in this process needs Node 20.16 or newer",
    "write the files to a folder and build them for their machine",
  );
}

export interface NativeArtifact {
  readonly manifest: Manifest;
  /** One C text that exports `sluice_native_run` and `sluice_native_offset`. */
  readonly code: Uint8Array;
  readonly weights: Uint8Array;
}

export interface NativeOptions {
  /** Optimisation level. */
  readonly level?: "0" | "1" | "2" | "3";
  /** Rounds products before sums, as every other machine does; without it they may be fused. */
  readonly exact?: boolean;
  /** Told, behind each run of a program that is compiled for profiling, when its steps ended (`performance.now()`). */
  readonly marks?: (step: number, time: number) => void;
}

/** What is missing on this machine, and what would mend it. */
export class NativeError extends Error {
  override readonly name = "NativeError";
  readonly help: string;

  constructor(message: string, help: string) {
    super(message);
    this.help = help;
  }
}

interface Compiler {
  readonly command: string;
  readonly version: string;
}

let compiler: Compiler | undefined;

/** The compiler that SLUICE_CC names, or the first of cc, gcc, clang that answers. */
function findCompiler(): Compiler {
  if (compiler) return compiler;
  const wanted = process.env.SLUICE_CC;
  for (const command of wanted ? [wanted] : ["cc", "gcc", "clang"]) {
    try {
      const version = builtin("child_process").execFileSync(command, ["--version"], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      compiler = { command, version: version.toString().split("\n")[0]! };
      return compiler;
    } catch {
      // The next one may be there.
    }
  }
  throw new NativeError(
    wanted
      ? `the C compiler '${wanted}' does not answer`
      : "there is no C compiler: neither cc nor gcc nor clang answers",
    "install gcc or clang, or name a compiler in the environment variable SLUICE_CC",
  );
}

/** Folder of built models: SLUICE_CACHE, or sluice/ in the user's cache. */
function cacheFolder(): string {
  const { SLUICE_CACHE: own, XDG_CACHE_HOME: shared } = process.env;
  const { join } = builtin("path");
  const { homedir, tmpdir } = builtin("os");
  const folder = own ?? join(shared ?? (homedir() ? join(homedir(), ".cache") : tmpdir()), "sluice", "native");
  builtin("fs").mkdirSync(folder, { recursive: true });
  return folder;
}

/** The `cpu` of the C target that this machine is. */
export function hostCpu(): string {
  if (process.arch === "arm64") return "aarch64";
  if (process.arch !== "x64") return "generic";
  let flags = "";
  try {
    flags = /^flags\s*:(.*)$/m.exec(builtin("fs").readFileSync("/proc/cpuinfo", "utf8"))?.[1] ?? "";
  } catch {
    return "x86-64";
  }
  const has = (...names: readonly string[]): boolean => names.every((n) => ` ${flags} `.includes(` ${n} `));
  if (has("avx512f", "avx512vl", "avx512dq", "avx512bw")) return "x86-64-v4";
  return has("avx2", "fma") ? "x86-64-v3" : "x86-64";
}

function build(code: Uint8Array, options: NativeOptions): string {
  const { existsSync, renameSync, rmSync, writeFileSync } = builtin("fs");
  const { join } = builtin("path");
  const cc = findCompiler();
  const flags = [
    "-std=gnu99",
    `-O${options.level ?? "2"}`,
    `-ffp-contract=${options.exact ? "off" : "fast"}`,
    "-march=native",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-fPIC",
    "-shared",
  ];
  const key = builtin("crypto")
    .createHash("sha256")
    .update(`${cc.version}\n${flags.join(" ")}\n`)
    .update(code)
    .digest("hex");
  const folder = cacheFolder();
  const library = join(folder, `${key}.so`);
  if (existsSync(library)) return library;
  const base = join(folder, `${key}.${process.pid}`);
  writeFileSync(`${base}.c`, code);
  try {
    builtin("child_process").execFileSync(cc.command, [...flags, `${base}.c`, "-o", `${base}.so`, "-lm"], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    renameSync(`${base}.so`, library);
  } catch (error) {
    const said = String((error as { stderr?: unknown }).stderr ?? error)
      .split("\n")
      .slice(0, 8)
      .join("\n");
    throw new NativeError(
      `${cc.command} does not build the model:\n${said}`,
      "this is a fault of sluice; please report it",
    );
  } finally {
    rmSync(`${base}.c`, { force: true });
    rmSync(`${base}.so`, { force: true });
  }
  return library;
}

type Native = (...args: readonly unknown[]) => number;
interface Library {
  func(definition: string): Native;
}
interface Koffi {
  load(path: string): Library;
}

async function loadKoffi(): Promise<Koffi> {
  // Not a literal, so that bundlers leave it alone: most users do not have it.
  const name = "koffi";
  try {
    const loaded = (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as unknown as {
      readonly default: Koffi;
    };
    return loaded.default;
  } catch {
    throw new NativeError("running C in this process needs the package koffi", "npm install koffi");
  }
}

/** Bytes to call native code with, at a multiple of 64. */
function alignedBlock(bytes: number, offsetOf: Native): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(new ArrayBuffer(bytes + 64));
  return whole.subarray(offsetOf(whole)).subarray(0, bytes);
}

/** What hands over the marks of the run that has ended. */
function marksOf(library: Library, to: (step: number, time: number) => void): () => void {
  const now = library.func("double sluice_native_now(void)");
  const take = library.func("int32_t sluice_native_marks(_Out_ int32_t *steps, _Out_ double *times, int32_t room)");
  let steps = new Int32Array(0);
  let times = new Float64Array(0);
  return () => {
    const count = take(steps, times, steps.length);
    if (count < 0) throw new Error("there is no memory for the times of all steps");
    if (count > steps.length) {
      steps = new Int32Array(2 * count);
      times = new Float64Array(2 * count);
      take(steps, times, steps.length);
    }
    const shift = performance.now() - now();
    for (let i = 0; i < count; i++) to(steps[i]!, times[i]! + shift);
  };
}

/** Builds and loads an artifact. @throws NativeError without a compiler or koffi */
export async function loadNative(artifact: NativeArtifact, options: NativeOptions = {}): Promise<Session> {
  const koffi = await loadKoffi();
  const library = koffi.load(build(artifact.code, options));
  const offsetOf = library.func("int32_t sluice_native_offset(const void *memory)");
  const call = library.func("int32_t sluice_native_run(const void *weights, size_t size, void *memory)");
  const weights = alignedBlock(artifact.weights.byteLength, offsetOf);
  weights.set(artifact.weights);
  const { manifest } = artifact;
  const memory = alignedBlock(manifest.memory.bytes, offsetOf);
  const forward = options.marks ? marksOf(library, options.marks) : undefined;
  const moved = (ports: Manifest["inputs"]): Manifest["inputs"] =>
    ports.map((p) => ({ ...p, offset: p.offset + memory.byteOffset }));
  return Session.over(
    { ...manifest, inputs: moved(manifest.inputs), outputs: moved(manifest.outputs) },
    memory.buffer,
    () => {
      const status = call(weights, weights.byteLength, memory);
      if (status !== 0) throw new Error(`the model refuses to run: status ${status}`);
      forward?.();
    },
  );
}
