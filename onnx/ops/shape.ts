/** @file Operators that move elements, and those that tell and make shapes. */
import { reshape } from "../../dialects/graph/shape.ts";
import { dynamic } from "../../ir/types.ts";
import { attr, defineImport, one } from "../op.ts";

export const Constant = defineImport("Constant", {
  since: 1,
  inputs: [],
  attrs: {
    value: attr.tensor.optional(),
    value_float: attr.float.optional(),
    value_floats: attr.floats.optional(),
    value_int: attr.int.optional(),
    value_ints: attr.ints.optional(),
  },
  import({ value }, b) {
    if (value) return b.graph.constant(value, b.loc, b);
    return b.unsupported("sparse_value and strings are not supported");
  },
});

export const Reshape = defineImport("Reshape", {
  since: 5,
  inputs: [one("data"), one("shape")],
  attrs: { allowzero: attr.bool.default(false) },
  import({ data, shape, allowzero }, b) {
    const sizes = b.numbers(shape, "shape");
    if (!sizes) return undefined;
    return reshape(b, data, undefined, {
      shape: sizes.map((d, i) => (d === -1 ? dynamic : d === 0 && !allowzero ? (data.type.shape[i] ?? 0) : d)),
    });
  },
});
