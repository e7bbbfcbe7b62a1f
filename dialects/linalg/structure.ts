/**
 * @file The one shape that tiling, fusing, vectorizing and the interpreter read: loops, how each operand is addressed by
 * them (an affine map), and a scalar body. `linalg.generic` says it in its attributes, every named op by its definition.
 */
import type { AffineExpr, AffineMap } from "../../ir/affine.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { defineInterface } from "../../ir/interface.ts";
import { dynamic, isDynamic, type MemRefType, type TensorType, type Type } from "../../ir/types.ts";

/** MLIR's `utils::IteratorType`. A window loop is a reduction without a combiner; no named op has one. */
export const iteratorTypes = ["parallel", "reduction", "window"] as const;
export type IteratorType = (typeof iteratorTypes)[number];

/** How an op says that it is structured. Maps are one per operand, over the loops. */
export const structured = defineInterface<{
  maps(op: Operation): readonly AffineMap[];
  iterators(op: Operation): readonly IteratorType[];
  /** How many operands come before the outputs. */
  inputCount(op: Operation): number;
  /** The body sees the outputs' elements too, as its last arguments. */
  readonly outputsInBody: boolean;
}>("structured");

/** An op in a body whose result is the counter of one of the loops. */
export const loopIndex = defineInterface<{ loop(op: Operation): number }>("loop-index");

export interface StructuredLoop {
  readonly kind: IteratorType;
  /** Number of iterations; `dynamic` where the operand types do not tell. */
  readonly extent: number;
  /** An operand and its dimension that are exactly as long as the loop runs. */
  readonly source: { readonly operand: number; readonly dim: number } | undefined;
}

export interface StructuredOperand {
  readonly value: Value;
  /** Position among the op's operands. */
  readonly index: number;
  /** Sizes; empty for a scalar. */
  readonly shape: readonly number[];
  readonly element: Type;
  /** Loops → element of the operand. */
  readonly map: AffineMap;
  /** The body's argument that holds the element. */
  readonly arg: Value | undefined;
  readonly isOutput: boolean;
}

export interface Structure {
  readonly op: Operation;
  readonly loops: readonly StructuredLoop[];
  /** Inputs, then outputs. */
  readonly operands: readonly StructuredOperand[];
  readonly inputs: readonly StructuredOperand[];
  readonly outputs: readonly StructuredOperand[];
  readonly body: Block;
  /** What the body hands back: the new element of each output. */
  readonly yields: readonly Value[];
  /** On tensors the results are new values; on buffers the outputs are overwritten; mixed is not allowed. */
  readonly form: "tensor" | "memref" | "mixed";
}

/** Addressed by the loops. Everything else, vectors included, is a scalar to a structured op. */
export const isArray = (t: Type): t is TensorType | MemRefType => t.kind === "tensor" || t.kind === "memref";
export const shapeOf = (t: Type): readonly number[] => (isArray(t) ? t.shape : []);
export const elementTypeOf = (t: Type): Type => (isArray(t) ? t.element : t);

/** The structured view of an op that has one. The op must be well formed. */
export function structureOf(op: Operation): Structure | undefined {
  const how = structured.of(op);
  if (!how || op.regions[0]?.blocks.length !== 1) return undefined;
  const maps = how.maps(op);
  const iterators = how.iterators(op);
  const inputCount = how.inputCount(op);
  const body = op.region().entry;
  const operands = op.uses.map(({ value }, index): StructuredOperand => {
    const t = value.type;
    const isOutput = index >= inputCount;
    return {
      value,
      index,
      shape: shapeOf(t),
      element: elementTypeOf(t),
      map: maps[index]!,
      arg: isOutput && !how.outputsInBody ? undefined : body.args[index],
      isOutput,
    };
  });
  return new Structured(op, operands, inputCount, iterators, maps);
}

/** Its loops are asked for less often than its operands, and take longer to find out. */
class Structured implements Structure {
  readonly op: Operation;
  readonly operands: readonly StructuredOperand[];
  readonly inputs: readonly StructuredOperand[];
  readonly outputs: readonly StructuredOperand[];
  readonly body: Block;
  readonly yields: readonly Value[];
  readonly form: Structure["form"];
  readonly #iterators: readonly IteratorType[];
  readonly #maps: readonly AffineMap[];
  #loops: readonly StructuredLoop[] | undefined;

  constructor(
    op: Operation,
    operands: readonly StructuredOperand[],
    inputCount: number,
    iterators: readonly IteratorType[],
    maps: readonly AffineMap[],
  ) {
    this.op = op;
    this.operands = operands;
    this.inputs = operands.slice(0, inputCount);
    this.outputs = operands.slice(inputCount);
    this.body = op.region().entry;
    this.yields = this.body.terminator?.operands ?? [];
    this.form = formOf(op);
    this.#iterators = iterators;
    this.#maps = maps;
  }

  get loops(): readonly StructuredLoop[] {
    this.#loops ??= loopsFromMaps(
      this.#iterators,
      this.#maps,
      this.operands.map((o) => o.shape),
    );
    return this.#loops;
  }
}

/** Tensors only, buffers only, or both. Scalars do not count; an op without shaped operands is on tensors. */
export function formOf(op: Operation): Structure["form"] {
  let tensors = false;
  let memrefs = false;
  for (const u of op.uses) {
    const { kind } = u.value.type;
    if (kind === "tensor") tensors = true;
    else if (kind === "memref") memrefs = true;
  }
  return memrefs ? (tensors ? "mixed" : "memref") : "tensor";
}

/** Kind and extent of each loop, from the operands that one of its dimensions indexes alone; static sizes are preferred. */
export function loopsFromMaps(
  iterators: readonly IteratorType[],
  maps: readonly AffineMap[],
  shapes: readonly (readonly number[])[],
): StructuredLoop[] {
  const extents = iterators.map(() => dynamic);
  const sources = iterators.map((): StructuredLoop["source"] => undefined);
  maps.forEach((map, operand) => {
    map.results.forEach((e, dim) => {
      if (e.kind !== "dim" || e.index >= iterators.length) return;
      const size = shapes[operand]?.[dim] ?? dynamic;
      const known = sources[e.index] !== undefined;
      if (!known || (isDynamic(extents[e.index]!) && !isDynamic(size))) {
        extents[e.index] = size;
        sources[e.index] = { operand, dim };
      }
    });
  });
  return iterators.map((kind, i) => ({ kind, extent: extents[i]!, source: sources[i] }));
}

/** Loops of a kind, by number. */
export const loopsOf = (s: Pick<Structure, "loops">, kind: IteratorType): number[] =>
  s.loops.flatMap((l, i) => (l.kind === kind ? [i] : []));

/** Loops that address an operand, ascending. */
export function dimsOfMap(map: AffineMap): number[] {
  const found = new Set<number>();
  for (const e of map.results) collectDims(e, found);
  return [...found].sort((a, b) => a - b);
}

function collectDims(e: AffineExpr, into: Set<number>): void {
  if (e.kind === "dim") into.add(e.index);
  else if ("lhs" in e) {
    collectDims(e.lhs, into);
    collectDims(e.rhs, into);
  }
}

/** Smallest and largest value of an expression while each loop runs from 0 to its extent − 1; undefined if unbounded. */
export function rangeOfExpr(
  e: AffineExpr,
  extents: readonly number[],
): { readonly min: number; readonly max: number } | undefined {
  switch (e.kind) {
    case "dim": {
      const n = extents[e.index]!;
      return isDynamic(n) ? undefined : { min: 0, max: Math.max(0, n - 1) };
    }
    case "constant":
      return { min: e.value, max: e.value };
    case "symbol":
      return undefined;
    default:
      break;
  }
  const a = rangeOfExpr(e.lhs, extents);
  const b = rangeOfExpr(e.rhs, extents);
  if (!b) return undefined;
  if (e.kind === "mod") {
    if (b.min !== b.max || b.min <= 0) return undefined;
    return a && a.min >= 0 && a.max < b.min ? a : { min: 0, max: b.min - 1 };
  }
  if (!a) return undefined;
  switch (e.kind) {
    case "+":
      return { min: a.min + b.min, max: a.max + b.max };
    case "*": {
      const corners = [a.min * b.min, a.min * b.max, a.max * b.min, a.max * b.max];
      // Adding zero turns -0 into 0.
      return { min: Math.min(...corners) + 0, max: Math.max(...corners) + 0 };
    }
    default: {
      if (b.min !== b.max || b.min <= 0) return undefined;
      const round = e.kind === "floordiv" ? Math.floor : Math.ceil;
      return { min: round(a.min / b.min), max: round(a.max / b.min) };
    }
  }
}

/** The smallest shape that a map addresses: one more than each result's largest value, `dynamic` where unknown. */
export const shapeFromMap = (map: AffineMap, extents: readonly number[]): number[] =>
  map.results.map((e) => {
    const range = rangeOfExpr(e, extents);
    return range ? range.max + 1 : dynamic;
  });

/** The numbers of the loops that are summed over, or otherwise reduced, from the outermost to the innermost. */
export const reductionsOf = (s: Pick<Structure, "loops">): number[] =>
  s.loops.flatMap((l, i) => (l.kind === "reduction" ? [i] : []));

/** Whether a loop that is summed over runs more than once. */
export const isReducing = (s: Pick<Structure, "loops">): boolean =>
  s.loops.some((l) => l.kind === "reduction" && l.extent !== 1);

/** Steps that a result is made of: turns of all loops that are summed over. */
export const stepsOf = (s: Pick<Structure, "loops">): number =>
  s.loops.reduce((n, l) => (l.kind === "reduction" ? n * l.extent : n), 1);

/** Extents of the loops, in order. */
export const extentsOf = (s: Pick<Structure, "loops">): number[] => s.loops.map((l) => l.extent);
