/**
 * @file The ground of the grammar: Chevrotain's parser over our own stream of tokens, with a window of one. What it needs
 * of its own lexer is overridden (LA, LA_FAST, consumeToken …), which Chevrotain documents as points of extension.
 */
import {
  EmbeddedActionsParser,
  type IParserErrorMessageProvider,
  type IToken,
  isRecognitionException,
  type TokenType,
} from "chevrotain";
import type { Code } from "../support/codes.ts";
import type { DiagnosticExtras } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import { span } from "../support/location.ts";
import { Source } from "../support/source.ts";
import { Lexer } from "./lexer.ts";
import * as T from "./tokens.ts";

/** A fault of the text. It leaves the statement at hand; the list of statements catches it and goes on behind. */
export class Fault extends Error {
  readonly code: Code;
  readonly start: number;
  readonly end: number;
  readonly extras: DiagnosticExtras;
  /** The diagnostic has been reported already. */
  readonly silent: boolean;

  constructor(code: Code, message: string, start: number, end: number, extras: DiagnosticExtras = {}, silent = false) {
    super(message);
    this.code = code;
    this.start = start;
    this.end = end;
    this.extras = extras;
    this.silent = silent;
  }
}

const wording: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => `expected ${expected.LABEL ?? expected.name}`,
  buildNotAllInputParsedMessage: () => "expected the end of the text",
  buildNoViableAltMessage: ({ customUserDescription }) => `expected ${customUserDescription ?? "something else"}`,
  buildEarlyExitMessage: ({ customUserDescription }) => `expected ${customUserDescription ?? "something else"}`,
};

/** As many tokens stay readable after they were consumed. */
const KEPT = 16;
/** Regions, types and attributes may be nested this deep in all; deeper text would exhaust the stack. */
export const NESTING_LIMIT = 160;

const index = (type: TokenType): number => type.tokenTypeIdx!;
const noText = new Source("", "");

export abstract class TokenParser extends EmbeddedActionsParser {
  source: Source = noText;
  protected readonly lexer = new Lexer();
  /** The next token. */
  token: T.Token;
  /** Where the token before it ends; 0 at the start of the text. */
  beforeEnd = 0;
  #before: T.Token;
  readonly #kept: T.Token[];
  #turn = 0;
  protected depth = 0;

  constructor(options: { readonly validate?: boolean } = {}) {
    super(T.allTokens as TokenType[], {
      recoveryEnabled: false,
      maxLookahead: 1,
      skipValidations: !options.validate,
      errorMessageProvider: wording,
    });
    this.#kept = Array.from({ length: KEPT }, () => new T.Token());
    this.token = this.#before = this.#kept[0]!;
  }

  protected open(source: Source): void {
    this.reset();
    this.source = source;
    this.lexer.start(source.text);
    for (const token of this.#kept) token.text = source.text;
    this.depth = 0;
    this.token.set(index(T.End), 0, 0);
    this.goto(0);
    this.beforeEnd = 0;
  }

  // --- the stream, as Chevrotain asks for it --------------------------------------------------------------------

  protected override LA(distance: number): IToken {
    return distance === 0 ? this.#before : this.token;
  }

  protected override LA_FAST(_distance: number): IToken {
    return this.token;
  }

  /** Part of Chevrotain's contract for other lexers; not in its type declarations. */
  consumeToken(): void {
    this.#before = this.token;
    this.beforeEnd = this.token.end;
    this.#turn = (this.#turn + 1) & (KEPT - 1);
    const next = this.#kept[this.#turn]!;
    this.lexer.next(next);
    this.token = next;
  }

  exportLexerState(): number {
    return this.token.startOffset;
  }

  importLexerState(offset: number): void {
    this.goto(offset);
  }

  resetLexerState(): void {}
  moveToTerminatedState(): void {}
  onBeforeParse(): void {}
  onAfterParse(): void {}

  // --- other ways to read -----------------------------------------------------------------------------------------

  /** Goes to an offset; the token there is the next one. */
  goto(offset: number): void {
    this.lexer.at = offset;
    this.lexer.next(this.token);
  }

  /** Goes on behind text that was read otherwise, which now counts as the token before. */
  jump(start: number, end: number): void {
    this.token.set(index(T.DialectBody), start, end);
    this.lexer.at = end;
    this.consumeToken();
  }

  /** Reads the next piece of text as the dimensions of a shape. */
  protected relexDimensions(): void {
    this.lexer.at = this.token.startOffset;
    this.lexer.dimensions(this.token);
    if (this.token.startOffset === this.token.end) this.token.set(index(T.Dimensions), this.beforeEnd, this.beforeEnd);
  }

  /** Consumes a token that stands for a value. */
  protected consumeAs<V>(type: TokenType, value: V): V {
    this.CONSUME(type);
    return value;
  }

  isNext(type: TokenType): boolean {
    return this.token.tokenTypeIdx === type.tokenTypeIdx;
  }

  takeIf(type: TokenType): boolean {
    if (this.token.tokenTypeIdx !== type.tokenTypeIdx) return false;
    this.consumeToken();
    return true;
  }

  /** The next token is this, or the statement ends here. `message` is MLIR's wording. */
  expect(type: TokenType, message = `expected ${type.LABEL}`): void {
    if (this.token.tokenTypeIdx !== type.tokenTypeIdx) this.wrongToken(message);
    this.consumeToken();
  }

  /** The next token is a word, whichever. */
  isWord(): boolean {
    const index = this.token.tokenTypeIdx;
    return index === T.Word.tokenTypeIdx || T.Word.categoryMatchesMap![index] === true;
  }

  isWordOf(text: string): boolean {
    const { token, source } = this;
    return token.end - token.startOffset === text.length && source.text.startsWith(text, token.startOffset);
  }

  // --- faults -----------------------------------------------------------------------------------------------------

  spanOf(start: number, end: number): Location {
    return span(this.source, start, end);
  }

  fail(code: Code, message: string, start = this.token.startOffset, end = this.token.end): never {
    const lexical = start === this.token.startOffset ? this.#lexical() : undefined;
    throw lexical ?? new Fault(code, message, start, end);
  }

  /** Something else is wanted than the next token. MLIR points behind the token before it, and so do we. */
  wrongToken(message: string, code: Code = "parse/syntax"): never {
    const at = this.#wantedAt();
    throw this.#lexical() ?? new Fault(code, message, at, at + 1);
  }

  #wantedAt(): number {
    return this.beforeEnd === 0 ? this.token.startOffset : this.beforeEnd;
  }

  #lexical(): Fault | undefined {
    if (!this.isNext(T.Bad)) return undefined;
    const { fault, faultAt } = this.lexer;
    return new Fault("parse/syntax", fault, faultAt, Math.max(faultAt + 1, this.token.end));
  }

  /** The fault that was thrown; anything else is a bug of ours and goes on. */
  protected faultOf(thrown: unknown): Fault {
    if (thrown instanceof Fault) return thrown;
    if (thrown instanceof Error && isRecognitionException(thrown)) {
      const at = this.#wantedAt();
      return this.#lexical() ?? new Fault("parse/syntax", thrown.message, at, at + 1);
    }
    // The limit on nesting leaves room, but not if the caller has used up the stack.
    if (thrown instanceof RangeError && thrown.message.includes("call stack")) {
      return new Fault("parse/nesting", "nesting is too deep", this.token.startOffset, this.token.end);
    }
    throw thrown;
  }

  /** Enters a level of nesting. */
  enter(): void {
    if (++this.depth > NESTING_LIMIT) {
      this.fail("parse/nesting", `nesting is deeper than ${NESTING_LIMIT} levels`);
    }
  }

  leave(): void {
    this.depth--;
  }
}
