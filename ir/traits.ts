/** @file Traits: facts about an op, each with its own check. Passes ask for a trait where they would otherwise need a name. */

import type { Note } from "../support/diagnostic.ts";
import type { Operation } from "./core.ts";
import { fieldRange } from "./fields.ts";
import {
  elementOf,
  isDynamic,
  isShaped,
  type ShapedType,
  type TensorType,
  type Type,
  type VectorType,
} from "./types.ts";

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
  readonly notes?: readonly Note[];
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
/** Values defined at its top are symbols of the affine maps inside. */
export const AffineScope = fact("AffineScope");
/** Threads that run together wait here for each other. */
export const Barrier = fact("Barrier");
/** Allocas inside are freed when it is left. */
export const AutomaticAllocationScope = fact("AutomaticAllocationScope");
/** The op is a loop body's or branch's result: its operands are handed to the parent. */
export const ReturnLike = fact("ReturnLike");

/** The operand (result) fields of open length all have as many values, so none need be counted. */
export const SameVariadicOperandSize = fact("SameVariadicOperandSize");
export const SameVariadicResultSize = fact("SameVariadicResultSize");

/** Each region has at most one block. */
export const SingleBlock: Trait = {
  name: "SingleBlock",
  verify(op, fail) {
    for (const [i, r] of op.regions.entries()) {
      if (r.blocks.length > 1) fail(`expects region #${i} to have 0 or 1 blocks`, { code: "verify/region" });
    }
  },
};

/** Each region has one block. */
export const OneBlock: Trait = {
  name: "OneBlock",
  verify(op, fail) {
    for (const [i, r] of op.regions.entries()) {
      if (r.blocks.length === 1) continue;
      const name = op.def.regionNames[Math.min(i, op.def.regionNames.length - 1)];
      fail(`region #${i} ('${name}') failed to verify constraint: region with 1 blocks`, { code: "verify/region" });
    }
  },
};

/** The parent must be one of these ops. */
export const hasParent = (...names: readonly string[]): Trait => ({
  name: "HasParent",
  verify(op, fail) {
    const parent = op.parentOp;
    if (parent && !names.includes(parent.name)) {
      const wanted = names.length === 1 ? `'${names[0]}'` : `to be one of '${names.join(", ")}'`;
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
    const mappable = (t: Type): t is VectorType | TensorType => t.kind === "vector" || t.kind === "tensor";
    const operands = op.uses.map((u) => u.value.type).filter(mappable);
    const results = op.results.map((r) => r.type).filter(mappable);
    const [first] = operands;
    if (!first) {
      if (results.length > 0) fail("if a result is non-scalar, then at least one operand must be non-scalar");
      return;
    }
    if (results.length === 0) {
      fail("if an operand is non-scalar, then there must be at least one non-scalar result");
    } else if (results.length !== op.results.length) {
      fail("if an operand is non-scalar, then all results must be non-scalar");
    } else if ([...operands, ...results].some((t) => t.kind !== first.kind || !compatibleShapes(t, first))) {
      fail("all non-scalar operands/results must have the same shape and base type");
    }
  },
};

/** The shapes may be the same at run time. */
export function compatibleShapes(a: ShapedType, b: ShapedType): boolean {
  if (("ranked" in a && !a.ranked) || ("ranked" in b && !b.ranked)) return true;
  const scales = (t: ShapedType, i: number): boolean => t.kind === "vector" && (t.scalable[i] ?? false);
  return (
    a.shape.length === b.shape.length &&
    a.shape.every(
      (d, i) => (d === b.shape[i] || isDynamic(d) || isDynamic(b.shape[i]!)) && scales(a, i) === scales(b, i),
    )
  );
}

/** A trait that also tells the parser which types follow from each other. */
export interface SameTypes extends Trait {
  readonly fields: readonly string[];
}
export const isSameTypes = (t: Trait): t is SameTypes => "fields" in t;

function sameTypesWith(name: string, fields: readonly string[], message: string): SameTypes {
  return {
    name,
    fields,
    verify(op, fail) {
      let first: Type | undefined;
      for (const field of fields) {
        for (const t of typesOfField(op, field)) {
          first ??= t;
          if (t !== first) {
            fail(message);
            return;
          }
        }
      }
    },
  };
}

/** The named operands and results, which are all there are, have one type; writing one of them in the text is enough. */
export const sameTypes = (...fields: readonly string[]): SameTypes =>
  sameTypesWith("SameOperandsAndResultType", fields, "requires the same type for all operands and results");

/** The named operands, which are all there are, have one type. */
export const sameOperandTypes = (...fields: readonly string[]): SameTypes =>
  sameTypesWith("SameTypeOperands", fields, "requires all operands to have the same type");

/** The named ones among the operands and results have one type. */
export const allTypesMatch = (...fields: readonly string[]): SameTypes =>
  sameTypesWith("AllTypesMatch", fields, `failed to verify that all of {${fields.join(", ")}} have same type`);

/** The type of one field follows from that of another. */
export const typesMatchWith = (label: string, from: string, to: string, follow: (t: Type) => Type): Trait => ({
  name: "TypesMatchWith",
  verify(op, fail) {
    const [given] = typesOfField(op, from);
    const [got] = typesOfField(op, to);
    if (given && got && follow(given) !== got) fail(`failed to verify that ${label}`);
  },
});

/** Operands and results have one shape, as far as it is known (all are shaped, or none is). */
export const SameOperandsAndResultShape: Trait = {
  name: "SameOperandsAndResultShape",
  verify(op, fail) {
    const types = [...op.uses.map((u) => u.value.type), ...op.results.map((r) => r.type)];
    const shaped = types.filter(isShaped);
    const [first] = shaped;
    if (first && (shaped.length < types.length || shaped.some((t) => !compatibleShapes(t, first)))) {
      fail("requires the same shape for all operands and results");
    }
  },
};

/** A cast of one tensor to another leaves every dimension as known or unknown as it was. */
export const SameTensorDimensions: Trait = {
  name: "SameInputOutputTensorDims",
  verify(op, fail) {
    const [from, to] = [op.uses[0]?.value.type, op.results[0]?.type];
    if (from?.kind !== "tensor" || to?.kind !== "tensor") return;
    const same = from.ranked === to.ranked && from.shape.length === to.shape.length;
    if (!same || from.shape.some((d, i) => d !== to.shape[i])) {
      fail("failed to verify that input and output have the same tensor dimensions");
    }
  },
};

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
