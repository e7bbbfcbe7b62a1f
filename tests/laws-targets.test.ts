/**
 * The fourth law on models, and the fifth: every pass of a target's pipeline keeps the meaning of random models, and
 * what the target makes computes what the interpreter computes. For every scalar op alone, and for models of several.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { wasmSimd } from "../codegen/wasm/index.ts";
import { dialects } from "../dialects/index.ts";
import type { Value } from "../ir/core.ts";
import type { OpInfo } from "../ir/define.ts";
import { interpret } from "../ir/interpret.ts";
import { Elementwise } from "../ir/traits.ts";
import { f32, type TensorType, type Type } from "../ir/types.ts";
import { evaluateEach } from "../rewrite/evaluate.ts";
import { verifyEach } from "../rewrite/instruments.ts";
import { runPipeline } from "../rewrite/pipeline.ts";
import { Session } from "../runtime/session.ts";
import { CompileError } from "../support/diagnostic.ts";
import type { NDArray } from "../support/ndarray.ts";
import { both, randomArray } from "./support/compile.ts";
import { allowance, environment, pipelineOf } from "./support/evaluated.ts";
import { randomModel } from "./support/random-model.ts";
import { Choices } from "./support/random-program.ts";
import { elementNames, inputsFor, kernelsOf } from "./support/scalar-kernels.ts";

/**
 * Arithmetic has one right answer. Functions come near it, in units of the last place; those of 64 bits are made for the
 * precision that models need.
 */
const ulps = (def: OpInfo, type: Type): number => (def.dialect !== "math" ? 0 : type === f32 ? 16 : 4096);

/** Ops that have no answer for every number, or an approximation on a part of them. */
const wantsSmall = (def: OpInfo): boolean =>
  (def.dialect === "math" && def.resultFields.some((f) => f.is.test(f32))) || /\.(fpto[su]i|remf)$/.test(def.opName);

function furthest(type: TensorType, a: NDArray, b: NDArray): number {
  const unit = type.element === f32 ? 2 ** -23 : 2 ** -52;
  const y = b.values();
  return a.values().reduce<number>((worst, v, i) => {
    const w = y[i]!;
    if (v === w || (Number.isNaN(v) && Number.isNaN(w)))
      return Object.is(v, w) || v !== 0 ? worst : Math.max(worst, 0.5);
    const d = Math.abs(Number(v) - Number(w)) / (unit * Math.max(Math.abs(Number(w)), 2 ** -100));
    return Math.max(worst, Number.isNaN(d) ? Number.POSITIVE_INFINITY : d);
  }, 0);
}

const scalarOps = dialects
  .filter((d) => d.name === "arith" || d.name === "math")
  .flatMap((d) => d.ops.filter((op) => op.spec.scalar && op.has(Elementwise)))
  // Tensors of index are no data of a kernel.
  .filter((op) => !/\.index_cast(ui)?$/.test(op.opName));

/** What the target refuses with a diagnostic: no model asks for them. */
const refusedByWasm = new Set([
  "arith.ceildivsi",
  "arith.ceildivui",
  "arith.addui_extended",
  "arith.mulsi_extended",
  "arith.mului_extended",
  "math.fpowi",
  "math.ipowi",
]);

describe("wasm-simd computes what the interpreter computes", () => {
  it.each(scalarOps.map((op) => op.opName))("%s", { timeout: 120_000 }, async (name) => {
    const def = scalarOps.find((op) => op.opName === name)!;
    const kernels = kernelsOf(def);
    expect(kernels.length, "there are types that the op takes").toBeGreaterThan(0);
    let compared = 0;
    const refused: string[] = [];
    for (const { title, make, inputs } of kernels) {
      const args = inputsFor(make, inputs, wantsSmall(def));
      if (!args) continue; // faults on whatever it is given
      try {
        const { wasm, reference } = await both(make(), "v8", args);
        const type = resultType(make());
        const far = furthest(type, wasm[0]!, reference[0]!);
        expect(far, `${title} is off by ${far} units`).toBeLessThanOrEqual(ulps(def, type.element));
        compared++;
      } catch (error) {
        if (!(error instanceof CompileError)) throw error;
        refused.push(`${title}: ${error.diagnostics[0]?.message}`);
      }
    }
    if (refusedByWasm.has(name)) expect(compared, "it is no longer refused").toBe(0);
    else expect(compared, refused.join("\n")).toBeGreaterThan(0);
  });

  it("on the types of a kernel", () => expect(elementNames).toContain("f32"));
});

function resultType(module: ReturnType<typeof randomModel>): TensorType {
  const fn = module.region().entry.first!;
  return fn.region().entry.last!.operands[0]!.type as TensorType;
}

const typesOf = (values: readonly Value[]): readonly Type[] => values.map((v) => v.type);

describe("random models", () => {
  const numbers = fc.array(fc.nat(5000), { minLength: 12, maxLength: 40 });

  it("mean the same after every pass of the pipeline, and on the target", { timeout: 300_000 }, async () => {
    const pipeline = pipelineOf();
    await fc.assert(
      fc.asyncProperty(numbers, async (n) => {
        const model = randomModel(new Choices(n));
        const types = typesOf(model.region().entry.first!.region().entry.args) as TensorType[];
        const args = types.map((t, i) => randomArray(t, i + 1));
        const reference = interpret(model, "main", args) as readonly NDArray[];
        const env = environment();
        runPipeline(pipeline, model, env, { instruments: [verifyEach(), evaluateEach(allowance)] });
        expect(env.diagnostics.list.filter((d) => d.severity !== "remark").map((d) => d.message)).toEqual([]);
        const session = await Session.load(wasmSimd.emit(model, { model: "random", names: true }));
        const given = Object.fromEntries(session.inputs.map((p, i) => [p.name, args[i]!.contiguous().data]));
        const answer = session.run(given as Record<string, Float32Array>);
        session.outputs.forEach((p, i) => {
          const wanted = reference[i]!.values().map(Number);
          const scale = Math.max(1, ...wanted.map(Math.abs));
          const got = [...(answer[p.name] as Float32Array)];
          const worst = got.reduce((w, v, k) => Math.max(w, Math.abs(v - wanted[k]!) / scale), 0);
          expect(worst).toBeLessThan(1e-5);
        });
      }),
      { numRuns: 25, seed: 11 },
    );
  });
});
