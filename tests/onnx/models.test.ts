/** @file Real networks, imported and run as graph ops, against recorded outputs. */
import { describe, expect, it } from "vitest";
import { findCases } from "../../bench/conformance/case.ts";
import { interpreter } from "../../bench/conformance/interpreter.ts";
import { runCase } from "../../bench/conformance/run-case.ts";
import { sharedPath } from "../support/shared.ts";

const models = [
  "mnist-cnn",
  "mnist-atmega",
  "mnist-mlp",
  "hello-sine",
  "kws-micro-qdq",
  "silero-vad-16k",
  "gtcrn-stream",
  "tree-ensemble",
];

describe.skipIf(!sharedPath("data/onnx/real"))("real models", () => {
  it.each(models)("%s", async (name) => {
    const [found] = findCases(sharedPath(`data/onnx/real/${name}`)!);
    expect(await runCase(found!, interpreter)).toMatchObject({ status: "pass" });
  });
});
