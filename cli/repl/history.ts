/** @file What was typed in earlier sessions: a file with an entry a line, as JSON, so that entries may have many lines. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

/** SLUICE_HISTORY names another file; empty, it means none. */
function historyFile(): string | undefined {
  const named = process.env.SLUICE_HISTORY;
  if (named !== undefined) return named === "" ? undefined : named;
  return join(process.env.XDG_STATE_HOME ?? join(homedir(), ".local", "state"), "sluice", "history.jsonl");
}

/** The latest entries, in order. A line that is no entry is left out; a file that grew long is cut to `most` entries. */
export function readHistory(most: number, file = historyFile()): string[] {
  if (file === undefined) return [];
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return []; // there is none yet
  }
  const lines = text.split("\n").filter((l) => l !== "");
  const entries = lines.flatMap((line) => {
    try {
      const entry: unknown = JSON.parse(line);
      return typeof entry === "string" ? [entry] : [];
    } catch {
      return [];
    }
  });
  const latest = entries.slice(-most);
  if (lines.length > 2 * most) writeFileSync(file, latest.map((e) => `${JSON.stringify(e)}\n`).join(""));
  return latest;
}

/** A history that cannot be written is no reason to stop the session. */
export function appendHistory(entry: string, file = historyFile()): void {
  if (file === undefined) return;
  try {
    mkdirSync(dirname(file), { recursive: true });
    appendFileSync(file, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
  } catch {}
}
