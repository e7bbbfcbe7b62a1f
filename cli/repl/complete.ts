/** @file What the word before the cursor may become: commands, passes, ops, types, values, symbols. */
import { codes, dialects, passes, symbolsIn } from "../../index.ts";
import type { CommandArgument, ReplContext } from "./command.ts";
import { isCommand, readCommand } from "./input.ts";
import { settingNames } from "./settings.ts";

export interface Completion {
  /** What is completed: the end of the line. */
  readonly word: string;
  readonly candidates: readonly string[];
}

const types = ["i1", "i8", "i16", "i32", "i64", "index", "f16", "bf16", "f32", "f64", "none"];
const shapedTypes = ["tensor<", "memref<", "vector<", "complex<", "tuple<"];

export function completions(line: string, repl: ReplContext, above = ""): Completion {
  if (above !== "") return mlirCompletions(line, repl, above);
  const command = /^\s*([.:])(\w*)$/.exec(line);
  if (command) {
    const names = repl.groups.flatMap((g) => g.commands).map((c) => `${command[1]}${c.name}`);
    return among(`${command[1]}${command[2]}`, names);
  }
  if (!isCommand(line)) return mlirCompletions(line, repl);
  const { name } = readCommand(line);
  let takes: CommandArgument | undefined;
  try {
    ({ takes } = repl.command(name));
  } catch {
    return { word: "", candidates: [] }; // a command that does not exist takes nothing
  }
  const word = /[^\s,()]*$/.exec(line)![0];
  if (word.startsWith("@") || word.startsWith("%")) return mlirCompletions(line, repl);
  return takes === undefined ? { word, candidates: [] } : among(word, argumentsOf(takes, word, repl));
}

function argumentsOf(takes: CommandArgument, word: string, repl: ReplContext): readonly string[] {
  const passNames = passes.map((p) => p.name);
  switch (takes) {
    case "pass":
      return word.startsWith("--") ? passNames.map((n) => `--${n}`) : passNames;
    case "doc":
      return [...opNames(), ...passNames, ...Object.keys(codes)];
    case "dialect":
      return dialects.map((d) => d.name);
    case "file":
      return repl.host.listFiles?.(word) ?? [];
    case "symbol":
      return symbolNames(repl);
    case "value":
      return [...symbolNames(repl), ...valueNames(repl)];
    case "state":
      return [...repl.session.marks.keys()];
    case "setting":
      return settingNames;
    case "command":
      return repl.groups.flatMap((g) => g.commands).map((c) => c.name);
  }
}

/** In MLIR the beginning of a word tells what it names. */
/** `above` is what has been typed of the same input, and is part of no program yet. */
function mlirCompletions(line: string, repl: ReplContext, above = ""): Completion {
  const word = /[%@!#"^]?[\w$.-]*$/.exec(line)![0];
  const before = line.slice(0, line.length - word.length).trimEnd();
  const typed = `${above}\n${before}`;
  if (word.startsWith("%")) return among(word, [...valueNames(repl), ...(typed.match(/%[\w$.-]+/g) ?? [])]);
  if (word.startsWith("@")) return among(word, [...symbolNames(repl), ...(typed.match(/@[\w$.-]+/g) ?? [])]);
  if (word.startsWith("^")) return among(word, typed.match(/\^[\w$.-]+/g) ?? []);
  if (word.startsWith("#") || word.startsWith("!")) return among(word, [...repl.state.aliases.keys()]);
  // After a colon, an arrow or an opening bracket of a type stands a type; at the beginning, or after `=`, an op.
  if (/(:|->|\bto|x|<|,)$/.test(before) && !/=$/.test(before)) return among(word, [...types, ...shapedTypes]);
  if (word.startsWith('"'))
    return among(
      word,
      opNames().map((n) => `"${n}"`),
    );
  if (before === "" || /[={}]$/.test(before)) return among(word, opNames());
  return among(word, word === "" ? [] : [...types, ...shapedTypes, ...opNames()]);
}

const opNames = (): string[] => dialects.flatMap((d) => d.ops.map((o) => o.opName));
const symbolNames = (repl: ReplContext): string[] => [...symbolsIn(repl.module).keys()].map((n) => `@${n}`);
const valueNames = (repl: ReplContext): string[] => [
  ...new Set(repl.state.bindings.filter((b) => b.name !== "").map((b) => `%${b.name}`)),
];

const among = (word: string, candidates: readonly string[]): Completion => ({
  word,
  candidates: [...new Set(candidates)].filter((c) => c.startsWith(word)).sort(),
});
