/** @file What a value is while the interpreter runs, and what an op's meaning may ask of it. Types only. */
import type { Location } from "../support/location.ts";
import type { NDArray } from "../support/ndarray.ts";
import type { Block, Operation, Region, Value } from "./core.ts";
import type { FloatType, IndexType, IntegerType, MemRefType, TensorType, Type, VectorType } from "./types.ts";

/**
 * A number at run time. Floats and index are `number`. Signless and signed integers of up to 32 bits are `number`, wider
 * ones `bigint`, both in two's complement range (i1 is 0 or 1); unsigned ones are not negative.
 */
export type Num = number | bigint;

/** The run-time form of a value of a type. Tensors and vectors are immutable by convention; memrefs are views of shared data. */
export type Datum<T extends Type = Type> = T extends TensorType | VectorType | MemRefType
  ? NDArray
  : T extends FloatType | IndexType
    ? number
    : T extends IntegerType
      ? Num
      : unknown;

/** What a scalar function may know before it runs; asked once per op, not per element. */
export interface ScalarInfo {
  /** Element types of the operands and results. */
  readonly operands: readonly Type[];
  readonly results: readonly Type[];
  readonly attrs: Readonly<Record<string, unknown>>;
  /** Stops the program with a fault at the op. */
  fail(message: string): never;
}

/**
 * The function of an elementwise op on single elements. It works in doubles (floats), numbers (integers to 32 bits,
 * index) or bigints (wider integers); the interpreter wraps integer results to their width and rounds float results to
 * their type, so `a + b` is all that addition has to say. Ops with several results answer an array.
 */
export type ScalarKernel = (a: never, b: never, c: never) => Num | readonly Num[];
export type ScalarFactory = (info: ScalarInfo) => ScalarKernel;

/** A jump of a branch terminator. */
export class Jump {
  readonly block: Block;
  readonly args: readonly unknown[];
  constructor(block: Block, args: readonly unknown[]) {
    this.block = block;
    this.args = args;
  }
}

/** The interpreter as an op's `evaluate` sees it. */
export interface Evaluator {
  /** The op that is being evaluated. */
  readonly op: Operation;
  readonly loc: Location;
  /** Type of an operand or result of the op. */
  operandType(i: number): Type;
  resultType(i: number): Type;
  /** The run-time value of a value that is visible at the op: what its regions see from outside. */
  valueOf(v: Value): unknown;
  /** Runs a region: its arguments in, what its terminator hands over out. */
  call(region: Region, args: readonly unknown[]): readonly unknown[];
  /** Runs a region for several threads, each with its arguments, that meet at the barriers in it. */
  lockstep(region: Region, threads: readonly (readonly unknown[])[]): void;
  /** Runs the body of the symbol (a function) that a name refers to, seen from the op. */
  callSymbol(root: string, nested: readonly string[], args: readonly unknown[]): readonly unknown[];
  /** Runs the body of a callable op (a function that was handed around as a value). */
  callOp(callable: Operation, args: readonly unknown[]): readonly unknown[];
  /** The op that a symbol names, seen from the op. */
  symbol(root: string, nested?: readonly string[]): Operation;
  /** Storage that lives as long as the run (globals); made on first use. */
  global<T>(key: Operation, make: () => T): T;
  /** For terminators with successors. */
  jump(successor: number, args: readonly unknown[]): Jump;
  /** Stops the program with a fault at the op. */
  fail(message: string): never;
  /** Where printing ops write. */
  print(text: string): void;
}
