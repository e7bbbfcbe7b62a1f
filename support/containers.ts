/** What a worklist can hold: `slot` is the list's to write. */
export interface Listed {
  slot: number;
}

/**
 * A last-in first-out list of what is still to be done, each item at most once. Adding, taking and removing are O(1)
 * (removing amortised: holes are squeezed out once they are the majority). The order is that of insertion, reversed.
 *
 * An item remembers where it was put, and waits if it still stands there: no table of items grows with the list
 * (Briggs and Torczon, An Efficient Representation for Sparse Sets, 1993). One list at a time may hold an item.
 */
export class Worklist<T extends Listed> {
  #stack: (T | undefined)[] = [];
  #size = 0;

  constructor(items: Iterable<T> = []) {
    for (const item of items) this.push(item);
  }

  get size(): number {
    return this.#size;
  }

  has(item: T): boolean {
    const { slot } = item;
    return slot >= 0 && slot < this.#stack.length && this.#stack[slot] === item;
  }

  /** Puts `item` on top. An item already waiting keeps its place; answers whether it was new. */
  push(item: T): boolean {
    if (this.has(item)) return false;
    item.slot = this.#stack.length;
    this.#stack.push(item);
    this.#size++;
    return true;
  }

  /** Takes the item on top, or answers undefined when nothing is left. */
  pop(): T | undefined {
    while (this.#stack.length > 0) {
      const item = this.#stack.pop();
      if (item === undefined) continue; // a hole, left by `remove`
      this.#size--;
      return item;
    }
    return undefined;
  }

  /** Takes `item` off, wherever it waits; answers whether it was there. */
  remove(item: T): boolean {
    if (!this.has(item)) return false;
    this.#stack[item.slot] = undefined;
    this.#size--;
    if (this.#stack.length > 2 * this.#size + 16) this.#squeeze();
    return true;
  }

  clear(): void {
    this.#stack.length = 0;
    this.#size = 0;
  }

  #squeeze(): void {
    const items = this.#stack.filter((item): item is T => item !== undefined);
    items.forEach((item, slot) => {
      item.slot = slot;
    });
    this.#stack = items;
  }
}

/**
 * Disjoint sets of items (union by size, path halving: almost O(1) per question). The representative of a set is its
 * member that was added first, so results do not depend on the order of unions.
 */
export class DisjointSet<T> {
  private readonly indices = new Map<T, number>();
  private readonly items: T[] = [];
  private readonly parents: number[] = [];
  private readonly sizes: number[] = [];
  private readonly firsts: number[] = [];

  constructor(items: Iterable<T> = []) {
    for (const item of items) this.add(item);
  }

  /** How many items are known. */
  get size(): number {
    return this.items.length;
  }

  has(item: T): boolean {
    return this.indices.has(item);
  }

  /** Makes `item` known, as a set of its own unless it already is in one. */
  add(item: T): void {
    this.indexOf(item);
  }

  /** The representative of the set of `item`, which is added if it was unknown. */
  find(item: T): T {
    return this.items[this.firsts[this.root(this.indexOf(item))]!]!;
  }

  /** Joins the sets of both items; answers whether they were apart. */
  union(a: T, b: T): boolean {
    let large = this.root(this.indexOf(a));
    let small = this.root(this.indexOf(b));
    if (large === small) return false;
    if (this.sizes[large]! < this.sizes[small]!) [large, small] = [small, large];
    this.parents[small] = large;
    this.sizes[large]! += this.sizes[small]!;
    this.firsts[large] = Math.min(this.firsts[large]!, this.firsts[small]!);
    return true;
  }

  same(a: T, b: T): boolean {
    return this.root(this.indexOf(a)) === this.root(this.indexOf(b));
  }

  /** All sets; sets and their members in the order in which they were added. */
  sets(): T[][] {
    const members = new Map<number, T[]>();
    this.items.forEach((item, index) => {
      const root = this.root(index);
      const set = members.get(root);
      if (set) set.push(item);
      else members.set(root, [item]);
    });
    return [...members.values()];
  }

  private indexOf(item: T): number {
    const known = this.indices.get(item);
    if (known !== undefined) return known;
    const index = this.items.length;
    this.indices.set(item, index);
    this.items.push(item);
    this.parents.push(index);
    this.sizes.push(1);
    this.firsts.push(index);
    return index;
  }

  private root(index: number): number {
    let at = index;
    for (let parent = this.parents[at]!; parent !== at; parent = this.parents[at]!) {
      at = this.parents[at] = this.parents[parent]!;
    }
    return at;
  }
}

/** One object per key, so that equality of what it stands for is `===`. */
export class Interner<T> {
  private readonly table = new Map<string, T>();

  get size(): number {
    return this.table.size;
  }

  /** The object known under `key`, made by `make` the first time. */
  intern(key: string, make: () => T): T {
    let value = this.table.get(key);
    if (value === undefined) {
      value = make();
      this.table.set(key, value);
    }
    return value;
  }

  get(key: string): T | undefined {
    return this.table.get(key);
  }

  /** All objects, in the order in which they were made. */
  values(): IterableIterator<T> {
    return this.table.values();
  }
}
