/** @file What the vectors of a machine lack is said lane by lane: the legalization that all targets with vectors share. */
import * as vector from "../dialects/vector/index.ts";
import { Builder } from "../ir/builder.ts";
import { Operation } from "../ir/core.ts";
import { Elementwise } from "../ir/traits.ts";
import { type VectorType, vector as vectorType } from "../ir/types.ts";

/** Writes elementwise ops on vectors for which `hasVectorForm` is false lane by lane; answers whether there were any. */
export function scalarizeVectors(fn: Operation, hasVectorForm: (op: Operation) => boolean): boolean {
  const found: Operation[] = [];
  fn.walk((op) => {
    const wide = op.results.some((r) => r.type.kind === "vector");
    if (wide && op.def.has(Elementwise) && !hasVectorForm(op)) found.push(op);
  });
  for (const op of found) scalarize(op);
  return found.length > 0;
}

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
