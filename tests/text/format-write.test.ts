/** Writing by assembly formats, on records made for these tests: where blanks go, and what is left out. */
import { describe, expect, it } from "vitest";
import { attr } from "../../ir/attributes.ts";
import { Any, Index } from "../../ir/constraints.ts";
import { Block, Operation, Region } from "../../ir/core.ts";
import { type Attrs, defineOp, type OpInfo } from "../../ir/define.ts";
import { type Fields, many, one, optional } from "../../ir/fields.ts";
import { Terminator } from "../../ir/traits.ts";
import { dynamic, f32, i32, index, type Type, unitAttribute } from "../../ir/types.ts";
import { print } from "../../text/printer.ts";

const stop = defineOp("t.stop", {
  doc: "Ends.",
  operands: [many("xs", Any)],
  traits: [Terminator],
  assembly: "($xs^)? attr-dict",
});
const source = defineOp("t.source", { doc: "Makes.", results: [many("r", Any)], assembly: "attr-dict" });

interface Made {
  readonly operands?: readonly Type[];
  readonly props?: readonly unknown[];
  readonly results?: readonly Type[];
  readonly segments?: readonly number[];
  readonly regions?: readonly Region[];
  readonly successors?: number;
  readonly discardable?: readonly string[];
}

/** The text of an op with this format after its name; operands are `%0#0`, `%0#1`, …, blocks `^bb1` and on. */
function written(
  assembly: string,
  fields: {
    operands?: Fields;
    attrs?: Attrs;
    results?: Fields;
    regions?: readonly string[];
    successors?: readonly string[];
    openSuccessors?: boolean;
    openRegions?: boolean;
    terminator?: () => OpInfo;
  },
  made: Made,
): string {
  const def = defineOp("t.x", { doc: "X.", assembly, ...fields } as never) as unknown as OpInfo;
  const top = new Region([new Block()]);
  const values = new Operation(source, { resultTypes: made.operands ?? [] });
  top.entry.append(values);
  for (let i = 0; i < (made.successors ?? 0); i++) top.append(new Block());
  const op = new Operation(def, {
    operands: values.results,
    props: (made.props ?? []).slice(),
    resultTypes: made.results ?? [],
    regions: made.regions ?? [],
    successors: top.blocks.slice(1),
    operandSegments: made.segments ?? null,
    attributes: made.discardable ? new Map(made.discardable.map((name) => [name, unitAttribute])) : null,
  });
  top.entry.append(op);
  new Operation(source, { regions: [top] });
  const text = print(op).replace(/^.*?t\.x/, "");
  return text.slice(0, -1).replaceAll("%0#", "%");
}

const ab = [one("a", Any), one("b", Any)] as const;
const two = [i32, f32];

describe("blanks", () => {
  it.each([
    ["$a `,` $b attr-dict `:` type($a)", " %0, %1 : i32"],
    ["`(` $a `)` `[` $b `]` attr-dict", "(%0) [%1]"],
    ["$a `[` $b `]` attr-dict", " %0[%1]"],
    ["$a `` `[` $b `]` attr-dict", " %0[%1]"],
    ["`word` $a `->` $b attr-dict", " word %0 -> %1"],
    ["`word` `` $a ` ` `(` $b `)` attr-dict", " word%0 (%1)"],
    ["$a `<` $b `>` attr-dict `into` type(operands)", " %0<%1> into i32, f32"],
    ["operands attr-dict `:` functional-type(operands, results)", " %0, %1 : (i32, f32) -> ()"],
    ["$a `{` $b `}` attr-dict `=` type($b)", " %0{%1} = f32"],
    ["$a `\\n` $b attr-dict", " %0\n %1"],
  ])("%s", (assembly, text) => {
    expect(written(assembly, { operands: ab }, { operands: two })).toBe(text);
  });
});

describe("optional groups", () => {
  const operands = [optional("a", Any), many("b", Any)];
  const format = "(`first` $a^ `:` type($a))? (`[` $b^ `]`) : (`none`)? attr-dict";

  it("are written if their anchor is there", () => {
    expect(written(format, { operands }, { operands: [i32], segments: [1, 0] })).toBe(" first %0 : i32 none");
    expect(written(format, { operands }, { operands: [i32, i32], segments: [0, 2] })).toBe("[%0, %1]");
  });

  const attrs = {
    u: attr.unit,
    n: attr.int.default(4),
    l: attr.ints.optional(),
    k: attr.enumInt(["lo", "hi"]).optional(),
  };
  const options = "(`u` $u^)? (`n` `=` $n^)? (`l` $l^)? ($k^)? attr-dict";

  it("leave unit attributes to their keyword, and defaults out", () => {
    expect(written(options, { attrs }, { props: [true, 4, undefined, undefined] })).toBe(" u");
    expect(written(options, { attrs }, { props: [false, 5, [1, 2], "hi"] })).toBe(" n = 5 l [1, 2] hi");
  });

  it("may have the anchor in the other part", () => {
    const format = "(`off`) : (`on` $u^)? attr-dict";
    expect(written(format, { attrs: { u: attr.unit } }, { props: [true] })).toBe(" on");
    expect(written(format, { attrs: { u: attr.unit } }, { props: [false] })).toBe(" off");
  });

  it("oilist writes the clauses that are there", () => {
    const clauses = "oilist(`str` $s | `quick` $q | `size` `(` $n `)`) attr-dict";
    const attrs = { s: attr.string.optional(), q: attr.unit, n: attr.int.optional() };
    expect(written(clauses, { attrs }, { props: ["x", true, 3] })).toBe(' str "x" quick size(3)');
    expect(written(clauses, { attrs }, { props: [undefined, true, undefined] })).toBe(" quick");
  });
});

describe("attributes", () => {
  it("are written as their codecs want it", () => {
    const attrs = {
      full: attr.any,
      untyped: attr.int,
      word: attr.oneOf("a", "b-c"),
      flags: attr.flags("d.flags", ["x", "y"]),
      name: attr.symbolName,
      flag: attr.unit,
      list: attr.bools,
      f: attr.f32,
    };
    const format = Object.keys(attrs)
      .map((k) => `$${k}`)
      .join(" ");
    const props = [{ kind: "integer", value: 1n, type: i32 }, 2, "b-c", ["x", "y"], "main", true, [true, false], 0.5];
    expect(written(`${format} attr-dict`, { attrs }, { props })).toBe(
      ' 1 : i32 2 "b-c" <x,y> @main unit [true, false] 5.000000e-01',
    );
  });

  it("that the format does not write stand in the dictionary, sorted, without defaults", () => {
    const attrs = { b: attr.int, a: attr.int.default(1), c: attr.ints.default([]), d: attr.unit };
    const made = { props: [1, 2, [], true], discardable: ["x.y", "ab"] };
    expect(written("attr-dict", { attrs }, made)).toBe(" {a = 2 : i64, ab, b = 1 : i64, d, x.y}");
    expect(written("$b attr-dict-with-keyword", { attrs }, made)).toBe(" 1 attributes {a = 2 : i64, ab, d, x.y}");
    expect(written("prop-dict attr-dict", { attrs }, made)).toBe(" <{a = 2 : i64, b = 1 : i64, d}> {ab, x.y}");
    expect(written("attr-dict", { attrs }, { props: [undefined, 1, [], false] })).toBe("");
  });
});

describe("regions and blocks", () => {
  const withStop = (operands: readonly Operation[] = []): Region => {
    const block = new Block();
    for (const op of operands) block.append(op);
    block.append(new Operation(stop, { operands: operands.flatMap((o) => o.results) }));
    return new Region([block]);
  };

  it("leave a terminator out that says nothing, where the op has an implicit one", () => {
    const fields = { regions: ["r"], terminator: () => stop };
    expect(written("$r attr-dict", fields, { regions: [withStop()] })).toBe(" {\n}");
    const value = new Operation(source, { resultTypes: [i32] });
    expect(written("$r attr-dict", fields, { regions: [withStop([value])] })).toBe(
      " {\n  %0 = t.source\n  t.stop %0\n}",
    );
    expect(written("$r attr-dict", { regions: ["r"] }, { regions: [withStop()] })).toBe(" {\n  t.stop\n}");
  });

  it("come in lists", () => {
    const fields = { regions: ["a", "rest"], openRegions: true, successors: ["s"], openSuccessors: true };
    const regions = [withStop(), new Region(), new Region()];
    expect(written("$a `or` $rest `to` $s attr-dict", fields, { regions, successors: 2 })).toBe(
      " {\n  t.stop\n} or {\n}, {\n} to ^bb1, ^bb2",
    );
    expect(written("regions successors attr-dict", fields, { regions: [withStop()], successors: 1 })).toBe(
      " {\n  t.stop\n} ^bb1",
    );
  });
});

describe("custom directives", () => {
  it("DynamicIndexList", () => {
    const operands = [many("o", Index)];
    const attrs = { s: attr.ints, f: attr.bools.optional() };
    const made = {
      operands: [index],
      props: [
        [4, dynamic, 8],
        [false, false, true],
      ],
    };
    expect(written("custom<DynamicIndexList>($o, $s, $f) attr-dict", { operands, attrs }, made)).toBe(" [4, %0, [8]]");
    const round = 'custom<DynamicIndexList>($o, $s, "{}", "::mlir::AsmParser::Delimiter::Paren") attr-dict';
    const plain = { operands, attrs: { s: attr.ints } };
    expect(written(`\`\` ${round}`, plain, { operands: [], props: [[]] })).toBe("()");
  });

  it("SwitchCases", () => {
    const fields = { attrs: { cases: attr.ints }, regions: ["d", "cs"], openRegions: true };
    const format = "custom<SwitchCases>($cases, $cs) `\\n` `` `default` $d attr-dict";
    const made = { props: [[2, 5]], regions: [new Region(), new Region(), new Region()] };
    expect(written(format, fields, made)).toBe(" \ncase 2 {\n}\ncase 5 {\n}\ndefault {\n}");
  });

  it("types and values", () => {
    const attrs = { type: attr.type, value: attr.any.optional() };
    const value = { kind: "integer", value: 1n, type: i32 } as const;
    const both = (format: string, props: readonly unknown[]): string =>
      written(`${format} attr-dict`, { attrs }, { props });
    expect(both("`:` custom<GlobalMemrefOpTypeAndInitialValue>($type, $value)", [i32, value])).toBe(" : i32 = 1");
    expect(both("`:` custom<GlobalMemrefOpTypeAndInitialValue>($type, $value)", [i32, unitAttribute])).toBe(
      " : i32 = uninitialized",
    );
    expect(both("custom<TypeOrAttr>($type, $value)", [i32, value])).toBe(" = 1 : i32");
    expect(both("custom<TypeOrAttr>($type, $value)", [f32, value])).toBe(" : f32 = 1 : i32");
    expect(both("custom<TypeOrAttr>($type, $value)", [f32, undefined])).toBe(" : f32");
  });
});
