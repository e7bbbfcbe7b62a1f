/** @file The algebra of arith: every line a theorem that a test attacks with corner cases. */
import type { RuleLike } from "../../ir/define.ts";
import { castLaws } from "./laws-cast.ts";
import { compareLaws } from "./laws-compare.ts";
import { floatLaws } from "./laws-float.ts";
import { integerLaws } from "./laws-integer.ts";

export const laws: readonly RuleLike[] = [...integerLaws, ...floatLaws, ...compareLaws, ...castLaws];
