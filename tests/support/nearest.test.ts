import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, nearest } from "../../support/nearest.ts";

describe("near names", () => {
  const ops = ["arith.addi", "arith.addf", "arith.subf", "linalg.matmul", "scf.for"];
  it.each([
    ["arith.addii", "arith.addi"],
    ["arith.adf", "arith.addf"],
    ["arith.sufb", "arith.subf"],
    ["linalg.mat_mul", "linalg.matmul"],
    ["scf.fro", "scf.for"],
    ["completely.else", undefined],
    ["x", undefined],
  ])("%s → %s", (word, wanted) => {
    expect(nearest(word, ops)).toBe(wanted);
  });

  it("finds the word itself", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.array(fc.string()), (word, others) => {
        expect(nearest(word, [...others, word])).toBe(word);
      }),
    );
  });

  it("is as many edits away as it takes: insert, delete, replace, swap", () => {
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(editDistance("ab", "ba")).toBe(1);
    expect(editDistance("", "abc")).toBe(3);
    expect(editDistance("kitten", "sitting", 2)).toBe(3);
  });
});
