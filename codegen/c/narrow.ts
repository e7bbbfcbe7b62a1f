/**
 * @file Vectors of bytes and halves of words, in C: each element lies with its sign in a lane of 32 bits, as narrow scalars
 * lie in an int; loads widen and stores narrow. And sums of products of pairs of 16-bit numbers (pairs.ts). On x86 and
 * on ARM by the instructions there are for it, which gcc does not find by itself; elsewhere by vectors alone.
 */
import type { Type } from "../../ir/types.ts";

/** A vector of integers of 8 or 16 bits that lies in one of 32-bit lanes. */
export function isNarrowVector(t: Type): boolean {
  if (t.kind !== "vector" || t.shape.length !== 1 || t.element.kind !== "integer") return false;
  return [4, 8, 16].includes(t.shape[0]!) && (t.element.width === 8 || t.element.width === 16);
}

/** Machines that have instructions of their own for a number of lanes, best first: what is defined there, and the text. */
type Form = readonly [condition: string, text: string];

const byForms = (head: string, forms: readonly Form[], otherwise: string): string =>
  [
    `static inline ${head} {`,
    ...forms.flatMap(([condition, text], i) => [`#${i === 0 ? "if" : "elif"} ${condition}`, ...lines(text)]),
    ...(forms.length > 0 ? ["#else"] : []),
    ...lines(otherwise),
    ...(forms.length > 0 ? ["#endif"] : []),
    "}",
  ].join("\n");

const lines = (text: string): string[] => text.split("\n").map((l) => `  ${l}`);

/** Loads `count` bytes into the type of vectors of the instruction set, by the size of the vector they become. */
const bytesLoaded = (count: number): string =>
  ({
    4: "_mm_cvtsi32_si128($load_word(p))",
    8: "_mm_loadl_epi64((const __m128i *)p)",
    16: "_mm_loadu_si128((const __m128i *)p)",
    32: "_mm256_loadu_si256((const __m256i *)p)",
  })[count] ?? "";

const avx = { 4: "__SSE4_1__", 8: "__AVX2__", 16: "__AVX512BW__" } as const;
const register = { 4: "_mm", 8: "_mm256", 16: "_mm512" } as const;

function widening(name: string, lanes: 4 | 8 | 16, bits: 8 | 16): string {
  const form: Form = [
    `defined(${avx[lanes]})`,
    `return ($i32x${lanes})${register[lanes]}_cvtepi${bits}_epi32(${bytesLoaded((lanes * bits) / 8)});`,
  ];
  const type = bits === 8 ? "signed char" : "short";
  return byForms(
    `$i32x${lanes} $${name}(const void *p)`,
    [form],
    `typedef ${type} narrow __attribute__((vector_size(${(lanes * bits) / 8}), aligned(1), may_alias));
return __builtin_convertvector(*(const narrow *)p, $i32x${lanes});`,
  );
}

function narrowing(name: string, lanes: 4 | 8 | 16, bits: 8 | 16): string {
  const type = bits === 8 ? "signed char" : "short";
  const pick = (at: readonly number[]): string => [...at, ...new Array<number>(16 - at.length).fill(-1)].join(", ");
  const low = pick(bits === 8 ? [0, 4, 8, 12] : [0, 1, 4, 5, 8, 9, 12, 13]);
  const forms: Form[] = [];
  if (lanes === 16) {
    const store = bits === 8 ? "_mm_storeu_si128((__m128i *)p" : "_mm256_storeu_si256((__m256i *)p";
    forms.push(["defined(__AVX512BW__)", `${store}, _mm512_cvtepi32_epi${bits}((__m512i)v));`]);
  } else if (lanes === 8) {
    const join = bits === 8 ? "_mm_unpacklo_epi32" : "_mm_unpacklo_epi64";
    const store = bits === 8 ? "_mm_storel_epi64" : "_mm_storeu_si128";
    forms.push([
      "defined(__AVX2__)",
      `const __m256i s = _mm256_shuffle_epi8((__m256i)v, _mm256_setr_epi8(${low}, ${low}));
${store}((__m128i *)p, ${join}(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1)));`,
    ]);
  } else {
    const shuffled = `_mm_shuffle_epi8((__m128i)v, _mm_setr_epi8(${low}))`;
    forms.push([
      "defined(__SSE4_1__)",
      bits === 8
        ? `const int32_t s = _mm_cvtsi128_si32(${shuffled});\n__builtin_memcpy(p, &s, sizeof s);`
        : `_mm_storel_epi64((__m128i *)p, ${shuffled});`,
    ]);
  }
  return byForms(
    `void $${name}(void *p, $i32x${lanes} v)`,
    forms,
    `typedef ${type} narrow __attribute__((vector_size(${(lanes * bits) / 8})));
typedef ${type} anywhere __attribute__((vector_size(${(lanes * bits) / 8}), aligned(1), may_alias));
*(anywhere *)p = __builtin_convertvector(v, narrow);`,
  );
}

/** Twice as many bytes as lanes, widened to 16 bits: a pair in each lane. */
const pairedBytes = (lanes: 4 | 8 | 16): string =>
  byForms(
    `$i32x${lanes} $pairs_i8x${lanes}(const void *p)`,
    [[`defined(${avx[lanes]})`, `return ($i32x${lanes})${register[lanes]}_cvtepi8_epi16(${bytesLoaded(2 * lanes)});`]],
    `typedef signed char narrow __attribute__((vector_size(${2 * lanes}), aligned(1), may_alias));
typedef short wide __attribute__((vector_size(${4 * lanes})));
return ($i32x${lanes})__builtin_convertvector(*(const narrow *)p, wide);`,
  );

const pairedHalves = (lanes: 4 | 8 | 16): string =>
  `static inline $i32x${lanes} $pairs_i16x${lanes}(const void *p) {
  typedef int anywhere __attribute__((vector_size(${4 * lanes}), aligned(1), may_alias));
  return *(const anywhere *)p;
}`;

function dotOf(lanes: 4 | 8 | 16): string {
  const type = `$i32x${lanes}`;
  const own = lanes === 4 ? "__m128i" : lanes === 8 ? "__m256i" : "__m512i";
  const forms: Form[] = [];
  const vnni = lanes === 16 ? "defined(__AVX512VNNI__)" : "defined(__AVX512VNNI__) && defined(__AVX512VL__)";
  forms.push([vnni, `return (${type})${register[lanes]}_dpwssd_epi32((${own})sum, (${own})x, (${own})y);`]);
  forms.push([
    `defined(${lanes === 4 ? "__SSE2__" : avx[lanes]})`,
    `return sum + (${type})${register[lanes]}_madd_epi16((${own})x, (${own})y);`,
  ]);
  if (lanes === 4) {
    forms.push([
      "defined(__aarch64__)",
      `const int16x8_t a = (int16x8_t)x;
const int16x8_t b = (int16x8_t)y;
const int32x4_t low = vmull_s16(vget_low_s16(a), vget_low_s16(b));
return (${type})vaddq_s32((int32x4_t)sum, vpaddq_s32(low, vmull_high_s16(a, b)));`,
    ]);
  }
  return byForms(
    `${type} $dot_i32x${lanes}(${type} x, ${type} y, ${type} sum)`,
    forms,
    `return sum + ((x << 16) >> 16) * ((y << 16) >> 16) + (x >> 16) * (y >> 16);`,
  );
}

/** Helpers for a number of lanes. */
export function narrowHelpers(lanes: number): Readonly<Record<string, string>> {
  if (lanes !== 4 && lanes !== 8 && lanes !== 16) return {};
  return {
    load_word: `static inline int32_t $load_word(const void *p) {
  int32_t v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}`,
    [`widen_i8x${lanes}`]: widening(`widen_i8x${lanes}`, lanes, 8),
    [`widen_i16x${lanes}`]: widening(`widen_i16x${lanes}`, lanes, 16),
    [`narrow_i8x${lanes}`]: narrowing(`narrow_i8x${lanes}`, lanes, 8),
    [`narrow_i16x${lanes}`]: narrowing(`narrow_i16x${lanes}`, lanes, 16),
    [`pairs_i8x${lanes}`]: pairedBytes(lanes),
    [`pairs_i16x${lanes}`]: pairedHalves(lanes),
    [`dot_i32x${lanes}`]: dotOf(lanes),
  };
}

export const isNarrowHelper = (name: string): boolean => /^(widen|narrow|pairs|dot)_i/.test(name);

/** What these helpers include, where there is something of the kind. */
export const narrowIncludes = `#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif`;
