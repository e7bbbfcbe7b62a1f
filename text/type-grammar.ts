/** @file The grammar of types, and what types and attributes share: aliases, and types remembered by their text. */
import type { AffineMap } from "../ir/affine.ts";
import type { Context } from "../ir/context.ts";
import * as types from "../ir/types.ts";
import { type Attribute, isShaped, type Type } from "../ir/types.ts";
import { AffineGrammar } from "./affine-grammar.ts";
import { dialectText, scalarType } from "./literals.ts";
import { openAliases } from "./opaque.ts";
import { hashOf, TextCache } from "./text-cache.ts";
import * as T from "./tokens.ts";

interface Shape {
  readonly sizes: readonly number[];
  readonly scalable: readonly boolean[];
  readonly unranked: boolean;
}

export abstract class TypeGrammar extends AffineGrammar {
  abstract readonly context: Context;
  protected readonly typeAliases = new Map<string, Type>();
  protected readonly attributeAliases = new Map<string, Attribute>();
  /** Types by their whole text, as far as this text has spelt them. */
  readonly #known = new TextCache<Type>();

  protected forgetNames(): void {
    this.typeAliases.clear();
    this.attributeAliases.clear();
    this.#known.clear();
  }

  protected abstract attributeRule(): Attribute;
  abstract startsType(): boolean;

  // Most types have stood in the text before. Where one is wanted, `typeHere` looks there before it asks the grammar.

  /** Any type. */
  readonly type = this.RULE("type", (): Type => this.OR(this.#anyType));
  readonly #anyType = {
    DEF: [{ ALT: (): Type => this.SUBRULE(this.functionRule) }, { ALT: (): Type => this.SUBRULE(this.plainType) }] as [
      { ALT: () => Type },
      { ALT: () => Type },
    ],
    ERR_MSG: "type",
  };

  typeHere(): Type {
    return this.#knownType() ?? (this.isNext(T.LParen) ? this.functionType() : this.type());
  }

  /** The same inside of a rule of which Chevrotain shall know that a type stands there. */
  protected readonly typeWithin = (): Type => (this.RECORDING_PHASE ? this.SUBRULE(this.type) : this.typeHere());

  /** `(T, T) -> T`. */
  protected readonly functionRule = this.RULE("functionType", (): Type => {
    const start = this.token.startOffset;
    this.CONSUME(T.LParen);
    return this.RECORDING_PHASE ? noType : this.#functionFrom(start);
  });

  functionType(): types.FunctionType {
    const start = this.token.startOffset;
    this.expect(T.LParen);
    return this.#functionFrom(start);
  }

  /** A function type whose opening parenthesis at `start` is taken. */
  #functionFrom(start: number): types.FunctionType {
    const open = this.#open;
    const first = open.length;
    this.enter();
    this.#restOfList();
    const middle = open.length;
    this.expect(T.Arrow, "expected '->' in function type");
    this.#functionResults();
    this.leave();
    const type = types.functionType(open.slice(first, middle), open.slice(middle));
    open.length = first;
    this.#remember(start, type);
    return type;
  }

  /** Types of the lists that are being read, innermost last. */
  readonly #open: Type[] = [];

  /** Forgets lists that a fault has cut short. */
  protected forgetOpenTypes(): void {
    this.#open.length = 0;
  }

  /** `T, T)`. */
  #restOfList(): void {
    if (this.startsType()) {
      do this.#open.push(this.typeHere());
      while (this.takeIf(T.Comma));
    }
    this.expect(T.RParen);
  }

  /** What stands behind `->`: one type that is no function, or a list in parentheses. */
  #functionResults(): void {
    if (this.takeIf(T.LParen)) this.#restOfList();
    else {
      const known = this.#knownType();
      this.#open.push(known ?? this.plainType());
    }
  }

  /** The types behind `->`, as a list. */
  resultTypes(): Type[] {
    const first = this.#open.length;
    this.#functionResults();
    return this.#open.splice(first);
  }

  /** Any type but a function. */
  readonly plainType = this.RULE("plainType", (): Type => {
    const start = this.token.startOffset;
    this.enter();
    const type = this.OR(this.#plain);
    this.leave();
    if (!this.RECORDING_PHASE) this.#remember(start, type);
    return type;
  });
  readonly #plain = {
    DEF: [
      { ALT: (): Type => this.SUBRULE(this.tensorType) },
      { ALT: (): Type => this.SUBRULE(this.vectorType) },
      { ALT: (): Type => this.SUBRULE(this.memrefType) },
      { ALT: (): Type => this.SUBRULE(this.complexType) },
      { ALT: (): Type => this.SUBRULE(this.tupleType) },
      { ALT: (): Type => this.consumeAs(T.Key.none, types.none) },
      { ALT: (): Type => this.SUBRULE(this.dialectType) },
      {
        ALT: (): Type => {
          const word = this.CONSUME(T.Word);
          return this.RECORDING_PHASE ? noType : this.#scalar(word.image, word.startOffset);
        },
        IGNORE_AMBIGUITIES: true,
      },
    ] as { ALT: () => Type; IGNORE_AMBIGUITIES?: boolean }[],
    ERR_MSG: "non-function type",
  };

  protected readonly tensorType = this.RULE("tensorType", (): Type => {
    this.CONSUME(T.Key.tensor);
    this.CONSUME(T.Less, { ERR_MSG: "expected '<' in tensor type" });
    const shape = this.SUBRULE(this.shape);
    const at = this.token.startOffset;
    const element = this.SUBRULE(this.type);
    let encoding: Attribute | undefined;
    this.OPTION(() => {
      this.CONSUME(T.Comma);
      encoding = this.attributeRule();
    });
    this.CONSUME(T.Greater, { ERR_MSG: "expected '>' in tensor type" });
    return this.ACTION(() => {
      if (shape.scalable.length > 0) this.fail("parse/type", "tensors have no scalable dimensions", at);
      if (!isTensorElement(element)) this.fail("parse/type", "invalid tensor element type", at);
      if (!shape.unranked) return types.tensor(shape.sizes, element, encoding);
      if (encoding) this.fail("parse/type", "cannot apply encoding to unranked tensor", at);
      return types.unrankedTensor(element);
    });
  });

  protected readonly vectorType = this.RULE("vectorType", (): Type => {
    this.CONSUME(T.Key.vector);
    this.CONSUME(T.Less, { ERR_MSG: "expected '<' in vector type" });
    const first = this.token.startOffset;
    const shape = this.SUBRULE(this.shape);
    const at = this.token.startOffset;
    const element = this.SUBRULE(this.type);
    this.CONSUME(T.Greater, { ERR_MSG: "expected '>' in vector type" });
    return this.ACTION(() => {
      if (shape.unranked || shape.sizes.some(types.isDynamic)) {
        this.fail("parse/type", "expected non-function type", first);
      }
      if (!isScalar(element)) this.fail("parse/type", "vector elements must be int/index/float type", at);
      if (shape.sizes.includes(0)) this.fail("parse/type", "vector types must have positive constant sizes", at);
      return types.vector(shape.sizes, element, shape.scalable);
    });
  });

  protected readonly memrefType = this.RULE("memrefType", (): Type => {
    const start = this.CONSUME(T.Key.memref).startOffset;
    this.CONSUME(T.Less, { ERR_MSG: "expected '<' in memref type" });
    const shape = this.SUBRULE(this.shape);
    const at = this.token.startOffset;
    const element = this.SUBRULE(this.type);
    this.ACTION(() => {
      if (shape.scalable.length > 0) this.fail("parse/type", "memrefs have no scalable dimensions", at);
      if (!isMemrefElement(element)) this.fail("parse/type", "invalid memref element type", at);
    });
    const extras: Attribute[] = [];
    this.MANY(() => {
      this.CONSUME(T.Comma);
      const extra = this.attributeRule();
      this.ACTION(() => this.#memrefExtra(extras, extra, shape.unranked));
    });
    this.CONSUME(T.Greater, { ERR_MSG: "expected '>' in memref type" });
    return this.ACTION(() => this.#memref(shape, element, extras, start));
  });

  protected readonly complexType = this.RULE("complexType", (): Type => {
    this.CONSUME(T.Key.complex);
    this.CONSUME(T.Less, { ERR_MSG: "expected '<' in complex type" });
    const at = this.token.startOffset;
    const element = this.SUBRULE(this.type);
    this.CONSUME(T.Greater, { ERR_MSG: "expected '>' in complex type" });
    return this.ACTION(() => {
      if (element.kind !== "integer" && element.kind !== "float") {
        this.fail("parse/type", "invalid element type for complex", at);
      }
      return types.complex(element);
    });
  });

  protected readonly tupleType = this.RULE("tupleType", (): Type => {
    const elements: Type[] = [];
    this.CONSUME(T.Key.tuple);
    this.CONSUME(T.Less, { ERR_MSG: "expected '<' in tuple type" });
    this.OPTION(() => {
      elements.push(this.SUBRULE(this.type));
      this.MANY(() => {
        this.CONSUME(T.Comma);
        elements.push(this.SUBRULE2(this.type));
      });
    });
    this.CONSUME(T.Greater, { ERR_MSG: "expected '>' in tuple type" });
    return this.ACTION(() => types.tuple(elements));
  });

  /** `!alias`, `!dialect.name<…>`, `!dialect<…>`. */
  protected readonly dialectType = this.RULE("dialectType", (): Type => {
    const id = this.CONSUME(T.TypeId);
    const name = this.ACTION(() => id.image.slice(1)) ?? "";
    const start = id.startOffset;
    const body = this.ACTION(() => this.dialectBody());
    return this.ACTION(() => {
      const dot = name.indexOf(".");
      if (dot < 0 && body === undefined) return this.#typeAlias(name);
      const dialect = dot < 0 ? name : name.slice(0, dot);
      this.checkDialect(dialect, start);
      const inside =
        dot < 0 ? dialectText(body ?? "") : `.${name.slice(dot + 1)}${body === undefined ? "" : `<${body}>`}`;
      const { text, parts } = openAliases(`!${dialect}${inside}`, this.attributeAliases, this.typeAliases);
      const rest = text.slice(1 + dialect.length);
      return types.opaqueType(dialect, rest.startsWith(".") ? rest.slice(1) : rest, parts && { parts });
    });
  });

  protected readonly shape = this.RULE("shape", (): Shape => {
    this.ACTION(() => this.relexDimensions());
    const token = this.CONSUME(T.Dimensions);
    return this.ACTION(() => {
      const shape = readShape(token.image);
      if (this.isNext(T.Integer)) this.#missingX();
      if (this.isNext(T.LSquare)) this.#unclosedDimension();
      return shape;
    });
  });

  /** The text between the brackets of a dialect's type or attribute that follow at once; undefined without. */
  protected dialectBody(): string | undefined {
    if (!this.isNext(T.Less)) return undefined;
    const open = this.token.startOffset;
    if (open !== this.beforeEnd) return undefined;
    const end = this.lexer.balanced(open);
    if (end < 0) this.fail("parse/syntax", "unbalanced brackets in pretty dialect name", open);
    this.jump(open, end);
    return this.source.text.slice(open + 1, end - 1);
  }

  /** Text of an unknown dialect is taken only where the context allows it. */
  protected checkDialect(dialect: string, start: number): void {
    if (this.context.allowUnregistered || this.context.dialects.has(dialect)) return;
    this.fail("parse/unregistered", `dialect '${dialect}' is unregistered`, start, this.beforeEnd);
  }

  #typeAlias(name: string): Type {
    const found = this.typeAliases.get(name);
    if (found) return found;
    return this.wrongToken(`undefined symbol alias id '${name}'`, "parse/undefined-name");
  }

  /** A rule may read a type that stood before, where it did not look (`f32` within `tensor<4xf32>`). */
  #remember(start: number, type: Type): void {
    const { text } = this.source;
    const end = this.beforeEnd;
    const hash = hashOf(text, start, end);
    if (!this.#known.get(text, start, end, hash)) this.#known.set(text, start, end, type, hash);
  }

  /** The type that starts here, if the same text has been read before; takes it. */
  #knownType(): Type | undefined {
    const { token, source } = this;
    const { text } = source;
    const start = token.startOffset;
    const { lexer } = this;
    const isFunction = token.tokenTypeIdx === T.LParen.tokenTypeIdx;
    const end = isFunction ? lexer.functionEnd(start) : lexer.typeEnd(start, token.end);
    if (end < 0) return undefined;
    const known = this.#known.get(text, start, end, lexer.hash);
    if (!known) return undefined;
    if (end === token.end) this.consumeToken();
    else this.jump(start, end);
    return known;
  }

  #scalar(word: string, start: number): Type {
    const type = scalarType(word);
    if (type === "too wide") this.fail("parse/type", "integer bitwidth is limited to 16777215 bits", start);
    if (type) return type;
    // The word is taken already: go back to it, so that the fault is where MLIR has it.
    this.goto(start);
    return this.fail("parse/type", "expected non-function type", start, start + word.length);
  }

  #missingX(): never {
    // The dimensions end behind the last `x`; what follows is a number without one.
    const { startOffset, end } = this.token;
    return this.fail("parse/type", "expected 'x' in dimension list", end, Math.max(end, startOffset + 1));
  }

  #unclosedDimension(): void {
    const { startOffset } = this.token;
    this.consumeToken();
    if (this.takeIf(T.Integer) && !this.isNext(T.RSquare)) {
      this.wrongToken("missing ']' closing scalable dimension", "parse/type");
    }
    this.goto(startOffset);
  }

  #memrefExtra(extras: Attribute[], extra: Attribute, unranked: boolean): void {
    const last = extras.at(-1);
    const isLayout = extra.kind === "map" || extra.kind === "strided";
    if (isLayout) {
      if (unranked) this.wrongToken("cannot have affine map for unranked memref type", "parse/type");
      if (last && !(last.kind === "map" || last.kind === "strided")) {
        this.wrongToken("expected memory space to be last in memref type", "parse/type");
      }
    } else if (last && last.kind !== "map" && last.kind !== "strided") {
      this.wrongToken("multiple memory spaces specified in memref type", "parse/type");
    }
    extras.push(extra);
  }

  #memref(shape: Shape, element: Type, extras: readonly Attribute[], start: number): Type {
    let layout = extras.find((e) => e.kind === "map" || e.kind === "strided");
    let space = extras.find((e) => e.kind !== "map" && e.kind !== "strided");
    const rank = shape.sizes.length;
    if (layout?.kind === "map" && layout.map.numDims !== rank) {
      const message = `memref layout mismatch between rank and affine map: ${rank} != ${layout.map.numDims}`;
      this.fail("parse/type", message, start);
    }
    if (layout?.kind === "strided" && layout.strides.length !== rank) {
      this.fail("parse/type", "expected the number of strides to match the rank", start);
    }
    if (space && !["integer", "string", "dictionary", "opaque"].includes(space.kind)) {
      this.fail("parse/type", "unsupported memory space Attribute", start);
    }
    // The identity layout and memory space 0 are the same as none.
    if (layout?.kind === "map" && isIdentity(layout.map)) layout = undefined;
    if (space?.kind === "integer" && space.value === 0n && space.type === types.i64) space = undefined;
    return shape.unranked ? types.unrankedMemref(element, space) : types.memref(shape.sizes, element, layout, space);
  }
}

/** What rules answer while Chevrotain records the grammar. */
const noType = undefined as never;

const isIdentity = (map: AffineMap): boolean =>
  map.numSymbols === 0 &&
  map.results.length === map.numDims &&
  map.results.every((r, i) => r.kind === "dim" && r.index === i);

const isScalar = (t: Type): boolean => t.kind === "integer" || t.kind === "index" || t.kind === "float";
const isTensorElement = (t: Type): boolean =>
  isScalar(t) || t.kind === "complex" || t.kind === "vector" || t.kind === "opaque";
const isMemrefElement = (t: Type): boolean => isTensorElement(t) || (isShaped(t) && t.kind === "memref");

const noFlags: readonly boolean[] = [];
const unranked: Shape = { sizes: [], scalable: noFlags, unranked: true };

function readShape(text: string): Shape {
  if (text === "") return { sizes: [], scalable: noFlags, unranked: false };
  if (text.startsWith("*")) return unranked;
  const parts = text.split("x");
  parts.pop();
  const scalable = parts.map((p) => p.trim().startsWith("["));
  const sizes = parts.map((p) => {
    const size = p.trim().replace(/^\[\s*|\s*\]$/g, "");
    return size === "?" ? types.dynamic : Number(size);
  });
  return { sizes, scalable: scalable.includes(true) ? scalable : noFlags, unranked: false };
}
