import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { dialects } from "../../dialects/index.ts";
import * as linalg from "../../dialects/linalg/ops.ts";
import { structureOf } from "../../dialects/linalg/structure.ts";
import { Context } from "../../ir/context.ts";
import type { Operation } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { verify } from "../../ir/verify.ts";
import { passes } from "../../lowering/index.ts";
import { parsePipeline, runPipeline } from "../../rewrite/pipeline.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { NDArray } from "../../support/ndarray.ts";
import { print } from "../../text/printer.ts";
import { readProgram } from "../support/read.ts";

const context = new Context(dialects);

const read = (text: string): Operation => readProgram(text, context);

/** Runs a pipeline; answers the messages of its remarks. */
function apply(module: Operation, pipeline: string): string[] {
  const diagnostics = new Diagnostics();
  const steps = parsePipeline(pipeline, passes, diagnostics);
  expect(diagnostics.list.map((d) => d.message)).toEqual([]);
  expect(runPipeline(steps!, module, { context, diagnostics })).toBe(true);
  const after = new Diagnostics();
  verify(module, after);
  expect(after.list.map((d) => d.message)).toEqual([]);
  return diagnostics.list.map((d) => d.message);
}

const structuredOps = (module: Operation): string[] => {
  const found: string[] = [];
  module.walk((op) => {
    if (structureOf(op)) found.push(op.name.slice("linalg.".length));
  });
  return found;
};

const array = (shape: number[], from = 1): NDArray => {
  const n = shape.reduce((a, d) => a * d, 1);
  return NDArray.from(
    "f32",
    shape,
    Array.from({ length: n }, (_, i) => Math.fround(Math.sin(i * 1.7 + from) * 3)),
  );
};

/** Same results before and after; answers the structured ops that are left. */
function check(text: string, args: readonly NDArray[], pipeline = "linalg-fuse"): string[] {
  const module = read(text);
  const before = interpret(module, "f", args) as NDArray[];
  apply(module, pipeline);
  const after = interpret(module, "f", args) as NDArray[];
  expect(after.map((a) => a.values())).toEqual(before.map((a) => a.values()));
  return structuredOps(module);
}

const unary = (name: string, to: string, from: string, e: string): string =>
  `  %${to} = linalg.${name} ins(%${from} : tensor<3x4xf32>) outs(%${e} : tensor<3x4xf32>) -> tensor<3x4xf32>\n`;

describe("linalg-fuse", () => {
  it("turns a chain into one body", () => {
    const text = `func.func @f(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %e = tensor.empty() : tensor<3x4xf32>
${unary("negf", "a", "x", "e")}${unary("exp", "b", "a", "e")}${unary("tanh", "c", "b", "e")}  return %c : tensor<3x4xf32>
}`;
    expect(check(text, [array([3, 4])])).toEqual(["generic"]);
  });

  it("joins a diamond without computing its top twice", () => {
    const text = `func.func @f(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %e = tensor.empty() : tensor<3x4xf32>
${unary("square", "p", "x", "e")}${unary("exp", "s", "p", "e")}  %y = linalg.mul ins(%p, %s : tensor<3x4xf32>, tensor<3x4xf32>) outs(%e : tensor<3x4xf32>) -> tensor<3x4xf32>
  return %y : tensor<3x4xf32>
}`;
    const module = read(text);
    const before = interpret(module, "f", [array([3, 4])]) as NDArray[];
    apply(module, "linalg-fuse{max-copied-ops=0}");
    expect((interpret(module, "f", [array([3, 4])]) as NDArray[])[0]!.values()).toEqual(before[0]!.values());
    expect(structuredOps(module)).toEqual(["generic"]);
    let multiplications = 0;
    module.walk((op) => {
      if (op.name === "arith.mulf") multiplications++;
    });
    expect(multiplications).toBe(2);
  });

  it("takes constants, fills, transposes and broadcasts as what they are", () => {
    const text = `func.func @f(%x: tensor<4x3xf32>, %bias: tensor<4xf32>) -> tensor<3x4xf32> {
  %two = arith.constant dense<2.0> : tensor<3x4xf32>
  %half = arith.constant 0.5 : f32
  %e = tensor.empty() : tensor<3x4xf32>
  %h = linalg.fill ins(%half : f32) outs(%e : tensor<3x4xf32>) -> tensor<3x4xf32>
  %t = linalg.transpose ins(%x : tensor<4x3xf32>) outs(%e : tensor<3x4xf32>) permutation = [1, 0]
  %b = linalg.broadcast ins(%bias : tensor<4xf32>) outs(%e : tensor<3x4xf32>) dimensions = [0]
  %0 = linalg.mul ins(%t, %two : tensor<3x4xf32>, tensor<3x4xf32>) outs(%e : tensor<3x4xf32>) -> tensor<3x4xf32>
  %1 = linalg.add ins(%0, %b : tensor<3x4xf32>, tensor<3x4xf32>) outs(%e : tensor<3x4xf32>) -> tensor<3x4xf32>
  %2 = linalg.max ins(%1, %h : tensor<3x4xf32>, tensor<3x4xf32>) outs(%e : tensor<3x4xf32>) -> tensor<3x4xf32>
  return %2 : tensor<3x4xf32>
}`;
    expect(check(text, [array([4, 3]), array([4])])).toEqual(["generic"]);
    const module = read(text);
    apply(module, "linalg-fuse");
    module.walk((op) => {
      if (linalg.generic.is(op)) expect(linalg.generic.of(op).inputs.length).toBe(2);
    });
  });

  it("feeds reductions that read each element once, and leaves products alone", () => {
    const text = `func.func @f(%x: tensor<3x4xf32>, %w: tensor<4x3xf32>) -> (tensor<3xf32>, tensor<3x3xf32>) {
  %e = tensor.empty() : tensor<3x4xf32>
  %s = arith.constant dense<1.0> : tensor<3xf32>
  %z = arith.constant dense<0.0> : tensor<3x3xf32>
${unary("exp", "a", "x", "e")}${unary("exp", "b", "x", "e")}  %0 = linalg.reduce { arith.addf } ins(%a : tensor<3x4xf32>) outs(%s : tensor<3xf32>) dimensions = [1]
  %1 = linalg.matmul ins(%b, %w : tensor<3x4xf32>, tensor<4x3xf32>) outs(%z : tensor<3x3xf32>) -> tensor<3x3xf32>
  return %0, %1 : tensor<3xf32>, tensor<3x3xf32>
}`;
    expect(check(text, [array([3, 4]), array([4, 3])])).toEqual(["exp", "generic", "matmul"]);
  });

  it("keeps a producer that is large and has several consumers, and says why", () => {
    const text = `func.func @f(%x: tensor<3x4xf32>) -> (tensor<3x4xf32>, tensor<3x4xf32>) {
  %e = tensor.empty() : tensor<3x4xf32>
${unary("exp", "a", "x", "e")}${unary("tanh", "b", "a", "e")}${unary("negf", "c", "b", "e")}${unary("abs", "d", "b", "e")}  return %c, %d : tensor<3x4xf32>, tensor<3x4xf32>
}`;
    const module = read(text);
    const remarks = apply(module, "linalg-fuse");
    expect(structuredOps(module)).toEqual(["generic", "negf", "abs"]);
    expect(remarks.filter((m) => m.includes("several consumers")).length).toBe(2);
    apply(module, "linalg-fuse{max-copied-ops=2}");
    expect(structuredOps(module)).toEqual(["generic", "generic"]);
  });

  it("moves loop counters along with their ops", () => {
    const text = `#t = affine_map<(i, j) -> (j, i)>
#id = affine_map<(i, j) -> (i, j)>
func.func @f(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {
  %e = tensor.empty() : tensor<4x3xf32>
  %o = tensor.empty() : tensor<3x4xf32>
  %0 = linalg.generic {indexing_maps = [#id], iterator_types = ["parallel", "parallel"]} outs(%e : tensor<4x3xf32>) {
  ^bb0(%out: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %c10 = arith.constant 10 : index
    %m = arith.muli %i, %c10 : index
    %a = arith.addi %m, %j : index
    %k = arith.index_cast %a : index to i32
    %r = arith.sitofp %k : i32 to f32
    linalg.yield %r : f32
  } -> tensor<4x3xf32>
  %1 = linalg.generic {indexing_maps = [#t, #id, #id], iterator_types = ["parallel", "parallel"]} ins(%0, %x : tensor<4x3xf32>, tensor<3x4xf32>) outs(%o : tensor<3x4xf32>) {
  ^bb0(%p: f32, %q: f32, %out: f32):
    %s = arith.subf %p, %q : f32
    linalg.yield %s : f32
  } -> tensor<3x4xf32>
  return %1 : tensor<3x4xf32>
}`;
    expect(check(text, [array([3, 4])])).toEqual(["generic"]);
  });

  it("does not fuse across blocks, into windows, or what leaves a loop without a bound", () => {
    const windows = `#w = affine_map<(i, j) -> (i + j)>
#i = affine_map<(i, j) -> (i)>
#j = affine_map<(i, j) -> (j)>
func.func @f(%x: tensor<6xf32>, %k: tensor<3xf32>) -> tensor<4xf32> {
  %e = tensor.empty() : tensor<6xf32>
  %z = arith.constant dense<0.0> : tensor<4xf32>
  %ones = arith.constant dense<1.0> : tensor<3xf32>
  %a = linalg.exp ins(%x : tensor<6xf32>) outs(%e : tensor<6xf32>) -> tensor<6xf32>
  %0 = linalg.generic {indexing_maps = [#w, #j, #i], iterator_types = ["parallel", "reduction"]} ins(%a, %ones : tensor<6xf32>, tensor<3xf32>) outs(%z : tensor<4xf32>) {
  ^bb0(%p: f32, %q: f32, %acc: f32):
    %s = arith.addf %acc, %p : f32
    linalg.yield %s : f32
  } -> tensor<4xf32>
  return %0 : tensor<4xf32>
}`;
    expect(check(windows, [array([6]), array([3])])).toEqual(["exp", "generic"]);
  });

  it("keeps the meaning of random graphs", () => {
    const names = ["negf", "exp", "abs", "square", "add", "sub", "mul", "max", "sum", "turn", "row"];
    const steps = fc.array(fc.record({ op: fc.constantFrom(...names), a: fc.nat(), b: fc.nat() }), {
      minLength: 1,
      maxLength: 12,
    });
    fc.assert(
      fc.property(steps, fc.nat({ max: 3 }), fc.nat({ max: 3 }), (list, copied, outputs) => {
        const t = "tensor<4x4xf32>";
        const values = ["x", "y"];
        let body = `  %e = tensor.empty() : ${t}\n  %r = tensor.empty() : tensor<4xf32>\n  %z = arith.constant dense<0.5> : tensor<4xf32>\n  %k = arith.constant dense<-1.5> : ${t}\n`;
        values.push("k");
        list.forEach(({ op, a, b }, i) => {
          const [p, q] = [values[a % values.length]!, values[b % values.length]!];
          if (op === "sum") {
            body += `  %s${i} = linalg.reduce { arith.addf } ins(%${p} : ${t}) outs(%z : tensor<4xf32>) dimensions = [${b % 2}]\n`;
            body += `  %v${i} = linalg.broadcast ins(%s${i} : tensor<4xf32>) outs(%e : ${t}) dimensions = [${a % 2}]\n`;
          } else if (op === "turn") {
            body += `  %v${i} = linalg.transpose ins(%${p} : ${t}) outs(%e : ${t}) permutation = [1, 0]\n`;
          } else if (op === "row") {
            body += `  %m${i} = linalg.matmul ins(%${p}, %${q} : ${t}, ${t}) outs(%k : ${t}) -> ${t}\n`;
            body += `  %v${i} = linalg.tanh ins(%m${i} : ${t}) outs(%e : ${t}) -> ${t}\n`;
          } else if (["add", "sub", "mul", "max"].includes(op)) {
            body += `  %v${i} = linalg.${op} ins(%${p}, %${q} : ${t}, ${t}) outs(%e : ${t}) -> ${t}\n`;
          } else body += `  %v${i} = linalg.${op} ins(%${p} : ${t}) outs(%e : ${t}) -> ${t}\n`;
          values.push(`v${i}`);
        });
        const results = values.slice(-1 - outputs);
        const text = `func.func @f(%x: ${t}, %y: ${t}) -> (${results.map(() => t).join(", ")}) {\n${body}  return ${results.map((v) => `%${v}`).join(", ")} : ${results.map(() => t).join(", ")}\n}`;
        const module = read(text);
        const args = [array([4, 4]), array([4, 4], 5)];
        const before = interpret(module, "f", args) as NDArray[];
        const around = copied % 2 === 0 ? "canonicalize,cse," : "";
        apply(module, `${around}linalg-fuse{max-copied-ops=${copied}},canonicalize,cse`);
        const after = interpret(module, "f", args) as NDArray[];
        expect(after.map((a) => a.values())).toEqual(before.map((a) => a.values()));
      }),
      { numRuns: 60 },
    );
  });
});

describe("linalg-generalize-named-ops", () => {
  const text = `func.func @f(%a: tensor<2x3xf32>, %b: tensor<3x4xf32>, %c: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %0 = linalg.matmul ins(%a, %b : tensor<2x3xf32>, tensor<3x4xf32>) outs(%c : tensor<2x4xf32>) -> tensor<2x4xf32>
  %1 = linalg.map { math.absf } ins(%0 : tensor<2x4xf32>) outs(%c : tensor<2x4xf32>)
  return %1 : tensor<2x4xf32>
}`;
  it("says named ops in full, and products by name again", () => {
    const args = [array([2, 3]), array([3, 4]), array([2, 4])];
    expect(check(text, args, "linalg-generalize-named-ops")).toEqual(["generic", "generic"]);
    expect(check(text, args, "linalg-generalize-named-ops,linalg-specialize-generic-ops")).toEqual([
      "matmul",
      "generic",
    ]);
  });

  it("knows every product by its name", () => {
    const t = (s: string): string => `tensor<${s}xi32>`;
    const products: [string, string, string, string][] = [
      ["matmul", "2x3", "3x4", "2x4"],
      ["matmul_transpose_a", "3x2", "3x4", "2x4"],
      ["matmul_transpose_b", "2x3", "4x3", "2x4"],
      ["batch_matmul", "5x2x3", "5x3x4", "5x2x4"],
      ["batch_matmul_transpose_a", "5x3x2", "5x3x4", "5x2x4"],
      ["batch_matmul_transpose_b", "5x2x3", "5x4x3", "5x2x4"],
      ["batch_reduce_matmul", "5x2x3", "5x3x4", "2x4"],
      ["matvec", "2x3", "3", "2"],
      ["vecmat", "3", "3x4", "4"],
      ["batch_matvec", "5x2x3", "5x3", "5x2"],
      ["batch_vecmat", "5x3", "5x3x4", "5x4"],
      ["mmt4d", "2x3x4x5", "6x3x7x5", "2x6x4x7"],
    ];
    for (const [name, a, b, c] of products) {
      const source = `func.func @f(%a: ${t(a)}, %b: ${t(b)}, %c: ${t(c)}) -> ${t(c)} {
  %0 = linalg.${name} ins(%a, %b : ${t(a)}, ${t(b)}) outs(%c : ${t(c)}) -> ${t(c)}
  return %0 : ${t(c)}
}
`;
      const module = read(source);
      const written = print(module);
      apply(module, "linalg-generalize-named-ops");
      expect(structuredOps(module)).toEqual(["generic"]);
      apply(module, "linalg-specialize-generic-ops");
      expect(print(module)).toBe(written);
    }
  });
});

describe("examples", () => {
  for (const name of ["linalg-generalize-named-ops", "linalg-fuse"]) {
    it(name, () => {
      const { before, after } = passes.find((p) => p.name === name)!.example!;
      const module = read(before);
      apply(module, name);
      expect(print(module)).toBe(print(read(after)));
    });
  }
});
