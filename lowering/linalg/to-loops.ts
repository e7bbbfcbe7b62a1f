/** @file The pass that writes the loops of kernels; see loops/ for how. */
import { definePass } from "../../rewrite/pass.ts";
import { lowerKernel } from "./loops/kernel.ts";
import { isKernel } from "./outline.ts";

export const toLoops = definePass("linalg-to-loops", {
  doc: "Writes the loops of each kernel as its schedule says: tiles of results in registers, vectors, fused producers.",
  options: {},
  run(module) {
    for (const op of [...module.region().entry]) if (isKernel(op)) lowerKernel(op);
  },
});
