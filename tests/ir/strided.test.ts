/** Layouts of views agree with where their elements lie. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  collapsedMemref,
  droppedDimensions,
  droppedOfMemref,
  expandedMemref,
  linearMap,
  plus,
  sliceOfMemref,
  stridedOf,
  times,
} from "../../ir/strided.ts";
import { dynamic, f32, type MemRefType, mapAttribute, memref, stridedLayout } from "../../ir/types.ts";
import { moduleOf } from "../support/run.ts";

/** The position of an element by the layout of its type. */
function position(t: MemRefType, at: readonly number[]): number {
  const { strides, offset } = stridedOf(t)!;
  return strides.reduce((n, s, d) => n + s * at[d]!, offset);
}

function* indices(shape: readonly number[]): Generator<number[]> {
  if (shape.length === 0) yield [];
  else for (const rest of indices(shape.slice(1))) for (let i = 0; i < shape[0]!; i++) yield [i, ...rest];
}

const shapes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
const layouts = shapes.chain((shape) =>
  fc
    .tuple(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: shape.length, maxLength: shape.length }), fc.nat(20))
    .map(([strides, offset]) => memref(shape, f32, stridedLayout(strides, offset))),
);

describe("strides of a type", () => {
  it("are row-major without a layout, and what the layout says else", () => {
    expect(stridedOf(memref([2, 3, 4], f32))).toEqual({ strides: [12, 4, 1], offset: 0 });
    expect(stridedOf(memref([dynamic, 3, dynamic, 4], f32))!.strides).toEqual([dynamic, dynamic, 4, 1]);
  });

  it("are read from affine maps of one linear result", () => {
    fc.assert(
      fc.property(layouts, (t) => {
        const { strides, offset } = stridedOf(t)!;
        const layout = { strides, offset };
        expect(stridedOf(memref(t.shape, f32, mapAttribute(linearMap(layout))))).toEqual(layout);
      }),
    );
    const layoutOf = (map: string): unknown => {
      const f = moduleOf(`func.func private @f(memref<8x8xf32, affine_map<${map}>>)`).region().entry.first!;
      const type = f.props[f.def.attrIndex.get("function_type")!] as { readonly inputs: readonly MemRefType[] };
      return stridedOf(type.inputs[0]!);
    };
    expect(layoutOf("(d0, d1)[s0] -> (d1 * 2 + s0 * d0 + 5)")).toEqual({ strides: [dynamic, 2], offset: 5 });
    expect(layoutOf("(d0, d1)[s0] -> ((d0 * 4 + d1) * 2 + s0)")).toEqual({ strides: [8, 2], offset: dynamic });
    for (const map of ["(d0, d1) -> (d0 floordiv 2 + d1)", "(d0, d1) -> (d1, d0)", "(d0, d1) -> (d0)"]) {
      expect(layoutOf(map)).toBeUndefined();
    }
  });

  it("treat dynamic as unknown but zero as zero", () => {
    expect(plus(dynamic, 3)).toBe(dynamic);
    expect(times(dynamic, 3)).toBe(dynamic);
    expect(times(dynamic, 0)).toBe(0);
  });
});

describe("slices", () => {
  it("show element o + i * s of the source as element i", () => {
    const slices = layouts.chain((t) =>
      fc.tuple(fc.constant(t), ...t.shape.map((n) => fc.tuple(fc.nat(n - 1), fc.integer({ min: 1, max: 3 })))),
    );
    fc.assert(
      fc.property(slices, ([t, ...starts]) => {
        const offsets = starts.map(([o]) => o);
        const strides = starts.map(([, s]) => s);
        const sizes = t.shape.map((n, d) => Math.floor((n - 1 - offsets[d]!) / strides[d]!) + 1);
        const view = sliceOfMemref(t, { offsets, sizes, strides })!;
        for (const at of indices(sizes)) {
          expect(position(view, at)).toBe(
            position(
              t,
              at.map((i, d) => offsets[d]! + i * strides[d]!),
            ),
          );
        }
      }),
    );
  });

  it("know which dimensions of size one a smaller type lacks", () => {
    expect(droppedDimensions([1, 4, 1], [4])).toEqual(new Set([0, 2]));
    expect(droppedDimensions([1, 4, 1], [1, 4])).toEqual(new Set([2]));
    expect(droppedDimensions([4, dynamic], [4])).toBeUndefined();
    expect(droppedDimensions([4], [4, 1])).toBeUndefined();
    // Strides tell the ones apart.
    const from = memref([1, 8, 1], f32, stridedLayout([64, 8, 2]));
    expect(droppedOfMemref(from, memref([8, 1], f32, stridedLayout([8, 2])))).toEqual(new Set([0]));
    expect(droppedOfMemref(from, memref([1, 8], f32, stridedLayout([64, 8])))).toEqual(new Set([2]));
    expect(droppedOfMemref(from, memref([8, 1], f32, stridedLayout([8, 3])))).toBeUndefined();
  });
});

describe("merged and split dimensions", () => {
  /** A shape and a way to group its dimensions. */
  const grouped = fc.array(fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: 3,
  });

  it("are inverse where the elements lie evenly, and keep every element in its place", () => {
    fc.assert(
      fc.property(grouped, fc.integer({ min: 1, max: 4 }), fc.nat(9), (sizes, step, offset) => {
        let next = 0;
        const groups = sizes.map((g) => g.map(() => next++));
        const shape = sizes.flat();
        const short = sizes.map((g) => g.reduce((a, b) => a * b, 1));
        const strides = short.map((_, d) => step * short.slice(d + 1).reduce((a, b) => a * b, 1));
        const t = memref(short, f32, stridedLayout(strides, offset));
        const long = expandedMemref(t, shape, groups)!;
        for (const at of indices(shape)) {
          const merged = groups.map((g) => g.reduce((n, d) => n * shape[d]! + at[d]!, 0));
          expect(position(long, at)).toBe(position(t, merged));
        }
        const back = collapsedMemref(long, groups)!;
        for (const at of indices(short)) expect(position(back, at)).toBe(position(t, at));
      }),
    );
  });

  it("refuse what is known to have gaps, and trust what is dynamic", () => {
    const gap = memref([2, 3], f32, stridedLayout([4, 1]));
    expect(collapsedMemref(gap, [[0, 1]])).toBeUndefined();
    const open = memref([2, 3], f32, stridedLayout([dynamic, 1]));
    expect(collapsedMemref(open, [[0, 1]])).toBe(memref([6], f32, stridedLayout([1])));
  });
});
