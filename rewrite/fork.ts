/** @file Several pipelines that begin alike, run on one program: what they share is done once, then each has a copy. */
import type { Operation } from "../ir/core.ts";
import { type Instrument, type Pipeline, type Step, type StepRun, stepText } from "./pipeline.ts";

/** What is left to do for a pipeline. */
export interface Branch {
  readonly module: Operation;
  readonly pipeline: Pipeline;
}

const key = (s: Step): string => `${s.path.join("/")} ${stepText(s)}`;

/** Watches a run of one pipeline, and keeps a copy of the program for each other where its first different step is due. */
export class Fork implements Instrument {
  readonly branches = new Map<string, Branch>();
  readonly #pipelines: ReadonlyMap<string, Pipeline>;
  readonly #points = new Map<string, number>();

  constructor(pipelines: ReadonlyMap<string, Pipeline>) {
    this.#pipelines = pipelines;
  }

  start(main: Pipeline): void {
    const keys = main.steps.map(key);
    for (const [name, { steps }] of this.#pipelines) {
      const differs = steps.findIndex((s, i) => key(s) !== keys[i]);
      this.#points.set(name, differs < 0 ? steps.length : differs);
    }
  }

  before({ index, root }: StepRun): void {
    this.#copyAt(index, root);
  }

  finish(root: Operation): void {
    for (const at of this.#points.values()) this.#copyAt(at, root);
  }

  #copyAt(index: number, root: Operation): void {
    for (const [name, at] of this.#points) {
      if (at !== index || this.branches.has(name)) continue;
      const { root: top, steps } = this.#pipelines.get(name)!;
      this.branches.set(name, { module: root.clone(), pipeline: { root: top, steps: steps.slice(at) } });
    }
  }
}
