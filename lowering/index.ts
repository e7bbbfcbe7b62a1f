/** @file Every pass, in one list: what pipelines may name. */
import type { Pass } from "../rewrite/pass.ts";
import { canonicalize } from "./general/canonicalize.ts";
import { cse } from "./general/cse.ts";
import { dce } from "./general/dce.ts";
import { licm } from "./general/licm.ts";
import { stripDebugInfo } from "./general/strip-debuginfo.ts";
import { symbolDce } from "./general/symbol-dce.ts";

export const passes: readonly Pass[] = [canonicalize, cse, dce, licm, stripDebugInfo, symbolDce];
