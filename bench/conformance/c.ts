/** @file The target `c`: a model compiled to C, built by the system's compiler without long optimisation, and run. */
import { c } from "../../codegen/c/index.ts";
import { loadNative } from "../../runtime/native.ts";
import { compiledTarget } from "./compiled.ts";

export const cTarget = compiledTarget(c, (artifact) => loadNative(artifact, { level: "1", exact: true }));
