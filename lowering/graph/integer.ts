/**
 * @file Integers between dequantize and quantize. Models arrive quantized as floats in between: what only moves elements
 * moves integers instead, sums of products are summed in 32 bits, and what follows them up to the next quantize is done to
 * one number at a time. Tensors of floats are left only where the model asks for floats.
 */
import * as func from "../../dialects/func.ts";
import { cast } from "../../dialects/graph/cast.ts";
import { constantArray } from "../../dialects/graph/constant.ts";
import { clip, maximum, minimum, mul, relu } from "../../dialects/graph/elementwise.ts";
import { Selects, type TensorValue } from "../../dialects/graph/op.ts";
import { dequantize, dequantized, integerRange, quantize, requantize } from "../../dialects/graph/quant.ts";
import { concat, pad, reshape, transpose } from "../../dialects/graph/shape.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import { f32, hasStaticShape, type TensorType, tensor } from "../../ir/types.ts";
import { allows, defineInexact } from "../../rewrite/numerics.ts";
import { definePass } from "../../rewrite/pass.ts";
import { roundEven } from "../../support/special.ts";
import { derivedConstant, type Known, knownOf } from "./constants.ts";
import { factorShape, planOf, withoutZeros } from "./integer/contractions.ts";
import { fromOther, fromPair, fromRequantize, rescaledBy } from "./integer/fixed-point.ts";
import { isWhole, numbers, type Quantized, quantizedOf, sameScale, targetOf } from "./integer/quantized.ts";
import { rebuilt, replace } from "./rebuild.ts";

const integerSums = defineInexact({
  name: "sums of products between dequantize and quantize are sums of integers",
  from: "default",
  bound:
    "one step of the scale of the result, where sums of floats round to the other side; as QLinearConv and QLinearMatMul say it",
});

export const integer = definePass("graph-integer", {
  doc:
    "Rewrites what stands between dequantize and quantize to work on integers: products are summed in 32 bits, zero " +
    "points of constants leave the loops, and what only moves elements moves integers.",
  on: func.func,
  options: {
    /** Numbers stay floats, as for machines that are quicker with them; quantized constants become numbers here. */
    onlyConstants: attr.bool.default(false),
    /** How sums become bytes: times a float, rounded to even (onnx), or in fixed point (tflite). */
    requant: attr.oneOf("onnx", "tflite").default("onnx"),
  },
  run(fn, { onlyConstants, requant }, pass) {
    const block = func.func.of(fn).body.blocks[0];
    if (!block) return false;
    let found = 0;
    const sweep = (step: (b: Builder, op: Operation) => boolean): void => {
      for (let changed = true, rounds = 0; changed && rounds < 64; rounds++) {
        changed = false;
        for (const op of [...block]) {
          if (!op.block || op.results.length !== 1 || !step(Builder.before(op), op)) continue;
          changed = true;
          found++;
        }
        for (const op of [...block].reverse()) if (isTriviallyDead(op)) op.erase();
      }
    };
    if (!onlyConstants) sweep(exact);
    if (!onlyConstants && allows(fn, integerSums)) {
      const inFixedPoint = requant === "tflite";
      sweep((b, op) => exact(b, op) || intoRequantize(b, op, inFixedPoint));
      sweep((b, op) => exact(b, op) || intoNumbers(b, op));
      if (inFixedPoint) sweep((b, op) => fromRequantize(b, op) || intoFixedPoint(b, op));
    }
    sweep(constantNumbers);
    pass.count("rewritten", found);
    return found > 0;
  },
});

/** Rewrites that change no result. */
const exact = (b: Builder, op: Operation): boolean =>
  turnConstant(b, op) || sinkNumbers(b, op) || sinkPadding(b, op) || fromQuantize(b, op) || takeZerosOut(b, op);

/** select(dequantize x) = dequantize(select x). */
function sinkNumbers(b: Builder, op: Operation): boolean {
  if (!op.def.has(Selects)) return false;
  const q = quantizedOf(op.operand(0));
  if (!q || !isWhole(q)) return false;
  const y = rebuilt(b, op, [q.x, ...op.operands.slice(1)], {});
  // Sizes that attributes do not say may be known all the same.
  y.type = tensor((op.result().type as TensorType).shape, q.element);
  return replace(op, numbersLike(b, op.operand(0), y));
}

/** Constants in another order or shape are constants. */
function turnConstant(b: Builder, op: Operation): boolean {
  const known = knownOf(op.operands[0] ?? op.result());
  const type = op.result().type as TensorType;
  if (!known || !hasStaticShape(type)) return false;
  const perm = transpose.match(op)?.perm;
  if (!perm && !reshape.is(op)) return false;
  const make = () => (perm ? known.array().transpose(perm).copy() : known.array().contiguous().reshape(type.shape));
  return replace(op, derivedConstant(b, type, [known], "turned", make));
}

/** The numbers that other integers stand for, by the scale of some. */
function numbersLike(b: Builder, numbers: Value, x: Value): Value {
  const { scale, zero, axis, block, to } = dequantize.of(numbers.definingOp!);
  const rank = (x.type as TensorType).shape.length;
  return dequantize(b, x, scale, zero, { axis: Math.min(axis, Math.max(0, rank - 1)), block, to });
}

/** Zeros around numbers are zero points around integers. */
function sinkPadding(b: Builder, op: Operation): boolean {
  const p = pad.match(op);
  const q = p && quantizedOf(p.x);
  if (!p || !q || !isWhole(q)) return false;
  const value = p.value && knownOf(p.value);
  if (p.mode === "constant" && p.value && (!value || Number(value.array().values()[0]) !== 0)) return false;
  const zero = p.mode === "constant" ? [numbers(b, q.zeros, q.element, [])] : [];
  const y = pad(b, q.x, zero[0], { low: p.low, high: p.high, mode: p.mode });
  return replace(op, numbersLike(b, p.x, y));
}

function fromQuantize(b: Builder, op: Operation): boolean {
  const view = quantize.match(op);
  const to = view && targetOf(view);
  if (!view || !to || !isWhole(to)) return false;
  const from = quantizedOf(view.x);
  if (from && sameScale(from, to)) return replace(op, from.x);
  return clampInstead(b, op, view.x, to) || quantizeParts(b, op, view.x);
}

/** quantize(relu x) = max(quantize x, quantize 0), and nothing where that is the least there is: rounding keeps order. */
function clampInstead(b: Builder, op: Operation, x: Value, to: Quantized): boolean {
  const bounds = boundsOf(x);
  if (!bounds || !x.hasOneUse) return false;
  const [least, most] = integerRange(to.element);
  const code = (v: number): number => {
    const scaled = Math.fround(Math.fround(v) / to.scales[0]!);
    return Math.min(Math.max(roundEven(scaled) + to.zeros[0]!, least), most);
  };
  const inner = x.definingOp!.operand(0);
  let y = rebuilt(b, op, [inner, ...op.operands.slice(1)], {});
  const [low, high] = [code(bounds.min), code(bounds.max)];
  if (low > least) y = maximum(b, y, numbers(b, [low], to.element, []));
  if (high < most) y = minimum(b, y, numbers(b, [high], to.element, []));
  return replace(op, y);
}

function boundsOf(x: Value): { readonly min: number; readonly max: number } | undefined {
  if (relu.match(x)) return { min: 0, max: Number.POSITIVE_INFINITY };
  const c = clip.match(x);
  return c && { min: c.min as number, max: c.max as number };
}

/** quantize(concat x, y) = concat(quantize x, quantize y), where parts are quantized already. */
function quantizeParts(b: Builder, op: Operation, x: Value): boolean {
  const cat = concat.match(x);
  if (!cat || !x.hasOneUse || !cat.parts.every((p) => quantizedOf(p))) return false;
  const parts = cat.parts.map((p) => rebuilt(b, op, [p, ...op.operands.slice(1)], {}) as TensorValue);
  return replace(op, concat(b, parts, { axis: cat.axis }));
}

function takeZerosOut(b: Builder, op: Operation): boolean {
  const y = withoutZeros(b, op.result());
  return y !== undefined && replace(op, y);
}

/** quantize of a contraction is its sums, requantized. */
function intoRequantize(b: Builder, op: Operation, inFixedPoint: boolean): boolean {
  const view = quantize.match(op);
  const to = view && targetOf(view);
  if (!view || !to || !isWhole(to) || !view.x.hasOneUse) return false;
  const sums = planOf(view.x)?.(b);
  if (!sums) return false;
  const zero = to.zeros[0] === 0 ? undefined : numbers(b, to.zeros, to.element, []);
  if (inFixedPoint) {
    const factors = sums.exact.map((f) => f / to.scales[0]!);
    return replace(op, rescaledBy(b, sums.value, factors, factorShape(sums), zero, to.element));
  }
  const multipliers = Array.from(sums.factors, (f) => Math.fround(f / to.scales[0]!));
  const multiplier = numbers(b, multipliers, f32, factorShape(sums));
  return replace(op, requantize(b, sums.value, multiplier, zero, { to: to.element }));
}

/** quantize of what is computed of one or two quantized tensors, element by element. */
function intoFixedPoint(b: Builder, op: Operation): boolean {
  const view = quantize.match(op);
  const to = view && targetOf(view);
  if (!view || !to || !isWhole(to)) return false;
  const y = fromPair(b, view.x, to) ?? fromOther(b, view.x, to);
  return y !== undefined && replace(op, y);
}

/** A contraction whose result is wanted as floats: sums times their scale. */
function intoNumbers(b: Builder, op: Operation): boolean {
  const sums = planOf(op.result())?.(b);
  if (!sums) return false;
  const scale = numbers(b, sums.factors, f32, factorShape(sums));
  return replace(op, mul(b, cast(b, sums.value, { to: f32 }), scale));
}

/** Constants that are wanted as numbers after all. */
function constantNumbers(b: Builder, op: Operation): boolean {
  const d = dequantize.match(op);
  const known = d && [d.x, d.scale, ...(d.zero ? [d.zero] : [])].map(knownOf);
  if (!d || !known?.every((k): k is Known => k !== undefined && constantArray(k.value) !== undefined)) return false;
  const [x, scale, zero] = known;
  const { to, axis, block } = d;
  const make = () => dequantized(x!.array(), scale!.array(), zero?.array(), { to, axis, block });
  return replace(op, derivedConstant(b, d.y.type, known, "numbers", make));
}
