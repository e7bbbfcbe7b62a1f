/** @file The target `c`: a model compiled to C, built by the system's compiler without long optimisation, and run. */
import { c } from "../../codegen/c/index.ts";
import { loadNative } from "../../runtime/native.ts";
import { compiledTarget } from "./compiled.ts";
import type { Target } from "./target.ts";

/** The same in TFLite's fixed point, whose last bit differs from what ONNX says. */
const inFixedPoint = { ...c.configured!({ requant: "tflite" }), name: "c-tflite" };

export const [cTarget, cFixedPoint] = [c, inFixedPoint].map((target) =>
  compiledTarget(target, (artifact) => loadNative(artifact, { level: "1", exact: true })),
) as [Target, Target];
