/** MLIR's own negative tests: what mlir-opt refuses we refuse, at the same place. Figures are floors. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { dialects } from "../../dialects/index.ts";
import { Context } from "../../ir/context.ts";
import { verify } from "../../ir/verify.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { describeLocation } from "../../support/location.ts";
import { parse } from "../../text/parser.ts";
import { sharedPath } from "../support/shared.ts";

const path = sharedPath("data/mlir/invalid/invalid.jsonl");

interface Invalid {
  readonly src: string;
  readonly kind: "parse" | "verify";
  readonly allowUnregistered: boolean;
  readonly text: string;
  readonly diagnostics: readonly { readonly line: number; readonly col: number; readonly sev: string }[];
}

const known = new Set(dialects.map((d) => d.name));
const usesOnlyOurs = (text: string): boolean =>
  [...text.matchAll(/\b([a-z_]+)\.[a-z_]+/g)].every((m) => known.has(m[1]!));

describe.skipIf(!path)("texts that mlir-opt refuses (provided beside the checkout)", () => {
  const all = path
    ? readFileSync(path, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as Invalid)
    : [];

  test("those that are no MLIR of ours are refused, nearly always at the same line and column", () => {
    const contexts = [false, true].map((allowUnregistered) => new Context(dialects, { allowUnregistered }));
    const cases = all.filter((c) => c.kind === "parse" && usesOnlyOurs(c.text));
    let refused = 0;
    let placed = 0;
    for (const c of cases) {
      const diagnostics = new Diagnostics();
      const top = parse(c.text, contexts[c.allowUnregistered ? 1 : 0]!, diagnostics);
      if (top) verify(top, diagnostics);
      const first = diagnostics.list.find((d) => d.severity === "error");
      if (first) refused++;
      const wanted = c.diagnostics.find((d) => d.sev === "error");
      if (first && wanted && describeLocation(first.at) === `-:${wanted.line}:${wanted.col}`) placed++;
    }
    console.log(`${cases.length} cases, ${refused} refused, ${placed} at the same place`);
    expect(refused / cases.length).toBeGreaterThan(0.98);
    expect(placed / cases.length).toBeGreaterThan(0.85);
  });
});
