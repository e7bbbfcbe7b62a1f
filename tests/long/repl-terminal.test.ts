/** The REPL on a terminal: a pseudo-terminal of `script(1)`, keys in, what is shown out. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { bundledCliFile } from "../cli/sluice.ts";

const cli = bundledCliFile();
const folder = mkdtempSync(join(tmpdir(), "sluice-terminal-"));
afterAll(() => rmSync(folder, { recursive: true }));
const history = join(folder, "history.jsonl");

/** Types keys, each as soon as what the one before it led to is shown. Answers all that was shown. */
async function type(steps: readonly (readonly [keys: string, shows: RegExp])[]): Promise<string> {
  const env = { ...process.env, SLUICE_HISTORY: history, TERM: "xterm", NO_COLOR: "1" };
  const child = spawn("script", ["-qec", `"${process.execPath}" "${cli}" repl`, "/dev/null"], { env });
  let shown = "";
  let seen = 0;
  child.stdout.on("data", (data: Buffer) => {
    shown += data.toString();
  });
  const until = async (wanted: RegExp): Promise<void> => {
    const end = Date.now() + 20_000;
    for (;;) {
      const found = wanted.exec(shown.slice(seen));
      if (found) {
        seen += found.index + found[0].length;
        return;
      }
      if (Date.now() > end) throw new Error(`${wanted} is not shown: ${JSON.stringify(shown.slice(seen))}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  try {
    await until(/sluice> /);
    for (const [keys, shows] of steps) {
      child.stdin.write(keys);
      await until(shows);
    }
    return shown;
  } finally {
    child.kill();
  }
}

describe.skipIf(spawnSync("script", ["--version"]).status !== 0)(
  "sluice repl on a terminal",
  { timeout: 120_000 },
  () => {
    it("reads inputs of several lines, completes names in them, and keeps the program after a fault", async () => {
      await type([
        ["func.func @foo(%alpha: i32) -> i32 {\r", /… /],
        ["  %beta = arith.addi %al", /%al/],
        ["\t", /pha/],
        [", %alpha : i32\r", /… /],
        ["  return %be", /%be/],
        ["\t", /ta/],
        [" : i32\r", /… /],
        ["}\r", /sluice> /],
        [".call @foo(4)\r", /8 : i32[\s\S]*sluice> /],
        ["%1 = arith.addi %q, %q : i32\r", /undeclared SSA value name[\s\S]*\^\^[\s\S]*sluice> /],
        [".run canon", /canon/],
        ["\t", /icalize/],
        ["\r", /ops|nothing changed/],
        [".time\r", /canonicalize[\s\S]*in all[\s\S]*sluice> /],
        [".undo\r", /at 1[\s\S]*sluice> /],
        [".call @foo(5)\r", /10 : i32[\s\S]*sluice> /],
        [".exit\r", /\n/],
      ]);
      const entries = readFileSync(history, "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as string);
      expect(entries[0]).toBe(
        "func.func @foo(%alpha: i32) -> i32 {\n  %beta = arith.addi %alpha, %alpha : i32\n  return %beta : i32\n}",
      );
      expect(entries).toContain(".call @foo(4)");
    });

    it("remembers inputs of earlier sessions", async () => {
      await type([["%0 = arith.constant 7 : i32\r", /%0 = 7 : i32[\s\S]*sluice> /]]);
      await type([
        ["\u001b[A", /arith\.constant 7/],
        ["\r", /%0 = 7 : i32[\s\S]*sluice> /],
      ]);
    });
  },
);
