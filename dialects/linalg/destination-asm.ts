/** @file Text of map, reduce, transpose and broadcast: operands, one list attribute, and bodies short or in full. */
import type { AsmParser, AsmPrinter } from "../../ir/asm.ts";
import { attr } from "../../ir/attributes.ts";
import { Block, Operation, Region, type Value } from "../../ir/core.ts";
import type { Attribute, Type } from "../../ir/types.ts";
import type { Location } from "../../support/location.ts";
import { type CommonParts, parseCommonParts, printOperandGroups } from "./asm.ts";
import { yield as yield_ } from "./generic.ts";
import { elementTypeOf } from "./structure.ts";

/** Operands, then `list = [1, 2]` if the op has such an attribute, then further attributes. */
export function parseParts(p: AsmParser, list?: string): CommonParts {
  const { attributes, inputs, outputs } = parseCommonParts(p);
  if (list) {
    p.keyword(list);
    p.punct("=");
    const values = p.list("[]", () => Number(p.integer()));
    attributes.set(list, attr.ints.to(values)!);
  }
  for (const [k, v] of p.attrDict()) attributes.set(k, v);
  return { attributes, inputs, outputs };
}

export function printParts(
  p: AsmPrinter,
  op: Operation,
  inputs: readonly Value[],
  outputs: readonly Value[],
  list?: { readonly name: string; readonly values: readonly number[] },
): void {
  printOperandGroups(p, inputs, outputs);
  // The blank at the end is MLIR's.
  if (list) p.write(` ${list.name} = [${list.values.join(", ")}] `);
  p.attrDict(op, list ? [list.name] : []);
}

/** The one op of a body, without operands: `{ arith.addf {…} }`. */
export interface Payload {
  readonly name: string;
  readonly attributes: ReadonlyMap<string, Attribute>;
}

export function parsePayload(p: AsmParser): Payload | undefined {
  if (!p.optionalPunct("{")) return undefined;
  const name = p.anyKeyword("the name of an op");
  const attributes = p.attrDict();
  p.punct("}");
  return { name, attributes };
}

/** The body that a payload stands for: the op on all elements, the last of them first if it is an accumulator. */
export function payloadRegion(
  p: AsmParser,
  payload: Payload,
  operands: readonly Value[],
  result: Type | undefined,
  initFirst: boolean,
  at: Location,
): Region {
  if (operands.length === 0 || !result) return new Region();
  const block = new Block(operands.map((v) => elementTypeOf(v.type)));
  const { args } = block;
  const op = p.opNamed(
    payload.name,
    {
      operands: initFirst ? [args.at(-1)!, ...args.slice(0, -1)] : args,
      resultTypes: [elementTypeOf(result)],
      attributes: payload.attributes,
    },
    at,
  );
  block.append(op);
  block.append(new Operation(yield_, { operands: op.results, loc: at }));
  return new Region([block]);
}

/** The op that the short form shows in place of the body, if the body is that op on its arguments and nothing else. */
export function payloadOf(body: Region, initFirst: boolean): Operation | undefined {
  const block = body.blocks[0];
  const op = block?.first;
  if (!block || !op || op.next !== block.last || !block.terminator || op.operandCount === 0) return undefined;
  const expected = initFirst ? [...block.args.slice(1), block.args[0]] : block.args;
  const same = expected.length === op.operandCount && op.uses.every((u, i) => u.value === expected[i]);
  return same ? op : undefined;
}

export function printPayload(p: AsmPrinter, op: Operation): void {
  p.write(` { ${op.name}`);
  p.attrDict(op);
  p.write(" }");
}

/** `(%in: f32, %init: f32) { … }` on lines of its own. */
export function printBody(p: AsmPrinter, body: Region): void {
  p.indented(() => {
    p.newline();
    p.write("(");
    body.blocks[0]?.args.forEach((a, i) => {
      if (i > 0) p.write(", ");
      p.argument(a);
    });
    p.write(") ");
    p.region(body, { entryArgs: false });
  });
}
