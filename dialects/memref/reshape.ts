/** @file Memrefs of another shape over the same elements: merged and split dimensions, and shapes computed at run time. */
import { attr } from "../../ir/attributes.ts";
import { AnyMemRef, Index, where } from "../../ir/constraints.ts";
import { defineOp } from "../../ir/define.ts";
import { many, one } from "../../ir/fields.ts";
import { viewLike } from "../../ir/interfaces.ts";
import { collapsedMemref, expandedMemref, hasIdentityLayout } from "../../ir/strided.ts";
import { Pure } from "../../ir/traits.ts";
import { isDynamic, type MemRefType } from "../../ir/types.ts";
import { collapseArray, dynamicCount, expandArray, mixed, quoted, verifyMemrefReassociation } from "../shaped.ts";
import { StridedMemRef } from "./cast.ts";
import { elementShape } from "./memory.ts";

const view = viewLike({ source: (op) => op.operand(0) });

export const collapse_shape = defineOp("memref.collapse_shape", {
  doc: "Merges groups of neighbouring dimensions that lie evenly in memory.",
  operands: [one("src", StridedMemRef)],
  attrs: { reassociation: attr.reassociation },
  results: [one("result", StridedMemRef)],
  traits: [Pure],
  interfaces: [view],
  assembly: "$src $reassociation attr-dict `:` type($src) `into` type($result)",
  names: () => ["collapse_shape"],
  inferLoosely: true,
  infer({ src, reassociation }) {
    const type = collapsedMemref(src.type, reassociation);
    return type && [type];
  },
  verify({ src, result, reassociation }, fail) {
    const from = src.type;
    const to = result.type;
    if (from.shape.length < to.shape.length) {
      fail(
        `has source rank ${from.shape.length} and result rank ${to.shape.length}. This is not a collapse (${from.shape.length} < ${to.shape.length}).`,
      );
      return;
    }
    if (!verifyMemrefReassociation(from.shape, to.shape, reassociation, fail)) return;
    const expected = collapsedMemref(from, reassociation);
    if (!expected) fail("invalid source layout map or collapsing non-contiguous dims");
    else if (expected !== to) fail(`expected collapsed type to be ${quoted(expected)} but found ${quoted(to)}`);
  },
  evaluate({ src, reassociation }, run) {
    const groups = withElement(reassociation, run.operandType(0) as MemRefType);
    return [collapseArray(src, groups) ?? run.fail("merges dimensions that do not lie evenly in memory")];
  },
});

export const expand_shape = defineOp("memref.expand_shape", {
  doc: "Splits dimensions into groups whose sizes multiply to the old ones.",
  operands: [one("src", StridedMemRef), many("output_shape", Index)],
  attrs: { reassociation: attr.reassociation, static_output_shape: attr.ints },
  results: [one("result", StridedMemRef)],
  traits: [Pure],
  interfaces: [view],
  assembly:
    "$src $reassociation `output_shape` custom<DynamicIndexList>($output_shape, $static_output_shape) attr-dict `:` type($src) `into` type($result)",
  names: () => ["expand_shape"],
  inferLoosely: true,
  infer({ src, reassociation, static_output_shape }) {
    const type = expandedMemref(src.type, static_output_shape, reassociation);
    return type && [type];
  },
  verify({ src, result, reassociation, output_shape, static_output_shape }, fail) {
    const from = src.type;
    const to = result.type;
    if (from.shape.length > to.shape.length) {
      fail(
        `has source rank ${from.shape.length} and result rank ${to.shape.length}. This is not an expansion (${from.shape.length} > ${to.shape.length}).`,
      );
      return;
    }
    if (!verifyMemrefReassociation(to.shape, from.shape, reassociation, fail)) return;
    const expected = expandedMemref(from, to.shape, reassociation);
    if (!expected) {
      fail("invalid source layout map");
      return;
    }
    if (expected !== to) {
      fail(`expected expanded type to be ${quoted(expected)} but found ${quoted(to)}`);
      return;
    }
    const n = static_output_shape.length;
    if (n !== to.shape.length) {
      fail(
        `expected number of static shape bounds to be equal to the output rank (${to.shape.length}) but found ${n} inputs instead`,
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
    const wrong = to.shape.findIndex((d, i) => !isDynamic(d) && d !== static_output_shape[i]);
    if (wrong >= 0) fail(`invalid output shape provided at pos ${wrong}`);
  },
  evaluate({ src, reassociation, output_shape, static_output_shape }, run) {
    const type = run.operandType(0) as MemRefType;
    const sizes = mixed(static_output_shape, output_shape);
    for (const [n, group] of reassociation.entries()) {
      const count = group.reduce((p, d) => p * sizes[d]!, 1);
      if (count !== src.shape[n]) run.fail(`splits a dimension of ${src.shape[n]} into ${count} elements`);
    }
    const inner = elementShape(type.element);
    return [expandArray(src, [...sizes, ...inner], withElement(reassociation, type, sizes.length))];
  },
});

/** Groups for the dimensions of vector elements, which stay as they are. */
function withElement(
  groups: readonly (readonly number[])[],
  t: MemRefType,
  first = t.shape.length,
): readonly (readonly number[])[] {
  return [...groups, ...elementShape(t.element).map((_, i) => [first + i])];
}

const Shape = where<MemRefType>(
  "1D memref of signless integer or index values",
  (t) =>
    t.kind === "memref" &&
    t.ranked &&
    t.shape.length === 1 &&
    (t.element.kind === "index" || (t.element.kind === "integer" && t.element.signedness === "signless")),
);

export const reshape = defineOp("memref.reshape", {
  doc: "A contiguous memref under a shape that another memref holds.",
  operands: [one("source", AnyMemRef), one("shape", Shape)],
  results: [one("result", AnyMemRef)],
  traits: [Pure],
  interfaces: [view],
  assembly: "$source `(` $shape `)` attr-dict `:` functional-type(operands, results)",
  names: () => ["reshape"],
  verify({ source, shape, result }, fail) {
    const from = source.type;
    const to = result.type;
    const length = shape.type.shape[0]!;
    if (from.element !== to.element) {
      fail("element types of source and destination memref types should be the same");
    } else if (from.ranked && !hasIdentityLayout(from)) {
      fail("source memref type should have identity affine map");
    } else if (to.ranked && !hasIdentityLayout(to)) {
      fail("result memref type should have identity affine map");
    } else if (to.ranked && isDynamic(length)) {
      fail("cannot use shape operand with dynamic length to reshape to statically-ranked memref type");
    } else if (to.ranked && length !== to.shape.length) {
      fail("length of shape operand differs from the result's memref rank");
    }
  },
  evaluate({ source, shape }, run) {
    const type = run.operandType(0) as MemRefType;
    const inner = elementShape(type.element);
    const sizes = [...shape.values().map(Number), ...inner];
    const count = sizes.reduce((n, d) => n * d, 1);
    if (count !== source.size) run.fail(`reshapes ${source.size} elements to ${sizes.join("x")}`);
    if (!source.isContiguous) run.fail("reshapes a memref that is not contiguous");
    return [source.reshape(sizes)];
  },
});
