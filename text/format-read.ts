/**
 * @file Reading by assembly format. The tree of format.ts becomes, once per op, a list of small functions over the
 * AsmParser; what the text does not spell is deduced at the end (format-deduce.ts).
 */
import type { AsmParser, ParsedOp, UnresolvedOperand } from "../ir/asm.ts";
import type { OpInfo } from "../ir/define.ts";
import type { Arity } from "../ir/fields.ts";
import { Isolated } from "../ir/traits.ts";
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
import { finish } from "./format-deduce.ts";
import { attributeReader, optionalAttributeReader } from "./format-read-attr.ts";
import { customReaders } from "./format-read-custom.ts";
import { divide, FormatState, type OptionalReader, type Reader, setOperands, terminate } from "./format-state.ts";

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

/** Operands written in one list belong to the fields in order; at most one field can be open. */
function divideOperands(s: FormatState, at: Location, all: readonly UnresolvedOperand[]): void {
  divide(s.def.operandFields, all, s.operands);
  for (let i = 0; i < s.operands.length; i++) s.operandPlaces[i] = at;
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
