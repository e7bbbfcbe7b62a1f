// Bundles the library, the runtime and the command line into dist/ (esbuild, split so that each command loads only what it needs).
// With --types, also writes the .d.ts files that package.json's exports point at.
import { execFileSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { build } from "esbuild";

const entries = ["index.ts", "ir/index.ts", "runtime/session.ts", "cli/main.ts"].filter((f) => existsSync(f));
rmSync("dist", { recursive: true, force: true });
if (entries.length > 0) {
  await build({
    entryPoints: entries,
    outdir: "dist",
    outbase: ".",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    minifySyntax: true,
    sourcemap: "linked",
    logLevel: "warning",
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
}
if (process.argv.includes("--types")) {
  execFileSync("npx", ["tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
}
