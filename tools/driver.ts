/**
 * Writes codegen/wgsl/driver-text.ts: the driver of runtime/webgpu.ts, bundled and minified, as the text that compiled
 * models ship with. `npm run driver`; a test checks that it is not stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The text of the generated file. */
export async function driverFile(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${root}runtime/webgpu.ts`],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const text = outputFiles[0]!.text.trim().replace(/export\{(\w+) as GpuSession\};?$/, "const GpuSession=$1;");
  return `/** @file The driver of runtime/webgpu.ts as text, made by \`npm run driver\`. */
// biome-ignore-all lint: it is as the bundler made it
// biome-ignore-all format: one line, as it ships
export const driverText =
  ${JSON.stringify(text)};
`;
}

const file = `${root}codegen/wgsl/driver-text.ts`;
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await driverFile();
  if (process.argv.includes("--check")) process.exitCode = readFileSync(file, "utf8") === text ? 0 : 1;
  else writeFileSync(file, text);
}
