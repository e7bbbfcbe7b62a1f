/**
 * @file The REPL for tools: a request a line on standard input, an answer a line on standard output.
 *
 *     {"id": 1, "input": "%0 = arith.constant 3 : i32"}   →  {"id": 1, "ok": true, "out": "%0 = 3 : i32\n", …}
 *     {"id": 2, "complete": ".ru"}                        →  {"id": 2, "word": ".ru", "candidates": [".run"]}
 *     {"id": 3, "more": "func.func @f() {"}               →  {"id": 3, "more": true}
 */
import { createInterface } from "node:readline";
import { diagnosticJson } from "../../index.ts";
import { print } from "../terminal.ts";
import type { Repl } from "./engine.ts";

export async function jsonShell(repl: Repl): Promise<number> {
  for await (const line of createInterface({ input: process.stdin })) {
    if (line.trim() === "") continue;
    const { answer, exit } = await answerTo(line, repl);
    print(`${JSON.stringify(answer)}\n`);
    if (exit) break;
  }
  return 0;
}

interface Answer {
  readonly answer: Readonly<Record<string, unknown>>;
  readonly exit: boolean;
}

/** Answers a request; one that is not understood is answered, too. */
export async function answerTo(line: string, repl: Repl): Promise<Answer> {
  let request: unknown;
  try {
    request = JSON.parse(line);
  } catch (error) {
    return { answer: { ok: false, fault: `not JSON: ${(error as Error).message}` }, exit: false };
  }
  const fields = typeof request === "object" && request !== null ? (request as Record<string, unknown>) : {};
  const { id, input, complete, more } = fields;
  const known = id === undefined ? {} : { id };
  if (typeof input === "string") {
    const { diagnostics, exit, ...rest } = await repl.handle(input);
    return { answer: { ...known, ...rest, diagnostics: diagnostics.map(diagnosticJson) }, exit };
  }
  if (typeof complete === "string") return { answer: { ...known, ...repl.complete(complete) }, exit: false };
  if (typeof more === "string") return { answer: { ...known, more: repl.wantsMore(more) }, exit: false };
  const fault = 'expected {"input": text}, {"complete": text} or {"more": text}';
  return { answer: { ...known, ok: false, fault }, exit: false };
}
