/** @file Differences between two texts, line by line (Myers 1986, greedy), and their unified form. */

export interface DiffLine {
  readonly kind: "same" | "removed" | "added";
  readonly text: string;
}

/** More differences than this are not searched for the shortest form: the middle is replaced as a whole. */
const MAX_EDITS = 2000;

/** The lines of both texts in one list. */
export function diffLines(before: readonly string[], after: readonly string[]): DiffLine[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let tail = 0;
  while (
    tail < before.length - start &&
    tail < after.length - start &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  ) {
    tail++;
  }
  const line =
    (kind: DiffLine["kind"]) =>
    (text: string): DiffLine => ({ kind, text });
  const a = before.slice(start, before.length - tail);
  const b = after.slice(start, after.length - tail);
  const middle = shortest(a, b) ?? [...a.map(line("removed")), ...b.map(line("added"))];
  return [
    ...before.slice(0, start).map(line("same")),
    ...middle,
    ...before.slice(before.length - tail).map(line("same")),
  ];
}

function shortest(a: readonly string[], b: readonly string[]): DiffLine[] | undefined {
  const limit = Math.min(a.length + b.length, MAX_EDITS);
  // furthest[k + offset]: how far along `a` one gets on diagonal k with the edits so far.
  const offset = limit + 1;
  const furthest = new Int32Array(2 * limit + 3);
  const trace: Int32Array[] = [];
  for (let edits = 0; edits <= limit; edits++) {
    trace.push(furthest.slice());
    for (let k = -edits; k <= edits; k += 2) {
      const down = k === -edits || (k !== edits && furthest[k - 1 + offset]! < furthest[k + 1 + offset]!);
      let x = down ? furthest[k + 1 + offset]! : furthest[k - 1 + offset]! + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++;
      furthest[k + offset] = x;
      if (x >= a.length && x - k >= b.length) return walkBack(a, b, trace, edits, offset);
    }
  }
  return undefined;
}

function walkBack(
  a: readonly string[],
  b: readonly string[],
  trace: readonly Int32Array[],
  edits: number,
  offset: number,
): DiffLine[] {
  const lines: DiffLine[] = [];
  let x = a.length;
  let y = b.length;
  for (let d = edits; d >= 0; d--) {
    const reached = trace[d]!;
    const k = x - y;
    const down = k === -d || (k !== d && reached[k - 1 + offset]! < reached[k + 1 + offset]!);
    const from = down ? k + 1 : k - 1;
    const fromX = d === 0 ? 0 : reached[from + offset]!;
    const fromY = fromX - from;
    while (x > fromX && y > (d === 0 ? 0 : fromY) && x > 0 && y > 0) {
      lines.push({ kind: "same", text: a[--x]! });
      y--;
    }
    if (d === 0) break;
    if (down) lines.push({ kind: "added", text: b[--y]! });
    else lines.push({ kind: "removed", text: a[--x]! });
  }
  return lines.reverse();
}

/** The unified form: hunks of changed lines with some lines around them. Empty if the texts are equal. */
export function unifiedDiff(before: string, after: string, names: readonly [string, string], around = 3): string {
  if (before === after) return "";
  const lines = diffLines(before.split("\n"), after.split("\n"));
  const shown = new Uint8Array(lines.length);
  lines.forEach((l, i) => {
    if (l.kind === "same") return;
    for (let n = Math.max(0, i - around); n <= Math.min(lines.length - 1, i + around); n++) shown[n] = 1;
  });
  let text = `--- ${names[0]}\n+++ ${names[1]}\n`;
  let [a, b] = [1, 1];
  for (let i = 0; i < lines.length; ) {
    if (!shown[i]) {
      a++;
      b++;
      i++;
      continue;
    }
    let body = "";
    const [fromA, fromB] = [a, b];
    for (; i < lines.length && shown[i]; i++) {
      const { kind, text: line } = lines[i]!;
      body += `${kind === "same" ? " " : kind === "added" ? "+" : "-"}${line}\n`;
      if (kind !== "added") a++;
      if (kind !== "removed") b++;
    }
    text += `@@ -${fromA},${a - fromA} +${fromB},${b - fromB} @@\n${body}`;
  }
  return text;
}
