import { describe, expect, it } from "vitest";
import { interpret } from "../../ir/interpret.ts";
import { verify } from "../../ir/verify.ts";
import { canonicalize } from "../../lowering/general/canonicalize.ts";
import { PassContext } from "../../rewrite/pass.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { NDArray } from "../../support/ndarray.ts";
import { print } from "../../text/printer.ts";
import { context, moduleOf } from "../support/run.ts";

const maps = `#id = affine_map<(d0) -> (d0)>
#id2 = affine_map<(d0, d1) -> (d0, d1)>
#t2 = affine_map<(d0, d1) -> (d1, d0)>
#row = affine_map<(d0, d1) -> (d0)>
`;
const generic = (maps: string, kinds: string): string =>
  `linalg.generic {indexing_maps = [${maps}], iterator_types = [${kinds}]}`;
const p1 = '"parallel"';
const p2 = '"parallel", "parallel"';

interface Case {
  readonly name: string;
  readonly types: readonly string[];
  readonly result?: string;
  readonly before: string;
  readonly after: string;
  readonly shapes?: readonly (readonly number[])[];
}

const cases: readonly Case[] = [
  {
    name: "equal inputs once",
    types: ["tensor<4xf32>"],
    before: `%0 = ${generic("#id, #id, #id", p1)} ins(%a0, %a0 : tensor<4xf32>, tensor<4xf32>) outs(%a0 : tensor<4xf32>) {
    ^bb0(%x: f32, %y: f32, %o: f32):
      %s = arith.addf %x, %y : f32
      linalg.yield %s : f32
    } -> tensor<4xf32>`,
    after: `%0 = ${generic("#id, #id", p1)} ins(%a0 : tensor<4xf32>) outs(%a0 : tensor<4xf32>) {
    ^bb0(%x: f32, %o: f32):
      %s = arith.addf %x, %x : f32
      linalg.yield %s : f32
    } -> tensor<4xf32>`,
  },
  {
    name: "inputs that nobody reads go, unless a loop needs them",
    types: ["tensor<3x4xf32>", "tensor<3xf32>", "tensor<3x4xf32>"],
    result: "tensor<3xf32>",
    before: `%0 = ${generic("#id2, #t2, #row, #row", '"parallel", "reduction"')} ins(%a0, %t, %a1 : tensor<3x4xf32>, tensor<4x3xf32>, tensor<3xf32>) outs(%a1 : tensor<3xf32>) {
    ^bb0(%x: f32, %y: f32, %z: f32, %o: f32):
      %s = arith.addf %o, %z : f32
      linalg.yield %s : f32
    } -> tensor<3xf32>`,
    after: `%0 = ${generic("#t2, #row, #row", '"parallel", "reduction"')} ins(%t, %a1 : tensor<4x3xf32>, tensor<3xf32>) outs(%a1 : tensor<3xf32>) {
    ^bb0(%y: f32, %z: f32, %o: f32):
      %s = arith.addf %o, %z : f32
      linalg.yield %s : f32
    } -> tensor<3xf32>`,
  },
  {
    name: "outputs whose results nobody uses",
    types: ["tensor<4xf32>", "tensor<4xf32>"],
    before: `%0, %1 = ${generic("#id, #id, #id", p1)} ins(%a0 : tensor<4xf32>) outs(%a0, %a1 : tensor<4xf32>, tensor<4xf32>) {
    ^bb0(%x: f32, %o: f32, %q: f32):
      %s = arith.negf %x : f32
      linalg.yield %s, %q : f32, f32
    } -> (tensor<4xf32>, tensor<4xf32>)`,
    after: `%0 = ${generic("#id, #id", p1)} ins(%a0 : tensor<4xf32>) outs(%a0 : tensor<4xf32>) {
    ^bb0(%x: f32, %o: f32):
      %s = arith.negf %x : f32
      linalg.yield %s : f32
    } -> tensor<4xf32>`,
  },
  {
    name: "a body that hands its elements on",
    types: ["tensor<4xf32>", "tensor<4xf32>"],
    before: `%0 = ${generic("#id, #id", p1)} ins(%a0 : tensor<4xf32>) outs(%a1 : tensor<4xf32>) {
    ^bb0(%x: f32, %o: f32):
      linalg.yield %x : f32
    } -> tensor<4xf32>`,
    after: "%0 = tensor.cast %a0 : tensor<4xf32> to tensor<4xf32>",
  },
  {
    name: "a transposing body stays",
    types: ["tensor<4x4xf32>"],
    before: `%0 = ${generic("#t2, #id2", p2)} ins(%a0 : tensor<4x4xf32>) outs(%a0 : tensor<4x4xf32>) {
    ^bb0(%x: f32, %o: f32):
      linalg.yield %x : f32
    } -> tensor<4x4xf32>`,
    after: `%0 = ${generic("#t2, #id2", p2)} ins(%a0 : tensor<4x4xf32>) outs(%a0 : tensor<4x4xf32>) {
    ^bb0(%x: f32, %o: f32):
      linalg.yield %x : f32
    } -> tensor<4x4xf32>`,
  },
  {
    name: "casts are seen through",
    types: ["tensor<4xf32>"],
    before: `%c = tensor.cast %a0 : tensor<4xf32> to tensor<?xf32>
    %r = linalg.exp ins(%c : tensor<?xf32>) outs(%c : tensor<?xf32>) -> tensor<?xf32>
    %0 = tensor.cast %r : tensor<?xf32> to tensor<4xf32>`,
    after: "%0 = linalg.exp ins(%a0 : tensor<4xf32>) outs(%a0 : tensor<4xf32>) -> tensor<4xf32>",
  },
  {
    name: "sizes that one operand tells are known of all",
    types: ["tensor<3x4xf32>", "tensor<?x?xf32>"],
    result: "tensor<?x?xf32>",
    shapes: [
      [3, 4],
      [3, 4],
    ],
    before: `%0 = linalg.exp ins(%a0 : tensor<3x4xf32>) outs(%a1 : tensor<?x?xf32>) -> tensor<?x?xf32>`,
    after: `%c = tensor.cast %a1 : tensor<?x?xf32> to tensor<3x4xf32>
    %r = linalg.exp ins(%a0 : tensor<3x4xf32>) outs(%c : tensor<3x4xf32>) -> tensor<3x4xf32>
    %0 = tensor.cast %r : tensor<3x4xf32> to tensor<?x?xf32>`,
  },
  {
    name: "an element of a fill",
    types: ["tensor<4xf32>", "tensor<1xf32>"],
    result: "tensor<1xf32>",
    before: `%h = arith.constant 0.5 : f32
    %i = arith.constant 2 : index
    %f = linalg.fill ins(%h : f32) outs(%a0 : tensor<4xf32>) -> tensor<4xf32>
    %e = tensor.extract %f[%i] : tensor<4xf32>
    %0 = linalg.fill ins(%e : f32) outs(%a1 : tensor<1xf32>) -> tensor<1xf32>`,
    after: `%h = arith.constant 0.5 : f32
    %0 = linalg.fill ins(%h : f32) outs(%a1 : tensor<1xf32>) -> tensor<1xf32>`,
  },
  {
    name: "moves of a fill are fills",
    types: ["tensor<2x3xf32>", "tensor<3x2xf32>", "tensor<3x2x5xf32>"],
    result: "tensor<3x2x5xf32>",
    before: `%h = arith.constant 0.5 : f32
    %f = linalg.fill ins(%h : f32) outs(%a0 : tensor<2x3xf32>) -> tensor<2x3xf32>
    %t = linalg.transpose ins(%f : tensor<2x3xf32>) outs(%a1 : tensor<3x2xf32>) permutation = [1, 0]
    %c = linalg.copy ins(%t : tensor<3x2xf32>) outs(%a1 : tensor<3x2xf32>) -> tensor<3x2xf32>
    %0 = linalg.broadcast ins(%c : tensor<3x2xf32>) outs(%a2 : tensor<3x2x5xf32>) dimensions = [2]`,
    after: `%h = arith.constant 0.5 : f32
    %0 = linalg.fill ins(%h : f32) outs(%a2 : tensor<3x2x5xf32>) -> tensor<3x2x5xf32>`,
  },
  {
    name: "reshapes of a fill",
    types: ["tensor<2x3xf32>"],
    result: "tensor<3x2xf32>",
    before: `%h = arith.constant 0.5 : f32
    %f = linalg.fill ins(%h : f32) outs(%a0 : tensor<2x3xf32>) -> tensor<2x3xf32>
    %m = tensor.collapse_shape %f [[0, 1]] : tensor<2x3xf32> into tensor<6xf32>
    %0 = tensor.expand_shape %m [[0, 1]] output_shape [3, 2] : tensor<6xf32> into tensor<3x2xf32>`,
    after: `%h = arith.constant 0.5 : f32
    %m = tensor.collapse_shape %a0 [[0, 1]] : tensor<2x3xf32> into tensor<6xf32>
    %e = tensor.expand_shape %m [[0, 1]] output_shape [3, 2] : tensor<6xf32> into tensor<3x2xf32>
    %0 = linalg.fill ins(%h : f32) outs(%e : tensor<3x2xf32>) -> tensor<3x2xf32>`,
  },
  {
    name: "a fill with its own number around it",
    types: ["tensor<2xf32>"],
    result: "tensor<5xf32>",
    before: `%h = arith.constant 0.5 : f32
    %f = linalg.fill ins(%h : f32) outs(%a0 : tensor<2xf32>) -> tensor<2xf32>
    %0 = tensor.pad %f low[1] high[2] {
    ^bb0(%i: index):
      tensor.yield %h : f32
    } : tensor<2xf32> to tensor<5xf32>`,
    after: `%h = arith.constant 0.5 : f32
    %e = tensor.empty() : tensor<5xf32>
    %0 = linalg.fill ins(%h : f32) outs(%e : tensor<5xf32>) -> tensor<5xf32>`,
  },
  {
    name: "transposes compose, and to the identity cancel",
    types: ["tensor<2x3x4xf32>", "tensor<4x2x3xf32>", "tensor<2x3x4xf32>"],
    result: "tensor<2x3x4xf32>",
    before: `%t = linalg.transpose ins(%a0 : tensor<2x3x4xf32>) outs(%a1 : tensor<4x2x3xf32>) permutation = [2, 0, 1]
    %0 = linalg.transpose ins(%t : tensor<4x2x3xf32>) outs(%a2 : tensor<2x3x4xf32>) permutation = [1, 2, 0]`,
    after: "%0 = tensor.cast %a0 : tensor<2x3x4xf32> to tensor<2x3x4xf32>",
  },
  {
    name: "a broadcast along no dimension",
    types: ["tensor<2xf32>", "tensor<2xf32>"],
    before: "%0 = linalg.broadcast ins(%a0 : tensor<2xf32>) outs(%a1 : tensor<2xf32>) dimensions = []",
    after: "%0 = tensor.cast %a0 : tensor<2xf32> to tensor<2xf32>",
  },
];

function program({ types, result }: Case, body: string): string {
  const args = types.map((t, i) => `%a${i}: ${t}`).join(", ");
  const out = result ?? types[0]!;
  // A tensor that only some cases mention; what is unused goes.
  const extra = `%t0 = tensor.empty() : tensor<4x3xf32>
    %t = linalg.transpose ins(%a0 : tensor<3x4xf32>) outs(%t0 : tensor<4x3xf32>) permutation = [1, 0]
    `;
  const prefix = body.includes("%t,") || body.includes("ins(%t,") ? extra : "";
  return `${maps}func.func @f(${args}) -> ${out} {\n    ${prefix}${body}\n    return %0 : ${out}\n}`;
}

function canonical(text: string): ReturnType<typeof moduleOf> {
  const module = moduleOf(text);
  const diagnostics = new Diagnostics();
  canonicalize.apply(module, {}, new PassContext("canonicalize", { context, diagnostics }));
  verify(module, diagnostics);
  expect(diagnostics.list.map((d) => d.message)).toEqual([]);
  return module;
}

const shapeOf = (type: string): number[] => [...type.matchAll(/(\d+)x/g)].map((m) => Number(m[1]));

describe("rules of linalg", () => {
  for (const c of cases) {
    it(c.name, () => {
      const simplified = canonical(program(c, c.before));
      expect(print(simplified)).toBe(print(canonical(program(c, c.after))));
      const args = c.types.map((t, i) => {
        const shape = c.shapes?.[i] ?? shapeOf(t);
        const n = shape.reduce((a, d) => a * d, 1);
        return NDArray.from(
          "f32",
          shape,
          Array.from({ length: n }, (_, k) => Math.fround(Math.sin(k * 2.3 + i))),
        );
      });
      const values = (m: ReturnType<typeof moduleOf>) => (interpret(m, "f", args)[0] as NDArray).values();
      expect(values(simplified)).toEqual(values(moduleOf(program(c, c.before))));
    });
  }

  it("does nothing on buffers without elements, and copies nothing onto itself", () => {
    const module = canonical(`func.func @f(%a: memref<0x4xf32>, %b: memref<4xf32>) {
  linalg.exp ins(%a : memref<0x4xf32>) outs(%a : memref<0x4xf32>)
  linalg.copy ins(%b : memref<4xf32>) outs(%b : memref<4xf32>)
  return
}`);
    expect(print(module)).not.toContain("linalg.");
  });
});
