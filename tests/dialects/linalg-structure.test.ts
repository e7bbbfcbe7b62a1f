import { describe, expect, it } from "vitest";
import { genericOf, parseAccess, rangeOfExpr, shapeFromMap, structureOf } from "../../dialects/linalg/index.ts";
import { Builder } from "../../ir/builder.ts";
import { Block } from "../../ir/core.ts";
import { dynamic, f32, memref, tensor } from "../../ir/types.ts";

const start = (...types: Parameters<typeof tensor>[0][]) => {
  const block = new Block(types.map((s) => tensor(s, f32)));
  return { block, b: Builder.atEnd(block) };
};

describe("structureOf", () => {
  it("reads loops, maps and body of a generic op", () => {
    const { block, b } = start([1, 8, 8, 3], [16, 3, 3, 3], [1, 3, 3, 16]);
    const [x, w, y] = block.args;
    const [r] = genericOf(b, {
      loops: "n h w o : i j c",
      inputs: [
        [x!, "n, h * 2 + i, w * 2 + j, c"],
        [w!, "o, i, j, c"],
      ],
      outputs: [[y!, "n, h, w, o"]],
      body: (_, _x, _w, acc) => acc,
    });
    expect(r!.type).toBe(y!.type);
    const s = structureOf(r!.definingOp!)!;
    expect(s.loops.map((l) => l.extent)).toEqual([1, 3, 3, 16, 3, 3, 3]);
    expect(s.loops.map((l) => l.kind[0]).join("")).toBe("pppprrr");
    expect(s.operands.map((o) => o.map.text)).toEqual([
      "(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1 * 2 + d4, d2 * 2 + d5, d6)",
      "(d0, d1, d2, d3, d4, d5, d6) -> (d3, d4, d5, d6)",
      "(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3)",
    ]);
    expect(s.form).toBe("tensor");
    expect(s.outputs[0]!.arg).toBe(s.yields[0]);
    expect(shapeFromMap(s.inputs[0]!.map, [1, 3, 3, 16, 3, 3, 3])).toEqual([1, 7, 7, 3]);
  });

  it("prefers a static extent over a dynamic one", () => {
    const block = new Block([memref([dynamic, 4], f32), memref([3, dynamic], f32)]);
    const b = Builder.atEnd(block);
    genericOf(b, {
      loops: "i j",
      inputs: [[block.args[0]!, "i, j"]],
      outputs: [[block.args[1]!, "i, j"]],
      body: (_, x) => x,
    });
    const s = structureOf(block.first!)!;
    expect(s.loops.map((l) => l.extent)).toEqual([3, 4]);
    expect(s.loops.map((l) => l.source)).toEqual([
      { operand: 1, dim: 0 },
      { operand: 0, dim: 1 },
    ]);
    expect(s.form).toBe("memref");
  });
});

describe("accesses as text", () => {
  it("parses sums, products, divisions and signs", () => {
    const m = parseAccess("a, b * 2 - c + 1, (a + b) floordiv 4, -c mod 8, 7", ["a", "b", "c"]);
    expect(m.text).toBe(
      "(d0, d1, d2) -> (d0, d1 * 2 - d2 + 1, (d0 + d1) floordiv 4, -d2 mod 8, 7)".replace("-d2 mod 8", "(-d2) mod 8"),
    );
    expect(() => parseAccess("x", ["a"])).toThrow(/names no loop/);
    expect(() => parseAccess("a +", ["a"])).toThrow();
    expect(parseAccess("", ["a"]).text).toBe("(d0) -> ()");
  });

  it("bounds expressions over the loops", () => {
    const m = parseAccess("i * 3 + j - 2, i mod 4, i floordiv 2, -j", ["i", "j"]);
    expect(m.results.map((e) => rangeOfExpr(e, [5, 7]))).toEqual([
      { min: -2, max: 16 },
      { min: 0, max: 3 },
      { min: 0, max: 2 },
      { min: -6, max: 0 },
    ]);
  });
});
