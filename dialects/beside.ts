/**
 * @file A note on a function: which of its buffers lie in one, and how far apart, whoever calls. It is the discardable
 * attribute `beside`: for each argument the one it lies beside (itself, if none), and the distance in bytes. A target
 * that computes addresses needs one pointer for all of them.
 */
import type { Operation } from "../ir/core.ts";
import { type Attribute, i64 } from "../ir/types.ts";

const name = "beside";

export interface Neighbour {
  /** The argument that it lies beside. */
  readonly argument: number;
  /** Bytes from its first element to that of this one. */
  readonly distance: number;
}

/** Per argument, the one that it lies beside; itself at a distance of 0 where nothing is known. */
export function setBeside(fn: Operation, neighbours: readonly Neighbour[]): void {
  const value: Attribute = {
    kind: "denseArray",
    element: i64,
    values: neighbours.flatMap(({ argument, distance }) => [BigInt(argument), BigInt(distance)]),
  };
  fn.setAttribute(name, value);
}

/** What is noted of a function: by argument, only those that lie beside another. */
export function besideOf(fn: Operation): ReadonlyMap<number, Neighbour> {
  const found = new Map<number, Neighbour>();
  const value = fn.attributes?.get(name);
  if (value?.kind !== "denseArray") return found;
  for (let i = 0; 2 * i + 1 < value.values.length; i++) {
    const [argument, distance] = [Number(value.values[2 * i]), Number(value.values[2 * i + 1])];
    if (argument !== i) found.set(i, { argument, distance });
  }
  return found;
}
