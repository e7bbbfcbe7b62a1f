/** @file Index expressions that no address has taken up become arithmetic. */
import * as affine from "../../dialects/affine/index.ts";
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import type { AffineExpr } from "../../ir/affine.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { definePass } from "../../rewrite/pass.ts";

export const lowerAffine = definePass("kernel-lower-affine", {
  doc: "Writes index expressions (affine.apply) as integer arithmetic.",
  on: func.func,
  options: {},
  run(fn) {
    const found: Operation[] = [];
    fn.walk((op) => {
      if (affine.apply.is(op)) found.push(op);
    });
    for (const op of found) {
      const { map, mapOperands } = affine.apply.of(op);
      const b = Builder.before(op);
      const dims = mapOperands.slice(0, map.numDims);
      op.result().replaceAllUsesWith(write(b, map.results[0]!, dims, mapOperands.slice(map.numDims)));
      op.erase();
    }
    return found.length > 0;
  },
});

function write(b: Builder, e: AffineExpr, dims: readonly Value[], symbols: readonly Value[]): Value {
  switch (e.kind) {
    case "dim":
      return dims[e.index]!;
    case "symbol":
      return symbols[e.index]!;
    case "constant":
      return arith.constantIndex(b, e.value);
    default: {
      const x = write(b, e.lhs, dims, symbols);
      const y = write(b, e.rhs, dims, symbols);
      switch (e.kind) {
        case "+":
          return arith.addi(b, x, y);
        case "*":
          return arith.muli(b, x, y);
        case "floordiv":
          return arith.floordivsi(b, x, y);
        case "ceildiv":
          return arith.ceildivsi(b, x, y);
        // Rounds down, as floordiv does: never negative for a positive divisor.
        case "mod":
          return arith.subi(b, x, arith.muli(b, arith.floordivsi(b, x, y), y));
      }
    }
  }
}
