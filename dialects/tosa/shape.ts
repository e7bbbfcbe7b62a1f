/** @file Moving elements: shapes, slices, pads, gathering, resizing. */
import { attr } from "../../ir/attributes.ts";
import { toType } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { many, one, optional } from "../../ir/fields.ts";
import { Pure } from "../../ir/traits.ts";
import { elementOf } from "../../ir/types.ts";
import { NDArray, sizeOf } from "../../support/ndarray.ts";
import { computed, functional, makeResult, NumberTensor, quantization, tensorOfRank, zeroPoint } from "./common.ts";

export const reshape = defineOp("tosa.reshape", {
  doc: "The same elements in another shape; one size may be -1 and follows from the others.",
  operands: [one("input1", NumberTensor)],
  attrs: { new_shape: attr.ints },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ input1, new_shape }, run) {
    const known = sizeOf(new_shape.filter((n) => n !== -1));
    const shape = new_shape.map((n) => (n === -1 ? input1.size / known : n));
    if (sizeOf(shape) !== input1.size) run.fail(`${input1.size} elements do not fill ${shape.join("x")}`);
    return input1.reshape(shape);
  },
});

export const transpose = defineOp("tosa.transpose", {
  doc: "Permutes the dimensions: dimension i of the result is dimension perms[i] of the operand.",
  operands: [one("input1", NumberTensor), one("perms", NumberTensor)],
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate: ({ input1, perms }) => input1.transpose(perms.values().map(Number)).copy(),
});

export const reverse = defineOp("tosa.reverse", {
  doc: "The elements along an axis in the opposite order.",
  operands: [one("input", NumberTensor)],
  attrs: { axis: attr.i32 },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ input, axis }) {
    const strides = input.strides.with(axis, -input.strides[axis]!);
    const last = input.offset + input.strides[axis]! * (input.shape[axis]! - 1);
    return new NDArray(input.dtype, input.shape, input.data, strides, last).copy();
  },
});

export const slice = defineOp("tosa.slice", {
  doc: "A part of a tensor; a size of -1 is all that is left.",
  operands: [one("input", NumberTensor)],
  attrs: { start: attr.ints, size: attr.ints },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ input, start, size }, run) {
    const sizes = size.map((n, d) => (n === -1 ? input.shape[d]! - start[d]! : n));
    if (sizes.some((n, d) => start[d]! < 0 || n < 0 || start[d]! + n > input.shape[d]!)) {
      run.fail(`slice of ${sizes.join("x")} at ${start.join(", ")} is out of bounds of ${input.shape.join("x")}`);
    }
    return input.view(start, sizes).copy();
  },
});

export const tile = defineOp("tosa.tile", {
  doc: "Repeats a tensor along each dimension.",
  operands: [one("input1", NumberTensor)],
  attrs: { multiples: attr.ints },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ input1, multiples }, run) {
    const { shape } = input1;
    return computed(
      run,
      shape.map((n, d) => n * multiples[d]!),
      (index) => input1.get(index.map((i, d) => i % shape[d]!)),
    );
  },
});

export const concat = defineOp("tosa.concat", {
  doc: "Tensors one after the other along an axis.",
  operands: [many("input1", NumberTensor)],
  attrs: { axis: attr.i32 },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ input1, axis }, run) {
    const first = input1[0] ?? run.fail("there is nothing to concatenate");
    const total = input1.reduce((n, a) => n + a.shape[axis]!, 0);
    const result = makeResult(run, first.shape.with(axis, total));
    let at = 0;
    for (const a of input1) {
      result
        .view(
          first.shape.map((_, d) => (d === axis ? at : 0)),
          a.shape,
        )
        .assign(a);
      at += a.shape[axis]!;
    }
    return result;
  },
});

export const pad = defineOp("tosa.pad", {
  doc: "Elements before and after each dimension: a given constant, the zero point, or zero.",
  operands: [one("input1", NumberTensor), one("padding", NumberTensor), optional("pad_const", NumberTensor)],
  attrs: { quantization_info: quantization("pad_quant") },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ input1, padding, pad_const, quantization_info }, run) {
    const amounts = padding.values().map(Number);
    const shape = input1.shape.map((n, d) => n + amounts[2 * d]! + amounts[2 * d + 1]!);
    const result = makeResult(run, shape);
    const element = elementOf(run.resultType(0));
    const value = pad_const ? pad_const.getData(pad_const.offset) : zeroPoint(quantization_info, "input_zp");
    result.fill(toType(element, value));
    result
      .view(
        input1.shape.map((_, d) => amounts[2 * d]!),
        input1.shape,
      )
      .assign(input1);
    return result;
  },
});

// --- gathering ----------------------------------------------------------------------------------------------------

export const gather = defineOp("tosa.gather", {
  doc: "Rows of each batch, by their numbers.",
  operands: [one("values", tensorOfRank(3)), one("indices", tensorOfRank(2))],
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate: ({ values, indices }, run) =>
    computed(run, [...indices.shape, values.shape[2]!], ([n = 0, w = 0, c = 0]) => {
      const at = [n, Number(indices.get([n, w])), c];
      if (!values.contains(at)) run.fail(`row ${at[1]} is out of bounds of ${values.shape[1]}`);
      return values.get(at);
    }),
});

export const scatter = defineOp("tosa.scatter", {
  doc: "The tensor with rows of each batch replaced, by their numbers.",
  operands: [one("values_in", tensorOfRank(3)), one("indices", tensorOfRank(2)), one("input", tensorOfRank(3))],
  results: [one("values_out", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ values_in, indices, input }, run) {
    const result = values_in.copy();
    for (let n = 0; n < indices.shape[0]!; n++) {
      for (let w = 0; w < indices.shape[1]!; w++) {
        for (let c = 0; c < input.shape[2]!; c++) {
          const at = [n, Number(indices.get([n, w])), c];
          if (!result.contains(at)) run.fail(`row ${at[1]} is out of bounds of ${result.shape[1]}`);
          result.set(at, input.get([n, w, c]));
        }
      }
    }
    return result;
  },
});

// --- resizing -----------------------------------------------------------------------------------------------------

const modes = attr.where(
  "Supported resize/upsampling strategies",
  (a) => a.kind === "string" && (a.value === "BILINEAR" || a.value === "NEAREST_NEIGHBOR"),
);

export const resize = defineOp("tosa.resize", {
  doc: "Scales images by a ratio per dimension (n/d), taking the nearest element or mixing the four around.",
  operands: [one("input", tensorOfRank(4))],
  attrs: { scale: attr.ints, offset: attr.ints, border: attr.ints, mode: modes },
  results: [one("output", NumberTensor)],
  traits: [Pure],
  assembly: functional,
  evaluate({ input, scale, offset, border, mode }, run) {
    const [n = 1, height = 1, width = 1, channels = 1] = input.shape;
    const sizes = [height, width].map((size, d) => {
      const [up, down] = [scale[2 * d]!, scale[2 * d + 1]!];
      return Math.floor(((size - 1) * up - offset[d]! + border[d]!) / down) + 1;
    });
    const float = elementOf(run.resultType(0)).kind === "float";
    const nearest = mode.kind === "string" && mode.value === "NEAREST_NEIGHBOR";
    /** The element before a place, the one after, and how far between them, in parts of the scale. */
    const place = (o: number, d: number, size: number): readonly [number, number, number] => {
      const position = o * scale[2 * d + 1]! + offset[d]!;
      const at = Math.floor(position / scale[2 * d]!);
      const inside = (i: number): number => Math.min(Math.max(i, 0), size - 1);
      return [inside(at), inside(at + 1), position - at * scale[2 * d]!];
    };
    return computed(run, [n, sizes[0]!, sizes[1]!, channels], ([b = 0, oy = 0, ox = 0, c = 0]) => {
      const [y0, y1, dy] = place(oy, 0, height);
      const [x0, x1, dx] = place(ox, 1, width);
      const [sy, sx] = [scale[0]!, scale[2]!];
      if (nearest) return input.get([b, 2 * dy >= sy ? y1 : y0, 2 * dx >= sx ? x1 : x0, c]);
      const v = (y: number, x: number): Num => input.get([b, y, x, c]);
      if (float) {
        const [ty, tx] = [dy / sy, dx / sx];
        const top = Number(v(y0, x0)) * (1 - tx) + Number(v(y0, x1)) * tx;
        const bottom = Number(v(y1, x0)) * (1 - tx) + Number(v(y1, x1)) * tx;
        return top * (1 - ty) + bottom * ty;
      }
      // Integers keep the scale: the result is a fixed-point number.
      const row = (y: number): bigint => BigInt(v(y, x0)) * BigInt(sx - dx) + BigInt(v(y, x1)) * BigInt(dx);
      return row(y0) * BigInt(sy - dy) + row(y1) * BigInt(dy);
    });
  },
});
