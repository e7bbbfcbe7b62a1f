// Bundles the library, the runtime and the command line into a folder (dist/ by default): ES modules, split so that
// each entry, and each command of the command line, loads only what it needs.
// `node tools/build.mjs [--types] [--outdir DIR]`; --types also writes the .d.ts files that package.json's exports name.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const args = process.argv.slice(2);
const outdir = args.includes("--outdir") ? args[args.indexOf("--outdir") + 1] : join(root, "dist");

// The types stay: npm builds once more, without them, between making them and packing.
for (const name of existsSync(outdir) ? readdirSync(outdir) : []) {
  if (name !== "types") rmSync(join(outdir, name), { recursive: true });
}
await build({
  absWorkingDir: root,
  entryPoints: ["index.ts", "ir/index.ts", "runtime/session.ts", "cli/main.ts"].filter((f) =>
    existsSync(join(root, f)),
  ),
  outdir,
  outbase: root,
  bundle: true,
  splitting: true,
  format: "esm",
  // Nothing but the command line may ask for Node, so the library is built as browsers need it: a `require` that a
  // package brings along is refused here and not found out by a user.
  platform: "neutral",
  mainFields: ["module", "main"],
  conditions: ["module"],
  external: ["node:*", "commander", "koffi", "wabt"],
  target: "es2022",
  minifySyntax: true,
  sourcemap: "linked",
  logLevel: "warning",
});
chmodSync(join(outdir, "cli/main.js"), 0o755);

if (args.includes("--types")) {
  rmSync(join(outdir, "types"), { recursive: true, force: true });
  execFileSync("npx", ["tsc", "-p", "tsconfig.build.json"], { cwd: root, stdio: "inherit" });
}
