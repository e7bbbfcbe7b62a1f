import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diffLines, unifiedDiff } from "../../support/diff.ts";

const word = fc.constantFrom("a", "b", "c", "d");

describe("diffLines", () => {
  it("gives both texts back, whatever they are", () => {
    fc.assert(
      fc.property(fc.array(word, { maxLength: 30 }), fc.array(word, { maxLength: 30 }), (a, b) => {
        const lines = diffLines(a, b);
        expect(lines.filter((l) => l.kind !== "added").map((l) => l.text)).toEqual(a);
        expect(lines.filter((l) => l.kind !== "removed").map((l) => l.text)).toEqual(b);
      }),
    );
  });

  it("finds the shortest difference", () => {
    const edits = diffLines([..."abcabba"], [..."cbabac"]).filter((l) => l.kind !== "same");
    expect(edits).toHaveLength(5);
  });

  it("replaces the whole where the difference is too large to be searched", () => {
    const a = Array.from({ length: 3000 }, (_, i) => `a${i}`);
    const b = Array.from({ length: 3000 }, (_, i) => `b${i}`);
    expect(diffLines(["x", ...a], ["x", ...b])).toHaveLength(6001);
  });
});

describe("unifiedDiff", () => {
  it("shows hunks with some lines around them", () => {
    const before = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"].join("\n");
    const after = before.replace("b", "B").replace("j", "J");
    expect(unifiedDiff(before, after, ["old", "new"], 1)).toBe(
      "--- old\n+++ new\n@@ -1,3 +1,3 @@\n a\n-b\n+B\n c\n@@ -9,2 +9,2 @@\n i\n-j\n+J\n",
    );
    expect(unifiedDiff(before, before, ["old", "new"])).toBe("");
  });
});
