/** @file The interfaces that general passes ask for: loops, branches between regions, calls, symbols, views. */
import type { SymbolRef } from "./attributes.ts";
import type { Builder } from "./builder.ts";
import type { Operation, Region, Value } from "./core.ts";
import { defineInterface } from "./interface.ts";

/** A counted loop with one body region whose first argument is the counter. */
export const loopLike = defineInterface<{
  /** The region that is repeated. */
  body(op: Operation): Region;
  /** Constant or SSA bounds; undefined where the op has no counted form. */
  bounds(
    op: Operation,
  ): { readonly lower: Value | number; readonly upper: Value | number; readonly step: Value | number } | undefined;
  /** The counter, the carried arguments with their initial values, and what the body hands to the next turn. */
  inductionVariable(op: Operation): Value | undefined;
  carried(
    op: Operation,
  ): readonly { readonly init: Value; readonly arg: Value; readonly next: Value; readonly result: Value }[];
  /** Lets the loop run over other bounds, and start with other carried values. Loops without it keep theirs. */
  rebound?(
    op: Operation,
    change: {
      readonly lower?: Value;
      readonly upper?: Value;
      readonly step?: Value;
      readonly inits?: readonly Value[];
    },
  ): void;
}>("loop-like");

/** Control enters regions of the op; which, and with which values, may be known. */
export const regionBranch = defineInterface<{
  /** Regions that may run at most once each per execution of the op, and if exactly one of them runs, which (when known). */
  chosen(op: Operation, constantOf: (v: Value) => bigint | number | boolean | undefined): Region | "none" | undefined;
}>("region-branch");

/**
 * What threads that run together find out from each other: all come here, and the answer of each depends on all. Takes the
 * operands of every thread, in the order of their numbers, and answers the results of every thread.
 */
export const collective = defineInterface<{
  together(op: Operation, given: readonly (readonly unknown[])[]): readonly (readonly unknown[])[];
}>("collective");

/** Calls a symbol. */
export const callLike = defineInterface<{
  callee(op: Operation): SymbolRef;
  args(op: Operation): readonly Value[];
}>("call-like");

/** Has a body that can be called: its region and, for inlining, whether it may be copied into callers. */
export const callableLike = defineInterface<{
  body(op: Operation): Region | undefined;
}>("callable-like");

/** Has a name in the nearest symbol table. */
export const symbolLike = defineInterface<{
  name(op: Operation): string;
  visibility(op: Operation): "public" | "private" | "nested";
  /** Only declared here, defined elsewhere. */
  isDeclaration(op: Operation): boolean;
}>("symbol");

/**
 * Inserts a part into a tensor that the turns of a parallel loop share. Its `evaluate` writes into the data of the
 * destination itself (the loop has made a copy for that).
 */
export const parallelInsertion = defineInterface<{
  destination(op: Operation): Value;
}>("parallel-insertion");

/** The result is a view of an operand's memory. */
export const viewLike = defineInterface<{
  source(op: Operation): Value;
}>("view-like");

/** What a value is a view of, or a view of a view; itself, if it is none. */
export function baseOf(v: Value): Value {
  const op = v.definingOp;
  const source = op && viewLike.of(op)?.source(op);
  return source ? baseOf(source) : v;
}

/** A branch terminator: what it hands to each successor. */
export const branchLike = defineInterface<{
  operandsFor(op: Operation, successor: number): readonly Value[];
  /** The successor that is taken, if the condition is known. */
  taken?(op: Operation, constantOf: (v: Value) => bigint | number | boolean | undefined): number | undefined;
}>("branch");

/** One loop of a structured op. */
export interface Loop {
  readonly kind: "parallel" | "reduction";
  /** Number of iterations; `dynamic` where unknown. */
  readonly extent: number;
}

/** Offset and size per loop. Numbers are constants, values index. */
export interface Tile {
  readonly offsets: readonly (Value | number)[];
  readonly sizes: readonly (Value | number)[];
}

/** Ops that can be computed tile by tile. */
export const tiling = defineInterface<{
  /** The loops, in order. */
  loops(op: Operation): readonly Loop[];
  /** The op on one tile, its operands sliced as it needs; answers the tiles of its results. */
  onTile(op: Operation, tile: Tile, b: Builder): readonly Value[];
  /** Where in each result the tile lies. */
  resultTile(op: Operation, result: number, tile: Tile, b: Builder): Tile;
}>("tiling");
