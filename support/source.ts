/** @file Source texts, and the places in them: offsets become lines and columns only when somebody asks. */

/** A text with a name. Lines and columns count from 1, as editors and MLIR's tools do. */
export class Source {
  readonly name: string;
  readonly text: string;
  #lineStarts: Uint32Array | null = null;

  constructor(name: string, text: string) {
    this.name = name;
    this.text = text;
  }

  /** Line and column (both from 1) of an offset in UTF-16 code units. */
  position(offset: number): { readonly line: number; readonly column: number } {
    const starts = this.#starts();
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - starts[low]! + 1 };
  }

  /** The text of a line (from 1), without its line break. */
  line(number: number): string {
    const starts = this.#starts();
    const start = starts[number - 1];
    if (start === undefined) return "";
    const end = starts[number] ?? this.text.length + 1;
    return this.text.slice(start, end - 1).replace(/\r$/, "");
  }

  get lineCount(): number {
    return this.#starts().length;
  }

  #starts(): Uint32Array {
    if (this.#lineStarts) return this.#lineStarts;
    const found = [0];
    for (let at = this.text.indexOf("\n"); at >= 0; at = this.text.indexOf("\n", at + 1)) found.push(at + 1);
    this.#lineStarts = Uint32Array.from(found);
    return this.#lineStarts;
  }
}
