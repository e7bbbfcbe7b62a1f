/** @file How vectors are combined and reduced, and what vectors may be: the parts that the families of vector ops share. */
import { attr } from "../../ir/attributes.ts";
import { type Constraint, where } from "../../ir/constraints.ts";
import { toType, unsignedOf } from "../../ir/datum.ts";
import type { Num } from "../../ir/evaluate.ts";
import { type Type, type VectorType, vector } from "../../ir/types.ts";

/** CombiningKind of the vector dialect. */
export const kinds = [
  "add",
  "mul",
  "minui",
  "minsi",
  "minnumf",
  "maxui",
  "maxsi",
  "maxnumf",
  "and",
  "or",
  "xor",
  "minimumf",
  "maximumf",
] as const;
export type Kind = (typeof kinds)[number];

/** `#vector.kind<add>`. */
export const kindAttr = attr.enumAttr("vector.kind", kinds);

/** The kind is defined for elements of the type. */
export function isKindFor(kind: Kind, t: Type): boolean {
  const integer = t.kind === "integer" || t.kind === "index";
  switch (kind) {
    case "add":
    case "mul":
      return integer || t.kind === "float";
    case "minnumf":
    case "maxnumf":
    case "minimumf":
    case "maximumf":
      return t.kind === "float";
    default:
      return integer;
  }
}

/** Combines two elements of a type; made once per op, called per element. */
export function combiner(kind: Kind, t: Type): (a: Num, b: Num) => Num {
  if (t.kind === "float") {
    const rounded =
      (f: (a: number, b: number) => number) =>
      (a: Num, b: Num): Num =>
        toType(t, f(a as number, b as number));
    switch (kind) {
      case "mul":
        return rounded((a, b) => a * b);
      case "minimumf":
        return rounded(Math.min);
      case "maximumf":
        return rounded(Math.max);
      case "minnumf":
        return rounded((a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b)));
      case "maxnumf":
        return rounded((a, b) => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b)));
      default:
        return rounded((a, b) => a + b);
    }
  }
  const exact =
    (f: (a: bigint, b: bigint) => bigint) =>
    (a: Num, b: Num): Num =>
      toType(t, f(BigInt(a), BigInt(b)));
  const chosen =
    (first: (a: Num, b: Num) => boolean) =>
    (a: Num, b: Num): Num =>
      first(a, b) ? a : b;
  switch (kind) {
    case "mul":
      return exact((a, b) => a * b);
    case "and":
      return exact((a, b) => a & b);
    case "or":
      return exact((a, b) => a | b);
    case "xor":
      return exact((a, b) => a ^ b);
    case "minsi":
      return chosen((a, b) => a < b);
    case "maxsi":
      return chosen((a, b) => a >= b);
    case "minui":
      return chosen((a, b) => unsignedOf(t, a) < unsignedOf(t, b));
    case "maxui":
      return chosen((a, b) => unsignedOf(t, a) >= unsignedOf(t, b));
    default:
      return t.kind === "integer" && t.width > 32
        ? exact((a, b) => a + b)
        : (a, b) => toType(t, (a as number) + (b as number));
  }
}

// --- constraints ----------------------------------------------------------------------------------------------------

const isI1 = (t: Type): boolean => t.kind === "integer" && t.width === 1 && t.signedness === "signless";

export const Mask: Constraint<VectorType> = where<VectorType>(
  "vector of 1-bit signless integer values",
  (t) => t.kind === "vector" && isI1(t.element),
);
export const Mask1D: Constraint<VectorType> = where<VectorType>(
  "vector of 1-bit signless integer values of ranks 1",
  (t) => t.kind === "vector" && isI1(t.element) && t.shape.length === 1,
);
export const Vector1D: Constraint<VectorType> = where<VectorType>(
  " of ranks 1",
  (t) => t.kind === "vector" && t.shape.length === 1,
);
export const FixedVector: Constraint<VectorType> = where<VectorType>(
  "fixed-length vector of any type values",
  (t) => t.kind === "vector" && t.scalable.length === 0,
);
export const FloatVector: Constraint<VectorType> = where<VectorType>(
  "vector of floating-point values",
  (t) => t.kind === "vector" && t.element.kind === "float",
);
export const IndexVector: Constraint<VectorType> = where<VectorType>(
  "vector of integer or index values",
  (t) => t.kind === "vector" && (t.element.kind === "integer" || t.element.kind === "index"),
);
export const IndexVector1D: Constraint<VectorType> = where<VectorType>(
  "vector of integer or index values of ranks 1",
  (t) => IndexVector.test(t) && t.shape.length === 1,
);
export const Arithmetic1D: Constraint<VectorType> = where<VectorType>(
  "vector of signless integer or signed integer or index or floating-point values of ranks 1",
  (t) =>
    t.kind === "vector" &&
    t.shape.length === 1 &&
    (t.element.kind === "float" ||
      t.element.kind === "index" ||
      (t.element.kind === "integer" && t.element.signedness !== "unsigned")),
);

/** Some of the dimensions of a vector type, in the order given. */
export const selectDimensions = (t: VectorType, dims: readonly number[], element: Type = t.element): VectorType =>
  vector(
    dims.map((d) => t.shape[d]!),
    element,
    dims.map((d) => t.scalable[d] ?? false),
  );

/** Whether a dimension is scalable. */
export const isScalable = (t: VectorType, d: number): boolean => t.scalable[d] ?? false;
