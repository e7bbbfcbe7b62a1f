/** @file Plain messages → the bytes of protocol buffers, driven by the table in schema.ts. */
import protobuf from "protobufjs/minimal.js";
import { fault, invariant } from "../support/diagnostic.ts";
import { unknownLocation } from "../support/location.ts";
import { type Field, fieldsOf, type MessageName, type Raw } from "./schema.ts";
import { type ColumnKind, columnWidths, DELIMITED, isColumn, wireTypes } from "./wire.ts";

type Writer = InstanceType<typeof protobuf.Writer>;
type Message = Record<string, unknown>;

/** What readers of protocol buffers accept. */
const MAX_SIZE = 2 ** 31 - 1;

/**
 * Encodes one message, fields in the order of their numbers. Undefined fields and empty lists are not written.
 *
 * @throws CompileError (`onnx/wire`) beyond 2 GiB
 */
export function encode<M extends MessageName>(message: M, value: Raw<M>): Uint8Array {
  const writer = new protobuf.Writer();
  write(writer, message, value);
  if (writer.pos > MAX_SIZE) {
    const help = "keep the weights in an external file";
    throw fault("onnx/wire", unknownLocation, "an ONNX file cannot be larger than 2 GiB", { help });
  }
  return writer.finish();
}

function write(writer: Writer, message: MessageName, value: Readonly<Message>): void {
  for (const field of fieldsOf(message)) {
    const content = value[field.name];
    if (content === undefined || field.kind === "ignored") continue;
    if (isColumn(field.kind)) writeColumn(writer, field, field.kind, content as Uint8Array);
    else if (field.repeated) for (const element of content as readonly unknown[]) writeOne(writer, field, element);
    else writeOne(writer, field, content);
  }
}

function writeOne(writer: Writer, field: Field, value: unknown): void {
  const { kind } = field;
  invariant(kind !== "ignored", "an ignored field is never written");
  writer.uint32((field.number << 3) | wireTypes[kind]);
  switch (kind) {
    case "message":
      writer.fork();
      write(writer, field.message!, value as Message);
      writer.ldelim();
      break;
    case "string":
    case "text":
      writer.string(value as string);
      break;
    case "bytes":
      writer.bytes(value as Uint8Array);
      break;
    case "int32":
      writer.int32(value as number);
      break;
    case "int64":
      writeBigint(writer, value as bigint);
      break;
    case "float":
      writer.float(value as number);
      break;
    default:
      invariant(false, `${kind} is no single value`);
  }
}

/** A varint of 64 bits; protobufjs knows no bigint, but takes the two halves. */
const writeBigint = (writer: Writer, value: bigint): void => {
  const low = Number(BigInt.asIntN(32, value));
  const high = Number(BigInt.asIntN(32, value >> 32n));
  writer.int64({ low, high, unsigned: false });
};

function writeColumn(writer: Writer, field: Field, kind: ColumnKind, bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  const width = columnWidths[kind];
  if (field.unpacked) {
    const tag = (field.number << 3) | wireTypes[kind];
    for (let at = 0; at < bytes.length; at += width) {
      writer.uint32(tag);
      writeElement(writer, kind, bytes, at);
    }
    return;
  }
  writer.uint32((field.number << 3) | DELIMITED);
  if (kind === "f32s" || kind === "f64s") {
    writer.bytes(bytes);
    return;
  }
  writer.fork();
  for (let at = 0; at < bytes.length; at += width) writeElement(writer, kind, bytes, at);
  writer.ldelim();
}

function writeElement(writer: Writer, kind: ColumnKind, bytes: Uint8Array, at: number): void {
  const low = int32At(bytes, at);
  if (kind === "f32s") writer.sfixed32(low);
  else if (kind === "i32s") writer.int32(low);
  else if (kind === "f64s") writer.sfixed64({ low, high: int32At(bytes, at + 4), unsigned: false });
  else writer.int64({ low, high: int32At(bytes, at + 4), unsigned: false });
}

/** Little-endian; byte by byte, for the arrays are views of a file and stand at any offset. */
const int32At = (b: Uint8Array, at: number): number =>
  b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24);
