/**
 * @file Which structured ops share a kernel. A kernel computes its results element by element, on demand
 * (loops/values.ts); so a producer may join its consumer if no element of it is computed more often than is worth it:
 * once each for anything expensive, again for what is cheap or stands in an outer loop.
 */
import { widenedHalves } from "../../dialects/halves.ts";
import { isReducing, type Structure, structureOf } from "../../dialects/linalg/structure.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import { type AffineMap, isIdentityMap } from "../../ir/affine.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { elementCount, isShaped, unitAttribute } from "../../ir/types.ts";
import { attentionBefore } from "./attention.ts";
import { packsBytes } from "./byte-words.ts";
import { mayStash, stashAttribute } from "./stash.ts";
import { staticPad } from "./static-pad.ts";
import { isMove, staticView } from "./views.ts";
import { sharedProduct, windowBefore } from "./window.ts";

/** On an op whose result lies in memory, whoever reads it: no kernel computes it again. */
export const materializedAttribute = "materialized";

/** On an op that sums up parts of sums (split-sums.ts): it is tiled with its results, as what it is a part of would be. */
export const sumOfPartsAttribute = "sum_of_parts";

export interface Group {
  /** The op whose results leave the kernel. */
  readonly root: Operation;
  /** All ops of the kernel, in the order of their block. */
  readonly ops: readonly Operation[];
}

/** Scalar ops per element up to which a producer may be computed again for each use. */
const cheapWork = 3;

/** Every element of the operand is read at no more than one point of the loops. */
function readsOnce(s: Structure, map: AffineMap): boolean {
  const used = new Set<number>();
  for (const r of map.results) {
    if (r.kind === "dim") used.add(r.index);
    else if (r.kind !== "constant") return false;
  }
  return s.loops.every((l, i) => l.extent === 1 || used.has(i));
}

/**
 * The operand is read along leading parallel loops only: its elements can be computed outside of the other loops.
 * `ones`: loops of one turn count as none.
 */
function readsOuter(s: Structure, map: AffineMap, ones = false): boolean {
  let deepest = -1;
  const used = new Set<number>();
  for (const r of map.results) {
    if (r.kind === "dim") {
      if (ones && s.loops[r.index]!.extent === 1) continue;
      used.add(r.index);
      deepest = Math.max(deepest, r.index);
    } else if (r.kind !== "constant") return false;
  }
  for (let i = 0; i <= deepest; i++) {
    const l = s.loops[i]!;
    if (l.kind !== "parallel" || (!used.has(i) && l.extent !== 1)) return false;
  }
  return true;
}

/** The operand's dimensions are met in their order: a tile of it is a tile of the consumer, vectors along the same one. */
const keepsOrder = (map: AffineMap): boolean =>
  map.results.every((r, i) => {
    const next = map.results[i + 1];
    return r.kind !== "dim" || next?.kind !== "dim" || r.index < next.index;
  });

/** Scalar ops in the body; elementary functions count as many. */
function workOf(s: Structure): number {
  let n = 0;
  for (const op of s.body) {
    if (op.def.isConstant || op.def.isTerminator) continue;
    n += op.def.dialect === "math" ? 16 : op.regions.length > 0 || !op.results.every((r) => !isShaped(r.type)) ? 64 : 1;
  }
  return n;
}

/** Results are written at distinct places that the loops name directly. */
const writesPlainly = (s: Structure): boolean =>
  s.outputs.every((o) => o.map.results.every((r) => r.kind === "dim" || r.kind === "constant"));

/** Uninitialised tensors and the like, and what is padded as it is loaded: part of every kernel that mentions them. */
const isFree = (op: Operation): boolean =>
  tensor.empty.is(op) ||
  isFill(op) ||
  isSpread(op) ||
  isConverted(op) ||
  (op.def.isConstant && !isBigConstant(op)) ||
  staticPad(op) !== undefined;

/** Elements of memory in another form, which each kernel makes of them as it loads. */
function isConverted(op: Operation): boolean {
  const s = op.results.length === 1 ? structureOf(op) : undefined;
  return s !== undefined && (widenedHalves(op) !== undefined || packsBytes(s));
}

/** What gives the elements of a value; padding is looked through, and `views` are if they are to be. */
function sourceOf(value: Value, views: boolean): Source {
  const producer = value.definingOp;
  const view = producer && views ? staticView(producer) : undefined;
  const through = view ?? (producer && staticPad(producer));
  if (!through) return { producer, isMoved: false, divides: false };
  const inner = sourceOf(through.source, views);
  return { producer: inner.producer, isMoved: true, divides: inner.divides || view?.divides === true };
}

interface Source {
  readonly producer: Operation | null;
  /** It is not read at its own places. */
  readonly isMoved: boolean;
  /** Its places are found by dividing. */
  readonly divides: boolean;
}

/** Between a kernel and what it is to contain. */
const isThrough = (op: Operation, views: boolean): boolean =>
  staticPad(op) !== undefined || (views && staticView(op) !== undefined);

/** A view of something that the kernel computes. */
function isViewOf(op: Operation, members: ReadonlySet<Operation>): boolean {
  const { producer } = sourceOf(op.result(), true);
  return staticView(op) !== undefined && producer !== null && members.has(producer);
}

/** One number everywhere: what reductions start from. It is written down in each kernel that asks for it. */
function isFill(op: Operation): boolean {
  const s = op.results.length === 1 ? structureOf(op) : undefined;
  if (!s || s.inputs.some((i) => isShaped(i.value.type)) || s.body.first !== s.body.last) return false;
  return s.yields.length === 1 && s.inputs.some((i) => i.arg === s.yields[0]);
}

/** Elements of a constant, each for many results, like a bias for every pixel: readers take them from the constant. */
function isSpread(op: Operation): boolean {
  const s = op.results.length === 1 ? structureOf(op) : undefined;
  if (!s || !isMove(s) || s.inputs[0]!.value.definingOp?.def.isConstant !== true) return false;
  return elementCount(s.inputs[0]!.shape) < elementCount(s.outputs[0]!.shape);
}

function isBigConstant(op: Operation): boolean {
  const value = op.props[op.def.attrIndex.get("value") ?? 0] as
    | { readonly kind?: string; readonly splat?: boolean }
    | undefined;
  if (!isShaped(op.result().type)) return false;
  return !(value?.kind === "dense" && value.splat);
}

/** What a kernel does about a row's elements that are costly and wanted twice, once to be summed and once for the result. */
export interface Twice {
  /** They are kept in the result meanwhile (stash.ts). */
  readonly stash: boolean;
  /**
   * They are computed twice: machines of many threads have more arithmetic than memory. For the same reason products of
   * matrices compute windows as they load (window.ts).
   */
  readonly again: boolean;
}

/** Partitions the structured ops of a block into kernels, in the order of their roots. */
export function groupKernels(block: Block, twice: Twice = { stash: false, again: false }): Group[] {
  const structures = new Map<Operation, Structure>();
  for (const op of block) {
    const s = structureOf(op);
    if (s && writesPlainly(s)) structures.set(op, s);
  }
  const owner = new Map<Operation, Operation>();
  const groups: Group[] = [];
  for (let op = block.last; op; op = op.prev) {
    const s = structures.get(op);
    if (!s || owner.has(op)) continue;
    if ((isFill(op) || isSpread(op) || isConverted(op)) && onlyUsedBy(op, structures)) continue;
    groups.push(grow(op, structures, owner, twice));
  }
  return groups.reverse();
}

function grow(
  root: Operation,
  structures: ReadonlyMap<Operation, Structure>,
  owner: Map<Operation, Operation>,
  { stash, again }: Twice,
): Group {
  const members = new Set<Operation>([root]);
  owner.set(root, root);
  const rootStructure = structures.get(root)!;
  let heavy = isReducing(rootStructure) && !isRowReduction(rootStructure) ? root : undefined;
  /** Elements of the op are asked for once each per run of the kernel. */
  const once = new Map<Operation, boolean>([[root, true]]);
  /** Elements are asked for once by each of its users, which may stand in other loops of the kernel. */
  const onceEach = new Map<Operation, boolean>([[root, true]]);
  /** Ops whose elements are asked for by the loops of a reduction, one at a time: no tile of them is ever wanted. */
  const summed = new Set<Operation>();
  /** Ops whose dimensions are not in the order of the root's. */
  const turned = new Set<Operation>();
  /** Ops whose elements are asked for at the index of the root's only. */
  const samePlace = new Set<Operation>([root]);
  let stashed: Operation | undefined;
  const pending: Operation[] = [root];
  for (let consumer = pending.shift(); consumer; consumer = pending.shift()) {
    const s = structures.get(consumer)!;
    for (const operand of s.operands) {
      const { value, map, isOutput } = operand;
      const inside =
        again && consumer === heavy ? (windowBefore(s, operand) ?? attentionBefore(s, operand)) : undefined;
      if (inside?.every((op) => structures.has(op) && !owner.has(op))) {
        for (const op of inside) {
          members.add(op);
          owner.set(op, root);
          summed.add(op);
          pending.push(op);
        }
        continue;
      }
      const { producer, isMoved, divides } = sourceOf(value, again);
      if (!producer || members.has(producer) || owner.has(producer) || !isShaped(value.type)) continue;
      // Part of the kernel as the constant itself would be.
      if (isConverted(producer)) continue;
      const p = structures.get(producer);
      if (!p || !onlyUsedIn(producer, members, again) || producer.attributes?.has(materializedAttribute)) continue;
      // Behind a border or in another shape only what moves elements is computed where it is wanted.
      if (isMoved && !isMove(p)) continue;
      // Nothing is divided in inner loops: threads that share what they load do that outside of them.
      if (divides && isReducing(s) && !sharedProduct(s)) continue;
      const exact = once.get(consumer) === true && readsOnce(s, map);
      // Only within loops that are gone through once: what is asked for again and again asks for all of its own again.
      const outer = onceEach.get(consumer) === true && readsOuter(s, map, again);
      const reducing = isReducing(p);
      // What is cheap may be computed in each reduction over a row and again behind it, as the centred rows of a norm.
      const each = onceEach.get(consumer) === true && (readsOnce(s, map) || outer);
      const cheap = !reducing && each && workOf(p) <= cheapWork;
      const kept =
        (again || (stash && !stashed)) && !reducing && !exact && isRowReduction(s) && each && workOf(p) > cheapWork
          ? mayStash(rootStructure, p, consumer, samePlace)
          : false;
      if (reducing) {
        const tiled = !isReducing(s) && !summed.has(consumer) && heavy === undefined;
        if (isRowReduction(p) ? !(exact || outer) : !exact || !tiled || turned.has(consumer) || !keepsOrder(map))
          continue;
        if (!isRowReduction(p)) heavy = producer;
      } else if (!cheap && !exact && !outer && !kept && workOf(p) > (isReducing(s) ? 0 : cheapWork) && !isOutput)
        continue;
      // What a reduction reads again and again is better in memory, unless it is a constant.
      if (!reducing && isReducing(s) && !cheap && !exact && !outer && !kept && !isOutput && workOf(p) > 0) continue;
      if (kept && stash) stashed = producer;
      members.add(producer);
      owner.set(producer, root);
      if (samePlace.has(consumer) && isIdentityMap(map)) samePlace.add(producer);
      once.set(producer, exact);
      onceEach.set(producer, each);
      if (turned.has(consumer) || !keepsOrder(map)) turned.add(producer);
      if (isReducing(s) || summed.has(consumer)) summed.add(producer);
      pending.push(producer);
    }
  }
  if (stashed) {
    stashed.setAttribute(stashAttribute, unitAttribute);
  }
  const free = new Set<Operation>();
  const addFree = (m: Operation): void => {
    m.walk((inner) => {
      for (const u of inner.uses) {
        const def = u.value.definingOp;
        if (!def || def.block !== root.block || members.has(def) || free.has(def)) continue;
        if (!isFree(def) && !(again && isViewOf(def, members))) continue;
        free.add(def);
        addFree(def);
      }
    });
  };
  for (const m of members) addFree(m);
  return { root, ops: [...members, ...free].sort((a, b) => (a.isBefore(b) ? -1 : 1)) };
}

/** Its reduction loops are its last ones and it has outer loops of its own, as in sums over rows. */
function isRowReduction(s: Structure): boolean {
  if (s.op.attributes?.has(sumOfPartsAttribute)) return false;
  const first = s.loops.findIndex((l) => l.kind === "reduction");
  if (first < 0 || s.loops.slice(first).some((l) => l.kind === "parallel" && l.extent !== 1)) return false;
  // Every input element is read once: no reuse, so nothing is lost by staying in the consumer's loops.
  return s.inputs.every((i) => !isShaped(i.value.type) || readsOnce(s, i.map) || readsOuter(s, i.map));
}

/** All its users are structured ops, which can have a copy each. */
const onlyUsedBy = (op: Operation, structures: ReadonlyMap<Operation, Structure>): boolean =>
  [...op.result().uses()].every(
    (u) => structures.has(u.owner) || (staticPad(u.owner) !== undefined && onlyUsedBy(u.owner, structures)),
  );

function onlyUsedIn(op: Operation, members: ReadonlySet<Operation>, views: boolean): boolean {
  for (const r of op.results) {
    for (const u of r.uses()) {
      let at: Operation | null = u.owner;
      while (at && at.block !== op.block) at = at.parentOp;
      if (!at || !(members.has(at) || (isThrough(at, views) && onlyUsedIn(at, members, views)))) return false;
    }
  }
  return true;
}

/** The values that a group takes from outside, in the order of first use. */
export function groupInputs(group: Group): Value[] {
  const inside = new Set(group.ops);
  const found = new Set<Value>();
  for (const op of group.ops) {
    op.walk((o) => {
      for (const u of o.uses) {
        const home = u.value.block;
        const def = u.value.definingOp;
        const local =
          (def && inside.has(def)) || (home !== null && home !== group.root.block && isInside(home, inside));
        if (!local) found.add(u.value);
      }
    });
  }
  return [...found];
}

function isInside(block: Block, ops: ReadonlySet<Operation>): boolean {
  for (let o = block.parentOp; o; o = o.parentOp) if (ops.has(o)) return true;
  return false;
}
