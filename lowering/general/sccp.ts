/** @file sccp: sparse conditional constant propagation (Wegman, Zadeck 1991). */
import type { Block, Operation, Region, Value } from "../../ir/core.ts";
import { datumOfAttribute } from "../../ir/datum.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import type { Num } from "../../ir/evaluate.ts";
import { branchLike } from "../../ir/interfaces.ts";
import { type Attribute, sameAttribute } from "../../ir/types.ts";
import { constantValue } from "../../rewrite/constants.ts";
import { evaluateWith } from "../../rewrite/fold.ts";
import { definePass } from "../../rewrite/pass.ts";
import { Rewriter } from "../../rewrite/rewriter.ts";

export const sccp = definePass("sccp", {
  doc:
    "Finds values that are constant on every path that can be taken, also where only all of it together shows that: a " +
    "block's argument is constant if all branches that are ever taken hand the same constant over.",
  example: {
    before: `func.func @f(%c: i1) -> i32 {
  %c1 = arith.constant 1 : i32
  cf.cond_br %c, ^a(%c1 : i32), ^b(%c1 : i32)
^a(%x: i32):
  cf.br ^b(%x : i32)
^b(%y: i32):
  %0 = arith.addi %y, %y : i32
  return %0 : i32
}`,
    after: `func.func @f(%arg0: i1) -> i32 {
  %c1_i32 = arith.constant 1 : i32
  cf.cond_br %arg0, ^bb1(%c1_i32 : i32), ^bb2(%c1_i32 : i32)
^bb1(%0: i32):  // pred: ^bb0
  %c1_i32_0 = arith.constant 1 : i32
  cf.br ^bb2(%c1_i32_0 : i32)
^bb2(%1: i32):  // 2 preds: ^bb0, ^bb1
  %c1_i32_1 = arith.constant 1 : i32
  %c2_i32 = arith.constant 2 : i32
  return %c2_i32 : i32
}`,
  },
  run(op, _options, pass) {
    const found = new Propagation(op);
    const rw = new Rewriter(pass.context);
    let replaced = 0;
    for (const [value, a] of found.constants()) {
      if (!value.hasUses || value.definingOp?.def.isConstant) continue;
      const block = value.block!;
      const after = value.definingOp?.next ?? block.first;
      const made = rw.at(block, after, () => rw.constant(a, value.type, value.definingOp?.def.dialect));
      if (made?.type !== value.type) continue;
      value.replaceAllUsesWith(made);
      replaced++;
      const op = value.definingOp;
      if (op && isTriviallyDead(op)) op.erase();
    }
    pass.count("replaced", replaced);
    return replaced > 0;
  },
});

/** Results of more elements are not looked into. */
const LIMIT = 256;

/** Not constant. A value of which nothing is known yet is not in the map. */
const VARIES = Symbol("varies");
type State = Attribute | typeof VARIES;

class Propagation {
  readonly #states = new Map<Value, State>();
  readonly #reached = new Set<Block>();
  readonly #blocks: Block[] = [];
  readonly #changed: Value[] = [];

  constructor(root: Operation) {
    for (const region of root.regions) this.#enter(region);
    for (;;) {
      const block = this.#blocks.pop();
      if (block) {
        for (let o = block.first; o; o = o.next) this.#visit(o);
        continue;
      }
      const value = this.#changed.pop();
      if (!value) return;
      for (const u of value.uses()) if (u.owner.block && this.#reached.has(u.owner.block)) this.#visit(u.owner);
    }
  }

  *constants(): Generator<readonly [Value, Attribute]> {
    for (const [v, s] of this.#states) if (s !== VARIES) yield [v, s];
  }

  /** What a region starts with is handed in by its op, in ways of its own. */
  #enter(region: Region): void {
    if (region.isEmpty) return;
    for (const a of region.entry.args) this.#set(a, VARIES);
    this.#reach(region.entry);
  }

  #reach(block: Block): void {
    if (this.#reached.has(block)) return;
    this.#reached.add(block);
    this.#blocks.push(block);
  }

  /** Values only ever go from unknown to constant to varying, so this ends. */
  #set(v: Value, state: State): void {
    const had = this.#states.get(v);
    if (had === VARIES) return;
    const now = had === undefined || (state !== VARIES && sameAttribute(had, state)) ? state : VARIES;
    if (had !== undefined && now !== VARIES) return;
    this.#states.set(v, now);
    this.#changed.push(v);
  }

  #visit(op: Operation): void {
    if (op.successors.length > 0) {
      this.#branch(op);
      return;
    }
    for (const region of op.regions) this.#enter(region);
    if (op.results.length === 0) return;
    const values = op.def.isConstant ? this.#ownValue(op) : this.#evaluate(op);
    if (values === undefined) return;
    op.results.forEach((r, i) => {
      this.#set(r, values[i] ?? VARIES);
    });
  }

  #ownValue(op: Operation): readonly State[] {
    const a = constantValue(op);
    return [a ?? VARIES];
  }

  /** Undefined while an operand is still unknown. */
  #evaluate(op: Operation): readonly State[] | undefined {
    const operands: Attribute[] = [];
    let varies = op.uses.length === 0;
    for (const u of op.uses) {
      const s = this.#states.get(u.value);
      if (s === undefined) return undefined;
      if (s === VARIES) varies = true;
      else operands.push(s);
    }
    if (varies) return [];
    return evaluateWith(op, operands, LIMIT) ?? [];
  }

  #branch(op: Operation): void {
    const iface = branchLike.of(op);
    let unknown = false;
    const known = (v: Value): Num | undefined => {
      const s = this.#states.get(v);
      if (s === undefined) unknown = true;
      const datum = s !== undefined && s !== VARIES ? datumOfAttribute(s) : undefined;
      return typeof datum === "object" ? undefined : datum;
    };
    const taken = op.successors.length === 1 ? 0 : iface?.taken?.(op, known);
    if (taken === undefined && unknown) return;
    op.successors.forEach((block, i) => {
      if (taken === undefined || taken === i) this.#take(block, iface?.operandsFor(op, i));
    });
  }

  #take(block: Block, handed: readonly Value[] | undefined): void {
    block.args.forEach((a, i) => {
      const v = handed?.[i];
      const s = v === undefined ? VARIES : this.#states.get(v);
      if (s !== undefined) this.#set(a, s);
    });
    this.#reach(block);
  }
}
