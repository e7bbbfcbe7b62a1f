/**
 * File tests: `NAME.mlir` says in its first line which pipeline to run and holds programs separated by `// -----`, each
 * under a line that says what it shows (`// tolerance: 16 ulps, 1e-6` after the first line lets floats differ by that much). What comes out stands in `NAME.out.mlir`, written by `npm test -- -u` and
 * reviewed like code. Every program is also run before and after, so that what the text cannot guard is guarded.
 */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { passes } from "../../lowering/index.ts";
import { Evaluation } from "../../rewrite/evaluate.ts";
import { verifyEach } from "../../rewrite/instruments.ts";
import { parsePipeline, runPipeline } from "../../rewrite/pipeline.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { print } from "../../text/printer.ts";
import { context, moduleOf } from "../support/run.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const files = (readdirSync(here, { recursive: true }) as string[])
  .filter((f) => f.endsWith(".mlir") && !f.endsWith(".out.mlir"))
  .sort();

const messages = (d: Diagnostics): string[] => d.list.filter((x) => x.severity === "error").map((x) => x.message);

/** The program after the pipeline, under the line that says what it shows. */
function outcome(section: string, pipelineText: string, tolerance: { ulps: number; absolute: number }): string {
  const title = /^\/\/ (?!tolerance: ).*$/m.exec(section)?.[0] ?? "";
  const diagnostics = new Diagnostics();
  const pipeline = parsePipeline(pipelineText, passes, diagnostics);
  expect(messages(diagnostics)).toEqual([]);
  const program = moduleOf(section);
  const before = new Evaluation(program, { samples: 3, maxSteps: 100_000, ...tolerance });
  runPipeline(pipeline!, program, { context, diagnostics }, { instruments: [verifyEach()] });
  expect(messages(diagnostics), title).toEqual([]);
  expect(before.difference(program), title).toBeUndefined();
  return `${title}\n${print(program)}`;
}

describe("programs in files", () => {
  it.each(files)("%s", async (file) => {
    const [first = "", ...rest] = readFileSync(`${here}${file}`, "utf8").split("\n");
    const pipeline = /^\/\/ pipeline: (.*)$/.exec(first)?.[1];
    expect(pipeline, "the first line names the pipeline").toBeDefined();
    // Rewrites that round in another order say by how much.
    const said = /^\/\/ tolerance: (\d+) ulps, (\S+)$/.exec(rest[0] ?? "");
    const tolerance = { ulps: Number(said?.[1] ?? 0), absolute: Number(said?.[2] ?? 0) };
    const sections = rest.join("\n").split(/^\/\/ -----\n/m);
    const text = sections.map((s) => outcome(s, pipeline!, tolerance)).join("\n// -----\n");
    await expect(text).toMatchFileSnapshot(`${here}${file.replace(/\.mlir$/, ".out.mlir")}`);
  });
});
