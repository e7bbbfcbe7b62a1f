/** @file Every target, in one list. */
import { c } from "./c/index.ts";
import type { Target } from "./target.ts";
import { wasmSimd } from "./wasm/index.ts";
import { threadedTarget } from "./wasm/threaded.ts";
import { wgsl } from "./wgsl/index.ts";

export const targets: readonly Target[] = [wasmSimd, threadedTarget(wasmSimd, "wasm-threads"), c, wgsl];
