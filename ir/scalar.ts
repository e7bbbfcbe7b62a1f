/**
 * @file The scalar functions of elementwise ops at work: made once per op, with results brought to their type, on single
 * numbers or over the elements of arrays.
 */
import { decodeFloats, encodeFloat, isFloatKind, roundTo } from "../support/float.ts";
import { type Buffer, isNarrowFloat, NDArray } from "../support/ndarray.ts";
import type { Operation } from "./core.ts";
import { dtypeOf, wrapInteger } from "./datum.ts";
import type { Num } from "./evaluate.ts";
import { elementOf, type Type } from "./types.ts";

/** A scalar function with its parameters as they come. */
export type Kernel = (a: unknown, b?: unknown, c?: unknown) => Num | readonly Num[];
/** Brings a number to a type: wraps integers, rounds floats. */
export type Finish = (v: Num) => Num;

/** What brings results to a type; undefined where nothing is to do. */
export function finishOf(t: Type): Finish | undefined {
  switch (t.kind) {
    case "float":
      if (t.name === "f32") return Math.fround as Finish;
      if (t.name === "f64" || !isFloatKind(t.name)) return undefined;
      return (v) => roundTo(t.name as "f16", v as number);
    case "index":
      // Adding zero makes -0, which products may be, an integer's zero.
      return (v) => (typeof v === "number" ? v + 0 : Number(v));
    case "integer":
      return finishInteger(t.width, t.signedness === "unsigned", (v) => wrapInteger(t, v));
    default:
      return undefined;
  }
}

function finishInteger(width: number, unsigned: boolean, wrap: Finish): Finish {
  if (width > 32) {
    return unsigned
      ? (v) => BigInt.asUintN(width, typeof v === "bigint" ? v : BigInt(v))
      : (v) => BigInt.asIntN(width, typeof v === "bigint" ? v : BigInt(v));
  }
  if (width === 1) return (v) => (typeof v === "number" ? v & 1 : wrap(v));
  if (unsigned) return wrap;
  const shift = 32 - width;
  return (v) => (typeof v === "number" ? (v << shift) >> shift : wrap(v));
}

/** The scalar function of an op whose record has one, results not yet brought to their types. */
export function kernelOf(op: Operation, fail: (message: string) => never): Kernel {
  const { spec, attrFields } = op.def;
  const attrs: Record<string, unknown> = {};
  for (let i = 0; i < attrFields.length; i++) attrs[attrFields[i]!.name] = op.props[i];
  const kernel = spec.scalar!({
    operands: op.uses.map((u) => elementOf(u.value.type)),
    results: op.results.map((r) => elementOf(r.type)),
    attrs,
    fail,
  });
  return kernel as Kernel;
}

/** One operand of an elementwise loop: element n lies at `start + n * step`. */
interface Stream {
  readonly data: ArrayLike<Num>;
  readonly start: number;
  readonly step: number;
}

function streamOf(datum: unknown): Stream {
  if (!(datum instanceof NDArray)) return { data: [datum as Num], start: 0, step: 0 };
  const a = datum.isContiguous ? datum : datum.copy();
  if (!isNarrowFloat(a.dtype)) return { data: a.data as ArrayLike<Num>, start: a.offset, step: 1 };
  const codes = a.data.subarray(a.offset, a.offset + a.size) as Uint16Array;
  return { data: decodeFloats(a.dtype, codes), start: 0, step: 1 };
}

/** Storing into the array of a type's elements rounds by itself. (Integers may come as bigints, which it would refuse.) */
const storesAsIs = (t: Type): boolean => t.kind === "float" && (t.name === "f32" || t.name === "f64");

/**
 * Applies a scalar function to the elements of arrays of one shape (numbers among them stand for every element) and
 * answers new arrays of the result types' elements. Undefined if an element type has no arrays.
 */
export function mapElements(
  kernel: Kernel,
  operands: readonly unknown[],
  resultTypes: readonly Type[],
): NDArray[] | undefined {
  const shape = (operands.find((o) => o instanceof NDArray) as NDArray | undefined)?.shape ?? [];
  const results: NDArray[] = [];
  for (const t of resultTypes) {
    const dtype = dtypeOf(elementOf(t));
    if (!dtype) return undefined;
    results.push(NDArray.zeros(dtype, shape));
  }
  const count = results[0]!.size;
  const streams = operands.map(streamOf);
  if (results.length > 1) {
    mapToMany(kernel, streams, results, resultTypes, count);
    return results;
  }
  const type = elementOf(resultTypes[0]!);
  const finish = storesAsIs(type) ? undefined : finishOf(type);
  const narrow = isNarrowFloat(results[0]!.dtype) ? results[0]!.dtype : undefined;
  // Narrow floats are rounded as they are encoded.
  const store = narrow ? (v: Num): Num => encodeFloat(narrow, v as number) : finish;
  mapToOne(kernel, streams, results[0]!.data, store, count);
  return results;
}

function mapToOne(
  kernel: Kernel,
  streams: readonly Stream[],
  into: Buffer,
  store: Finish | undefined,
  count: number,
): void {
  const out = into as { [n: number]: Num };
  const [a, b, c] = streams;
  if (!a) return;
  if (streams.length === 1) {
    for (let n = 0; n < count; n++) {
      const v = kernel(a.data[a.start + n * a.step]) as Num;
      out[n] = store ? store(v) : v;
    }
  } else if (streams.length === 2 && b) {
    for (let n = 0; n < count; n++) {
      const v = kernel(a.data[a.start + n * a.step], b.data[b.start + n * b.step]) as Num;
      out[n] = store ? store(v) : v;
    }
  } else if (b && c) {
    for (let n = 0; n < count; n++) {
      const v = kernel(a.data[a.start + n * a.step], b.data[b.start + n * b.step], c.data[c.start + n * c.step]) as Num;
      out[n] = store ? store(v) : v;
    }
  }
}

function mapToMany(
  kernel: Kernel,
  streams: readonly Stream[],
  results: readonly NDArray[],
  types: readonly Type[],
  count: number,
): void {
  const finish = types.map((t) => finishOf(elementOf(t)));
  for (let n = 0; n < count; n++) {
    const args = streams.map((s) => s.data[s.start + n * s.step]);
    const values = (kernel as (...args: unknown[]) => readonly Num[])(...args);
    for (let i = 0; i < results.length; i++) results[i]!.setData(n, finish[i]?.(values[i]!) ?? values[i]!);
  }
}
