import type { FunctionType, NumberType } from "../types.ts";

/** What follows the opcode. */
export type Immediate =
  | "none"
  | "block" // block type
  | "label" // relative depth
  | "labels" // vector of depths and the default one
  | "function" // function index
  | "type+table" // type index, table index
  | "types" // vector of value types
  | "reference" // reference type
  | "local"
  | "global"
  | "table"
  | "table+table" // destination, source
  | "element"
  | "element+table"
  | "data"
  | "data+memory"
  | "memory" // a zero byte: the one memory
  | "memory+memory" // two zero bytes: destination, source
  | "order" // a zero byte: sequentially consistent
  | "access" // alignment exponent, offset
  | "access+lane"
  | "lane"
  | "shuffle" // sixteen lane indices
  | "i32"
  | "i64"
  | "f32"
  | "f64"
  | "v128";

/** Extensions of WebAssembly 1.0, by the names of their proposals. */
export type Feature =
  | "mvp"
  | "sign-extension"
  | "nontrapping-float-to-int"
  | "bulk-memory"
  | "reference-types"
  | "multi-value"
  | "simd128"
  | "relaxed-simd"
  | "threads";

/** A row of the instruction table; the mnemonic is its key. */
export interface Row<I extends Immediate = Immediate, S extends FunctionType | null = FunctionType | null> {
  /** 0 for one-byte opcodes, else 0xfc, 0xfd or 0xfe, which the opcode follows as LEB128. */
  readonly prefix: number;
  readonly opcode: number;
  readonly immediate: I;
  /** What it takes from and leaves on the operand stack; null where that depends on the immediate or the context. */
  readonly signature: S;
  /** Bytes of memory accessed, which are its natural alignment; 0 for others. */
  readonly bytes: number;
  /** How many lanes a lane immediate chooses from; 0 for others. */
  readonly lanes: number;
  readonly feature: Feature;
}

const letters: Readonly<Record<string, NumberType>> = { i: "i32", I: "i64", f: "f32", F: "f64", v: "v128" };

const signatures = new Map<string, FunctionType>();

/** Reads `ii:i` as (i32 i32) -> (i32): i and I are integers of 32 and 64 bits, f and F floats, v is v128. */
function signatureOf(text: string): FunctionType {
  let signature = signatures.get(text);
  if (!signature) {
    const [params = [], results = []] = text.split(":").map((part) => [...part].map((letter) => letters[letter]!));
    signature = { params, results };
    signatures.set(text, signature);
  }
  return signature;
}

/** Constructors of rows for one group of opcodes: a prefix and the feature that brings it. */
export function group(prefix: number, feature: Feature) {
  const row = <I extends Immediate, S extends FunctionType | null>(
    opcode: number,
    immediate: I,
    signature: S,
    bytes = 0,
    lanes = 0,
  ): Row<I, S> => ({ prefix, opcode, immediate, signature, bytes, lanes, feature });
  return {
    /** Fixed operands and no immediate. */
    op: (opcode: number, signature: string) => row(opcode, "none", signatureOf(signature)),
    /** Fixed operands and an immediate that does not change them. */
    with: <I extends Immediate>(opcode: number, immediate: I, signature: string) =>
      row(opcode, immediate, signatureOf(signature)),
    /** Operands that depend on the immediate or the context. */
    context: <I extends Immediate>(opcode: number, immediate: I) => row(opcode, immediate, null),
    /** Reads or writes `bytes` of memory. */
    access: (opcode: number, signature: string, bytes: number) => row(opcode, "access", signatureOf(signature), bytes),
    /** Reads or writes one of the lanes of a vector in memory. */
    accessLane: (opcode: number, signature: string, bytes: number) =>
      row(opcode, "access+lane", signatureOf(signature), bytes, 16 / bytes),
    /** Reads or writes one of `lanes` lanes. */
    lane: (opcode: number, signature: string, lanes: number) => row(opcode, "lane", signatureOf(signature), 0, lanes),
  };
}
