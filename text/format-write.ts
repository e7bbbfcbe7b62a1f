/**
 * @file Writing by assembly format. The tree of format.ts becomes, once per op, a list of small functions. Where
 * blanks go is decided then and not for each op, by the rules that MLIR's generated printers follow: a blank before
 * every element except certain marks, none after an opening one.
 */
import type { Operation, Region } from "../ir/core.ts";
import type { OpInfo } from "../ir/define.ts";
import { InternalError, invariant } from "../support/diagnostic.ts";
import {
  type CustomElement,
  type Format,
  type FormatElement,
  formatOf,
  type OilistElement,
  type OptionalElement,
  type Variable,
} from "./format.ts";
import {
  attributeWriter,
  type FormatPrinter,
  type Presence,
  presenceOf,
  typesOf,
  valuesOf,
  type Writer,
} from "./format-fields.ts";
import { customWriters } from "./format-write-custom.ts";
import { prettyEntries } from "./op-attributes.ts";

const writers = new WeakMap<OpInfo, Writer>();

/** Writes the pretty form of an op after its name; undefined for an op that has none. */
export function writerOf(def: OpInfo): Writer | undefined {
  let writer = writers.get(def);
  if (!writer) {
    const { spec } = def;
    const format = formatOf(def);
    if (spec.print) writer = (op, p) => spec.print!(def.of(op) as never, p);
    else if (format) writer = compileFormat(def, format);
    if (writer) writers.set(def, writer);
  }
  return writer;
}

/** The function that writes an op by a format. */
export const compileFormat = (def: OpInfo, format: Format): Writer => new Compiler(def, format).compile();

class Compiler {
  readonly #def: OpInfo;
  readonly #format: Format;
  /** The op's name stands before the format and wants a blank after it. */
  #wantsBlank = true;
  #afterMark = false;

  constructor(def: OpInfo, format: Format) {
    this.#def = def;
    this.#format = format;
  }

  compile(): Writer {
    return sequence(this.#list(this.#format.elements));
  }

  #list(elements: readonly FormatElement[], without?: FormatElement): Writer[] {
    return elements.filter((e) => e !== without).flatMap((e) => this.#element(e));
  }

  #element(e: FormatElement): Writer[] {
    switch (e.kind) {
      case "literal":
        return [this.#literal(e.text)];
      case "space":
        if (e.text === "\n") return [(_, p) => p.newline()];
        this.#wantsBlank = false;
        this.#afterMark = e.text === "";
        return e.text === "" ? [] : [text(" ")];
      case "optional":
        return [this.#optional(e)];
      case "oilist":
        return [this.#oilist(e)];
      case "attr-dict": {
        this.#afterMark = false;
        const { elements, mentioned } = this.#format;
        const apart = elements.some((x) => x.kind === "prop-dict") ? this.#def.attrIndex.keys() : mentioned;
        const except = new Set(apart);
        return [(op, p) => p.attrDictExcept(op, except, e.keyword)];
      }
      case "prop-dict": {
        this.#afterMark = false;
        const { mentioned } = this.#format;
        return [(op, p) => writeProperties(op, p, mentioned)];
      }
      default: {
        const blank = this.#wantsBlank || !this.#afterMark;
        this.#wantsBlank = true;
        this.#afterMark = false;
        const write = this.#plain(e);
        return blank ? [text(" "), write] : [write];
      }
    }
  }

  #literal(mark: string): Writer {
    const blank = this.#wantsBlank && needsBlankBefore(mark, this.#afterMark);
    this.#wantsBlank = mark.length !== 1 || !"<({[".includes(mark);
    this.#afterMark = !/^[A-Za-z_]/.test(mark);
    return text(blank ? ` ${mark}` : mark);
  }

  #plain(
    e: Exclude<
      FormatElement,
      { readonly kind: "literal" | "space" | "optional" | "oilist" | "attr-dict" | "prop-dict" }
    >,
  ): Writer {
    switch (e.kind) {
      case "variable":
        return this.#variable(e.variable);
      case "type": {
        const types = typesOf(this.#def, e.of);
        return (op, p) => p.types(types(op));
      }
      case "functional-type": {
        const inputs = typesOf(this.#def, e.inputs);
        const results = typesOf(this.#def, e.results);
        return (op, p) => p.functionType(inputs(op), results(op));
      }
      case "operands":
        return (op, p) => {
          if (!p.silent) p.operands(op.operands);
        };
      case "regions":
        return separated(
          (op) => op.regions,
          (r, p) => p.region(r),
        );
      case "successors":
        return separated(
          (op) => op.successors,
          (b, p) => p.successor(b),
        );
      case "custom":
        return this.#custom(e);
    }
  }

  #variable(v: Variable): Writer {
    switch (v.kind) {
      case "operand": {
        const values = valuesOf(this.#def, v);
        return (op, p) => {
          if (!p.silent) p.operands(values(op));
        };
      }
      case "attr":
        return attributeWriter(v.codec, v.index);
      case "region": {
        const { index, open } = v;
        const write = this.#def.spec.terminator ? writeTerminated : (r: Region, p: FormatPrinter) => p.region(r);
        if (!open) return (op, p) => write(op.region(index), p);
        return separated((op) => op.regions.slice(index), write);
      }
      case "successor": {
        const { index, open } = v;
        if (!open) return (op, p) => p.successor(op.successors[index]!);
        return separated(
          (op) => op.successors.slice(index),
          (b, p) => p.successor(b),
        );
      }
      case "result":
        throw new InternalError(`${this.#def.opName}: a result is written by its type only`);
    }
  }

  #optional(e: OptionalElement): Writer {
    const anchor = e.inverted ? e.otherwise : e.then;
    const isThere = this.#presence(e.anchor);
    // The keyword of the group says already that a unit attribute is there.
    const isUnit =
      e.anchor.kind === "variable" && e.anchor.variable.kind === "attr" && e.anchor.variable.codec.asm.kind === "unit";
    const without = isUnit && anchor[0] !== e.anchor ? e.anchor : undefined;
    const then = sequence(this.#list(e.then, without));
    const otherwise = sequence(this.#list(e.otherwise, without));
    return (op, p) => (isThere(op) !== e.inverted ? then(op, p) : otherwise(op, p));
  }

  #oilist(e: OilistElement): Writer {
    const clauses = e.clauses.map(({ keyword, elements }) => {
      const tests = elements.filter((x) => x.kind === "variable" || x.kind === "type").map((x) => this.#presence(x));
      const head = this.#literal(keyword);
      const only = elements.length === 1 ? elements[0]! : undefined;
      const isUnit =
        only?.kind === "variable" && only.variable.kind === "attr" && only.variable.codec.asm.kind === "unit";
      return { tests, write: sequence([head, ...(isUnit ? [] : this.#list(elements))]) };
    });
    return (op, p) => {
      for (const { tests, write } of clauses) if (tests.some((t) => t(op))) write(op, p);
    };
  }

  #custom(e: CustomElement): Writer {
    const make = customWriters.get(e.name);
    invariant(make, `${this.#def.opName}: there is no custom directive '${e.name}'`);
    return make(this.#def, e.args);
  }

  #presence(e: FormatElement): Presence {
    switch (e.kind) {
      case "variable":
        return presenceOf(this.#def, e.variable);
      case "type": {
        const types = typesOf(this.#def, e.of);
        return (op) => types(op).length > 0;
      }
      case "custom": {
        const tests = e.args.flatMap((a) => (a.kind === "variable" ? [presenceOf(this.#def, a.variable)] : []));
        return (op) => tests.some((t) => t(op));
      }
      case "operands":
        return (op) => op.uses.length > 0;
      case "regions":
        return (op) => op.regions.length > 0;
      case "successors":
        return (op) => op.successors.length > 0;
      default:
        throw new InternalError(`${this.#def.opName}: '${e.kind}' cannot be the anchor of an optional group`);
    }
  }
}

/** MLIR's rule for the blank before a mark or keyword. */
function needsBlankBefore(mark: string, afterMark: boolean): boolean {
  if (mark.length !== 1 && mark !== "->") return true;
  return !(afterMark ? ">)}]," : "<>(){}[],").includes(mark[0]!);
}

const text =
  (t: string): Writer =>
  (_, p) =>
    p.write(t);

function sequence(writers: readonly Writer[]): Writer {
  const only = writers.length === 1 ? writers[0] : undefined;
  if (only) return only;
  return (op, p) => {
    for (let i = 0; i < writers.length; i++) writers[i]!(op, p);
  };
}

function separated<T>(of: (op: Operation) => readonly T[], one: (x: T, p: FormatPrinter) => void): Writer {
  return (op, p) => {
    of(op).forEach((x, i) => {
      if (i > 0) p.write(", ");
      one(x, p);
    });
  };
}

/** A region whose terminator is left out where it says nothing. */
function writeTerminated(r: Region, p: FormatPrinter): void {
  const end = r.blocks[0]?.last;
  const terminator = !end?.def.isTerminator || end.uses.length > 0 || end.results.length > 0 || hasAttributes(end);
  p.region(r, { terminator });
}

/** ` <{…}>` with the declared attributes that the format does not write itself. */
function writeProperties(op: Operation, p: FormatPrinter, except: ReadonlySet<string>): void {
  const entries = prettyEntries(op, { has: (name) => except.has(name) || !op.def.attrIndex.has(name) });
  if (entries.length === 0) return;
  p.write(" <");
  p.attribute({ kind: "dictionary", entries: new Map(entries) });
  p.write(">");
}

const hasAttributes = (op: Operation): boolean =>
  (op.attributes !== null && op.attributes.size > 0) || op.props.some((v) => v !== undefined);
