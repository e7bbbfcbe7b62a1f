/** @file The builtin dialect: the module, and the cast that stands between two halves of a conversion. */
import { attr } from "../ir/attributes.ts";
import { Any } from "../ir/constraints.ts";
import { Block, Operation, Region, type Value } from "../ir/core.ts";
import { defineDialect, defineOp } from "../ir/define.ts";
import { many } from "../ir/fields.ts";
import { AffineScope, Isolated, NoTerminator, OneBlock, Pure, SingleBlock, SymbolTable } from "../ir/traits.ts";
import { rule } from "../rewrite/rule.ts";
import { type Location, unknownLocation } from "../support/location.ts";

export const module = defineOp("builtin.module", {
  doc: "The top of a program: a symbol table of functions and globals.",
  attrs: { sym_name: attr.symbolName.optional(), sym_visibility: attr.string.optional() },
  regions: ["bodyRegion"],
  traits: [AffineScope, Isolated, NoTerminator, SingleBlock, OneBlock, SymbolTable],
  defaultDialect: "builtin",
  assembly: "($sym_name^)? attr-dict-with-keyword $bodyRegion",
  verify({ op, bodyRegion }, fail) {
    if (bodyRegion.blocks[0]?.args.length) fail("region should have no arguments", { code: "verify/region" });
    for (const name of op.attributes?.keys() ?? []) {
      if (!name.includes(".")) {
        fail(`can only contain attributes with dialect-prefixed names, found: '${name}'`, { code: "verify/attribute" });
      }
    }
  },
});

/** A module without a parent, with an empty body. */
export function makeModule(loc: Location = unknownLocation): Operation {
  const region = new Region([new Block()]);
  return new Operation(module, { props: [undefined, undefined], regions: [region], loc });
}

export const unrealized_conversion_cast = defineOp("builtin.unrealized_conversion_cast", {
  doc: "A cast between types that a conversion has not made meet yet. None is left after a finished lowering.",
  operands: [many("inputs", Any)],
  results: [many("outputs", Any)],
  traits: [Pure],
  assembly: "($inputs^ `:` type($inputs))? `to` type($outputs) attr-dict",
  verify({ outputs }, fail) {
    if (outputs.length === 0) fail("expected at least one result for cast operation", { code: "verify/operands" });
  },
});

const sameTypes = (a: readonly Value[], b: readonly Value[]): boolean =>
  a.length === b.length && a.every((v, i) => v.type === b[i]!.type);

const rules = [
  rule(unrealized_conversion_cast, "a cast to the same types", ({ inputs, outputs }) =>
    sameTypes(inputs, outputs) ? inputs : undefined,
  ),
  rule(unrealized_conversion_cast, "a cast there and back", ({ inputs, outputs }) => {
    const there = unrealized_conversion_cast.match(inputs[0]);
    if (there?.outputs.length !== inputs.length || !there.outputs.every((v, i) => v === inputs[i])) return undefined;
    return sameTypes(there.inputs, outputs) ? there.inputs : undefined;
  }),
];

export const builtin = defineDialect("builtin", {
  doc: "Modules, and the types and attributes that all dialects share.",
  ops: [module, unrealized_conversion_cast],
  rules,
  top: module,
});
