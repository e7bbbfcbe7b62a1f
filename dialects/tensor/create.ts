/** @file Tensors made: empty, from elements, from a function of the indices. */
import { Any, Index, RankedTensor, where } from "../../ir/constraints.ts";
import { defineOp, type OpInfo } from "../../ir/define.ts";
import type { Num } from "../../ir/evaluate.ts";
import { many, one } from "../../ir/fields.ts";
import {
  hasParent,
  Pure,
  RecursiveEffects,
  ReturnLike,
  SingleBlock,
  Terminator,
  typesMatchWith,
} from "../../ir/traits.ts";
import { elementCount, elementOf, hasStaticShape, index, type TensorType, type Type } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { elementDType } from "../memref/memory.ts";
import { dynamicCount, plain, sizesOf } from "../shaped.ts";
import { forEachIndex, zerosOf } from "../vector/data.ts";

export const empty = defineOp("tensor.empty", {
  doc: "A tensor of a shape and of any content; it stands for a place to write to.",
  operands: [many("dynamicSizes", Index)],
  results: [one("result", RankedTensor)],
  traits: [Pure],
  assembly: "`(`$dynamicSizes`)` attr-dict `:` type($result)",
  verify({ dynamicSizes, result }, fail) {
    const wanted = dynamicCount(result.type.shape);
    if (dynamicSizes.length !== wanted) {
      fail(`incorrect number of dynamic sizes, has ${dynamicSizes.length}, expected ${wanted}`, {
        code: "verify/operands",
      });
    }
  },
  evaluate({ dynamicSizes }, run) {
    const type = run.resultType(0) as TensorType;
    return [zerosOf(type, run, sizesOf(type.shape, dynamicSizes))];
  },
});

const elementType = (t: Type | undefined): Type | undefined => t && elementOf(t);

export const from_elements = defineOp("tensor.from_elements", {
  doc: "A tensor of scalars in row-major order.",
  operands: [many("elements", Any)],
  results: [
    one(
      "result",
      where<TensorType>("statically shaped tensor of any type values", (t) => t.kind === "tensor" && hasStaticShape(t)),
    ),
  ],
  traits: [Pure],
  assembly: "$elements attr-dict `:` type($result)",
  names: () => ["from_elements"],
  deduce: {
    elements(known) {
      const t = known.type("result");
      return t?.kind === "tensor" ? new Array<Type>(elementCount(t.shape)).fill(t.element) : undefined;
    },
  },
  verify({ elements, result }, fail) {
    const { shape, element } = result.type;
    if (elements.length !== elementCount(shape) || elements.some((e) => e.type !== element)) {
      fail("failed to verify that operand types match result element type");
    }
  },
  evaluate({ elements }, run) {
    const type = run.resultType(0) as TensorType;
    return [NDArray.from(elementDType(type.element, run), type.shape, elements as readonly Num[])];
  },
});

const Scalar = where<Type>(
  "integer/index/float type",
  (t) => (t.kind === "integer" && t.signedness === "signless") || t.kind === "index" || t.kind === "float",
);

export const splat = defineOp("tensor.splat", {
  doc: "A tensor of one value.",
  operands: [one("input", Scalar), many("dynamicSizes", Index)],
  results: [one("aggregate", RankedTensor)],
  traits: [Pure, typesMatchWith("operand type matches element type of result", "aggregate", "input", elementOf)],
  assembly: "$input (`[` $dynamicSizes^ `]`)? attr-dict `:` type($aggregate)",
  deduce: { input: (known) => elementType(known.type("aggregate")) },
  names: () => ["splat"],
  verify({ dynamicSizes, aggregate }, fail) {
    const wanted = dynamicCount(aggregate.type.shape);
    if (dynamicSizes.length !== wanted) {
      fail(`incorrect number of dynamic sizes, has ${dynamicSizes.length}, expected ${wanted}`, {
        code: "verify/operands",
      });
    }
  },
  evaluate({ input, dynamicSizes }, run) {
    const type = run.resultType(0) as TensorType;
    const made = zerosOf(type, run, sizesOf(type.shape, dynamicSizes));
    made.fill(input as Num);
    return [made];
  },
});

export const generate = defineOp("tensor.generate", {
  doc: "A tensor whose elements its body computes from their indices.",
  operands: [many("dynamicExtents", Index)],
  results: [one("result", RankedTensor)],
  regions: ["body"],
  traits: [RecursiveEffects, SingleBlock],
  terminator: (): OpInfo => yield_,
  assembly: "$dynamicExtents $body attr-dict `:` type($result)",
  names: () => ["generated"],
  verify({ dynamicExtents, result, body }, fail) {
    const { shape, element } = result.type;
    if (dynamicExtents.length !== dynamicCount(shape)) {
      fail("must have as many index operands as dynamic extents in the result type", { code: "verify/operands" });
      return;
    }
    const block = body.blocks[0];
    if (!block) return;
    if (block.args.some((a) => a.type !== index)) {
      fail("all body arguments must be index", { code: "verify/region", ...plain });
    } else if (block.args.length !== shape.length) {
      fail("must have one body argument per input dimension", { code: "verify/region", ...plain });
    } else if (block.last?.uses[0]?.value.type !== element) {
      fail("body must be terminated with a `yield` operation of the tensor element type", { code: "verify/region" });
    }
  },
  evaluate({ dynamicExtents, body }, run) {
    const type = run.resultType(0) as TensorType;
    const shape = sizesOf(type.shape, dynamicExtents);
    if (shape.some((n) => n < 0)) run.fail(`cannot make a tensor of ${shape.join("x")} elements`);
    const made = zerosOf(type, run, shape);
    forEachIndex(shape, (at) => made.set(at, run.call(body, at.slice())[0] as Num));
    return [made];
  },
});

const yield_ = defineOp("tensor.yield", {
  doc: "Ends the body of `tensor.generate` or `tensor.pad` with an element.",
  operands: [one("value", Any)],
  traits: [Pure, ReturnLike, Terminator, hasParent("tensor.generate", "tensor.pad")],
  assembly: "$value attr-dict `:` type($value)",
  evaluate: ({ value }) => [value],
});

export { yield_ as yield };
