/** @file The grammar of literals: numbers, strings, dense and sparse constants, arrays, resources. */
import type { IToken } from "chevrotain";
import { typeText } from "../ir/spell.ts";
import type { Attribute, Type } from "../ir/types.ts";
import * as types from "../ir/types.ts";
import { type DenseLiteral, denseAttribute, type ElementKind, sparseAttribute } from "./dense.ts";
import {
  floatFromBits,
  floatLiteral,
  integerLiteral,
  integerValue,
  integerWidth,
  isBool,
  roundFloat,
  stringValue,
} from "./literals.ts";
import * as T from "./tokens.ts";
import { TypeGrammar } from "./type-grammar.ts";

export abstract class LiteralGrammar extends TypeGrammar {
  /** `dense_resource` attributes of this text; their bytes may come at its end. */
  protected readonly resources: Extract<Attribute, { kind: "resource" }>[] = [];

  /** The type that the literal at hand does not spell, if it is known. */
  protected abstract takeWanted(): Type | undefined;

  protected readonly numberAttribute = this.RULE("numberAttribute", (): Attribute => {
    const type = this.takeWanted();
    const negative = this.OPTION(this.#minus) !== undefined;
    const at = this.token.startOffset;
    const token = this.OR(this.#digits);
    const isFloat = token.tokenTypeIdx === T.FloatLiteral.tokenTypeIdx;
    const end = this.beforeEnd;
    const given = type ?? this.OPTION2(this.colonType);
    return this.RECORDING_PHASE ? types.unitAttribute : this.#number(at, end, negative, isFloat, given);
  });
  readonly #minus = (): IToken => this.CONSUME(T.Minus);
  readonly #digits = {
    DEF: [{ ALT: (): IToken => this.CONSUME(T.Integer) }, { ALT: (): IToken => this.CONSUME(T.FloatLiteral) }] as [
      { ALT: () => IToken },
      { ALT: () => IToken },
    ],
    ERR_MSG: "constant integer or floating point value",
  };
  /** `: type`. */
  protected readonly colonType = (): Type => {
    this.CONSUME(T.Colon);
    return this.typeWithin();
  };

  readonly string = this.RULE("string", (): string => {
    const token = this.CONSUME(T.StringLiteral);
    return this.ACTION(() => stringValue(token.image));
  });

  protected readonly denseLiteral = this.RULE("denseLiteral", (): Attribute => {
    const type = this.takeWanted();
    const start = this.token.startOffset;
    this.CONSUME(T.Key.dense);
    this.CONSUME(T.Less, { ERR_MSG: "expected '<' after 'dense'" });
    const literal = this.ACTION(() => this.#elements());
    this.SUBRULE(this.closeAngle);
    // Where the type is known, a constant that does not fit is pointed at itself.
    const at = type ? start : this.token.startOffset;
    const given = this.SUBRULE(this.literalType, { ARGS: [type] });
    return this.ACTION(() => {
      return denseAttribute(literal, given, (message, where) =>
        this.fail("parse/attribute", message, where === undefined ? this.token.startOffset : where < 0 ? at : where),
      );
    });
  });

  /** `sparse<indices, values> : type`, kept as text in MLIR's spelling. */
  protected readonly sparseLiteral = this.RULE("sparseLiteral", (): Attribute => {
    const type = this.takeWanted();
    const start = this.token.startOffset;
    this.CONSUME(T.Key.sparse);
    this.CONSUME(T.Less, { ERR_MSG: "Expected '<' after 'sparse'" });
    const parts = this.ACTION(() => {
      if (this.isNext(T.Greater)) return undefined;
      const indices = this.#elements();
      this.expect(T.Comma);
      return { indices, values: this.#elements() };
    });
    this.SUBRULE(this.closeAngle);
    const given = this.SUBRULE(this.literalType, { ARGS: [type] });
    return this.ACTION(() =>
      sparseAttribute(parts, given, (message, at) => this.fail("parse/attribute", message, at ?? start)),
    );
  });

  protected readonly closeAngle = this.RULE("closeAngle", (): void => {
    this.CONSUME(T.Greater);
  });

  /** `: type` behind a literal, unless the type is known. */
  protected readonly literalType = this.RULE("literalType", (known?: Type): Type => {
    if (known) return known;
    this.CONSUME(T.Colon);
    return this.typeWithin();
  });

  protected readonly denseResource = this.RULE("denseResource", (): Attribute => {
    const type = this.takeWanted();
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
    const at = this.token.startOffset;
    const given = this.SUBRULE(this.literalType, { ARGS: [type] });
    return this.ACTION(() => {
      if (!types.isShaped(given)) this.fail("parse/attribute", "`dense_resource` expected a shaped type", at);
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

  // --- from tokens to values ------------------------------------------------------------------------------------

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
  #elements(): DenseLiteral {
    const start = this.token.startOffset;
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
            if (images.length > 0) this.#raggedList();
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
    return {
      text: this.source.text.slice(start, Math.max(start, this.beforeEnd)),
      shape,
      raw,
      images,
      kinds,
      negatives,
      offsets,
    };
  }

  #ragged(): never {
    return this.fail(
      "parse/attribute",
      "tensor literal is invalid; ranks are not consistent between elements",
      this.token.startOffset,
    );
  }

  /** A list stands where others have elements; MLIR notices behind it. */
  #raggedList(): never {
    const end = this.lexer.balanced(this.beforeEnd - 1);
    if (end >= 0) this.goto(end);
    return this.#ragged();
  }

  #element(images: string[], kinds: ElementKind[], negatives: boolean[], offsets: number[]): void {
    if (this.takeIf(T.LParen)) {
      // Complex constants are kept as text, so their parts are only checked.
      const at = this.token.startOffset;
      this.#part();
      this.expect(T.Comma, "expected ',' between complex elements");
      this.#part();
      this.expect(T.RParen, "expected ')' after complex elements");
      images.push("");
      kinds.push("complex");
      negatives.push(false);
      offsets.push(at);
      return;
    }
    const negative = this.takeIf(T.Minus);
    if (negative && !this.isNext(T.Integer) && !this.isNext(T.FloatLiteral)) {
      this.wrongToken("expected integer or floating point literal");
    }
    const { token } = this;
    let image = token.image;
    let kind: ElementKind;
    if (this.isNext(T.Integer)) kind = "integer";
    else if (this.isNext(T.FloatLiteral)) kind = "float";
    else if (this.isNext(T.Key.true) || this.isNext(T.Key.false)) kind = "bool";
    else if (this.isNext(T.StringLiteral)) {
      kind = "string";
      image = stringValue(image);
    } else this.fail("parse/attribute", "expected element literal of primitive type");
    images.push(image);
    kinds.push(kind);
    negatives.push(negative);
    offsets.push(token.startOffset);
    this.consumeToken();
  }

  #part(): void {
    this.takeIf(T.Minus);
    const isPrimitive = [T.Integer, T.FloatLiteral, T.Key.true, T.Key.false].some((t) => this.isNext(t));
    if (!isPrimitive) this.fail("parse/attribute", "expected element literal of primitive type");
    this.consumeToken();
  }
}
