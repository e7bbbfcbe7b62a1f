/** @file Loops over tensors: scf.for that carries them and replaces slices of them, at places computed at run time. */
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { dynamic } from "../../ir/types.ts";
import * as arith from "../arith/ops.ts";
import * as scf from "../scf/ops.ts";
import * as tensors from "../tensor/ops.ts";
import type { Shape, TensorValue } from "./op.ts";

/** A place known now, or at run time. */
export type Place = Value | number;

/** Runs `turn` for 0 to count - 1, handing tensors on from turn to turn. */
export function forTurns(
  b: Builder,
  count: number,
  inits: readonly TensorValue[],
  turn: (inner: Builder, i: Value, carried: readonly TensorValue[]) => readonly TensorValue[],
): readonly TensorValue[] {
  const [from, to, step] = [0, count, 1].map((n) => arith.constantIndex(b, n));
  return scf.for(b, from!, to!, step!, inits, {
    region: (inner, i, ...carried) => turn(inner, i!, carried as unknown as readonly TensorValue[]),
  }) as unknown as readonly TensorValue[];
}

/** As `forTurns`, over all places of a shape, in order. */
export function forPlaces(
  b: Builder,
  shape: Shape,
  inits: readonly TensorValue[],
  turn: (inner: Builder, at: readonly Value[], carried: readonly TensorValue[]) => readonly TensorValue[],
): readonly TensorValue[] {
  const nest = (inner: Builder, at: readonly Value[], carried: readonly TensorValue[]): readonly TensorValue[] =>
    at.length === shape.length
      ? turn(inner, at, carried)
      : forTurns(inner, shape[at.length]!, carried, (deeper, i, next) => nest(deeper, [...at, i], next));
  return nest(b, [], inits);
}

const slicing = (offsets: readonly Place[], sizes: Shape) => ({
  static_offsets: offsets.map((o) => (typeof o === "number" ? o : dynamic)),
  static_sizes: sizes,
  static_strides: sizes.map(() => 1),
});

const values = (offsets: readonly Place[]): Value[] => offsets.filter((o) => typeof o !== "number");

/** A slice from a place on. */
export const sliceAt = (b: Builder, x: TensorValue, offsets: readonly Place[], sizes: Shape): TensorValue =>
  tensors.extract_slice(b, x, values(offsets), [], [], slicing(offsets, sizes)) as TensorValue;

/** A tensor with a slice replaced from a place on. */
export const putAt = (b: Builder, part: TensorValue, into: TensorValue, offsets: readonly Place[]): TensorValue =>
  tensors.insert_slice(b, part, into, values(offsets), [], [], slicing(offsets, part.type.shape)) as TensorValue;
