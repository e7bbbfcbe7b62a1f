/** @file What decoding and encoding share: how each kind of field is laid out. */
import type { Field } from "./schema.ts";

/** The wire types of protocol buffers: how the bytes after a tag are laid out. */
const VARINT = 0;
const FIXED64 = 1;
export const DELIMITED = 2;
const FIXED32 = 5;

export const wireTypes: Readonly<Record<Exclude<Field["kind"], "ignored">, number>> = {
  string: DELIMITED,
  text: DELIMITED,
  bytes: DELIMITED,
  message: DELIMITED,
  int32: VARINT,
  int64: VARINT,
  float: FIXED32,
  f32s: FIXED32,
  f64s: FIXED64,
  i32s: VARINT,
  i64s: VARINT,
  u64s: VARINT,
};

/** The column kinds, with the bytes that an element takes once decoded. */
export type ColumnKind = "f32s" | "f64s" | "i32s" | "i64s" | "u64s";
export const columnWidths: Readonly<Record<ColumnKind, number>> = { f32s: 4, f64s: 8, i32s: 4, i64s: 8, u64s: 8 };
export const isColumn = (kind: Field["kind"]): kind is ColumnKind => kind in columnWidths;
