/**
 * Damaged models through the whole compiler, thousands of them: each is compiled or refused with diagnostics that say what
 * and where; none crashes it or keeps it busy. (That nothing is left on disk is tested with the command line.) Bytes are damaged, and what they say.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { buildSync } from "esbuild";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { writeModel } from "../../onnx/write.ts";
import { mutate, mutation, original } from "../onnx/mutate.ts";
import { damageModel, randomFrom } from "../support/damage.ts";
import { faultModels } from "../support/fault-models.ts";
import type { FaultOutcome } from "../support/fault-worker.ts";

/** Per model and kind of damage: 7,000 in all. */
const count = 700;
/** Milliseconds for one model; they take a few. */
const patience = 60_000;

// The worker is bundled, where packages can be found from.
const cache = fileURLToPath(new URL("../../.cache", import.meta.url));
mkdirSync(cache, { recursive: true });
const folder = mkdtempSync(join(cache, "faults-"));
const script = join(folder, "worker.mjs");
buildSync({
  entryPoints: [fileURLToPath(new URL("../support/fault-worker.ts", import.meta.url))],
  outfile: script,
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
});

type Outcome = FaultOutcome | { readonly kind: "hung" | "ended"; readonly error: string };

/** Compiles what it is sent in a worker that is replaced if it does not come back. */
class Compiling {
  #worker: Worker | undefined;

  outcome(bytes: Uint8Array): Promise<Outcome> {
    this.#worker ??= new Worker(script, { resourceLimits: { maxOldGenerationSizeMb: 1024 } });
    const worker = this.#worker;
    return new Promise((resolve) => {
      const finish = (outcome: Outcome): void => {
        clearTimeout(timer);
        worker.off("message", finish).off("error", ended);
        resolve(outcome);
      };
      const lost = (kind: "hung" | "ended", error: string): void => {
        this.#worker = undefined;
        void worker.terminate();
        finish({ kind, error });
      };
      const ended = (error: Error): void => lost("ended", error.message);
      const timer = setTimeout(() => lost("hung", `longer than ${patience} ms`), patience);
      worker.on("message", finish).on("error", ended);
      worker.postMessage(bytes);
    });
  }

  async end(): Promise<void> {
    await this.#worker?.terminate();
  }
}

const compiling = new Compiling();
afterAll(async () => {
  await compiling.end();
  rmSync(folder, { recursive: true });
});

/** Every outcome is one of the two that may be. Answers how many were compiled and refused. */
async function expectSound(files: readonly Uint8Array[]): Promise<{ compiled: number; refused: number }> {
  const seen = { compiled: 0, refused: 0 };
  for (const [i, bytes] of files.entries()) {
    const outcome = await compiling.outcome(bytes);
    if (outcome.kind === "refused") {
      const errors = outcome.diagnostics.filter((d) => d.severity === "error");
      expect(errors.length, `damage ${i}`).toBeGreaterThan(0);
      for (const d of errors) {
        expect(d.at.text, `damage ${i}: ${d.code}: ${d.message}`).toContain("damaged.onnx");
        expect(d.message.length).toBeGreaterThan(5);
        expect(d.message.length).toBeLessThan(2000);
      }
      seen.refused++;
    } else {
      expect(outcome, `damage ${i}`).toMatchObject({ kind: "compiled" });
      seen.compiled++;
    }
  }
  return seen;
}

describe("damaged models", () => {
  for (const [name, make] of Object.entries(faultModels)) {
    it(`${name}: as it is, it compiles`, async () => {
      expect(await expectSound([writeModel(make())])).toEqual({ compiled: 1, refused: 0 });
    });

    it(`${name}: ${count} files with damaged bytes`, async () => {
      const from = original(writeModel(make()));
      const damages = fc.sample(fc.array(mutation, { minLength: 1, maxLength: 3 }), { seed: 7, numRuns: count });
      const { refused } = await expectSound(damages.map((d) => mutate(from, d)));
      expect(refused).toBeGreaterThan(count / 3);
    });

    it(`${name}: ${count} well-formed files that make no sense`, async () => {
      const files = Array.from({ length: count }, (_, seed) => writeModel(damageModel(make(), randomFrom(seed))));
      const { refused } = await expectSound(files);
      expect(refused).toBeGreaterThan(count / 3);
    });
  }
});
