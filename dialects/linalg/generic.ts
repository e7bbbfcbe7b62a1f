/** @file linalg.generic, the structured op that says everything itself, with its body's `index` and `yield`. */
import type { AffineMap } from "../../ir/affine.ts";
import type { AsmParser, AsmPrinter, ParsedOp } from "../../ir/asm.ts";
import { attr, dialectBody } from "../../ir/attributes.ts";
import { Any, Index, RankedTensor, Shaped } from "../../ir/constraints.ts";
import type { Operation } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { many, one } from "../../ir/fields.ts";
import { typeText } from "../../ir/spell.ts";
import { Pure, RecursiveEffects, ReturnLike, SingleBlock, Terminator } from "../../ir/traits.ts";
import {
  type Attribute,
  arrayAttribute,
  dictionaryAttribute,
  index as indexType,
  stringAttribute,
} from "../../ir/types.ts";
import { hasOtherAttributes, parseCommonParts, printOperandGroups, tensorTypesOf } from "./asm.ts";
import { structuredEffects } from "./effects.ts";
import { evaluateStructured } from "./evaluate.ts";
import { runStateOf } from "./run-state.ts";
import { elementTypeOf, type IteratorType, iteratorTypes, loopIndex, structured } from "./structure.ts";
import { tiledByMaps } from "./tile.ts";
import { verifyOutputs, verifyStructured } from "./verify.ts";

const yield_ = defineOp("linalg.yield", {
  doc: "Ends the body of a structured op: the new element of each output.",
  operands: [many("values", Any)],
  traits: [Pure, Terminator, ReturnLike],
  parse(p): ParsedOp {
    const at = p.here();
    const values = p.operands("none");
    const attributes = p.attrDict();
    const operands = values.length > 0 ? p.resolveAll(values, p.colonTypes(), at) : [];
    return { operands, attributes };
  },
  print({ op, values }, p) {
    if (values.length > 0) {
      p.write(" ");
      p.operands(values);
    }
    p.attrDict(op);
    if (values.length > 0) {
      p.write(" : ");
      p.types(values.map((v) => v.type));
    }
  },
  verify({ op, values }, fail) {
    const parent = op.parentOp;
    const how = parent && structured.of(parent);
    if (!parent || !how) {
      fail("expected parent op with LinalgOp interface", { code: "verify/terminator" });
      return;
    }
    const inputs = how.inputCount(parent);
    const outputs = parent.operandCount - inputs;
    if (values.length !== outputs) {
      fail(
        `expected number of yield values (${values.length}) to match the number of inits / outs operands of the enclosing LinalgOp (${outputs})`,
      );
      return;
    }
    for (const [i, v] of values.entries()) {
      const element = elementTypeOf(parent.operand(inputs + i).type);
      if (v.type === element) continue;
      fail(
        `type of yield operand ${i + 1} ('${typeText(v.type)}') doesn't match the element type of the enclosing linalg.generic op ('${typeText(element)}')`,
      );
      return;
    }
  },
  evaluate: ({ values }) => values,
});

export { yield_ as yield };

export const index = defineOp("linalg.index", {
  doc: "The current iteration of a loop of the enclosing structured op.",
  attrs: { dim: attr.int },
  results: [one("result", Index)],
  traits: [Pure],
  interfaces: [loopIndex({ loop: (op) => op.props[0] as number })],
  assembly: "$dim attr-dict `:` type($result)",
  infer: () => [indexType],
  verify({ op, dim }, fail) {
    if (dim < 0) {
      fail("attribute 'dim' failed to satisfy constraint: 64-bit signless integer attribute whose minimum value is 0", {
        code: "verify/attribute",
      });
      return;
    }
    const parent = op.parentOp;
    const how = parent && structured.of(parent);
    if (!parent || !how) {
      fail("expected parent op with LinalgOp interface");
      return;
    }
    const loops = how.iterators(parent).length;
    if (dim >= loops) {
      fail(`expected dim (${dim}) to be lower than the number of loops (${loops}) of the enclosing LinalgOp`);
    }
  },
  evaluate: ({ dim }, run) => [runStateOf(run, run.op.parentOp!).counters[dim]],
});

/** `[#linalg.iterator_type<parallel>, …]`. */
const iterators = attr.custom<readonly IteratorType[]>(
  "array of iterator types",
  { kind: "full" },
  (v) => arrayAttribute(v.map((k): Attribute => ({ kind: "opaque", text: `#linalg.iterator_type<${k}>` }))),
  (a) => {
    if (a.kind !== "array") return undefined;
    const kinds = a.elements.map((e) => {
      const word = dialectBody(e, "linalg.iterator_type");
      return iteratorTypes.find((k) => k === word);
    });
    return kinds.every((k) => k !== undefined) ? kinds : undefined;
  },
);

/** The attributes that the pretty form writes before the operands. */
const ownAttributes = ["doc", "indexing_maps", "iterator_types", "library_call"] as const;

export const generic = defineOp("linalg.generic", {
  doc: "A loop nest as data: its loops, how each operand is addressed by them, and a scalar body.",
  operands: [many("inputs", Any), many("outputs", Shaped)],
  attrs: {
    indexing_maps: attr.maps,
    iterator_types: iterators,
    doc: attr.string.optional(),
    library_call: attr.string.optional(),
  },
  results: [many("result_tensors", RankedTensor)],
  regions: ["region"],
  traits: [SingleBlock, RecursiveEffects],
  interfaces: [
    structured({
      maps: (op) => op.props[0] as readonly AffineMap[],
      iterators: (op) => op.props[1] as readonly IteratorType[],
      inputCount: (op) => op.operandSegments![0]!,
      outputsInBody: true,
    }),
    tiledByMaps,
  ],
  infer: ({ outputs }) => tensorTypesOf(outputs),
  inferLoosely: true,
  terminator: () => yield_,
  effects: ({ op }) => structuredEffects(op),
  parse: parseGeneric,
  print: ({ op }, p) => printGeneric(op, p),
  argNames: ({ inputs, outputs }) => [...inputs.map(() => "in"), ...outputs.map(() => "out")],
  verify: ({ op }, fail) => void verifyOutputs(op, fail),
  verifyBodies: ({ op }, fail) => verifyStructured(op, fail),
  evaluate: ({ inputs, outputs }, run) => evaluateStructured([...inputs, ...outputs], run),
});

function parseGeneric(p: AsmParser): ParsedOp {
  const at = p.here();
  const trait = p.attribute();
  if (trait.kind !== "dictionary") return p.fail("expected a dictionary of indexing maps and iterator types", at);
  const kinds = trait.entries.get("iterator_types");
  if (kinds?.kind !== "array") return p.fail('expected "iterator_types" array attribute', at);
  const attributes = new Map(trait.entries);
  attributes.set(
    "iterator_types",
    arrayAttribute(
      kinds.elements.map((k): Attribute => {
        if (k.kind !== "string") return k;
        if (!iteratorTypes.some((known) => known === k.value)) p.fail(`unexpected iterator_type (${k.value})`);
        return { kind: "opaque", text: `#linalg.iterator_type<${k.value}>` };
      }),
    ),
  );
  const common = parseCommonParts(p);
  for (const [k, v] of common.attributes) attributes.set(k, v);
  if (p.optionalKeyword("attrs")) {
    p.punct("=");
    for (const [k, v] of p.attrDict()) attributes.set(k, v);
  }
  const region = p.region();
  return {
    operands: [...common.inputs, ...common.outputs],
    operandSegments: [common.inputs.length, common.outputs.length],
    attributes,
    regions: [region],
    resultTypes: p.optionalArrowTypes(),
  };
}

function printGeneric(op: Operation, p: AsmPrinter): void {
  const { inputs, outputs, indexing_maps, iterator_types, doc, library_call, region } = generic.of(op);
  const own = new Map<string, Attribute>();
  if (doc !== undefined) own.set("doc", stringAttribute(doc));
  own.set("indexing_maps", attr.maps.to(indexing_maps)!);
  own.set("iterator_types", arrayAttribute(iterator_types.map((k) => stringAttribute(k))));
  if (library_call !== undefined) own.set("library_call", stringAttribute(library_call));
  p.write(" ");
  p.attribute(dictionaryAttribute(own));
  printOperandGroups(p, inputs, outputs);
  if (hasOtherAttributes(op, ownAttributes)) {
    p.write(" attrs = ");
    p.attrDict(op, ownAttributes);
  }
  p.write(" ");
  p.region(region);
  p.optionalArrowTypes(op.results.map((r) => r.type));
}
