/**
 * @file The lexer: one token at a time, from any offset. It keeps no list, so the parser may go back, or ask for a piece
 * of text that has a lexical form of its own (the dimensions of a shape, the body of a dialect's attribute).
 */
import type { TokenType } from "chevrotain";
import { HASH_START, hashStep } from "./text-cache.ts";
import * as T from "./tokens.ts";

const LETTER = 1;
const DIGIT = 2;
/** `$` and `.` go on in words, `-` in names with a sigil as well. */
const WORD_MARK = 4;
const SUFFIX_MARK = 8;
const HEX = 16;
const BLANK = 32;

const classes = new Uint8Array(128);
for (let c = 0x41; c <= 0x5a; c++) classes[c] = classes[c + 32] = LETTER;
for (let c = 0x30; c <= 0x39; c++) classes[c] = DIGIT | HEX;
for (const c of "abcdefABCDEF") classes[c.charCodeAt(0)]! |= HEX;
classes[0x5f] = LETTER;
classes[0x24] = classes[0x2e] = WORD_MARK;
classes[0x2d] = SUFFIX_MARK;
for (const c of [0, 9, 10, 13, 32]) classes[c] = BLANK;
const classOf = (c: number): number => (c < 128 ? classes[c]! : 0);

/** What a token is, by its first character; the rest are the classes above. */
const SIGIL = 64;
const MARK = 128;
const index = (type: TokenType): number => type.tokenTypeIdx!;
const leads = classes.slice();
/** The token of a sigil or of a mark of one character. */
const tokenOf = new Uint16Array(128);
for (const [mark, type] of T.marks) {
  if (mark.length !== 1) continue;
  tokenOf[mark.charCodeAt(0)] = index(type);
  leads[mark.charCodeAt(0)] = MARK;
}
/** These may begin something longer. */
for (const mark of "-{") leads[mark.charCodeAt(0)] = 0;
const sigilFaults = new Map<number, string>();
for (const [sigil, type, fault] of [
  ["%", T.ValueId, "invalid SSA name"],
  ["#", T.HashId, "invalid attribute name"],
  ["!", T.TypeId, "invalid type identifier"],
  ["^", T.BlockId, "invalid block name"],
] as const) {
  tokenOf[sigil.charCodeAt(0)] = index(type);
  leads[sigil.charCodeAt(0)] = SIGIL;
  sigilFaults.set(index(type), fault);
}
const keywords = new Map([...T.keywords].map(([word, type]) => [word, index(type)]));
const WORD = index(T.Word);
const INTEGER = index(T.Integer);
const FLOAT = index(T.FloatLiteral);
const STRING = index(T.StringLiteral);
const SYMBOL = index(T.SymbolId);
const HASH_ID = index(T.HashId);
const BAD = index(T.Bad);
const END = index(T.End);

/** The lengths of the keywords that start with each letter, as bits. */
const keywordLengths = new Int32Array(128);
for (const k of T.keywords.keys()) keywordLengths[k.charCodeAt(0)]! |= 1 << k.length;
const mayBeKeyword = (first: number, length: number): boolean =>
  length < 32 && (keywordLengths[first]! & (1 << length)) !== 0;

/** Text that is compared with text read before is no longer than this. */
const GUESS = 400;
const brackets = new Int8Array(128);
for (const c of "<([{") brackets[c.charCodeAt(0)] = 1;
for (const c of ">)]}") brackets[c.charCodeAt(0)] = -1;

export class Lexer {
  text = "";
  /** Where the next token is looked for. */
  at = 0;
  /** What is wrong with the last Bad token, and where. */
  fault = "";
  /** The hash of the text that was guessed last. */
  hash = 0;
  faultAt = 0;

  start(text: string): void {
    this.text = text;
    this.at = 0;
  }

  /** Skips blanks and comments; answers the offset of the next token. */
  skip(): number {
    const { text } = this;
    let at = this.at;
    for (;;) {
      const c = text.charCodeAt(at);
      if (c === 32 || c === 10 || c === 13 || c === 9 || (c === 0 && at < text.length)) at++;
      else if (c === 0x2f && text.charCodeAt(at + 1) === 0x2f) {
        const end = text.indexOf("\n", at);
        at = end < 0 ? text.length : end + 1;
      } else break;
    }
    this.at = at;
    return at;
  }

  next(into: T.Token): void {
    const { text } = this;
    let start = this.at;
    let c = text.charCodeAt(start);
    if (c <= 32 || c === 0x2f) {
      start = this.skip();
      c = text.charCodeAt(start);
    }
    if (c < 128) {
      const lead = leads[c]!;
      if (lead === MARK) into.set(tokenOf[c]!, start, start + 1);
      else if (lead === SIGIL) this.#sigil(into, start, tokenOf[c]!);
      else if (lead & LETTER) this.#word(into, start, c);
      else if (lead & DIGIT) this.#number(into, start);
      else this.#mark(into, start, c);
    } else if (Number.isNaN(c)) into.set(END, start, start);
    else this.#bad(into, start, start + 1, "unexpected character");
    this.at = into.end;
  }

  #word(into: T.Token, start: number, first: number): void {
    const { text } = this;
    let at = start + 1;
    while (classOf(text.charCodeAt(at)) & (LETTER | DIGIT | WORD_MARK)) at++;
    const type = mayBeKeyword(first, at - start) ? (keywords.get(text.slice(start, at)) ?? WORD) : WORD;
    into.set(type, start, at);
  }

  #sigil(into: T.Token, start: number, type: number): void {
    const { text } = this;
    let at = start + 1;
    const c = text.charCodeAt(at);
    const k = classOf(c);
    if (k & DIGIT) {
      do at++;
      while (classOf(text.charCodeAt(at)) & DIGIT);
    } else if (k & (LETTER | WORD_MARK | SUFFIX_MARK)) {
      if (type === HASH_ID && text.startsWith("-}", at)) {
        into.set(index(T.MetadataClose), start, at + 2);
        return;
      }
      do at++;
      while (classOf(text.charCodeAt(at)) & (LETTER | DIGIT | WORD_MARK | SUFFIX_MARK));
    } else {
      this.#bad(into, start, at, sigilFaults.get(type)!);
      return;
    }
    into.set(type, start, at);
  }

  #number(into: T.Token, start: number): void {
    const { text } = this;
    let at = start + 1;
    if (text.charCodeAt(start) === 0x30 && text.charCodeAt(at) === 0x78 && classOf(text.charCodeAt(at + 1)) & HEX) {
      at += 2;
      while (classOf(text.charCodeAt(at)) & HEX) at++;
      into.set(INTEGER, start, at);
      return;
    }
    while (classOf(text.charCodeAt(at)) & DIGIT) at++;
    if (text.charCodeAt(at) !== 0x2e) {
      into.set(INTEGER, start, at);
      return;
    }
    at++;
    while (classOf(text.charCodeAt(at)) & DIGIT) at++;
    const e = text.charCodeAt(at);
    if (e === 0x65 || e === 0x45) {
      const sign = text.charCodeAt(at + 1);
      const first = sign === 0x2b || sign === 0x2d ? at + 2 : at + 1;
      if (classOf(text.charCodeAt(first)) & DIGIT) {
        at = first + 1;
        while (classOf(text.charCodeAt(at)) & DIGIT) at++;
      }
    }
    into.set(FLOAT, start, at);
  }

  #mark(into: T.Token, start: number, c: number): void {
    const { text } = this;
    switch (c) {
      case 0x22:
        this.#string(into, start, STRING);
        return;
      case 0x40: {
        const next = text.charCodeAt(start + 1);
        if (next === 0x22) this.#string(into, start + 1, SYMBOL, start);
        else if (classOf(next) & LETTER) {
          let at = start + 2;
          while (classOf(text.charCodeAt(at)) & (LETTER | DIGIT | WORD_MARK)) at++;
          into.set(SYMBOL, start, at);
        } else this.#bad(into, start, start + 1, "@ identifier expected to start with letter or '_'", start + 1);
        return;
      }
      case 0x2d:
        if (text.charCodeAt(start + 1) === 0x3e) {
          into.set(index(T.Arrow), start, start + 2);
          return;
        }
        break;
      case 0x2e:
        if (text.startsWith("..", start + 1)) into.set(index(T.Ellipsis), start, start + 3);
        else this.#bad(into, start, start + 1, "expected three consecutive dots for an ellipsis");
        return;
      case 0x7b:
        if (text.startsWith("-#", start + 1)) {
          into.set(index(T.MetadataOpen), start, start + 3);
          return;
        }
        break;
    }
    if (c === 0x2d || c === 0x7b) into.set(tokenOf[c]!, start, start + 1);
    else this.#bad(into, start, start + 1, "unexpected character");
  }

  /** A literal whose opening quote is at `quote`. */
  #string(into: T.Token, quote: number, type: number, start = quote): void {
    const { text } = this;
    for (let at = quote + 1; ; at++) {
      const c = text.charCodeAt(at);
      if (c === 0x22) {
        into.set(type, start, at + 1);
        return;
      }
      if (c === 0x5c) {
        const e = text.charCodeAt(at + 1);
        if (e === 0x22 || e === 0x5c || e === 0x6e || e === 0x74) at++;
        else if (classOf(e) & HEX && classOf(text.charCodeAt(at + 2)) & HEX) at += 2;
        else {
          this.#bad(into, start, at + 1, "unknown escape in string literal", at + 1);
          return;
        }
      } else if (Number.isNaN(c) || c === 10 || c === 11 || c === 12) {
        this.#bad(into, start, at, "expected '\"' in string literal", at);
        return;
      }
    }
  }

  #bad(into: T.Token, start: number, end: number, fault: string, at = start): void {
    this.fault = fault;
    this.faultAt = at;
    into.set(BAD, start, end);
  }

  /** Takes the dimensions of a shape: `4x?x`, `*x`, `[4]x2x`, or nothing. The last `x` belongs to them. */
  dimensions(into: T.Token): void {
    const start = this.skip();
    const { text } = this;
    let end = start;
    for (let at = start; ; ) {
      const c = text.charCodeAt(at);
      if (c === 0x3f || c === 0x2a) at++;
      else if (c === 0x5b) {
        do at++;
        while (classOf(text.charCodeAt(at)) & (DIGIT | BLANK));
        if (text.charCodeAt(at) !== 0x5d) break;
        at++;
      } else if (classOf(c) & DIGIT) {
        do at++;
        while (classOf(text.charCodeAt(at)) & DIGIT);
      } else break;
      while (classOf(text.charCodeAt(at)) & BLANK) at++;
      if (text.charCodeAt(at) !== 0x78) break;
      at++;
      end = at;
      while (classOf(text.charCodeAt(at)) & BLANK) at++;
    }
    into.set(index(T.Dimensions), start, end);
    this.at = end;
  }

  /**
   * A guess at the end of bracketed text: after as many closing brackets as opening ones, of whatever kind; -1 if it is
   * long. To be compared with text that is known to be well formed.
   */
  bracketEnd(open: number): number {
    const { text } = this;
    const limit = Math.min(text.length, open + GUESS);
    let depth = 0;
    let before = 0;
    let hash = this.hash;
    for (let at = open; at < limit; at++) {
      const c = text.charCodeAt(at);
      hash = hashStep(hash, c);
      const step = brackets[c & 127]!;
      if (step !== 0 && !(c === 0x3e && before === 0x2d)) {
        depth += step;
        if (depth === 0) {
          this.hash = hash;
          return at + 1;
        }
      }
      before = c;
    }
    return -1;
  }

  /** A guess at the end of `(…) -> T` or `(…) -> (…)`; -1 if it is not that. */
  functionEnd(open: number): number {
    const { text } = this;
    this.hash = HASH_START;
    const close = this.bracketEnd(open);
    if (close < 0) return -1;
    let at = close;
    while (text.charCodeAt(at) === 32) at++;
    if (text.charCodeAt(at) !== 0x2d || text.charCodeAt(at + 1) !== 0x3e) return -1;
    at += 2;
    while (text.charCodeAt(at) === 32) at++;
    if (text.charCodeAt(at) === 0x28) {
      this.#hashTo(close, at);
      return this.bracketEnd(at);
    }
    while (classOf(text.charCodeAt(at)) & (LETTER | DIGIT | WORD_MARK | SUFFIX_MARK) || text.charCodeAt(at) === 0x21)
      at++;
    this.#hashTo(close, at);
    return text.charCodeAt(at) === 0x3c ? this.bracketEnd(at) : at;
  }

  #hashTo(start: number, end: number): void {
    for (let at = start; at < end; at++) this.hash = hashStep(this.hash, this.text.charCodeAt(at));
  }

  /** A guess at the end of the type whose first token ends at `end`: behind the brackets that follow at once. */
  typeEnd(start: number, end: number): number {
    this.hash = HASH_START;
    this.#hashTo(start, end);
    return this.text.charCodeAt(end) === 0x3c ? this.bracketEnd(end) : end;
  }

  /** A guess at the end of a dictionary. */
  dictionaryEnd(open: number): number {
    this.hash = HASH_START;
    return this.bracketEnd(open);
  }

  /**
   * A guess at the end of the value of a dictionary's entry: before the comma or brace that ends it, or -1 if that is far
   * away. To be compared with values that ended there.
   */
  entryEnd(start: number): number {
    const { text } = this;
    const limit = Math.min(text.length, start + GUESS);
    let depth = 0;
    let before = 0;
    let hash = HASH_START;
    for (let at = start; at < limit; at++) {
      const c = text.charCodeAt(at);
      if (c === 0x22) {
        // The brackets and commas of a string are its own.
        let quoted = at;
        do {
          hash = hashStep(hash, text.charCodeAt(quoted));
          if (text.charCodeAt(quoted) === 0x5c) hash = hashStep(hash, text.charCodeAt(++quoted));
          quoted++;
        } while (quoted < limit && text.charCodeAt(quoted) !== 0x22);
        at = quoted;
        hash = hashStep(hash, 0x22);
        before = 0x22;
        continue;
      }
      const step = brackets[c & 127]!;
      if (depth === 0 && (c === 0x2c || c === 0x7d)) {
        this.hash = hash;
        return at;
      }
      hash = hashStep(hash, c);
      if (step !== 0 && !(c === 0x3e && before === 0x2d)) depth += step;
      before = c;
    }
    return -1;
  }

  /**
   * The end of balanced text that opens with a bracket at `open`: after the bracket that closes it, or -1. Strings are
   * skipped, `->` is no bracket.
   */
  balanced(open: number): number {
    const { text } = this;
    const wanted: number[] = [];
    for (let at = open; ; at++) {
      const c = text.charCodeAt(at);
      switch (c) {
        case 0x3c:
          wanted.push(0x3e);
          break;
        case 0x28:
          wanted.push(0x29);
          break;
        case 0x5b:
          wanted.push(0x5d);
          break;
        case 0x7b:
          wanted.push(0x7d);
          break;
        case 0x2d:
          if (text.charCodeAt(at + 1) === 0x3e) at++;
          break;
        case 0x3e:
        case 0x29:
        case 0x5d:
        case 0x7d:
          if (wanted.pop() !== c) return -1;
          if (wanted.length === 0) return at + 1;
          break;
        case 0x22:
          for (at++; at < text.length && text.charCodeAt(at) !== 0x22; at++) if (text.charCodeAt(at) === 0x5c) at++;
          break;
        default:
          if (Number.isNaN(c)) return -1;
      }
    }
  }
}
