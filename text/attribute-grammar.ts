/** @file The grammar of attributes and locations. */

import { typeText } from "../ir/spell.ts";
import type { Attribute, Type } from "../ir/types.ts";
import * as types from "../ir/types.ts";
import type { Location } from "../support/location.ts";
import { unknownLocation } from "../support/location.ts";
import { type DenseLiteral, denseAttribute, type ElementKind } from "./dense.ts";
import {
  dialectText,
  floatFromBits,
  floatLiteral,
  integerLiteral,
  integerValue,
  integerWidth,
  isBool,
  roundFloat,
  scalarType,
  stringValue,
  symbolValue,
} from "./literals.ts";
import { openAliases } from "./opaque.ts";
import * as T from "./tokens.ts";
import { TypeGrammar } from "./type-grammar.ts";

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

export abstract class AttributeGrammar extends TypeGrammar {
  /** `dense_resource` attributes of this text; their bytes may come at its end. */
  protected readonly resources: Extract<Attribute, { kind: "resource" }>[] = [];

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

  protected readonly numberAttribute = this.RULE("numberAttribute", (type?: Type): Attribute => {
    const start = this.token.startOffset;
    const negative = this.OPTION(() => this.CONSUME(T.Minus)) !== undefined;
    const at = this.token.startOffset;
    const token = this.OR({
      DEF: [{ ALT: () => this.CONSUME(T.Integer) }, { ALT: () => this.CONSUME(T.FloatLiteral) }],
      ERR_MSG: "constant integer or floating point value",
    });
    const end = this.beforeEnd;
    const isFloat = token.tokenTypeIdx === T.FloatLiteral.tokenTypeIdx;
    const given =
      this.ACTION(() => type) ??
      this.OPTION2({
        DEF: () => {
          this.CONSUME(T.Colon);
          return this.SUBRULE(this.type);
        },
      });
    return this.ACTION(() => this.#number(start === at ? start : at, end, negative, isFloat, given));
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

  readonly string = this.RULE("string", (): string => {
    const token = this.CONSUME(T.StringLiteral);
    return this.ACTION(() => stringValue(token.image));
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

  protected readonly denseLiteral = this.RULE("denseLiteral", (type?: Type): Attribute => {
    const start = this.token.startOffset;
    this.CONSUME(T.Key.dense);
    this.CONSUME(T.Less, { ERR_MSG: "expected '<' after 'dense'" });
    const literal = this.ACTION(() => this.#elements(start));
    this.SUBRULE(this.closeAngle);
    const at = this.token.startOffset;
    const given = this.SUBRULE(this.literalType, { ARGS: [type] });
    return this.ACTION(() => {
      const closed = { ...literal, text: this.source.text.slice(start, literal.end + 1) };
      return denseAttribute(closed, given, (message, where) =>
        this.fail("parse/attribute", message, where === undefined ? this.token.startOffset : where < 0 ? at : where),
      );
    });
  });

  /** `sparse<indices, values> : type`, kept as text. */
  protected readonly sparseLiteral = this.RULE("sparseLiteral", (type?: Type): Attribute => {
    const start = this.token.startOffset;
    this.CONSUME(T.Key.sparse);
    this.CONSUME(T.Less, { ERR_MSG: "Expected '<' after 'sparse'" });
    this.ACTION(() => {
      if (this.isNext(T.Greater)) return;
      this.#elements(start);
      this.expect(T.Comma);
      this.#elements(start);
    });
    this.SUBRULE(this.closeAngle);
    const text = this.ACTION(() => this.source.text.slice(start, this.beforeEnd));
    const given = this.SUBRULE(this.literalType, { ARGS: [type] });
    return { kind: "opaque", text, type: given };
  });

  protected readonly closeAngle = this.RULE("closeAngle", (): void => {
    this.CONSUME(T.Greater);
  });

  /** `: type` behind a literal, unless the type is known. */
  protected readonly literalType = this.RULE("literalType", (known?: Type): Type => {
    if (known) return known;
    this.CONSUME(T.Colon);
    return this.SUBRULE(this.type);
  });

  protected readonly denseResource = this.RULE("denseResource", (type?: Type): Attribute => {
    this.CONSUME(T.Key.dense_resource);
    this.CONSUME(T.Less, { ERR_MSG: "expected '<' after 'dense_resource'" });
    const key = this.OR({
      DEF: [
        { ALT: () => this.SUBRULE(this.string) },
        {
          ALT: () => {
            const word = this.CONSUME(T.Word);
            return this.ACTION(() => word.image);
          },
        },
      ],
      ERR_MSG: "identifier key for 'builtin' resource",
    });
    this.CONSUME(T.Greater, { ERR_MSG: "expected '>' after 'dense_resource'" });
    const given = this.SUBRULE(this.literalType, { ARGS: [type] });
    return this.ACTION(() => {
      if (!types.isShaped(given)) this.fail("parse/attribute", "`dense_resource` expected a shaped type");
      const made = { kind: "resource", key, type: given } as const;
      this.resources.push(made);
      return made;
    });
  });

  /** `array<i64: 1, 2>`. */
  protected readonly denseArray = this.RULE("denseArray", (): Attribute => {
    this.CONSUME(T.Key.array);
    this.CONSUME(T.Less, { ERR_MSG: "expected '<' after 'array'" });
    const at = this.token.startOffset;
    const element = this.SUBRULE(this.type);
    this.ACTION(() => this.#checkArrayElement(element, at));
    const values: (number | bigint)[] = [];
    this.OPTION({
      GATE: () => !this.isNext(T.Greater),
      DEF: () => {
        this.CONSUME(T.Colon, { ERR_MSG: "expected ':' after dense array type" });
        this.ACTION(() => {
          do values.push(this.#arrayElement(element));
          while (this.takeIf(T.Comma));
        });
      },
    });
    this.ACTION(() => {
      if (!this.isNext(T.Greater) && values.length === 0) this.wrongToken("expected ':' after dense array type");
    });
    this.CONSUME(T.Greater, { ERR_MSG: "expected '>' to close an array attribute" });
    return { kind: "denseArray", element, values };
  });

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
    this.CONSUME(T.Integer, { ERR_MSG: "expected distinct ID" });
    this.CONSUME(T.RSquare, { ERR_MSG: "expected ']' to close distinct ID" });
    this.CONSUME(T.Less, { ERR_MSG: "expected '<' after distinct ID" });
    this.OPTION({ GATE: () => !this.isNext(T.Greater), DEF: () => this.SUBRULE(this.attribute) });
    this.CONSUME(T.Greater, { ERR_MSG: "expected '>' to close distinct attribute" });
    return this.ACTION(() => {
      const text = this.source.text.slice(start, this.beforeEnd);
      return { kind: "opaque", ...openAliases(text, this.attributeAliases, this.typeAliases) };
    });
  });

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
    const word = this.CONSUME(T.Word);
    return this.ACTION(() => {
      if (word.image === "unknown") return unknownLocation;
      return this.fail("parse/syntax", "expected location instance", word.startOffset);
    });
  });

  // --- literals -------------------------------------------------------------------------------------------------

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

  #number(at: number, end: number, negative: boolean, isFloat: boolean, given: Type | undefined): Attribute {
    const digits = this.source.text.slice(at, end);
    if (isFloat) {
      const type = given ?? types.f64;
      if (type.kind !== "float") {
        return this.fail("parse/attribute", "floating point value not valid for specified type");
      }
      return floatLiteral(digits, negative, type);
    }
    const type = given ?? types.i64;
    if (type.kind === "float") {
      if (!digits.startsWith("0x")) {
        return this.fail("parse/attribute", "unexpected decimal integer literal for a floating point value", at, end);
      }
      if (negative) {
        return this.fail("parse/attribute", "hexadecimal float literal should not have a leading minus", at, end);
      }
      const value = floatFromBits(digits, type);
      return value ?? this.fail("parse/attribute", "hexadecimal float constant out of range for type", at, end);
    }
    if (type.kind !== "integer" && type.kind !== "index") {
      return this.fail("parse/attribute", "integer literal not valid for specified type", at, end);
    }
    if (negative && type.kind === "integer" && type.signedness === "unsigned") {
      return this.fail("parse/attribute", "negative integer literal not valid for unsigned integer type", at, end);
    }
    const value = integerLiteral(digits, negative, type);
    return value ?? this.fail("parse/attribute", "integer constant out of range for attribute", at, end);
  }

  #checkArrayElement(element: Type, at: number): void {
    if (element.kind !== "integer" && element.kind !== "float") {
      this.fail("parse/attribute", `expected integer or float type, got: '${typeText(element)}'`, at);
    }
    if (!isBool(element) && element.width % 8 !== 0) {
      this.fail("parse/attribute", "element type bitwidth must be a multiple of 8", at);
    }
  }

  #arrayElement(element: Type): number | bigint {
    if (isBool(element)) {
      if (this.takeIf(T.Key.true)) return 1;
      if (this.takeIf(T.Key.false)) return 0;
    }
    const negative = this.takeIf(T.Minus);
    const { token } = this;
    const at = token.startOffset;
    const isInteger = this.isNext(T.Integer);
    if (element.kind === "float") {
      if (!isInteger && !this.isNext(T.FloatLiteral)) this.wrongToken("expected float literal");
      const digits = token.image;
      this.consumeToken();
      if (!digits.startsWith("0x")) return roundFloat(negative ? -Number(digits) : Number(digits), element);
      const value = floatFromBits(digits, element);
      if (value?.kind === "float") return value.value;
      return this.fail("parse/attribute", "hexadecimal float constant out of range for type", at);
    }
    if (!isInteger) this.wrongToken("expected integer literal");
    const value = integerValue(token.image, negative, element);
    this.consumeToken();
    if (value === undefined) return this.fail("parse/attribute", "integer constant out of range for attribute", at);
    return integerWidth(element) >= 64 ? value : Number(value);
  }

  /** The elements between `dense<` and `>`: one, a nesting of lists, a string of bytes, or none. */
  #elements(start: number): DenseLiteral & { readonly end: number } {
    const images: string[] = [];
    const kinds: ElementKind[] = [];
    const negatives: boolean[] = [];
    const offsets: number[] = [];
    let raw: string | undefined;
    let shape: number[] | undefined;
    if (this.isNext(T.StringLiteral)) {
      raw = stringValue(this.token.image);
      this.consumeToken();
    } else if (this.isNext(T.LSquare)) {
      shape = [];
      // Counts of the lists that are open, outermost first.
      const counts: number[] = [];
      let expectsElement = true;
      do {
        if (expectsElement && this.takeIf(T.LSquare)) {
          counts.push(0);
          if (counts.length > shape.length) {
            if (images.length > 0) this.#ragged();
            shape.push(-1);
          }
          if (!this.isNext(T.RSquare)) continue;
          expectsElement = false;
        }
        if (expectsElement) {
          if (counts.length !== shape.length) this.#ragged();
          this.#element(images, kinds, negatives, offsets);
          counts[counts.length - 1]!++;
          expectsElement = false;
        }
        if (this.takeIf(T.Comma)) {
          expectsElement = true;
        } else {
          this.expect(T.RSquare);
          const count = counts.pop()!;
          const depth = counts.length;
          if (shape[depth] === -1) shape[depth] = count;
          else if (shape[depth] !== count) this.#ragged();
          if (counts.length > 0) counts[counts.length - 1]!++;
        }
      } while (expectsElement || shape[0] === -1);
      // A list that was never filled says how many empty lists there are.
      for (let i = 0; i < shape.length; i++) if (shape[i] === -1) shape[i] = 0;
    } else if (!this.isNext(T.Greater)) {
      this.#element(images, kinds, negatives, offsets);
    }
    const end = this.token.startOffset;
    return { text: this.source.text.slice(start, end), end, shape, raw, images, kinds, negatives, offsets };
  }

  #ragged(): never {
    return this.fail(
      "parse/attribute",
      "tensor literal is invalid; ranks are not consistent between elements",
      this.token.startOffset,
    );
  }

  #element(images: string[], kinds: ElementKind[], negatives: boolean[], offsets: number[]): void {
    const { token } = this;
    const at = token.startOffset;
    let negative = false;
    let kind: ElementKind;
    let image = "";
    if (this.isNext(T.LParen)) {
      const end = this.lexer.balanced(at);
      if (end < 0) this.fail("parse/syntax", "expected ')'", at);
      kind = "complex";
      this.jump(at, end);
    } else {
      if (this.takeIf(T.Minus)) {
        negative = true;
        if (!this.isNext(T.Integer) && !this.isNext(T.FloatLiteral)) {
          this.wrongToken("expected integer or floating point literal");
        }
      }
      image = this.token.image;
      if (this.isNext(T.Integer)) kind = "integer";
      else if (this.isNext(T.FloatLiteral)) kind = "float";
      else if (this.isNext(T.Key.true) || this.isNext(T.Key.false)) kind = "bool";
      else if (this.isNext(T.StringLiteral)) {
        kind = "string";
        image = stringValue(image);
      } else this.fail("parse/attribute", "expected element literal of primitive type");
      this.consumeToken();
    }
    images.push(image);
    kinds.push(kind);
    negatives.push(negative);
    offsets.push(at);
  }
}
