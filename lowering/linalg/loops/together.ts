/** @file What the threads of a workgroup have, put together: in memory that they share, and in subgroups. */
import * as arith from "../../../dialects/arith/ops.ts";
import * as gpu from "../../../dialects/gpu.ts";
import * as memref from "../../../dialects/memref/index.ts";
import * as scf from "../../../dialects/scf/ops.ts";
import * as vector from "../../../dialects/vector/index.ts";
import { type AffineExpr, add, constant, mod, mul } from "../../../ir/affine.ts";
import type { Value } from "../../../ir/core.ts";
import { type MemRefType, vector as vectorType } from "../../../ir/types.ts";
import { invariant } from "../../../support/diagnostic.ts";
import { counted } from "./counted.ts";
import { lane } from "./ranges.ts";
import type { KernelValues } from "./values.ts";

/** Some threads that sum up what each of them has. */
export interface Team {
  /** The thread's number in its team, and how many there are. */
  readonly member: AffineExpr;
  readonly members: number;
  /** Shared memory, and the element from which on it holds what a member has of value number `which`. */
  readonly memory: Value;
  at(member: AffineExpr, which: number): AffineExpr;
  /** Lanes of each value. */
  readonly lanes: number;
  join(a: Value, b: Value): Value;
  /** What leaves others as they are where it joins them. */
  readonly neutral: Value;
  /** The name that `gpu.subgroup_reduce` has for how values join. */
  readonly kind: string;
  /** The team is its workgroup, whose subgroups put together what their threads have without memory. */
  readonly subgroups: boolean;
}

/** As many members as put together all of the others' in one round. */
const oneRound = 8;

/**
 * Per value the sum over all members, which all of them get; every thread of the workgroup has to come here. Where members are
 * many there are two rounds: a few put together some each, then all of them all that is left. The order does not depend on the device.
 */
export function together(values: KernelValues, mine: readonly Value[], team: Team): Value[] {
  return team.subgroups ? inSubgroups(values, mine, team) : inMemory(values, mine, team);
}

function inMemory(values: KernelValues, mine: readonly Value[], team: Team): Value[] {
  const { nest } = values;
  const { member, members } = team;
  const { b } = nest;
  const fetch = (e: AffineExpr, which: number): Value => fetched(values, team, e, which);
  const put = (all: readonly Value[]): void => putDown(values, all, team);
  /** `start` and what `count` members have, `step` apart, from `first` on. */
  const sum = (first: AffineExpr, start: readonly Value[], count: number, step: number): readonly Value[] =>
    count === 0
      ? start
      : counted(values, count, start, (e, held) =>
          held.map((v, which) => team.join(v, fetch(add(first, mul(e, constant(step))), which))),
        );
  put(mine);
  gpu.barrier(b);
  let left = members;
  if (members > oneRound) {
    left = 2 ** Math.ceil(Math.log2(members) / 2);
    while (members % left !== 0) left--;
    const isOne = arith.cmpi(b, nest.index(member), nest.constant(left), { predicate: "ult" });
    scf.if(b, isOne, {
      types: [],
      thenRegion: (then) => {
        invariant(then.block, "a branch has a block");
        nest.enter(then.block, true);
        // The same number, but one that says in itself how far it goes.
        const first = nest.given(nest.index(mod(member, constant(left))), left);
        put(sum(add(first, constant(left)), mine, members / left - 1, left));
        nest.close();
        return [];
      },
    });
    gpu.barrier(b);
  }
  const none = noneOf(values, team);
  return [
    ...sum(
      constant(0),
      mine.map(() => none),
      left,
      1,
    ),
  ];
}

/**
 * The same by subgroups: each puts together what its threads have, its first thread puts that down, the others what changes
 * nothing; then each subgroup puts together all that was put down, by turns of its threads. Whatever the size of subgroups and
 * whoever is in one, everything counts once; in which order depends on the device.
 */
function inSubgroups(values: KernelValues, mine: readonly Value[], team: Team): Value[] {
  const { nest } = values;
  const { members, kind } = team;
  const { b } = nest;
  const within = (v: Value): Value => gpu.subgroup_reduce(b, v, { kind: kind as never, uniform: true });
  const none = noneOf(values, team);
  const own = nest.at(nest.levels[0]!, "lane", () => gpu.lane_id(b));
  const size = nest.at(nest.levels[0]!, "subgroup size", () => gpu.subgroup_size(b));
  const isFirst = arith.cmpi(b, own, nest.constant(0), { predicate: "eq" });
  putDown(
    values,
    mine.map((v) => arith.select(b, isFirst, within(v), none)),
    team,
  );
  gpu.barrier(b);
  const parts = scf.for(
    b,
    own,
    nest.constant(members),
    size,
    mine.map(() => none),
    {
      region: (inner, counter, ...held) => {
        invariant(inner.block && counter, "the body of a loop has a block");
        const e = nest.open(inner.block, counter, members);
        const next = held.map((v, which) => team.join(v, fetched(values, team, e, which)));
        nest.close();
        return next;
      },
    },
  );
  return parts.map(within);
}

const noneOf = (values: KernelValues, { neutral, lanes }: Team): Value =>
  lanes > 1 ? values.broadcast(neutral, lanes) : neutral;

/** What a member has put down as value number `which`. */
function fetched({ nest }: KernelValues, { memory, lanes, at }: Team, e: AffineExpr, which: number): Value {
  const { b } = nest;
  const indices = [nest.index(nest.resolve(at(e, which), 1))];
  return lanes === 1
    ? memref.load(b, memory, indices)
    : vector.load(b, memory, indices, { types: [vectorType([lanes], (memory.type as MemRefType).element)] });
}

/** Puts down what a thread has, for all to see behind a barrier. */
function putDown(values: KernelValues, all: readonly Value[], { member, memory, lanes, at }: Team): void {
  all.forEach((v, which) => {
    const place = values.nest.resolve(at(member, which), 1);
    values.store(memory, [lanes > 1 ? add(place, lane) : place], v, lanes);
  });
}
