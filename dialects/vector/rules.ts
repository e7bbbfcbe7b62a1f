/** @file The rules of vector: elements that only move, masks that are known. */
import type { RuleLike } from "../../ir/define.ts";
import { memoryRules } from "./rules-memory.ts";
import { shapeRules } from "./rules-shape.ts";

export const rules: readonly RuleLike[] = [...shapeRules, ...memoryRules];
