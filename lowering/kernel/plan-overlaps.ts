/**
 * @file Offsets for buffers that may overlap: where one ends its life in the call that begins another's, the two may
 * share memory as far as the kernel allows (overlap.ts). No order of placing is best for all networks, so some are tried.
 */
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import { elementOf } from "../../ir/types.ts";
import { type Lifetime, type Plan, roundUp } from "./lifetime.ts";
import { type Clearance, clearancesOf } from "./overlap.ts";

/** A call that reads one buffer for the last time and writes another for the first. */
interface Link {
  /** Numbers of the buffers. */
  readonly input: number;
  readonly result: number;
  /** Bytes from the start of the buffer to what the call is given. */
  readonly inputOffset: number;
  readonly resultOffset: number;
  readonly clearance: Clearance;
}

/** The links between buffers of a block; `callee` is the function of a name. */
export function linksOf(
  block: Block,
  buffers: readonly Operation[],
  lifetimes: readonly Lifetime[],
  callee: (name: string) => Operation | undefined,
): Link[] {
  const numbers = new Map(buffers.map((op, i) => [op.result(), i]));
  const known = new Map<Operation, ReturnType<typeof clearancesOf>>();
  const links: Link[] = [];
  [...block].forEach((op, position) => {
    const name = func.call.match(op)?.callee;
    const fn = name === undefined ? undefined : callee(name);
    if (!fn || func.func.of(fn).body.isEmpty) return;
    const parts = op.operands.map((v) => partOf(v, numbers));
    for (const [b, result] of parts.entries()) {
      if (!result || lifetimes[result.buffer]!.first !== position) continue;
      for (const [a, input] of parts.entries()) {
        if (!input || input.buffer === result.buffer || lifetimes[input.buffer]!.last !== position) continue;
        if (lifetimes[input.buffer]!.first === position) continue;
        if (!known.has(fn)) known.set(fn, clearancesOf(fn));
        const clearance = known.get(fn)?.(a, b);
        if (!clearance) continue;
        links.push({
          input: input.buffer,
          result: result.buffer,
          inputOffset: input.offset,
          resultOffset: result.offset,
          clearance,
        });
      }
    }
    // A buffer that is given twice, or in a way that is not followed, has no links that say all.
    const given = op.operands.filter((v) => v.type.kind === "memref");
    given.forEach((v, i) => {
      const part = partOf(v, numbers);
      const again = part && given.some((w, j) => j !== i && partOf(w, numbers)?.buffer === part.buffer);
      if (!again) return;
      for (let n = links.length - 1; n >= 0; n--) {
        if (links[n]!.input === part.buffer || links[n]!.result === part.buffer) links.splice(n, 1);
      }
    });
  });
  return links;
}

/** The buffer that a value is a part of, and where that starts; undefined if it is none, or starts at a place that is not known. */
function partOf(v: Value, numbers: ReadonlyMap<Value, number>): { buffer: number; offset: number } | undefined {
  const buffer = numbers.get(v);
  if (buffer !== undefined) return { buffer, offset: 0 };
  const same = memref.cast.match(v);
  if (same) return partOf(same.source, numbers);
  const cast = memref.reinterpret_cast.match(v);
  const from = cast && v.definingOp!.operandCount === 1 ? partOf(cast.source, numbers) : undefined;
  const offset = cast?.static_offsets[0];
  if (!from || offset === undefined || offset < 0) return undefined;
  return { buffer: from.buffer, offset: from.offset + offset * byteWidth(elementOf(v.type)) };
}

/** Orders that are tried, besides those by size and time. */
const tries = 300;

/** Orders that are mended, one after the other. */
const repairs = 60;

/** The smallest arena that was found. */
export function planOverlapping(lifetimes: readonly Lifetime[], links: readonly Link[], alignment: number): Plan {
  const up = (n: number): number => roundUp(n, alignment);
  const down = (n: number): number => Math.floor(n / alignment) * alignment;
  const linked = new Map(links.map((l) => [`${l.input} ${l.result}`, l]));
  const lives = (i: number, j: number): boolean =>
    lifetimes[i]!.first <= lifetimes[j]!.last && lifetimes[j]!.first <= lifetimes[i]!.last;
  const relation = (i: number, j: number): { readonly link: Link; readonly isInput: boolean } | undefined => {
    const from = linked.get(`${i} ${j}`);
    if (from) return { link: from, isInput: true };
    const to = linked.get(`${j} ${i}`);
    return to && { link: to, isInput: false };
  };
  /** How far i may start from j: from behind the first number of each pair to before the second is not allowed. */
  const gapsOf = (i: number, j: number): { readonly from: number; readonly to: number; readonly but?: number } => {
    const usual = { from: -up(lifetimes[i]!.bytes), to: up(lifetimes[j]!.bytes) };
    const related = relation(i, j);
    if (!related) return usual;
    const { clearance, inputOffset, resultOffset } = related.link;
    // Of the result's start from the input's.
    const low = down(inputOffset - resultOffset - clearance.below);
    const high = up(inputOffset - resultOffset + clearance.above);
    const shift = inputOffset - resultOffset;
    const but = clearance.exact && shift % alignment === 0 ? { but: related.isInput ? -shift : shift } : {};
    const [from, to] = related.isInput ? [-high, -low] : [low, high];
    return { from: Math.max(usual.from, from), to: Math.min(usual.to, to), ...but };
  };
  const place = (order: readonly number[], isHigh: (i: number) => boolean): Plan => {
    const offsets = new Array<number>(lifetimes.length).fill(0);
    const placed: number[] = [];
    let size = 0;
    for (const i of order) {
      const bytes = up(lifetimes[i]!.bytes);
      const taken = placed.filter((j) => lives(i, j)).map((j) => ({ at: offsets[j]!, ...gapsOf(i, j) }));
      const fits = (at: number): boolean =>
        at >= 0 && taken.every((t) => at === t.at + (t.but ?? Number.NaN) || at <= t.at + t.from || at >= t.at + t.to);
      const candidates = [0, size - bytes, ...taken.flatMap((t) => [t.at + t.from, t.at + t.to, t.at + (t.but ?? 0)])];
      const end = (at: number): number => Math.max(size, at + bytes);
      let best = Number.POSITIVE_INFINITY;
      for (const at of candidates) {
        if (!fits(at)) continue;
        const better = end(at) !== end(best) ? end(at) < end(best) : isHigh(i) ? at > best : at < best;
        if (best === Number.POSITIVE_INFINITY || better) best = at;
      }
      offsets[i] = best;
      size = end(best);
      placed.push(i);
    }
    return { offsets, size, lowerBound: 0 };
  };
  const bySize = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b]!.bytes - lifetimes[a]!.bytes || a - b);
  const byTime = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[a]!.first - lifetimes[b]!.first || a - b);
  const chance = random(lifetimes.length);
  let best = place(bySize, () => false);
  const consider = (order: readonly number[], isHigh: (i: number) => boolean): void => {
    const plan = place(order, isHigh);
    if (plan.size < best.size) best = plan;
  };
  for (const order of [bySize, byTime, [...byTime].reverse()]) {
    consider(order, () => false);
    consider(order, (i) => byTime.indexOf(i) % 2 === 1);
  }
  // Whatever reaches highest is placed sooner, as long as that helps now and then.
  for (const start of [bySize, byTime]) {
    let order = [...start];
    for (let n = 0; n < repairs; n++) {
      const plan = place(order, () => false);
      if (plan.size < best.size) best = plan;
      const top = order.findIndex((i) => plan.offsets[i]! + up(lifetimes[i]!.bytes) === plan.size);
      if (top <= 0) break;
      const sooner = Math.floor(top / 2);
      order = [...order.slice(0, sooner), order[top]!, ...order.slice(sooner, top), ...order.slice(top + 1)];
    }
  }
  for (let n = 0; n < tries && lifetimes.length > 2 && lifetimes.length <= 200; n++) {
    const order = [...(n % 2 === 0 ? bySize : byTime)];
    for (let k = 0; k < 1 + (n % 4); k++) {
      const [a, b] = [Math.floor(chance() * order.length), Math.floor(chance() * order.length)];
      [order[a], order[b]] = [order[b]!, order[a]!];
    }
    const sides = lifetimes.map(() => chance() < 0.5);
    consider(order, (i) => sides[i]!);
  }
  return best;
}

/** The same numbers between 0 and 1 whenever it is made (a linear congruential generator). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
