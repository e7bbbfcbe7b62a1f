/** @file Folding: what follows from the traits of an op, and ops of known operands by evaluation. */
import type { Operation, Value } from "../ir/core.ts";
import { attributeOfDatum, datumOfAttribute, dtypeOf, toType } from "../ir/datum.ts";
import { isEffectFree } from "../ir/effects.ts";
import type { Num } from "../ir/evaluate.ts";
import { Commutative, Elementwise, Idempotent, Involution } from "../ir/traits.ts";
import {
  type Attribute,
  type DenseAttribute,
  elementCount,
  elementOf,
  hasStaticShape,
  isShaped,
  type ShapedType,
  vector,
} from "../ir/types.ts";
import { NDArray } from "../support/ndarray.ts";
import { constantOf } from "./constants.ts";
import type { Rewriter } from "./rewriter.ts";

export interface FoldOptions {
  /** Results with more elements than this are not evaluated, unless all operands are splats. 1024 by default. */
  readonly foldLimit?: number;
}

/** Folds an operation if it can: answers whether it was changed or replaced. */
export function foldOp(op: Operation, rw: Rewriter, options: FoldOptions): boolean {
  return foldTraits(op, rw) || foldConstants(op, rw, options.foldLimit ?? 1024);
}

/** Evaluates an op whose operands are all known. */
function foldConstants(op: Operation, rw: Rewriter, limit: number): boolean {
  const { def, uses } = op;
  if (uses.length === 0 || op.results.length === 0 || op.regions.length > 0 || def.isTerminator) return false;
  for (let i = 0; i < uses.length; i++) if (!uses[i]!.value.definingOp?.def.isConstant) return false;
  if (!isEffectFree(op)) return false;
  const values = def.has(Elementwise) && def.spec.scalar ? foldElementwise(op, limit) : undefined;
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

/** The scalar function on every element; on one if all operands are splats. */
function foldElementwise(op: Operation, limit: number): Attribute[] | undefined {
  const attributes = op.uses.map((u) => constantOf(u.value));
  const splat =
    attributes.every((a) => a?.kind !== "dense" || a.splat) && attributes.every((a) => a?.kind !== "resource");
  const shaped = op.results.find((r) => isShaped(r.type))?.type;
  if (shaped && !(isShaped(shaped) && hasStaticShape(shaped))) return undefined;
  const count = shaped && isShaped(shaped) && !splat ? elementCount(shaped.shape) : 1;
  if (count > limit || count === 0) return undefined;
  const operands: Num[][] = [];
  for (const a of attributes) {
    const datum = a && datumOfAttribute(splat && a.kind === "dense" ? oneElement(a) : a);
    if (datum === undefined) return undefined;
    operands.push(typeof datum === "object" ? datum.values() : [datum]);
  }
  const results = evaluateElements(op, operands, count);
  return results && writeResults(op, results, splat);
}

/** A splat as a constant of a single element. */
const oneElement = (a: DenseAttribute): DenseAttribute =>
  isShaped(a.type) ? { ...a, type: vector([1], elementOf(a.type)) } : a;

class Stopped extends Error {}

/** Result by result the elements; undefined where the scalar function faults: then the fault stays for the run. */
function evaluateElements(op: Operation, operands: readonly Num[][], count: number): Num[][] | undefined {
  const results = op.results.map(() => new Array<Num>(count));
  const types = op.results.map((r) => elementOf(r.type));
  if (types.some((t) => dtypeOf(t) === undefined)) return undefined;
  try {
    const kernel = op.def.spec.scalar!({
      operands: op.uses.map((u) => elementOf(u.value.type)),
      results: types,
      attrs: Object.fromEntries(op.def.attrFields.map((f, i) => [f.name, op.props[i]])),
      fail: () => {
        throw new Stopped();
      },
    }) as (...args: Num[]) => Num | readonly Num[];
    const args = new Array<Num>(operands.length);
    for (let n = 0; n < count; n++) {
      for (let i = 0; i < args.length; i++) args[i] = operands[i]![operands[i]!.length === 1 ? 0 : n]!;
      const answer = kernel(...args);
      if (typeof answer !== "object") results[0]![n] = toType(types[0]!, answer);
      else for (let r = 0; r < results.length; r++) results[r]![n] = toType(types[r]!, answer[r]!);
    }
  } catch (error) {
    if (error instanceof Stopped) return undefined;
    throw error;
  }
  return results;
}

function writeResults(op: Operation, results: readonly Num[][], splat: boolean): Attribute[] | undefined {
  const attributes: Attribute[] = [];
  for (let i = 0; i < results.length; i++) {
    const { type } = op.results[i]!;
    const values = results[i]!;
    const element = elementOf(type);
    let a: Attribute | undefined;
    if (!isShaped(type)) a = attributeOfDatum(values[0], type);
    else {
      const one = splat ? vector([1], element) : type;
      const written = attributeOfDatum(NDArray.from(dtypeOf(element)!, (one as ShapedType).shape, values), one);
      if (written?.kind === "dense") a = { ...written, type };
    }
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
