/** @file Elementwise functions of floats: the mathematical ones, and activations of networks. */
import { attr } from "../../ir/attributes.ts";
import type { Value } from "../../ir/core.ts";
import { type FloatType, i1 } from "../../ir/types.ts";
import { erf as erfOf, roundEven } from "../../support/special.ts";
import * as arith from "../arith/ops.ts";
import * as math from "../math.ts";
import { unary } from "./elementwise.ts";
import type { Scalars } from "./scalars.ts";

type Fn = (x: number) => number;
type MathOp = (b: Scalars["b"], x: Value) => Value;

/** A function that the math dialect has, too. */
const same = <const N extends string>(name: N, doc: string, float: Fn, op: MathOp) =>
  unary(name, { doc, kernels: () => ({ float }), body: (e, x) => op(e.b, x) });

export const exp = same("exp", "e to the power of x.", Math.exp, math.exp);
export const log = same("log", "Natural logarithm.", Math.log, math.log);
export const sqrt = same("sqrt", "Square root.", Math.sqrt, math.sqrt);
export const floor = same("floor", "The largest integer that is not larger.", Math.floor, math.floor);
export const ceil = same("ceil", "The smallest integer that is not smaller.", Math.ceil, math.ceil);
export const round = same("round", "The nearest integer; halves go to the even one.", roundEven, math.roundeven);
export const sin = same("sin", "Sine.", Math.sin, math.sin);
export const cos = same("cos", "Cosine.", Math.cos, math.cos);
export const tan = same("tan", "Tangent.", Math.tan, math.tan);
export const asin = same("asin", "Arc sine.", Math.asin, math.asin);
export const acos = same("acos", "Arc cosine.", Math.acos, math.acos);
export const atan = same("atan", "Arc tangent.", Math.atan, math.atan);
export const sinh = same("sinh", "Hyperbolic sine.", Math.sinh, math.sinh);
export const cosh = same("cosh", "Hyperbolic cosine.", Math.cosh, math.cosh);
export const tanh = same("tanh", "Hyperbolic tangent.", Math.tanh, math.tanh);
export const asinh = same("asinh", "Inverse hyperbolic sine.", Math.asinh, math.asinh);
export const acosh = same("acosh", "Inverse hyperbolic cosine.", Math.acosh, math.acosh);
export const atanh = same("atanh", "Inverse hyperbolic tangent.", Math.atanh, math.atanh);
export const erf = same("erf", "The error function.", erfOf, math.erf);

export const reciprocal = unary("reciprocal", {
  doc: "1 / x.",
  kernels: () => ({ float: (x: number) => 1 / x }),
  body: (e, x) => e.div(e.num(1), x),
});

// --- activations --------------------------------------------------------------------------------------------------

const sigmoidOf: Fn = (x) => 1 / (1 + Math.exp(-x));
/** log(1 + e^x), without overflow. */
const softplusOf: Fn = (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

const softplusBody = (e: Scalars, x: Value): Value => {
  const small = math.log1p(e.b, math.exp(e.b, e.neg(e.abs(x))));
  return e.add(e.max(x, e.num(0)), small);
};

export const sigmoid = unary("sigmoid", {
  doc: "1 / (1 + e^-x).",
  kernels: () => ({ float: sigmoidOf }),
  body: (e, x) => e.sigmoid(x),
});

export const swish = unary("swish", {
  doc: "x / (1 + e^(-alpha x)), also called SiLU.",
  attrs: { alpha: attr.f32.default(1) },
  kernels: ({ alpha }) => ({ float: (x: number) => x * sigmoidOf(alpha * x) }),
  body: (e, x, { alpha }) => e.mul(x, e.sigmoid(alpha === 1 ? x : e.mul(e.num(alpha), x))),
});

const CUBE = 0.044715;
const ROOT = Math.sqrt(2 / Math.PI);

export const gelu = unary("gelu", {
  doc: "x times the share of a normal distribution below x; by the error function, or by tanh.",
  attrs: { approximate: attr.oneOf("none", "tanh").default("none") },
  kernels: ({ approximate }) => ({
    float:
      approximate === "none"
        ? (x: number) => 0.5 * x * (1 + erfOf(x * Math.SQRT1_2))
        : (x: number) => 0.5 * x * (1 + Math.tanh(ROOT * (x + CUBE * x * x * x))),
  }),
  body(e, x, { approximate }) {
    const share =
      approximate === "none"
        ? math.erf(e.b, e.mul(x, e.num(Math.SQRT1_2)))
        : math.tanh(e.b, e.mul(e.num(ROOT), e.add(x, e.mul(e.num(CUBE), e.mul(x, e.mul(x, x))))));
    return e.mul(e.mul(e.num(0.5), x), e.add(e.num(1), share));
  },
});

export const leaky_relu = unary("leaky_relu", {
  doc: "x, or alpha x where x is negative.",
  attrs: { alpha: attr.f32.default(0.01) },
  kernels: ({ alpha }) => ({ float: (x: number) => (x < 0 ? alpha * x : x) }),
  body: (e, x, { alpha }) => e.select(e.is("lt", x, e.num(0)), e.mul(e.num(alpha), x), x),
});

export const elu = unary("elu", {
  doc: "scale x, or scale alpha (e^(x / slope) - 1) where x is negative (ONNX Elu, Selu and Celu).",
  attrs: { alpha: attr.f32.default(1), scale: attr.f32.default(1), slope: attr.f32.default(1) },
  kernels: ({ alpha, scale, slope }) => ({
    float: (x: number) => scale * (x < 0 ? alpha * Math.expm1(x / slope) : x),
  }),
  body(e, x, { alpha, scale, slope }) {
    const power = math.expm1(e.b, slope === 1 ? x : e.div(x, e.num(slope)));
    const below = alpha === 1 ? power : e.mul(e.num(alpha), power);
    const y = e.select(e.is("lt", x, e.num(0)), below, x);
    return scale === 1 ? y : e.mul(e.num(scale), y);
  },
});

export const hard_sigmoid = unary("hard_sigmoid", {
  doc: "alpha x + beta, kept between 0 and 1.",
  attrs: { alpha: attr.f32.default(0.2), beta: attr.f32.default(0.5) },
  kernels: ({ alpha, beta }) => ({ float: (x: number) => Math.max(0, Math.min(1, alpha * x + beta)) }),
  body: (e, x, { alpha, beta }) => e.max(e.num(0), e.min(e.num(1), e.add(e.mul(e.num(alpha), x), e.num(beta)))),
});

export const hard_swish = unary("hard_swish", {
  doc: "x times (x / 6 + 1/2 kept between 0 and 1).",
  kernels: () => ({ float: (x: number) => x * Math.max(0, Math.min(1, x / 6 + 0.5)) }),
  body: (e, x) => e.mul(x, e.max(e.num(0), e.min(e.num(1), e.add(e.mul(x, e.num(1 / 6)), e.num(0.5))))),
});

export const softplus = unary("softplus", {
  doc: "log(1 + e^x).",
  kernels: () => ({ float: softplusOf }),
  body: softplusBody,
});

export const softsign = unary("softsign", {
  doc: "x / (1 + |x|).",
  kernels: () => ({ float: (x: number) => x / (1 + Math.abs(x)) }),
  body: (e, x) => e.div(x, e.add(e.num(1), e.abs(x))),
});

export const mish = unary("mish", {
  doc: "x tanh(log(1 + e^x)).",
  kernels: () => ({ float: (x: number) => x * Math.tanh(softplusOf(x)) }),
  body: (e, x) => e.mul(x, math.tanh(e.b, softplusBody(e, x))),
});

export const thresholded_relu = unary("thresholded_relu", {
  doc: "x where it is above alpha, else 0.",
  attrs: { alpha: attr.f32.default(1) },
  kernels: ({ alpha }) => ({ float: (x: number) => (x > alpha ? x : 0) }),
  body: (e, x, { alpha }) => e.select(e.is("gt", x, e.num(alpha)), x, e.num(0)),
});

// --- tests --------------------------------------------------------------------------------------------------------

export const is_nan = unary("is_nan", {
  doc: "Whether x is no number.",
  kernels: () => ({ float: (x: number) => Number(Number.isNaN(x)) }),
  body: (e, x) => arith.cmpf(e.b, x, x, { predicate: "uno" }),
  result: i1,
});

export const is_inf = unary("is_inf", {
  doc: "Whether x is infinite; of a sign that counts.",
  attrs: { positive: attr.bool.default(true), negative: attr.bool.default(true) },
  kernels: ({ positive, negative }) => ({
    float: (x: number) =>
      Number((positive && x === Number.POSITIVE_INFINITY) || (negative && x === Number.NEGATIVE_INFINITY)),
  }),
  body(e, x, { positive, negative }) {
    const infinity = (sign: number): Value => arith.constantFloat(e.b, sign / 0, e.type as FloatType);
    if (positive && negative) return e.is("eq", e.abs(x), infinity(1));
    if (!positive && !negative) return arith.constantInteger(e.b, 0, i1);
    return e.is("eq", x, infinity(positive ? 1 : -1));
  },
  result: i1,
});
