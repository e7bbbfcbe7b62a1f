/**
 * @file Sums of products of 16, 8 or 4 bytes each, in vectors: what dots.ts writes in words, for machines with MVE
 * (Cortex-M55, M85). Fewer than 16 are widened as they are loaded, so that they fill a vector too. Elsewhere the same is
 * done in words.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as vector from "../../dialects/vector/index.ts";
import type { Operation, Value } from "../../ir/core.ts";
import type { VectorType } from "../../ir/types.ts";
import { atom, call } from "../source.ts";
import type { VectorWriter } from "./vectors.ts";

const countOf = (v: Value): number => (v.type as VectorType).shape[0]!;

/** Whether bytes are widened with their sign: all that read a load do it alike, since it is known from their type. */
const signOf = (v: Value): "s" | "u" => ([...v.uses()].every((u) => arith.extsi.is(u.owner)) ? "s" : "u");

/** Writes a part of a dot product; `factors` where it is the sum. */
export function writeBlockPart(op: Operation, factors: readonly [Value, Value] | undefined, w: VectorWriter): void {
  if (factors) {
    const [x, y] = factors;
    const signs = factors.map((f) => signOf(f.definingOp!.operand(0))).join("");
    const sum = call(w.helper(`dot_${signs}8x${countOf(x)}`), w.expr(x), w.expr(y), w.expr(op.operand(1)));
    w.define(op.result(), sum);
    return;
  }
  const load = vector.load.match(op);
  if (load) {
    const { pointer, index } = w.element(load.base, load.indices);
    const count = countOf(load.result);
    const name = w.names.fresh("q");
    const helper = w.helper(`load_${signOf(load.result)}8x${count}`);
    w.out.line(`const ${w.helper(`bytes${count}`)} ${name} = ${call(helper, w.addressOf(pointer, index)).text};`);
    w.bind(load.result, atom(name));
  } else if (!arith.muli.is(op)) w.bind(op.result(), w.expr(op.operand(0)));
}

const mve = "defined(__ARM_FEATURE_MVE)";
/** Bits of a lane that one of so many bytes is widened to. */
const bitsOf = { 16: 8, 8: 16, 4: 32 } as const;
const counts = [16, 8, 4] as const;
type Count = (typeof counts)[number];
const signs = ["s", "u"] as const;
type Sign = (typeof signs)[number];

const typeText = (n: Count): string => `#if ${mve}
typedef int${bitsOf[n]}x${n}_t $bytes${n};
#else
typedef struct {
  uint32_t word[${n / 4}];
} $bytes${n};
#endif`;

function loadText(sign: Sign, n: Count): string {
  const loaded = `vldrbq_${sign}${bitsOf[n]}((const ${sign === "u" ? "u" : ""}int8_t *)p)`;
  const words = Array.from({ length: n / 4 }, (_, i) => `  r.word[${i}] = $load_bytes((const uint8_t *)p + ${4 * i});`);
  return `static inline $bytes${n} $load_${sign}8x${n}(const void *p) {
#if ${mve}
  return ${sign === "u" ? `(int${bitsOf[n]}x${n}_t)` : ""}${loaded};
#else
  $bytes${n} r;
${words.join("\n")}
  return r;
#endif
}`;
}

/** What is widened has a sign, whatever it was widened from. */
function inVectors(x: Sign, y: Sign, n: Count): string {
  if (n !== 16) return `  return vmladavaq_s${bitsOf[n]}(sum, x, y);`;
  if (x === "s" && y === "s") return "  return vmladavaq_s8(sum, x, y);";
  if (x === "u" && y === "u") return "  return (int32_t)vmladavaq_u8((uint32_t)sum, (uint8x16_t)x, (uint8x16_t)y);";
  const half = (which: "b" | "t", sign: Sign, v: string): string =>
    sign === "s" ? `vmovl${which}q_s8(${v})` : `(int16x8_t)vmovl${which}q_u8((uint8x16_t)${v})`;
  const part = (which: "b" | "t"): string => `${half(which, x, "x")}, ${half(which, y, "y")}`;
  return `  return vmladavaq_s16(vmladavaq_s16(sum, ${part("b")}), ${part("t")});`;
}

const dotText = (
  x: Sign,
  y: Sign,
  n: Count,
): string => `static inline int32_t $dot_${x}${y}8x${n}($bytes${n} x, $bytes${n} y, int32_t sum) {
#if ${mve}
${inVectors(x, y, n)}
#else
  for (int32_t i = 0; i < ${n / 4}; i++) {
    sum = $add_pair($even_${x}8(x.word[i]), $even_${y}8(y.word[i]), sum);
    sum = $add_pair($odd_${x}8(x.word[i]), $odd_${y}8(y.word[i]), sum);
  }
  return sum;
#endif
}`;

/** Helpers of dot products in vectors. */
export const blockHelpers: Readonly<Record<string, string>> = Object.fromEntries(
  counts.flatMap((n) => [
    [`bytes${n}`, typeText(n)] as const,
    ...signs.map((s) => [`load_${s}8x${n}`, loadText(s, n)] as const),
    ...signs.flatMap((x) => signs.map((y) => [`dot_${x}${y}8x${n}`, dotText(x, y, n)] as const)),
  ]),
);

export const isBlockHelper = (name: string): boolean => Object.hasOwn(blockHelpers, name);

/** What these helpers include, where there is something of the kind. */
export const blockIncludes = `#if ${mve}
#include <arm_mve.h>
#endif

`;
