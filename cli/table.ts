/** @file Tables of text: the first column to the left, numbers to the right. */

export function tableText(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((h, c) => Math.max(h.length, ...rows.map((r) => r[c]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((text, c) => (c === 0 ? text.padEnd(widths[c]!) : text.padStart(widths[c]!)))
      .join("  ")
      .trimEnd();
  return [head, ...rows].map((cells) => `${line(cells)}\n`).join("");
}

/** Three digits that count. */
export const short = (v: number): string =>
  !Number.isFinite(v)
    ? "–"
    : v >= 100
      ? v.toFixed(0)
      : v >= 10
        ? v.toFixed(1)
        : v >= 1
          ? v.toFixed(2)
          : v.toPrecision(3);

export const percent = (v: number): string => (Number.isFinite(v) ? `${(v * 100).toFixed(v < 0.0995 ? 1 : 0)}%` : "–");

/** A text cut to a width, with a mark where something is missing. */
export const clip = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, width - 1)}…`;
