/** @file fold-constants: evaluates what is known; what is big is made when it is wanted. */
import { attr } from "../../ir/attributes.ts";
import type { Operation } from "../../ir/core.ts";
import { byteWidth, datumOfAttribute, denseOfArray, dtypeOf } from "../../ir/datum.ts";
import { isEffectFree } from "../../ir/effects.ts";
import { evaluateOp } from "../../ir/interpret.ts";
import { Resource } from "../../ir/resource.ts";
import { type Attribute, elementCount, hasStaticShape, isShaped, type Type } from "../../ir/types.ts";
import { constantOf } from "../../rewrite/constants.ts";
import { foldOp } from "../../rewrite/fold.ts";
import { definePass } from "../../rewrite/pass.ts";
import { Rewriter } from "../../rewrite/rewriter.ts";
import { invariant } from "../../support/diagnostic.ts";
import { NDArray } from "../../support/ndarray.ts";

export const foldConstants = definePass("fold-constants", {
  doc:
    "Evaluates operations whose operands are all known. Small results are written into the program; big ones become " +
    "resources that are computed once, when somebody asks for their bytes. A result may not be larger than its operands " +
    "together, unless it is small.",
  options: {
    /** Results of up to so many elements are computed at once. */
    limit: attr.int.default(1024),
  },
  example: {
    before: `func.func @f() -> tensor<4xf32> {
  %0 = arith.constant dense<[1.0, 2.0, 3.0, 4.0]> : tensor<4xf32>
  %1 = arith.addf %0, %0 : tensor<4xf32>
  return %1 : tensor<4xf32>
}`,
    after: `func.func @f() -> tensor<4xf32> {
  %cst = arith.constant dense<[2.000000e+00, 4.000000e+00, 6.000000e+00, 8.000000e+00]> : tensor<4xf32>
  return %cst : tensor<4xf32>
}`,
  },
  run(op, { limit }, pass) {
    const rw = new Rewriter(pass.context);
    let names = 0;
    let folded = 0;
    const visit = (o: Operation): void => {
      for (const region of o.regions) {
        for (const block of region.blocks) {
          // In order, so that what is computed of folded values is folded too.
          for (let inner = block.first; inner; ) {
            const next: Operation | null = inner.next;
            visit(inner);
            rw.focus(inner);
            if (foldOp(inner, rw, { foldLimit: limit }) || foldLazily(inner, rw, () => `folded_${names++}`)) folded++;
            inner = next;
          }
        }
      }
    };
    visit(op);
    // Constants that only folded operations used go with them.
    op.walkPost((o) => {
      if (o.def.isConstant && o.isUnused) o.erase();
    });
    pass.count("folded", folded);
    return folded > 0;
  },
});

const bytesOf = (t: Type): number =>
  isShaped(t) && hasStaticShape(t) ? elementCount(t.shape) * byteWidth(t.element) : Number.POSITIVE_INFINITY;

/** Replaces an op with one big result by a resource that is derived from its operands. */
function foldLazily(op: Operation, rw: Rewriter, name: () => string): boolean {
  const type = op.results[0]?.type;
  if (op.results.length !== 1 || op.uses.length === 0 || op.regions.length > 0 || op.def.isConstant) return false;
  if (type?.kind !== "tensor" || !hasStaticShape(type) || !dtypeOf(type.element)) return false;
  const operands: Attribute[] = [];
  for (const u of op.uses) {
    const a = constantOf(u.value);
    if (!a || (a.kind !== "dense" && a.kind !== "resource" && a.kind !== "integer" && a.kind !== "float")) return false;
    if (a.kind === "resource" && !a.resource) return false;
    operands.push(a);
  }
  const known = operands.reduce(
    (n, a) => n + (a.kind === "resource" || (a.kind === "dense" && !a.splat) ? bytesOf(a.type) : 0),
    0,
  );
  const size = bytesOf(type);
  if (size > known || !isEffectFree(op) || !canEvaluate(op)) return false;
  const parents = operands.flatMap((a) => (a.kind === "resource" && a.resource ? [a.resource] : []));
  // The op itself is the recipe: a copy of it, without its place in the program.
  const recipe = op.clone();
  recipe.dropReferences();
  const resource = Resource.derived(`${parents[0]?.name ?? "constant"}_${name()}`, size, parents, () => {
    const [made] = evaluateOp(recipe, operands.map(datumOfAttribute));
    invariant(made instanceof NDArray, `${op.name} gives an array`, op.loc);
    return denseBytes(made, type);
  });
  const value = rw.constant({ kind: "resource", key: resource.name, type, resource }, type, op.def.dialect);
  if (!value) return false;
  rw.replace(op, [value]);
  return true;
}

/** Packed bytes of an array, element by element even if all are the same. */
function denseBytes(array: NDArray, type: Type): Uint8Array {
  const dense = denseOfArray(array, type);
  if (!dense.splat) return dense.bytes;
  const count = array.size;
  const bytes = new Uint8Array(count * dense.bytes.length);
  for (let i = 0; i < count; i++) bytes.set(dense.bytes, i * dense.bytes.length);
  return bytes;
}

/** The op has a meaning, and keeps it when it is run apart from the program. */
const canEvaluate = ({ def }: Operation): boolean => def.spec.scalar !== undefined || def.spec.evaluate !== undefined;
