/** The digits example made anew is the one that is shipped, byte by byte. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("examples/digits/generate.ts makes the shipped files", { timeout: 600_000 }, () => {
  const shipped = fileURLToPath(new URL("../../examples/digits", import.meta.url));
  const made = mkdtempSync(join(tmpdir(), "sluice-"));
  try {
    execFileSync(process.execPath, ["--import", "tsx", join(shipped, "generate.ts"), made]);
    for (const name of ["digits.onnx", ...readdirSync(join(shipped, "pictures")).map((f) => `pictures/${f}`)]) {
      expect(Buffer.compare(readFileSync(join(made, name)), readFileSync(join(shipped, name))), name).toBe(0);
    }
  } finally {
    rmSync(made, { recursive: true });
  }
});
