/** @file Values by the names that printed IR gives them. */
import { type Operation, symbolName, type Value, ValueNames } from "../../index.ts";
import { usageFault } from "../usage.ts";
import type { ReplContext } from "./command.ts";

export interface NamedValue {
  readonly name: string;
  readonly value: Value;
  /** The symbol it stands in: `@f`. */
  readonly within: string;
}

/** Names as `repl.ir` prints them. */
export const namesOf = (repl: ReplContext): ValueNames =>
  new ValueNames(repl.module, { keepNames: true, generic: repl.settings.generic });

/** The values that a name stands for (`%0`, in every function that has one), or in one function (`@f %0`). */
export function valuesNamed(repl: ReplContext, text: string): readonly NamedValue[] {
  const [, symbol, name] = /^(?:(@\S+)\s+)?(%[\w$.-]+(?:#\d+)?)$/.exec(text.trim()) ?? [];
  if (name === undefined) throw usageFault(`'${text}' is no name of a value`, "write %0, or @f %0");
  const names = namesOf(repl);
  const found: NamedValue[] = [];
  const look = (value: Value, within: string): void => {
    if (names.of(value) === name) found.push({ name, value, within });
  };
  const visit = (op: Operation, within: string): void => {
    const own = symbolName(op);
    const place = own === undefined ? within : `@${own}`;
    for (const result of op.results) look(result, within);
    for (const region of op.regions) {
      for (const block of region.blocks) {
        for (const arg of block.args) look(arg, place);
        for (const inner of block) visit(inner, place);
      }
    }
  };
  visit(symbol === undefined ? repl.module : repl.symbol(symbol), "");
  if (found.length === 0)
    throw usageFault(`there is no value '${name}'${symbol ? ` in ${symbol}` : ""}`, ".show prints the program");
  return found;
}

/** An op on one line, without what stands in its regions. */
export function opLine(repl: ReplContext, op: Operation): string {
  const [first = "", second] = repl.ir(op).split("\n");
  return second === undefined || second === "" ? first.trim() : `${first.trim().replace(/\{$/, "{ … }")}`;
}
