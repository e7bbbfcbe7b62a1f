/** @file Tensors of another shape over the same elements. */
import { attr } from "../../ir/attributes.ts";
import { Index, Tensor, where } from "../../ir/constraints.ts";
import { defineOp } from "../../ir/define.ts";
import { many, one } from "../../ir/fields.ts";
import { collapsedShape } from "../../ir/strided.ts";
import { Pure } from "../../ir/traits.ts";
import { elementCount, hasStaticShape, isDynamic, type TensorType, tensor as tensorType } from "../../ir/types.ts";
import { dynamicCount, mixed, quoted, sameShape, verifyTensorReassociation } from "../shaped.ts";

export const collapse_shape = defineOp("tensor.collapse_shape", {
  doc: "Merges groups of neighbouring dimensions.",
  operands: [one("src", Tensor)],
  attrs: { reassociation: attr.reassociation },
  results: [one("result", Tensor)],
  traits: [Pure],
  assembly: "$src $reassociation attr-dict `:` type($src) `into` type($result)",
  names: () => ["collapsed"],
  inferLoosely: true,
  infer: ({ src, reassociation }) => [tensorType(collapsedShape(src.type.shape, reassociation), src.type.element)],
  verify({ src, result, reassociation }, fail) {
    const from = src.type;
    const to = result.type;
    if (!verifyTensorReassociation(from, to, reassociation, fail)) return;
    const expected = tensorType(collapsedShape(from.shape, reassociation), from.element);
    if (!sameShape(expected.shape, to.shape) || to.element !== from.element) {
      fail(`expected collapsed type to be ${quoted(expected)}, but got ${quoted(to)}`);
    }
  },
  evaluate: ({ src, reassociation }) => [src.reshape(collapsedShape(src.shape, reassociation))],
});

export const expand_shape = defineOp("tensor.expand_shape", {
  doc: "Splits dimensions into groups whose sizes multiply to the old ones.",
  operands: [one("src", Tensor), many("output_shape", Index)],
  attrs: { reassociation: attr.reassociation, static_output_shape: attr.ints },
  results: [one("result", Tensor)],
  traits: [Pure],
  assembly:
    "$src $reassociation `output_shape` custom<DynamicIndexList>($output_shape, $static_output_shape) attr-dict `:` type($src) `into` type($result)",
  names: () => ["expanded"],
  inferLoosely: true,
  infer: ({ src, static_output_shape }) => [tensorType(static_output_shape, src.type.element)],
  verify({ src, result, reassociation, output_shape, static_output_shape }, fail) {
    const from = src.type;
    const to = result.type;
    const n = static_output_shape.length;
    if (n !== to.shape.length) {
      fail(
        `expected number of static shape dims to be equal to the output rank (${to.shape.length}) but found ${n} inputs instead`,
      );
      return;
    }
    const open = dynamicCount(static_output_shape);
    if (open !== output_shape.length) {
      fail(
        `mismatch in dynamic dims in output_shape and static_output_shape: static_output_shape has ${open} dynamic dims while output_shape has ${output_shape.length} values`,
      );
      return;
    }
    if (!verifyTensorReassociation(to, from, reassociation, fail)) return;
    const expected = tensorType(collapsedShape(to.shape, reassociation), to.element);
    if (!sameShape(expected.shape, from.shape) || to.element !== from.element) {
      fail(`expected collapsed type to be ${quoted(expected)}, but got ${quoted(from)}`);
    }
  },
  evaluate({ src, reassociation, output_shape, static_output_shape }, run) {
    const sizes = mixed(static_output_shape, output_shape);
    for (const [n, group] of reassociation.entries()) {
      const count = group.reduce((p, d) => p * sizes[d]!, 1);
      if (count !== src.shape[n]) run.fail(`splits a dimension of ${src.shape[n]} into ${count} elements`);
    }
    return [src.reshape(sizes)];
  },
});

const Shape = where<TensorType>(
  "1D tensor of signless integer or index values",
  (t) =>
    t.kind === "tensor" &&
    t.ranked &&
    t.shape.length === 1 &&
    (t.element.kind === "index" || (t.element.kind === "integer" && t.element.signedness === "signless")),
);

export const reshape = defineOp("tensor.reshape", {
  doc: "A tensor under a shape that another tensor holds.",
  operands: [one("source", Tensor), one("shape", Shape)],
  results: [one("result", Tensor)],
  traits: [Pure],
  assembly: "$source `(` $shape `)` attr-dict `:` functional-type(operands, results)",
  names: () => ["reshape"],
  verify({ source, shape, result }, fail) {
    const from = source.type;
    const to = result.type;
    if (from.element !== to.element) {
      fail("element types of source and destination tensor types should be the same");
      return;
    }
    if (!to.ranked) return;
    const length = shape.type.shape[0]!;
    const both = from.ranked && hasStaticShape(from) && hasStaticShape(to);
    if (both && elementCount(from.shape) !== elementCount(to.shape)) {
      fail("source and destination tensor should have the same number of elements");
    } else if (isDynamic(length)) {
      fail("cannot use shape operand with dynamic length to reshape to statically-ranked tensor type");
    } else if (length !== to.shape.length) {
      fail("length of shape operand differs from the result's tensor rank");
    }
  },
  evaluate({ source, shape }, run) {
    const sizes = shape.values().map(Number);
    if (elementCount(sizes) !== source.size) run.fail(`reshapes ${source.size} elements to ${sizes.join("x")}`);
    return [source.reshape(sizes)];
  },
});
