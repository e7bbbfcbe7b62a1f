/** @file The `custom<…>` directives of assembly formats, read. format-write-custom.ts is the other half. */
import type { UnresolvedOperand } from "../ir/asm.ts";
import type { Attr } from "../ir/attributes.ts";
import type { OpInfo } from "../ir/define.ts";
import { typeText } from "../ir/spell.ts";
import {
  type Attribute,
  hasStaticShape,
  type Type,
  tensor,
  typeAttribute,
  unitAttribute,
  vector,
} from "../ir/types.ts";
import { invariant } from "../support/diagnostic.ts";
import { packIntegers } from "./dense.ts";
import type { CustomArgument, Variable } from "./format.ts";
import { type FormatState, type Reader, setOperands, terminate } from "./format-state.ts";

export type CustomReader = (def: OpInfo, args: readonly CustomArgument[]) => Reader;

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

/** Sets a declared attribute from an MLIR attribute. */
function setAttribute(s: FormatState, v: { readonly index: number; readonly codec: Attr }, a: Attribute): void {
  const value = v.codec.from(a);
  if (value === undefined) s.p.fail(`invalid kind of attribute specified: must be ${v.codec.label}`);
  s.props[v.index] = value;
}

const dynamicIndexList: CustomReader = (def, args) => {
  const operands = need(variables(args, "operand")[0], def, "operands").index;
  const [staticsAttr, scalable] = variables(args, "attr");
  const statics = need(staticsAttr, def, "static sizes").index;
  const delimiter = args.some((a) => a.kind === "string" && a.text.includes("Paren")) ? "()" : "[]";
  return (s) => {
    const at = s.p.here();
    const list = s.p.dynamicIndexList(delimiter);
    setOperands(s, operands, at, list.operands);
    s.props[statics] = list.statics;
    if (scalable) s.props[scalable.index] = list.scalable;
  };
};

const switchOpCases: CustomReader = (def, args) => {
  const [defaults, cases] = variables(args, "operand");
  const [first, rest] = variables(args, "successor");
  const values = need(variables(args, "attr")[0], def, "values of the cases");
  const flag = args.find((a) => a.kind === "ref")?.to;
  const flagOf = flag?.kind === "type" && flag.of.kind === "operand" ? flag.of.index : undefined;
  const defaultOperands = need(defaults, def, "operands of the default").index;
  const caseOperands = need(cases, def, "operands of the cases").index;
  const defaultBlock = need(first, def, "a default").index;
  const caseBlocks = need(rest, def, "destinations").index;
  const flagType = need(flagOf, def, "the type of the flag");
  const segments = need(def.attrIndex.get("case_operand_segments"), def, "case_operand_segments");
  return (s) => {
    const { p } = s;
    p.keyword("default");
    p.punct(":");
    s.successors[defaultBlock] = [p.successor()];
    const given = branchOperands(s);
    setOperands(s, defaultOperands, s.at, given.operands);
    s.operandTypes[defaultOperands] = given.types;
    const numbers: bigint[] = [];
    const sizes: number[] = [];
    const operands: UnresolvedOperand[] = [];
    const types: Type[] = [];
    while (p.optionalPunct(",")) {
      numbers.push(p.integer());
      p.punct(":");
      s.successors[caseBlocks]!.push(p.successor());
      const one = branchOperands(s);
      sizes.push(one.operands.length);
      operands.push(...one.operands);
      types.push(...one.types);
    }
    setOperands(s, caseOperands, s.at, operands);
    s.operandTypes[caseOperands] = types;
    s.props[segments] = sizes;
    const element = s.operandTypes[flagType]?.[0];
    if (numbers.length > 0 && element) {
      const type = vector([numbers.length], element);
      setAttribute(s, values, packIntegers(numbers, type));
    }
  };
};

/** `(%a, %b : T, U)` or nothing. */
function branchOperands({ p }: FormatState): { operands: readonly UnresolvedOperand[]; types: readonly Type[] } {
  if (!p.optionalPunct("(")) return { operands: [], types: [] };
  const operands = p.operands();
  const types = p.colonTypes();
  p.punct(")");
  return { operands, types };
}

const switchCases: CustomReader = (def, args) => {
  const cases = need(variables(args, "attr")[0], def, "cases");
  const regions = need(variables(args, "region")[0], def, "regions").index;
  return (s) => {
    const values: number[] = [];
    while (s.p.optionalKeyword("case")) {
      values.push(Number(s.p.integer()));
      const region = s.p.region();
      terminate(s, region);
      s.regions[regions]!.push(region);
    }
    s.props[cases.index] = values;
  };
};

const typeAndInitialValue: CustomReader = (def, args) => {
  const [typeAttr, initialAttr] = variables(args, "attr");
  const type = need(typeAttr, def, "a type");
  const initial = need(initialAttr, def, "a value");
  return (s) => {
    const { p } = s;
    const t = p.type();
    if (t.kind !== "memref" || !hasStaticShape(t)) {
      return p.fail(`type should be static shaped memref, but got '${typeText(t)}'`, s.at);
    }
    setAttribute(s, type, typeAttribute(t));
    if (!p.optionalPunct("=")) return;
    if (p.optionalKeyword("uninitialized")) setAttribute(s, initial, unitAttribute);
    else {
      const value = p.attribute(tensor(t.shape, t.element));
      if (!("type" in value) || value.kind === "string")
        p.fail("initial value should be a unit or elements attribute", s.at);
      setAttribute(s, initial, value);
    }
  };
};

const typeOrAttr: CustomReader = (def, args) => {
  const [typeAttr, initialAttr] = variables(args, "attr");
  const type = need(typeAttr, def, "a type");
  const initial = need(initialAttr, def, "a value");
  return (s) => {
    const { p } = s;
    if (p.optionalPunct(":")) {
      setAttribute(s, type, typeAttribute(p.type()));
      if (p.optionalPunct("=")) setAttribute(s, initial, p.attribute());
      return;
    }
    p.punct("=");
    const at = p.here();
    const value = p.attribute();
    setAttribute(s, initial, value);
    if (!("type" in value) || !value.type) return p.fail("expected an attribute with a type", at);
    setAttribute(s, type, typeAttribute(value.type));
  };
};

export const customReaders: ReadonlyMap<string, CustomReader> = new Map([
  ["DynamicIndexList", dynamicIndexList],
  ["SwitchOpCases", switchOpCases],
  ["SwitchCases", switchCases],
  ["GlobalMemrefOpTypeAndInitialValue", typeAndInitialValue],
  ["TypeOrAttr", typeOrAttr],
]);
