/**
 * @file Schedules for machines of many threads: each thread has a tile of results. Tiles divide the results, so that no
 * thread has another program than its neighbours; they are as large as leaves enough threads.
 */
import type { Grid, Machine } from "../../support/machine.ts";
import type { RootSchedule } from "./schedule-attribute.ts";

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
  const count = shape.reduce((n, d) => n * d, 1);
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
    order: Array.from({ length: rank }, (_, i) => i),
    tile,
    block: new Array<number>(rank).fill(0),
    vector: width > 1 ? last : -1,
    lanes: width,
    workgroup: threads <= most ? grid.workgroup : 0,
  };
}
