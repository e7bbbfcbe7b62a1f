/** @file Other ways to see the same memory: slices, permutations, metadata. Nothing here moves an element. */
import { isPermutation } from "../../ir/affine.ts";
import { attr } from "../../ir/attributes.ts";
import { AnyMemRef, Index, MemRef, where } from "../../ir/constraints.ts";
import { defineOp } from "../../ir/define.ts";
import { many, one } from "../../ir/fields.ts";
import { viewLike } from "../../ir/interfaces.ts";
import {
  droppedOfMemref,
  hasIdentityLayout,
  linearMap,
  sameLayout,
  sliceOfMemref,
  stridedMemref,
  stridedOf,
} from "../../ir/strided.ts";
import { Pure, SameVariadicResultSize } from "../../ir/traits.ts";
import { index, isDynamic, type MemRefType, mapAttribute, memref as memrefType } from "../../ir/types.ts";
import { allocate, NDArray, rowMajor, sizeOf } from "../../support/ndarray.ts";
import {
  dynamicCount,
  mixed,
  plain,
  quoted,
  sameShape,
  sameSpace,
  sizesOf,
  sliceArray,
  sliceMismatch,
  staticSlice,
  verifySlice,
} from "../shaped.ts";
import { StridedMemRef } from "./cast.ts";
import { elementDType, elementShape } from "./memory.ts";

const view = viewLike({ source: (op) => op.operand(0) });

// --- slices ---------------------------------------------------------------------------------------------------------

const sliceAttrs = { static_offsets: attr.ints, static_sizes: attr.ints, static_strides: attr.ints };

export const subview = defineOp("memref.subview", {
  doc: "A slice of a memref: an offset, a size and a stride per dimension, each static or dynamic. Dimensions of size one may be dropped.",
  operands: [one("source", MemRef), many("offsets", Index), many("sizes", Index), many("strides", Index)],
  attrs: sliceAttrs,
  results: [one("result", MemRef)],
  traits: [Pure],
  interfaces: [view],
  assembly:
    "$source `` custom<DynamicIndexList>($offsets, $static_offsets) custom<DynamicIndexList>($sizes, $static_sizes) custom<DynamicIndexList>($strides, $static_strides) attr-dict `:` type($source) `to` type($result)",
  names: () => ["subview"],
  inferLoosely: true,
  infer(ins) {
    const type = sliceOfMemref(ins.source.type, staticSlice(ins));
    return type && [type];
  },
  verify(v, fail) {
    const from = v.source.type;
    const to = v.result.type;
    if (!verifySlice(v, from.shape.length, fail)) return;
    if (!sameSpace(from, to)) {
      fail(
        `different memory spaces specified for base memref type ${quoted(from)} and subview memref type ${quoted(to)}`,
        plain,
      );
      return;
    }
    const expected = sliceOfMemref(from, staticSlice(v));
    if (!expected) {
      fail(`base type ${quoted(from)} is not strided`, plain);
      return;
    }
    let mismatch = sliceMismatch(expected, to);
    if (!mismatch && !layoutFits(expected, to)) {
      mismatch = `expected result type to be ${quoted(expected)} or a rank-reduced version. (mismatch of result layout) `;
    }
    if (mismatch) fail(mismatch, plain);
  },
  evaluate(v, run) {
    const from = run.operandType(0) as MemRefType;
    const to = run.resultType(0) as MemRefType;
    const expected = sliceOfMemref(from, staticSlice(v));
    const dropped = expected ? (droppedOfMemref(expected, to) ?? new Set<number>()) : new Set<number>();
    const offsets = mixed(v.static_offsets, v.offsets);
    const sizes = mixed(v.static_sizes, v.sizes);
    const strides = mixed(v.static_strides, v.strides);
    return [sliceArray(v.source, offsets, sizes, strides, dropped, run)];
  },
});

/** The offset, and the strides of the dimensions that are kept, are those expected. */
function layoutFits(expected: MemRefType, given: MemRefType): boolean {
  const want = stridedOf(expected);
  const has = stridedOf(given);
  if (!want || !has || want.offset !== has.offset) return false;
  const dropped = droppedOfMemref(expected, given);
  return dropped !== undefined && want.strides.filter((_, d) => !dropped.has(d)).every((s, i) => s === has.strides[i]);
}

export const reinterpret_cast = defineOp("memref.reinterpret_cast", {
  doc: "The memory of a memref under a new offset, sizes and strides, counted from the start of its buffer.",
  operands: [one("source", AnyMemRef), many("offsets", Index), many("sizes", Index), many("strides", Index)],
  attrs: sliceAttrs,
  results: [one("result", MemRef)],
  traits: [Pure],
  interfaces: [view],
  assembly:
    "$source `to` `offset` `` `:` custom<DynamicIndexList>($offsets, $static_offsets) `` `,` `sizes` `` `:` custom<DynamicIndexList>($sizes, $static_sizes) `` `,` `strides` `` `:` custom<DynamicIndexList>($strides, $static_strides) attr-dict `:` type($source) `to` type($result)",
  names: () => ["reinterpret_cast"],
  inferLoosely: true,
  infer: ({ source, static_offsets, static_sizes, static_strides }) => [
    stridedMemref(static_sizes, source.type, { offset: static_offsets[0] ?? 0, strides: static_strides }),
  ],
  verify(v, fail) {
    const from = v.source.type;
    const to = v.result.type;
    if (!verifySlice(v, to.shape.length, fail, 1)) return;
    const found = (): string | undefined => {
      const types = `source type ${quoted(from)} and result memref type ${quoted(to)}`;
      if (!sameSpace(from, to)) return `different memory spaces specified for ${types}`;
      if (from.element !== to.element) return `different element types specified for ${types}`;
      for (const [i, want] of v.static_sizes.entries()) {
        const has = to.shape[i]!;
        if (!isDynamic(has) && !isDynamic(want) && want !== has)
          return `expected result type with size = ${want} instead of ${has} in dim = ${i}`;
      }
      const layout = stridedOf(to);
      if (!layout) return `expected result type to have strided layout but found ${quoted(to)}`;
      const offset = v.static_offsets[0]!;
      if (!isDynamic(layout.offset) && !isDynamic(offset) && layout.offset !== offset) {
        return `expected result type with offset = ${offset} instead of ${layout.offset}`;
      }
      for (const [i, want] of v.static_strides.entries()) {
        const has = layout.strides[i]!;
        if (!isDynamic(has) && !isDynamic(want) && want !== has)
          return `expected result type with stride = ${want} instead of ${has} in dim = ${i}`;
      }
      return undefined;
    };
    const message = found();
    if (message) fail(message, plain);
  },
  evaluate(v, run) {
    const { source } = v;
    const type = run.resultType(0) as MemRefType;
    const inner = elementShape(type.element);
    const unit = sizeOf(inner);
    const sizes = mixed(v.static_sizes, v.sizes);
    const strides = mixed(v.static_strides, v.strides).map((s) => s * unit);
    const offset = mixed(v.static_offsets, v.offsets)[0]! * unit;
    const made = new NDArray(source.dtype, [...sizes, ...inner], source.data, [...strides, ...rowMajor(inner)], offset);
    const last = made.shape.reduce((n, s, i) => n + (s - 1) * made.strides[i]!, offset);
    if (made.size > 0 && (offset < 0 || last >= source.data.length)) {
      run.fail(`reaches element ${last} of a buffer of ${source.data.length}`);
    }
    return [made];
  },
});

// --- bytes and metadata ---------------------------------------------------------------------------------------------

const Bytes = where<MemRefType>(
  "1D memref of 8-bit signless integer values",
  (t) =>
    t.kind === "memref" &&
    t.ranked &&
    t.shape.length === 1 &&
    t.element.kind === "integer" &&
    t.element.width === 8 &&
    t.element.signedness === "signless",
);

export const viewOp = defineOp("memref.view", {
  doc: "Bytes seen as a contiguous memref of another type, from a byte offset on.",
  operands: [one("source", Bytes), one("byte_shift", Index), many("sizes", Index)],
  results: [one("result", MemRef)],
  traits: [Pure],
  interfaces: [view],
  assembly: "$source `[` $byte_shift `]` `` `[` $sizes `]` attr-dict `:` type($source) `to` type($result)",
  names: () => ["view"],
  verify({ source, result, sizes }, fail) {
    const from = source.type;
    const to = result.type;
    if (!hasIdentityLayout(from)) fail(`unsupported map for base memref type ${quoted(from)}`, plain);
    else if (!hasIdentityLayout(to)) fail(`unsupported map for result memref type ${quoted(to)}`, plain);
    else if (!sameSpace(from, to)) {
      fail(
        `different memory spaces specified for base memref type ${quoted(from)} and view memref type ${quoted(to)}`,
        plain,
      );
    } else if (sizes.length !== dynamicCount(to.shape)) {
      fail(`incorrect number of size operands for type ${quoted(to)}`, plain);
    }
  },
  evaluate({ source, byte_shift, sizes }, run) {
    const type = run.resultType(0) as MemRefType;
    const dtype = elementDType(type.element, run);
    const shape = [...sizesOf(type.shape, sizes), ...elementShape(type.element)];
    const empty = allocate(dtype, 0);
    const width = empty.BYTES_PER_ELEMENT;
    const start = source.data.byteOffset + source.offset + byte_shift;
    const count = sizeOf(shape);
    if (byte_shift < 0 || byte_shift + count * width > source.size) {
      run.fail(`needs bytes ${byte_shift} to ${byte_shift + count * width} of a buffer of ${source.size}`);
    }
    if (start % width !== 0) run.fail(`byte ${byte_shift} is not aligned to ${width} bytes`);
    const Data = empty.constructor as new (buffer: ArrayBufferLike, at: number, length: number) => typeof empty;
    return [new NDArray(dtype, shape, new Data(source.data.buffer, start, count))];
  },
});

export const transpose = defineOp("memref.transpose", {
  doc: "The same elements with the dimensions in another order.",
  operands: [one("in", StridedMemRef)],
  attrs: { permutation: attr.map },
  results: [one("result", StridedMemRef)],
  traits: [Pure],
  interfaces: [view],
  names: () => ["transpose"],
  inferLoosely: true,
  infer(ins) {
    const type = transposed(
      ins.in.type,
      ins.permutation.results.map((r) => (r.kind === "dim" ? r.index : 0)),
    );
    return type && [type];
  },
  parse(p) {
    const source = p.operand();
    const permutation = p.affineMap();
    const attributes = p.attrDict();
    const from = p.colonType();
    p.keyword("to");
    const to = p.type();
    return { operands: [p.resolve(source, from)], props: { permutation }, attributes, resultTypes: [to] };
  },
  print(v, p) {
    p.write(" ");
    p.operand(v.in);
    p.write(` ${v.permutation.text}`);
    p.attrDict(v.op, ["permutation"]);
    p.write(" : ");
    p.type(v.in.type);
    p.write(" to ");
    p.type(v.result.type);
  },
  verify(v, fail) {
    const from = v.in.type;
    if (!isPermutation(v.permutation)) {
      fail("expected a permutation map");
      return;
    }
    if (v.permutation.numDims !== from.shape.length) {
      fail("expected a permutation map of same rank as the input");
      return;
    }
    const expected = transposed(
      from,
      v.permutation.results.map((r) => (r.kind === "dim" ? r.index : 0)),
    );
    const to = v.result.type;
    const layout = expected && stridedOf(expected);
    const fits =
      expected &&
      expected.element === to.element &&
      sameShape(expected.shape, to.shape) &&
      sameSpace(expected, to) &&
      sameLayout(expected, to);
    if (expected && layout && !fits) {
      const canonical = memrefType(expected.shape, expected.element, mapAttribute(linearMap(layout)), from.memorySpace);
      fail(`result type ${quoted(to)} is not equivalent to the canonical transposed input type ${quoted(canonical)}`);
    }
  },
  evaluate(v) {
    const order = v.permutation.results.map((r) => (r.kind === "dim" ? r.index : 0));
    const inner = v.in.shape.slice(order.length).map((_, i) => order.length + i);
    return [v.in.transpose([...order, ...inner])];
  },
});

function transposed(t: MemRefType, order: readonly number[]): MemRefType | undefined {
  const layout = stridedOf(t);
  if (!layout) return undefined;
  return stridedMemref(
    order.map((d) => t.shape[d]!),
    t,
    { strides: order.map((d) => layout.strides[d]!), offset: layout.offset },
  );
}

export const extract_strided_metadata = defineOp("memref.extract_strided_metadata", {
  doc: "Takes a memref apart: its buffer without dimensions, its offset, sizes and strides.",
  operands: [one("source", StridedMemRef)],
  results: [
    one(
      "base_buffer",
      where<MemRefType>(
        "strided memref of any type values of rank 0",
        (t) => t.kind === "memref" && t.ranked && t.shape.length === 0,
      ),
    ),
    one("offset", Index),
    many("sizes", Index),
    many("strides", Index),
  ],
  traits: [Pure, SameVariadicResultSize],
  interfaces: [view],
  assembly: "$source `:` type($source) `->` type(results) attr-dict",
  names: ({ sizes, strides }) => [
    "base_buffer",
    "offset",
    ...sizes.map((_, i) => (i === 0 ? "sizes" : undefined)),
    ...strides.map((_, i) => (i === 0 ? "strides" : undefined)),
  ],
  infer({ source }) {
    const { type } = source;
    const each = type.shape.map(() => index);
    return [memrefType([], type.element, undefined, type.memorySpace), index, ...each, ...each];
  },
  evaluate({ source }, run) {
    const type = run.operandType(0) as MemRefType;
    const inner = elementShape(type.element);
    const unit = sizeOf(inner);
    const n = type.shape.length;
    const base = new NDArray(source.dtype, inner, source.data, rowMajor(inner), 0);
    return [
      base,
      source.offset / unit,
      ...source.shape.slice(0, n),
      ...source.strides.slice(0, n).map((s) => s / unit),
    ];
  },
});

const addresses = new WeakMap<ArrayBufferLike, number>();
let nextAddress = 4096;

export const extract_aligned_pointer_as_index = defineOp("memref.extract_aligned_pointer_as_index", {
  doc: "The address of a memref's buffer. The interpreter invents one per buffer.",
  operands: [one("source", AnyMemRef)],
  results: [one("aligned_pointer", Index)],
  traits: [Pure],
  assembly: "$source `:` type($source) `->` type(results) attr-dict",
  names: () => ["intptr"],
  infer: () => [index],
  evaluate({ source }) {
    const { buffer, byteOffset } = source.data;
    let address = addresses.get(buffer);
    if (address === undefined) {
      address = nextAddress;
      addresses.set(buffer, address);
      nextAddress += Math.ceil((buffer.byteLength + 1) / 4096) * 4096;
    }
    return [address + byteOffset];
  },
});
