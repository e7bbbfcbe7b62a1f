/** The laws that hold for everything that is registered: new ops, rules, passes and targets are covered unasked. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { index_cast, negf, subf } from "../dialects/arith/ops.ts";
import { dialects } from "../dialects/index.ts";
import { Context } from "../ir/context.ts";
import type { Value } from "../ir/core.ts";
import type { Num } from "../ir/evaluate.ts";
import { index } from "../ir/types.ts";
import { verify } from "../ir/verify.ts";
import { passes } from "../lowering/index.ts";
import { Evaluation } from "../rewrite/evaluate.ts";
import { verifyEach } from "../rewrite/instruments.ts";
import { any, type Law, law, typeVariable } from "../rewrite/law.ts";
import { parsePipeline, runPipeline } from "../rewrite/pipeline.ts";
import { Rewriter } from "../rewrite/rewriter.ts";
import { Diagnostics } from "../support/diagnostic.ts";
import { corners, evaluate, instance, type Typing, typings, Undefined } from "./support/law-check.ts";
import { Choices, randomProgram } from "./support/random-program.ts";

const context = new Context(dialects);
const laws = dialects.flatMap((d) => d.rules).filter((r): r is Law => "left" in r);
const ofScalars = laws.filter((l) => [...l.left.ops, ...l.right.ops].every((op) => op.def.spec.scalar));

/** How equal results must be: what the law's flags leave open is not compared. */
function same(law: Law, a: Num, b: Num): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "number" || typeof b !== "number") return false;
  const finite = Number.isFinite(a) && Number.isFinite(b);
  if ((law.needs.includes("nnan") || law.needs.includes("ninf")) && !finite) return true;
  if (law.needs.includes("arcp")) return !finite || Math.abs(a - b) <= 0.01 * Math.abs(a);
  return law.needs.includes("nsz") && a === 0 && b === 0;
}

/** Tries one sample. Answers whether the law applied to it. */
function attack(law: Law, typing: Typing, choices: readonly number[]): boolean {
  let n = 0;
  const pick = <T>(values: readonly T[]): T => values[choices[n++ % choices.length]! % values.length]!;
  const made = instance(law, typing, context, pick);
  if (!made) return false;
  // Index is a double when it is interpreted: wider numbers lose their low bits on the way through it.
  const exact = (v: Num): boolean => !throughIndex || Number.isSafeInteger(Number(v));
  const throughIndex = made.target.operands.some((v) => v.type === index) || made.target.result().type === index;
  const inputs = made.params.map((p) => pick(corners(p.type).filter(exact)));
  if (law.needs.includes("nnan") && inputs.some((v) => Number.isNaN(v))) return false;
  if (law.needs.includes("ninf") && inputs.some((v) => !Number.isFinite(Number(v)))) return false;
  const known = (): Map<Value, Num> => new Map(made.params.map((p, i) => [p, inputs[i]!]));
  let before: Num | undefined;
  try {
    const values = known();
    before = evaluate(made.end.operand(0), values);
    // The payload of a NaN is not kept, so its bits must not be looked at.
    const { target } = made;
    if (target.operands.some((v) => Number.isNaN(values.get(v)) && v.type !== target.result().type)) return false;
  } catch (error) {
    if (!(error instanceof Undefined)) throw error;
  }
  const rw = new Rewriter(context).focus(made.target);
  if (!law.apply(made.target, rw)) return false;
  const diagnostics = new Diagnostics();
  verify(made.root, diagnostics);
  expect(diagnostics.list.map((d) => d.message)).toEqual([]);
  if (before === undefined) return true;
  const after = evaluate(made.end.operand(0), known());
  if (!same(law, before, after)) expect.fail(`${law.doc} on ${inputs.join(", ")}: ${before} became ${after}`);
  return true;
}

describe("every law keeps the meaning of its operands", () => {
  for (const law of ofScalars) it(law.doc, () => theorem(law));
});

function theorem(law: Law): void {
  const all = typings(law, context);
  expect(all.length, "the law has operand types").toBeGreaterThan(0);
  let applied = 0;
  // Samples are numbers, so that a counterexample can be printed; the message of the failure says what it stands for.
  const choices = fc.array(fc.nat(1000), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(choices, ([first = 0, ...rest]) => {
      if (attack(law, all[first % all.length]!, rest)) applied++;
    }),
    { numRuns: 300 },
  );
  expect(applied, "the law fires").toBeGreaterThan(0);
}

it("a law that does not hold is refuted", () => {
  const [x, y] = [any("x"), any("y")];
  // -(0 - 0) is -0, and 0 - 0 is 0.
  const trap = law(
    (b) => negf(b, subf(b, x, y)),
    (b) => subf(b, y, x),
  );
  expect(() => theorem(trap)).toThrow(/Property failed/);
  const narrow = law(
    (b) => index_cast(b, index_cast(b, x, { types: [typeVariable("S")] }), { types: [typeVariable("x")] }),
    () => x,
  );
  expect(() => theorem(narrow)).toThrow(/Property failed/);
});

/** Passes of which the program is not a module of general code, or that need what only a later storey has. */
const general = ["canonicalize", "cse", "dce", "licm", "fold-constants", "inline", "loop-unroll", "symbol-dce", "sccp"];

describe("every general pass keeps the meaning of random programs", () => {
  for (const name of general) {
    it(name, () => {
      const pass = passes.find((p) => p.name === name)!;
      const pipeline = parsePipeline(name, [pass], new Diagnostics())!;
      fc.assert(
        fc.property(fc.array(fc.nat(5000), { minLength: 20, maxLength: 150 }), (numbers) => {
          const program = randomProgram(new Choices(numbers));
          const before = new Evaluation(program, { samples: 2 });
          expect(before.usable).toBe(2);
          const diagnostics = new Diagnostics();
          runPipeline(pipeline, program, { context, diagnostics }, { instruments: [verifyEach()] });
          expect(diagnostics.list.filter((d) => d.severity === "error").map((d) => d.message)).toEqual([]);
          expect(before.difference(program)).toBeUndefined();
        }),
        { numRuns: 60 },
      );
    });
  }
});
