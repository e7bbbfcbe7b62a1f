export type NumberType = "i32" | "i64" | "f32" | "f64" | "v128";
export type ReferenceType = "funcref" | "externref";
export type ValueType = NumberType | ReferenceType;

export interface FunctionType {
  readonly params: readonly ValueType[];
  readonly results: readonly ValueType[];
}

/** How many pages (memory) or elements (table) there are at first, and at most. */
export interface Limits {
  readonly initial: number;
  readonly maximum?: number | undefined;
}

export interface MemoryType extends Limits {
  /** Whether threads share the memory; it then needs a maximum. */
  readonly shared?: boolean | undefined;
}

/** Bytes in a page, the unit of memory limits. */
export const pageSize = 65536;

/** The byte that stands for a type in a module. */
export const valueTypeCodes: Readonly<Record<ValueType, number>> = {
  i32: 0x7f,
  i64: 0x7e,
  f32: 0x7d,
  f64: 0x7c,
  v128: 0x7b,
  funcref: 0x70,
  externref: 0x6f,
};

/** The text of a function type, `(i32 f32) -> (v128)`; equal types have equal texts. */
export const typeText = (type: FunctionType): string => `(${type.params.join(" ")}) -> (${type.results.join(" ")})`;
