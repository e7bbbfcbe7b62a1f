/** @file Activations that exporters write out: gelu, swish, hard swish, hard sigmoid; and small powers. */
import * as activations from "../../../dialects/graph/activations.ts";
import * as elementwise from "../../../dialects/graph/elementwise.ts";
import type { Value } from "../../../ir/core.ts";
import type { RuleLike } from "../../../ir/define.ts";
import { allows, defineInexact } from "../../../rewrite/numerics.ts";
import type { Rewriter } from "../../../rewrite/rewriter.ts";
import { type Rooted, rule } from "../../../rewrite/rule.ts";
import { bothWays, cubeOf, factorizations, isNear, numberOf, plusNumber, sameShape, scaledOf } from "./match.ts";

export const writtenActivations = defineInexact({
  name: "activations written out are one op",
  from: "default",
  bound:
    "4 ulp of the activation, or 1e-7 of its argument where it is flat: constants and factors are rounded in another order",
});

/** The x of 1 + erf(x / √2). */
function erfShare(v: Value): Value | undefined {
  const sum = plusNumber(v);
  const erf = sum?.number === 1 ? activations.erf.match(sum.x) : undefined;
  const argument = erf && scaledOf(erf.x);
  return argument && isNear(argument.scale, Math.SQRT1_2) ? argument.x : undefined;
}

/** The x of 1 + tanh(√(2/π) (x + 0.044715 x³)). */
function tanhShare(v: Value): Value | undefined {
  const sum = plusNumber(v);
  const tanh = sum?.number === 1 ? activations.tanh.match(sum.x) : undefined;
  const argument = tanh && scaledOf(tanh.x);
  if (!argument || !isNear(argument.scale, Math.sqrt(2 / Math.PI), 1e-5)) return undefined;
  const inner = elementwise.add.match(argument.x);
  for (const [x, y] of inner ? bothWays(inner) : []) {
    for (const { scale, others } of factorizations(y)) {
      if (!isNear(scale, 0.044715, 1e-4)) continue;
      const cube = others.length === 1 ? cubeOf(others[0]!) : others.every((f) => f === x) ? others[2] : undefined;
      if (cube === x) return x;
    }
  }
  return undefined;
}

/** The ways to read a value as a number and two factors, each of them first. */
const pairs = (v: Value): (readonly [number, Value, Value])[] =>
  factorizations(v).flatMap(({ scale, others: [x, y, more] }) =>
    x && y && !more ? [[scale, x, y] as const, [scale, y, x] as const] : [],
  );

/** scale x (1 + erf …) with the factors in any order. */
function gelu(v: Value, rw: Rewriter): Value | undefined {
  for (const [scale, x, share] of pairs(v)) {
    if (!isNear(scale, 0.5) || !sameShape(x, v)) continue;
    if (erfShare(share) === x) return activations.gelu(rw, x, { approximate: "none" });
    if (tanhShare(share) === x) return activations.gelu(rw, x, { approximate: "tanh" });
  }
  return undefined;
}

/** x sigmoid(alpha x). */
function swish(v: Value, rw: Rewriter): Value | undefined {
  for (const [scale, x, other] of pairs(v)) {
    const gate = scale === 1 && sameShape(x, v) ? activations.sigmoid.match(other) : undefined;
    if (gate?.x === x) return activations.swish(rw, x, { alpha: 1 });
    const argument = gate && scaledOf(gate.x);
    if (argument?.x === x) return activations.swish(rw, x, { alpha: argument.scale });
  }
  return undefined;
}

/** x with x + 3 kept between 0 and 6, as a factor. */
function ramp(v: Value): Value | undefined {
  const clip = elementwise.clip.match(v);
  const sum = clip?.min === 0 && clip.max === 6 ? plusNumber(clip.x) : undefined;
  return sum?.number === 3 ? sum.x : undefined;
}

/** x hard_sigmoid(x), or x ramp(x) / 6 with the factors in any order. */
function hardSwish(v: Value, rw: Rewriter): Value | undefined {
  for (const [scale, x, other] of pairs(v)) {
    if (!sameShape(x, v)) continue;
    const gate = activations.hard_sigmoid.match(other);
    const is = gate
      ? scale === 1 && gate.x === x && isNear(gate.alpha, 1 / 6) && gate.beta === 0.5
      : isNear(scale, 1 / 6) && ramp(other) === x;
    if (is) return activations.hard_swish(rw, x);
  }
  return undefined;
}

function hardSigmoid(v: Value, rw: Rewriter): Value | undefined {
  const { scale, x: clipped } = scaledOf(v);
  const x = isNear(scale, 1 / 6) ? ramp(clipped) : undefined;
  return x && activations.hard_sigmoid(rw, x, { alpha: 1 / 6, beta: 0.5 });
}

/** Products and quotients are the roots of these patterns: the outermost factor may be either. */
const products = [elementwise.mul, elementwise.div] as unknown as readonly Rooted<{
  readonly op: Parameters<typeof allows>[0];
  readonly y: Value;
}>[];

const written = (doc: string, find: (v: Value, rw: Rewriter) => Value | undefined): RuleLike[] =>
  products.map((root) =>
    rule(root, doc, ({ op, y }, rw) => (allows(op, writtenActivations) ? find(y, rw) : undefined)),
  );

export const activationRules: readonly RuleLike[] = [
  rule(elementwise.pow, "the power of 1", ({ a, b, y }) => (numberOf(b) === 1 && a.type === y.type ? a : undefined)),
  rule(elementwise.pow, "a square is a product", ({ a, b, y }, rw) =>
    numberOf(b) === 2 && a.type === y.type ? elementwise.mul(rw, a, a) : undefined,
  ),
  ...written("gelu, by the error function or by tanh", gelu),
  ...written("swish: x times the sigmoid of a multiple of x", swish),
  ...written("hard swish: x times a ramp", hardSwish),
  ...written("hard sigmoid: a ramp of six divided by six", hardSigmoid),
];
