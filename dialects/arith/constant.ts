/** @file arith.constant, and shorthands to build constants. */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import { Any } from "../../ir/constraints.ts";
import type { Value } from "../../ir/core.ts";
import { datumOfAttribute } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import { one } from "../../ir/fields.ts";
import { typeText } from "../../ir/spell.ts";
import { ConstantLike, Pure } from "../../ir/traits.ts";
import {
  type Attribute,
  boolAttribute,
  elementOf,
  floatAttribute,
  type IndexType,
  type IntegerType,
  i1,
  index,
  integerAttribute,
  none,
  type Type,
  typeOfAttribute,
} from "../../ir/types.ts";

const typed = attr.where("TypedAttr instance", (a) => a.kind === "string" || typeOfAttribute(a) !== undefined);

export const constant = defineOp("arith.constant", {
  doc: "A known number, vector or tensor.",
  attrs: { value: typed },
  results: [one("result", Any)],
  traits: [Pure, ConstantLike],
  assembly: "attr-dict $value",
  infer: ({ value }) => [typeOfAttribute(value) ?? none],
  inferLoosely: true,
  names: ({ value, result }) => [constantName(value, result.type)],
  verify({ value, result }, fail) {
    const { type } = result;
    if (typeOfAttribute(value) !== type) {
      fail("failed to verify that all of {value, result} have same type", { code: "verify/result-type" });
      return;
    }
    const element = elementOf(type);
    if (element.kind === "integer" && element.signedness !== "signless") {
      fail("integer return type must be signless", { code: "verify/result-type" });
      return;
    }
    const literal = ["integer", "float", "bool", "dense", "resource", "opaque"].includes(value.kind);
    if (!literal) fail("value must be an integer, float, or elements attribute", { code: "verify/attribute" });
    if (type.kind === "vector" && type.scalable.length > 0 && !(value.kind === "dense" && value.splat)) {
      fail("intializing scalable vectors with elements attribute is not supported unless it's a vector splat", {
        code: "verify/attribute",
      });
    }
  },
  evaluate: ({ value }, run) =>
    datumOfAttribute(value) ?? run.fail(`${typeText(run.resultType(0))} has no run-time form`),
});

/** As MLIR names them: `%c4`, `%c4_i32`, `%true`, `%cst`. */
function constantName(value: Attribute, type: Type): string {
  if (value.kind === "bool") return value.value ? "true" : "false";
  if (value.kind !== "integer") return "cst";
  if (type.kind !== "integer") return `c${value.value}`;
  return type.width === 1 ? (value.value === 0n ? "false" : "true") : `c${value.value}_${typeText(type)}`;
}

/** A constant of type index. */
export const constantIndex = (b: Builder, value: number): Value<IndexType> =>
  constant(b, { value: integerAttribute(value, index) }) as Value<IndexType>;

/** A constant of an integer type. */
export const constantInteger = (b: Builder, value: number | bigint, type: IntegerType): Value<IntegerType> =>
  constant(b, {
    value: type === i1 ? boolAttribute(Boolean(value)) : integerAttribute(value, type),
  }) as Value<IntegerType>;

/** A constant of a float type; the value is one that the type has. */
export const constantFloat = (b: Builder, value: number, type: Type): Value =>
  constant(b, { value: floatAttribute(value, type) });

/** Writes any value that an attribute can hold, if the attribute has the type. */
export function materialize(b: Builder, value: Attribute, type: Type): Value | undefined {
  if (typeOfAttribute(value) !== type || value.kind === "string" || value.kind === "opaque") return undefined;
  const element = elementOf(type);
  if (type.kind === "memref" || (element.kind === "integer" && element.signedness !== "signless")) return undefined;
  return constant(b, { value });
}
