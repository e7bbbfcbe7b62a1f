/** @file Transfers between shaped memory and vectors, with permutation, broadcast, masks and padding. */
import { type AffineMap, affineMap, constant, dim } from "../../ir/affine.ts";
import type { AsmParser, AsmPrinter, UnresolvedOperand } from "../../ir/asm.ts";
import { attr } from "../../ir/attributes.ts";
import { Any, Index, RankedTensor, Shaped, Vector } from "../../ir/constraints.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { widthOf } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import { reads, writes } from "../../ir/effects.ts";
import type { Evaluator, Num } from "../../ir/evaluate.ts";
import { many, one, optional } from "../../ir/fields.ts";
import {
  type Attribute,
  arrayAttribute,
  boolAttribute,
  i1,
  index as indexType,
  mapAttribute,
  type ShapedType,
  type Type,
  type VectorType,
  vector as vectorType,
} from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { quoted } from "../shaped.ts";
import { forEachIndex, zerosOf } from "./data.ts";
import { isScalable, Mask } from "./kinds.ts";
import { activeMask, maskable } from "./mask.ts";

/** The map of a transfer that takes the innermost dimensions in order. */
export function minorIdentity(source: ShapedType, vector: VectorType): AffineMap {
  const rank = source.shape.length;
  const inner = source.element.kind === "vector" ? source.element.shape.length : 0;
  // A single element may be read as a vector of one.
  if (rank === 0 && vector.shape.length === 1 && vector.shape[0] === 1) return affineMap(0, 0, [constant(0)]);
  const count = vector.shape.length - inner;
  const results = Array.from({ length: Math.max(0, count) }, (_, i) => dim(rank - count + i));
  return affineMap(rank, 0, results);
}

/** The type of the mask of a transfer: the vector's sizes in the order of the source's dimensions. */
export function transferMask(vector: VectorType, map: AffineMap): VectorType {
  const used = map.results.flatMap((r, i) => (r.kind === "dim" ? [{ at: r.index, i }] : []));
  used.sort((a, b) => a.at - b.at);
  if (used.length === 0) return vectorType([1], i1);
  return vectorType(
    used.map(({ i }) => vector.shape[i]!),
    i1,
    used.map(({ i }) => isScalable(vector, i)),
  );
}

interface Transfer {
  readonly op: Operation;
  readonly source: Value<ShapedType>;
  readonly vector: Value<VectorType>;
  readonly indices: readonly Value[];
  readonly mask: Value<VectorType> | undefined;
  readonly permutation_map: AffineMap;
  readonly in_bounds: readonly boolean[];
}

const attrs = { permutation_map: attr.map, in_bounds: attr.boolArray };

const isTransferable = (t: Type): t is ShapedType =>
  (t.kind === "memref" && t.ranked) || (t.kind === "tensor" && t.ranked);

/** What both transfers check, in MLIR's order and words; undefined is sound. */
function transferFault(v: Transfer): string | undefined {
  const shaped = v.source.type;
  const vector = v.vector.type;
  const map = v.permutation_map;
  if (v.op.attributes?.has("masked")) return "masked attribute has been removed. Use in_bounds instead.";
  if (!isTransferable(shaped)) return "requires source to be a memref or ranked tensor type";
  const minor = widthOf(vector.element) * (vector.shape.at(-1) ?? 1);
  let rank = vector.shape.length;
  if (shaped.element.kind === "vector") {
    const element = shaped.element;
    if (minor % (widthOf(element.element) * element.shape.at(-1)!) !== 0) {
      return "requires the bitwidth of the minor 1-D vector to be an integral multiple of the bitwidth of the minor 1-D vector of the source";
    }
    if (element.shape.length > rank) return "requires source vector element and vector result ranks to match.";
    rank -= element.shape.length;
  } else if (minor % widthOf(shaped.element) !== 0) {
    return "requires the bitwidth of the minor 1-D vector to be an integral multiple of the bitwidth of the source element type";
  }
  if (map.results.length !== rank) {
    return "requires a permutation_map with result dims of the same rank as the vector type";
  }
  if (shaped.element.kind === "vector" && v.mask) return "does not support masks with vector element type";
  if (map.numSymbols !== 0) return "requires permutation_map without symbols";
  if (map.numDims !== shaped.shape.length) {
    return "requires a permutation_map with input dims of the same rank as the source type";
  }
  if (v.mask) {
    const wanted = transferMask(vector, map);
    if (v.mask.type !== wanted) {
      return `inferred mask type (${quoted(wanted)}) and mask operand type (${quoted(v.mask.type)}) don't match`;
    }
  }
  if (map.results.length !== v.in_bounds.length) {
    return `expects the in_bounds attr of same rank as permutation_map results: affine_map<${map.text}> vs inBounds of size: ${v.in_bounds.length}`;
  }
  if (map.results.some((r, i) => r.kind === "constant" && !v.in_bounds[i])) {
    return "requires broadcast dimensions to be in-bounds";
  }
  return undefined;
}

/** Each result is one dimension, none twice, or zero. */
function mapFault(map: AffineMap): string | undefined {
  const seen = new Set<number>();
  for (const r of map.results) {
    if (r.kind === "constant" && r.value === 0) continue;
    if (r.kind !== "dim") {
      return "requires a projected permutation_map (at most one dim or the zero constant can appear in each result)";
    }
    if (seen.has(r.index)) {
      return "requires a permutation_map that is a permutation (found one dim used more than once)";
    }
    seen.add(r.index);
  }
  return undefined;
}

// --- text -----------------------------------------------------------------------------------------------------------

/** Attributes of a transfer as read, with what MLIR fills in where they are left out. */
function completed(
  attributes: Map<string, Attribute>,
  source: ShapedType,
  vector: VectorType,
): { readonly attributes: Map<string, Attribute>; readonly map: AffineMap } {
  const given = attributes.get("permutation_map");
  const map = given?.kind === "map" ? given.map : minorIdentity(source, vector);
  if (!given) attributes.set("permutation_map", mapAttribute(map));
  if (!attributes.has("in_bounds")) {
    attributes.set("in_bounds", arrayAttribute(map.results.map(() => boolAttribute(false))));
  }
  return { attributes, map };
}

function resolveMask(
  p: AsmParser,
  name: UnresolvedOperand,
  source: ShapedType,
  vector: VectorType,
  map: AffineMap,
  at: ReturnType<AsmParser["here"]>,
): Value {
  if (source.element.kind === "vector") return p.fail("does not support masks with vector element type", name.at);
  if (vector.shape.length !== map.results.length) {
    return p.fail("expected the same rank for the vector and the results of the permutation map", at);
  }
  return p.resolve(name, transferMask(vector, map));
}

function printAttributes(v: Transfer, p: AsmPrinter): void {
  const shown = new Map<string, Attribute>();
  if (v.in_bounds.some(Boolean)) shown.set("in_bounds", attr.boolArray.to(v.in_bounds)!);
  const { source } = v;
  if (v.permutation_map !== minorIdentity(source.type, v.vector.type)) {
    shown.set("permutation_map", mapAttribute(v.permutation_map));
  }
  for (const [name, a] of v.op.attributes ?? []) shown.set(name, a);
  p.dictionary(shown);
}

// --- run time ---------------------------------------------------------------------------------------------------------

/**
 * Calls `visit` for every element that a transfer moves, with its index in the vector and, if it lies inside the source
 * and is not masked off, its index there.
 */
function forEachTransfer(
  shape: readonly number[],
  array: NDArray,
  start: readonly number[],
  map: AffineMap,
  inBounds: readonly boolean[],
  masks: readonly NDArray[],
  run: Evaluator,
  visit: (at: readonly number[], from: readonly number[] | undefined) => void,
): void {
  const dims = map.results.map((r) => (r.kind === "dim" ? r.index : -1));
  const order = dims
    .map((d, i) => ({ d, i }))
    .filter(({ d }) => d >= 0)
    .sort((a, b) => a.d - b.d)
    .map(({ i }) => i);
  const moving = new Set(dims);
  start.forEach((x, d) => {
    if (!moving.has(d) && !(x >= 0 && x < array.shape[d]!)) {
      run.fail(`index ${x} is out of bounds: dimension ${d} has size ${array.shape[d]}`);
    }
  });
  const from = start.slice();
  forEachIndex(shape, (at) => {
    for (let d = 0; d < start.length; d++) from[d] = start[d]!;
    let inside = true;
    dims.forEach((d, i) => {
      if (d < 0) return;
      from[d] = start[d]! + at[i]!;
      if (from[d]! >= 0 && from[d]! < array.shape[d]!) return;
      inside = false;
    });
    const lanes = order.length === 0 ? [0] : order.map((i) => at[i]!);
    if (!masks.every((m) => m.get(m.rank === lanes.length ? lanes : []))) inside = false;
    else if (!inside) {
      const broken = dims.findIndex((d, i) => d >= 0 && inBounds[i] && !(from[d]! >= 0 && from[d]! < array.shape[d]!));
      if (broken >= 0) {
        run.fail(
          `index ${from[dims[broken]!]} is out of bounds: dimension ${dims[broken]} has size ${array.shape[dims[broken]!]}, and in_bounds promises otherwise`,
        );
      }
    }
    visit(at, inside ? from : undefined);
  });
}

/** The subarray of a vector element in a memref of vectors, or the element itself. */
const cell = (a: NDArray, at: readonly number[]): NDArray =>
  new NDArray(
    a.dtype,
    a.shape.slice(at.length),
    a.data,
    a.strides.slice(at.length),
    a.position([...at, ...a.shape.slice(at.length).map(() => 0)]),
  );

const masksOf = (mask: NDArray | undefined, run: Evaluator): NDArray[] => {
  const outer = activeMask(run);
  return [mask, outer].filter((m) => m !== undefined);
};

// --- ops --------------------------------------------------------------------------------------------------------------

export const transfer_read = defineOp("vector.transfer_read", {
  doc: "Reads a vector from a memref or tensor. `permutation_map` says which dimensions it runs along (0 repeats); what is masked off, or outside where `in_bounds` is not set, is `padding`.",
  operands: [one("source", Shaped), many("indices", Index), one("padding", Any), optional("mask", Mask)],
  attrs,
  results: [one("vector", Vector)],
  interfaces: [
    maskable({
      maskType(op): VectorType {
        const { vector, permutation_map } = transfer_read.of(op);
        return transferMask(vector.type, permutation_map);
      },
      supportsPassthru: true,
    }),
  ],
  effects: ({ source }) => (source.type.kind === "memref" ? [reads(source)] : []),
  parse(p) {
    const source = p.operand();
    const indices = p.operands("[]");
    p.punct(",");
    const padding = p.operand();
    const mask = p.optionalPunct(",") ? p.operand() : undefined;
    const given = p.attrDict();
    p.punct(":");
    const at = p.here();
    const types = p.types();
    if (types.length !== 2) return p.fail("requires two types", at);
    const [from, to] = types;
    if (!from || !isTransferable(from)) return p.fail("requires memref or ranked tensor type", at);
    if (to?.kind !== "vector") return p.fail("requires vector type", at);
    const { attributes, map } = completed(given, from, to);
    const operands = [p.resolve(source, from), ...p.resolveAll(indices, indexType), p.resolve(padding, from.element)];
    if (mask) operands.push(resolveMask(p, mask, from, to, map, at));
    return {
      operands,
      operandSegments: [1, indices.length, 1, mask ? 1 : 0],
      attributes,
      resultTypes: [to],
    };
  },
  print(v, p) {
    p.write(" ");
    p.operand(v.source);
    p.write("[");
    p.operands(v.indices);
    p.write("], ");
    p.operands(v.mask ? [v.padding, v.mask] : [v.padding]);
    printAttributes(v, p);
    p.write(" : ");
    p.types([v.source.type, v.vector.type]);
  },
  verify(v, fail) {
    const shaped = v.source.type;
    const found = (): string | undefined => {
      if (v.indices.length !== shaped.shape.length) return `requires ${shaped.shape.length} indices`;
      const fault = transferFault(v);
      if (fault) return fault;
      if (shaped.element.kind === "vector") {
        if (shaped.element !== v.padding.type) return "requires source element type and padding type to match.";
      } else if (v.padding.type !== shaped.element) {
        return "requires formal padding and source of the same elemental type";
      }
      return mapFault(v.permutation_map);
    };
    const message = found();
    if (message) fail(message);
  },
  evaluate({ source, indices, padding, mask, permutation_map: map, in_bounds }, run) {
    const type = run.resultType(0) as VectorType;
    const made = zerosOf(type, run);
    const shape = type.shape.slice(0, map.results.length);
    forEachTransfer(shape, source, indices, map, in_bounds, masksOf(mask, run), run, (at, from) => {
      if (source.rank === indices.length) made.set(at, from ? source.get(from) : (padding as Num));
      else cell(made, at).assign(from ? cell(source, from) : (padding as NDArray));
    });
    return [made];
  },
});

export const transfer_write = defineOp("vector.transfer_write", {
  doc: "Writes a vector to a memref, or into a copy of a tensor. What is masked off, or outside where `in_bounds` is not set, is not written.",
  operands: [one("vector", Vector), one("source", Shaped), many("indices", Index), optional("mask", Mask)],
  attrs,
  results: [optional("result", RankedTensor)],
  interfaces: [
    maskable({
      maskType(op): VectorType {
        const { vector, permutation_map } = transfer_write.of(op);
        return transferMask(vector.type, permutation_map);
      },
    }),
  ],
  infer: ({ source }) => (source.type.kind === "tensor" ? [source.type] : []),
  inferLoosely: true,
  effects: ({ source }) => (source.type.kind === "memref" ? [writes(source)] : []),
  parse(p) {
    const vector = p.operand();
    p.punct(",");
    const source = p.operand();
    const indices = p.operands("[]");
    const mask = p.optionalPunct(",") ? p.operand() : undefined;
    const given = p.attrDict();
    p.punct(":");
    const at = p.here();
    const types = p.types();
    if (types.length !== 2) return p.fail("requires two types", at);
    const [from, to] = types;
    if (from?.kind !== "vector") return p.fail("requires vector type", at);
    if (!to || !isTransferable(to)) return p.fail("requires memref or ranked tensor type", at);
    const { attributes, map } = completed(given, to, from);
    const operands = [p.resolve(vector, from), p.resolve(source, to), ...p.resolveAll(indices, indexType)];
    if (mask) operands.push(resolveMask(p, mask, to, from, map, at));
    return {
      operands,
      operandSegments: [1, 1, indices.length, mask ? 1 : 0],
      attributes,
      resultTypes: to.kind === "tensor" ? [to] : [],
    };
  },
  print(v, p) {
    p.write(" ");
    p.operands([v.vector, v.source]);
    p.write("[");
    p.operands(v.indices);
    p.write("]");
    if (v.mask) {
      p.write(", ");
      p.operand(v.mask);
    }
    printAttributes(v, p);
    p.write(" : ");
    p.types([v.vector.type, v.source.type]);
  },
  verify(v, fail) {
    const shaped = v.source.type;
    const found = (): string | undefined => {
      if (v.indices.length !== shaped.shape.length) return `requires ${shaped.shape.length} indices`;
      if (v.permutation_map.results.some((r) => r.kind === "constant")) return "should not have broadcast dimensions";
      return transferFault(v) ?? mapFault(v.permutation_map);
    };
    const message = found();
    if (message) fail(message);
    else if (v.result && v.result.type !== shaped)
      fail("failed to verify that expected result type to match dest type");
  },
  evaluate({ vector, source, indices, mask, permutation_map: map, in_bounds }, run) {
    const isTensor = run.operandType(1).kind === "tensor";
    const into = isTensor ? source.copy() : source;
    const shape = vector.shape.slice(0, map.results.length);
    forEachTransfer(shape, into, indices, map, in_bounds, masksOf(mask, run), run, (at, to) => {
      if (!to) return;
      if (into.rank === indices.length) into.set(to, vector.get(at));
      else cell(into, to).assign(cell(vector, at));
    });
    return isTensor ? [into] : [];
  },
});
