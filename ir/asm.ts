/**
 * @file The contracts against which ops with a syntax of their own read and write text; `text/` implements them.
 * Parsing methods report a diagnostic and leave the op at the first fault, so they answer plain values.
 */
import type { Location } from "../support/location.ts";
import type { AffineExpr, AffineMap, AffineSet } from "./affine.ts";
import type { Block, Operation, Region, Value } from "./core.ts";
import type { Attribute, FunctionType, Type } from "./types.ts";

/** A name of a value as it stands in the text, not yet tied to a value. */
export interface UnresolvedOperand {
  readonly name: string;
  /** Which result of several (`%0#1`). */
  readonly number: number;
  readonly at: Location;
}

/** `%name : type` of a region's entry argument. */
export interface ParsedArgument {
  readonly operand: UnresolvedOperand;
  readonly type: Type | undefined;
  readonly attributes?: ReadonlyMap<string, Attribute>;
  readonly at: Location;
}

export type Delimiter =
  | "none"
  | "()"
  | "[]"
  | "<>"
  | "{}"
  | "optional ()"
  | "optional []"
  | "optional <>"
  | "optional {}";

/** What a custom `parse` answers. Attributes that the record declares are given as MLIR attributes or native values. */
export interface ParsedOp {
  readonly operands?: readonly Value[];
  readonly operandSegments?: readonly number[];
  /** Native values of declared attributes, by name. */
  readonly props?: Readonly<Record<string, unknown>>;
  /** Parsed attributes: those that the record declares become props, the others stay discardable. */
  readonly attributes?: ReadonlyMap<string, Attribute> | undefined;
  readonly resultTypes?: readonly Type[];
  readonly resultSegments?: readonly number[];
  readonly regions?: readonly Region[];
  readonly successors?: readonly Block[];
}

export interface AsmParser {
  /** Place of the next token. */
  here(): Location;
  fail(message: string, at?: Location): never;

  keyword(word: string): void;
  optionalKeyword(word: string): boolean;
  /** The next bare word, if it is one of these. */
  optionalKeywordOf<W extends string>(words: readonly W[]): W | undefined;
  /** Any bare word; `message` is what is said when there is none. */
  anyKeyword(message?: string): string;
  optionalAnyKeyword(): string | undefined;
  /** A bare word or a string. */
  keywordOrString(): string;
  /** A punctuation mark: ( ) [ ] { } < > , : :: = == >= -> ? * + - | … */
  punct(text: string): void;
  optionalPunct(text: string): boolean;
  /** Is the next token this punctuation mark? */
  at(punct: string): boolean;
  atKeyword(word: string): boolean;
  atString(): boolean;
  /** Does an `@name` stand here? */
  atSymbol(): boolean;
  /** Can what stands here be an attribute (a type is one)? */
  atAttribute(): boolean;

  operand(): UnresolvedOperand;
  optionalOperand(): UnresolvedOperand | undefined;
  operands(delimiter?: Delimiter): UnresolvedOperand[];
  resolve(operand: UnresolvedOperand, type: Type): Value;
  resolveAll(operands: readonly UnresolvedOperand[], types: Type | readonly Type[], at?: Location): Value[];

  type(): Type;
  optionalType(): Type | undefined;
  /** `T, T, …`, at least one. */
  types(): Type[];
  /** The same, or nothing. */
  optionalTypes(): Type[];
  /** `(T, T) -> T`. */
  functionType(): FunctionType;
  /** `-> T` or `-> (T, T)`; nothing is no types. */
  optionalArrowTypes(): Type[];
  arrowTypes(): Type[];
  colonType(): Type;
  colonTypes(): Type[];

  attribute(type?: Type): Attribute;
  optionalAttribute(type?: Type): Attribute | undefined;
  /** `{…}` or nothing. */
  attrDict(): Map<string, Attribute>;
  /** `attributes {…}` or nothing. */
  attrDictWithKeyword(): Map<string, Attribute>;
  integer(): bigint;
  optionalInteger(): bigint | undefined;
  string(): string;
  optionalString(): string | undefined;
  symbolName(): string;
  optionalSymbolName(): string | undefined;
  /** `(d0)[s0] -> (d0 + s0)`, without `affine_map<…>` around it. */
  affineMap(): AffineMap;
  /** `(d0)[s0] : (d0 - s0 >= 0)`, likewise. */
  affineSet(): AffineSet;
  /** An affine map written over SSA names, `[%i + 1, symbol(%n)]`: the map, and the names of its dimensions and symbols. */
  affineMapOfOperands(delimiter: "()" | "[]"): {
    readonly map: AffineMap;
    readonly dims: readonly UnresolvedOperand[];
    readonly symbols: readonly UnresolvedOperand[];
  };
  /** One affine expression over SSA names; `dims` and `symbols` collect the names it uses. */
  affineExprOfOperands(dims: UnresolvedOperand[], symbols: UnresolvedOperand[]): AffineMap;
  /** `location` in `loc(…)` after an argument or op, or nothing. */
  optionalLocation(): Location | undefined;

  /** A comma-separated list. `context` says what it is in messages: " in operand list". */
  list<T>(delimiter: Delimiter, one: () => T, context?: string): T[];
  /** `4, %x, ?`-like lists: integers where static, operands where dynamic. */
  dynamicIndexList(delimiter?: "[]" | "()"): {
    readonly statics: number[];
    readonly operands: UnresolvedOperand[];
    readonly scalable: boolean[];
  };

  argument(withType?: boolean): ParsedArgument;
  /** `%a: T {attrs} loc(…)`, comma-separated in parentheses. */
  arguments(delimiter: Delimiter, withType: boolean): ParsedArgument[];
  /** A region in braces. `args` become the arguments of its entry block. `isolated` hides the names outside. */
  region(args?: readonly ParsedArgument[], options?: { readonly isolated?: boolean }): Region;
  optionalRegion(args?: readonly ParsedArgument[], options?: { readonly isolated?: boolean }): Region | undefined;
  successor(): Block;
  optionalSuccessor(): Block | undefined;
  /** `^bb(%a, %b : T, T)`. */
  successorWithOperands(): { readonly block: Block; readonly operands: readonly Value[] };

  /** An op that a text names inside the syntax of another (`{ arith.addf }`), from its parts; it stands in no block yet. */
  opNamed(name: string, parts: ParsedOp, at?: Location): Operation;
  /** Adds the terminator that pretty forms leave out to the last block. `make` builds it. */
  ensureTerminator(region: Region, make: (block: Block) => Operation): void;
  /** How many results the text names on the left of `=`. */
  resultCount(): number;
}

/**
 * Writes the pretty form of one op, after its name. Some ops are walked twice, once only to find the aliases, so a
 * `print` must do the same each time and write text through these methods alone.
 */
export interface AsmPrinter {
  write(text: string): void;
  /** Line break and the current indentation. */
  newline(): void;
  /** Lines that begin while `write` runs are indented by one step more. */
  indented(write: () => void): void;
  operand(v: Value): void;
  operands(vs: readonly Value[]): void;
  /** The name of a value, `%0` or `%0#1`. */
  nameOf(v: Value): string;
  type(t: Type): void;
  /** `T, T`. */
  types(ts: readonly Type[]): void;
  /** ` -> T`, ` -> (T, T)`; nothing for no types. */
  optionalArrowTypes(ts: readonly Type[]): void;
  /** `(T, T) -> T`. */
  functionType(inputs: readonly Type[], results: readonly Type[]): void;
  attribute(a: Attribute): void;
  attributeWithoutType(a: Attribute): void;
  /** A declared attribute as its codec wants it in pretty forms (`$name` of the declarative format); absent is nothing. */
  prop(op: Operation, name: string): void;
  symbolName(name: string): void;
  /** A string literal with its quotes. */
  string(text: string): void;
  /** The word, in quotes unless it is a bare identifier. */
  keywordOrString(word: string): void;
  /** ` {…}` with all attributes except those named; nothing when none is left. Declared ones print unless they have their default. */
  attrDict(op: Operation, except?: readonly string[]): void;
  /** ` attributes {…}`, likewise. */
  attrDictWithKeyword(op: Operation, except?: readonly string[]): void;
  /** ` {…}` of a dictionary that is no op's (attributes of arguments and results); nothing when it is empty. */
  dictionary(entries: ReadonlyMap<string, Attribute>, except?: readonly string[]): void;
  /**
   * `{ … }`; by default with entry arguments as a block header and with terminators. `emptyBlock` writes the header
   * of an entry block that has no ops.
   */
  region(
    r: Region,
    options?: { readonly entryArgs?: boolean; readonly terminator?: boolean; readonly emptyBlock?: boolean },
  ): void;
  /** `%arg0: T {attrs}` and its location when asked for. */
  argument(v: Value, options?: { readonly type?: boolean; readonly attributes?: ReadonlyMap<string, Attribute> }): void;
  /** Another op in its pretty form, without the names of its results. */
  op(op: Operation): void;
  /** Another op in its generic form, without the names of its results. */
  genericOp(op: Operation): void;
  /** ` loc(…)`, if places are to be printed. */
  location(l: Location): void;
  successor(b: Block): void;
  /** `^bb1(%a : T)`. */
  successorWithOperands(b: Block, operands: readonly Value[]): void;
  /** The results of a map, comma-separated, over operands in place of dimensions (`%i + 1`) and symbols (`symbol(%n)`). */
  affineMapOfOperands(map: AffineMap, dims: readonly Value[], symbols: readonly Value[]): void;
  affineExprOfOperands(expr: AffineExpr, dims: readonly Value[], symbols: readonly Value[]): void;
  /** `[4, %x, [8]]`: `dynamic` entries of `statics` take the next operand; `scalable` ones are bracketed. */
  dynamicIndexList(
    statics: readonly number[],
    operands: readonly Value[],
    options?: { readonly scalable?: readonly boolean[]; readonly delimiter?: "[]" | "()" },
  ): void;
}
