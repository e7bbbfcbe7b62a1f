/**
 * A fixed subset of the official suite as C, on processors of all kinds: what this machine answers is what the suite
 * expects, and every other machine answers the same bits. Machines that are missing are skipped.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CaseInC, caseInC, programOf } from "../support/case-batch.ts";
import { host, type Machine, m4, m55, missing, runFile, users } from "../support/machines.ts";
import { sharedPath } from "../support/shared.ts";

const suite = sharedPath("data/onnx/onnx-1.22/node");
const names = readFileSync(new URL("../support/official-subset.txt", import.meta.url), "utf8")
  .trim()
  .split("\n");
/** Cases of one program: the code memory of the smallest board holds so many. */
const batch = 50;

/** Answers by number of the case, and what else was printed. */
function answersOf(printed: string): {
  readonly cases: ReadonlyMap<number, readonly string[]>;
  readonly others: string[];
} {
  const lines = printed.split("\n").filter((l) => l !== "");
  const parsed = lines.map((l) => /^(\d+) ([0-9a-f]*) ([0-9a-f]{8})$/.exec(l));
  return {
    cases: new Map(parsed.flatMap((m) => (m ? [[Number(m[1]), [m[2]!, m[3]!]]] : []))),
    others: lines.filter((_, i) => !parsed[i]),
  };
}

describe.skipIf(!suite).each([
  ["generic", users],
  ["m4", [m4, m55]],
] as const)("the official suite as C for %s", (cpu, machines) => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-official-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const cases: CaseInC[] = [];
  const files: string[] = [];

  /** Two programs at a time. */
  const runAll = async (machine: Machine, flags: readonly string[]): Promise<string> => {
    const printed: string[] = [];
    const waiting = files.map((file, i) => [file, i] as const);
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        printed[next[1]] = await runFile(machine, folder, next[0], flags);
      }
    };
    await Promise.all([worker(), worker()]);
    return printed.join("\n");
  };
  let here: ReturnType<typeof answersOf>;

  beforeAll(async () => {
    names.forEach((name, n) => {
      cases.push(caseInC({ name, model: join(suite!, `test_${name}`, "model.onnx") }, n, cpu));
    });
    for (let from = 0; from < cases.length; from += batch) {
      const some = cases.slice(from, from + batch);
      const file = `cases${from}.c`;
      writeFileSync(join(folder, file), programOf(some, from));
      files.push(file);
    }
    here = answersOf(await runAll(host, ["-DWHOLE"]));
  });

  it("answers on this machine what the suite expects", () => {
    expect(names.length).toBeGreaterThanOrEqual(200);
    expect(here.others).toEqual([]);
    const wrong = cases.flatMap((c, n) => {
      const why = c.judge(Uint8Array.from(Buffer.from(here.cases.get(n)?.[0] ?? "", "hex")));
      return why === undefined ? [] : [`${c.name}: ${why}`];
    });
    expect(wrong).toEqual([]);
  });

  it.each(machines)("answers the same bits on $name", async (machine) => {
    const tool = missing(machine);
    if (tool !== undefined) {
      console.log(`skipped: there is no ${tool}`);
      return;
    }
    const there = answersOf(await runAll(machine, []));
    expect(there.others).toEqual([]);
    const other = names.filter((_, n) => there.cases.get(n)?.[1] !== here.cases.get(n)![1]);
    expect(other).toEqual([]);
  });
});
