/** @file `sluice explain [CODE]`: what the code of a diagnostic means and how to mend the fault. */
import { Command } from "commander";
import { type Code, type CodeEntry, codes, nearest } from "../index.ts";
import { parseArguments } from "./arguments.ts";
import { print, style } from "./terminal.ts";
import { usageFault } from "./usage.ts";

export async function main(args: readonly string[]): Promise<number> {
  const command = new Command("explain")
    .description("Explains the code of a diagnostic, as in error[verify/operand-type]; lists all codes without one.")
    .argument("[code]", "the code, or the beginning of several");
  const parsed = parseArguments(command, args);
  if (typeof parsed === "number") return parsed;
  const wanted = parsed.args[0];
  const all = Object.entries(codes) as [Code, CodeEntry][];
  if (wanted === undefined) {
    list(all);
    return 0;
  }
  const code = wanted.replace(/^(error|warning|remark)?\[(.*)\]$/, "$2");
  const found = all.find(([name]) => name === code);
  if (found) {
    explain(found);
    return 0;
  }
  const begun = all.filter(([name]) => name.startsWith(code));
  if (begun.length > 0) {
    list(begun);
    return 0;
  }
  const near = nearest(code, Object.keys(codes));
  throw usageFault(`there is no code '${code}'`, near ? `did you mean '${near}'?` : "`sluice explain` lists all codes");
}

function explain([code, { title, why, mend }]: readonly [string, CodeEntry]): void {
  print(`${style.bold(code)}: ${title}\n\n${why}\n\n${mend}\n`);
}

function list(entries: readonly (readonly [string, CodeEntry])[]): void {
  const width = Math.max(...entries.map(([code]) => code.length));
  print(entries.map(([code, { title }]) => `${style.bold(code.padEnd(width))}  ${title}\n`).join(""));
}
