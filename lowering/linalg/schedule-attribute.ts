/**
 * @file A schedule as it stands in the IR: the discardable attribute `schedule` on a kernel function (how its results
 * are tiled) and on a reducing op inside (how its reduction loops run). It can be printed, edited and run again.
 */
import { reductionsOf, type Structure } from "../../dialects/linalg/structure.ts";
import type { Operation } from "../../ir/core.ts";
import { type Attribute, i64, integerAttribute } from "../../ir/types.ts";

/** How a kernel walks over the elements of its result. All lists have one entry per dimension of the result. */
export interface RootSchedule {
  /** Dimensions from the outermost loop to the innermost. */
  readonly order: readonly number[];
  /** Elements of a register tile along each dimension; a multiple of the lanes along the vector dimension. */
  readonly tile: readonly number[];
  /** Elements of a cache block along each dimension; 0 is not blocked. Block loops stand outside of all others. */
  readonly block: readonly number[];
  /** The dimension that vectors lie along, or -1. */
  readonly vector: number;
  readonly lanes: number;
  /**
   * A dimension along which something is contiguous that is read across by vectors: square blocks of it are loaded as they
   * lie and turned in registers; its tile is a multiple of the lanes. -1 or nothing: elements are gathered.
   */
  readonly turn?: number;
  /** 2: vectors of every other element of a row are shuffled out of two whole ones. 1 or nothing: elements are gathered. */
  readonly gaps?: number;
  /**
   * Dimensions that run as one, in the loop of the last of them, whose tile counts elements of all: rows of an image that
   * follow each other in whatever is read and written.
   */
  readonly joined?: readonly number[];
  /** The tile of results whose windows reach over the edge of what they read; 1 along dimensions with edges. */
  readonly edge?: readonly number[];
  /** Threads of a workgroup, where each tile has a thread of its own; tiles divide the results then. */
  readonly workgroup?: number;
  /**
   * Where the threads of a workgroup share what they load: rows and columns of the workgroup's results, rows and columns
   * of a thread's, and how many steps of the reduction are loaded at a time. Only for products (product.ts).
   */
  readonly share?: readonly number[];
  /**
   * Where each workgroup has a row, over which its threads sum up together: how many dimensions of the results, from the
   * first on, are the rows. The vector dimension is within the row.
   */
  readonly rows?: number;
  /**
   * Where some threads sum up together what a tile of results is made of: how many, and the reduction loop (by its number) whose
   * steps they take turns in. Only where one op of the kernel sums up.
   */
  readonly team?: readonly number[];
  /**
   * Where each workgroup has some rows of an attention, whose scores its threads share: how many, columns that lie
   * in shared memory as a vector, and lanes of the vectors that scores are computed in.
   */
  readonly attention?: readonly number[];
  /** 1: threads that sum up together do so in subgroups of the device's first. Only where they are the whole workgroup. */
  readonly subgroups?: number;
}

/** How a reducing op runs its reduction loops. */
export interface ReductionSchedule {
  /** Reduction loops (by loop number of the op) from the outermost to the innermost. */
  readonly order: readonly number[];
  /** Innermost loops that run as one, because all operands lie evenly along them. */
  readonly run: number;
  /** Loops that are written out completely. */
  readonly full: readonly number[];
  /** The reduction loop that vectors lie along, or -1: then the results' own vectors are accumulated. */
  readonly vector: number;
  readonly lanes: number;
  /** Accumulators per result along the vector loop; hides the latency of the combining op. */
  readonly accumulators: number;
  /** Steps of the innermost loop written out in a row. */
  readonly unroll: number;
  /** Products of so many neighbours along the innermost loop are summed in one step; 1: each by itself. */
  readonly group?: number;
  /**
   * 1: what the rows of a tile multiply columns with is gathered before the columns are walked over, widened (loops/gathered.ts);
   * only where products are summed in groups. 0 or nothing: it is read where it is.
   */
  readonly gather?: number;
  /**
   * 0: a row of results op by op (products, then sums), so that nothing waits for its neighbour. 1: result by result, for
   * engines that order instructions by themselves.
   */
  readonly apart: number;
  /**
   * Weights come panel by panel, each for all rows: while one is multiplied, the next one is brought near. The input that they are, how
   * many elements lie between panels, how many are touched during a row of results, and how many lie between two steps.
   */
  readonly ahead?: readonly number[];
}

/** Dimensions in their order. */
export const plainOrder = (rank: number): number[] => Array.from({ length: rank }, (_, i) => i);

/** Reduction loops step by step, in their order, without vectors. */
export const plainLoops = (s: Pick<Structure, "loops">): ReductionSchedule => ({
  order: reductionsOf(s),
  run: 1,
  full: [],
  vector: -1,
  lanes: 1,
  accumulators: 1,
  unroll: 1,
  apart: 0,
});

export const scheduleName = "schedule";
/** On a loop: how many steps kernel-unroll writes out in a row. */
export const unrollAttribute = "unroll";

const ints = (values: readonly number[]): Attribute => ({
  kind: "denseArray",
  element: i64,
  values: values.map((v) => BigInt(v)),
});

function toDictionary(schedule: object): Attribute {
  const entries = new Map<string, Attribute>();
  for (const [k, v] of Object.entries(schedule) as [string, number | readonly number[]][]) {
    entries.set(k, typeof v === "number" ? integerAttribute(v, i64) : ints(v));
  }
  return { kind: "dictionary", entries };
}

function fromDictionary(a: Attribute | undefined): Record<string, number | readonly number[]> | undefined {
  if (a?.kind !== "dictionary") return undefined;
  const out: Record<string, number | readonly number[]> = {};
  for (const [k, v] of a.entries) {
    if (v.kind === "integer") out[k] = Number(v.value);
    else if (v.kind === "denseArray") out[k] = v.values.map(Number);
  }
  return out;
}

export function setSchedule(op: Operation, schedule: RootSchedule | ReductionSchedule): void {
  op.setAttribute(scheduleName, toDictionary(schedule));
}

const list = (v: number | readonly number[] | undefined): readonly number[] => (Array.isArray(v) ? v : []);
const num = (v: number | readonly number[] | undefined, otherwise: number): number =>
  typeof v === "number" ? v : otherwise;

/** The schedule of a kernel; without one, the plain loop nest. */
export function rootSchedule(op: Operation, rank: number): RootSchedule {
  const s = fromDictionary(op.attributes?.get(scheduleName)) ?? {};
  const order = list(s.order);
  const tile = list(s.tile);
  const block = list(s.block);
  return {
    order: order.length === rank ? order : plainOrder(rank),
    tile: tile.length === rank ? tile : new Array<number>(rank).fill(1),
    block: block.length === rank ? block : new Array<number>(rank).fill(0),
    vector: num(s.vector, -1),
    lanes: num(s.lanes, 1),
    ...(typeof s.turn === "number" && { turn: s.turn }),
    ...(typeof s.gaps === "number" && { gaps: s.gaps }),
    ...(typeof s.workgroup === "number" && { workgroup: s.workgroup }),
    ...(typeof s.rows === "number" && { rows: s.rows }),
    ...(Array.isArray(s.joined) && { joined: s.joined as readonly number[] }),
    ...(Array.isArray(s.edge) && { edge: s.edge as readonly number[] }),
    ...(Array.isArray(s.share) && { share: s.share as readonly number[] }),
    ...(Array.isArray(s.team) && { team: s.team as readonly number[] }),
    ...(Array.isArray(s.attention) && { attention: s.attention as readonly number[] }),
    ...(s.subgroups === 1 && { subgroups: 1 }),
  };
}

/** How many elements there are along the loop of each dimension: dimensions that run as one count in the last of them. */
export function extentsOf({ joined = [] }: Pick<RootSchedule, "joined">, shape: readonly number[]): readonly number[] {
  const last = joined[joined.length - 1];
  const all = joined.reduce((n, d) => n * shape[d]!, 1);
  return shape.map((n, d) => (d === last ? all : joined.includes(d) ? 1 : n));
}

/** The schedule of a reducing op; without one, its reduction loops in order, one step at a time. */
export function reductionSchedule(op: Operation, reductions: readonly number[]): ReductionSchedule {
  const s = fromDictionary(op.attributes?.get(scheduleName)) ?? {};
  const order = list(s.order);
  return {
    order: order.length === reductions.length ? order : reductions,
    run: num(s.run, 1),
    full: list(s.full),
    vector: num(s.vector, -1),
    lanes: num(s.lanes, 1),
    accumulators: num(s.accumulators, 1),
    unroll: num(s.unroll, 1),
    group: num(s.group, 1),
    gather: num(s.gather, 0),
    apart: num(s.apart, 0),
    ...(Array.isArray(s.ahead) && { ahead: s.ahead as readonly number[] }),
  };
}
