/** @file Index expressions: sums of products as they are written, and what is known of them without writing. */
import * as affine from "../../dialects/affine/index.ts";
import * as arith from "../../dialects/arith/ops.ts";
import * as gpu from "../../dialects/gpu.ts";
import * as scf from "../../dialects/scf/ops.ts";
import { type AffineExpr, largestKnownDivisor, walkExpr } from "../../ir/affine.ts";
import { Operation, type Value } from "../../ir/core.ts";
import { stridedOf } from "../../ir/strided.ts";
import { isDynamic, type MemRefType } from "../../ir/types.ts";
import { identityOf } from "../../support/identity.ts";
import { atom, call, type Expr, infix } from "../source.ts";
import { integerLiteral } from "./literals.ts";
import { Unsupported } from "./types.ts";
import type { KernelWriter } from "./writer.ts";

/** An index expression over values. */
interface Term {
  readonly expr: AffineExpr | undefined;
  /** The value itself, or the operands of `expr`. */
  readonly values: readonly Value[];
  factor: number;
}

/** A sum of terms and a number. */
export class Sum {
  readonly terms = new Map<string, Term>();
  rest = 0;

  add(v: Value, scale: number): void {
    const known = constantIndex(v);
    if (known !== undefined) {
      this.rest += known * scale;
      return;
    }
    const op = v.definingOp;
    const apply = affine.apply.match(v);
    if (apply && isOpen(apply.map.results[0]!, apply.mapOperands)) {
      this.#addExpr(apply.map.results[0]!, apply.mapOperands, scale);
    } else if (op && arith.addi.is(op)) {
      this.add(op.operand(0), scale);
      this.add(op.operand(1), scale);
    } else if (op && arith.subi.is(op)) {
      this.add(op.operand(0), scale);
      this.add(op.operand(1), -scale);
    } else this.#term(undefined, [v], scale);
  }

  static of(e: AffineExpr, operands: readonly Value[]): Sum {
    const sum = new Sum();
    sum.#addExpr(e, operands, 1);
    return sum;
  }

  /** Equal for equal sums, in whatever order they were made. */
  get key(): string {
    return [...this.terms]
      .map(([key, { factor }]) => `${key} ${factor}`)
      .sort()
      .concat(`${this.rest}`)
      .join();
  }

  #addExpr(e: AffineExpr, operands: readonly Value[], scale: number): void {
    if (e.kind === "constant") this.rest += e.value * scale;
    else if (e.kind === "dim") this.add(operands[e.index]!, scale);
    else if (e.kind === "+") {
      this.#addExpr(e.lhs, operands, scale);
      this.#addExpr(e.rhs, operands, scale);
    } else if (e.kind === "*" && e.rhs.kind === "constant") this.#addExpr(e.lhs, operands, scale * e.rhs.value);
    else this.#term(e, operands, scale);
  }

  #term(expr: AffineExpr | undefined, values: readonly Value[], scale: number): void {
    const key = `${expr?.key ?? ""} ${values.map(identityOf).join(",")}`;
    const known = this.terms.get(key);
    if (known) known.factor += scale;
    else this.terms.set(key, { expr, values, factor: scale });
  }

  /** What is divided and put together again is as it was: `(x floordiv n) * n + x mod n`. */
  join(): this {
    for (const [key, whole] of this.terms) {
      const q = divisionOf(whole);
      if (q?.kind !== "floordiv") continue;
      const other = [...this.terms].find(([, t]) => {
        const r = divisionOf(t);
        return r?.kind === "mod" && r.by === q.by && r.key === q.key && t.factor * q.by === whole.factor;
      });
      if (!other) continue;
      this.terms.delete(key);
      this.terms.delete(other[0]);
      this.#addExpr(q.of, q.operands, other[1].factor);
      return this.join();
    }
    return this;
  }

  /** Nothing but this value. */
  isJust(v: Value): boolean {
    const [term] = this.terms.values();
    return this.rest === 0 && term?.expr === undefined && term?.factor === 1 && term.values[0] === v;
  }

  /** A number that divides the sum whatever the values are. */
  get divisor(): number {
    let d = Math.abs(this.rest);
    for (const { expr, factor } of this.terms.values()) {
      d = gcd(d, Math.abs(factor) * (expr ? Math.max(1, largestKnownDivisor(expr)) : 1));
    }
    return d;
  }
}

interface Division {
  readonly kind: "floordiv" | "mod";
  /** What is divided: an expression over operands, and a key that tells it from others. */
  readonly of: AffineExpr;
  readonly operands: readonly Value[];
  readonly key: string;
  readonly by: number;
}

/** What a term divides by what, if it does nothing else. What is divided divides nothing itself: that has a name. */
function divisionOf({ expr, values }: Term): Division | undefined {
  const apply = expr ? { e: expr, operands: values } : appliedIn(values[0]!);
  const e = apply?.e;
  if (!apply || (e?.kind !== "floordiv" && e?.kind !== "mod") || e.rhs.kind !== "constant") return undefined;
  if (divides(e.lhs)) return undefined;
  const { operands } = apply;
  return { kind: e.kind, of: e.lhs, operands, key: Sum.of(e.lhs, operands).key, by: e.rhs.value };
}

function appliedIn(v: Value): { readonly e: AffineExpr; readonly operands: readonly Value[] } | undefined {
  const apply = affine.apply.match(v);
  return apply && { e: apply.map.results[0]!, operands: apply.mapOperands };
}

const isDivision = (e: AffineExpr): boolean => e.kind === "mod" || e.kind === "floordiv" || e.kind === "ceildiv";

function divides(e: AffineExpr): boolean {
  let found = false;
  walkExpr(e, (part) => {
    found ||= isDivision(part);
  });
  return found;
}

/** Written as it is where it occurs. Divisions have a name of their own, as has the number of the thread. */
function isOpen(e: AffineExpr, operands: readonly Value[]): boolean {
  if (isDivision(e)) return false;
  return !operands.some((v) => !(v.owner instanceof Operation) && gpu.launch.match(v.owner.parentOp));
}

const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));

export function constantIndex(v: Value): number | undefined {
  const value = arith.constant.match(v)?.value;
  return value?.kind === "integer" ? Number(value.value) : undefined;
}

/** The position of an element in its buffer, without the offset of the buffer itself. */
export function positionOf(type: MemRefType, indices: readonly Value[], op: Operation): Sum {
  const layout = stridedOf(type);
  if (!layout || layout.strides.some(isDynamic)) throw new Unsupported(op, "a buffer without known strides");
  const sum = new Sum();
  indices.forEach((v, d) => {
    sum.add(v, layout.strides[d]!);
  });
  return sum.join();
}

export const number = (n: number): Expr => integerLiteral(n)!;

/** The sum as text, `shift` (elements or text) added, divided by `unit`, which divides it. */
export function sumText(sum: Sum, shift: number | string, unit: number, w: KernelWriter): Expr {
  const terms = [...sum.terms].filter(([, t]) => t.factor !== 0);
  let e: Expr | undefined;
  const plus = (x: Expr): void => {
    e = e ? infix("+", e, x) : x;
  };
  const all = (): Expr | undefined => {
    for (const [, { expr, values, factor }] of terms) {
      const one = expr ? affineText(expr, values, w) : w.use(values[0]!);
      const scaled = factor / unit;
      if (scaled < 0 && e) {
        e = infix("-", e, scaled === -1 ? one : infix("*", one, number(-scaled)));
      } else plus(scaled === 1 ? one : infix("*", one, number(scaled)));
    }
    return e;
  };
  e =
    terms.length > 1
      ? w.shared(`${terms.map(([key, t]) => `${key} ${t.factor}`).join()} / ${unit}`, () => all()!)
      : all();
  const rest = (sum.rest + (typeof shift === "number" ? shift : 0)) / unit;
  if (typeof shift === "string") plus(unit === 1 ? atom(shift) : infix("/", atom(shift), number(unit)));
  if (rest < 0 && e) e = infix("-", e, number(-rest));
  else if (rest !== 0 || !e) plus(number(rest));
  return e!;
}

/** An affine expression over values. */
export function affineText(e: AffineExpr, operands: readonly Value[], w: KernelWriter): Expr {
  switch (e.kind) {
    case "dim":
    case "symbol":
      return w.use(operands[e.index]!);
    case "constant":
      return number(e.value);
    case "+": {
      const left = affineText(e.lhs, operands, w);
      if (e.rhs.kind === "constant" && e.rhs.value < 0) return infix("-", left, number(-e.rhs.value));
      return infix("+", left, affineText(e.rhs, operands, w));
    }
    case "*":
      return infix("*", affineText(e.lhs, operands, w), affineText(e.rhs, operands, w));
    default: {
      const a = affineText(e.lhs, operands, w);
      const b = affineText(e.rhs, operands, w);
      if (e.kind === "ceildiv") return infix("/", infix("+", a, infix("-", b, number(1))), b);
      const plain = isNonNegative(e.lhs, operands);
      if (plain) return infix(e.kind === "mod" ? "%" : "/", a, b);
      const down = w.helper("fdiv", "fn fdiv(a: i32, b: i32) -> i32 { return select(a, a - b + 1, a < 0) / b; }");
      const whole = call(down, a, b);
      if (e.kind === "floordiv") return whole;
      const n = w.named(a);
      return infix("-", n, infix("*", call(down, n, b), b));
    }
  }
}

/** Certainly not below zero. */
function isNonNegative(e: AffineExpr, operands: readonly Value[]): boolean {
  switch (e.kind) {
    case "dim":
    case "symbol":
      return isCount(operands[e.index]!);
    case "constant":
      return e.value >= 0;
    case "mod":
      return true;
    default:
      return isNonNegative(e.lhs, operands) && isNonNegative(e.rhs, operands);
  }
}

/** A thread, a workgroup, a lane, the counter of a loop from zero or more, or made of them. */
export function isCount(v: Value): boolean {
  const known = constantIndex(v);
  if (known !== undefined) return known >= 0;
  const apply = affine.apply.match(v);
  if (apply) return isNonNegative(apply.map.results[0]!, apply.mapOperands);
  const least = arith.minui.match(v);
  if (least) return isCount(least.lhs) || isCount(least.rhs);
  if (v.owner instanceof Operation) return gpu.lane_id.is(v.owner) || gpu.subgroup_size.is(v.owner);
  const around = v.owner.parentOp;
  if (!around) return false;
  if (gpu.launch.is(around)) return true;
  const loop = scf.for.match(around);
  return loop !== undefined && v.index === 0 && isCount(loop.lowerBound);
}
