/** @file The grammar of a text: ops in generic form, regions, blocks, aliases, file metadata; and recovery from faults. */
import type { ParsedOp, UnresolvedOperand } from "../ir/asm.ts";
import type { Context } from "../ir/context.ts";
import { Block, type Operation, Region, type Value } from "../ir/core.ts";
import type { OpInfo } from "../ir/define.ts";
import { Isolated } from "../ir/traits.ts";
import type { Attribute, Type } from "../ir/types.ts";
import { Diagnostics } from "../support/diagnostic.ts";
import { type Location, span, unknownLocation } from "../support/location.ts";
import type { Source } from "../support/source.ts";
import { assemble, nearestOp } from "./assemble.ts";
import { AttributeGrammar } from "./attribute-grammar.ts";
import { stringValue } from "./literals.ts";
import { Names } from "./names.ts";
import { resumeAfter } from "./resume.ts";
import { Fault } from "./token-parser.ts";
import * as T from "./tokens.ts";

/** A text with more faults than this is read no further. */
const FAULT_LIMIT = 20;

/** An argument that a region starts with. */
export interface EntryArgument {
  readonly name: string;
  readonly at: number;
  readonly type: Type;
  readonly loc: Location;
}

/** Ends the reading of a text with too many faults. */
class TooManyFaults extends Error {}

const noEntry: readonly EntryArgument[] = [];

export abstract class OpGrammar extends AttributeGrammar {
  override context!: Context;
  protected diagnostics = new Diagnostics();
  readonly names = new Names((message, at, name, note) => {
    const notes = note ? [{ message: note.message, at: this.spanOf(note.at, note.at + 1) }] : [];
    const code = message.startsWith("redefinition") ? "parse/redefinition" : "parse/type";
    throw new Fault(code, message, at, at + name.length + 1, { notes });
  });
  #faults = 0;
  #lastFault = -1;
  /** The block that ops are appended to. */
  #block = new Block();
  /** Names on the left of `=` of the ops that are being read, innermost last. */
  readonly #resultNames: string[] = [];
  readonly #resultCounts: number[] = [];
  readonly #resultPlaces: number[] = [];
  readonly #defaultDialects: string[] = [];
  readonly #defs = new Map<string, OpInfo>();
  readonly #deferred = new Map<Location, { readonly name: string; readonly at: number }>();
  /** How many results the op at hand has by name; 0 if there is no `=`. */
  namedResults = 0;

  // --- the whole text -------------------------------------------------------------------------------------------

  /** Reads a text; answers its ops in a block, and whether it is free of faults. */
  readText(source: Source, context: Context, diagnostics: Diagnostics): Block | undefined {
    const before = diagnostics.errorCount;
    this.begin(source, context, diagnostics);
    const top = new Block();
    this.#block = top;
    this.names.enterRegion(true);
    try {
      this.file();
      this.#missingBlocks(this.names.leaveRegion());
      this.#undefinedNames();
      this.#settleLocations();
    } catch (e) {
      if (!(e instanceof TooManyFaults)) throw e;
      diagnostics.remark("parse/syntax", this.here(), `the text has ${FAULT_LIMIT} faults and is read no further`);
    }
    return diagnostics.errorCount === before ? top : undefined;
  }

  protected begin(source: Source, context: Context, diagnostics: Diagnostics): void {
    this.context = context;
    this.diagnostics = diagnostics;
    this.forgetNames();
    this.names.clear();
    this.#faults = 0;
    this.#lastFault = -1;
    this.#defs.clear();
    this.#deferred.clear();
    this.resources.length = 0;
    this.distinct.clear();
    this.#resultNames.length = this.#resultCounts.length = this.#resultPlaces.length = 0;
    this.#defaultDialects.length = 0;
    this.#defaultDialects.push("builtin");
    this.open(source);
  }

  protected readonly file = this.RULE("file", (): void => {
    do {
      this.MANY(() => {
        this.OR([{ ALT: () => this.SUBRULE(this.definition) }, { ALT: () => this.SUBRULE(this.statement) }]);
      });
    } while (this.ACTION(() => this.#stray(true)));
  });

  /** An alias or the file's metadata. */
  protected readonly definition = this.RULE("definition", (): void => {
    const mark = this.ACTION(() => this.#mark());
    try {
      this.OR([
        { ALT: () => this.SUBRULE(this.attributeDefinition) },
        { ALT: () => this.SUBRULE(this.typeDefinition) },
        { ALT: () => this.SUBRULE(this.metadata) },
      ]);
    } catch (e) {
      this.#recover(e, mark);
    }
  });

  protected readonly attributeDefinition = this.RULE("attributeDefinition", (): void => {
    const id = this.CONSUME(T.HashId);
    const name = this.ACTION(() => this.#aliasName(id.image, id.startOffset, "attribute")) ?? "";
    this.CONSUME(T.Equal, { ERR_MSG: "expected '=' in attribute alias definition" });
    const value = this.SUBRULE(this.attribute);
    this.ACTION(() => this.attributeAliases.set(name, value));
  });

  protected readonly typeDefinition = this.RULE("typeDefinition", (): void => {
    const id = this.CONSUME(T.TypeId);
    const name = this.ACTION(() => this.#aliasName(id.image, id.startOffset, "type")) ?? "";
    this.CONSUME(T.Equal, { ERR_MSG: "expected '=' in type alias definition" });
    const value = this.SUBRULE(this.type);
    this.ACTION(() => this.typeAliases.set(name, value));
  });

  #aliasName(image: string, at: number, what: "attribute" | "type"): string {
    const name = image.slice(1);
    const aliases: ReadonlyMap<string, unknown> = what === "type" ? this.typeAliases : this.attributeAliases;
    if (aliases.has(name)) {
      this.fail("parse/redefinition", `redefinition of ${what} alias id '${name}'`, at, at + image.length);
    }
    if (name.includes(".")) {
      this.fail(
        "parse/syntax",
        `${what} names with a '.' are reserved for dialect-defined names`,
        at,
        at + image.length,
      );
    }
    return name;
  }

  /** `{-# section: { group: { key: value } } #-}`. */
  protected readonly metadata = this.RULE("metadata", (): void => {
    this.CONSUME(T.MetadataOpen);
    this.MANY_SEP({
      SEP: T.Comma,
      DEF: () => {
        const sectionAt = this.token.startOffset;
        const section = this.SUBRULE(this.metadataKey);
        this.ACTION(() => this.resourceSection(section, sectionAt));
        this.CONSUME(T.LBrace);
        this.MANY_SEP2({
          SEP: T.Comma,
          DEF: () => {
            const groupAt = this.token.startOffset;
            const group = this.SUBRULE2(this.metadataKey);
            this.ACTION(() => this.resourceGroup(section, group, groupAt));
            this.CONSUME2(T.LBrace);
            this.ACTION(() => {
              if (this.isWord() || this.isNext(T.StringLiteral) || this.isNext(T.RBrace)) return;
              this.fail("parse/syntax", "expected identifier key for 'resource' entry");
            });
            this.MANY_SEP3({
              SEP: T.Comma,
              DEF: () => {
                const key = this.SUBRULE3(this.metadataKey);
                const at = this.token.startOffset;
                const value = this.SUBRULE(this.metadataValue);
                this.ACTION(() => this.resourceEntry(section, group, key, value, at));
              },
            });
            this.CONSUME2(T.RBrace);
          },
        });
        this.CONSUME(T.RBrace);
      },
    });
    this.CONSUME(T.MetadataClose, { ERR_MSG: "expected '#-}' at the end of the file metadata" });
  });

  protected readonly metadataKey = this.RULE("metadataKey", (): string => {
    const name = this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.string) },
        {
          ALT: () => {
            const word = this.CONSUME(T.Word);
            return this.ACTION(() => word.image);
          },
        },
      ],
      ERR_MSG: "identifier key in file metadata dictionary",
    });
    this.CONSUME(T.Colon);
    return name;
  });

  protected readonly metadataValue = this.RULE("metadataValue", (): string | boolean =>
    this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.string) },
        { ALT: () => this.consumeAs(T.Key.true, true) },
        { ALT: () => this.consumeAs(T.Key.false, false) },
      ],
      ERR_MSG: "string, 'true' or 'false'",
    }),
  );

  protected abstract resourceSection(section: string, at: number): void;
  protected abstract resourceGroup(section: string, group: string, at: number): void;
  protected abstract resourceEntry(
    section: string,
    group: string,
    key: string,
    value: string | boolean,
    at: number,
  ): void;

  // --- statements -------------------------------------------------------------------------------------------------

  protected readonly statements = this.RULE("statements", (): void => {
    do {
      this.MANY(() => this.SUBRULE(this.statement));
    } while (this.ACTION(() => this.#stray(false)));
  });

  protected readonly statement = this.RULE("statement", (): void => {
    const mark = this.ACTION(() => this.#mark());
    try {
      this.SUBRULE(this.operation);
    } catch (e) {
      this.#recover(e, mark);
    }
  });

  /** Something stands here that starts no statement and ends no block; it is reported and skipped. */
  #stray(top: boolean): boolean {
    if (this.isNext(T.End) || (!top && (this.isNext(T.RBrace) || this.isNext(T.BlockId)))) return false;
    const mark = this.#mark();
    try {
      this.wrongToken("expected operation name in quotes");
    } catch (e) {
      this.#recover(e, mark);
    }
    return true;
  }

  protected readonly operation = this.RULE("operation", (): Operation => {
    const names = this.#resultNames.length;
    this.OPTION(() => {
      this.SUBRULE(this.resultName);
      this.MANY(() => {
        this.CONSUME(T.Comma);
        this.SUBRULE2(this.resultName);
      });
      this.CONSUME(T.Equal, afterName);
    });
    this.ACTION(() => {
      this.namedResults = 0;
      for (let i = names; i < this.#resultCounts.length; i++) this.namedResults += this.#resultCounts[i]!;
    });
    const start = this.token.startOffset;
    const op = this.OR({
      DEF: [{ ALT: () => this.SUBRULE(this.genericOperation) }, { ALT: () => this.SUBRULE(this.customOperation) }],
      ERR_MSG: "operation name in quotes",
    });
    const loc = this.OPTION2(() => this.SUBRULE(this.location));
    return this.ACTION(() => this.#finish(op, start, names, loc));
  });

  protected readonly resultName = this.RULE("resultName", (): void => {
    const id = this.CONSUME(T.ValueId);
    const name = this.ACTION(() => id.image.slice(1)) ?? "";
    const at = id.startOffset;
    let count = 1;
    this.OPTION(() => {
      this.CONSUME(T.Colon);
      const number = this.CONSUME(T.Integer, { ERR_MSG: "expected integer number of results" });
      this.ACTION(() => {
        count = Number(number.image);
        if (!(count >= 1)) {
          this.fail("parse/syntax", "expected named operation to have at least 1 result", number.startOffset - 1);
        }
      });
    });
    this.ACTION(() => {
      this.#resultNames.push(name);
      this.#resultCounts.push(count);
      this.#resultPlaces.push(at);
    });
  });

  /** Names the results, gives the op its place, and puts it into its block. */
  #finish(op: Operation, start: number, names: number, loc: Location | undefined): Operation {
    op.loc = loc ?? this.spanOf(start, this.beforeEnd);
    const resultNames = this.#resultNames;
    const end = resultNames.length;
    if (end > names) {
      const { results } = op;
      const at = this.#resultPlaces[names]!;
      if (results.length === 0) this.fail("parse/syntax", "cannot name an operation with no results", at);
      let named = 0;
      for (let i = names; i < end; i++) named += this.#resultCounts[i]!;
      if (named !== results.length) {
        const message = `operation defines ${results.length} results but was provided ${named} to bind`;
        this.fail("parse/syntax", message, at);
      }
      let from = 0;
      for (let i = names; i < end; i++) {
        const count = this.#resultCounts[i]!;
        this.names.define(resultNames[i]!, results, from, count, this.#resultPlaces[i]!);
        from += count;
      }
      resultNames.length = this.#resultCounts.length = this.#resultPlaces.length = names;
    }
    this.#block.append(op);
    return op;
  }

  // --- ops --------------------------------------------------------------------------------------------------------

  protected readonly genericOperation = this.RULE("genericOperation", (): Operation => {
    const quoted = this.CONSUME(T.StringLiteral);
    const start = quoted.startOffset;
    const def = this.ACTION(() => this.#genericDef(quoted.image, start));
    return this.SUBRULE(this.genericRest, { ARGS: [def, start] });
  });

  /** A generic op behind its name. */
  protected readonly genericRest = this.RULE("genericRest", (def?: OpInfo, start = 0): Operation => {
    const operands: UnresolvedOperand[] = [];
    const inputs: Type[] = [];
    const resultTypes: Type[] = [];
    const successors: Block[] = [];
    const regions: Region[] = [];
    let properties: Map<string, Attribute> | undefined;
    let attributes: Map<string, Attribute> | undefined;
    this.CONSUME(T.LParen, operandsOpen);
    this.OPTION(() => {
      operands.push(this.SUBRULE(this.operand));
      this.MANY(() => {
        this.CONSUME(T.Comma);
        operands.push(this.SUBRULE2(this.operand));
      });
    });
    this.CONSUME(T.RParen, operandsClose);
    this.OPTION2(() => {
      this.CONSUME(T.LSquare);
      do {
        successors.push(this.SUBRULE(this.successor));
      } while (this.ACTION(() => this.takeIf(T.Comma)));
      this.CONSUME(T.RSquare);
    });
    this.OPTION3(() => {
      this.CONSUME(T.Less);
      properties = this.SUBRULE(this.dictionary);
      this.CONSUME(T.Greater, { ERR_MSG: "expected '>' to close properties" });
    });
    this.OPTION4(() => {
      this.CONSUME2(T.LParen);
      const isolated = this.ACTION(() => def!.has(Isolated)) ?? false;
      do {
        regions.push(this.SUBRULE(this.region, { ARGS: [noEntry, isolated, def?.spec.defaultDialect] }));
      } while (this.ACTION(() => this.takeIf(T.Comma)));
      this.CONSUME2(T.RParen, { ERR_MSG: "expected ')' to end region list" });
    });
    this.OPTION5(() => {
      attributes = this.SUBRULE2(this.dictionary);
    });
    this.CONSUME(T.Colon, operationType);
    const at = this.token.startOffset;
    this.ACTION(() => {
      if (!this.isNext(T.LParen)) this.#noFunctionType();
    });
    this.SUBRULE(this.signature, { ARGS: [inputs, resultTypes] });
    return this.ACTION(() => {
      const count = operands.length;
      if (inputs.length !== count) {
        const types = count === 1 ? "operand type " : "operand types";
        this.fail("parse/type", `expected ${count} ${types} but had ${inputs.length}`, at);
      }
      const values = new Array<Value>(count);
      for (let i = 0; i < count; i++) values[i] = this.resolve(operands[i]!, inputs[i]!);
      return this.makeOp(def!, { operands: values, resultTypes, successors, regions, attributes }, properties, start);
    });
  });

  #noFunctionType(): never {
    const at = this.token.startOffset;
    this.type();
    return this.fail("parse/type", "expected function type", at, this.beforeEnd);
  }

  protected makeOp(
    def: OpInfo,
    parsed: ParsedOp,
    properties: ReadonlyMap<string, Attribute> | undefined,
    start: number,
  ): Operation {
    return assemble(def, parsed, properties, unknownLocation, (code, message) =>
      this.report(new Fault(code, message, start, this.nameEnd(start))),
    );
  }

  /** Where the op name at an offset ends. */
  nameEnd(start: number): number {
    NAME.lastIndex = start;
    return NAME.test(this.source.text) ? NAME.lastIndex : start + 1;
  }

  #genericDef(image: string, start: number): OpInfo {
    let def = this.#defs.get(image);
    if (def) return def;
    const name = stringValue(image);
    if (name === "") return this.fail("parse/syntax", "empty operation name is invalid", start, start + 2);
    def = this.context.op(name);
    if (!def) {
      if (!this.context.allowUnregistered) this.#unknownOp(name, start, image.length);
      def = this.context.opOrOpaque(name);
    }
    this.#defs.set(image, def);
    return def;
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
    return this.ACTION(() => this.#custom(word.image, word.startOffset));
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
    const dialects = this.#defaultDialects;
    const full = word.includes(".") ? word : `${dialects[dialects.length - 1]}.${word}`;
    const def = this.context.op(full) ?? this.context.op(word);
    if (def) {
      dialects.push(def.spec.defaultDialect ?? "");
      const op = this.readCustom(def, start);
      dialects.pop();
      return op;
    }
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

  // --- values and blocks ----------------------------------------------------------------------------------------

  readonly operand = this.RULE("operand", (): UnresolvedOperand => {
    const id = this.CONSUME(T.ValueId, wantedOperand);
    return this.ACTION(() => this.valueUse(id.startOffset));
  });

  override valueUse(at: number): UnresolvedOperand {
    const end = this.beforeEnd;
    const { text } = this.source;
    let number = 0;
    // `#1` follows without a blank.
    if (this.isNext(T.HashId)) {
      const digits = this.token.image.slice(1);
      number = Number(digits);
      if (!Number.isInteger(number)) this.fail("parse/syntax", "expected SSA operand number");
      this.consumeToken();
    } else if (this.isNext(T.Bad) && text.charCodeAt(this.token.startOffset) === 0x23) {
      this.wrongToken("invalid SSA operand number");
    }
    return new Use(text.slice(at + 1, end), number, at, this.source);
  }

  resolve(operand: UnresolvedOperand, type: Type): Value {
    return this.names.use(operand.name, operand.number, type, (operand as Use).offset);
  }

  readonly successor = this.RULE("successor", (): Block => {
    const id = this.CONSUME(T.BlockId, { ERR_MSG: "expected block name" });
    return this.ACTION(() => this.names.useBlock(id.image.slice(1), id.startOffset));
  });

  /** A region in braces; `entry` are the arguments of its first block. */
  readonly region = this.RULE(
    "region",
    (entry: readonly EntryArgument[] = noEntry, isolated = false, defaultDialect?: string): Region => {
      const open = this.CONSUME(T.LBrace, regionOpen).startOffset;
      const region = this.ACTION(() => new Region()) as Region;
      const outer = this.#block;
      this.ACTION(() => {
        this.enter();
        this.names.enterRegion(isolated);
        this.#defaultDialects.push(defaultDialect ?? "");
        this.#enterEntry(region, entry);
      });
      this.SUBRULE(this.statements);
      this.ACTION(() => this.#dropEmptyEntry(region, entry));
      this.MANY(() => {
        this.SUBRULE(this.blockLabel, { ARGS: [region] });
        this.SUBRULE2(this.statements);
      });
      this.ACTION(() => {
        if (!this.isNext(T.RBrace)) this.#unclosed(open);
      });
      this.CONSUME(T.RBrace);
      this.ACTION(() => {
        this.#defaultDialects.pop();
        this.#missingBlocks(this.names.leaveRegion());
        this.#block = outer;
        this.leave();
      });
      return region;
    },
  );

  /** MLIR says only what it wants at the end of the text; where the region began is more use. */
  #unclosed(open: number): never {
    const at = this.beforeEnd;
    const notes = [{ message: "the region that opens here is not closed", at: this.spanOf(open, open + 1) }];
    throw new Fault("parse/syntax", "expected operation name in quotes", at, at + 1, { notes });
  }

  #enterEntry(region: Region, entry: readonly EntryArgument[]): void {
    if (entry.length > 0 && this.isNext(T.BlockId)) {
      this.fail("parse/syntax", "invalid block name in region with named arguments");
    }
    const block = new Block();
    for (const a of entry) {
      const value = block.addArgument(a.type, a.loc);
      this.names.define(a.name, [value], 0, 1, a.at);
    }
    region.append(block);
    this.#block = block;
  }

  /** The block before the first label counts only if something stands in it. */
  #dropEmptyEntry(region: Region, entry: readonly EntryArgument[]): void {
    const { entry: block } = region;
    if (block.isEmpty && entry.length === 0) region.remove(block);
  }

  #missingBlocks(missing: readonly { readonly name: string; readonly at: number }[]): void {
    for (const { name, at } of missing) {
      this.report(new Fault("parse/undefined-name", "reference to an undefined block", at, at + name.length + 1));
    }
  }

  /** `^bb(%a: T):`. */
  protected readonly blockLabel = this.RULE("blockLabel", (region?: Region): void => {
    const mark = this.ACTION(() => this.#mark());
    try {
      const id = this.CONSUME(T.BlockId);
      const block = this.ACTION(() => {
        const made = this.names.defineBlock(id.image.slice(1), id.startOffset);
        region!.append(made);
        this.#block = made;
        return made;
      });
      this.OPTION(() => {
        this.CONSUME(T.LParen);
        this.OPTION2(() => {
          this.SUBRULE(this.blockArgument, { ARGS: [block] });
          this.MANY(() => {
            this.CONSUME(T.Comma);
            this.SUBRULE2(this.blockArgument, { ARGS: [block] });
          });
        });
        this.CONSUME(T.RParen);
      });
      this.CONSUME(T.Colon, { ERR_MSG: "expected ':' after block name" });
    } catch (e) {
      const block = this.#block;
      this.#recover(e, mark);
      this.#block = block;
    }
  });

  protected readonly blockArgument = this.RULE("blockArgument", (block?: Block): void => {
    const id = this.CONSUME(T.ValueId, wantedOperand);
    const at = id.startOffset;
    const end = this.beforeEnd;
    this.CONSUME(T.Colon, { ERR_MSG: "expected ':' and type for SSA operand" });
    const type = this.SUBRULE(this.type);
    const loc = this.OPTION(() => this.SUBRULE(this.location));
    this.ACTION(() => {
      const value = block!.addArgument(type, loc ?? this.spanOf(at, end));
      this.names.define(this.source.text.slice(at + 1, end), [value], 0, 1, at);
    });
  });

  // --- locations that are defined at the end --------------------------------------------------------------------

  protected override locationAlias(name: string, at: number): Location {
    const found = this.attributeAliases.get(name);
    if (found) return super.locationAlias(name, at);
    const later: Location = { kind: "unknown" };
    this.#deferred.set(later, { name, at });
    return later;
  }

  #settleLocations(): void {
    for (const [later, { name, at }] of this.#deferred) {
      const found = this.attributeAliases.get(name);
      if (found?.kind === "location") Object.assign(later, found.location);
      else {
        const message = found ? `expected location, but found '${name}'` : "operation location alias was never defined";
        this.report(new Fault("parse/undefined-name", message, at, at + name.length + 1));
      }
    }
  }

  #undefinedNames(): void {
    for (const { name, at } of this.names.undefinedUses()) {
      this.report(new Fault("parse/undefined-name", "use of undeclared SSA value name", at, at + name.length + 1));
    }
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

  /** What has to be as it was when a statement is given up. */
  #mark(): Mark {
    return {
      start: this.token.startOffset,
      depth: this.depth,
      block: this.#block,
      regions: this.names.depth,
      results: this.#resultNames.length,
      dialects: this.#defaultDialects.length,
    };
  }

  #recover(thrown: unknown, mark: Mark): void {
    const fault = this.faultOf(thrown);
    this.report(fault);
    this.depth = mark.depth;
    this.#block = mark.block;
    this.names.leaveTo(mark.regions);
    this.#defaultDialects.length = mark.dialects;
    for (let i = mark.results; i < this.#resultNames.length; i++) {
      this.names.poison(this.#resultNames[i]!, this.#resultPlaces[i]!);
    }
    this.#resultNames.length = this.#resultCounts.length = this.#resultPlaces.length = mark.results;
    const { offset, lost } = resumeAfter(this.source.text, mark.start, fault.start);
    for (const name of lost) this.names.poison(name, fault.start);
    this.goto(offset);
  }
}

interface Mark {
  readonly start: number;
  readonly depth: number;
  readonly block: Block;
  readonly regions: number;
  readonly results: number;
  readonly dialects: number;
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

const afterName = { ERR_MSG: "expected '=' after SSA name" };
const operandsOpen = { ERR_MSG: "expected '(' to start operand list" };
const operandsClose = { ERR_MSG: "expected ')' to end operand list" };
const operationType = { ERR_MSG: "expected ':' followed by operation type" };
const wantedOperand = { ERR_MSG: "expected SSA operand" };
const regionOpen = { ERR_MSG: "expected '{' to begin a region" };
