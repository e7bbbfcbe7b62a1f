/** Several threads run one program: workers in Node, in memory and from files; the answers are those of one thread. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Compiled, compile, importBytes, lower, targetNamed } from "../../compile.ts";
import * as func from "../../dialects/func.ts";
import * as scf from "../../dialects/scf/ops.ts";
import { verify } from "../../ir/verify.ts";
import { Session } from "../../runtime/session.ts";
import { Diagnostics } from "../../support/diagnostic.ts";

const bytes = readFileSync("examples/digits/digits.onnx");
const file = "digits.onnx";
const image = Float32Array.from({ length: 784 }, (_, i) => Math.sin(i) ** 2);
/** Small as the model is, all of its kernels are divided here. */
const { pipeline } = targetNamed("wasm-threads").variants!.find((v) => v.name === "threads")!;
const everything = pipeline.replace("kernel-parallelize", "kernel-parallelize{least-work=1}");

let compiled: Compiled;
beforeAll(async () => {
  compiled = await compile(bytes, { file, target: "wasm-threads" });
}, 60_000);
const folder = mkdtempSync(join(tmpdir(), "sluice-threads-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("kernel-parallelize", () => {
  const module = importBytes(bytes, { file });
  lower(module, everything);

  it("leaves a program that verifies", () => {
    const diagnostics = new Diagnostics();
    verify(module, diagnostics);
    expect(diagnostics.list).toEqual([]);
  });

  it("divides kernels, and lets threads wait between one that writes and one that reads", () => {
    const main = [...module.region().entry].find((op) => func.func.match(op)?.sym_name === "main")!;
    let pending = 0;
    let divided = 0;
    let barriers = 0;
    for (const op of main.region().entry) {
      const call = func.call.match(op);
      if (call?.callee === "barrier") {
        pending = 0;
        barriers++;
      } else if (call?.callee.startsWith("k") || call?.callee.startsWith("copy")) {
        expect(pending).toBe(0);
        pending = 1;
        divided++;
      } else if (scf.if.is(op)) pending = 1;
    }
    expect(divided).toBeGreaterThan(3);
    expect(barriers).toBeGreaterThanOrEqual(divided);
    expect(pending).toBe(0);
  });

  it("gives the same bits for any number of threads", async () => {
    const { emit } = targetNamed("wasm-threads");
    const { code, manifest } = emit(module, { model: "digits", names: false });
    const variant = {
      ...({ name: "threads", needs: "threads", automatic: false, threads: true, code } as const),
      memoryBytes: manifest.memory.bytes,
    };
    const artifact = { ...compiled, variants: [variant] };
    const expected = (await Session.load(compiled, { variant: "simd" })).run({ image });
    for (const threads of [1, 2, 3, 5]) {
      const session = await Session.load(artifact, { threads, variant: "threads" });
      for (let i = 0; i < 20; i++) expect(session.run({ image })).toEqual(expected);
      session.dispose();
    }
  });
});

describe("sessions of several threads", () => {
  it("take the code for threads if they are asked for", async () => {
    const session = await Session.load(compiled, { threads: 2 });
    expect(session.variant).toMatch(/threads$/);
    const alone = await Session.load(compiled, { variant: session.variant.replace(/-?threads$/, "") || "simd" });
    expect(alone.variant).not.toMatch(/threads/);
    expect(session.run({ image })).toEqual(alone.run({ image }));
    session.dispose();
    expect(() => session.run({ image })).toThrow("disposed");
  });

  it("wait for work asleep, and wake for it", async () => {
    const session = await Session.load(compiled, { threads: 2 });
    const first = session.run({ image });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(session.run({ image })).toEqual(first);
    session.dispose();
  });

  it("are one thread where memory cannot be shared, and say why", async () => {
    const own = join(folder, "files");
    mkdirSync(own);
    for (const [name, content] of await compiled.files()) writeFileSync(join(own, name), content);
    writeFileSync(join(own, "package.json"), '{ "type": "module" }');
    const script = `
import { load } from "./digits.js";
const image = Float32Array.from({ length: 784 }, (_, i) => Math.sin(i) ** 2);
const answers = [];
for (const isolated of [undefined, false]) {
  globalThis.crossOriginIsolated = isolated;
  const session = await load({ threads: 2 });
  answers.push({ variant: session.variant, p: [...session.run({ image }).probabilities] });
  if (!isolated) session.run({ image });
}
console.log(JSON.stringify(answers));`;
    writeFileSync(join(own, "main.js"), script);
    // Sessions that are not disposed of keep no process alive.
    const { stdout, stderr, status } = spawnSync(process.execPath, [join(own, "main.js")], {
      encoding: "utf8",
      timeout: 60_000,
    });
    expect(status).toBe(0);
    expect(stderr).toContain("Cross-Origin-Opener-Policy: same-origin");
    const [several, one] = JSON.parse(stdout) as { variant: string; p: number[] }[];
    expect(several!.variant).toMatch(/threads$/);
    expect(one!.variant).not.toMatch(/threads/);
    expect(several!.p).toEqual(one!.p);
  });
});
