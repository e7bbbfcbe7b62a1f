/** @file Bounds of affine loops as text: constants, symbols, maps, and lists of minima or maxima. */
import { type AffineExpr, type AffineMap, affineMap, constant, dim, substitute, symbol } from "../../ir/affine.ts";
import type { AsmParser, AsmPrinter, UnresolvedOperand } from "../../ir/asm.ts";
import type { Value } from "../../ir/core.ts";
import { index as indexType, mapAttribute } from "../../ir/types.ts";
import type { Location } from "../../support/location.ts";
import { parseDimsAndSymbols, printDimsAndSymbols } from "./scope.ts";

/** Which of several results is the bound: the greatest lower one, the least upper one. */
export type BoundWord = "max" | "min";

export interface Bound {
  readonly map: AffineMap;
  readonly values: readonly Value[];
}

/** The map that is its one symbol. */
export const symbolMap = affineMap(0, 1, [symbol(0)]);
export const constantMap = (value: number): AffineMap => affineMap(0, 0, [constant(value)]);

/** The bound of `affine.for`: `10`, `%n`, `#map(%i)[%n]`, `min #map(%i)[%n]`. */
export function parseBound(p: AsmParser, word: BoundWord, opAt: Location): Bound {
  const prefixed = p.optionalKeyword(word);
  const single = p.optionalOperand();
  if (single) {
    if (p.at(",")) return p.fail("expected only one loop bound operand", opAt);
    return { map: symbolMap, values: [p.resolve(single, indexType)] };
  }
  const at = p.here();
  const given = p.attribute(indexType);
  if (given.kind === "integer") return { map: constantMap(Number(given.value)), values: [] };
  if (given.kind !== "map") return p.fail("expected valid affine map representation for loop bounds", opAt);
  const { map } = given;
  const { values, numDims } = parseDimsAndSymbols(p);
  if (map.numDims !== numDims) return p.fail("dim operand count and affine map dim count must match", opAt);
  if (map.numSymbols !== values.length - numDims) {
    return p.fail("symbol operand count and affine map symbol count must match", opAt);
  }
  if (map.results.length > 1 && !prefixed) {
    const which = word === "max" ? "lower" : "upper";
    return p.fail(`${which} loop bound affine map with multiple results requires '${word}' prefix`, at);
  }
  return { map, values };
}

export function printBound({ map, values }: Bound, word: BoundWord, p: AsmPrinter): void {
  const only = map.results.length === 1 ? map.results[0]! : undefined;
  if (only?.kind === "constant" && map.numDims + map.numSymbols === 0) {
    p.write(`${only.value}`);
    return;
  }
  if (map === symbolMap) {
    p.operand(values[0]!);
    return;
  }
  if (!only) p.write(`${word} `);
  p.attribute(mapAttribute(map));
  printDimsAndSymbols(p, map, values);
}

/** Bounds of several loops in one map: results of each loop in turn, as many as its group says. */
export interface Bounds extends Bound {
  readonly groups: readonly number[];
}

/** Operands of several expressions, each with dimensions and symbols of its own, made into one list without repetition. */
class OperandPool {
  readonly names: UnresolvedOperand[] = [];
  readonly #make: (i: number) => AffineExpr;

  constructor(make: (i: number) => AffineExpr) {
    this.#make = make;
  }

  /** What the operands of one expression are in the common list. */
  expressions(operands: readonly UnresolvedOperand[]): AffineExpr[] {
    return operands.map((o) => {
      let i = this.names.findIndex((n) => n.name === o.name && n.number === o.number);
      if (i < 0) i = this.names.push(o) - 1;
      return this.#make(i);
    });
  }
}

/** `(0, max(%i, 1), %n + 2)`. */
export function parseBounds(p: AsmParser, word: BoundWord): Bounds {
  const dims = new OperandPool(dim);
  const symbols = new OperandPool(symbol);
  const results: AffineExpr[] = [];
  const groups: number[] = [];
  const take = (map: AffineMap, d: readonly UnresolvedOperand[], s: readonly UnresolvedOperand[]): void => {
    const common = [dims.expressions(d), symbols.expressions(s)] as const;
    for (const r of map.results) results.push(substitute(r, ...common));
    groups.push(map.results.length);
  };
  p.list("()", () => {
    if (p.optionalKeyword(word)) {
      const one = p.affineMapOfOperands("()");
      take(one.map, one.dims, one.symbols);
    } else {
      const d: UnresolvedOperand[] = [];
      const s: UnresolvedOperand[] = [];
      take(p.affineExprOfOperands(d, s), d, s);
    }
  });
  return {
    map: affineMap(dims.names.length, symbols.names.length, results),
    values: p.resolveAll([...dims.names, ...symbols.names], indexType),
    groups,
  };
}

export function printBounds({ map, values, groups }: Bounds, word: BoundWord, p: AsmPrinter): void {
  const dims = values.slice(0, map.numDims);
  const symbols = values.slice(map.numDims);
  let start = 0;
  for (const [i, size] of groups.entries()) {
    if (i > 0) p.write(", ");
    if (size === 1) p.affineExprOfOperands(map.results[start]!, dims, symbols);
    else {
      p.write(`${word}(`);
      const part = affineMap(map.numDims, map.numSymbols, map.results.slice(start, start + size));
      p.affineMapOfOperands(part, dims, symbols);
      p.write(")");
    }
    start += size;
  }
}
