/** @file What an import may be told. */
import type { Diagnostics } from "../support/diagnostic.ts";
import type { NDArray } from "../support/ndarray.ts";
import type { ReadExternal } from "./weights.ts";

export interface ImportOptions {
  readonly diagnostics: Diagnostics;
  /** The file's name, for places. */
  readonly file?: string;
  /** Sizes: of an input by its name, or of a symbolic dimension by its name. What is not given is taken as 1. */
  readonly shapes?: Readonly<Record<string, readonly number[] | number>>;
  /** Inputs whose values are known at compile time: they are no arguments of the function. */
  readonly constants?: ReadonlyMap<string, NDArray>;
  /** Files beside the model. */
  readonly readExternal?: ReadExternal;
  /** Collects the names of inputs whose values would have to be known at compile time. */
  readonly needs?: Set<string>;
}
