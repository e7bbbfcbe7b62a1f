/** @file graph.constant: known tensors, of any element type. */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import { arrayOfBytes, byteWidth, denseOfArray } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import { one } from "../../ir/fields.ts";
import { Resource } from "../../ir/resource.ts";
import { ConstantLike, Pure } from "../../ir/traits.ts";
import { type Attribute, type TensorType, type Type, tensor, typeOfAttribute } from "../../ir/types.ts";
import { arrayOver, type NDArray } from "../../support/ndarray.ts";
import * as arith from "../arith/ops.ts";
import { withSign } from "./expand.ts";
import { AnyTensor, dtype, signless, type TensorValue } from "./op.ts";

const elementsAttr = attr.where(
  "elements of a tensor",
  (a) => (a.kind === "dense" || a.kind === "resource") && a.type.kind === "tensor",
);

export const constant = defineOp("graph.constant", {
  doc: "A known tensor. Unlike arith.constant it may have unsigned elements.",
  attrs: { value: elementsAttr },
  results: [one("result", AnyTensor)],
  traits: [Pure, ConstantLike],
  infer: ({ value }) => [typeOfAttribute(value)!],
  names: () => ["cst"],
  verify({ value, result }, fail) {
    if (typeOfAttribute(value) !== result.type) fail("value and result differ in type", { code: "verify/result-type" });
  },
  expand({ value, result }, b) {
    const element = signless(result.type.element);
    const plain = { ...value, type: tensor(result.type.shape, element) } as Attribute;
    return [withSign(b, arith.constant(b, { value: plain }) as TensorValue, result.type.element)];
  },
  evaluate: ({ value }, run) => constantArray(value) ?? run.fail("the elements have no run-time form"),
});

/** The array of an elements attribute: a view of its bytes where they can be used in place. */
export function constantArray(value: Attribute): NDArray | undefined {
  if (value.kind !== "dense" && value.kind !== "resource") return undefined;
  const { type } = value;
  if (type.kind !== "tensor") return undefined;
  const bytes = value.kind === "dense" ? value.bytes : value.resource?.bytes();
  if (!bytes) return undefined;
  const kind = dtype(type.element);
  const splat = value.kind === "dense" && value.splat;
  if (splat || kind === "index") return arrayOfBytes(type.shape, type.element, bytes, splat);
  return arrayOver(kind, type.shape, bytes);
}

/** Above this many bytes a constant is a resource, whose bytes passes never look at. */
const RESOURCE_BYTES = 1024;
let made = 0;

/** Writes an array down as a constant. */
export function constantOfArray(b: Builder, array: NDArray, element: Type, name?: string): TensorValue {
  const type = tensor(array.shape, element);
  return constant(b, { value: elementsOfArray(array, type, name) }) as TensorValue;
}

export function elementsOfArray(array: NDArray, type: TensorType, name?: string): Attribute {
  if (array.size * byteWidth(type.element) <= RESOURCE_BYTES) return denseOfArray(array, type);
  const { data } = array.contiguous();
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const key = name ?? `constant${made++}`;
  return { kind: "resource", key, type, resource: Resource.of(key, bytes) };
}

/** Writes any known value of a tensor type. */
export const materialize = (b: Builder, value: Attribute, type: Type): TensorValue | undefined =>
  typeOfAttribute(value) === type && type.kind === "tensor" && (value.kind === "dense" || value.kind === "resource")
    ? (constant(b, { value }) as TensorValue)
    : undefined;
