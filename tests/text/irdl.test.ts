/** Our dialects as IRDL: written, loaded by stock tools, and used by them to judge our programs. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { dialects } from "../../dialects/index.ts";
import { attr } from "../../ir/attributes.ts";
import { Any, AnyFloat, exactly, I1, RankedTensor, Tensor } from "../../ir/constraints.ts";
import { Context } from "../../ir/context.ts";
import { defineDialect, defineOp } from "../../ir/define.ts";
import { many, one, optional } from "../../ir/fields.ts";
import { SingleBlock, sameTypes } from "../../ir/traits.ts";
import { i32 } from "../../ir/types.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { irdlText } from "../../text/irdl.ts";
import { parse } from "../../text/parser.ts";
import { print } from "../../text/printer.ts";
import { stockMlirOpt, stockVersions } from "../support/mlir-opt.ts";

const sample = defineDialect("sample", {
  doc: "Every kind of field.",
  extension: true,
  ops: [
    defineOp("sample.none", { doc: "Nothing at all." }),
    defineOp("sample.same", {
      doc: "Types that agree.",
      operands: [one("lhs", RankedTensor), one("rhs", RankedTensor)],
      results: [one("result", RankedTensor)],
      traits: [sameTypes("lhs", "rhs", "result")],
    }),
    defineOp("sample.fields", {
      doc: "Open fields and attributes.",
      operands: [one("t", Tensor), optional("flag", I1), many("rest", Any)],
      attrs: {
        mode: attr.oneOf("fast", "slow"),
        sizes: attr.ints,
        count: attr.int,
        scale: attr.f32.default(1),
        note: attr.string.optional(),
      },
      results: [one("f", AnyFloat), one("i", exactly(i32))],
    }),
    defineOp("sample.region", { doc: "A body.", regions: ["loopBody"], traits: [SingleBlock] }),
  ],
});
/** A program of each dialect of ours, and faults to plant in it: what is replaced, by what. */
const programs: Readonly<
  Record<string, { readonly text: string; readonly faults: readonly (readonly [RegExp, string])[] }>
> = {
  bytes: {
    text: `func.func @f(%m: memref<8xi8>, %a: i8, %i: index) -> i32 {
  %0 = bytes.pack %a, %a, %a, %a
  %1 = bytes.load %m[%i] : memref<8xi8>, i32
  %2 = bytes.dot %0, %1 : i32
  return %2 : i32
}`,
    faults: [
      [/"bytes\.pack"\((%\w+), .*?\) : \(i8, i8, i8, i8\)/, '"bytes.pack"($1, $1, $1) : (i8, i8, i8)'],
      [/"bytes\.dot"\((%\w+), %\w+\) : \(i32, i32\)/, '"bytes.dot"($1) : (i32)'],
      [/bytes\.load/, "bytes.read"],
    ],
  },
  graph: {
    text: `func.func @f(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32> {
  %0 = "graph.relu"(%x) : (tensor<1x3x8x8xf32>) -> tensor<1x3x8x8xf32>
  %1 = "graph.conv"(%0, %w) {strides = array<i64: 1, 1>, pads = array<i64: 1, 1, 1, 1>, dilations = array<i64: 1, 1>} : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<1x4x8x8xf32>
  return %1 : tensor<1x4x8x8xf32>
}`,
    faults: [
      [/strides = array<i64: 1, 1>/, "strides = 1 : i64"],
      [/(, )?pads = array<i64: 1, 1, 1, 1>/, ""],
      [/"graph\.relu"\(%(\w+)\) : \((.*?)\)/, '"graph.relu"(%$1, %$1) : ($2, $2)'],
      [/graph\.relu/, "graph.rectify"],
    ],
  },
  wasm: {
    text: `func.func @f(%m: memref<16xf32>) {
  %a = "wasm.address"(%m) : (memref<16xf32>) -> i32
  %x = "wasm.load"(%a) {offset = 16 : i64} : (i32) -> vector<4xf32>
  %s = "wasm.load_splat"(%a) {offset = 0 : i64} : (i32) -> vector<4xf32>
  %y = "wasm.relaxed_madd"(%x, %s, %x) : (vector<4xf32>, vector<4xf32>, vector<4xf32>) -> vector<4xf32>
  "wasm.store"(%y, %a) {offset = 32 : i64} : (vector<4xf32>, i32) -> ()
  return
}`,
    faults: [
      [/\(memref<16xf32>\) -> i32/, "(memref<16xf32>) -> i64"],
      [/"wasm\.load"\(%(\w+)\)(.*?) : \(i32\)/, '"wasm.load"(%$1, %$1)$2 : (i32, i32)'],
      [
        /"wasm\.relaxed_madd"\((%\w+), (%\w+), (%\w+)\) : \((.*?), (.*?), (.*?)\)/,
        '"wasm.relaxed_madd"($1, $2) : ($4, $5)',
      ],
      [/wasm\.load_splat/, "wasm.load_spread"],
    ],
  },
};
const own = [sample, ...dialects.filter((d) => d.extension)];

describe("IRDL", () => {
  it("says what the records say", () => {
    expect(irdlText(sample, 22)).toBe(`// Every kind of field.
// IRDL holds all operands (results) of an open field to one type, and knows no terminators but MLIR's own:
// programs that need more than that are refused although they are well formed.
irdl.dialect @sample {
  // Nothing at all.
  irdl.operation @none {
  }

  // Types that agree.
  irdl.operation @same {
    %0 = irdl.base "!builtin.tensor"
    irdl.operands(lhs: %0, rhs: %0)
    irdl.results(result: %0)
  }

  // Open fields and attributes.
  irdl.operation @fields {
    %0 = irdl.base "!builtin.tensor"
    %1 = irdl.base "!builtin.unranked_tensor"
    %2 = irdl.any_of(%0, %1)
    %3 = irdl.is i1
    %4 = irdl.any
    irdl.operands(t: %2, flag: optional %3, rest: variadic %4)
    %5 = irdl.base "!builtin.f16"
    %6 = irdl.base "!builtin.bf16"
    %7 = irdl.base "!builtin.tf32"
    %8 = irdl.base "!builtin.f32"
    %9 = irdl.base "!builtin.f64"
    %10 = irdl.base "!builtin.f80"
    %11 = irdl.base "!builtin.f128"
    %12 = irdl.any_of(%5, %6, %7, %8, %9, %10, %11)
    %13 = irdl.is i32
    irdl.results(f: %12, i: %13)
    %14 = irdl.is "fast"
    %15 = irdl.is "slow"
    %16 = irdl.any_of(%14, %15)
    %17 = irdl.base "#builtin.dense_array"
    %18 = irdl.base "#builtin.integer"
    irdl.attributes {"mode" = %16, "sizes" = %17, "count" = %18}
  }

  // A body.
  irdl.operation @region {
    %0 = irdl.region with size 1
    irdl.regions(loop_body: %0)
  }
}
`);
  });

  it("names no fields for MLIR 19", () => {
    expect(irdlText(sample, 19)).toContain("irdl.operands(%2, optional %3, variadic %4)");
  });
});

it.skipIf(stockVersions.length > 0)("needs mlir-opt-19 or mlir-opt-22, which are not installed", () => {});

describe.each(stockVersions)("mlir-opt-%i with our IRDL", (version) => {
  const folder = mkdtempSync(join(tmpdir(), "sluice-irdl-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  const context = new Context([...dialects, sample]);

  const judge = (dialect: string, text: string) => {
    const file = join(folder, `${dialect}.mlir`);
    writeFileSync(file, irdlText(own.find((d) => d.name === dialect)!, version));
    return stockMlirOpt(version, text, [`--irdl-file=${file}`]);
  };
  const printed = (text: string): string => {
    const diagnostics = new Diagnostics();
    const module = parse(text, context, diagnostics);
    expect(diagnostics.list).toEqual([]);
    return print(module!, { generic: true, mlirVersion: version });
  };

  it.each(own.map((d) => d.name))("loads %s", (name) => {
    expect(judge(name, "").err).toBe("");
  });

  const valid = printed(`func.func @f(%t: tensor<2xf32>, %b: i1, %x: i8) {
  "sample.none"() : () -> ()
  %0 = "sample.same"(%t, %t) : (tensor<2xf32>, tensor<2xf32>) -> tensor<2xf32>
  %1:2 = "sample.fields"(%t, %b, %x, %x) {mode = "slow", sizes = array<i64: 1, 2>, count = 3 : i64, operandSegmentSizes = array<i32: 1, 1, 2>} : (tensor<2xf32>, i1, i8, i8) -> (f32, i32)
  %2:2 = "sample.fields"(%t) {mode = "fast", sizes = array<i64>, count = 3 : i64, operandSegmentSizes = array<i32: 1, 0, 0>} : (tensor<2xf32>) -> (f64, i32)
  return
}`);

  it("accepts what is right", () => {
    const { ok, err } = judge("sample", valid);
    expect({ ok, err }).toEqual({ ok: true, err: "" });
  });

  it.each([
    ["an unknown op", /sample\.none/, "sample.nothing"],
    ["a wrong operand type", /tensor<2xf32>, i1, i8, i8/, "tensor<2xf32>, i8, i8, i8"],
    ["a missing attribute", /count = 3 : i64, /, ""],
    ["a wrong word", /"slow"/, '"slower"'],
    ["an attribute of a wrong kind", /sizes = array<i64: 1, 2>/, 'sizes = "1, 2"'],
    ["a wrong number of operands", /"sample\.none"\(\) : \(\)/, '"sample.none"(%arg0) : (tensor<2xf32>)'],
    [
      "types that should agree",
      /"sample\.same"\(%(\w+), %\w+\) : \(tensor<2xf32>, tensor<2xf32>\) -> tensor<2xf32>/,
      '"sample.same"(%$1, %$1) : (tensor<2xf32>, tensor<2xf32>) -> tensor<3xf32>',
    ],
  ])("refuses %s", (_, from, to) => {
    const faulty = valid.replace(from, to);
    expect(faulty).not.toBe(valid);
    const { ok, err } = judge("sample", faulty);
    expect(ok, err).toBe(false);
  });

  it("every dialect of ours has a program and faults in it", () => {
    expect(Object.keys(programs).sort()).toEqual(
      dialects
        .filter((d) => d.extension)
        .map((d) => d.name)
        .sort(),
    );
  });

  it.each(Object.entries(programs))("accepts a program of %s, and refuses faults in it", (name, { text, faults }) => {
    const right = printed(text);
    expect(judge(name, right).err).toBe("");
    expect(faults.length).toBeGreaterThanOrEqual(3);
    for (const [from, to] of faults) {
      const faulty = right.replace(from, to);
      expect(faulty, `${from}`).not.toBe(right);
      expect(judge(name, faulty).ok, `${from}`).toBe(false);
    }
  });
});
