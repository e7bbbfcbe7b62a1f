/** @file Which sums have their rows gathered before their columns are walked over (loops/gathered.ts), and how they run then. */
import type { Structure } from "../../dialects/linalg/structure.ts";
import type { Machine } from "../../support/machine.ts";
import { dotOf } from "./dot.ts";
import { windowOf } from "./loops/gathered.ts";

/** Columns from which on it is worth while to gather what they all read. */
const manyColumns = 8;

/** What its rows read is gathered: there are several, and many columns. */
export function gathersRows(s: Structure, machine: Machine): boolean {
  const out = s.outputs[0]!.shape;
  const columns = out[out.length - 1] ?? 1;
  const many = columns >= manyColumns && out.reduce((n, d) => n * d, 1) > columns;
  return machine.gathers !== undefined && many && dotOf(s, machine.dot ?? 0) !== undefined;
}

/** Steps of gathered rows from which on more of them are written out. */
const manySteps = 32;

/** Copies of a step of a product of gathered rows. */
export const copiesFor = (s: Structure, machine: Machine): number =>
  windowOf(s) / (machine.dot ?? 1) < manySteps ? Math.ceil(machine.unroll / 2) : machine.unroll;
