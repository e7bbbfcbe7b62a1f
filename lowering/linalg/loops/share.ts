/**
 * @file Products of matrices by workgroups: each has a tile of results, and its threads load the rows and columns for it
 * into memory that they share, a few steps of the sums at a time. For a convolution this is the product with the matrix
 * of its windows, which is never written down: the taps are loops around the blocks. What the inputs are made of is
 * computed as it is loaded, what is made of the results as they are stored.
 */
import * as affine from "../../../dialects/affine/index.ts";
import * as arith from "../../../dialects/arith/ops.ts";
import * as gpu from "../../../dialects/gpu.ts";
import type { StructuredOperand } from "../../../dialects/linalg/structure.ts";
import * as memref from "../../../dialects/memref/index.ts";
import * as scf from "../../../dialects/scf/ops.ts";
import * as vector from "../../../dialects/vector/index.ts";
import { type AffineExpr, add, affineMap, constant, dim, floordiv, mod, mul } from "../../../ir/affine.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/core.ts";
import { i8, type MemRefType, memref as memrefType, vector as vectorType } from "../../../ir/types.ts";
import { invariant } from "../../../support/diagnostic.ts";
import { type DepthSplit, type Product, splitDepth } from "../product.ts";
import { type RootSchedule, reductionSchedule } from "../schedule-attribute.ts";
import { loopOfDim, stepAlong } from "../steps.ts";
import { counted } from "./counted.ts";
import type { Nest } from "./nest.ts";
import { type At, lane, mapped, terms } from "./ranges.ts";
import { Reduction } from "./reduce.ts";
import { domainOf, type KernelValues } from "./values.ts";

/** A value of a kernel and the buffer that it goes to. */
export interface Store {
  readonly value: Value;
  readonly buffer: Value;
}

/** Sizes of the tiles, and how many there are. */
interface Sizes {
  readonly rows: number;
  readonly columns: number;
  readonly tileRows: number;
  readonly tileColumns: number;
  readonly threadRows: number;
  readonly threadColumns: number;
  readonly depth: number;
  readonly lanes: number;
  readonly threads: number;
}

/** Writes the launch. `start` makes what computes elements in a nest. */
export function onShared(
  b: Builder,
  p: Product,
  schedule: RootSchedule,
  stores: readonly Store[],
  start: (inner: Builder) => KernelValues,
): void {
  const shape = p.structure.outputs[0]!.shape;
  const extentOf = (dims: readonly number[]): number => dims.reduce((n, d) => n * shape[d]!, 1);
  const [tileRows = 1, tileColumns = 1, threadRows = 1, threadColumns = 1, depth = 1] = schedule.share!;
  const sizes: Sizes = {
    rows: extentOf(p.rows),
    columns: shape[shape.length - 1]!,
    tileRows,
    tileColumns,
    threadRows,
    threadColumns,
    depth,
    lanes: schedule.lanes,
    threads: (tileRows / threadRows) * (tileColumns / threadColumns),
  };
  const index = (n: number): Value => arith.constantIndex(b, n);
  const grid = [Math.ceil(sizes.columns / tileColumns), Math.ceil(sizes.rows / tileRows), extentOf(p.batch)] as const;
  const sharedOf = (o: StructuredOperand, count: number): MemRefType =>
    memrefType([count], o.element, undefined, gpu.workgroupSpace);
  gpu.launchThreads(
    b,
    [index(grid[0]), index(grid[1]), index(grid[2])],
    [index(sizes.threads), index(1), index(1)],
    (inner, ids, [left, right]) => {
      invariant(inner.block && left && right, "the body of a launch has a block and two buffers");
      new SharedProduct(start(inner), p, sizes, { ids, grid, left, right }).run(stores);
    },
    [sharedOf(p.left, tileRows * depth), sharedOf(p.right, depth * tileColumns)],
  );
}

interface Launch {
  readonly ids: readonly Value[];
  readonly grid: readonly [number, number, number];
  readonly left: Value;
  readonly right: Value;
}

/** Part of a tile that a thread loads in one go: where it lies in shared memory, and at which loops its elements are. */
interface Load {
  readonly at: AffineExpr;
  readonly loops: ReadonlyMap<number, AffineExpr>;
  /** Lanes along the innermost sum, or along the columns. */
  readonly lanes: number;
  /** The thread has such a part only if this holds. */
  readonly guard: Value | undefined;
}

/** A result of the thread. */
interface Point {
  readonly at: At;
  /** Number of its row and its column among the thread's. */
  readonly row: number;
  readonly column: number;
}

class SharedProduct {
  readonly #values: KernelValues;
  readonly #nest: Nest;
  readonly #p: Product;
  readonly #sizes: Sizes;
  readonly #split: DepthSplit;
  readonly #left: Value;
  readonly #right: Value;
  /** The thread's number, and its place among the tiles of threads. */
  readonly #thread: AffineExpr;
  readonly #across: AffineExpr;
  readonly #down: AffineExpr;
  /** The workgroup's tile. */
  readonly #tileRow: AffineExpr;
  readonly #tileColumn: AffineExpr;
  readonly #batch: ReadonlyMap<number, AffineExpr>;
  /** Expressions that are numbers of their own. */
  readonly #named = new Map<AffineExpr, AffineExpr>();
  /** Dimensions of rows that have been taken apart. */
  readonly #rowsAt = new Map<string, Map<number, AffineExpr>>();

  constructor(values: KernelValues, p: Product, sizes: Sizes, { ids, grid, left, right }: Launch) {
    const split = splitDepth(p, sizes.depth);
    invariant(split, "the depth of a block divides the sums", p.structure.op.loc);
    this.#values = values;
    this.#nest = values.nest;
    this.#p = p;
    this.#sizes = sizes;
    this.#split = split;
    this.#left = left;
    this.#right = right;
    const [bx, by, bz, tx] = ids as readonly [Value, Value, Value, Value];
    const id = (v: Value, n: number): AffineExpr =>
      n === 1 ? constant(0) : this.#nest.given(affine.apply(this.#nest.b, [v], { map: affineMap(1, 0, [dim(0)]) }), n);
    const across = sizes.tileColumns / sizes.threadColumns;
    this.#thread = id(tx, sizes.threads);
    this.#across = this.#known(mod(this.#thread, constant(across)), across);
    this.#down = this.#known(floordiv(this.#thread, constant(across)), sizes.threads / across);
    this.#tileColumn = id(bx, grid[0]);
    this.#tileRow = id(by, grid[1]);
    this.#batch = this.#places(p.batch, id(bz, grid[2]));
  }

  /** An expression as a number of its own. */
  #known(e: AffineExpr, count: number): AffineExpr {
    if (e.kind === "constant" || e.kind === "dim") return e;
    const found = this.#named.get(e) ?? this.#nest.given(this.#nest.index(e), count);
    this.#named.set(e, found);
    return found;
  }

  /** A position in several dimensions of the result taken apart. */
  #places(dims: readonly number[], position: AffineExpr): Map<number, AffineExpr> {
    const { shape } = this.#p.structure.outputs[0]!;
    const found = new Map<number, AffineExpr>();
    let left = dims.reduce((n, d) => n * shape[d]!, 1);
    let rest = position;
    [...dims].reverse().forEach((d, i) => {
      const extent = shape[d]!;
      left /= extent;
      if (i === dims.length - 1) found.set(d, rest);
      else {
        found.set(d, this.#known(mod(rest, constant(extent)), extent));
        rest = this.#known(floordiv(rest, constant(extent)), left);
      }
    });
    return found;
  }

  /** A number that is at most `most`; `may` tells whether it could be more. */
  #atMost(e: AffineExpr, most: number, may: boolean): AffineExpr {
    if (!may) return this.#known(e, most + 1);
    const { b } = this.#nest;
    const clamped = arith.minui(b, this.#nest.index(e), this.#nest.constant(most));
    return this.#nest.given(clamped, most + 1);
  }

  /** The dimensions of row `e` of the workgroup's tile; rows behind the last are the last. `unit` rows from there on exist. */
  #row(e: AffineExpr, unit = 1): Map<number, AffineExpr> {
    const { rows, tileRows } = this.#sizes;
    const key = `${e.id} ${unit}`;
    const known = this.#rowsAt.get(key);
    if (known) return known;
    const row = add(mul(this.#tileRow, constant(tileRows)), e);
    const places = this.#places(this.#p.rows, this.#atMost(row, rows - unit, rows % tileRows !== 0));
    this.#rowsAt.set(key, places);
    return places;
  }

  /** The first of `unit` columns, `e` times as many behind those of the workgroup; columns behind the last are the last. */
  #column(e: AffineExpr, unit: number): AffineExpr {
    const { columns, tileColumns } = this.#sizes;
    const at = add(mul(this.#tileColumn, constant(tileColumns / unit)), e);
    return mul(this.#atMost(at, columns / unit - 1, columns % tileColumns !== 0), constant(unit));
  }

  /** Computes the tile and stores it. */
  run(stores: readonly Store[]): void {
    const { structure, sums } = this.#p;
    const { op } = structure;
    const points = this.#points();
    const plain = new Reduction(this.#values, op, structure, reductionSchedule(op, sums), this.#sizes.lanes);
    const begin = points.flatMap(({ at }) => plain.initial(domainOf(structure, 0, at)));
    const loads = [this.#leftLoads(), this.#rightLoads()] as const;
    const results = this.#blocks(sums, new Map(), begin, loads);
    const { memo } = this.#nest.levels[0]!;
    points.forEach(({ at }, i) => {
      memo.set(this.#values.key(op.result(0), at, this.#sizes.lanes), results[i]!);
    });
    this.#store(points, stores);
  }

  /** The results of the thread, row by row. */
  #points(): Point[] {
    const { threadRows, threadColumns, tileColumns, lanes } = this.#sizes;
    const { shape } = this.#p.structure.outputs[0]!;
    const inner = this.#p.rows[this.#p.rows.length - 1];
    const first = mul(this.#down, constant(threadRows));
    // Rows of a thread that lie in one line are counted on from the first.
    const line = inner !== undefined && shape[inner]! % threadRows === 0;
    const start = line ? this.#row(first, threadRows) : undefined;
    const across = tileColumns / threadColumns;
    const columns = Array.from({ length: threadColumns / lanes }, (_, j) => {
      const e = this.#column(add(this.#across, constant(j * across)), lanes);
      return lanes > 1 ? add(e, lane) : e;
    });
    return Array.from({ length: threadRows }, (_, row) => {
      const place = start
        ? new Map([...start].map(([d, e]) => [d, d === inner ? add(e, constant(row)) : e] as const))
        : this.#row(add(first, constant(row)));
      return columns.map((e, column) => {
        const at = shape.map((_, d) =>
          d === shape.length - 1 ? e : (place.get(d) ?? this.#batch.get(d) ?? constant(0)),
        );
        return { at: this.#values.resolve(at, lanes), row, column };
      });
    }).flat();
  }

  /** The loops of the result's dimensions. */
  #loopsOf(places: ReadonlyMap<number, AffineExpr>): Map<number, AffineExpr> {
    const { structure } = this.#p;
    return new Map([...this.#batch, ...places].map(([d, e]) => [loopOfDim(structure, d), e]));
  }

  /** The sums inside of a block at step `e` of it. */
  #sumsAt(e: AffineExpr): Map<number, AffineExpr> {
    const { structure } = this.#p;
    const { loop, part, inner } = this.#split;
    const found = new Map<number, AffineExpr>();
    let rest = e;
    let left = this.#sizes.depth;
    for (const l of [...inner].reverse()) {
      const { extent } = structure.loops[l]!;
      left /= extent;
      found.set(l, this.#known(mod(rest, constant(extent)), extent));
      rest = this.#known(floordiv(rest, constant(extent)), left);
    }
    found.set(loop, part === 1 ? constant(0) : rest);
    return found;
  }

  /** Numbers the parts of a tile for the threads: which ones a thread has, and whether it has the last. */
  #parts(count: number): { readonly part: AffineExpr; readonly guard: Value | undefined }[] {
    const { threads } = this.#sizes;
    return Array.from({ length: Math.ceil(count / threads) }, (_, i) => {
      const part = add(this.#thread, constant(i * threads));
      const { b } = this.#nest;
      const beyond = (i + 1) * threads > count;
      // A thread without such a part reads the last one, and does not write it.
      return {
        part: beyond ? this.#atMost(part, count - 1, true) : part,
        guard: beyond
          ? arith.cmpi(b, this.#nest.index(part), this.#nest.constant(count), { predicate: "ult" })
          : undefined,
      };
    });
  }

  /** Tile and step of part `e`, where steps (or else tiles) of a row of `size` are neighbours. */
  #apart(e: AffineExpr, size: number, count: number): readonly [AffineExpr, AffineExpr] {
    if (size === 1) return [e, constant(0)];
    // Parts that are whole rows away from the thread's first are at the same place in theirs.
    const away = terms(e).rest;
    const [first, rows] = away % size === 0 ? [add(e, constant(-away)), away / size] : [e, 0];
    const row = this.#known(floordiv(first, constant(size)), count - rows);
    return [add(row, constant(rows)), this.#known(mod(first, constant(size)), size)];
  }

  #leftLoads(): Load[] {
    const { tileRows, depth } = this.#sizes;
    const { structure, left, rows, sums } = this.#p;
    const innermost = sums[sums.length - 1]!;
    const whole = this.#split.inner.length > 0 ? structure.loops[innermost]!.extent : this.#split.part;
    const wide = this.#isWord(left) && stepAlong(structure, left.index, innermost) === 1 && whole % 4 === 0;
    const lanes = wide && structure.loops[innermost]!.extent % 4 === 0 ? 4 : 1;
    const inner = rows[rows.length - 1];
    const byRows = inner !== undefined && stepAlong(structure, left.index, loopOfDim(structure, inner)) === 1;
    const steps = depth / lanes;
    return this.#parts(tileRows * steps).map(({ part, guard }) => {
      const [row, step] =
        byRows && lanes === 1
          ? ([...this.#apart(part, tileRows, steps)].reverse() as [AffineExpr, AffineExpr])
          : this.#apart(part, steps, tileRows);
      const first = mul(step, constant(lanes));
      const loops = new Map([...this.#loopsOf(this.#row(row)), ...this.#sumsAt(first)]);
      if (lanes > 1) loops.set(innermost, add(loops.get(innermost)!, lane));
      const at = add(mul(row, constant(depth)), first);
      return { at: byRows && lanes === 1 ? at : mul(part, constant(lanes)), loops, lanes, guard };
    });
  }

  #rightLoads(): Load[] {
    const { tileColumns, depth, lanes: wide } = this.#sizes;
    const { structure, right, sums } = this.#p;
    const columns = loopOfDim(structure, structure.outputs[0]!.shape.length - 1);
    // Packed weights have no step, and lie side by side in panels.
    const lanes =
      (this.#isWord(right) || right.element === i8) && (stepAlong(structure, right.index, columns) ?? 1) === 1
        ? wide
        : 1;
    const bySteps = stepAlong(structure, right.index, sums[sums.length - 1]!) === 1;
    const across = tileColumns / lanes;
    return this.#parts(across * depth).map(({ part, guard }) => {
      const [step, column] =
        bySteps && lanes === 1
          ? ([...this.#apart(part, depth, across)].reverse() as [AffineExpr, AffineExpr])
          : this.#apart(part, across, depth);
      const loops = new Map([...this.#loopsOf(new Map()), ...this.#sumsAt(step)]);
      const at = this.#column(column, lanes);
      loops.set(columns, lanes > 1 ? add(at, lane) : at);
      const place = add(mul(step, constant(tileColumns)), column);
      return { at: bySteps && lanes === 1 ? place : mul(part, constant(lanes)), loops, lanes, guard };
    });
  }

  #isWord(o: StructuredOperand): boolean {
    return (o.element.kind === "float" || o.element.kind === "integer") && o.element.width === 32;
  }

  /** The loops around the blocks; inside of them a block is loaded and summed up. */
  #blocks(
    order: readonly number[],
    sums: ReadonlyMap<number, AffineExpr>,
    carried: readonly Value[],
    loads: readonly (readonly Load[])[],
  ): readonly Value[] {
    const { structure } = this.#p;
    const [loop, ...inner] = order;
    if (loop === undefined || this.#split.inner.includes(loop)) return this.#block(sums, carried, loads);
    const unit = loop === this.#split.loop ? this.#split.part : 1;
    const count = structure.loops[loop]!.extent / unit;
    const go = (e: AffineExpr, c: readonly Value[]): readonly Value[] =>
      this.#blocks(inner, new Map([...sums, [loop, mul(e, constant(unit))]]), c, loads);
    return count === 1 ? go(constant(0), carried) : counted(this.#values, count, carried, go);
  }

  #block(
    sums: ReadonlyMap<number, AffineExpr>,
    carried: readonly Value[],
    [left, right]: readonly (readonly Load[])[],
  ): readonly Value[] {
    const { b } = this.#nest;
    for (const l of left!) this.#load(this.#p.left, this.#left, l, sums);
    for (const l of right!) this.#load(this.#p.right, this.#right, l, sums);
    gpu.barrier(b);
    const next = this.#sum(carried);
    gpu.barrier(b);
    return next;
  }

  #load(from: StructuredOperand, to: Value, l: Load, sums: ReadonlyMap<number, AffineExpr>): void {
    const domain = this.#p.structure.loops.map((_, i) => {
      const [inside, around] = [l.loops.get(i), sums.get(i)];
      return inside && around ? add(around, inside) : (inside ?? around ?? constant(0));
    });
    const value = this.#values.read(from.value, mapped(from, domain), l.lanes);
    this.#where(l.guard, () => {
      this.#values.store(to, [l.lanes > 1 ? add(l.at, lane) : l.at], value, l.lanes);
    });
  }

  /** Something that only some threads do. */
  #where(guard: Value | undefined, run: () => void): void {
    if (!guard) {
      run();
      return;
    }
    scf.if(this.#nest.b, guard, {
      types: [],
      thenRegion: (then) => {
        invariant(then.block, "a branch has a block");
        this.#nest.enter(then.block);
        run();
        this.#nest.close();
        return [];
      },
    });
  }

  /** One block of the sums from shared memory, four steps at a time if that divides it. */
  #sum(carried: readonly Value[]): readonly Value[] {
    const { depth } = this.#sizes;
    const unit = depth % 4 === 0 ? 4 : 1;
    return counted(this.#values, depth / unit, carried, (e, c) => this.#steps(mul(e, constant(unit)), unit, c));
  }

  #steps(first: AffineExpr, unit: number, carried: readonly Value[]): readonly Value[] {
    const { threadRows, threadColumns, tileColumns, depth, lanes } = this.#sizes;
    const { structure, left, right } = this.#p;
    const { b } = this.#nest;
    const across = tileColumns / threadColumns;
    const fetch = (buffer: Value, at: AffineExpr, wide: number): Value => {
      const indices = [this.#nest.index(this.#nest.resolve(at, 1))];
      const { element } = buffer.type as MemRefType;
      return wide === 1
        ? memref.load(b, buffer, indices)
        : vector.load(b, buffer, indices, { types: [vectorType([wide], element)] });
    };
    const columns = threadColumns / lanes;
    const rows = Array.from({ length: threadRows }, (_, i) =>
      fetch(
        this.#left,
        add(mul(add(mul(this.#down, constant(threadRows)), constant(i)), constant(depth)), first),
        unit,
      ),
    );
    let sums = carried;
    for (let q = 0; q < unit; q++) {
      const loaded = Array.from({ length: columns }, (_, j) => {
        const place = mul(add(this.#across, constant(j * across)), constant(lanes));
        return fetch(this.#right, add(mul(add(first, constant(q)), constant(tileColumns)), place), lanes);
      });
      const points = rows.flatMap((row, i) => {
        const one = unit === 1 ? row : vector.extract(b, row, [], { static_position: [q] });
        return loaded.map((column, j) => ({
          domain: [] as AffineExpr[],
          args: [
            ...structure.inputs.map((o) =>
              o === left ? one : o === right ? column : o.arg?.hasUses ? this.#values.read(o.value, [], 1) : undefined,
            ),
            sums[i * columns + j]!,
          ],
        }));
      });
      sums = this.#values.inline(structure.body, points, lanes).map(([v]) => v!);
    }
    return sums;
  }

  /** Everything that is made of the results, then the stores of what is in range. */
  #store(points: readonly Point[], stores: readonly Store[]): void {
    const { lanes } = this.#sizes;
    const made = points.map((point) => ({
      point,
      elements: stores.map(({ value }) => this.#values.read(value, point.at, lanes)),
    }));
    // Points of one row are in range together, unless columns are left over.
    const groups = new Map<Value | undefined, typeof made>();
    for (const m of made) {
      const test = this.#inRange(m.point);
      groups.set(test, [...(groups.get(test) ?? []), m]);
    }
    for (const [test, members] of groups) {
      this.#where(test, () => {
        for (const { point, elements } of members) {
          stores.forEach(({ buffer }, i) => {
            this.#values.store(buffer, point.at, elements[i]!, lanes);
          });
        }
      });
    }
  }

  /** Whether a result is one, and not a repetition of the last; nothing if all are. */
  #inRange({ row, column }: Point): Value | undefined {
    const { rows, columns, tileRows, tileColumns, threadRows, threadColumns, lanes } = this.#sizes;
    const { b } = this.#nest;
    const below = (key: string, e: AffineExpr, n: number): Value =>
      this.#nest.at(this.#nest.levels[0]!, key, () =>
        arith.cmpi(b, this.#nest.index(e), this.#nest.constant(n), { predicate: "ult" }),
      );
    const tests: Value[] = [];
    if (rows % tileRows !== 0) {
      // All rows of a thread are in range or none, if they divide the rows.
      const i = rows % threadRows === 0 ? 0 : row;
      const e = add(mul(this.#tileRow, constant(tileRows)), add(mul(this.#down, constant(threadRows)), constant(i)));
      tests.push(below(`row ${i} in range`, e, rows));
    }
    if (columns % tileColumns !== 0) {
      const across = add(this.#across, constant(column * (tileColumns / threadColumns)));
      const e = add(mul(this.#tileColumn, constant(tileColumns / lanes)), across);
      tests.push(below(`column ${column} in range`, e, columns / lanes));
    }
    const [first, second] = tests;
    if (!first || !second) return first;
    return this.#nest.at(this.#nest.levels[0]!, `point ${row} ${column} in range`, () => arith.andi(b, first, second));
  }
}
