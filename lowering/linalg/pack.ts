/**
 * @file Constant operands of contractions are laid out as the register tile reads them: panels of some columns, the
 * columns of a panel next to each other, `[N/8][K…][8]`, padded with zeros. The packed weights are a derived resource:
 * a recipe over the original, run once when the artifact is written.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import { type Structure, structureOf } from "../../dialects/linalg/structure.ts";
import { type AffineExpr, affineMap, constant, dim, floordiv, mod } from "../../ir/affine.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { byteWidth, elementsOfAttribute } from "../../ir/datum.ts";
import { Resource } from "../../ir/resource.ts";
import { type Attribute, elementCount, f32, i8, i16, i32, type TensorType, type Type, tensor } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { invariant } from "../../support/diagnostic.ts";
import { identityOf } from "../../support/identity.ts";
import { NDArray } from "../../support/ndarray.ts";
import { groupedColumn, groupLoop } from "./dot.ts";
import { panelFor } from "./panel.ts";

export const pack = definePass("linalg-pack", {
  doc: "Lays constant weights out in panels of columns, in the order in which kernels read them.",
  options: {
    /** Columns of a panel. Where the last one would be half empty or more, and half of them fill it, panels are half as wide. 0 is one panel of all columns. */
    panel: attr.int.default(8),
    /** The same for sums of integers; 0 is as for all. */
    integerPanel: attr.int.default(0),
    /** Rows of a panel that lie together, column by column, where products of bytes are summed so many at a time: at most, where it is more than a word. */
    group: attr.int.default(1),
    /** Products of bytes that are summed in fours are packed in pairs, too: other machines share the weights. */
    bytes: attr.bool.default(false),
  },
  run(module, { panel, integerPanel, group, bytes }) {
    const packed = new Map<string, Value>();
    for (const fn of module.region().entry) {
      if (!func.func.is(fn)) continue;
      fn.walk((op) => {
        const s = structureOf(op);
        const isInteger = s?.outputs[0]?.element.kind === "integer";
        if (s) packOperands(op, s, packed, isInteger && integerPanel > 0 ? integerPanel : panel, { group, bytes });
      });
    }
  },
});

interface Grouping {
  readonly group: number;
  readonly bytes: boolean;
}

function packOperands(
  op: Operation,
  s: Structure,
  packed: Map<string, Value>,
  widest: number,
  { group, bytes }: Grouping,
): void {
  if (s.outputs.length !== 1 || !s.loops.some((l) => l.kind === "reduction" && l.extent > 1)) return;
  const out = s.outputs[0]!;
  const column = out.map.results[out.map.results.length - 1];
  if (column?.kind !== "dim") return;
  const columns = s.loops[column.index]!.extent;
  const panel = widest > 0 ? panelFor(columns, widest) : columns;
  if (columns < Math.max(panel, 2)) return;
  for (const input of s.inputs) {
    const source = input.value.definingOp;
    if (!source?.def.isConstant || !arith.constant.is(source) || !isPackable(input.element)) continue;
    const dims = input.map.results.map((r) => (r.kind === "dim" ? r.index : -1));
    if (dims.includes(-1) || !dims.includes(column.index) || dims.length < 2) continue;
    // Parallel loops outside (groups, batches), then the panel, then the reduction loops in their order.
    const outer = dims.filter((d) => d !== column.index && s.loops[d]!.kind === "parallel");
    const inner = dims.filter((d) => s.loops[d]!.kind === "reduction").sort((a, b) => a - b);
    if (inner.length === 0) continue;
    const order = [...outer, column.index, ...inner];
    const fours = bytes ? groupLoop(s, 4) : undefined;
    const along = input.index === 1 ? (groupLoop(s, group) ?? (fours && { ...fours, group })) : undefined;
    const by = along && inner.includes(along.loop) ? along.group : 1;
    const key = `${op.block === null}${(source.result() as Value).type.id} ${order.map((d) => dims.indexOf(d)).join(",")}`;
    const id = `${key} ${panel} ${by} ${along?.loop} ${identityOf(source)}`;
    let value = packed.get(id);
    if (!value) {
      const axes = order.map((d) => dims.indexOf(d));
      value = packConstant(source, {
        axes,
        at: outer.length,
        panel,
        group: by,
        along: order.indexOf(along?.loop ?? -1),
      });
      packed.set(id, value);
    }
    op.setOperand(input.index, value);
    const o = dim(column.index);
    const results: AffineExpr[] = [
      ...outer.map((d) => dim(d)),
      floordiv(o, constant(panel)),
      ...inner.map((d) => (by > 1 && d === along?.loop ? floordiv(dim(d), constant(by)) : dim(d))),
      by > 1 ? groupedColumn(o, along!.loop, panel, by) : mod(o, constant(panel)),
    ];
    replaceMap(op, input.index, affineMap(input.map.numDims, 0, results));
  }
}

/** Gives an operand of a structured op another map. */
export function replaceMap(op: Operation, operand: number, map: ReturnType<typeof affineMap>): void {
  const at = op.def.attrIndex.get("indexing_maps");
  if (at === undefined) return;
  const maps = [...(op.props[at] as ReturnType<typeof affineMap>[])];
  maps[operand] = map;
  op.props[at] = maps;
}

/** Elements that are packed: whatever has bytes of its own. */
const isPackable = (t: Type): boolean => t === f32 || t === i32 || t === i16 || t === i8;

interface Packing {
  /** `axes[i]` is the axis of the original that axis i of the packed one runs along. */
  readonly axes: readonly number[];
  /** The axis of the packed one that is cut into panels. */
  readonly at: number;
  readonly panel: number;
  /** So many neighbours along this axis of the packed one stand together. */
  readonly group: number;
  readonly along: number;
}

function packConstant(source: Operation, { axes, at, panel, group, along }: Packing): Value {
  const type = source.result().type as TensorType;
  const sizes = axes.map((a) => type.shape[a]!);
  const panels = Math.ceil(sizes[at]! / panel);
  const grouped = sizes.map((d, i) => (group > 1 && i === along ? d / group : d));
  const shape = [...grouped.slice(0, at), panels, ...grouped.slice(at + 1), panel * group];
  const packedType = tensor(shape, type.element);
  const attribute = arith.constant.of(source).value as Attribute;
  const parent = attribute.kind === "resource" ? attribute.resource : undefined;
  const make = (): NDArray => {
    const array = elementsOfAttribute(attribute);
    invariant(array, "packed weights are an array", source.loc);
    const steps = axes.map((a) => array.strides[a]!);
    const column = steps[at]!;
    const strides = steps.map((s, i) => (i === at ? s * panel : group > 1 && i === along ? s * group : s));
    const whole = Math.floor(sizes[at]! / panel);
    if (whole === panels && group === 1) {
      return array.laid(shape, [...strides, column], array.offset);
    }
    // A last panel that is not full is filled up with zeros.
    const packed = NDArray.zeros(array.dtype, shape);
    const to = packed.strides;
    const neighbour = group > 1 ? steps[along]! : 0;
    const copy = (first: number, count: number, columns: number): void =>
      array.copyTo(
        { data: packed.data, strides: [...to.with(-1, group), 1], offset: first * to[at]! },
        [...grouped.with(at, count), columns, group],
        [...strides, column, neighbour],
        array.offset + first * column * panel,
      );
    copy(0, whole, panel);
    if (whole < panels) copy(whole, 1, sizes[at]! - whole * panel);
    return packed;
  };
  const name = `${parent?.name ?? "constant"}_packed`;
  const size = elementCount(shape) * byteWidth(type.element);
  const resource = Resource.arranged(name, size, parent ? [parent] : [], make);
  const b = Builder.after(source);
  return arith.constant(b, {
    value: { kind: "resource", key: resource.name, type: packedType, resource },
    types: [packedType],
  });
}
