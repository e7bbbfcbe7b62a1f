/**
 * @file The assembly-format mini-language of MLIR's ODS: one string per op, from which text is written and read.
 * Here the string becomes a small tree, tied to the fields of the op's record; format-write.ts and format-read.ts
 * compile the tree. (MLIR: "Defining Dialects / Operations / Declarative Assembly Format".)
 */
import type { Attr } from "../ir/attributes.ts";
import type { OpInfo } from "../ir/define.ts";
import type { Arity } from "../ir/fields.ts";
import { InternalError } from "../support/diagnostic.ts";

/** `$name`, resolved to what the record declares under that name. `index` counts in the record's own list. */
export type Variable =
  | { readonly kind: "operand" | "result"; readonly name: string; readonly index: number; readonly arity: Arity }
  | { readonly kind: "attr"; readonly name: string; readonly index: number; readonly codec: Attr }
  /** `open`: stands for any number of regions (or successors), the last ones of the op. */
  | { readonly kind: "region" | "successor"; readonly name: string; readonly index: number; readonly open: boolean };

/** What `type(…)` and `functional-type(…)` speak of. */
export type Typed =
  | (Variable & { readonly kind: "operand" | "result" | "attr" })
  | { readonly kind: "operands" | "results" };

export type VariableElement = {
  readonly kind: "variable";
  readonly variable: Variable;
  /** `qualified($x)`: with the dialect's prefix. */
  readonly qualified: boolean;
};
export type TypeElement = { readonly kind: "type"; readonly of: Typed; readonly qualified: boolean };
export type OptionalElement = {
  readonly kind: "optional";
  readonly then: readonly FormatElement[];
  /** The elements of `: (…)`; empty without. */
  readonly otherwise: readonly FormatElement[];
  /** The element with `^`; the group is written if it is present. One of `then` or of `otherwise`. */
  readonly anchor: FormatElement;
  /** The anchor stands in `otherwise`: `then` is written when it is absent. */
  readonly inverted: boolean;
};
export type OilistElement = {
  readonly kind: "oilist";
  readonly clauses: readonly { readonly keyword: string; readonly elements: readonly FormatElement[] }[];
};
export type CustomElement = {
  readonly kind: "custom";
  readonly name: string;
  readonly args: readonly CustomArgument[];
};
export type CustomArgument =
  | VariableElement
  | TypeElement
  /** Already read or written elsewhere in the format. */
  | { readonly kind: "ref"; readonly to: VariableElement | TypeElement }
  | { readonly kind: "attr-dict"; readonly keyword: boolean }
  | { readonly kind: "string"; readonly text: string };

export type FormatElement =
  | { readonly kind: "literal"; readonly text: string; readonly word: boolean }
  /** A blank that is wanted, none where one would be written, or a line break. Reading ignores it. */
  | { readonly kind: "space"; readonly text: "" | " " | "\n" }
  | VariableElement
  | TypeElement
  | { readonly kind: "functional-type"; readonly inputs: Typed; readonly results: Typed }
  | { readonly kind: "operands" | "regions" | "successors" }
  | { readonly kind: "attr-dict"; readonly keyword: boolean }
  | { readonly kind: "prop-dict" }
  | OptionalElement
  | OilistElement
  | CustomElement;

export interface Format {
  readonly elements: readonly FormatElement[];
  /** Attributes that the format writes itself, so that `attr-dict` leaves them out. */
  readonly mentioned: ReadonlySet<string>;
}

const formats = new WeakMap<OpInfo, Format>();

/** The format of an op that has an `assembly`, parsed once. A faulty string is our own fault: InternalError. */
export function formatOf(def: OpInfo): Format | undefined {
  if (def.spec.assembly === undefined) return undefined;
  let format = formats.get(def);
  if (!format) {
    format = parseFormat(def, def.spec.assembly);
    formats.set(def, format);
  }
  return format;
}

/** Reads a format string for the fields of an op. */
export function parseFormat(def: OpInfo, text: string): Format {
  return new FormatReader(def, text).read();
}

const WORD = /[A-Za-z_][\w-]*/y;
const NAME = /[A-Za-z_]\w*/y;
const PUNCTUATION = new Set(
  ["->", "=>", "::", "==", ">=", "...", ":", ",", "=", "<", ">", "(", ")", "{", "}", "[", "]"].concat([
    "?",
    "+",
    "*",
    "-",
    "|",
    "/",
    "@",
  ]),
);

class FormatReader {
  readonly #def: OpInfo;
  readonly #text: string;
  readonly #mentioned = new Set<string>();
  /** Which operands, regions and successors the format covers. */
  readonly #covered = new Set<string>();
  #dictionaries = 0;
  #at = 0;

  constructor(def: OpInfo, text: string) {
    this.#def = def;
    this.#text = text;
  }

  read(): Format {
    const elements = this.#elements(undefined);
    if (this.#dictionaries !== 1) this.#fail("'attr-dict' must occur exactly once", this.#text.length);
    const { operandFields, regionNames, spec } = this.#def;
    for (const name of [...operandFields.map((f) => f.name), ...regionNames, ...(spec.successors ?? [])]) {
      if (!this.#covered.has(name)) this.#fail(`'$${name}' does not occur`, this.#text.length);
    }
    return { elements, mentioned: this.#mentioned };
  }

  #fail(message: string, at = this.#at): never {
    throw new InternalError(`${this.#def.opName}: assembly format, column ${at + 1}: ${message}`);
  }

  /** Skips blanks and looks at the next character; "" at the end. */
  #peek(): string {
    const { length } = this.#text;
    while (this.#at < length && /\s/.test(this.#text[this.#at]!)) this.#at++;
    return this.#text[this.#at] ?? "";
  }

  #take(mark: string): boolean {
    this.#peek();
    if (!this.#text.startsWith(mark, this.#at)) return false;
    this.#at += mark.length;
    return true;
  }

  #expect(mark: string): void {
    if (!this.#take(mark)) this.#fail(`expected '${mark}'`);
  }

  #match(pattern: RegExp, what: string): string {
    this.#peek();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) this.#fail(`expected ${what}`);
    this.#at += found.length;
    return found;
  }

  /** Elements up to one of the end marks, which is left standing; undefined is the end of the string. */
  #elements(ends: string | undefined, onAnchor?: (element: FormatElement) => void): FormatElement[] {
    const found: FormatElement[] = [];
    for (;;) {
      const next = this.#peek();
      if (next === "" ? ends === undefined : ends?.includes(next)) return found;
      if (next === "") this.#fail(`expected '${ends}'`);
      const element = this.#element();
      found.push(element);
      if (this.#peek() === "^") {
        if (!onAnchor) this.#fail("'^' marks an element of an optional group");
        this.#at++;
        onAnchor(element);
      }
    }
  }

  #element(): FormatElement {
    switch (this.#peek()) {
      case "`":
        return this.#literal();
      case "$":
        return this.#variable();
      case "(":
        return this.#group();
    }
    const start = this.#at;
    const word = this.#match(WORD, "an element");
    switch (word) {
      case "attr-dict":
      case "attr-dict-with-keyword":
        this.#dictionaries++;
        return { kind: "attr-dict", keyword: word !== "attr-dict" };
      case "prop-dict":
        return { kind: "prop-dict" };
      case "operands":
        for (const f of this.#def.operandFields) this.#covered.add(f.name);
        return { kind: word };
      case "regions":
        for (const name of this.#def.regionNames) this.#covered.add(name);
        return { kind: word };
      case "successors":
        for (const name of this.#def.spec.successors ?? []) this.#covered.add(name);
        return { kind: word };
      case "type":
        return this.#type(false);
      case "functional-type": {
        this.#expect("(");
        const inputs = this.#typed();
        this.#expect(",");
        const results = this.#typed();
        this.#expect(")");
        return { kind: "functional-type", inputs, results };
      }
      case "qualified": {
        this.#expect("(");
        const inner = this.#peek() === "$" ? { ...this.#variable(), qualified: true } : this.#qualifiedType();
        this.#expect(")");
        return inner;
      }
      case "oilist":
        return this.#oilist();
      case "custom":
        return this.#custom();
      default:
        this.#fail(`unknown directive '${word}'`, start);
    }
  }

  #literal(): FormatElement {
    const start = this.#at++;
    const end = this.#text.indexOf("`", this.#at);
    if (end < 0) this.#fail("unterminated literal", start);
    const text = this.#text.slice(this.#at, end);
    this.#at = end + 1;
    if (text === "" || text === " ") return { kind: "space", text };
    // In the string of a record a line break is written as the two characters \n, or as itself.
    if (text === "\\n" || text === "\n") return { kind: "space", text: "\n" };
    const word = /^[A-Za-z_][\w$.-]*$/.test(text);
    if (!word && !PUNCTUATION.has(text)) this.#fail(`'${text}' is neither a word nor a mark`, start);
    return { kind: "literal", text, word };
  }

  #variable(): VariableElement {
    const variable = this.#resolve(["operand", "attr", "region", "successor"]);
    this.#covered.add(variable.name);
    return { kind: "variable", variable, qualified: false };
  }

  /** `$name`, as one of the kinds that may stand here. */
  #resolve(kinds: readonly Variable["kind"][]): Variable {
    this.#peek();
    const start = this.#at;
    this.#expect("$");
    const name = this.#match(NAME, "a name");
    const found = this.#lookup(name);
    if (!found) this.#fail(`the op has no operand, attribute, result, region or successor '${name}'`, start);
    if (!kinds.includes(found.kind)) this.#fail(`'$${name}' is a ${found.kind} and cannot stand here`, start);
    return found;
  }

  #lookup(name: string): Variable | undefined {
    const { operandFields, resultFields, attrFields, attrIndex, regionNames, spec } = this.#def;
    const attr = attrIndex.get(name);
    if (attr !== undefined) {
      this.#mentioned.add(name);
      return { kind: "attr", name, index: attr, codec: attrFields[attr]!.codec };
    }
    for (const kind of ["operand", "result"] as const) {
      const fields = kind === "operand" ? operandFields : resultFields;
      const index = fields.findIndex((f) => f.name === name);
      if (index >= 0) return { kind, name, index, arity: fields[index]!.arity };
    }
    for (const kind of ["region", "successor"] as const) {
      const names: readonly string[] = (kind === "region" ? regionNames : spec.successors) ?? [];
      const index = names.indexOf(name);
      const open = (kind === "region" ? spec.openRegions : spec.openSuccessors) ?? false;
      if (index >= 0) return { kind, name, index, open: open && index === names.length - 1 };
    }
    return undefined;
  }

  #type(qualified: boolean): TypeElement {
    this.#expect("(");
    const of = this.#typed();
    this.#expect(")");
    return { kind: "type", of, qualified };
  }

  #qualifiedType(): TypeElement {
    const start = this.#at;
    if (this.#match(WORD, "'type' or '$'") !== "type") this.#fail("expected 'type' or '$'", start);
    return this.#type(true);
  }

  #typed(): Typed {
    if (this.#peek() === "$") return this.#resolve(["operand", "result", "attr"]) as Typed;
    const start = this.#at;
    const word = this.#match(WORD, "'$', 'operands' or 'results'");
    if (word !== "operands" && word !== "results") this.#fail("expected '$', 'operands' or 'results'", start);
    return { kind: word };
  }

  #group(): OptionalElement {
    const start = this.#at++;
    let anchor: FormatElement | undefined;
    const onAnchor = (element: FormatElement): void => {
      if (anchor) this.#fail("an optional group has one anchor");
      if (element.kind === "literal" || element.kind === "space") this.#fail(`a ${element.kind} cannot be an anchor`);
      anchor = element;
    };
    const then = this.#elements(")", onAnchor);
    this.#expect(")");
    let otherwise: FormatElement[] = [];
    if (this.#take(":")) {
      this.#expect("(");
      otherwise = this.#elements(")", onAnchor);
      this.#expect(")");
    }
    this.#expect("?");
    if (!anchor) this.#fail("an optional group needs an anchor '^'", start);
    if (then.every((e) => e.kind === "space")) this.#fail("an optional group needs an element", start);
    return { kind: "optional", then, otherwise, anchor, inverted: !then.includes(anchor) };
  }

  #oilist(): OilistElement {
    this.#expect("(");
    const clauses: { keyword: string; elements: readonly FormatElement[] }[] = [];
    do {
      const start = this.#at;
      this.#peek();
      const first = this.#element();
      if (first.kind !== "literal" || !first.word) this.#fail("a clause of 'oilist' starts with a keyword", start);
      clauses.push({ keyword: first.text, elements: this.#elements("|)") });
    } while (this.#take("|"));
    this.#expect(")");
    return { kind: "oilist", clauses };
  }

  #custom(): CustomElement {
    this.#expect("<");
    const name = this.#match(NAME, "a name");
    this.#expect(">");
    this.#expect("(");
    const args: CustomArgument[] = [];
    if (!this.#take(")")) {
      do args.push(this.#customArgument());
      while (this.#take(","));
      this.#expect(")");
    }
    return { kind: "custom", name, args };
  }

  #customArgument(): CustomArgument {
    const next = this.#peek();
    if (next === "$") return this.#variable();
    if (next === '"') {
      const end = this.#text.indexOf('"', this.#at + 1);
      if (end < 0) this.#fail("unterminated string");
      const text = this.#text.slice(this.#at + 1, end);
      this.#at = end + 1;
      return { kind: "string", text };
    }
    const start = this.#at;
    const word = this.#match(WORD, "an argument");
    switch (word) {
      case "attr-dict":
      case "attr-dict-with-keyword":
        this.#dictionaries++;
        return { kind: "attr-dict", keyword: word !== "attr-dict" };
      case "type":
        return this.#type(false);
      case "ref": {
        this.#expect("(");
        const to = this.#peek() === "$" ? this.#variable() : { ...this.#qualifiedType(), qualified: false };
        this.#expect(")");
        return { kind: "ref", to };
      }
      default:
        this.#fail(`'${word}' is no argument of a custom directive`, start);
    }
  }
}
