/**
 * @file The target `wgsl-shaders`: models are compiled to WGSL and not run; each distinct shader becomes a file, by its
 * hash, in the folder that SLUICE_SHADERS names. For those who judge shaders: validators, linters, race detectors.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { shadersOf } from "../../codegen/wgsl/files.ts";
import { wgsl } from "../../codegen/wgsl/index.ts";
import { lower } from "../../compile.ts";
import type { Target } from "./target.ts";

/** The environment variable that names the folder. */
export const shadersVariable = "SLUICE_SHADERS";

export const wgslShaders: Target = {
  name: "wgsl-shaders",
  prepare(module) {
    const folder = process.env[shadersVariable];
    if (!folder) throw new Error(`set ${shadersVariable} to the folder in which to keep the shaders`);
    mkdirSync(folder, { recursive: true });
    lower(module, wgsl.pipeline);
    for (const code of shadersOf(wgsl.emit(module, { model: "case", names: false }))) {
      const file = join(folder, `${createHash("sha256").update(code).digest("hex").slice(0, 16)}.wgsl`);
      if (existsSync(file)) continue;
      // Other workers may look for it meanwhile.
      const part = `${file}.${process.pid}`;
      writeFileSync(part, code);
      renameSync(part, file);
    }
    return undefined;
  },
};
