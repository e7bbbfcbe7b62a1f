/**
 * @file Every pass there is: those that all targets share, and the targets' own. Apart from compile.ts, so that whoever
 * runs passes on text does not load the reader of models.
 */
import { targets } from "./codegen/index.ts";
import { passes as lowering } from "./lowering/index.ts";
import type { Pass } from "./rewrite/pass.ts";

export const passes: readonly Pass[] = [...new Set([...lowering, ...targets.flatMap((t) => t.passes)])];
