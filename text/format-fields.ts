/** @file Fields of an op as a format names them: their values, their types, whether they are there, how they are written. */
import type { AsmPrinter } from "../ir/asm.ts";
import type { Attr } from "../ir/attributes.ts";
import type { Operation, Value } from "../ir/core.ts";
import type { OpInfo } from "../ir/define.ts";
import { fieldRange } from "../ir/fields.ts";
import { denseArrayText } from "../ir/spell-dense.ts";
import type { Type } from "../ir/types.ts";
import type { Typed, Variable } from "./format.ts";
import { isDefault } from "./op-attributes.ts";

/** What formats write to. */
export interface FormatPrinter extends AsmPrinter {
  /** Text goes nowhere; only types, attributes and regions are looked at. */
  readonly silent: boolean;
  /** `attrDict` and `attrDictWithKeyword`, with a set. */
  attrDictExcept(op: Operation, except: ReadonlySet<string>, keyword: boolean): void;
}

export type Writer = (op: Operation, p: FormatPrinter) => void;

/** Does this op have the thing that decides over an optional group? */
export type Presence = (op: Operation) => boolean;

const always: Presence = () => true;

/** The values of an operand field. */
export function valuesOf(def: OpInfo, { index }: Pick<Variable, "index">): (op: Operation) => readonly Value[] {
  const { operandFields } = def;
  if (operandFields.length === 1 && operandFields[0]!.arity === "many") return (op) => op.operands;
  if (operandFields.slice(0, index + 1).every((f) => f.arity === "one")) return (op) => [op.operand(index)];
  return (op) => {
    const [start, end] = fieldRange(operandFields, index, op.uses.length, op.operandSegments);
    return op.uses.slice(start, end).map((u) => u.value);
  };
}

/** The types of what a `type(…)` speaks of. */
export function typesOf(def: OpInfo, of: Typed): (op: Operation) => readonly Type[] {
  switch (of.kind) {
    case "operands":
      return (op) => op.uses.map((u) => u.value.type);
    case "results":
      return (op) => op.results.map((r) => r.type);
    case "operand": {
      const values = valuesOf(def, of);
      return (op) => values(op).map((v) => v.type);
    }
    case "result": {
      const { index } = of;
      const { resultFields } = def;
      if (resultFields.length === 1) return (op) => op.results.map((r) => r.type);
      return (op) => {
        const [start, end] = fieldRange(resultFields, index, op.results.length, op.resultSegments);
        return op.results.slice(start, end).map((r) => r.type);
      };
    }
    case "attr": {
      const { codec, index } = of;
      return (op) => {
        const a = codec.to(op.props[index]);
        return a && "type" in a && a.type ? [a.type] : [];
      };
    }
  }
}

/** The field is there: an optional operand given, an attribute not absent and not its default, a region not empty. */
export function presenceOf(def: OpInfo, v: Variable): Presence {
  switch (v.kind) {
    case "operand": {
      if (v.arity === "one") return always;
      const values = valuesOf(def, v);
      return (op) => values(op).length > 0;
    }
    case "result": {
      if (v.arity === "one") return always;
      const types = typesOf(def, v as Typed);
      return (op) => types(op).length > 0;
    }
    case "attr": {
      const { codec, index } = v;
      return (op) => op.props[index] !== undefined && !isDefault(codec, op.props[index]);
    }
    case "region": {
      const { index, open } = v;
      return open ? (op) => op.regions.length > index : (op) => !op.region(index).isEmpty;
    }
    case "successor": {
      const { index } = v;
      return (op) => op.successors.length > index;
    }
  }
}

/** Writes a declared attribute as its codec wants it; an absent one is nothing. */
export function attributeWriter(codec: Attr, index: number): Writer {
  switch (codec.asm.kind) {
    case "keyword":
      return (op, p) => {
        const word = op.props[index];
        if (word !== undefined) p.keywordOrString(String(word));
      };
    case "symbol":
      return (op, p) => {
        const name = op.props[index];
        if (name !== undefined) p.symbolName(String(name));
      };
    case "unit":
      return (op, p) => {
        if (op.props[index]) p.write("unit");
      };
    case "angle":
      return (op, p) => {
        const a = op.props[index] === undefined ? undefined : codec.to(op.props[index]);
        if (a?.kind === "opaque") p.write(a.text.slice(a.text.indexOf("<")));
        else if (a) p.attribute(a);
      };
    case "list":
      return (op, p) => {
        const a = op.props[index] === undefined || p.silent ? undefined : codec.to(op.props[index]);
        if (a?.kind === "denseArray") p.write(`[${denseArrayText(a)}]`);
        else if (a) p.attribute(a);
      };
    case "untyped":
      return (op, p) => {
        const a = op.props[index] === undefined ? undefined : codec.to(op.props[index]);
        if (a) p.attributeWithoutType(a);
      };
    case "full":
      return (op, p) => {
        const a = op.props[index] === undefined ? undefined : codec.to(op.props[index]);
        if (a) p.attribute(a);
      };
  }
}
