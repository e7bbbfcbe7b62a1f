/** @file Folding: what follows from the traits of an op, and ops of known operands by evaluation. */
import { Block, Operation, type Value } from "../ir/core.ts";
import { attributeOfDatum, datumOfAttribute, dtypeOf } from "../ir/datum.ts";
import { isEffectFree } from "../ir/effects.ts";
import { regionBranch } from "../ir/interfaces.ts";
import { evaluateOp } from "../ir/interpret.ts";
import { Commutative, Elementwise, Idempotent, Involution } from "../ir/traits.ts";
import { type Attribute, elementCount, hasStaticShape, isShaped, type Type, vector } from "../ir/types.ts";
import { CompileError } from "../support/diagnostic.ts";
import { constantOf } from "./constants.ts";
import { knownDatum } from "./matchers.ts";
import type { Rewriter } from "./rewriter.ts";

export interface FoldOptions {
  /** Results with more elements than this are not evaluated, unless all operands are splats. 1024 by default. */
  readonly foldLimit?: number;
}

/** Folds an operation if it can: answers whether it was changed or replaced. */
export function foldOp(op: Operation, rw: Rewriter, options: FoldOptions): boolean {
  if (op.regions.length > 0) return foldBranch(op, rw);
  return foldTraits(op, rw) || foldConstants(op, rw, options.foldLimit ?? 1024);
}

/** An op of which it is known which region runs: that region stands in its place. */
function foldBranch(op: Operation, rw: Rewriter): boolean {
  const chosen = regionBranch.of(op)?.chosen(op, knownDatum);
  if (chosen === undefined) return false;
  if (chosen === "none") rw.replace(op, []);
  else if (chosen.blocks.length === 1 && chosen.entry.args.length === 0) rw.replaceWithRegion(op, chosen);
  else return false;
  return true;
}

/** Evaluates an op whose operands are all known. */
function foldConstants(op: Operation, rw: Rewriter, limit: number): boolean {
  const { def, uses } = op;
  if (uses.length === 0) return false;
  for (let i = 0; i < uses.length; i++) if (!uses[i]!.value.definingOp?.def.isConstant) return false;
  const operands = uses.map((u) => constantOf(u.value));
  const values = evaluateWith(op, operands, limit);
  if (!values) return false;
  const replacements: Value[] = [];
  for (let i = 0; i < values.length; i++) {
    const constant = rw.constant(values[i]!, op.results[i]!.type, def.dialect);
    if (constant?.type !== op.results[i]!.type) return false;
    replacements.push(constant);
  }
  rw.replace(op, replacements);
  return true;
}

/**
 * What an op gives for operands that are known to be these; undefined if that cannot be said: it has effects or no
 * meaning, it faults (the fault stays for the run), or something is larger than the limit.
 */
export function evaluateWith(
  op: Operation,
  operands: readonly (Attribute | undefined)[],
  limit: number,
): readonly Attribute[] | undefined {
  const { def } = op;
  if (op.results.length === 0 || op.regions.length > 0 || def.isTerminator || !isEffectFree(op)) return undefined;
  return foldSplats(op, operands) ?? evaluateSmall(op, operands, limit);
}

/** Runs an op of which no operand or result is large. */
function evaluateSmall(
  op: Operation,
  operands: readonly (Attribute | undefined)[],
  limit: number,
): Attribute[] | undefined {
  for (const r of op.results) if (!isSmall(r.type, limit)) return undefined;
  const data: unknown[] = [];
  for (let i = 0; i < operands.length; i++) {
    const a = isSmall(op.operand(i).type, limit) ? operands[i] : undefined;
    const datum = a && datumOfAttribute(a);
    if (datum === undefined) return undefined;
    if (op.operand(i).type.kind === "index" && !Number.isSafeInteger(datum)) return undefined;
    data.push(datum);
  }
  return run(op, data);
}

function run(op: Operation, data: readonly unknown[]): Attribute[] | undefined {
  try {
    return writeResults(
      evaluateOp(op, data),
      op.results.map((r) => r.type),
    );
  } catch (error) {
    if (error instanceof CompileError) return undefined;
    throw error;
  }
}

function isSmall(t: Type, limit: number): boolean {
  if (!isShaped(t)) return true;
  if (t.kind === "vector" && t.scalable.length > 0) return false;
  if (dtypeOf(t.element) === undefined) return false;
  return t.kind !== "memref" && hasStaticShape(t) && elementCount(t.shape) <= limit;
}

/** An elementwise op on splats of any size: its scalar function once. */
function foldSplats(op: Operation, operands: readonly (Attribute | undefined)[]): Attribute[] | undefined {
  if (!op.def.has(Elementwise) || !op.results.some((r) => isShaped(r.type) && hasStaticShape(r.type))) return undefined;
  const one = (t: Type): Type => (isShaped(t) ? vector([1], t.element) : t);
  const data: unknown[] = [];
  const types: Type[] = [];
  for (const [i, a] of operands.entries()) {
    if (!a || a.kind === "resource" || (a.kind === "dense" && !a.splat)) return undefined;
    types.push(one(op.operand(i).type));
    data.push(datumOfAttribute(a.kind === "dense" ? { ...a, type: types.at(-1)! } : a));
  }
  if (data.includes(undefined)) return undefined;
  const block = new Block(types);
  const small = new Operation(op.def, {
    operands: block.args,
    props: op.props,
    resultTypes: op.results.map((r) => one(r.type)),
    operandSegments: op.operandSegments,
  });
  return run(small, data)?.map((a, i) => (a.kind === "dense" ? { ...a, type: op.results[i]!.type } : a));
}

function writeResults(results: readonly unknown[], types: readonly Type[]): Attribute[] | undefined {
  const attributes: Attribute[] = [];
  for (let i = 0; i < types.length; i++) {
    const a = attributeOfDatum(results[i], types[i]!);
    if (!a) return undefined;
    attributes.push(a);
  }
  return attributes;
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
