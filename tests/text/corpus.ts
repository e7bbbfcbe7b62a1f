/** @file The corpus of real MLIR texts that is provided beside the checkout. */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { sharedPath } from "../support/shared.ts";

export const corpusRepos = [
  "buddy-mlir",
  "circt",
  "iree",
  "llvm-mlir-19",
  "onnx-mlir",
  "stablehlo",
  "torch-mlir",
  "tpp-mlir",
  "xdsl",
] as const;

export interface Chunk {
  /** As the file had it. */
  readonly text: string;
  /** As mlir-opt 19 prints it, generic and pretty. */
  readonly generic: string;
  readonly pretty: string;
}

export interface CorpusFile {
  readonly id: string;
  readonly dialects: readonly string[];
  readonly adoptedOnly: boolean;
  readonly chunks: readonly Chunk[];
}

export const corpusFolder = sharedPath("data/mlir/roundtrip");

/** The files of one source. */
export function corpusOf(repo: string): readonly CorpusFile[] {
  const text = gunzipSync(readFileSync(`${corpusFolder}/${repo}.jsonl.gz`)).toString();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as CorpusFile);
}

/** False if a chunk holds several modules, which are read one by one as with `--split-input-file`. */
export const isOneText = (f: CorpusFile): boolean => f.chunks.every((c) => !c.text.includes("// -----"));
