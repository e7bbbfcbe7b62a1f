/** @file The functions that recurrent cells are made with: on numbers, and as tensor ops. */
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import type { TensorType } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import * as activations from "./activations.ts";
import { constantOfArray } from "./constant.ts";
import { add, mul, relu } from "./elementwise.ts";
import { dtype } from "./op.ts";

type Scalar = (v: number) => number;
interface Activation {
  /** Parameters where the model gives none. */
  readonly alpha: number;
  readonly beta: number;
  readonly scalar: (alpha: number, beta: number) => Scalar;
  readonly build: (b: Builder, v: Value, alpha: number, beta: number) => Value;
}

const scaled = (b: Builder, v: Value, by: number): Value => mul(b, v, like(b, v, by));

/** A scalar tensor of the type of another's elements. */
function like(b: Builder, v: Value, value: number): Value {
  const { element } = v.type as TensorType;
  return constantOfArray(b, NDArray.from(dtype(element), [], [value]), element);
}

const table = {
  Relu: { alpha: 0, beta: 0, scalar: () => (v) => Math.max(v, 0), build: (b, v) => relu(b, v) },
  Tanh: { alpha: 0, beta: 0, scalar: () => Math.tanh, build: (b, v) => activations.tanh(b, v) },
  Sigmoid: {
    alpha: 0,
    beta: 0,
    scalar: () => (v) => 1 / (1 + Math.exp(-v)),
    build: (b, v) => activations.sigmoid(b, v),
  },
  Affine: {
    alpha: 1,
    beta: 0,
    scalar: (alpha, beta) => (v) => alpha * v + beta,
    build: (b, v, alpha, beta) => add(b, scaled(b, v, alpha), like(b, v, beta)),
  },
  LeakyRelu: {
    alpha: 0.01,
    beta: 0,
    scalar: (alpha) => (v) => (v < 0 ? alpha * v : v),
    build: (b, v, alpha) => activations.leaky_relu(b, v, { alpha }),
  },
  ThresholdedRelu: {
    alpha: 1,
    beta: 0,
    scalar: (alpha) => (v) => (v > alpha ? v : 0),
    build: (b, v, alpha) => activations.thresholded_relu(b, v, { alpha }),
  },
  ScaledTanh: {
    alpha: 1,
    beta: 1,
    scalar: (alpha, beta) => (v) => alpha * Math.tanh(beta * v),
    build: (b, v, alpha, beta) => scaled(b, activations.tanh(b, scaled(b, v, beta)), alpha),
  },
  HardSigmoid: {
    alpha: 0.2,
    beta: 0.5,
    scalar: (alpha, beta) => (v) => Math.min(Math.max(alpha * v + beta, 0), 1),
    build: (b, v, alpha, beta) => activations.hard_sigmoid(b, v, { alpha, beta }),
  },
  Elu: {
    alpha: 1,
    beta: 0,
    scalar: (alpha) => (v) => (v < 0 ? alpha * Math.expm1(v) : v),
    build: (b, v, alpha) => activations.elu(b, v, { alpha }),
  },
  Softsign: {
    alpha: 0,
    beta: 0,
    scalar: () => (v) => v / (1 + Math.abs(v)),
    build: (b, v) => activations.softsign(b, v),
  },
  Softplus: {
    alpha: 0,
    beta: 0,
    scalar: () => (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))),
    build: (b, v) => activations.softplus(b, v),
  },
} satisfies Record<string, Activation>;

export type ActivationName = keyof typeof table;
export const activationNames = Object.keys(table) as readonly ActivationName[];

export const defaultsOf = (name: ActivationName): { readonly alpha: number; readonly beta: number } => table[name];

/** The function on numbers. */
export const activationOf = (name: ActivationName, alpha: number, beta: number): Scalar =>
  (table[name] as Activation).scalar(alpha, beta);

/** The function on a tensor. */
export const activate = (b: Builder, v: Value, name: ActivationName, alpha: number, beta: number): Value =>
  (table[name] as Activation).build(b, v, alpha, beta);
