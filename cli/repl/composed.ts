/** @file A typed text inside of a larger one that is parsed in its place; places lead back to what was typed. */
import { type Diagnostic, type Location, type Operation, primary, Source, span } from "../../index.ts";

export class Composed {
  /** What is parsed. */
  readonly source: Source;
  readonly #typed: Source;
  readonly #start: number;

  constructor(name: string, head: string, text: string, tail: string) {
    this.#typed = new Source(name, text);
    this.source = head === "" && tail === "" ? this.#typed : new Source(name, `${head}${text}${tail}`);
    this.#start = head.length;
  }

  /** All that was typed. */
  get whole(): Location {
    return span(this.#typed, 0, this.#typed.text.length);
  }

  /** A place of the parsed text in what was typed; what is outside becomes its beginning or its end. */
  place(at: Location): Location {
    if (at.kind !== "span" || at.source !== this.source || this.source === this.#typed) return at;
    const within = (offset: number): number => Math.min(this.#typed.text.length, Math.max(0, offset - this.#start));
    return span(this.#typed, within(at.start), within(at.end));
  }

  relocate(root: Operation): void {
    root.walk((op) => {
      op.loc = this.place(op.loc);
    });
  }

  diagnostics(list: readonly Diagnostic[]): readonly Diagnostic[] {
    return list.map((d) => ({
      ...d,
      at: this.place(primary(d.at)),
      notes: d.notes.map((n) => ({ ...n, at: this.place(primary(n.at)) })),
    }));
  }
}
