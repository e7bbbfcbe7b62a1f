/**
 * @file `npm run docs:conformance [-- --only TARGET…]`: runs the suites of ../shared on the targets and writes
 * docs/conformance.md: how many cases pass, and why the rest does not.
 */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { endWithReader } from "../pipe.ts";
import { findCases } from "./case.ts";
import { pageOf, type SuiteRun } from "./page-text.ts";
import { runAll } from "./pool.ts";
import type { Outcome } from "./run-case.ts";
import { targets } from "./targets.ts";

endWithReader();

const root = fileURLToPath(new URL("../..", import.meta.url));
const file = join(root, "docs/conformance.md");

/** Suites in the folder of data, in the order of the page. `models` are whole networks: slow, and none to spare. */
const suites = [
  { name: "official", folder: "onnx-1.22", title: "Official suite, onnx 1.22" },
  { name: "legacy", folder: "onnx-legacy", title: "Node tests of older operator sets (7 to 26)" },
  { name: "real", folder: "real", title: "Trained networks" },
] as const;

interface Options {
  readonly data: string;
  readonly target: readonly string[];
  readonly suite: readonly string[];
  readonly workers: string;
  readonly timeout: string;
  readonly from: readonly string[];
}

const collect = (value: string, before: readonly string[]): string[] => [...before, value];
const { data, target, suite, workers, timeout, from } = new Command("conformance-page")
  .description("Writes docs/conformance.md. Suites or targets that are not run keep what the page says of them.")
  .option("--data <dir>", "folder with the suites", join(root, "../shared/data/onnx"))
  .option("--target <name>", "only this target (again for more)", collect, [])
  .option("--suite <name>", `only this suite: ${suites.map((s) => s.name).join(", ")}`, collect, [])
  .option("--from <suite/target/file>", "take outcomes that --json has written instead of running", collect, [])
  .option("--workers <n>", "cases at a time", "2")
  .option("--timeout <seconds>", "per case", "120")
  .parse()
  .opts<Options>();

if (!existsSync(data)) {
  process.stderr.write(`there are no suites in ${data}: docs/conformance.md stays as it is\n`);
} else {
  const runs: SuiteRun[] = [];
  for (const s of suites) {
    if (suite.length > 0 && !suite.includes(s.name)) continue;
    const cases = findCases(join(data, s.folder));
    for (const t of targets) {
      if (target.length > 0 && !target.includes(t.name)) continue;
      const given = from.map((f) => f.split("/")).find(([a, b]) => a === s.name && b === t.name);
      if (from.length > 0 && !given) continue;
      process.stderr.write(`${s.title} on ${t.name}: ${cases.length} cases\n`);
      const outcomes = given
        ? (JSON.parse(readFileSync(given.slice(2).join("/"), "utf8")) as Outcome[])
        : await runAll(cases, {
            target: t.name,
            workers: Math.max(1, Number(workers)),
            limitMs: Number(timeout) * 1000,
            done: () => {},
          });
      runs.push({ suite: s.title, target: t.name, outcomes });
    }
  }
  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  writeFileSync(file, pageOf(runs, before));
}
