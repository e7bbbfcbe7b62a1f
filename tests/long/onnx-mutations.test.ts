/** Some 35,000 damaged models: every real network and a sample of the operator tests. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import fc from "fast-check";
import { describe, it } from "vitest";
import { expectSoundReading, mutate, mutation, original } from "../onnx/mutate.ts";
import { sharedPath } from "../support/shared.ts";

const data = sharedPath("data/onnx");

function seeds(root: string): readonly string[] {
  const real = readdirSync(`${root}/real`).map((d) => `${root}/real/${d}/model.onnx`);
  const node = readdirSync(`${root}/onnx-1.22/node`)
    .filter((_, i) => i % 12 === 0)
    .map((d) => `${root}/onnx-1.22/node/${d}/model.onnx`);
  return [...real.filter((f) => statSync(f, { throwIfNoEntry: false })), ...node];
}

describe.skipIf(data === undefined)("damaged models (needs ../shared/data/onnx)", () => {
  for (const path of data === undefined ? [] : seeds(data)) {
    it(path.slice(data!.length + 1), { timeout: 600_000 }, () => {
      const from = original(Uint8Array.from(readFileSync(path)));
      const numRuns = path.includes("/real/") ? 1000 : 100;
      fc.assert(
        fc.property(fc.array(mutation, { minLength: 1, maxLength: 6 }), (ms) => expectSoundReading(mutate(from, ms))),
        { numRuns },
      );
    });
  }
});

describe("random bytes", () => {
  it("never crash the reader", { timeout: 600_000 }, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4000 }), (bytes) => expectSoundReading(bytes)),
      { numRuns: 10_000 },
    );
  });
});
