import fc from "fast-check";
import { expect, it } from "vitest";
import { arrayOver, NDArray, rowMajor, sizeOf } from "../../support/ndarray.ts";
import { copyStrided } from "../../support/strided-copy.ts";

/** Positions in the data of all elements, in row-major order. */
function positions(shape: readonly number[], strides: readonly number[], offset: number): number[] {
  return shape.reduce(
    (all, n, d) => all.flatMap((at) => Array.from({ length: n }, (_, i) => at + i * strides[d]!)),
    [offset],
  );
}

/** Strides of an array whose dimensions lie in memory in another order than they are named. */
function permuted(shape: readonly number[], order: readonly number[]): number[] {
  const inner = rowMajor(order.map((d) => shape[d]!));
  return shape.map((_, d) => inner[order.indexOf(d)]!);
}

const cases = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constantFrom(1, 33, 70)), { maxLength: 4 })
  .filter((shape) => sizeOf(shape) < 20_000)
  .chain((shape) => {
    const order = fc.shuffledSubarray([...shape.keys()], { minLength: shape.length });
    return fc.record({ shape: fc.constant(shape), to: order, from: order, offset: fc.nat(3), gap: fc.boolean() });
  });

it("copies every element to its place and touches no other", () => {
  fc.assert(
    fc.property(cases, ({ shape, to, from, offset, gap }) => {
      const size = sizeOf(shape);
      // Every other element of the source, where there are gaps.
      const fromStrides = permuted(shape, from).map((s) => (gap ? 2 * s : s));
      const source = Float32Array.from({ length: offset + 2 * size + 1 }, (_, i) => i + 1);
      const target = new Float32Array(offset + size + 1);
      const toStrides = permuted(shape, to);
      copyStrided({ data: target, strides: toStrides, offset }, { data: source, strides: fromStrides, offset }, shape);
      const read = positions(shape, fromStrides, offset);
      const wanted = new Float32Array(target.length);
      positions(shape, toStrides, offset).forEach((at, i) => {
        wanted[at] = source[read[i]!]!;
      });
      expect(target).toEqual(wanted);
      // The same words as they lie in a file, where no array of words can begin.
      const odd = new Uint8Array(source.byteLength + 1);
      odd.set(new Uint8Array(source.buffer), 1);
      const loose = { data: new DataView(odd.buffer, 1), strides: fromStrides, offset };
      target.fill(0);
      copyStrided({ data: target, strides: toStrides, offset }, loose, shape);
      expect(target).toEqual(wanted);
    }),
    { numRuns: 300 },
  );
});

it("spreads what has no extent of its own", () => {
  const target = new Int32Array(6);
  const from = { data: Int32Array.of(5, 7), strides: [0, 1], offset: 0 };
  copyStrided({ data: target, strides: [2, 1], offset: 0 }, from, [3, 2]);
  expect([...target]).toEqual([5, 7, 5, 7, 5, 7]);
});

it("reads arrays of bytes that lie at odd places without moving them first", () => {
  const values = Float32Array.from({ length: 100 }, (_, i) => i - 0.5);
  const file = new Uint8Array(403);
  file.set(new Uint8Array(values.buffer), 3);
  const array = arrayOver("f32", [20, 5], file.subarray(3));
  const turned = array.transpose([1, 0]);
  const target = NDArray.zeros("f32", [5, 20]);
  target.assign(turned);
  const wanted = new NDArray("f32", [20, 5], values).transpose([1, 0]).values();
  expect(target.values()).toEqual(wanted);
  // What is read there now is what is there now: nothing was kept.
  file.set(new Uint8Array(Float32Array.of(7).buffer), 3);
  target.assign(array.reshape([5, 20]));
  expect(target.get([0, 0])).toBe(7);
  expect(turned.copy().values()).toEqual([7, ...wanted.slice(1)]);
  expect(array.view([1, 0], [2, 5]).values()).toEqual([...values.subarray(5, 15)]);
  expect(turned.data).toBe(array.data);
});
