/**
 * @file Sums of products of four bytes each (of more: blocks.ts), in words: what the IR says as vectors of bytes that are widened, multiplied
 * and reduced into a sum is written as words, whose halves processors with DSP instructions multiply and add in pairs.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as vector from "../../dialects/vector/index.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { i8, i16, i32, type Type } from "../../ir/types.ts";
import { atom, call, type Expr } from "../source.ts";
import { blockHelpers, writeBlockPart } from "./blocks.ts";
import type { VectorWriter } from "./vectors.ts";

/** Vectors of so many elements are taken at a time: a word of bytes, or more where there are vectors of them. */
const isBlock = (t: Type, element: Type): boolean =>
  t.kind === "vector" && t.element === element && t.shape.length === 1 && [4, 8, 16].includes(t.shape[0]!);

const isFour = (t: Type, element: Type): boolean => isBlock(t, element) && t.kind === "vector" && t.shape[0] === 4;

/** Four numbers of 16 bits in two words: which of a word's bytes they are, or numbers of 16 bits from memory. */
type Halves = "as they come" | "every other" | "from memory";

/** Four bytes of a word, every other one first: what halves of words are made of. */
const isEveryOther = (v: Value): boolean => {
  const shuffle = vector.shuffle.match(v);
  return shuffle !== undefined && shuffle.v1 === shuffle.v2 && shuffle.mask.join() === "0,2,1,3" && isFour(v.type, i8);
};

/** How the numbers of a vector that is made wider lie in words. */
function halvesOf(v: Value, to: Type): Halves | undefined {
  const wide = arith.extsi.match(v) ?? arith.extui.match(v);
  if (!wide || !isBlock(v.type, to)) return undefined;
  if (isFour(wide.in.type, i16)) return arith.extsi.is(v.definingOp!) ? "from memory" : undefined;
  if (!isBlock(wide.in.type, i8)) return undefined;
  return isEveryOther(wide.in) ? "every other" : "as they come";
}

/** The factors of a sum of four products onto another sum. */
function dotOf(op: Operation): readonly [Value, Value] | undefined {
  const reduction = vector.reduction.match(op);
  if (reduction?.kind !== "add" || op.operandCount !== 2) return undefined;
  const product = arith.muli.match(reduction.vector);
  if (!product?.result.hasOneUse) return undefined;
  const [a, b] = [halvesOf(product.lhs, i32), halvesOf(product.rhs, i32)];
  if (!a || !b) return undefined;
  // Bytes that come out of words in pairs meet their like: bytes as they come each other, all else in its order.
  return (a === "as they come") === (b === "as they come") ? [product.lhs, product.rhs] : undefined;
}

/** Used, and only by what passes the test. */
export const usedBy = (op: Operation, test: (user: Operation) => boolean): boolean =>
  op.results.length === 1 && op.result().hasUses && [...op.result().uses()].every((u) => test(u.owner));

/** Halves of words, made of bytes, are written to memory. */
const isStoreOfHalves = (op: Operation): boolean => {
  const store = vector.store.match(op);
  return store !== undefined && halvesOf(store.valueToStore, i16) === "every other";
};

/** The op is part of a dot product, or of making halves of words for one, and of nothing else. */
export function isDotPart(op: Operation): boolean {
  if (vector.reduction.is(op)) return dotOf(op) !== undefined;
  if (arith.muli.is(op)) return isBlock(op.result().type, i32) && usedBy(op, (u) => dotOf(u) !== undefined);
  if (vector.store.is(op)) return isStoreOfHalves(op);
  if (arith.extsi.is(op) || arith.extui.is(op)) {
    if (halvesOf(op.result(), i16) === "every other") return usedBy(op, isStoreOfHalves);
    return halvesOf(op.result(), i32) !== undefined && usedBy(op, isDotPart);
  }
  if (vector.shuffle.is(op)) return isEveryOther(op.result()) && usedBy(op, isDotPart);
  return (
    vector.load.is(op) && (isBlock(op.result().type, i8) || isFour(op.result().type, i16)) && usedBy(op, isDotPart)
  );
}

/** The two words that hold a vector's numbers as halves. */
const halves = new WeakMap<Value, readonly [first: string, second: string]>();

/** Writes the op if it is part of a dot product. */
export function writeDotPart(op: Operation, w: VectorWriter): boolean {
  if (!isDotPart(op)) return false;
  if (w.scope.blocks) {
    writeBlockPart(op, dotOf(op), w);
    return true;
  }
  const factors = dotOf(op);
  const load = vector.load.match(op);
  const store = vector.store.match(op);
  if (factors) {
    const [x, y] = [halves.get(factors[0])!, halves.get(factors[1])!];
    const add = w.helper("add_pair");
    const first = call(add, atom(x[0]), atom(y[0]), w.expr(op.operand(1)));
    w.define(op.result(), call(add, atom(x[1]), atom(y[1]), first));
  } else if (load) {
    const { pointer, index } = w.element(load.base, load.indices);
    const at = w.addressOf(pointer, index);
    if (isFour(load.result.type, i16)) {
      const names = [w.names.fresh("h"), w.names.fresh("h")] as const;
      for (const name of names) w.out.line(`uint32_t ${name};`);
      w.out.line(`${call(w.helper("load_halves"), at, ...names.map((n) => atom(`&${n}`))).text};`);
      halves.set(load.result, names);
    } else {
      const name = w.names.fresh("q");
      w.out.line(`const uint32_t ${name} = ${call(w.helper("load_bytes"), at).text};`);
      w.bind(load.result, atom(name));
    }
  } else if (store) {
    const { pointer, index } = w.element(store.base, store.indices);
    const words = halves.get(store.valueToStore)!.map(atom);
    w.out.line(`${call(w.helper("store_halves"), w.addressOf(pointer, index), ...words).text};`);
  } else if (vector.shuffle.is(op)) {
    w.bind(op.result(), w.expr(op.operand(0)));
  } else if (!arith.muli.is(op)) {
    const known = halves.get(op.operand(0));
    if (known) halves.set(op.result(), known);
    else {
      const sign = arith.extsi.is(op) ? "s" : "u";
      const bytes = w.expr(op.operand(0));
      keep(
        op.result(),
        w,
        ["even", "odd"].map((which) => call(w.helper(`${which}_${sign}8`), bytes)),
      );
    }
  }
  return true;
}

/** Names the two words of a vector. */
function keep(v: Value, w: VectorWriter, words: readonly Expr[]): void {
  const names = words.map((e) => {
    const name = w.names.fresh("h");
    w.out.line(`const uint32_t ${name} = ${e.text};`);
    return name;
  });
  halves.set(v, names as unknown as readonly [string, string]);
}

const dsp = "defined(__ARM_FEATURE_SIMD32) && defined(__GNUC__)";

/** Halves of words lie in memory as in words. */
const little = "defined(__GNUC__) && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__";

const halvesText = (which: "even" | "odd", sign: "s" | "u"): string => {
  const byte = (shift: number): string => {
    const b = shift === 0 ? "(v & 0xffu)" : `(v >> ${shift} & 0xffu)`;
    return sign === "u" ? b : `(uint32_t)(uint16_t)(int8_t)${b}`;
  };
  const first = which === "even" ? 0 : 8;
  return `static inline uint32_t $${which}_${sign}8(uint32_t v) {
#if ${dsp}
  uint32_t r;
  __asm__ volatile("${sign}xtb16 %0, %1${which === "odd" ? ", ror #8" : ""}" : "=r"(r) : "r"(v));
  return r;
#else
  return ${byte(first)} | ${byte(first + 16)} << 16;
#endif
}`;
};

/** Helpers of dot products. */
export const dotHelpers: Readonly<Record<string, string>> = {
  ...blockHelpers,
  load_bytes: `static inline uint32_t $load_bytes(const void *p) {
#if defined(__GNUC__)
  uint32_t v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
#else
  const uint8_t *const b = (const uint8_t *)p;
  return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
#endif
}`,
  load_halves: `static inline void $load_halves(const int16_t *p, uint32_t *a, uint32_t *b) {
#if ${dsp} && !defined(__clang__)
  typedef uint64_t __attribute__((may_alias)) two;
  const two *const from = __builtin_assume_aligned(p, 8);
  __asm__ volatile("ldrd %0, %1, %2" : "=r"(*a), "=r"(*b) : "Uv"(*from));
#elif ${little}
  __builtin_memcpy(a, __builtin_assume_aligned(p, 8), sizeof *a);
  __builtin_memcpy(b, __builtin_assume_aligned(p + 2, 4), sizeof *b);
#else
  *a = (uint32_t)(uint16_t)p[0] | (uint32_t)(uint16_t)p[1] << 16;
  *b = (uint32_t)(uint16_t)p[2] | (uint32_t)(uint16_t)p[3] << 16;
#endif
}`,
  store_halves: `static inline void $store_halves(int16_t *p, uint32_t a, uint32_t b) {
#if ${little}
  __builtin_memcpy(__builtin_assume_aligned(p, 4), &a, sizeof a);
  __builtin_memcpy(__builtin_assume_aligned(p + 2, 4), &b, sizeof b);
#else
  p[0] = (int16_t)(a & 0xffffu);
  p[1] = (int16_t)(a >> 16);
  p[2] = (int16_t)(b & 0xffffu);
  p[3] = (int16_t)(b >> 16);
#endif
}`,
  even_s8: halvesText("even", "s"),
  odd_s8: halvesText("odd", "s"),
  even_u8: halvesText("even", "u"),
  odd_u8: halvesText("odd", "u"),
  add_pair: `static inline int32_t $add_pair(uint32_t x, uint32_t y, int32_t sum) {
#if ${dsp}
  __asm__ volatile("smlad %0, %1, %2, %0" : "+r"(sum) : "r"(x), "r"(y));
  return sum;
#else
  const int32_t low = (int16_t)(x & 0xffffu) * (int16_t)(y & 0xffffu);
  const int32_t high = (int16_t)(x >> 16) * (int16_t)(y >> 16);
  return (int32_t)((uint32_t)sum + (uint32_t)low + (uint32_t)high);
#endif
}`,
};
