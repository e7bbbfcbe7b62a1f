/** Printing whole ops. Where an expected text holds ops of MLIR, it is what mlir-opt 19 prints for the same input. */
import { describe, expect, it } from "vitest";
import { dialects } from "../../dialects/index.ts";
import { attr } from "../../ir/attributes.ts";
import { Any } from "../../ir/constraints.ts";
import { Context } from "../../ir/context.ts";
import type { Operation } from "../../ir/core.ts";
import { defineDialect, defineOp } from "../../ir/define.ts";
import { many, one } from "../../ir/fields.ts";
import { Resource } from "../../ir/resource.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { describeLocation } from "../../support/location.ts";
import { Source } from "../../support/source.ts";
import { parse } from "../../text/parser.ts";
import { type PrintOptions, print } from "../../text/printer.ts";

const versioned = () =>
  defineOp("own.versioned", {
    doc: "Attributes that MLIR's versions write differently.",
    operands: [many("a", Any), many("b", Any)],
    attrs: {
      list: attr.intArray.in22(attr.ints),
      fresh: attr.int.default(1).since22(),
      plain: attr.int.default(2),
      quiet: attr.int.ifAbsent(3),
    },
    results: [many("r", Any), many("s", Any)],
    names: ({ r, s }) => [...r.map((_, i) => (i === 0 ? "first" : undefined)), ...s.map(() => "each")],
  });
const own = defineDialect("own", { doc: "Ours.", ops: [versioned()], extension: true });
const upstream = defineDialect("own", { doc: "As if it were MLIR's.", ops: [versioned()] });

function read(text: string, context = new Context(dialects, { allowUnregistered: true })): Operation {
  const diagnostics = new Diagnostics();
  const op = parse(new Source("f.mlir", text), context, diagnostics);
  expect(diagnostics.list.map((d) => `${describeLocation(d.at)} ${d.message}`)).toEqual([]);
  return op!;
}

const reprint = (text: string, options?: PrintOptions): string => print(read(text), options);

const program = `module {
  func.func @names(%arg0: i32, %arg1: i1) -> (i32, i32) {
    %c4_i32 = arith.constant 4 : i32
    %c4_i32_0 = arith.constant 4 : i32
    %true = arith.constant true
    %cst = arith.constant 1.000000e+00 : f32
    %0:2 = scf.if %arg1 -> (i32, i32) {
      %c4_i32_1 = arith.constant 4 : i32
      %3 = arith.addi %c4_i32_1, %arg0 : i32
      scf.yield %3, %c4_i32 : i32, i32
    } else {
      %3 = arith.addi %arg0, %arg0 : i32
      scf.yield %3, %3 : i32, i32
    }
    %1 = arith.addi %0#1, %c4_i32_0 : i32
    cf.cond_br %arg1, ^bb2(%1 : i32), ^bb1
  ^bb1:  // pred: ^bb0
    cf.br ^bb2(%0#0 : i32)
  ^bb2(%2: i32):  // 3 preds: ^bb0, ^bb1, ^bb2
    cf.cond_br %arg1, ^bb2(%2 : i32), ^bb3
  ^bb3:  // pred: ^bb2
    return %2, %0#1 : i32, i32
  ^bb4:  // no predecessors
    return %arg0, %arg0 : i32, i32
  }
  func.func private @decl(i32 {d.x}) -> (f32 {d.y = 1 : i32})
  module @inner attributes {d.z} {
    func.func @g() {
      call @g() : () -> ()
      return
    }
  }
}
`;

describe("the pretty form", () => {
  it("names values by what they are, numbers the others from the parent's numbers on, and keeps to its scopes", () => {
    expect(reprint(program)).toBe(program);
  });

  it("comes out of the generic form, and leads to it", () => {
    const generic = reprint(program, { generic: true });
    expect(generic).toContain('"builtin.module"() ({\n  "func.func"() <{function_type = ');
    expect(reprint(generic)).toBe(program);
    expect(reprint(generic, { generic: true })).toBe(generic);
  });

  it("leaves the dialect's name out only directly inside", () => {
    const text = `module {
  func.func @f(%arg0: index) {
    scf.for %arg1 = %arg0 to %arg0 step %arg0 {
      func.call @f(%arg1) : (index) -> ()
    }
    call @f(%arg0) : (index) -> ()
    return
  }
}
`;
    expect(reprint(text)).toBe(text);
  });

  it("may keep the names of the text", () => {
    const text = `module {
  func.func @f(%x: i32, %arg0: i32) -> i32 {
    %sum = arith.addi %x, %arg0 : i32
    %0 = arith.addi %sum, %sum : i32
    %parts:2 = "d.two"() : () -> (i32, i32)
    return %parts#1 : i32
  }
}
`;
    expect(reprint(text, { keepNames: true })).toBe(text);
    expect(reprint(text)).toContain("%0 = arith.addi %arg0, %arg1 : i32");
  });

  it("of one op is numbered as in the whole", () => {
    const module = read(program);
    const inner = module.region().entry.first!.region().blocks[2]!.first!;
    expect(print(inner)).toBe("cf.cond_br %arg1, ^bb2(%2 : i32), ^bb3\n");
  });
});

describe("the generic form", () => {
  it("numbers nested regions last in, first out, never twice", () => {
    const text = `"d.top"() ({
  %4 = "d.a"() : () -> i32
  "d.b"() ({
  ^bb0(%arg1: i32):
    %6 = "d.a"() : () -> i32
  }, {
    %5 = "d.a"() : () -> i32
  }) : () -> ()
}, {
^bb0(%arg0: f32):
  %0:2 = "d.a"()[^bb1, ^bb1] : () -> (i32, () -> i32)
^bb1:  // 2 preds: ^bb0, ^bb0
  %1 = "d.a"(%0#1) : (() -> i32) -> (() -> i32)
  "d.b"() ({
  ^bb0(%2: i32):
    %3 = "d.a"() : () -> i32
  }) : () -> ()
}) {z} : () -> ()
`
      .replace("^bb0(%2: i32)", "^bb0(%arg9: i32)")
      .replace("%3 = ", "%2 = ");
    const once = reprint(text, { generic: true });
    expect(reprint(once, { generic: true })).toBe(once);
    expect(once.match(/%\d+/g)).toEqual(["%3", "%5", "%4", "%0", "%1", "%0", "%2"]);
    expect(once.match(/%arg\d+: \w+/g)).toEqual(["%arg2: i32", "%arg0: f32", "%arg1: i32"]);
  });

  it("writes the header of an empty entry block", () => {
    const text = '"d.a"() ({\n^bb0:\n}, {\n}) : () -> ()\n';
    expect(reprint(text, { generic: true })).toBe(
      `"builtin.module"() ({\n  ${text.trim().replaceAll("\n", "\n  ")}\n}) : () -> ()\n`,
    );
  });

  const make = (dialect: typeof own): Operation => {
    const text =
      '%a, %b, %c = "own.versioned"() <{list = [1, 2], operandSegmentSizes = array<i32: 0, 0>, resultSegmentSizes = array<i32: 1, 2>}> {d.x} : () -> (i32, i32, i32)';
    return read(text, new Context([...dialects, dialect], { allowUnregistered: true })).region().entry.first!;
  };

  it("follows the version of MLIR that is asked for", () => {
    const sizes = "operandSegmentSizes = array<i32: 0, 0>";
    const more = "resultSegmentSizes = array<i32: 1, 2>";
    expect(print(make(upstream), { generic: true })).toBe(
      `%0:3 = "own.versioned"() <{list = [1, 2], ${sizes}, plain = 2 : i64, ${more}}> {d.x} : () -> (i32, i32, i32)\n`,
    );
    expect(print(make(upstream), { generic: true, mlirVersion: 22 })).toBe(
      `%0:3 = "own.versioned"() <{fresh = 1 : i64, list = array<i64: 1, 2>, ${sizes}, plain = 2 : i64, ${more}}> {d.x} : () -> (i32, i32, i32)\n`,
    );
  });

  it("has no properties for dialects that stock tools know by IRDL, whose ops have none", () => {
    expect(print(make(own), { generic: true })).toMatch(
      /^%0:3 = "own.versioned"\(\) \{d.x, list = \[1, 2\], operand.*\} : /,
    );
  });

  it("is what an op without syntax has in the pretty form, too; its results may have names", () => {
    expect(print(make(own))).toMatch(/^%first, %each, %each_0 = "own.versioned"\(\) \{d\.x, /);
  });
});

describe("aliases", () => {
  const text = `#map = affine_map<(d0) -> (d0 + 1)>
#map1 = affine_map<(d0) -> (d0 * 2)>
#set = affine_set<(d0) : (d0 >= 0)>
module {
  "d.a"() {m = #map} : () -> ()
  "d.b"() ({
    "d.c"() {s = #set, t = memref<4xf32, #map1>} : () -> ()
  }) : () -> ()
}
`;

  it("are numbered in the order of the text and sorted by name", () => {
    expect(reprint(text)).toBe(text);
  });

  it("are not used in local scope", () => {
    expect(reprint(text, { localScope: true })).toBe(`module {
  "d.a"() {m = affine_map<(d0) -> (d0 + 1)>} : () -> ()
  "d.b"() ({
    "d.c"() {s = affine_set<(d0) : (d0 >= 0)>, t = memref<4xf32, affine_map<(d0) -> (d0 * 2)>>} : () -> ()
  }) : () -> ()
}
`);
  });

  it("come after the aliases that they use; tuples of more than 16 types have one", () => {
    const long = `tuple<${Array.from({ length: 17 }, (_, i) => (i === 3 ? "memref<4xf32, #map>" : "i32")).join(", ")}>`;
    const nested = `#map = affine_map<(d0) -> (d0 + 1)>\n!tuple = ${long}\nmodule {\n  "d.a"() {t = !tuple, u = tuple<!tuple>} : () -> ()\n}\n`;
    expect(reprint(nested)).toBe(nested);
  });

  it("are given to the attributes of other dialects to which MLIR gives them, and kept inside their text", () => {
    const foreign = `#di_file = #llvm.di_file<"a.c" in "/">
#sparse = #sparse_tensor.encoding<{ map = (d0) -> (d0 : compressed) }>
#di_unit = #llvm.di_unit<file = #di_file, flags = "#di_file">
module {
  %0 = "d.a"() {u = #di_unit, x = #llvm.linkage<external>} : () -> tensor<?xf32, #sparse>
}
`;
    expect(reprint(foreign)).toBe(foreign);
    expect(reprint(foreign, { localScope: true })).toContain(
      'u = #llvm.di_unit<file = #llvm.di_file<"a.c" in "/">, flags = "#di_file">',
    );
  });

  it("of places follow the text, but not those of arguments", () => {
    const places = `#loc1 = loc("a.py":1:2)
module {
  func.func @f(%arg0: i32 loc("a.py":1:2)) {
    "d.a"() {p = #loc1} : () -> () loc(#loc2)
    return loc(#loc3)
  } loc(#loc1)
} loc(#loc)
#loc = loc(unknown)
#loc2 = loc("n")
#loc3 = loc(callsite(#loc2 at #loc1))
`;
    const once = reprint(places, { debugInfo: true });
    expect(once).toBe(places);
  });
});

describe("options", () => {
  it("list the users of values", () => {
    const text = `func.func @f(%a: i32, %b: i32) -> i32 {
  %0 = arith.addi %a, %a : i32
  %1 = arith.muli %0, %a : i32
  %2:2 = "d.two"(%1) : (i32) -> (i32, i32)
  %3 = arith.muli %2#0, %2#0 : i32
  return %0 : i32
}`;
    expect(reprint(text, { valueUsers: true })).toBe(`module {
  func.func @f(%arg0: i32, %arg1: i32) -> i32 {
    // %arg0 is used by %2, %1
    // %arg1 is unused
    %1 = arith.addi %arg0, %arg0 : i32 // users: %5, %2
    %2 = arith.muli %1, %arg0 : i32 // users: %3#0, %3#1
    %3:2 = "d.two"(%2) : (i32) -> (i32, i32) // users: (%4), (unused)
    %4 = arith.muli %3#0, %3#0 : i32 // unused
    return %1 : i32 // id: %5
  }
}
`);
  });

  const weights = `"d.a"() {a = dense<[1, 2, 3]> : tensor<3xi8>, b = dense<1> : tensor<3xi8>, c = dense_resource<w> : tensor<1xf32>} : () -> ()
{-# dialect_resources: { builtin: { w: "0x100000000000803F" } } #-}`;

  it("elide big constants, but no splats", () => {
    const out = reprint(weights, { elideElementsAttrsIfLarger: 2 });
    expect(out).toContain("a = dense_resource<__elided__> : tensor<3xi8>, b = dense<1>");
    expect(out).not.toContain("{-#");
  });

  it("append the bytes of resources, unless they are too long", () => {
    expect(reprint(weights, { resources: "inline" })).toMatch(
      /\}\n\n\{-#\n {2}dialect_resources: \{\n {4}builtin: \{\n {6}w: "0x100000000000803F"\n {4}\}\n {2}\}\n#-\}\n$/,
    );
    expect(reprint(weights, { resources: "inline", elideResourcesIfLarger: 19 })).not.toContain("{-#");
    expect(reprint(weights, { resources: "inline", elideResourcesIfLarger: 20 })).toContain("{-#");
  });

  it("align resources that no text aligned as their elements", () => {
    const op = read('"d.a"() {c = dense_resource<w> : tensor<1xf64>} : () -> ()');
    const made = op.region().entry.first!;
    const a = made.attributes!.get("c")!;
    const resource = Resource.derived("w", 8, [], () => new Uint8Array(8));
    made.setAttribute("c", { ...a, resource } as typeof a);
    expect(print(op, { resources: "inline" })).toContain('w: "0x080000000000000000000000"');
  });
});

describe("records", () => {
  it("with a field of one value print as ever", () => {
    const wrap = defineOp("own.wrap", {
      doc: "Wraps.",
      operands: [one("x", Any)],
      assembly: "$x attr-dict `:` type($x)",
    });
    const context = new Context([...dialects, defineDialect("own", { doc: "Ours.", ops: [wrap] })], {
      allowUnregistered: true,
    });
    const text = 'module {\n  %0 = "d.a"() : () -> i32\n  own.wrap %0 {k = 1 : i64} : i32\n}\n';
    expect(print(read(text, context))).toBe(text);
  });
});
