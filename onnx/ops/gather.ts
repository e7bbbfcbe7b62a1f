/** @file Elements chosen, replaced and found by index and by value. */
import { add, equal, less, select } from "../../dialects/graph/elementwise.ts";
import { gather, gather_elements, gather_nd } from "../../dialects/graph/gather.ts";
import { compress, nms, nonzero, topk, unique } from "../../dialects/graph/pick.ts";
import { scatter_elements, scatter_nd, tensor_scatter } from "../../dialects/graph/scatter.ts";
import { reshape, slice, transpose } from "../../dialects/graph/shape.ts";
import type { Value } from "../../ir/core.ts";
import { dynamic, elementOf, isDynamic } from "../../ir/types.ts";
import type { NodeBuilder } from "../node-builder.ts";
import { attr, defineImport, type ImportRow, one, optional, type TensorValue } from "../op.ts";
import { axisOf } from "./shape.ts";

const rankOf = (x: TensorValue): number => x.type.shape.length;

export const Gather = defineImport("Gather", {
  since: 1,
  inputs: [one("data"), one("indices")],
  attrs: { axis: attr.int.default(0) },
  import({ data, indices, axis }, b) {
    const at = axisOf(axis, rankOf(data), b);
    return at === undefined ? undefined : gather(b, data, indices, { axis: at });
  },
});

export const GatherElements = defineImport("GatherElements", {
  since: 11,
  inputs: [one("data"), one("indices")],
  attrs: { axis: attr.int.default(0) },
  import({ data, indices, axis }, b) {
    const at = axisOf(axis, rankOf(data), b);
    return at === undefined ? undefined : gather_elements(b, data, indices, { axis: at });
  },
});

export const GatherND = defineImport("GatherND", {
  since: 11,
  inputs: [one("data"), one("indices")],
  attrs: { batch_dims: attr.int.default(0) },
  import: ({ data, indices, batch_dims }, b) => gather_nd(b, data, indices, { batch_dims }),
});

const reduction = attr.oneOf("none", "add", "mul", "max", "min").default("none");

const scatterRow = (name: string, since: number): ImportRow =>
  defineImport(name, {
    since,
    inputs: [one("data"), one("indices"), one("updates")],
    attrs: { axis: attr.int.default(0), reduction },
    import({ data, indices, updates, axis, reduction: how }, b) {
      const at = axisOf(axis, rankOf(data), b);
      return at === undefined ? undefined : scatter_elements(b, data, indices, updates, { axis: at, reduction: how });
    },
  });

export const ScatterElements = scatterRow("ScatterElements", 11);
export const Scatter = scatterRow("Scatter", 9);

export const ScatterND = defineImport("ScatterND", {
  since: 11,
  inputs: [one("data"), one("indices"), one("updates")],
  attrs: { reduction },
  import: ({ data, indices, updates, reduction: how }, b) => scatter_nd(b, data, indices, updates, { reduction: how }),
});

export const TensorScatter = defineImport("TensorScatter", {
  since: 24,
  inputs: [one("past_cache"), one("update"), optional("write_indices")],
  attrs: { axis: attr.int.default(-2), mode: attr.oneOf("linear", "circular").default("linear") },
  import({ past_cache, update, write_indices, axis, mode }, b) {
    const at = axisOf(axis, rankOf(past_cache), b);
    if (at === undefined) return undefined;
    const from = write_indices ?? b.ints(new Array<number>(past_cache.type.shape[0] ?? 1).fill(0));
    return tensor_scatter(b, past_cache, update, from, { axis: at, circular: mode === "circular" });
  },
});

export const OneHot = defineImport("OneHot", {
  since: 9,
  inputs: [one("indices"), one("depth"), one("values")],
  attrs: { axis: attr.int.default(-1) },
  import({ indices, depth, values, axis }, b) {
    const given = b.reals(depth, "depth")?.[0];
    const size = given && Math.trunc(given);
    const rank = rankOf(indices) + 1;
    const at = axisOf(axis, rank, b);
    if (size === undefined || at === undefined) return undefined;
    const element = elementOf(indices.type);
    // Negative indices count from the end; what is out of range hits nothing.
    const wrapped = select(
      b,
      less(b, indices, b.scalar(0, element)),
      add(b, indices, b.scalar(size, element)),
      indices,
    );
    if (!b.affords(size)) return undefined;
    const { shape } = indices.type;
    const column = reshape(b, wrapped, undefined, { shape: [...shape.slice(0, at), 1, ...shape.slice(at)] });
    const numbers = b.vector(
      Array.from({ length: size }, (_, i) => i),
      Array.from({ length: rank }, (_, i) => (i === at ? size : 1)),
      element,
    );
    const value = (i: number): Value => {
      const part = slice(b, values, undefined, { starts: [i], ends: [i + 1], steps: [1] });
      return reshape(b, part, undefined, { shape: [] });
    };
    return select(b, equal(b, column, numbers), value(1), value(0));
  },
});

// --- by value -----------------------------------------------------------------------------------------------------

function topkOf(
  x: TensorValue,
  k: number,
  axis: number,
  largest: boolean,
  b: NodeBuilder,
): readonly Value[] | undefined {
  const at = axisOf(axis, rankOf(x), b);
  return at === undefined ? undefined : topk(b, x, { k, axis: at, largest });
}

export const TopK = defineImport("TopK", {
  since: 10,
  inputs: [one("X"), one("K")],
  attrs: { axis: attr.int.default(-1), largest: attr.bool.default(true), sorted: attr.bool.default(true) },
  import({ X, K, axis, largest }, b) {
    const k = b.numbers(K, "K")?.[0];
    return k === undefined ? undefined : topkOf(X, k, axis, largest, b);
  },
});
export const TopK1 = defineImport("TopK", {
  since: 1,
  inputs: [one("X")],
  attrs: { axis: attr.int.default(-1), k: attr.int },
  import: ({ X, axis, k }, b) => topkOf(X, k, axis, true, b),
});

export const NonZero = defineImport("NonZero", {
  since: 9,
  inputs: [one("X")],
  import({ X }, b) {
    // A scalar is taken as a vector of one.
    return nonzero(b, rankOf(X) === 0 ? reshape(b, X, undefined, { shape: [1] }) : X);
  },
});

const flat = (x: TensorValue, b: NodeBuilder): Value => {
  const { shape } = x.type;
  return reshape(b, x, undefined, { shape: [shape.some(isDynamic) ? dynamic : shape.reduce((n, d) => n * d, 1)] });
};

export const Compress = defineImport("Compress", {
  since: 9,
  inputs: [one("input"), one("condition")],
  attrs: { axis: attr.int.optional() },
  import({ input, condition, axis }, b) {
    if (axis === undefined) return compress(b, flat(input, b), condition, { axis: 0 });
    const at = axisOf(axis, rankOf(input), b);
    return at === undefined ? undefined : compress(b, input, condition, { axis: at });
  },
});

export const Unique = defineImport("Unique", {
  since: 11,
  inputs: [one("X")],
  attrs: { axis: attr.int.optional(), sorted: attr.bool.default(true) },
  import({ X, axis, sorted }, b) {
    if (axis === undefined) return unique(b, flat(X, b), { axis: 0, sorted });
    const at = axisOf(axis, rankOf(X), b);
    return at === undefined ? undefined : unique(b, X, { axis: at, sorted });
  },
});

export const NonMaxSuppression = defineImport("NonMaxSuppression", {
  since: 10,
  inputs: [
    one("boxes"),
    one("scores"),
    optional("max_output_boxes_per_class"),
    optional("iou_threshold"),
    optional("score_threshold"),
  ],
  attrs: { center_point_box: attr.bool.default(false) },
  import: ({ boxes, scores, max_output_boxes_per_class: most, iou_threshold, score_threshold, center_point_box }, b) =>
    nms(b, boxes, scores, most, iou_threshold, score_threshold, { centred: center_point_box }),
});

/** Each sequence turned round up to its own length. */
export const ReverseSequence = defineImport("ReverseSequence", {
  since: 10,
  inputs: [one("input"), one("sequence_lens")],
  attrs: { batch_axis: attr.int.default(1), time_axis: attr.int.default(0) },
  import({ input, sequence_lens, batch_axis, time_axis }, b) {
    const lengths = b.numbers(sequence_lens, "sequence_lens");
    if (!lengths) return undefined;
    const rank = rankOf(input);
    const rest = Array.from({ length: rank }, (_, i) => i).filter((i) => i !== batch_axis && i !== time_axis);
    const perm = [batch_axis, time_axis, ...rest];
    const moved = transpose(b, input, { perm });
    const time = input.type.shape[time_axis] ?? 0;
    if (!b.affords(2 * time * lengths.length)) return undefined;
    const tuples = lengths.flatMap((n, batch) =>
      Array.from({ length: time }, (_, t) => [batch, t < n ? n - 1 - t : t]).flat(),
    );
    const indices = reshape(b, b.ints(tuples), undefined, { shape: [lengths.length, time, 2] });
    const turned = gather_nd(b, moved, indices);
    return transpose(b, turned, { perm: perm.map((_, i) => perm.indexOf(i)) });
  },
});
