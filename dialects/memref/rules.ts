/** @file The rules of memref: known sizes, views of views, memory that nobody reads. */
import type { RuleLike } from "../../ir/define.ts";
import { accessRules } from "./rules-access.ts";
import { allocRules } from "./rules-alloc.ts";
import { viewRules } from "./rules-view.ts";

export const rules: readonly RuleLike[] = [...viewRules, ...accessRules, ...allocRules];
