/** @file The grammar of ops: names of results, the generic form, places, and recovery from faults. */
import type { ParserMethod } from "chevrotain";
import type { ParsedOp, UnresolvedOperand } from "../ir/asm.ts";
import type { Context } from "../ir/context.ts";
import { Block, type Operation, type Region, type Value } from "../ir/core.ts";
import type { OpInfo } from "../ir/define.ts";
import { Isolated } from "../ir/traits.ts";
import type { Attribute, Type } from "../ir/types.ts";
import type { Code } from "../support/codes.ts";
import { Diagnostics } from "../support/diagnostic.ts";
import { type Location, span, unknownLocation } from "../support/location.ts";
import type { Source } from "../support/source.ts";
import { assemble, nearestOp } from "./assemble.ts";
import { AttributeGrammar } from "./attribute-grammar.ts";
import { stringValue } from "./literals.ts";
import { keyIn, keyOfName, type NameKey, Names } from "./names.ts";
import { resumeAfter } from "./resume.ts";
import { hashOf, TextCache } from "./text-cache.ts";
import { Fault } from "./token-parser.ts";
import * as T from "./tokens.ts";

/** A text with more faults than this is read no further. */
export const FAULT_LIMIT = 20;

/** Ends the reading of a text with too many faults. */
export class TooManyFaults extends Error {}

/** An argument that a region starts with. */
export interface EntryArgument {
  readonly name: string;
  readonly at: number;
  readonly type: Type;
  readonly loc: Location;
}

export type RegionArguments = [
  entry?: readonly EntryArgument[],
  isolated?: boolean,
  defaultDialect?: string | undefined,
];

/** What has to be as it was when a statement is given up. */
export interface Mark {
  readonly start: number;
  readonly depth: number;
  readonly block: Block;
  readonly regions: number;
  readonly results: number;
  readonly dialects: number;
  readonly frames: number;
}

const none: readonly never[] = [];
/** What rules answer while Chevrotain records the grammar. */
const noOp = undefined as unknown as Operation;

/** What has been read of a generic op, until it is made. Frames are used again. */
class OpFrame {
  def: OpInfo | undefined;
  readonly names: NameKey[] = [];
  readonly numbers: number[] = [];
  readonly places: number[] = [];
  readonly values: Value[] = [];
  successors: Block[] | undefined;
  regions: Region[] | undefined;
  properties: ReadonlyMap<string, Attribute> | undefined;
  attributes: ReadonlyMap<string, Attribute> | undefined;

  reset(def: OpInfo | undefined): this {
    this.def = def;
    if (this.names.length > 0) this.names.length = this.numbers.length = this.places.length = 0;
    if (this.values.length > 0) this.values.length = 0;
    this.successors = this.regions = undefined;
    this.properties = this.attributes = undefined;
    return this;
  }
}

export abstract class OpGrammar extends AttributeGrammar {
  override context!: Context;
  protected diagnostics = new Diagnostics();
  readonly names = new Names((message, at, name, note) => {
    const notes = note ? [{ message: note.message, at: this.spanOf(note.at, note.at + 1) }] : [];
    const code = message.startsWith("redefinition") ? "parse/redefinition" : "parse/type";
    throw new Fault(code, message, at, at + name.length + 1, { notes });
  });
  /** The block that ops are appended to. */
  protected block = new Block();
  /** Innermost last: whose ops are written without a prefix. */
  protected readonly defaultDialects: string[] = [];
  /** How many results the op at hand has by name; 0 if there is no `=`. */
  namedResults = 0;
  #faults = 0;
  #lastFault = -1;
  /** Names on the left of `=` of the ops that are being read, innermost last. */
  readonly #resultNames: NameKey[] = [];
  readonly #resultCounts: number[] = [];
  readonly #resultPlaces: number[] = [];
  readonly #defs = new TextCache<OpInfo>();
  /** Names that are no numbers: the same text gives the same string. */
  readonly #keys = new TextCache<NameKey>();
  /** One for each generic op that is open. */
  readonly #frames: OpFrame[] = [new OpFrame()];
  #frame = this.#frames[0]!;
  #frameCount = 0;

  protected begin(source: Source, context: Context, diagnostics: Diagnostics): void {
    this.context = context;
    this.diagnostics = diagnostics;
    this.forgetNames();
    this.names.clear();
    this.#faults = 0;
    this.#lastFault = -1;
    this.#defs.clear();
    this.#keys.clear();
    this.resources.length = 0;
    this.distinct.clear();
    this.#resultNames.length = this.#resultCounts.length = this.#resultPlaces.length = 0;
    this.#frameCount = 0;
    this.defaultDialects.length = 0;
    this.defaultDialects.push("builtin");
    this.open(source);
  }

  abstract readonly region: ParserMethod<RegionArguments, Region>;

  // --- statements -------------------------------------------------------------------------------------------------
  // Actions of the rules that every op goes through are functions made once, not closures made at each call.

  protected readonly statement = this.RULE("statement", (): void => {
    // The same as `mark`, kept in locals: most statements need none.
    const start = this.token.startOffset;
    const { depth, block } = this;
    const regions = this.names.depth;
    const results = this.#resultNames.length;
    const dialects = this.defaultDialects.length;
    const frames = this.#frameCount;
    try {
      this.namedResults = 0;
      this.OPTION(this.#results);
      const name = this.token.startOffset;
      const op = this.OR(this.#forms);
      const loc = this.OPTION2(this.#place);
      if (!this.RECORDING_PHASE) this.#finish(op, name, results, loc);
    } catch (e) {
      this.recover(e, { start, depth, block, regions, results, dialects, frames });
    }
  });

  readonly #results = (): void => {
    this.SUBRULE(this.resultName);
    this.MANY(this.#moreResults);
    this.CONSUME(T.Equal, afterName);
  };
  readonly #moreResults = (): void => {
    this.CONSUME(T.Comma);
    this.SUBRULE2(this.resultName);
  };
  readonly #forms = {
    DEF: [
      { ALT: (): Operation => this.SUBRULE(this.genericOperation) },
      { ALT: (): Operation => this.SUBRULE(this.customOperation) },
    ] as [{ ALT: () => Operation }, { ALT: () => Operation }],
    ERR_MSG: "operation name in quotes",
  };
  readonly #place = (): Location => this.SUBRULE(this.location);

  /** `%x` or `%x:2` on the left of `=`. */
  protected readonly resultName = this.RULE("resultName", (): void => {
    const at = this.CONSUME(T.ValueId).startOffset;
    const end = this.beforeEnd;
    const count = this.OPTION(this.#resultCount) ?? 1;
    if (this.RECORDING_PHASE) return;
    this.#resultNames.push(this.keyAt(at + 1, end));
    this.#resultCounts.push(count);
    this.#resultPlaces.push(at);
    this.namedResults += count;
  });

  readonly #resultCount = (): number => {
    this.CONSUME(T.Colon);
    const number = this.CONSUME(T.Integer, resultCount);
    const count = Number(number.image);
    if (!(count >= 1) && !this.RECORDING_PHASE) {
      this.fail("parse/syntax", "expected named operation to have at least 1 result", number.startOffset - 1);
    }
    return count;
  };

  /** Names the results, gives the op its place, and puts it into its block. */
  #finish(op: Operation, start: number, names: number, loc: Location | undefined): void {
    op.loc = loc ?? this.spanOf(start, this.beforeEnd);
    if (this.#resultNames.length > names) this.#nameResults(op.results, names);
    this.block.append(op);
  }

  #nameResults(results: readonly Value[], first: number): void {
    const names = this.#resultNames;
    const at = this.#resultPlaces[first]!;
    if (results.length === 0) this.fail("parse/syntax", "cannot name an operation with no results", at);
    let named = 0;
    for (let i = first; i < names.length; i++) named += this.#resultCounts[i]!;
    if (named !== results.length) {
      const message = `operation defines ${results.length} results but was provided ${named} to bind`;
      this.fail("parse/syntax", message, at);
    }
    let from = 0;
    for (let i = first; i < names.length; i++) {
      const count = this.#resultCounts[i]!;
      this.names.define(names[i]!, results, from, count, this.#resultPlaces[i]!);
      from += count;
    }
    names.length = this.#resultCounts.length = this.#resultPlaces.length = first;
  }

  // --- the generic form -------------------------------------------------------------------------------------------

  protected readonly genericOperation = this.RULE("genericOperation", (): Operation => {
    const quoted = this.CONSUME(T.StringLiteral);
    const start = quoted.startOffset;
    if (!this.RECORDING_PHASE) this.#openFrame(this.#genericDef(start, this.beforeEnd));
    this.CONSUME(T.LParen, operandsOpen);
    this.OPTION(this.#operands);
    this.CONSUME(T.RParen, operandsClose);
    this.OPTION2(this.#successors);
    this.OPTION3(this.#properties);
    this.OPTION4(this.#regions);
    this.OPTION5(this.#attributes);
    this.CONSUME(T.Colon, operationType);
    const at = this.token.startOffset;
    const type = this.SUBRULE(this.type);
    return this.RECORDING_PHASE ? noOp : this.#closeFrame(type, start, at);
  });

  readonly #operands = (): void => {
    this.#use(this.CONSUME(T.ValueId, wantedOperand).startOffset);
    this.MANY(this.#moreOperands);
  };
  readonly #moreOperands = (): void => {
    this.CONSUME2(T.Comma);
    this.#use(this.CONSUME2(T.ValueId, wantedOperand).startOffset);
  };
  readonly #successors = (): void => {
    this.CONSUME(T.LSquare);
    this.#frame.successors = [this.SUBRULE(this.successor)];
    this.MANY2(this.#moreSuccessors);
    this.CONSUME(T.RSquare);
  };
  readonly #moreSuccessors = (): void => {
    this.CONSUME3(T.Comma);
    this.#frame.successors!.push(this.SUBRULE2(this.successor));
  };
  readonly #properties = (): void => {
    this.CONSUME(T.Less);
    this.#frame.properties = this.SUBRULE(this.dictionary);
    this.CONSUME(T.Greater, propertiesClose);
  };
  readonly #regions = (): void => {
    this.CONSUME2(T.LParen);
    this.#region();
    this.MANY3(this.#moreRegions);
    this.CONSUME2(T.RParen, regionsClose);
  };
  readonly #moreRegions = (): void => {
    this.CONSUME4(T.Comma);
    this.#region2();
  };
  readonly #attributes = (): void => {
    this.#frame.attributes = this.SUBRULE2(this.dictionary);
  };

  #openFrame(def: OpInfo): void {
    const level = this.#frameCount++;
    let frame = this.#frames[level];
    if (!frame) {
      frame = new OpFrame();
      this.#frames.push(frame);
    }
    this.#frame = frame.reset(def);
  }

  #region(): void {
    const { def } = this.#frame;
    const region = this.SUBRULE(this.region, regionArguments(def));
    if (!this.RECORDING_PHASE) this.#addRegion(region);
  }

  #region2(): void {
    const { def } = this.#frame;
    const region = this.SUBRULE2(this.region, regionArguments(def));
    if (!this.RECORDING_PHASE) this.#addRegion(region);
  }

  /** The ops inside have had frames of their own. */
  #addRegion(region: Region): void {
    this.#frame = this.#frames[this.#frameCount - 1]!;
    this.#frame.regions ??= [];
    this.#frame.regions.push(region);
  }

  #use(at: number): void {
    if (this.RECORDING_PHASE) return;
    const frame = this.#frame;
    frame.names.push(this.keyAt(at + 1, this.beforeEnd));
    frame.numbers.push(this.isNext(T.HashId) || this.isNext(T.Bad) ? this.#resultNumber() : 0);
    frame.places.push(at);
  }

  #closeFrame(type: Type, start: number, at: number): Operation {
    const frame = this.#frame;
    const { names, numbers, places, values } = frame;
    if (type.kind !== "function") return this.fail("parse/type", "expected function type", at, this.beforeEnd);
    const { inputs } = type;
    const count = names.length;
    if (inputs.length !== count) {
      const types = count === 1 ? "operand type " : "operand types";
      this.fail("parse/type", `expected ${count} ${types} but had ${inputs.length}`, at);
    }
    for (let i = 0; i < count; i++) values.push(this.names.use(names[i]!, numbers[i]!, inputs[i]!, places[i]!));
    const op = this.makeOp(
      frame.def!,
      {
        operands: values,
        resultTypes: type.results,
        successors: frame.successors ?? none,
        regions: frame.regions ?? none,
        attributes: frame.attributes,
      },
      frame.properties,
      start,
    );
    this.#frame = this.#frames[--this.#frameCount - 1] ?? this.#frames[0]!;
    return op;
  }

  protected makeOp(
    def: OpInfo,
    parsed: ParsedOp,
    properties: ReadonlyMap<string, Attribute> | undefined,
    start: number,
  ): Operation {
    return assemble(def, parsed, properties, unknownLocation, this, start);
  }

  /** A fault of the op whose name starts at `start`. */
  reportOp(code: Code, message: string, start: number): void {
    this.report(new Fault(code, message, start, this.nameEnd(start)));
  }

  /** Where the op name at an offset ends. */
  nameEnd(start: number): number {
    NAME.lastIndex = start;
    return NAME.test(this.source.text) ? NAME.lastIndex : start + 1;
  }

  /** The definition of the op whose quoted name stands at `[start, end)`. */
  #genericDef(start: number, end: number): OpInfo {
    const { text } = this.source;
    const known = this.#defs.get(text, start, end);
    if (known) return known;
    const name = stringValue(text.slice(start, end));
    if (name === "") return this.fail("parse/syntax", "empty operation name is invalid", start, end);
    let def = this.context.op(name);
    if (!def) {
      if (!this.context.allowUnregistered) this.#unknownOp(name, start, end - start);
      def = this.context.opOrOpaque(name);
    }
    return this.#defs.set(text, start, end, def);
  }

  /** The key of the name at `[start, end)`. */
  protected keyAt(start: number, end: number): NameKey {
    const { text } = this.source;
    const first = text.charCodeAt(start);
    if (first >= 0x30 && first <= 0x39) return keyIn(text, start, end);
    const hash = hashOf(text, start, end);
    return this.#keys.get(text, start, end, hash) ?? this.#keys.set(text, start, end, text.slice(start, end), hash);
  }

  #unknownOp(name: string, start: number, length: number): never {
    const dialect = name.slice(0, Math.max(0, name.indexOf(".")));
    const near = nearestOp(name, this.context);
    const extras = near === undefined ? {} : { help: `did you mean '${near}'?` };
    if (this.context.dialects.has(dialect)) {
      throw new Fault("parse/unknown-op", `'${name}' is no op of '${dialect}'`, start, start + length, extras);
    }
    // MLIR points behind the name, at what follows.
    const at = this.token.startOffset;
    const message =
      "operation being parsed with an unregistered dialect. If this is intended, please use " +
      "-allow-unregistered-dialect with the MLIR tool used";
    throw new Fault("parse/unregistered", message, at, at + 1, extras);
  }

  /** An op in its pretty form, name first. */
  protected readonly customOperation = this.RULE("customOperation", (): Operation => {
    const word = this.CONSUME(T.Word);
    return this.RECORDING_PHASE ? noOp : this.#custom(word.image, word.startOffset);
  });

  /** An op inside the syntax of another, from its parts. */
  named(name: string, parts: ParsedOp, start: number, end: number): Operation {
    const def = this.context.op(name);
    if (!def) return this.#unknownCustom(name, name, start, end);
    const op = this.makeOp(def, parts, undefined, start);
    op.loc = this.spanOf(start, end);
    return op;
  }

  #custom(word: string, start: number): Operation {
    const dialects = this.defaultDialects;
    const full = word.includes(".") ? word : `${dialects[dialects.length - 1]}.${word}`;
    const def = this.context.op(full) ?? this.context.op(word);
    if (def) return this.readCustom(def, start);
    return this.#unknownCustom(word, full, start, start + word.length);
  }

  #unknownCustom(word: string, full: string, start: number, end: number): never {
    const near = nearestOp(full, this.context) ?? nearestOp(word, this.context);
    const extras = near === undefined ? {} : { help: `did you mean '${near}'?` };
    const tried = full === word ? "" : ` (tried '${full}' as well)`;
    throw new Fault("parse/unknown-op", `custom op '${word}' is unknown${tried}`, start, end, extras);
  }

  /** Reads what stands behind the name of an op that has a syntax of its own. */
  protected abstract readCustom(def: OpInfo, start: number): Operation;

  // --- values -----------------------------------------------------------------------------------------------------

  readonly operand = this.RULE("operand", (): UnresolvedOperand => {
    const id = this.CONSUME(T.ValueId, wantedOperand);
    return this.ACTION(() => this.valueUse(id.startOffset));
  });

  override valueUse(at: number): UnresolvedOperand {
    const { text } = this.source;
    const end = this.beforeEnd;
    const number = this.isNext(T.HashId) || this.isNext(T.Bad) ? this.#resultNumber() : 0;
    return new Use(text.slice(at + 1, end), number, at, this.source);
  }

  /** A name that is about to be defined: it is no result of several. */
  argumentName(): UnresolvedOperand {
    if (!this.isNext(T.ValueId)) this.wrongToken("expected SSA operand");
    const { startOffset: at, end } = this.token;
    this.consumeToken();
    if (this.isNext(T.HashId) && this.token.startOffset === end) {
      this.fail("parse/syntax", "result number not allowed in argument list");
    }
    return new Use(this.source.text.slice(at + 1, end), 0, at, this.source);
  }

  /** `#1` behind the name of a value. */
  #resultNumber(): number {
    if (this.isNext(T.Bad)) {
      if (this.source.text.charCodeAt(this.token.startOffset) === 0x23) this.wrongToken("invalid SSA operand number");
      return 0;
    }
    const number = Number(this.token.image.slice(1));
    if (!Number.isInteger(number)) this.fail("parse/syntax", "expected SSA operand number");
    this.consumeToken();
    return number;
  }

  resolve(operand: UnresolvedOperand, type: Type): Value {
    const at = operand instanceof Use ? operand.offset : operand.at.kind === "span" ? operand.at.start : 0;
    return this.names.use(keyOfName(operand.name), operand.number, type, at);
  }

  readonly successor = this.RULE("successor", (): Block => {
    const id = this.CONSUME(T.BlockId, { ERR_MSG: "expected block name" });
    return this.ACTION(() => this.names.useBlock(id.image.slice(1), id.startOffset));
  });

  // --- faults -----------------------------------------------------------------------------------------------------

  report(fault: Fault): void {
    // Where a fault was found, its consequences are no news.
    if (fault.start === this.#lastFault) return;
    this.#lastFault = fault.start;
    if (this.#faults >= FAULT_LIMIT) throw new TooManyFaults();
    this.#faults++;
    if (fault.silent) return;
    const at = this.spanOf(fault.start, Math.max(fault.start + 1, fault.end));
    this.diagnostics.error(fault.code, at, fault.message, fault.extras);
  }

  here(): Location {
    return this.spanOf(this.token.startOffset, Math.max(this.token.end, this.token.startOffset + 1));
  }

  protected mark(): Mark {
    return {
      start: this.token.startOffset,
      depth: this.depth,
      block: this.block,
      regions: this.names.depth,
      results: this.#resultNames.length,
      dialects: this.defaultDialects.length,
      frames: this.#frameCount,
    };
  }

  /** Reports a fault and goes on behind the statement that it was in. */
  protected recover(thrown: unknown, mark: Mark): void {
    const fault = this.faultOf(thrown);
    this.report(fault);
    this.depth = mark.depth;
    this.block = mark.block;
    this.names.leaveTo(mark.regions);
    this.defaultDialects.length = mark.dialects;
    this.#frameCount = mark.frames;
    this.#frame = this.#frames[mark.frames - 1] ?? this.#frames[0]!;
    this.forgetOpenTypes();
    for (let i = mark.results; i < this.#resultNames.length; i++) {
      this.names.poison(this.#resultNames[i]!, this.#resultPlaces[i]!);
    }
    this.#resultNames.length = this.#resultCounts.length = this.#resultPlaces.length = mark.results;
    const offset = resumeAfter(
      this.source.text,
      mark.start,
      fault.start,
      (name) => this.context.op(name) !== undefined,
    );
    this.goto(offset);
  }
}

/** A use of a value in the text. Its place is made a Location only when somebody asks. */
class Use implements UnresolvedOperand {
  readonly name: string;
  readonly number: number;
  readonly offset: number;
  readonly #source: Source;

  constructor(name: string, number: number, offset: number, source: Source) {
    this.name = name;
    this.number = number;
    this.offset = offset;
    this.#source = source;
  }

  get at(): Location {
    return span(this.#source, this.offset, this.offset + this.name.length + 1);
  }
}

const NAME = /"(?:[^"\\]|\\.)*"|[\w.$]+/y;

const regionArguments = (def: OpInfo | undefined): { ARGS: RegionArguments } => ({
  ARGS: [none, def?.has(Isolated) ?? false, def?.spec.defaultDialect],
});

const resultCount = { ERR_MSG: "expected integer number of results" };
const propertiesClose = { ERR_MSG: "expected '>' to close properties" };
const regionsClose = { ERR_MSG: "expected ')' to end region list" };
const afterName = { ERR_MSG: "expected '=' after SSA name" };
const operandsOpen = { ERR_MSG: "expected '(' to start operand list" };
const operandsClose = { ERR_MSG: "expected ')' to end operand list" };
const operationType = { ERR_MSG: "expected ':' followed by operation type" };
export const wantedOperand = { ERR_MSG: "expected SSA operand" };
