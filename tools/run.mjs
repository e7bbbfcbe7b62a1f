// Runs a script of this repository as what is published runs: bundled, without the helpers that loaders of TypeScript
// wrap around functions (they make inner functions slow, and timings with them say little about the library).
// `node tools/run.mjs bench/text.ts [arguments of the script]`.
import { rmSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const [script, ...args] = process.argv.slice(2);
if (script === undefined) {
  console.error("usage: node tools/run.mjs SCRIPT.ts [ARGUMENTS]");
  process.exit(2);
}
const entry = resolve(script);
// Beside the script, so that what it reads relative to itself is found.
const outfile = join(dirname(entry), `.${basename(entry, ".ts")}.${process.pid}.mjs`);
process.on("exit", () => rmSync(outfile, { force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
await build({
  absWorkingDir: root,
  entryPoints: [entry],
  outfile,
  bundle: true,
  format: "esm",
  platform: "node",
  packages: "external",
  target: "es2022",
  minifySyntax: true,
  logLevel: "warning",
});
process.argv = [process.argv[0], entry, ...args];
await import(pathToFileURL(outfile).href);
