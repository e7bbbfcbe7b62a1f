/**
 * @file Long sums of few results: some threads of a workgroup sum up a tile of results together, each some steps of one of the
 * sums' loops, and put together what they have in memory that they share. What is read of the weights is read once, by threads
 * side by side: of rows that lie along the results by those of neighbouring tiles, of rows along the sum by those of one.
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
import { piecesOf, pointsIn } from "./grid.ts";
import { Nest } from "./nest.ts";
import { type At, lane, mapped } from "./ranges.ts";
import { AlongReduction, reduceElements } from "./reduce.ts";
import { inTurns } from "./rows.ts";
import type { Store } from "./share.ts";
import { together } from "./together.ts";
import { domainOf, KernelValues } from "./values.ts";

/** Steps that are written out in a row, so that a thread waits for several loads at a time. */
const ahead = 4;
/** Copies of a sum's body in a shader. */
const mostCopies = 16;

/** The threads that sum up together are as far apart in their workgroup as this: 1 if vectors lie along the sum. */
interface Place {
  readonly member: AffineExpr;
  readonly tile: AffineExpr;
  /** Tiles of a workgroup. */
  readonly tiles: number;
  readonly alongSum: boolean;
}

/** Writes the launch; the kernel's only sum has results of the shape of its own. */
export function onTeams(
  b: Builder,
  [sum]: readonly { readonly op: Operation; readonly structure: Structure }[],
  shape: readonly number[],
  schedule: RootSchedule,
  stores: readonly Store[],
  buffers: ReadonlyMap<Value, Value>,
): void {
  invariant(sum, "a kernel whose threads sum up together has a sum", b.loc);
  const { op, structure } = sum;
  const [members = 1, loop = 0] = schedule.team!;
  const threads = schedule.workgroup!;
  const tiles = threads / members;
  const counts = shape.map((n, d) => n / schedule.tile[d]!);
  invariant([tiles, ...counts].every(Number.isInteger), "teams fill a workgroup, tiles divide the results", b.loc);
  const total = elementCount(counts);
  const groups = Math.ceil(total / tiles);
  const { vector, lanes } = schedule;
  const points = elementCount(schedule.tile);
  const index = (n: number): Value => arith.constantIndex(b, n);
  const one = index(1);
  const along = reductionSchedule(op, reductionsOf(structure));
  const alongSum = along.vector === loop;
  const element = structure.outputs[0]!.element;
  const shared: MemRefType = memrefType([threads * points], element, undefined, gpu.workgroupSpace);
  gpu.launchThreads(
    b,
    [index(groups), one, one],
    [index(threads), one, one],
    (inner, ids, [memory]) => {
      invariant(inner.block && memory, "the body of a launch has a block and a buffer");
      const nest = new Nest(inner, inner.block);
      const known = (e: AffineExpr, n: number): AffineExpr =>
        e.kind === "dim" || e.kind === "constant" ? e : nest.given(nest.index(e), n);
      const id = (v: Value, n: number): AffineExpr =>
        n === 1 ? constant(0) : nest.given(affine.apply(inner, [v], { map: affineMap(1, 0, [dim(0)]) }), n);
      const thread = id(ids[3]!, threads);
      const [slow, fast] = alongSum ? [tiles, members] : [members, tiles];
      const outer = known(floordiv(thread, constant(fast)), slow);
      const within = slow === 1 ? thread : known(mod(thread, constant(fast)), fast);
      const place: Place = { member: alongSum ? within : outer, tile: alongSum ? outer : within, tiles, alongSum };
      const number = add(mul(id(ids[0]!, groups), constant(tiles)), place.tile);
      // Teams behind the last tile do what it takes once more: all threads meet at barriers.
      const beyond = total % tiles !== 0;
      const tile = beyond ? arith.minui(inner, nest.index(number), nest.constant(total - 1)) : nest.index(number);
      const pieces = piecesOf(nest, tile, counts, schedule);
      const values = new KernelValues(nest, buffers, reduceElements);
      const at = pointsIn(pieces, vector, lanes).map((p) => values.resolve(p, lanes));
      const team = new TeamSum(values, op, structure, {
        place,
        members,
        loop,
        memory,
        lanes: alongSum ? 1 : lanes,
        subgroups: schedule.subgroups === 1,
      });
      const { memo } = nest.levels[0]!;
      team.sums(at).forEach((v, i) => {
        memo.set(values.key(op.result(0), at[i]!, lanes), v);
      });
      const first = arith.cmpi(inner, nest.index(place.member), nest.constant(0), { predicate: "eq" });
      const exists = beyond
        ? arith.andi(inner, first, arith.cmpi(inner, nest.index(number), nest.constant(total), { predicate: "ult" }))
        : first;
      scf.if(inner, exists, {
        types: [],
        thenRegion: (then) => {
          invariant(then.block, "a branch has a block");
          nest.enter(then.block, true);
          const made = at.map((p) => stores.map(({ value }) => values.read(value, p, lanes)));
          made.forEach((elements, i) => {
            stores.forEach(({ buffer }, s) => {
              values.store(buffer, at[i]!, elements[s]!, lanes);
            });
          });
          nest.close();
          return [];
        },
      });
    },
    [shared],
  );
}

interface Members {
  readonly place: Place;
  readonly members: number;
  /** The loop whose steps the members take turns in. */
  readonly loop: number;
  readonly memory: Value;
  /** Lanes of a result. */
  readonly lanes: number;
  readonly subgroups: boolean;
}

class TeamSum extends AlongReduction {
  readonly #members: Members;
  readonly #order: readonly number[];

  constructor(values: KernelValues, op: Operation, structure: Structure, members: Members) {
    const order = reductionsOf(structure);
    const along = combinerOf(structure);
    invariant(along, "teams sum up by ops whose order may be changed", op.loc);
    const schedule = reductionSchedule(op, order);
    super(values, op, structure, { ...schedule, lanes: Math.max(schedule.lanes, members.lanes) }, along);
    this.#members = members;
    this.#order = order;
  }

  /** The results at some points, which all members get. */
  sums(points: readonly At[]): Value[] {
    const { structure, values, op } = this;
    const { place, members, loop, memory, lanes, subgroups } = this.#members;
    const [out] = structure.outputs;
    const wide = place.alongSum ? this.lanes : 1;
    const domains = points.map((p) => domainOf(structure, 0, p));
    const neutral = this.neutral(out!.element);
    const start = this.lanes > 1 ? values.broadcast(neutral, this.lanes) : neutral;
    const turns = { thread: place.member, threads: members };
    const parts = structure.loops[loop]!.extent / wide;
    const unroll = Math.max(1, Math.min(ahead, Math.floor(mostCopies / points.length)));
    const put = (ds: readonly At[], at: ReadonlyMap<number, AffineExpr>): At[] =>
      ds.map((d) => d.map((e, l) => at.get(l) ?? e));
    const own = this.nested(
      this.#order.filter((l) => l !== loop),
      points.map(() => start),
      domains,
      (fixed, carried) =>
        inTurns(
          values,
          turns,
          parts,
          carried,
          (part, c) => {
            const e = wide > 1 ? add(mul(part, constant(wide)), lane) : part;
            return this.step(put(domains, new Map([...fixed, [loop, e]])), c);
          },
          unroll,
        ),
    );
    const mine = own.map((v) => (wide > 1 ? this.across(v) : v));
    const all = place.tiles * members;
    const whole = together(values, mine, {
      member: place.member,
      members,
      memory,
      at: (e, which) => {
        const slot = place.alongSum
          ? add(mul(place.tile, constant(members)), e)
          : add(mul(e, constant(place.tiles)), place.tile);
        return mul(add(slot, constant(which * all)), constant(lanes));
      },
      lanes,
      join: (a, b) => this.join(a, b),
      neutral,
      kind: this.kind,
      subgroups,
    });
    return whole.map((v, i) => {
      const before = values.read(out!.value, mapped(out!, domains[i]!), lanes);
      const same = lanes > 1 && before.type.kind !== "vector" ? values.broadcast(before, lanes) : before;
      invariant(same.type === v.type, "a sum and what it starts from are of one type", op.loc);
      return this.join(same, v);
    });
  }
}
