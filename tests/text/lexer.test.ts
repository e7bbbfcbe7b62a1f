import { describe, expect, test } from "vitest";
import { Lexer } from "../../text/lexer.ts";
import { resumeAfter } from "../../text/resume.ts";
import { TextCache } from "../../text/text-cache.ts";
import { End, Token } from "../../text/tokens.ts";

function tokens(text: string): string[] {
  const lexer = new Lexer();
  lexer.start(text);
  const found: string[] = [];
  const token = new Token();
  token.text = text;
  for (lexer.next(token); token.tokenType !== End; lexer.next(token)) {
    found.push(`${token.tokenType.name.replace(/^Key_.*/, "Key")} ${token.image}`);
  }
  return found;
}

describe("tokens", () => {
  test.each([
    ["%a-b %0#1", ["ValueId %a-b", "ValueId %0", "HashId #1"]],
    ["func.func @a.b$c", ["Word func.func", "SymbolId @a.b$c"]],
    ['@"a b"::@c', ['SymbolId @"a b"', "Colon :", "Colon :", "SymbolId @c"]],
    [
      "1e5 1.5e-3 1. 0x1F 0xg 12x",
      [
        "Integer 1",
        "Word e5",
        "FloatLiteral 1.5e-3",
        "FloatLiteral 1.",
        "Integer 0x1F",
        "Integer 0",
        "Word xg",
        "Integer 12",
        "Word x",
      ],
    ],
    ["->-> - >=...", ["Arrow ->", "Arrow ->", "Minus -", "Greater >", "Equal =", "Ellipsis ..."]],
    ["{-# #-} #- {", ["MetadataOpen {-#", "MetadataClose #-}", "HashId #-", "LBrace {"]],
    ["!llvm.ptr<1> ^bb0: // rest", ["TypeId !llvm.ptr", "Less <", "Integer 1", "Greater >", "BlockId ^bb0", "Colon :"]],
    ["dense loc offset dens", ["Key dense", "Key loc", "Key offset", "Word dens"]],
    ['"a\\"b\\\\" "\\0A"', ['StringLiteral "a\\"b\\\\"', 'StringLiteral "\\0A"']],
  ])("%s", (text, wanted) => {
    expect(tokens(text)).toEqual(wanted);
  });

  test("what is no token says why, and where", () => {
    const fault = (text: string): string => {
      const lexer = new Lexer();
      lexer.start(text);
      lexer.next(new Token());
      return `${lexer.faultAt} ${lexer.fault}`;
    };
    expect(fault("% ")).toBe("0 invalid SSA name");
    expect(fault("@1")).toBe("1 @ identifier expected to start with letter or '_'");
    expect(fault('"ab')).toBe("3 expected '\"' in string literal");
    expect(fault('"a\\q"')).toBe("3 unknown escape in string literal");
    expect(fault("\u00e9")).toBe("0 unexpected character");
  });
});

test("dimensions end behind the last x", () => {
  const lexer = new Lexer();
  const token = new Token();
  for (const [text, image] of [
    ["4x?xf32", "4x?x"],
    ["0x1xf32", "0x1x"],
    ["*xf32", "*x"],
    ["[4]x2xi8", "[4]x2x"],
    ["4 x i32", "4 x"],
    ["f32", ""],
    ["4f32", ""],
  ]) {
    lexer.start(text!);
    token.text = text!;
    lexer.dimensions(token);
    expect(token.image).toBe(image);
  }
});

test("balanced text: strings hide brackets, arrows are none", () => {
  const lexer = new Lexer();
  const end = (text: string): number => {
    lexer.start(text);
    return lexer.balanced(0);
  };
  expect(end("<a -> b>c")).toBe(8);
  expect(end('<">\\"">x')).toBe(7);
  expect(end("<(]>")).toBe(-1);
  expect(end("<a")).toBe(-1);
});

test("the end of a type is guessed right for types", () => {
  const lexer = new Lexer();
  const end = (text: string): string => {
    lexer.start(text);
    return text.slice(0, lexer.functionEnd(0));
  };
  expect(end("(i32, tensor<4xf32>) -> i32 loc")).toBe("(i32, tensor<4xf32>) -> i32");
  expect(end("(() -> ()) -> (i32, f32)\n")).toBe("(() -> ()) -> (i32, f32)");
  expect(end("() -> memref<4xf32, affine_map<(d0) -> (d0)>> loc")).toBe(
    "() -> memref<4xf32, affine_map<(d0) -> (d0)>>",
  );
  expect(end("() -> !llvm.ptr<1> ")).toBe("() -> !llvm.ptr<1>");
});

test("text is found again in place, and only the same text", () => {
  const cache = new TextCache<number>();
  const text = "tensor<4xf32> tensor<4xf64>";
  cache.set(text, 0, 13, 1);
  expect(cache.get(text, 0, 13)).toBe(1);
  expect(cache.get(text, 14, 27)).toBeUndefined();
  const twice = "memref<?xf32>  memref<?xf32>";
  const other = new TextCache<number>();
  other.set(twice, 0, 13, 2);
  expect(other.get(twice, 15, 28)).toBe(2);
  for (let i = 0; i < 1000; i++) other.set(twice, 0, 13, 3, i);
  expect(other.get(twice, 15, 28)).toBe(2);
  cache.clear();
  expect(cache.get(text, 0, 13)).toBeUndefined();
});

describe("after a fault reading goes on", () => {
  const isOp = (name: string): boolean => name.startsWith("d.");
  const resume = (text: string, fault: string): string => {
    const offset = resumeAfter(text, 0, text.indexOf(fault), isOp);
    return text.slice(offset).split("\n")[0]!;
  };

  test.each([
    ["%0 = d.a ! x\n%1 = d.b", "!", "%1 = d.b"],
    ["d.a ! {\n d.inner\n}\nd.b", "!", "d.b"],
    ["d.a {\n d.inner !\n}\nd.b", "!", "d.b"],
    ["d.a !\n}\nd.b", "!", "}"],
    ['"d.a"( ! \n  more,\n"d.b"() : () -> ()', "!", '"d.b"() : () -> ()'],
    ["d.a [ !\n  continued\nd.b", "!", "d.b"],
    ["d.a !\n^bb1:\n", "!", "^bb1:"],
    ["d.a !", "!", ""],
  ])("%j", (text, fault, wanted) => {
    expect(resume(text, fault)).toBe(wanted);
  });
});
