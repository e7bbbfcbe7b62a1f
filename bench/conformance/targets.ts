/** @file The targets that the runner knows, by name. */
import { cFixedPoint, cTarget } from "./c.ts";
import { interpreter } from "./interpreter.ts";
import { linalg } from "./linalg.ts";
import type { Target } from "./target.ts";
import { wasmTarget } from "./wasm.ts";
import { wgslTarget } from "./wgsl.ts";
import { wgslShaders } from "./wgsl-shaders.ts";

/** Those whose results the page on conformance shows. */
export const targets: readonly Target[] = [interpreter, linalg, wasmTarget, cTarget, wgslTarget, wgslShaders];

/** And one that need not agree to the last bit. */
export const allTargets: readonly Target[] = [...targets, cFixedPoint];
