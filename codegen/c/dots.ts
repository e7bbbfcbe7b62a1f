/**
 * @file Sums of products of four bytes each (of more: blocks.ts), in words: what the IR says as vectors of bytes that are widened, multiplied
 * and reduced into a sum is written as words, whose halves processors with DSP instructions multiply and add in pairs.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as vector from "../../dialects/vector/index.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { i8, i32, type Type } from "../../ir/types.ts";
import { atom, call } from "../source.ts";
import { blockHelpers, writeBlockPart } from "./blocks.ts";
import type { VectorWriter } from "./vectors.ts";

/** Vectors of so many elements are taken at a time: a word of bytes, or more where there are vectors of them. */
const isBlock = (t: Type, element: Type): boolean =>
  t.kind === "vector" && t.element === element && t.shape.length === 1 && [4, 8, 16].includes(t.shape[0]!);

const isWidened = (v: Value): boolean => {
  const wide = arith.extsi.match(v) ?? arith.extui.match(v);
  return wide !== undefined && isBlock(wide.in.type, i8) && isBlock(v.type, i32);
};

/** The factors of a sum of four products onto another sum. */
function dotOf(op: Operation): readonly [Value, Value] | undefined {
  const reduction = vector.reduction.match(op);
  if (reduction?.kind !== "add" || op.operandCount !== 2) return undefined;
  const product = arith.muli.match(reduction.vector);
  if (!product?.result.hasOneUse || !isWidened(product.lhs) || !isWidened(product.rhs)) return undefined;
  return [product.lhs, product.rhs];
}

/** Used, and only by what passes the test. */
export const usedBy = (op: Operation, test: (user: Operation) => boolean): boolean =>
  op.results.length === 1 && op.result().hasUses && [...op.result().uses()].every((u) => test(u.owner));

/** The op is part of a dot product and of nothing else. */
export function isDotPart(op: Operation): boolean {
  if (vector.reduction.is(op)) return dotOf(op) !== undefined;
  if (arith.muli.is(op)) return isBlock(op.result().type, i32) && usedBy(op, (u) => dotOf(u) !== undefined);
  if (arith.extsi.is(op) || arith.extui.is(op)) return isWidened(op.result()) && usedBy(op, isDotPart);
  return vector.load.is(op) && isBlock(op.result().type, i8) && usedBy(op, isDotPart);
}

/** Words of the even and the odd bytes, as halves, of widened vectors. */
const halves = new WeakMap<Value, readonly [even: string, odd: string]>();

/** Writes the op if it is part of a dot product. */
export function writeDotPart(op: Operation, w: VectorWriter): boolean {
  if (!isDotPart(op)) return false;
  if (w.scope.blocks) {
    writeBlockPart(op, dotOf(op), w);
    return true;
  }
  const factors = dotOf(op);
  if (factors) {
    const [x, y] = [halves.get(factors[0])!, halves.get(factors[1])!];
    const add = w.helper("add_pair");
    const even = call(add, atom(x[0]), atom(y[0]), w.expr(op.operand(1)));
    w.define(op.result(), call(add, atom(x[1]), atom(y[1]), even));
    return true;
  }
  const load = vector.load.match(op);
  if (load) {
    const { pointer, index } = w.element(load.base, load.indices);
    const name = w.names.fresh("q");
    w.out.line(`const uint32_t ${name} = ${call(w.helper("load_bytes"), w.addressOf(pointer, index)).text};`);
    w.bind(load.result, atom(name));
  } else if (!arith.muli.is(op)) {
    const sign = arith.extsi.is(op) ? "s" : "u";
    const bytes = w.expr(op.operand(0));
    const names = (["even", "odd"] as const).map((which) => {
      const name = w.names.fresh("h");
      w.out.line(`const uint32_t ${name} = ${call(w.helper(`${which}_${sign}8`), bytes).text};`);
      return name;
    });
    halves.set(op.result(), names as unknown as readonly [string, string]);
  }
  return true;
}

const dsp = "defined(__ARM_FEATURE_SIMD32) && defined(__GNUC__)";

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
  even_s8: halvesText("even", "s"),
  odd_s8: halvesText("odd", "s"),
  even_u8: halvesText("even", "u"),
  odd_u8: halvesText("odd", "u"),
  add_pair: `static inline int32_t $add_pair(uint32_t x, uint32_t y, int32_t sum) {
#if ${dsp}
  int32_t r;
  __asm__ volatile("smlad %0, %1, %2, %3" : "=r"(r) : "r"(x), "r"(y), "r"(sum));
  return r;
#else
  const int32_t low = (int16_t)(x & 0xffffu) * (int16_t)(y & 0xffffu);
  const int32_t high = (int16_t)(x >> 16) * (int16_t)(y >> 16);
  return (int32_t)((uint32_t)sum + (uint32_t)low + (uint32_t)high);
#endif
}`,
};
