/** Models cut into parts: together the parts compute what the whole does, whatever runs on which side. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { func } from "../../dialects/func.ts";
import type { Operation } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import type { TensorType } from "../../ir/types.ts";
import { partition } from "../../lowering/graph/partition.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { randomArray, verified } from "../support/compile.ts";
import { randomModel } from "../support/random-model.ts";
import { Choices } from "../support/random-program.ts";

const mainOf = (module: Operation) => func.of(module.region().entry.first!);

describe("partition", () => {
  it("keeps what random models compute, in parts that take turns", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(1000), { minLength: 4, maxLength: 24 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
        (choices, sides) => {
          const module = randomModel(new Choices(choices));
          const number = new Map([...mainOf(module).body.entry].map((op, i) => [op, i]));
          const cut = partition(module, (op) => (sides[number.get(op)! % sides.length] ? "device" : "host"));
          const given = mainOf(module).body.entry.args.map((a, i) => randomArray(a.type as TensorType, i + 1));
          const whole = interpret(module, "main", given) as NDArray[];
          const values = new Map(cut.inputs.map((name, i) => [name, given[i]!]));
          cut.parts.forEach(({ side, module: part, inputs, outputs }, i) => {
            verified(part, "partition");
            if (i > 0) expect(side).not.toBe(cut.parts[i - 1]!.side);
            const args = inputs.map((name) => values.get(name)!);
            expect(args).not.toContain(undefined);
            const answers = interpret(part, "main", args) as NDArray[];
            outputs.forEach((name, k) => {
              values.set(name, answers[k]!);
            });
          });
          expect(cut.outputs.length).toBe(whole.length);
          cut.outputs.forEach(([, value], i) => {
            expect([...values.get(value)!.values()]).toEqual([...whole[i]!.values()]);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  it("puts each operation into one part, and keeps sides apart no more often than it must", () => {
    const module = randomModel(new Choices([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5]));
    const all = [...mainOf(module).body.entry].filter((op) => !op.def.isConstant && !op.def.isTerminator);
    const { parts } = partition(module, () => "device");
    expect(parts.map((p) => p.side)).toEqual(["device"]);
    expect(parts[0]!.ops).toEqual(all);
  });
});
