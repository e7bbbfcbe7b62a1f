/**
 * @file Bytes without a sign that are multiplied with ones that have a sign: machines that multiply vectors of bytes take
 * both alike. So tensors of unsigned bytes become signed ones, less 128: zero points and bounds move, and what a sum of
 * products then lacks, 128 times the weights, goes into its bias.
 */
import * as func from "../../dialects/func.ts";
import { cast } from "../../dialects/graph/cast.ts";
import { add, maximum, minimum } from "../../dialects/graph/elementwise.ts";
import { product, Selects, type TensorValue } from "../../dialects/graph/op.ts";
import { conv_integer, dequantize, matmul_integer, quantize, requantize } from "../../dialects/graph/quant.ts";
import { rescale } from "../../dialects/graph/rescale.ts";
import { concat, pad } from "../../dialects/graph/shape.ts";
import { activationShape } from "../../dialects/graph/window.ts";
import { Builder } from "../../ir/builder.ts";
import { Operation, type Value } from "../../ir/core.ts";
import { insOf } from "../../ir/define.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import { i8, i32, integer, type TensorType, type Type } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { knownOf } from "./constants.ts";
import { numbers, numbersOf, shapeOf } from "./integer/quantized.ts";
import { rebuilt } from "./rebuild.ts";

const u8 = integer(8, "unsigned");
/** What signed bytes are less. */
const middle = 128;

export const signedBytes = definePass("graph-signed-bytes", {
  doc: "Makes tensors of unsigned bytes, between what quantizes and what multiplies them, tensors of signed bytes, less 128.",
  on: func.func,
  options: {},
  run(fn, _options, pass) {
    const block = func.func.of(fn).body.blocks[0];
    if (!block) return false;
    /** The signed twins of tensors of unsigned bytes. */
    const twins = new Map<Value, TensorValue>();
    for (const op of [...block]) {
      if (op.results.length !== 1) continue;
      const b = Builder.before(op);
      const y = isUnsigned(op.result()) ? twinOf(b, op, twins) : undefined;
      if (y) twins.set(op.result(), y);
      const same = sameOf(b, op, twins);
      if (same) {
        op.result().replaceAllUsesWith(same);
        op.erase();
      }
    }
    for (const op of [...block].reverse()) {
      const twin = op.results.length === 1 && op.result().hasUses ? twins.get(op.result()) : undefined;
      if (twin) {
        // Somebody wants the unsigned bytes after all: they are made of the signed ones.
        const b = Builder.before(op);
        op.result().replaceAllUsesWith(cast(b, add(b, wide(b, twin), numbers(b, [middle], i32, [])), { to: u8 }));
      }
      if (isTriviallyDead(op)) op.erase();
    }
    pass.count("signed", twins.size);
    return twins.size > 0;
  },
});

const isUnsigned = (v: Value): boolean => (v.type as TensorType).element === u8;
const wide = (b: Builder, v: Value): TensorValue => cast(b, v, { to: i32 }) as TensorValue;

/** A constant of unsigned bytes as signed ones; none is zero. */
function lowered(b: Builder, v: Value | undefined): TensorValue | undefined {
  if (!v) return numbers(b, [-middle], i8, []);
  const known = knownOf(v);
  return (
    known &&
    numbers(
      b,
      numbersOf(known).map((n) => n - middle),
      i8,
      shapeOf(v),
    )
  );
}

/** The op with a zero point and a type of signed bytes. */
function made(b: Builder, op: Operation, zero: Value | undefined): TensorValue | undefined {
  const moved = lowered(b, zero);
  if (!moved) return undefined;
  const operands = zero ? op.operands.map((v) => (v === zero ? moved : v)) : [...op.operands, moved];
  // The zero point is the last operand of all that have one.
  const segments = op.operandSegments?.with(-1, 1) ?? null;
  const props = op.def.attrFields.map((f, i) => (f.name === "to" ? i8 : op.props[i]));
  const types = op.def.spec.infer?.(insOf(op.def, operands, props, segments) as never) as readonly Type[];
  const twin = new Operation(op.def, {
    operands,
    props,
    resultTypes: types,
    operandSegments: segments,
    loc: op.loc,
  });
  return b.insert(twin).result() as TensorValue;
}

/** The signed twin of what an op gives, if what it is made of has one or can have one. */
function twinOf(b: Builder, op: Operation, twins: ReadonlyMap<Value, TensorValue>): TensorValue | undefined {
  const r = requantize.match(op) ?? quantize.match(op) ?? rescale.match(op);
  if (r) return made(b, op, r.zero);
  const cat = concat.match(op);
  if (cat) {
    const parts = cat.parts.map((p) => twins.get(p));
    return parts.every((p) => p !== undefined)
      ? (concat(b, parts as TensorValue[], { axis: cat.axis }) as TensorValue)
      : undefined;
  }
  const x = op.operandCount > 0 ? twins.get(op.operand(0)) : undefined;
  if (!x) return undefined;
  const bound = maximum.is(op) || minimum.is(op);
  const around = pad.match(op);
  if (bound || around?.mode === "constant") {
    const value = lowered(b, op.operands[1]);
    if (!value) return undefined;
    if (around) return pad(b, x, value, { low: around.low, high: around.high, mode: around.mode }) as TensorValue;
    return rebuilt(b, op, [x, value], {}) as TensorValue;
  }
  if (!op.def.has(Selects) && !around) return undefined;
  return rebuilt(b, op, [x, ...op.operands.slice(1)], {}) as TensorValue;
}

/** The same result from signed bytes, of ops whose results are none. */
function sameOf(b: Builder, op: Operation, twins: ReadonlyMap<Value, TensorValue>): Value | undefined {
  const x = op.operandCount > 0 ? twins.get(op.operand(0)) : undefined;
  if (!x) return undefined;
  const d = dequantize.match(op);
  if (d) {
    const zero = lowered(b, d.zero);
    const { axis, block, to } = d;
    const fits = zero !== undefined && (d.zero !== undefined || product(d.scale.type.shape) === 1);
    return fits ? dequantize(b, x, d.scale, zero, { axis, block, to }) : undefined;
  }
  if (cast.match(op)?.to === i32) return add(b, wide(b, x), numbers(b, [middle], i32, []));
  const c = conv_integer.match(op);
  if (c) return convolved(b, op, x);
  const m = matmul_integer.match(op);
  const w = m && !m.a_zero && !m.b_zero ? weightsOf(m.b) : undefined;
  if (!m || !w || w.shape.length !== 2) return undefined;
  const columns = missing(w, 1);
  return add(b, rebuilt(b, op, [x, ...op.operands.slice(1)], {}), numbers(b, columns, i32, [columns.length]));
}

interface Weights {
  readonly values: readonly number[];
  readonly shape: readonly number[];
}

function weightsOf(v: TensorValue): Weights | undefined {
  const known = v.type.element === i8 ? knownOf(v) : undefined;
  return known && { values: numbersOf(known), shape: v.type.shape };
}

/** 128 times the sums of the weights of each result, which lie along an axis. */
function missing({ values, shape }: Weights, axis: number): number[] {
  const inner = product(shape.slice(axis + 1));
  const sums = new Array<number>(shape[axis]!).fill(0);
  values.forEach((v, i) => {
    sums[Math.floor(i / inner) % sums.length]! += middle * v;
  });
  return sums;
}

function convolved(b: Builder, op: Operation, x: TensorValue): Value | undefined {
  const c = conv_integer.of(op);
  const w = c.x_zero || c.w_zero ? undefined : weightsOf(c.w);
  const bias = c.bias && knownOf(c.bias);
  if (!w || (c.bias && !bias)) return undefined;
  const rank = w.shape.length;
  const own = bias ? numbersOf(bias) : [0];
  const all = missing(w, c.layout === "channels-first" ? 0 : rank - 1).map(
    (n, i) => n + own[own.length === 1 ? 0 : i]!,
  );
  const { strides, dilations, group, layout, pads } = c;
  const words = numbers(b, all, i32, [all.length]);
  const geometry = { strides, dilations, group, layout };
  if (pads.every((n) => n === 0)) return conv_integer(b, x, c.w, undefined, undefined, words, { ...geometry, pads });
  // What lies around an image is zero, which signed bytes write as all others.
  const side = (s: number): number[] => activationShape(layout, 0, 0, pads.slice(s * (rank - 2), (s + 1) * (rank - 2)));
  const around = { low: side(0), high: side(1), mode: "constant" } as const;
  const image = pad(b, x, numbers(b, [-middle], i8, []), around);
  return conv_integer(b, image, c.w, undefined, undefined, words, { ...geometry, pads: pads.map(() => 0) });
}
