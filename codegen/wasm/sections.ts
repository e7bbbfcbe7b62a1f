import { ByteWriter } from "../../support/bytes.ts";
import { InternalError } from "../../support/diagnostic.ts";
import type { FunctionBuilder } from "./function-builder.ts";
import { instructionOf } from "./opcodes.ts";
import {
  type FunctionType,
  type Limits,
  type MemoryType,
  type ReferenceType,
  type ValueType,
  valueTypeCodes,
} from "./types.ts";

/** Section ids. In a module they stand in this order, `custom` anywhere. */
const ids = {
  custom: 0,
  type: 1,
  import: 2,
  function: 3,
  table: 4,
  memory: 5,
  global: 6,
  export: 7,
  start: 8,
  element: 9,
  dataCount: 12,
  code: 10,
  data: 11,
} as const;

/** The parts of the name section. */
const nameIds = { module: 0, functions: 1, locals: 2 } as const;

const externalKinds = { function: 0, table: 1, memory: 2, global: 3 } as const;
export type ExternalKind = keyof typeof externalKinds;

/** What a global starts as, by its type: a number, a bigint for i64, sixteen bytes for v128, a function or null. */
export type InitialValue = number | bigint | Uint8Array | null;

export interface FunctionImport {
  readonly kind: "function";
  readonly module: string;
  readonly name: string;
  readonly type: number;
}

export interface MemoryImport {
  readonly kind: "memory";
  readonly module: string;
  readonly name: string;
  readonly type: MemoryType;
}

export interface Global {
  readonly type: ValueType;
  readonly mutable: boolean;
  readonly initial: InitialValue;
}

export interface Table extends Limits {
  readonly type: ReferenceType;
}

export interface ElementSegment {
  readonly functions: readonly number[];
  /** Where instantiation places it; `passive` waits for `table.init`; `declarative` only allows `ref.func`. */
  readonly placement: { readonly table: number; readonly offset: number } | "passive" | "declarative";
}

export interface DataSegment {
  readonly bytes: Uint8Array;
  /** Where it is placed at instantiation; undefined for one that `memory.init` places. */
  readonly offset: number | undefined;
}

/** What a module consists of, as indices into its index spaces. */
export interface ModuleParts {
  readonly name: string | undefined;
  readonly types: readonly FunctionType[];
  readonly imports: readonly (FunctionImport | MemoryImport)[];
  /** The type of each function that the module defines. */
  readonly functionTypes: readonly number[];
  readonly tables: readonly Table[];
  /** The memory, unless it is imported. */
  readonly memory: MemoryType | undefined;
  readonly globals: readonly Global[];
  readonly exports: ReadonlyMap<string, { readonly kind: ExternalKind; readonly index: number }>;
  readonly start: number | undefined;
  readonly elements: readonly ElementSegment[];
  readonly functions: readonly FunctionBuilder[];
  readonly data: readonly DataSegment[];
  readonly customs: readonly { readonly name: string; readonly bytes: Uint8Array }[];
  /** Names of all functions, imported ones first, for the name section; undefined leaves it out. */
  readonly functionNames: readonly string[] | undefined;
}

/** Encodes a module: the sections in their order (core specification, 5.5), empty ones left out. */
export function encodeModule(parts: ModuleParts): Uint8Array<ArrayBuffer> {
  const codeSize = parts.functions.reduce((sum, f) => sum + f.size + 64, 0);
  const dataSize = parts.data.reduce((sum, d) => sum + d.bytes.length + 16, 0);
  const w = new ByteWriter(1024 + codeSize + dataSize);
  w.append(Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0)); // "\0asm", version 1

  vector(w, ids.type, parts.types, (type) => {
    w.u8(0x60);
    typeVector(w, type.params);
    typeVector(w, type.results);
  });
  vector(w, ids.import, parts.imports, (item) => {
    text(w, item.module);
    text(w, item.name);
    w.u8(externalKinds[item.kind]);
    if (item.kind === "function") w.uleb32(item.type);
    else memory(w, item.type);
  });
  vector(w, ids.function, parts.functionTypes, (type) => w.uleb32(type));
  vector(w, ids.table, parts.tables, (table) => {
    w.u8(valueTypeCodes[table.type]);
    limits(w, table, 0);
  });
  vector(w, ids.memory, parts.memory === undefined ? [] : [parts.memory], (type) => memory(w, type));
  vector(w, ids.global, parts.globals, ({ type, mutable, initial }) => {
    w.u8(valueTypeCodes[type]);
    w.u8(mutable ? 1 : 0);
    constant(w, type, initial);
  });
  vector(w, ids.export, [...parts.exports], ([name, { kind, index }]) => {
    text(w, name);
    w.u8(externalKinds[kind]);
    w.uleb32(index);
  });
  if (parts.start !== undefined) {
    const start = parts.start;
    section(w, ids.start, () => w.uleb32(start));
  }
  const declared = declaredFunctions(parts.functions);
  const elements = declared.length > 0 ? [...parts.elements, declaration(declared)] : parts.elements;
  vector(w, ids.element, elements, (segment) => elementSegment(w, segment));
  if (parts.functions.some((f) => f.usesData)) section(w, ids.dataCount, () => w.uleb32(parts.data.length));
  vector(w, ids.code, parts.functions, (f) => f.writeTo(w));
  vector(w, ids.data, parts.data, ({ bytes, offset }) => {
    w.u8(offset === undefined ? 1 : 0);
    if (offset !== undefined) constant(w, "i32", offset | 0);
    w.uleb32(bytes.length);
    w.append(bytes);
  });
  for (const { name, bytes } of parts.customs) {
    section(w, ids.custom, () => {
      text(w, name);
      w.append(bytes);
    });
  }
  if (parts.functionNames !== undefined) nameSection(w, parts.name, parts.functionNames, parts.functions);
  return w.toBytes();
}

function section(w: ByteWriter, id: number, body: () => void): void {
  w.u8(id);
  const mark = w.openPrefix();
  body();
  w.closePrefix(mark);
}

/** A section that is a vector; left out when there is nothing in it. */
function vector<T>(w: ByteWriter, id: number, items: readonly T[], write: (item: T) => void): void {
  if (items.length === 0) return;
  section(w, id, () => {
    w.uleb32(items.length);
    for (const item of items) write(item);
  });
}

function text(w: ByteWriter, value: string): void {
  const mark = w.openPrefix();
  w.utf8(value);
  w.closePrefix(mark);
}

function typeVector(w: ByteWriter, types: readonly ValueType[]): void {
  w.uleb32(types.length);
  for (const type of types) w.u8(valueTypeCodes[type]);
}

function limits(w: ByteWriter, { initial, maximum }: Limits, flags: number): void {
  w.u8(flags | (maximum === undefined ? 0 : 1));
  w.uleb32(initial);
  if (maximum !== undefined) w.uleb32(maximum);
}

function memory(w: ByteWriter, type: MemoryType): void {
  limits(w, type, type.shared ? 2 : 0);
}

function elementSegment(w: ByteWriter, { functions, placement }: ElementSegment): void {
  const functionKind = 0;
  if (placement === "passive" || placement === "declarative") {
    w.u8(placement === "passive" ? 1 : 3);
    w.u8(functionKind);
  } else if (placement.table === 0) {
    w.u8(0);
    constant(w, "i32", placement.offset);
  } else {
    w.u8(2);
    w.uleb32(placement.table);
    constant(w, "i32", placement.offset);
    w.u8(functionKind);
  }
  w.uleb32(functions.length);
  for (const index of functions) w.uleb32(index);
}

/** A constant expression of the type, with its `end`. */
function constant(w: ByteWriter, type: ValueType, value: InitialValue): void {
  if (type === "i32" && typeof value === "number") {
    opcode(w, "i32.const");
    w.sleb32(value | 0);
  } else if (type === "i64" && typeof value === "bigint") {
    opcode(w, "i64.const");
    w.sleb64(BigInt.asIntN(64, value));
  } else if (type === "f32" && typeof value === "number") {
    opcode(w, "f32.const");
    w.f32(value);
  } else if (type === "f64" && typeof value === "number") {
    opcode(w, "f64.const");
    w.f64(value);
  } else if (type === "v128" && value instanceof Uint8Array && value.length === 16) {
    opcode(w, "v128.const");
    w.append(value);
  } else if ((type === "funcref" || type === "externref") && value === null) {
    opcode(w, "ref.null");
    w.u8(valueTypeCodes[type]);
  } else if (type === "funcref" && typeof value === "number") {
    opcode(w, "ref.func");
    w.uleb32(value);
  } else throw new InternalError(`a wasm ${type} cannot start as ${value}`);
  opcode(w, "end");
}

function opcode(w: ByteWriter, mnemonic: Parameters<typeof instructionOf>[0]): void {
  for (const byte of instructionOf(mnemonic).code) w.u8(byte);
}

/** The functions that bodies refer to by `ref.func`, which a module must declare. */
function declaredFunctions(functions: readonly FunctionBuilder[]): number[] {
  const all = new Set(functions.flatMap((f) => [...f.references]));
  return [...all].sort((a, b) => a - b);
}

const declaration = (functions: readonly number[]): ElementSegment => ({ functions, placement: "declarative" });

/** Names of the module, its functions and their locals, for debuggers and text (core specification, 7.4.1). */
function nameSection(
  w: ByteWriter,
  moduleName: string | undefined,
  functionNames: readonly string[],
  functions: readonly FunctionBuilder[],
): void {
  section(w, ids.custom, () => {
    text(w, "name");
    if (moduleName !== undefined) section(w, nameIds.module, () => text(w, moduleName));
    vector(w, nameIds.functions, [...functionNames.entries()], ([index, name]) => {
      w.uleb32(index);
      text(w, name);
    });
    const locals = functions
      .map((f) => ({ index: f.index, names: f.namedLocals() }))
      .filter(({ names }) => names.length > 0);
    vector(w, nameIds.locals, locals, ({ index, names }) => {
      w.uleb32(index);
      w.uleb32(names.length);
      for (const [local, name] of names) {
        w.uleb32(local);
        text(w, name);
      }
    });
  });
}
