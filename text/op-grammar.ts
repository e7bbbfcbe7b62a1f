/**
 * @file The grammar of ops: names of results, the generic form, places, and recovery from faults. Statements are most of
 * a text and have no alternatives worth a table, so they are read by hand; what stands in them (types, attributes,
 * places) are rules of Chevrotain's.
 */
import type { ParsedOp, UnresolvedOperand } from "../ir/asm.ts";
import type { Context } from "../ir/context.ts";
import { Block, type Operation, type Region, type Value } from "../ir/core.ts";
import type { OpInfo } from "../ir/define.ts";
import { Isolated } from "../ir/traits.ts";
import type { Attribute, Type } from "../ir/types.ts";
import type { Code } from "../support/codes.ts";
import { type DiagnosticExtras, Diagnostics } from "../support/diagnostic.ts";
import { type Location, span, unknownLocation } from "../support/location.ts";
import type { Source } from "../support/source.ts";
import { assemble, nearestOp, type PropertyText } from "./assemble.ts";
import { AttributeGrammar } from "./attribute-grammar.ts";
import { stringValue } from "./literals.ts";
import { keyIn, keyOfName, type NameKey, Names } from "./names.ts";
import { resumeAfter } from "./resume.ts";
import { hashOf, TextCache } from "./text-cache.ts";
import { Fault } from "./token-parser.ts";
import * as T from "./tokens.ts";

/** A text with more faults than this is read no further. */
export const FAULT_LIMIT = 20;

const NAMES_KEPT = 4096;

/** Ends the reading of a text with too many faults. */
export class TooManyFaults extends Error {}

/** An argument that a region starts with. */
export interface EntryArgument {
  readonly name: string;
  readonly at: number;
  readonly type: Type;
  readonly loc: Location;
}

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

const none: never[] = [];
/** What has been read of a generic op, until it is made. Frames are used again. */
class OpFrame implements ParsedOp {
  def: OpInfo | undefined;
  /** How many operands there are so far; the lists only grow. */
  count = 0;
  operands: readonly Value[] = none;
  resultTypes: readonly Type[] = none;
  readonly names: NameKey[] = [];
  readonly numbers: number[] = [];
  readonly places: number[] = [];
  successors: readonly Block[] = none;
  regions: readonly Region[] = none;
  properties: PropertyText | undefined;
  attributes: ReadonlyMap<string, Attribute> | undefined;

  reset(def: OpInfo | undefined): this {
    this.def = def;
    this.count = 0;
    this.operands = this.resultTypes = this.successors = this.regions = none;
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
  readonly #frames: OpFrame[] = [];
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

  /** A region in braces; `entry` are the arguments of its first block. */
  abstract region(entry?: readonly EntryArgument[], isolated?: boolean, defaultDialect?: string): Region;

  // --- statements -------------------------------------------------------------------------------------------------

  /** `%a, %b:2 = op loc(…)`. A fault in it is reported, and reading goes on behind it. */
  protected statement(): void {
    // The same as `mark`, kept in locals: most statements need none.
    const start = this.token.startOffset;
    const { depth, block } = this;
    const regions = this.names.depth;
    const results = this.#resultNames.length;
    const dialects = this.defaultDialects.length;
    const frames = this.#frameCount;
    try {
      this.namedResults = 0;
      if (this.isNext(T.ValueId)) this.#results();
      const name = this.token.startOffset;
      const op = this.isNext(T.StringLiteral) ? this.#genericOperation() : this.#customOperation();
      const loc = this.isNext(T.Key.loc) ? this.location() : undefined;
      this.#finish(op, name, results, loc);
    } catch (e) {
      this.recover(e, { start, depth, block, regions, results, dialects, frames });
    }
  }

  #results(): void {
    do this.#resultName();
    while (this.takeIf(T.Comma));
    this.expect(T.Equal, "expected '=' after SSA name");
  }

  /** `%x` or `%x:2` on the left of `=`. */
  #resultName(): void {
    const at = this.token.startOffset;
    this.expect(T.ValueId, "expected SSA operand");
    this.#resultNames.push(this.keyAt(at + 1, this.beforeEnd));
    this.#resultPlaces.push(at);
    const count = this.isNext(T.Colon) ? this.#resultCount() : 1;
    this.#resultCounts.push(count);
    this.namedResults += count;
  }

  #resultCount(): number {
    this.consumeToken();
    const { startOffset } = this.token;
    const count = Number(this.token.image);
    this.expect(T.Integer, "expected integer number of results");
    if (!(count >= 1)) {
      this.fail("parse/syntax", "expected named operation to have at least 1 result", startOffset - 1);
    }
    return count;
  }

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
    while (names.length > first) {
      names.pop();
      this.#resultCounts.pop();
      this.#resultPlaces.pop();
    }
  }

  // --- the generic form -------------------------------------------------------------------------------------------

  #genericOperation(): Operation {
    const start = this.token.startOffset;
    this.consumeToken();
    const frame = this.#openFrame(this.#genericDef(start, this.beforeEnd));
    this.expect(T.LParen, "expected '(' to start operand list");
    if (this.isNext(T.ValueId)) {
      do this.#use(frame);
      while (this.takeIf(T.Comma));
    }
    this.expect(T.RParen, "expected ')' to end operand list");
    if (this.takeIf(T.LSquare)) frame.successors = this.#successors();
    if (this.takeIf(T.Less)) {
      frame.properties = this.dictionary();
      this.expect(T.Greater, "expected '>' to close properties");
    }
    if (this.takeIf(T.LParen)) frame.regions = this.#regions(frame.def!);
    if (this.isNext(T.LBrace)) frame.attributes = this.dictionary().attribute.entries;
    this.expect(T.Colon, "expected ':' followed by operation type");
    const at = this.token.startOffset;
    const op = this.#closeFrame(frame, this.typeHere(), start, at);
    this.#frameCount--;
    return op;
  }

  #successors(): Block[] {
    const list: Block[] = [];
    do list.push(this.successor());
    while (this.takeIf(T.Comma));
    this.expect(T.RSquare);
    return list;
  }

  #regions(def: OpInfo): Region[] {
    const list: Region[] = [];
    const isolated = def.has(Isolated);
    do list.push(this.region(none, isolated, def.spec.defaultDialect));
    while (this.takeIf(T.Comma));
    this.expect(T.RParen, "expected ')' to end region list");
    return list;
  }

  #openFrame(def: OpInfo): OpFrame {
    const level = this.#frameCount++;
    let frame = this.#frames[level];
    if (!frame) {
      frame = new OpFrame();
      this.#frames.push(frame);
    }
    return frame.reset(def);
  }

  #use(frame: OpFrame): void {
    const at = this.token.startOffset;
    this.expect(T.ValueId, "expected SSA operand");
    const i = frame.count++;
    frame.names[i] = this.keyAt(at + 1, this.beforeEnd);
    frame.numbers[i] = this.isNext(T.HashId) || this.isNext(T.Bad) ? this.#resultNumber() : 0;
    frame.places[i] = at;
  }

  #closeFrame(frame: OpFrame, type: Type, start: number, at: number): Operation {
    const { names, numbers, places, count } = frame;
    if (type.kind !== "function") return this.fail("parse/type", "expected function type", at, this.beforeEnd);
    const { inputs } = type;
    if (inputs.length !== count) {
      const types = count === 1 ? "operand type " : "operand types";
      this.fail("parse/type", `expected ${count} ${types} but had ${inputs.length}`, at);
    }
    const operands = count === 0 ? none : new Array<Value>(count);
    for (let i = 0; i < count; i++) operands[i] = this.names.use(names[i]!, numbers[i]!, inputs[i]!, places[i]!);
    frame.operands = operands;
    frame.resultTypes = type.results;
    return this.makeOp(frame.def!, frame, frame.properties, start);
  }

  protected makeOp(def: OpInfo, parsed: ParsedOp, properties: PropertyText | undefined, start: number): Operation {
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
      const home = this.context.dialects.get(def.dialect);
      if (home && !home.partial) {
        this.#unknownOfDialect(name, def.dialect, start, end);
        return def;
      }
    }
    return this.#defs.set(text, start, end, def);
  }

  /** The key of the name at `[start, end)`. */
  protected keyAt(start: number, end: number): NameKey {
    const { text } = this.source;
    const first = text.charCodeAt(start);
    if (first >= 0x30 && first <= 0x39) return keyIn(text, start, end);
    const hash = hashOf(text, start, end);
    const known = this.#keys.get(text, start, end, hash);
    if (known !== undefined) return known;
    const name = text.slice(start, end);
    // So many names are not those that a text comes back to.
    return this.#keys.size < NAMES_KEPT ? this.#keys.set(text, start, end, name, hash) : name;
  }

  /** MLIR's verifier says so; what the op is else is of no use, so reading goes on. */
  #unknownOfDialect(name: string, dialect: string, start: number, end: number): void {
    const message = `unregistered operation '${name}' found in dialect ('${dialect}') that does not allow unknown operations`;
    this.report(new Fault("parse/unknown-op", message, start, end, this.#didYouMean(name)));
  }

  #didYouMean(name: string): DiagnosticExtras {
    const near = nearestOp(name, this.context);
    return near === undefined ? {} : { help: `did you mean '${near}'?` };
  }

  #unknownOp(name: string, start: number, length: number): never {
    const dialect = name.slice(0, Math.max(0, name.indexOf(".")));
    const extras = this.#didYouMean(name);
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
  #customOperation(): Operation {
    if (!this.isWord()) this.wrongToken("expected operation name in quotes");
    const { image, startOffset } = this.token;
    this.consumeToken();
    return this.#custom(image, startOffset);
  }

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

  operand(): UnresolvedOperand {
    const at = this.token.startOffset;
    this.expect(T.ValueId, "expected SSA operand");
    return this.valueUse(at);
  }

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

  successor(): Block {
    const { startOffset: at, end } = this.token;
    this.expect(T.BlockId, "expected block name");
    return this.names.useBlock(this.source.text.slice(at + 1, end), at);
  }

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
