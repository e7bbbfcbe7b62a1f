/** @file An op again, with other operands or attributes. */
import type { Builder } from "../../ir/builder.ts";
import { Operation, type Value } from "../../ir/core.ts";
import { insOf } from "../../ir/define.ts";

/** The op with other operands and attributes; its type follows from them. */
export function rebuilt(
  b: Builder,
  op: Operation,
  operands: readonly Value[],
  changes: Readonly<Record<string, unknown>>,
): Value {
  const props = op.def.attrFields.map((f, i) => (f.name in changes ? changes[f.name] : op.props[i]));
  const types = op.def.spec.infer?.(insOf(op.def, operands, props, op.operandSegments) as never);
  const made = new Operation(op.def, {
    operands,
    props,
    resultTypes: types ?? op.results.map((r) => r.type),
    operandSegments: op.operandSegments,
    loc: op.loc,
  });
  return b.insert(made).result();
}

export function replace(op: Operation, value: Value): true {
  op.result().replaceAllUsesWith(value);
  op.erase();
  return true;
}
