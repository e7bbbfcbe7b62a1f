/** @file Affine expressions, maps and sets, over names of their own or over SSA values. */

import type { AffineExpr, AffineMap, AffineSet } from "../ir/affine.ts";
import * as affine from "../ir/affine.ts";
import type { UnresolvedOperand } from "../ir/asm.ts";
import { TokenParser } from "./token-parser.ts";
import * as T from "./tokens.ts";

type Operator = "*" | "floordiv" | "ceildiv" | "mod";

/** Longer expressions would exhaust the stack of those who walk them. */
const OPERATOR_LIMIT = 500;

/** The SSA names that an expression over values has met: each is a dimension or a symbol, in order of appearance. */
export interface ValueNames {
  readonly dims: UnresolvedOperand[];
  readonly symbols: UnresolvedOperand[];
}

export abstract class AffineGrammar extends TokenParser {
  /** What the names of the map at hand stand for. */
  #ids: Map<string, AffineExpr> = new Map();
  #values: ValueNames | null = null;
  /** Operators of the expressions at hand, which are trees as deep as they have operators. */
  #operators = 0;

  readonly affineExpr = this.RULE("affineExpr", (): AffineExpr => {
    this.ACTION(() => this.enter());
    let left = this.SUBRULE(this.affineTerm);
    this.MANY(() => {
      const minus = this.OR([
        { ALT: () => this.consumeAs(T.Plus, false) },
        { ALT: () => this.consumeAs(T.Minus, true) },
      ]);
      this.ACTION(() => this.#needsOperand("right"));
      const right = this.SUBRULE2(this.affineTerm);
      left = this.ACTION(() => (minus ? affine.sub(left, right) : affine.add(left, right)));
    });
    this.ACTION(() => this.leave());
    return left;
  });

  protected readonly affineTerm = this.RULE("affineTerm", (): AffineExpr => {
    this.ACTION(() => this.#needsOperand("left"));
    let left = this.SUBRULE(this.affineOperand);
    this.MANY(() => {
      const at = this.token.startOffset;
      const operator = this.OR([
        { ALT: () => this.consumeAs<Operator>(T.Star, "*") },
        { ALT: () => this.consumeAs<Operator>(T.Key.floordiv, "floordiv") },
        { ALT: () => this.consumeAs<Operator>(T.Key.ceildiv, "ceildiv") },
        { ALT: () => this.consumeAs<Operator>(T.Key.mod, "mod") },
      ]);
      this.ACTION(() => this.#needsOperand("right"));
      const right = this.SUBRULE2(this.affineOperand);
      // MLIR builds the product when it has seen the next operator, and names that one's place.
      left = this.ACTION(() => this.#combine(operator, left, right, this.#atOperator() ? this.token.startOffset : at));
    });
    return left;
  });

  protected readonly affineOperand = this.RULE(
    "affineOperand",
    (): AffineExpr =>
      this.OR({
        DEF: [
          {
            ALT: () => {
              this.CONSUME(T.LParen);
              const inner = this.SUBRULE(this.affineExpr);
              this.CONSUME(T.RParen);
              return inner;
            },
          },
          {
            ALT: () => {
              this.CONSUME(T.Minus);
              this.ACTION(() => this.enter());
              const operand = this.SUBRULE(this.affineOperand);
              return this.ACTION(() => {
                this.leave();
                return affine.mul(operand, affine.constant(-1));
              });
            },
          },
          {
            ALT: () => {
              const token = this.CONSUME(T.Integer);
              return this.ACTION(() => affine.constant(this.#constant(token.startOffset, token.image)));
            },
          },
          { ALT: () => this.SUBRULE(this.affineValue) },
          {
            ALT: () => {
              this.CONSUME(T.Key.symbol);
              this.CONSUME2(T.LParen);
              const value = this.SUBRULE2(this.affineValue, { ARGS: [true] });
              this.CONSUME2(T.RParen);
              return value;
            },
            IGNORE_AMBIGUITIES: true,
          },
          {
            ALT: () => {
              const known = this.ACTION(() => this.#id(this.token.image));
              this.CONSUME(T.Word);
              return known;
            },
            IGNORE_AMBIGUITIES: true,
          },
        ],
        ERR_MSG: "affine expression",
      }),
  );

  /** `%i` in an expression over values. */
  protected readonly affineValue = this.RULE("affineValue", (asSymbol?: boolean): AffineExpr => {
    const token = this.CONSUME(T.ValueId);
    return this.ACTION(() => this.#value(token.startOffset, asSymbol === true));
  });

  /** `(d0, d1)[s0]` of a map or set: how many there are of each. */
  protected readonly affineSpace = this.RULE("affineSpace", () => {
    const ids = this.ACTION(() => new Map<string, AffineExpr>()) ?? new Map();
    let dims = 0;
    let symbols = 0;
    this.CONSUME(T.LParen);
    this.MANY_SEP({
      SEP: T.Comma,
      DEF: () => {
        const token = this.CONSUME(T.Word);
        this.ACTION(() => this.#declare(ids, token, affine.dim(dims++)));
      },
    });
    this.CONSUME(T.RParen);
    this.OPTION(() => {
      this.CONSUME(T.LSquare);
      this.MANY_SEP2({
        SEP: T.Comma,
        DEF: () => {
          const token = this.CONSUME2(T.Word);
          this.ACTION(() => this.#declare(ids, token, affine.symbol(symbols++)));
        },
      });
      this.CONSUME(T.RSquare);
    });
    this.ACTION(() => {
      this.#ids = ids;
      this.#values = null;
      this.#operators = 0;
    });
    return { dims, symbols };
  });

  readonly affineMapBody = this.RULE("affineMapBody", (): AffineMap => {
    const space = this.SUBRULE(this.affineSpace);
    this.CONSUME(T.Arrow);
    this.CONSUME(T.LParen);
    const results: AffineExpr[] = [];
    this.MANY_SEP({ SEP: T.Comma, DEF: () => results.push(this.SUBRULE(this.affineExpr)) });
    this.CONSUME(T.RParen);
    return this.ACTION(() => affine.affineMap(space.dims, space.symbols, results));
  });

  readonly affineSetBody = this.RULE("affineSetBody", (): AffineSet => {
    const space = this.SUBRULE(this.affineSpace);
    this.CONSUME(T.Colon);
    this.CONSUME(T.LParen);
    const constraints: { expr: AffineExpr; equality: boolean }[] = [];
    this.MANY_SEP({ SEP: T.Comma, DEF: () => constraints.push(this.SUBRULE(this.affineConstraint)) });
    this.CONSUME(T.RParen);
    return this.ACTION(() => affine.affineSet(space.dims, space.symbols, constraints));
  });

  /** `e >= 0`, `e == 0`, `e <= c`; everything is brought to a comparison with 0. */
  protected readonly affineConstraint = this.RULE("affineConstraint", () => {
    const left = this.SUBRULE(this.affineExpr);
    const relation = this.OR({
      DEF: [
        { ALT: () => this.consumeAs(T.Greater, ">=") },
        { ALT: () => this.consumeAs(T.Less, "<=") },
        { ALT: () => this.consumeAs(T.Equal, "==") },
      ],
      ERR_MSG: "'== affine-expr' or '>= affine-expr' at end of affine constraint",
    });
    this.CONSUME2(T.Equal);
    const right = this.SUBRULE2(this.affineExpr);
    return this.ACTION(() => ({
      expr: relation === "<=" ? affine.sub(right, left) : affine.sub(left, right),
      equality: relation === "==",
    }));
  });

  /** Runs a rule on expressions over SSA values, whose names go to `names`. */
  overValues<R>(names: ValueNames, run: () => R): R {
    this.#values = names;
    this.#ids = new Map();
    this.#operators = 0;
    try {
      return run();
    } finally {
      this.#values = null;
    }
  }

  #declare(ids: Map<string, AffineExpr>, token: { image: string; startOffset: number }, means: AffineExpr): void {
    const name = token.image;
    if (ids.has(name)) {
      this.fail("parse/redefinition", `redefinition of identifier '${name}'`, token.startOffset);
    }
    ids.set(name, means);
  }

  #id(name: string): AffineExpr {
    const found = this.#ids.get(name);
    return found ?? this.wrongToken("use of undeclared identifier", "parse/undefined-name");
  }

  #atOperator(): boolean {
    return [T.Star, T.Key.floordiv, T.Key.ceildiv, T.Key.mod].some((t) => this.isNext(t));
  }

  #needsOperand(side: "left" | "right"): void {
    if (side === "right" && ++this.#operators > OPERATOR_LIMIT) {
      this.fail("parse/nesting", `an affine expression has more than ${OPERATOR_LIMIT} operators`);
    }
    if (this.isNext(T.Plus) || this.isNext(T.Star)) {
      this.fail("parse/syntax", `missing ${side} operand of binary operator`);
    }
    const isOperand = this.isWord() || [T.Integer, T.LParen, T.Minus, T.ValueId, T.Bad].some((t) => this.isNext(t));
    if (isOperand) return;
    if (side === "right") this.wrongToken("missing right operand of binary operator");
    this.fail("parse/syntax", "expected affine expression");
  }

  #constant(at: number, image: string): number {
    const value = Number(image);
    if (!Number.isSafeInteger(value)) {
      this.fail("parse/syntax", "constant too large for index", at, at + image.length);
    }
    return value;
  }

  #value(at: number, asSymbol: boolean): AffineExpr {
    const names = this.#values;
    if (!names) return this.fail("parse/syntax", "expected affine expression", at);
    const operand = this.valueUse(at);
    const list = asSymbol ? names.symbols : names.dims;
    let index = list.findIndex((o) => o.name === operand.name && o.number === operand.number);
    if (index < 0) index = list.push(operand) - 1;
    return asSymbol ? affine.symbol(index) : affine.dim(index);
  }

  /** The SSA use that was just consumed at `at`; takes a following `#1`. */
  abstract valueUse(at: number): UnresolvedOperand;

  #combine(operator: Operator, a: AffineExpr, b: AffineExpr, at: number): AffineExpr {
    if (operator === "*" && !affine.isSymbolic(a) && !affine.isSymbolic(b)) {
      this.fail(
        "parse/syntax",
        "non-affine expression: at least one of the multiply operands has to be either a constant or symbolic",
        at,
      );
    }
    if (operator !== "*" && !affine.isSymbolic(b)) {
      const message = `non-affine expression: right operand of ${operator} has to be either a constant or symbolic`;
      this.fail("parse/syntax", message, at);
    }
    return affine.combine(operator, a, b);
  }
}
