import { describe, expect, test } from "vitest";
import { dialects } from "../../dialects/index.ts";
import { Context } from "../../ir/context.ts";
import type { Operation } from "../../ir/core.ts";
import { attributeText, typeText } from "../../ir/spell.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { describeLocation } from "../../support/location.ts";
import { Source } from "../../support/source.ts";
import { parse, parseAll, parseAttribute, parseType, splitInput } from "../../text/parser.ts";

const context = new Context([], { allowUnregistered: true });

function read(text: string): readonly Operation[] {
  const diagnostics = new Diagnostics();
  const ops = parseAll(text, context, diagnostics);
  expect(diagnostics.list.map((d) => `${describeLocation(d.at)} ${d.message}`)).toEqual([]);
  return ops!;
}

/** `line:column message` of each fault. */
function faults(text: string, of: Context = context): string[] {
  const diagnostics = new Diagnostics();
  const ops = parseAll(text, of, diagnostics);
  expect(ops).toBeUndefined();
  return diagnostics.list
    .filter((d) => d.severity === "error")
    .map((d) => `${describeLocation(d.at).replace(/^-:/, "")} ${d.message}`);
}

describe("generic ops", () => {
  test("operands, results, attributes and properties", () => {
    const [a, b] = read(
      '%x:2 = "d.a"() <{p = 1 : i8}> : () -> (i32, f32)\n"d.b"(%x#1, %x#0) {k = "v", u} : (f32, i32) -> ()',
    );
    expect(a!.name).toBe("d.a");
    expect(a!.results.map((r) => typeText(r.type))).toEqual(["i32", "f32"]);
    expect(a!.results.map((r) => r.name)).toEqual(["x", "x"]);
    expect(attributeText(a!.props[0] as never)).toBe("{p = 1 : i8}");
    expect(b!.operands).toEqual([a!.results[1], a!.results[0]]);
    expect([...b!.attributes!.keys()]).toEqual(["k", "u"]);
  });

  test("an op's place is its name's", () => {
    const [op] = read('\n  %0 = "d.a"() : () -> i32\n');
    expect(describeLocation(op!.loc)).toBe("-:2:8");
    expect(describeLocation(read('"d.a"() : () -> () loc("m.py":3:4)')[0]!.loc)).toBe("m.py:3:4");
  });

  test("blocks, arguments, successors, uses before definitions", () => {
    const [op] = read(`"d.r"() ({
      ^a(%i: i32):
        "d.br"(%late)[^b, ^a] : (i64) -> ()
      ^b:
        %late = "d.c"(%i) : (i32) -> i64
    }, {}) : () -> ()`);
    const [first, second] = op!.region(0).blocks;
    expect(op!.region(1).isEmpty).toBe(true);
    expect(first!.first!.successors).toEqual([second, first]);
    expect(first!.first!.operand(0)).toBe(second!.first!.result());
    expect(second!.first!.operand(0)).toBe(first!.args[0]);
    expect(first!.args[0]!.name).toBe("i");
  });

  test("aliases, also of locations that come later", () => {
    const [op] = read(`#m = affine_map<(d0, d1) -> (d1, d0)>
      !t = tensor<4x?xf32>
      "d.a"() {m = #m, t = !t} : () -> () loc(#later)
      #later = loc("x")`);
    expect(attributeText(op!.attributes!.get("m")!)).toBe("affine_map<(d0, d1) -> (d1, d0)>");
    expect(attributeText(op!.attributes!.get("t")!)).toBe("tensor<4x?xf32>");
    expect(op!.loc).toEqual({ kind: "name", name: "x" });
  });

  test("of a range, as MLIR 22 writes it, the begin is kept", () => {
    for (const range of ["1:2 to 3:4", "1:2 to :4", "1:2"]) {
      expect(describeLocation(read(`"d.a"() : () -> () loc("f":${range})`)[0]!.loc)).toBe("f:1:2");
    }
  });

  test("resources find their bytes", () => {
    const [op] = read(`"d.a"() {w = dense_resource<w> : tensor<2xi8>} : () -> ()
      {-# dialect_resources: { builtin: { w: "0x04000000FF01" } } #-}`);
    const w = op!.attributes!.get("w")!;
    expect(w.kind === "resource" && [...w.resource!.bytes()]).toEqual([0xff, 1]);
  });
});

describe("types and attributes are read and spelt alike", () => {
  const types = [
    "i1",
    "si8",
    "ui64",
    "index",
    "bf16",
    "f8E4M3FN",
    "none",
    "complex<f32>",
    "tuple<>",
    "tuple<i32, tuple<f32>>",
    "() -> ()",
    "(i32, f32) -> (i32, f32)",
    "(i32) -> ((i32) -> f32)",
    "tensor<f32>",
    "tensor<0x1x?xf32>",
    "tensor<*xi8>",
    "tensor<4xf32, #d.enc<a -> b>>",
    "vector<f32>",
    "vector<4x[8]xindex>",
    "memref<4x?xf32, strided<[?, 1], offset: ?>, 3>",
    'memref<2xvector<4xf32>, affine_map<(d0) -> (d0 + 1)>, "space">',
    "memref<*xf32, 1 : i32>",
    '!d.t<i32, [1], ">">',
    "!d.t",
  ];
  test.each(types)("%s", (text) => {
    const d = new Diagnostics();
    expect(typeText(parseType(text, context, d)!)).toBe(text);
    expect(parseType(text, context, d)).toBe(parseType(text, context, d));
  });
  const attributes = [
    "true",
    "-1 : i8",
    "4 : index",
    "1.500000e+00 : f32",
    '"a\\22b\\0A"',
    '[1 : i8, [], {a, b = @x::@"y z"}]',
    "#d.a<1 -> 2>",
    "#d.b",
    "array<i64: 1, -2>",
    "array<i1: true, false>",
    "array<f32>",
    "affine_map<(d0, d1)[s0] -> (d0 + s0, d1 floordiv 4)>",
    "affine_set<(d0) : (d0 - 1 >= 0, d0 == 0)>",
    "strided<[1, ?], offset: 2>",
    "i32",
    "tensor<2xf32>",
    'loc("f":1:2)',
    'loc(callsite("a" at unknown))',
    'loc(fused<"m">["a", "b"("c")])',
    "dense<[[1, 2], [3, 4]]> : tensor<2x2xi32>",
    "dense<1.000000e+00> : vector<4xf32>",
    'dense<["a", "b"]> : tensor<2x!d.s>',
    "dense<true> : tensor<2xi1>",
    "dense<> : tensor<0xi32>",
    "dense_resource<w> : tensor<2xf32>",
    "dense<(1.000000e+00,2.000000e+00)> : tensor<2xcomplex<f32>>",
    "distinct[0]<unit>",
    "0x7FC00001 : f32",
  ];
  test.each(attributes)("%s", (text) => {
    const d = new Diagnostics();
    const a = parseAttribute(text, context, d);
    expect(d.list).toEqual([]);
    expect(attributeText(a!)).toBe(text);
  });
});

test("elements of all widths and signs", () => {
  const d = new Diagnostics();
  const bytes = (text: string): number[] => {
    const a = parseAttribute(text, context, d);
    expect(d.list).toEqual([]);
    return a?.kind === "dense" ? [...a.bytes] : [];
  };
  expect(bytes("dense<[-1, 99]> : tensor<2xi8>")).toEqual([0xff, 99]);
  expect(bytes("dense<[-2, 0x7F]> : tensor<2xi16>")).toEqual([0xfe, 0xff, 0x7f, 0]);
  expect(bytes("dense<[-3, 5]> : tensor<2xi64>")).toEqual([0xfd, ...Array(7).fill(0xff), 5, ...Array(7).fill(0)]);
  expect(bytes("dense<[200, 255]> : tensor<2xui8>")).toEqual([200, 255]);
  expect(bytes("dense<[7, -8]> : tensor<2xi4>")).toEqual([7, 0xf8]);
  expect(bytes("dense<[1, 0]> : tensor<2xi1>")).toEqual([1, 0]);
  expect(bytes("dense<7> : tensor<4xi32>")).toEqual([7, 0, 0, 0]);
  expect(bytes("dense<[1.5, 0x7F800000]> : tensor<2xf32>")).toEqual([0, 0, 0xc0, 0x3f, 0, 0, 0x80, 0x7f]);
  expect(bytes('dense<"0x0203"> : tensor<9xi1>')).toEqual([0, 1, 0, 0, 0, 0, 0, 0, 1]);
  for (const wrong of [
    "dense<16> : tensor<1xi4>",
    "dense<-1> : tensor<1xui8>",
    "dense<256> : tensor<1xi8>",
    "dense<-0> : tensor<1xi8>",
  ]) {
    expect(parseAttribute(wrong, context, new Diagnostics())).toBeUndefined();
  }
});

describe("faults", () => {
  test("several in one text, each at its place, without false ones that follow", () => {
    const text = `%a = "d.a"( : () -> i32
"d.b"(%a) : (i32) -> ()
%c = "d.c"(%undefined) : (i32) -> i32
"d.d"(%c : (i32) -> ()
"d.e"(%c) : (i64) -> ()`;
    expect(faults(text)).toEqual([
      "1:12 expected ')' to end operand list",
      "4:9 expected ')' to end operand list",
      "5:7 use of value '%c' expects different type than prior uses: 'i64' vs 'i32'",
      "3:12 use of undeclared SSA value name",
    ]);
  });

  test("reading goes on behind a fault inside a region", () => {
    const text = `"d.r"() ({
  "d.a"() : -> ()
  "d.b"() {x = } : () -> ()
}) : () -> ()
"d.c"() ) : () -> ()`;
    expect(faults(text).map((f) => f.split(" ")[0])).toEqual(["2:12", "3:15", "5:8"]);
  });

  test("at most twenty are reported", () => {
    expect(faults('"d.a"( : () -> ()\n'.repeat(50))).toHaveLength(20);
  });

  test("deep nesting is refused", () => {
    expect(faults(`"d.a"() {a = ${"[".repeat(100_000)}} : () -> ()`)[0]).toContain("nesting is deeper than");
    expect(faults(`${'"d.a"() ({'.repeat(10_000)}`)[0]).toContain("nesting is deeper than");
    expect(faults(`"d.a"() : () -> ${"tuple<".repeat(10_000)}`)[0]).toContain("nesting is deeper than");
  });

  test("unregistered dialects are refused by default", () => {
    const strict = new Context([]);
    expect(faults('"d.a"() : () -> ()', strict)[0]).toContain("unregistered dialect");
    const d = new Diagnostics();
    expect(parseType("!d.t", strict, d)).toBeUndefined();
    expect(d.list[0]!.code).toBe("parse/unregistered");
  });

  test("unknown ops of known dialects are refused, each of them, as by MLIR", () => {
    const known = new Context(dialects, { allowUnregistered: true });
    const text = '"func.retun"() : () -> ()\n"gpu.func"() : () -> ()\n"d.a"() : () -> ()\n"func.retun"() : () -> ()';
    const message =
      "unregistered operation 'func.retun' found in dialect ('func') that does not allow unknown operations";
    expect(faults(text, known)).toEqual([`1:1 ${message}`, `4:1 ${message}`]);
  });
});

test("a text of one op needs no module", () => {
  expect(parse('"d.a"() : () -> ()', context, new Diagnostics())!.name).toBe("d.a");
});

test("splitting keeps the numbers of lines", () => {
  const parts = splitInput(new Source("f", '"a"() : () -> ()\n// -----\n"b"() : () -> ()\n// -----\n"c"() : () -> ()'));
  expect(parts.map((p) => describeLocation(parseAll(p, context, new Diagnostics())![0]!.loc))).toEqual([
    "f:1:1",
    "f:3:1",
    "f:5:1",
  ]);
});
