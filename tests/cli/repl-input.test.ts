import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  firstOpName,
  isCommand,
  isComplete,
  readCommand,
  readFlags,
  splitAliases,
  splitList,
  wordsOf,
} from "../../cli/repl/input.ts";
import { inputsOf } from "../../cli/repl/shell-script.ts";

describe("isComplete", () => {
  it.each([
    ["%0 = arith.constant 3 : i32", true],
    ["func.func @f() {", false],
    ["func.func @f() {\n}", true],
    ['"foo.bar"(', false],
    ["%0 = arith.addi %a,", false],
    ["%0 =", false],
    ["func.func private @f() ->", false],
    ["func.func private @f() -> i32", true],
    ["%0 = arith.addi %a, %b :", false],
    ['%s = "a.b"() {text = "}"} : () -> i32', true],
    ['%s = "a.b"() {text = "{', false],
    ["return // not a bracket {", true],
    ["}", true],
    ["", true],
    ["#map = affine_map<(d0) -> (d0)>", true],
    ["#map = affine_map<(d0)", false],
    ["#set = affine_set<(d0) : (d0 >= 0, 4 - d0 >= 0)>", true],
    ["%0 = arith.cmpi slt, %a, %b : vector<4xi32>", true],
  ])("%j: %s", (text, complete) => {
    expect(isComplete(text)).toBe(complete);
  });
});

describe("commands", () => {
  it("begin with a point or a colon and a letter", () => {
    expect([".help", ":help", "  .run cse"].map(isCommand)).toEqual([true, true, true]);
    expect(["%0 = x", "...", ": i32", ".5", "func.func"].map(isCommand)).toEqual([false, false, false, false, false]);
    expect(readCommand(" :run  canonicalize,cse ")).toEqual({ name: "run", rest: "canonicalize,cse" });
  });

  it("words, flags, lists", () => {
    expect(wordsOf('a  "b c" d')).toEqual(["a", "b c", "d"]);
    const { flags, rest } = readFlags(["@f", "--generic", "--elide", "4", "--x=y"], ["elide"]);
    expect([...flags]).toEqual([
      ["generic", ""],
      ["elide", "4"],
      ["x", "y"],
    ]);
    expect(rest).toEqual(["@f"]);
    expect(splitList('3, dense<[1, 2]> : tensor<2xi32>, f(a, b), "x,y", affine_map<(a) -> (a, a)>')).toEqual([
      "3",
      "dense<[1, 2]> : tensor<2xi32>",
      "f(a, b)",
      '"x,y"',
      "affine_map<(a) -> (a, a)>",
    ]);
    expect(splitList("")).toEqual([]);
  });
});

it("aliases are told from what uses them, and lines keep their numbers", () => {
  const { aliases, rest } = splitAliases("#map = affine_map<(d0)\n  -> (d0)>\n%0 = foo #map\n!t = i32");
  expect(aliases).toEqual([
    ["#map", "#map = affine_map<(d0)\n  -> (d0)>"],
    ["!t", "!t = i32"],
  ]);
  expect(rest.split("\n").map((l) => l.trim())).toEqual(["", "", "%0 = foo #map", ""]);
});

it("the name of the first op is found", () => {
  expect(firstOpName("%0 = arith.addi %a, %b : i32")).toBe("arith.addi");
  expect(firstOpName('// note\n%0:2, %1 = "foo.bar"() : () -> i32')).toBe("foo.bar");
  expect(firstOpName("func.func @f() {")).toBe("func.func");
  expect(firstOpName("  ")).toBeUndefined();
});

describe("scripts", () => {
  const wantsMore = (text: string): boolean => !isCommand(text) && !isComplete(text);
  it("are inputs over lines; a command ends what is not complete", () => {
    const text = ".help\n\nfunc.func @f() {\n\n  return\n}\n%0 = x {\n.show\n";
    expect([...inputsOf(text, { wantsMore })]).toEqual([
      ".help",
      "func.func @f() {\n\n  return\n}",
      "%0 = x {",
      ".show",
    ]);
  });

  it("lose nothing", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a {", "}", ".x", "b", "", "c,", "(")), (lines) => {
        const inputs = [...inputsOf(lines.join("\n"), { wantsMore })];
        const words = (texts: readonly string[]) =>
          texts
            .join("\n")
            .split(/\s+/)
            .filter((w) => w !== "");
        expect(words(inputs)).toEqual(words(lines));
      }),
    );
  });
});
