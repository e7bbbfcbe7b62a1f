/**
 * @file Recurrent layers in other words: the inputs' part of all gates for all times as one matrix product, then a scan over
 * time whose states are the layer's.
 */
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { i64, type TensorType, tensor } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import { cast } from "./cast.ts";
import { constantOfArray } from "./constant.ts";
import { scan } from "./control.ts";
import { add, clip, less, mul, select, sub } from "./elementwise.ts";
import { gemm } from "./matmul.ts";
import { dtype, range, type TensorValue } from "./op.ts";
import { type ActivationName, activate } from "./recurrent-activations.ts";
import { concat, reshape, slice } from "./shape.ts";

export interface Cell {
  readonly kind: "rnn" | "gru" | "lstm";
  readonly gates: number;
  readonly linear?: boolean;
}

interface Layer {
  readonly x: TensorValue;
  readonly w: TensorValue;
  readonly r: TensorValue;
  readonly bias: TensorValue | undefined;
  readonly lengths: TensorValue | undefined;
  readonly h0: TensorValue | undefined;
  readonly c0?: TensorValue | undefined;
  readonly p?: TensorValue | undefined;
  readonly direction: "forward" | "reverse" | "bidirectional";
  readonly activations: readonly string[];
  readonly alpha: readonly number[];
  readonly beta: readonly number[];
  readonly clip: number;
}

const shapeOf = (v: Value): readonly number[] => (v.type as TensorType).shape;
const shaped = (b: Builder, v: Value, shape: readonly number[]): Value => reshape(b, v, undefined, { shape });

/** A range along one axis. */
function part(b: Builder, v: Value, axis: number, from: number, to: number): Value {
  const shape = shapeOf(v);
  if (from === 0 && to === shape[axis]) return v;
  return slice(b, v, undefined, {
    starts: shape.map((_, i) => (i === axis ? from : 0)),
    ends: shape.map((d, i) => (i === axis ? to : d)),
    steps: shape.map(() => 1),
  });
}

/** What a direction has of an operand, without the dimension of directions. */
const ofDirection = (b: Builder, v: Value, d: number): Value => shaped(b, part(b, v, 0, d, d + 1), shapeOf(v).slice(1));

const filledLike = (b: Builder, shape: readonly number[], value: number, like: TensorValue): Value =>
  constantOfArray(b, NDArray.filled(dtype(like.type.element), shape, value), like.type.element);

export function expandRecurrent(b: Builder, l: Layer, cell: Cell): readonly Value[] {
  const count = l.direction === "bidirectional" ? 2 : 1;
  const turns = range(count).map((d) => expandDirection(b, l, cell, d, d === 1 || l.direction === "reverse"));
  const joined = (pick: number, axis: number): Value => {
    const parts = turns.map((t) => {
      const shape = shapeOf(t[pick]!);
      return shaped(b, t[pick]!, [...shape.slice(0, axis), 1, ...shape.slice(axis)]);
    });
    return parts.length === 1 ? parts[0]! : concat(b, parts, { axis });
  };
  const states = range(turns[0]!.length - 1).map((i) => joined(i, 0));
  return [joined(turns[0]!.length - 1, 1), ...states];
}

/** The last states [B, H], then all outputs [T, B, H]. */
function expandDirection(b: Builder, l: Layer, cell: Cell, d: number, backwards: boolean): readonly Value[] {
  const [time = 1, batch = 1, inputs = 1] = l.x.type.shape;
  const hidden = l.r.type.shape[2]!;
  const rows = cell.gates * hidden;
  const bias = l.bias && ofDirection(b, l.bias, d);
  const [ofInput, ofState] = [bias && part(b, bias, 0, 0, rows), bias && part(b, bias, 0, rows, 2 * rows)];
  // What resets after the product resets the bias of the state too: it stays with the product.
  const early = ofInput && ofState && !cell.linear ? add(b, ofInput, ofState) : ofInput;
  const flat = shaped(b, l.x, [time * batch, inputs]);
  const projected = gemm(b, flat, ofDirection(b, l.w, d), early, { transB: true });
  const gates = shaped(b, projected, [time, batch, rows]);
  const r = ofDirection(b, l.r, d);
  const zeros = (): Value => filledLike(b, [batch, hidden], 0, l.x);
  const inits = [l.h0 ? ofDirection(b, l.h0, d) : zeros()];
  if (cell.kind === "lstm") inits.push(l.c0 ? ofDirection(b, l.c0, d) : zeros());
  const peepholes = l.p && ofDirection(b, l.p, d);
  const functions = l.activations.length / (l.direction === "bidirectional" ? 2 : 1);
  const f = (inner: Builder, which: number, v: Value): Value => {
    const i = d * functions + which;
    const kept = l.clip > 0 ? clip(inner, v, { min: -l.clip, max: l.clip }) : v;
    return activate(inner, kept, l.activations[i] as ActivationName, l.alpha[i]!, l.beta[i]!);
  };
  const step: Step = {
    hidden,
    r,
    peepholes,
    linear: cell.linear ?? false,
    ofState: cell.linear ? ofState : undefined,
    f,
  };
  const scanned = [gates];
  const lengths = l.lengths && cast(b, l.lengths, { to: i64 });
  if (lengths) scanned.push(constantOfArray(b, NDArray.from("i64", [time], range(time).map(BigInt)), i64));
  const state = inits[0]!.type as TensorType;
  return scan(b, inits, scanned, {
    types: [...inits.map((v) => v.type), tensor([time, ...state.shape], state.element)],
    input_axes: scanned.map(() => 0),
    input_reverse: scanned.map(() => backwards),
    output_axes: [0],
    output_reverse: [backwards],
    body(inner, ...args) {
      const old = args.slice(0, inits.length);
      const next = cells[cell.kind](inner, args[inits.length]!, old, step);
      if (!lengths) return [...next, next[0]!];
      const inside = shaped(inner, less(inner, args[inits.length + 1]!, lengths), [batch, 1]);
      const kept = next.map((v, i) => select(inner, inside, v, old[i]!));
      return [...kept, select(inner, inside, next[0]!, filledLike(inner, [], 0, l.x))];
    },
  });
}

interface Step {
  readonly hidden: number;
  readonly r: Value;
  readonly peepholes: Value | undefined;
  /** The state is reset after its product, not before. */
  readonly linear: boolean;
  /** The bias that is added to the state's part of the gates. */
  readonly ofState: Value | undefined;
  readonly f: (b: Builder, which: number, v: Value) => Value;
}

/** One step: the inputs' part of the gates [B, G·H] and the states in, the next states out. */
type CellBody = (b: Builder, x: Value, states: readonly Value[], s: Step) => readonly Value[];

const gateOf = (b: Builder, v: Value, n: number, { hidden }: Step): Value =>
  part(b, v, 1, n * hidden, (n + 1) * hidden);

const cells: Readonly<Record<Cell["kind"], CellBody>> = {
  rnn: (b, x, [h], s) => [s.f(b, 0, add(b, x, gemm(b, h!, s.r, undefined, { transB: true })))],

  gru(b, x, [h], s) {
    const { hidden: n } = s;
    const rows = (from: number, to: number): Value => part(b, s.r, 0, from * n, to * n);
    const bias = (from: number, to: number): Value | undefined => s.ofState && part(b, s.ofState, 0, from * n, to * n);
    const early = add(b, part(b, x, 1, 0, 2 * n), gemm(b, h!, rows(0, 2), bias(0, 2), { transB: true }));
    const z = s.f(b, 0, gateOf(b, early, 0, s));
    const reset = s.f(b, 0, gateOf(b, early, 1, s));
    const state = s.linear
      ? mul(b, reset, gemm(b, h!, rows(2, 3), bias(2, 3), { transB: true }))
      : gemm(b, mul(b, reset, h!), rows(2, 3), undefined, { transB: true });
    const candidate = s.f(b, 1, add(b, gateOf(b, x, 2, s), state));
    // (1 - z) * candidate + z * h
    return [add(b, candidate, mul(b, z, sub(b, h!, candidate)))];
  },

  lstm(b, x, [h, c], s) {
    const sums = add(b, x, gemm(b, h!, s.r, undefined, { transB: true }));
    const gate = (n: number, cell: Value): Value => {
      const own = gateOf(b, sums, n, s);
      if (!s.peepholes) return s.f(b, 0, own);
      return s.f(b, 0, add(b, own, mul(b, cell, part(b, s.peepholes, 0, n * s.hidden, (n + 1) * s.hidden))));
    };
    const fresh = s.f(b, 1, gateOf(b, sums, 3, s));
    const next = add(b, mul(b, gate(2, c!), c!), mul(b, gate(0, c!), fresh));
    return [mul(b, gate(1, next), s.f(b, 2, next)), next];
  },
};
