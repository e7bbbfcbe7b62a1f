/**
 * @file Schedules for machines of many threads where results are few and what each is summed up from is long: a machine would
 * idle if each tile of results had one thread only. Classifier heads, products of one to a few rows, averages of whole images.
 */
import { reductionsOf, type Structure, type StructuredOperand } from "../../dialects/linalg/structure.ts";
import { elementCount, f32, i32 } from "../../ir/types.ts";
import type { Grid } from "../../support/machine.ts";
import { combinerOf } from "./loops/combiner.ts";
import { productOf } from "./product.ts";
import { plainLoops, plainOrder, type ReductionSchedule, type RootSchedule } from "./schedule-attribute.ts";
import { loopOfDim, memoryStepAlong } from "./steps.ts";

/** Rows of a tile, at most: each reads what the columns load. */
const mostRows = 4;
/** Steps that are left to each thread, at least. */
const fewestSteps = 4;
/** Neighbouring tiles whose threads read side by side, as far as there are so many: 64 bytes of four columns each. */
const neighbours = 4;
/** What putting together costs, in steps. */
const meeting = 4;

/** What a kernel becomes whose threads sum up in teams. */
export interface TeamSchedule {
  readonly root: RootSchedule;
  readonly reduction: ReductionSchedule;
}

/** Teams for a kernel's only sum, whose results have the kernel's shape; undefined where they would gain nothing. */
export function teamsForWorkgroups(
  s: Structure,
  shape: readonly number[],
  lanes: number,
  grid: Grid,
): TeamSchedule | undefined {
  const [out] = s.outputs;
  const rank = shape.length;
  const order = reductionsOf(s);
  if (s.outputs.length !== 1 || !out || (out.element !== f32 && out.element !== i32) || !combinerOf(s))
    return undefined;
  if (rank === 0 || out.map.results.some((r, d) => r.kind !== "dim" && shape[d] !== 1)) return undefined;
  // The longest loop is the one that is shared out.
  const loop = order.reduce((a, b) => (s.loops[b]!.extent > s.loops[a]!.extent ? b : a));
  const columns = shape[rank - 1]!;
  const last = loopOfDim(s, rank - 1);
  const used = s.inputs.filter((i) => i.arg?.hasUses && i.shape.length > 0);
  const steps = (l: number): boolean =>
    used.every((i) => isPanel(i, l) || [0, 1].includes(memoryStepAlong(s, i.index, l) ?? -1));
  const acrossResults = lanes > 1 && columns % 4 === 0 && last >= 0 && steps(last);
  const alongSum = !acrossResults && lanes > 1 && s.loops[loop]!.extent % 4 === 0 && steps(loop);
  const width = acrossResults ? 4 : 1;
  const product = productOf(s, shape);
  const tile = new Array<number>(rank).fill(1);
  tile[rank - 1] = width;
  const row = product?.rows.at(-1);
  if (row !== undefined) tile[row] = largestDivisor(shape[row]!, mostRows);
  const tiles = elementCount(shape) / elementCount(tile);
  const parts = s.loops[loop]!.extent / (alongSum ? 4 : 1);
  const others = order.reduce((n, l) => (l === loop ? n : n * s.loops[l]!.extent), 1);
  const members = membersFor({ tiles, parts, others, alongSum }, grid);
  if (!members) return undefined;
  const perGroup = Math.max(1, Math.min(tiles, Math.floor(grid.share / members)));
  if (Math.ceil(tiles / perGroup) > grid.most) return undefined;
  return {
    root: {
      order: plainOrder(rank),
      tile,
      block: new Array<number>(rank).fill(0),
      vector: acrossResults ? rank - 1 : -1,
      lanes: width,
      workgroup: members * perGroup,
      team: [members, loop],
    },
    reduction: { ...plainLoops(s), ...(alongSum && { vector: loop, lanes: 4 }) },
  };
}

/** Weights that are packed, whose columns lie side by side; a step is not known of them. */
function isPanel({ map }: StructuredOperand, columns: number): boolean {
  const last = map.results.at(-1);
  return last?.kind === "mod" && last.lhs.kind === "dim" && last.lhs.index === columns;
}

interface Work {
  readonly tiles: number;
  /** What members take turns in, and the steps of each part. */
  readonly parts: number;
  readonly others: number;
  readonly alongSum: boolean;
}

/** Members of a team: as many as keep the machine busy, if that is quicker than one; undefined otherwise. */
function membersFor({ tiles, parts, others, alongSum }: Work, grid: Grid): number | undefined {
  const wanted = 2 ** Math.ceil(Math.log2(grid.threads / tiles));
  const most = Math.min(
    wanted,
    parts,
    Math.floor((parts * others) / fewestSteps),
    alongSum ? grid.share : Math.floor(grid.share / Math.min(tiles, neighbours)),
  );
  let best: number | undefined;
  let least = parts * others;
  for (let n = 2; n <= most; n++) {
    const cost = Math.ceil(parts / n) * others + meeting + 2 * Math.sqrt(n);
    // Powers of two fill workgroups; others have to be worth it.
    const odd = Number.isInteger(Math.log2(n)) ? 1 : 1.25;
    if (cost * odd >= least) continue;
    least = cost * odd;
    best = n;
  }
  return best;
}

function largestDivisor(n: number, most: number): number {
  for (let d = Math.min(n, most); d > 1; d--) if (n % d === 0) return d;
  return 1;
}
