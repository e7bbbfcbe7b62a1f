/**
 * @file The five that know each other: Operation, Value, Use, Block, Region. One class each, so that every walk in the
 * compiler stays monomorphic; what an operation is, is `op.def`, compared by identity. Typed access is a view (define.ts).
 */
import { InternalError, invariant } from "../support/diagnostic.ts";
import { type Location, unknownLocation } from "../support/location.ts";
import type { OpInfo } from "./define.ts";
import type { Attribute, Type } from "./types.ts";

const NONE: readonly never[] = Object.freeze([]);

/** One operand: a link in the list of uses of its value. */
export class Use {
  value: Value;
  readonly owner: Operation;
  /** Position among the owner's operands. */
  index: number;
  next: Use | null = null;
  prev: Use | null = null;

  constructor(value: Value, owner: Operation, index: number) {
    this.value = value;
    this.owner = owner;
    this.index = index;
    this.#link();
  }

  #link(): void {
    const first = this.value.firstUse;
    this.prev = null;
    this.next = first;
    if (first) first.prev = this;
    this.value.firstUse = this;
  }

  /** Takes the use out of its value's list. The operand must be set again, or the operation dropped. */
  unlink(): void {
    if (this.prev) this.prev.next = this.next;
    else if (this.value.firstUse === this) this.value.firstUse = this.next;
    if (this.next) this.next.prev = this.prev;
    this.next = this.prev = null;
  }

  set(value: Value): void {
    this.unlink();
    this.value = value;
    this.#link();
  }
}

/** A result of an operation or an argument of a block. */
export class Value<T extends Type = Type> {
  type: T;
  owner: Operation | Block;
  /** Position among the results or arguments of its owner. */
  index: number;
  firstUse: Use | null = null;
  /** The name in the text it was read from, or a hint for printing; never part of the meaning. */
  name: string | null = null;

  constructor(type: T, owner: Operation | Block, index: number) {
    this.type = type;
    this.owner = owner;
    this.index = index;
  }

  get definingOp(): Operation | null {
    return this.owner instanceof Operation ? this.owner : null;
  }

  /** The block in which the value is defined. */
  get block(): Block | null {
    return this.owner instanceof Operation ? this.owner.block : this.owner;
  }

  get location(): Location {
    return this.owner instanceof Operation
      ? this.owner.loc
      : (this.owner.argLocations?.[this.index] ?? unknownLocation);
  }

  get hasUses(): boolean {
    return this.firstUse !== null;
  }

  get hasOneUse(): boolean {
    return this.firstUse !== null && this.firstUse.next === null;
  }

  /** The uses, latest first. The list may change while it is walked only at the current use. */
  *uses(): Generator<Use> {
    for (let u = this.firstUse; u; ) {
      const next: Use | null = u.next;
      yield u;
      u = next;
    }
  }

  useCount(): number {
    let n = 0;
    for (let u = this.firstUse; u; u = u.next) n++;
    return n;
  }

  replaceAllUsesWith(other: Value): void {
    if (other === this) return;
    while (this.firstUse) this.firstUse.set(other);
  }
}

export interface OperationState {
  readonly operands?: readonly Value[];
  readonly props?: readonly unknown[];
  readonly resultTypes?: readonly Type[];
  readonly regions?: readonly Region[];
  readonly successors?: readonly Block[];
  readonly attributes?: ReadonlyMap<string, Attribute> | null;
  /** How many operands belong to each operand field; null where the record alone decides. */
  readonly operandSegments?: readonly number[] | null;
  readonly resultSegments?: readonly number[] | null;
  readonly loc?: Location;
}

export class Operation {
  readonly def: OpInfo;
  uses: Use[];
  results: readonly Value[];
  /** Attributes that the record declares, in its order, as native values; undefined is absent. */
  readonly props: unknown[];
  /** Attributes that nobody declared ("discardable"). Operations share the maps: `setAttribute` makes another one. */
  attributes: ReadonlyMap<string, Attribute> | null;
  regions: readonly Region[];
  successors: Block[];
  operandSegments: readonly number[] | null;
  resultSegments: readonly number[] | null;
  loc: Location;
  block: Block | null = null;
  prev: Operation | null = null;
  next: Operation | null = null;
  /**
   * Position in the block's order; valid while the block says so. No small integer to begin with, because V8 gives
   * objects another shape when their first fraction comes, and throws away all code that knew the old one.
   */
  order = 0.5;
  /**
   * A number of whoever is at work: where it stands in a worklist, which asks its own place whether that is still so; or
   * which it is of all, in a pass that has numbered them.
   */
  slot = -1;

  constructor(def: OpInfo, state: OperationState) {
    this.def = def;
    const operands = state.operands ?? NONE;
    if (operands.length === 0) this.uses = NONE as readonly Use[] as Use[];
    else {
      const uses = new Array<Use>(operands.length);
      for (let i = 0; i < operands.length; i++) uses[i] = new Use(operands[i]!, this, i);
      this.uses = uses;
    }
    this.props = state.props ? (state.props as unknown[]) : [];
    this.attributes = state.attributes ?? null;
    const types = state.resultTypes ?? NONE;
    if (types.length === 0) this.results = NONE;
    else {
      const results = new Array<Value>(types.length);
      for (let i = 0; i < types.length; i++) results[i] = new Value(types[i]!, this, i);
      this.results = results;
    }
    this.regions = state.regions ?? NONE;
    for (const r of this.regions) r.parent = this;
    const { successors } = state;
    this.successors = successors && successors.length > 0 ? successors.slice() : (NONE as readonly Block[] as Block[]);
    this.operandSegments = state.operandSegments ?? null;
    this.resultSegments = state.resultSegments ?? null;
    this.loc = state.loc ?? unknownLocation;
  }

  get name(): string {
    return this.def.opName;
  }

  get operandCount(): number {
    return this.uses.length;
  }

  operand(i: number): Value {
    const use = this.uses[i];
    if (!use) throw new InternalError(`${this.name} has no operand ${i}`, this.loc);
    return use.value;
  }

  get operands(): readonly Value[] {
    return this.uses.map((u) => u.value);
  }

  setOperand(i: number, value: Value): void {
    this.uses[i]!.set(value);
  }

  /** Replaces all operands at once; `segments` when the record has several fields of open length. */
  setOperands(values: readonly Value[], segments: readonly number[] | null = this.operandSegments): void {
    for (const u of this.uses) u.unlink();
    this.uses = values.map((v, i) => new Use(v, this, i));
    this.operandSegments = segments;
  }

  /** Sets a discardable attribute, or takes it away (undefined). */
  setAttribute(name: string, value: Attribute | undefined): void {
    const attributes = new Map(this.attributes);
    if (value === undefined) attributes.delete(name);
    else attributes.set(name, value);
    this.attributes = attributes.size > 0 ? attributes : null;
  }

  result(i = 0): Value {
    const r = this.results[i];
    if (!r) throw new InternalError(`${this.name} has no result ${i}`, this.loc);
    return r;
  }

  region(i = 0): Region {
    const r = this.regions[i];
    if (!r) throw new InternalError(`${this.name} has no region ${i}`, this.loc);
    return r;
  }

  get parentRegion(): Region | null {
    return this.block?.parent ?? null;
  }

  get parentOp(): Operation | null {
    return this.block?.parent?.parent ?? null;
  }

  /** No result has a use. */
  get isUnused(): boolean {
    for (const r of this.results) if (r.firstUse) return false;
    return true;
  }

  /** This operation contains the other one, or is it. */
  isAncestorOf(other: Operation): boolean {
    for (let o: Operation | null = other; o; o = o.parentOp) if (o === this) return true;
    return false;
  }

  /** The ancestor of this operation (or itself) that stands directly in the block. */
  ancestorIn(block: Block): Operation | null {
    let o: Operation | null = this;
    while (o && o.block !== block) o = o.parentOp;
    return o;
  }

  /** Before the other in the same block; amortised O(1). */
  isBefore(other: Operation): boolean {
    const block = this.block;
    invariant(block && block === other.block, "order is asked between operations of one block", this.loc);
    block.ensureOrder();
    return this.order < other.order;
  }

  /** Takes the operation out of its block and leaves it usable. */
  remove(): this {
    this.block?.remove(this);
    return this;
  }

  /** Removes the operation and everything in it. Its results must be unused. */
  erase(): void {
    for (const r of this.results) {
      if (r.firstUse) {
        throw new InternalError(
          `${this.name} is erased while '${r.firstUse.owner.name}' still uses its result ${r.index}`,
          this.loc,
        );
      }
    }
    this.remove();
    this.dropReferences();
  }

  /** Gives up all operands, in the operation and in its regions, so that it can be thrown away. */
  dropReferences(): void {
    for (const u of this.uses) u.unlink();
    for (const region of this.regions) {
      for (const b of region.blocks) {
        for (let o = b.first; o; o = o.next) o.dropReferences();
      }
    }
  }

  moveBefore(other: Operation): void {
    this.remove();
    other.block!.insertBefore(this, other);
  }

  moveAfter(other: Operation): void {
    this.remove();
    other.block!.insertBefore(this, other.next);
  }

  /** A copy with operands taken through `map` (old value → new), which also learns the new results and arguments. */
  clone(map: Map<Value, Value> = new Map(), blocks: Map<Block, Block> = new Map()): Operation {
    const regions = this.regions.map((r) => r.cloneEmpty(map, blocks));
    const copy = new Operation(this.def, {
      operands: this.uses.map((u) => map.get(u.value) ?? u.value),
      props: this.props.slice(),
      resultTypes: this.results.map((r) => r.type),
      attributes: this.attributes,
      regions,
      successors: this.successors.map((b) => blocks.get(b) ?? b),
      operandSegments: this.operandSegments,
      resultSegments: this.resultSegments,
      loc: this.loc,
    });
    for (let i = 0; i < this.results.length; i++) {
      copy.results[i]!.name = this.results[i]!.name;
      map.set(this.results[i]!, copy.results[i]!);
    }
    this.regions.forEach((r, i) => {
      r.cloneInto(regions[i]!, map, blocks);
    });
    return copy;
  }

  /** Calls `visit` on this operation and all inside it, parents first. The visited operation may be erased or moved. */
  walk(visit: (op: Operation) => void): void {
    const { regions } = this;
    visit(this);
    for (const region of regions) {
      for (const block of region.blocks) {
        for (let o = block.first; o; ) {
          const next: Operation | null = o.next;
          o.walk(visit);
          o = next;
        }
      }
    }
  }

  /** As `walk`, children first. */
  walkPost(visit: (op: Operation) => void): void {
    for (const region of this.regions) {
      for (const block of region.blocks) {
        for (let o = block.first; o; ) {
          const next: Operation | null = o.next;
          o.walkPost(visit);
          o = next;
        }
      }
    }
    visit(this);
  }
}

export class Block {
  parent: Region | null = null;
  first: Operation | null = null;
  last: Operation | null = null;
  args: Value[];
  /** Places of the arguments, where known. */
  argLocations: Location[] | null = null;
  #ordered = false;

  constructor(argTypes: readonly Type[] = NONE) {
    this.args = argTypes.length === 0 ? [] : argTypes.map((t, i) => new Value(t, this, i));
  }

  get isEmpty(): boolean {
    return this.first === null;
  }

  get parentOp(): Operation | null {
    return this.parent?.parent ?? null;
  }

  /** The last operation, if it is a terminator. */
  get terminator(): Operation | null {
    return this.last?.def.isTerminator ? this.last : null;
  }

  addArgument<T extends Type>(type: T, loc?: Location, at = this.args.length): Value<T> {
    const v = new Value(type, this, at);
    // A list that is pushed to takes room for sixteen more at once.
    if (this.args.length === 0) this.args = [v as Value<Type>];
    else if (at === this.args.length) this.args.push(v as Value<Type>);
    else {
      this.args.splice(at, 0, v as Value<Type>);
      for (let i = at + 1; i < this.args.length; i++) this.args[i]!.index = i;
    }
    if (loc && this.args.length === 1) this.argLocations = [loc];
    else if (loc || this.argLocations) {
      this.argLocations ??= this.args.slice(1).map(() => unknownLocation);
      this.argLocations.splice(at, 0, loc ?? unknownLocation);
    }
    return v;
  }

  eraseArgument(at: number): void {
    invariant(!this.args[at]!.hasUses, "an erased block argument has no uses");
    this.args.splice(at, 1);
    this.argLocations?.splice(at, 1);
    for (let i = at; i < this.args.length; i++) this.args[i]!.index = i;
  }

  append(op: Operation): void {
    this.insertBefore(op, null);
  }

  /** Inserts before `next`, or at the end when it is null. */
  insertBefore(op: Operation, next: Operation | null): void {
    if (op.block) throw new InternalError(`${op.name} is inserted twice`, op.loc);
    const prev = next ? next.prev : this.last;
    op.block = this;
    op.prev = prev;
    op.next = next;
    if (prev) prev.next = op;
    else this.first = op;
    if (next) {
      next.prev = op;
      if (this.#ordered) {
        // Take a number in the gap; without one the block is numbered anew when next asked.
        const low = prev ? prev.order : 0;
        const between = (low + next.order) / 2;
        if (between > low && between < next.order) op.order = between;
        else this.#ordered = false;
      }
    } else {
      this.last = op;
      if (this.#ordered) op.order = prev ? prev.order + 1 : 1;
    }
  }

  remove(op: Operation): void {
    invariant(op.block === this, "removed from the block it stands in", op.loc);
    if (op.prev) op.prev.next = op.next;
    else this.first = op.next;
    if (op.next) op.next.prev = op.prev;
    else this.last = op.prev;
    op.block = op.prev = op.next = null;
  }

  ensureOrder(): void {
    if (this.#ordered) return;
    let n = 1;
    for (let o = this.first; o; o = o.next) o.order = n++;
    this.#ordered = true;
  }

  *[Symbol.iterator](): Generator<Operation> {
    for (let o = this.first; o; ) {
      const next: Operation | null = o.next;
      yield o;
      o = next;
    }
  }

  /** Blocks of the same region that may jump here, one entry per edge, in region order. */
  predecessors(): Block[] {
    const found: Block[] = [];
    for (const b of this.parent?.blocks ?? NONE) {
      for (const s of b.last?.successors ?? NONE) if (s === this) found.push(b);
    }
    return found;
  }

  /** Moves everything from `op` to the end into a new block that is placed after this one. */
  splitBefore(op: Operation): Block {
    const rest = new Block();
    const region = this.parent;
    invariant(region, "only a block of a region is split");
    region.insertAfter(rest, this);
    for (let o: Operation | null = op; o; ) {
      const next: Operation | null = o.next;
      this.remove(o);
      rest.append(o);
      o = next;
    }
    return rest;
  }
}

export class Region {
  parent: Operation | null = null;
  blocks: Block[] = [];

  constructor(blocks: readonly Block[] = NONE) {
    for (const b of blocks) this.append(b);
  }

  get isEmpty(): boolean {
    return this.blocks.length === 0;
  }

  get entry(): Block {
    const b = this.blocks[0];
    if (!b)
      throw new InternalError(`a region of ${this.parent?.name ?? "no operation"} has no block`, this.parent?.loc);
    return b;
  }

  append(block: Block): void {
    block.parent = this;
    // A list that is pushed to takes room for sixteen more at once, and most regions have one block.
    if (this.blocks.length === 0) this.blocks = [block];
    else this.blocks.push(block);
  }

  insertAfter(block: Block, after: Block): void {
    block.parent = this;
    this.blocks.splice(this.blocks.indexOf(after) + 1, 0, block);
  }

  remove(block: Block): void {
    this.blocks.splice(this.blocks.indexOf(block), 1);
    block.parent = null;
  }

  /** Moves all blocks of another region to the end of this one. */
  takeBlocks(other: Region): void {
    for (const b of other.blocks.splice(0)) this.append(b);
  }

  /** The region is inside the other, or is it. */
  isInside(other: Region): boolean {
    for (let r: Region | null = this; r; r = r.parent?.parentRegion ?? null) if (r === other) return true;
    return false;
  }

  cloneEmpty(map: Map<Value, Value>, blocks: Map<Block, Block>): Region {
    const copy = new Region();
    for (const b of this.blocks) {
      const block = new Block(b.args.map((a) => a.type));
      block.argLocations = b.argLocations ? b.argLocations.slice() : null;
      b.args.forEach((a, i) => {
        block.args[i]!.name = a.name;
        map.set(a, block.args[i]!);
      });
      blocks.set(b, block);
      copy.append(block);
    }
    return copy;
  }

  cloneInto(copy: Region, map: Map<Value, Value>, blocks: Map<Block, Block>): void {
    const made: Operation[] = [];
    this.blocks.forEach((b, i) => {
      for (let o = b.first; o; o = o.next) {
        const c = o.clone(map, blocks);
        copy.blocks[i]!.append(c);
        made.push(c);
      }
    });
    // With several blocks a value may be used before the place where it was copied.
    if (this.blocks.length > 1) {
      for (const top of made) {
        top.walk((o) => {
          for (const u of o.uses) {
            // Only what still refers into the original: what has been mapped may be a key of the map itself.
            const now = u.value.block?.parent?.isInside(this) ? map.get(u.value) : undefined;
            if (now) u.set(now);
          }
        });
      }
    }
  }
}
