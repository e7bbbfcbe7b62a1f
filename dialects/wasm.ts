/**
 * @file The wasm dialect: what only WebAssembly has. Its memory is one array of bytes; an address is an i32. Loads and
 * stores carry a constant offset, as the instructions do.
 */
import { attr } from "../ir/attributes.ts";
import { Any, exactly, FloatLike, MemRef, Vector, where } from "../ir/constraints.ts";
import type { Operation } from "../ir/core.ts";
import { byteWidth, dtypeOf } from "../ir/datum.ts";
import { defineDialect, defineOp } from "../ir/define.ts";
import { reads, writes } from "../ir/effects.ts";
import type { Evaluator } from "../ir/evaluate.ts";
import { many, one } from "../ir/fields.ts";
import { allTypesMatch, Elementwise, Pure, sameTypes } from "../ir/traits.ts";
import { elementOf, i8, i16, i32, type Type, type VectorType, vector } from "../ir/types.ts";
import { isFloatKind } from "../support/float.ts";
import { fma } from "../support/fma.ts";
import { type Buffer, NDArray } from "../support/ndarray.ts";

const Address = exactly(i32);
const Loaded = where<Type>("scalar or vector", (t) => t.kind !== "memref" && t.kind !== "tensor");

/** Buffers of the interpreter laid out one after the other, as they are first addressed. */
class LinearMemory {
  readonly #bases = new Map<Buffer, number>();
  readonly #ranges: { readonly base: number; readonly end: number; readonly data: Buffer; readonly width: number }[] =
    [];
  #top = 1024;

  baseOf(array: NDArray, width: number): number {
    let base = this.#bases.get(array.data);
    if (base === undefined) {
      base = this.#top;
      const end = base + array.data.length * width;
      this.#bases.set(array.data, base);
      this.#ranges.push({ base, end, data: array.data, width });
      this.#top = Math.ceil(end / 64) * 64 + 64;
    }
    return base;
  }

  /** The buffer and position of an address; undefined outside of all buffers. */
  find(address: number): { readonly data: Buffer; readonly at: number; readonly width: number } | undefined {
    let low = 0;
    let high = this.#ranges.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#ranges[middle]!.base <= address) low = middle;
      else high = middle - 1;
    }
    const range = this.#ranges[low];
    if (!range || address < range.base || address >= range.end) return undefined;
    return { data: range.data, at: (address - range.base) / range.width, width: range.width };
  }
}

function rootOf(op: Operation): Operation {
  let o = op;
  for (let p = o.parentOp; p; p = o.parentOp) o = p;
  return o;
}

const memoryOf = (run: Evaluator): LinearMemory => run.global(rootOf(run.op), () => new LinearMemory());

/** A view of `count` elements from an address on. */
function elementsAt(run: Evaluator, address: number, type: Type, count: number): NDArray {
  const dtype = dtypeOf(type);
  const found = memoryOf(run).find(address);
  if (!found || !dtype || found.at + count > found.data.length || !Number.isInteger(found.at)) {
    return run.fail(`address ${address} lies outside of all buffers`);
  }
  return new NDArray(dtype, [count], found.data, [1], found.at);
}

/** The word of 32 bits that neighbours in a buffer of narrower integers make, the first one lowest. */
function wordAt(run: Evaluator, address: number, type: Type): number | undefined {
  const found = memoryOf(run).find(address);
  if (!found || found.width >= 4 || type !== i32) return undefined;
  const count = 4 / found.width;
  const bits = 8 * found.width;
  if (!Number.isInteger(found.at) || found.at + count > found.data.length) return undefined;
  let word = 0;
  for (let i = 0; i < count; i++) word |= (Number(found.data[found.at + i]) & (2 ** bits - 1)) << (bits * i);
  return word;
}

export const address = defineOp("wasm.address", {
  doc: "The address of a buffer's first element.",
  operands: [one("buffer", MemRef)],
  results: [one("result", Address)],
  traits: [Pure],
  infer: () => [i32],
  evaluate({ buffer }, run) {
    const type = run.operandType(0);
    const width = byteWidth(elementOf(type));
    return memoryOf(run).baseOf(buffer, width) + buffer.offset * width;
  },
});

export const load = defineOp("wasm.load", {
  doc: "Loads a scalar or a vector from an address plus a constant offset in bytes.",
  operands: [one("address", Address)],
  attrs: { offset: attr.int.default(0) },
  results: [one("result", Loaded)],
  effects: () => [reads()],
  evaluate({ address: a, offset }, run) {
    const type = run.resultType(0);
    const count = type.kind === "vector" ? (type.shape[0] ?? 1) : 1;
    const array = elementsAt(run, Number(a) + offset, elementOf(type), count);
    return type.kind === "vector" ? array.copy() : array.get([0]);
  },
});

export const load_splat = defineOp("wasm.load_splat", {
  doc: "Loads a scalar, or the word that neighbours of fewer bits make, and puts it in every lane (`v128.load32_splat`).",
  operands: [one("address", Address)],
  attrs: { offset: attr.int.default(0) },
  results: [one("result", Vector)],
  effects: () => [reads()],
  evaluate({ address: a, offset }, run) {
    const type = run.resultType(0) as VectorType;
    const at = Number(a) + offset;
    const element = wordAt(run, at, type.element) ?? elementsAt(run, at, type.element, 1).get([0]);
    return NDArray.filled(dtypeOf(type.element)!, type.shape, element);
  },
});

export const prefetch = defineOp("wasm.prefetch", {
  doc: "Reads a byte at an address plus a constant offset for nothing but its line of the cache; it lies in memory.",
  operands: [one("address", Address)],
  attrs: { offset: attr.int.default(0) },
  effects: () => [reads(), writes()],
  evaluate: () => [],
});

export const store = defineOp("wasm.store", {
  doc: "Stores a scalar or a vector at an address plus a constant offset in bytes.",
  operands: [one("value", Any), one("address", Address)],
  attrs: { offset: attr.int.default(0) },
  effects: () => [writes()],
  evaluate({ value, address: a, offset }, run) {
    const type = run.operandType(0);
    const count = type.kind === "vector" ? (type.shape[0] ?? 1) : 1;
    const array = elementsAt(run, Number(a) + offset, elementOf(type), count);
    if (type.kind === "vector") array.assign(value as NDArray);
    else array.set([0], value as number);
    return [];
  },
});

/** The kernels of WebAssembly's pseudo-minimum and -maximum: one comparison and a choice. */
const pseudo = <const N extends string>(name: N, doc: string, kernel: (a: number, b: number) => number) =>
  defineOp(`wasm.${name}`, {
    doc,
    scalar: () => kernel,
    operands: [one("lhs", FloatLike), one("rhs", FloatLike)],
    results: [one("result", FloatLike)],
    traits: [Pure, Elementwise, sameTypes("lhs", "rhs", "result")],
    infer: ({ lhs }) => [lhs.type],
  });

export const pmin = pseudo("pmin", "b < a ? b : a: the first operand where one is NaN (`f32x4.pmin`).", (a, b) =>
  b < a ? b : a,
);
export const pmax = pseudo("pmax", "a < b ? b : a: the first operand where one is NaN (`f32x4.pmax`).", (a, b) =>
  a < b ? b : a,
);

export const relaxed_madd = defineOp("wasm.relaxed_madd", {
  doc: "a * b + c in each lane, rounded once or twice, as the machine likes (`f32x4.relaxed_madd`). Here it is once.",
  operands: [one("a", Vector), one("b", Vector), one("c", Vector)],
  results: [one("result", Vector)],
  traits: [Pure, Elementwise, allTypesMatch("a", "b", "c", "result")],
  infer: ({ a }) => [a.type],
  scalar({ results: [type], fail }) {
    const kind = type?.kind === "float" && isFloatKind(type.name) ? type.name : fail("has no run-time form");
    return (a: number, b: number, c: number) => fma(kind, a, b, c);
  },
});

export const dot = defineOp("wasm.dot", {
  doc: "Products of numbers of 16 bits, each two neighbours added in 32 bits (`i32x4.dot_i16x8_s`).",
  operands: [one("a", Vector), one("b", Vector)],
  results: [one("result", Vector)],
  traits: [Pure],
  infer: () => [vector([4], i32)],
  verify({ a, b }, fail) {
    if (a.type !== vector([8], i16) || b.type !== vector([8], i16))
      fail("the factors are vectors of 8 numbers of 16 bits");
  },
  evaluate({ a, b }) {
    const product = (i: number): number => Number(a.get([i])) * Number(b.get([i]));
    return NDArray.from(
      "i32",
      [4],
      [0, 2, 4, 6].map((i) => (product(i) + product(i + 1)) | 0),
    );
  },
});

export const relaxed_dot = defineOp("wasm.relaxed_dot", {
  doc:
    "Products of signed bytes with unsigned ones, each four neighbours added to 32 bits (`i32x4.relaxed_dot_i8x16_i7x16_add_s`). Engines " +
    "may take the second bytes for signed ones, or saturate on the way: code that has this runs only on those that do neither.",
  operands: [one("a", Vector), one("b", Vector), one("c", Vector)],
  results: [one("result", Vector)],
  traits: [Pure],
  infer: () => [vector([4], i32)],
  verify({ a, b, c }, fail) {
    const bytes = vector([16], i8);
    if (a.type !== bytes || b.type !== bytes || c.type !== vector([4], i32))
      fail("the factors are vectors of 16 bytes, the sums of 4 numbers of 32 bits");
  },
  evaluate({ a, b, c }) {
    const product = (i: number): number => Number(a.get([i])) * (Number(b.get([i])) & 0xff);
    const sum = (lane: number): number =>
      [0, 1, 2, 3].reduce((s, i) => s + product(4 * lane + i), Number(c.get([lane]))) | 0;
    return NDArray.from("i32", [4], [0, 1, 2, 3].map(sum));
  },
});

export const pin = defineOp("wasm.pin", {
  doc:
    "Its operands, unchanged. Written as an exit of the loop around it that is never taken: engines that would move loads " +
    "up and arithmetic down across it leave both where they are.",
  operands: [many("values", Any)],
  results: [many("results", Any)],
  infer: ({ values }) => values.map((v) => v.type),
  effects: () => [],
  evaluate: ({ values }) => values,
});

export const wasm = defineDialect("wasm", {
  extension: true,
  doc: "What only WebAssembly has: addresses in one memory, loads and stores with offsets, splat loads, quick minima, relaxed arithmetic.",
  ops: [address, load, load_splat, store, pmin, pmax, relaxed_madd, dot, relaxed_dot, pin],
});
