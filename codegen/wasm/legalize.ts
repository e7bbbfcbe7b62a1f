/** @file What vectors of WebAssembly lack is said lane by lane. */
import * as func from "../../dialects/func.ts";
import * as vector from "../../dialects/vector/index.ts";
import { Builder } from "../../ir/builder.ts";
import { Operation } from "../../ir/core.ts";
import { Elementwise } from "../../ir/traits.ts";
import { type VectorType, vector as vectorType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { hasVectorForm } from "./rows-vector.ts";

export const legalize = definePass("wasm-legalize", {
  doc: "Writes vector arithmetic that has no instruction lane by lane.",
  on: func.func,
  options: {},
  run(fn) {
    const found: Operation[] = [];
    fn.walk((op) => {
      const wide = op.results.some((r) => r.type.kind === "vector");
      if (wide && op.def.has(Elementwise) && !hasVectorForm(op)) found.push(op);
    });
    for (const op of found) scalarize(op);
    return found.length > 0;
  },
});

function scalarize(op: Operation): void {
  const b = Builder.before(op);
  const { shape } = op.result().type as VectorType;
  const count = shape.reduce((n, d) => n * d, 1);
  const lanes = Array.from({ length: count }, (_, i) => {
    const operands = op.operands.map((v) =>
      v.type.kind === "vector" ? vector.extract(b, v, [], { static_position: [i] }) : v,
    );
    const resultTypes = op.results.map((r) => (r.type as VectorType).element);
    return b.insert(new Operation(op.def, { operands, props: op.props.slice(), resultTypes, loc: op.loc })).results;
  });
  op.results.forEach((r, n) => {
    const type = vectorType(shape, (r.type as VectorType).element);
    r.replaceAllUsesWith(
      vector.from_elements(
        b,
        lanes.map((l) => l[n]!),
        { types: [type] },
      ),
    );
  });
  op.erase();
}
