import { invariant } from "./diagnostic.ts";

const utf8 = new TextEncoder();

/**
 * A growable byte buffer: little-endian scalars, LEB128 integers, UTF-8, and length prefixes that are filled in once
 * the length is known. Everything is written in final order; nothing is kept beside the bytes.
 */
export class ByteWriter {
  private bytes: Uint8Array<ArrayBuffer>;
  private view: DataView<ArrayBuffer>;
  private size = 0;

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  /** How many bytes have been written; the offset of the next one. */
  get length(): number {
    return this.size;
  }

  /** Makes room for `extra` more bytes, at least doubling the buffer when it must grow. */
  reserve(extra: number): void {
    const needed = this.size + extra;
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    grown.set(this.bytes.subarray(0, this.size));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }

  /** Forgets what was written and keeps the buffer. */
  clear(): void {
    this.size = 0;
  }

  u8(value: number): void {
    if (this.size === this.bytes.length) this.reserve(1);
    this.bytes[this.size++] = value;
  }

  u16(value: number): void {
    this.reserve(2);
    this.view.setUint16(this.size, value, true);
    this.size += 2;
  }

  u32(value: number): void {
    this.reserve(4);
    this.view.setUint32(this.size, value, true);
    this.size += 4;
  }

  u64(value: bigint): void {
    this.reserve(8);
    this.view.setBigUint64(this.size, value, true);
    this.size += 8;
  }

  f32(value: number): void {
    this.reserve(4);
    this.view.setFloat32(this.size, value, true);
    this.size += 4;
  }

  f64(value: number): void {
    this.reserve(8);
    this.view.setFloat64(this.size, value, true);
    this.size += 8;
  }

  /** Appends raw bytes. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.bytes.set(bytes, this.size);
    this.size += bytes.length;
  }

  /** Appends `count` zero bytes. */
  zeros(count: number): void {
    this.reserve(count);
    this.bytes.fill(0, this.size, this.size + count);
    this.size += count;
  }

  /** Appends text as UTF-8, without length or terminator. Lone surrogates become U+FFFD. */
  utf8(text: string): void {
    this.reserve(text.length * 3); // a UTF-16 unit is never more than three UTF-8 bytes
    this.size += utf8.encodeInto(text, this.bytes.subarray(this.size)).written;
  }

  /** Unsigned LEB128 of an integer in [0, 2^32). */
  uleb32(value: number): void {
    invariant(value >>> 0 === value, `${value} is not an unsigned 32-bit integer`);
    let rest = value;
    while (rest > 0x7f) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.u8(rest);
  }

  /** Signed LEB128 of an integer in [-2^31, 2^31). */
  sleb32(value: number): void {
    invariant((value | 0) === value, `${value} is not a signed 32-bit integer`);
    let rest = value;
    while (rest < -0x40 || rest > 0x3f) {
      this.u8((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.u8(rest & 0x7f);
  }

  /** Unsigned LEB128 of an integer in [0, 2^64). */
  uleb64(value: bigint): void {
    invariant(BigInt.asUintN(64, value) === value, `${value} is not an unsigned 64-bit integer`);
    let rest = value;
    while (rest > 0x7fn) {
      this.u8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.u8(Number(rest));
  }

  /** Signed LEB128 of an integer in [-2^63, 2^63). */
  sleb64(value: bigint): void {
    invariant(BigInt.asIntN(64, value) === value, `${value} is not a signed 64-bit integer`);
    let rest = value;
    while (rest < -0x40n || rest > 0x3fn) {
      this.u8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.u8(Number(rest & 0x7fn));
  }

  /**
   * Opens a part that is preceded by its own length as unsigned LEB128. One byte is set aside; `closePrefix` moves
   * the part if its length needs more, so the encoding is always the shortest. Prefixes nest; inner ones close first.
   *
   * @returns the mark to hand to `closePrefix`.
   */
  openPrefix(): number {
    this.u8(0);
    return this.size;
  }

  closePrefix(mark: number): void {
    const length = this.size - mark;
    const extra = ulebSize(length) - 1;
    if (extra > 0) {
      this.reserve(extra);
      this.bytes.copyWithin(mark + extra, mark, this.size);
    }
    this.size = mark - 1;
    this.uleb32(length);
    this.size += length;
  }

  /** What was written so far, without copying; valid until the next write. */
  subarray(start = 0, end = this.size): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(start, Math.min(end, this.size));
  }

  /** A copy of what was written. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.size);
  }
}

/** How many bytes the unsigned LEB128 of an integer in [0, 2^32) takes. */
export function ulebSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) size++;
  return size;
}
