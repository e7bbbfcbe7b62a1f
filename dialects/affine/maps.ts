/** @file Indices computed by affine maps. */
import { type AffineMap, evaluateMap } from "../../ir/affine.ts";
import type { AsmParser, AsmPrinter, ParsedOp } from "../../ir/asm.ts";
import { attr } from "../../ir/attributes.ts";
import { Index } from "../../ir/constraints.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { many, one } from "../../ir/fields.ts";
import { type Fail, Pure } from "../../ir/traits.ts";
import { index, mapAttribute } from "../../ir/types.ts";
import type { Location } from "../../support/location.ts";
import { affineApply, parseDimsAndSymbols, printDimsAndSymbols } from "./scope.ts";

interface MapView {
  readonly op: Operation;
  readonly map: AffineMap;
}

function parseMap(p: AsmParser, opAt?: Location): ParsedOp {
  const at = p.here();
  const given = p.attribute();
  if (given.kind !== "map") return p.fail("expected affine map attribute", at);
  const { values, numDims } = parseDimsAndSymbols(p);
  const { map } = given;
  // Minima and maxima leave it to the verifier.
  if (opAt && (map.numDims !== numDims || map.numSymbols !== values.length - numDims)) {
    return p.fail("dimension or symbol index mismatch", opAt);
  }
  return { operands: values, props: { map }, attributes: p.attrDict(), resultTypes: [index] };
}

function printMap({ op, map }: MapView, values: readonly Value[], p: AsmPrinter): void {
  p.write(" ");
  p.attribute(mapAttribute(map));
  printDimsAndSymbols(p, map, values);
  p.attrDict(op, ["map"]);
}

function verifyCounts({ map }: MapView, values: readonly Value[], fail: Fail): boolean {
  if (values.length === map.numDims + map.numSymbols) return true;
  fail("operand count and affine map dimension and symbol count must match", { code: "verify/operands" });
  return false;
}

/** The results of a map for operands, dimensions first. */
export const evaluateOn = (map: AffineMap, values: readonly number[]): number[] =>
  evaluateMap(map, values.slice(0, map.numDims), values.slice(map.numDims));

export const apply = defineOp("affine.apply", {
  doc: "The one result of an affine map of index operands: dimensions, then symbols.",
  operands: [many("mapOperands", Index)],
  attrs: { map: attr.map },
  results: [one("result", Index)],
  traits: [Pure],
  interfaces: [affineApply({ isApply: true })],
  infer: () => [index],
  parse: (p, at) => parseMap(p, at),
  print: (view, p) => printMap(view, view.mapOperands, p),
  verify(view, fail) {
    if (!verifyCounts(view, view.mapOperands, fail)) return;
    if (view.map.results.length !== 1) fail("mapping must produce one value", { code: "verify/attribute" });
  },
  evaluate: ({ map, mapOperands }) => evaluateOn(map, mapOperands),
});

export const min = defineOp("affine.min", {
  doc: "The least of the results of an affine map.",
  operands: [many("mapOperands", Index)],
  attrs: { map: attr.map },
  results: [one("result", Index)],
  traits: [Pure],
  infer: () => [index],
  parse: (p) => parseMap(p),
  print: (view, p) => printMap(view, view.mapOperands, p),
  verify(view, fail) {
    verifyCounts(view, view.mapOperands, fail);
  },
  evaluate: ({ map, mapOperands }) => [Math.min(...evaluateOn(map, mapOperands))],
});

export const max = defineOp("affine.max", {
  doc: "The greatest of the results of an affine map.",
  operands: [many("mapOperands", Index)],
  attrs: { map: attr.map },
  results: [one("result", Index)],
  traits: [Pure],
  infer: () => [index],
  parse: (p) => parseMap(p),
  print: (view, p) => printMap(view, view.mapOperands, p),
  verify(view, fail) {
    verifyCounts(view, view.mapOperands, fail);
  },
  evaluate: ({ map, mapOperands }) => [Math.max(...evaluateOn(map, mapOperands))],
});

export const delinearize_index = defineOp("affine.delinearize_index", {
  doc: "A linear index as coordinates in a box of the given sizes, the last one running fastest.",
  operands: [one("linear_index", Index), many("basis", Index)],
  results: [many("multi_index", Index)],
  traits: [Pure],
  assembly: "$linear_index `into` ` ` `(` $basis `)` attr-dict `:` type($multi_index)",
  inferLoosely: true,
  infer: ({ basis }) => basis.map(() => index),
  verify({ basis, multi_index }, fail) {
    if (basis.length === 0) fail("basis should not be empty", { code: "verify/operands" });
    else if (basis.length !== multi_index.length) {
      fail("should return an index for each basis element", { code: "verify/operands" });
    }
  },
  evaluate({ linear_index, basis }, run) {
    if (basis.some((n) => n <= 0)) run.fail(`the basis ${basis.join(", ")} has an element that is not positive`);
    const out = new Array<number>(basis.length);
    let rest = linear_index;
    for (let i = basis.length - 1; i > 0; i--) {
      const n = basis[i]!;
      out[i] = rest - Math.floor(rest / n) * n;
      rest = Math.floor(rest / n);
    }
    out[0] = rest;
    return out;
  },
});
