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
import { datumOfAttribute } from "../../ir/datum.ts";
import { Resource } from "../../ir/resource.ts";
import { type Attribute, elementCount, f32, i32, type TensorType, tensor } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { type NDArray, rowMajor } from "../../support/ndarray.ts";
import { copyStrided } from "../../support/strided-copy.ts";
import { panelFor } from "./panel.ts";

export const pack = definePass("linalg-pack", {
  doc: "Lays constant weights out in panels of columns, in the order in which kernels read them.",
  options: {
    /** Columns of a panel. Where the last one would be half empty or more, and half of them fill it, panels are half as wide. 0 is one panel of all columns. */
    panel: attr.int.default(8),
  },
  run(module, { panel }) {
    const packed = new Map<string, Value>();
    for (const fn of module.region().entry) {
      if (!func.func.is(fn)) continue;
      fn.walk((op) => {
        const s = structureOf(op);
        if (s) packOperands(op, s, packed, panel);
      });
    }
  },
});

function packOperands(op: Operation, s: Structure, packed: Map<string, Value>, widest: number): void {
  if (s.outputs.length !== 1 || !s.loops.some((l) => l.kind === "reduction" && l.extent > 1)) return;
  const out = s.outputs[0]!;
  const column = out.map.results[out.map.results.length - 1];
  if (column?.kind !== "dim") return;
  const columns = s.loops[column.index]!.extent;
  const panel = widest > 0 ? panelFor(columns, widest) : columns;
  if (columns < Math.max(panel, 2)) return;
  for (const input of s.inputs) {
    const source = input.value.definingOp;
    if (!source?.def.isConstant || !arith.constant.is(source) || (input.element !== f32 && input.element !== i32))
      continue;
    const dims = input.map.results.map((r) => (r.kind === "dim" ? r.index : -1));
    if (dims.includes(-1) || !dims.includes(column.index) || dims.length < 2) continue;
    // Parallel loops outside (groups, batches), then the panel, then the reduction loops in their order.
    const outer = dims.filter((d) => d !== column.index && s.loops[d]!.kind === "parallel");
    const inner = dims.filter((d) => s.loops[d]!.kind === "reduction").sort((a, b) => a - b);
    if (inner.length === 0) continue;
    const order = [...outer, column.index, ...inner];
    const key = `${op.block === null}${(source.result() as Value).type.id} ${order.map((d) => dims.indexOf(d)).join(",")}`;
    const id = `${key} ${panel} ${constantId(source)}`;
    let value = packed.get(id);
    if (!value) {
      value = packConstant(
        source,
        order.map((d) => dims.indexOf(d)),
        outer.length,
        panel,
      );
      packed.set(id, value);
    }
    op.setOperand(input.index, value);
    const o = dim(column.index);
    const results: AffineExpr[] = [
      ...outer.map((d) => dim(d)),
      floordiv(o, constant(panel)),
      ...inner.map((d) => dim(d)),
      mod(o, constant(panel)),
    ];
    replaceMap(op, input.index, affineMap(input.map.numDims, 0, results));
  }
}

let constants = 0;
const ids = new WeakMap<Operation, number>();
function constantId(op: Operation): number {
  let id = ids.get(op);
  if (id === undefined) {
    id = constants++;
    ids.set(op, id);
  }
  return id;
}

function replaceMap(op: Operation, operand: number, map: ReturnType<typeof affineMap>): void {
  const at = op.def.attrIndex.get("indexing_maps");
  if (at === undefined) return;
  const maps = [...(op.props[at] as ReturnType<typeof affineMap>[])];
  maps[operand] = map;
  op.props[at] = maps;
}

/** `axes[i]` is the axis of the original that axis i of the packed one runs along; axis `at` is cut into panels. */
function packConstant(source: Operation, axes: readonly number[], at: number, panel: number): Value {
  const type = source.result().type as TensorType;
  const sizes = axes.map((a) => type.shape[a]!);
  const panels = Math.ceil(sizes[at]! / panel);
  const shape = [...sizes.slice(0, at), panels, ...sizes.slice(at + 1), panel];
  const packedType = tensor(shape, type.element);
  const attribute = arith.constant.of(source).value as Attribute;
  const parent = attribute.kind === "resource" ? attribute.resource : undefined;
  const make = (): Uint8Array => {
    const { data } = (datumOfAttribute(attribute) as NDArray).contiguous();
    const words = new Uint32Array(elementCount(shape));
    const from = new Uint32Array(data.buffer, data.byteOffset, data.length);
    const along = rowMajor(type.shape);
    const strides = axes.map((a) => along[a]!);
    const column = strides[at]!;
    const to = rowMajor(shape);
    /** So many panels from one on, with so many columns of each; the others stay zero. */
    const copy = (first: number, count: number, columns: number): void =>
      copyStrided(
        { data: words, strides: to, offset: first * to[at]! },
        { data: from, strides: [...strides.with(at, column * panel), column], offset: first * column * panel },
        [...sizes.with(at, count), columns],
      );
    const whole = Math.floor(sizes[at]! / panel);
    copy(0, whole, panel);
    if (whole < panels) copy(whole, 1, sizes[at]! - whole * panel);
    return new Uint8Array(words.buffer);
  };
  const name = `${parent?.name ?? "constant"}_packed`;
  const resource = Resource.derived(name, elementCount(shape) * 4, parent ? [parent] : [], make);
  const b = Builder.after(source);
  return arith.constant(b, {
    value: { kind: "resource", key: resource.name, type: packedType, resource },
    types: [packedType],
  });
}
