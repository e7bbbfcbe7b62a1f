/** Sessions, from memory and from files: what is given and answered, mistakes, and memory. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { buildSync } from "esbuild";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compile } from "../../compile.ts";
import { makeGraph, makeModel, makeNode, makeTensor, makeValue } from "../../onnx/make.ts";
import { writeModel } from "../../onnx/write.ts";
import type { TypedArray } from "../../runtime/session.ts";

const folder = mkdtempSync(join(tmpdir(), "sluice-session-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** y = a + b of floats, n = i + 1 of 64-bit integers. */
const model = writeModel(
  makeModel(
    makeGraph("g", {
      nodes: [makeNode("Add", ["a", "b"], ["y"]), makeNode("Add", ["i", "one"], ["n"])],
      inputs: [makeValue("a", "float32", [2, 3]), makeValue("b", "float32", [2, 3]), makeValue("i", "int64", [2])],
      outputs: [makeValue("y", "float32", [2, 3]), makeValue("n", "int64", [2])],
      initializers: [makeTensor("one", "int64", [1], BigInt64Array.of(1n))],
    }),
    17,
  ),
);

interface AnySession {
  run(inputs: object, outputs?: object): Record<string, TypedArray>;
  dispose(): void;
}

interface Loader {
  load(options?: { readonly weights?: Uint8Array }): Promise<AnySession>;
}

let files: ReadonlyMap<string, Uint8Array>;
beforeAll(async () => {
  files = await (await compile(model, { name: "sums" })).files();
  for (const [name, content] of files) writeFileSync(join(folder, name), content);
  buildSync({
    entryPoints: ["runtime/session.ts"],
    outfile: join(folder, "runtime.js"),
    bundle: true,
    format: "esm",
    logLevel: "warning",
  });
});

const loaderUrl = (): string => pathToFileURL(join(folder, "sums.js")).href;
const fromFiles = async (): Promise<AnySession> => ((await import(loaderUrl())) as Loader).load();
const inMemory = async (): Promise<AnySession> => (await compile(model)).load();

const a = Float32Array.of(1, 2, 3, 4, 5, 6);
const b = Float32Array.of(10, 20, 30, 40, 50, 60);
const i = BigInt64Array.of(41n, -1n);

describe.each([
  ["in memory", inMemory],
  ["from files", fromFiles],
])("a session %s", (_, load) => {
  it("answers new arrays, or fills those that it is given", async () => {
    const session = await load();
    const first = session.run({ a, b, i });
    expect(first).toEqual({ y: Float32Array.of(11, 22, 33, 44, 55, 66), n: BigInt64Array.of(42n, 0n) });
    const y = new Float32Array(6);
    const second = session.run({ a: b, b, i }, { y });
    expect(second.y).toBe(y);
    expect(y[0]).toBe(20);
    // The first answer is no view of memory that the second run wrote to.
    expect(first.y?.[0]).toBe(11);
    const all = { y: new Float32Array(6), n: new BigInt64Array(2) };
    expect(session.run({ a, b, i }, all)).toBe(all);
    expect(all.n[0]).toBe(42n);
  });

  it("says what is wrong with what it is given, before it runs", async () => {
    const session = await load();
    const y = new Float32Array(6);
    const wrong = (inputs: object, outputs?: object): string => {
      try {
        session.run(inputs, outputs);
      } catch (error) {
        return error instanceof TypeError ? error.message : String(error);
      }
      return "ran";
    };
    expect(wrong({ a, i })).toBe('input "b" must be a Float32Array of 6 elements (float32 2x3), got nothing');
    expect(wrong({ a, b: new Float64Array(6), i })).toMatch(/"b" .* got Float64Array of 6/);
    expect(wrong({ a, b: new Float32Array(5), i })).toMatch(/"b" .* got Float32Array of 5/);
    expect(wrong({ a, b: [1, 2, 3, 4, 5, 6], i })).toMatch(/"b" .* got Array of 6/);
    expect(wrong({ a, b: null, i })).toMatch(/"b" .* got null/);
    expect(wrong({ a, b, i: new Int32Array(2) })).toMatch(/"i" must be a BigInt64Array/);
    expect(wrong({ a, b, i, c: a })).toBe('the model has no input "c"; its inputs are "a", "b", "i"');
    expect(wrong({ a, b, i }, { z: y })).toBe('the model has no output "z"; its outputs are "y", "n"');
    expect(wrong({ a, b, i }, { y, n: new Float32Array(2) })).toMatch(/output "n" must be a BigInt64Array/);
    expect(Array.from(y)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("cannot run once it is disposed of", async () => {
    const session = await load();
    session.dispose();
    session.dispose();
    expect(() => session.run({ a, b, i })).toThrow("disposed");
  });
});

it("weights of another size are refused", async () => {
  const { load } = (await import(loaderUrl())) as Loader;
  await expect(load({ weights: new Uint8Array(3) })).rejects.toThrow("the weights have 3 bytes, the model wants");
});

it("memory has exactly the pages that it takes, and cannot grow", async () => {
  const { manifest, code } = await compile(model);
  const module = await WebAssembly.compile(code);
  const { exports } = await WebAssembly.instantiate(module, {});
  const memory = exports.memory as WebAssembly.Memory;
  expect(memory.buffer.byteLength).toBe(Math.ceil(manifest.memory.bytes / 65536) * 65536);
  expect(() => memory.grow(1)).toThrow(RangeError);
});

/** Runs a script in a process of its own, with the artifact and the runtime beside it. */
function node(name: string, script: string): unknown {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, script);
  const { stdout, stderr } = spawnSync(process.execPath, ["--expose-gc", file], { encoding: "utf8" });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

/** Both kinds of sessions; whoever is handed one must not keep it. */
const sessions = `
import { readFileSync } from "node:fs";
import { load } from "./sums.js";
import { Session } from "./runtime.js";
const read = (name) => readFileSync(new URL(name, import.meta.url));
const makers = {
  files: () => load(),
  memory: () => Session.load({ manifest: JSON.parse(read("manifest.json")), code: read("sums.wasm"), weights: read("sums.weights.bin") }),
};
const inputs = { a: new Float32Array(6), b: new Float32Array(6), i: new BigInt64Array(2) };
const answers = {};
`;

describe("memory", () => {
  it("a run that is given its outputs allocates nothing", () => {
    const runs = 20_000;
    const found = node(
      "heap.mjs",
      `${sessions}
for (const [name, make] of Object.entries(makers)) {
  const session = await make();
  const outputs = { y: new Float32Array(6), n: new BigInt64Array(2) };
  const used = (outputs) => {
    gc();
    const before = process.memoryUsage();
    for (let n = 0; n < ${runs}; n++) session.run(inputs, outputs);
    const after = process.memoryUsage();
    return { heap: after.heapUsed - before.heapUsed, buffers: after.arrayBuffers - before.arrayBuffers };
  };
  // What the engine allocates to optimise the code comes to an end; the steady state is the least of some rounds.
  used(outputs);
  answers[name] = Array.from({ length: 8 }, () => used(outputs)).sort((a, b) => a.heap - b.heap)[0];
  // The same way of measuring sees what is made when outputs are not given.
  answers[name + " without outputs"] = used({});
}
console.log(JSON.stringify(answers));`,
    ) as Record<string, { readonly heap: number; readonly buffers: number }>;
    for (const name of ["files", "memory"]) {
      // Measuring itself makes a few objects; one word per run would be eight times this bound.
      expect(found[name]!.heap, name).toBeLessThan(runs);
      expect(found[name]!.buffers, name).toBe(0);
      expect(Math.abs(found[`${name} without outputs`]!.heap), name).toBeGreaterThan(runs);
    }
  });

  it("is released when the session is disposed of, though somebody holds on to the session", () => {
    const found = node(
      "dispose.mjs",
      `${sessions}
const instantiate = WebAssembly.instantiate;
let memory;
WebAssembly.instantiate = async (...args) => {
  const result = await instantiate(...args);
  memory = new WeakRef((result.instance ?? result).exports.memory.buffer);
  return result;
};
const isThere = async () => {
  // References that are weak are kept until the turn is over.
  for (let n = 0; n < 3; n++) { await new Promise((done) => setTimeout(done)); gc(); }
  return memory.deref() !== undefined;
};
const kept = [];
for (const [name, make] of Object.entries(makers)) {
  const session = await make();
  kept.push(session);
  session.run(inputs);
  const before = await isThere();
  session.dispose();
  answers[name] = [before, await isThere()];
}
console.log(JSON.stringify(answers));`,
    );
    expect(found).toEqual({ files: [true, false], memory: [true, false] });
  });
});
