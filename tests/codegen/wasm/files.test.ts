/** @file The files of an artifact: separate, or all within the loader. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { compile } from "../../../compile.ts";

const model = readFileSync(fileURLToPath(new URL("../../../examples/digits/digits.onnx", import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "sluice-wasm-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function filesOf(target: string, settings: Record<string, string>): Promise<ReadonlyMap<string, Uint8Array>> {
  return (await compile(model, { target, name: "digits", settings, variants: "all" })).files();
}

interface Loaded {
  run(inputs: Record<string, Float32Array>): Record<string, Float32Array>;
}

/** What the loader of some files answers, alone in a folder with them. */
async function answer(where: string, files: ReadonlyMap<string, Uint8Array>): Promise<Float32Array> {
  const at = mkdtempSync(join(folder, where));
  writeFileSync(join(at, "package.json"), '{ "type": "module" }');
  for (const [name, content] of files) writeFileSync(join(at, name), content);
  const { load } = (await import(pathToFileURL(join(at, "digits.js")).href)) as { load(): Promise<Loaded> };
  return (await load()).run({ image: Float32Array.from({ length: 784 }, (_, i) => Math.sin(i) ** 2) }).probabilities!;
}

describe("files of an artifact", () => {
  it.each(["wasm-simd", "wasm-threads"])("%s: the loader can hold them all, and answers the same", async (target) => {
    const apart = await filesOf(target, {});
    const within = await filesOf(target, { embed: "yes" });
    const binaries = [...apart.keys()].filter((name) => /\.(wasm|bin)$/.test(name));
    expect(binaries.length).toBeGreaterThan(2);
    expect([...within.keys()]).toEqual([...apart.keys()].filter((name) => !binaries.includes(name)));
    const { files } = JSON.parse(new TextDecoder().decode(within.get("manifest.json")));
    expect(files.within).toBe("digits.js");
    expect(await answer("within-", within)).toEqual(await answer("apart-", apart));
  });
});
