/**
 * @file The greedy driver: folds constants, applies rules and removes what is dead until nothing changes. Work is taken
 * from a list; a change puts back only what it touched, so the cost follows the number of changes.
 */
import type { Context } from "../ir/context.ts";
import type { Operation, Region } from "../ir/core.ts";
import { isTriviallyDead } from "../ir/effects.ts";
import { Worklist } from "../support/containers.ts";
import { ConstantPool } from "./constant-pool.ts";
import { type FoldOptions, foldOp } from "./fold.ts";
import { simplifyRegions } from "./regions.ts";
import { type ChangeListener, Rewriter } from "./rewriter.ts";
import { type RuleSet, rulesFor } from "./rule.ts";

export interface GreedyOptions extends FoldOptions {
  /** By default those of all dialects of the context. */
  readonly rules?: RuleSet;
  /** How often the whole is gone through again after a change. */
  readonly maxIterations?: number;
  /** At most so many rewrites in one iteration; a safeguard against rules that undo each other. */
  readonly maxRewrites?: number;
  /** Evaluates ops of known operands. */
  readonly fold?: boolean;
  /** Removes unreachable blocks and unused block arguments, and merges blocks in a row. */
  readonly regions?: boolean;
  /** Told how often each rule fired, by its text. */
  readonly onRule?: (doc: string) => void;
}

export interface GreedyResult {
  readonly changed: boolean;
  /** Nothing was left to do when it stopped. */
  readonly converged: boolean;
}

/** Rewrites everything inside an operation, greedily. The operation itself stays. */
export function applyGreedily(root: Operation, context: Context, options: GreedyOptions = {}): GreedyResult {
  return new Driver(root, context, options).run();
}

class Driver implements ChangeListener {
  readonly #root: Operation;
  readonly #options: GreedyOptions;
  readonly #rules: RuleSet;
  readonly #pool: ConstantPool;
  readonly #rw: Rewriter;
  readonly #work = new Worklist<Operation>();
  #changed = false;
  #rewrites = 0;

  constructor(root: Operation, context: Context, options: GreedyOptions) {
    this.#root = root;
    this.#options = options;
    this.#rules = options.rules ?? rulesFor(context.dialects);
    this.#pool = new ConstantPool(context);
    this.#rw = new Rewriter(context);
    this.#rw.listener = this;
    this.#rw.constants = this.#pool;
  }

  run(): GreedyResult {
    const { maxIterations = 10, regions = true } = this.#options;
    let any = false;
    for (let i = 0; i < maxIterations; i++) {
      this.#changed = false;
      this.#rewrites = 0;
      this.#fill();
      this.#drain();
      if (regions && simplifyRegions(this.#root, this.#rw)) this.#changed = true;
      if (!this.#changed) return { changed: any, converged: true };
      any = true;
    }
    return { changed: any, converged: false };
  }

  inserted(op: Operation): void {
    this.#work.push(op);
    this.#changed = true;
  }

  changed(op: Operation): void {
    if (op !== this.#root) this.#work.push(op);
    this.#changed = true;
  }

  erased(op: Operation): void {
    this.#work.remove(op);
    this.#pool.forget(op);
    this.#changed = true;
    for (const u of op.uses) {
      const def = u.value.definingOp;
      if (def) this.#work.push(def);
      // A value may have one user only now. What the op stood in is looked at in the next iteration: to look at it after
      // every change inside would cost the square of its size.
      const next = u.next ?? u.prev;
      if (next && next.owner !== op) this.#work.push(next.owner);
    }
  }

  /** All operations inside the root, so that the first one is taken first. Equal constants become one on the way. */
  #fill(): void {
    const found: Operation[] = [];
    const visit = (region: Region): void => {
      for (const block of region.blocks) {
        for (let o = block.first; o; ) {
          const next: Operation | null = o.next;
          if (!o.def.isConstant || !this.#adopt(o)) {
            found.push(o);
            for (const inner of o.regions) visit(inner);
          }
          o = next;
        }
      }
    };
    for (const region of this.#root.regions) visit(region);
    for (let i = found.length - 1; i >= 0; i--) this.#work.push(found[i]!);
  }

  /** Answers whether the constant is settled: kept as the one of its value, or dropped for an earlier one. */
  #adopt(op: Operation): boolean {
    if (op.isUnused) return false;
    const kept = this.#pool.adopt(op);
    if (!kept) return false;
    if (kept !== op.results[0]) this.#rw.replace(op, [kept]);
    return true;
  }

  #drain(): void {
    const { maxRewrites = Number.POSITIVE_INFINITY } = this.#options;
    for (let op = this.#work.pop(); op; op = this.#work.pop()) {
      if (this.#rewrites > maxRewrites) return;
      this.#visit(op);
    }
  }

  #visit(op: Operation): void {
    const rw = this.#rw;
    if (op.block === null) return;
    if (isTriviallyDead(op)) {
      rw.erase(op);
      this.#rewrites++;
      return;
    }
    if (op.def.isConstant) return;
    rw.focus(op);
    if (this.#options.fold !== false && foldOp(op, rw, this.#options)) {
      this.#rewrites++;
      return;
    }
    for (const rule of this.#rules.of(op.def)) {
      if (rule.apply(op, rw)) {
        this.#rewrites++;
        this.#options.onRule?.(rule.doc);
        // A rule that changed the op in place has put it back on the list.
        return;
      }
    }
  }
}
