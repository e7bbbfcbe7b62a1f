/** @file The diagnostics of one file, which may hold millions of faults. */
import { type Diagnostic, Diagnostics, makeDiagnostic } from "../support/diagnostic.ts";

/** A file with more faults than this is not worth reading on: random bytes have one in every few. */
export const MAX_FAULTS = 100;

/** Passes the first faults of a file on, then says once that there are more. */
export class FileFaults extends Diagnostics {
  readonly #target: Diagnostics;
  #count = 0;

  constructor(target: Diagnostics) {
    super();
    this.#target = target;
  }

  /** There were more faults than are listed. */
  get exhausted(): boolean {
    return this.#count > MAX_FAULTS;
  }

  override report(diagnostic: Diagnostic): void {
    this.#count++;
    if (this.#count <= MAX_FAULTS) this.#target.report(diagnostic);
    else if (this.#count === MAX_FAULTS + 1) {
      const { code, at } = diagnostic;
      this.#target.report(makeDiagnostic("error", code, at, "the file has more faults; they are not listed"));
    }
  }
}
