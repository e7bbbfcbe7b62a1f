/** Functions made with builders, verified, and run by the interpreter. */
import { makeModule } from "../../dialects/builtin.ts";
import { func, return as return_ } from "../../dialects/func.ts";
import { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { type InterpretOptions, interpret } from "../../ir/interpret.ts";
import { functionType, type Type } from "../../ir/types.ts";
import { verify } from "../../ir/verify.ts";
import { Diagnostics } from "../../support/diagnostic.ts";

/** A function of the given parameters whose body a builder writes; calling it interprets. Faults of the IR throw. */
export function build(
  inputs: readonly Type[],
  body: (b: Builder, ...args: Value[]) => readonly Value[],
  options: InterpretOptions = {},
): (...args: unknown[]) => readonly unknown[] {
  const module = makeModule();
  const b = Builder.atEnd(module.region().entry);
  // The result types are known once the body is written.
  let results: readonly Type[] = [];
  const f = func(b, {
    sym_name: "f",
    function_type: functionType(inputs, []),
    body: (inner, ...args) => {
      const values = body(inner, ...args);
      results = values.map((v) => v.type);
      return_(inner, values);
      return undefined;
    },
  });
  f.props[f.def.attrIndex.get("function_type")!] = functionType(inputs, results);
  const diagnostics = new Diagnostics();
  if (!verify(module, diagnostics)) throw new Error(diagnostics.list.map((d) => d.message).join("\n"));
  return (...args) => interpret(module, "f", args, options);
}
