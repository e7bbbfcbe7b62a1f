/**
 * @file The second law for tensor ops: what an op computes is what its expansion computes. Both are run: the op by its
 * `evaluate`, the expansion after graph-to-linalg.
 */
import { asType } from "../../bench/conformance/linalg.ts";
import { makeModule } from "../../dialects/builtin.ts";
import { func, makeFunction } from "../../dialects/func.ts";
import { dialects } from "../../dialects/index.ts";
import { Builder } from "../../ir/builder.ts";
import { Context } from "../../ir/context.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { dtypeOf } from "../../ir/datum.ts";
import { interpret } from "../../ir/interpret.ts";
import { functionType, type TensorType } from "../../ir/types.ts";
import { verify } from "../../ir/verify.ts";
import { graphToLinalg } from "../../lowering/graph/to-linalg.ts";
import { PassContext } from "../../rewrite/pass.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { isBigDType, NDArray, sizeOf } from "../../support/ndarray.ts";

const context = new Context(dialects);

export interface Program {
  readonly module: Operation;
  readonly inputs: readonly TensorType[];
}

/** A module with one function over tensors. */
export function programOf(
  inputs: readonly TensorType[],
  fill: (b: Builder, ...args: Value[]) => readonly Value[],
): Program {
  const module = makeModule();
  const b = Builder.atEnd(module.region().entry);
  const made = makeFunction(b, "main", functionType(inputs, []), (inner, ...args) => fill(inner, ...args));
  const results = made.region().entry.last!.operands.map((v) => v.type);
  made.props[func.attrIndex.get("function_type")!] = functionType(inputs, results);
  return { module, inputs };
}

/** Checks that a module is well formed; answers what is wrong. */
export function faultsOf(module: Operation): string[] {
  const diagnostics = new Diagnostics();
  verify(module, diagnostics);
  return diagnostics.list.map((d) => d.message);
}

/** Lowers the module in place; answers what is wrong. */
export function lower(module: Operation): string[] {
  const diagnostics = new Diagnostics();
  graphToLinalg.apply(module, {}, new PassContext("graph-to-linalg", { context, diagnostics }));
  const faults = diagnostics.list.filter((d) => d.severity === "error").map((d) => d.message);
  return faults.length > 0 ? faults : faultsOf(module);
}

export const run = (module: Operation, args: readonly NDArray[]): readonly NDArray[] =>
  interpret(module, "main", args) as readonly NDArray[];

/** Runs before and after the lowering: the results of both, those of the lowered program under the original types. */
export function bothWays(
  program: Program,
  args: readonly NDArray[],
): { readonly before: readonly NDArray[]; readonly after: readonly NDArray[]; readonly faults: readonly string[] } {
  const faults = faultsOf(program.module);
  if (faults.length > 0) return { before: [], after: [], faults };
  const results = program.module
    .region()
    .entry.first!.region()
    .entry.last!.operands.map((v) => v.type);
  const before = run(program.module, args);
  const wrong = lower(program.module);
  if (wrong.length > 0) return { before, after: [], faults: wrong };
  const types = program.module
    .region()
    .entry.first!.region()
    .entry.args.map((a) => a.type);
  const after = run(
    program.module,
    args.map((a, i) => asType(a, types[i]!)),
  );
  return { before, after: after.map((a, i) => asType(a, results[i]!)), faults: [] };
}

/** The magnitudes of all elements. */
export function magnitude(a: NDArray): NDArray {
  const values = a.values().map((v) => (typeof v === "bigint" ? (v < 0n ? -v : v) : Math.abs(v)));
  return NDArray.from(a.dtype, a.shape, values);
}

/**
 * The largest difference between elements of two arrays, as a share of what is allowed: nothing, or for sums of n terms
 * γₙ·Σ|terms| with γₙ = n·u / (1 - n·u), where `sums` holds Σ|terms|. Both sides may be off by as much.
 */
export function furthest(a: NDArray, b: NDArray, sums?: NDArray, n = 0): number {
  if (a.dtype !== b.dtype || a.shape.join() !== b.shape.join()) return Number.POSITIVE_INFINITY;
  const [x, y, s] = [a.values(), b.values(), sums?.values()];
  const u = 2 ** -24;
  const steps = n + 2;
  const gamma = (steps * u) / (1 - steps * u);
  let worst = 0;
  for (let i = 0; i < x.length; i++) {
    if (x[i] === y[i] || Object.is(x[i], y[i])) continue;
    const share = Math.abs(Number(x[i]) - Number(y[i])) / (s ? 2 * gamma * Math.abs(Number(s[i])) : 0);
    if (Number.isNaN(share)) return Number.POSITIVE_INFINITY;
    worst = Math.max(worst, share);
  }
  return worst;
}

/** Small whole numbers, or fractions for floats: a linear congruential sequence. */
export function sample(t: TensorType, seed: number): NDArray {
  const dtype = dtypeOf(t.element)!;
  let state = seed * 7919 + 17;
  const next = (): number => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state / 2 ** 31;
  };
  const values = Array.from({ length: sizeOf(t.shape) }, () => {
    if (t.element.kind === "float") return (next() - 0.5) * 8;
    const unsigned = dtype.startsWith("u") || dtype === "i1";
    const v = dtype === "i1" ? Math.round(next()) : Math.floor(next() * 200) - (unsigned ? 0 : 100);
    return isBigDType(dtype) ? BigInt(v) : v;
  });
  return NDArray.from(dtype, t.shape, values);
}
