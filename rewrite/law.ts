/**
 * @file law: two expressions in the same words. The left is recorded as a pattern, the right is replayed with what was
 * bound. A law is data: it is indexed by its root op, prints itself, and tests evaluate both of its sides.
 */
import { Builder } from "../ir/builder.ts";
import { Block, type Operation, type Value } from "../ir/core.ts";
import type { OpInfo } from "../ir/define.ts";
import { attributeText, typeText } from "../ir/spell.ts";
import { type Kind, type Match, Pattern, type Side, Variable } from "./pattern.ts";
import type { Rule } from "./rule.ts";
import type { Scalar } from "./scalars.ts";

export { type Match, rootType, typeVariable, type Variable } from "./pattern.ts";

/** Any value; the same variable twice is the same value twice. */
export const any = (name: string): Variable => new Variable(name, { kind: "any" });

/** Any value that a constant-like op defines, of any shape. What is computed of constants on the right will be folded. */
export const constant = (name: string): Variable => new Variable(name, { kind: "constant" });

/**
 * A scalar or splat constant with exactly this value (floats told apart by sign of zero; integers modulo the width of
 * their type, so -1 has all bits set). On the right it is made where it was not bound, with the type of the root's
 * result, or of `like`.
 */
export function literal(value: number, like?: Value): Variable;
/** A scalar or splat constant that passes a test. Floats are numbers, integers bigints. */
export function literal<S extends Scalar>(name: string, test: (v: S) => boolean): Variable;
export function literal(what: number | string, more?: Value | ((v: never) => boolean)): Variable {
  if (typeof what === "string") {
    return new Variable(what, { kind: "literal", test: more as (v: Scalar) => boolean, exact: undefined });
  }
  const test = (v: Scalar): boolean => (typeof v === "bigint" ? v === BigInt(what) : Object.is(v, what));
  const name = Object.is(what, -0) ? "-0" : String(what);
  return new Variable(name, { kind: "literal", test, exact: what }, more as Value | undefined);
}

/** On the right: a constant computed from literals that the left has bound, of the first one's type. */
export function computed<S extends Scalar>(
  name: string,
  from: readonly Variable[],
  make: (...values: S[]) => S,
): Variable {
  const is: Kind = { kind: "computed", from, make: make as unknown as (...values: Scalar[]) => Scalar };
  return new Variable(name, is, from[0]);
}

export interface LawOptions {
  /** Fast-math flags that every op the law replaces must bear. */
  readonly needs?: string | readonly string[];
  readonly when?: (m: Match) => boolean;
  /** In words, if the two expressions do not say it all. */
  readonly doc?: string;
}

export interface Law extends Rule {
  readonly left: Side;
  readonly right: Side;
  readonly needs: readonly string[];
  readonly when: ((m: Match) => boolean) | undefined;
}

const sideOf = (build: (b: Builder) => Value): Side => {
  const block = new Block();
  const value = build(Builder.atEnd(block));
  const ops = [...block];
  const variables = new Set<Variable>();
  const add = (v: Value): void => {
    if (!(v instanceof Variable)) return;
    variables.add(v);
    if (v.is.kind === "computed") v.is.from.forEach(add);
    if (v.like) add(v.like);
  };
  for (const op of ops) for (const u of op.uses) add(u.value);
  add(value);
  return { ops, value, variables: [...variables] };
};

/** An equation that is applied from left to right. Both sides are ordinary builder calls over pattern variables. */
export function law(left: (b: Builder) => Value, right: (b: Builder) => Value, options: LawOptions = {}): Law {
  const from = sideOf(left);
  const to = sideOf(right);
  const needs = options.needs === undefined ? [] : typeof options.needs === "string" ? [options.needs] : options.needs;
  const pattern = new Pattern(from);
  const doc = `${show(from.value)} → ${show(to.value)}${needs.length > 0 ? ` (${needs.join(", ")})` : ""}`;
  const { when } = options;
  return {
    root: pattern.root.op.def,
    doc: options.doc ? `${doc}: ${options.doc}` : doc,
    left: from,
    right: to,
    needs,
    when,
    apply(op, rw) {
      const m = pattern.match(op);
      if (!m || (needs.length > 0 && !m.grants(needs)) || (when && !when(m))) return false;
      const value = m.build(to, rw);
      if (!value) return false;
      rw.replace(op, [value]);
      return true;
    },
  };
}

/** `arith.addf(x, arith.negf(y))`, with properties that are not their default in brackets. */
function show(value: Value): string {
  if (value instanceof Variable) return value.name!;
  const op = value.definingOp!;
  return `${op.name}${showProps(op.def, op)}(${op.uses.map((u) => show(u.value)).join(", ")})${showTypes(op)}`;
}

function showProps(def: OpInfo, op: Operation): string {
  const shown = def.attrFields.flatMap(({ codec, name }, i) => {
    const held = op.props[i];
    if (held === undefined || held === codec.fallback) return [];
    const a = codec.to(held);
    return a === undefined ? [] : [typeof held === "string" ? held : `${name} = ${attributeText(a)}`];
  });
  return shown.length > 0 ? `[${shown.join(", ")}]` : "";
}

const showTypes = (op: Operation): string =>
  op.def.spec.infer || op.results.length === 0
    ? ""
    : ` : ${op.results.map((r) => typeText(r.type).replace(/^!law\./, "")).join(", ")}`;
