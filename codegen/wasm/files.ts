/** @file An artifact as files: code, weights, loader with types, manifest with hashes. */
import type { Manifest } from "../../runtime/manifest.ts";
import { workerText } from "../../runtime/workers.ts";
import { hashed } from "../files.ts";
import type { Artifact, Fact } from "../target.ts";
import { declarationText, loaderText } from "./loader.ts";

/**
 * File names and contents, in the order in which they are to be written: what others refer to comes first. `embed` puts
 * code and weights into the loader, so that there is one file to ship.
 */
export async function artifactFiles(artifact: Artifact, embed = false): Promise<ReadonlyMap<string, Uint8Array>> {
  const { manifest, code, weights } = artifact;
  const name = manifest.model;
  const codeFile = await hashed(`${name}.wasm`, code);
  const weightsFile = await hashed(`${name}.weights.bin`, weights);
  const variants = await Promise.all(
    (artifact.variants ?? []).map(async ({ code: own, ...v }) => ({
      own,
      described: { ...v, file: await hashed(`${name}.${v.name}.wasm`, own) },
    })),
  );
  const described = variants.map((v) => v.described);
  const binaries = new Map<string, Uint8Array>([
    [codeFile.file, code],
    ...variants.map(({ own, described: v }) => [v.file.file, own] as const),
    [weightsFile.file, weights],
  ]);
  const full: Manifest = {
    ...manifest,
    ...(described.length > 0 ? { variants: described } : {}),
    files: { code: codeFile, weights: weightsFile, ...(embed ? { within: `${name}.js` } : {}) },
  };
  const names = {
    code: codeFile.file,
    weights: weightsFile.file,
    variants: described,
    ...(embed ? { embedded: binaries } : {}),
  };
  const text = new TextEncoder();
  return new Map([
    ...(embed ? [] : binaries),
    ...(described.some((v) => v.threads) ? [[`${name}.worker.js`, text.encode(workerText)] as const] : []),
    [`${name}.js`, text.encode(loaderText(manifest, names))],
    [`${name}.d.ts`, text.encode(declarationText(manifest, names))],
    ["manifest.json", text.encode(`${JSON.stringify(full, null, 2)}\n`)],
  ]);
}

/** Kernels, sizes of what is fetched, and memory. */
export function artifactFacts(
  { manifest, code, weights, variants = [] }: Artifact,
  files: ReadonlyMap<string, Uint8Array>,
): Fact[] {
  const calls = manifest.kernels.reduce((n, k) => n + k.calls, 0);
  const loader = files.get(`${manifest.model}.js`);
  return [
    { name: "kernels", value: `${manifest.kernels.length} (${calls} calls)` },
    { name: "code", value: { shipped: [code] } },
    ...variants.map((v): Fact => ({ name: `code, ${v.name}`, value: { shipped: [v.code] } })),
    ...(loader ? [{ name: "loader", value: { shipped: [loader] } }] : []),
    { name: "weights", value: { bytes: weights.byteLength } },
    { name: "arena", value: { bytes: manifest.memory.arena.bytes } },
  ];
}
