/** @file Where to go on reading after a fault: the next line that starts a statement at the depth of the faulty one. */
import type { TokenType } from "chevrotain";
import { Lexer } from "./lexer.ts";
import * as T from "./tokens.ts";

export interface Resumption {
  readonly offset: number;
  /** Names whose definitions stand in the text that is skipped. */
  readonly lost: readonly string[];
}

const starters: ReadonlySet<TokenType> = new Set([T.ValueId, T.StringLiteral, T.Word, T.BlockId, T.HashId, T.TypeId]);

/**
 * The place behind a faulty statement that starts at `start`; the fault was found at `fault`. Braces are trusted;
 * other brackets only as long as no line plainly starts an op (`isOp` knows the names of those that need no quotes).
 */
export function resumeAfter(text: string, start: number, fault: number, isOp: (name: string) => boolean): Resumption {
  const lexer = new Lexer();
  lexer.start(text);
  lexer.at = start;
  const token = new T.Token();
  const lost: string[] = [];
  let braces = 0;
  let others = 0;
  let line = start;
  for (let end = start; ; end = token.end) {
    lexer.next(token);
    const at = token.startOffset;
    const type = token.tokenType;
    const opensLine = at > start && hasLineBreak(text, end, at);
    if (opensLine) line = at;
    if (type === T.End) return { offset: at, lost };
    if (
      opensLine &&
      at > fault &&
      braces <= 0 &&
      starters.has(type) &&
      (others <= 0 || isPlainStart(text, token, isOp))
    ) {
      return { offset: at, lost };
    }
    if (type === T.LBrace) braces++;
    else if (type === T.RBrace) {
      if (braces === 0 && at >= fault && at > start) return { offset: at, lost };
      if (braces > 0) braces--;
    } else if (type === T.LParen || type === T.LSquare) others++;
    else if (type === T.RParen || type === T.RSquare) others--;
    else if (type === T.ValueId && line === at && braces === 0 && at > fault) {
      lost.push(token.image.slice(1));
    }
  }
}

function hasLineBreak(text: string, from: number, to: number): boolean {
  const at = text.indexOf("\n", from);
  return at >= 0 && at < to;
}

const PLAIN = /%[\w$.-]+(:\d+)?\s*(=|,\s*%)|"[\w.$-]+"\s*\(|\^[\w$.-]+\s*[:(]/y;

/** The line starts an op or a block beyond doubt. */
function isPlainStart(text: string, token: T.Token, isOp: (name: string) => boolean): boolean {
  if (token.tokenType === T.Word) return isOp(token.image);
  PLAIN.lastIndex = token.startOffset;
  return PLAIN.test(text);
}
