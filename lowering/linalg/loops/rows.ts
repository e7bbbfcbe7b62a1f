/**
 * @file Sums over rows by workgroups, one for each row: the threads of a workgroup take turns along the row, and put
 * together what they have in memory that they share. Softmax and norms are two such sums and the row that is made of
 * them; a sum alone has one result, which the first thread stores.
 */
import * as affine from "../../../dialects/affine/index.ts";
import * as arith from "../../../dialects/arith/ops.ts";
import * as gpu from "../../../dialects/gpu.ts";
import { reductionsOf, type Structure } from "../../../dialects/linalg/structure.ts";
import * as scf from "../../../dialects/scf/ops.ts";
import { type AffineExpr, add, affineMap, constant, dim, floordiv, mod, mul } from "../../../ir/affine.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import { elementCount, type MemRefType, memref as memrefType } from "../../../ir/types.ts";
import { invariant } from "../../../support/diagnostic.ts";
import { type RootSchedule, reductionSchedule } from "../schedule-attribute.ts";
import { combinerOf } from "./combiner.ts";
import { counted } from "./counted.ts";
import { Nest } from "./nest.ts";
import { type At, lane, mapped } from "./ranges.ts";
import { AlongReduction, reduceElements } from "./reduce.ts";
import type { Store } from "./share.ts";
import { together } from "./together.ts";
import { domainOf, KernelValues } from "./values.ts";

/** A sum over rows, and the words that the threads of a workgroup share for it. */
interface RowSum {
  readonly op: Operation;
  readonly structure: Structure;
}

/** Writes the launch. `shape` is that of the results, whose first `schedule.rows` dimensions are the rows. */
export function onRows(
  b: Builder,
  sums: readonly RowSum[],
  shape: readonly number[],
  schedule: RootSchedule,
  stores: readonly Store[],
  buffers: ReadonlyMap<Value, Value>,
): void {
  const threads = schedule.workgroup!;
  const rows = shape.slice(0, schedule.rows!);
  const count = elementCount(rows);
  const index = (n: number): Value => arith.constantIndex(b, n);
  const one = index(1);
  gpu.launchThreads(
    b,
    [index(count), one, one],
    [index(threads), one, one],
    (inner, ids, shared) => {
      invariant(inner.block, "the body of a launch has a block");
      const nest = new Nest(inner, inner.block);
      const id = (v: Value, n: number): AffineExpr =>
        n === 1 ? constant(0) : nest.given(affine.apply(inner, [v], { map: affineMap(1, 0, [dim(0)]) }), n);
      const place = apart(nest, rows, id(ids[0]!, count));
      // What depends on no more than these is the same for all threads.
      const known = nest.counters.length;
      const thread = id(ids[3]!, threads);
      const memory = new Map(sums.map(({ op }, i) => [op, shared[i]!]));
      const values = new KernelValues(nest, buffers, (v, op, structure, points, lanes) => {
        const own = memory.get(op);
        if (own && points.every((p) => p.every((e) => e.lastDim < known))) {
          sumTogether(v, { op, structure }, points, {
            thread,
            threads,
            memory: own,
            subgroups: schedule.subgroups === 1,
          });
        } else reduceElements(v, op, structure, points, lanes);
      });
      // All threads sum up, in the order of the program, before they go different ways.
      for (const { op, structure } of sums) values.read(op.result(0), rowOf(structure, rows, place), 1);
      storeRow(values, place, shape.slice(rows.length), { thread, threads, lanes: schedule.lanes }, stores);
    },
    sums.map(
      ({ structure }): MemRefType =>
        memrefType([threads], structure.outputs[0]!.element, undefined, gpu.workgroupSpace),
    ),
  );
}

/** The dimensions of a sum's results that have any extent are those of the rows, in order. */
function rowOf(s: Structure, rows: readonly number[], place: readonly AffineExpr[]): At {
  const own = place.filter((_, d) => rows[d] !== 1);
  return s.outputs[0]!.shape.map((n) => (n === 1 ? constant(0) : own.shift()!));
}

/** A position in a row of several dimensions, taken apart. */
export function apart(nest: Nest, shape: readonly number[], position: AffineExpr): AffineExpr[] {
  const found: AffineExpr[] = [];
  let rest = position;
  let left = elementCount(shape);
  for (const extent of [...shape].reverse()) {
    left /= extent;
    const named = (e: AffineExpr, n: number): AffineExpr =>
      e.kind === "dim" || e.kind === "constant" ? e : nest.given(nest.index(e), n);
    if (left === 1) {
      found.unshift(rest);
      rest = constant(0);
    } else if (extent === 1) found.unshift(constant(0));
    else {
      found.unshift(named(mod(rest, constant(extent)), extent));
      rest = named(floordiv(rest, constant(extent)), left);
    }
  }
  return found;
}

/** A thread among some that take turns. */
export interface Turns {
  readonly thread: AffineExpr;
  readonly threads: number;
}

/**
 * Parts of a row in turns: part i belongs to thread i mod the number of threads. The last turn may be for some only. So many as
 * `unroll` says are written out in a row, if that divides them.
 */
export function inTurns(
  values: KernelValues,
  { thread, threads }: Turns,
  parts: number,
  carried: readonly Value[],
  body: (part: AffineExpr, carried: readonly Value[]) => readonly Value[],
  unroll = 1,
): readonly Value[] {
  const { nest } = values;
  const whole = Math.floor(parts / threads);
  const rest = parts - whole * threads;
  const at = (turn: AffineExpr): AffineExpr => add(thread, mul(turn, constant(threads)));
  let held = carried;
  const factor = whole % unroll === 0 ? unroll : 1;
  const several = (first: AffineExpr, c: readonly Value[]): readonly Value[] =>
    Array.from({ length: factor }, (_, i) => i).reduce((v, i) => body(at(add(first, constant(i))), v), c);
  if (whole === factor) held = several(constant(0), held);
  else if (whole > 0) held = counted(values, whole / factor, held, (e, c) => several(mul(e, constant(factor)), c));
  if (rest === 0) return held;
  const here = arith.cmpi(nest.b, nest.index(thread), nest.constant(rest), { predicate: "ult" });
  const before = held;
  return scf.if(nest.b, here, {
    types: before.map((v) => v.type),
    thenRegion: (then) => {
      invariant(then.block, "a branch has a block");
      nest.enter(then.block, true);
      const made = body(at(constant(whole)), before);
      nest.close();
      return made;
    },
    ...(before.length > 0 && { elseRegion: () => [...before] }),
  });
}

interface Team extends Turns {
  readonly memory: Value;
  readonly subgroups: boolean;
  /** Where a member of the team has its place in the memory; at its number, unless something else is said. */
  at?(member: AffineExpr): AffineExpr;
}

/** A sum over the row by all threads of the workgroup: each has its turns, then what they have is put together. */
function sumTogether(values: KernelValues, { op, structure }: RowSum, points: readonly At[], team: Team): void {
  const { nest } = values;
  for (const point of points) {
    const key = values.key(op.result(0), point, 1);
    nest.at(nest.levels[0]!, key, () => new TeamReduction(values, op, structure, team).sum(point));
  }
}

/** A sum over a row by a team of threads, all of which get it. */
export class TeamReduction extends AlongReduction {
  readonly #team: Team;
  readonly #order: readonly number[];

  constructor(values: KernelValues, op: Operation, structure: Structure, team: Team) {
    const order = reductionsOf(structure);
    const along = combinerOf(structure);
    invariant(along, "rows are summed by ops whose order may be changed", op.loc);
    super(values, op, structure, reductionSchedule(op, order), along);
    this.#team = team;
    this.#order = order;
  }

  sum(point: At): Value {
    const { values, structure, lanes } = this;
    const { nest } = values;
    const [out] = structure.outputs;
    const domain = domainOf(structure, 0, point);
    const extents = this.#order.map((l) => structure.loops[l]!.extent);
    const parts = elementCount(extents) / lanes;
    const neutral = this.neutral(out!.element);
    const start = lanes > 1 ? values.broadcast(neutral, lanes) : neutral;
    const [own] = inTurns(values, this.#team, parts, [start], (part, carried) => {
      const at = apart(nest, extents, mul(part, constant(lanes)));
      const innermost = this.#order.length - 1;
      const here = domain.map((e, l) => {
        const i = this.#order.indexOf(l);
        if (i < 0) return e;
        return lanes > 1 && i === innermost ? add(at[i]!, lane) : at[i]!;
      });
      return this.step([here], carried);
    });
    const mine = lanes > 1 ? this.across(own!) : own!;
    const { thread, threads, memory, subgroups, at } = this.#team;
    const [whole] = together(values, [mine], {
      member: thread,
      members: threads,
      memory,
      at: (e) => at?.(e) ?? e,
      lanes: 1,
      join: (a, b) => this.join(a, b),
      neutral,
      kind: this.kind,
      subgroups,
    });
    return this.after(values.read(out!.value, mapped(out!, domain), 1), whole!);
  }
}

/** The elements of the row, or its only one. */
function storeRow(
  values: KernelValues,
  place: readonly AffineExpr[],
  inner: readonly number[],
  { lanes, ...turns }: Turns & { readonly lanes: number },
  stores: readonly Store[],
): void {
  const { nest } = values;
  const store = (at: At, wide: number): void => {
    const resolved = values.resolve(at, wide);
    const made = stores.map(({ value }) => values.read(value, resolved, wide));
    stores.forEach(({ buffer }, i) => {
      values.store(buffer, resolved, made[i]!, wide);
    });
  };
  const count = elementCount(inner);
  inTurns(values, turns, count / lanes, [], (part) => {
    const at = apart(nest, inner, mul(part, constant(lanes)));
    const last = at.length - 1;
    store([...place, ...at.map((e, d) => (lanes > 1 && d === last ? add(e, lane) : e))], lanes);
    return [];
  });
}
