/**
 * @file Reading by assembly format. The tree of format.ts becomes, once per op, a list of small functions over the
 * AsmParser; what the text does not spell is deduced at the end: types from constraints, traits, the record's `deduce`
 * and `infer`.
 */
import type { AsmParser, ParsedOp, UnresolvedOperand } from "../ir/asm.ts";
import { Block, Operation, type Region, type Value } from "../ir/core.ts";
import { insOf, type KnownTypes, type OpInfo } from "../ir/define.ts";
import { type Arity, type Fields, fieldRange } from "../ir/fields.ts";
import { typeText } from "../ir/spell.ts";
import { Isolated, isSameTypes, SingleBlock } from "../ir/traits.ts";
import type { Attribute, Type } from "../ir/types.ts";
import { InternalError, invariant } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import {
  type Format,
  type FormatElement,
  formatOf,
  type OptionalElement,
  type Typed,
  type Variable,
  type VariableElement,
} from "./format.ts";
import { attributeReader, optionalAttributeReader } from "./format-read-attr.ts";
import { customReaders } from "./format-read-custom.ts";

/** What has been read of one op. Lists are by field, in the order of the record; undefined is not read. */
export class FormatState {
  readonly p: AsmParser;
  readonly def: OpInfo;
  readonly at: Location;
  readonly operands: (readonly UnresolvedOperand[] | undefined)[];
  /** Where each field's operands start, for messages. */
  readonly operandPlaces: Location[] = [];
  readonly operandTypes: (readonly Type[] | undefined)[];
  readonly resultTypes: (readonly Type[] | undefined)[];
  /** Of `operands`, `results`: not yet divided among the fields. */
  allOperandTypes: readonly Type[] | undefined;
  allResultTypes: readonly Type[] | undefined;
  readonly props: unknown[];
  attributes: Map<string, Attribute> | undefined;
  readonly regions: Region[][];
  readonly successors: Block[][];

  constructor(p: AsmParser, def: OpInfo, at: Location) {
    this.p = p;
    this.def = def;
    this.at = at;
    this.operands = new Array(def.operandFields.length).fill(undefined);
    this.operandTypes = this.operands.map(() => undefined);
    this.resultTypes = def.resultFields.map(() => undefined);
    this.props = def.attrFields.map(() => undefined);
    this.regions = def.regionNames.map(() => []);
    this.successors = (def.spec.successors ?? []).map(() => []);
  }
}

export type Reader = (s: FormatState) => void;
/** Reads something if it stands there. */
export type OptionalReader = (s: FormatState) => boolean;

export type OpReader = (p: AsmParser, at: Location) => ParsedOp;

const readers = new WeakMap<OpInfo, OpReader>();

/** Reads what stands behind the name of an op that has an `assembly`; undefined for one that has none. */
export function readerOf(def: OpInfo): OpReader | undefined {
  let reader = readers.get(def);
  if (!reader) {
    const format = formatOf(def);
    if (!format) return undefined;
    reader = compileFormat(def, format);
    readers.set(def, reader);
  }
  return reader;
}

/** The function that reads an op by a format. */
export function compileFormat(def: OpInfo, format: Format): OpReader {
  const read = sequence(new Compiler(def).list(format.elements));
  return (p, at) => {
    const s = new FormatState(p, def, at);
    read(s);
    return finish(s);
  };
}

class Compiler {
  readonly #def: OpInfo;

  constructor(def: OpInfo) {
    this.#def = def;
  }

  list(elements: readonly FormatElement[], without?: FormatElement): Reader[] {
    return elements.filter((e) => e !== without && e.kind !== "space").map((e) => this.#element(e));
  }

  #element(e: FormatElement): Reader {
    switch (e.kind) {
      case "literal": {
        const { text } = e;
        return e.word ? (s) => s.p.keyword(text) : (s) => s.p.punct(text);
      }
      case "space":
        return () => {};
      case "variable":
        return this.#variable(e.variable);
      case "type":
        return typeReader(e.of);
      case "functional-type": {
        const inputs = typeStore(e.inputs);
        const results = typeStore(e.results);
        return (s) => {
          const type = s.p.functionType();
          inputs(s, type.inputs);
          results(s, type.results);
        };
      }
      case "operands":
        return (s) => divideOperands(s, s.p.here(), s.p.operands());
      case "regions":
        return (s) => {
          for (let i = 0; i < s.regions.length; i++) readRegions(s, i, this.#isOpen("region", i));
        };
      case "successors":
        return (s) => {
          for (let i = 0; i < s.successors.length; i++) readSuccessors(s, i, this.#isOpen("successor", i));
        };
      case "attr-dict": {
        const { keyword } = e;
        return (s) => addAttributes(s, keyword ? s.p.attrDictWithKeyword() : s.p.attrDict());
      }
      case "prop-dict":
        return (s) => {
          if (!s.p.optionalPunct("<")) return;
          addAttributes(s, s.p.attrDict());
          s.p.punct(">");
        };
      case "optional":
        return this.#optional(e);
      case "oilist": {
        const clauses = e.clauses.map(({ keyword, elements }) => ({
          keyword,
          read: this.#clause(elements),
        }));
        return (s) => {
          for (let found = true; found; ) {
            found = false;
            for (const { keyword, read } of clauses) {
              if (!s.p.optionalKeyword(keyword)) continue;
              read(s);
              found = true;
            }
          }
        };
      }
      case "custom": {
        const make = customReaders.get(e.name);
        invariant(make, `${this.#def.opName}: there is no custom directive '${e.name}'`);
        return make(this.#def, e.args);
      }
    }
  }

  /** A unit attribute that is all of a clause is told by its keyword. */
  #clause(elements: readonly FormatElement[]): Reader {
    const unit = elements.length === 1 ? unitOf(elements[0]!) : undefined;
    return unit === undefined ? sequence(this.list(elements)) : (s) => setUnit(s, unit);
  }

  #isOpen(what: "region" | "successor", index: number): boolean {
    const { spec, regionNames } = this.#def;
    return what === "region"
      ? spec.openRegions === true && index === regionNames.length - 1
      : spec.openSuccessors === true && index === (spec.successors ?? []).length - 1;
  }

  #variable(v: Variable): Reader {
    switch (v.kind) {
      case "operand": {
        const { index, arity } = v;
        if (arity === "one") return (s) => setOperands(s, index, s.p.here(), [s.p.operand()]);
        if (arity === "many") return (s) => setOperands(s, index, s.p.here(), s.p.operands());
        return (s) => {
          const at = s.p.here();
          const operand = s.p.optionalOperand();
          setOperands(s, index, at, operand ? [operand] : []);
        };
      }
      case "attr":
        return attributeReader(v);
      case "region": {
        const { index, open } = v;
        return (s) => readRegions(s, index, open);
      }
      case "successor": {
        const { index, open } = v;
        return (s) => readSuccessors(s, index, open);
      }
      case "result":
        throw new InternalError(`${this.#def.opName}: a result is written by its type only`);
    }
  }

  #optional(e: OptionalElement): Reader {
    // Which of the two stands there is told by the first element of `then`.
    const first = e.then.find((x) => x.kind !== "space")!;
    const anchorUnit = unitOf(e.anchor);
    const isFirst = first === e.anchor;
    const unit = anchorUnit !== undefined && !isFirst ? anchorUnit : undefined;
    const starts = this.#tryElement(first);
    const skip = unit !== undefined ? e.anchor : undefined;
    const rest = sequence(
      this.list(
        e.then.filter((x) => x !== first),
        skip,
      ),
    );
    const otherwise = sequence(this.list(e.otherwise, skip));
    const { inverted } = e;
    return (s) => {
      const there = starts(s);
      if (there) rest(s);
      else otherwise(s);
      if (unit !== undefined && there !== inverted) setUnit(s, unit);
    };
  }

  /** Reads an element if it stands there, and says whether. */
  #tryElement(e: FormatElement): OptionalReader {
    switch (e.kind) {
      case "literal": {
        const { text } = e;
        return e.word ? (s) => s.p.optionalKeyword(text) : (s) => s.p.optionalPunct(text);
      }
      case "variable":
        return this.#tryVariable(e);
      case "type": {
        const store = typeStore(e.of);
        const many = arityOf(e.of) === "many";
        return (s) => {
          const type = s.p.optionalType();
          if (!type) {
            store(s, []);
            return false;
          }
          const types = [type];
          while (many && s.p.optionalPunct(",")) types.push(s.p.type());
          store(s, types);
          return true;
        };
      }
      case "functional-type": {
        const read = this.#element(e);
        return (s) => {
          if (!s.p.at("(")) return false;
          read(s);
          return true;
        };
      }
      case "operands":
        return (s) => {
          const at = s.p.here();
          const operands = s.p.operands();
          divideOperands(s, at, operands);
          return operands.length > 0;
        };
      case "custom": {
        // The directives known begin with a bracket, a region or an operand.
        const read = this.#element(e);
        return (s) => {
          if (!s.p.at("[") && !s.p.at("(") && !s.p.at("{")) return false;
          read(s);
          return true;
        };
      }
      case "attr-dict":
        return (s) => {
          const found = e.keyword ? s.p.attrDictWithKeyword() : s.p.attrDict();
          addAttributes(s, found);
          return found.size > 0;
        };
      default:
        throw new InternalError(`${this.#def.opName}: an optional group cannot start with '${e.kind}'`);
    }
  }

  #tryVariable(e: VariableElement): OptionalReader {
    const v = e.variable;
    switch (v.kind) {
      case "operand": {
        const read = this.#variable(v);
        return (s) => {
          if (v.arity === "one") {
            const operand = s.p.optionalOperand();
            if (operand) setOperands(s, v.index, operand.at, [operand]);
            return operand !== undefined;
          }
          read(s);
          return s.operands[v.index]!.length > 0;
        };
      }
      case "attr":
        return optionalAttributeReader(v);
      case "region":
        return (s) => {
          if (!s.p.at("{")) return false;
          readRegions(s, v.index, v.open);
          return true;
        };
      case "successor":
        return (s) => {
          const block = s.p.optionalSuccessor();
          if (!block) return false;
          s.successors[v.index] = [block];
          while (v.open && s.p.optionalPunct(",")) s.successors[v.index]!.push(s.p.successor());
          return true;
        };
      case "result":
        throw new InternalError(`${this.#def.opName}: a result is written by its type only`);
    }
  }
}

/** The index of the unit attribute that an element is, if it is one. */
function unitOf(e: FormatElement): number | undefined {
  return e.kind === "variable" && e.variable.kind === "attr" && e.variable.codec.asm.kind === "unit"
    ? e.variable.index
    : undefined;
}

function setUnit(s: FormatState, index: number): void {
  s.props[index] = true;
}

function sequence(list: readonly Reader[]): Reader {
  if (list.length === 1) return list[0]!;
  return (s) => {
    for (let i = 0; i < list.length; i++) list[i]!(s);
  };
}

// --- parts ------------------------------------------------------------------------------------------------------

export function setOperands(s: FormatState, index: number, at: Location, operands: readonly UnresolvedOperand[]): void {
  s.operands[index] = operands;
  s.operandPlaces[index] = at;
}

/** Operands written in one list belong to the fields in order; at most one field can be open. */
function divideOperands(s: FormatState, at: Location, all: readonly UnresolvedOperand[]): void {
  divide(s.def.operandFields, all, s.operands);
  for (let i = 0; i < s.operands.length; i++) s.operandPlaces[i] = at;
}

function divide<E>(
  fields: OpInfo["operandFields"],
  all: readonly E[],
  into: (readonly E[] | undefined)[],
  segments: readonly number[] | null = null,
): void {
  for (let i = 0; i < fields.length; i++) {
    const [start, end] = fieldRange(fields, i, all.length, segments);
    into[i] = all.slice(start, end);
  }
}

function addAttributes(s: FormatState, found: Map<string, Attribute>): void {
  if (!s.attributes || s.attributes.size === 0) s.attributes = found;
  else for (const [name, value] of found) s.attributes.set(name, value);
}

function readRegions(s: FormatState, index: number, open: boolean): void {
  const isolated = s.def.has(Isolated);
  const list = s.regions[index]!;
  if (open && !s.p.at("{")) return;
  do {
    const region = s.p.region([], { isolated });
    terminate(s, region);
    list.push(region);
  } while (open && s.p.optionalPunct(","));
}

/** Adds the terminator, or at least the block, that the text left out. */
export function terminate(s: FormatState, region: Region): void {
  const end = s.def.spec.terminator?.();
  if (!end) {
    if (region.isEmpty && s.def.has(SingleBlock)) region.append(new Block());
    return;
  }
  s.p.ensureTerminator(
    region,
    () => new Operation(end, { props: end.attrFields.map((f) => f.codec.fallback), loc: s.at }),
  );
}

function readSuccessors(s: FormatState, index: number, open: boolean): void {
  const list = s.successors[index]!;
  do list.push(s.p.successor());
  while (open && s.p.optionalPunct(","));
}

const arityOf = (t: Typed): Arity => ("arity" in t ? t.arity : t.kind === "attr" ? "one" : "many");

function typeReader(of: Typed): Reader {
  const store = typeStore(of);
  const arity = arityOf(of);
  if (arity === "many") return (s) => store(s, s.p.optionalTypes());
  if (arity === "optional") {
    return (s) => {
      const type = s.p.optionalType();
      store(s, type ? [type] : []);
    };
  }
  return (s) => store(s, [s.p.type()]);
}

/** Remembers the types that were written for something. */
export function typeStore(of: Typed): (s: FormatState, types: readonly Type[]) => void {
  switch (of.kind) {
    case "operands":
      return (s, types) => {
        s.allOperandTypes = types;
      };
    case "results":
      return (s, types) => {
        s.allResultTypes = types;
      };
    case "operand":
      return (s, types) => {
        s.operandTypes[of.index] = types;
      };
    case "result":
      return (s, types) => {
        s.resultTypes[of.index] = types;
      };
    case "attr":
      return () => {};
  }
}

// --- what the text does not say -----------------------------------------------------------------------------------

function finish(s: FormatState): ParsedOp {
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
