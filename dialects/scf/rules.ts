/** @file The rules of scf: loops that run never or once, known branches, values that nothing changes. */
import type { RuleLike } from "../../ir/define.ts";
import { forRules } from "./rules-for.ts";
import { branchRules } from "./rules-if.ts";
import { parallelRules } from "./rules-parallel.ts";
import { whileRules } from "./rules-while.ts";

export const rules: readonly RuleLike[] = [...forRules, ...branchRules, ...whileRules, ...parallelRules];
