/** @file Images from patches, from maxima and their places, and grids of points to sample images at. */
import { conv_transpose } from "../../dialects/graph/conv-transpose.ts";
import { matmul } from "../../dialects/graph/matmul.ts";
import { product, range } from "../../dialects/graph/op.ts";
import { scatter_nd } from "../../dialects/graph/scatter.ts";
import { pad, reshape, transpose } from "../../dialects/graph/shape.ts";
import { elementOf } from "../../ir/types.ts";
import { attr, defineImport, one, optional } from "../op.ts";

export const Col2Im = defineImport("Col2Im", {
  since: 18,
  inputs: [one("input"), one("image_shape"), one("block_shape")],
  attrs: { dilations: attr.ints.optional(), pads: attr.ints.optional(), strides: attr.ints.optional() },
  import({ input, image_shape, block_shape, ...a }, b) {
    const image = b.numbers(image_shape, "image_shape");
    const block = b.numbers(block_shape, "block_shape");
    if (!image || !block) return undefined;
    const ones = image.map(() => 1);
    const [strides, dilations] = [a.strides ?? ones, a.dilations ?? ones];
    const pads = a.pads ?? [...image, ...image].map(() => 0);
    const rank = image.length;
    const reach = block.map((k, i) => (k - 1) * dilations[i]! + 1);
    const padded = image.map((d, i) => d + pads[i]! + pads[rank + i]!);
    const places = padded.map((d, i) => Math.floor((d - reach[i]!) / strides[i]!) + 1);
    const [batch = 1, rows = 1, columns = 1] = input.type.shape;
    const [size, channels] = [product(block), rows / product(block)];
    if (!Number.isInteger(channels) || columns !== product(places)) {
      return b.fail("onnx/shape", `${rows} by ${columns} patches do not make an image of ${image.join("x")}`);
    }
    // A transposed convolution that puts each element of a patch where it belongs; what overlaps is added.
    const element = elementOf(input.type);
    const patches = reshape(b, input, undefined, { shape: [batch * channels, size, ...places] });
    const identity = range(size * size).map((i) => Number(Math.floor(i / size) === i % size));
    const weights = b.vector(identity, [size, 1, ...block], element);
    const more = padded.map((d, i) => d - ((places[i]! - 1) * strides[i]! + reach[i]!));
    const made = conv_transpose(b, patches, weights, undefined, { strides, dilations, pads, more, group: 1 });
    return reshape(b, made, undefined, { shape: [batch, channels, ...image] });
  },
});

export const MaxUnpool = defineImport("MaxUnpool", {
  since: 9,
  inputs: [one("X"), one("I"), optional("output_shape")],
  attrs: { kernel_shape: attr.ints, pads: attr.ints.optional(), strides: attr.ints.optional() },
  import({ X, I, output_shape, kernel_shape, pads, strides }, b) {
    const [batch = 1, channels = 1, ...sizes] = X.type.shape;
    const n = kernel_shape.length;
    const spatial = sizes.map(
      (d, i) => (d - 1) * (strides?.[i] ?? 1) + kernel_shape[i]! - (pads?.[i] ?? 0) - (pads?.[n + i] ?? 0),
    );
    const whole = [batch, channels, ...spatial];
    const shape = output_shape ? b.numbers(output_shape, "output_shape") : whole;
    if (!shape) return undefined;
    const high = whole.map((d, i) => (shape[i] ?? 0) - d);
    if (shape.length !== whole.length || high.some((d) => d < 0)) {
      return b.unsupported(
        `output_shape ${shape.join("x")} is smaller than ${whole.join("x")}, which the windows give`,
      );
    }
    if (!b.affords(product(whole))) return undefined;
    // Places are numbers of elements of what the windows give; a larger shape has zeros behind it.
    const count = product(X.type.shape);
    const element = elementOf(X.type);
    const zeros = b.filled([product(whole)], 0, element);
    const at = reshape(b, I, undefined, { shape: [count, 1] });
    const put = scatter_nd(b, zeros, at, reshape(b, X, undefined, { shape: [count] }), { reduction: "none" });
    const made = reshape(b, put, undefined, { shape: whole });
    return high.every((d) => d === 0) ? made : pad(b, made, b.scalar(0, element), { low: high.map(() => 0), high });
  },
});

export const AffineGrid = defineImport("AffineGrid", {
  since: 20,
  inputs: [one("theta"), one("size")],
  attrs: { align_corners: attr.bool.default(false) },
  import({ theta, size, align_corners }, b) {
    const wanted = b.numbers(size, "size");
    if (!wanted) return undefined;
    const [batch, , ...sizes] = wanted;
    const rank = sizes.length;
    const [n, rows, columns] = theta.type.shape;
    if (n !== batch || rows !== rank || columns !== rank + 1) {
      return b.fail("onnx/shape", `theta of ${theta.type.shape.join("x")} does not fit a size of ${wanted.join("x")}`);
    }
    const at = (i: number, d: number): number =>
      align_corners ? (d === 1 ? -1 : -1 + (2 * i) / (d - 1)) : (2 * i + 1) / d - 1;
    // The last dimension's coordinate first, then 1 for what is added.
    const count = product(sizes);
    if (sizes.some((d) => d < 0) || !b.affords(count * (rank + 1))) return undefined;
    const points = range(count).flatMap((p) => {
      let rest = p;
      const coordinates: number[] = [];
      for (let d = rank - 1; d >= 0; d--) {
        coordinates.push(at(rest % sizes[d]!, sizes[d]!));
        rest = Math.floor(rest / sizes[d]!);
      }
      return [...coordinates, 1];
    });
    const base = b.vector(points, [count, rank + 1], elementOf(theta.type));
    const grid = matmul(b, base, transpose(b, theta, { perm: [0, 2, 1] }));
    return reshape(b, grid, undefined, { shape: [batch!, ...sizes, rank] });
  },
});
