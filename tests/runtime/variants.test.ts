/** Codes for different engines beside the same weights: made from one program, chosen when they are loaded. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { setFlagsFromString } from "node:v8";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Compiled, compile, targetNamed } from "../../compile.ts";
import { offers } from "../../runtime/features.ts";
import { Session } from "../../runtime/session.ts";

// Engines that have it behind a flag are given the flag.
setFlagsFromString("--experimental-wasm-relaxed-simd");

afterAll(() => setFlagsFromString("--no-experimental-wasm-relaxed-simd"));

const bytes = readFileSync("examples/digits/digits.onnx");
const file = "digits.onnx";
const image = Float32Array.from({ length: 784 }, (_, i) => Math.sin(i) ** 2);
let compiled: Compiled;
beforeAll(async () => {
  compiled = await compile(bytes, { file });
}, 60_000);
const folder = mkdtempSync(join(tmpdir(), "sluice-variants-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Loader {
  load(options?: { variant?: string }): Promise<Pick<Session, "run" | "variant" | "warmUp" | "dispose">>;
}

/** Writes the files, and imports the loader that ships with them. */
async function shipped(name: string, change: (files: Map<string, Uint8Array>) => void = () => {}): Promise<Loader> {
  const files = new Map(await compiled.files());
  change(files);
  const own = join(folder, name);
  mkdirSync(own);
  for (const [f, content] of files) writeFileSync(join(own, f), content);
  writeFileSync(join(own, "package.json"), '{ "type": "module" }');
  return (await import(pathToFileURL(join(own, "digits.js")).href)) as Loader;
}

/** What loaders choose here: engines that are behind get the form of loops that they are fast with. */
const best = offers("old-engine") ? "v8-12" : "relaxed";

const probabilities = (s: Pick<Session, "run">): Float32Array => s.run({ image }).probabilities as Float32Array;
const far = (a: Float32Array, b: Float32Array): number => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)));

describe("variants", () => {
  it("of a target are other codes for the same weights", async () => {
    expect(compiled.variants?.map((v) => v.name)).toContain("relaxed");
    const names = [...(await compiled.files()).keys()];
    expect(names).toContain("digits.relaxed.wasm");
    expect(names.filter((n) => n.endsWith(".weights.bin"))).toEqual(["digits.weights.bin"]);
    const manifest = JSON.parse(new TextDecoder().decode((await compiled.files()).get("manifest.json"))) as {
      variants: { name: string; file: { bytes: number } }[];
    };
    expect(manifest.variants[0]!.file.bytes).toBe(compiled.variants![0]!.code.byteLength);
  });

  it("are loaded the first time, and again, with the weights that files hold", async () => {
    const here = await compile(bytes, { file, variants: "here" });
    const first = probabilities(await here.load());
    const second = probabilities(await here.load());
    expect(second).toEqual(first);
    const weights = (await here.files()).get("digits.weights.bin")!;
    expect(Buffer.compare(weights, compiled.weights)).toBe(0);
    expect(probabilities(await Session.load({ ...here }))).toEqual(first);
  });

  it("answer alike, each run by name", async () => {
    const plain = probabilities(await Session.load(compiled, { variant: "simd" }));
    expect(offers("relaxed-simd")).toBe(true);
    for (const v of compiled.variants!) {
      const session = await Session.load(compiled, { variant: v.name });
      expect(session.variant).toBe(v.name);
      expect(far(probabilities(session), plain)).toBeLessThan(1e-5);
    }
  });

  it("are chosen by what the engine takes", async () => {
    expect((await Session.load(compiled)).variant).toBe(best);
    const without = { ...compiled, variants: compiled.variants!.map((v) => ({ ...v, automatic: false })) };
    expect((await Session.load(without)).variant).toBe("simd");
    const { load } = await shipped("chosen");
    expect((await load()).variant).toBe(best);
    expect(probabilities(await load({ variant: "simd" }))).toEqual(
      probabilities(await Session.load(compiled, { variant: "simd" })),
    );
    // An engine that does not take the probe.
    const { load: loadOld } = await shipped("old", (files) => {
      const text = new TextDecoder().decode(files.get("digits.js"));
      files.set("digits.js", new TextEncoder().encode(text.replace("253,133,2", "253,255,2")));
      files.delete("digits.relaxed.wasm");
    });
    const old = await loadOld();
    expect(old.variant).toBe(best === "v8-12" ? best : "simd");
    expect(far(probabilities(old), probabilities(await load()))).toBeLessThan(1e-5);
  });

  it("that there are not are refused", async () => {
    await expect(Session.load(compiled, { variant: "wide512" })).rejects.toThrow(
      /no variant "wide512", but simd, relaxed/,
    );
    const { load } = await shipped("refused");
    await expect(load({ variant: "wide512" })).rejects.toThrow(/no variant "wide512"/);
    await expect(compile(bytes, { file, variants: ["wide512"] })).rejects.toThrow(/no variant "wide512"/);
  });

  it("are tried if the fastest is wanted, and one that answers something else is not taken", async () => {
    const session = await Session.load(compiled, { variant: "fastest" });
    expect(["simd", ...compiled.variants!.map((v) => v.name)]).toContain(session.variant);
    const { load } = await shipped("fastest");
    const own = await load({ variant: "fastest" });
    expect(far(probabilities(own), probabilities(session))).toBeLessThan(1e-5);
    // Quick, because it does nothing.
    const idle = compiled.variants!.map((v) => ({ ...v, automatic: false, code: idleCode() }));
    expect((await Session.load({ ...compiled, variants: idle }, { variant: "fastest" })).variant).toBe("simd");
    const { load: loadIdle } = await shipped("idle", (files) =>
      files.set("digits.simd.wasm", idleCode()).set("digits.wasm", idleCode()),
    );
    // Which of the others is quickest is the machine's to say.
    expect((await loadIdle({ variant: "fastest" })).variant).not.toBe("simd");
  });

  it("are made as they are asked for", async () => {
    const all = await compile(bytes, { file, variants: "all" });
    expect(all.variants!.map((v) => v.name)).toContain("relaxed-256");
    expect(compiled.variants!.map((v) => v.name)).toEqual(all.variants!.filter((v) => v.automatic).map((v) => v.name));
    expect((await compile(bytes, { file, variants: [] })).variants).toBeUndefined();
    const here = await compile(bytes, { file, variants: "here" });
    expect(here.variants).toBeUndefined();
    expect((await here.load()).variant).toBe(best);
    expect(here.code).toEqual(compiled.variants!.find((v) => v.name === best)!.code);
    expect(here.weights).toEqual(compiled.weights);
  });

  it("share their pipeline up to where it differs", () => {
    const { pipeline, variants } = targetNamed("wasm-simd");
    const until = (text: string): string => text.slice(0, text.indexOf("linalg-schedule"));
    const text = (v: string): string => until(v).replace("operations-per-byte=4", "operations-per-byte=2");
    // Wider vectors compute more while a byte comes: only what loaders choose by themselves shares every choice.
    // What is for some models only goes its own way there, too.
    const bytes = (v: string): string => until(v).replace("{bytes=true}", "").replace(" bytes=true", "");
    for (const v of variants!) expect((v.suits ? bytes : v.automatic ? until : text)(v.pipeline)).toBe(until(pipeline));
  });
});

it("warming up changes no answer", async () => {
  const session = await Session.load(compiled);
  const before = probabilities(session);
  await session.warmUp(200);
  expect(probabilities(session)).toEqual(before);
});

/** `(module (memory (export "memory") 64) (func (export "run")))` */
function idleCode(): Uint8Array<ArrayBuffer> {
  const text = (s: string): number[] => [s.length, ...new TextEncoder().encode(s)];
  const exports = [2, ...text("memory"), 2, 0, ...text("run"), 0, 0];
  const sections = [
    1,
    4,
    1,
    96,
    0,
    0,
    3,
    2,
    1,
    0,
    5,
    4,
    1,
    0,
    192,
    0,
    7,
    exports.length,
    ...exports,
    10,
    4,
    1,
    2,
    0,
    11,
  ];
  return Uint8Array.from([0, 97, 115, 109, 1, 0, 0, 0, ...sections]);
}
