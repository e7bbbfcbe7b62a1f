/** @file The command line as users run it: bundled from the sources as they stand, in a process of its own. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Bundles the command line for the tests of a file. The bundle lies where packages can be found from. */
export function bundledCliFile(): string {
  mkdirSync(join(root, ".cache"), { recursive: true });
  const folder = mkdtempSync(join(root, ".cache", "cli-"));
  execFileSync(process.execPath, [join(root, "tools/build.mjs"), "--outdir", folder]);
  afterAll(() => rmSync(folder, { recursive: true }));
  return join(folder, "cli/main.js");
}

/** Bundles the command line for the tests of a file, and runs it. */
export function bundledCli(): (args: readonly string[], stdin?: string, cwd?: string) => Outcome {
  const file = bundledCliFile();
  return (args, stdin = "", cwd = root) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], {
      input: stdin,
      encoding: "utf8",
      cwd,
      env: { ...process.env, NO_COLOR: "1" },
      maxBuffer: 1 << 28,
    });
    return { code: status, out: stdout, err: stderr };
  };
}
