/** @file Chooses how the reduction loops of a kernel's ops run on a machine. */
import type { Structure } from "../../dialects/linalg/structure.ts";
import type { Machine } from "../../support/machine.ts";
import { dotOf } from "./dot.ts";
import { combinerOf } from "./loops/combiner.ts";
import { slidesOverPlanes } from "./planes.ts";
import { plainLoops, type ReductionSchedule, type RootSchedule } from "./schedule-attribute.ts";
import { copiesFor, gathersRows } from "./schedule-gather.ts";
import { loopOfDim, memoryStepAlong, mentions, stepAlong } from "./steps.ts";

/** The inputs that the body reads; what only gives a window its size is none. */
export const readInputs = (s: Structure): number[] => s.inputs.flatMap((o, i) => (o.arg?.hasUses ? [i] : []));

/** Vectors can lie along the innermost reduction loop. */
export function runsAlong(s: Structure, lanes: number): boolean {
  const inner = s.loops.findLastIndex((l) => l.kind === "reduction");
  const contiguous = s.inputs.every((_, i) => {
    const step = stepAlong(s, i, inner);
    return step === 0 || step === 1;
  });
  return lanes > 1 && contiguous && combinerOf(s) !== undefined && s.loops[inner]!.extent >= lanes;
}

/** Copies of a reduction's body that may be written out for one tile of results, unless the machine says otherwise. */
const usualCopies = 128;

/** Sums in a tile that leaves half of the registers free. */
const smallTile = 8;

/** Vectors (or scalars) in a register tile. */
const pointsOf = (root: RootSchedule): number =>
  root.tile.reduce((n, t) => n * t, 1) / (root.vector >= 0 ? root.lanes : 1);

/** How many of the innermost loops are steps of the same length in each operand, one after the other, or but for one. */
function longestRun(s: Structure, order: readonly number[], but = -1): number {
  let run = 1;
  for (let n = 2; n <= order.length; n++) {
    const outer = order[order.length - n]!;
    const inner = order[order.length - n + 1]!;
    const even = s.inputs.every((o, i) => {
      if (i === but) return true;
      const a = memoryStepAlong(s, i, outer);
      const b = memoryStepAlong(s, i, inner);
      return a !== undefined && b !== undefined && o.map.results.length > 0 && a === b * s.loops[inner]!.extent;
    });
    if (!even && s.loops[outer]!.extent !== 1) break;
    run = n;
  }
  return run;
}

/** Steps of a product of matrices that are written out where they lie unevenly in memory. */
const unevenSteps = 12;

/** The innermost loops that are few steps together: a window over some channels that lie apart. */
function fewSteps(s: Structure, order: readonly number[]): readonly number[] {
  const full: number[] = [];
  let steps = 1;
  for (const loop of [...order].reverse()) {
    steps *= s.loops[loop]!.extent;
    if (steps > unevenSteps) break;
    full.push(loop);
  }
  return full;
}

/** Weights, in bytes, that are worth being read ahead. */
const manyWeights = 64 << 10;

/** Whether the next panel of weights is brought near while one is multiplied with all rows, and how much at a time. */
function readAhead(s: Structure, root: RootSchedule, machine: Machine): Pick<ReductionSchedule, "ahead"> {
  const last = root.tile.length - 1;
  const along = loopOfDim(s, last);
  const input = readInputs(s).find((i) => (stepAlong(s, i, along) ?? 1) !== 0);
  if (machine.ahead === undefined || input === undefined || root.vector !== last || root.block.some((n) => n > 0))
    return {};
  const { map, shape } = s.inputs[input]!;
  const isShared = (loop: number): boolean => !map.results.some((e) => mentions(e, loop));
  const extents = (keep: (loop: number) => boolean): number =>
    s.loops.reduce((n, l, i) => (keep(i) ? n * l.extent : n), 1);
  const rows = extents((i) => s.loops[i]!.kind !== "reduction" && isShared(i));
  const steps = extents((i) => s.loops[i]!.kind === "reduction");
  const inTile = root.tile.reduce((n, t, d) => (isShared(loopOfDim(s, d)) ? n * t : n), 1);
  const bytes = 4 * shape.reduce((n, d) => n * d, 1);
  if (rows <= inTile || rows > machine.ahead || bytes < manyWeights) return {};
  const distance = root.tile[last]! * steps;
  const perRow = Math.ceil(distance / rows);
  return { ahead: [input, distance, perRow, Math.ceil((perRow * inTile) / steps)] };
}

/** Copies of a step of a product of matrices. */
function unrollOf(machine: Machine, points: number, dots: boolean, windows: boolean): number {
  if (!machine.rowByRow) return dots ? 1 : machine.unroll;
  // The inner loops of windows are short.
  if (windows || (!dots && points <= smallTile)) return machine.unroll;
  // Sums of floats that fill the registers are copied to and fro where compilers see several steps.
  return dots ? Math.ceil(machine.unroll / 2) : 1;
}

/** How a reducing op runs its loops; the kernel's results hang on it if it is `heavy`. */
export function reductionLoops(
  s: Structure,
  heavy: boolean,
  lanes: number,
  root: RootSchedule,
  machine: Machine,
): ReductionSchedule {
  const points = pointsOf(root);
  const none: ReductionSchedule = { ...plainLoops(s), apart: machine.loopForm === "exits" ? 1 : 0 };
  const { order } = none;
  const inner = order[order.length - 1]!;
  if (!heavy) {
    // Results have no vectors of their own: they lie along the innermost loop, if that is contiguous.
    if (!runsAlong(s, lanes)) return none;
    const { extent } = s.loops[inner]!;
    const accumulators = Math.max(1, Math.min(4, Math.floor(extent / (2 * lanes))));
    return { ...none, vector: inner, lanes, accumulators };
  }
  // Which elements are padding is known of each step by itself.
  if (machine.turns && slidesOverPlanes(s)) return { ...none, full: order };
  if (!machine.grid) {
    const last = s.outputs[0]!.map.results.length - 1;
    const along = last < 0 ? -1 : loopOfDim(s, last);
    if (along >= 0 && readInputs(s).some((i) => stepAlong(s, i, along) === 0)) {
      // Rows share what the columns load: one long loop whose pointers move, as far as memory allows.
      const dot = (machine.fours ? dotOf(s, 4) : undefined) ?? dotOf(s, machine.dot ?? 0);
      // Packed weights follow each other in the order of the loops.
      const gather = gathersRows(s, machine);
      const run = gather ? order.length : longestRun(s, order, dot?.weights);
      return {
        ...none,
        run,
        full: run === 1 && !dot && !machine.rowByRow ? fewSteps(s, order) : [],
        unroll: gather ? copiesFor(s, machine) : unrollOf(machine, points, dot !== undefined, run < order.length),
        ...(dot && { group: dot.group }),
        ...(gather && { gather: 1 }),
        ...(!dot && readAhead(s, root, machine)),
      };
    }
  }
  const bodyBudget = machine.copies ?? usualCopies;
  // Innermost loops whose steps, all together, are few.
  const full: number[] = [];
  let steps = 1;
  for (let i = order.length - 1; i >= 0; i--) {
    const { extent } = s.loops[order[i]!]!;
    if (steps * extent * points > bodyBudget) break;
    steps *= extent;
    full.push(order[i]!);
  }
  // The innermost loop that is left is unrolled as far as the copies inside of it allow.
  const unroll = Math.max(1, Math.min(machine.unroll, Math.floor(bodyBudget / (steps * points))));
  return { ...none, full, unroll };
}
