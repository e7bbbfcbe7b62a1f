/**
 * @file What MLIR's runner libraries give to programs that declare it: printing and comparing memrefs. Handed to the
 * interpreter as `externals`.
 */
import type { External } from "../ir/interpret.ts";
import { type Element, NDArray } from "../support/ndarray.ts";
import { generalFloat } from "./vector/print.ts";

/** One element as a C++ stream writes it: bytes are characters. */
type Show = (v: Element) => string;
const decimal: Show = (v) => String(v);
const general: Show = (v) => generalFloat(Number(v));
const character: Show = (v) => String.fromCharCode(Number(v) & 0xff);

/** Suffixes of the functions' names, per element type. */
const elements: Readonly<Record<string, Show>> = {
  I8: character,
  I16: decimal,
  I32: decimal,
  I64: decimal,
  Ind: decimal,
  F16: general,
  BF16: general,
  F32: general,
  F64: general,
};

const numbers = (list: readonly number[]): string => `[${list.join(", ")}]`;

/** As `printMemref…` shows a memref; the address of its data is left out. */
export function memrefText(a: NDArray, show: Show): string {
  const head = `Unranked Memref base@ = PTR rank = ${a.rank} offset = ${a.offset}`;
  return `${head} sizes = ${numbers(a.shape)} strides = ${numbers(a.strides)} data = \n${dataText(a, 0, a.offset, show)}\n`;
}

/** Elements of a dimension are separated by commas, rows by lines that are indented by their depth. */
function dataText(a: NDArray, dimension: number, at: number, show: Show): string {
  if (dimension === a.rank) return a.rank === 0 ? `[${show(a.getData(at))}]` : show(a.getData(at));
  const innermost = dimension === a.rank - 1;
  const separator = (innermost ? ", " : ", \n") + " ".repeat(dimension + 1);
  const parts: string[] = [];
  for (let i = 0; i < a.shape[dimension]!; i++) {
    parts.push(dataText(a, dimension + 1, at + i * a.strides[dimension]!, show));
  }
  return `[${parts.join(separator)}]`;
}

const print =
  (show: Show): External =>
  ([a], run) => {
    if (!(a instanceof NDArray)) return run.fail("a memref is wanted");
    run.print(memrefText(a, show));
    return [];
  };

/** How many elements differ. */
const compare: External = ([a, b], run) => {
  if (!(a instanceof NDArray && b instanceof NDArray) || a.size !== b.size)
    return run.fail("memrefs of one shape are wanted");
  const wanted = b.values();
  return [BigInt(a.values().filter((v, i) => v !== wanted[i]).length)];
};

/** A single number, or a fixed text. */
const printNumber =
  (show: Show): External =>
  ([v], run) => {
    run.print(show(v as Element));
    return [];
  };
const printText =
  (text: string): External =>
  (_, run) => {
    run.print(text);
    return [];
  };

const singles: Readonly<Record<string, External>> = {
  printI64: printNumber(decimal),
  printU64: printNumber((v) => String(BigInt.asUintN(64, BigInt(v)))),
  printF16: printNumber(general),
  printBF16: printNumber(general),
  printF32: printNumber(general),
  printF64: printNumber(general),
  printOpen: printText("( "),
  printClose: printText(" )"),
  printComma: printText(", "),
  printNewline: printText("\n"),
};

/** The functions by name: `printMemrefF32`, `verifyMemRefI8`, …, `printI64`, `printNewline`, …. */
export const runnerLibrary: Readonly<Record<string, External>> = Object.fromEntries([
  ...Object.entries(singles),
  ...Object.entries(elements).map(([suffix, show]) => [`printMemref${suffix}`, print(show)] as const),
  ...Object.keys(elements).map((suffix) => [`verifyMemRef${suffix}`, compare] as const),
]);
