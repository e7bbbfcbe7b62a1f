/**
 * @file Sums of products of small integers, whose neighbours along the innermost loop machines add up several at a time.
 * Weights are packed so that what one step takes lies together: of each column of a panel as many rows as a step has.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as bufferization from "../../dialects/bufferization.ts";
import type { Structure } from "../../dialects/linalg/structure.ts";
import { type AffineExpr, add, constant, dim, mod, mul } from "../../ir/affine.ts";
import type { Value } from "../../ir/core.ts";
import { i8, i16, type ShapedType, type Type } from "../../ir/types.ts";
import { staticPad } from "./static-pad.ts";
import { stepAlong } from "./steps.ts";

/** Which operand is which, and whether its elements have signs. */
export interface Dot {
  readonly x: number;
  readonly weights: number;
  readonly signed: { readonly x: boolean; readonly weights: boolean };
  /** The loop whose neighbours are summed together, and how many of them at a time. */
  readonly loop: number;
  readonly group: number;
  /** So many of them lie together in a row of the packed weights: all that a step takes, or half of them. */
  readonly rows: number;
}

/** The last reduction loop that runs more than once. */
export const innermost = (s: Structure): number => s.loops.findLastIndex((l) => l.kind === "reduction" && l.extent > 1);

/** The place in its row of an element of packed weights. */
export const groupedColumn = (column: AffineExpr, loop: number, panel: number, group: number): AffineExpr =>
  add(mul(mod(column, constant(panel)), constant(group)), mod(dim(loop), constant(group)));

/** acc + extend(x) * extend(w), so many factors a word: the numbers of the inputs. */
export function narrowProduct(s: Structure, group: number): Omit<Dot, "loop" | "group" | "rows"> | undefined {
  if (s.inputs.length !== 2 || s.outputs.length !== 1) return undefined;
  const narrow: readonly Type[] = group >= wordBytes ? [i8] : group === 2 ? [i8, i16] : [];
  if (s.inputs[0]!.element !== narrow.at(-1) || !narrow.includes(s.inputs[1]!.element)) return undefined;
  const sum = arith.addi.match(s.body.terminator?.operand(0));
  const acc = s.outputs[0]!.arg;
  const product = sum && arith.muli.match(sum.lhs === acc ? sum.rhs : sum.rhs === acc ? sum.lhs : undefined);
  if (!product?.result.hasOneUse) return undefined;
  const factor = (v: Value): { readonly input: number; readonly signed: boolean } | undefined => {
    const wide = arith.extsi.match(v) ?? arith.extui.match(v);
    const input = wide ? s.inputs.findIndex((o) => o.arg === wide.in) : -1;
    return input < 0 ? undefined : { input, signed: arith.extsi.match(v) !== undefined };
  };
  const [a, b] = [factor(product.lhs), factor(product.rhs)];
  if (!a || !b || a.input === b.input) return undefined;
  const [x, w] = a.input === 0 ? [a, b] : [b, a];
  return { x: 0, weights: 1, signed: { x: x.signed, weights: w.signed } };
}

/** Bytes of a word, which processors that take words apart multiply at a time. */
export const wordBytes = 4;

/** Steps of a loop that are taken at a time: as many as the machine can, or, of more than a word, half as many as often as it takes. */
function groupOf(extent: number, most: number): number {
  let group = most;
  while (group > wordBytes && extent % group !== 0) group /= 2;
  return extent % group === 0 ? group : 1;
}

/** Whether weights should be packed for steps of several products, at most so many; which loop they are along. */
export function groupLoop(s: Structure, most: number): Pick<Dot, "loop" | "group"> | undefined {
  const loop = innermost(s);
  const group = most < 2 || loop < 0 ? 1 : groupOf(s.loops[loop]!.extent, most);
  if (group < 2) return undefined;
  // How long the loop is, x says then: packed weights do not.
  if (!s.inputs[0]?.map.results.some((r) => r.kind === "dim" && r.index === loop)) return undefined;
  return narrowProduct(s, group) && stepAlong(s, 0, loop) === 1 ? { loop, group } : undefined;
}

/** The dot products that an op is made of, if its operands lie in memory as they take it. */
export function dotOf(s: Structure, most: number): Dot | undefined {
  const along = groupLoop(s, most);
  const product = along && narrowProduct(s, along.group);
  if (!along || !product) return undefined;
  const last = s.inputs[product.weights]!.map.results.at(-1);
  // Of panels of one column nothing is in front.
  const within = last?.kind === "+" ? last.rhs : last;
  if (within?.kind !== "mod" || within.rhs.kind !== "constant") return undefined;
  const rows = within.rhs.value;
  const isHalf = rows === halfWord && along.group === 2 * rows && isFullRow(s, product.weights, rows);
  if (rows !== along.group && !isHalf) return undefined;
  const inMemory = s.inputs.every(({ value }) => {
    const pad = value.definingOp && staticPad(value.definingOp);
    return bufferization.to_tensor.match(pad ? pad.source : value);
  });
  return inMemory ? { ...product, ...along, rows } : undefined;
}

/** Neighbours that 16-bit machines take at a time; weights are packed so for machines of four, too, if they share them. */
const halfWord = 2;
/** Bytes of a vector. */
const vectorBytes = 16;

/** A row of packed bytes is a vector. */
function isFullRow(s: Structure, weights: number, rows: number): boolean {
  const { value, map } = s.inputs[weights]!;
  const shape = (value.type as ShapedType).shape;
  return map.results.length === shape.length && shape.at(-1) === vectorBytes && vectorBytes % rows === 0;
}
