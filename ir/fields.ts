/** @file Operand and result fields: ordered, named, one, optional or many values each. */
import type { Constraint } from "./constraints.ts";
import type { Type } from "./types.ts";

export type Arity = "one" | "optional" | "many";

export interface Field<N extends string = string, T extends Type = Type, A extends Arity = Arity> {
  readonly name: N;
  readonly is: Constraint<T>;
  readonly arity: A;
}
export type Fields = readonly Field[];

export const one = <const N extends string, T extends Type>(name: N, is: Constraint<T>): Field<N, T, "one"> => ({
  name,
  is,
  arity: "one",
});
export const optional = <const N extends string, T extends Type>(
  name: N,
  is: Constraint<T>,
): Field<N, T, "optional"> => ({ name, is, arity: "optional" });
export const many = <const N extends string, T extends Type>(name: N, is: Constraint<T>): Field<N, T, "many"> => ({
  name,
  is,
  arity: "many",
});

/** Several fields of open length: then the op must store how many values each has, unless all have as many. */
export const needsSegments = (fields: Fields): boolean => fields.filter((f) => f.arity !== "one").length > 1;

/** Start and end of a field among `count` values. */
export function fieldRange(
  fields: Fields,
  field: number,
  count: number,
  segments: readonly number[] | null,
): readonly [number, number] {
  if (segments) {
    let start = 0;
    for (let i = 0; i < field; i++) start += segments[i]!;
    return [start, start + segments[field]!];
  }
  // Without segments the open field takes what the others leave; several share it evenly.
  let opens = 0;
  for (let i = 0; i < fields.length; i++) if (fields[i]!.arity !== "one") opens++;
  const open = opens === 0 ? 0 : Math.max(0, Math.floor((count - (fields.length - opens)) / opens));
  let start = 0;
  for (let i = 0; i < field; i++) start += fields[i]!.arity === "one" ? 1 : open;
  return [start, start + (fields[field]!.arity === "one" ? 1 : open)];
}
