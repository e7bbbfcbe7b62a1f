/** @file Folding: what follows from the traits of an op, and ops of known operands by evaluation. */
import type { Operation } from "../ir/core.ts";
import { Commutative, Idempotent, Involution } from "../ir/traits.ts";
import type { Rewriter } from "./rewriter.ts";

export interface FoldOptions {
  /** Results with more elements than this are not evaluated. */
  readonly foldLimit?: number;
}

/** Folds an operation if it can: answers whether it was changed or replaced. */
export function foldOp(op: Operation, rw: Rewriter, _options: FoldOptions): boolean {
  return foldTraits(op, rw);
}

const isConstant = (op: Operation, operand: number): boolean => op.operand(operand).definingOp?.def.isConstant === true;

function foldTraits(op: Operation, rw: Rewriter): boolean {
  const { def } = op;
  if (def.traits.size === 0 || op.results.length !== 1) return false;
  if (def.has(Commutative) && op.uses.length === 2 && isConstant(op, 0) && !isConstant(op, 1)) {
    const [a, b] = [op.operand(0), op.operand(1)];
    rw.modify(op, () => {
      op.setOperand(0, b);
      op.setOperand(1, a);
    });
    return true;
  }
  const result = op.result();
  if (def.has(Involution) && op.uses.length === 1) {
    const inner = op.operand(0).definingOp;
    if (inner?.def === def && inner.operand(0).type === result.type) {
      rw.replace(op, [inner.operand(0)]);
      return true;
    }
  }
  if (!def.has(Idempotent)) return false;
  const first = op.operand(0);
  const inner = first.definingOp;
  if (op.uses.length === 1) {
    if (inner?.def !== def || first.type !== result.type) return false;
    rw.replace(op, [first]);
    return true;
  }
  if (op.uses.length !== 2) return false;
  const second = op.operand(1);
  if (first === second && first.type === result.type) {
    rw.replace(op, [first]);
    return true;
  }
  // f(f(x, y), y) = f(x, y), either way round.
  for (const [outer, other] of [
    [first, second],
    [second, first],
  ] as const) {
    const o = outer.definingOp;
    if (o?.def !== def || outer.type !== result.type || !o.uses.some((u) => u.value === other)) continue;
    if (!def.has(Commutative) && !(outer === first && o.operand(1) === other)) continue;
    rw.replace(op, [outer]);
    return true;
  }
  return false;
}
