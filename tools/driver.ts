/**
 * Writes the drivers of runtime/ that compiled models ship with, bundled and minified, as texts: that of models on WebGPU
 * and that of models in parts. `npm run driver`; a test checks that none is stale.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

interface Driver {
  /** The module, and the class of it that loaders use. */
  readonly from: string;
  readonly name: string;
  /** The generated file, and what it exports. */
  readonly to: string;
  readonly text: string;
}

export const drivers: readonly Driver[] = [
  { from: "runtime/webgpu.ts", name: "GpuSession", to: "codegen/wgsl/driver-text.ts", text: "driverText" },
  { from: "runtime/split.ts", name: "SplitSession", to: "codegen/split-text.ts", text: "splitText" },
];

/** The text of a generated file. */
export async function driverFile({ from, name, text }: Driver): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [`${root}${from}`],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const bundled = outputFiles[0]!.text.trim();
  const shipped = bundled.replace(new RegExp(`export\\{(\\w+) as ${name}\\};?$`), `const ${name}=$1;`);
  return `/** @file The driver of ${from} as text, made by \`npm run driver\`. */
// biome-ignore-all lint: it is as the bundler made it
// biome-ignore-all format: one line, as it ships
export const ${text} =
  ${JSON.stringify(shipped)};
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const d of drivers) {
    const text = await driverFile(d);
    const file = `${root}${d.to}`;
    if (!process.argv.includes("--check")) writeFileSync(file, text);
    else if (readFileSync(file, "utf8") !== text) process.exitCode = 1;
  }
}
