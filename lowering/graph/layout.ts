/**
 * @file Channels last. Convolutions and pools are turned over, with transposes on both sides; then transposes move
 * down through ops that do not mind, meet their inverse, and vanish. What is left stands at the borders of the model.
 */

import * as func from "../../dialects/func.ts";
import * as conv from "../../dialects/graph/conv.ts";
import { conv_transpose } from "../../dialects/graph/conv-transpose.ts";
import { Broadcasts, ReducesAxes } from "../../dialects/graph/op.ts";
import * as pool from "../../dialects/graph/pool.ts";
import { conv_integer, dequantize, quantize } from "../../dialects/graph/quant.ts";
import * as shapes from "../../dialects/graph/shape.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import type { OpInfo } from "../../ir/define.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import { f32, type TensorType, tensor } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { DisjointSet } from "../../support/containers.ts";
import { derivedConstant, knownOf } from "./constants.ts";
import { rebuilt, replace } from "./rebuild.ts";

export const layout = definePass("graph-layout", {
  doc: "Chooses channels-last for convolutions and pools, and lets the transposes that this takes cancel.",
  on: func.func,
  options: {
    /** Pools and depthwise convolutions that no other convolution is connected with stay as they are, if their rows are long. */
    planes: attr.bool.default(false),
  },
  run(fn, { planes }) {
    const block = func.func.of(fn).body.blocks[0];
    if (!block) return false;
    const stays = planes ? staying(block) : new Set<Operation>();
    for (const op of [...block]) if (isChannelsFirst(op) && !stays.has(op)) turnOver(op);
    // Transposes sink in the order of the block; each one that moves leaves another behind its user.
    for (let changed = true, rounds = 0; changed && rounds < 64; rounds++) {
      changed = false;
      for (const op of [...block]) if (op.block && step(op)) changed = true;
    }
    for (const op of [...block]) if (shapes.transpose.is(op)) padBehind(op);
    for (const op of [...block].reverse()) if (isTriviallyDead(op)) op.erase();
    return true;
  },
});

type Perm = readonly number[];

const shapeOf = (v: Value): readonly number[] => (v.type as TensorType).shape;
const inverse = (p: Perm): number[] => p.map((_, i) => p.indexOf(i));
const isIdentity = (p: Perm): boolean => p.every((x, i) => x === i);
const samePerm = (a: Perm, b: Perm): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

/** N C S… to N S… C. */
const toLast = (rank: number): number[] => [0, ...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1];
/** O I S… to S… I O. */
const weightsToLast = (rank: number): number[] => [...Array.from({ length: rank - 2 }, (_, i) => i + 2), 1, 0];

/** I O S… to S… I O. */
const transposedToLast = (rank: number): number[] => [...Array.from({ length: rank - 2 }, (_, i) => i + 2), 0, 1];

/** Ops that are turned over, and how their second operand is, where that is weights. What is not listed keeps its layout. */
type Turned = { readonly weights?: (rank: number) => number[] };
const turnable: ReadonlyMap<OpInfo, Turned> = new Map<OpInfo, Turned>([
  [conv.conv, { weights: weightsToLast }],
  [conv_integer, { weights: weightsToLast }],
  [conv_transpose, { weights: transposedToLast }],
  [pool.max_pool, {}],
  [pool.average_pool, {}],
]);

function isChannelsFirst(op: Operation): boolean {
  if (!turnable.has(op.def) || op.operands.some((v, i) => i > 1 && shapeOf(v).length > 1)) return false;
  const at = op.def.attrIndex.get("layout");
  return at !== undefined && op.props[at] === "channels-first" && op.results.length === 1;
}

/** Rows of results below which vectors along them waste too much. */
const longRow = 16;

/** Of each channel by itself, and vectors can lie along its rows. */
function isOfPlanes(op: Operation): boolean {
  const { strides, group } = op.def.of(op) as unknown as {
    readonly strides: readonly number[];
    readonly group?: number;
  };
  const { shape, element } = op.result().type as TensorType;
  if (strides.length !== 2 || strides[1]! > 2 || shape[shape.length - 1]! < longRow || element !== f32) return false;
  if (conv_transpose.is(op)) return false;
  return !turnable.get(op.def)!.weights || (group === shape[1] && shapeOf(op.operand(1))[1] === 1);
}

/**
 * What gains nothing from channels-last: it is of planes, and so is whatever it is connected with by ops that transposes
 * go through. The others would have them at both ends.
 */
function staying(block: Block): Set<Operation> {
  const groups = new DisjointSet<Operation>();
  const inside = [...block].filter((op) => isChannelsFirst(op) || passesTransposes(op));
  const known = new Set(inside);
  for (const op of inside) {
    for (const v of op.operands) if (v.definingOp && known.has(v.definingOp)) groups.union(op, v.definingOp);
  }
  const gaining = new Set(inside.filter((op) => isChannelsFirst(op) && !isOfPlanes(op)).map((op) => groups.find(op)));
  return new Set(inside.filter((op) => isChannelsFirst(op) && !gaining.has(groups.find(op))));
}

const passesTransposes = (op: Operation): boolean =>
  op.def.has(Broadcasts) || op.def.has(ReducesAxes) || hasOneScale(op) || shapes.concat.is(op) || shapes.pad.is(op);

/** x with its dimensions in another order. A constant is reordered, not computed anew on every run. */
function transposed(b: Builder, x: Value, perm: Perm): Value {
  if (isIdentity(perm)) return x;
  const known = knownOf(x);
  if (!known) return shapes.transpose(b, x, { perm });
  const type = x.type as TensorType;
  const to = tensor(
    perm.map((p) => type.shape[p]!),
    type.element,
  );
  return derivedConstant(b, to, [known], `t${perm.join("")}`, () => known.array().transpose(perm));
}

function turnOver(op: Operation): void {
  const b = Builder.before(op);
  const rank = shapeOf(op.result()).length;
  if (rank < 3) return;
  const { weights: turn } = turnable.get(op.def)!;
  const operands = op.operands.map((v, i) => {
    if (i === 0) return transposed(b, v, toLast(rank));
    return i === 1 && turn ? transposed(b, v, turn(rank)) : v;
  });
  const y = rebuilt(b, op, operands, { layout: "channels-last" });
  replace(op, shapes.transpose(b, y, { perm: inverse(toLast(rank)) }));
}

interface Transposed {
  readonly x: Value;
  readonly perm: Perm;
}

const transposeOf = (v: Value): Transposed | undefined => {
  const t = shapes.transpose.match(v);
  return t && { x: t.x, perm: t.perm };
};

/** One simplification at an op; answers whether there was one. */
function step(op: Operation): boolean {
  const b = Builder.before(op);
  const own = shapes.transpose.match(op);
  if (own) return simplify(b, op, own.x, own.perm);
  const first = op.operands.map(transposeOf).find((t) => t !== undefined);
  if (!first || op.results.length !== 1) return false;
  if (op.def.has(Broadcasts) || hasOneScale(op)) return sinkPointwise(b, op, first.perm);
  if (op.def.has(ReducesAxes)) return sinkReduction(b, op, first);
  const cat = shapes.concat.match(op);
  if (cat) {
    const parts = cat.parts.map(transposeOf);
    if (parts.some((p) => !p || !samePerm(p.perm, first.perm))) return false;
    const y = rebuilt(
      b,
      op,
      parts.map((p) => p!.x),
      { axis: first.perm[cat.axis] },
    );
    return replace(op, shapes.transpose(b, y, { perm: first.perm }));
  }
  const pad = shapes.pad.match(op);
  if (pad && op.operands.length === 1 + (pad.value ? 1 : 0)) {
    const back = inverse(first.perm);
    const turned = { low: back.map((p) => pad.low[p]!), high: back.map((p) => pad.high[p]!) };
    const y = rebuilt(b, op, [first.x, ...op.operands.slice(1)], turned);
    return replace(op, shapes.transpose(b, y, { perm: first.perm }));
  }
  return false;
}

/** T pad x = pad T x: the padded tensor lies as its reader wants it, and x may be written into it. */
function padBehind(op: Operation): void {
  const t = transposeOf(op.result());
  const pad = t?.x.hasOneUse ? shapes.pad.match(t.x) : undefined;
  if (!t || !pad) return;
  const b = Builder.before(op);
  const turned = { low: t.perm.map((p) => pad.low[p]!), high: t.perm.map((p) => pad.high[p]!) };
  const x = transposed(b, pad.x, t.perm);
  replace(op, rebuilt(b, t.x.definingOp!, [x, ...t.x.definingOp!.operands.slice(1)], turned));
}

/** Quantizes or dequantizes, with one scale for all elements: which axis scales run along does not matter. */
function hasOneScale(op: Operation): boolean {
  const scale = (quantize.match(op) ?? dequantize.match(op))?.scale;
  return scale !== undefined && shapeOf(scale).every((d) => d === 1);
}

function simplify(b: Builder, op: Operation, x: Value, perm: Perm): boolean {
  if (isIdentity(perm)) return replace(op, x);
  const inner = transposeOf(x);
  if (inner)
    return replace(
      op,
      transposed(
        b,
        inner.x,
        perm.map((p) => inner.perm[p]!),
      ),
    );
  if (knownOf(x)) return replace(op, transposed(b, x, perm));
  // Only dimensions of size 1 move: the elements stay where they are.
  const moving = perm.filter((p) => shapeOf(x)[p] !== 1);
  if (moving.every((p, i) => i === 0 || moving[i - 1]! < p)) {
    const { shape } = op.result().type as TensorType;
    return replace(op, shapes.reshape(b, x, undefined, { shape }));
  }
  return false;
}

/** reduce(T x, axes) = T' reduce(x, T axes): the dimensions that are left keep their new order. */
function sinkReduction(b: Builder, op: Operation, { x, perm }: Transposed): boolean {
  const { axes, keepdims } = op.def.of(op) as unknown as {
    readonly axes: readonly number[];
    readonly keepdims: boolean;
  };
  const before = axes.map((a) => perm[a]!).sort((p, q) => p - q);
  const y = rebuilt(b, op, [x], { axes: before });
  const left = perm.filter((p) => !before.includes(p));
  const rest = left.slice().sort((p, q) => p - q);
  return replace(op, transposed(b, y, keepdims ? perm : left.map((p) => rest.indexOf(p))));
}

/** f(T x, T y, c) = T f(x, y, T⁻¹ c), for constants c and whatever has one element. */
function sinkPointwise(b: Builder, op: Operation, perm: Perm): boolean {
  const rank = perm.length;
  if (shapeOf(op.result()).length !== rank) return false;
  const operands: Value[] = [];
  for (const v of op.operands) {
    const t = transposeOf(v);
    const shape = shapeOf(v);
    if (t && samePerm(t.perm, perm)) operands.push(t.x);
    else if (shape.every((d) => d === 1)) operands.push(v);
    else {
      const known = knownOf(v);
      if (!known) return false;
      const full = [...new Array<number>(rank - shape.length).fill(1), ...shape];
      const type = v.type as TensorType;
      const wide =
        full.length === shape.length
          ? v
          : derivedConstant(b, tensor(full, type.element), [known], "wide", () => known.array().reshape(full));
      operands.push(transposed(b, wide, inverse(perm)));
    }
  }
  const y = rebuilt(b, op, operands, {});
  return replace(op, shapes.transpose(b, y, { perm }));
}
