/** @file Which pass is running, on a terminal, for work that takes longer than a moment. */
import type { Instrument, StepRun } from "../index.ts";
import { errorStyle, printError } from "./terminal.ts";

/** Nothing is shown before. In milliseconds. */
const patience = 1000;
const clearLine = "\r\u001b[K";

/** An instrument that writes one line on standard error and takes it back. `end` is to be called in any case. */
export class Progress implements Instrument {
  readonly #started = performance.now();
  readonly #terminal = process.stderr.isTTY === true;
  #shown = false;

  before({ step, index, pipeline }: StepRun): void {
    if (!this.#terminal || performance.now() - this.#started < patience) return;
    this.#shown = true;
    printError(`${clearLine}${errorStyle.dim(`${index + 1}/${pipeline.steps.length} ${step.pass.name}`)}`);
  }

  end(): void {
    if (this.#shown) printError(clearLine);
    this.#shown = false;
  }
}
