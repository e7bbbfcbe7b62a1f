/** @file What an operand or result may be: named predicates on types, with the static type they narrow to. */
import { typeText } from "./spell.ts";
import type {
  FloatType,
  IndexType,
  IntegerType,
  MemRefType,
  ShapedType,
  TensorType,
  Type,
  VectorType,
} from "./types.ts";
import { elementOf, hasStaticShape, i1, index, isShaped } from "./types.ts";

export interface Constraint<T extends Type = Type> {
  /** As it stands in messages: "must be LABEL, but got i32". */
  readonly label: string;
  test(t: Type): t is T;
  /** The only type that satisfies it, where there is only one; then the text need not spell it. */
  readonly only?: Type;
}

/** A constraint from a predicate. */
export function where<T extends Type>(label: string, test: (t: Type) => boolean, only?: Type): Constraint<T> {
  const c = { label, test: test as (t: Type) => t is T };
  return only ? { ...c, only } : c;
}

/** Exactly this type. */
export const exactly = <T extends Type>(t: T): Constraint<T> => where<T>(typeText(t), (x) => x === t, t);

export const Any: Constraint<Type> = where<Type>("any type", () => true);
export const Index: Constraint<IndexType> = where<IndexType>("index", (t) => t.kind === "index", index);
export const AnyInteger: Constraint<IntegerType> = where<IntegerType>("integer", (t) => t.kind === "integer");
export const Signless: Constraint<IntegerType> = where<IntegerType>(
  "signless integer",
  (t) => t.kind === "integer" && t.signedness === "signless",
);
export const AnyFloat: Constraint<FloatType> = where<FloatType>("floating-point", (t) => t.kind === "float");
export const I1: Constraint<IntegerType> = where<IntegerType>("1-bit signless integer", (t) => t === i1, i1);
export const Tensor: Constraint<TensorType> = where<TensorType>(
  "tensor of any type values",
  (t) => t.kind === "tensor",
);
export const RankedTensor: Constraint<TensorType> = where<TensorType>(
  "ranked tensor of any type values",
  (t) => t.kind === "tensor" && t.ranked,
);
export const MemRef: Constraint<MemRefType> = where<MemRefType>(
  "memref of any type values",
  (t) => t.kind === "memref" && t.ranked,
);
export const StaticMemRef: Constraint<MemRefType> = where<MemRefType>(
  "statically shaped memref of any type values",
  (t) => t.kind === "memref" && hasStaticShape(t),
);
export const AnyMemRef: Constraint<MemRefType> = where<MemRefType>(
  "ranked or unranked memref of any type values",
  (t) => t.kind === "memref",
);
export const Vector: Constraint<VectorType> = where<VectorType>(
  "vector of any type values",
  (t) => t.kind === "vector",
);
export const Shaped: Constraint<ShapedType> = where<ShapedType>("shaped of any type values", isShaped);
export const StaticShaped: Constraint<ShapedType> = where<ShapedType>(
  "statically shaped",
  (t) => isShaped(t) && hasStaticShape(t),
);

export type Like<T extends Type> = T | VectorType | TensorType;
const likeOf = (t: Type): Type => (t.kind === "vector" || t.kind === "tensor" ? elementOf(t) : t);

export const FloatLike: Constraint<Like<FloatType>> = where("floating-point-like", (t) => likeOf(t).kind === "float");
export const SignlessIntegerLike: Constraint<Like<IntegerType | IndexType>> = where("signless-integer-like", (t) => {
  const e = likeOf(t);
  return e.kind === "index" || (e.kind === "integer" && e.signedness === "signless");
});
export const SignlessFixedWidthIntegerLike: Constraint<Like<IntegerType>> = where(
  "signless-fixed-width-integer-like",
  (t) => {
    const e = likeOf(t);
    return e.kind === "integer" && e.signedness === "signless";
  },
);
export const BoolLike: Constraint<Like<IntegerType>> = where("bool-like", (t) => {
  const e = likeOf(t);
  return e.kind === "integer" && e.width === 1 && e.signedness === "signless";
});
export const IndexLike: Constraint<Like<IndexType>> = where("index-like", (t) => likeOf(t).kind === "index");

/** Either of several constraints. */
export const oneOf = <T extends Type>(label: string, ...options: readonly Constraint<T>[]): Constraint<T> =>
  where<T>(label, (t) => options.some((o) => o.test(t)));

/** A shaped constraint whose elements satisfy another one. */
export const elements = <T extends ShapedType>(of: Constraint<T>, element: Constraint, label: string): Constraint<T> =>
  where<T>(label, (t) => of.test(t) && element.test(elementOf(t)));
