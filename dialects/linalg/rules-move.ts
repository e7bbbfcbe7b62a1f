/** @file Rules of fills, copies, transposes and broadcasts: moving what is everywhere the same, moving twice, not moving. */
import type { Operation, Value } from "../../ir/core.ts";
import type { RuleLike } from "../../ir/define.ts";
import { isDynamic, sameAttribute, type TensorType, tensor as tensorType } from "../../ir/types.ts";
import { constantOf } from "../../rewrite/constants.ts";
import { rule } from "../../rewrite/rule.ts";
import { addMixed, asValue } from "../arith/mixed.ts";
import { mixed } from "../shaped.ts";
import { dim, extract } from "../tensor/access.ts";
import { empty } from "../tensor/create.ts";
import { collapse_shape, expand_shape } from "../tensor/reshape.ts";
import { pad } from "../tensor/slice.ts";
import { broadcast, transpose } from "./destination-style.ts";
import { copy, fill } from "./elementwise.ts";
import { identityOf } from "./rules-operands.ts";
import { softmax } from "./softmax.ts";
import { elementTypeOf, structured } from "./structure.ts";
import { sizeOfDimension } from "./tile.ts";

/** The number that fills a tensor, if its type is the element's: no conversion takes place. */
function filledWith(v: Value): { readonly value: Value; readonly output: Value; readonly op: Operation } | undefined {
  const made = fill.match(v);
  const [value] = made?.inputs ?? [];
  const [output] = made?.outputs ?? [];
  return made && value && output && value.type === elementTypeOf(v.type) ? { value, output, op: made.op } : undefined;
}

const onTensors = (v: Value): v is Value<TensorType> => v.type.kind === "tensor";

const fills: readonly RuleLike[] = [
  rule(extract, "an element of a fill", ({ tensor }) => filledWith(tensor)?.value),
  rule(copy, "a copy of a fill", ({ inputs: [from], outputs: [to] }, rw) => {
    const filled = from && to && filledWith(from);
    return filled && onTensors(to) && elementTypeOf(to.type) === filled.value.type && fill(rw, [filled.value], [to]);
  }),
  rule(transpose, "a transposed fill", ({ input, init }, rw) => {
    const filled = filledWith(input);
    return filled && onTensors(init) && fill(rw, [filled.value], [init]);
  }),
  rule(broadcast, "a broadcast fill", ({ input, init }, rw) => {
    const filled = filledWith(input);
    return filled && onTensors(init) && fill(rw, [filled.value], [init]);
  }),
  rule(collapse_shape, "a fill of merged dimensions", ({ src, reassociation, result }, rw) => {
    const filled = filledWith(src);
    if (!filled) return undefined;
    const output = collapse_shape(rw, filled.output, { reassociation, types: [result.type] });
    return fill(rw, [filled.value], [output]);
  }),
  rule(expand_shape, "a fill of split dimensions", (v, rw) => {
    const filled = filledWith(v.src);
    if (!filled) return undefined;
    const { reassociation, static_output_shape } = v;
    const output = expand_shape(rw, filled.output, v.output_shape, {
      reassociation,
      static_output_shape,
      types: [v.result.type],
    });
    return fill(rw, [filled.value], [output]);
  }),
  rule(pad, "a fill with its own number around it", (v, rw) => {
    const filled = filledWith(v.source);
    const padding = v.region.entry.terminator?.operand(0);
    if (!filled || !padding || v.nofold || !sameNumber(padding, filled.value)) return undefined;
    const [low, high] = [mixed(v.static_low, v.low), mixed(v.static_high, v.high)];
    const { shape } = v.result.type;
    const sizes = shape.flatMap((n, d) => {
      if (!isDynamic(n)) return [];
      const around = addMixed(rw, low[d]!, high[d]!);
      return [asValue(rw, addMixed(rw, sizeOfDimension(v.source, d, rw), around))];
    });
    const output = empty(rw, sizes, { types: [tensorType(shape, filled.value.type)] });
    return fill(rw, [filled.value], [output]);
  }),
];

/** The output that becomes a result of a structured op. */
function outputOf(v: Value): Value | undefined {
  const whole = softmax.match(v);
  if (whole) return whole.output;
  const op = v.definingOp;
  const how = op ? structured.of(op) : undefined;
  return how && op!.operand(how.inputCount(op!) + v.index);
}

/** The same value, or equal constants. */
function sameNumber(x: Value, y: Value): boolean {
  if (x === y) return true;
  const [a, b] = [constantOf(x), constantOf(y)];
  return a !== undefined && b !== undefined && sameAttribute(a, b);
}

const isIdentity = (permutation: readonly number[]): boolean => permutation.every((p, i) => p === i);

const moves: readonly RuleLike[] = [
  rule(copy, "a copy of what is there already", ({ op }, rw) => identityOf(op, rw)),
  rule(transpose, "dimensions in the order that they have", ({ input, permutation, result }) => {
    const [made] = result;
    return made && isIdentity(permutation) && input.type === made.type ? [input] : undefined;
  }),
  rule(transpose, "a transpose of a transpose", ({ input, init, permutation }, rw) => {
    const inner = transpose.match(input);
    if (!inner || !onTensors(init)) return undefined;
    const composed = permutation.map((p) => inner.permutation[p]!);
    return transpose(rw, inner.input, init, { permutation: composed });
  }),
  rule(broadcast, "a broadcast along no dimension", ({ input, dimensions, result }) => {
    const [made] = result;
    return made && dimensions.length === 0 && input.type === made.type ? [input] : undefined;
  }),
  rule(dim, "the size of a structured op's result is that of its output", ({ op, source }, rw) => {
    const tied = outputOf(source);
    if (!tied) return undefined;
    rw.setOperand(op, 0, tied);
    return true;
  }),
];

export const moveRules: readonly RuleLike[] = [...fills, ...moves];
