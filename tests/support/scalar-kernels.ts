/** @file A scalar op as a kernel: applied to every element of tensors of each type that it takes. */
import * as linalg from "../../dialects/linalg/index.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import type { Builder } from "../../ir/builder.ts";
import { Operation, type Value } from "../../ir/core.ts";
import { dtypeOf, isBig } from "../../ir/datum.ts";
import { insOf, type OpInfo } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { interpret } from "../../ir/interpret.ts";
import { typeText } from "../../ir/spell.ts";
import { f32, f64, i1, i8, i16, i32, i64, type TensorType, type Type, tensor as tensorType } from "../../ir/types.ts";
import { verify } from "../../ir/verify.ts";
import { CompileError, Diagnostics } from "../../support/diagnostic.ts";
import { NDArray } from "../../support/ndarray.ts";
import { program } from "./compile.ts";
import { corners } from "./law-check.ts";

const elements: readonly Type[] = [f32, i32, i8, i64, f64, i16, i1];
export const elementNames = elements.map(typeText);

/** Long enough for whole vectors and a rest. */
const length = 39;

export interface Kernel {
  readonly title: string;
  readonly inputs: readonly TensorType[];
  readonly make: () => Operation;
}

/** The values that its attributes may have: every word of those that are words, else the default. */
function propsOf(def: OpInfo): unknown[][] {
  return def.attrFields.reduce<unknown[][]>(
    (all, { codec }) => {
      const values: readonly unknown[] =
        codec.required && codec.asm.kind === "keyword" ? codec.asm.words : [codec.fallback];
      return all.flatMap((props) => values.map((v) => [...props, v]));
    },
    [[]],
  );
}

/** An instance on each element type, and on each result type where it is not inferred. */
export function kernelsOf(def: OpInfo): Kernel[] {
  const found: Kernel[] = [];
  for (const element of elements) {
    const operands = def.operandFields.map((f) => (f.is.test(element) ? element : i1));
    if (operands.some((t, i) => !def.operandFields[i]!.is.test(t))) continue;
    if (!operands.includes(element)) continue;
    for (const props of propsOf(def)) {
      const results = def.spec.infer ? [undefined] : elements;
      for (const result of results) {
        const kernel = kernelOf(def, operands, props, result);
        if (kernel) found.push(kernel);
      }
    }
  }
  return found;
}

function kernelOf(
  def: OpInfo,
  operands: readonly Type[],
  props: readonly unknown[],
  result: Type | undefined,
): Kernel | undefined {
  const inputs = operands.map((t) => tensorType([length], t));
  const apply = (b: Builder, xs: readonly Value[]): Value | undefined => {
    const types = result ? [result] : def.spec.infer!(insOf(def, xs, props, null) as never);
    if (!types || types.length === 0) return undefined;
    return b.insert(new Operation(def, { operands: xs, props: [...props], resultTypes: types })).result();
  };
  const out = result ?? def.spec.infer!(insOf(def, valuesOf(operands), props, null) as never)?.[0];
  if (!out || out.kind === "index" || !dtypeOf(out)) return undefined;
  // Remainders of doubles are exact for small quotients only.
  if (def.opName === "arith.remf" && out === f64) return undefined;
  // Hardly a float has a value in one bit.
  if (out === i1 && operands[0]!.kind === "float" && operands.length === 1) return undefined;
  const type = tensorType([length], out);
  const make = (): Operation =>
    program(inputs, [type], (b, ...xs) => [
      ...linalg.genericOf(b, {
        loops: "d0",
        inputs: xs.map((x) => [x, "d0"] as const),
        outputs: [[tensor.empty(b, [], { types: [type] }), "d0"]],
        body: (inner, ...v) => apply(inner, v.slice(0, xs.length))!,
      }),
    ]);
  if (!verify(make(), new Diagnostics())) return undefined;
  const title = `${def.opName} ${props.filter((p) => typeof p === "string").join(" ")} ${inputs.map((t) => typeText(t.element)).join(", ")} to ${typeText(out)}`;
  return { title, inputs, make };
}

const valuesOf = (types: readonly Type[]): Value[] => {
  const block = program(types as readonly TensorType[], [], () => [])
    .region()
    .entry.first!.region().entry;
  return [...block.args];
};

const isSmall = (x: Num): boolean => x > 1e-4 && x < 8;

/**
 * Corner values in all combinations, as many as there is room for; others where the op faults on those. Where an op has
 * no answer for what it is given (numbers that do not fit into an integer), or only an approximation (functions, whose
 * domains have tests of their own), it is given small numbers.
 */
export function inputsFor(
  make: () => Operation,
  inputs: readonly TensorType[],
  small: boolean,
): readonly NDArray[] | undefined {
  const tries = [(t: Type) => corners(t), (t: Type) => corners(t).filter(isSmall)].slice(small ? 1 : 0);
  for (const values of tries) {
    const args = inputs.map((t, k) => {
      const all = values(t.element);
      const data = Array.from(
        { length },
        (_, i) => all[(k === 0 ? i : i * 7 + Math.floor(i / all.length) + k) % all.length]!,
      );
      const dtype = dtypeOf(t.element)!;
      return NDArray.from(dtype, t.shape, isBig(t.element) ? data.map(BigInt) : data);
    });
    try {
      interpret(make(), "main", args);
      return args;
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
    }
  }
  return undefined;
}
