/**
 * @file Attention by workgroups: each has some rows, whose scores lie in memory that its threads share. Threads compute tiles of
 * the scores; those of a row's team put together the row's maximum and sum, and make its scores into shares in place; then threads
 * compute tiles of the results. What the scores, shares and results are made of besides is computed where it is asked for.
 */
import * as affine from "../../../dialects/affine/index.ts";
import * as arith from "../../../dialects/arith/ops.ts";
import * as gpu from "../../../dialects/gpu.ts";
import * as scf from "../../../dialects/scf/ops.ts";
import * as vector from "../../../dialects/vector/index.ts";
import { type AffineExpr, add, affineMap, constant, dim, floordiv, mod, mul } from "../../../ir/affine.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import { f32, type MemRefType, memref as memrefType, vector as vectorType } from "../../../ir/types.ts";
import { invariant } from "../../../support/diagnostic.ts";
import type { Attention } from "../attention.ts";
import { type RootSchedule, reductionSchedule } from "../schedule-attribute.ts";
import { counted } from "./counted.ts";
import { Nest } from "./nest.ts";
import { type At, lane, mapped } from "./ranges.ts";
import { Reduction, reduceElements } from "./reduce.ts";
import { apart, inTurns, TeamReduction } from "./rows.ts";
import type { Store } from "./share.ts";
import { domainOf, KernelValues } from "./values.ts";

/** Results of a thread along the rows, and elements of a tile of scores, at most. */
const mostRows = 4;
const mostScores = 8;

/** Writes the launch. */
export function onAttention(
  b: Builder,
  a: Attention,
  schedule: RootSchedule,
  stores: readonly Store[],
  buffers: ReadonlyMap<Value, Value>,
): void {
  const { shape } = a.values.structure.outputs[0]!;
  const [rows = 1] = schedule.attention!;
  const threads = schedule.workgroup!;
  const batch = a.values.batch.reduce((n, d) => n * shape[d]!, 1);
  const blocks = Math.ceil(a.rows / rows);
  const index = (n: number): Value => arith.constantIndex(b, n);
  const shared = (words: number): MemRefType => memrefType([words], f32, undefined, gpu.workgroupSpace);
  gpu.launchThreads(
    b,
    [index(blocks), index(batch), index(1)],
    [index(threads), index(1), index(1)],
    (inner, ids, [scores, ...teams]) => {
      invariant(inner.block && scores, "the body of a launch has a block and a buffer");
      new RowsOfAttention(new Nest(inner, inner.block), a, schedule, buffers, {
        ids,
        blocks,
        batch,
        scores,
        teams,
      }).run(stores);
    },
    [shared(rows * a.columns), ...a.sums.map(() => shared(threads))],
  );
}

interface Launch {
  readonly ids: readonly Value[];
  readonly blocks: number;
  readonly batch: number;
  /** Shared memory for the scores, and for each sum over rows. */
  readonly scores: Value;
  readonly teams: readonly Value[];
}

/** A row: its place among all, and among the workgroup's. */
interface Row {
  readonly at: AffineExpr;
  readonly own: AffineExpr;
}

class RowsOfAttention {
  readonly #nest: Nest;
  readonly #a: Attention;
  readonly #schedule: RootSchedule;
  readonly #values: KernelValues;
  readonly #launch: Launch;
  readonly #rows: number;
  readonly #threads: number;
  readonly #thread: AffineExpr;
  readonly #block: AffineExpr;
  readonly #batch: ReadonlyMap<number, AffineExpr>;
  /** Rows of the workgroup by what they are called among all. */
  readonly #own = new Map<number, AffineExpr>();
  readonly #sums = new Map<Operation, { readonly row: Row; readonly memory: Value }>();

  constructor(nest: Nest, a: Attention, schedule: RootSchedule, buffers: ReadonlyMap<Value, Value>, launch: Launch) {
    this.#nest = nest;
    this.#a = a;
    this.#schedule = schedule;
    this.#launch = launch;
    this.#rows = schedule.attention![0]!;
    this.#threads = schedule.workgroup!;
    const { ids, blocks, batch } = launch;
    const id = (v: Value, n: number): AffineExpr =>
      n === 1 ? constant(0) : nest.given(affine.apply(nest.b, [v], { map: affineMap(1, 0, [dim(0)]) }), n);
    this.#block = id(ids[0]!, blocks);
    const { shape } = a.values.structure.outputs[0]!;
    const dims = a.values.batch;
    const place = apart(
      nest,
      dims.map((d) => shape[d]!),
      id(ids[1]!, batch),
    );
    this.#batch = new Map(dims.map((d, i) => [d, place[i]!]));
    this.#thread = id(ids[3]!, this.#threads);
    this.#values = new KernelValues(nest, buffers, (v, op, structure, points, lanes) => {
      const sum = this.#sums.get(op);
      if (!sum) return reduceElements(v, op, structure, points, lanes);
      for (const p of points) this.#sumRow(op, p, sum.row, sum.memory);
    });
  }

  run(stores: readonly Store[]): void {
    const { scores, values, sums } = this.#a;
    const { b } = this.#nest;
    const row = this.#teamRow();
    sums.forEach(({ op }, i) => {
      this.#sums.set(op, { row, memory: this.#launch.teams[i]! });
    });
    this.#computeScores();
    gpu.barrier(b);
    this.#lies(scores.structure.op.result());
    // All threads sum up, in the order of the program, before they go different ways.
    for (const { op } of sums) this.#values.read(op.result(), this.#at(row.at, constant(0)), 1);
    const shares = values.left.value;
    this.#replaceBy(shares, row);
    gpu.barrier(b);
    this.#lies(shares);
    this.#computeResults(stores);
  }

  /** The first `rows` of a row that follows `e` of the workgroup's: rows behind the last of all are the last. */
  #rowsFrom(e: AffineExpr, count: number): Row[] {
    const nest = this.#nest;
    const beyond = this.#a.rows % this.#rows !== 0;
    const first = add(mul(this.#block, constant(this.#rows)), e);
    const named = beyond ? undefined : nest.given(nest.index(first), this.#a.rows);
    return Array.from({ length: count }, (_, i) => {
      const own = add(e, constant(i));
      const at = named
        ? add(named, constant(i))
        : nest.given(
            arith.minui(nest.b, nest.index(add(first, constant(i))), nest.constant(this.#a.rows - 1)),
            this.#a.rows,
          );
      this.#own.set(nest.resolve(at, 1).id, own);
      return { at, own };
    });
  }

  /** The row that the thread's team sums up. */
  #teamRow(): Row {
    const nest = this.#nest;
    const team = this.#threads / this.#rows;
    const own = nest.given(nest.index(floordiv(this.#thread, constant(team))), this.#rows);
    return this.#rowsFrom(own, 1)[0]!;
  }

  /** Columns that lie together as a vector. */
  get #wide(): number {
    return this.#schedule.attention![1]!;
  }

  get #member(): AffineExpr {
    const team = this.#threads / this.#rows;
    if (team === 1) return constant(0);
    const nest = this.#nest;
    return nest.given(nest.index(mod(this.#thread, constant(team))), team);
  }

  #at(row: AffineExpr, column: AffineExpr): At {
    const rank = this.#a.values.structure.outputs[0]!.shape.length;
    return Array.from({ length: rank }, (_, d) =>
      d === rank - 1 ? column : d === rank - 2 ? row : (this.#batch.get(d) ?? constant(0)),
    );
  }

  /** From now on, a tensor's elements of the workgroup's rows lie where the scores do. */
  #lies(tensor: Value): void {
    this.#values.placed.clear();
    this.#values.placed.set(tensor, {
      memory: this.#launch.scores,
      at: (index) => {
        const [row, column] = index.slice(-2) as [AffineExpr, AffineExpr];
        const own = this.#own.get(row.id);
        invariant(own, "rows of scores are known in their workgroup");
        return add(mul(own, constant(this.#a.columns)), column);
      },
    });
  }

  /** Puts scores or shares down, from a column on. */
  #put({ own }: Row, column: AffineExpr, v: Value): void {
    const lanes = v.type.kind === "vector" ? this.#wide : 1;
    const at = this.#nest.resolve(add(mul(own, constant(this.#a.columns)), column), 1);
    this.#values.store(this.#launch.scores, [lanes > 1 ? add(at, lane) : at], v, lanes);
  }

  #computeScores(): void {
    const { columns, scores } = this.#a;
    const { structure } = scores;
    const { op } = structure;
    const lanes = this.#schedule.attention![2]!;
    // Columns side by side that are put down together, and as many rows as make up a tile.
    const wide = this.#wide;
    const most = lanes > 1 ? mostRows : mostScores / wide;
    const high = Math.min(this.#rows, most);
    const across = columns / wide;
    this.#tiles(this.#rows / high, across, (down, right) => {
      const rows = this.#rowsFrom(mul(down, constant(high)), high);
      const first = mul(right, constant(wide));
      const places = lanes > 1 ? [add(first, lane)] : Array.from({ length: wide }, (_, j) => add(first, constant(j)));
      const points = rows.map(({ at }) => places.map((c) => this.#values.resolve(this.#at(at, c), lanes)));
      reduceElements(this.#values, op, structure, points.flat(), lanes);
      const made = points.map((ps) => ps.map((p) => this.#values.read(op.result(), p, lanes)));
      rows.forEach((row, i) => {
        const elements = made[i]!;
        this.#put(row, first, elements.length > 1 ? this.#together(elements) : elements[0]!);
      });
    });
  }

  /** Tiles, `down` rows of `across` of them, by turns of all threads. */
  #tiles(down: number, across: number, body: (down: AffineExpr, right: AffineExpr) => void): void {
    const nest = this.#nest;
    const threads = this.#threads;
    const each = (d: AffineExpr, r: AffineExpr): readonly Value[] => {
      body(d, r);
      return [];
    };
    if (threads % across !== 0) {
      inTurns(this.#values, { thread: this.#thread, threads }, down * across, [], (part) => {
        const [d, r] = apart(nest, [down, across], part) as [AffineExpr, AffineExpr];
        return each(d, r);
      });
      return;
    }
    // What divides the number of the thread is the same in all turns.
    const right = across === 1 ? constant(0) : nest.given(nest.index(mod(this.#thread, constant(across))), across);
    const rows = threads / across;
    const first = rows === 1 ? constant(0) : nest.given(nest.index(floordiv(this.#thread, constant(across))), rows);
    inTurns(this.#values, { thread: first, threads: rows }, down, [], (d) => each(d, right));
  }

  #together(elements: readonly Value[]): Value {
    return vector.from_elements(this.#nest.b, elements, { types: [vectorType([elements.length], f32)] });
  }

  /** A sum over a row by its team. */
  #sumRow(op: Operation, point: At, row: Row, memory: Value): void {
    const nest = this.#nest;
    const team = this.#threads / this.#rows;
    const structure = this.#values.structure(op)!;
    nest.at(nest.levels[0]!, this.#values.key(op.result(), point, 1), () =>
      new TeamReduction(this.#values, op, structure, {
        thread: this.#member,
        threads: team,
        memory,
        subgroups: false,
        at: (e) => add(mul(row.own, constant(team)), e),
      }).sum(point),
    );
  }

  /** Elements of a row, made of what lies in shared memory, take its place: each is made by the thread that has read it. */
  #replaceBy(shares: Value, row: Row): void {
    const { columns } = this.#a;
    const lanes = this.#wide;
    const turns = { thread: this.#member, threads: this.#threads / this.#rows };
    inTurns(this.#values, turns, columns / lanes, [], (part) => {
      const first = mul(part, constant(lanes));
      const column = lanes > 1 ? add(first, lane) : first;
      this.#put(row, first, this.#values.read(shares, this.#at(row.at, column), lanes));
      return [];
    });
  }

  #computeResults(stores: readonly Store[]): void {
    const { values } = this.#a;
    const { shape } = values.structure.outputs[0]!;
    const { lanes } = this.#schedule;
    const across = shape[shape.length - 1]! / lanes;
    const busy = (n: number): boolean => (this.#rows / n) * across >= this.#threads;
    const high = [mostRows, 2].find((n) => this.#rows % n === 0 && busy(n)) ?? 1;
    this.#tiles(this.#rows / high, across, (down, right) => {
      const rows = this.#rowsFrom(mul(down, constant(high)), high);
      const first = mul(right, constant(lanes));
      const points = rows.map(({ at }) =>
        this.#values.resolve(this.#at(at, lanes > 1 ? add(first, lane) : first), lanes),
      );
      this.#sumUp(rows, points);
      const made = points.map((p) => stores.map(({ value }) => this.#values.read(value, p, lanes)));
      points.forEach((p, i) => {
        this.#whereExists(rows[i]!, () => {
          stores.forEach(({ buffer }, s) => {
            this.#values.store(buffer, p, made[i]![s]!, lanes);
          });
        });
      });
    });
  }

  /** Sums of shares times values, as many steps at a time as shares lie together. */
  #sumUp(rows: readonly Row[], points: readonly At[]): void {
    const { structure, left, right, sums } = this.#a.values;
    const { lanes } = this.#schedule;
    const { op } = structure;
    const nest = this.#nest;
    const [loop] = sums as readonly [number];
    const wide = this.#wide;
    const domains = points.map((p) => domainOf(structure, 0, p));
    const plain = new Reduction(this.#values, op, structure, reductionSchedule(op, sums), lanes);
    const begin = domains.flatMap((d) => plain.initial(d));
    const results = counted(this.#values, this.#a.columns / wide, begin, (e, carried) => {
      const first = mul(e, constant(wide));
      const shares = rows.map((row) =>
        this.#values.read(left.value, this.#at(row.at, wide > 1 ? add(first, lane) : first), wide),
      );
      return Array.from({ length: wide }, (_, q) => q).reduce<readonly Value[]>((held, q) => {
        const here = domains.map((d) => d.map((x, l) => (l === loop ? add(first, constant(q)) : x)));
        const uses = here.map((domain, i) => {
          const share = shares[i]!;
          const one = wide > 1 ? vector.extract(nest.b, share, [], { static_position: [q] }) : share;
          const args = structure.inputs.map((o) => {
            if (o === left) return one;
            return o.arg?.hasUses ? this.#values.read(o.value, mapped(o, domain), o === right ? lanes : 1) : undefined;
          });
          return { domain, args: [...args, held[i]!] };
        });
        return this.#values.inline(structure.body, uses, lanes).map(([v]) => v!);
      }, carried);
    });
    points.forEach((p, i) => {
      nest.top.memo.set(this.#values.key(op.result(), p, lanes), results[i]!);
    });
  }

  /** Only for rows that are not behind the last. */
  #whereExists({ own }: Row, run: () => void): void {
    if (this.#a.rows % this.#rows === 0) {
      run();
      return;
    }
    const nest = this.#nest;
    const row = nest.index(add(mul(this.#block, constant(this.#rows)), own));
    const exists = arith.cmpi(nest.b, row, nest.constant(this.#a.rows), { predicate: "ult" });
    scf.if(nest.b, exists, {
      types: [],
      thenRegion: (then) => {
        invariant(then.block, "a branch has a block");
        nest.enter(then.block);
        run();
        nest.close();
        return [];
      },
    });
  }
}
