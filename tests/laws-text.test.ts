/**
 * The third law: what is printed reads as the same program, in the generic and in the pretty form. For every registered
 * op, on instances that its record and fast-check make up, or that stand in a file.
 */
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dialects } from "../dialects/index.ts";
import type { Operation } from "../ir/core.ts";
import { print } from "../text/printer.ts";
import { instanceContext, instanceOf, programOfText } from "./support/op-instances.ts";
import { Choices } from "./support/random-program.ts";
import { readProgram } from "./support/read.ts";

const samples = readFileSync(new URL("support/op-samples.mlir", import.meta.url), "utf8")
  .split(/^\/\/ -----\n/m)
  .map(programOfText);
const sampled = new Set<string>();
for (const s of samples) {
  s.walk((op) => {
    sampled.add(op.name);
  });
}

const reread = (text: string): Operation => readProgram(text, instanceContext);

/** Both forms, read and printed again, are what they were. */
function survives(program: Operation): void {
  for (const mlirVersion of [19, 22] as const) {
    const forms = { generic: { generic: true, mlirVersion }, pretty: { mlirVersion }, local: { localScope: true } };
    const generic = print(program, forms.generic);
    const pretty = print(program, forms.pretty);
    const fromGeneric = reread(generic);
    expect(print(fromGeneric, forms.generic)).toBe(generic);
    expect(print(fromGeneric, forms.pretty)).toBe(pretty);
    const fromPretty = reread(pretty);
    expect(print(fromPretty, forms.pretty)).toBe(pretty);
    expect(print(fromPretty, forms.generic)).toBe(generic);
    const local = print(program, forms.local);
    expect(print(reread(local), forms.local)).toBe(local);
  }
}

describe("what is printed reads as the same program", () => {
  it("programs in a file", () => {
    for (const s of samples) survives(s);
  });

  const numbers = fc.array(fc.nat(5000), { minLength: 40, maxLength: 40 });
  describe.each(dialects.map((d) => [d.name, d] as const))("%s", (_, dialect) => {
    it.each(dialect.ops.map((op) => op.opName))("%s", (name) => {
      const def = dialect.ops.find((op) => op.opName === name)!;
      let made = 0;
      // Ops with a sample are tried less: for many of them no instance can be made up.
      const numRuns = sampled.has(name) ? 20 : 150;
      fc.assert(
        fc.property(numbers, (n) => {
          const program = made < 5 ? instanceOf(def, new Choices(n)) : undefined;
          if (!program) return;
          made++;
          survives(program);
        }),
        { numRuns, seed: 7 },
      );
      expect(made > 0 || sampled.has(name), "there is an instance: make one up, or write one in op-samples.mlir").toBe(
        true,
      );
    });
  });
});
