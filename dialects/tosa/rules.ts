/** @file The rules of tosa: ops that do nothing, two that are one, pieces of what was put together. */
import type { Operation, Value } from "../../ir/core.ts";
import { arrayOfDense } from "../../ir/datum.ts";
import type { RuleLike } from "../../ir/define.ts";
import { elementOf, hasStaticShape, isDynamic, isShaped, type TensorType, type Type } from "../../ir/types.ts";
import { constantOf } from "../../rewrite/constants.ts";
import { type Rooted, type Rule, rule } from "../../rewrite/rule.ts";
import { scalarOf } from "../../rewrite/scalars.ts";
import { abs, add, cast, clamp, int_div, logical_not, mul, negate, select, sub } from "./elementwise.ts";
import { reduce_all, reduce_any, reduce_max, reduce_min, reduce_prod, reduce_sum } from "./reduce.ts";
import { concat, pad, reshape, resize, reverse, slice, tile, transpose } from "./shape.ts";
import { max_pool2d } from "./window.ts";

const isInteger = (t: Type): boolean => elementOf(t).kind === "integer";
const splat = (v: Value): number | bigint | undefined => scalarOf(constantOf(v));
/** An integer 0 or 1 of its type, or the float of that value and sign. */
const isNumber = (v: Value, wanted: number): boolean => {
  const n = splat(v);
  return typeof n === "bigint" ? n === BigInt(wanted) : Object.is(n, wanted);
};
const shapeOf = (v: Value): readonly number[] => (isShaped(v.type) ? v.type.shape : []);

/** A list of whole numbers that a constant operand holds. */
function listOf(v: Value): readonly number[] | undefined {
  const a = constantOf(v);
  return a?.kind === "dense" && isInteger(v.type) ? arrayOfDense(a)?.values().map(Number) : undefined;
}

// --- arithmetic ---------------------------------------------------------------------------------------------------

const arithmetic: readonly RuleLike[] = [
  rule(add, "x + 0", ({ input1, input2, output }) => {
    // Of floats only -0 changes nothing: -0 + 0 is 0.
    const zero = (v: Value): boolean => isNumber(v, isInteger(v.type) ? 0 : -0);
    if (input1.type === output.type && zero(input2)) return input1;
    return input2.type === output.type && zero(input1) ? input2 : undefined;
  }),
  rule(sub, "x - 0", ({ input1, input2, output }) =>
    input1.type === output.type && isNumber(input2, 0) ? input1 : undefined,
  ),
  rule(mul, "x * 1", ({ input1, input2, output, shift }) => {
    if (shift !== 0) return undefined;
    if (input1.type === output.type && isNumber(input2, 1)) return input1;
    return input2.type === output.type && isNumber(input1, 1) ? input2 : undefined;
  }),
  rule(mul, "x * 0 of integers", ({ input1, input2, output }) => {
    return [input1, input2].find((v) => v.type === output.type && isInteger(v.type) && isNumber(v, 0));
  }),
  rule(int_div, "x / 1", ({ input1, input2, output }) =>
    input1.type === output.type && isNumber(input2, 1) ? input1 : undefined,
  ),
  rule(negate, "the negative of the negative", ({ input1, output, quantization_info }) => {
    const inner = negate.match(input1);
    const plain = quantization_info === undefined && inner?.quantization_info === undefined;
    return plain && inner?.input1.type === output.type ? inner.input1 : undefined;
  }),
  rule(abs, "the magnitude of a magnitude", ({ input1, output }) =>
    abs.match(input1) && input1.type === output.type ? input1 : undefined,
  ),
  rule(cast, "to the same type", ({ input, output }) => (input.type === output.type ? input : undefined)),
  rule(clamp, "limits that nothing exceeds", ({ input, output, min_int, max_int, min_fp, max_fp }) => {
    const element = elementOf(input.type);
    if (input.type !== output.type) return undefined;
    if (element.kind === "float") {
      const [low, high] = [min_fp, max_fp].map((a) => (a.kind === "float" ? a.value : 0));
      return low === Number.NEGATIVE_INFINITY && high === Number.POSITIVE_INFINITY ? input : undefined;
    }
    if (element.kind !== "integer") return undefined;
    const unsigned = element.signedness === "unsigned";
    const least = unsigned ? 0n : -(1n << BigInt(element.width - 1));
    const greatest = (1n << BigInt(unsigned ? element.width : element.width - 1)) - 1n;
    return min_int <= least && max_int >= greatest ? input : undefined;
  }),
  rule(select, "either way the same", ({ on_true, on_false, output }) =>
    on_true === on_false && on_true.type === output.type ? on_true : undefined,
  ),
  rule(select, "a choice that is known", ({ pred, on_true, on_false, output }) => {
    const n = splat(pred);
    const chosen = n === undefined ? undefined : n === 0n ? on_false : on_true;
    return chosen?.type === output.type ? chosen : undefined;
  }),
  rule(select, "a choice by the opposite", ({ pred, on_true, on_false, output }, rw) => {
    const not = logical_not.match(pred);
    return not && select(rw, not.input1, on_false, on_true, { types: [output.type] });
  }),
];

// --- axes of size one ---------------------------------------------------------------------------------------------

type Along = {
  readonly op: Operation;
  readonly input: Value<TensorType>;
  readonly output: Value;
  readonly axis: number;
};

const alongOne = <V extends Along>(root: Rooted<V>): Rule =>
  rule(root, "along an axis of size one", ({ input, output, axis }) =>
    input.type === output.type && shapeOf(input)[axis] === 1 ? input : undefined,
  );

// --- shapes -------------------------------------------------------------------------------------------------------

const shapes: readonly RuleLike[] = [
  alongOne(reduce_all),
  alongOne(reduce_any),
  alongOne(reduce_max),
  alongOne(reduce_min),
  alongOne(reduce_prod),
  alongOne(reduce_sum),
  alongOne(reverse),
  rule(reshape, "the same shape", ({ input1, output }) => {
    const open = shapeOf(input1).filter(isDynamic).length;
    return input1.type === output.type && open <= 1 ? input1 : undefined;
  }),
  rule(reshape, "a reshape of a reshape", ({ op, input1 }, rw) => {
    const inner = reshape.match(input1);
    if (inner) rw.setOperand(op, 0, inner.input1);
    return inner !== undefined;
  }),
  rule(transpose, "dimensions that stay where they are", ({ input1, perms, output }) =>
    input1.type === output.type && listOf(perms)?.every((p, i) => p === i) ? input1 : undefined,
  ),
  rule(tile, "once", ({ input1, multiples, output }) =>
    input1.type === output.type && multiples.every((n) => n === 1) ? input1 : undefined,
  ),
  rule(pad, "by nothing", ({ input1, padding, output }) =>
    input1.type === output.type && listOf(padding)?.every((n) => n === 0) ? input1 : undefined,
  ),
  rule(slice, "all of it", ({ input, output }) =>
    input.type === output.type && hasStaticShape(input.type) ? input : undefined,
  ),
  rule(resize, "to the same size", ({ input, output, scale, offset, border, mode }) => {
    // Mixing integers multiplies them by the scale.
    const nearest = mode.kind === "string" && mode.value === "NEAREST_NEIGHBOR";
    const same =
      nearest && scale[0] === scale[1] && scale[2] === scale[3] && [...offset, ...border].every((n) => n === 0);
    return same && input.type === output.type ? input : undefined;
  }),
  rule(max_pool2d, "windows of one element", ({ input, output, kernel, stride, pad: around }) => {
    const single = [...kernel, ...stride].every((n) => n === 1) && around.every((n) => n === 0);
    return single && input.type === output.type ? input : undefined;
  }),
  rule(concat, "of one", ({ input1, output }) =>
    input1.length === 1 && input1[0]!.type === output.type ? input1[0] : undefined,
  ),
  rule(concat, "of concatenations along the same axis", ({ input1, axis, output }, rw) => {
    const parts = input1.map((v) => {
      const inner = concat.match(v);
      return inner?.axis === axis ? inner.input1 : [v];
    });
    const flat = parts.flat();
    return flat.length > input1.length || parts.some((p, i) => p[0] !== input1[i])
      ? concat(rw, flat, { axis, types: [output.type] })
      : undefined;
  }),
  rule(slice, "of a part of a concatenation", ({ input, output, start, size }, rw) => {
    const from = concat.match(input);
    if (!from) return undefined;
    const { axis } = from;
    let at = 0;
    for (const part of from.input1) {
      const length = shapeOf(part)[axis];
      if (length === undefined || isDynamic(length)) return undefined;
      const first = start[axis]! - at;
      if (first >= 0 && first + size[axis]! <= length) {
        return slice(rw, part, { start: start.with(axis, first), size, types: [output.type] });
      }
      at += length;
    }
    return undefined;
  }),
];

export const rules: readonly RuleLike[] = [...arithmetic, ...shapes];
