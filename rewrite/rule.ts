/** @file rule: a matched view and its replacement. Rule sets: rules indexed by the op at their root. */
import type { Operation } from "../ir/core.ts";
import { Value } from "../ir/core.ts";
import type { Dialect, OpInfo, RuleLike } from "../ir/define.ts";
import type { Rewriter } from "./rewriter.ts";

export interface Rule extends RuleLike {
  /** Tries the rule at an operation of its root's kind. Answers whether anything changed. */
  apply(op: Operation, rw: Rewriter): boolean;
}

/**
 * What a rule answers: the value or values that replace the results (an empty list erases an op without results), `true`
 * if it has changed the op in place through the rewriter, nothing if it does not apply.
 */
export type Answer = Value | readonly Value[] | boolean | null | undefined;

/** The part of an op definition that a rule needs: its identity and its view. */
export type Rooted<V> = Omit<OpInfo, "of"> & { of(op: Operation): V };

/**
 * A rewrite that needs more than words: `f` looks at the view of a matched op and builds the replacement with the
 * rewriter, which stands before the op. A rule is directional, never makes the program worse, and changes nothing
 * unless it answers.
 */
export function rule<V>(root: Rooted<V>, doc: string, f: (view: V, rw: Rewriter) => Answer): Rule {
  return {
    root: root as unknown as OpInfo,
    doc,
    apply(op, rw) {
      const answer = f(root.of(op), rw);
      if (answer === true) return true;
      if (!answer) return false;
      rw.replace(op, answer instanceof Value ? [answer] : answer);
      return true;
    },
  };
}

/** Rules of several dialects, by root op, each op's in the order in which they were listed. */
export class RuleSet {
  readonly #byRoot = new Map<OpInfo, Rule[]>();
  readonly size: number;

  constructor(rules: Iterable<RuleLike>) {
    let n = 0;
    for (const r of rules) {
      if (!isRule(r)) continue;
      n++;
      const same = this.#byRoot.get(r.root);
      if (same) same.push(r);
      else this.#byRoot.set(r.root, [r]);
    }
    this.size = n;
  }

  of(root: OpInfo): readonly Rule[] {
    return this.#byRoot.get(root) ?? none;
  }
}

const none: readonly Rule[] = Object.freeze([]);
const isRule = (r: RuleLike): r is Rule => "apply" in r;

const sets = new WeakMap<ReadonlyMap<string, Dialect>, RuleSet>();

/** All rules of the dialects of a context, made once per context. */
export function rulesFor(dialects: ReadonlyMap<string, Dialect>): RuleSet {
  let set = sets.get(dialects);
  if (!set) {
    set = new RuleSet([...dialects.values()].flatMap((d) => d.rules));
    sets.set(dialects, set);
  }
  return set;
}
