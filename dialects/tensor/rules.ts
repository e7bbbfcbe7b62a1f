/** @file The rules of tensor: static sizes, casts, slices of slices, elements that are known. */
import type { RuleLike } from "../../ir/define.ts";
import { shapeRules } from "./rules-shape.ts";
import { sliceRules } from "./rules-slice.ts";

export const rules: readonly RuleLike[] = [...shapeRules, ...sliceRules];
