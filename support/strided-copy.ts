/** @file Copies elements between layouts. What transposes and packs of weights take is the way to memory: blocks, not rows. */

/** Where the elements of an array lie. */
export interface Strided {
  /** A typed array; the same kind on both sides. What is read may be a DataView of words of 32 bits, wherever they lie. */
  readonly data: ArrayBufferView;
  /** In elements, one for each dimension. */
  readonly strides: readonly number[];
  readonly offset: number;
}

/** A dimension as both sides walk it. */
interface Walk {
  readonly count: number;
  readonly to: number;
  readonly from: number;
}

/** Rows and columns of the blocks that a transpose is cut into: both of their sides stay in the first cache. */
const block = 32;
/** Runs from this length on are copied by the engine. */
const longRun = 64;

/** Copies the elements of `shape` from one layout to another, bit by bit. The two must not overlap. */
export function copyStrided(to: Strided, from: Strided, shape: readonly number[]): void {
  if (shape.includes(0)) return;
  const dims = merged(
    shape
      .map((count, d): Walk => ({ count, to: to.strides[d]!, from: from.strides[d]! }))
      .filter(({ count }) => count > 1)
      .sort((a, b) => b.to - a.to),
  );
  const row = dims.pop() ?? { count: 1, to: 1, from: 1 };
  const a = bitsOf(to.data);
  const b = from.data instanceof DataView ? from.data : bitsOf(from.data);
  const runs = row.to === 1 && row.from === 1 && row.count >= longRun;
  // The dimension along which the source is dense, where it is not that of the row; else the next one.
  const dense = dims.reduce((best, w, i) => (w.from < (dims[best]?.from ?? row.from) ? i : best), -1);
  const column = (runs ? undefined : dims.splice(dense, 1)[0]) ?? { count: 1, to: 0, from: 0 };
  const copy: (at: number, read: number) => void = runs
    ? b instanceof DataView
      ? runsOf(a, b, row.count)
      : (at, read) => a.set(b.subarray(read, read + row.count), at)
    : (at, read) => copyBlocks(a, at, b, read, row, column);
  const visit = (d: number, at: number, read: number): void => {
    if (d === dims.length) {
      copy(at, read);
      return;
    }
    const { count, to: put, from: take } = dims[d]!;
    for (let i = 0; i < count; i++) visit(d + 1, at + i * put, read + i * take);
  };
  visit(0, to.offset, from.offset);
}

/** Copies a run of words from wherever they lie. */
function runsOf(to: Int32Array, from: DataView, count: number): (at: number, read: number) => void {
  const a = new Uint8Array(to.buffer, to.byteOffset, to.byteLength);
  const b = new Uint8Array(from.buffer, from.byteOffset, from.byteLength);
  return (at, read) => a.set(b.subarray(4 * read, 4 * (read + count)), 4 * at);
}

/** Singles as words: on their way through a double, some NaN would become others. */
const bitsOf = (data: ArrayBufferView): Int32Array =>
  (data instanceof Float32Array ? new Int32Array(data.buffer, data.byteOffset, data.length) : data) as Int32Array;

/** Neighbouring dimensions that both sides walk as one are one. */
function merged(dims: readonly Walk[]): Walk[] {
  const out: Walk[] = [];
  for (const inner of dims) {
    const outer = out.at(-1);
    if (outer && outer.to === inner.to * inner.count && outer.from === inner.from * inner.count) {
      out[out.length - 1] = { ...inner, count: outer.count * inner.count };
    } else out.push(inner);
  }
  return out;
}

function copyBlocks(a: Int32Array, at: number, b: Int32Array | DataView, read: number, row: Walk, column: Walk): void {
  // The longer side of a block is the inner loop: panels are eight columns wide.
  const [outer, inner] = row.count < column.count && row.count < block ? [row, column] : [column, row];
  for (let o0 = 0; o0 < outer.count; o0 += block) {
    const o1 = Math.min(outer.count, o0 + block);
    for (let i0 = 0; i0 < inner.count; i0 += block) {
      const i1 = Math.min(inner.count, i0 + block);
      for (let o = o0; o < o1; o++) {
        const put = at + o * outer.to + i0 * inner.to;
        const take = read + o * outer.from + i0 * inner.from;
        if (b instanceof DataView) copyWords(a, put, inner.to, b, take, inner.from, i1 - i0);
        else copyLine(a, put, inner.to, b, take, inner.from, i1 - i0);
      }
    }
  }
}

function copyLine(
  a: Int32Array,
  to: number,
  put: number,
  b: Int32Array,
  from: number,
  take: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    a[to] = b[from]!;
    to += put;
    from += take;
  }
}

function copyWords(
  a: Int32Array,
  to: number,
  put: number,
  b: DataView,
  from: number,
  take: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) {
    a[to] = b.getInt32(4 * from, true);
    to += put;
    from += take;
  }
}
