/** @file Questions about structured ops: is it elementwise, a contraction, a convolution; and which loops play which part. */
import { type AffineExpr, type AffineMap, isPermutation } from "../../ir/affine.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { Elementwise } from "../../ir/traits.ts";
import * as arith from "../arith/ops.ts";
import { dimsOfMap, loopsOf, type Structure, type StructuredOperand } from "./structure.ts";

/** All loops are parallel, every output is written once at each of its elements, and the body is scalar functions only. */
export function isElementwise(s: Structure): boolean {
  if (s.loops.some((l) => l.kind !== "parallel") || !s.outputs.every((o) => isPermutation(o.map))) return false;
  for (let op = s.body.first; op && op !== s.body.last; op = op.next) {
    if (!op.def.has(Elementwise) && !op.def.isConstant) return false;
  }
  return true;
}

/** One factor of a product of elements: `cast(element) - zero`. */
export interface Factor {
  readonly operand: StructuredOperand;
  /** Conversions to the type of the accumulator, first to last. */
  readonly casts: readonly Operation[];
  /** What is subtracted after the conversions: a zero point. */
  readonly zero: Value | undefined;
}

/** A body that adds a product of two elements to the output's: `out + f(a) * f(b)`. */
export interface ContractionBody {
  readonly lhs: Factor;
  readonly rhs: Factor;
  readonly multiply: Operation;
  readonly accumulate: Operation;
}

const products = [
  { add: arith.addf, mul: arith.mulf, sub: arith.subf },
  { add: arith.addi, mul: arith.muli, sub: arith.subi },
  { add: arith.ori, mul: arith.andi, sub: undefined },
] as const;
const conversions = [
  arith.extf,
  arith.extsi,
  arith.extui,
  arith.truncf,
  arith.trunci,
  arith.sitofp,
  arith.uitofp,
  arith.fptosi,
  arith.fptoui,
] as const;

/** The parts of a multiply-accumulate body with one output; undefined if the body is anything else. */
export function contractionBody(s: Structure): ContractionBody | undefined {
  const [out] = s.outputs;
  const accumulate = s.yields[0]?.definingOp;
  if (s.outputs.length !== 1 || !out?.arg || !accumulate || accumulate.block !== s.body) return undefined;
  for (const { add, mul, sub } of products) {
    if (!add.is(accumulate)) continue;
    const [x, y] = accumulate.operands;
    const product = x === out.arg ? y! : y === out.arg ? x! : undefined;
    const multiply = product?.definingOp;
    if (!multiply || !mul.is(multiply) || !product.hasOneUse) return undefined;
    const [lhs, rhs] = multiply.operands.map((v) => factorOf(s, v, sub));
    return lhs && rhs && { lhs, rhs, multiply, accumulate };
  }
  return undefined;
}

function factorOf(s: Structure, v: Value, sub: typeof arith.subf | typeof arith.subi | undefined): Factor | undefined {
  const difference = sub?.match(v);
  let zero: Value | undefined;
  let at = v;
  if (difference) {
    zero = difference.rhs;
    at = difference.lhs;
  }
  const casts: Operation[] = [];
  for (let op = at.definingOp; op && conversions.some((c) => c.is(op!)); op = at.definingOp) {
    casts.unshift(op);
    at = op.operand(0);
  }
  const operand = s.inputs.find((i) => i.arg === at);
  return operand && { operand, casts, zero };
}

/** Loops of a contraction by part, each ascending (MLIR's `ContractionDimensions`). */
export interface ContractionDims {
  /** Parallel, in both inputs and the output. */
  readonly batch: readonly number[];
  /** Parallel, in the first input and the output. */
  readonly m: readonly number[];
  /** Parallel, in the second input and the output. */
  readonly n: readonly number[];
  /** Reduced, in both inputs. */
  readonly k: readonly number[];
}

/**
 * Sorts the loops of an op with two inputs and one output by part, from the maps alone; undefined unless it has at least
 * one of m and n, and k.
 */
export function contractionDims(s: Structure, a = s.inputs[0], b = s.inputs[1]): ContractionDims | undefined {
  const c = s.outputs[0];
  if (!a || !b || !c || s.outputs.length !== 1) return undefined;
  const inA = plainDims(a.map);
  const inB = plainDims(b.map);
  const inC = plainDims(c.map);
  const parallel = loopsOf(s, "parallel");
  const dims = {
    batch: parallel.filter((d) => inA.has(d) && inB.has(d) && inC.has(d)),
    m: parallel.filter((d) => inA.has(d) && !inB.has(d) && inC.has(d)),
    n: parallel.filter((d) => !inA.has(d) && inB.has(d) && inC.has(d)),
    k: loopsOf(s, "reduction").filter((d) => inA.has(d) && inB.has(d)),
  };
  return dims.k.length > 0 && dims.m.length + dims.n.length > 0 ? dims : undefined;
}

/** A multiply-accumulate over operands that are addressed by distinct loops: every loop is batch, m, n or k. */
export function inferContraction(s: Structure): (ContractionDims & ContractionBody) | undefined {
  const body = contractionBody(s);
  if (!body || !s.operands.every((o) => o.map.results.every((e) => e.kind === "dim"))) return undefined;
  const dims = contractionDims(s, body.lhs.operand, body.rhs.operand);
  if (!dims) return undefined;
  const { batch, m, n, k } = dims;
  return batch.length + m.length + n.length + k.length === s.loops.length ? { ...dims, ...body } : undefined;
}

/** Loops that are a result of the map by themselves and occur in no other result. */
function plainDims(map: AffineMap): ReadonlySet<number> {
  const count = new Map<number, number>();
  for (const d of map.results.flatMap((e) => dimsOfMapResult(e))) count.set(d, (count.get(d) ?? 0) + 1);
  return new Set(map.results.flatMap((e) => (e.kind === "dim" && count.get(e.index) === 1 ? [e.index] : [])));
}

function dimsOfMapResult(e: AffineExpr): number[] {
  if (e.kind === "dim") return [e.index];
  return "lhs" in e ? [...dimsOfMapResult(e.lhs), ...dimsOfMapResult(e.rhs)] : [];
}

/** Loops of a convolution by part (MLIR's `ConvolutionDimensions`). */
export interface ConvolutionDims {
  /** Parallel, in the input and the output. */
  readonly batch: readonly number[];
  /** Parallel: the moving windows' places, in order of the input's dimensions. */
  readonly outputImage: readonly number[];
  /** Parallel, in the filter and the output. */
  readonly outputChannel: readonly number[];
  /** Reduced: the turns within a window, one for each output image loop. */
  readonly filterLoop: readonly number[];
  /** Reduced, in the input and the filter. */
  readonly inputChannel: readonly number[];
  /** Parallel, in input, filter and output: each channel by itself. */
  readonly depth: readonly number[];
  /** Per output image loop. */
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
}

/** `place * stride + turn * dilation`, the place parallel and the turn reduced. */
function windowOf(s: Structure, e: AffineExpr) {
  if (e.kind !== "+") return undefined;
  const terms = [e.lhs, e.rhs].map((t) => {
    if (t.kind === "dim") return { loop: t.index, factor: 1 };
    return t.kind === "*" && t.lhs.kind === "dim" && t.rhs.kind === "constant"
      ? { loop: t.lhs.index, factor: t.rhs.value }
      : undefined;
  });
  const place = terms.find((t) => t && s.loops[t.loop]!.kind === "parallel");
  const turn = terms.find((t) => t && s.loops[t.loop]!.kind === "reduction");
  return place && turn && { place, turn };
}

/**
 * Sorts the loops of an op whose first input is addressed by moving windows, from the maps alone. The second input is the
 * filter (or the shape of the window, for pooling).
 */
export function convolutionDims(s: Structure): ConvolutionDims | undefined {
  const [input, filter] = s.inputs;
  const [output] = s.outputs;
  if (!input || !filter || !output || s.outputs.length !== 1) return undefined;
  if (![filter, output].every((o) => o.map.results.every((e) => e.kind === "dim"))) return undefined;
  const windows = [];
  const plain = new Set<number>();
  for (const e of input.map.results) {
    const w = windowOf(s, e);
    if (w) windows.push(w);
    else if (e.kind === "dim" && !plain.has(e.index)) plain.add(e.index);
    else return undefined;
  }
  if (windows.length === 0) return undefined;
  const inFilter = new Set(dimsOfMap(filter.map));
  const inOutput = new Set(dimsOfMap(output.map));
  const moving = new Set(windows.map((w) => w.place.loop));
  const turning = new Set(windows.map((w) => w.turn.loop));
  if ([...moving].some((d) => plain.has(d) || inFilter.has(d)) || [...turning].some((d) => plain.has(d))) {
    return undefined;
  }
  const parallel = loopsOf(s, "parallel").filter((d) => inOutput.has(d) && !moving.has(d));
  const dims = {
    batch: parallel.filter((d) => plain.has(d) && !inFilter.has(d)),
    outputImage: windows.map((w) => w.place.loop),
    outputChannel: parallel.filter((d) => !plain.has(d) && inFilter.has(d)),
    filterLoop: windows.map((w) => w.turn.loop),
    inputChannel: loopsOf(s, "reduction").filter((d) => plain.has(d) && inFilter.has(d)),
    depth: parallel.filter((d) => plain.has(d) && inFilter.has(d)),
    strides: windows.map((w) => w.place.factor),
    dilations: windows.map((w) => w.turn.factor),
  };
  const { batch, outputImage, outputChannel, filterLoop, inputChannel, depth } = dims;
  const sorted = [batch, outputImage, outputChannel, filterLoop, inputChannel, depth].flat();
  return sorted.length === s.loops.length && new Set(sorted).size === sorted.length ? dims : undefined;
}
