/** What ops with a syntax of their own read with, method by method: each test op records what it was given. */
import { describe, expect, test } from "vitest";
import type { AsmParser, ParsedOp } from "../../ir/asm.ts";
import { Any } from "../../ir/constraints.ts";
import { Context } from "../../ir/context.ts";
import { Block, Operation, Region } from "../../ir/core.ts";
import { defineDialect, defineOp } from "../../ir/define.ts";
import { many } from "../../ir/fields.ts";
import { attributeText, typeText } from "../../ir/spell.ts";
import { SymbolTable, Terminator } from "../../ir/traits.ts";
import { i32, index } from "../../ir/types.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { describeLocation } from "../../support/location.ts";
import { parse } from "../../text/parser.ts";

/** Reads `t.x` with a function; answers what it gave, or the faults. */
function reading<R>(
  text: string,
  read: (p: AsmParser) => R,
): { readonly got: R | undefined; readonly faults: string[] } {
  let got: R | undefined;
  const x = defineOp("t.x", {
    doc: "Reads as the test says.",
    operands: [many("operands", Any)],
    results: [many("results", Any)],
    parse(p): ParsedOp {
      got = read(p);
      return got && typeof got === "object" && "parsed" in got ? (got.parsed as ParsedOp) : {};
    },
  });
  const value = defineOp("t.value", {
    doc: "Makes.",
    results: [many("results", Any)],
    assembly: "attr-dict `:` type($results)",
  });
  const stop = defineOp("t.stop", { doc: "Ends.", traits: [Terminator], assembly: "attr-dict" });
  const top = defineOp("t.top", {
    doc: "Holds.",
    regions: ["body"],
    traits: [SymbolTable],
    assembly: "$body attr-dict",
  });
  const context = new Context([defineDialect("t", { doc: "For tests.", ops: [x, value, stop, top], top })]);
  const diagnostics = new Diagnostics();
  parse(`%i, %j = t.value : index, i32\n${text}`, context, diagnostics);
  return { got, faults: diagnostics.list.map((d) => `${describeLocation(d.at).slice(2)} ${d.message}`) };
}

describe("lists", () => {
  test("delimiters, nested; absent where they may be", () => {
    const { got } = reading("t.x [1, 2] () <a> {}", (p) => ({
      square: p.list("[]", () => Number(p.integer())),
      round: p.list("()", () => p.anyKeyword()),
      none: p.list("optional []", () => p.integer()),
      angle: p.list("<>", () => p.anyKeyword()),
      braces: p.list("optional {}", () => p.anyKeyword()),
    }));
    expect(got).toEqual({ square: [1, 2], round: [], none: [], angle: ["a"], braces: [] });
  });

  test("faults name the mark that is wanted", () => {
    expect(reading("t.x [1, 2", (p) => p.list("[]", () => p.integer(), " in test")).faults).toEqual([
      "2:10 expected ']' in test",
    ]);
    expect(reading("t.x 1", (p) => p.list("()", () => p.integer())).faults).toEqual(["2:4 expected '('"]);
  });

  test("index lists, with scalable entries", () => {
    const { got } = reading("t.x [1, %i, [8], -4]", (p) => p.dynamicIndexList());
    expect(got!.statics).toEqual([1, Number.MIN_SAFE_INTEGER, 8, -4]);
    expect(got!.operands.map((o) => o.name)).toEqual(["i"]);
    expect(got!.scalable).toEqual([false, false, true, false]);
    expect(reading("t.x (2)", (p) => p.dynamicIndexList("()")).got!.statics).toEqual([2]);
    expect(reading("t.x [a]", (p) => p.dynamicIndexList()).faults[0]).toContain("expected SSA value or integer");
  });
});

describe("words, marks and literals", () => {
  test("words", () => {
    const { got } = reading('t.x a b "c d" @s @"t u" dense', (p) => [
      p.optionalKeyword("b"),
      p.optionalKeyword("a"),
      p.optionalKeywordOf(["a", "b"]),
      p.keywordOrString(),
      p.symbolName(),
      p.optionalSymbolName(),
      p.optionalSymbolName(),
      p.atKeyword("dense"),
      p.anyKeyword(),
    ]);
    expect(got).toEqual([false, true, "b", "c d", "s", "t u", undefined, true, "dense"]);
  });

  test("marks of several characters", () => {
    const { got } = reading("t.x -> :: == >= ? * + - | ...", (p) =>
      ["->", "::", "==", ">=", "?", "*", "+", "-", "|", "..."].map((m) => p.at(m) && p.optionalPunct(m)),
    );
    expect(got).toEqual(Array(10).fill(true));
  });

  test("integers", () => {
    const { got } = reading("t.x 1 -2 0x10 a", (p) => [
      p.integer(),
      p.integer(),
      p.integer(),
      p.optionalInteger(),
      p.anyKeyword(),
    ]);
    expect(got).toEqual([1n, -2n, 16n, undefined, "a"]);
  });

  test.each([
    ["t.x b", (p: AsmParser) => p.keyword("a"), "2:5 custom op 't.x' expected 'a'"],
    ["t.x 1", (p: AsmParser) => p.anyKeyword(), "2:5 custom op 't.x' expected valid keyword"],
    ["t.x a", (p: AsmParser) => p.punct(":"), "2:4 expected ':'"],
    ["t.x a", (p: AsmParser) => p.integer(), "2:5 custom op 't.x' expected integer value"],
    ["t.x a", (p: AsmParser) => p.string(), "2:5 custom op 't.x' expected string"],
    ["t.x a", (p: AsmParser) => p.symbolName(), "2:5 custom op 't.x' expected valid '@'-identifier for symbol name"],
    ["t.x a", (p: AsmParser) => p.operand(), "2:4 expected SSA operand"],
    ["t.x %a#1", (p: AsmParser) => p.argument(), "2:7 result number not allowed in argument list"],
    ["t.x {}", (p: AsmParser) => p.successor(), "2:4 expected block name"],
    ["t.x 4", (p: AsmParser) => p.region(), "2:4 expected '{' to begin a region"],
    ["t.x a", (p: AsmParser) => p.fail("is at fault"), "2:5 custom op 't.x' is at fault"],
  ])("%s", (text, read, wanted) => {
    expect(reading(text, read).faults[0]).toBe(wanted);
  });
});

describe("types and attributes", () => {
  test("types in lists, after arrows and colons; none where none stands", () => {
    const { got } = reading("t.x : i32, f32 -> (i8, i1) -> i2 (i4) -> i5", (p) => [
      p.optionalType(),
      p.colonTypes(),
      p.optionalArrowTypes(),
      p.arrowTypes(),
      p.functionType().results,
      p.optionalArrowTypes(),
      p.optionalTypes(),
    ]);
    const names = got!.map((t) => (Array.isArray(t) ? t.map(typeText) : t));
    expect(names).toEqual([undefined, ["i32", "f32"], ["i8", "i1"], ["i2"], ["i5"], [], []]);
  });

  test("attributes with and without their types; dictionaries are one's own to change", () => {
    const { got, faults } = reading(
      "t.x 4 5 : i8 (d0) -> (d0) (d0) : (d0 >= 0) {a} {a} attributes {b = 1 : i8}",
      (p) => ({
        typed: attributeText(p.attribute(i32)),
        spelt: attributeText(p.attribute()),
        map: p.affineMap().text,
        set: p.affineSet().text,
        first: p.attrDict(),
        second: p.attrDict(),
        third: p.attrDictWithKeyword(),
        none: p.attrDict().size,
        absent: p.optionalAttribute(),
      }),
    );
    expect(faults).toEqual([]);
    expect(got).toMatchObject({
      typed: "4 : i32",
      spelt: "5 : i8",
      map: "(d0) -> (d0)",
      set: "(d0) : (d0 >= 0)",
      none: 0,
      absent: undefined,
    });
    got!.first.clear();
    expect([...got!.second.keys(), ...got!.third.keys()]).toEqual(["a", "b"]);
  });
});

describe("affine expressions over values", () => {
  test("names become dimensions and symbols in order", () => {
    const { got } = reading("t.x [%i + symbol(%j) * 2, %k - %i]", (p) => p.affineMapOfOperands("[]"));
    expect(got!.map.text).toBe("(d0, d1)[s0] -> (d0 + s0 * 2, d1 - d0)");
    expect(got!.dims.map((o) => o.name)).toEqual(["i", "k"]);
    expect(got!.symbols.map((o) => o.name)).toEqual(["j"]);
  });
});

describe("regions, blocks and other ops", () => {
  test("entry arguments are visible inside; the number of results on the left is known throughout", () => {
    const { got, faults } = reading("%r:2 = t.x (%a : i32) { t.stop }", (p) => {
      const region = p.region(p.arguments("()", true));
      return { count: p.resultCount(), parsed: { resultTypes: [i32, index], regions: [region] } };
    });
    expect(faults).toEqual([]);
    expect(got!.count).toBe(2);
    expect(got!.parsed.regions[0]!.entry.args[0]!.name).toBe("a");
  });

  test("a name that is in use is no argument", () => {
    expect(reading("t.x (%i : i32) {}", (p) => p.region(p.arguments("()", true))).faults).toEqual([
      "2:6 region entry argument '%i' is already in use",
    ]);
  });

  test("successors with operands", () => {
    const { got, faults } = reading(
      "t.top { t.x ^b(%i, %j : index, i32), ^c\n^b(%x: index, %y: i32): t.stop\n^c: t.stop }",
      (p) => {
        const first = p.successorWithOperands();
        p.punct(",");
        const second = p.successorWithOperands();
        return { first, second, parsed: { successors: [first.block, second.block] } };
      },
    );
    expect(faults).toEqual([]);
    expect(got!.first.operands.map((v) => v.name)).toEqual(["i", "j"]);
    expect(got!.second.operands).toEqual([]);
    expect(got!.first.block.args.length).toBe(2);
  });

  test("a terminator is added to the last block, if it lacks one", () => {
    const stopOf = (p: AsmParser) => (b: Block) => {
      expect(b).toBeInstanceOf(Block);
      return p.opNamed("t.stop", {});
    };
    const { got } = reading("t.x {} {t.stop}", (p) => {
      const regions = [p.region(), p.region(), new Region()];
      for (const r of regions) p.ensureTerminator(r, stopOf(p));
      return { parsed: { regions } };
    });
    expect(got!.parsed.regions.map((r) => [...r.entry].map((o) => o.name))).toEqual([
      ["t.stop"],
      ["t.stop"],
      ["t.stop"],
    ]);
    expect(got!.parsed.regions[0]!.entry.first).toBeInstanceOf(Operation);
  });

  test("an op by name that there is not", () => {
    expect(reading("t.x", (p) => p.opNamed("t.stopp", {})).faults[0]).toContain("custom op 't.stopp' is unknown");
  });
});
