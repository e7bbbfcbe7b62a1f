/**
 * @file The bytes dialect: words of 32 bits that hold four bytes, the first one lowest, and sums of products of two such words,
 * which machines without vectors of bytes have instructions for.
 */
import { exactly, Index, type Like, MemRef, where } from "../ir/constraints.ts";
import { defineDialect, defineOp } from "../ir/define.ts";
import { reads } from "../ir/effects.ts";
import { many, one } from "../ir/fields.ts";
import { stridedOf } from "../ir/strided.ts";
import { Elementwise, Pure, sameTypes } from "../ir/traits.ts";
import { elementOf, i8, i32, type MemRefType, type Type, type VectorType } from "../ir/types.ts";
import { NDArray } from "../support/ndarray.ts";
import { vectorAt } from "./vector/memory.ts";

const scalarOf = (t: Type): Type => (t.kind === "vector" || t.kind === "tensor" ? elementOf(t) : t);
const Byte = exactly(i8);
const Word = where<Like<typeof i32>>("word-like", (t) => scalarOf(t) === i32);

/** Bytes of a word. */
export const perWord = 4;

const packed = (a: number, b: number, c: number, d: number): number =>
  (a & 255) | ((b & 255) << 8) | ((c & 255) << 16) | (d << 24);

export const pack = defineOp("bytes.pack", {
  doc: "Four bytes as a word, the first one lowest.",
  operands: [one("a", Byte), one("b", Byte), one("c", Byte), one("d", Byte)],
  results: [one("result", exactly(i32))],
  traits: [Pure],
  infer: () => [i32],
  assembly: "$a `,` $b `,` $c `,` $d attr-dict",
  evaluate: ({ a, b, c, d }) => packed(Number(a), Number(b), Number(c), Number(d)),
});

/** The sum of products of the bytes of two words, which have signs. */
function dotOf(a: number, b: number): number {
  let sum = 0;
  for (let shift = 0; shift < 32; shift += 8) sum += ((a << (24 - shift)) >> 24) * ((b << (24 - shift)) >> 24);
  return sum;
}

export const dot = defineOp("bytes.dot", {
  doc: "The sum of the four products of the bytes of two words, which have signs (`dot4I8Packed`).",
  scalar: () => dotOf,
  operands: [one("lhs", Word), one("rhs", Word)],
  results: [one("result", Word)],
  traits: [Pure, Elementwise, sameTypes("lhs", "rhs", "result")],
  infer: ({ lhs }) => [lhs.type],
  assembly: "$lhs `,` $rhs attr-dict `:` type($result)",
});

export const load = defineOp("bytes.load", {
  doc: "Reads the word, or the words, that neighbours in a buffer of bytes make.",
  operands: [one("base", MemRef), many("indices", Index)],
  results: [one("result", Word)],
  assembly: "$base `[` $indices `]` attr-dict `:` type($base) `,` type($result)",
  effects: ({ base }) => [reads(base)],
  verify({ base, indices, result }, fail) {
    const from = base.type;
    if (from.element !== i8) fail("the buffer is one of bytes");
    if (indices.length !== from.shape.length)
      fail(`requires ${from.shape.length} indices`, { code: "verify/operands" });
    if (from.shape.length === 0 || stridedOf(from)?.strides.at(-1) !== 1) fail("the bytes of a word are neighbours");
    if (result.type.kind === "tensor" || (result.type.kind === "vector" && result.type.shape.length !== 1))
      fail("what is read is a word or a row of words");
  },
  evaluate({ base, indices }, run) {
    const type = run.resultType(0);
    const count = type.kind === "vector" ? (type as VectorType).shape[0]! : 1;
    const bytes = Array.from(vectorAt(base, indices.map(Number), [count * perWord], run).values(), Number);
    const words = Array.from({ length: count }, (_, i) =>
      packed(...(bytes.slice(i * perWord, (i + 1) * perWord) as [number, number, number, number])),
    );
    return type.kind === "vector" ? NDArray.from("i32", [count], words) : words[0]!;
  },
});

/** Rows of a buffer that words can be read from. */
export const hasWords = (t: MemRefType): boolean =>
  t.element === i8 && t.shape.length > 0 && stridedOf(t)?.strides.at(-1) === 1;

export const dialect = defineDialect("bytes", {
  extension: true,
  doc: "Words of four bytes: bytes as words, words out of buffers of bytes, and sums of products of two words.",
  ops: [pack, dot, load],
});
