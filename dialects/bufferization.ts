/** @file The bufferization dialect: the border between tensors and the memory that holds them. */
import type { UnresolvedOperand } from "../ir/asm.ts";
import { attr } from "../ir/attributes.ts";
import { AnyMemRef, I1, Index, Shaped, Tensor } from "../ir/constraints.ts";
import { defineDialect, defineOp } from "../ir/define.ts";
import { allocates, frees, reads, writes } from "../ir/effects.ts";
import { many, one, optional } from "../ir/fields.ts";
import { Pure } from "../ir/traits.ts";
import {
  i1,
  index,
  type MemRefType,
  type TensorType,
  type Type,
  tensor as tensorType,
  unrankedTensor,
} from "../ir/types.ts";
import { allocateMemref } from "./memref/memory.ts";
import { compatibleShapes, dynamicCount, plain, sizesOf } from "./shaped.ts";
import { zerosOf } from "./vector/data.ts";

/** The tensor type of the same shape and elements. */
const tensorOf = (t: Type | undefined): Type | undefined => {
  if (t?.kind !== "memref") return t;
  return t.ranked ? tensorType(t.shape, t.element) : unrankedTensor(t.element);
};

export const to_tensor = defineOp("bufferization.to_tensor", {
  doc: "The content of a memref as a tensor. `restrict` promises that nobody else refers to the memory, `writable` that it may be written to.",
  operands: [one("memref", AnyMemRef)],
  attrs: { restrict: attr.unit, writable: attr.unit },
  results: [one("result", Tensor)],
  assembly: "$memref (`restrict` $restrict^)? (`writable` $writable^)? attr-dict `:` type($memref)",
  inferLoosely: true,
  infer: ({ memref }) => [tensorOf(memref.type)!],
  effects: ({ memref }) => [reads(memref)],
  verify({ memref, result }, fail) {
    if (tensorOf(memref.type) !== result.type) {
      fail("failed to verify that result type matches tensor equivalent of 'memref'", { code: "verify/result-type" });
    }
  },
  evaluate: ({ memref }) => [memref.copy()],
});

export const to_memref = defineOp("bufferization.to_memref", {
  doc: "Memory that holds a tensor. Nobody writes to it if it is `read_only`.",
  operands: [one("tensor", Tensor)],
  attrs: { read_only: attr.unit },
  results: [one("memref", AnyMemRef)],
  traits: [Pure],
  assembly: "$tensor (`read_only` $read_only^)? attr-dict `:` type($memref)",
  deduce: { tensor: (known) => tensorOf(known.type("memref")) },
  verify({ tensor, memref }, fail) {
    if (tensorOf(memref.type) !== tensor.type) {
      fail("failed to verify that type of 'tensor' is the tensor equivalent of 'memref'", {
        code: "verify/operand-type",
      });
    }
  },
  evaluate({ tensor }, run) {
    const type = run.resultType(0) as MemRefType;
    if (!type.ranked) return [tensor.copy()];
    const made = allocateMemref(type, tensor.shape, [], run);
    made.assign(tensor);
    return [made];
  },
});

export const alloc_tensor = defineOp("bufferization.alloc_tensor", {
  doc: "A tensor that gets memory of its own: of any content, or a copy of another tensor.",
  operands: [many("dynamic_sizes", Index), optional("copy", Tensor), optional("size_hint", Index)],
  attrs: { memory_space: attr.any.optional() },
  results: [one("result", Tensor)],
  effects: ({ result }) => [allocates(result)],
  parse(p) {
    const sizes = p.operands("()");
    let copyName: UnresolvedOperand | undefined;
    if (p.optionalKeyword("copy")) {
      p.punct("(");
      copyName = p.operand();
      p.punct(")");
    }
    let hintName: UnresolvedOperand | undefined;
    if (p.optionalKeyword("size_hint")) {
      p.punct("=");
      hintName = p.operand();
    }
    const attributes = p.attrDict();
    const type = p.colonType();
    const operands = p.resolveAll(sizes, index);
    if (copyName) operands.push(p.resolve(copyName, type));
    if (hintName) operands.push(p.resolve(hintName, index));
    return {
      operands,
      operandSegments: [sizes.length, copyName ? 1 : 0, hintName ? 1 : 0],
      attributes,
      resultTypes: [type],
    };
  },
  print({ op, dynamic_sizes, copy, size_hint, result }, p) {
    p.write("(");
    p.operands(dynamic_sizes);
    p.write(")");
    if (copy) {
      p.write(" copy(");
      p.operand(copy);
      p.write(")");
    }
    if (size_hint) {
      p.write(" size_hint=");
      p.operand(size_hint);
    }
    p.attrDict(op);
    p.write(" : ");
    p.type(result.type);
  },
  verify({ dynamic_sizes, copy, result }, fail) {
    const wanted = dynamicCount(result.type.shape);
    if (copy && dynamic_sizes.length > 0) fail("dynamic sizes not needed when copying a tensor", plain);
    else if (!copy && dynamic_sizes.length !== wanted) fail(`expected ${wanted} dynamic sizes`, plain);
    else if (copy && copy.type !== result.type) fail("expected that `copy` and return type match", plain);
  },
  evaluate({ dynamic_sizes, copy }, run) {
    if (copy) return [copy.copy()];
    const type = run.resultType(0) as TensorType;
    return [zerosOf(type, run, sizesOf(type.shape, dynamic_sizes))];
  },
});

export const clone = defineOp("bufferization.clone", {
  doc: "A memref with the content of another one, which neither changes through the other.",
  operands: [one("input", AnyMemRef)],
  results: [one("output", AnyMemRef)],
  assembly: "$input attr-dict `:` type($input) `to` type($output)",
  effects: ({ input, output }) => [reads(input), allocates(output)],
  evaluate: ({ input }) => [input.copy()],
});

export const dealloc_tensor = defineOp("bufferization.dealloc_tensor", {
  doc: "Gives up the memory of a tensor.",
  operands: [one("tensor", Tensor)],
  assembly: "$tensor attr-dict `:` type($tensor)",
  effects: () => [frees()],
  evaluate: () => [],
});

export const materialize_in_destination = defineOp("bufferization.materialize_in_destination", {
  doc: "A tensor whose content must come to lie in the memory of a destination: that of another tensor, or a memref.",
  operands: [one("source", Tensor), one("dest", Shaped)],
  attrs: { restrict: attr.unit, writable: attr.unit },
  results: [optional("result", Tensor)],
  assembly:
    "$source `in` (`restrict` $restrict^)? (`writable` $writable^)? $dest attr-dict `:` functional-type(operands, results)",
  effects: ({ dest }) => (dest.type.kind === "memref" ? [writes(dest)] : []),
  verify({ source, dest, result, restrict, writable }, fail) {
    const from = source.type;
    const to = dest.type;
    if (to.kind !== "tensor" && to.kind !== "memref") {
      fail("'dest' must be a tensor or a memref", { code: "verify/operand-type" });
      return;
    }
    if (to.kind === "tensor" && !result) fail("tensor 'dest' implies exactly one tensor result");
    else if (to.kind === "tensor" && result && result.type !== to) fail("result and 'dest' types must match");
    else if (to.kind === "memref" && result) fail("memref 'dest' implies zero results");
    else if (restrict && to.kind === "tensor") fail("'restrict' is valid only for memref destinations");
    else if (writable !== (to.kind === "memref")) {
      fail("'writable' must be specified if and only if the destination is of memref type");
    } else if (from.element !== to.element) {
      fail(`element type mismatch between source and destination`);
    } else if (from.ranked !== to.ranked || from.shape.length !== to.shape.length) {
      fail("rank mismatch between source and destination shape");
    } else if (!compatibleShapes(from.shape, to.shape)) {
      fail("source/destination shapes are incompatible");
    }
  },
  evaluate({ source, dest }, run) {
    if (run.operandType(1).kind === "tensor") return [source];
    dest.assign(source);
    return [];
  },
});

export const dealloc = defineOp("bufferization.dealloc", {
  doc: "Frees memrefs whose condition is set, unless they share their buffer with one that is retained.",
  operands: [many("memrefs", AnyMemRef), many("conditions", I1), many("retained", AnyMemRef)],
  results: [many("updatedConditions", I1)],
  assembly:
    "(` ``(` $memrefs^ `:` type($memrefs) `)` `if` ` ` `(` $conditions `)` )? (`retain` ` ` `(` $retained^ `:` type($retained) `)` )? attr-dict",
  inferLoosely: true,
  infer: ({ retained }) => retained.map(() => i1),
  effects: ({ memrefs }) => memrefs.map((m) => frees(m)),
  verify({ memrefs, conditions, retained, updatedConditions }, fail) {
    if (memrefs.length !== conditions.length) {
      fail("must have the same number of conditions as memrefs to deallocate", { code: "verify/operands" });
    } else if (retained.length !== updatedConditions.length) {
      fail("must have the same number of updated conditions (results) as retained operands", {
        code: "verify/operands",
      });
    }
  },
  evaluate: ({ memrefs, conditions, retained }) =>
    retained.map((r) => Number(memrefs.some((m, i) => conditions[i] && m.data.buffer === r.data.buffer))),
});

export const dialect = defineDialect("bufferization", {
  doc: "The border between tensors and the memory that holds them (MLIR's bufferization dialect).",
  ops: [alloc_tensor, clone, dealloc, dealloc_tensor, materialize_in_destination, to_memref, to_tensor],
});
