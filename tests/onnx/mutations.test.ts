/** Damaged files, a few hundred of them; tests/long/onnx-mutations.test.ts makes thousands. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, it } from "vitest";
import { sharedPath } from "../support/shared.ts";
import { expectSoundReading, mutate, mutation, original } from "./mutate.ts";

const data = sharedPath("data/onnx");
const seeds = ["real/mnist-mlp", "real/kws-micro-qdq", "real/tree-ensemble", "onnx-1.22/node/test_loop13_seq"];

describe("bytes of any kind", () => {
  it("never crash the reader", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => expectSoundReading(bytes)),
      { numRuns: 300 },
    );
  });
});

describe.skipIf(data === undefined)("damaged models (needs ../shared/data/onnx)", () => {
  for (const seed of seeds) {
    it(`${seed}: every damage is reported or leaves a sound model`, () => {
      const from = original(Uint8Array.from(readFileSync(`${data}/${seed}/model.onnx`)));
      fc.assert(
        fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (ms) => expectSoundReading(mutate(from, ms))),
        { numRuns: 100 },
      );
    });
  }
});
