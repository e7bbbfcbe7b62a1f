/** @file linalg.softmax: a composite that is kept whole until it is tiled or said in lower words. */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import { RankedTensor, Shaped } from "../../ir/constraints.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { reads, writes } from "../../ir/effects.ts";
import { many, one } from "../../ir/fields.ts";
import { type Loop, type Tile, tiling } from "../../ir/interfaces.ts";
import { finishOf } from "../../ir/scalar.ts";
import { elementOf, tensor as tensorType } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { known, type Mixed } from "../arith/mixed.ts";
import * as arith from "../arith/ops.ts";
import * as math from "../math.ts";
import { compatibleShapes, unmixed } from "../shaped.ts";
import * as tensor from "../tensor/ops.ts";
import { tensorTypesOf } from "./asm.ts";
import { genericOf } from "./builders.ts";
import { fill } from "./elementwise.ts";
import { shapeOf } from "./structure.ts";
import { sizeOfDimension, sliceOf } from "./tile.ts";
import { verifyDestinations } from "./verify.ts";

/** All dimensions are loops; the one that is normalised over is a reduction and stays whole. */
const loopsOf = (op: Operation): readonly Loop[] =>
  shapeOf(op.operand(0).type).map((extent, d) => ({ kind: d === op.props[0] ? "reduction" : "parallel", extent }));

/** The tile with all of the normalised dimension. */
function wholeRows(op: Operation, tile: Tile, b: Builder): Tile {
  const d = op.props[0] as number;
  const replace = (list: readonly Mixed[], x: Mixed): Mixed[] => list.map((y, i) => (i === d ? x : y));
  return {
    offsets: replace(tile.offsets, 0),
    sizes: replace(tile.sizes, sizeOfDimension(op.operand(0), d, b)),
  };
}

export const softmax = defineOp("linalg.softmax", {
  doc: "exp(x - max(x)) / sum(exp(x - max(x))) along one dimension.",
  operands: [one("input", Shaped), one("output", Shaped)],
  attrs: { dimension: attr.int },
  results: [many("result", RankedTensor)],
  interfaces: [
    tiling({
      loops: loopsOf,
      onTile(op, tile, b) {
        const rows = wholeRows(op, tile, b);
        const copy = op.clone();
        op.operands.forEach((v, i) => {
          copy.setOperand(i, sliceOf(v, rows, b));
        });
        for (const r of copy.results) r.type = copy.operand(1).type;
        return b.insert(copy).results;
      },
      resultTile: (op, _, tile, b) => wholeRows(op, tile, b),
    }),
  ],
  assembly:
    "attr-dict `dimension` `(` $dimension `)` `ins` `(` $input `:` type($input) `)` `outs` `(` $output `:` type($output) `)` (`->` type($result)^)?",
  infer: ({ output }) => tensorTypesOf([output]),
  inferLoosely: true,
  effects: ({ input, output }) =>
    input.type.kind === "memref" || output.type.kind === "memref" ? [reads(input), writes(output)] : [],
  verify({ op, input, output, dimension }, fail) {
    if (!verifyDestinations(op, 1, fail)) return;
    if (!compatibleShapes(input.type.shape, output.type.shape)) fail("incompatible output shape");
    else if (dimension < 0 || dimension >= input.type.shape.length) fail("incorrect dimension specified");
  },
  evaluate({ input, output, dimension }, run) {
    const into = run.operandType(1).kind === "memref" ? output : NDArray.zeros(output.dtype, output.shape);
    const round = finishOf(elementOf(run.operandType(0))) ?? ((v) => v);
    const rows = input.shape.filter((_, d) => d !== dimension);
    const n = input.shape[dimension]!;
    for (const row of indices(rows)) {
      const at = (i: number): number[] => [...row.slice(0, dimension), i, ...row.slice(dimension)];
      const x = Array.from({ length: n }, (_, i) => Number(input.get(at(i))));
      const top = x.reduce((a, v) => Math.max(a, v), Number.NEGATIVE_INFINITY);
      const powers = x.map((v) => round(Math.exp(Number(round(v - top)))) as number);
      const sum = powers.reduce((a, v) => round(a + v) as number, 0);
      powers.forEach((v, i) => {
        into.set(at(i), round(v / sum));
      });
    }
    return run.operandType(1).kind === "memref" ? [] : [into];
  },
  expand({ input, output, dimension }, b) {
    if (input.type.kind !== "tensor" || output.type.kind !== "tensor") return undefined;
    const { shape, element } = input.type;
    const names = shape.map((_, d) => `d${d}`);
    const kept = names.filter((_, d) => d !== dimension);
    const all = names.join(", ");
    const row = kept.join(", ");
    const rowSizes = names.flatMap((_, d) =>
      d === dimension ? [] : [known(sizeOfDimension(input, d, b)) ?? sizeOfDimension(input, d, b)],
    );
    const reduceRows = (x: Value, start: number, combine: (b: Builder, acc: Value, v: Value) => Value): Value => {
      const { statics, dynamics } = unmixed(rowSizes);
      const empty = tensor.empty(b, dynamics, { types: [tensorType(statics, element)] });
      const [init] = fill(b, [arith.constantFloat(b, start, element)], [empty]);
      return genericOf(b, {
        loops: all,
        iterators: names.map((_, d) => (d === dimension ? "reduction" : "parallel")),
        inputs: [[x, all]],
        outputs: [[init!, row]],
        body: (inner, v, acc) => combine(inner, acc!, v!),
      })[0]!;
    };
    const elementwise = (
      inputs: readonly (readonly [Value, string])[],
      body: (b: Builder, x: Value, y: Value) => Value,
    ) =>
      genericOf(b, {
        loops: all,
        inputs,
        outputs: [[output, all]],
        body: (inner, x, y) => body(inner, x!, y!),
      })[0]!;
    const top = reduceRows(input, Number.NEGATIVE_INFINITY, arith.maximumf);
    const powers = elementwise(
      [
        [input, all],
        [top, row],
      ],
      (inner, x, y) => math.exp(inner, arith.subf(inner, x, y)),
    );
    const sum = reduceRows(powers, 0, arith.addf);
    return [
      elementwise(
        [
          [powers, all],
          [sum, row],
        ],
        arith.divf,
      ),
    ];
  },
});

/** All points of a shape in row-major order. */
function* indices(shape: readonly number[]): Generator<number[]> {
  if (shape.includes(0)) return;
  const at = shape.map(() => 0);
  for (;;) {
    yield at.slice();
    let d = shape.length - 1;
    for (; d >= 0 && ++at[d]! === shape[d]; d--) at[d] = 0;
    if (d < 0) return;
  }
}
