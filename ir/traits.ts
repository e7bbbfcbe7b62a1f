/** @file Traits: facts about an op, each with its own check. Passes ask for a trait where they would otherwise need a name. */

import type { Operation } from "./core.ts";
import { fieldRange } from "./fields.ts";
import { typeText } from "./spell.ts";
import { elementOf, isShaped, type Type } from "./types.ts";

/** Reports a fault of the op being verified; `at` names an operand, result, attribute or region field to point at. */
export type Fail = (message: string, at?: FailAt) => void;
export interface FailAt {
  readonly code?:
    | "verify/op"
    | "verify/region"
    | "verify/symbol"
    | "verify/attribute"
    | "verify/operand-type"
    | "verify/result-type"
    | "verify/terminator"
    | "verify/operands";
  /** The op to point at, if it is not the one that is verified. */
  readonly op?: Operation;
  readonly help?: string;
  /** The message stands alone, without the name of the op before it. */
  readonly plain?: boolean;
}

export interface Trait {
  readonly name: string;
  readonly verify?: (op: Operation, fail: Fail) => void;
}

const fact = (name: string): Trait => ({ name });

/** No memory effects, never undefined: may be removed, merged, moved speculatively. */
export const Pure = fact("Pure");
/** The effects are those of the ops inside. */
export const RecursiveEffects = fact("RecursiveEffects");
/** Swapping the (two) operands changes nothing. */
export const Commutative = fact("Commutative");
/** f(f(x)) = x. */
export const Involution = fact("Involution");
/** f(f(x)) = f(x), and f(x, x) = x for two operands. */
export const Idempotent = fact("Idempotent");
/** Ends a block. */
export const Terminator = fact("Terminator");
/** The single blocks of its regions need no terminator. */
export const NoTerminator = fact("NoTerminator");
/** Nothing from outside is visible in its regions. */
export const Isolated = fact("IsolatedFromAbove");
/** A constant: no operands, one result, the attribute `value`. */
export const ConstantLike = fact("ConstantLike");
/** Holds symbols in its (single-block) region. */
export const SymbolTable = fact("SymbolTable");
/** Allocas inside are freed when it is left. */
export const AutomaticAllocationScope = fact("AutomaticAllocationScope");
/** The op is a loop body's or branch's result: its operands are handed to the parent. */
export const ReturnLike = fact("ReturnLike");

/** Each region has at most one block. */
export const SingleBlock: Trait = {
  name: "SingleBlock",
  verify(op, fail) {
    for (const [i, r] of op.regions.entries()) {
      if (r.blocks.length > 1) fail(`expects region #${i} to have 0 or 1 blocks`, { code: "verify/region" });
    }
  },
};

/** The parent must be one of these ops. */
export const hasParent = (...names: readonly string[]): Trait => ({
  name: "HasParent",
  verify(op, fail) {
    const parent = op.parentOp;
    if (parent && parent.def.registered && !names.includes(parent.name)) {
      const wanted = names.length === 1 ? `'${names[0]}'` : `one of '${names.join(", ")}'`;
      fail(`expects parent op ${wanted}`, { code: "verify/terminator" });
    }
  },
});

/**
 * Applies a scalar function to every element; scalars, vectors and tensors alike. From the record's `scalar` follow
 * evaluation, folding, expansion to loops, vectorization and code.
 */
export const Elementwise: Trait = {
  name: "Elementwise",
  verify(op, fail) {
    const shapes = [...op.uses.map((u) => u.value.type), ...op.results.map((r) => r.type)].filter(isShaped);
    const first = shapes[0];
    if (!first) return;
    if (op.results.every((r) => !isShaped(r.type))) {
      fail("if an operand is non-scalar, then there must be at least one non-scalar result");
      return;
    }
    for (const s of shapes) {
      if (s.kind !== first.kind) {
        fail("all non-scalar operands/results must have the same shape and base type");
        return;
      }
      if ("ranked" in s && (!s.ranked || !(first as typeof s).ranked)) continue;
      const same =
        s.shape.length === first.shape.length &&
        s.shape.every((d, i) => d === first.shape[i] || d < 0 || first.shape[i]! < 0);
      if (!same) {
        fail("all non-scalar operands/results must have the same shape and base type");
        return;
      }
    }
  },
};

/** A trait that also tells the parser which types follow from each other. */
export interface SameTypes extends Trait {
  readonly fields: readonly string[];
}
export const isSameTypes = (t: Trait): t is SameTypes => "fields" in t;

/** The named operands and results all have one type; writing one of them in the text is enough. */
export const sameTypes = (...fields: readonly string[]): SameTypes => ({
  name: "AllTypesMatch",
  fields,
  verify(op, fail) {
    let first: Type | undefined;
    for (const name of fields) {
      for (const v of typesOfField(op, name)) {
        if (first === undefined) first = v;
        else if (v !== first) {
          fail(`requires the same type for all operands and results: ${typeText(first)} and ${typeText(v)}`);
          return;
        }
      }
    }
  },
});

/** The named fields have the same element type (and may differ in shape). */
export const sameElementTypes = (...fields: readonly string[]): Trait => ({
  name: "SameElementTypes",
  verify(op, fail) {
    const all = fields.flatMap((f) => typesOfField(op, f).map(elementOf));
    if (all.some((t) => t !== all[0])) fail("requires the same element type for all operands and results");
  },
});

/** The types of an operand or result field. */
export function typesOfField(op: Operation, name: string): readonly Type[] {
  const { operandFields, resultFields } = op.def;
  const o = operandFields.findIndex((f) => f.name === name);
  if (o >= 0) {
    const [start, end] = fieldRange(operandFields, o, op.uses.length, op.operandSegments);
    return op.uses.slice(start, end).map((u) => u.value.type);
  }
  const r = resultFields.findIndex((f) => f.name === name);
  const [start, end] = fieldRange(resultFields, r, op.results.length, op.resultSegments);
  return op.results.slice(start, end).map((v) => v.type);
}
