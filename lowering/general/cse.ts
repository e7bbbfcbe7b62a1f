/** @file cse: equal expressions once. */
import { type Block, Operation, type Region, type Value } from "../../ir/core.ts";
import type { OpInfo } from "../../ir/define.ts";
import { dominatorTree } from "../../ir/dominance.ts";
import { type Effect, effectsOf, isTriviallyDead } from "../../ir/effects.ts";
import { Commutative, Isolated } from "../../ir/traits.ts";
import { type Attribute, attributeKey } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";

export const cse = definePass("cse", {
  doc:
    "Replaces an operation by an equal one that dominates it. Operations that only read memory are merged within a " +
    "block as long as nothing is written in between; operations with regions are equal if their regions are.",
  example: {
    before: `func.func @f(%x: f32, %y: f32) -> f32 {
  %0 = arith.addf %x, %y : f32
  %1 = arith.addf %y, %x : f32
  %2 = arith.mulf %0, %1 : f32
  return %2 : f32
}`,
    after: `func.func @f(%arg0: f32, %arg1: f32) -> f32 {
  %0 = arith.addf %arg0, %arg1 : f32
  %1 = arith.mulf %0, %0 : f32
  return %1 : f32
}`,
  },
  run(op, _options, pass) {
    const c = new Elimination();
    numberOps(op);
    for (const region of op.regions) c.region(region, null);
    pass.count("merged", c.merged);
    pass.count("dead", c.dead);
    return c.merged + c.dead > 0;
  },
});

/** Numbers by which keys name what ops compute; no worklist is at work meanwhile. */
function numberOps(root: Operation): void {
  let count = 0;
  root.walk((op) => {
    op.slot = count++;
  });
}

/** What is known in a block and those that it dominates. */
class Scope {
  readonly #known = new Map<string, Operation>();
  readonly #outer: Scope | null;

  constructor(outer: Scope | null) {
    this.#outer = outer;
  }

  find(key: string): Operation | undefined {
    for (let s: Scope | null = this; s; s = s.#outer) {
      const found = s.#known.get(key);
      if (found) return found;
    }
    return undefined;
  }

  add(key: string, op: Operation): void {
    this.#known.set(key, op);
  }
}

class Elimination {
  merged = 0;
  dead = 0;
  readonly #keys = new Keys();
  /** What has been read in the block since something may have been written. */
  #reads = new Map<string, Operation>();

  region(region: Region, outer: Scope | null): void {
    const { blocks } = region;
    if (blocks.length === 0) return;
    if (blocks.length === 1) {
      this.#block(blocks[0]!, new Scope(outer));
      return;
    }
    const parents = dominatorTree(region);
    const children = new Map<Block, Block[]>();
    for (const b of blocks) {
      const parent = parents.get(b);
      if (!parent) continue;
      const siblings = children.get(parent);
      if (siblings) siblings.push(b);
      else children.set(parent, [b]);
    }
    // Unreachable blocks are left alone. No recursion: graphs may be deep.
    const stack: (readonly [Block, Scope])[] = [[region.entry, new Scope(outer)]];
    for (let top = stack.pop(); top; top = stack.pop()) {
      const [block, scope] = top;
      this.#block(block, scope);
      const below = children.get(block) ?? [];
      for (let i = below.length - 1; i >= 0; i--) stack.push([below[i]!, new Scope(scope)]);
    }
  }

  #block(block: Block, scope: Scope): void {
    this.#reads = new Map();
    for (let op = block.first; op; ) {
      const next: Operation | null = op.next;
      this.#operation(op, scope);
      op = next;
    }
  }

  #operation(op: Operation, scope: Scope): void {
    if (isTriviallyDead(op)) {
      op.erase();
      this.dead++;
      return;
    }
    const outer = this.#reads;
    for (const region of op.regions) this.region(region, op.def.has(Isolated) ? null : scope);
    // What happened inside of pure regions has not touched anything outside.
    this.#reads = outer;
    if (op.def.isTerminator) return;
    const effects = effectsOf(op);
    if (!effects || effects.some(isWrite)) {
      if (this.#reads.size > 0) this.#reads = new Map();
      return;
    }
    if (op.results.length === 0 || effects.some((e) => e.kind !== "read")) return;
    if (op.regions.some((r) => r.blocks.length > 1)) return;
    const key = this.#keys.of(op);
    if (key === undefined) return;
    const known = effects.length > 0 ? this.#reads.get(key) : scope.find(key);
    if (!known) {
      if (effects.length > 0) this.#reads.set(key, op);
      else scope.add(key, op);
      return;
    }
    for (let i = 0; i < op.results.length; i++) {
      const [old, now] = [op.results[i]!, known.results[i]!];
      now.name ??= old.name;
      old.replaceAllUsesWith(now);
    }
    op.erase();
    this.merged++;
  }
}

const isWrite = (e: Effect): boolean => e.kind === "write" || e.kind === "free";

/** Texts that are equal exactly for ops that compute the same. */
class Keys {
  readonly #defs = new Map<OpInfo, number>();
  readonly #args = new Map<Value, string>();

  of(op: Operation): string | undefined {
    return this.#key(op, null);
  }

  /** `inside` numbers the values that are defined within the op whose key is being made. */
  #key(op: Operation, inside: Map<Value, string> | null): string | undefined {
    if (op.successors.length > 0) return undefined;
    let key = `${this.#def(op.def)}`;
    const { uses } = op;
    if (uses.length === 2 && op.def.has(Commutative)) {
      const a = this.#value(uses[0]!.value, inside);
      const b = this.#value(uses[1]!.value, inside);
      key += a < b ? ` ${a} ${b}` : ` ${b} ${a}`;
    } else for (let i = 0; i < uses.length; i++) key += ` ${this.#value(uses[i]!.value, inside)}`;
    if (op.operandSegments) key += `/${op.operandSegments.join(",")}`;
    key += ":";
    for (let i = 0; i < op.results.length; i++) key += `${op.results[i]!.type.id} `;
    key += propsKey(op);
    if (op.attributes) for (const [n, a] of op.attributes) key += ` ${n}=${attributeKey(a)}`;
    for (const region of op.regions) {
      const body = this.#regionKey(region, inside ?? new Map());
      if (body === undefined) return undefined;
      key += `{${body}}`;
    }
    return key;
  }

  #regionKey(region: Region, inside: Map<Value, string>): string | undefined {
    if (region.blocks.length > 1) return undefined;
    let key = "";
    for (const block of region.blocks) {
      for (const arg of block.args) {
        key += `${arg.type.id},`;
        inside.set(arg, `i${inside.size}`);
      }
      for (let o = block.first; o; o = o.next) {
        const one = this.#key(o, inside);
        if (one === undefined) return undefined;
        for (const r of o.results) inside.set(r, `i${inside.size}`);
        key += `;${one}`;
      }
    }
    return key;
  }

  #def(def: OpInfo): number {
    let id = this.#defs.get(def);
    if (id === undefined) {
      id = this.#defs.size;
      this.#defs.set(def, id);
    }
    return id;
  }

  #value(v: Value, inside: Map<Value, string> | null): string {
    const local = inside?.get(v);
    if (local !== undefined) return local;
    const { owner, index } = v;
    if (owner instanceof Operation) return index === 0 ? String(owner.slot) : `${owner.slot}#${index}`;
    let id = this.#args.get(v);
    if (id === undefined) {
      id = `a${this.#args.size}`;
      this.#args.set(v, id);
    }
    return id;
  }
}

/** Properties that are absent or have their default need no spelling. */
function propsKey(op: Operation): string {
  const { props, def } = op;
  if (props.length === 0) return "";
  let key = "";
  for (let i = 0; i < props.length; i++) {
    const held = props[i];
    const codec = def.attrFields[i]?.codec;
    // An op that is not registered holds attributes.
    if (!codec) key += held === undefined ? "|" : `|${attributeKey(held as Attribute)}`;
    else key += held === undefined || isDefault(held, codec.fallback) ? "|" : `|${valueKey(codec.to(held))}`;
  }
  return key;
}

const valueKey = (a: Attribute | undefined): string => (a === undefined ? "" : attributeKey(a));

const isDefault = (held: unknown, fallback: unknown): boolean =>
  held === fallback ||
  (Array.isArray(held) &&
    Array.isArray(fallback) &&
    held.length === fallback.length &&
    held.every((x, i) => x === fallback[i]));
