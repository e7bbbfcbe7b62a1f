/** Pretty and generic forms of linalg, read and written back; and faults with code and place. */
import { describe, expect, it } from "vitest";
import { Diagnostics } from "../../support/diagnostic.ts";
import { parse } from "../../text/parser.ts";
import { print } from "../../text/printer.ts";
import { context, errorsOf, moduleOf } from "../support/run.ts";

/** Canonical texts: printing what was read gives them back. */
const pretty: Record<string, string> = {
  "linalg.generic, with all that it may have": `#map = affine_map<(d0, d1) -> (d0, d1)>
#map1 = affine_map<(d0, d1) -> ()>
#map2 = affine_map<(d0, d1) -> (d1)>
module {
  func.func @f(%arg0: tensor<3x4xf32>, %arg1: f32, %arg2: tensor<4xf32>) -> tensor<4xf32> {
    %0 = linalg.generic {doc = "sums columns", indexing_maps = [#map, #map1, #map2], iterator_types = ["reduction", "parallel"], library_call = "sum"} ins(%arg0, %arg1 : tensor<3x4xf32>, f32) outs(%arg2 : tensor<4xf32>) attrs =  {tag = 1 : i64} {
    ^bb0(%in: f32, %in_0: f32, %out: f32):
      %1 = linalg.index 1 : index
      %2 = arith.mulf %in, %in_0 : f32
      %3 = arith.addf %out, %2 : f32
      linalg.yield %3 : f32
    } -> tensor<4xf32>
    return %0 : tensor<4xf32>
  }
}
`,
  "several results, buffers, no inputs": `#map = affine_map<(d0) -> (d0)>
module {
  func.func @f(%arg0: tensor<4xf32>, %arg1: tensor<4xi32>, %arg2: memref<4xf32>) {
    %0:2 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} outs(%arg0, %arg1 : tensor<4xf32>, tensor<4xi32>) {
    ^bb0(%out: f32, %out_0: i32):
      linalg.yield %out, %out_0 : f32, i32
    } -> (tensor<4xf32>, tensor<4xi32>)
    linalg.generic {indexing_maps = [#map], iterator_types = ["parallel"]} outs(%arg2 : memref<4xf32>) {
    ^bb0(%out: f32):
      linalg.yield %out : f32
    }
    return
  }
}
`,
  "named ops with and without attributes": `module {
  func.func @f(%arg0: tensor<1x9x9x3xf32>, %arg1: tensor<3x3x3x8xf32>, %arg2: tensor<1x4x4x8xf32>, %arg3: memref<2x3xi8>, %arg4: memref<3x4xi8>, %arg5: memref<2x4xi32>) -> tensor<1x4x4x8xf32> {
    %cst = arith.constant 0.000000e+00 : f32
    %0 = linalg.fill ins(%cst : f32) outs(%arg2 : tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
    %1 = linalg.conv_2d_nhwc_hwcf {dilations = dense<1> : tensor<2xi64>, strides = dense<2> : vector<2xi64>} ins(%arg0, %arg1 : tensor<1x9x9x3xf32>, tensor<3x3x3x8xf32>) outs(%0 : tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
    linalg.matmul {cast = #linalg.type_fn<cast_unsigned>} ins(%arg3, %arg4 : memref<2x3xi8>, memref<3x4xi8>) outs(%arg5 : memref<2x4xi32>)
    %2 = linalg.elemwise_unary {fun = #linalg.unary_fn<tanh>} ins(%1 : tensor<1x4x4x8xf32>) outs(%0 : tensor<1x4x4x8xf32>) -> tensor<1x4x4x8xf32>
    return %2 : tensor<1x4x4x8xf32>
  }
}
`,
  "map and reduce, short and in full": `module {
  func.func @f(%arg0: tensor<4x5xf32>, %arg1: tensor<4xf32>, %arg2: tensor<4x5xf32>) -> tensor<4xf32> {
    %mapped = linalg.map { arith.addf {fastmath = #arith.fastmath<fast>} } ins(%arg0, %arg2 : tensor<4x5xf32>, tensor<4x5xf32>) outs(%arg2 : tensor<4x5xf32>)
    %mapped_0 = linalg.map ins(%mapped : tensor<4x5xf32>) outs(%arg2 : tensor<4x5xf32>)
      (%in: f32) {
        %0 = arith.mulf %in, %in : f32
        linalg.yield %0 : f32
      }
    %reduced = linalg.reduce { arith.maximumf } ins(%mapped_0 : tensor<4x5xf32>) outs(%arg1 : tensor<4xf32>) dimensions = [1] 
    %reduced_1 = linalg.reduce ins(%mapped_0 : tensor<4x5xf32>) outs(%reduced : tensor<4xf32>) dimensions = [1]  {tag}
      (%in: f32, %init: f32) {
        %0 = arith.addf %in, %init : f32
        linalg.yield %0 : f32
      }
    return %reduced_1 : tensor<4xf32>
  }
}
`,
  "transpose, broadcast, softmax": `module {
  func.func @f(%arg0: tensor<4x5xf32>, %arg1: tensor<5x4xf32>, %arg2: tensor<5x3x4xf32>) -> tensor<5x3x4xf32> {
    %transposed = linalg.transpose ins(%arg0 : tensor<4x5xf32>) outs(%arg1 : tensor<5x4xf32>) permutation = [1, 0] 
    %broadcasted = linalg.broadcast ins(%transposed : tensor<5x4xf32>) outs(%arg2 : tensor<5x3x4xf32>) dimensions = [1] 
    %0 = linalg.softmax dimension(2) ins(%broadcasted : tensor<5x3x4xf32>) outs(%arg2 : tensor<5x3x4xf32>) -> tensor<5x3x4xf32>
    return %0 : tensor<5x3x4xf32>
  }
}
`,
};

describe("text of linalg", () => {
  for (const [name, text] of Object.entries(pretty)) {
    it(name, () => {
      const module = moduleOf(text);
      expect(print(module)).toBe(text);
      const generic = print(module, { generic: true });
      const again = moduleOf(generic);
      expect(print(again, { generic: true })).toBe(generic);
      expect(print(again)).toBe(text);
    });
  }

  it("writes maps and bodies of named ops in the generic form", () => {
    const module =
      moduleOf(`func.func @f(%a: tensor<2x3xi8>, %b: tensor<3x4xi8>, %c: tensor<2x4xi32>) -> tensor<2x4xi32> {
  %0 = linalg.matmul ins(%a, %b : tensor<2x3xi8>, tensor<3x4xi8>) outs(%c : tensor<2x4xi32>) -> tensor<2x4xi32>
  return %0 : tensor<2x4xi32>
}`);
    expect(print(module, { generic: true })).toBe(`#map = affine_map<(d0, d1, d2) -> (d0, d2)>
#map1 = affine_map<(d0, d1, d2) -> (d2, d1)>
#map2 = affine_map<(d0, d1, d2) -> (d0, d1)>
"builtin.module"() ({
  "func.func"() <{function_type = (tensor<2x3xi8>, tensor<3x4xi8>, tensor<2x4xi32>) -> tensor<2x4xi32>, sym_name = "f"}> ({
  ^bb0(%arg0: tensor<2x3xi8>, %arg1: tensor<3x4xi8>, %arg2: tensor<2x4xi32>):
    %0 = "linalg.matmul"(%arg0, %arg1, %arg2) <{operandSegmentSizes = array<i32: 2, 1>}> ({
    ^bb0(%arg3: i8, %arg4: i8, %arg5: i32):
      %1 = "arith.extsi"(%arg3) : (i8) -> i32
      %2 = "arith.extsi"(%arg4) : (i8) -> i32
      %3 = "arith.muli"(%1, %2) <{overflowFlags = #arith.overflow<none>}> : (i32, i32) -> i32
      %4 = "arith.addi"(%arg5, %3) <{overflowFlags = #arith.overflow<none>}> : (i32, i32) -> i32
      "linalg.yield"(%4) : (i32) -> ()
    }) {linalg.memoized_indexing_maps = [#map, #map1, #map2]} : (tensor<2x3xi8>, tensor<3x4xi8>, tensor<2x4xi32>) -> tensor<2x4xi32>
    "func.return"(%0) : (tensor<2x4xi32>) -> ()
  }) : () -> ()
}) : () -> ()
`);
  });
});

/** The op stands on line 2 of a function over these arguments; each fault as `line: code: message`. */
const inFunction = (op: string): string =>
  `func.func @f(%t: tensor<4x5xf32>, %r: tensor<4xf32>, %m: memref<4x5xf32>, %i: tensor<4x5xi32>, %s: f32, %d: tensor<?x5xf32>) {
${op}
  return
}`;

const gen = (maps: string, kinds: string, rest: string): string =>
  `  %0 = linalg.generic {indexing_maps = [${maps}], iterator_types = [${kinds}]} ${rest}`;
const two = "affine_map<(i, j) -> (i, j)>";
const yieldOut = "{\n ^bb0(%a: f32, %o: f32):\n linalg.yield %a : f32\n }";

const faults: readonly (readonly [string, string, RegExp])[] = [
  [
    "no iterators",
    "  linalg.generic {indexing_maps = []} outs(%m : memref<4x5xf32>) {}",
    /^2: .*"iterator_types" array attribute/,
  ],
  [
    "an unknown iterator",
    gen(two, '"sideways"', `ins(%t : tensor<4x5xf32>) outs(%t : tensor<4x5xf32>) ${yieldOut} -> tensor<4x5xf32>`),
    /^2: .*unexpected iterator_type \(sideways\)/,
  ],
  [
    "too few maps",
    gen(
      two,
      '"parallel", "parallel"',
      `ins(%t : tensor<4x5xf32>) outs(%t : tensor<4x5xf32>) ${yieldOut} -> tensor<4x5xf32>`,
    ),
    /number of indexing_map \(1\) to be equal to the number of input\/output operands \(2\)/,
  ],
  [
    "maps over other loops",
    gen(
      `${two}, affine_map<(i) -> (i)>`,
      '"parallel", "parallel"',
      `ins(%t : tensor<4x5xf32>) outs(%r : tensor<4xf32>) ${yieldOut} -> tensor<4xf32>`,
    ),
    /expected indexing_map #1 to have 2 dim\(s\) to match the number of loops/,
  ],
  [
    "maps of another rank",
    gen(
      `${two}, ${two}`,
      '"parallel", "parallel"',
      `ins(%t : tensor<4x5xf32>) outs(%r : tensor<4xf32>) ${yieldOut} -> tensor<4xf32>`,
    ),
    /expected operand rank \(1\) to match the result rank of indexing_map #1 \(2\)/,
  ],
  [
    "loops without a bound",
    gen(
      "affine_map<(i, j) -> (i + j, i)>, affine_map<(i, j) -> (i)>",
      '"parallel", "reduction"',
      `ins(%t : tensor<4x5xf32>) outs(%r : tensor<4xf32>) ${yieldOut} -> tensor<4xf32>`,
    ),
    /expected the shape-to-loops map to be non-null/,
  ],
  [
    "sizes that do not fit",
    gen(
      "affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i, j)>",
      '"parallel", "parallel"',
      `ins(%t : tensor<4x5xf32>) outs(%t : tensor<4x5xf32>) ${yieldOut} -> tensor<4x5xf32>`,
    ),
    /inferred input\/output operand #1 has shape's dimension #0 to be 5, but found 4/,
  ],
  [
    "tensors and buffers mixed",
    gen(
      `${two}, ${two}`,
      '"parallel", "parallel"',
      `ins(%m : memref<4x5xf32>) outs(%t : tensor<4x5xf32>) ${yieldOut} -> tensor<4x5xf32>`,
    ),
    /expected to have pure tensor or buffer semantics/,
  ],
  [
    "a body of other elements",
    gen(
      `${two}, ${two}`,
      '"parallel", "parallel"',
      "ins(%t : tensor<4x5xf32>) outs(%t : tensor<4x5xf32>) {\n ^bb0(%a: f64, %o: f32):\n linalg.yield %o : f32\n } -> tensor<4x5xf32>",
    ),
    /expected type of bb argument #0 \('f64'\) to match element or self type of the corresponding operand \('f32'\)/,
  ],
  [
    "a yield of another type",
    gen(
      `${two}, ${two}`,
      '"parallel", "parallel"',
      "ins(%i : tensor<4x5xi32>) outs(%t : tensor<4x5xf32>) {\n ^bb0(%a: i32, %o: f32):\n linalg.yield %a : i32\n } -> tensor<4x5xf32>",
    ),
    /^4: .*type of yield operand 1 \('i32'\) doesn't match the element type of the enclosing linalg.generic op \('f32'\)/,
  ],
  [
    "a result that no output has",
    gen(
      `${two}, ${two}`,
      '"parallel", "parallel"',
      `ins(%m : memref<4x5xf32>) outs(%m : memref<4x5xf32>) ${yieldOut} -> tensor<4x5xf32>`,
    ),
    /number of tensor results \(1\) to be equal to the number of output tensors \(0\)/,
  ],
  ["a loop counter outside", "  %0 = linalg.index 0 : index", /expected parent op with LinalgOp interface/],
  [
    "a product of other sizes",
    "  linalg.matmul ins(%m, %m : memref<4x5xf32>, memref<4x5xf32>) outs(%m : memref<4x5xf32>)",
    /^2: verify\/.*inferred input\/output operand #1 has shape's dimension #0 to be 5, but found 4/,
  ],
  [
    "a product of one matrix",
    "  linalg.matmul ins(%m : memref<4x5xf32>) outs(%m : memref<4x5xf32>)",
    /region expects 3 args, got 2/,
  ],
  [
    "strides of another rank",
    "  linalg.conv_1d_nwc_wcf {strides = dense<1> : tensor<2xi64>} ins(%m, %m : memref<4x5xf32>, memref<4x5xf32>) outs(%m : memref<4x5xf32>)",
    /attribute 'strides' failed to satisfy constraint: 64-bit signless int elements attribute of shape \[1\]/,
  ],
  [
    "a function of floats on integers",
    "  %0 = linalg.exp ins(%i : tensor<4x5xi32>) outs(%i : tensor<4x5xi32>) -> tensor<4x5xi32>",
    /^2: .*'exp' needs a floating-point element type/,
  ],
  [
    "a fill with a tensor",
    '  %0 = "linalg.fill"(%r, %r) <{operandSegmentSizes = array<i32: 1, 1>}> ({\n ^bb0(%a: f32, %o: f32):\n "linalg.yield"(%a) : (f32) -> ()\n }) : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>',
    /expected op with scalar input/,
  ],
  [
    "a permutation that is none",
    "  %0 = linalg.transpose ins(%t : tensor<4x5xf32>) outs(%t : tensor<4x5xf32>) permutation = [1, 1]",
    /permutation is not valid/,
  ],
  [
    "a reduction to other sizes",
    "  %0 = linalg.reduce { arith.addf } ins(%t : tensor<4x5xf32>) outs(%r : tensor<4xf32>) dimensions = [0]",
    /init dimensions \[4\] doesn't match input dimensions after reduction \[5\]/,
  ],
  [
    "softmax along no dimension",
    "  %0 = linalg.softmax dimension(2) ins(%t : tensor<4x5xf32>) outs(%t : tensor<4x5xf32>) -> tensor<4x5xf32>",
    /incorrect dimension specified/,
  ],
];

describe("faults in linalg", () => {
  for (const [name, op, message] of faults) {
    it(name, () => {
      const [first] = errorsOf(inFunction(op));
      expect(first).toMatch(message);
    });
  }

  it("a terminator without a structured op", () => {
    const diagnostics = new Diagnostics();
    parse("linalg.yield", context, diagnostics);
    expect(errorsOf("func.func @f() {\n  linalg.yield\n}")[0]).toMatch(/^2: verify\/terminator: .*LinalgOp interface/);
  });
});
