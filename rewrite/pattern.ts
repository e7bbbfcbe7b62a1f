/** @file Patterns: what the left side of a law matches, what it binds, and how the right side is built of that. */
import { Block, Operation, Value } from "../ir/core.ts";
import { insOf } from "../ir/define.ts";
import { Commutative } from "../ir/traits.ts";
import { type Attribute, attributeKey, elementOf, type OpaqueType, opaqueType, type Type } from "../ir/types.ts";
import { InternalError, invariant } from "../support/diagnostic.ts";
import { constantOf, constantValue } from "./constants.ts";
import type { Rewriter } from "./rewriter.ts";
import { type Scalar, scalarAttribute, scalarOf, wrapInteger } from "./scalars.ts";

/** The property in which ops carry their fast-math flags. */
const FASTMATH = "fastmath";
const LAW = "law";

/**
 * A type that a law leaves open: bound where a recorded op on the left has it as a result type. The type of a variable is
 * the type variable of the same name.
 */
export const typeVariable = (name: string): OpaqueType => opaqueType(LAW, name);

/** The type of the result of the op at the root; for ops on the right whose types do not follow from their operands. */
export const rootType: OpaqueType = typeVariable("root");

export type Kind =
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

/** A recorded expression: its ops in order, and the value it comes to. */
export interface Side {
  readonly ops: readonly Operation[];
  readonly value: Value;
  readonly variables: readonly Variable[];
}

interface OpNode {
  readonly kind: "op";
  readonly op: Operation;
  readonly result: number;
  readonly operands: readonly Node[];
  readonly commutes: boolean;
  /** Which properties must agree: the position and the key of the recorded attribute; undefined must be absent. */
  readonly props: readonly (readonly [number, string | undefined])[];
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

/** The pattern of a recorded value. */
function nodeOf(value: Value, slots: ReadonlyMap<Variable, number>): Node {
  if (value instanceof Variable) {
    const slot = slots.get(value)!;
    invariant(value.is.kind !== "computed", "a computed value stands on the right side of a law only");
    return { kind: "variable", slot, variable: value };
  }
  const op = value.definingOp;
  invariant(op, "a law is built of ops and variables");
  const props: (readonly [number, string | undefined])[] = [];
  op.def.attrFields.forEach(({ codec }, i) => {
    // Flags are permissions: their absence on the left asks nothing.
    if (codec.asm.kind === "angle" && codec.asm.many) return;
    props.push([i, propKey(op, i)]);
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

/** A property as a text to compare; undefined where it is absent. */
function propKey(op: Operation, at: number): string | undefined {
  const held = op.props[at];
  const a = held === undefined ? undefined : op.def.attrFields[at]!.codec.to(held);
  return a === undefined ? undefined : attributeKey(a);
}

/** The left side of a law, ready to be matched. */
export class Pattern {
  readonly root: OpNode;
  readonly slots: ReadonlyMap<Variable, number>;
  /** The slot of the variable whose type a type variable is. */
  readonly slotOfType: ReadonlyMap<Type, number>;

  constructor(side: Side) {
    this.slots = new Map(side.variables.map((v, i) => [v, i]));
    this.slotOfType = new Map(side.variables.map((v, i) => [v.type, i]));
    const root = nodeOf(side.value, this.slots);
    invariant(root.kind === "op" && root.op.results.length === 1, "the left side of a law is an op with one result");
    this.root = root;
  }

  match(op: Operation): Matching | undefined {
    if (!mayMatch(this.root, op)) return undefined;
    const m = new Matching(this, op);
    return m.matches(this.root, op.result()) ? m : undefined;
  }
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

export class Matching implements Match {
  readonly root: Operation;
  readonly #pattern: Pattern;
  readonly #bound: (Value | undefined)[];
  #types: ReadonlyMap<Type, Type> | null = null;
  readonly #replaced: Operation[] = [];

  constructor(pattern: Pattern, root: Operation) {
    this.root = root;
    this.#pattern = pattern;
    this.#bound = new Array<Value | undefined>(pattern.slots.size).fill(undefined);
  }

  value(v: Variable): Value {
    const slot = this.#pattern.slots.get(v);
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
    const { variable } = node;
    if (!admits(variable.is, value)) return false;
    const type = this.#types?.get(variable.type);
    if (type && type !== value.type) return false;
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
    for (const [at, key] of node.props) if (propKey(op, at) !== key) return false;
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
    const slot = this.#pattern.slotOfType.get(pattern);
    const had = this.#types?.get(pattern) ?? (slot === undefined ? undefined : this.#bound[slot]?.type);
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
    const slot = this.#pattern.slots.get(v);
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
    if (recorded === rootType) return this.root.result().type;
    const bound = this.#types?.get(recorded);
    if (bound) return bound;
    const slot = this.#pattern.slotOfType.get(recorded);
    return (slot === undefined ? undefined : this.#bound[slot]?.type) ?? recorded;
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
  return Number.isInteger(is.exact) && wrapInteger(BigInt(is.exact), elementOf(type)) === n;
}
