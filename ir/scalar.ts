/**
 * @file The scalar functions of elementwise ops at work: made once per op, with results brought to their type, on single
 * numbers or over the elements of arrays.
 */
import { decodeFloats, encodeFloat, isFloatKind, type NarrowFloatKind, roundTo } from "../support/float.ts";
import { type Buffer, type DType, isNarrowFloat, NDArray } from "../support/ndarray.ts";
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

/** A scalar function over arrays: a new array for each result, or undefined if an element type has no arrays. */
export type Mapping = (operands: readonly unknown[]) => NDArray[] | undefined;

/**
 * Applies a scalar function to the elements of arrays of one shape (numbers among them stand for every element) and
 * answers new arrays of the result types' elements. What depends on the types alone is prepared here.
 */
export function mappingOf(kernel: Kernel, resultTypes: readonly Type[]): Mapping {
  const elements = resultTypes.map(elementOf);
  const dtypes = elements.map(dtypeOf);
  if (dtypes.includes(undefined)) return () => undefined;
  const [dtype] = dtypes as DType[];
  if (elements.length > 1) return (operands) => mapToMany(kernel, operands, dtypes as DType[], elements);
  // Narrow floats are rounded as they are encoded; storing in f32 and f64 rounds by itself.
  const narrow = isNarrowFloat(dtype!) ? dtype : undefined;
  const finish = dtype === "f32" || dtype === "f64" ? undefined : finishOf(elements[0]!);
  const store = narrow ? (v: Num): Num => encodeFloat(narrow as NarrowFloatKind, v as number) : finish;
  return (operands) => {
    const result = NDArray.zeros(dtype!, shapeOf(operands));
    const { data } = result;
    const streams = operands.map(streamOf);
    if (data instanceof Float32Array && streams.every(isPlainF32)) mapF32(kernel, streams, data);
    else mapToOne(kernel, streams, data, store);
    return [result];
  };
}

function shapeOf(operands: readonly unknown[]): readonly number[] {
  for (const o of operands) if (o instanceof NDArray) return o.shape;
  return [];
}

/** One operand of an elementwise loop: element n lies at `start + n * step`. */
interface Stream<D extends ArrayLike<Num> = ArrayLike<Num>> {
  readonly data: D;
  readonly start: number;
  readonly step: number;
}

function streamOf(datum: unknown): Stream {
  if (!(datum instanceof NDArray)) return { data: [datum as Num], start: 0, step: 0 };
  const a = datum.isContiguous || isRepeated(datum) ? datum : datum.copy();
  if (!isNarrowFloat(a.dtype))
    return { data: a.data as ArrayLike<Num>, start: a.offset, step: a === datum && isRepeated(a) ? 0 : 1 };
  const codes = a.copy().data as Uint16Array;
  return { data: decodeFloats(a.dtype, codes), start: 0, step: 1 };
}

/** One element everywhere, as a broadcast gives. */
const isRepeated = (a: NDArray): boolean => a.strides.length > 0 && a.strides.every((s) => s === 0);

const isPlainF32 = (s: Stream): s is Stream<Float32Array> => s.data instanceof Float32Array;

/** The loop of the commonest type by itself, so that the engine knows what it reads and writes. */
function mapF32(kernel: Kernel, streams: readonly Stream<Float32Array>[], out: Float32Array): void {
  const [a, b, c] = streams;
  if (!a) return;
  if (!b) {
    for (let n = 0; n < out.length; n++) out[n] = kernel(a.data[a.start + n * a.step]) as number;
  } else if (!c) {
    for (let n = 0; n < out.length; n++) {
      out[n] = kernel(a.data[a.start + n * a.step], b.data[b.start + n * b.step]) as number;
    }
  } else {
    for (let n = 0; n < out.length; n++) {
      const [x, y, z] = [a.start + n * a.step, b.start + n * b.step, c.start + n * c.step];
      out[n] = kernel(a.data[x], b.data[y], c.data[z]) as number;
    }
  }
}

function mapToOne(kernel: Kernel, streams: readonly Stream[], into: Buffer, store: Finish | undefined): void {
  const out = into as { [n: number]: Num };
  const [a, b, c] = streams;
  const at = (s: Stream, n: number): Num => s.data[s.start + n * s.step]!;
  if (!a) return;
  for (let n = 0; n < into.length; n++) {
    const v = (c ? kernel(at(a, n), at(b!, n), at(c, n)) : b ? kernel(at(a, n), at(b, n)) : kernel(at(a, n))) as Num;
    out[n] = store ? store(v) : v;
  }
}

function mapToMany(
  kernel: Kernel,
  operands: readonly unknown[],
  dtypes: readonly DType[],
  elements: readonly Type[],
): NDArray[] {
  const results = dtypes.map((d) => NDArray.zeros(d, shapeOf(operands)));
  const streams = operands.map(streamOf);
  const finish = elements.map(finishOf);
  const count = results[0]!.size;
  for (let n = 0; n < count; n++) {
    const args = streams.map((s) => s.data[s.start + n * s.step]);
    const values = (kernel as (...args: unknown[]) => readonly Num[])(...args);
    for (let i = 0; i < results.length; i++) results[i]!.setData(n, finish[i]?.(values[i]!) ?? values[i]!);
  }
  return results;
}
