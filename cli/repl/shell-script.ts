/** @file The REPL fed by a script: inputs one after the other, without a prompt. */
import { readSource } from "../terminal.ts";
import type { Repl } from "./engine.ts";
import { cutsInput } from "./input.ts";
import { showReply } from "./show.ts";

/** Runs a script from standard input. Answers the exit code: 1 if an input was at fault. */
export async function scriptShell(repl: Repl, keepGoing: boolean): Promise<number> {
  let failed = false;
  for (const input of inputsOf(readSource("-").text, repl)) {
    const reply = await repl.handle(input);
    showReply(reply);
    if (!reply.ok) failed = true;
    if (reply.exit || (failed && !keepGoing)) break;
  }
  return failed ? 1 : 0;
}

/** The inputs of a script: lines, gathered until they are complete. */
export function* inputsOf(text: string, repl: Pick<Repl, "wantsMore">): Generator<string> {
  let pending = "";
  for (const line of text.split(/\r?\n/)) {
    if (pending === "" && line.trim() === "") continue;
    if (pending !== "" && cutsInput(line)) {
      yield pending;
      pending = "";
    }
    pending = pending === "" ? line : `${pending}\n${line}`;
    if (repl.wantsMore(pending)) continue;
    yield pending;
    pending = "";
  }
  if (pending.trim() !== "") yield pending;
}
