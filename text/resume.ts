/** @file Where to go on reading after a fault: the next line that starts a statement at the depth of the faulty one. */
import type { TokenType } from "chevrotain";
import { Lexer } from "./lexer.ts";
import * as T from "./tokens.ts";

const starters: ReadonlySet<TokenType> = new Set([T.ValueId, T.StringLiteral, T.Word, T.BlockId, T.HashId, T.TypeId]);

/**
 * The place behind a faulty statement that starts at `start`; the fault was found at `fault`. Braces are trusted;
 * other brackets only as long as no line plainly starts an op (`isOp` knows the names of those that need no quotes).
 */
export function resumeAfter(text: string, start: number, fault: number, isOp: (name: string) => boolean): number {
  const lexer = new Lexer();
  lexer.start(text);
  lexer.at = start;
  const token = new T.Token();
  token.text = text;
  let braces = 0;
  let others = 0;
  for (let end = start; ; end = token.end) {
    lexer.next(token);
    const at = token.startOffset;
    const type = token.tokenType;
    const opensLine = at > start && hasLineBreak(text, end, at);
    if (type === T.End) return at;
    if (
      opensLine &&
      at > fault &&
      braces <= 0 &&
      starters.has(type) &&
      (others <= 0 || isPlainStart(text, token, isOp))
    ) {
      return at;
    }
    if (type === T.LBrace) braces++;
    else if (type === T.RBrace) {
      if (braces === 0 && at >= fault && at > start) return at;
      if (braces > 0) braces--;
    } else if (type === T.LParen || type === T.LSquare) others++;
    else if (type === T.RParen || type === T.RSquare) others--;
  }
}

function hasLineBreak(text: string, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (text.charCodeAt(at) === 10) return true;
  return false;
}

const PLAIN = /%[\w$.-]+(:\d+)?\s*(=|,\s*%)|"[\w.$-]+"\s*\(|\^[\w$.-]+\s*[:(]/y;

/** The line starts an op or a block beyond doubt. */
function isPlainStart(text: string, token: T.Token, isOp: (name: string) => boolean): boolean {
  if (token.tokenType === T.Word) return isOp(token.image);
  PLAIN.lastIndex = token.startOffset;
  return PLAIN.test(text);
}
