/** @file The `custom<…>` directives of assembly formats: what several ops write in a way that the language lacks. */
import type { Operation } from "../ir/core.ts";
import { arrayOfDense } from "../ir/datum.ts";
import type { OpInfo } from "../ir/define.ts";
import type { Attribute } from "../ir/types.ts";
import { invariant } from "../support/diagnostic.ts";
import type { CustomArgument, Variable } from "./format.ts";
import { valuesOf, type Writer } from "./format-fields.ts";

/** Makes the writer of a directive for the arguments that it has in the format of an op. */
export type CustomWriter = (def: OpInfo, args: readonly CustomArgument[]) => Writer;

type AttrVariable = Extract<Variable, { readonly kind: "attr" }>;

/** The variables of some kind among the arguments, in order. */
function variables<K extends Variable["kind"]>(args: readonly CustomArgument[], kind: K): (Variable & { kind: K })[] {
  return args.flatMap((a) =>
    a.kind === "variable" && a.variable.kind === kind ? [a.variable as Variable & { kind: K }] : [],
  );
}

function need<T>(x: T | undefined, def: OpInfo, what: string): T {
  invariant(x !== undefined, `${def.opName}: a custom directive of its format lacks ${what}`);
  return x;
}

const native = (op: Operation, v: AttrVariable | undefined): unknown => (v ? op.props[v.index] : undefined);
const attributeOf = (op: Operation, v: AttrVariable): Attribute | undefined =>
  op.props[v.index] === undefined ? undefined : v.codec.to(op.props[v.index]);

/** `($operands, $static_sizes[, $scalable])`: one list, in which `?` of the static sizes are operands. */
const dynamicIndexList: CustomWriter = (def, args) => {
  const values = valuesOf(def, need(variables(args, "operand")[0], def, "operands"));
  const [statics, scalable] = variables(args, "attr");
  const { index } = need(statics, def, "static sizes");
  const delimiter = args.some((a) => a.kind === "string" && a.text.includes("Paren")) ? "()" : "[]";
  return (op, p) => {
    const flags = native(op, scalable) as readonly boolean[] | undefined;
    p.dynamicIndexList((op.props[index] ?? []) as readonly number[], values(op), {
      delimiter,
      ...(flags && { scalable: flags }),
    });
  };
};

/** The default destination of a switch between blocks, and a line for each case. */
const switchOpCases: CustomWriter = (def, args) => {
  const [defaults, cases] = variables(args, "operand").map((v) => valuesOf(def, v));
  const defaultOperands = need(defaults, def, "operands of the default");
  const caseOperands = need(cases, def, "operands of the cases");
  const caseValues = need(variables(args, "attr")[0], def, "values of the cases");
  const segments = need(def.attrIndex.get("case_operand_segments"), def, "case_operand_segments");
  return (op, p) => {
    p.write("  default: ");
    p.successorWithOperands(op.successors[0]!, defaultOperands(op));
    const values = integersOf(attributeOf(op, caseValues));
    const sizes = (op.props[segments] ?? []) as readonly number[];
    const operands = caseOperands(op);
    let start = 0;
    values.forEach((value, i) => {
      p.write(",");
      p.newline();
      p.write(`  ${value}: `);
      const end = start + (sizes[i] ?? 0);
      p.successorWithOperands(op.successors[i + 1]!, operands.slice(start, end));
      start = end;
    });
    p.newline();
  };
};

/** The numbers of a dense constant or array of integers. */
function integersOf(a: Attribute | undefined): readonly (number | bigint)[] {
  if (a?.kind === "denseArray") return a.values;
  return a?.kind === "dense" ? (arrayOfDense(a)?.values() ?? []) : [];
}

/** A line and a region for each case. */
const switchCases: CustomWriter = (def, args) => {
  const { index } = need(variables(args, "attr")[0], def, "cases");
  const first = need(variables(args, "region")[0], def, "regions").index;
  return (op, p) => {
    const cases = (op.props[index] ?? []) as readonly number[];
    cases.forEach((value, i) => {
      p.newline();
      p.write(`case ${value} `);
      p.region(op.region(first + i), { entryArgs: false });
    });
  };
};

/** The type of a global, and what it holds at first. */
const typeAndInitialValue: CustomWriter = (def, args) => {
  const [type, initial] = variables(args, "attr");
  const typeOf = need(type, def, "a type");
  const initialOf = need(initial, def, "a value");
  return (op, p) => {
    const t = attributeOf(op, typeOf);
    if (t) p.attribute(t);
    const value = attributeOf(op, initialOf);
    if (value?.kind === "unit") p.write(" = uninitialized");
    else if (value) {
      p.write(" = ");
      p.attributeWithoutType(value);
    }
  };
};

/** `: type`, `= value`, or both where the value does not tell the type. */
const typeOrAttr: CustomWriter = (def, args) => {
  const [type, initial] = variables(args, "attr");
  const typeOf = need(type, def, "a type");
  const initialOf = need(initial, def, "a value");
  return (op, p) => {
    const t = attributeOf(op, typeOf);
    const value = attributeOf(op, initialOf);
    const told = value && "type" in value && t?.kind === "type" && value.type === t.type;
    if (t && !told) {
      p.write(": ");
      p.attribute(t);
    }
    if (!value) return;
    p.write(told ? "= " : " = ");
    p.attribute(value);
  };
};

export const customWriters: ReadonlyMap<string, CustomWriter> = new Map([
  ["DynamicIndexList", dynamicIndexList],
  ["SwitchOpCases", switchOpCases],
  ["SwitchCases", switchCases],
  ["GlobalMemrefOpTypeAndInitialValue", typeAndInitialValue],
  ["TypeOrAttr", typeOrAttr],
]);
