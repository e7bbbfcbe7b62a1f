/** @file Values that stand for what could not be imported, so that more than the first fault of a model is found. */
import { unrealized_conversion_cast } from "../dialects/builtin.ts";
import type { Builder } from "../ir/builder.ts";
import type { Value } from "../ir/core.ts";
import { dtypeOf } from "../ir/datum.ts";
import { tensor } from "../ir/types.ts";
import type { ElementType } from "./dtypes.ts";
import type { Shape } from "./model.ts";
import { typeOfElement } from "./types.ts";

/** A value of a declared type, computed from nothing; null if the type leaves something open. Such a module is never used. */
export function standIn(
  b: Builder,
  { element, shape }: { readonly element: ElementType; readonly shape: Shape | undefined },
): Value | null {
  const type = typeOfElement(element);
  const sizes = shape?.filter((d): d is number => typeof d === "number");
  if (!type || !dtypeOf(type) || !shape || sizes?.length !== shape.length) return null;
  return unrealized_conversion_cast(b, [], { types: [tensor(sizes, type)] })[0] ?? null;
}

export const isStandIn = (v: Value): boolean => v.definingOp !== null && unrealized_conversion_cast.is(v.definingOp);
