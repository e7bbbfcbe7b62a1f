/**
 * @file Dialect conversion: every op that is not legal says itself in other words. Definitions are converted before
 * their uses, and their uses changed over at once, so a lowering sees operands that are converted already. One function
 * converts types. What is left over is a diagnostic at its place; no casts stay behind.
 */
import type { Context } from "../ir/context.ts";
import { type Block, type Operation, type Region, Value } from "../ir/core.ts";
import type { Dialect, OpInfo } from "../ir/define.ts";
import { postOrder } from "../ir/dominance.ts";
import type { Type } from "../ir/types.ts";
import type { Diagnostics } from "../support/diagnostic.ts";
import type { Pass } from "./pass.ts";
import { type ChangeListener, Rewriter } from "./rewriter.ts";

/** What a lowering may ask besides the rewriter. */
export interface Conversion {
  /** The type into which values of a type are converted. Converted types convert to themselves. */
  type(t: Type): Type;
  readonly diagnostics: Diagnostics;
}

/**
 * Builds what stands for the op's results, before the op; nothing if it cannot lower it. The new values may have other
 * types. Regions may be moved into new ops as they are: they are converted afterwards, as are ops that are new but not
 * legal themselves.
 */
export type Lowering = (op: Operation, rw: Rewriter, c: Conversion) => Value | readonly Value[] | undefined;

export interface ConvertOptions {
  /** Ops of these dialects, and these ops, must not remain. */
  readonly illegal?: readonly (Dialect | OpInfo)[];
  /** Decides for ops that are legal only in some forms; undefined leaves it to the list. */
  readonly isIllegal?: (op: Operation) => boolean | undefined;
  readonly lower: Lowering;
  /** The type in which values of an old type are handed on. */
  readonly type?: (t: Type) => Type;
  /** Brings attributes of legal ops up to date with their converted types (a function's signature). */
  readonly update?: (op: Operation, c: Conversion) => void;
  /** Illegal ops may remain: what the pass does not know it leaves to others. */
  readonly partial?: boolean;
}

/** Lowerings of lowerings of lowerings: more than this is taken for a circle. */
const MAX_GENERATIONS = 32;

/** Converts everything inside an operation. Answers whether nothing illegal is left. */
export function convertOps(
  root: Operation,
  options: ConvertOptions,
  context: Context,
  diagnostics: Diagnostics,
): boolean {
  const before = diagnostics.errorCount;
  const converter = new Converter(options, context, diagnostics);
  for (const region of root.regions) converter.convertRegion(region);
  return diagnostics.errorCount === before;
}

/** The `run` of a pass that is a conversion. */
export const convert =
  (options: ConvertOptions): Pass["run"] =>
  (op, _values, pass) => {
    convertOps(op, options, pass.context, pass.diagnostics);
  };

class Converter implements Conversion, ChangeListener {
  readonly diagnostics: Diagnostics;
  readonly #context: Context;
  readonly #options: ConvertOptions;
  readonly #dialects: ReadonlySet<string>;
  readonly #ops: ReadonlySet<unknown>;
  readonly #types = new Map<Type, Type>();
  /** How many lowerings lie between an op and the program that was given. */
  readonly #generations = new Map<Operation, number>();
  #generation = 0;

  constructor(options: ConvertOptions, context: Context, diagnostics: Diagnostics) {
    this.#context = context;
    this.#options = options;
    this.diagnostics = diagnostics;
    const illegal = options.illegal ?? [];
    this.#dialects = new Set(illegal.filter(isDialect).map((d) => d.name));
    this.#ops = new Set(illegal.filter((x) => !isDialect(x)));
  }

  type(t: Type): Type {
    const convert = this.#options.type;
    if (!convert) return t;
    let made = this.#types.get(t);
    if (!made) {
      made = convert(t);
      this.#types.set(t, made);
    }
    return made;
  }

  inserted(op: Operation): void {
    this.#generations.set(op, this.#generation);
  }

  convertRegion(region: Region): void {
    // A lowering may split blocks: go on until every block has been seen.
    const seen = new Set<Block>();
    for (let more = true; more; ) {
      more = false;
      for (const block of orderOf(region)) {
        if (seen.has(block) || block.parent !== region) continue;
        seen.add(block);
        more = true;
        this.#convertBlock(block);
      }
    }
  }

  #convertBlock(block: Block): void {
    for (const arg of block.args) arg.type = this.type(arg.type);
    for (let op = block.first; op; ) {
      const { prev, next }: Operation = op;
      if (this.#lower(op)) {
        // What was built in its place comes next.
        op = prev?.block === block ? prev.next : prev ? next : block.first;
        continue;
      }
      for (const r of op.results) r.type = this.type(r.type);
      for (const region of op.regions) this.convertRegion(region);
      this.#options.update?.(op, this);
      op = next;
    }
  }

  /** Answers whether the op was lowered and is gone. */
  #lower(op: Operation): boolean {
    if (!this.#isIllegal(op)) return false;
    this.#generation = (this.#generations.get(op) ?? 0) + 1;
    if (this.#generation <= MAX_GENERATIONS) {
      const rw = new Rewriter(this.#context).focus(op);
      rw.listener = this;
      const answer = this.#options.lower(op, rw, this);
      if (answer !== undefined) {
        this.#retire(op, answer instanceof Value ? [answer] : answer);
        return true;
      }
    }
    if (!this.#options.partial) {
      this.diagnostics.error("convert/illegal", op.loc, `'${op.name}' op cannot be lowered here`, {
        help: "lower or remove it first",
      });
    }
    return false;
  }

  /** Everybody who refers to the op's results refers to the new values, whatever their types. */
  #retire(op: Operation, values: readonly Value[]): void {
    op.results.forEach((r, i) => {
      const now = values[i];
      if (!now) return;
      if (now.name === null && now.definingOp) now.name = r.name;
      r.replaceAllUsesWith(now);
    });
    op.erase();
    this.#generations.delete(op);
  }

  #isIllegal(op: Operation): boolean {
    const asked = this.#options.isIllegal?.(op);
    if (asked !== undefined) return asked;
    return this.#dialects.has(op.def.dialect) || this.#ops.has(op.def);
  }
}

const isDialect = (x: Dialect | OpInfo): x is Dialect => "ops" in x;

/** Blocks so that each comes after those that dominate it, unreachable ones last. */
function orderOf(region: Region): readonly Block[] {
  if (region.blocks.length < 2) return region.blocks.slice();
  const order = postOrder(region.entry).reverse();
  const seen = new Set(order);
  for (const b of region.blocks) if (!seen.has(b)) order.push(b);
  return order;
}
