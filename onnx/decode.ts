/**
 * @file The bytes of protocol buffers → plain messages, driven by the table in schema.ts. The bytes are taken for
 * hostile: every fault is collected with its place, and decoding goes on after the message it stands in.
 */
import protobuf from "protobufjs/minimal.js";
import { ByteWriter } from "../support/bytes.ts";
import type { Code } from "../support/codes.ts";
import { invariant } from "../support/diagnostic.ts";
import type { Location } from "../support/location.ts";
import type { FileFaults } from "./faults.ts";
import { type Field, fieldsByNumber, type MessageName, type Raw, type ScalarKind } from "./schema.ts";
import { type ColumnKind, columnWidths, DELIMITED, isColumn, wireTypes } from "./wire.ts";

/**
 * How deep messages may stand in each other. A subgraph costs three levels (graph, node, attribute); protobuf's own
 * limit is 100.
 */
export const MAX_DEPTH = 64;
/** How many messages a file may hold. An empty one is two bytes in the file and some hundred in memory. */
export const MAX_MESSAGES = 2_000_000;

type Reader = InstanceType<typeof protobuf.Reader>;
type Long = ReturnType<Reader["int64"]>;
type Message = Record<string, unknown>;

export interface DecodeOptions {
  /** Named in the place of each fault. */
  readonly file: string;
  readonly faults: FileFaults;
}

/**
 * Decodes one message. Strings are copied; everything else that is more than a number is a view of `bytes`, except
 * columns that the file holds as varints or in pieces. Never throws for any input: what cannot be read is reported as
 * `onnx/wire`, `onnx/nesting` or `onnx/utf8`, and what was read is still returned. Gives up once `faults` is exhausted.
 */
export function decode<M extends MessageName>(message: M, bytes: Uint8Array, options: DecodeOptions): Raw<M> {
  // A plain Uint8Array over the same memory: given a Node Buffer, the reader would hand out Buffers.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // The one cast: the table that drives the decoder is the table that Raw is made from.
  return new Decoder(plain, options).top(message) as Raw<M>;
}

class Decoder {
  readonly #reader: Reader;
  readonly #options: DecodeOptions;
  readonly #path: string[] = [];
  /** Of the message being read; most have none. */
  #columns: Map<Field, Column> | null = null;
  #messagesLeft = MAX_MESSAGES;

  constructor(bytes: Uint8Array, options: DecodeOptions) {
    this.#reader = new protobuf.Reader(bytes);
    this.#options = options;
  }

  top(message: MessageName): Message {
    return this.#message({}, message, this.#reader.len);
  }

  /**
   * Reads fields up to `end` into `into`. A fault ends this message, not the one around it, whose reader goes on at
   * `end`.
   */
  #message(into: Message, message: MessageName, end: number): Message {
    const reader = this.#reader;
    const { faults } = this.#options;
    const outerEnd = reader.len;
    reader.len = end;
    const fields = fieldsByNumber(message);
    const outerColumns = this.#columns;
    this.#columns = null;
    let at = reader.pos;
    try {
      while (reader.pos < end && !faults.exhausted) {
        at = reader.pos;
        const tag = reader.tag();
        const number = tag >>> 3;
        const field = fields[number];
        // Unknown fields are how the format grows: skipped without a word.
        if (field === undefined) reader.skipType(tag & 7, this.#path.length, number);
        else this.#field(into, field, tag & 7, at);
      }
    } catch (error) {
      if (!isReaderError(error)) throw error;
      this.#fault("onnx/wire", at, `${message} cannot be read on: ${error.message}`);
    }
    this.#finishColumns(into);
    this.#columns = outerColumns;
    reader.pos = end;
    reader.len = outerEnd;
    return into;
  }

  #finishColumns(into: Message): void {
    if (this.#columns === null) return;
    for (const [field, column] of this.#columns) into[field.name] = column.finish();
  }

  #field(into: Message, field: Field, wireType: number, at: number): void {
    const reader = this.#reader;
    const { kind, name } = field;
    if (kind === "ignored") {
      reader.skipType(wireType, this.#path.length, field.number);
      into[name] = true;
      return;
    }
    const packed = wireType === DELIMITED && isColumn(kind);
    if (wireType !== wireTypes[kind] && !packed) {
      this.#path.push(name);
      this.#fault(
        "onnx/wire",
        at,
        `wire type ${wireTypes[kind]} is expected, but found ${wireType}; the field is skipped`,
      );
      this.#path.pop();
      reader.skipType(wireType, this.#path.length, field.number);
      return;
    }
    if (isColumn(kind)) {
      this.#columns ??= new Map();
      let column = this.#columns.get(field);
      if (column === undefined) {
        column = new Column(kind, reader);
        this.#columns.set(field, column);
      }
      if (packed) column.packed();
      else column.element();
      return;
    }
    if (field.repeated) {
      const list = (into[name] as unknown[] | undefined) ?? [];
      into[name] = list;
      const value =
        field.message === undefined
          ? this.#scalar(field, kind as ScalarKind, at)
          : this.#nested({}, field, list.length);
      if (value !== undefined) list.push(value);
      return;
    }
    if (field.message === undefined) {
      into[name] = this.#scalar(field, kind as ScalarKind, at);
      return;
    }
    // A message that occurs again is merged into the first, as protocol buffers want.
    const value = this.#nested((into[name] as Message | undefined) ?? {}, field, undefined);
    if (value !== undefined) into[name] = value;
  }

  #nested(into: Message, field: Field, index: number | undefined): Message | undefined {
    const reader = this.#reader;
    const length = reader.size();
    const end = reader.pos + length;
    if (end > reader.len)
      throw new RangeError(`${field.name} of ${length} bytes, but ${reader.len - reader.pos} are left`);
    this.#path.push(index === undefined ? field.name : `${field.name}[${index}]`);
    let result: Message | undefined;
    if (this.#path.length > MAX_DEPTH) {
      this.#fault(
        "onnx/nesting",
        reader.pos,
        `messages are nested more than ${MAX_DEPTH} deep; the inner ones are left out`,
      );
      reader.pos = end;
    } else if (this.#messagesLeft === 0) {
      this.#messagesLeft = -1;
      this.#fault("onnx/nesting", reader.pos, "the file holds too many messages; the rest is left out");
      reader.pos = end;
    } else if (this.#messagesLeft < 0) {
      reader.pos = end;
    } else {
      this.#messagesLeft--;
      result = this.#message(into, field.message!, end);
    }
    this.#path.pop();
    return result;
  }

  #scalar(field: Field, kind: ScalarKind, at: number): unknown {
    const reader = this.#reader;
    switch (kind) {
      case "string":
      case "text":
        return this.#string(field, kind, at);
      case "bytes":
        return reader.bytes();
      case "int32":
        return reader.int32();
      case "int64":
        return bigintOf(reader.int64());
      case "float":
        return reader.float();
      default:
        invariant(false, `${kind} is no scalar`);
    }
  }

  #string(field: Field, kind: "string" | "text", at: number): string {
    const reader = this.#reader;
    const start = reader.pos;
    try {
      return reader.stringVerify();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // what TextDecoder throws for malformed UTF-8
      reader.pos = start;
      this.#path.push(field.name);
      const message = "the text is not UTF-8; the offending bytes read as U+FFFD";
      if (kind === "text") this.#options.faults.warning("onnx/utf8", this.#place(at), message);
      else this.#fault("onnx/utf8", at, message);
      this.#path.pop();
      return reader.string();
    }
  }

  #fault(code: Code, at: number, message: string): void {
    this.#options.faults.error(code, this.#place(at), message);
  }

  #place(at: number): Location {
    const path = this.#path.length === 0 ? "" : ` · ${this.#path.join(".")}`;
    return { kind: "name", name: `${this.#options.file} · byte ${at}${path}` };
  }
}

/** protobufjs throws Error and RangeError for malformed bytes; a TypeError is a bug of ours. */
const isReaderError = (error: unknown): error is Error =>
  error instanceof Error && (error.constructor === Error || error instanceof RangeError);

const bigintOf = (long: Long): bigint => (BigInt(long.high) << 32n) | BigInt(long.low >>> 0);

/** Gathers a repeated number into one little-endian array. */
class Column {
  readonly #kind: ColumnKind;
  readonly #reader: Reader;
  /** What was read so far, if that is one packed float array: a view of the file. */
  #view: Uint8Array | undefined;
  #copy: ByteWriter | undefined;

  constructor(kind: ColumnKind, reader: Reader) {
    this.#kind = kind;
    this.#reader = reader;
  }

  packed(): void {
    const reader = this.#reader;
    const bytes = reader.bytes();
    if (this.#kind === "f32s" || this.#kind === "f64s") {
      if (bytes.length % columnWidths[this.#kind] !== 0) throw new RangeError(`packed floats of ${bytes.length} bytes`);
      if (this.#view === undefined && this.#copy === undefined) this.#view = bytes;
      else this.#writer(bytes.length).append(bytes);
      return;
    }
    let count = 0;
    for (let i = 0; i < bytes.length; i++) if (bytes[i]! < 0x80) count++;
    const writer = this.#writer(count * columnWidths[this.#kind]);
    const end = reader.pos;
    const outerEnd = reader.len;
    reader.pos = end - bytes.length;
    reader.len = end; // the last number must not reach into the next field
    try {
      while (reader.pos < end) this.#integer(writer);
    } finally {
      reader.len = outerEnd;
    }
  }

  element(): void {
    const writer = this.#writer(8);
    if (this.#kind === "f32s") writer.u32(this.#reader.fixed32());
    else if (this.#kind === "f64s") {
      writer.u32(this.#reader.fixed32());
      writer.u32(this.#reader.fixed32());
    } else this.#integer(writer);
  }

  finish(): Uint8Array {
    return this.#view ?? this.#copy?.subarray() ?? new Uint8Array(0);
  }

  #integer(writer: ByteWriter): void {
    const reader = this.#reader;
    if (this.#kind === "i32s") {
      writer.u32(reader.int32());
      return;
    }
    const byte = reader.buf[reader.pos]!;
    if (byte < 0x80 && reader.pos < reader.len) {
      reader.pos++;
      writer.u32(byte);
      writer.u32(0);
      return;
    }
    const long = reader.int64(); // the same bits for u64
    writer.u32(long.low);
    writer.u32(long.high);
  }

  #writer(extra: number): ByteWriter {
    if (this.#copy === undefined) {
      this.#copy = new ByteWriter(Math.max(extra, 32));
      if (this.#view !== undefined) this.#copy.append(this.#view);
      this.#view = undefined;
    }
    this.#copy.reserve(extra);
    return this.#copy;
  }
}
