/** @file In which way the threads of a workgroup work together on a kernel, if they do. */
import type { Structure } from "../../dialects/linalg/structure.ts";
import type { Grid } from "../../support/machine.ts";
import { attentionForWorkgroups, attentionOf } from "./attention.ts";
import { productOf } from "./product.ts";
import { plainLoops, type ReductionSchedule, type RootSchedule } from "./schedule-attribute.ts";
import { rowsForWorkgroups, tileForWorkgroups } from "./schedule-grid.ts";
import { teamsForWorkgroups } from "./schedule-team.ts";
import { isWindow } from "./window.ts";

export interface Together {
  readonly root: RootSchedule;
  /** Schedules of the kernel's sums, in order; undefined where they run as they do in one thread. */
  readonly sums?: readonly ReductionSchedule[];
}

/**
 * A schedule for threads that work together: of whole rows, of tiles whose operands they share, or of sums that each does a part
 * of. Undefined where each is better off by itself.
 * @param heavy the number of the sum whose results are the kernel's, or -1
 */
export function workgroupsFor(
  sums: readonly Structure[],
  heavy: number,
  shape: readonly number[],
  lanes: number,
  grid: Grid,
): Together | undefined {
  const last = sums[heavy];
  const attention = last && sums.length > 2 ? attentionOf(last) : undefined;
  if (attention) return attentionForWorkgroups(attention, lanes, grid);
  const tiled =
    last && sums.every((s) => s === last || isWindow(s)) ? tileForWorkgroups(last, shape, lanes, grid) : undefined;
  if (tiled) return { root: tiled };
  const teams = last && sums.length === 1 ? teamsForWorkgroups(last, shape, lanes, grid) : undefined;
  // Columns of a product share its rows: better than a workgroup for each result.
  if (teams && productOf(last!, shape)) return { root: teams.root, sums: [teams.reduction] };
  const rows = rowsForWorkgroups(sums, shape, lanes, grid);
  if (rows) return { root: rows.root, sums: sums.map((s) => alongRow(s, rows.lanes)) };
  return teams && { root: teams.root, sums: [teams.reduction] };
}

/** A sum whose vectors lie along its innermost loop. */
function alongRow(s: Structure, lanes: number): ReductionSchedule {
  const plain = plainLoops(s);
  return { ...plain, vector: lanes > 1 ? plain.order.at(-1)! : -1, lanes };
}
