/** The public face, as a program uses it. */
import { describe, expect, it } from "vitest";
import { CompileError, Context, Diagnostics, dialects, interpret, loadParser, opt } from "../index.ts";

const text = `func.func @half(%x: f32) -> f32 {
  %c = arith.constant 0.5 : f32
  %unused = arith.addf %x, %c : f32
  %0 = arith.mulf %x, %c : f32
  return %0 : f32
}`;

describe("index.ts", () => {
  it("reads, transforms and prints in one call", async () => {
    expect(await opt(text, "canonicalize", { generic: false })).not.toContain("addf");
    expect(await opt(text)).toContain("addf");
  });

  it("throws everything that is wrong with text and pipeline", async () => {
    const error = await opt("func.func @f() { foo.bar }", "nothing").catch((e: unknown) => e);
    expect(error).toBeInstanceOf(CompileError);
    expect((error as CompileError).diagnostics.map((d) => d.code)).toEqual(
      expect.arrayContaining(["pass/unknown", "parse/unknown-op"]),
    );
  });

  it("runs programs", async () => {
    const { parse } = await loadParser();
    const module = parse(text, new Context(dialects), new Diagnostics());
    expect(interpret(module!, "half", [3])).toEqual([1.5]);
  });
});
