/** @file What steps of several products take of weights whose rows hold fewer. */
import * as arith from "../../../dialects/arith/ops.ts";
import type { Structure } from "../../../dialects/linalg/structure.ts";
import * as vector from "../../../dialects/vector/index.ts";
import { add, constant } from "../../../ir/affine.ts";
import type { Value } from "../../../ir/core.ts";
import { elementOf, i32, type ShapedType, vector as vectorType } from "../../../ir/types.ts";
import { invariant } from "../../../support/diagnostic.ts";
import type { Dot } from "../dot.ts";
import { type At, mapped } from "./ranges.ts";
import type { KernelValues } from "./values.ts";

/** What a step takes of weights of which rows hold half as much: out of two rows, column by column. */
export function joinedRows(
  values: KernelValues,
  structure: Structure,
  { weights, signed, loop, rows }: Dot,
  domain: At,
  [lanes, count]: readonly [number, number],
): Value {
  const { nest } = values;
  const operand = structure.inputs[weights]!;
  const width = (operand.value.type as ShapedType).shape.at(-1)!;
  const rowAt = (k: number): At => {
    const moved = domain.map((e, i) => (i === loop ? add(e, constant(k)) : e));
    return values.resolve(mapped(operand, moved), 1);
  };
  const first = rowAt(0);
  const column = first.at(-1)!;
  invariant(column.kind === "constant", "columns of a vector are known in their panel");
  const run = (at: At): Value => values.readRun(operand.value, at.with(-1, constant(0)), width);
  const [low, high] = [run(first), run(rowAt(rows))];
  const key = `joined ${values.key(operand.value, first, 1)} ${lanes}x${count}`;
  return nest.at(nest.levelOf(first), key, () => {
    const mask = Array.from({ length: lanes * count }, (_, i) => {
      const k = i % count;
      return Math.floor(k / rows) * width + column.value + Math.floor(i / count) * rows + (k % rows);
    });
    const narrow = vectorType([lanes, count], elementOf(low.type));
    const joined = vector.shape_cast(nest.b, vector.shuffle(nest.b, low, high, { mask }), { types: [narrow] });
    const widen = signed.weights ? arith.extsi : arith.extui;
    return widen(nest.b, joined, { types: [vectorType([lanes, count], i32)] });
  });
}
