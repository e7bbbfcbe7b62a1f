/** @file What is typed, before it is read: is it complete, and what kind of thing is it? */

/** Strings and comments, which brackets do not count in. */
const skipped = /"(?:[^"\\\n]|\\.)*"?|\/\/.*/y;

/**
 * The input may be read: all brackets are closed, and the last line does not end in the middle of something. Too many
 * closing brackets are complete as well; the parser says what is wrong.
 */
export function isComplete(text: string): boolean {
  // Comparisons and arrows are everywhere; in definitions of aliases `<` and `>` are brackets.
  const angles = /^\s*[#!]/.test(text);
  let depth = 0;
  let last = "";
  for (let i = 0; i < text.length; i++) {
    skipped.lastIndex = i;
    const skip = skipped.exec(text)?.[0];
    if (skip !== undefined) {
      if (skip.startsWith('"')) {
        if (skip.length === 1 || !skip.endsWith('"')) return false;
        last = '"';
      }
      i += skip.length - 1;
      continue;
    }
    const c = text[i]!;
    if ("([{".includes(c)) depth++;
    else if (")]}".includes(c)) depth--;
    else if (angles && c === "<" && text[i + 1] !== "=") depth++;
    else if (angles && c === ">" && text[i - 1] !== "-" && text[i + 1] !== "=") depth--;
    if (/\S/.test(c)) last = c === ">" && last.endsWith("-") ? "->" : c;
  }
  return depth <= 0 && ![",", "=", "->", ":"].includes(last);
}

/** A command begins with a point or a colon and a letter: `.help`, `:help`. */
export const isCommand = (text: string): boolean => /^\s*[.:][A-Za-z]/.test(text);

/** No line of MLIR begins so: an input that is not complete ends before it. */
export const cutsInput = (line: string): boolean => /^\s*\.[A-Za-z]/.test(line);

export interface CommandLine {
  readonly name: string;
  /** Everything after the name, without space around it. */
  readonly rest: string;
}

export function readCommand(text: string): CommandLine {
  const [, name = "", rest = ""] = /^\s*[.:]([A-Za-z]\w*)([\s\S]*)$/.exec(text) ?? [];
  return { name, rest: rest.trim() };
}

/** Words, separated by space; what stands in quotes is one. */
export function wordsOf(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|(\S+)/g)].map((m) => m[1] ?? m[2]!);
}

/** Flags (`--name`, `--name=value`, `--name value` for those that want one) apart from the other words. */
export function readFlags(
  words: readonly string[],
  wantValue: readonly string[] = [],
): { readonly flags: ReadonlyMap<string, string>; readonly rest: readonly string[] } {
  const flags = new Map<string, string>();
  const rest: string[] = [];
  for (let i = 0; i < words.length; i++) {
    const [, name, value] = /^--([\w-]+)(?:=(.*))?$/.exec(words[i]!) ?? [];
    if (name === undefined) rest.push(words[i]!);
    else if (value === undefined && wantValue.includes(name)) flags.set(name, words[++i] ?? "");
    else flags.set(name, value ?? "");
  }
  return { flags, rest };
}

/** The parts of a list that commas separate outside of brackets and strings. */
export function splitList(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    skipped.lastIndex = i;
    const skip = skipped.exec(text)?.[0];
    if (skip !== undefined) i += skip.length - 1;
    else if ("([{<".includes(text[i]!)) depth++;
    else if (")]}>".includes(text[i]!) && !(text[i] === ">" && text[i - 1] === "-")) depth--;
    else if (text[i] === "," && depth === 0) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  const last = text.slice(start).trim();
  return last === "" && parts.length === 0 ? [] : [...parts, last];
}

/** Definitions of aliases (`#map = …`, `!vec = …`), which may stand before or between ops. */
const alias = /^([#!][A-Za-z_][\w$.-]*)\s*=/;

/** Separates the definitions of aliases from what follows. Each may go over several lines. */
export function splitAliases(text: string): {
  readonly aliases: readonly (readonly [string, string])[];
  readonly rest: string;
} {
  const aliases: [string, string][] = [];
  const rest: string[] = [];
  const lines = text.split("\n");
  for (let i = 0; i < lines.length; i++) {
    const name = alias.exec(lines[i]!)?.[1];
    if (name === undefined) {
      rest.push(lines[i]!);
      continue;
    }
    let definition = lines[i]!;
    while (!isComplete(definition) && i + 1 < lines.length) definition += `\n${lines[++i]}`;
    aliases.push([name, definition]);
    // Line numbers of what follows stay what they are.
    rest.push(...definition.split("\n").map(() => ""));
  }
  return { aliases, rest: rest.join("\n") };
}

/** The name of the first op in a text: `arith.addi` in `%0 = arith.addi …`, `foo.bar` in `"foo.bar"() …`. */
export function firstOpName(text: string): string | undefined {
  const code = text.replace(/\/\/.*$/gm, "");
  const m = /^\s*(?:%[^=\n]*=)?\s*(?:"([^"]+)"|([A-Za-z_][\w$.]*))/.exec(code);
  return m?.[1] ?? m?.[2];
}
