/** @file Recurrent layers: RNN, GRU, LSTM. Each runs over time, in one direction or in both. */
import { attr } from "../../ir/attributes.ts";
import { defineOp } from "../../ir/define.ts";
import { one, optional } from "../../ir/fields.ts";
import { type Fail, Pure } from "../../ir/traits.ts";
import { hasStaticShape, type TensorType, type Type, tensor } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { arrayOf, doublesOf } from "./data.ts";
import { FloatTensor, IntegerTensor, range, shapeText, type TensorValue } from "./op.ts";
import { type ActivationName, activationNames, activationOf } from "./recurrent-activations.ts";
import { type Cell, expandRecurrent } from "./recurrent-expand.ts";

const words: readonly string[] = activationNames;

const attrs = {
  direction: attr.oneOf("forward", "reverse", "bidirectional").default("forward"),
  /** For each direction, for each function of the cell. */
  activations: attr.strings,
  /** Their parameters, one pair for each function. */
  alpha: attr.f64s,
  beta: attr.f64s,
  /** What the functions are given is kept to [-clip, clip]; 0 is no bound. */
  clip: attr.f64.default(0),
} as const;

export type Direction = "forward" | "reverse" | "bidirectional";
export const directionsOf = (direction: Direction): number => (direction === "bidirectional" ? 2 : 1);

/** What the layers have in common, as values or as arrays. */
interface Layer<T> {
  readonly x: T;
  readonly w: T;
  readonly r: T;
  readonly bias: T | undefined;
  readonly lengths: T | undefined;
  readonly h0: T | undefined;
  readonly c0?: T | undefined;
  readonly p?: T | undefined;
  readonly direction: Direction;
  readonly activations: readonly string[];
  readonly alpha: readonly number[];
  readonly beta: readonly number[];
  readonly clip: number;
}

/** y [T, D, B, H], then the last states [D, B, H]. */
function resultTypes(x: TensorType, r: TensorType, direction: Direction, states: number): TensorType[] {
  const [time = 1, batch = 1] = x.shape;
  const hidden = r.shape[2] ?? 1;
  const count = directionsOf(direction);
  const state = tensor([count, batch, hidden], x.element);
  return [tensor([time, count, batch, hidden], x.element), ...range(states).map(() => state)];
}

function verifyLayer(l: Layer<TensorValue>, gates: number, functions: number, fail: Fail): void {
  const [, batch, inputs] = l.x.type.shape;
  const count = directionsOf(l.direction);
  const hidden = l.r.type.shape[2]!;
  const rows = gates * hidden;
  const wanted: readonly (readonly [string, TensorValue | undefined, readonly (number | undefined)[]])[] = [
    ["x", l.x, [l.x.type.shape[0], batch, inputs]],
    ["w", l.w, [count, rows, inputs]],
    ["r", l.r, [count, rows, hidden]],
    ["bias", l.bias, [count, 2 * rows]],
    ["lengths", l.lengths, [batch]],
    ["h0", l.h0, [count, batch, hidden]],
    ["c0", l.c0, [count, batch, hidden]],
    ["p", l.p, [count, 3 * hidden]],
  ];
  for (const [name, v, shape] of wanted) {
    if (!v || (v.type.shape.length === shape.length && v.type.shape.every((d, i) => d === shape[i]))) continue;
    fail(`${name} must have shape ${shapeText(shape.map((d) => d ?? 1))}, has ${shapeText(v.type.shape)}`);
    return;
  }
  const lists = [l.activations, l.alpha, l.beta];
  if (lists.some((list) => list.length !== count * functions)) {
    fail(`'activations', 'alpha' and 'beta' need ${count * functions} entries each`);
  }
  const unknown = l.activations.find((a) => !words.includes(a));
  if (unknown !== undefined) fail(`there is no activation ${unknown}; known are ${words.join(", ")}`);
}

// --- what it means ----------------------------------------------------------------------------------------------------

/** One step of a cell for one batch: states are changed in place. `x` holds the inputs' part of the gates. */
type Step = (s: {
  readonly hidden: number;
  readonly x: Float64Array;
  readonly h: Float64Array;
  readonly c: Float64Array;
  /** The states' part of row j of the gates. */
  readonly recurrent: (j: number, h: Float64Array) => number;
  readonly recurrentBias: (j: number) => number;
  readonly peephole: (j: number) => number;
  readonly f: readonly ((v: number) => number)[];
}) => void;

function runLayer(l: Layer<NDArray>, gates: number, step: Step, element: Type): readonly NDArray[] {
  const [time = 0, batch = 0, inputs = 0] = l.x.shape;
  const hidden = l.r.shape[2]!;
  const rows = gates * hidden;
  const count = directionsOf(l.direction);
  const functions = l.activations.length / count;
  const [xs, ws, rs] = [l.x, l.w, l.r].map(doublesOf) as [Float64Array, Float64Array, Float64Array];
  const [biases, peepholes] = [l.bias && doublesOf(l.bias), l.p && doublesOf(l.p)];
  const lengths = l.lengths && doublesOf(l.lengths);
  const y = new Float64Array(time * count * batch * hidden);
  const h = l.h0 ? doublesOf(l.h0).slice() : new Float64Array(count * batch * hidden);
  const c = l.c0 ? doublesOf(l.c0).slice() : new Float64Array(count * batch * hidden);
  const gate = new Float64Array(rows);
  for (let d = 0; d < count; d++) {
    const backwards = l.direction === "reverse" || d === 1;
    const bias = (j: number): number => (biases ? biases[d * 2 * rows + j]! : 0);
    const f = range(functions, d * functions).map((i) => {
      const g = activationOf(l.activations[i] as ActivationName, l.alpha[i]!, l.beta[i]!);
      return l.clip > 0 ? (v: number) => g(Math.min(Math.max(v, -l.clip), l.clip)) : g;
    });
    const recurrent = (j: number, state: Float64Array): number => dot(rs, (d * rows + j) * hidden, state, 0, hidden);
    for (let n = 0; n < batch; n++) {
      const from = (d * batch + n) * hidden;
      const states = { h: h.subarray(from, from + hidden), c: c.subarray(from, from + hidden) };
      const length = lengths ? lengths[n]! : time;
      for (let s = 0; s < length; s++) {
        const t = backwards ? length - 1 - s : s;
        for (let j = 0; j < rows; j++) {
          gate[j] = dot(ws, (d * rows + j) * inputs, xs, (t * batch + n) * inputs, inputs) + bias(j);
        }
        const peephole = (j: number): number => (peepholes ? peepholes[d * 3 * hidden + j]! : 0);
        step({ hidden, x: gate, ...states, recurrent, recurrentBias: (j) => bias(rows + j), peephole, f });
        y.set(states.h, ((t * count + d) * batch + n) * hidden);
      }
    }
  }
  const state = [count, batch, hidden];
  return [arrayOf(element, [time, count, batch, hidden], y), arrayOf(element, state, h), arrayOf(element, state, c)];
}

function dot(a: Float64Array, atA: number, b: Float64Array, atB: number, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += a[atA + i]! * b[atB + i]!;
  return sum;
}

const rnnStep: Step = ({ hidden, x, h, recurrent, recurrentBias, f: [f] }) => {
  const old = h.slice();
  for (let j = 0; j < hidden; j++) h[j] = f!(x[j]! + recurrent(j, old) + recurrentBias(j));
};

/** Gates: update, reset, hidden. */
const gruStep =
  (linear: boolean): Step =>
  ({ hidden: n, x, h, recurrent, recurrentBias, f: [f, g] }) => {
    const old = h.slice();
    const sum = (j: number): number => x[j]! + recurrent(j, old) + recurrentBias(j);
    const reset = old.map((_, j) => f!(sum(n + j)));
    const kept = old.map((v, j) => v * reset[j]!);
    for (let j = 0; j < n; j++) {
      const z = f!(sum(j));
      const k = 2 * n + j;
      const state = linear ? reset[j]! * (recurrent(k, old) + recurrentBias(k)) : recurrent(k, kept) + recurrentBias(k);
      h[j] = (1 - z) * g!(x[k]! + state) + z * old[j]!;
    }
  };

/** Gates: input, output, forget, cell. */
const lstmStep: Step = ({ hidden: n, x, h, c, recurrent, recurrentBias, peephole, f: [f, g, last] }) => {
  const old = h.slice();
  const sum = (j: number): number => x[j]! + recurrent(j, old) + recurrentBias(j);
  for (let j = 0; j < n; j++) {
    const i = f!(sum(j) + peephole(j) * c[j]!);
    const forget = f!(sum(2 * n + j) + peephole(2 * n + j) * c[j]!);
    c[j] = forget * c[j]! + i * g!(sum(3 * n + j));
    const o = f!(sum(n + j) + peephole(n + j) * c[j]!);
    h[j] = o * last!(c[j]!);
  }
};

// --- the ops ----------------------------------------------------------------------------------------------------------

const layerOperands = [
  one("x", FloatTensor),
  one("w", FloatTensor),
  one("r", FloatTensor),
  optional("bias", FloatTensor),
  optional("lengths", IntegerTensor),
  optional("h0", FloatTensor),
] as const;

const shapes =
  "x [T, B, I], w [D, G·H, I], r [D, G·H, H], bias [D, 2·G·H] (of w, then of r), lengths [B], h0 [D, B, H]; y [T, D, B, H]";

export const rnn = defineOp("graph.rnn", {
  doc: `A simple recurrent layer (ONNX RNN): h' = f(x w + h r + bias). ${shapes}; G = 1.`,
  operands: layerOperands,
  attrs,
  results: [one("y", FloatTensor), one("h", FloatTensor)],
  traits: [Pure],
  infer: ({ x, r, direction }) => resultTypes(x.type, r.type, direction, 1),
  verify: (view, fail) => verifyLayer(view, 1, 1, fail),
  evaluate: (layer, run) => runLayer(layer, 1, rnnStep, elementOf(run.resultType(0))).slice(0, 2),
  expand: (view, b) => (isLowerable(view) ? expandRecurrent(b, view, { kind: "rnn", gates: 1 }) : undefined),
});

export const gru = defineOp("graph.gru", {
  doc:
    "A layer of gated recurrent units (ONNX GRU, arXiv:1406.1078); gates update, reset, hidden. `linear_before_reset` resets " +
    `what the state gives instead of the state. ${shapes}; G = 3.`,
  operands: layerOperands,
  attrs: { ...attrs, linear_before_reset: attr.bool.default(false) },
  results: [one("y", FloatTensor), one("h", FloatTensor)],
  traits: [Pure],
  infer: ({ x, r, direction }) => resultTypes(x.type, r.type, direction, 1),
  verify: (view, fail) => verifyLayer(view, 3, 2, fail),
  evaluate: (layer, run) =>
    runLayer(layer, 3, gruStep(layer.linear_before_reset), elementOf(run.resultType(0))).slice(0, 2),
  expand(view, b) {
    const cell: Cell = { kind: "gru", gates: 3, linear: view.linear_before_reset };
    return isLowerable(view) ? expandRecurrent(b, view, cell) : undefined;
  },
});

export const lstm = defineOp("graph.lstm", {
  doc:
    "A layer of long short-term memory (ONNX LSTM); gates input, output, forget, cell; peepholes p [D, 3·H] of the first " +
    `three. ${shapes}, c0 as h0; G = 4.`,
  operands: [...layerOperands, optional("c0", FloatTensor), optional("p", FloatTensor)],
  attrs,
  results: [one("y", FloatTensor), one("h", FloatTensor), one("c", FloatTensor)],
  traits: [Pure],
  infer: ({ x, r, direction }) => resultTypes(x.type, r.type, direction, 2),
  verify: (view, fail) => verifyLayer(view, 4, 3, fail),
  evaluate: (layer, run) => runLayer(layer, 4, lstmStep, elementOf(run.resultType(0))),
  expand: (view, b) => (isLowerable(view) ? expandRecurrent(b, view, { kind: "lstm", gates: 4 }) : undefined),
});

const elementOf = (t: Type): Type => (t as TensorType).element;

/** Backwards each sequence of its own length starts at another place: that is no loop over slices. */
const isLowerable = (l: Layer<TensorValue>): boolean =>
  hasStaticShape(l.x.type) && (l.lengths === undefined || l.direction === "forward");
