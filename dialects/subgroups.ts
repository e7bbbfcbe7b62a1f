/**
 * @file Subgroups, the threads of a workgroup that a device runs as one: what the gpu dialect says of them. How many
 * threads a subgroup has is the device's matter (a power of two from 4 to 128); programs ask.
 */
import { attr } from "../ir/attributes.ts";
import { Any, Index } from "../ir/constraints.ts";
import type { Operation } from "../ir/core.ts";
import { defineOp } from "../ir/define.ts";
import type { Num } from "../ir/evaluate.ts";
import { one } from "../ir/fields.ts";
import { collective } from "../ir/interfaces.ts";
import { i64, index, integerAttribute } from "../ir/types.ts";
import { NDArray } from "../support/ndarray.ts";
import { combiner, isKindFor, kinds } from "./vector/kinds.ts";

/** On a launch: threads of a subgroup, where the interpreter is to run it. */
const sizeAttribute = "sluice.subgroup_size";
/** What most devices have. */
const usualSize = 32;

/** Lets the interpreter run a launch in subgroups of so many threads. */
export function setSubgroupSize(launch: Operation, size: number): void {
  launch.setAttribute(sizeAttribute, integerAttribute(size, i64));
}

function sizeAt(op: Operation): number {
  for (let at: Operation | null = op; at; at = at.parentOp) {
    const said = at.attributes?.get(sizeAttribute);
    if (said?.kind === "integer") return Number(said.value);
  }
  return usualSize;
}

const byLane =
  (combine: (a: Num, b: Num) => Num) =>
  (a: NDArray, b: NDArray): NDArray => {
    const others = b.values();
    return NDArray.from(
      a.dtype,
      a.shape,
      a.values().map((v, i) => combine(v, others[i]!)),
    );
  };

export const subgroup_reduce = defineOp("gpu.subgroup_reduce", {
  doc:
    "Combines what the threads of a subgroup have, in an order that the device chooses; all of them get it. `uniform`: all " +
    "threads of the subgroup come here.",
  operands: [one("value", Any)],
  attrs: { kind: attr.oneOf(...kinds), uniform: attr.unit },
  results: [one("result", Any)],
  infer: ({ value }) => [value.type],
  interfaces: [
    collective({
      together(op, given) {
        const { kind } = subgroup_reduce.of(op);
        const { type } = op.result();
        const combine = type.kind === "vector" ? byLane(combiner(kind, type.element)) : combiner(kind, type);
        const size = sizeAt(op);
        const found: (readonly unknown[])[] = [];
        for (let first = 0; first < given.length; first += size) {
          const members = given.slice(first, first + size).map(([v]) => v as Num & NDArray);
          const all = members.reduce((a, b) => combine(a, b) as Num & NDArray);
          for (const _ of members) found.push([all]);
        }
        return found;
      },
    }),
  ],
  effects: () => [],
  assembly: "$kind $value (`uniform` $uniform^)? attr-dict `:` functional-type(operands, results)",
  verify({ value, kind }, fail) {
    const { type } = value;
    if (!isKindFor(kind, type.kind === "vector" ? type.element : type))
      fail(`'${kind}' is not for values of this type`);
  },
});

export const lane_id = defineOp("gpu.lane_id", {
  doc: "The number of the thread in its subgroup.",
  results: [one("result", Index)],
  infer: () => [index],
  interfaces: [collective({ together: (op, given) => given.map((_, t) => [t % sizeAt(op)]) })],
  effects: () => [],
  assembly: "attr-dict",
});

export const subgroup_size = defineOp("gpu.subgroup_size", {
  doc: "How many threads the subgroups of the device have: more than come, where a workgroup has fewer.",
  results: [one("result", Index)],
  infer: () => [index],
  interfaces: [collective({ together: (op, given) => given.map(() => [sizeAt(op)]) })],
  effects: () => [],
  assembly: "attr-dict `:` type($result)",
});
