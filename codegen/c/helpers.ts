/**
 * @file The functions that generated C brings along: what C leaves undefined, implementation-defined or to a library,
 * defined. `$` stands for the prefix of the model; a helper that names another one with it brings that along.
 */

import { dotHelpers } from "./dots.ts";
import { roundingHelpers } from "./rounding.ts";
import { saturationHelpers } from "./saturate.ts";

const both = (template: string): Readonly<Record<string, string>> => {
  const single = template
    .replaceAll("@T", "float")
    .replaceAll("@I", "int32_t")
    .replaceAll("@U", "uint32_t")
    .replaceAll("@b", "32")
    .replaceAll("@s", "f")
    .replaceAll("@whole", "8388608.0f");
  const double = template
    .replaceAll("@T", "double")
    .replaceAll("@I", "int64_t")
    .replaceAll("@U", "uint64_t")
    .replaceAll("@b", "64")
    .replaceAll("@s", "")
    .replaceAll("@whole", "4503599627370496.0");
  return Object.fromEntries([single, double].map((text) => [/\$(\w+)\(/.exec(text)![1]!, text] as const));
};

/** Conversions that saturate; NaN becomes 0. `low` and `high` are the first numbers beyond on either side. */
const saturating = (f: 32 | 64, to: "i" | "u", bits: 32 | 64): readonly [string, string] => {
  const real = f === 32 ? "float" : "double";
  const suffix = f === 32 ? "f" : "";
  const type = `${to === "u" ? "u" : ""}int${bits}_t`;
  const high = `${2 ** (to === "u" ? bits : bits - 1)}.0${suffix}`;
  const low = to === "u" ? `0.0${suffix}` : `-${2 ** (bits - 1)}.0${suffix}`;
  const max = `${to === "u" ? "U" : ""}INT${bits}_MAX`;
  const min = to === "u" ? "0" : `INT${bits}_MIN`;
  const name = `f${f}_to_${to}${bits}`;
  return [
    name,
    `static inline ${type} $${name}(${real} x) {
  if (x >= ${high}) return ${max};
  if (x <= ${low}) return ${min};
  return x == x ? (${type})x : 0;
}`,
  ];
};

const signedDivision = (bits: 32 | 64): readonly (readonly [string, string])[] => {
  const T = `int${bits}_t`;
  const U = `uint${bits}_t`;
  return [
    [
      `sdiv${bits}`,
      `static inline ${T} $sdiv${bits}(${T} a, ${T} b) {
  if (b == 0) return 0;
  return b == -1 ? (${T})(0u - (${U})a) : a / b;
}`,
    ],
    [
      `srem${bits}`,
      `static inline ${T} $srem${bits}(${T} a, ${T} b) {
  return b == 0 || b == -1 ? 0 : a % b;
}`,
    ],
    [`udiv${bits}`, `static inline ${U} $udiv${bits}(${U} a, ${U} b) {\n  return b == 0 ? 0 : a / b;\n}`],
    [`urem${bits}`, `static inline ${U} $urem${bits}(${U} a, ${U} b) {\n  return b == 0 ? 0 : a % b;\n}`],
    [
      `floordiv${bits}`,
      `static inline ${T} $floordiv${bits}(${T} a, ${T} b) {
  const ${T} q = $sdiv${bits}(a, b);
  return $srem${bits}(a, b) != 0 && (a < 0) != (b < 0) ? q - 1 : q;
}`,
    ],
    [
      `ceildiv${bits}`,
      `static inline ${T} $ceildiv${bits}(${T} a, ${T} b) {
  const ${T} q = $sdiv${bits}(a, b);
  return $srem${bits}(a, b) != 0 && (a < 0) == (b < 0) ? q + 1 : q;
}`,
    ],
  ];
};

export const scalarHelpers: Readonly<Record<string, string>> = {
  ...dotHelpers,
  ...roundingHelpers,
  ...saturationHelpers,
  ...both(`static inline @I $bits_of_f@b(@T x) {
  union { @T f; @I i; } u;
  u.f = x;
  return u.i;
}`),
  ...both(`static inline @T $f@b_of_bits(@I x) {
  union { @I i; @T f; } u;
  u.i = x;
  return u.f;
}`),
  ...both(`static inline @T $maximum_f@b(@T a, @T b) {
  if (a > b) return a;
  if (a < b) return b;
  if (a == b) return $f@b_of_bits($bits_of_f@b(a) & $bits_of_f@b(b));
  return a + b;
}`),
  ...both(`static inline @T $minimum_f@b(@T a, @T b) {
  if (a < b) return a;
  if (a > b) return b;
  if (a == b) return $f@b_of_bits($bits_of_f@b(a) | $bits_of_f@b(b));
  return a + b;
}`),
  // Beyond 2^23 (2^52) all numbers are whole; below, adding that much rounds to whole numbers, ties to even.
  ...both(`static inline @T $roundeven_f@b(@T x) {
  const @T size = fabs@s(x);
  const @T whole = (size + @whole) - @whole;
  return copysign@s(size < @whole ? whole : x, x);
}`),
  ...both(`static inline @T $floor_f@b(@T x) {
  const @T r = $roundeven_f@b(x);
  return r > x ? r - (@T)1 : r;
}`),
  ...both(`static inline @T $ceil_f@b(@T x) {
  const @T r = $roundeven_f@b(x);
  return copysign@s(r < x ? r + (@T)1 : r, x);
}`),
  ...both(`static inline @T $trunc_f@b(@T x) {
  const @T size = fabs@s(x);
  return copysign@s($floor_f@b(size), x);
}`),
  popcount: `static inline int32_t $popcount(uint64_t x) {
  int32_t n = 0;
  for (; x != 0; x &= x - 1u) n++;
  return n;
}`,
  ...Object.fromEntries([...signedDivision(32), ...signedDivision(64)]),
  ...Object.fromEntries(
    ([32, 64] as const).flatMap((f) =>
      (["i", "u"] as const).flatMap((to) => ([32, 64] as const).map((bits) => saturating(f, to, bits))),
    ),
  ),
};

/** Puts helpers in the order in which they need each other. */
export function helperTexts(
  names: Iterable<string>,
  prefix: string,
  known: Set<string>,
  texts: Readonly<Record<string, string>>,
): string[] {
  const out: string[] = [];
  const visit = (name: string): void => {
    if (known.has(name)) return;
    known.add(name);
    const text = texts[name];
    if (text === undefined) throw new RangeError(`no helper ${name}`);
    for (const m of text.matchAll(/\$(\w+)/g)) if (m[1] !== name && Object.hasOwn(texts, m[1]!)) visit(m[1]!);
    out.push(text.replaceAll("$", prefix));
  };
  for (const name of names) visit(name);
  return out;
}
