/** @file Arrays as the meanings of tensor ops see them: elements in order, decoded to numbers, and back. */
import type { Num } from "../../ir/evaluate.ts";
import type { Type } from "../../ir/types.ts";
import { decodeFloats, encodeFloats } from "../../support/float.ts";
import { allocate, type Buffer, type DType, isNarrowFloat, NDArray, rowMajor, sizeOf } from "../../support/ndarray.ts";
import { dtype, type Shape } from "./op.ts";

/** Elements that are all numbers. */
export type Numbers = Exclude<Buffer, BigInt64Array | BigUint64Array>;
/** Any elements, seen one by one. */
export interface Elements {
  readonly length: number;
  readonly [n: number]: Num;
}

/** The stored elements in row-major order; a view where they lie so already. Narrow floats are bits. */
export function storedOf(a: NDArray): Buffer {
  if (!a.isContiguous) return a.copy().data;
  const { data, offset, size } = a;
  return offset === 0 && data.length === size ? data : (data.subarray(offset, offset + size) as Buffer);
}

/** Elements in row-major order, decoded: bigint for 64-bit integers. */
export function elementsOf(a: NDArray): Elements {
  const stored = storedOf(a);
  return (isNarrowFloat(a.dtype) ? decodeFloats(a.dtype, stored as Uint16Array) : stored) as Elements;
}

/** Elements in row-major order as numbers; 64-bit integers beyond 2^53 are rounded. */
export function numbersOf(a: NDArray): Numbers {
  const found = elementsOf(a);
  if (found instanceof BigInt64Array || found instanceof BigUint64Array) {
    const out = new Float64Array(found.length);
    for (let i = 0; i < out.length; i++) out[i] = Number(found[i]);
    return out;
  }
  return found as unknown as Numbers;
}

/** As `numbersOf`, in double precision: one kind of array, so that hot loops stay monomorphic. */
export function doublesOf(a: NDArray): Float64Array {
  const found = numbersOf(a);
  return found instanceof Float64Array ? found : Float64Array.from(found as Float32Array);
}

/** Numbers as elements of a type: floats are rounded, integers wrapped. Takes the array over where it is one of that type. */
export function arrayOf(element: Type, shape: Shape, values: ArrayLike<Num>): NDArray {
  const kind = dtype(element);
  return new NDArray(kind, shape, store(kind, element, values, sizeOf(shape)));
}

function store(kind: DType, element: Type, values: ArrayLike<Num>, count: number): Buffer {
  const out = allocate(kind, count);
  if (!isNarrowFloat(kind) && values.constructor === out.constructor && values.length === count && !wraps(element)) {
    return values as unknown as Buffer;
  }
  if (isNarrowFloat(kind)) return encodeFloats(kind, values as ArrayLike<number>, out as Uint16Array);
  if (out instanceof BigInt64Array || out instanceof BigUint64Array) {
    for (let i = 0; i < count; i++) out[i] = BigInt(values[i]!);
    return out;
  }
  const into = out as Float64Array;
  const bits = wraps(element) ? (element as { width: number }).width : 0;
  const signed = kind.startsWith("i");
  for (let i = 0; i < count; i++) {
    const v = Number(values[i]!);
    into[i] = bits === 0 ? v : signed && bits > 1 ? (v << (32 - bits)) >> (32 - bits) : v & ((1 << bits) - 1);
  }
  return out;
}

/** Integers narrower than their storage must be wrapped by hand. */
const wraps = (t: Type): boolean => t.kind === "integer" && t.width < 32 && t.width % 8 !== 0;

/** A fresh array to be filled by position. */
export const emptyArray = (element: Type, shape: Shape): NDArray => NDArray.zeros(dtype(element), shape);

/** The same elements, in storage that any other array of the dtype shares. */
export const sameStored = (like: NDArray, shape: Shape, data: Buffer): NDArray => new NDArray(like.dtype, shape, data);

export const allocateLike = (like: NDArray, count: number): Buffer => allocate(like.dtype, count);

/** Strides of a shape seen in a larger one by broadcasting: 0 along what is repeated. */
export function broadcastStrides(shape: Shape, into: Shape): number[] {
  const own = rowMajor(shape);
  const shift = into.length - shape.length;
  return into.map((_, i) => (i < shift || shape[i - shift] === 1 ? 0 : own[i - shift]!));
}

/**
 * Calls `row` once per row (along the last dimension) of a shape: the number of its first element, and where each of
 * several strided operands begins.
 */
export function forEachRow(
  shape: Shape,
  strides: readonly (readonly number[])[],
  row: (first: number, at: readonly number[]) => void,
): void {
  const rank = shape.length;
  const length = rank === 0 ? 1 : shape[rank - 1]!;
  const rows = rank === 0 ? 1 : sizeOf(shape.slice(0, -1));
  if (length === 0) return;
  const at = strides.map(() => 0);
  const index = new Array<number>(Math.max(0, rank - 1)).fill(0);
  for (let r = 0; r < rows; r++) {
    row(r * length, at);
    for (let d = rank - 2; d >= 0; d--) {
      index[d]!++;
      for (let i = 0; i < at.length; i++) at[i]! += strides[i]![d]!;
      if (index[d]! < shape[d]!) break;
      for (let i = 0; i < at.length; i++) at[i]! -= strides[i]![d]! * shape[d]!;
      index[d] = 0;
    }
  }
}

/** A function on single elements; what it takes is known where it is made. */
export type Kernel = (...xs: never[]) => Num;

/** Applies a function to the elements of arrays that are broadcast together. */
export function mapBroadcast(kernel: Kernel, inputs: readonly NDArray[], shape: Shape, element: Type): NDArray {
  const f = kernel as unknown as (a: Num, b?: Num, c?: Num) => Num;
  const kind = dtype(element);
  const count = sizeOf(shape);
  const direct = !isNarrowFloat(kind) && !wraps(element);
  const out = (direct ? allocate(kind, count) : new Float64Array(count)) as unknown as { [n: number]: Num };
  const data = inputs.map(elementsOf);
  const strides = inputs.map((a) => broadcastStrides(a.shape, shape));
  const last = shape.length - 1;
  const length = last < 0 ? 1 : shape[last]!;
  const step = strides.map((s) => s[last] ?? 0);
  const [x, y, z] = data as [Elements, Elements, Elements];
  const [dx = 0, dy = 0, dz = 0] = step;
  forEachRow(shape, strides, (first, [ax = 0, ay = 0, az = 0]) => {
    if (data.length === 1) for (let i = 0; i < length; i++) out[first + i] = f(x[ax + i * dx]!);
    else if (data.length === 2) for (let i = 0; i < length; i++) out[first + i] = f(x[ax + i * dx]!, y[ay + i * dy]!);
    else for (let i = 0; i < length; i++) out[first + i] = f(x[ax + i * dx]!, y[ay + i * dy]!, z[az + i * dz]!);
  });
  return direct
    ? new NDArray(kind, shape, out as unknown as Buffer)
    : arrayOf(element, shape, out as unknown as Float64Array);
}
