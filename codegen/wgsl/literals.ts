/** @file Numbers as WGSL writes them. Infinities and NaN have no literal: a function makes them of their bits. */
import * as arith from "../../dialects/arith/ops.ts";
import * as vector from "../../dialects/vector/index.ts";
import type { Operation } from "../../ir/core.ts";
import { datumOfAttribute } from "../../ir/datum.ts";
import { type Attribute, elementOf, type Type } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { atom, binding, type Expr } from "../source.ts";
import { carrierOf, lanesOf, Unsupported } from "./types.ts";

/** What literals need of the writer: functions beside the kernel, and names of types. */
export interface LiteralWriter {
  helper(name: string, text: string): string;
  typeOf(t: Type, op: Operation): string;
}

const bits = new DataView(new ArrayBuffer(4));

/** An f32. */
export function floatLiteral(value: number, w: LiteralWriter): Expr {
  const x = Math.fround(value);
  if (!Number.isFinite(x)) {
    bits.setFloat32(0, x);
    const name = w.helper("fbits", "fn fbits(x: u32) -> f32 { var b = x; return bitcast<f32>(b); }");
    return atom(`${name}(0x${bits.getUint32(0).toString(16)}u)`);
  }
  if (Object.is(x, -0)) return { text: "-0f", level: binding.unary };
  const text = `${shortest(x)}f`;
  return x < 0 ? { text, level: binding.unary } : atom(text);
}

/** The fewest digits that round to the same f32. */
function shortest(x: number): string {
  for (let digits = 1; digits < 9; digits++) {
    const text = Number(x.toPrecision(digits)).toString();
    if (Math.fround(Number(text)) === x) return text;
  }
  return x.toString();
}

/** An i32; wider integers must fit. */
export function integerLiteral(value: bigint | number): Expr | undefined {
  const n = BigInt(value);
  if (n < -(2n ** 31n) || n >= 2n ** 31n) return undefined;
  if (n === -(2n ** 31n)) return atom("i32(-2147483648)");
  return n < 0n ? { text: `${n}`, level: binding.unary } : atom(`${n}`);
}

function scalar(value: number | bigint, t: Type, op: Operation, w: LiteralWriter): Expr {
  const carrier = carrierOf(t);
  if (carrier === "f32") return floatLiteral(Number(value), w);
  if (carrier === "bool") return atom(Number(value) === 0 ? "false" : "true");
  // Unsigned numbers of 32 bits are their bits.
  const wide = elementOf(t).kind === "integer" && (elementOf(t) as { width: number }).width <= 32;
  const e = carrier && integerLiteral(wide ? BigInt.asIntN(32, BigInt(value)) : value);
  if (!e) throw new Unsupported(op, "integers of more than 32 bits");
  return e;
}

/** The literal that a constant is, or a constant in every lane; undefined for anything else. */
export function literalOf(op: Operation, w: LiteralWriter): Expr | undefined {
  const spread = vector.broadcast.match(op);
  if (spread && (lanesOf(op.result().type) ?? 1) > 1) {
    const { definingOp } = spread.source;
    const one = definingOp && spread.source.type.kind !== "vector" ? literalOf(definingOp, w) : undefined;
    return one && atom(`${w.typeOf(op.result().type, op)}(${one.text})`);
  }
  const value = arith.constant.match(op.results[0] ?? op)?.value as Attribute | undefined;
  if (!value) return undefined;
  const { type } = op.result();
  if (type.kind !== "vector") return scalar(datumOfAttribute(value) as number, type, op, w);
  const array = datumOfAttribute(value) as NDArray;
  const lanes = lanesOf(type);
  const name = w.typeOf(type, op);
  if (!lanes) throw new Unsupported(op, "vectors of this length");
  const texts = Array.from(
    { length: lanes },
    (_, i) => scalar(array.contiguous().getData(i) as number, type, op, w).text,
  );
  return atom(`${name}(${texts.every((t) => t === texts[0]) ? texts[0] : texts.join(",")})`);
}
