/** @file The target `wasm-simd`: a model compiled, loaded and run. */
import { wasmSimd } from "../../codegen/wasm/index.ts";
import { Session } from "../../runtime/session.ts";
import { compiledTarget } from "./compiled.ts";

export const wasmTarget = compiledTarget(wasmSimd, (artifact) => Session.load(artifact));
