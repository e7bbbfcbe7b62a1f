import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Diagnostic, makeDiagnostic } from "../../support/diagnostic.ts";
import { type Location, span } from "../../support/location.ts";
import { diagnosticJson, diagnosticLine, renderDiagnostic, renderDiagnostics } from "../../support/report.ts";
import { Source } from "../../support/source.ts";

const source = new Source(
  "kernel.mlir",
  `func.func @f(%0: f32) -> f32 {

  %1 = arith.constant 1 : i32
  %2 = arith.addf %0, %1 : f32
\t\treturn %2 : f32
}
`,
);
const at = (text: string, from = 0): Location => {
  const start = source.text.indexOf(text, from);
  return span(source, start, start + text.length);
};
const use = span(source, source.text.indexOf("%1 : f32"), source.text.indexOf("%1 : f32") + 2);
const diagnostic = makeDiagnostic(
  "error",
  "verify/operand-type",
  use,
  "'arith.addf' operand 'rhs' must be float-like, but is i32",
  { notes: [{ message: "%1 is defined here", at: at("%1 =") }], help: "convert it with arith.sitofp" },
);

describe("drawings", () => {
  it("show the place, the notes and the help", () => {
    expect(
      renderDiagnostic(diagnostic),
    ).toBe(`error[verify/operand-type]: 'arith.addf' operand 'rhs' must be float-like, but is i32
  ┌─ kernel.mlir:4:23
4 │   %2 = arith.addf %0, %1 : f32
  │                       ^^
  ├─ %1 is defined here
3 │   %1 = arith.constant 1 : i32
  │   ^^^^
  help: convert it with arith.sitofp
`);
  });

  it("tell a node of a model, which has no text", () => {
    const node: Location = {
      kind: "node",
      model: "detector.onnx",
      index: 143,
      name: "/neck/up/Resize",
      opType: "Resize",
      opset: 19,
    };
    const d = makeDiagnostic("warning", "run/fault", node, "no", { help: "cut the graph" });
    expect(renderDiagnostic(d)).toBe(`warning[run/fault]: no
  ┌─ detector.onnx · node 143 "/neck/up/Resize" (Resize, opset 19)
  help: cut the graph
`);
  });

  it("draw the place inside other places, and notes from elsewhere with theirs", () => {
    const named: Location = { kind: "name", name: "x", child: at("return") };
    const far: Location = { kind: "file", file: "a.py", line: 3, column: 4 };
    const d = makeDiagnostic("remark", "run/fault", named, "m", { notes: [{ message: "from here", at: far }] });
    expect(renderDiagnostic(d)).toBe(`remark[run/fault]: m
  ┌─ kernel.mlir:5:3 "x"
5 │ \t\treturn %2 : f32
  │ \t\t^^^^^^
  ├─ from here (a.py:3:4)
`);
  });

  it("mark one character of an empty span, and a span of several lines to the end of the first", () => {
    const end = source.text.indexOf(" {");
    const d = (l: Location): string[] => renderDiagnostic(makeDiagnostic("error", "parse/syntax", l, "m")).split("\n");
    expect(d(span(source, end, end))[3]).toBe(`  │ ${" ".repeat(end)}^`);
    expect(d(span(source, end, source.text.length))[3]).toBe(`  │ ${" ".repeat(end)}^^`);
    expect(d(span(source, source.text.length, source.text.length))[2]).toBe("7 │");
    expect(d({ kind: "unknown" })).toEqual(["error[parse/syntax]: m", ""]);
  });

  it("cut long lines around the mark", () => {
    const long = new Source("l", `${"a".repeat(500)}XYZ${"b".repeat(500)}`);
    const d = makeDiagnostic("error", "parse/syntax", span(long, 500, 503), "m");
    const [, , text, marks] = renderDiagnostic(d, { width: 80 }).split("\n");
    expect(text!.length).toBeLessThanOrEqual(84);
    expect(text).toMatch(/^1 │ …a+XYZb+…$/);
    expect(text!.slice(marks!.indexOf("^"), marks!.lastIndexOf("^") + 1)).toBe("XYZ");
  });

  it("keep the mark under the text, wherever it is and however long the line", () => {
    fc.assert(
      fc.property(fc.nat(300), fc.integer({ min: 1, max: 300 }), fc.nat(300), (before, length, after) => {
        const text = new Source("t", "a".repeat(before) + "X".repeat(length) + "b".repeat(after));
        const d = makeDiagnostic("error", "parse/syntax", span(text, before, before + length), "m");
        const [, , line, marks] = renderDiagnostic(d, { width: 60 }).split("\n");
        const [start, end] = [marks!.indexOf("^"), marks!.lastIndexOf("^") + 1];
        expect(line!.slice(start, end)).toMatch(/^X+…?$/);
        expect(line![start - 1]).not.toBe("X");
      }),
    );
  });

  it("are coloured on demand, with the same text", () => {
    const colored = renderDiagnostic(diagnostic, { color: true });
    expect(colored).toContain("\u001b[1;31m^^\u001b[0m");
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
    expect(colored.replace(/\u001b\[[\d;]*m/g, "")).toBe(renderDiagnostic(diagnostic));
  });

  it("stand apart", () => {
    expect(renderDiagnostics([diagnostic, diagnostic]).split("\n\n")).toHaveLength(2);
    expect(renderDiagnostics([])).toBe("");
  });
});

describe("other forms", () => {
  it("one line each, as mlir-opt", () => {
    expect(
      diagnosticLine(diagnostic),
    ).toBe(`kernel.mlir:4:23: error: 'arith.addf' operand 'rhs' must be float-like, but is i32
kernel.mlir:3:3: note: %1 is defined here
`);
    const nowhere: Diagnostic = makeDiagnostic("warning", "run/fault", { kind: "unknown" }, "m");
    expect(diagnosticLine(nowhere)).toBe("warning: m\n");
  });

  it("JSON", () => {
    expect(JSON.parse(JSON.stringify(diagnosticJson(diagnostic)))).toEqual({
      code: "verify/operand-type",
      title: "an operand has a type that the op does not take",
      severity: "error",
      message: "'arith.addf' operand 'rhs' must be float-like, but is i32",
      at: { text: "kernel.mlir:4:23", file: "kernel.mlir", line: 4, column: 23, endLine: 4, endColumn: 25 },
      notes: [
        {
          message: "%1 is defined here",
          at: { text: "kernel.mlir:3:3", file: "kernel.mlir", line: 3, column: 3, endLine: 3, endColumn: 7 },
        },
      ],
      help: "convert it with arith.sitofp",
    });
  });
});
