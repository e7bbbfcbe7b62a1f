/**
 * @file A loop nest under construction. Each open loop is a level with a block of its own; what does not depend on an
 * inner counter is placed in an outer level, while that level's block is still open at its end.
 */
import * as affine from "../../../dialects/affine/index.ts";
import * as arith from "../../../dialects/arith/ops.ts";
import { type AffineExpr, type AffineMap, affineMap, dim, linear, substitute } from "../../../ir/affine.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Block, Value } from "../../../ir/core.ts";
import { index, indexAttribute } from "../../../ir/types.ts";
import { type Range, rangeOf, resolve } from "./ranges.ts";

export interface Level {
  readonly depth: number;
  readonly block: Block;
  /** The counter of the loop that opened the level; none at the function's own level. */
  readonly counter: number | null;
  /** What was computed here already, by key. */
  readonly memo: Map<string, Value>;
  /**
   * A tile of accumulators is kept in registers here: what is needed before or after it is made here too, however little
   * it depends on, because a value from further out would hold a register all through the reduction.
   */
  crowded: boolean;
  /** A branch: what is computed in it stays in it, because elsewhere it may be wrong. */
  readonly guarded?: boolean;
}

export class Nest {
  readonly b: Builder;
  readonly levels: Level[];
  /** Loop counters in the order they were opened: value, range, and level. Closed ones stay, unused. */
  readonly counters: { readonly value: Value; readonly level: Level }[] = [];
  readonly ranges: Range[] = [];
  /** Positions that are known to be inside of what is read, or not, where the nest stands. */
  readonly known = new Map<AffineExpr, boolean>();

  constructor(b: Builder, block: Block) {
    this.b = b;
    this.levels = [{ depth: 0, block, counter: null, memo: new Map(), crowded: false }];
  }

  get top(): Level {
    return this.levels[this.levels.length - 1]!;
  }

  /** Opens a level for the body of a loop that runs `count` times; answers the expression of its counter. */
  open(block: Block, counter: Value, count: number): AffineExpr {
    const id = this.counters.length;
    const level: Level = { depth: this.levels.length, block, counter: id, memo: new Map(), crowded: false };
    this.levels.push(level);
    this.counters.push({ value: counter, level });
    this.ranges.push({ low: 0, high: Math.max(0, count - 1) });
    this.b.setToEnd(block);
    return dim(id);
  }

  /** A number that is known from the start (the id of a thread): no loop of its own, but a range. */
  given(value: Value, count: number): AffineExpr {
    this.counters.push({ value, level: this.top });
    this.ranges.push({ low: 0, high: Math.max(0, count - 1) });
    return dim(this.counters.length - 1);
  }

  /**
   * Opens a level for a branch: what is computed in it is not known behind it. `all`: everything asked for meanwhile is
   * computed in it, as it might not be there outside of the branch. `guarded`: what depends on nothing in it, too.
   */
  enter(block: Block, all = false, guarded = false): void {
    this.levels.push({ depth: this.levels.length, block, counter: null, memo: new Map(), crowded: all, guarded });
    this.b.setToEnd(block);
  }

  /** Makes something where a position is known to be inside, or outside. */
  knowing<T>(e: AffineExpr, isInside: boolean, make: () => T): T {
    this.known.set(e, isInside);
    const made = make();
    this.known.delete(e);
    return made;
  }

  /** Makes something where a counter is known to stay within bounds. */
  within<T>(counter: AffineExpr, range: Range, make: () => T): T {
    if (counter.kind !== "dim") return make();
    const usual = this.ranges[counter.index]!;
    this.ranges[counter.index] = range;
    const made = make();
    this.ranges[counter.index] = usual;
    return made;
  }

  close(): void {
    this.levels.pop();
    this.b.setToEnd(this.top.block);
  }

  /** The outermost level at which all of these expressions are known. */
  levelOf(exprs: readonly AffineExpr[]): Level {
    let level = this.levels.findLast((l) => l.guarded) ?? this.levels[0]!;
    for (const e of exprs) {
      if (e.lastDim < 0) continue;
      const its = this.counters[e.lastDim]!.level;
      if (its.depth > level.depth) level = its;
    }
    return level;
  }

  /** Computes at a level or, if registers are scarce, further in; once per key. */
  at(level: Level, key: string, make: () => Value): Value {
    let at = level;
    for (const l of this.levels) if (l.crowded && l.depth > at.depth) at = l;
    return this.#make(at, key, make);
  }

  /** Computes at a level, once per key; the builder stands at the end of the level's block meanwhile. */
  #make(level: Level, key: string, make: () => Value): Value {
    // A level that encloses this one may have it already.
    for (let d = level.depth; d >= 0; d--) {
      const known = this.levels[d]!.memo.get(key);
      if (known) return known;
    }
    if (level === this.top) {
      const v = make();
      level.memo.set(key, v);
      return v;
    }
    const inner = this.levels.splice(level.depth + 1);
    this.b.setToEnd(level.block);
    const v = make();
    level.memo.set(key, v);
    this.levels.push(...inner);
    this.b.setToEnd(this.top.block);
    return v;
  }

  resolve(e: AffineExpr, lanes: number): AffineExpr {
    return resolve(e, this.ranges, lanes);
  }

  constant(value: number): Value {
    return this.#make(this.levels[0]!, `constant ${value}`, () =>
      arith.constant(this.b, { value: indexAttribute(value), types: [index] }),
    );
  }

  /** The value of an index expression (no lanes in it), where its innermost counter is known. */
  index(e: AffineExpr): Value {
    if (e.kind === "constant") return this.constant(e.value);
    if (e.kind === "dim") return this.counters[e.index]!.value;
    return this.#make(this.levelOf([e]), `index ${e.id}`, () => {
      const { counters, map } = applicationOf(e);
      return affine.apply(
        this.b,
        counters.map((i) => this.counters[i]!.value),
        { map },
      );
    });
  }

  /** Certainly an index into `size` elements. */
  isWithin(e: AffineExpr, size: number, lanes: number): boolean {
    const known = this.known.get(e);
    if (known !== undefined) return known;
    const { low, high } = rangeOf(e, this.ranges, lanes);
    return low >= 0 && high < size;
  }

  /** Certainly no index into `size` elements. */
  isWithout(e: AffineExpr, size: number, lanes: number): boolean {
    const known = this.known.get(e);
    if (known !== undefined) return !known;
    const { low, high } = rangeOf(e, this.ranges, lanes);
    return high < 0 || low >= size;
  }

  /** Factors of the counters and the constant of a linear expression, lane set to 0; undefined if not linear. */
  linear(e: AffineExpr): ReturnType<typeof linear> {
    return linear(e, this.counters.length);
  }
}

interface Application {
  /** Those that occur, in the order in which they do. */
  readonly counters: readonly number[];
  readonly map: AffineMap;
}
const applications = new WeakMap<AffineExpr, Application>();

/** An expression as a map of the counters that occur, renumbered, so that equal expressions of different loops share it. */
function applicationOf(e: AffineExpr): Application {
  let known = applications.get(e);
  if (!known) {
    const counters: number[] = [];
    collectDims(e, counters);
    const renumbered: AffineExpr[] = [];
    counters.forEach((i, n) => {
      renumbered[i] = dim(n);
    });
    known = { counters, map: affineMap(counters.length, 0, [substitute(e, renumbered)]) };
    applications.set(e, known);
  }
  return known;
}

function collectDims(e: AffineExpr, into: number[]): void {
  if (e.kind === "dim") {
    if (!into.includes(e.index)) into.push(e.index);
  } else if ("lhs" in e) {
    collectDims(e.lhs, into);
    collectDims(e.rhs, into);
  }
}
