/** Reading by assembly formats and by the façade, on records made for these tests. */
import { describe, expect, test } from "vitest";
import { attr } from "../../ir/attributes.ts";
import { Any, AnyFloat, Index, MemRef } from "../../ir/constraints.ts";
import { Context } from "../../ir/context.ts";
import type { Operation } from "../../ir/core.ts";
import { defineDialect, defineOp } from "../../ir/define.ts";
import { many, one, optional } from "../../ir/fields.ts";
import { typeText } from "../../ir/spell.ts";
import { Isolated, SymbolTable, sameTypes, Terminator } from "../../ir/traits.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { describeLocation } from "../../support/location.ts";
import { parse } from "../../text/parser.ts";

const stop = defineOp("t.stop", { doc: "Ends.", traits: [Terminator], assembly: "attr-dict" });
const ops = [
  stop,
  defineOp("t.value", { doc: "Makes.", results: [many("r", Any)], assembly: "attr-dict (`:` type($r)^)?" }),
  defineOp("t.add", {
    doc: "Adds.",
    operands: [one("a", AnyFloat), one("b", AnyFloat)],
    results: [one("r", AnyFloat)],
    attrs: { fast: attr.flags("t.fast", ["x", "y"], "all").default([]), kind: attr.enumInt(["lo", "hi"]).optional() },
    traits: [sameTypes("a", "b", "r")],
    assembly: "($kind^)? $a `,` $b (`fast` `` $fast^)? attr-dict `:` type($r)",
  }),
  defineOp("t.load", {
    doc: "Loads.",
    operands: [one("from", MemRef), many("at", Index), optional("mask", Any)],
    results: [one("r", Any)],
    attrs: { nt: attr.unit, align: attr.int.optional(), lanes: attr.ints.default([]) },
    deduce: { r: (known) => (known.type("from") as { element?: never } | undefined)?.element },
    assembly:
      "$from `[` $at `]` (`,` $mask^ `:` type($mask))? (`nontemporal` $nt^)? (`align` `(` $align^ `)`)? (`lanes` $lanes^)? attr-dict `:` type($from)",
  }),
  defineOp("t.slice", {
    doc: "Slices.",
    operands: [one("from", Any), many("offsets", Index), many("sizes", Index)],
    attrs: { static_offsets: attr.ints, static_sizes: attr.ints },
    results: [one("r", Any)],
    assembly:
      "$from custom<DynamicIndexList>($offsets, $static_offsets) custom<DynamicIndexList>($sizes, $static_sizes) attr-dict `:` type($from) `to` type($r)",
  }),
  defineOp("t.call", {
    doc: "Calls.",
    operands: [many("args", Any)],
    attrs: { callee: attr.symbol },
    results: [many("rs", Any)],
    assembly: "$callee `(` $args `)` attr-dict `:` functional-type($args, $rs)",
  }),
  defineOp("t.br", {
    doc: "Jumps.",
    operands: [many("args", Any)],
    successors: ["dest"],
    traits: [Terminator],
    assembly: "$dest (`(` $args^ `:` type($args) `)`)? attr-dict",
  }),
  defineOp("t.if", {
    doc: "Chooses.",
    operands: [one("c", Index)],
    regions: ["then", "otherwise"],
    terminator: () => stop,
    assembly: "$c $then (`else` $otherwise^)? attr-dict",
  }),
  defineOp("t.top", {
    doc: "Holds.",
    attrs: { name: attr.symbolName.optional() },
    regions: ["body"],
    traits: [Isolated, SymbolTable],
    defaultDialect: "t",
    assembly: "($name^)? attr-dict-with-keyword $body",
  }),
  defineOp("t.loop", {
    doc: "Counts.",
    operands: [one("n", Index), many("inits", Any)],
    results: [many("rs", Any)],
    regions: ["body"],
    parse(p) {
      const i = p.operand();
      p.keyword("to");
      const n = p.resolve(p.operand(), Index.only!);
      const inits = p.optionalKeyword("with")
        ? p.list("()", () => {
            const arg = p.operand();
            p.punct("=");
            return { arg, init: p.operand() };
          })
        : [];
      const types = p.optionalArrowTypes();
      const body = p.region([
        { operand: i, type: Index.only!, at: i.at },
        ...inits.map(({ arg }, k) => ({ operand: arg, type: types[k]!, at: arg.at })),
      ]);
      const values = p.resolveAll(
        inits.map((x) => x.init),
        types,
      );
      return { operands: [n, ...values], resultTypes: types, regions: [body], attributes: p.attrDict() };
    },
  }),
];
const context = new Context([
  defineDialect("t", { doc: "For tests.", ops, top: ops.find((o) => o.opName === "t.top")! }),
]);

function body(text: string): Operation[] {
  const diagnostics = new Diagnostics();
  const top = parse(text, context, diagnostics);
  expect(diagnostics.list.map((d) => `${describeLocation(d.at)} ${d.message}`)).toEqual([]);
  return [...top!.region().entry];
}

function faults(text: string): string[] {
  const diagnostics = new Diagnostics();
  expect(parse(text, context, diagnostics)).toBeUndefined();
  return diagnostics.list.map((d) => `${describeLocation(d.at).slice(2)} ${d.message}`);
}

const prelude = "%f = t.value : f32\n%m = t.value : memref<4x8xf16>\n%i = t.value : index\n";
const last = (text: string): Operation => body(prelude + text).at(-1)!;
const props = (op: Operation): object => Object.fromEntries(op.def.attrFields.map((f, i) => [f.name, op.props[i]]));

describe("declarative formats", () => {
  test("types follow from each other", () => {
    const add = last("%0 = t.add %f, %f : f32");
    expect(typeText(add.result().type)).toBe("f32");
    expect(props(add)).toEqual({ fast: [], kind: undefined });
  });

  test("optional words, flags and dictionaries", () => {
    const add = last("%0 = t.add hi %f, %f fast<y, x> {extra} : f32");
    expect(props(add)).toEqual({ fast: ["x", "y"], kind: "hi" });
    expect([...add.attributes!.keys()]).toEqual(["extra"]);
    expect(props(last("%0 = t.add %f, %f fast<all> : f32"))).toEqual({ fast: ["x", "y"], kind: undefined });
  });

  test("variadic and optional operands, units, literals without types, lists; `deduce`", () => {
    const load = last("%0 = t.load %m[%i, %i], %f : f32 nontemporal align(16) lanes [1, -2] : memref<4x8xf16>");
    expect(load.operandSegments).toEqual([1, 2, 1]);
    expect(typeText(load.result().type)).toBe("f16");
    expect(props(load)).toEqual({ nt: true, align: 16, lanes: [1, -2] });
    const plain = last("%0 = t.load %m[] {align = 8 : i64} : memref<4x8xf16>");
    expect(plain.operandSegments).toEqual([1, 0, 0]);
    expect(props(plain)).toEqual({ nt: false, align: 8, lanes: [] });
  });

  test("index lists", () => {
    const slice = last("%0 = t.slice %m[0, %i] [%i, 8] : memref<4x8xf16> to memref<?x8xf16>");
    expect(slice.operandSegments).toEqual([1, 1, 1]);
    expect(props(slice)).toEqual({
      static_offsets: [0, Number.MIN_SAFE_INTEGER],
      static_sizes: [Number.MIN_SAFE_INTEGER, 8],
    });
  });

  test("functional types, symbols, results by number", () => {
    const call = last("%r:2 = t.call @f(%f, %i) : (f32, index) -> (i1, f32)\nt.call @g(%r#1) : (f32) -> ()");
    expect(typeText(call.operand(0).type)).toBe("f32");
    expect(props(call)).toEqual({ callee: "g" });
  });

  test("regions end with the terminator that the text leaves out; a group may be absent", () => {
    const both = last("t.if %i { t.value } else { t.stop }");
    expect(both.regions.map((r) => r.entry.last!.name)).toEqual(["t.stop", "t.stop"]);
    expect(both.region(0).entry.first!.name).toBe("t.value");
  });

  test("names of the default dialect need no prefix", () => {
    const inner = body("t.top @x attributes {a} { value\n stop }").at(-1)!;
    expect(inner.def.opName).toBe("t.stop");
  });

  test("a syntax in code", () => {
    const loop = last("%r = t.loop %k to %i with (%a = %f) -> f32 { t.call @f(%k, %a) : (index, f32) -> () }");
    expect(loop.region().entry.args.map((a) => a.name)).toEqual(["k", "a"]);
    expect(loop.operands.length).toBe(2);
  });
});

describe("faults in pretty forms", () => {
  test.each([
    ["%0 = t.add %f %f : f32", "4:14 expected ','"],
    ["%0 = t.add %f, %f fast<z> : f32", "4:24 custom op 't.add' expected one of none, x, y, all for attribute 'fast'"],
    ["%0 = t.add %f, %f", "4:18 expected ':'"],
    ["%0 = t.adf %f, %f : f32", "4:6 custom op 't.adf' is unknown"],
    ["t.call f() : () -> ()", "4:7 expected attribute value"],
    [
      "t.call 4() : () -> ()",
      "4:8 custom op 't.call' invalid kind of attribute specified: must be flat symbol reference attribute",
    ],
    [
      "t.call @f(%f) : () -> ()",
      "4:11 custom op 't.call' number of operands and types do not match: got 1 operands and 0 types",
    ],
    ["%0 = t.load %m[%i : memref<4x8xf16>", "4:18 expected ']'"],
    ["t.loop %k until %i {}", "4:11 custom op 't.loop' expected 'to'"],
    ["t.top { t.add %f, %f : f32 }", "4:15 use of undeclared SSA value name"],
    ["t.br ^nowhere", "4:6 reference to an undefined block"],
  ])("%s", (text, wanted) => {
    expect(faults(prelude + text)[0]).toBe(wanted);
  });

  test("a wrong name is met with the near one", () => {
    const diagnostics = new Diagnostics();
    parse("t.vale : f32", context, diagnostics);
    expect(diagnostics.list[0]!.help).toBe("did you mean 't.value'?");
  });
});
