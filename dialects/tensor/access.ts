/** @file Elements and sizes of tensors, and tensors under other types. */
import { Any, Index, RankedTensor, Tensor, where } from "../../ir/constraints.ts";
import { bitsOfElement, elementOfBits, widthOf } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { many, one } from "../../ir/fields.ts";
import { Pure, typesMatchWith } from "../../ir/traits.ts";
import { elementOf, index, type TensorType, type Type } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { elementDType } from "../memref/memory.ts";
import { checkIndices, checkShape, compatibleShapes, quoted } from "../shaped.ts";

export const extract = defineOp("tensor.extract", {
  doc: "One element of a tensor.",
  operands: [one("tensor", RankedTensor), many("indices", Index)],
  results: [one("result", Any)],
  traits: [Pure, typesMatchWith("result type matches element type of tensor", "tensor", "result", elementOf)],
  assembly: "$tensor `[` $indices `]` attr-dict `:` type($tensor)",
  names: () => ["extracted"],
  inferLoosely: true,
  infer: ({ tensor }) => [elementOf(tensor.type)],
  verify({ tensor, indices }, fail) {
    if (indices.length !== tensor.type.shape.length) {
      fail("incorrect number of indices for extract_element", { code: "verify/operands" });
    }
  },
  evaluate({ tensor, indices }, run) {
    checkIndices(tensor, indices, run);
    return [tensor.get(indices)];
  },
});

export const insert = defineOp("tensor.insert", {
  doc: "A tensor with one element replaced.",
  operands: [one("scalar", Any), one("dest", RankedTensor), many("indices", Index)],
  results: [one("result", RankedTensor)],
  traits: [
    Pure,
    typesMatchWith("result type matches type of dest", "dest", "result", (t) => t),
    typesMatchWith("scalar type matches element type of dest", "dest", "scalar", elementOf),
  ],
  assembly: "$scalar `into` $dest `[` $indices `]` attr-dict `:` type($dest)",
  deduce: { scalar: (known) => elementType(known.type("dest")) },
  names: () => ["inserted"],
  inferLoosely: true,
  infer: ({ dest }) => [dest.type],
  verify({ dest, indices }, fail) {
    if (indices.length !== dest.type.shape.length) fail("incorrect number of indices", { code: "verify/operands" });
  },
  evaluate({ scalar, dest, indices }, run) {
    checkIndices(dest, indices, run);
    const made = dest.copy();
    made.set(indices, scalar as Num);
    return [made];
  },
});

const elementType = (t: Type | undefined): Type | undefined => t && elementOf(t);

export const dim = defineOp("tensor.dim", {
  doc: "The size of one dimension of a tensor.",
  operands: [
    one(
      "source",
      where<TensorType>(
        "non-0-ranked or unranked tensor",
        (t) => t.kind === "tensor" && (!t.ranked || t.shape.length > 0),
      ),
    ),
    one("index", Index),
  ],
  results: [one("result", Index)],
  traits: [Pure],
  assembly: "attr-dict $source `,` $index `:` type($source)",
  names: () => ["dim"],
  infer: () => [index],
  evaluate: ({ source, index: i }, run) => [source.shape[i] ?? run.fail(`index ${i} is no dimension of the tensor`)],
});

export const rank = defineOp("tensor.rank", {
  doc: "The number of dimensions of a tensor.",
  operands: [one("tensor", Tensor)],
  results: [one("result", Index)],
  traits: [Pure],
  assembly: "$tensor attr-dict `:` type($tensor)",
  names: () => ["rank"],
  infer: () => [index],
  evaluate: ({ tensor }) => [tensor.rank],
});

export const cast = defineOp("tensor.cast", {
  doc: "The same tensor under a type that says more or less of its shape.",
  operands: [one("source", Tensor)],
  results: [one("dest", Tensor)],
  traits: [Pure],
  assembly: "$source attr-dict `:` type($source) `to` type($dest)",
  names: () => ["cast"],
  verify({ source, dest }, fail) {
    const a = source.type;
    const b = dest.type;
    const fits = a.element === b.element && (!a.ranked || !b.ranked || compatibleShapes(a.shape, b.shape));
    if (!fits) fail(`operand type ${quoted(a)} and result type ${quoted(b)} are cast incompatible`);
  },
  evaluate({ source }, run) {
    const type = run.resultType(0) as TensorType;
    if (type.ranked && source.rank !== type.shape.length) {
      run.fail(`a tensor of rank ${source.rank} is cast to ${quoted(type)}`);
    }
    checkShape(source, type, run);
    return [source];
  },
});

export const bitcast = defineOp("tensor.bitcast", {
  doc: "The bits of every element read as another type of the same width.",
  operands: [one("source", Tensor)],
  results: [one("dest", Tensor)],
  traits: [Pure],
  assembly: "$source attr-dict `:` type($source) `to` type($dest)",
  verify({ source, dest }, fail) {
    const a = source.type;
    const b = dest.type;
    const fits =
      widthOf(a.element) === widthOf(b.element) && a.ranked === b.ranked && compatibleShapes(a.shape, b.shape);
    if (!fits) fail(`operand type ${quoted(a)} and result type ${quoted(b)} are cast incompatible`);
  },
  evaluate({ source }, run) {
    const from = elementOf(run.operandType(0));
    const to = elementOf(run.resultType(0));
    const values = source.values().map((x) => elementOfBits(to, bitsOfElement(from, x)));
    return [NDArray.from(elementDType(to, run), source.shape, values)];
  },
});
