/** @file The difference of two texts, line by line, as people read it. */
import { structuredPatch } from "diff";
import pc from "picocolors";

export interface DiffOptions {
  readonly color?: boolean;
  /** Lines around a change that are shown. */
  readonly context?: number;
}

/** A unified diff without file names; empty where the texts are the same. */
export function diffText(before: string, after: string, { color = false, context = 3 }: DiffOptions = {}): string {
  const paint = pc.createColors(color);
  const patch = structuredPatch("before", "after", before, after, undefined, undefined, { context });
  const styles: Readonly<Record<string, (line: string) => string>> = { "+": paint.green, "-": paint.red };
  return patch.hunks
    .map(({ oldStart, oldLines, newStart, newLines, lines }) => {
      const head = paint.cyan(`@@ -${oldStart},${oldLines} +${newStart},${newLines} @@`);
      return `${[head, ...lines.map((line) => styles[line[0]!]?.(line) ?? line)].join("\n")}\n`;
    })
    .join("");
}
