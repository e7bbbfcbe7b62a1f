/**
 * @file What the text of an op does not say: the types that follow from constraints, from traits, from the record's
 * `deduce` and `infer`.
 */
import type { ParsedOp } from "../ir/asm.ts";
import type { Value } from "../ir/core.ts";
import { insOf, type KnownTypes } from "../ir/define.ts";
import type { Fields } from "../ir/fields.ts";
import { typeText } from "../ir/spell.ts";
import { isSameTypes } from "../ir/traits.ts";
import type { Type } from "../ir/types.ts";
import { divide, type FormatState } from "./format-state.ts";

/** What the op is, from all that was read. */
export function finish(s: FormatState): ParsedOp {
  const { def, p } = s;
  const { operandFields, resultFields, attrFields } = def;
  for (let i = 0; i < operandFields.length; i++) s.operands[i] ??= [];
  if (s.allOperandTypes) {
    const total = s.operands.reduce((n, o) => n + o!.length, 0);
    if (total !== s.allOperandTypes.length) mismatch(s, 0, total, s.allOperandTypes.length);
    divide(
      operandFields,
      s.allOperandTypes,
      s.operandTypes,
      s.operands.map((o) => o!.length),
    );
  }
  if (s.allResultTypes) divide(resultFields, s.allResultTypes, s.resultTypes);
  const props = s.props.map((v, i) => (v === undefined ? attrFields[i]!.codec.fallback : v));
  deduceTypes(s, props);
  const operands: Value[] = [];
  const segments: number[] = [];
  for (let i = 0; i < operandFields.length; i++) {
    const names = s.operands[i]!;
    const types = s.operandTypes[i] ?? [];
    if (types.length !== names.length) mismatch(s, i, names.length, types.length);
    for (let k = 0; k < names.length; k++) operands.push(p.resolve(names[k]!, types[k]!));
    segments.push(names.length);
  }
  const operandSegments = def.hasOperandSegments ? segments : null;
  const { types, resultSegments } = resultsOf(s, operands, props, operandSegments);
  const given: Record<string, unknown> = {};
  for (let i = 0; i < attrFields.length; i++) if (s.props[i] !== undefined) given[attrFields[i]!.name] = s.props[i];
  return {
    operands,
    ...(operandSegments && { operandSegments }),
    props: given,
    attributes: s.attributes,
    resultTypes: types,
    ...(resultSegments && { resultSegments }),
    regions: s.regions.flat(),
    successors: s.successors.flat(),
  };
}

function mismatch(s: FormatState, field: number, operands: number, types: number): never {
  const message = `number of operands and types do not match: got ${operands} operands and ${types} types`;
  return s.p.fail(message, s.operandPlaces[field] ?? s.at);
}

function resultsOf(
  s: FormatState,
  operands: readonly Value[],
  props: readonly unknown[],
  operandSegments: readonly number[] | null,
): { readonly types: readonly Type[]; readonly resultSegments?: readonly number[] } {
  const { def } = s;
  const { resultFields, spec } = def;
  if (resultFields.length === 0) return { types: [] };
  const types: Type[] = [];
  const segments: number[] = [];
  for (const list of s.resultTypes) {
    if (!list) {
      // Attributes of the dictionary are not yet where the record wants them.
      const all = withDictionary(s, props);
      checkKnown(s);
      checkAttributes(s, all);
      const inferred = spec.infer?.(insOf(def, operands, all, operandSegments) as never);
      if (inferred) return { types: inferred };
      if (resultFields.length === 1 && resultFields[0]!.arity !== "one") return { types: [] };
      return s.p.fail(`the result types of '${def.opName}' can be told from nothing that is written here`, s.at);
    }
    types.push(...list);
    segments.push(list.length);
  }
  return def.hasResultSegments ? { types, resultSegments: segments } : { types };
}

/** What follows from types is asked only of types that are as the record wants them. */
function checkKnown(s: FormatState): void {
  const check = (fields: Fields, types: readonly (readonly Type[] | undefined)[]): void => {
    for (let i = 0; i < fields.length; i++) {
      const { name, is } = fields[i]!;
      for (const t of types[i] ?? []) {
        if (!is.test(t)) s.p.fail(`'${name}' must be ${is.label}, but got '${typeText(t)}'`, s.at);
      }
    }
  };
  check(s.def.operandFields, s.operandTypes);
  check(s.def.resultFields, s.resultTypes);
}

function checkAttributes(s: FormatState, props: readonly unknown[]): void {
  s.def.attrFields.forEach(({ name, codec }, i) => {
    if (codec.required && props[i] === undefined) s.p.fail(`requires attribute '${name}'`, s.at);
  });
}

function withDictionary(s: FormatState, props: readonly unknown[]): readonly unknown[] {
  if (!s.attributes || s.attributes.size === 0) return props;
  const all = props.slice();
  for (const [name, a] of s.attributes) {
    const index = s.def.attrIndex.get(name);
    if (index !== undefined) all[index] = s.def.attrFields[index]!.codec.from(a) ?? all[index];
  }
  return all;
}

/** Fills in the types of fields for which the text gives none, as far as they follow from others. */
function deduceTypes(s: FormatState, props: readonly unknown[]): void {
  const { def, operandTypes, resultTypes } = s;
  const { operandFields, resultFields, spec } = def;
  const isMissing = (): boolean => operandTypes.includes(undefined) || resultTypes.includes(undefined);
  if (!isMissing()) return;
  for (let i = 0; i < operandFields.length; i++) {
    if (operandTypes[i]) continue;
    const count = s.operands[i]!.length;
    const { only } = operandFields[i]!.is;
    if (count === 0) operandTypes[i] = [];
    else if (only) operandTypes[i] = new Array<Type>(count).fill(only);
  }
  for (let i = 0; i < resultFields.length; i++) {
    const field = resultFields[i]!;
    if (!resultTypes[i] && field.arity === "one" && field.is.only) resultTypes[i] = [field.is.only];
  }
  if (!isMissing()) return;
  checkKnown(s);
  const known = new Known(s, props);
  for (let progress = true; progress && isMissing(); ) {
    progress = false;
    for (const trait of def.traits) {
      if (!isSameTypes(trait)) continue;
      const type = known.firstOf(trait.fields);
      if (type) for (const name of trait.fields) progress = known.give(name, type) || progress;
    }
    for (const name of Object.keys(spec.deduce ?? {})) {
      if (!known.lacks(name)) continue;
      const type = spec.deduce![name]!(known);
      if (type !== undefined) progress = known.give(name, type) || progress;
    }
  }
}

class Known implements KnownTypes {
  readonly #s: FormatState;
  #props: readonly unknown[];

  constructor(s: FormatState, props: readonly unknown[]) {
    this.#s = s;
    this.#props = withDictionary(s, props);
  }

  #slot(name: string): readonly [(readonly Type[] | undefined)[], number] {
    const { def, operandTypes, resultTypes } = this.#s;
    const operand = def.operandFields.findIndex((f) => f.name === name);
    if (operand >= 0) return [operandTypes, operand];
    return [resultTypes, def.resultFields.findIndex((f) => f.name === name)];
  }

  typesOf(name: string): readonly Type[] | undefined {
    const [list, index] = this.#slot(name);
    return list[index];
  }

  type(name: string): Type | undefined {
    return this.typesOf(name)?.[0];
  }

  attr(name: string): unknown {
    const index = this.#s.def.attrIndex.get(name);
    return index === undefined ? undefined : this.#props[index];
  }

  /** The first type known of some fields. */
  firstOf(names: readonly string[]): Type | undefined {
    for (const name of names) {
      const type = this.type(name);
      if (type) return type;
    }
    return undefined;
  }

  lacks(name: string): boolean {
    const [list, index] = this.#slot(name);
    return index >= 0 && list[index] === undefined;
  }

  /** Fills in a field; answers whether it was missing. A single type stands for every value of an open field. */
  give(name: string, types: Type | readonly Type[]): boolean {
    if (!this.lacks(name)) return false;
    const [list, index] = this.#slot(name);
    const { operands, operandTypes } = this.#s;
    const count = list === operandTypes ? operands[index]!.length : 1;
    list[index] = isList(types) ? types : new Array<Type>(count).fill(types);
    return true;
  }
}

const isList = (t: Type | readonly Type[]): t is readonly Type[] => Array.isArray(t);
