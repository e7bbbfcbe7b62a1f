/**
 * @file The conformance runner: `npm run conformance -- --data DIR --target NAME [--filter RE] [--json FILE]`.
 * A line for every case that does not pass, and a closing line with the counts.
 */

import { statSync, writeFileSync } from "node:fs";
import { Command } from "commander";
import { endWithReader } from "../pipe.ts";
import { findCases } from "./case.ts";
import { runAll } from "./pool.ts";
import type { Outcome, Status } from "./run-case.ts";
import { allTargets } from "./targets.ts";

endWithReader();

interface Options {
  readonly data: string;
  readonly target: string;
  readonly filter?: string;
  readonly json?: string;
  readonly timeout: string;
  readonly workers: string;
}

const command = new Command("conformance")
  .description("Runs test cases in the layout of the official ONNX suite.")
  .requiredOption("--data <dir>", "folder with cases; nested folders are searched")
  .option("--target <name>", allTargets.map((t) => t.name).join(", "), "interpreter")
  .option("--filter <regex>", "only cases whose name matches")
  .option("--json <file>", "write the outcome of every case")
  .option("--timeout <seconds>", "per case", "120")
  .option("--workers <n>", "cases at a time", "2");

async function main(): Promise<number> {
  const options = command.parse().opts<Options>();
  const target = allTargets.find((t) => t.name === options.target);
  if (!target)
    return usage(`there is no target "${options.target}"; known are ${allTargets.map((t) => t.name).join(", ")}`);
  if (!statSync(options.data, { throwIfNoEntry: false })?.isDirectory()) return usage(`${options.data} is no folder`);
  const filter = options.filter === undefined ? undefined : new RegExp(options.filter);
  const cases = findCases(options.data).filter((c) => !filter || filter.test(c.name));
  const start = performance.now();
  const outcomes = await runAll(cases, {
    target: target.name,
    workers: Math.max(1, Number(options.workers)),
    limitMs: Number(options.timeout) * 1000,
    done: (o, count) => progress(o, count, cases.length),
  });
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(outcomes, null, 1)}\n`);
  summarize(outcomes, performance.now() - start);
  return outcomes.every((o) => o.status === "pass") ? 0 : 1;
}

function usage(message: string): number {
  process.stderr.write(`${message}\n`);
  return 2;
}

function progress(o: Outcome, count: number, total: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${count}/${total} `);
  if (o.status !== "pass") process.stdout.write(`${o.status.padEnd(11)} ${o.name}: ${firstLine(o.reason)}\n`);
}

const firstLine = (text: string): string => text.split("\n")[0]!.slice(0, 240);

function summarize(outcomes: readonly Outcome[], ms: number): void {
  const count = (status: Status): number => outcomes.filter((o) => o.status === status).length;
  const given = outcomes.filter((o) => o.specialized.length > 0).length;
  const others = (["fail", "unsupported", "error", "timeout"] as const).map((s) => `${s} ${count(s)}`).join(", ");
  process.stdout.write(
    `\n${given} cases with inputs given at compile time, because sizes, axes or counts depend on them\n` +
      `${others}; ${Math.round(ms / 1000)} s\n` +
      `${count("pass")} passed, ${outcomes.length - count("pass")} failed\n`,
  );
}

process.exitCode = await main();
