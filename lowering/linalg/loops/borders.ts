/**
 * @file Borders of windows that reach over the edge of what they read. A padded tensor need not lie in memory: results
 * whose windows lie inside of the source are computed as if there were no border, by the tiles of the schedule; the others one
 * by one, where each step of the windows' loops asks whether it is inside. So there are two pieces of code, not one for each
 * edge and corner, and no copies of what is read.
 */
import * as arith from "../../../dialects/arith/ops.ts";
import type { Structure } from "../../../dialects/linalg/structure.ts";
import * as scf from "../../../dialects/scf/ops.ts";
import { type AffineExpr, add, constant, floordiv, linear, mul } from "../../../ir/affine.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import { invariant } from "../../../support/diagnostic.ts";
import { type StaticPad, staticPad } from "../static-pad.ts";
import type { Nest } from "./nest.ts";
import { type At, mapped, rangeOf } from "./ranges.ts";

/** Results along a dimension whose windows lie inside: from the first to behind the last. */
export interface Interior {
  readonly from: number;
  readonly to: number;
}

const padOf = (value: Value): StaticPad | undefined => {
  const op = value.definingOp;
  return op ? staticPad(op) : undefined;
};

/**
 * Per dimension of the results of a structured op, those whose windows lie inside; undefined where no window reaches over an
 * edge.
 */
export function interiorOf(s: Structure): (Interior | undefined)[] {
  const out = s.outputs[0]!;
  return out.shape.map((extent, d) => {
    const along = out.map.results[d]!;
    let found: Interior | undefined;
    for (const input of s.inputs) {
      const pad = padOf(input.value);
      if (!pad || along.kind !== "dim") continue;
      for (const [axis, e] of input.map.results.entries()) {
        const low = pad.low[axis]!;
        if (low === 0 && pad.high[axis] === 0) continue;
        const form = linear(e, input.map.numDims);
        const step = form?.factors[along.index] ?? 0;
        if (!form || step <= 0) continue;
        const reach = form.factors.reduce((n, f, l) => (l === along.index ? n : n + f * (s.loops[l]!.extent - 1)), 0);
        const size = pad.type.shape[axis]! - low - pad.high[axis]!;
        const from = Math.max(0, Math.ceil((low - form.offset) / step), found?.from ?? 0);
        const last = Math.floor((size - 1 + low - form.offset - reach) / step);
        found = { from, to: Math.max(from, Math.min(extent, last + 1, found?.to ?? extent)) };
      }
    }
    return found && (found.from > 0 || found.to < extent) ? found : undefined;
  });
}

/** The reduction loops along which windows of some of the results' dimensions reach over edges. */
export function borderLoops(s: Structure, isAmong: (d: number) => boolean): Set<number> {
  const found = new Set<number>();
  const dims = new Set(s.outputs[0]!.map.results.flatMap((e, d) => (e.kind === "dim" && isAmong(d) ? [e.index] : [])));
  for (const input of s.inputs) {
    const pad = padOf(input.value);
    for (const [axis, e] of input.map.results.entries()) {
      if (!pad || (pad.low[axis] === 0 && pad.high[axis] === 0)) continue;
      const factors = linear(e, input.map.numDims)?.factors ?? [];
      if (!factors.some((f, l) => f !== 0 && dims.has(l))) continue;
      for (const [l, f] of factors.entries()) if (f !== 0 && s.loops[l]!.kind === "reduction") found.add(l);
    }
  }
  return found;
}

/** Where an element of a padded tensor is taken from. */
export interface Source {
  readonly pad: StaticPad;
  /** Its index in the source. */
  readonly at: At;
  /** Positions that are not known to be inside, with the size of the source there. */
  readonly open: readonly { readonly e: AffineExpr; readonly size: number }[];
  /** It is known to be padding. */
  readonly isOutside: boolean;
}

/** An element of a padded tensor, as far as is known where the nest stands. */
export function sourceOf(nest: Nest, pad: StaticPad, index: At, lanes: number): Source {
  const open: { readonly e: AffineExpr; readonly size: number }[] = [];
  let isOutside = false;
  const at = index.map((x, d) => {
    const low = pad.low[d]!;
    const high = pad.high[d]!;
    if (low === 0 && high === 0) return x;
    const e = add(x, constant(-low));
    const size = pad.type.shape[d]! - low - high;
    if (nest.isWithout(e, size, lanes)) isOutside = true;
    else if (!nest.isWithin(e, size, lanes)) open.push({ e, size });
    return e;
  });
  return { pad, at, open, isOutside };
}

/** Below zero is beyond the end of unsigned numbers. */
const isInside = (nest: Nest, e: AffineExpr, size: number): Value =>
  arith.cmpi(nest.b, nest.index(e), nest.constant(size), { predicate: "ult" });

/**
 * The reduction loops that decide, for results at `domain`, whether something read is padding; undefined if nothing is, whatever
 * step the loops are at.
 */
export function decidingLoops(nest: Nest, s: Structure, domain: At): Set<number> | undefined {
  const isReduction = (l: number): boolean => s.loops[l]!.kind === "reduction";
  const ends = domain.map((e, l) => (isReduction(l) ? constant(s.loops[l]!.extent - 1) : e));
  let found: Set<number> | undefined;
  for (const input of s.inputs) {
    const pad = padOf(input.value);
    if (!pad) continue;
    const [first, last] = [mapped(input, domain), mapped(input, ends)];
    for (const [axis, e] of input.map.results.entries()) {
      const low = pad.low[axis]!;
      if (low === 0 && pad.high[axis] === 0) continue;
      const from = rangeOf(nest.resolve(first[axis]!, 1), nest.ranges, 1).low;
      const to = rangeOf(nest.resolve(last[axis]!, 1), nest.ranges, 1).high;
      if (from >= low && to < pad.type.shape[axis]! - pad.high[axis]!) continue;
      found ??= new Set();
      for (const [l, f] of linear(e, input.map.numDims)!.factors.entries()) if (f !== 0 && isReduction(l)) found.add(l);
    }
  }
  return found;
}

/** A question that is to be asked before the loops of `order` run: all that it depends on is known. */
export function questionBefore(
  nest: Nest,
  s: Structure,
  order: readonly number[],
  domain: At,
): { readonly e: AffineExpr; readonly size: number; readonly input: number; readonly axis: number } | undefined {
  for (const [i, input] of s.inputs.entries()) {
    const pad = padOf(input.value);
    if (!pad) continue;
    const source = sourceOf(nest, pad, mapped(input, domain), 1);
    for (const { e, size } of source.open) {
      const axis = source.at.indexOf(e);
      const form = linear(input.map.results[axis]!, input.map.numDims);
      if (form && order.every((l) => form.factors[l] === 0)) return { e, size, input: i, axis };
    }
  }
  return undefined;
}

/** First and behind the last of the steps of a loop for which a position is one of the source's; `e` is linear in the loop. */
export function stepsInside(
  nest: Nest,
  s: Structure,
  loop: number,
  { input, axis }: { readonly input: number; readonly axis: number },
  domain: At,
): readonly [first: Value, end: Value] {
  const operand = s.inputs[input]!;
  const pad = padOf(operand.value)!;
  const step = linear(operand.map.results[axis]!, operand.map.numDims)!.factors[loop]!;
  const low = pad.low[axis]!;
  const size = pad.type.shape[axis]! - low - pad.high[axis]!;
  const before = domain.map((e, l) => (l === loop ? constant(0) : e));
  const start = add(mapped(operand, before)[axis]!, constant(-low));
  // The least number of steps that reach a place.
  const reaching = (place: number): Value =>
    nest.index(nest.resolve(floordiv(add(constant(place + step - 1), mul(start, constant(-1))), constant(step)), 1));
  const { b } = nest;
  const first = arith.maxsi(b, reaching(0), nest.constant(0));
  return [first, arith.minsi(b, reaching(size), nest.constant(s.loops[loop]!.extent))];
}

/** Carries values through a branch: `inside` where the position is one of the source's, `outside` elsewhere. */
export function branch(
  nest: Nest,
  { e, size }: { readonly e: AffineExpr; readonly size: number },
  carried: readonly Value[],
  inside: () => readonly Value[],
  outside: () => readonly Value[],
): readonly Value[] {
  const condition = isInside(nest, e, size);
  const under = (known: boolean, make: () => readonly Value[]) => nest.knowing(e, known, make);
  const region =
    (known: boolean, make: () => readonly Value[]) =>
    (inner: { readonly block: Parameters<Nest["enter"]>[0] | null }): readonly Value[] => {
      invariant(inner.block, "a branch has a block");
      nest.enter(inner.block, false, true);
      const made = under(known, make);
      nest.close();
      return made;
    };
  return scf.if(nest.b, condition, {
    types: carried.map((v) => v.type),
    thenRegion: region(true, inside),
    elseRegion: region(false, outside),
  }) as readonly Value[];
}

/** What the op adds to its results for an input that is `fill` is nothing: sums of nothing, maxima of the least. */
export function addsNothing(s: Structure, input: number, combine: Operation | undefined, neutral: unknown): boolean {
  const pad = padOf(s.inputs[input]!.value);
  const acc = s.outputs[0]!.arg;
  const fill = constantOf(pad?.value);
  if (!pad || !combine || fill === undefined) return false;
  const term = combine.operands.find((v) => v !== acc);
  const arg = s.inputs[input]!.arg;
  if (!term || !arg) return false;
  // The neutral element itself.
  if (term === arg) return fill === neutral || (fill === 0 && (neutral === 0 || neutral === 0n));
  // A product with nothing: of finite factors, as weights are.
  if (fill !== 0 || !(arith.addf.is(combine) || arith.addi.is(combine))) return false;
  const product = arith.mulf.match(term) ?? arith.muli.match(term);
  return product !== undefined && [product.lhs, product.rhs].some((v) => v === arg || widened(v) === arg);
}

const widened = (v: Value): Value | undefined => (arith.extsi.match(v) ?? arith.extui.match(v))?.in;

function constantOf(v: Value | undefined): number | undefined {
  const value = arith.constant.match(v)?.value;
  if (value?.kind === "float") return value.value;
  return value?.kind === "integer" ? Number(value.value) : undefined;
}
