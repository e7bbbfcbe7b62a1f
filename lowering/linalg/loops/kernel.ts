/**
 * @file A kernel from structured ops on tensors to a loop nest on memrefs, as its schedule says. The results are walked
 * tile by tile; the tile's elements are asked for (values.ts), and everything the kernel computes follows from that.
 */
import * as bufferization from "../../../dialects/bufferization.ts";
import * as func from "../../../dialects/func.ts";
import type { Structure } from "../../../dialects/linalg/structure.ts";
import * as scf from "../../../dialects/scf/ops.ts";
import { type AffineExpr, add, constant, mul } from "../../../ir/affine.ts";
import { Builder } from "../../../ir/builder.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import type { TensorType } from "../../../ir/types.ts";
import { fault, invariant } from "../../../support/diagnostic.ts";
import { cutsOf, slidesOverPlanes } from "../planes.ts";
import { type Product, productOf } from "../product.ts";
import { type RootSchedule, rootSchedule } from "../schedule-attribute.ts";
import { stashOf } from "../stash.ts";
import { onGrid, type Piece } from "./grid.ts";
import { Nest } from "./nest.ts";
import { lane } from "./ranges.ts";
import { reduceElements } from "./reduce.ts";
import { onRows } from "./rows.ts";
import { onShared, type Store } from "./share.ts";
import { type At, KernelValues } from "./values.ts";

/**
 * Turns the body of a kernel, tensors between `to_tensor` of its inputs and `materialize_in_destination` into its
 * outputs, into loops over the memrefs themselves.
 */
export function lowerKernel(fn: Operation): void {
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
  for (const group of byShape(stores)) {
    const { shape } = group[0]!.value.type as TensorType;
    if (shape.includes(0)) continue;
    const schedule = rootSchedule(fn, shape.length);
    values.turns = (schedule.turn ?? -1) >= 0;
    values.gaps = schedule.gaps ?? 1;
    const product = schedule.share && productIn(old, values, shape);
    if (schedule.rows !== undefined && schedule.workgroup) {
      onRows(b.setToEnd(block), sumsIn(old, values), shape, schedule, group, buffers);
    } else if (product) {
      onShared(b.setToEnd(block), product, schedule, group, (inner) => {
        invariant(inner.block, "the body of a launch has a block");
        return new KernelValues(new Nest(inner, inner.block), buffers, reduceElements);
      });
    } else if (!schedule.workgroup) new Walk(values, group, shape, schedule, windowsIn(old, values, shape)).run();
    else {
      onGrid(b.setToEnd(block), shape, schedule, schedule.workgroup, (nest, pieces) => {
        new Walk(new KernelValues(nest, buffers, reduceElements), group, shape, schedule).leaf(pieces, schedule.lanes);
      });
    }
  }
  func.return(b.setToEnd(block), []);
  for (const op of old.reverse()) op.erase();
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
    return structure?.loops.some((l) => l.kind === "reduction" && l.extent !== 1) ? [{ op, structure }] : [];
  });
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

/** Per dimension, where pieces begin other than the first. */
type Cuts = readonly (readonly number[])[];

class Walk {
  readonly #values: KernelValues;
  readonly #windows: Cuts | undefined;
  readonly #stores: readonly Store[];
  readonly #shape: readonly number[];
  readonly #schedule: RootSchedule;

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
  ) {
    this.#values = values;
    this.#windows = windows;
    this.#stores = stores;
    this.#shape = shape;
    this.#schedule = schedule;
  }

  run(): void {
    const whole: Piece[] = this.#shape.map((count) => ({ at: constant(0), count }));
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

  #tiles(order: readonly number[], pieces: readonly Piece[], lanes: number): void {
    const [d, ...inner] = order;
    if (d === undefined) {
      this.leaf(pieces, lanes);
      return;
    }
    const ends = [...(this.#windows?.[d] ?? []), pieces[d]!.count];
    ends.forEach((end, i) => {
      const from = ends[i - 1] ?? 0;
      const cut = { at: add(pieces[d]!.at, constant(from)), count: end - from };
      this.#tilesAlong(
        d,
        inner,
        pieces.map((p, k) => (k === d ? cut : p)),
        lanes,
      );
    });
  }

  #tilesAlong(d: number, inner: readonly number[], pieces: readonly Piece[], lanes: number): void {
    const { tile, vector } = this.#schedule;
    if (d !== vector) {
      this.#split(pieces, d, tile[d]!, (p) => this.#tiles(inner, p, lanes));
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
      if (n > 0) this.#split(part(done, n), d, size, (p) => this.#tiles(inner, p, wide));
      done += n;
      if (this.#windows && n > 0 && done < count) {
        this.#tiles(inner, part(count - wide, wide), wide);
        return;
      }
    }
    if (done < count) this.#split(part(done, count - done), d, 1, (p) => this.#tiles(inner, p, 1));
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

  #loop(count: number, body: (counter: AffineExpr) => void): void {
    const { nest } = this.#values;
    scf.for(nest.b, nest.constant(0), nest.constant(count), nest.constant(1), [], {
      region: (inner, counter) => {
        invariant(inner.block && counter, "the body of a loop has a block");
        body(nest.open(inner.block, counter, count));
        nest.close();
        return [];
      },
    });
  }

  /** All elements of one register tile. */
  leaf(pieces: readonly Piece[], lanes: number): void {
    const { vector } = this.#schedule;
    // Along the vector dimension, either whole vectors or single elements.
    const wide = vector >= 0 && pieces[vector]!.count % lanes === 0 && lanes > 1;
    let points: At[] = [[]];
    pieces.forEach((p, d) => {
      const along = wide && d === vector;
      const step = along ? lanes : 1;
      const offsets: AffineExpr[] = [];
      for (let o = 0; o < p.count; o += step) {
        const e = add(p.at, constant(o));
        offsets.push(along ? add(e, lane) : e);
      }
      points = points.flatMap((point) => offsets.map((o) => [...point, o]));
    });
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
