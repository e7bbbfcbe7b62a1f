/** @file Operators that compute element by element. */
import { bitcast } from "../../dialects/graph/cast.ts";
import * as graph from "../../dialects/graph/elementwise.ts";
import { reshape } from "../../dialects/graph/shape.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { elementOf, f64, i1 } from "../../ir/types.ts";
import { elementTypeOf } from "../dtypes.ts";
import { type NodeBuilder, tensorType } from "../node-builder.ts";
import { attr, defineImport, type ImportRow, many, one, optional, type TensorValue } from "../op.ts";
import { typeOfElement } from "../types.ts";

type Op2 = (b: Builder, x: Value, y: Value) => Value;
type Op1 = (b: Builder, x: Value) => Value;

/** Before operator set 7, b was broadcast only on demand, and could be placed at an axis of a. */
const legacy = (name: string, op: Op2): ImportRow =>
  defineImport(name, {
    since: 1,
    inputs: [one("A"), one("B")],
    attrs: { axis: attr.int.optional(), broadcast: attr.bool.default(false) },
    import: ({ A, B, axis, broadcast }, b) => op(b, A, broadcast && axis !== undefined ? placedAt(A, B, axis, b) : B),
  });

function placedAt(A: TensorValue, B: TensorValue, axis: number, b: NodeBuilder): Value {
  const { shape } = B.type;
  const behind = A.type.shape.length - (axis < 0 ? axis + A.type.shape.length : axis) - shape.length;
  return behind <= 0 ? B : reshape(b, B, undefined, { shape: [...shape, ...new Array<number>(behind).fill(1)] });
}

const binary = (name: string, op: Op2, since = 7): ImportRow[] => [
  defineImport(name, { since, inputs: [one("A"), one("B")], import: ({ A, B }, b) => op(b, A, B) }),
  ...(since === 7 ? [legacy(name, op)] : []),
];

const unary = (name: string, op: Op1, since = 1): ImportRow =>
  defineImport(name, { since, inputs: [one("X")], import: ({ X }, b) => op(b, X) });

export const binaries: readonly ImportRow[] = [
  binary("Add", graph.add),
  binary("Sub", graph.sub),
  binary("Mul", graph.mul),
  binary("Div", graph.div),
  binary("And", graph.and),
  binary("Or", graph.or),
  binary("Xor", graph.xor),
  binary("Equal", graph.equal),
  binary("Less", graph.less),
  binary("Greater", graph.greater),
  binary("LessOrEqual", graph.less_equal, 12),
  binary("GreaterOrEqual", graph.greater_equal, 12),
  binary("BitwiseAnd", graph.and, 18),
  binary("BitwiseOr", graph.or, 18),
  binary("BitwiseXor", graph.xor, 18),
].flat();

export const unaries: readonly ImportRow[] = [
  unary("Abs", graph.abs),
  unary("Neg", graph.neg),
  unary("Sign", graph.sign),
  unary("Not", graph.not),
  unary("BitwiseNot", graph.not),
  unary("Relu", graph.relu),
];

export const Identity = defineImport("Identity", {
  since: 1,
  inputs: [one("input")],
  import: ({ input }) => input,
});

/** Any number of operands, one after the other. */
const variadic = (name: string, op: Op2): ImportRow =>
  defineImport(name, {
    since: 6,
    inputs: [many("inputs")],
    import({ inputs }, b) {
      const [first, ...rest] = inputs as readonly Value[];
      if (!first) return b.fail("onnx/graph", "has no inputs");
      return rest.reduce((acc, x) => op(b, acc, x), first);
    },
  });

export const Sum = variadic("Sum", graph.add);
export const Max = variadic("Max", graph.maximum);
export const Min = variadic("Min", graph.minimum);

export const Mean = defineImport("Mean", {
  since: 6,
  inputs: [many("inputs")],
  import({ inputs }, b) {
    const [first, ...rest] = inputs as readonly Value[];
    if (!first) return b.fail("onnx/graph", "has no inputs");
    const sum = rest.reduce((acc, x) => graph.add(b, acc, x), first);
    return graph.div(b, sum, b.scalar(inputs.length, sum));
  },
});

/** The exponent may have another type than the base; it is computed where neither is cut off. */
export const Pow = defineImport("Pow", {
  since: 12,
  inputs: [one("X"), one("Y")],
  import({ X, Y }, b) {
    const [base, exponent] = [elementOf(X.type), elementOf(Y.type)];
    if (base === exponent) return graph.pow(b, X, Y);
    if (base.kind === "float") return graph.pow(b, X, b.cast(Y, base));
    if (exponent.kind === "integer") return graph.pow(b, X, b.cast(Y, base));
    return b.cast(graph.pow(b, b.cast(X, f64), b.cast(Y, f64)), base);
  },
});
export const Pow7 = binary("Pow", graph.pow);

export const Mod = defineImport("Mod", {
  since: 10,
  inputs: [one("A"), one("B")],
  attrs: { fmod: attr.bool.default(false) },
  import: ({ A, B, fmod }, b) => (fmod ? graph.remainder(b, A, B) : graph.modulo(b, A, B)),
});

export const BitShift = defineImport("BitShift", {
  since: 11,
  inputs: [one("X"), one("Y")],
  attrs: { direction: attr.oneOf("LEFT", "RIGHT") },
  import: ({ X, Y, direction }, b) => (direction === "LEFT" ? graph.shift_left(b, X, Y) : graph.shift_right(b, X, Y)),
});

export const Where = defineImport("Where", {
  since: 9,
  inputs: [one("condition"), one("X"), one("Y")],
  import: ({ condition, X, Y }, b) => graph.select(b, condition, X, Y),
});

const preluOf = (X: TensorValue, slope: Value, b: NodeBuilder): Value =>
  graph.select(b, graph.less(b, X, b.scalar(0, X)), graph.mul(b, slope, X), X);

export const PRelu = defineImport("PRelu", {
  since: 7,
  inputs: [one("X"), one("slope")],
  import: ({ X, slope }, b) => preluOf(X, slope, b),
});

/** The slopes are one per channel. */
export const PRelu1 = defineImport("PRelu", {
  since: 1,
  inputs: [one("X"), one("slope")],
  import({ X, slope }, b) {
    const behind = Math.max(0, X.type.shape.length - 2);
    const shape = [...slope.type.shape, ...new Array<number>(behind).fill(1)];
    return preluOf(X, slope.type.shape.length === 1 ? reshape(b, slope, undefined, { shape }) : slope, b);
  },
});

// --- clip ---------------------------------------------------------------------------------------------------------

export const Clip = defineImport("Clip", {
  since: 11,
  inputs: [one("input"), optional("min"), optional("max")],
  import({ input, min, max }, b) {
    const element = elementOf(input.type);
    const low = min && b.known(min)?.values()[0];
    const high = max && b.known(max)?.values()[0];
    // Known bounds are attributes, if a double holds them.
    const exact = [low, high].every((v) => v === undefined || typeof v === "number" || Number.isSafeInteger(Number(v)));
    if (exact && (!min || low !== undefined) && (!max || high !== undefined)) {
      const bounds = {
        ...(low === undefined ? {} : { min: Number(low) }),
        ...(high === undefined ? {} : { max: Number(high) }),
      };
      return min || max ? graph.clip(b, input, bounds) : input;
    }
    const from = min ? graph.maximum(b, input, b.cast(min, element)) : input;
    return max ? graph.minimum(b, from, b.cast(max, element)) : from;
  },
});

export const Clip6 = defineImport("Clip", {
  since: 1,
  inputs: [one("input")],
  attrs: { min: attr.float.optional(), max: attr.float.optional() },
  import: ({ input, min, max }, b) =>
    graph.clip(b, input, { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }),
});

// --- types --------------------------------------------------------------------------------------------------------

export const Cast = defineImport("Cast", {
  since: 6,
  inputs: [one("input")],
  attrs: {
    to: attr.int,
    saturate: attr.bool.default(true),
    round_mode: attr.oneOf("up", "down", "nearest").default("up"),
  },
  import({ input, to, saturate, round_mode }, b) {
    const name = elementTypeOf(to);
    const type = name && typeOfElement(name);
    if (!type) return b.fail("onnx/unsupported-type", `to elements of type ${name ?? to} is not supported`);
    return b.castAs(input, type, { saturate, round_mode });
  },
});

export const BitCast = defineImport("BitCast", {
  since: 26,
  inputs: [one("input")],
  attrs: { to: attr.int },
  import({ input, to }, b) {
    const name = elementTypeOf(to);
    const type = name && typeOfElement(name);
    if (!type) return b.fail("onnx/unsupported-type", `to elements of type ${name ?? to} is not supported`);
    return elementOf(input.type) === type ? input : bitcast(b, input, { to: type });
  },
});

export const CastLike = defineImport("CastLike", {
  since: 15,
  inputs: [one("input"), one("target_type")],
  attrs: {
    saturate: attr.bool.default(true),
    round_mode: attr.oneOf("up", "down", "nearest").default("up"),
  },
  import: ({ input, target_type, saturate, round_mode }, b) =>
    b.castAs(input, elementOf(target_type.type), { saturate, round_mode }),
});

// --- dropout ------------------------------------------------------------------------------------------------------

/** At inference nothing is dropped: the mask is all true. */
function kept(data: TensorValue, b: NodeBuilder, maskType = i1): readonly Value[] {
  return b.wants(1) ? [data, b.filled(tensorType(data).shape, 1, maskType)] : [data];
}

export const Dropout = defineImport("Dropout", {
  since: 12,
  inputs: [one("data"), optional("ratio"), optional("training_mode")],
  attrs: { seed: attr.int.optional() },
  import({ data, ratio, training_mode }, b) {
    const training = training_mode ? b.numbers(training_mode, "training_mode")?.[0] : 0;
    if (training === undefined) return undefined;
    if (training !== 0) {
      const share = ratio ? b.reals(ratio, "ratio")?.[0] : 0.5;
      if (share !== 0) return b.unsupported("training_mode is not supported: it drops random elements");
    }
    return kept(data, b);
  },
});

export const Dropout7 = defineImport("Dropout", {
  since: 7,
  inputs: [one("data")],
  attrs: { ratio: attr.float.default(0.5) },
  import: ({ data }, b) => kept(data, b, b.opset >= 10 ? i1 : (elementOf(data.type) as typeof i1)),
});

export const Dropout1 = defineImport("Dropout", {
  since: 1,
  inputs: [one("data")],
  attrs: { is_test: attr.bool.default(false), ratio: attr.float.default(0.5) },
  import: ({ data }, b) => kept(data, b, elementOf(data.type) as typeof i1),
});

/** Exporters' experimental operators of operator sets up to 7. */
export const Affine = defineImport("Affine", {
  since: 1,
  inputs: [one("X")],
  attrs: { alpha: attr.float.default(1), beta: attr.float.default(0) },
  import: ({ X, alpha, beta }, b) => graph.add(b, graph.mul(b, X, b.scalar(alpha, X)), b.scalar(beta, X)),
});

export const ImageScaler = defineImport("ImageScaler", {
  since: 1,
  inputs: [one("input")],
  attrs: { scale: attr.float.default(1), bias: attr.floats.optional() },
  import({ input, scale, bias }, b) {
    const scaled = graph.mul(b, input, b.scalar(scale, input));
    return bias ? graph.add(b, scaled, b.vector(bias, [bias.length, 1, 1], elementOf(input.type))) : scaled;
  },
});
