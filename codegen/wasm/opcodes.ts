import { atomicRows } from "./opcodes/atomics.ts";
import { coreRows } from "./opcodes/core.ts";
import type { Feature, Immediate, Row } from "./opcodes/row.ts";
import { simdRows } from "./opcodes/simd.ts";
import type { FunctionType } from "./types.ts";

export type { Feature, Immediate } from "./opcodes/row.ts";

const rows = { ...coreRows, ...simdRows, ...atomicRows } as const;

/** The words of the text format, but for `select_t`, which that format writes `select (result …)`. */
export type Mnemonic = keyof typeof rows;

/** The mnemonics whose immediate is of kind I and whose operands are fixed (S = FunctionType) or not (null). */
export type MnemonicOf<I extends Immediate, S extends FunctionType | null = FunctionType | null> = {
  [M in Mnemonic]: (typeof rows)[M] extends Row<I, S> ? M : never;
}[Mnemonic];

export interface Instruction extends Row {
  readonly mnemonic: Mnemonic;
  /** The opcode as it is written. */
  readonly code: readonly number[];
  /** One bit per feature: see `featureNames`. */
  readonly featureBit: number;
}

/** The features in the order of their bits. */
const features: readonly Feature[] = [
  "mvp",
  "sign-extension",
  "nontrapping-float-to-int",
  "bulk-memory",
  "reference-types",
  "multi-value",
  "simd128",
  "relaxed-simd",
  "threads",
];

export const featureBit = (feature: Feature): number => 1 << features.indexOf(feature);

/** The features that bits stand for; every module needs `mvp`, so it is not named. */
export const featureNames = (bits: number): Feature[] => features.filter((_, i) => i > 0 && (bits >> i) & 1);

/** A prefix is a byte of its own; the opcode after it is unsigned LEB128, here of at most two bytes. */
function encode({ prefix, opcode }: Row): readonly number[] {
  if (prefix === 0) return [opcode];
  return opcode < 0x80 ? [prefix, opcode] : [prefix, (opcode & 0x7f) | 0x80, opcode >> 7];
}

const table: ReadonlyMap<string, Instruction> = new Map(
  Object.entries<Row>(rows).map(([mnemonic, row]) => [
    mnemonic,
    { ...row, mnemonic: mnemonic as Mnemonic, code: encode(row), featureBit: featureBit(row.feature) },
  ]),
);

/** Every instruction, in the order of the table. */
export const instructions = (): IterableIterator<Instruction> => table.values();

export const instructionOf = (mnemonic: Mnemonic): Instruction => table.get(mnemonic)!;
