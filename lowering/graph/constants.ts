/** @file Constants made from constants: a recipe that runs once, when the bytes are wanted. */
import { constant, constantArray } from "../../dialects/graph/constant.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { byteWidth, denseOfArray } from "../../ir/datum.ts";
import { Resource } from "../../ir/resource.ts";
import { type Attribute, elementCount, type TensorType } from "../../ir/types.ts";
import { invariant } from "../../support/diagnostic.ts";
import type { NDArray } from "../../support/ndarray.ts";

/** Up to this many bytes a constant is made at once and written into the IR. */
const smallBytes = 1024;

export interface Known {
  readonly op: Operation;
  readonly value: Attribute;
  readonly array: () => NDArray;
}

/** The constant that a value is. */
export function knownOf(v: Value): Known | undefined {
  const op = v.definingOp;
  const view = constant.match(op);
  if (!op || !view) return undefined;
  const { value } = view;
  return {
    op,
    value,
    array: () => {
      const array = constantArray(value);
      invariant(array, "a constant has a run-time form", op.loc);
      return array;
    },
  };
}

/** A constant computed from others, element for element by `make`. Big ones are made when the artifact is written. */
export function derivedConstant(
  b: Builder,
  type: TensorType,
  parents: readonly Known[],
  name: string,
  make: () => NDArray,
): Value {
  const bytes = elementCount(type.shape) * byteWidth(type.element);
  if (bytes <= smallBytes) return constant(b, { value: denseOfArray(make(), type) });
  const resources = parents.flatMap((p) => (p.value.kind === "resource" && p.value.resource ? [p.value.resource] : []));
  const base = resources[0]?.name ?? "constant";
  const resource = Resource.arranged(`${base}_${name}`, bytes, resources, make);
  return constant(b, { value: { kind: "resource", key: resource.name, type, resource } });
}
