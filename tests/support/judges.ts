/** Who judges shaders beside Tint: Naga, a race detector, and a reader of the SPIR-V that drivers get. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { NagaError, parseWgsl, validate } from "naga-wasm";
import { detectRaces } from "wgsl_reflect/wgsl_reflect.module.js";

/** What Naga, the compiler of Firefox, has against a shader. */
export function nagaFault(code: string): string | undefined {
  try {
    const module = parseWgsl(code);
    try {
      validate(module).free();
    } finally {
      module.free();
    }
    return undefined;
  } catch (error) {
    return error instanceof NagaError ? error.formatted : String(error);
  }
}

// --- races ------------------------------------------------------------------------------------------------------------

/** Shaders whose threads share memory, one for each schedule: the same but for numbers. */
export function schedulesOf(shaders: readonly string[]): string[] {
  const found = new Map<string, string>();
  for (const code of shaders) {
    if (!code.includes("var<workgroup>")) continue;
    const key = code.replace(/\b\d+(\.\d+)?(e[-+]?\d+)?[uif]?\b/g, "#");
    const known = found.get(key);
    if (known === undefined || code.length < known.length) found.set(key, code);
  }
  return [...found.values()];
}

const loopHead = /for \(var (\w+)(: i32)? ?= ?(\d+); \1 ?< ?(\d+)(.*?); \1( ?\+= ?(\d+)|\+\+)\)/g;
const mostTurns = 3;

/** Long loops end after some turns: what meets in them has met by then. */
export const shortened = (code: string): string =>
  code.replace(loopHead, (text, name, type = "", low, high, more, step, by = "1") => {
    const least = Number(low) + mostTurns * Number(by);
    return Number(high) <= least
      ? text
      : `for (var ${name}${type} = ${low}; ${name} < ${least}${more}; ${name}${step})`;
  });

/** Bytes of each buffer: as many as the first workgroup of anything may reach. */
const large = 64 << 20;

/** The detector's reader takes the sign behind `x` in `x-1` for that of a number, unless it stands apart. */
const apart = (code: string): string => code.replace(/(?<=[\w\])])(?<![\d.]e)-(?=[\d.])/gi, " - ");

/** What the detector does not know of words of bytes, as functions: what they answer is nothing to races. */
const wordFunctions: Readonly<Record<string, string>> = {
  dot4I8Packed: "fn dot4I8Packed(a: u32, b: u32) -> i32 { return i32(a) + i32(b); }",
  pack4xI8: "fn pack4xI8(v: vec4i) -> u32 { return u32(v.x + v.y + v.z + v.w); }",
  unpack4xU8: "fn unpack4xU8(w: u32) -> vec4u { return vec4u(w); }",
  unpack4xI8: "fn unpack4xI8(w: u32) -> vec4i { return vec4i(i32(w)); }",
  extractBits: "fn extractBits(w: i32, at: u32, count: u32) -> i32 { return w + i32(at) + i32(count); }",
};

const withWordFunctions = (code: string): string => {
  const used = Object.entries(wordFunctions).flatMap(([name, text]) => (code.includes(`${name}(`) ? [text] : []));
  return [...used, code.replace(/^requires .*;$/m, "")].join("\n");
};

/** What the threads of a workgroup do to each other's memory without a barrier between. */
export function racesOf(code: string): string[] {
  const bindings: Record<string, unknown> = {};
  for (const [, number, kind] of code.matchAll(/@binding\((\d+)\) var<(storage|uniform)/g)) {
    bindings[number!] = kind === "uniform" ? { uniform: new Uint8Array(1 << 12) } : new Uint8Array(large);
  }
  const { races, errors } = detectRaces(apart(shortened(withWordFunctions(code))), "main", [1, 1, 1], { 0: bindings });
  return [...errors, ...races.map((r) => r.message)];
}

// --- SPIR-V -----------------------------------------------------------------------------------------------------------

const dumper = fileURLToPath(new URL("./spirv.mjs", import.meta.url));

/**
 * The SPIR-V that Tint makes of shaders for Vulkan, as text, with indices kept in bounds or as they are written. Needs a
 * Vulkan driver.
 */
export async function spirvOf(
  shaders: readonly string[],
  bounds: "kept" | "trusted",
  env: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "sluice-spirv-"));
  try {
    const file = join(folder, "shaders.json");
    writeFileSync(file, JSON.stringify(shaders));
    const toggles = bounds === "kept" ? "dump_shaders" : "dump_shaders,disable_robustness";
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [dumper, file, toggles], {
      maxBuffer: 1 << 30,
      timeout: 300_000,
      env: { ...process.env, ...env },
    });
    return `${stdout}${stderr}`.split(/^; SPIR-V$/m).slice(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export interface SpirvFacts {
  /** Integer minima, maxima and clamps. */
  readonly clamps: number;
  /** Those of them inside of loops that hold no other. */
  readonly innerClamps: number;
  /** Integer divisions and remainders inside of loops that hold no other. */
  readonly innerDivisions: number;
}

const clamping = /\b(UMin|SMin|UMax|SMax|UClamp|SClamp)\b/;
const dividing = /\bOp(UDiv|SDiv|UMod|SMod|SRem)\b/;

/** Reads SPIR-V as text. Loops lie in it as they were written: from their merge instruction to the label they end at. */
export function spirvFacts(text: string): SpirvFacts {
  const lines = text.split("\n");
  const divides = functionsThat(lines, dividing);
  let clamps = 0;
  let innerClamps = 0;
  let innerDivisions = 0;
  const open: { readonly end: string; inner: boolean; clamps: number; divisions: number }[] = [];
  for (const line of lines) {
    const label = /^\s*(%\w+) = OpLabel/.exec(line)?.[1];
    if (label !== undefined && label === open.at(-1)?.end) {
      const loop = open.pop()!;
      if (loop.inner) {
        innerClamps += loop.clamps;
        innerDivisions += loop.divisions;
      }
    }
    const merge = /OpLoopMerge (%\w+)/.exec(line)?.[1];
    if (merge !== undefined) {
      for (const loop of open) loop.inner = false;
      open.push({ end: merge, inner: true, clamps: 0, divisions: 0 });
    }
    const called = /OpFunctionCall %\w+ (%\w+)/.exec(line)?.[1];
    const loop = open.at(-1);
    if (clamping.test(line)) {
      clamps++;
      if (loop) loop.clamps++;
    }
    if (loop && (dividing.test(line) || (called !== undefined && divides.has(called)))) loop.divisions++;
  }
  return { clamps, innerClamps, innerDivisions };
}

/** Functions whose own instructions include such a one: Tint divides in functions of its own. */
function functionsThat(lines: readonly string[], what: RegExp): ReadonlySet<string> {
  const found = new Set<string>();
  let current = "";
  for (const line of lines) {
    current = /^\s*(%\w+) = OpFunction\b/.exec(line)?.[1] ?? current;
    if (what.test(line)) found.add(current);
  }
  return found;
}
