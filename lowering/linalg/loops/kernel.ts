/**
 * @file A kernel from structured ops on tensors to a loop nest on memrefs, as its schedule says. The results are walked
 * tile by tile; the tile's elements are asked for (values.ts), and everything the kernel computes follows from that.
 */
import * as arith from "../../../dialects/arith/ops.ts";
import * as bufferization from "../../../dialects/bufferization.ts";
import * as func from "../../../dialects/func.ts";
import { isReducing, reductionsOf, type Structure } from "../../../dialects/linalg/structure.ts";
import * as scf from "../../../dialects/scf/ops.ts";
import { type AffineExpr, add, constant, floordiv, mod, mul } from "../../../ir/affine.ts";
import { Builder } from "../../../ir/builder.ts";
import type { Block, Operation, Value } from "../../../ir/core.ts";
import {
  type FunctionType,
  functionType,
  i16,
  type MemRefType,
  memref as memrefType,
  type TensorType,
} from "../../../ir/types.ts";
import { fault, invariant } from "../../../support/diagnostic.ts";
import { type Attention, attentionOf } from "../attention.ts";
import { dotOf } from "../dot.ts";
import { cutsOf, slidesOverPlanes } from "../planes.ts";
import { type Product, productOf } from "../product.ts";
import { extentsOf, type RootSchedule, reductionSchedule, rootSchedule } from "../schedule-attribute.ts";
import { stashOf } from "../stash.ts";
import { staticPad } from "../static-pad.ts";
import { onAttention } from "./attention.ts";
import { borderLoops, type Interior, interiorOf } from "./borders.ts";
import { gatherRows, windowOf } from "./gathered.ts";
import type { GatheredSum } from "./gathered-sum.ts";
import { onGrid, type Piece, pointsIn } from "./grid.ts";
import { Nest } from "./nest.ts";
import type { At } from "./ranges.ts";
import { reduceElements } from "./reduce.ts";
import { onRows } from "./rows.ts";
import { onShared, type Store } from "./share.ts";
import { onTeams } from "./team.ts";
import { KernelValues } from "./values.ts";

/**
 * Turns the body of a kernel, tensors between `to_tensor` of its inputs and `materialize_in_destination` into its
 * outputs, into loops over the memrefs themselves. Answers the type of the memory that the loops want for themselves, which
 * is a further argument then.
 */
export function lowerKernel(fn: Operation): MemRefType | undefined {
  const region = func.func.of(fn).body;
  const block = region.entry;
  invariant(region.blocks.length === 1, "a kernel is one block", fn.loc);
  const buffers = new Map<Value, Value>(block.args.map((a) => [a, a]));
  const stores: Store[] = [];
  const old = [...block];
  for (const op of old) {
    const read = bufferization.to_tensor.match(op);
    if (read) buffers.set(read.result, read.memref);
    const write = bufferization.materialize_in_destination.match(op);
    if (write) stores.push({ value: write.source, buffer: write.dest });
  }
  const b = new Builder(block, null, fn.loc);
  const only = stores.length === 1 ? stores[0]! : undefined;
  const stash = only && stashOf(old, rootSchedule(fn, (only.value.type as TensorType).shape.length));
  const kept = stash && { value: stash.op.result(), filler: stash.filler, buffer: only.buffer };
  const values = new KernelValues(new Nest(b, block), buffers, reduceElements, kept);
  const gathered = gatheredIn(old, values, block, fn);
  for (const group of byShape(stores)) {
    const { shape } = group[0]!.value.type as TensorType;
    if (shape.includes(0)) continue;
    const schedule = rootSchedule(fn, shape.length);
    values.turns = (schedule.turn ?? -1) >= 0;
    values.gaps = schedule.gaps ?? 1;
    const attention = schedule.attention && attentionIn(old, values);
    const product = schedule.share && productIn(old, values, shape);
    if (attention) {
      onAttention(b.setToEnd(block), attention, schedule, group, buffers);
    } else if (schedule.rows !== undefined && schedule.workgroup) {
      onRows(b.setToEnd(block), sumsIn(old, values), shape, schedule, group, buffers);
    } else if (schedule.team && schedule.workgroup) {
      onTeams(b.setToEnd(block), sumsIn(old, values), shape, schedule, group, buffers);
    } else if (product) {
      onShared(b.setToEnd(block), product, schedule, group, (inner) => {
        invariant(inner.block, "the body of a launch has a block");
        return new KernelValues(new Nest(inner, inner.block), buffers, reduceElements);
      });
    } else if (!schedule.workgroup) {
      const windows = windowsIn(old, values, shape);
      const plain = windows || gathered || schedule.lanes > 1;
      const interior = plain ? undefined : interiorIn(old, values, shape, schedule);
      new Walk(values, group, shape, schedule, windows, interior, gathered).run();
    } else {
      onGrid(b.setToEnd(block), shape, schedule, schedule.workgroup, (nest, pieces) => {
        new Walk(new KernelValues(nest, buffers, reduceElements), group, shape, schedule).leaf(pieces, schedule.lanes);
      });
    }
  }
  func.return(b.setToEnd(block), []);
  for (const op of old.reverse()) op.erase();
  return gathered && (gathered.buffer.type as MemRefType);
}

/** The sum whose rows are to be gathered, and memory for them. */
function gatheredIn(
  ops: readonly Operation[],
  values: KernelValues,
  block: Block,
  fn: Operation,
): GatheredSum | undefined {
  for (const op of ops) {
    const structure = values.structure(op);
    const schedule = structure && reductionSchedule(op, reductionsOf(structure));
    const dot = schedule?.gather === 1 ? dotOf(structure!, schedule.group ?? 1) : undefined;
    if (!structure || !schedule || !dot) continue;
    const { tile, vector } = rootSchedule(fn, structure.outputs[0]!.shape.length);
    const rows = tile.slice(0, -1).reduce((n, t) => n * t, 1);
    invariant(vector < 0, "rows are gathered where there are no vectors", op.loc);
    const type = memrefType([rows * windowOf(structure)], i16);
    const at = fn.def.attrIndex.get("function_type")!;
    const { inputs } = fn.props[at] as FunctionType;
    fn.props[at] = functionType([...inputs, type], []);
    return { op, structure, schedule, dot, buffer: block.addArgument(type) };
  }
  return undefined;
}

/** The attention that a kernel computes. */
function attentionIn(ops: readonly Operation[], values: KernelValues): Attention | undefined {
  for (const op of ops) {
    const structure = values.structure(op);
    const attention = structure && attentionOf(structure);
    if (attention) return attention;
  }
  return undefined;
}

/** The product of matrices that a kernel computes. */
function productIn(ops: readonly Operation[], values: KernelValues, shape: readonly number[]): Product | undefined {
  for (const op of ops) {
    const structure = values.structure(op);
    const product = structure?.loops.some((l) => l.kind === "reduction") && productOf(structure, shape);
    if (product) return product;
  }
  return undefined;
}

/** Where results are cut for windows over planes that a kernel computes, and for the padding that they reach into. */
function windowsIn(ops: readonly Operation[], values: KernelValues, shape: readonly number[]): Cuts | undefined {
  for (const op of ops) {
    const s = values.structure(op);
    if (!s?.loops.some((l) => l.kind === "reduction") || s.outputs[0]!.shape.join() !== shape.join()) continue;
    if (slidesOverPlanes(s)) return cutsOf(s) ?? shape.map(() => []);
  }
  return undefined;
}

/** The sums of a kernel, in order. */
function sumsIn(ops: readonly Operation[], values: KernelValues): { op: Operation; structure: Structure }[] {
  return ops.flatMap((op) => {
    const structure = values.structure(op);
    return structure && isReducing(structure) ? [{ op, structure }] : [];
  });
}

/**
 * Per dimension of a kernel's results, those whose windows lie inside of what they read. Where the loops of the windows stay loops,
 * only the innermost dimension with edges is told apart: the loop along another asks once per turn, for a whole tile.
 */
function interiorIn(
  ops: readonly Operation[],
  values: KernelValues,
  shape: readonly number[],
  { order }: RootSchedule,
): (Interior | undefined)[] | undefined {
  for (const op of ops) {
    const s = values.structure(op);
    if (!s?.inputs.some((i) => i.value.definingOp && staticPad(i.value.definingOp))) continue;
    const out = s.outputs[0]!;
    if (out.shape.length !== shape.length || !out.shape.every((d, i) => d === shape[i])) continue;
    const interior = interiorOf(s);
    const edge = order.findLast((d) => interior[d] !== undefined);
    const reductions = reductionsOf(s);
    const { full } = reductionSchedule(op, reductions);
    const others = borderLoops(s, (d) => d !== edge);
    return full.some((l) => others.has(l)) ? interior : interior.map((i, d) => (d === edge ? i : undefined));
  }
  return undefined;
}

/** Results of one shape are computed in one walk. */
function byShape(stores: readonly Store[]): Store[][] {
  const groups = new Map<string, Store[]>();
  for (const s of stores) {
    const type = s.value.type;
    if (type.kind !== "tensor") throw fault("pass/failed", s.value.location, "a kernel gives tensors");
    const key = type.shape.join("x");
    groups.set(key, [...(groups.get(key) ?? []), s]);
  }
  return [...groups.values()];
}

/** Vectors of fewer lanes are not worth their name: elements are computed one by one. */
const narrowest = 4;

/** The part of the results that lies inside of borders from which on there is code for it alone. */
const fewestInside = 1 / 8;

/** Per dimension, where pieces begin other than the first. */
type Cuts = readonly (readonly number[])[];

class Walk {
  readonly #values: KernelValues;
  readonly #windows: Cuts | undefined;
  readonly #stores: readonly Store[];
  readonly #shape: readonly number[];
  readonly #schedule: RootSchedule;
  /** Per dimension, what lies inside if the kernel computes borders. */
  readonly #interior: readonly (Interior | undefined)[];
  /** The sum whose rows are gathered before its columns are walked over. */
  readonly #gathered: GatheredSum | undefined;
  /** The innermost dimension with borders, or -1. */
  readonly #edge: number;

  /**
   * @param windows where results are cut, if they are of windows over planes; then the last vector of a row may reach back
   * over the one before, whose elements are computed alike
   */
  constructor(
    values: KernelValues,
    stores: readonly Store[],
    shape: readonly number[],
    schedule: RootSchedule,
    windows?: Cuts,
    interior: readonly (Interior | undefined)[] = [],
    gathered?: GatheredSum,
  ) {
    this.#values = values;
    this.#windows = windows;
    this.#stores = stores;
    this.#shape = shape;
    this.#schedule = schedule;
    this.#interior = interior;
    this.#gathered = gathered;
    this.#edge = schedule.order.findLast((d) => interior[d] !== undefined) ?? -1;
  }

  run(): void {
    const whole: Piece[] = extentsOf(this.#schedule, this.#shape).map((count) => ({ at: constant(0), count }));
    this.#blocks(this.#schedule.order, whole);
  }

  /** Cache blocks around everything, then the loops over register tiles. */
  #blocks(order: readonly number[], pieces: readonly Piece[]): void {
    const [d, ...inner] = order;
    if (d === undefined) {
      this.#tiles(this.#schedule.order, pieces, this.#schedule.lanes);
      return;
    }
    const size = this.#schedule.block[d]!;
    if (size <= 0 || size >= pieces[d]!.count) this.#blocks(inner, pieces);
    else this.#split(pieces, d, size, (p) => this.#blocks(inner, p));
  }

  #tiles(order: readonly number[], pieces: readonly Piece[], lanes: number, tile = this.#schedule.tile): void {
    const [d, ...inner] = order;
    if (d === undefined) {
      this.leaf(pieces, lanes);
      return;
    }
    if (d === this.#edge) {
      this.#borders(d, inner, pieces, lanes);
      return;
    }
    if (inner.length === 0) this.#gather(d, pieces);
    const ends = [...(this.#windows?.[d] ?? []), pieces[d]!.count];
    ends.forEach((end, i) => {
      const from = ends[i - 1] ?? 0;
      const cut = { at: add(pieces[d]!.at, constant(from)), count: end - from };
      this.#tilesAlong(
        d,
        inner,
        pieces.map((p, k) => (k === d ? cut : p)),
        lanes,
        tile,
      );
    });
  }

  /** Before the columns of a tile of rows, along dimension d. */
  #gather(d: number, pieces: readonly Piece[]): void {
    const many = pieces.flatMap((p, i) => (i !== d && p.count > 1 ? [i] : []));
    this.#values.gathered = undefined;
    if (!this.#gathered || many.length > 1) return;
    const row = many[0] ?? -1;
    const pointAt = (r: AffineExpr): At =>
      this.#parted(pieces.map((p, i) => (i === d ? constant(0) : i === row ? add(p.at, r) : p.at)));
    this.#values.gathered = gatherRows(this.#gathered, this.#values, pieces[row]?.count ?? 1, pointAt);
  }

  #tilesAlong(
    d: number,
    inner: readonly number[],
    pieces: readonly Piece[],
    lanes: number,
    tile: readonly number[],
  ): void {
    const { vector } = this.#schedule;
    if (d !== vector) {
      this.#split(pieces, d, this.#interior[d] ? 1 : tile[d]!, (p) => this.#tiles(inner, p, lanes, tile));
      return;
    }
    // Full tiles, then whole vectors, then vectors of half as many lanes, and so on down to single elements.
    const { count } = pieces[d]!;
    const part = (offset: number, n: number): Piece[] =>
      pieces.map((p, i) => (i === d ? { at: add(p.at, constant(offset)), count: n } : p));
    let done = 0;
    for (let wide = lanes; wide > 1 && done < count; wide = wide > narrowest ? wide / 2 : 1) {
      const n = Math.floor((count - done) / wide) * wide;
      const size = wide === lanes ? tile[d]! : wide;
      if (n > 0) this.#split(part(done, n), d, size, (p) => this.#tiles(inner, p, wide, tile));
      done += n;
      if (this.#windows && n > 0 && done < count) {
        this.#tiles(inner, part(count - wide, wide), wide);
        return;
      }
    }
    if (done < count) this.#split(part(done, count - done), d, 1, (p) => this.#tiles(inner, p, 1, tile));
  }

  /**
   * The innermost dimension with borders: tiles of what is inside, then, one by one, what is left over, which is all of it where an
   * outer dimension is at its border.
   */
  #borders(d: number, inner: readonly number[], pieces: readonly Piece[], lanes: number): void {
    const { nest } = this.#values;
    const { b } = nest;
    const { at: start, count } = pieces[d]!;
    const put = (at: AffineExpr, size: number): Piece[] => pieces.map((p, i) => (i === d ? { at, count: size } : p));
    const { from, to } = this.#interior[d]!;
    const tile = this.#schedule.tile[d]!;
    const others = this.#interior.flatMap((i, o) => (i && o !== d ? [{ ...i, at: pieces[o]!.at, d: o }] : []));
    const walkable =
      start.kind === "constant" && start.value === 0 && others.every((o) => o.at.kind === "dim" && o.to > o.from);
    const inside = others.reduce((n, o) => (n * (o.to - o.from)) / this.#shape[o.d]!, (to - from) / count);
    const many = walkable && inside >= fewestInside ? Math.floor((to - from) / tile) * tile : 0;
    const atEdge = (p: readonly Piece[]): void => this.#tiles(inner, p, lanes, this.#schedule.edge);
    if (many === 0) {
      this.#split(pieces, d, 1, atEdge);
      return;
    }
    const one = (at: AffineExpr): void => atEdge(put(at, 1));
    const [skipped, none] = [nest.constant(many), nest.constant(0)];
    const whole = (): void => this.#split(put(constant(from), many), d, tile, (p) => this.#tiles(inner, p, lanes));
    if (others.length === 0) {
      whole();
      if (count > many) {
        const before = nest.constant(from);
        this.#loop(count, one, (counter) => beyond(counter, before), nest.constant(count - many));
      }
      return;
    }
    // Between the borders of the other dimensions.
    const isBetween = others
      .map((o): Value => {
        const offset = arith.subi(b, nest.index(o.at), nest.constant(o.from));
        return arith.cmpi(b, offset, nest.constant(o.to - o.from), { predicate: "ult" });
      })
      .reduce((x, y): Value => arith.andi(b, x, y));
    scf.if(b, isBetween, {
      types: [],
      thenRegion: (then) => {
        invariant(then.block, "a branch has a block");
        nest.enter(then.block, false, true);
        const known = others.reduce((make, o) => () => nest.within(o.at, { low: o.from, high: o.to - 1 }, make), whole);
        known();
        nest.close();
        return [];
      },
    });
    const left = arith.select(b, isBetween, nest.constant(count - many), nest.constant(count));
    const first = arith.select(b, isBetween, nest.constant(from), nest.constant(count));
    this.#loop(count, one, (counter) => beyond(counter, first), left);

    /** The number of a result that is left over, as a position. */
    function beyond(counter: Value, before: Value): Value {
      const isBehind = arith.cmpi(b, counter, before, { predicate: "uge" });
      return arith.addi(b, counter, arith.select(b, isBehind, skipped, none));
    }
  }

  /** Cuts a piece along dimension d into pieces of `size`: a loop over the whole ones, then the rest. */
  #split(pieces: readonly Piece[], d: number, size: number, body: (pieces: readonly Piece[]) => void): void {
    const { at, count } = pieces[d]!;
    const whole = Math.floor(count / size);
    const put = (piece: Piece): Piece[] => pieces.map((p, i) => (i === d ? piece : p));
    if (whole === 1) body(put({ at, count: size }));
    else if (whole > 1) {
      this.#loop(whole, (counter) => body(put({ at: add(at, mul(counter, constant(size))), count: size })));
    }
    const rest = count - whole * size;
    if (rest > 0) body(put({ at: add(at, constant(whole * size)), count: rest }));
  }

  /** `position` makes of the counter what the body knows as it, which stays below `below`; `turns` are less than that. */
  #loop(below: number, body: (counter: AffineExpr) => void, position?: (counter: Value) => Value, turns?: Value): void {
    const { nest } = this.#values;
    scf.for(nest.b, nest.constant(0), turns ?? nest.constant(below), nest.constant(1), [], {
      region: (inner, counter) => {
        invariant(inner.block && counter, "the body of a loop has a block");
        nest.b.setToEnd(inner.block);
        body(nest.open(inner.block, position?.(counter) ?? counter, below));
        nest.close();
        return [];
      },
    });
  }

  /** A position in dimensions that run as one, as a position in each of them. */
  #parted(point: At): At {
    const { joined } = this.#schedule;
    if (!joined) return point;
    const all = point[joined[joined.length - 1]!]!;
    let size = joined.reduce((n, d) => n * this.#shape[d]!, 1);
    let left = all;
    const parts = new Map<number, AffineExpr>();
    for (const d of joined) {
      size /= this.#shape[d]!;
      parts.set(d, floordiv(left, constant(size)));
      left = mod(left, constant(size));
    }
    return point.map((e, d) => parts.get(d) ?? e);
  }

  /** All elements of one register tile. */
  leaf(pieces: readonly Piece[], lanes: number): void {
    const { vector } = this.#schedule;
    // Along the vector dimension, either whole vectors or single elements.
    const wide = vector >= 0 && pieces[vector]!.count % lanes === 0 && lanes > 1;
    const points = pointsIn(pieces, wide ? vector : -1, lanes).map((point) => this.#parted(point));
    for (const { value } of this.#stores) this.#values.prepare(value, points, lanes);
    // All values, then all stores: neighbours are stored one after the other, with nothing between them.
    const made = this.#stores.flatMap(({ value, buffer }) =>
      points.map((point) => {
        const at = this.#values.resolve(point, lanes);
        return { buffer, at, element: this.#values.read(value, at, lanes) };
      }),
    );
    for (const { buffer, at, element } of made) this.#values.store(buffer, at, element, lanes);
  }
}
