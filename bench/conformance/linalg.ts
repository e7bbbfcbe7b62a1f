/** @file The target `linalg`: the interpreter again, after every tensor op has said itself in lower words. */
import { func } from "../../dialects/func.ts";
import { dialects } from "../../dialects/index.ts";
import { Context } from "../../ir/context.ts";
import type { Operation } from "../../ir/core.ts";
import { dtypeOf, wrapInteger } from "../../ir/datum.ts";
import { Interpreter } from "../../ir/interpret.ts";
import { elementOf, type Type } from "../../ir/types.ts";
import { verify } from "../../ir/verify.ts";
import { graphToLinalg } from "../../lowering/graph/to-linalg.ts";
import { PassContext } from "../../rewrite/pass.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { NDArray, storageOf } from "../../support/ndarray.ts";
import type { Prepared, Target } from "./target.ts";

const context = new Context(dialects);

/** The bits of an array under the element type of another sign. */
export function asType(a: NDArray, t: Type): NDArray {
  const element = elementOf(t);
  const dtype = dtypeOf(element)!;
  if (a.dtype === dtype) return a;
  const { data } = a.contiguous();
  const stored = storageOf(dtype, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  if (element.kind !== "integer" || element.width >= 8) return new NDArray(dtype, a.shape, stored);
  // Elements narrower than their storage are kept in their own range.
  return NDArray.from(
    dtype,
    a.shape,
    Array.from(stored as Int8Array, (v) => wrapInteger(element, v)),
  );
}

export const linalg: Target = {
  name: "linalg",
  prepare(module: Operation): Prepared {
    const main = module.region().entry.first!;
    const before = func.of(main).function_type;
    const diagnostics = new Diagnostics();
    graphToLinalg.apply(module, {}, new PassContext("graph-to-linalg", { context, diagnostics }));
    diagnostics.throwIfErrors();
    verify(module, diagnostics);
    diagnostics.throwIfErrors();
    const after = func.of(main).function_type;
    const run = new Interpreter();
    return {
      run(inputs) {
        const args = inputs.map((a, i) => asType(a, after.inputs[i]!));
        const results = run.call(module, "main", args) as readonly NDArray[];
        return results.map((a, i) => asType(a, before.results[i]!));
      },
    };
  },
};
