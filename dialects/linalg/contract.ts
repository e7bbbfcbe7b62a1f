/** @file Tight loops for sums of products over typed arrays, with the rounding that the body's ops would do one by one. */
import type { Value } from "../../ir/core.ts";
import { i8, i16, i32, type Type } from "../../ir/types.ts";
import type { Buffer } from "../../support/ndarray.ts";
import * as arith from "../arith/ops.ts";
import type { Access } from "./access.ts";
import { contractionBody, type Factor } from "./analysis.ts";
import { loopsOf, type Structure } from "./structure.ts";

/** The innermost loop of a contraction and what it does from given positions of all operands on. */
export interface InnerLoop {
  readonly loop: number;
  run(positions: readonly number[]): void;
}

/**
 * The inner loop of a contraction on f32, f64 or (from 8 and 16 bits, with zero points) i32 whose accesses are linear;
 * undefined for any other op. `scalar` gives the run-time value of a zero point.
 */
export function innerContraction(
  s: Structure,
  extents: readonly number[],
  accesses: readonly (Access | null)[],
  scalar: (v: Value) => number | undefined,
): InnerLoop | undefined {
  const body = contractionBody(s);
  const out = s.outputs[0]!;
  if (!body) return undefined;
  const lhs = dataOf(body.lhs, out.element, accesses);
  const rhs = dataOf(body.rhs, out.element, accesses);
  if (!lhs || !rhs) return undefined;
  const zeros = [body.lhs, body.rhs].map((f) => (f.zero ? scalar(f.zero) : 0));
  const [za, zb] = zeros;
  if (za === undefined || zb === undefined) return undefined;
  const kernel = kernelFor(out.element, body.lhs.zero !== undefined || body.rhs.zero !== undefined);
  if (!kernel || (!arith.addf.is(body.accumulate) && !arith.addi.is(body.accumulate))) return undefined;
  const [ia, ib, io] = [body.lhs.operand.index, body.rhs.operand.index, out.index];
  const loop = innermost(s, extents, accesses[io]!);
  const step = (i: number): number => accesses[i]!.linear!.steps[loop]!;
  const [sa, sb, so] = [step(ia), step(ib), step(io)];
  const n = extents[loop]!;
  const data = accesses[io]!.array.data as Float32Array;
  return {
    loop,
    run: (at) =>
      kernel(lhs as Float32Array, rhs as Float32Array, data, at[ia]!, at[ib]!, at[io]!, n, sa, sb, so, za, zb),
  };
}

/** The longest loop that may be innermost: a parallel one that moves the output, or the last reduction. */
function innermost(s: Structure, extents: readonly number[], out: Access): number {
  const candidates = loopsOf(s, "parallel").filter((d) => out.linear!.steps[d] !== 0);
  const last = loopsOf(s, "reduction").at(-1);
  if (last !== undefined) candidates.push(last);
  return candidates.reduce((best, d) => (extents[d]! >= extents[best]! ? d : best), candidates[0]!);
}

/** A factor's elements as numbers that need no further conversion. */
function dataOf({ operand, casts }: Factor, to: Type, accesses: readonly (Access | null)[]): Buffer | undefined {
  const data = accesses[operand.index]?.array.data;
  if (!data) return undefined;
  if (casts.length === 0) return operand.element === to ? data : undefined;
  if (casts.length > 1 || to !== i32 || (operand.element !== i8 && operand.element !== i16)) return undefined;
  if (arith.extsi.is(casts[0]!)) return data;
  if (!arith.extui.is(casts[0]!)) return undefined;
  return operand.element === i8
    ? new Uint8Array(data.buffer, data.byteOffset, data.length)
    : new Uint16Array(data.buffer, data.byteOffset, data.length);
}

type Kernel = (
  a: Float32Array,
  b: Float32Array,
  out: Float32Array,
  pa: number,
  pb: number,
  po: number,
  n: number,
  sa: number,
  sb: number,
  so: number,
  za: number,
  zb: number,
) => void;

function kernelFor(t: Type, hasZeros: boolean): Kernel | undefined {
  if (t === i32) return sumI32;
  if (t.kind !== "float" || hasZeros) return undefined;
  return t.name === "f32" ? sumF32 : t.name === "f64" ? sumF64 : undefined;
}

const sumF32: Kernel = (a, b, out, pa, pb, po, n, sa, sb, so) => {
  if (so === 0) {
    let acc = out[po]!;
    for (let i = 0; i < n; i++, pa += sa, pb += sb) acc = Math.fround(acc + Math.fround(a[pa]! * b[pb]!));
    out[po] = acc;
    return;
  }
  for (let i = 0; i < n; i++, pa += sa, pb += sb, po += so) out[po] = out[po]! + Math.fround(a[pa]! * b[pb]!);
};

const sumF64: Kernel = (a, b, out, pa, pb, po, n, sa, sb, so) => {
  for (let i = 0; i < n; i++, pa += sa, pb += sb, po += so) out[po] = out[po]! + a[pa]! * b[pb]!;
};

const sumI32: Kernel = (a, b, out, pa, pb, po, n, sa, sb, so, za, zb) => {
  if (so === 0) {
    let acc = out[po]!;
    for (let i = 0; i < n; i++, pa += sa, pb += sb) acc = (acc + Math.imul(a[pa]! - za, b[pb]! - zb)) | 0;
    out[po] = acc;
    return;
  }
  for (let i = 0; i < n; i++, pa += sa, pb += sb, po += so) out[po] = out[po]! + Math.imul(a[pa]! - za, b[pb]! - zb);
};
