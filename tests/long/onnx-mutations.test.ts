/** Some 35,000 damaged models: every real network and a sample of the operator tests. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_FAULTS } from "../../onnx/faults.ts";
import { readModel } from "../../onnx/proto.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
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

describe("a file of nothing but empty messages", () => {
  /** `count` times the given bytes inside of a graph. */
  function flood(bytes: readonly number[], count: number): Uint8Array {
    const size = bytes.length * count;
    const head = [
      8,
      8,
      0x42,
      2,
      16,
      17,
      0x3a,
      (size & 127) | 128,
      ((size >> 7) & 127) | 128,
      ((size >> 14) & 127) | 128,
      size >> 21,
    ];
    const file = new Uint8Array(head.length + size);
    file.set(head);
    for (let i = head.length; i < file.length; i++) file[i] = bytes[(i - head.length) % bytes.length]!;
    return file;
  }

  it("is read up to the limit, not until memory ends", () => {
    for (const tag of [0x0a, 0x2a, 0x5a]) {
      const diagnostics = new Diagnostics();
      readModel(flood([tag, 0], 10_000_000), { diagnostics });
      expect(diagnostics.list.some((d) => d.code === "onnx/nesting")).toBe(true);
      expect(diagnostics.list.length).toBeLessThanOrEqual(MAX_FAULTS + 1);
    }
  });
});
