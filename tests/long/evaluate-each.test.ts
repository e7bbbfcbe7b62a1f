/** @file Level by level: trained models mean the same after every pass of the pipeline of wasm-simd. */
import { describe, expect, it } from "vitest";
import { faultsOfPasses, importFile } from "../support/evaluated.ts";
import { sharedPath } from "../support/shared.ts";

/** Small enough for the interpreter, which runs each of them some twenty times, at last instruction by instruction. */
const models = [
  "hello-sine",
  "mnist-atmega",
  "mnist-mlp",
  "mnist-cnn",
  "gtcrn-stream",
  "kws-micro-qdq",
  "kws-micro-fp32",
];

const root = sharedPath("data/onnx/real");

describe.skipIf(!root)("models of ../shared/data/onnx/real, after every pass", () => {
  it.each(models)("%s", (name) => {
    expect(faultsOfPasses(importFile(`${root}/${name}/model.onnx`))).toEqual([]);
  });
});
