/**
 * @file Weights that are read ahead. A panel of weights is multiplied with all rows before the next one is begun, so that only the first
 * tile of each waits for memory. Each step of all tiles touches a little of the panel that comes next: when its turn is there, it is near.
 */
import * as arith from "../../../dialects/arith/ops.ts";
import type { Structure } from "../../../dialects/linalg/structure.ts";
import * as memref from "../../../dialects/memref/index.ts";
import { type AffineExpr, add, constant, mul, substitute } from "../../../ir/affine.ts";
import { stridedOf } from "../../../ir/strided.ts";
import type { MemRefType } from "../../../ir/types.ts";
import type { ReductionSchedule } from "../schedule-attribute.ts";
import { mentions } from "../steps.ts";
import { type At, joined, mapped } from "./ranges.ts";
import type { KernelValues } from "./values.ts";

/** Touches what the step at `domain` is to bring near, if the schedule says so. */
export function readAhead(values: KernelValues, structure: Structure, schedule: ReductionSchedule, domain: At): void {
  const [input = -1, distance = 0, perRow = 0, perStep = 0] = schedule.ahead ?? [];
  const operand = structure.inputs[input];
  const buffer = operand && values.buffers.get(operand.value);
  if (!buffer) return;
  const { nest } = values;
  const { b } = nest;
  const { shape } = buffer.type as MemRefType;
  const { strides } = stridedOf(buffer.type as MemRefType)!;
  // Panels lie one behind the other in the dimensions from here on; slices of a batch may have room between them.
  let first = shape.length - 1;
  while (first > 0 && strides[first - 1] === strides[first]! * shape[first]!) first--;
  const { loops } = structure;
  const rows = loops.flatMap((l, i) =>
    l.kind !== "reduction" && l.extent !== 1 && !operand.map.results.some((e) => mentions(e, i)) ? [i] : [],
  );
  const steps = schedule.order;
  const extentOf = (some: readonly number[]): number => some.reduce((n, l) => n * loops[l]!.extent, 1);
  const total = shape.slice(first).reduce((n, d) => n * d, 1);
  const span = extentOf(rows) * perRow + extentOf(steps) * perStep;
  if (strides[shape.length - 1] !== 1 || span >= total) return;
  /** The number of a point of some loops, the last of them fastest. */
  const numberOf = (some: readonly number[]): AffineExpr =>
    joined(some.reduce<AffineExpr>((n, l) => add(mul(n, constant(loops[l]!.extent)), domain[l]!), constant(0)));
  const reductions = new Set(steps);
  const start = values.resolve(
    mapped(
      operand,
      domain.map((e, l) => (reductions.has(l) ? constant(0) : substitute(e, [], [constant(0)]))),
    ),
    1,
  );
  const offset = start.slice(first).map((e, d) => mul(e, constant(strides[first + d]!)));
  const panel = joined(offset.reduce((n, e) => add(n, e), constant(distance)));
  const moved = nest.resolve(add(mul(numberOf(rows), constant(perRow)), mul(numberOf(steps), constant(perStep))), 1);
  const batch = start.slice(0, first);
  if (![panel, moved, ...batch].every((e) => nest.linear(e))) return;
  const key = values.key(operand.value, [], 1);
  const flat = nest.at(nest.levels[0]!, `flat ${key}`, () =>
    memref.collapse_shape(b, buffer, {
      reassociation: [...batch.map((_, d) => [d]), shape.slice(first).map((_, d) => first + d)],
    }),
  );
  // Behind the last panel there is nothing to come.
  const next = nest.at(nest.levelOf([panel]), `next ${panel.id} ${key}`, () =>
    arith.minsi(b, nest.index(panel), nest.constant(total - span)),
  );
  const at = arith.addi(b, next, nest.index(moved));
  memref.prefetch(b, flat, [...batch.map((e) => nest.index(e)), at], {
    isWrite: false,
    localityHint: 2,
    isDataCache: true,
  });
}
