import { describe, expect, it } from "vitest";
import { dialects } from "../../dialects/index.ts";
import { attr } from "../../ir/attributes.ts";
import { Any } from "../../ir/constraints.ts";
import { defineOp, type OpInfo } from "../../ir/define.ts";
import { many, one, optional } from "../../ir/fields.ts";
import { formatOf, parseFormat } from "../../text/format.ts";
import { compileFormat } from "../../text/format-write.ts";

const sample = defineOp("t.sample", {
  doc: "An op with everything.",
  operands: [one("lhs", Any), optional("rhs", Any), many("rest", Any)],
  attrs: { flags: attr.int.optional(), sizes: attr.ints, quick: attr.unit },
  results: [one("out", Any)],
  regions: ["body", "others"],
  openRegions: true,
  successors: ["dest"],
}) as unknown as OpInfo;

const all = "$lhs $rhs $rest $body $others $dest";

describe("assembly formats", () => {
  it("become a tree tied to the fields", () => {
    const f = parseFormat(
      sample,
      "$lhs (`,` $rhs^ `:` type($rhs))? ` ` custom<DynamicIndexList>($rest, $sizes) $body $others `\\n` $dest attr-dict `:` functional-type(operands, $out)",
    );
    expect(f.elements.map((e) => e.kind)).toEqual([
      "variable",
      "optional",
      "space",
      "custom",
      "variable",
      "variable",
      "space",
      "variable",
      "attr-dict",
      "literal",
      "functional-type",
    ]);
    expect([...f.mentioned]).toEqual(["sizes"]);
    expect(f.elements[0]).toMatchObject({ variable: { kind: "operand", index: 0, arity: "one" } });
    expect(f.elements[5]).toMatchObject({ variable: { kind: "region", index: 1, open: true } });
    expect(f.elements[6]).toEqual({ kind: "space", text: "\n" });
  });

  it("know groups with an else part, and lists of clauses in any order", () => {
    const f = parseFormat(
      sample,
      `${all} (\`a\` $flags^) : (\`b\`)? oilist(\`str\` $sizes | \`quick\` $quick) attr-dict-with-keyword`,
    );
    const group = f.elements[6];
    expect(group).toMatchObject({ kind: "optional", inverted: false, otherwise: [{ kind: "literal", text: "b" }] });
    expect(f.elements[7]).toMatchObject({ kind: "oilist", clauses: [{ keyword: "str" }, { keyword: "quick" }] });
    expect(f.elements[8]).toEqual({ kind: "attr-dict", keyword: true });
  });

  it.each([
    [`${all} attr-dict $nobody`, 47, "no operand"],
    [`${all}`, 36, "'attr-dict' must occur exactly once"],
    ["$lhs $rhs $rest $body $others attr-dict", 40, "'$dest' does not occur"],
    [`${all} attr-dict (\`a\` $flags)?`, 47, "needs an anchor"],
    [`${all} attr-dict \`a`, 47, "unterminated literal"],
    [`${all} attr-dict type($flags`, 58, "expected ')'"],
    [`${all} attr-dict nonsense`, 47, "unknown directive 'nonsense'"],
    [`${all} attr-dict $out`, 47, "is a result"],
  ])("name the op and the column of a fault: %s", (text, column, message) => {
    expect(() => parseFormat(sample, text)).toThrowError(
      expect.objectContaining({
        name: "InternalError",
        message: expect.stringMatching(new RegExp(`^t\\.sample: assembly format, column ${column}: `)),
      }),
    );
    expect(() => parseFormat(sample, text)).toThrowError(message);
  });

  it("of all ops can be read and written", () => {
    let formats = 0;
    for (const op of dialects.flatMap((d) => d.ops)) {
      if (op.spec.assembly === undefined) continue;
      expect(compileFormat(op, formatOf(op)!)).toBeTypeOf("function");
      formats++;
    }
    expect(formats).toBeGreaterThan(100);
  });
});
