/**
 * @file What ops with a syntax of their own read with: MLIR's OpAsmParser in our words (ir/asm.ts), over the grammar.
 * Places and wording of faults are MLIR's where it has them.
 */
import type { AffineMap, AffineSet } from "../ir/affine.ts";
import { affineMap } from "../ir/affine.ts";
import type { AsmParser, Delimiter, ParsedArgument, ParsedOp, UnresolvedOperand } from "../ir/asm.ts";
import { Block, type Operation, type Region, type Value } from "../ir/core.ts";
import { type Attribute, dynamic, type FunctionType, i64, type Type } from "../ir/types.ts";
import type { Location } from "../support/location.ts";
import { integerLiteral } from "./literals.ts";
import type { EntryArgument, OpGrammar } from "./op-grammar.ts";
import * as T from "./tokens.ts";

const closers = { "(": ")", "[": "]", "<": ">", "{": "}" } as const;
const noRegion: { readonly isolated?: boolean } = {};
const noArguments: readonly ParsedArgument[] = [];

export class AsmReader implements AsmParser {
  readonly #g: OpGrammar;
  /** The dialect whose ops the regions of the op at hand write without a prefix. */
  defaultDialect: string | undefined;
  /** The op at hand, for messages. */
  opName = "";

  constructor(grammar: OpGrammar) {
    this.#g = grammar;
  }

  here(): Location {
    return this.#g.here();
  }

  fail(message: string, at?: Location): never {
    const whole = `custom op '${this.opName}' ${message}`;
    if (at?.kind === "span") return this.#g.fail("parse/syntax", whole, at.start, at.end);
    return this.#g.fail("parse/syntax", whole);
  }

  // --- words and marks ----------------------------------------------------------------------------------------------

  keyword(word: string): void {
    if (!this.optionalKeyword(word)) this.fail(`expected '${word}'`);
  }

  optionalKeyword(word: string): boolean {
    const g = this.#g;
    if (!g.isWord() || !g.isWordOf(word)) return false;
    g.consumeToken();
    return true;
  }

  optionalKeywordOf<W extends string>(words: readonly W[]): W | undefined {
    const g = this.#g;
    if (!g.isWord()) return undefined;
    const found = words.find((w) => g.isWordOf(w));
    if (found !== undefined) g.consumeToken();
    return found;
  }

  anyKeyword(what = "expected valid keyword"): string {
    return this.optionalAnyKeyword() ?? this.fail(what);
  }

  optionalAnyKeyword(): string | undefined {
    const g = this.#g;
    if (!g.isWord()) return undefined;
    const word = g.token.image;
    g.consumeToken();
    return word;
  }

  keywordOrString(): string {
    return this.optionalString() ?? this.optionalAnyKeyword() ?? this.fail("expected valid keyword or string");
  }

  punct(text: string): void {
    if (!this.optionalPunct(text)) this.#g.wrongToken(`expected '${text}'`);
  }

  optionalPunct(text: string): boolean {
    const g = this.#g;
    const type = T.marks.get(text);
    if (type) return g.takeIf(type);
    if (!this.at(text)) return false;
    // A mark of several tokens: `::`, `==`, `>=`, `=>`.
    const end = g.token.startOffset + text.length;
    g.goto(end);
    g.beforeEnd = end;
    return true;
  }

  at(punct: string): boolean {
    const g = this.#g;
    const type = T.marks.get(punct);
    if (type) return g.isNext(type);
    return g.source.text.startsWith(punct, g.token.startOffset);
  }

  atKeyword(word: string): boolean {
    return this.#g.isWord() && this.#g.isWordOf(word);
  }

  atString(): boolean {
    return this.#g.isNext(T.StringLiteral);
  }

  atSymbol(): boolean {
    return this.#g.isNext(T.SymbolId);
  }

  atAttribute(): boolean {
    return this.#g.startsAttribute();
  }

  list<E>(delimiter: Delimiter, one: () => E, context = ""): E[] {
    const g = this.#g;
    const found: E[] = [];
    const optional = delimiter.startsWith("optional ");
    const open = (optional ? delimiter[9]! : delimiter[0]!) as keyof typeof closers;
    const none = delimiter === "none";
    if (!none) {
      if (optional && !this.at(open)) return found;
      if (!this.optionalPunct(open)) g.wrongToken(`expected '${open}'${context}`);
      if (this.optionalPunct(closers[open])) return found;
    }
    do found.push(one());
    while (g.takeIf(T.Comma));
    if (!none && !this.optionalPunct(closers[open])) g.wrongToken(`expected '${closers[open]}'${context}`);
    return found;
  }

  // --- values -------------------------------------------------------------------------------------------------------

  operand(): UnresolvedOperand {
    return this.#g.operand();
  }

  optionalOperand(): UnresolvedOperand | undefined {
    return this.#g.isNext(T.ValueId) ? this.#g.operand() : undefined;
  }

  operands(delimiter: Delimiter = "none"): UnresolvedOperand[] {
    const g = this.#g;
    if (delimiter === "none" && !g.isNext(T.ValueId)) return [];
    return this.list(delimiter, () => g.operand(), delimiter === "none" ? "" : " in operand list");
  }

  resolve(operand: UnresolvedOperand, type: Type): Value {
    return this.#g.resolve(operand, type);
  }

  resolveAll(operands: readonly UnresolvedOperand[], types: Type | readonly Type[], at?: Location): Value[] {
    if (!isList(types)) return operands.map((o) => this.#g.resolve(o, types));
    if (types.length !== operands.length) {
      const message =
        `number of operands and types do not match: got ${operands.length} operands and ` + `${types.length} types`;
      this.fail(message, at);
    }
    return operands.map((o, i) => this.#g.resolve(o, types[i]!));
  }

  // --- types --------------------------------------------------------------------------------------------------------

  type(): Type {
    return this.#g.typeHere();
  }

  optionalType(): Type | undefined {
    return this.#g.startsType() ? this.#g.typeHere() : undefined;
  }

  types(): Type[] {
    return this.list("none", () => this.#g.typeHere());
  }

  optionalTypes(): Type[] {
    return this.#g.startsType() ? this.types() : [];
  }

  optionalArrowTypes(): Type[] {
    return this.#g.takeIf(T.Arrow) ? this.#resultTypes() : [];
  }

  arrowTypes(): Type[] {
    this.#g.expect(T.Arrow);
    return this.#resultTypes();
  }

  #resultTypes(): Type[] {
    return this.#g.resultTypes();
  }

  colonType(): Type {
    this.#g.expect(T.Colon);
    return this.#g.typeHere();
  }

  colonTypes(): Type[] {
    this.#g.expect(T.Colon);
    return this.types();
  }

  functionType(): FunctionType {
    return this.#g.functionType();
  }

  // --- attributes ---------------------------------------------------------------------------------------------------

  attribute(type?: Type): Attribute {
    return this.#g.attribute(type);
  }

  optionalAttribute(type?: Type): Attribute | undefined {
    return this.#g.startsAttribute() ? this.#g.attribute(type) : undefined;
  }

  attrDict(): Map<string, Attribute> {
    return new Map(this.#g.isNext(T.LBrace) ? this.#g.dictionary().attribute.entries : undefined);
  }

  attrDictWithKeyword(): Map<string, Attribute> {
    if (!this.optionalKeyword("attributes")) return new Map();
    if (!this.#g.isNext(T.LBrace)) this.#g.wrongToken("expected '{' in attribute dictionary");
    return new Map(this.#g.dictionary().attribute.entries);
  }

  integer(): bigint {
    return this.optionalInteger() ?? this.fail("expected integer value");
  }

  optionalInteger(): bigint | undefined {
    const g = this.#g;
    if (!g.isNext(T.Integer) && !g.isNext(T.Minus)) return undefined;
    const at = g.token.startOffset;
    const negative = g.takeIf(T.Minus);
    if (!g.isNext(T.Integer)) g.wrongToken("expected integer value");
    const value = integerLiteral(g.token.image, negative, i64);
    if (value?.kind !== "integer") {
      if (negative && Number(g.token.image) === 0) {
        g.consumeToken();
        return 0n;
      }
      return this.fail("integer value too large", g.spanOf(at, g.token.end));
    }
    g.consumeToken();
    return value.value;
  }

  string(): string {
    return this.optionalString() ?? this.fail("expected string");
  }

  optionalString(): string | undefined {
    return this.#g.isNext(T.StringLiteral) ? this.#g.string() : undefined;
  }

  symbolName(): string {
    return this.optionalSymbolName() ?? this.fail("expected valid '@'-identifier for symbol name");
  }

  optionalSymbolName(): string | undefined {
    return this.#g.isNext(T.SymbolId) ? this.#g.symbolName() : undefined;
  }

  affineMap(): AffineMap {
    return this.#g.affineMapBody();
  }

  affineSet(): AffineSet {
    return this.#g.affineSetBody();
  }

  affineMapOfOperands(delimiter: "()" | "[]"): {
    readonly map: AffineMap;
    readonly dims: readonly UnresolvedOperand[];
    readonly symbols: readonly UnresolvedOperand[];
  } {
    const g = this.#g;
    const names = { dims: [], symbols: [] };
    const results = g.overValues(names, () => this.list(delimiter, () => g.affineExpr()));
    return { map: affineMap(names.dims.length, names.symbols.length, results), ...names };
  }

  affineExprOfOperands(dims: UnresolvedOperand[], symbols: UnresolvedOperand[]): AffineMap {
    const g = this.#g;
    const expr = g.overValues({ dims, symbols }, () => g.affineExpr());
    return affineMap(dims.length, symbols.length, [expr]);
  }

  optionalLocation(): Location | undefined {
    return this.#g.isNext(T.Key.loc) ? this.#g.location() : undefined;
  }

  dynamicIndexList(delimiter: "[]" | "()" = "[]"): {
    readonly statics: number[];
    readonly operands: UnresolvedOperand[];
    readonly scalable: boolean[];
  } {
    const statics: number[] = [];
    const operands: UnresolvedOperand[] = [];
    const scalable: boolean[] = [];
    const one = (): void => {
      const isScalable = delimiter === "[]" && this.optionalPunct("[");
      const operand = this.optionalOperand();
      if (operand) {
        operands.push(operand);
        statics.push(dynamic);
      } else {
        const value = this.optionalInteger();
        if (value === undefined) this.fail("expected SSA value or integer");
        statics.push(Number(value));
      }
      scalable.push(isScalable);
      if (isScalable) this.punct("]");
    };
    this.list(delimiter, one, " in dynamic index list");
    return { statics, operands, scalable };
  }

  // --- regions, blocks, ops -----------------------------------------------------------------------------------------

  argument(withType = false): ParsedArgument {
    const operand = this.#g.argumentName();
    const type = withType ? this.colonType() : undefined;
    const attributes = withType ? this.attrDict() : undefined;
    const at = this.optionalLocation() ?? operand.at;
    return attributes && attributes.size > 0 ? { operand, type, attributes, at } : { operand, type, at };
  }

  arguments(delimiter: Delimiter, withType: boolean): ParsedArgument[] {
    return this.list(delimiter, () => this.argument(withType), " in argument list");
  }

  region(args = noArguments, options = noRegion): Region {
    const g = this.#g;
    const entry = args.map((a): EntryArgument => {
      const at = a.operand.at;
      const start = at.kind === "span" ? at.start : g.token.startOffset;
      if (!a.type) this.fail(`the type of argument '%${a.operand.name}' is not known`, at);
      return { name: a.operand.name, at: start, type: a.type, loc: a.at };
    });
    const { defaultDialect, opName } = this;
    const named = g.namedResults;
    const made = g.region(entry, options.isolated ?? false, defaultDialect);
    this.defaultDialect = defaultDialect;
    this.opName = opName;
    g.namedResults = named;
    return made;
  }

  optionalRegion(args = noArguments, options = noRegion): Region | undefined {
    return this.#g.isNext(T.LBrace) ? this.region(args, options) : undefined;
  }

  successor(): Block {
    return this.#g.successor();
  }

  optionalSuccessor(): Block | undefined {
    return this.#g.isNext(T.BlockId) ? this.#g.successor() : undefined;
  }

  successorWithOperands(): { readonly block: Block; readonly operands: readonly Value[] } {
    const block = this.#g.successor();
    if (!this.optionalPunct("(")) return { block, operands: [] };
    const at = this.here();
    const names = this.operands();
    const operands = this.resolveAll(names, this.colonTypes(), at);
    this.punct(")");
    return { block, operands };
  }

  opNamed(name: string, parts: ParsedOp, at: Location = this.here()): Operation {
    return at.kind === "span"
      ? this.#g.named(name, parts, at.start, at.end)
      : this.#g.named(name, parts, this.#g.token.startOffset, this.#g.token.end);
  }

  ensureTerminator(region: Region, make: (block: Block) => Operation): void {
    if (region.isEmpty) region.append(new Block());
    const block = region.blocks.at(-1)!;
    if (block.terminator) return;
    const end = make(block);
    if (end.block === null) block.append(end);
  }

  resultCount(): number {
    return this.#g.namedResults;
  }
}

const isList = (t: Type | readonly Type[]): t is readonly Type[] => Array.isArray(t);
