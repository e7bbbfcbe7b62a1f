/** @file What the conformance runner asks of a target: to run a module that was imported from a model. */
import type { Operation } from "../../ir/core.ts";
import type { NDArray } from "../../support/ndarray.ts";

export interface Prepared {
  /** Arguments and results of `@main`, in order. */
  run(inputs: readonly NDArray[]): readonly NDArray[] | Promise<readonly NDArray[]>;
}

export interface Target {
  readonly name: string;
  /** What answers nothing is only compiled: there is nothing to run, and nothing to compare. */
  prepare(module: Operation): Prepared | Promise<Prepared> | undefined;
}
