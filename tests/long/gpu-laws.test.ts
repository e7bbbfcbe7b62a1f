/**
 * The fifth law on WebGPU: what lavapipe computes is what the interpreter computes, for every scalar op on the types that
 * WebGPU has words for, for attention, and for random models. `.ci/run` installs the driver.
 */
import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { dialects } from "../../dialects/index.ts";
import type { OpInfo } from "../../ir/define.ts";
import { interpret } from "../../ir/interpret.ts";
import { Elementwise } from "../../ir/traits.ts";
import { f32, type TensorType } from "../../ir/types.ts";
import { CompileError } from "../../support/diagnostic.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { attentionModule, attentions } from "../support/attentions.ts";
import { randomArray } from "../support/compile.ts";
import { shadersOf } from "../support/gpu.ts";
import { type BatchRun, compiledToWgsl, runBatch } from "../support/gpu-batch.ts";
import { racesOf, schedulesOf } from "../support/judges.ts";
import { randomModel } from "../support/random-model.ts";
import { Choices } from "../support/random-program.ts";
import { inputsFor, kernelsOf } from "../support/scalar-kernels.ts";

const driver = "/usr/share/vulkan/icd.d/lvp_icd.json";
const env = { VK_DRIVER_FILES: driver, LP_NATIVE_VECTOR_WIDTH: "128" };

const scalarOps = dialects
  .filter((d) => d.name === "arith" || d.name === "math")
  .flatMap((d) => d.ops.filter((op) => op.spec.scalar && op.has(Elementwise)))
  // Tensors of index are no data of a kernel.
  .filter((op) => !/\.index_cast(ui)?$/.test(op.opName));

/** Ops that have no answer for every number, or an approximation on a part of them; integers of 64 bits must fit into 32. */
const wantsSmall = (def: OpInfo): boolean =>
  (def.dialect === "math" && def.resultFields.some((f) => f.is.test(f32))) || /\.(fpto[su]i|remf)$/.test(def.opName);

const approximate = (def: OpInfo): boolean => def.dialect === "math" || def.opName === "arith.remf";

interface Compared extends BatchRun {
  readonly title: string;
  readonly reference: readonly NDArray[];
}

/** How far two arrays are apart: of floats as a share of the larger of 1 and the number, of integers at all. */
function furthest(a: NDArray, b: NDArray): number {
  const y = b.values();
  return a.values().reduce<number>((worst, v, i) => {
    const [p, q] = [Number(v), Number(y[i]!)];
    if (Object.is(p, q) || p === q) return worst;
    const d = Math.abs(p - q) / Math.max(1, Math.abs(q));
    return Math.max(worst, Number.isNaN(d) ? Number.POSITIVE_INFINITY : d);
  }, 0);
}

describe.skipIf(!existsSync(driver))("WebGPU computes what the interpreter computes (needs lavapipe)", () => {
  it("for every scalar op", async () => {
    const runs: (Compared & { readonly def: OpInfo })[] = [];
    const refused: string[] = [];
    for (const def of scalarOps) {
      for (const { title, make, inputs } of kernelsOf(def)) {
        const args = inputsFor(make, inputs, wantsSmall(def) || /i64/.test(title));
        if (!args) continue;
        try {
          const artifact = compiledToWgsl(make());
          runs.push({ def, title, artifact, inputs: args, reference: interpret(make(), "main", args) as NDArray[] });
        } catch (error) {
          if (!(error instanceof CompileError)) throw error;
          refused.push(title);
        }
      }
    }
    const answers = await runBatch(runs, env);
    const wrong = answers.flatMap((a, i) => {
      const { title, def, reference } = runs[i]!;
      if (typeof a === "string") return [`${title}: ${a}`];
      const far = furthest(a[0]!, reference[0]!);
      return far <= (approximate(def) ? 1e-4 : 0) ? [] : [`${title} is off by ${far}`];
    });
    // Numbers of 64 bits, and ops that no model asks for.
    expect(
      refused.filter((r) => !r.includes("f64") && !/^(arith\.ceildiv[su]i|math\.([if]powi|ct[lt]z)) /.test(r)),
    ).toEqual(["math.ctpop  i64 to i64"]);
    expect(wrong).toEqual([]);
  });

  it("for attention of sizes that nothing divides", async () => {
    // Software takes long to compile the larger ones, of which the interpreter's answers are known.
    const small = attentions.filter(([, , , { shape }]) => shape.reduce((n, d) => n * d, 1) <= 600);
    const runs = small.map(([title, body, types, result]): Compared => {
      const inputs = types.map((t, i) => randomArray(t, i + 1));
      const make = () => attentionModule(body, types, [result]);
      const reference = interpret(make(), "main", inputs) as NDArray[];
      return { title, artifact: compiledToWgsl(make()), inputs, reference };
    });
    for (const { artifact } of runs) {
      expect(schedulesOf(shadersOf(artifact)).flatMap((code) => racesOf(code))).toEqual([]);
    }
    const answers = await runBatch(runs, env);
    const wrong = answers.flatMap((a, i) => {
      const { title, reference } = runs[i]!;
      if (typeof a === "string") return [`${title}: ${a}`];
      const far = furthest(a[0]!, reference[0]!);
      return far <= 1e-5 ? [] : [`${title} is off by ${far}`];
    });
    expect(wrong).toEqual([]);
  });

  it("for random models", async () => {
    let state = 7;
    const next = (): number => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return state >>> 8;
    };
    const runs = Array.from({ length: 40 }, (_, k): Compared => {
      const numbers = Array.from({ length: 12 + (next() % 28) }, () => next() % 5000);
      const make = () => randomModel(new Choices(numbers));
      const model = make();
      const types = model
        .region()
        .entry.first!.region()
        .entry.args.map((v) => v.type) as TensorType[];
      const inputs = types.map((t, i) => randomArray(t, i + 1));
      const reference = interpret(model, "main", inputs) as NDArray[];
      return { title: `${k}: ${numbers.join()}`, artifact: compiledToWgsl(make()), inputs, reference };
    });
    const answers = await runBatch(runs, env);
    const wrong = answers.flatMap((a, k) => {
      const { title, reference } = runs[k]!;
      if (typeof a === "string") return [`${title}: ${a}`];
      return a.flatMap((got, i) => {
        const wanted = reference[i]!.values().map(Number);
        const scale = Math.max(1, ...wanted.map(Math.abs));
        const worst = got
          .values()
          .reduce<number>((w, v, j) => Math.max(w, Math.abs(Number(v) - wanted[j]!) / scale), 0);
        return worst < 1e-5 ? [] : [`${title} is off by ${worst}`];
      });
    });
    expect(wrong).toEqual([]);
  });
});
