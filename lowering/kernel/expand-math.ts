/** @file Elementary functions become arithmetic; see math/functions.ts for how, and how exactly. */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as math from "../../dialects/math.ts";
import * as vector from "../../dialects/vector/index.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { datumOfAttribute } from "../../ir/datum.ts";
import type { OpInfo } from "../../ir/define.ts";
import { elementOf, f32, f64, type Type, type VectorType, vector as vectorType } from "../../ir/types.ts";
import { allows, defineInexact } from "../../rewrite/numerics.ts";
import { definePass } from "../../rewrite/pass.ts";
import type { NDArray } from "../../support/ndarray.ts";
import * as functions from "./math/functions.ts";
import * as quick from "./math/quick.ts";
import { Constants, Words } from "./math/words.ts";

type Expand = (w: Words, ...operands: Value[]) => Value;

interface Rule {
  readonly expand: Expand;
  /** Good enough in f32 itself, so that vectors stay vectors; otherwise it is computed in f64, element by element. */
  readonly inSingle: boolean;
  /** In place of it in f32, where the numerics policy is not `strict`. */
  readonly quick?: Expand;
  /** In place of that, where the operand is known not to be positive. */
  readonly quickOfNonPositive?: Expand;
  /** Rounding by adding and subtracting a large number is not to be relied on. */
  readonly loose?: boolean;
  /** Products that are added may be rounded once. */
  readonly contract?: boolean;
  /** And are, in one instruction. */
  readonly fused?: boolean;
}

const single = (expand: Expand, shorter?: Expand, ofNonPositive?: Expand): Rule => ({
  expand,
  inSingle: true,
  ...(shorter ? { quick: shorter } : {}),
  ...(ofNonPositive ? { quickOfNonPositive: ofNonPositive } : {}),
});
const double = (expand: Expand): Rule => ({ expand, inSingle: false });

const rules: ReadonlyMap<OpInfo, Rule> = new Map<OpInfo, Rule>([
  [math.exp, single(functions.exp, quick.exp, quick.expOfNonPositive)],
  [math.log, single(functions.log)],
  [math.tanh, single(functions.tanh, quick.tanh)],
  [math.erf, single(functions.erf, quick.erf)],
  [math.rsqrt, single((w, x) => w.div(w.c(1), w.sqrt(x!)))],
  [math.round, single((w, x) => roundAway(w, x!))],
  [arith.maxnumf, single((w, x, y) => numberOf(w, x!, y!, "olt"))],
  [arith.minnumf, single((w, x, y) => numberOf(w, x!, y!, "ogt"))],
  [math.exp2, double(functions.exp2)],
  [math.expm1, double(functions.expm1)],
  [math.log2, double(functions.log2)],
  [math.log10, double(functions.log10)],
  [math.log1p, double(functions.log1p)],
  [math.sin, double(functions.sin)],
  [math.cos, double(functions.cos)],
  [math.tan, double(functions.tan)],
  [math.sinh, double(functions.sinh)],
  [math.cosh, double(functions.cosh)],
  [math.asin, double(functions.asin)],
  [math.acos, double(functions.acos)],
  [math.atan, double(functions.atan)],
  [math.asinh, double(functions.asinh)],
  [math.acosh, double(functions.acosh)],
  [math.atanh, double(functions.atanh)],
  [math.atan2, double(functions.atan2)],
  [math.cbrt, double(functions.cbrt)],
  [math.powf, double(functions.pow)],
  // The product of two f32 is exact in f64.
  [math.fma, double((w, x, y, z) => w.add(w.mul(x!, y!), z!))],
  [arith.remf, double((w, x, y) => remainder(w, x!, y!))],
]);

export const shorterFunctions = defineInexact({
  name: "shorter exp, tanh and erf in f32",
  from: "default",
  bound: "exp 4 ulp, and 0 below -86.9; tanh and erf 8 ulp",
});

export const byReciprocal = defineInexact({
  name: "quotients by constants as products with their reciprocals",
  from: "default",
  bound: "1 ulp; exact where the reciprocal is (powers of two)",
});

/** x / c on vectors as x (1 / c), where the reciprocal is a normal number. */
function multiplied(op: Operation, anyRounding: boolean): boolean {
  const { lhs, rhs, result } = arith.divf.of(op);
  const type = result.type as VectorType;
  const divisor = vector.broadcast.match(rhs)?.source ?? rhs;
  const value = arith.constant.match(divisor)?.value;
  const n =
    value?.kind === "float"
      ? value.value
      : value?.kind === "dense" && value.splat
        ? Number((datumOfAttribute(value) as NDArray).getData(0))
        : Number.NaN;
  if (type.element !== f32 || !(Math.abs(n) >= 2 ** -126 && Math.abs(n) <= 2 ** 126)) return false;
  const reciprocal = Math.fround(1 / n);
  if (!anyRounding && reciprocal * n !== 1) return false;
  const b = Builder.before(op);
  const constant = arith.constantFloat(b, reciprocal, f32);
  result.replaceAllUsesWith(arith.mulf(b, lhs, vector.broadcast(b, constant, { types: [type] })));
  op.erase();
  return true;
}

/** The other operand where one is NaN. */
function numberOf(w: Words, x: Value, y: Value, replaces: "olt" | "ogt"): Value {
  // A comparison with NaN is false, so x is kept where y is NaN.
  return w.choose(w.test("uno", x, x), y, w.choose(w.test(replaces, x, y), y, x));
}

function roundAway(w: Words, x: Value): Value {
  const t = math.trunc(w.b, x);
  const away = w.add(t, w.withSign(w.c(1), x));
  return w.withSign(w.choose(w.test("oge", w.abs(w.sub(x, t)), w.c(0.5)), away, t), x);
}

function remainder(w: Words, x: Value, y: Value): Value {
  const r = w.sub(x, w.mul(math.trunc(w.b, w.div(x, y)), y));
  const infinite = w.test("oeq", w.abs(y), w.c(Number.POSITIVE_INFINITY));
  const finite = w.test("olt", w.abs(x), w.c(Number.POSITIVE_INFINITY));
  return w.withSign(w.choose(arith.andi(w.b, infinite, finite), x, r), x);
}

export const expandMath = definePass("kernel-expand-math", {
  doc: "Writes elementary functions as polynomials and bit arithmetic.",
  on: func.func,
  options: {
    /** Functions of the math dialect that the machine has itself. */
    native: attr.strings.default([]),
    /** The machine has f64: functions that want more digits than f32 has are computed in it. */
    doubles: attr.bool.default(true),
    /** A product joins a sum in one instruction. */
    fused: attr.bool.default(false),
  },
  run(fn, { native, doubles, fused }) {
    const own = new Set(native.map((n) => `math.${n}`));
    const found: Operation[] = [];
    const divisions: Operation[] = [];
    fn.walk((op) => {
      if (rules.has(op.def) && !own.has(op.name)) found.push(op);
      else if (arith.divf.is(op) && op.result().type.kind === "vector") divisions.push(op);
    });
    let divided = false;
    const anyRounding = allows(fn, byReciprocal);
    for (const op of divisions) divided = multiplied(op, anyRounding) || divided;
    const entry = fn.regions[0]?.blocks[0];
    if (!entry || found.length === 0) return divided;
    const constants = new Constants(new Builder(entry, entry.first, fn.loc));
    const quicker = allows(fn, shorterFunctions);
    for (const op of found) {
      const known = rules.get(op.def)!;
      const shorter = (math.isNonPositive(op) ? known.quickOfNonPositive : undefined) ?? known.quick;
      const short = quicker && elementOf(op.result().type) === f32 ? shorter : undefined;
      const rule = short ? { ...single(short), contract: true, fused } : known;
      const b = Builder.before(op);
      op.result().replaceAllUsesWith(
        write(b, constants, doubles ? rule : { ...rule, inSingle: true, loose: true }, op.operands, op.result().type),
      );
      op.erase();
    }
    return true;
  },
});

function write(b: Builder, constants: Constants, rule: Rule, operands: readonly Value[], type: Type): Value {
  const element = elementOf(type);
  if (element === f64 || (element === f32 && rule.inSingle))
    return rule.expand(
      new Words(b, type, constants, {
        exact: !rule.loose,
        contract: rule.contract ?? false,
        fused: rule.fused ?? false,
      }),
      ...operands,
    );
  if (type.kind === "vector") return perElement(b, constants, rule, operands, type);
  const wide = operands.map((v) => arith.extf(b, v, { types: [f64] }));
  return arith.truncf(b, rule.expand(new Words(b, f64, constants), ...wide), { types: [type] });
}

function perElement(b: Builder, constants: Constants, rule: Rule, operands: readonly Value[], type: VectorType): Value {
  const count = type.shape.reduce((n, d) => n * d, 1);
  const elements = Array.from({ length: count }, (_, i) =>
    write(
      b,
      constants,
      rule,
      operands.map((v) => vector.extract(b, v, [], { static_position: [i] })),
      type.element,
    ),
  );
  return vector.from_elements(b, elements, { types: [vectorType(type.shape, type.element)] });
}
