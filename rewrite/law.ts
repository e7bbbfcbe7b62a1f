/**
 * @file law: two expressions in the same words. The left is recorded as a pattern, the right is replayed with what was
 * bound. A law is data: it is indexed by its root op, prints itself, and tests evaluate both of its sides.
 */
import { Builder } from "../ir/builder.ts";
import { Block, Operation, Value } from "../ir/core.ts";
import { insOf, type OpInfo } from "../ir/define.ts";
import { attributeText, typeText } from "../ir/spell.ts";
import { Commutative } from "../ir/traits.ts";
import { type Attribute, attributeKey, elementOf, type OpaqueType, opaqueType, type Type } from "../ir/types.ts";
import { InternalError, invariant } from "../support/diagnostic.ts";
import { constantOf, constantValue } from "./constants.ts";
import type { Rewriter } from "./rewriter.ts";
import type { Rule } from "./rule.ts";
import { type Scalar, scalarAttribute, scalarOf, wrapInteger } from "./scalars.ts";

/** The property in which ops carry their fast-math flags. */
const FASTMATH = "fastmath";
const LAW = "law";

/** A type that a law leaves open: bound where a recorded op on the left has it as a result type. */
export const typeVariable = (name: string): OpaqueType => opaqueType(LAW, name);

type Kind =
  | { readonly kind: "any" }
  /** Any constant-like value. */
  | { readonly kind: "constant" }
  /** A scalar or splat constant that passes the test. */
  | { readonly kind: "literal"; readonly test: (v: Scalar) => boolean; readonly exact: Scalar | undefined }
  /** Made on the right from literals bound on the left. */
  | {
      readonly kind: "computed";
      readonly from: readonly Variable[];
      readonly make: (...values: Scalar[]) => Scalar;
    };

/** A value of a pattern that stands for many. Its type is a type variable of the same name. */
export class Variable extends Value {
  readonly is: Kind;
  /** Whose type the constant has where it is made on the right; undefined is the type of the root's result. */
  readonly like: Value | undefined;
  constructor(name: string, is: Kind, like?: Value) {
    super(typeVariable(name), new Block(), 0);
    this.name = name;
    this.is = is;
    this.like = like;
  }
}

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

interface OpNode {
  readonly kind: "op";
  readonly op: Operation;
  readonly result: number;
  readonly operands: readonly Node[];
  readonly commutes: boolean;
  /** Which properties must agree: the position and the key of the recorded attribute. */
  readonly props: readonly (readonly [number, string])[];
  /** Result types that must agree, or be bound; only where operands do not decide them. */
  readonly types: readonly (readonly [number, Type])[];
}
type Node = { readonly kind: "variable"; readonly slot: number; readonly variable: Variable } | OpNode;

/** What a match has bound; for the `when` of a law. */
export interface Match {
  readonly root: Operation;
  value(v: Variable): Value;
  type(v: Variable): Type;
  /** The number of a literal (or of a constant that is a scalar or splat). */
  number(v: Variable): Scalar | undefined;
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

/** A recorded expression: its ops in order, and the value it comes to. */
export interface Side {
  readonly ops: readonly Operation[];
  readonly value: Value;
  readonly variables: readonly Variable[];
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
  const slots = new Map<Variable, number>(from.variables.map((v, i) => [v, i]));
  const root = nodeOf(from.value, slots);
  invariant(root.kind === "op", "the left side of a law is an op");
  const doc = `${show(from.value)} → ${show(to.value)}${needs.length > 0 ? ` (${needs.join(", ")})` : ""}`;
  const { when } = options;
  return {
    root: root.op.def,
    doc: options.doc ? `${doc}: ${options.doc}` : doc,
    left: from,
    right: to,
    needs,
    when,
    apply(op, rw) {
      if (!mayMatch(root, op)) return false;
      const m = new Matching(slots, op);
      if (!m.matches(root, op.result(root.result))) return false;
      if (needs.length > 0 && !m.grants(needs)) return false;
      if (when && !when(m)) return false;
      const value = m.build(to, rw);
      if (!value) return false;
      rw.replace(op, [value]);
      return true;
    },
  };
}

function nodeOf(value: Value, slots: ReadonlyMap<Variable, number>): Node {
  if (value instanceof Variable) {
    const slot = slots.get(value)!;
    invariant(value.is.kind !== "computed", "a computed value stands on the right side of a law only");
    return { kind: "variable", slot, variable: value };
  }
  const op = value.definingOp;
  invariant(op, "a law is built of ops and variables");
  const props: (readonly [number, string])[] = [];
  op.def.attrFields.forEach(({ codec }, i) => {
    // Flags are permissions: their absence on the left asks nothing.
    if (codec.asm.kind === "angle" && codec.asm.many) return;
    const held = op.props[i];
    const a = held === undefined ? undefined : codec.to(held);
    if (a) props.push([i, attributeKey(a)]);
  });
  return {
    kind: "op",
    op,
    result: value.index,
    operands: op.uses.map((u) => nodeOf(u.value, slots)),
    commutes: op.def.has(Commutative) && op.uses.length === 2,
    props,
    types: op.def.spec.infer ? [] : op.results.map((r, i) => [i, r.type] as const),
  };
}

/** Looks one level deep, without binding anything: most attempts end here. */
function mayMatch(root: OpNode, op: Operation): boolean {
  const { operands } = root;
  if (op.uses.length !== operands.length) return false;
  const at = (node: Node, i: number): boolean => {
    const def = op.uses[i]!.value.definingOp?.def;
    if (node.kind === "op") return def === node.op.def;
    return node.variable.is.kind === "any" || def?.isConstant === true;
  };
  if (root.commutes)
    return (at(operands[0]!, 0) && at(operands[1]!, 1)) || (at(operands[0]!, 1) && at(operands[1]!, 0));
  for (let i = 0; i < operands.length; i++) if (!at(operands[i]!, i)) return false;
  return true;
}

class Matching implements Match {
  readonly root: Operation;
  readonly #slots: ReadonlyMap<Variable, number>;
  readonly #bound: (Value | undefined)[];
  #types: ReadonlyMap<Type, Type> | null = null;
  readonly #replaced: Operation[] = [];

  constructor(slots: ReadonlyMap<Variable, number>, root: Operation) {
    this.root = root;
    this.#slots = slots;
    this.#bound = new Array<Value | undefined>(slots.size).fill(undefined);
  }

  value(v: Variable): Value {
    const slot = this.#slots.get(v);
    const found = slot === undefined ? undefined : this.#bound[slot];
    if (!found) throw new InternalError(`the law has not bound ${v.name}`);
    return found;
  }

  type(v: Variable): Type {
    return this.value(v).type;
  }

  number(v: Variable): Scalar | undefined {
    return scalarOf(constantOf(this.value(v)));
  }

  /** Matches a pattern with a value, trying both orders wherever an op commutes. */
  matches(node: Node, value: Value): boolean {
    return this.#solve({ node, value, next: null });
  }

  #solve(goal: Goal | null): boolean {
    if (!goal) return true;
    const { node, value, next } = goal;
    if (node.kind === "op") return this.#solveOp(node, value, next);
    const had = this.#bound[node.slot];
    if (had) return had === value && this.#solve(next);
    if (!admits(node.variable.is, value)) return false;
    this.#bound[node.slot] = value;
    if (this.#solve(next)) return true;
    this.#bound[node.slot] = undefined;
    return false;
  }

  #solveOp(node: OpNode, value: Value, next: Goal | null): boolean {
    const op = value.definingOp;
    if (!op || op.def !== node.op.def || value.index !== node.result || op.uses.length !== node.operands.length) {
      return false;
    }
    for (const [at, key] of node.props) {
      const held = op.props[at];
      const a = held === undefined ? undefined : op.def.attrFields[at]!.codec.to(held);
      if (!a || attributeKey(a) !== key) return false;
    }
    const types = this.#types;
    this.#replaced.push(op);
    if (node.types.every(([i, type]) => this.#bindType(type, op.results[i]!.type))) {
      if (this.#solve(goalsOf(node, op, false, next))) return true;
      if (node.commutes && this.#solve(goalsOf(node, op, true, next))) return true;
    }
    this.#replaced.pop();
    this.#types = types;
    return false;
  }

  #bindType(pattern: Type, type: Type): boolean {
    if (pattern.kind !== "opaque" || pattern.dialect !== LAW) return pattern === type;
    const had = this.#types?.get(pattern);
    // A new map, so that the old one is still there when this turns out to lead nowhere.
    if (!had) this.#types = new Map(this.#types ?? []).set(pattern, type);
    return !had || had === type;
  }

  /** Every op that is replaced bears these fast-math flags (constants have none to bear). */
  grants(needs: readonly string[]): boolean {
    return this.#replaced.every((op) => {
      const at = op.def.attrIndex.get(FASTMATH);
      const flags = at === undefined ? undefined : (op.props[at] as readonly string[] | undefined);
      return flags !== undefined && needs.every((n) => flags.includes(n));
    });
  }

  /** Builds a side with what is bound. Undefined, and nothing built, if the types do not work out. */
  build(side: Side, rw: Rewriter): Value | undefined {
    const built = new Map<Value, Value>();
    const made: Operation[] = [];
    for (const op of side.ops) {
      const operands: Value[] = [];
      for (const u of op.uses) {
        const v = this.#resolve(u.value, built, rw);
        if (v) operands.push(v);
      }
      const copy = operands.length === op.uses.length ? this.#copy(op, operands) : undefined;
      if (!copy) {
        for (const m of made) m.dropReferences();
        return undefined;
      }
      made.push(copy);
      op.results.forEach((r, i) => {
        built.set(r, copy.results[i]!);
      });
    }
    const value = this.#resolve(side.value, built, rw);
    if (value?.type !== this.root.result().type) {
      for (const m of made) m.dropReferences();
      return undefined;
    }
    for (const m of made) rw.insert(m);
    return value;
  }

  #resolve(v: Value, built: ReadonlyMap<Value, Value>, rw: Rewriter): Value | undefined {
    if (!(v instanceof Variable)) return built.get(v);
    const slot = this.#slots.get(v);
    if (slot !== undefined && this.#bound[slot]) return this.#bound[slot];
    const like = v.like ? this.#resolve(v.like, built, rw) : this.root.result();
    const attribute = like && this.#made(v, like.type);
    return attribute && rw.constant(attribute, like.type, this.root.def.dialect);
  }

  #made(v: Variable, type: Type): Attribute | undefined {
    if (v.is.kind === "literal" && v.is.exact !== undefined) return scalarAttribute(v.is.exact, type);
    if (v.is.kind !== "computed") throw new InternalError(`the law has nothing to make ${v.name} of`);
    const from = v.is.from.map((x) => this.number(x));
    return from.every((n) => n !== undefined) ? scalarAttribute(v.is.make(...from), type) : undefined;
  }

  #copy(op: Operation, operands: readonly Value[]): Operation | undefined {
    const { def } = op;
    const props = def.attrFields.map(({ name, codec }, i) =>
      name === FASTMATH ? this.#flags() : (op.props[i] ?? codec.fallback),
    );
    const types = def.spec.infer
      ? def.spec.infer(insOf(def, operands, props, op.operandSegments) as never)
      : op.results.map((r) => this.#typeOf(r.type));
    if (!types) return undefined;
    const { operandSegments, resultSegments } = op;
    return new Operation(def, {
      operands,
      props,
      resultTypes: types,
      operandSegments,
      resultSegments,
      loc: this.root.loc,
    });
  }

  #typeOf(recorded: Type): Type {
    const bound = this.#types?.get(recorded);
    if (bound) return bound;
    for (const [v, slot] of this.#slots) if (v.type === recorded) return this.#bound[slot]?.type ?? recorded;
    return recorded;
  }

  /** The flags that all replaced ops share. */
  #flags(): readonly string[] {
    let shared: readonly string[] | undefined;
    for (const op of this.#replaced) {
      const at = op.def.attrIndex.get(FASTMATH);
      if (at === undefined) continue;
      const flags = (op.props[at] ?? []) as readonly string[];
      shared = shared === undefined ? flags : shared.filter((f) => flags.includes(f));
    }
    return shared ?? [];
  }
}

/** Something still to be matched, and what comes after it. */
interface Goal {
  readonly node: Node;
  readonly value: Value;
  readonly next: Goal | null;
}

function goalsOf(node: OpNode, op: Operation, swapped: boolean, next: Goal | null): Goal | null {
  let goal = next;
  const n = node.operands.length;
  for (let i = n - 1; i >= 0; i--) {
    goal = { node: node.operands[i]!, value: op.operand(swapped ? n - 1 - i : i), next: goal };
  }
  return goal;
}

function admits(is: Kind, value: Value): boolean {
  if (is.kind === "any") return true;
  const op = value.definingOp;
  if (!op?.def.isConstant) return false;
  if (is.kind !== "literal") return is.kind === "constant";
  const n = scalarOf(constantValue(op));
  return n !== undefined && testLiteral(is, n, value.type);
}

function testLiteral(is: Extract<Kind, { kind: "literal" }>, n: Scalar, type: Type): boolean {
  if (is.exact === undefined) return is.test(n);
  if (typeof n === "number") return Object.is(n, is.exact);
  return wrapInteger(BigInt(is.exact), elementOf(type)) === n;
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
