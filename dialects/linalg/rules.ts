/** @file The rules of linalg: operands and types of all structured ops, generic bodies, fills and moves. */
import type { OpInfo, RuleLike } from "../../ir/define.ts";
import { moveRules } from "./rules-move.ts";
import { genericRules, structuredRules } from "./rules-operands.ts";
import { structured } from "./structure.ts";

/** The rules of the dialect, given its ops. */
export const rulesFor = (ops: readonly OpInfo[]): readonly RuleLike[] => [
  ...ops.filter((op) => op.interfaces.has(structured.key)).flatMap(structuredRules),
  ...genericRules,
  ...moveRules,
];
