/** @file The text that all structured ops share: `{…} ins(%a : T) outs(%b : T)`, and the result types behind it. */
import type { AsmParser, AsmPrinter } from "../../ir/asm.ts";
import type { Operation, Value } from "../../ir/core.ts";
import type { Attribute, Type } from "../../ir/types.ts";

export interface CommonParts {
  readonly attributes: Map<string, Attribute>;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** `<{props}>`? attr-dict `ins` (…)? `outs` (…)?. */
export function parseCommonParts(p: AsmParser): CommonParts {
  const attributes = new Map<string, Attribute>();
  if (p.optionalPunct("<")) {
    const at = p.here();
    const props = p.attribute();
    if (props.kind !== "dictionary") p.fail("expected a dictionary of properties", at);
    for (const [k, v] of props.entries) attributes.set(k, v);
    p.punct(">");
  }
  for (const [k, v] of p.attrDict()) attributes.set(k, v);
  const inputs = parseOperandGroup(p, "ins");
  const outputs = parseOperandGroup(p, "outs");
  return { attributes, inputs, outputs };
}

function parseOperandGroup(p: AsmParser, word: string): Value[] {
  if (!p.optionalKeyword(word)) return [];
  p.punct("(");
  const at = p.here();
  const operands = p.operands("none");
  const types = p.colonTypes();
  p.punct(")");
  return p.resolveAll(operands, types, at);
}

/** ` ins(…) outs(…)`, without an empty group. */
export function printOperandGroups(p: AsmPrinter, inputs: readonly Value[], outputs: readonly Value[]): void {
  printGroup(p, "ins", inputs);
  printGroup(p, "outs", outputs);
}

function printGroup(p: AsmPrinter, word: string, values: readonly Value[]): void {
  if (values.length === 0) return;
  p.write(` ${word}(`);
  p.operands(values);
  p.write(" : ");
  p.types(values.map((v) => v.type));
  p.write(")");
}

/** Types of the results that tied outputs imply: one for each output that is a tensor. */
export const tensorTypesOf = (outputs: readonly Value[]): Type[] =>
  outputs.flatMap((o) => (o.type.kind === "tensor" ? [o.type] : []));

/** Discardable attributes that the pretty form leaves out because they follow from the op. */
export const memoizedMaps = "linalg.memoized_indexing_maps";

/** Does the op bear attributes besides those named? */
export function hasOtherAttributes(op: Operation, named: readonly string[]): boolean {
  const isOther = (name: string): boolean => !named.includes(name);
  return (
    (op.attributes !== null && [...op.attributes.keys()].some(isOther)) ||
    op.def.attrFields.some((f, i) => op.props[i] !== undefined && isOther(f.name))
  );
}
