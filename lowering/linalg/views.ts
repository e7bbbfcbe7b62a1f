/**
 * @file Slices and other shapes of what a kernel computes by itself: they are read through. Where they are of a tensor in
 * memory they are views of it, and no business of kernels.
 */
import { type Structure, structureOf } from "../../dialects/linalg/structure.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import {
  type AffineExpr,
  add,
  constant,
  floordiv,
  largestKnownDivisor,
  mod,
  mul,
  substitute,
} from "../../ir/affine.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { isDynamic, isShaped, type TensorType } from "../../ir/types.ts";
import { rowMajor } from "../../support/ndarray.ts";
import { lane, laneStep } from "./loops/ranges.ts";
import { staticPad } from "./static-pad.ts";

export interface StaticView {
  readonly source: Value;
  /** Places are found by dividing. */
  readonly divides: boolean;
  /** Where an element of the view lies in the source; `lanes` elements if the lane (symbol 0) occurs. */
  at(index: readonly AffineExpr[], lanes: number): AffineExpr[];
}

const shapeOf = (v: Value): readonly number[] => (v.type as TensorType).shape;

/** The view that an op is, if all sizes are known. */
export function staticView(op: Operation): StaticView | undefined {
  if (op.operandCount !== 1 || op.results.length !== 1 || op.result().type.kind !== "tensor") return undefined;
  const source = op.operand(0);
  if (source.type.kind !== "tensor" || [...shapeOf(source), ...shapeOf(op.result())].some(isDynamic)) return undefined;
  const slice = tensor.extract_slice.match(op);
  if (slice) {
    const { static_offsets: offsets, static_sizes: sizes, static_strides: strides } = slice;
    if ([...offsets, ...sizes, ...strides].some(isDynamic)) return undefined;
    const dims = dimensionsOf(sizes, shapeOf(op.result()));
    return {
      source,
      divides: false,
      at: (index) =>
        sizes.map((_, d) =>
          add(mul(index[dims.indexOf(d)] ?? constant(0), constant(strides[d]!)), constant(offsets[d]!)),
        ),
    };
  }
  const collapse = tensor.collapse_shape.match(op);
  if (collapse) {
    const groups = collapse.reassociation as readonly (readonly number[])[];
    return {
      source,
      divides: groups.some((g) => g.filter((d) => shapeOf(source)[d] !== 1).length > 1),
      at: (index, lanes) =>
        groups.flatMap((g, i) =>
          apart(
            index[i]!,
            g.map((d) => shapeOf(source)[d]!),
            lanes,
          ),
        ),
    };
  }
  const expand = tensor.expand_shape.match(op);
  if (!expand) return undefined;
  const groups = expand.reassociation as readonly (readonly number[])[];
  return {
    source,
    divides: false,
    at: (index) =>
      groups.map((g) =>
        together(
          g.map((d) => index[d]!),
          g.map((d) => shapeOf(op.result())[d]!),
        ),
      ),
  };
}

/** For each dimension of a slice that lacks some of size 1: which one of the source's it is. */
function dimensionsOf(sizes: readonly number[], shape: readonly number[]): number[] {
  let d = -1;
  return shape.map((size) => {
    do d++;
    while (d < sizes.length && sizes[d] !== size);
    return d;
  });
}

const together = (index: readonly AffineExpr[], shape: readonly number[]): AffineExpr => {
  const strides = rowMajor(shape);
  return index.reduce<AffineExpr>((e, x, i) => add(e, mul(x, constant(strides[i]!))), constant(0));
};

/** A position in a row taken apart. Lanes stay within the last dimension, if that can be seen. */
function apart(e: AffineExpr, shape: readonly number[], lanes: number): AffineExpr[] {
  const first = e.hasSymbols ? substitute(e, [], [constant(0)]) : e;
  const [last = 1] = shape.slice(-1);
  const within = laneStep(e) === 1 && last % lanes === 0 && largestKnownDivisor(first) % lanes === 0;
  const whole = within ? first : e;
  const found: AffineExpr[] = [];
  let size = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    const q = size === 1 ? whole : floordiv(whole, constant(size));
    found.unshift(d === 0 ? q : mod(q, constant(shape[d]!)));
    size *= shape[d]!;
  }
  if (within) found[found.length - 1] = add(found[found.length - 1]!, lane);
  return found;
}

/** Only moves elements: each of its results is one element of its only tensor. */
export const isMove = (s: Structure): boolean =>
  s.form === "tensor" &&
  s.outputs.length === 1 &&
  s.loops.every((l) => l.kind === "parallel") &&
  s.inputs.length === 1 &&
  isShaped(s.inputs[0]!.value.type) &&
  s.body.first === s.body.last &&
  s.yields[0] === s.inputs[0]!.arg;

/** Through views and padding, only structured ops read it. */
const isLoaded = (op: Operation): boolean =>
  [...op.result().uses()].every(
    ({ owner }) =>
      owner.block === op.block &&
      (structureOf(owner)?.form === "tensor" || ((staticView(owner) || staticPad(owner)) && isLoaded(owner))),
  );

/** Readers, at most, that move elements for themselves. */
const mostReaders = 4;

/** Gives each reader of what only moves elements a copy of its own, so that it may be part of the reader's kernel. */
export function duplicateMoves(block: Block): void {
  for (let op = block.last; op; op = op.prev) {
    const s = structureOf(op);
    const copied = s ? isMove(s) && readsOf(op) <= mostReaders : staticView(op) !== undefined && isMoved(op);
    if (!copied || op.results.length !== 1 || !isLoaded(op)) continue;
    const [, ...others] = new Set([...op.result().uses()].map((u) => u.owner));
    for (const reader of others) {
      const copy = op.clone(new Map());
      block.insertBefore(copy, op);
      for (const use of [...op.result().uses()]) {
        if (use.owner === reader) reader.setOperand(use.index, copy.result());
      }
    }
  }
}

/** A view of what only moves elements. */
function isMoved(op: Operation): boolean {
  const source = op.operand(0).definingOp;
  if (!source || source.block !== op.block) return false;
  const s = structureOf(source);
  return s ? isMove(s) : staticView(source) !== undefined && isMoved(source);
}

const readsOf = (op: Operation): number =>
  [...op.result().uses()].reduce((n, { owner }) => n + (staticView(owner) ? readsOf(owner) : 1), 0);

/** The tensor whose elements an op gives, in the same order, in another shape. */
export function reshapeSource(op: Operation): Value | undefined {
  return (
    tensor.expand_shape.match(op)?.src ??
    tensor.collapse_shape.match(op)?.src ??
    tensor.reshape.match(op)?.source ??
    tensor.cast.match(op)?.source
  );
}
