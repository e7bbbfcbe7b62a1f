/** @file What is known of rows that are gathered (gathered.ts). */
import type { Structure } from "../../../dialects/linalg/structure.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import type { Dot } from "../dot.ts";
import type { ReductionSchedule } from "../schedule-attribute.ts";
import type { Level } from "./nest.ts";

/** A sum of products whose rows are gathered before its columns are walked over. */
export interface GatheredSum {
  readonly op: Operation;
  readonly structure: Structure;
  readonly schedule: ReductionSchedule;
  readonly dot: Dot;
  /** Numbers of 16 bits, as many as a tile's rows have. */
  readonly buffer: Value;
}

/** Rows that lie in the buffer. */
export interface GatheredRows extends GatheredSum {
  readonly level: Level;
  /** By what the row reads first. */
  readonly rows: ReadonlyMap<string, number>;
}
