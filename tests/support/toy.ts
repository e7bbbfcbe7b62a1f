/** @file A small dialect for tests of what knows no dialect: constants, arithmetic on f32 and i32, blocks, effects. */
import { module } from "../../dialects/builtin.ts";
import { attr } from "../../ir/attributes.ts";
import { Builder } from "../../ir/builder.ts";
import { Any, FloatLike } from "../../ir/constraints.ts";
import { Context } from "../../ir/context.ts";
import { Block, Operation, Region, type Value } from "../../ir/core.ts";
import { type Dialect, defineDialect, defineOp, type RuleLike } from "../../ir/define.ts";
import { reads, writes } from "../../ir/effects.ts";
import { many, one } from "../../ir/fields.ts";
import { branchLike } from "../../ir/interfaces.ts";
import {
  Commutative,
  ConstantLike,
  Elementwise,
  Idempotent,
  Involution,
  Isolated,
  NoTerminator,
  Pure,
  RecursiveEffects,
  Terminator,
} from "../../ir/traits.ts";
import { type Attribute, f32, floatAttribute, type Type } from "../../ir/types.ts";

const flags = attr.flags("toy.fastmath", ["reassoc", "nsz"], "fast").default([]);
const binary = <const N extends string>(name: N, scalar: (a: number, b: number) => number, commutes = false) =>
  defineOp(`toy.${name}`, {
    doc: `The ${name} of two numbers.`,
    operands: [one("lhs", FloatLike), one("rhs", FloatLike)],
    attrs: { fastmath: flags },
    results: [one("result", FloatLike)],
    traits: commutes ? [Pure, Elementwise, Commutative] : [Pure, Elementwise],
    infer: ({ lhs }) => [lhs.type],
    scalar: () => scalar,
  });

export const add = binary("add", (a, b) => a + b, true);
export const sub = binary("sub", (a, b) => a - b);
export const mul = binary("mul", (a, b) => a * b, true);
export const neg = defineOp("toy.neg", {
  doc: "Negation.",
  operands: [one("operand", FloatLike)],
  attrs: { fastmath: flags },
  results: [one("result", FloatLike)],
  traits: [Pure, Elementwise, Involution],
  infer: ({ operand }) => [operand.type],
  scalar: () => (a: number) => -a,
});
export const max = defineOp("toy.max", {
  doc: "Maximum.",
  operands: [one("lhs", FloatLike), one("rhs", FloatLike)],
  results: [one("result", FloatLike)],
  traits: [Pure, Elementwise, Commutative, Idempotent],
  infer: ({ lhs }) => [lhs.type],
});
export const cast = defineOp("toy.cast", {
  doc: "Another type, the same number.",
  operands: [one("in", Any)],
  results: [one("out", Any)],
  traits: [Pure],
});
export const constant = defineOp("toy.constant", {
  doc: "A known value.",
  attrs: { value: attr.any },
  results: [one("result", Any)],
  traits: [Pure, ConstantLike],
  infer: ({ value }) => ("type" in value && value.type ? [value.type] : undefined),
});
export const use = defineOp("toy.use", {
  doc: "Has an effect.",
  operands: [many("values", Any)],
  effects: () => [writes()],
});
export const read = defineOp("toy.read", {
  doc: "Reads something.",
  results: [one("result", Any)],
  effects: () => [reads()],
});
export const func = defineOp("toy.func", {
  doc: "An isolated region.",
  attrs: { sym_name: attr.symbolName },
  regions: ["body"],
  traits: [Isolated, NoTerminator],
});
export const box = defineOp("toy.box", {
  doc: "A region that runs once; its results are what it yields.",
  results: [many("results", Any)],
  regions: ["body"],
  traits: [RecursiveEffects],
});
export const give = defineOp("toy.give", {
  doc: "Hands values to the box.",
  operands: [many("values", Any)],
  traits: [Terminator, Pure],
});
export const jump = defineOp("toy.jump", {
  doc: "Goes to a block.",
  operands: [many("values", Any)],
  successors: ["dest"],
  successorOperands: { dest: "values" },
  traits: [Terminator, Pure],
  interfaces: [branchLike({ operandsFor: (op) => op.operands })],
});
export const fork = defineOp("toy.fork", {
  doc: "Goes to one of two blocks.",
  operands: [one("condition", Any), many("first", Any), many("second", Any)],
  successors: ["dest", "other"],
  successorOperands: { dest: "first", other: "second" },
  traits: [Terminator, Pure],
  interfaces: [
    branchLike({
      operandsFor: (op, successor) => {
        const first = op.operandSegments![1]!;
        return successor === 0 ? op.operands.slice(1, 1 + first) : op.operands.slice(1 + first);
      },
    }),
  ],
});
export const stop = defineOp("toy.stop", {
  doc: "Ends.",
  operands: [many("values", Any)],
  traits: [Terminator],
});

const ops = [add, sub, mul, neg, max, cast, constant, use, read, func, box, give, jump, fork, stop];

export function toyDialect(rules: readonly RuleLike[] = []): Dialect {
  return defineDialect("toy", {
    doc: "For tests.",
    ops,
    rules,
    constant: (b: Builder, value: Attribute, type: Type) =>
      "type" in value && value.type === type ? constant(b, { value }) : undefined,
  });
}

const builtinForTests = defineDialect("builtin", { doc: "Modules.", ops: [module] });
export const toyContext = (rules: readonly RuleLike[] = []): Context =>
  new Context([builtinForTests, toyDialect(rules)]);

export const num = (b: Builder, value: number): Value => constant(b, { value: floatAttribute(value, f32) });

/** A module with one function whose block is filled. */
export function program(fill: (b: Builder, args: readonly Value[]) => void, argTypes: readonly Type[] = []): Operation {
  const root = new Operation(module, { props: [undefined, undefined], regions: [new Region([new Block()])] });
  const body = new Block(argTypes);
  const f = new Operation(func, { props: ["f"], regions: [new Region([body])] });
  root.region().entry.append(f);
  fill(Builder.atEnd(body), body.args);
  return root;
}

/** The ops of the first function, one line each, values numbered in order. */
export function lines(root: Operation): string[] {
  const names = new Map<Value, string>();
  const out: string[] = [];
  const name = (v: Value): string => names.get(v) ?? "?";
  const visit = (op: Operation, indent: string): void => {
    for (const r of op.results) names.set(r, `%${names.size}`);
    const value = op.def.isConstant ? ` ${String((op.props[0] as { value?: unknown }).value)}` : "";
    const results = op.results.map(name).join(", ");
    const operands = op.operands.map(name).join(", ");
    out.push(`${indent}${results ? `${results} = ` : ""}${op.name}${value}${operands ? ` ${operands}` : ""}`);
    for (const r of op.regions) for (const b of r.blocks) block(b, `${indent}  `, r.blocks.length > 1);
  };
  const block = (b: Block, indent: string, labelled: boolean): void => {
    for (const a of b.args) names.set(a, `%${names.size}`);
    if (labelled) out.push(`${indent}^${b.parent!.blocks.indexOf(b)}(${b.args.map(name).join(", ")})`);
    for (let o = b.first; o; o = o.next) visit(o, indent);
  };
  const region = root.region().entry.first!.region();
  for (const b of region.blocks) block(b, "", region.blocks.length > 1);
  return out;
}
