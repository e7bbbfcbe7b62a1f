/** @file Who comes before whom: dominator trees of regions with several blocks (Cooper, Harvey, Kennedy 2001). */
import type { Block, Operation, Region, Value } from "./core.ts";

/** Dominance inside one op. Trees are made on demand and forgotten by `invalidate`. */
export class Dominance {
  readonly #trees = new Map<Region, Map<Block, Block | null>>();

  invalidate(region?: Region): void {
    if (region) this.#trees.delete(region);
    else this.#trees.clear();
  }

  /** The block can be reached from its region's entry. */
  isReachable(block: Block): boolean {
    const region = block.parent;
    return !region || region.blocks.length === 1 || this.#tree(region).has(block);
  }

  /** Every path from the region's entry to `b` leads through `a` (or they are the same block). */
  dominatesBlock(a: Block, b: Block): boolean {
    if (a === b) return true;
    const region = a.parent;
    if (!region || region !== b.parent) return false;
    const tree = this.#tree(region);
    if (!tree.has(b)) return true;
    for (let x = tree.get(b) ?? null; x; x = tree.get(x) ?? null) if (x === a) return true;
    return false;
  }

  /** The value may be used by an operand of `user`. */
  dominatesUse(value: Value, user: Operation): boolean {
    const defBlock = value.block;
    if (!defBlock) return false;
    // Bring the user up into the region of the definition.
    let at: Operation | null = user;
    while (at && at.block?.parent !== defBlock.parent) at = at.parentOp;
    if (!at?.block) return false;
    const def = value.definingOp;
    if (at.block === defBlock) return def === null || (def !== at && def.isBefore(at));
    return this.dominatesBlock(defBlock, at.block);
  }

  /** `a` is executed before `b` whenever `b` is. */
  dominates(a: Operation, b: Operation): boolean {
    const block = a.block;
    if (!block) return false;
    let at: Operation | null = b;
    while (at && at.block?.parent !== block.parent) at = at.parentOp;
    if (!at?.block || at === a) return false;
    return at.block === block ? a.isBefore(at) : this.dominatesBlock(block, at.block);
  }

  #tree(region: Region): Map<Block, Block | null> {
    const known = this.#trees.get(region);
    if (known) return known;
    const tree = dominatorTree(region);
    this.#trees.set(region, tree);
    return tree;
  }
}

/** Immediate dominator of each reachable block; the entry has none. */
export function dominatorTree(region: Region): Map<Block, Block | null> {
  const entry = region.blocks[0]!;
  const order = postOrder(entry);
  const number = new Map(order.map((b, i) => [b, i]));
  const predecessors = new Map<Block, Block[]>(order.map((b) => [b, []]));
  for (const b of order) for (const s of b.last?.successors ?? []) predecessors.get(s)?.push(b);
  const idom = new Map<Block, Block>([[entry, entry]]);
  const intersect = (a: Block, b: Block): Block => {
    let x = a;
    let y = b;
    while (x !== y) {
      while (number.get(x)! < number.get(y)!) x = idom.get(x)!;
      while (number.get(y)! < number.get(x)!) y = idom.get(y)!;
    }
    return x;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = order.length - 2; i >= 0; i--) {
      const b = order[i]!;
      let next: Block | undefined;
      for (const p of predecessors.get(b)!) {
        if (!idom.has(p)) continue;
        next = next ? intersect(p, next) : p;
      }
      if (next && idom.get(b) !== next) {
        idom.set(b, next);
        changed = true;
      }
    }
  }
  return new Map(order.map((b) => [b, b === entry ? null : idom.get(b)!]));
}

/** Reachable blocks, successors before predecessors; without recursion, since graphs may be long. */
export function postOrder(entry: Block): Block[] {
  const order: Block[] = [];
  const seen = new Set<Block>([entry]);
  const stack: { block: Block; next: number }[] = [{ block: entry, next: 0 }];
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const successor = top.block.last?.successors[top.next++];
    if (successor === undefined) {
      order.push(top.block);
      stack.pop();
    } else if (!seen.has(successor)) {
      seen.add(successor);
      stack.push({ block: successor, next: 0 });
    }
  }
  return order;
}
