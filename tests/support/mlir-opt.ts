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

export interface Refusal {
  readonly index: number;
  /** The first thing that is said of it. */
  readonly message: string;
}

/** Which of some texts a stock mlir-opt refuses. Many are given at once, as sections of one input. */
export function refusedBy(version: MlirVersion, texts: readonly string[], flags: readonly string[] = []): Refusal[] {
  const refused: Refusal[] = [];
  const many = 40;
  const all = [...flags, "--split-input-file"];
  for (let i = 0; i < texts.length; i += many) {
    const part = texts.slice(i, i + many);
    if (stockMlirOpt(version, part.join("\n// -----\n"), all).ok) continue;
    part.forEach((text, k) => {
      const { ok, err } = stockMlirOpt(version, text, all);
      if (!ok) refused.push({ index: i + k, message: err.split("\n")[0]! });
    });
  }
  return refused;
}
