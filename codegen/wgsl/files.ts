/** @file An artifact as files: shaders, weights, a module that runs them, its types, manifest with hashes. */
import type { Manifest } from "../../runtime/manifest.ts";
import { hashed } from "../files.ts";
import type { Artifact, Fact } from "../target.ts";
import { indented } from "./compact.ts";
import { declarationText, loaderText } from "./loader.ts";

const separator = "//\n";
const encoder = new TextEncoder();

/** All shaders as one text. */
export const textOf = (shaders: readonly string[]): Uint8Array<ArrayBuffer> => encoder.encode(shaders.join(separator));

/** One by one; none where all outputs are known. */
export function shadersOf({ code }: Artifact): string[] {
  const text = new TextDecoder().decode(code);
  return text === "" ? [] : text.split(/^\/\/\n/m);
}

/** File names and contents, in the order in which they are to be written: what others refer to comes first. */
export async function artifactFiles(artifact: Artifact): Promise<ReadonlyMap<string, Uint8Array>> {
  const { manifest, weights } = artifact;
  const name = manifest.model;
  const shaders = shadersOf(artifact).map((text, i) => [`${name}.k${i}.wgsl`, encoder.encode(text)] as const);
  const weightsFile = await hashed(`${name}.weights.bin`, weights);
  const code = await Promise.all(shaders.map(([file, bytes]) => hashed(file, bytes)));
  const full: Manifest = { ...manifest, files: { shaders: code, weights: weightsFile } };
  const files = { shaders: code.map((c) => c.file), weights: weightsFile.file };
  return new Map<string, Uint8Array>([
    ...shaders,
    [weightsFile.file, weights],
    [`${name}.js`, encoder.encode(loaderText(manifest, files))],
    [`${name}.d.ts`, encoder.encode(declarationText(manifest))],
    ["manifest.json", encoder.encode(`${JSON.stringify(full)}\n`)],
  ]);
}

/** Dispatches, sizes of what is fetched, and memory of the device. */
export function factsOf(artifact: Artifact, files: ReadonlyMap<string, Uint8Array>): Fact[] {
  const { manifest, weights } = artifact;
  const { steps, shaders } = manifest.gpu!;
  const loader = files.get(`${manifest.model}.js`);
  return [
    { name: "dispatches", value: String(steps.length) },
    { name: "pipelines", value: String(shaders.length) },
    { name: "WGSL", value: { shipped: shadersOf(artifact).map((s) => encoder.encode(s)) } },
    ...(loader ? [{ name: "loader", value: { shipped: [loader] } }] : []),
    { name: "weights", value: { bytes: weights.byteLength } },
    { name: "GPU memory", value: { bytes: manifest.memory.bytes } },
  ];
}

/** All shaders with their numbers, for reading. */
export const listing = async (artifact: Artifact): Promise<string> =>
  shadersOf(artifact)
    .map((text, i) => `// k${i}\n${indented(text)}`)
    .join("\n");
