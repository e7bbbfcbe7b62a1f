/**
 * @file The token types of MLIR's text, for Chevrotain's grammar; lexer.ts makes the tokens. Keywords are words (they may
 * name attributes and ops), so each is in the category Word.
 */
import { Lexer as ChevrotainLexer, createToken, type IToken, type TokenType } from "chevrotain";

const kind = (name: string, label: string, categories: TokenType[] = []): TokenType =>
  createToken({ name, label, pattern: ChevrotainLexer.NA, categories });

/** A bare identifier or keyword: `func.func`, `dense`, `i32`. */
export const Word = kind("Word", "bare identifier");

/** Words that the grammar itself knows. Elsewhere they are words like any other. */
const keywordNames = [
  "tensor",
  "vector",
  "memref",
  "complex",
  "tuple",
  "none",
  "true",
  "false",
  "unit",
  "dense",
  "sparse",
  "dense_resource",
  "array",
  "affine_map",
  "affine_set",
  "strided",
  "distinct",
  "loc",
  "callsite",
  "fused",
  "at",
  "floordiv",
  "ceildiv",
  "mod",
  "symbol",
  "offset",
] as const;
type Keyword = (typeof keywordNames)[number];
export const Key = Object.fromEntries(keywordNames.map((k) => [k, kind(`Key_${k}`, `'${k}'`, [Word])])) as Readonly<
  Record<Keyword, TokenType>
>;
export const keywords: ReadonlyMap<string, TokenType> = new Map(Object.entries(Key));

/** `%x`, `@x`, `#x`, `!x`, `^x`. */
export const ValueId = kind("ValueId", "SSA operand");
export const SymbolId = kind("SymbolId", "symbol name");
export const HashId = kind("HashId", "attribute alias or dialect attribute");
export const TypeId = kind("TypeId", "type alias or dialect type");
export const BlockId = kind("BlockId", "block name");

export const Integer = kind("Integer", "integer literal");
export const FloatLiteral = kind("FloatLiteral", "floating point literal");
export const StringLiteral = kind("StringLiteral", "string literal");

export const LParen = kind("LParen", "'('");
export const RParen = kind("RParen", "')'");
export const LSquare = kind("LSquare", "'['");
export const RSquare = kind("RSquare", "']'");
export const LBrace = kind("LBrace", "'{'");
export const RBrace = kind("RBrace", "'}'");
export const Less = kind("Less", "'<'");
export const Greater = kind("Greater", "'>'");
export const Comma = kind("Comma", "','");
export const Colon = kind("Colon", "':'");
export const Equal = kind("Equal", "'='");
export const Arrow = kind("Arrow", "'->'");
export const Minus = kind("Minus", "'-'");
export const Plus = kind("Plus", "'+'");
export const Star = kind("Star", "'*'");
export const Question = kind("Question", "'?'");
export const Bar = kind("Bar", "'|'");
export const Slash = kind("Slash", "'/'");
export const Ellipsis = kind("Ellipsis", "'...'");
export const MetadataOpen = kind("MetadataOpen", "'{-#'");
export const MetadataClose = kind("MetadataClose", "'#-}'");

/** What the parser asks the lexer for where the text has a lexical form of its own (see `TokenParser`). */
export const Dimensions = kind("Dimensions", "dimension list");
export const DialectBody = kind("DialectBody", "dialect attribute or type");

/** Characters that are no token; the lexer knows what is wrong with them. */
export const Bad = kind("Bad", "invalid token");
export const End = kind("End", "end of the text");

/** The mark a token type stands for, for those that are marks. */
export const marks: ReadonlyMap<string, TokenType> = new Map(
  [
    LParen,
    RParen,
    LSquare,
    RSquare,
    LBrace,
    RBrace,
    Less,
    Greater,
    Comma,
    Colon,
    Equal,
    Arrow,
    Minus,
    Plus,
    Star,
    Question,
    Bar,
    Slash,
    Ellipsis,
  ].map((t) => [t.LABEL!.slice(1, -1), t]),
);

export const allTokens: readonly TokenType[] = [
  Word,
  ...keywords.values(),
  ValueId,
  SymbolId,
  HashId,
  TypeId,
  BlockId,
  Integer,
  FloatLiteral,
  StringLiteral,
  ...marks.values(),
  MetadataOpen,
  MetadataClose,
  Dimensions,
  DialectBody,
  Bad,
  End,
];

/** By `tokenTypeIdx`. */
const byIndex: TokenType[] = [];
for (const type of allTokens) byIndex[type.tokenTypeIdx!] = type;

/** A token of the stream. Tokens are reused after a while: whoever wants a fact of one later takes it at once. */
export class Token implements IToken {
  tokenTypeIdx = End.tokenTypeIdx!;
  startOffset = 0;
  /** Exclusive. */
  end = 0;
  /** The text that the lexer reads from. */
  text = "";

  get tokenType(): TokenType {
    return byIndex[this.tokenTypeIdx]!;
  }

  get image(): string {
    return this.text.slice(this.startOffset, this.end);
  }

  set(index: number, start: number, end: number): void {
    this.tokenTypeIdx = index;
    this.startOffset = start;
    this.end = end;
  }
}
