/** @file How many neighbouring results of windows over single channels are computed together, sharing what they load. */
import type { Structure } from "../../dialects/linalg/structure.ts";
import { linear } from "../../ir/affine.ts";
import type { Machine } from "../../support/machine.ts";
import { mentions } from "./steps.ts";

/** Windows move by one element of what they read as the loop goes on. */
const stepsByOne = (s: Structure, loop: number): boolean =>
  s.inputs.every((o) =>
    o.map.results.every((e) => {
      const factors = linear(e, o.map.numDims)?.factors;
      return !mentions(e, loop) || factors?.[loop] === 1;
    }),
  );

/** How many of a strip's results a single one at a border takes as long as. */
const singleCost = 3;

/** Results of a strip. What strips leave over at a border is computed one by one: one more or less in each may leave nothing. */
export function stripOf(rows: number, usual: number, hasBorders: boolean): number {
  const most = Math.max(1, Math.min(usual, rows));
  if (!hasBorders || rows % most === 0) return most;
  // A strip shares what it loads: about one step of two for each of its results.
  const time = (n: number): number => (rows - (rows % n)) * (1 + 1 / n) + (rows % n) * singleCost;
  return [most + 1, most - 1].reduce((best, n) => (n > 1 && time(n) < time(best) ? n : best), most);
}

/** The usual strip along a loop. Where windows move by more than one element there is less to share than code to spend. */
export function stripFor(s: Structure, loop: number, machine: Machine): number {
  const isFloat = s.outputs[0]!.element.kind === "float";
  return (isFloat || !stepsByOne(s, loop) ? undefined : machine.integerStrip) ?? machine.strip;
}
