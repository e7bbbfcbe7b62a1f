/** @file NDArray: a typed array with a shape and strides. Tensors, vectors and memrefs of the interpreter are these. */
import { invariant } from "./diagnostic.ts";
import { decodeFloat, encodeFloat, type FloatKind, isFloatKind, type NarrowFloatKind } from "./float.ts";
import { copyStrided, type Strided } from "./strided-copy.ts";

export type DType =
  | "i1"
  | "i2"
  | "u2"
  | "i4"
  | "u4"
  | "i8"
  | "u8"
  | "i16"
  | "u16"
  | "i32"
  | "u32"
  | "i64"
  | "u64"
  | "index"
  | FloatKind;

export type Buffer =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** One element: bigint for i64 and u64, number for all else. */
export type Element = number | bigint;

const plainBuffers = {
  i1: Uint8Array,
  i2: Int8Array,
  u2: Uint8Array,
  i4: Int8Array,
  u4: Uint8Array,
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  index: Float64Array,
  f32: Float32Array,
  f64: Float64Array,
} as const;

/** Storage for `length` elements: one array element each; narrow floats keep their bits in u16 or u8. */
export function allocate(dtype: DType, length: number): Buffer {
  if (dtype in plainBuffers) return new plainBuffers[dtype as keyof typeof plainBuffers](length);
  return dtype === "f16" || dtype === "bf16" ? new Uint16Array(length) : new Uint8Array(length);
}

/** Little-endian bytes as storage of a dtype: a view of them where they are aligned, else of a copy. */
export function storageOf(dtype: DType, bytes: Uint8Array): Buffer {
  const empty = allocate(dtype, 0);
  const width = empty.BYTES_PER_ELEMENT;
  invariant(bytes.length % width === 0, `${bytes.length} bytes are no elements of ${dtype}`);
  const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  const make = empty.constructor as new (buffer: ArrayBufferLike, offset: number, length: number) => Buffer;
  return new make(aligned.buffer, aligned.byteOffset, aligned.length / width);
}

/** The float types whose elements are stored as bits and must be decoded. */
export const isNarrowFloat = (dtype: DType): dtype is NarrowFloatKind => narrowKind(dtype) !== null;

/** Asked for every array that is made: the common types come first. */
function narrowKind(dtype: DType): NarrowFloatKind | null {
  switch (dtype) {
    case "f32":
    case "i32":
    case "i1":
    case "f64":
    case "i64":
    case "index":
      return null;
    default:
      return isFloatKind(dtype) ? dtype : null;
  }
}

export const isBigDType = (dtype: DType): dtype is "i64" | "u64" => dtype === "i64" || dtype === "u64";

const noOffset = 0;

/** Row-major strides of a shape, in elements. */
export function rowMajor(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
}

export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (let i = 0; i < shape.length; i++) size *= shape[i]!;
  return size;
}

const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i]);

export class NDArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** In elements. */
  readonly strides: readonly number[];
  readonly offset: number;
  readonly data: Buffer;
  /** Elements of narrow floats are bits in `data`. */
  readonly #narrow: NarrowFloatKind | null;

  constructor(
    dtype: DType,
    shape: readonly number[],
    data: Buffer,
    strides: readonly number[] = rowMajor(shape),
    offset = noOffset,
  ) {
    this.dtype = dtype;
    this.shape = shape;
    this.data = data;
    this.strides = strides;
    this.offset = offset;
    this.#narrow = narrowKind(dtype);
  }

  static zeros(dtype: DType, shape: readonly number[]): NDArray {
    return new NDArray(dtype, shape, allocate(dtype, sizeOf(shape)));
  }

  static filled(dtype: DType, shape: readonly number[], value: Element): NDArray {
    const a = NDArray.zeros(dtype, shape);
    a.fill(value);
    return a;
  }

  /** From elements in row-major order. */
  static from(dtype: DType, shape: readonly number[], values: Iterable<Element>): NDArray {
    const a = NDArray.zeros(dtype, shape);
    let i = 0;
    for (const v of values) a.setData(i++, v);
    invariant(i === a.size, `${i} values for a shape of ${a.size}`);
    return a;
  }

  get rank(): number {
    return this.shape.length;
  }

  get size(): number {
    return sizeOf(this.shape);
  }

  /** Elements lie one after the other in row-major order. */
  get isContiguous(): boolean {
    let step = 1;
    for (let i = this.shape.length - 1; i >= 0; i--) {
      if (this.shape[i] !== 1 && this.strides[i] !== step) return false;
      step *= this.shape[i]!;
    }
    return true;
  }

  /** Position in `data` of an element; indices are not checked. */
  position(indices: readonly number[]): number {
    let at = this.offset;
    for (let i = 0; i < this.strides.length; i++) at += indices[i]! * this.strides[i]!;
    return at;
  }

  /** All indices lie within the shape. */
  contains(indices: readonly number[]): boolean {
    for (let i = 0; i < this.shape.length; i++) {
      const x = indices[i]!;
      if (!(x >= 0 && x < this.shape[i]!)) return false;
    }
    return true;
  }

  get(indices: readonly number[]): Element {
    return this.getData(this.position(indices));
  }

  set(indices: readonly number[], value: Element): void {
    this.setData(this.position(indices), value);
  }

  /** The element at a position of `data`, decoded. */
  getData(at: number): Element {
    const raw = this.data[at]!;
    return this.#narrow === null ? raw : decodeFloat(this.#narrow, raw as number);
  }

  setData(at: number, value: Element): void {
    this.data[at] = this.#narrow === null ? (value as never) : (encodeFloat(this.#narrow, value as number) as never);
  }

  /** Elements in row-major order, decoded. */
  values(): Element[] {
    const out = new Array<Element>(this.size);
    let n = 0;
    this.forEachPosition((at) => {
      out[n++] = this.getData(at);
    });
    return out;
  }

  /** Calls `visit` with each element's position in `data` and its row-major number. */
  forEachPosition(visit: (at: number, n: number) => void): void {
    const { shape, strides } = this;
    const total = this.size;
    if (this.isContiguous) {
      for (let n = 0; n < total; n++) visit(this.offset + n, n);
      return;
    }
    const index = new Array<number>(shape.length).fill(0);
    let at = this.offset;
    for (let n = 0; n < total; n++) {
      visit(at, n);
      for (let d = shape.length - 1; d >= 0; d--) {
        index[d]!++;
        at += strides[d]!;
        if (index[d]! < shape[d]!) break;
        at -= strides[d]! * shape[d]!;
        index[d] = 0;
      }
    }
  }

  fill(value: Element): void {
    this.forEachPosition((at) => this.setData(at, value));
  }

  /** A view of the same data: `sizes` elements from `offsets` on in steps of `strides` along each dimension. */
  view(offsets: readonly number[], sizes: readonly number[], strides: readonly number[] = sizes.map(() => 1)): NDArray {
    const steps = this.strides.map((s, i) => s * strides[i]!);
    return this.laid(sizes, steps, this.position(offsets));
  }

  /** The same elements in another shape; a copy only where the strides leave no other way. */
  reshape(shape: readonly number[]): NDArray {
    invariant(sizeOf(shape) === this.size, `reshape of ${this.size} elements to ${shape.join("x")}`);
    const a = this.isContiguous ? this : this.copy();
    return a.laid(shape, rowMajor(shape), a.offset);
  }

  transpose(permutation: readonly number[]): NDArray {
    return this.laid(
      permutation.map((p) => this.shape[p]!),
      permutation.map((p) => this.strides[p]!),
      this.offset,
    );
  }

  /** A view of the same data that takes its elements from elsewhere in it; strides and offset count elements of `data`. */
  laid(shape: readonly number[], strides: readonly number[], offset: number): NDArray {
    return new NDArray(this.dtype, shape, this.data, strides, offset);
  }

  /** What copies read: the data, or where it lies at odd places, its bytes. */
  protected get readable(): Strided {
    return this;
  }

  /** A contiguous copy with data of its own. */
  copy(): NDArray {
    // Not by subarray: a view of a small array makes the engine move its elements to a buffer of their own first.
    if (this.isContiguous) {
      return new NDArray(this.dtype, this.shape, this.data.slice(this.offset, this.offset + this.size));
    }
    const out = new NDArray(this.dtype, this.shape, allocate(this.dtype, this.size));
    this.copyTo(out);
    return out;
  }

  /** Copies the elements into an array, or a layout of elements of the same type, that does not overlap. */
  copyTo(to: Strided, shape = this.shape, strides = this.strides, offset = this.offset): void {
    copyStrided(to, { data: this.readable.data, strides, offset }, shape);
  }

  /** This, if its data is exactly its elements in order; else a contiguous copy. */
  contiguous(): NDArray {
    return this.isContiguous && this.offset === 0 && this.data.length === this.size ? this : this.copy();
  }

  /** Copies the elements of an array of the same shape and type into this one. Overlapping views are handled. */
  assign(from: NDArray): void {
    const { size } = this;
    invariant(from.size === size, "assigned arrays have the same size");
    if (from instanceof Unaligned && sameShape(this.shape, from.shape)) {
      from.copyTo(this);
      return;
    }
    if (this.isContiguous && from.isContiguous) {
      // `set` takes care of overlaps; what is small is cut out by `slice` for the reason given in `copy`.
      const whole = from.offset === 0 && from.data.length === size;
      const end = from.offset + size;
      const part = whole
        ? from.data
        : size > 64
          ? from.data.subarray(from.offset, end)
          : from.data.slice(from.offset, end);
      (this.data as Float64Array).set(part as Float64Array, this.offset);
      return;
    }
    const apart = from.data !== this.data && size > 64 && from.data.buffer !== this.data.buffer;
    if (apart && sameShape(this.shape, from.shape)) {
      from.copyTo(this);
      return;
    }
    const { data } = apart && from.isContiguous && from.offset === 0 ? from : from.copy();
    this.forEachPosition((at, n) => {
      this.data[at] = data[n] as never;
    });
  }
}

/**
 * Little-endian bytes at a place where no typed array of their elements can begin, as in the middle of a file. Copies read
 * them where they are; `data` is a copy, made when it is first asked for and shared by all views.
 */
class Unaligned extends NDArray {
  readonly #bytes: Uint8Array;
  readonly #made: { data?: Buffer };

  constructor(
    dtype: DType,
    shape: readonly number[],
    bytes: Uint8Array,
    made: { data?: Buffer } = {},
    strides: readonly number[] = rowMajor(shape),
    offset = noOffset,
  ) {
    super(dtype, shape, allocate(dtype, 0), strides, offset);
    this.#bytes = bytes;
    this.#made = made;
    Object.defineProperty(this, "data", {
      enumerable: true,
      get: () => {
        made.data ??= storageOf(dtype, bytes);
        return made.data;
      },
    });
  }

  override laid(shape: readonly number[], strides: readonly number[], offset: number): NDArray {
    return new Unaligned(this.dtype, shape, this.#bytes, this.#made, strides, offset);
  }

  protected override get readable(): Strided {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    return { data: new DataView(buffer, byteOffset, byteLength), strides: this.strides, offset: this.offset };
  }
}

/** Little-endian bytes as an array that is not written to: a view of them wherever they lie. */
export function arrayOver(dtype: DType, shape: readonly number[], bytes: Uint8Array): NDArray {
  const width = allocate(dtype, 0).BYTES_PER_ELEMENT;
  const inPlace = width !== 4 || bytes.byteOffset % width === 0;
  return inPlace ? new NDArray(dtype, shape, storageOf(dtype, bytes)) : new Unaligned(dtype, shape, bytes);
}
