/** @file Constants, state, choices and loops. */
import { attr } from "../../ir/attributes.ts";
import { Any } from "../../ir/constraints.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { datumOfAttribute } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import { reads, writes } from "../../ir/effects.ts";
import type { Evaluator } from "../../ir/evaluate.ts";
import { many, one } from "../../ir/fields.ts";
import { typeText } from "../../ir/spell.ts";
import { ConstantLike, OneBlock, Pure, RecursiveEffects, SingleBlock, Terminator } from "../../ir/traits.ts";
import { i1, tensor, typeOfAttribute } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { assignments, printAssignments } from "../scf/loops.ts";
import { BoolTensor, functional, NumberTensor } from "./common.ts";

export const constant = defineOp("tosa.const", {
  doc: "A known tensor.",
  attrs: { value: attr.where("constant vector/tensor attribute", (a) => typeOfAttribute(a) !== undefined) },
  results: [one("output", NumberTensor)],
  traits: [Pure, ConstantLike],
  evaluate: ({ value }, run) =>
    datumOfAttribute(value) ?? run.fail(`'${typeText(run.resultType(0))}' has no run-time form`),
});

export const custom = defineOp("tosa.custom", {
  doc: "An op that this dialect does not know, by its name.",
  operands: [many("inputs", NumberTensor)],
  attrs: { operator_name: attr.string, domain_name: attr.string, implementation_attrs: attr.string },
  results: [many("outputs", NumberTensor)],
  assembly: functional,
});

const yield_ = defineOp("tosa.yield", {
  doc: "Ends a region and hands its operands to the op around it.",
  operands: [many("inputs", NumberTensor)],
  traits: [Pure, Terminator],
  assembly: "$inputs attr-dict `:` type($inputs)",
});

export { yield_ as yield };

const truth = (datum: unknown): boolean =>
  datum instanceof NDArray ? Boolean(datum.getData(datum.offset)) : Boolean(datum);

export const cond_if = defineOp("tosa.cond_if", {
  doc: "Runs the first region if the condition holds, else the second.",
  operands: [one("cond", BoolTensor), many("inputs", NumberTensor)],
  results: [many("output", NumberTensor)],
  regions: ["then_branch", "else_branch"],
  traits: [SingleBlock, OneBlock, RecursiveEffects],
  parse(p) {
    const cond = p.resolve(p.operand(), tensor([], i1));
    const resultTypes = p.optionalArrowTypes();
    const yes = p.region();
    const no = p.optionalKeyword("else") ? p.region() : p.fail("expected 'else'");
    return { operands: [cond], resultTypes, regions: [yes, no], attributes: p.attrDict() };
  },
  // MLIR writes neither the inputs nor the arguments of the regions.
  isPretty: ({ inputs, then_branch, else_branch }) =>
    inputs.length === 0 && [then_branch, else_branch].every((r) => r.entry.args.length === 0),
  print({ op, cond, output, then_branch, else_branch }, p) {
    const terminator = output.length > 0;
    p.write(" ");
    p.operand(cond);
    if (terminator) {
      p.write(" -> (");
      p.types(output.map((v) => v.type));
      p.write(")");
    }
    p.write(" ");
    p.region(then_branch, { entryArgs: false, terminator });
    p.write(" else ");
    p.region(else_branch, { entryArgs: false, terminator });
    p.attrDict(op);
  },
  evaluate: ({ cond, inputs, then_branch, else_branch }, run) =>
    run.call(truth(cond) ? then_branch : else_branch, inputs),
});

export const while_loop = defineOp("tosa.while_loop", {
  doc: "Runs the second region as long as the first one says so.",
  operands: [many("inputs", NumberTensor)],
  results: [many("output", NumberTensor)],
  regions: ["cond", "body"],
  traits: [SingleBlock, OneBlock, RecursiveEffects],
  parse(p) {
    const carried = p.at("(") ? assignments(p) : [];
    const at = p.here();
    const type = p.colonType();
    if (type.kind !== "function") return p.fail("expected a function type", at);
    if (type.inputs.length !== carried.length) {
      p.fail(`expected as many input types as operands (expected ${carried.length} got ${type.inputs.length})`, at);
    }
    const operands = p.resolveAll(
      carried.map((c) => c.init),
      type.inputs,
    );
    const cond = p.region(carried.map((c, i) => ({ ...c.argument, type: type.inputs[i] })));
    p.keyword("do");
    const body = p.region();
    return { operands, resultTypes: type.results, regions: [cond, body], attributes: p.attrDictWithKeyword() };
  },
  print({ op, inputs, output, cond, body }, p) {
    const types = (values: readonly Value[]) => values.map((v) => v.type);
    printAssignments(p, " ", cond.entry.args, inputs);
    p.write(" : ");
    p.functionType(types(inputs), types(output));
    p.write(" ");
    p.region(cond, { entryArgs: false });
    p.write(" do ");
    p.region(body);
    p.attrDictWithKeyword(op);
  },
  evaluate({ inputs, cond, body }, run) {
    let carried: readonly unknown[] = inputs;
    while (truth(run.call(cond, carried)[0])) carried = run.call(body, carried);
    return carried;
  },
});

// --- state --------------------------------------------------------------------------------------------------------

export const variable = defineOp("tosa.variable", {
  doc: "State that outlives a call: a name, a type, and a first value.",
  attrs: { name: attr.symbolName, type: attr.type, initial_value: attr.any.optional() },
  assembly: "$name attr-dict custom<TypeOrAttr>($type, $initial_value)",
  effects: () => [writes()],
  evaluate({ name, initial_value }, run) {
    cellOf(run, name).value ??= initial_value && datumOfAttribute(initial_value);
    return [];
  },
});

/** Where the state of a name is kept: with the function around, or the whole program. */
function cellOf(run: Evaluator, name: string): { value: unknown } {
  let top: Operation = run.op;
  while (top.parentOp) top = top.parentOp;
  const cells = run.global(top, () => new Map<string, { value: unknown }>());
  let cell = cells.get(name);
  if (!cell) {
    cell = { value: undefined };
    cells.set(name, cell);
  }
  return cell;
}

export const variable_read = defineOp("tosa.variable.read", {
  doc: "The present value of a variable.",
  attrs: { name: attr.symbolName },
  results: [one("value", Any)],
  assembly: "$name attr-dict `:` type($value)",
  effects: () => [reads()],
  evaluate: ({ name }, run) => cellOf(run, name).value ?? run.fail(`variable @${name} has no value`),
});

export const variable_write = defineOp("tosa.variable.write", {
  doc: "Gives a variable another value.",
  operands: [one("value", Any)],
  attrs: { name: attr.symbolName },
  assembly: "$name attr-dict `,` $value `:` type($value)",
  effects: () => [writes()],
  evaluate({ name, value }, run) {
    cellOf(run, name).value = value;
    return [];
  },
});
