/** @file The difference of two texts, line by line, as people read it. */
import pc from "picocolors";
import { unifiedDiff } from "../index.ts";

/** A unified diff, without file names unless they are given; empty where the texts are the same. */
export function diffText(before: string, after: string, color: boolean): string {
  const lines = unifiedDiff(before, after, ["before", "after"]).split("\n");
  return colorDiff(lines.slice(2).join("\n"), color);
}

/** Colours for the lines of a unified diff, wherever it stands in a text. */
export function colorDiff(text: string, color: boolean): string {
  if (!color) return text;
  const paint = pc.createColors(true);
  return text.replace(/^(?:@@ .*|[+-].*)$/gm, (line) =>
    line.startsWith("@") ? paint.cyan(line) : line.startsWith("+") ? paint.green(line) : paint.red(line),
  );
}
