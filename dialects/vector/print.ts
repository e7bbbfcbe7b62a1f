/** @file `vector.print`: how values are shown while a program runs, as MLIR's runner library writes them. */
import { attr } from "../../ir/attributes.ts";
import { where } from "../../ir/constraints.ts";
import { unsignedOf } from "../../ir/datum.ts";
import { defineOp } from "../../ir/define.ts";
import { writes } from "../../ir/effects.ts";
import type { Num } from "../../ir/evaluate.ts";
import { optional } from "../../ir/fields.ts";
import { elementOf, type Type } from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";

const Printable = where<Type>(
  "",
  (t) => t.kind === "vector" || t.kind === "integer" || t.kind === "index" || t.kind === "float",
);

const punctuations = ["no_punctuation", "newline", "comma", "open", "close"] as const;
const marks = { no_punctuation: "", newline: "\n", comma: ", ", open: "( ", close: " )" } as const;

export const print = defineOp("vector.print", {
  doc: "Prints a scalar or vector, or a text, or only a punctuation mark.",
  operands: [optional("source", Printable)],
  attrs: {
    punctuation: attr.enumAttr("vector.punctuation", punctuations).default("newline"),
    stringLiteral: attr.any.optional(),
  },
  assembly: "($source^ `:` type($source))? oilist(`str` $stringLiteral | `punctuation` $punctuation) attr-dict",
  effects: () => [writes()],
  verify({ source, punctuation, stringLiteral }, fail) {
    if (stringLiteral && (source || punctuation !== "newline")) {
      fail("failed to verify that `source` or `punctuation` are not set when printing strings");
    }
  },
  evaluate({ source, punctuation, stringLiteral }, run) {
    if (stringLiteral) {
      run.print(stringLiteral.kind === "string" ? stringLiteral.value : "");
      return [];
    }
    let text = "";
    if (source instanceof NDArray) text = vectorText(source, elementOf(run.operandType(0)));
    else if (source !== undefined) text = scalarText(source as Num, run.operandType(0));
    run.print(text + marks[punctuation]);
    return [];
  },
});

/** `( ( 1, 2 ), ( 3, 4 ) )`. */
export function vectorText(a: NDArray, t: Type): string {
  if (a.rank === 0) return `( ${scalarText(a.get([]), t)} )`;
  const parts: string[] = [];
  for (let i = 0; i < a.shape[0]!; i++) {
    if (a.rank === 1) parts.push(scalarText(a.get([i]), t));
    else {
      const inner = new NDArray(a.dtype, a.shape.slice(1), a.data, a.strides.slice(1), a.offset + i * a.strides[0]!);
      parts.push(vectorText(inner, t));
    }
  }
  return `( ${parts.join(", ")} )`;
}

/** A number as C's printf shows it: `%g` for floats, decimal digits for integers; index is unsigned. */
export function scalarText(value: Num, t: Type): string {
  if (t.kind === "float") return generalFloat(value as number);
  if (t.kind === "index" && value < 0) return String(unsignedOf(t, BigInt(value)));
  return String(value);
}

/** C's `%g`: six significant digits without trailing zeros, scientific where the exponent is below -4 or above 5. */
export function generalFloat(x: number): string {
  if (Number.isNaN(x)) return "nan";
  if (!Number.isFinite(x)) return x > 0 ? "inf" : "-inf";
  if (x === 0) return Object.is(x, -0) ? "-0" : "0";
  const [digits, power] = x.toExponential(5).split("e") as [string, string];
  const exponent = Number(power);
  const trim = (s: string): string => (s.includes(".") ? s.replace(/\.?0+$/, "") : s);
  if (exponent >= -4 && exponent < 6) return trim(x.toFixed(5 - exponent));
  const sign = exponent < 0 ? "-" : "+";
  return `${trim(digits)}e${sign}${String(Math.abs(exponent)).padStart(2, "0")}`;
}
