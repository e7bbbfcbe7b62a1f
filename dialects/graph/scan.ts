/** @file Running sums and products along an axis. */
import { attr } from "../../ir/attributes.ts";
import type { Value } from "../../ir/core.ts";
import { toType } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { one } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { hasStaticShape, type TensorType, tensor } from "../../ir/types.ts";
import * as arith from "../arith/ops.ts";
import { arrayOf, elementsOf } from "./data.ts";
import { elementwise, empty, filled } from "./expand.ts";
import { forEachLine } from "./normalize.ts";
import { NumberTensor, shapeText } from "./op.ts";
import { Scalars } from "./scalars.ts";
import { forTurns, type Place, putAt, sliceAt } from "./turns.ts";

const running = <const N extends string>(
  name: N,
  doc: string,
  start: number,
  float: (a: number, x: number) => number,
  big: (a: bigint, x: bigint) => bigint,
  combine: (e: Scalars, a: Value, x: Value) => Value,
) =>
  defineOp(`graph.${name}`, {
    doc,
    operands: [one("x", NumberTensor)],
    attrs: { axis: attr.int, exclusive: attr.bool.default(false), reverse: attr.bool.default(false) },
    results: [one("y", NumberTensor)],
    traits: [Pure],
    infer: ({ x }) => [x.type],
    verify({ x, axis }, fail) {
      if (axis < 0 || axis >= x.type.shape.length) fail(`there is no axis ${axis} in ${shapeText(x.type.shape)}`);
    },
    evaluate: ({ x, axis, exclusive, reverse }, run) => {
      const { element } = run.resultType(0) as TensorType;
      const xs = elementsOf(x);
      const out = new Array<Num>(x.size);
      const wide = element.kind === "integer" && element.width > 32;
      forEachLine(x.shape, axis, (first, step, length) => {
        let acc: Num = wide ? BigInt(start) : start;
        for (let n = 0; n < length; n++) {
          const at = first + (reverse ? length - 1 - n : n) * step;
          const next: Num = wide ? big(acc as bigint, xs[at] as bigint) : float(acc as number, xs[at] as number);
          out[at] = exclusive ? acc : toType(element, next);
          acc = toType(element, next);
        }
      });
      return arrayOf(element, x.shape, out);
    },
    expand({ x, axis, exclusive, reverse }, b) {
      if (!hasStaticShape(x.type)) return undefined;
      const { shape, element } = x.type;
      const length = shape[axis]!;
      const line = tensor(
        shape.map((d, i) => (i === axis ? 1 : d)),
        element,
      );
      const turns = forTurns(b, length, [filled(b, line, start), empty(b, x.type)], (inner, i, [acc, out]) => {
        const last = arith.constantIndex(inner, length - 1);
        const at = reverse ? arith.subi(inner, last, i) : i;
        const offsets = shape.map((_, d): Place => (d === axis ? at : 0));
        const next = elementwise(inner, line, [acc!, sliceAt(inner, x, offsets, line.shape)], (deeper, p, q) =>
          combine(new Scalars(deeper, element), p!, q!),
        );
        return [next, putAt(inner, exclusive ? acc! : next, out!, offsets)];
      });
      return [turns[1]!];
    },
  });

export const cumsum = running(
  "cumsum",
  "Sums of all elements up to each one along an axis (ONNX CumSum).",
  0,
  (a, x) => a + x,
  (a, x) => a + x,
  (e, a, x) => e.add(a, x),
);
export const cumprod = running(
  "cumprod",
  "Products of all elements up to each one along an axis (ONNX CumProd).",
  1,
  (a, x) => a * x,
  (a, x) => a * x,
  (e, a, x) => e.mul(a, x),
);
