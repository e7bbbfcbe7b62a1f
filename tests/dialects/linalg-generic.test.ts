/** Random linalg.generic ops against a plain walk over their points; tiled, generalized and strided, too. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as arith from "../../dialects/arith/ops.ts";
import { makeModule } from "../../dialects/builtin.ts";
import * as func from "../../dialects/func.ts";
import { genericOf } from "../../dialects/linalg/builders.ts";
import * as linalg from "../../dialects/linalg/ops.ts";
import { structureOf } from "../../dialects/linalg/structure.ts";
import { unmixed } from "../../dialects/shaped.ts";
import * as tensor from "../../dialects/tensor/ops.ts";
import {
  type AffineExpr,
  type AffineMap,
  add,
  affineMap,
  constant,
  dim,
  evaluateMap,
  mod,
  mul,
} from "../../ir/affine.ts";
import { Builder } from "../../ir/builder.ts";
import { Block, type Operation, Region, type Value } from "../../ir/core.ts";
import { dtypeOf, isBig, toType } from "../../ir/datum.ts";
import { tiling } from "../../ir/interfaces.ts";
import { evaluateOp, interpret } from "../../ir/interpret.ts";
import {
  bf16,
  f16,
  f32,
  f64,
  functionType,
  i8,
  i32,
  i64,
  index as indexType,
  memref,
  type Type,
  tensor as tensorType,
  vector,
} from "../../ir/types.ts";
import { verify } from "../../ir/verify.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { NDArray } from "../../support/ndarray.ts";

type Kind = "parallel" | "reduction";

interface Case {
  readonly kinds: readonly Kind[];
  readonly extents: readonly number[];
  readonly inputs: readonly AffineMap[];
  readonly output: AffineMap;
  readonly body: (b: Builder, ...elements: Value[]) => Value;
  readonly element: Type;
  readonly seed: number;
}

const bodies: Record<string, (b: Builder, elements: Value[]) => Value> = {
  multiplyAdd: (b, [x, y, out]) => arith.addf(b, out!, arith.mulf(b, x!, y!)),
  addMultiplied: (b, [x, y, out]) => arith.addf(b, arith.mulf(b, x!, y!), out!),
  maximum: (b, [x, y, out]) => arith.maximumf(b, out!, arith.subf(b, x!, y!)),
  divided: (b, [x, y, out]) => arith.subf(b, arith.divf(b, x!, y!), out!),
  counted: (b, [x, y, out]) => {
    const turn = arith.index_cast(b, linalg.index(b, { dim: 0 }), { types: [i32] });
    const scaled = arith.mulf(b, arith.sitofp(b, turn, { types: [x!.type] }), x!);
    return arith.select(b, arith.cmpf(b, scaled, y!, { predicate: "ogt" }), out!, arith.addf(b, out!, scaled));
  },
};
const intBodies: Record<string, (b: Builder, elements: Value[]) => Value> = {
  multiplyAdd: (b, [x, y, out]) => arith.addi(b, out!, arith.muli(b, x!, y!)),
  xored: (b, [x, y, out]) => arith.xori(b, arith.addi(b, x!, out!), y!),
};

const loopKinds = fc.array(fc.constantFrom<Kind>("parallel", "reduction"), { minLength: 1, maxLength: 4 });

/** A dimension of an input: a loop, a window over two, or a few of its own. */
const inputExpr = (loops: number, divisions: boolean): fc.Arbitrary<AffineExpr> => {
  const loop = fc.nat({ max: loops - 1 }).map(dim);
  const scaled = fc.tuple(loop, fc.integer({ min: 1, max: 3 })).map(([d, f]) => mul(d, constant(f)));
  const sum = fc.tuple(scaled, scaled, fc.nat({ max: 2 })).map(([a, b, c]) => add(add(a, b), constant(c)));
  const rest = loop.map((d) => mod(d, constant(2)));
  return divisions
    ? fc.oneof(loop, sum, rest)
    : fc.oneof({ weight: 2, arbitrary: loop }, { weight: 1, arbitrary: sum });
};

function caseOf(divisions: boolean): fc.Arbitrary<Case> {
  return loopKinds.chain((kinds) => {
    const n = kinds.length;
    const input = fc.array(inputExpr(n, divisions), { maxLength: 3 }).map((results) => affineMap(n, 0, results));
    return fc
      .record({
        extents: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: n, maxLength: n }),
        first: input,
        second: input,
        order: fc.shuffledSubarray(
          kinds.flatMap((k, i) => (k === "parallel" ? [i] : [])),
          { minLength: kinds.filter((k) => k === "parallel").length },
        ),
        element: fc.constantFrom<Type>(f32, f32, f64, f16, bf16, i32, i32, i64, i8),
        body: fc.nat(),
        seed: fc.nat(),
      })
      .map(({ extents, first, second, order, element, body, seed }) => {
        const table = element.kind === "integer" ? intBodies : bodies;
        const names = Object.keys(table);
        const chosen = table[names[body % names.length]!]!;
        // Each loop is some operand's dimension: the last input sees to it.
        const all = affineMap(
          n,
          0,
          kinds.map((_, i) => dim(i)),
        );
        return {
          kinds,
          extents,
          inputs: [first, second, all],
          output: affineMap(n, 0, order.map(dim)),
          body: (b: Builder, x: Value, y: Value, _z: Value, out: Value) => chosen(b, [x, y, out]),
          element,
          seed,
        } as Case;
      });
  });
}

function numbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state >> 8) / 2 ** 16;
  };
}

const shapeOf = (m: AffineMap, extents: readonly number[]): number[] =>
  m.results.map((_, d) => {
    let most = 0;
    const walk = (at: number[]): void => {
      if (at.length === extents.length) most = Math.max(most, evaluateMap(m, at)[d]!);
      else for (const x of [0, extents[at.length]! - 1, Math.min(1, extents[at.length]! - 1)]) walk([...at, x]);
    };
    walk([]);
    return most + 1;
  });

function build(c: Case, wrap: (shape: readonly number[]) => Type): { op: Operation; block: Block } {
  const maps = [...c.inputs, c.output];
  const block = new Block(maps.map((m) => wrap(shapeOf(m, c.extents))));
  const b = Builder.atEnd(block);
  genericOf(b, {
    iterators: c.kinds,
    inputs: c.inputs.map((m, i) => [block.args[i]!, m] as const),
    outputs: [[block.args.at(-1)!, c.output]],
    body: c.body,
  });
  return { op: block.last!, block };
}

function dataFor(c: Case): NDArray[] {
  const next = numbers(c.seed);
  return [...c.inputs, c.output].map((m) => {
    const shape = shapeOf(m, c.extents);
    const size = shape.reduce((a, d) => a * d, 1);
    const dtype = dtypeOf(c.element)!;
    const one = (): number | bigint => {
      if (c.element.kind === "float") return next();
      const whole = Math.trunc(next() * 2 ** 16);
      return toType(c.element, isBig(c.element) ? BigInt(whole) * 0x1_0000_0001n : whole);
    };
    const a = NDArray.zeros(dtype, shape);
    for (let i = 0; i < size; i++) a.setData(i, one());
    return a;
  });
}

/** Every op of the body by itself, at every point. */
function naive(op: Operation, data: readonly NDArray[], extents: readonly number[]): NDArray {
  const s = structureOf(op)!;
  const out = data.at(-1)!.copy();
  const visit = (at: number[]): void => {
    if (at.length < extents.length) {
      for (let i = 0; i < extents[at.length]!; i++) visit([...at, i]);
      return;
    }
    const values = new Map<Value, unknown>();
    s.operands.forEach((o, i) => {
      values.set(o.arg!, (i === data.length - 1 ? out : data[i]!).get(evaluateMap(o.map, at)));
    });
    for (const inner of s.body) {
      if (inner === s.body.last) break;
      const results = linalg.index.is(inner)
        ? [at[linalg.index.of(inner).dim]]
        : evaluateOp(
            inner,
            inner.operands.map((v) => values.get(v)),
          );
      inner.results.forEach((r, i) => {
        values.set(r, results[i]);
      });
    }
    out.set(evaluateMap(s.outputs[0]!.map, at), values.get(s.yields[0]!) as number);
  };
  visit([]);
  return out;
}

const expectWellFormed = (op: Operation): void => {
  const diagnostics = new Diagnostics();
  verify(op, diagnostics);
  expect(diagnostics.list.map((d) => d.message)).toEqual([]);
};

/** A function of tensors whose body `fill` builds. */
function functionOf(
  types: readonly Type[],
  result: Type,
  fill: (b: Builder, args: readonly Value[]) => Value,
): Operation {
  const module = makeModule();
  const block = new Block(types);
  const b = Builder.atEnd(block);
  func.return(b, [fill(b, block.args)]);
  const top = Builder.atEnd(module.region().entry);
  func.func(top, { sym_name: "f", function_type: functionType(types, [result]), body: new Region([block]) });
  return module;
}

describe("linalg.generic", () => {
  it("means what a walk over its points says, on tensors", () => {
    fc.assert(
      fc.property(caseOf(true), (c) => {
        const { op } = build(c, (shape) => tensorType(shape, c.element));
        expectWellFormed(op);
        const data = dataFor(c);
        const before = data.map((d) => d.values());
        const [result] = evaluateOp(op, data) as NDArray[];
        expect(result!.values()).toEqual(naive(op, data, c.extents).values());
        expect(data.map((d) => d.values())).toEqual(before);
      }),
      { numRuns: 150 },
    );
  });

  it("overwrites buffers, which may lie anywhere in their memory", () => {
    fc.assert(
      fc.property(caseOf(true), (c) => {
        const { op } = build(c, (shape) => memref(shape, c.element));
        const data = dataFor(c);
        // Every second element of a larger array, behind some others.
        const views = data.map((d) => {
          const wide = NDArray.zeros(d.dtype, [2, ...d.shape.map((n) => 2 * n)]);
          const view = wide.view([1, ...d.shape.map(() => 1)], [1, ...d.shape], [1, ...d.shape.map(() => 2)]);
          const part = new NDArray(d.dtype, d.shape, view.data, view.strides.slice(1), view.offset);
          part.assign(d);
          return part;
        });
        const want = naive(op, data, c.extents);
        expect(evaluateOp(op, views)).toEqual([]);
        expect(views.at(-1)!.values()).toEqual(want.values());
      }),
      { numRuns: 80 },
    );
  });

  it("runs a prefix sum through aliased views in order", () => {
    const block = new Block([memref([5], i32), memref([5], i32)]);
    const [x, y] = block.args;
    genericOf(Builder.atEnd(block), {
      loops: "i",
      inputs: [[x!, "i"]],
      outputs: [[y!, "i"]],
      body: (b, v, out) => arith.addi(b, v, out),
    });
    const all = NDArray.from("i32", [6], [1, 2, 3, 4, 5, 6]);
    evaluateOp(block.first!, [all.view([0], [5]), all.view([1], [5])]);
    expect(all.values()).toEqual([1, 3, 6, 10, 15, 21]);
  });

  it("runs on vectors as elements", () => {
    const lanes = vector([2], f32);
    const block = new Block([memref([3], lanes), memref([3], lanes)]);
    const [x, y] = block.args;
    genericOf(Builder.atEnd(block), {
      loops: "i",
      inputs: [[x!, "i"]],
      outputs: [[y!, "i"]],
      body: (b, v, out) => arith.addf(b, v, out),
    });
    const sums = NDArray.from("f32", [3, 2], [10, 20, 30, 40, 50, 60]);
    evaluateOp(block.first!, [NDArray.from("f32", [3, 2], [1, 2, 3, 4, 5, 6]), sums]);
    expect(sums.values()).toEqual([11, 22, 33, 44, 55, 66]);
  });

  it("reports operands that the loops do not fit", () => {
    const block = new Block([tensorType([4], f32), tensorType([3], f32)]);
    genericOf(Builder.atEnd(block), {
      loops: "i",
      inputs: [[block.args[0]!, "i"]],
      outputs: [[block.args[1]!, "i"]],
      body: (_, v) => v,
    });
    const data = [NDArray.zeros("f32", [4]), NDArray.zeros("f32", [3])];
    expect(() => evaluateOp(block.first!, data)).toThrow(/do not fit dimension 0 of operand/);
  });
});

describe("tiling", () => {
  it("computes the same tile by tile", () => {
    fc.assert(
      fc.property(
        caseOf(false),
        fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 4, maxLength: 4 }),
        fc.boolean(),
        (c, wanted, valued) => {
          const steps = orderlySteps(c, wanted);
          const types = [...c.inputs, c.output].map((m) => tensorType(shapeOf(m, c.extents), c.element));
          const make = (b: Builder, args: readonly Value[]): Operation =>
            genericOf(b, {
              iterators: c.kinds,
              inputs: c.inputs.map((m, i) => [args[i]!, m] as const),
              outputs: [[args.at(-1)!, c.output]],
              body: c.body,
            })[0]!.definingOp!;
          const module = functionOf(types, types.at(-1)!, (b, args) => {
            let current = args.at(-1)!;
            const visit = (offsets: number[], sizes: number[]): void => {
              const l = offsets.length;
              if (l < c.extents.length) {
                for (let i = 0; i < c.extents[l]!; i += steps[l]!) {
                  visit([...offsets, i], [...sizes, Math.min(steps[l]!, c.extents[l]! - i)]);
                }
                return;
              }
              const whole = make(b, [...args.slice(0, -1), current]);
              const value = (n: number): Value | number => (valued ? opaque(b, n) : n);
              const tile = { offsets: offsets.map(value), sizes: sizes.map(value) };
              const iface = tiling.of(whole)!;
              const [part] = iface.onTile(whole, tile, b);
              const place = iface.resultTile(whole, 0, tile, b);
              whole.remove().dropReferences();
              const [at, size] = [unmixed(place.offsets), unmixed(place.sizes)];
              current = tensor.insert_slice(b, part!, current, at.dynamics, size.dynamics, [], {
                static_offsets: at.statics,
                static_sizes: size.statics,
                static_strides: place.offsets.map(() => 1),
              });
            };
            visit([], []);
            return current;
          });
          expectWellFormed(module);
          const data = dataFor(c);
          const { op } = build(c, (shape) => tensorType(shape, c.element));
          const [result] = interpret(module, "f", data) as NDArray[];
          expect(result!.values()).toEqual(naive(op, data, c.extents).values());
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** Only the outermost reduction is cut, so that each output element meets its points in the same order. */
function orderlySteps(c: Case, steps: readonly number[]): number[] {
  const first = c.kinds.indexOf("reduction");
  return c.kinds.map((k, i) => (k === "reduction" && i !== first ? c.extents[i]! : steps[i]!));
}

/** An index that no one can fold: read from a tensor. */
function opaque(b: Builder, n: number): Value {
  const known = arith.constantIndex(b, n);
  const t = tensor.from_elements(b, [known], { types: [tensorType([1], indexType)] });
  return tensor.extract(b, t, [arith.constantIndex(b, 0)]);
}
