/** The house stands: imports go down only, in no circle; files are short; Node is needed only where it is at hand. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Rooms, and what each may import besides itself. */
const below: Readonly<Record<string, readonly string[]>> = {
  support: [],
  runtime: [],
  ir: ["support"],
  text: ["ir", "support"],
  rewrite: ["ir", "support"],
  dialects: ["rewrite", "ir", "support"],
  onnx: ["dialects", "rewrite", "ir", "support"],
  lowering: ["dialects", "rewrite", "ir", "support"],
  codegen: ["dialects", "rewrite", "ir", "support", "runtime/manifest.ts", "runtime/features.ts", "runtime/workers.ts"],
  "compile.ts": ["passes.ts", "onnx", "lowering", "codegen", "dialects", "rewrite", "text", "ir", "support", "runtime"],
  "split.ts": ["compile.ts", "lowering", "codegen", "ir", "support", "runtime"],
  profile: [
    "compile.ts",
    "passes.ts",
    "lowering",
    "codegen",
    "dialects",
    "rewrite",
    "text",
    "ir",
    "support",
    "runtime",
  ],
  "passes.ts": ["lowering", "codegen", "rewrite"],
  "opt.ts": ["passes.ts", "dialects", "rewrite", "text", "ir", "support"],
  "index.ts": [
    "passes.ts",
    "compile.ts",
    "split.ts",
    "profile",
    "opt.ts",
    "onnx",
    "lowering",
    "codegen",
    "dialects",
    "rewrite",
    "text",
    "ir",
    "support",
    "runtime",
  ],
  // The version alone is read from below, so that asking for it loads nothing.
  cli: ["index.ts", "support/version.ts"],
  playground: ["index.ts", "cli/repl"],
  // A workshop: it measures every room from inside, and nothing of it ships.
  bench: [
    "index.ts",
    "cli",
    "compile.ts",
    "passes.ts",
    "onnx",
    "lowering",
    "codegen",
    "dialects",
    "rewrite",
    "text",
    "ir",
    "support",
    "runtime",
  ],
};
/** Rooms, and a file for Node alone, in which Node may be used. */
const onNode = ["cli", "bench", "runtime/native.ts"];
/** Folders that are no part of the house; anything may be imported there. */
const around = ["tests", "tools", "examples", "docs", "dist", "node_modules", "coverage"];

const maxLines = 600;

interface Import {
  readonly from: string;
  readonly to: string;
  /** Gone once types are erased. */
  readonly typeOnly: boolean;
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (entry.name.startsWith(".")) return [];
    if (entry.isDirectory()) return folder === "" && around.includes(entry.name) ? [] : sources(path);
    return entry.name.endsWith(".ts") && !entry.name.endsWith(".config.ts") ? [path] : [];
  });
}

const files = sources("");
const textOf = new Map(files.map((f) => [f, readFileSync(join(root, f), "utf8")]));

/** Comments may quote imports; strings that look like comments (`"//"`) do not occur in import lines. */
const withoutComments = (text: string): string => text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");

function importsOf(file: string): Import[] {
  const found: Import[] = [];
  const text = withoutComments(textOf.get(file)!);
  const statement = /^\s*(?:import|export)\s+(type\s+)?(?:[\w*$\s{},]*?\sfrom\s*)?"([^"]+)"/gm;
  for (const m of text.matchAll(statement)) found.push({ from: file, to: m[2]!, typeOnly: m[1] !== undefined });
  for (const m of text.matchAll(/\bimport\(\s*"([^"]+)"\s*\)/g)) {
    found.push({ from: file, to: m[1]!, typeOnly: false });
  }
  return found;
}

const imports = files.flatMap(importsOf);
const local = imports
  .filter((i) => i.to.startsWith("."))
  .map((i) => ({ ...i, to: posix.normalize(posix.join(posix.dirname(i.from), i.to)) }));

const roomOf = (path: string): string => path.split("/")[0]!;
const isIn = (path: string, place: string): boolean => path === place || path.startsWith(`${place}/`);

describe("floors", () => {
  it("sees the sources and their imports", () => {
    expect(files.length).toBeGreaterThan(50);
    expect(local.length).toBeGreaterThan(files.length);
  });

  it("has only rooms that are drawn", () => {
    expect(files.filter((f) => below[roomOf(f)] === undefined)).toEqual([]);
  });

  it("imports go down only", () => {
    const up = local.filter(({ from, to }) => {
      const room = roomOf(from);
      return roomOf(to) !== room && !(below[room] ?? []).some((place) => isIn(to, place));
    });
    expect(up.map((i) => `${i.from} imports ${i.to}`)).toEqual([]);
  });

  it("imports files that are there, by their full name", () => {
    const isThere = (path: string): boolean =>
      textOf.has(path) || path.endsWith(".json") || (path.endsWith(".mjs") && existsSync(join(root, path)));
    const missing = local.filter((i) => !isThere(i.to));
    expect(missing.map((i) => `${i.from} imports ${i.to}`)).toEqual([]);
  });

  it("Node is used only where it is at hand", () => {
    const wrong = imports.filter((i) => i.to.startsWith("node:") && !onNode.some((place) => isIn(i.from, place)));
    expect(wrong.map((i) => `${i.from} imports ${i.to}`)).toEqual([]);
  });

  it("the packages that are heavy to load are known to one room each", () => {
    const rooms: Readonly<Record<string, readonly string[]>> = {
      chevrotain: ["text", "bench"],
      protobufjs: ["onnx"],
      "onnx-proto": ["onnx"],
      commander: ["cli", "bench"],
      picocolors: ["cli"],
      wabt: ["codegen"],
      koffi: ["runtime"],
      webgpu: ["bench"],
    };
    const wrong = imports.filter(({ from, to }) => {
      if (to.startsWith(".") || to.startsWith("node:")) return false;
      return !rooms[to.split("/")[0]!]?.includes(roomOf(from));
    });
    expect(wrong.map((i) => `${i.from} imports ${i.to}`)).toEqual([]);
  });

  it("imports make no circle once types are erased", () => {
    expect(circles(local.filter((i) => !i.typeOnly))).toEqual([]);
  });

  it("imports of types make no circle between rooms, and inside one only in ir/, whose contracts name each other", () => {
    const rooms = local.map((i) => ({ from: roomOf(i.from), to: roomOf(i.to) })).filter((i) => i.from !== i.to);
    expect(circles(rooms)).toEqual([]);
    expect(circles(local.filter((i) => !isIn(i.from, "ir")))).toEqual([]);
  });
});

it(`no file is longer than ${maxLines} lines`, () => {
  const long = files
    .map((f) => ({ f, lines: textOf.get(f)!.split("\n").length - 1 }))
    .filter((x) => x.lines > maxLines);
  expect(long).toEqual([]);
});

/** Groups of names that reach each other (Tarjan's strongly connected components of more than one). */
function circles(edges: readonly { readonly from: string; readonly to: string }[]): string[][] {
  const next = new Map<string, string[]>();
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (v: string): void => {
    index.set(v, index.size);
    low.set(v, index.get(v)!);
    stack.push(v);
    for (const w of next.get(v) ?? []) {
      if (!index.has(w)) visit(w);
      if (stack.includes(w)) low.set(v, Math.min(low.get(v)!, low.get(w)!));
    }
    if (low.get(v) !== index.get(v)) return;
    const group = stack.splice(stack.indexOf(v));
    if (group.length > 1 || (next.get(v) ?? []).includes(v)) found.push(group.sort());
  };
  for (const v of next.keys()) if (!index.has(v)) visit(v);
  return found;
}
