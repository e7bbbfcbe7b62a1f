/**
 * @file Records what an instrumented artifact says while it runs: which step has ended, and when. What is recorded is the
 * same whatever the target, so that reports need not know it.
 */

/** One step of one run. Times are milliseconds from the start of the run. */
export interface StepEvent {
  /** Number of the step, as the artifact counts them. */
  readonly step: number;
  readonly start: number;
  readonly end: number;
}

export interface RunRecord {
  /** All of it, with inputs and outputs moved, in milliseconds. */
  readonly wall: number;
  readonly events: readonly StepEvent[];
}

/** Give `imports` to the session that is to be watched; then record runs of it. */
export class Recorder {
  readonly imports: { mark(step: number): void };
  #steps: Int32Array;
  #times: Float64Array;
  #count = 0;

  /** `capacity`: marks of one run that there is room for at first. */
  constructor(capacity = 4096) {
    this.#steps = new Int32Array(capacity);
    this.#times = new Float64Array(capacity);
    this.imports = { mark: (step) => this.note(step, performance.now()) };
  }

  /** Notes the end of a step at a time by the clock of `performance.now()`. */
  note(step: number, time: number): void {
    const at = this.#count++;
    if (at === this.#steps.length) this.#grow();
    this.#steps[at] = step;
    this.#times[at] = time;
  }

  #grow(): void {
    const steps = new Int32Array(this.#steps.length * 2);
    const times = new Float64Array(this.#times.length * 2);
    steps.set(this.#steps);
    times.set(this.#times);
    this.#steps = steps;
    this.#times = times;
  }

  /** Runs something that makes the session run once. */
  record(run: () => void): RunRecord {
    this.#count = 0;
    const start = performance.now();
    run();
    const wall = performance.now() - start;
    const events: StepEvent[] = [];
    for (let i = 1; i < this.#count; i++) {
      events.push({ step: this.#steps[i]!, start: this.#times[i - 1]! - start, end: this.#times[i]! - start });
    }
    return { wall, events };
  }
}
