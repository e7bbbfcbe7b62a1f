/** Expressions keep their shape as text; names never meet. */
import { describe, expect, it } from "vitest";
import { atom, call, conditional, identifier, infix, Names, prefix, SourceText } from "../../codegen/source.ts";

const [a, b, c] = [atom("a"), atom("b"), atom("c")];

describe("expressions", () => {
  it("sums and products associate to the left", () => {
    expect(infix("+", infix("+", a, b), c).text).toBe("a + b + c");
    expect(infix("+", a, infix("+", b, c)).text).toBe("a + (b + c)");
    expect(infix("-", a, infix("-", b, c)).text).toBe("a - (b - c)");
    expect(infix("*", infix("+", a, b), c).text).toBe("(a + b) * c");
    expect(infix("+", infix("*", a, b), c).text).toBe("a * b + c");
  });

  it("what compilers warn of stands in parentheses", () => {
    expect(infix("<<", infix("+", a, b), c).text).toBe("(a + b) << c");
    expect(infix("&", infix("==", a, b), c).text).toBe("(a == b) & c");
    expect(infix("<", infix("+", a, b), c).text).toBe("a + b < c");
    expect(infix("==", infix("<", a, b), c).text).toBe("(a < b) == c");
    expect(infix("||", infix("&&", a, b), c).text).toBe("(a && b) || c");
  });

  it("signs do not run together", () => {
    expect(prefix("-", prefix("-", a)).text).toBe("-(-a)");
    expect(prefix("-", atom("-1")).text).toBe("-(-1)");
    expect(prefix("!", infix("<", a, b)).text).toBe("!(a < b)");
  });

  it("calls and conditions", () => {
    expect(call("f", infix("+", a, b), c).text).toBe("f(a + b, c)");
    expect(conditional(infix("<", a, b), a, conditional(c, a, b)).text).toBe("a < b ? a : (c ? a : b)");
    expect(infix("+", conditional(c, a, b), a).text).toBe("(c ? a : b) + a");
  });
});

it("names are identifiers, each used once", () => {
  const names = new Names(["for"]);
  expect([names.fresh("for"), names.fresh("x.y"), names.fresh("x y"), names.fresh("1"), names.fresh("ø")]).toEqual([
    "for_1",
    "x_y",
    "x_y_1",
    "m_1",
    "m",
  ]);
  expect(identifier("__a__")).toBe("a");
});

it("blocks are indented, directives are not", () => {
  const text = new SourceText();
  text.block("void f(void)", () => text.block("if (a)", () => text.margin("#if X").line("b;"))).line("");
  expect(text.toString()).toBe("void f(void) {\n  if (a) {\n#if X\n    b;\n  }\n}\n\n");
});
