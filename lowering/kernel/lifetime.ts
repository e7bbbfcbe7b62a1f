/** @file When buffers are in use, and where they are put. */

export interface Lifetime {
  /** Positions in the function's block, inclusive. */
  readonly first: number;
  readonly last: number;
  readonly bytes: number;
}

export interface Plan {
  readonly offsets: readonly number[];
  readonly size: number;
  /** The most bytes that live at one time: no plan is smaller. */
  readonly lowerBound: number;
}

export const roundUp = (n: number, align: number): number => Math.ceil(n / align) * align;
