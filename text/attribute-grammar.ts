/** @file The grammar of attributes and locations. */

import type { Attribute, Type } from "../ir/types.ts";
import * as types from "../ir/types.ts";
import type { Location } from "../support/location.ts";
import { unknownLocation } from "../support/location.ts";
import { PropertyText } from "./assemble.ts";
import { LiteralGrammar } from "./literal-grammar.ts";
import { dialectText, scalarType, stringValue, symbolValue } from "./literals.ts";
import { openAliases } from "./opaque.ts";
import { hashOf, TextCache } from "./text-cache.ts";
import * as T from "./tokens.ts";

const trueAttribute = types.boolAttribute(true);
const indices = (...tokens: readonly { readonly tokenTypeIdx?: number }[]): ReadonlySet<number> =>
  new Set(tokens.map((t) => t.tokenTypeIdx!));
const { tensor, vector, memref, complex, tuple, none } = T.Key;
const typeStarts = indices(T.LParen, T.TypeId, tensor, vector, memref, complex, tuple, none);
const attributeStarts = indices(
  T.SymbolId,
  T.FloatLiteral,
  T.Integer,
  T.HashId,
  T.LBrace,
  T.LSquare,
  T.Minus,
  T.StringLiteral,
  ...(["affine_map", "affine_set", "dense", "dense_resource", "false", "loc", "sparse", "true", "unit"] as const).map(
    (k) => T.Key[k],
  ),
  ...(["array", "strided", "distinct"] as const).map((k) => T.Key[k]),
);
const falseAttribute = types.boolAttribute(false);

export abstract class AttributeGrammar extends LiteralGrammar {
  /** What each distinct attribute of this text wraps. */
  protected readonly distinct = new Map<bigint, string>();

  protected override attributeRule(): Attribute {
    return this.SUBRULE(this.attribute);
  }

  /** The type of the literal that is wanted next, where it does not spell it. */
  protected wanted: Type | undefined;

  protected override takeWanted(): Type | undefined {
    const type = this.wanted;
    this.wanted = undefined;
    return type;
  }

  /** Any attribute. With `type` given, literals are of that type and do not spell it. */
  readonly attribute = this.RULE("attribute", (type?: Type): Attribute => {
    this.enter();
    this.wanted = type;
    const value = this.OR(this.#any);
    this.leave();
    return value;
  });
  readonly #any = {
    DEF: [
      { ALT: (): Attribute => this.SUBRULE(this.numberAttribute) },
      { ALT: (): Attribute => this.SUBRULE(this.stringAttribute) },
      { ALT: (): Attribute => this.SUBRULE(this.symbolAttribute) },
      { ALT: (): Attribute => this.SUBRULE(this.arrayAttribute) },
      { ALT: (): Attribute => this.SUBRULE(this.dictionaryAttribute) },
      { ALT: (): Attribute => this.SUBRULE(this.dialectAttribute) },
      { ALT: (): Attribute => this.consumeAs(T.Key.true, trueAttribute) },
      { ALT: (): Attribute => this.consumeAs(T.Key.false, falseAttribute) },
      { ALT: (): Attribute => this.consumeAs(T.Key.unit, types.unitAttribute) },
      { ALT: (): Attribute => this.SUBRULE(this.denseLiteral) },
      { ALT: (): Attribute => this.SUBRULE(this.sparseLiteral) },
      { ALT: (): Attribute => this.SUBRULE(this.denseResource) },
      { ALT: (): Attribute => this.SUBRULE(this.denseArray) },
      { ALT: (): Attribute => this.SUBRULE(this.affineMapAttribute) },
      { ALT: (): Attribute => this.SUBRULE(this.affineSetAttribute) },
      { ALT: (): Attribute => this.SUBRULE(this.stridedLayout) },
      { ALT: (): Attribute => this.SUBRULE(this.distinctAttribute) },
      { ALT: (): Attribute => this.SUBRULE(this.locationAttribute) },
      { ALT: (): Attribute => this.SUBRULE(this.typeAttribute), IGNORE_AMBIGUITIES: true },
    ] as { ALT: () => Attribute; IGNORE_AMBIGUITIES?: boolean }[],
    ERR_MSG: "attribute value",
  };

  protected readonly typeAttribute = this.RULE("typeAttribute", (): Attribute => {
    if (!this.RECORDING_PHASE) this.#mustStartType();
    const type = this.SUBRULE(this.type);
    return { kind: "type", type };
  });

  protected readonly stringAttribute = this.RULE("stringAttribute", (): Attribute => {
    const known = this.takeWanted() !== undefined;
    const value = this.SUBRULE(this.string);
    const type = known ? undefined : this.OPTION(this.colonType);
    return type && type.kind !== "none" ? { kind: "string", value, type } : { kind: "string", value };
  });

  /** `@a::@b`. */
  protected readonly symbolAttribute = this.RULE("symbolAttribute", (): Attribute => {
    const root = this.SUBRULE(this.symbolName);
    const nested: string[] = [];
    this.MANY({
      GATE: () => this.source.text.startsWith("::", this.token.startOffset),
      DEF: () => {
        this.CONSUME(T.Colon);
        this.CONSUME2(T.Colon);
        this.ACTION(() => {
          if (!this.isNext(T.SymbolId)) this.wrongToken("expected nested symbol reference identifier");
        });
        nested.push(this.SUBRULE2(this.symbolName));
      },
    });
    return { kind: "symbol", root, nested };
  });

  readonly symbolName = this.RULE("symbolName", (): string => {
    const token = this.CONSUME(T.SymbolId);
    return this.ACTION(() => symbolValue(token.image));
  });

  protected readonly arrayAttribute = this.RULE("arrayAttribute", (): Attribute => {
    const elements: Attribute[] = [];
    this.CONSUME(T.LSquare);
    this.OPTION({
      GATE: () => !this.isNext(T.RSquare),
      DEF: () => {
        elements.push(this.SUBRULE(this.attribute));
        this.MANY(() => {
          this.CONSUME(T.Comma);
          elements.push(this.SUBRULE2(this.attribute));
        });
      },
    });
    this.CONSUME(T.RSquare, { ERR_MSG: "expected ',' or ']'" });
    return { kind: "array", elements };
  });

  protected readonly dictionaryAttribute = this.RULE("dictionaryAttribute", (): Attribute => {
    const start = this.token.startOffset;
    this.CONSUME(T.LBrace);
    return this.RECORDING_PHASE ? types.unitAttribute : this.#dictionaryFrom(start).attribute;
  });

  /** `{name = value, flag}`. The same text gives the same entries. */
  dictionary(): PropertyText {
    const start = this.token.startOffset;
    const { lexer } = this;
    const end = this.isNext(T.LBrace) ? lexer.dictionaryEnd(start) : -1;
    const known = end < 0 ? undefined : this.#dictionaries.get(this.source.text, start, end, lexer.hash);
    if (known) {
      this.jump(start, end);
      return known;
    }
    this.expect(T.LBrace);
    return this.#dictionaryFrom(start);
  }

  /** A dictionary whose opening brace at `start` is taken. */
  #dictionaryFrom(start: number): PropertyText {
    const entries = new Map<string, Attribute>();
    if (!this.isNext(T.RBrace)) {
      do this.#entry(entries);
      while (this.takeIf(T.Comma));
    }
    this.expect(T.RBrace, "expected '}' in attribute dictionary");
    return this.#dictionaries.set(this.source.text, start, this.beforeEnd, new PropertyText(entries));
  }

  readonly #dictionaries = new TextCache<PropertyText>();
  /** Names and values of entries, as far as this text has spelt them: the same text gives the same value. */
  readonly #entryNames = new TextCache<string>();
  readonly #entryValues = new TextCache<Attribute>();

  protected override forgetNames(): void {
    super.forgetNames();
    this.#dictionaries.clear();
    this.#entryNames.clear();
    this.#entryValues.clear();
  }

  #entry(entries: Map<string, Attribute>): void {
    const start = this.token.startOffset;
    const name = this.#entryName();
    if (entries.has(name)) {
      const message = `duplicate key '${name}' in dictionary attribute`;
      this.fail("parse/redefinition", message, start, this.beforeEnd);
    }
    entries.set(name, this.takeIf(T.Equal) ? this.#entryValue() : types.unitAttribute);
  }

  #entryName(): string {
    const { startOffset: start, end } = this.token;
    const isString = this.isNext(T.StringLiteral);
    if (!isString && !this.isWord()) this.wrongToken("expected attribute name");
    const { text } = this.source;
    const hash = hashOf(text, start, end);
    let name = this.#entryNames.get(text, start, end, hash);
    if (name === undefined) {
      const image = text.slice(start, end);
      name = this.#entryNames.set(text, start, end, isString ? stringValue(image) : image, hash);
    }
    this.consumeToken();
    if (name === "") this.fail("parse/attribute", "expected valid attribute name", start);
    return name;
  }

  #entryValue(): Attribute {
    const start = this.token.startOffset;
    const { text } = this.source;
    const { lexer } = this;
    const end = lexer.entryEnd(start);
    const known = end < 0 ? undefined : this.#entryValues.get(text, start, end, lexer.hash);
    if (known) {
      this.jump(start, end);
      return known;
    }
    const value = this.attribute();
    // A piece that ends elsewhere was no guess at this value.
    if (this.beforeEnd === end) this.#entryValues.set(text, start, end, value);
    return value;
  }

  /** `#alias`, `#dialect.name<…>`, `#dialect<…>`. */
  protected readonly dialectAttribute = this.RULE("dialectAttribute", (): Attribute => {
    const type = this.takeWanted();
    const id = this.CONSUME(T.HashId);
    const start = id.startOffset;
    const name = this.ACTION(() => id.image) ?? "";
    const body = this.ACTION(() => this.dialectBody());
    const isAlias = body === undefined && !name.includes(".");
    if (isAlias && name !== "") return this.ACTION(() => this.attributeAlias(name.slice(1)));
    const given = type ?? this.OPTION(this.colonType);
    return this.ACTION(() => {
      const dot = name.indexOf(".");
      this.checkDialect(dot < 0 ? name.slice(1) : name.slice(1, dot), start);
      const text = name + (body === undefined ? "" : dot < 0 ? dialectText(body) : `<${body}>`);
      const opened = openAliases(text, this.attributeAliases, this.typeAliases);
      return { kind: "opaque", ...opened, ...(given && { type: given }) };
    });
  });

  protected attributeAlias(name: string): Attribute {
    const found = this.attributeAliases.get(name);
    if (found) return found;
    return this.wrongToken(`undefined symbol alias id '${name}'`, "parse/undefined-name");
  }

  readonly affineMapAttribute = this.RULE("affineMapAttribute", (): Attribute => {
    this.CONSUME(T.Key.affine_map);
    this.CONSUME(T.Less, { ERR_MSG: "expected '<' in affine map" });
    const map = this.SUBRULE(this.affineMapBody);
    this.CONSUME(T.Greater);
    return { kind: "map", map };
  });

  readonly affineSetAttribute = this.RULE("affineSetAttribute", (): Attribute => {
    this.CONSUME(T.Key.affine_set);
    this.CONSUME(T.Less, { ERR_MSG: "expected '<' in integer set" });
    const set = this.SUBRULE(this.affineSetBody);
    this.CONSUME(T.Greater);
    return { kind: "set", set };
  });

  /** `strided<[1, ?], offset: ?>`. */
  protected readonly stridedLayout = this.RULE("stridedLayout", (): Attribute => {
    const strides: number[] = [];
    let offset = 0;
    const at = this.CONSUME(T.Key.strided).startOffset;
    this.CONSUME(T.Less, { ERR_MSG: "expected '<' after 'strided'" });
    this.CONSUME(T.LSquare);
    this.OPTION({
      GATE: () => !this.isNext(T.RSquare),
      DEF: () => {
        strides.push(this.SUBRULE(this.stride));
        this.MANY(() => {
          this.CONSUME(T.Comma);
          strides.push(this.SUBRULE2(this.stride));
        });
      },
    });
    this.CONSUME(T.RSquare);
    this.OPTION2(() => {
      this.CONSUME2(T.Comma);
      this.CONSUME(T.Key.offset, { ERR_MSG: "expected 'offset' after comma" });
      this.CONSUME(T.Colon, { ERR_MSG: "expected ':' after 'offset'" });
      offset = this.SUBRULE3(this.stride);
    });
    this.CONSUME(T.Greater);
    this.ACTION(() => {
      if (strides.includes(0)) this.fail("parse/attribute", "strides must not be zero", at, this.beforeEnd);
    });
    return { kind: "strided", strides, offset };
  });

  protected readonly stride = this.RULE("stride", (): number =>
    this.OR({
      DEF: [
        { ALT: () => this.consumeAs(T.Question, types.dynamic) },
        {
          ALT: () => {
            const negative = this.OPTION(() => this.CONSUME(T.Minus)) !== undefined;
            const token = this.CONSUME(T.Integer);
            return this.ACTION(() => Number(token.image) * (negative ? -1 : 1));
          },
        },
      ],
      ERR_MSG: "a 64-bit signed integer or '?'",
    }),
  );

  /** `distinct[0]<attribute>`, kept as text. */
  protected readonly distinctAttribute = this.RULE("distinctAttribute", (): Attribute => {
    const start = this.token.startOffset;
    this.CONSUME(T.Key.distinct);
    this.CONSUME(T.LSquare, { ERR_MSG: "expected '[' after 'distinct'" });
    const id = this.CONSUME(T.Integer, { ERR_MSG: "expected distinct ID" });
    const number = this.ACTION(() => this.#distinctId(id.image));
    this.CONSUME(T.RSquare, { ERR_MSG: "expected ']' to close distinct ID" });
    this.CONSUME(T.Less, { ERR_MSG: "expected '<' after distinct ID" });
    this.OPTION({ GATE: () => !this.isNext(T.Greater), DEF: () => this.SUBRULE(this.attribute) });
    this.CONSUME(T.Greater, { ERR_MSG: "expected '>' to close distinct attribute" });
    return this.ACTION(() => {
      const text = this.source.text.slice(start, this.beforeEnd);
      this.#sameDistinct(number, text, start);
      return { kind: "opaque", ...openAliases(text, this.attributeAliases, this.typeAliases) };
    });
  });

  #distinctId(image: string): bigint {
    const id = BigInt(image);
    if (id >> 64n) this.fail("parse/attribute", "expected an unsigned 64-bit integer");
    return id;
  }

  #sameDistinct(id: bigint, text: string, at: number): void {
    const before = this.distinct.get(id);
    if (before === undefined) this.distinct.set(id, text);
    else if (before !== text) {
      const message = `referenced attribute does not match previous definition: ${before}`;
      this.fail("parse/attribute", message, at, this.beforeEnd);
    }
  }

  // --- locations ----------------------------------------------------------------------------------------------

  protected readonly locationAttribute = this.RULE("locationAttribute", (): Attribute => {
    const location = this.SUBRULE(this.location);
    return { kind: "location", location };
  });

  /** `loc(…)`. */
  readonly location = this.RULE("location", (): Location => {
    this.CONSUME(T.Key.loc);
    this.CONSUME(T.LParen, { ERR_MSG: "expected '(' in location" });
    const inner = this.SUBRULE(this.locationBody);
    this.CONSUME(T.RParen, { ERR_MSG: "expected ')' in location" });
    return inner;
  });

  protected readonly locationBody = this.RULE("locationBody", (): Location => {
    this.ACTION(() => this.enter());
    const inner = this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.namedLocation) },
        { ALT: () => this.SUBRULE(this.callLocation) },
        { ALT: () => this.SUBRULE(this.fusedLocation) },
        { ALT: () => this.SUBRULE(this.aliasLocation) },
        { ALT: () => this.SUBRULE(this.unknownLocation), IGNORE_AMBIGUITIES: true },
      ],
      ERR_MSG: "location instance",
    });
    this.ACTION(() => this.leave());
    return inner;
  });

  /** `"file":1:2`, `"name"`, `"name"(child)`. */
  protected readonly namedLocation = this.RULE("namedLocation", (): Location => {
    const name = this.SUBRULE(this.string);
    let result: Location = { kind: "name", name };
    this.OPTION(() => {
      result = this.OR([
        {
          ALT: () => {
            this.CONSUME(T.Colon);
            const line = this.SUBRULE(this.lineNumber);
            this.CONSUME2(T.Colon, { ERR_MSG: "expected ':' in FileLineColLoc" });
            const column = this.SUBRULE2(this.lineNumber);
            this.ACTION(() => this.#rangeEnd());
            return { kind: "file" as const, file: name, line, column };
          },
        },
        {
          ALT: () => {
            this.CONSUME(T.LParen);
            const child = this.SUBRULE(this.locationBody);
            this.CONSUME(T.RParen, { ERR_MSG: "expected ')' after child location of NameLoc" });
            return { kind: "name" as const, name, child };
          },
        },
      ]);
    });
    return result;
  });

  /** `to 3:4` or `to :4`, which MLIR 22 writes behind a place. Only where the range begins is kept. */
  #rangeEnd(): void {
    if (!this.isWord() || !this.isWordOf("to")) return;
    this.consumeToken();
    this.takeIf(T.Integer);
    this.expect(T.Colon);
    this.expect(T.Integer, "expected integer column number in FileLineColRange");
  }

  protected readonly lineNumber = this.RULE("lineNumber", (): number => {
    const token = this.CONSUME(T.Integer, { ERR_MSG: "expected integer line number in FileLineColLoc" });
    return this.ACTION(() => Number(token.image));
  });

  protected readonly callLocation = this.RULE("callLocation", (): Location => {
    this.CONSUME(T.Key.callsite);
    this.CONSUME(T.LParen);
    const callee = this.SUBRULE(this.locationBody);
    this.CONSUME(T.Key.at, { ERR_MSG: "expected 'at' in callsite location" });
    const caller = this.SUBRULE2(this.locationBody);
    this.CONSUME(T.RParen);
    return { kind: "call", callee, caller };
  });

  protected readonly fusedLocation = this.RULE("fusedLocation", (): Location => {
    this.CONSUME(T.Key.fused);
    let metadata: string | undefined;
    this.OPTION(() => {
      this.CONSUME(T.Less);
      const start = this.token.startOffset;
      this.SUBRULE(this.attribute);
      metadata = this.ACTION(() => this.source.text.slice(start, this.beforeEnd));
      this.CONSUME(T.Greater, { ERR_MSG: "expected '>' after fused location metadata" });
    });
    const locations: Location[] = [];
    this.CONSUME(T.LSquare, { ERR_MSG: "expected '[' in fused location" });
    this.MANY_SEP({ SEP: T.Comma, DEF: () => locations.push(this.SUBRULE(this.locationBody)) });
    this.CONSUME(T.RSquare, { ERR_MSG: "expected ']' in fused location" });
    return metadata === undefined ? { kind: "fused", locations } : { kind: "fused", locations, metadata };
  });

  protected readonly aliasLocation = this.RULE("aliasLocation", (): Location => {
    const id = this.CONSUME(T.HashId);
    return this.ACTION(() => this.locationAlias(id.image.slice(1), id.startOffset));
  });

  protected locationAlias(name: string, _at: number): Location {
    const attribute = this.attributeAlias(name);
    if (attribute.kind === "location") return attribute.location;
    return this.wrongToken(`expected location, but found '${name}'`, "parse/attribute");
  }

  protected readonly unknownLocation = this.RULE("unknownLocation", (): Location => {
    this.ACTION(() => {
      if (!this.isWordOf("unknown")) this.wrongToken("expected location instance");
    });
    return this.consumeAs(T.Word, unknownLocation);
  });

  // --- what starts what ---------------------------------------------------------------------------------------

  #mustStartType(): void {
    // A word that is no type is no attribute either; MLIR says so behind the token before it.
    if (!this.startsType()) this.wrongToken("expected attribute value");
  }

  /** The next token may start a type. */
  override startsType(): boolean {
    const { token } = this;
    if (token.tokenTypeIdx === T.Word.tokenTypeIdx) return scalarType(token.image) !== undefined;
    return typeStarts.has(token.tokenTypeIdx);
  }

  startsAttribute(): boolean {
    return attributeStarts.has(this.token.tokenTypeIdx) || this.startsType();
  }
}
