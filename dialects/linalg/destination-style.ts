/** @file linalg.map, reduce, transpose and broadcast: structured ops whose maps follow from one attribute or none. */
import { affineMap, dim, identityMap, permutationMap } from "../../ir/affine.ts";
import type { ParsedOp } from "../../ir/asm.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import { where } from "../../ir/constraints.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { many, one } from "../../ir/fields.ts";
import { RecursiveEffects, SameVariadicOperandSize, SingleBlock } from "../../ir/traits.ts";
import type { MemRefType, TensorType } from "../../ir/types.ts";
import { tensorTypesOf } from "./asm.ts";
import { bodyRegion } from "./builders.ts";
import {
  parseParts,
  parsePayload,
  payloadOf,
  payloadRegion,
  printBody,
  printParts,
  printPayload,
} from "./destination-asm.ts";
import { verifyBroadcast, verifyMap, verifyReduce, verifyTranspose } from "./destination-verify.ts";
import { structuredEffects } from "./effects.ts";
import { evaluateStructured } from "./evaluate.ts";
import { yield as yield_ } from "./generic.ts";
import { type IteratorType, shapeOf, structured } from "./structure.ts";
import { tiledByMaps } from "./tile.ts";
import { verifyStructured } from "./verify.ts";

const ShapedOperand = where<MemRefType | TensorType>(
  "memref of any type values or ranked tensor of any type values",
  (t) => (t.kind === "memref" || t.kind === "tensor") && t.ranked,
);
const AnyTensor = where<TensorType>("tensor of any type values", (t) => t.kind === "tensor");

const parallel = (n: number): IteratorType[] => new Array<IteratorType>(n).fill("parallel");
const rankOf = (v: Value | undefined): number => (v ? shapeOf(v.type).length : 0);
/** The identity without some of its results. */
const identityWithout = (rank: number, dropped: readonly number[]) =>
  affineMap(
    rank,
    0,
    Array.from({ length: rank }, (_, i) => i)
      .filter((i) => !dropped.includes(i))
      .map(dim),
  );

const common = {
  traits: [SingleBlock, RecursiveEffects],
  inferLoosely: true,
  terminator: () => yield_,
} as const;

export const map = defineOp("linalg.map", {
  ...common,
  doc: "A scalar body on the elements of inputs of one shape.",
  operands: [many("inputs", ShapedOperand), one("init", ShapedOperand)],
  results: [many("result", AnyTensor)],
  regions: ["mapper"],
  interfaces: [
    structured({
      maps: (op) => op.uses.map(() => identityMap(rankOf(op.uses.at(-1)?.value))),
      iterators: (op) => parallel(rankOf(op.uses.at(-1)?.value)),
      inputCount: (op) => op.operandCount - 1,
      outputsInBody: false,
    }),
    tiledByMaps,
  ],
  infer: ({ init }) => tensorTypesOf([init]),
  effects: ({ op }) => structuredEffects(op),
  names: () => ["mapped"],
  argNames: ({ inputs }) => inputs.map(() => "in"),
  parse(p, at): ParsedOp {
    const payload = parsePayload(p);
    const { inputs, outputs, attributes } = parseParts(p);
    const region = payload
      ? payloadRegion(p, payload, inputs, outputs.at(-1)?.type, false, at)
      : p.region(p.arguments("()", true));
    return { operands: [...inputs, ...outputs], attributes, regions: [region], resultTypes: tensorTypesOf(outputs) };
  },
  print({ op, inputs, init, mapper }, p) {
    const payload = payloadOf(mapper, false);
    if (payload) printPayload(p, payload);
    printParts(p, op, inputs, [init]);
    if (!payload) printBody(p, mapper);
  },
  verify: ({ op }, fail) => void verifyMap(op, fail),
  verifyBodies: ({ op }, fail) => verifyStructured(op, fail),
  evaluate: ({ inputs, init }, run) => evaluateStructured([...inputs, init], run),
});

export const reduce = defineOp("linalg.reduce", {
  ...common,
  doc: "Combines the elements along some dimensions by a scalar body, starting from those of the inits.",
  operands: [many("inputs", ShapedOperand), many("inits", ShapedOperand)],
  traits: [SingleBlock, RecursiveEffects, SameVariadicOperandSize],
  attrs: { dimensions: attr.ints },
  results: [many("result", AnyTensor)],
  regions: ["combiner"],
  interfaces: [
    structured({
      maps(op) {
        const rank = rankOf(op.uses[0]?.value);
        const kept = identityWithout(rank, op.props[0] as readonly number[]);
        return op.uses.map((_, i) => (i < op.operandCount >> 1 ? identityMap(rank) : kept));
      },
      iterators(op) {
        const kinds = parallel(rankOf(op.uses[0]?.value));
        for (const d of op.props[0] as readonly number[]) kinds[d] = "reduction";
        return kinds;
      },
      inputCount: (op) => op.operandCount >> 1,
      outputsInBody: true,
    }),
    tiledByMaps,
  ],
  infer: ({ inits }) => tensorTypesOf(inits),
  effects: ({ op }) => structuredEffects(op),
  names: () => ["reduced"],
  argNames: ({ inputs, inits }) => [...inputs.map(() => "in"), ...inits.map(() => "init")],
  parse(p, at): ParsedOp {
    const payload = parsePayload(p);
    const { inputs, outputs, attributes } = parseParts(p, "dimensions");
    const operands = [...inputs, ...outputs];
    const region = payload
      ? payloadRegion(p, payload, operands, outputs.at(-1)?.type, true, at)
      : p.region(p.arguments("()", true));
    return { operands, attributes, regions: [region], resultTypes: tensorTypesOf(outputs) };
  },
  print({ op, inputs, inits, dimensions, combiner }, p) {
    const payload = payloadOf(combiner, true);
    if (payload) printPayload(p, payload);
    printParts(p, op, inputs, inits, { name: "dimensions", values: dimensions });
    if (!payload) printBody(p, combiner);
  },
  verify: ({ op }, fail) => void verifyReduce(op, fail),
  verifyBodies: ({ op }, fail) => verifyStructured(op, fail),
  evaluate: ({ inputs, inits }, run) => evaluateStructured([...inputs, ...inits], run),
});

export const transpose = defineOp("linalg.transpose", {
  ...common,
  doc: "Dimensions in another order: dimension i of the result is dimension permutation[i] of the input.",
  operands: [one("input", ShapedOperand), one("init", ShapedOperand)],
  attrs: { permutation: attr.ints },
  results: [many("result", AnyTensor)],
  regions: ["region"],
  interfaces: [
    structured({
      maps(op) {
        const permutation = op.props[0] as readonly number[];
        return [permutationMap(permutation.map((_, i) => permutation.indexOf(i))), identityMap(permutation.length)];
      },
      iterators: (op) => parallel((op.props[0] as readonly number[]).length),
      inputCount: () => 1,
      outputsInBody: true,
    }),
    tiledByMaps,
  ],
  infer: ({ init }) => tensorTypesOf([init]),
  effects: ({ op }) => structuredEffects(op),
  names: () => ["transposed"],
  argNames: () => ["in", "out"],
  parse: (p, at) => {
    const { inputs, outputs, attributes } = parseParts(p, "permutation");
    return movedParts(inputs, outputs, attributes, new Builder(null, null, at));
  },
  print: ({ op, input, init, permutation }, p) =>
    printParts(p, op, [input], [init], { name: "permutation", values: permutation }),
  complete: completeMove,
  verify: ({ op }, fail) => void verifyTranspose(op, fail),
  verifyBodies: ({ op }, fail) => verifyStructured(op, fail),
  evaluate: ({ input, init }, run) => evaluateStructured([input, init], run),
});

export const broadcast = defineOp("linalg.broadcast", {
  ...common,
  doc: "Repeats the input along new dimensions of the result.",
  operands: [one("input", ShapedOperand), one("init", ShapedOperand)],
  attrs: { dimensions: attr.ints },
  results: [many("result", AnyTensor)],
  regions: ["region"],
  interfaces: [
    structured({
      maps(op) {
        const rank = rankOf(op.uses[1]?.value);
        return [identityWithout(rank, op.props[0] as readonly number[]), identityMap(rank)];
      },
      iterators: (op) => parallel(rankOf(op.uses[1]?.value)),
      inputCount: () => 1,
      outputsInBody: true,
    }),
    tiledByMaps,
  ],
  infer: ({ init }) => tensorTypesOf([init]),
  effects: ({ op }) => structuredEffects(op),
  names: () => ["broadcasted"],
  argNames: () => ["in", "out"],
  parse: (p, at) => {
    const { inputs, outputs, attributes } = parseParts(p, "dimensions");
    return movedParts(inputs, outputs, attributes, new Builder(null, null, at));
  },
  print: ({ op, input, init, dimensions }, p) =>
    printParts(p, op, [input], [init], { name: "dimensions", values: dimensions }),
  complete: completeMove,
  verify: ({ op }, fail) => void verifyBroadcast(op, fail),
  verifyBodies: ({ op }, fail) => verifyStructured(op, fail),
  evaluate: ({ input, init }, run) => evaluateStructured([input, init], run),
});

/** The body of an op that moves elements: hands back the first. */
const moveRegion = (b: Builder, operands: readonly Value[]) =>
  bodyRegion(b, operands, (_, first) => (first ? [first] : []));

function movedParts(
  inputs: readonly Value[],
  outputs: readonly Value[],
  attributes: ParsedOp["attributes"],
  b: Builder,
): ParsedOp {
  const operands = [...inputs, ...outputs];
  return { operands, attributes, regions: [moveRegion(b, operands)], resultTypes: tensorTypesOf(outputs) };
}

function completeMove(op: Operation, b: Builder): void {
  if (op.region().isEmpty) op.region().takeBlocks(moveRegion(b, op.operands));
}
