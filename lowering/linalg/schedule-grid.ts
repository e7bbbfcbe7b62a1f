/**
 * @file Schedules for machines of many threads: each thread has a tile of results. Tiles divide the results, so that no
 * thread has another program than its neighbours; they are as large as leaves enough threads.
 */
import { reductionsOf, type Structure } from "../../dialects/linalg/structure.ts";
import { elementCount, f32, i32 } from "../../ir/types.ts";
import type { Grid, Machine } from "../../support/machine.ts";
import { combinerOf } from "./loops/combiner.ts";
import { type Product, productOf, type Sums, splitDepth } from "./product.ts";
import { plainOrder, type RootSchedule } from "./schedule-attribute.ts";
import { staticPad } from "./static-pad.ts";
import { stepAlong } from "./steps.ts";
import { windowBefore } from "./window.ts";

/** The tile of one thread. `heavy`: results are sums over products, whose operands a larger tile reuses. */
export function tileForThreads(
  shape: readonly number[],
  lanes: number,
  heavy: boolean,
  machine: Machine,
  grid: Grid,
): RootSchedule {
  const rank = shape.length;
  const last = rank - 1;
  const width = lanes > 1 && rank > 0 ? ([4, 2].find((l) => l <= lanes && shape[last]! % l === 0) ?? 1) : 1;
  const tile = new Array<number>(rank).fill(1);
  if (rank > 0) tile[last] = width;
  const count = elementCount(shape);
  // The rows of the tile: the innermost other dimension that has any extent.
  let row = last - 1;
  while (row > 0 && shape[row] === 1) row--;
  if (heavy && width > 1) {
    const rows = row >= 0 ? shape[row]! : 1;
    const fits = machine.tiles.filter((t) => rows % t.rows === 0 && shape[last]! % t.columns === 0);
    const best = fits.find((t) => count / (t.rows * t.columns) >= grid.threads);
    if (best) {
      tile[last] = best.columns;
      if (row >= 0) tile[row] = best.rows;
    }
  }
  const threads = count / tile.reduce((n, t) => n * t, 1);
  // Results by the hundred million: more than one tile would have to be given to a thread.
  const most = grid.workgroup * grid.most * grid.most;
  return {
    order: plainOrder(rank),
    tile,
    block: new Array<number>(rank).fill(0),
    vector: width > 1 ? last : -1,
    lanes: width,
    workgroup: threads <= most ? grid.workgroup : 0,
  };
}

/** Bytes that a workgroup may share, on every device. */
const sharedBytes = 16 << 10;
/** Steps of a sum that are loaded at a time: as near to this as divides it. */
const usualDepth = 16;
/** Where there is a choice to make for each part that is loaded: parts are fewer, so that shaders stay small. */
const guardedDepth = 8;
const mostDepth = 48;
/** Parts of a block that a thread loads, at most: shaders are to be small. Fewer, where each is a choice. */
const mostParts = 10;
const mostGuardedParts = 5;

/**
 * Tiles of workgroups whose threads share what they load, for a product of matrices that is large enough to gain by it;
 * undefined otherwise.
 */
export function tileForWorkgroups(
  s: Structure,
  shape: readonly number[],
  lanes: number,
  grid: Grid,
): RootSchedule | undefined {
  const p = productOf(s, shape);
  const best = p && bestTile(p, shape, lanes, grid, s, 1);
  if (!best) return undefined;
  const { share, wide } = best;
  const rank = shape.length;
  const ones = new Array<number>(rank).fill(1);
  return {
    order: plainOrder(rank),
    tile: ones,
    block: new Array<number>(rank).fill(0),
    vector: wide ? rank - 1 : -1,
    lanes: wide ? 4 : 1,
    workgroup: (share[0]! / share[2]!) * (share[1]! / share[3]!),
    share,
  };
}

/** Where a product has too few tiles: the loop of its sums that is cut, and into how many parts. */
export interface SumSplit {
  readonly loop: number;
  readonly parts: number;
}

/** Steps of a part, at least. */
const leastSteps = 256;
/** How much better tiles have to fill the machine for another dispatch. */
const worthSplitting = 1.5;
/** Steps of a sum that take as long as a part of a result takes to be written and read again. */
const partCost = 80;

/**
 * Cuts the sums of a product whose tiles are too few to keep the machine busy; undefined where nothing is gained.
 * @param leastWork products in all from which on another dispatch is worth it
 */
export function splitForWorkgroups(
  s: Structure,
  shape: readonly number[],
  lanes: number,
  grid: Grid,
  leastWork: number,
): SumSplit | undefined {
  const p = productOf(s, shape);
  const whole = p && bestTile(p, shape, lanes, grid, s, 1);
  if (!p || !whole) return undefined;
  const total = stepsOf(p);
  if (total * elementCount(shape) < leastWork) return undefined;
  const loop = p.sums.reduce((a, b) => (s.loops[b]!.extent >= s.loops[a]!.extent ? b : a));
  const { extent } = s.loops[loop]!;
  let best: SumSplit | undefined;
  let score = whole.score * worthSplitting;
  for (let parts = 2; parts <= 16 && total / parts >= leastSteps; parts *= 2) {
    if (extent % (4 * parts) !== 0) break;
    const loops = s.loops.map((l, i) => (i === loop ? { ...l, extent: extent / parts } : l));
    const tile = bestTile(p, shape, lanes, grid, { loops }, parts);
    const gained = tile ? tile.score * (total / (total + partCost * parts)) : 0;
    if (gained <= score) continue;
    score = gained;
    best = { loop, parts };
  }
  return best;
}

interface Tile {
  readonly share: readonly number[];
  readonly wide: boolean;
  readonly score: number;
}

/** The best tile of a product whose sums are cut into parts, of which `loops` are one's. */
function bestTile(
  p: Product,
  shape: readonly number[],
  lanes: number,
  grid: Grid,
  { loops }: Pick<Structure, "loops">,
  partCount: number,
): Tile | undefined {
  const rank = shape.length;
  const columns = shape[rank - 1]!;
  const rows = p.rows.reduce((n, d) => n * shape[d]!, 1);
  const batch = p.batch.reduce((n, d) => n * shape[d]!, 1) * partCount;
  const guarded = isGuarded(p);
  const depth = depthOf({ structure: { loops }, sums: p.sums }, guarded);
  if (rows < 8 || columns < 8 || !depth) return undefined;
  const wide = lanes > 1 && columns % 4 === 0;
  const innermost = loops[p.sums[p.sums.length - 1]!]!.extent;
  const leftLanes = innermost % 4 === 0 && depth % 4 === 0 ? 4 : 1;
  let best: Tile | undefined;
  for (const threads of [64, 128].filter((t) => t <= grid.share)) {
    for (const across of [2, 4, 8, 16]) {
      for (const threadRows of [8, 4, 2, 1]) {
        for (const threadColumns of wide ? [8, 4] : [4, 2]) {
          const tile = [(threads / across) * threadRows, across * threadColumns] as const;
          if (threadRows * threadColumns > 32 || (tile[0] + tile[1]) * depth * 4 > sharedBytes) continue;
          // Each part that a thread loads is written out.
          const parts = (tile[0] / leftLanes + tile[1] / (wide ? 4 : 1)) * (depth / threads);
          if (parts > (guarded ? mostGuardedParts : mostParts)) continue;
          const counts = [Math.ceil(rows / tile[0]), Math.ceil(columns / tile[1])] as const;
          if (counts.some((n) => n > grid.most) || batch > grid.most) continue;
          const filled = (rows * columns) / (counts[0] * tile[0] * counts[1] * tile[1]);
          // What is loaded from shared memory for each product, and from memory for each of a workgroup.
          const near = (threadRows * threadColumns) / (threadRows + threadColumns);
          const far = (tile[0] * tile[1]) / (tile[0] + tile[1]);
          const enough = Math.min(1, (counts[0] * counts[1] * batch) / grid.groups);
          const score = filled * enough * near * Math.sqrt(far);
          if (best && score <= best.score) continue;
          best = { score, wide, share: [...tile, threadRows, threadColumns, depth] };
        }
      }
    }
  }
  return best;
}

/** Something is padded as it is loaded, or summed. */
const isGuarded = (p: Product): boolean =>
  [p.left, p.right].some(({ value }) => {
    const op = value.definingOp;
    return op && (staticPad(op) || windowBefore(p.structure, p.left));
  });

/** Steps of each sum. */
const stepsOf = ({ structure, sums }: Sums): number => sums.reduce((n, l) => n * structure.loops[l]!.extent, 1);

/** How many steps of the sums are loaded at a time; undefined if no number of them is worth it. */
function depthOf(p: Sums, guarded: boolean): number | undefined {
  const total = stepsOf(p);
  let best: number | undefined;
  const usual = guarded ? guardedDepth : usualDepth;
  const cost = (d: number): number => Math.abs(Math.log2(d / usual)) + (d % 4 === 0 ? 0 : 0.75);
  for (let d = 1; d <= mostDepth; d++) {
    if (splitDepth(p, d) && (best === undefined || cost(d) < cost(best))) best = d;
  }
  return best !== undefined && (best >= 6 || (best === total && best > 1)) ? best : undefined;
}

/** Elements of a row from which on a workgroup for each is worth it. */
const shortestRow = 32;

/**
 * A workgroup for each row, where everything that a kernel sums up is summed over the same rows; undefined where something is
 * not, or where rows are short.
 */
export function rowsForWorkgroups(
  sums: readonly Structure[],
  shape: readonly number[],
  lanes: number,
  grid: Grid,
): { readonly root: RootSchedule; readonly lanes: number } | undefined {
  const [first] = sums;
  if (!first) return undefined;
  const extents = (dims: readonly number[]): string => dims.filter((n) => n !== 1).join("x");
  const own = extents(first.outputs[0]!.shape);
  let rows = shape.length;
  while (rows >= 0 && extents(shape.slice(0, rows)) !== own) rows--;
  const count = elementCount(shape.slice(0, Math.max(0, rows)));
  const inner = elementCount(shape.slice(Math.max(0, rows)));
  if (rows < 0 || count > grid.most) return undefined;
  let wide = lanes > 1 && (inner === 1 || shape[shape.length - 1]! % 4 === 0);
  let longest = 0;
  for (const s of sums) {
    const loops = reductionsOf(s);
    const last = loops[loops.length - 1]!;
    const length = loops.reduce((n, l) => n * s.loops[l]!.extent, 1);
    const out = s.outputs[0]!;
    const along = s.inputs.map((_, i) => stepAlong(s, i, last));
    if (s.outputs.length !== 1 || extents(out.shape) !== own || !combinerOf(s)) return undefined;
    if (out.element !== f32 && out.element !== i32) return undefined;
    if (along.some((step) => step !== 0 && step !== 1) || !along.includes(1)) return undefined;
    wide &&= s.loops[last]!.extent % 4 === 0;
    longest = Math.max(longest, length);
  }
  if (longest < shortestRow) return undefined;
  // Each thread has two parts of a row or more, as far as there are enough.
  const parts = longest / (wide ? 4 : 1);
  const threads = Math.min(grid.share, Math.max(32, 2 ** Math.floor(Math.log2(parts / 2))));
  const rank = shape.length;
  return {
    root: {
      order: plainOrder(rank),
      tile: new Array<number>(rank).fill(1),
      block: new Array<number>(rank).fill(0),
      vector: wide && inner > 1 ? rank - 1 : -1,
      lanes: wide && inner > 1 ? 4 : 1,
      workgroup: threads,
      rows,
    },
    lanes: wide ? 4 : 1,
  };
}
