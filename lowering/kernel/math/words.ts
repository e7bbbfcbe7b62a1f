/** @file Arithmetic on floats of one format, scalars or vectors alike, for writing elementary functions down. */
import * as arith from "../../../dialects/arith/ops.ts";
import * as math from "../../../dialects/math.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Value } from "../../../ir/core.ts";
import { denseOfArray, dtypeOf } from "../../../ir/datum.ts";
import {
  type Attribute,
  attributeKey,
  elementOf,
  f64,
  type IntegerType,
  i32,
  i64,
  type Type,
  type VectorType,
  withElement,
} from "../../../ir/types.ts";
import { NDArray } from "../../../support/ndarray.ts";

/** What must be known of a format: f32 or f64. */
interface Format {
  readonly mantissa: number;
  readonly bias: number;
  readonly integer: IntegerType;
  /** Adding and subtracting it rounds to an integer, which is left in the low bits. */
  readonly magic: number;
  readonly magicBits: bigint;
}

const single: Format = { mantissa: 23, bias: 127, integer: i32, magic: 12582912, magicBits: 0x4b400000n };
const double: Format = {
  mantissa: 52,
  bias: 1023,
  integer: i64,
  magic: 6755399441055744,
  magicBits: 0x4338000000000000n,
};

/** The constants of a function: one of each, at its start, so that loops find them in registers. */
export class Constants {
  readonly #b: Builder;
  readonly #known = new Map<string, Value>();

  constructor(b: Builder) {
    this.#b = b;
  }

  /** A number in every lane of a type. */
  get(value: number | bigint, type: Type): Value {
    const element = elementOf(type);
    const one: Attribute =
      typeof value === "bigint" ? { kind: "integer", value, type: element } : { kind: "float", value, type: element };
    const key = `${attributeKey(one)} ${type.id}`;
    let v = this.#known.get(key);
    if (!v) {
      const stored = element === i32 ? Number(value) : value;
      const attribute =
        type === element
          ? one
          : denseOfArray(NDArray.filled(dtypeOf(element)!, (type as VectorType).shape, stored), type);
      v = arith.constant(this.#b, { value: attribute });
      this.#known.set(key, v);
    }
    return v;
  }
}

type FloatTest = "olt" | "ole" | "ogt" | "oge" | "oeq" | "une" | "uno";

export class Words {
  readonly b: Builder;
  readonly type: Type;
  readonly ints: Type;
  readonly format: Format;
  readonly isDouble: boolean;
  /** A product joins a sum in one instruction. */
  readonly fused: boolean;
  readonly #constants: Constants;
  readonly #exact: boolean;
  readonly #flags: { readonly fastmath?: readonly "contract"[] };

  /**
   * `exact`: what is added and subtracted again is not optimized away by compilers further down. `contract`: products that
   * are added may be rounded once.
   */
  constructor(b: Builder, type: Type, constants: Constants, { exact = true, contract = false, fused = false } = {}) {
    this.b = b;
    this.fused = fused;
    this.#exact = exact;
    this.#flags = contract ? { fastmath: ["contract"] } : {};
    this.#constants = constants;
    this.type = type;
    this.isDouble = elementOf(type) === f64;
    this.format = this.isDouble ? double : single;
    this.ints = withElement(type, this.format.integer);
  }

  /** The number of this format. */
  rounded(value: number): number {
    return this.isDouble ? value : Math.fround(value);
  }

  /** A float in every lane. */
  c(value: number): Value {
    return this.#constants.get(this.rounded(value), this.type);
  }

  /** An integer of the same width in every lane. */
  i(value: bigint | number): Value {
    return this.#constants.get(BigInt.asIntN(this.format.integer.width, BigInt(value)), this.ints);
  }

  add = (x: Value, y: Value): Value => arith.addf(this.b, x, y, this.#flags);
  sub = (x: Value, y: Value): Value => arith.subf(this.b, x, y);
  mul = (x: Value, y: Value): Value => arith.mulf(this.b, x, y, this.#flags);
  div = (x: Value, y: Value): Value => arith.divf(this.b, x, y);
  neg = (x: Value): Value => arith.negf(this.b, x);
  abs = (x: Value): Value => math.absf(this.b, x);
  sqrt = (x: Value): Value => math.sqrt(this.b, x);
  addi = (x: Value, y: Value): Value => arith.addi(this.b, x, y);
  subi = (x: Value, y: Value): Value => arith.subi(this.b, x, y);
  and = (x: Value, y: Value): Value => arith.andi(this.b, x, y);
  or = (x: Value, y: Value): Value => arith.ori(this.b, x, y);
  shl = (x: Value, n: number): Value => arith.shli(this.b, x, this.i(n));
  sar = (x: Value, n: number): Value => arith.shrsi(this.b, x, this.i(n));
  test = (predicate: FloatTest, x: Value, y: Value): Value => arith.cmpf(this.b, x, y, { predicate });
  testi = (predicate: "eq" | "ne" | "slt" | "sgt", x: Value, y: Value): Value =>
    arith.cmpi(this.b, x, y, { predicate });
  choose = (condition: Value, yes: Value, no: Value): Value => arith.select(this.b, condition, yes, no);
  bits = (x: Value): Value => arith.bitcast(this.b, x, { types: [this.ints] });
  floats = (x: Value): Value => arith.bitcast(this.b, x, { types: [this.type] });
  toFloat = (x: Value): Value => arith.sitofp(this.b, x, { types: [this.type] });

  /** c[0] + x (c[1] + x (…)). */
  poly(x: Value, coefficients: readonly number[]): Value {
    let v = this.c(coefficients[coefficients.length - 1]!);
    for (let i = coefficients.length - 2; i >= 0; i--) v = this.add(this.mul(v, x), this.c(coefficients[i]!));
    return v;
  }

  /**
   * The same by pairs (Estrin's scheme): a shorter chain, for machines that start several operations at once.
   */
  polyPairs(x: Value, coefficients: readonly number[]): Value {
    let terms: Value[] = [];
    for (let i = 0; i < coefficients.length; i += 2) {
      const low = this.c(coefficients[i]!);
      const high = coefficients[i + 1];
      const times = (n: number): Value => (this.rounded(n) === 1 ? x : this.mul(x, this.c(n)));
      terms.push(high === undefined ? low : this.add(low, times(high)));
    }
    for (let power = x; terms.length > 1; ) {
      power = this.mul(power, power);
      const next: Value[] = [];
      for (let i = 0; i < terms.length; i += 2) {
        const high = terms[i + 1];
        next.push(high ? this.add(terms[i]!, this.mul(power, high)) : terms[i]!);
      }
      terms = next;
    }
    return terms[0]!;
  }

  /** x, or a number that it is below of; NaN stays. */
  atLeast(x: Value, low: number): Value {
    return this.choose(this.test("olt", x, this.c(low)), this.c(low), x);
  }

  /** x kept between two numbers; NaN stays. */
  clamp(x: Value, low: number, high: number): Value {
    const above = this.atLeast(x, low);
    return this.choose(this.test("ogt", above, this.c(high)), this.c(high), above);
  }

  /** Rounds to the nearest integer (ties to even) of at most 22 (51) bits: as a float, and as an integer. */
  nearest(x: Value): { readonly whole: Value; readonly int: Value } {
    if (!this.#exact) {
      const whole = math.roundeven(this.b, x);
      return { whole, int: arith.fptosi(this.b, whole, { types: [this.ints] }) };
    }
    const shifted = this.add(x, this.c(this.format.magic));
    return {
      whole: this.sub(shifted, this.c(this.format.magic)),
      int: this.subi(this.bits(shifted), this.i(this.format.magicBits)),
    };
  }

  /** 2^n for an integer n within the range of normal exponents. */
  power2(n: Value): Value {
    return this.floats(this.shl(this.addi(n, this.i(this.format.bias)), this.format.mantissa));
  }

  /** |x| with the sign of y. */
  withSign(x: Value, y: Value): Value {
    const sign = this.i(1n << BigInt(this.format.integer.width - 1));
    const rest = this.i((1n << BigInt(this.format.integer.width - 1)) - 1n);
    return this.floats(this.or(this.and(this.bits(x), rest), this.and(this.bits(y), sign)));
  }
}
