/** @file Vectors from memory and to memory: contiguous, masked, gathered and scattered. */
import { attr } from "../../ir/attributes.ts";
import { Index, MemRef, Shaped, Vector, where } from "../../ir/constraints.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { reads, writes } from "../../ir/effects.ts";
import type { Evaluator } from "../../ir/evaluate.ts";
import { many, one } from "../../ir/fields.ts";
import { stridedOf } from "../../ir/strided.ts";
import { type Fail, Pure } from "../../ir/traits.ts";
import type { MemRefType, ShapedType, VectorType } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { quoted, sameSpace } from "../shaped.ts";
import { forEachIndex } from "./data.ts";
import { IndexVector, IndexVector1D, Mask, Mask1D, Vector1D } from "./kinds.ts";
import { activeMask, maskable } from "./mask.ts";

/** The indices of a base, without a message of its own where an operand constraint already speaks. */
const hasIndices = (base: ShapedType, indices: readonly Value[], fail: Fail): boolean => {
  if (indices.length === base.shape.length) return true;
  fail(`requires ${base.shape.length} indices`, { code: "verify/operands" });
  return false;
};

/** The innermost stride of a memref is one. */
function unitStride(t: MemRefType, fail: Fail): boolean {
  const layout = stridedOf(t);
  if (t.shape.length === 0 || (layout && layout.strides.at(-1) === 1)) return true;
  fail("most minor memref dim must have unit stride");
  return false;
}

/** The part of a memref that a vector covers, from the indices on, in the innermost dimensions; checked. */
export function vectorAt(base: NDArray, indices: readonly number[], shape: readonly number[], run: Evaluator): NDArray {
  // A memref of vectors has the dimensions of its elements behind its own.
  const at = [...indices, ...new Array<number>(base.rank - indices.length).fill(0)];
  const lead = base.rank - shape.length;
  if (lead < 0) return run.fail(`the vector has rank ${shape.length}, the memory ${base.rank}`);
  at.forEach((x, d) => {
    const n = d < lead ? 1 : shape[d - lead]!;
    if (x < 0 || x + n > base.shape[d]!) {
      run.fail(`elements ${x} to ${x + n} are out of bounds: dimension ${d} has size ${base.shape[d]}`);
    }
  });
  return new NDArray(base.dtype, shape, base.data, base.strides.slice(lead), base.position(at));
}

export const load = defineOp("vector.load", {
  doc: "Reads a contiguous slice of the innermost dimensions of a memref.",
  operands: [one("base", MemRef), many("indices", Index)],
  attrs: { nontemporal: attr.bool.ifAbsent(false) },
  results: [one("result", Vector)],
  assembly: "$base `[` $indices `]` attr-dict `:` type($base) `,` type($result)",
  effects: ({ base }) => [reads(base)],
  verify({ base, indices, result }, fail) {
    const from = base.type;
    const to = result.type;
    if (!unitStride(from, fail)) return;
    if (from.element.kind === "vector") {
      if (from.element !== to) {
        fail("base memref and result vector types should match");
        return;
      }
    } else if (from.element !== to.element) {
      fail("base and result element types should match");
      return;
    }
    hasIndices(from, indices, fail);
  },
  evaluate: ({ base, indices }, run) => [vectorAt(base, indices, (run.resultType(0) as VectorType).shape, run).copy()],
});

export const store = defineOp("vector.store", {
  doc: "Writes a vector to a contiguous slice of the innermost dimensions of a memref.",
  operands: [one("valueToStore", Vector), one("base", MemRef), many("indices", Index)],
  attrs: { nontemporal: attr.bool.ifAbsent(false) },
  assembly: "$valueToStore `,` $base `[` $indices `]` attr-dict `:` type($base) `,` type($valueToStore)",
  effects: ({ base }) => [writes(base)],
  verify({ valueToStore, base, indices }, fail) {
    const to = base.type;
    const from = valueToStore.type;
    if (!unitStride(to, fail)) return;
    if (to.element.kind === "vector") {
      if (to.element !== from) {
        fail("base memref and valueToStore vector types should match");
        return;
      }
    } else if (to.element !== from.element) {
      fail("base and valueToStore element type should match");
      return;
    }
    hasIndices(to, indices, fail);
  },
  evaluate({ valueToStore, base, indices }, run) {
    vectorAt(base, indices, valueToStore.shape, run).assign(valueToStore);
    return [];
  },
});

// --- one-dimensional, under a mask ----------------------------------------------------------------------------------

const maskedRead =
  "$base `[` $indices `]` `,` $mask `,` $pass_thru attr-dict `:` type($base) `,` type($mask) `,` type($pass_thru) `into` type($result)";
const maskedWrite =
  "$base `[` $indices `]` `,` $mask `,` $valueToStore attr-dict `:` type($base) `,` type($mask) `,` type($valueToStore)";

interface MaskedRead {
  readonly base: Value<MemRefType>;
  readonly indices: readonly Value[];
  readonly mask: Value<VectorType>;
  readonly pass_thru: Value<VectorType>;
  readonly result: Value<VectorType>;
}
interface MaskedWrite {
  readonly base: Value<MemRefType>;
  readonly indices: readonly Value[];
  readonly mask: Value<VectorType>;
  readonly valueToStore: Value<VectorType>;
}

function verifyMaskedRead({ base, indices, mask, pass_thru, result }: MaskedRead, fail: Fail): void {
  if (result.type.element !== base.type.element) fail("base and result element type should match");
  else if (indices.length !== base.type.shape.length) fail(`requires ${base.type.shape.length} indices`);
  else if (result.type.shape[0] !== mask.type.shape[0]) fail("expected result dim to match mask dim");
  else if (result.type !== pass_thru.type) fail("expected pass_thru of same type as result type");
}

function verifyMaskedWrite({ base, indices, mask, valueToStore }: MaskedWrite, fail: Fail): void {
  if (valueToStore.type.element !== base.type.element) fail("base and valueToStore element type should match");
  else if (indices.length !== base.type.shape.length) fail(`requires ${base.type.shape.length} indices`);
  else if (valueToStore.type.shape[0] !== mask.type.shape[0]) fail("expected valueToStore dim to match mask dim");
}

/**
 * The position in the data of an element some steps along the innermost dimension. Steps may leave the row, as an
 * address computation does, but not the memory.
 */
function lane(base: NDArray, indices: readonly number[], steps: number, run: Evaluator): number {
  const at = base.position(indices) + steps * (base.strides.at(-1) ?? 1);
  if (!(at >= 0 && at < base.data.length)) {
    run.fail(
      `element ${steps} from [${indices.join(", ")}] is out of bounds of a memory of ${base.data.length} elements`,
    );
  }
  return at;
}

const masked = [one("base", MemRef), many("indices", Index), one("mask", Mask1D)] as const;

export const maskedload = defineOp("vector.maskedload", {
  doc: "Reads the contiguous elements whose mask is set; the others come from `pass_thru` and are not touched.",
  operands: [...masked, one("pass_thru", Vector1D)],
  results: [one("result", Vector1D)],
  assembly: maskedRead,
  inferLoosely: true,
  infer: ({ pass_thru }) => [pass_thru.type],
  effects: ({ base }) => [reads(base)],
  verify: verifyMaskedRead,
  evaluate({ base, indices, mask, pass_thru }, run) {
    const made = pass_thru.copy();
    for (let i = 0; i < made.size; i++) if (mask.get([i])) made.set([i], base.getData(lane(base, indices, i, run)));
    return [made];
  },
});

export const maskedstore = defineOp("vector.maskedstore", {
  doc: "Writes the elements whose mask is set to contiguous places; the others are not touched.",
  operands: [...masked, one("valueToStore", Vector1D)],
  assembly: maskedWrite,
  effects: ({ base }) => [writes(base)],
  verify: verifyMaskedWrite,
  evaluate({ base, indices, mask, valueToStore }, run) {
    for (let i = 0; i < valueToStore.size; i++) {
      if (mask.get([i])) base.setData(lane(base, indices, i, run), valueToStore.get([i]));
    }
    return [];
  },
});

export const expandload = defineOp("vector.expandload", {
  doc: "Reads as many contiguous elements as the mask has bits set, and spreads them over those lanes.",
  operands: [...masked, one("pass_thru", Vector1D)],
  results: [one("result", Vector1D)],
  assembly: maskedRead,
  inferLoosely: true,
  infer: ({ pass_thru }) => [pass_thru.type],
  effects: ({ base }) => [reads(base)],
  verify: verifyMaskedRead,
  evaluate({ base, indices, mask, pass_thru }, run) {
    const made = pass_thru.copy();
    let next = 0;
    for (let i = 0; i < made.size; i++) {
      if (mask.get([i])) made.set([i], base.getData(lane(base, indices, next++, run)));
    }
    return [made];
  },
});

export const compressstore = defineOp("vector.compressstore", {
  doc: "Writes the elements whose mask is set one after the other.",
  operands: [...masked, one("valueToStore", Vector1D)],
  assembly: maskedWrite,
  effects: ({ base }) => [writes(base)],
  verify: verifyMaskedWrite,
  evaluate({ base, indices, mask, valueToStore }, run) {
    let next = 0;
    for (let i = 0; i < valueToStore.size; i++) {
      if (mask.get([i])) base.setData(lane(base, indices, next++, run), valueToStore.get([i]));
    }
    return [];
  },
});

// --- by index -------------------------------------------------------------------------------------------------------

export const gather = defineOp("vector.gather", {
  doc: "Reads elements at indices that a vector gives, counted from a base; masked-off lanes come from `pass_thru`.",
  operands: [
    one("base", Shaped),
    many("indices", Index),
    one("index_vec", IndexVector),
    one("mask", Mask),
    one("pass_thru", Vector),
  ],
  results: [one("result", Vector)],
  assembly:
    "$base `[` $indices `]` `[` $index_vec `]` `,` $mask `,` $pass_thru attr-dict `:` type($base) `,` type($index_vec) `,` type($mask) `,` type($pass_thru) `into` type($result)",
  interfaces: [maskable({ maskType: (op): VectorType => gather.of(op).mask.type, supportsPassthru: true })],
  inferLoosely: true,
  infer: ({ pass_thru }) => [pass_thru.type],
  effects: ({ base }) => (base.type.kind === "memref" ? [reads(base)] : []),
  verify({ base, indices, index_vec, mask, pass_thru, result }, fail) {
    const same = (a: VectorType, b: VectorType): boolean =>
      a.shape.length === b.shape.length && a.shape.every((n, d) => n === b.shape[d]);
    if (base.type.kind === "vector" || !base.type.ranked) fail("requires base to be a memref or ranked tensor type");
    else if (result.type.element !== base.type.element) fail("base and result element type should match");
    else if (indices.length !== base.type.shape.length) fail(`requires ${base.type.shape.length} indices`);
    else if (!same(result.type, index_vec.type)) fail("expected result dim to match indices dim");
    else if (!same(result.type, mask.type)) fail("expected result dim to match mask dim");
    else if (result.type !== pass_thru.type) fail("expected pass_thru of same type as result type");
  },
  evaluate({ base, indices, index_vec, mask, pass_thru }, run) {
    const outer = activeMask(run);
    const made = pass_thru.copy();
    forEachIndex(made.shape, (i) => {
      if (!mask.get(i) || (outer && !outer.get(i))) return;
      made.set(i, base.getData(lane(base, indices, Number(index_vec.get(i)), run)));
    });
    return [made];
  },
});

export const scatter = defineOp("vector.scatter", {
  doc: "Writes elements to indices that a vector gives, counted from a base, lane by lane where the mask is set.",
  operands: [
    one("base", MemRef),
    many("indices", Index),
    one("index_vec", IndexVector1D),
    one("mask", Mask1D),
    one("valueToStore", Vector1D),
  ],
  assembly:
    "$base `[` $indices `]` `[` $index_vec `]` `,` $mask `,` $valueToStore attr-dict `:` type($base) `,` type($index_vec) `,` type($mask) `,` type($valueToStore)",
  effects: ({ base }) => [writes(base)],
  verify({ base, indices, index_vec, mask, valueToStore }, fail) {
    if (valueToStore.type.element !== base.type.element) fail("base and valueToStore element type should match");
    else if (indices.length !== base.type.shape.length) fail(`requires ${base.type.shape.length} indices`);
    else if (valueToStore.type.shape[0] !== index_vec.type.shape[0])
      fail("expected valueToStore dim to match indices dim");
    else if (valueToStore.type.shape[0] !== mask.type.shape[0]) fail("expected valueToStore dim to match mask dim");
  },
  evaluate({ base, indices, index_vec, mask, valueToStore }, run) {
    for (let i = 0; i < valueToStore.size; i++) {
      if (mask.get([i])) base.setData(lane(base, indices, Number(index_vec.get([i])), run), valueToStore.get([i]));
    }
    return [];
  },
});

// --- views ------------------------------------------------------------------------------------------------------------

export const type_cast = defineOp("vector.type_cast", {
  doc: "A memref of scalars seen as a memref of one vector that holds all of them.",
  operands: [
    one(
      "memref",
      where<MemRefType>(
        "statically shaped memref of any type values",
        (t) => t.kind === "memref" && t.ranked && t.shape.every((n) => n >= 0),
      ),
    ),
  ],
  results: [one("result", MemRef)],
  traits: [Pure],
  assembly: "$memref attr-dict `:` type($memref) `to` type($result)",
  verify({ memref, result }, fail) {
    const from = memref.type;
    const to = result.type;
    const all = (t: MemRefType): readonly number[] =>
      t.element.kind === "vector" ? [...t.shape, ...t.element.shape] : t.shape;
    const scalar = (t: MemRefType) => (t.element.kind === "vector" ? t.element.element : t.element);
    if (from.layout && !stridedOf(from)) fail(`expects operand to be a memref with identity layout`);
    else if (to.layout) fail("expects result to be a memref with identity layout");
    else if (!sameSpace(from, to)) fail("expects result in same memory space");
    else if (scalar(from) !== scalar(to))
      fail(`expects result and operand with same underlying scalar type: ${quoted(to)}`);
    else if (all(from).join("x") !== all(to).join("x"))
      fail(`expects concatenated result and operand shapes to be equal: ${quoted(to)}`);
  },
  // Both types lay the same scalars out the same way.
  evaluate: ({ memref }) => [memref],
});
