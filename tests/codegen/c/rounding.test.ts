/**
 * Sums times a float, rounded to integers: what machines without floats do with integers is, bit by bit, what floats give.
 * Built for this machine, which is told that it has no floats; needs a compiler.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { helperTexts, scalarHelpers } from "../../../codegen/c/helpers.ts";

const compiler = ["gcc", "clang"].find((cc) => spawnSync(cc, ["--version"]).status === 0);
const root = mkdtempSync(join(tmpdir(), "sluice-rounding-"));

/** Sums of all sizes, factors of all exponents, and sums whose products lie in the middle of two integers or beside it. */
const main = `
#include <fenv.h>
#include <stdio.h>
static uint32_t state = 1;
static uint32_t next(void) { state = state * 1664525u + 1013904223u; return state >> 3 ^ state << 13; }
static long different, tried;
static void both(int32_t sum, float by) {
  const float product = (float)sum * by;
  const float whole = rintf(product);
  const int32_t expected = whole >= 2147483648.0f ? INT32_MAX : whole <= -2147483648.0f ? INT32_MIN : (int32_t)whole;
  tried++;
  if (t_round_product(sum, by) != expected && different++ < 5)
    printf("%d * %a: %d, expected %d\\n", sum, (double)by, t_round_product(sum, by), expected);
}
int main(void) {
  for (long i = 0; i < 2000000; i++) {
    const int32_t sum = (int32_t)next() >> (next() % 32u);
    const float by = ldexpf((float)(next() & 0xffffffu) + 1.0f, -24 - (int)(next() % 36u) + 4);
    both(sum, by);
    /* The float nearest to what makes k + 1/2 of the sum, and its neighbours. */
    if (sum != 0) {
      const float k = (float)(int32_t)(next() % 600u) + 0.5f;
      const float tie = fabsf(k / (float)sum);
      both(sum, tie);
      both(sum, nextafterf(tie, 0.0f));
      both(sum, nextafterf(tie, 1e30f));
    }
  }
  const float odd[] = { 0.0f, -0.5f, 1e-45f, 1e-38f, 3e38f, 0.5f, 1.0f, 64.0f, 0x1p-30f, 0x1p-31f };
  const int32_t ends[] = { 0, 1, -1, INT32_MAX, INT32_MIN, 1 << 22, -(1 << 22), (1 << 22) - 1, -(1 << 22) - 1, 1 << 24, 3 };
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    for (size_t j = 0; j < sizeof ends / sizeof *ends; j++) both(ends[j], odd[i]);
  printf("%ld of %ld differ\\n", different, tried);
  return 0;
}
`;

describe.skipIf(compiler === undefined)("rounding of scaled sums", () => {
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it.each([
    ["with integers", ["-D__SOFTFP__=1"]],
    ["with floats", []],
  ] as const)("%s, gives what floats give", (_name, flags) => {
    const helpers = helperTexts(["round_product"], "t_", new Set(), scalarHelpers);
    const source = join(root, "rounding.c");
    writeFileSync(source, `#include <stdint.h>\n#include <math.h>\n${helpers.join("\n")}\n${main}`);
    const program = join(root, "rounding");
    const built = spawnSync(compiler!, [
      "-std=gnu99",
      "-O2",
      "-ffp-contract=off",
      ...flags,
      source,
      "-lm",
      "-o",
      program,
    ]);
    expect(built.stderr.toString()).toBe("");
    const ran = spawnSync(program, { encoding: "utf8" });
    expect(ran.stdout).toMatch(/^0 of [78]\d{6} differ\n$/);
  });
});
