/**
 * @file Which values may be dimensions and symbols of affine maps. Symbols do not change while the affine scope around an
 * op (a function) runs; dimensions may also be counters of affine loops, and what affine maps make of them.
 */
import type { AffineMap } from "../../ir/affine.ts";
import type { AsmParser, AsmPrinter } from "../../ir/asm.ts";
import { Block, type Operation, type Region, type Value } from "../../ir/core.ts";
import { defineInterface } from "../../ir/interface.ts";
import { AffineScope, type Fail, Isolated } from "../../ir/traits.ts";
import { type Attribute, index as indexType, isDynamic, type MemRefType } from "../../ir/types.ts";
import { alloc } from "../memref/allocate.ts";
import { cast as memrefCast, dim as memrefDim } from "../memref/cast.ts";
import { viewOp as memrefView, subview } from "../memref/view.ts";
import { dynamicCount } from "../shaped.ts";
import { dim as tensorDim } from "../tensor/access.ts";

/** Ops that make an index from indices by an affine map: valid where their operands are. */
export const affineApply = defineInterface<{ readonly isApply: true }>("affine-apply");
/** Loops whose counters are dimensions. */
export const affineLoop = defineInterface<{ readonly isLoop: true }>("affine-loop");

/** The shaped value of which an op asks the size of a dimension. */
const dimensionOf = (op: Operation): Value | undefined =>
  memrefDim.is(op) || tensorDim.is(op) ? op.operand(0) : undefined;

/** The region of the nearest affine scope that holds an op; undefined if there is none. */
export function scopeOf(op: Operation): Region | undefined {
  for (let o = op; o.parentOp; o = o.parentOp) if (o.parentOp.def.has(AffineScope)) return o.parentRegion ?? undefined;
  return undefined;
}

const regionOf = (v: Value): Region | null => v.block?.parent ?? null;

/** Defined at the top of an affine scope. */
function isTopLevel(v: Value): boolean {
  const parent = v.owner instanceof Block ? v.owner.parentOp : v.owner.parentOp;
  return parent?.def.has(AffineScope) ?? false;
}

/** May the value be a symbol, as seen from a region? */
export function isValidSymbol(v: Value, region: Region | undefined): boolean {
  if (v.type !== indexType) return false;
  if (region ? regionOf(v) === region : isTopLevel(v)) return true;
  const op = v.definingOp;
  if (op) {
    if (op.def.isConstant) return true;
    if (affineApply.of(op)) return op.uses.every((u) => isValidSymbol(u.value, region));
    if (isSizeSymbol(op, region)) return true;
  }
  // What is a symbol around an op that is not isolated is one inside.
  const owner = region?.parent;
  return owner && !owner.def.has(Isolated) ? isValidSymbol(v, owner.parentRegion ?? undefined) : false;
}

/** Asks a size that is static, or that is a symbol where the memory was made. */
function isSizeSymbol(op: Operation, region: Region | undefined): boolean {
  const source = dimensionOf(op);
  if (!source) return false;
  if (isTopLevel(source)) return true;
  const at = constantIndex(op.operand(1));
  let made = source.definingOp;
  while (made && memrefCast.is(made)) made = made.operand(0).definingOp;
  const view = alloc.match(made) ?? subview.match(made) ?? memrefView.match(made);
  if (at === undefined || !view) return false;
  const type = made!.results[0]!.type as MemRefType;
  if (!(at < type.shape.length)) return false;
  if (!isDynamic(type.shape[at]!)) return true;
  const sizes = "dynamicSizes" in view ? view.dynamicSizes : view.sizes;
  const size = sizes[dynamicCount(type.shape.slice(0, at))];
  return size !== undefined && isValidSymbol(size, region);
}

/** The value of an index constant. */
function constantIndex(v: Value): number | undefined {
  const op = v.definingOp;
  const value = op?.def.isConstant
    ? (op.props[op.def.attrIndex.get("value") ?? -1] as Attribute | undefined)
    : undefined;
  return value?.kind === "integer" ? Number(value.value) : undefined;
}

/** May the value be a dimension, as seen from a region? */
export function isValidDim(v: Value, region: Region | undefined): boolean {
  if (v.type !== indexType) return false;
  if (isValidSymbol(v, region)) return true;
  const op = v.definingOp;
  if (!op) {
    const parent = v.owner instanceof Block ? v.owner.parentOp : null;
    return parent !== null && affineLoop.of(parent) !== undefined;
  }
  if (affineApply.of(op)) return op.uses.every((u) => isValidDim(u.value, region));
  const source = dimensionOf(op);
  return source !== undefined && isTopLevel(source);
}

/** Operands of a map: dimensions first, then symbols. Answers whether all are valid. */
export function verifyMapOperands(op: Operation, operands: readonly Value[], numDims: number, fail: Fail): boolean {
  const scope = scopeOf(op);
  for (const [i, v] of operands.entries()) {
    if (i < numDims ? isValidDim(v, scope) : isValidSymbol(v, scope)) continue;
    fail(i < numDims ? "operand cannot be used as a dimension id" : "operand cannot be used as a symbol", {
      code: "verify/operands",
    });
    return false;
  }
  return true;
}

// --- text -----------------------------------------------------------------------------------------------------------

/** `(%d0, %d1)[%s0]`: the operands, and how many are dimensions. */
export function parseDimsAndSymbols(p: AsmParser): { readonly values: readonly Value[]; readonly numDims: number } {
  const dims = p.operands("()");
  const symbols = p.operands("optional []");
  return { values: p.resolveAll([...dims, ...symbols], indexType), numDims: dims.length };
}

export function printDimsAndSymbols(p: AsmPrinter, map: Pick<AffineMap, "numDims">, values: readonly Value[]): void {
  p.write("(");
  p.operands(values.slice(0, map.numDims));
  p.write(")");
  if (values.length > map.numDims) {
    p.write("[");
    p.operands(values.slice(map.numDims));
    p.write("]");
  }
}
