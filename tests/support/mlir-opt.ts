/** @file A stock mlir-opt, where one is installed (Debian: mlir-19-tools, mlir-22-tools). Tests that ask it skip without. */
import { spawnSync } from "node:child_process";
import type { MlirVersion } from "../../ir/attributes.ts";

export interface StockResult {
  readonly ok: boolean;
  readonly out: string;
  readonly err: string;
}

export const stockVersions: readonly MlirVersion[] = ([19, 22] as const).filter(
  (v) => spawnSync(`mlir-opt-${v}`, ["--version"]).status === 0,
);

/** Runs a stock mlir-opt on a text. */
export function stockMlirOpt(version: MlirVersion, text: string, flags: readonly string[] = []): StockResult {
  const options = { input: text, encoding: "utf8", maxBuffer: 1 << 28 } as const;
  const { status, stdout, stderr } = spawnSync(`mlir-opt-${version}`, [...flags], options);
  return { ok: status === 0, out: stdout, err: stderr };
}
