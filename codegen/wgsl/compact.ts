/** @file Shaders as they ship, without blanks that mean nothing; and as they are read, one step further in for each brace. */

/** Takes away blanks that separate neither words nor signs. Line ends stay: devices name lines where they find faults. */
export const compact = (code: string): string =>
  code
    .replace(/^ +/gm, "")
    .replace(/(?<![-+&|]) ([-+&|*/%<>=^!]+) (?![-+&|])/g, "$1")
    .replace(/([,:]) /g, "$1")
    .replace(/ \{$/gm, "{");

/** The lines of a shader, indented. */
export function indented(code: string): string {
  let depth = 0;
  return code
    .split("\n")
    .map((line) => {
      if (line.startsWith("}")) depth--;
      const text = line === "" ? line : `${"  ".repeat(depth)}${line}`;
      if (line.endsWith("{")) depth++;
      return text;
    })
    .join("\n");
}
