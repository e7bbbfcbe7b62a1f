/**
 * @file Large constants as strings of their bytes. A compiler takes a microsecond or more for each number of an
 * initializer, and keeps a hundred bytes for it: 15 s and 1 GB for 14 MB of floats by gcc 12; 1.6 s and 0.2 GB for strings.
 */
import type { ByteWriter } from "../../support/bytes.ts";

/** Bytes of a row: C99 promises 4095 characters of a string. */
const rowBytes = 4000;
const lineLength = 112;

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));

/** Of each byte, the shortest text; digits behind an octal escape would be read as part of it, so there are full ones. */
const plain = (x: number): boolean => x >= 0x20 && x < 0x7f && !'"\\?'.includes(String.fromCharCode(x));
const shortest = Array.from({ length: 256 }, (_, x) => ascii(plain(x) ? String.fromCharCode(x) : `\\${x.toString(8)}`));
const complete = Array.from({ length: 256 }, (_, x) =>
  plain(x) ? shortest[x]! : ascii(`\\${x.toString(8).padStart(3, "0")}`),
);
const isOctal = (x: number | undefined): boolean => x !== undefined && x >= 0x30 && x <= 0x37;

/** The type of what holds the bytes and is read as elements: `name` is its tag. */
export function stringType(name: string, ctype: string, count: number, bytes: number): string {
  const rows = Math.floor(bytes / rowBytes);
  const rest = bytes % rowBytes;
  const fields = [
    ...(rows > 0 ? [`char rows[${rows}][${rowBytes}];`] : []),
    ...(rest > 0 ? [`char rest[${rest}];`] : []),
  ];
  return `union ${name} { struct { ${fields.join(" ")} } text; ${ctype} elements[${count}]; }`;
}

/** The initializer of a `stringType`. */
export function writeStrings(w: ByteWriter, bytes: Uint8Array): void {
  const rows = Math.floor(bytes.length / rowBytes);
  w.utf8("{{");
  if (rows > 0) {
    w.utf8("{");
    for (let r = 0; r < rows; r++) writeRow(w, bytes.subarray(r * rowBytes, (r + 1) * rowBytes), ",");
    w.utf8("}");
  }
  if (bytes.length % rowBytes > 0) writeRow(w, bytes.subarray(rows * rowBytes), "", rows > 0 ? "," : "");
  w.utf8("}}");
}

const quote = 0x22;
const newline = 0x0a;

function writeRow(w: ByteWriter, bytes: Uint8Array, after: string, before = ""): void {
  // Four characters a byte, and quotes and a newline a line.
  const text = new Uint8Array(bytes.length * 4 + Math.ceil((bytes.length * 4) / (lineLength - 8) + 1) * 3);
  let at = 0;
  let column = lineLength;
  for (let i = 0; i < bytes.length; i++) {
    if (column >= lineLength - 4) {
      if (i > 0) text[at++] = quote;
      text[at++] = newline;
      text[at++] = quote;
      column = 1;
    }
    const piece = (isOctal(bytes[i + 1]) ? complete : shortest)[bytes[i]!]!;
    text.set(piece, at);
    at += piece.length;
    column += piece.length;
  }
  text[at++] = quote;
  w.utf8(before);
  w.append(text.subarray(0, at));
  w.utf8(after);
}

/** What a file with such strings begins with. */
export const stringGuards: readonly string[] = [
  "#if defined(__BYTE_ORDER__) && defined(__ORDER_BIG_ENDIAN__)",
  "#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__",
  '#error "sluice: these weights are the bytes of a little-endian machine"',
  "#endif",
  "#endif",
  "/* The strings have no zero behind them. */",
  "#if (defined(__clang__) && __clang_major__ >= 21) || (defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 15)",
  '#pragma GCC diagnostic ignored "-Wunterminated-string-initialization"',
  "#endif",
];
