/** @file The grammar of attributes and locations. */

import type { Attribute, Type } from "../ir/types.ts";
import * as types from "../ir/types.ts";
import type { Location } from "../support/location.ts";
import { unknownLocation } from "../support/location.ts";
import { LiteralGrammar } from "./literal-grammar.ts";
import { dialectText, scalarType, symbolValue } from "./literals.ts";
import { openAliases } from "./opaque.ts";
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

  /** Any attribute. With `type` given, literals are of that type and do not spell it. */
  readonly attribute = this.RULE("attribute", (type?: Type): Attribute => {
    this.ACTION(() => this.enter());
    const value = this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.numberAttribute, { ARGS: [type] }) },
        { ALT: () => this.SUBRULE(this.stringAttribute, { ARGS: [type] }) },
        { ALT: () => this.SUBRULE(this.symbolAttribute) },
        { ALT: () => this.SUBRULE(this.arrayAttribute) },
        { ALT: () => this.SUBRULE(this.dictionaryAttribute) },
        { ALT: () => this.SUBRULE(this.dialectAttribute, { ARGS: [type] }) },
        { ALT: () => this.consumeAs(T.Key.true, trueAttribute) },
        { ALT: () => this.consumeAs(T.Key.false, falseAttribute) },
        { ALT: () => this.consumeAs(T.Key.unit, types.unitAttribute) },
        { ALT: () => this.SUBRULE(this.denseLiteral, { ARGS: [type] }) },
        { ALT: () => this.SUBRULE(this.sparseLiteral, { ARGS: [type] }) },
        { ALT: () => this.SUBRULE(this.denseResource, { ARGS: [type] }) },
        { ALT: () => this.SUBRULE(this.denseArray) },
        { ALT: () => this.SUBRULE(this.affineMapAttribute) },
        { ALT: () => this.SUBRULE(this.affineSetAttribute) },
        { ALT: () => this.SUBRULE(this.stridedLayout) },
        { ALT: () => this.SUBRULE(this.distinctAttribute) },
        { ALT: () => this.SUBRULE(this.locationAttribute) },
        { ALT: () => this.SUBRULE(this.typeAttribute), IGNORE_AMBIGUITIES: true },
      ],
      ERR_MSG: "attribute value",
    });
    this.ACTION(() => this.leave());
    return value;
  });

  protected readonly typeAttribute = this.RULE("typeAttribute", (): Attribute => {
    this.ACTION(() => this.#mustStartType());
    const type = this.SUBRULE(this.type);
    return { kind: "type", type };
  });

  protected readonly stringAttribute = this.RULE("stringAttribute", (type?: Type): Attribute => {
    const value = this.SUBRULE(this.string);
    if (type) return { kind: "string", value };
    const given = this.OPTION(() => {
      this.CONSUME(T.Colon);
      return this.SUBRULE(this.type);
    });
    return given && given.kind !== "none" ? { kind: "string", value, type: given } : { kind: "string", value };
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
    const entries = this.SUBRULE(this.dictionary);
    return { kind: "dictionary", entries };
  });

  /** `{name = value, flag}`. */
  readonly dictionary = this.RULE("dictionary", (): Map<string, Attribute> => {
    const entries = new Map<string, Attribute>();
    this.CONSUME(T.LBrace);
    this.OPTION({
      GATE: () => !this.isNext(T.RBrace),
      DEF: () => {
        this.SUBRULE(this.entry, { ARGS: [entries] });
        this.MANY(() => {
          this.CONSUME(T.Comma);
          this.SUBRULE2(this.entry, { ARGS: [entries] });
        });
      },
    });
    this.CONSUME(T.RBrace, { ERR_MSG: "expected '}' in attribute dictionary" });
    return entries;
  });

  protected readonly entry = this.RULE("entry", (into?: Map<string, Attribute>): void => {
    const start = this.token.startOffset;
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
      ERR_MSG: "attribute name",
    });
    this.ACTION(() => {
      if (name === "") this.fail("parse/attribute", "expected valid attribute name", start);
      if (into?.has(name)) {
        const message = `duplicate key '${name}' in dictionary attribute`;
        this.fail("parse/redefinition", message, start, this.beforeEnd);
      }
    });
    let value: Attribute = types.unitAttribute;
    this.OPTION(() => {
      this.CONSUME(T.Equal);
      value = this.SUBRULE(this.attribute);
    });
    into?.set(name, value);
  });

  /** `#alias`, `#dialect.name<…>`, `#dialect<…>`. */
  protected readonly dialectAttribute = this.RULE("dialectAttribute", (type?: Type): Attribute => {
    const id = this.CONSUME(T.HashId);
    const start = id.startOffset;
    const name = this.ACTION(() => id.image) ?? "";
    const body = this.ACTION(() => this.dialectBody());
    const isAlias = body === undefined && !name.includes(".");
    if (isAlias && name !== "") return this.ACTION(() => this.attributeAlias(name.slice(1)));
    const given =
      this.ACTION(() => type) ??
      this.OPTION(() => {
        this.CONSUME(T.Colon);
        return this.SUBRULE(this.type);
      });
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
    this.CONSUME(T.Key.strided);
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
  startsType(): boolean {
    const { token } = this;
    if (token.tokenTypeIdx === T.Word.tokenTypeIdx) return scalarType(token.image) !== undefined;
    return typeStarts.has(token.tokenTypeIdx);
  }

  startsAttribute(): boolean {
    return attributeStarts.has(this.token.tokenTypeIdx) || this.startsType();
  }
}
