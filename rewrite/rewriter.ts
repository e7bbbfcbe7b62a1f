/** @file Rewriter: a builder that may also replace, erase, move and inline, and that tells a listener of every change. */
import { Builder, type Listener } from "../ir/builder.ts";
import type { Context } from "../ir/context.ts";
import type { Block, Operation, Region, Value } from "../ir/core.ts";
import { typeText } from "../ir/spell.ts";
import type { Attribute, Type } from "../ir/types.ts";
import { invariant } from "../support/diagnostic.ts";
import { type Location, unknownLocation } from "../support/location.ts";
import { writeConstant } from "./constants.ts";

/** Told of every change that goes through a rewriter. */
export interface ChangeListener extends Listener {
  /** The operation is about to be erased; those inside it are told first. */
  erased?(op: Operation): void;
  /** Operands, attributes or the users of the operation have changed, or it was moved. */
  changed?(op: Operation): void;
}

/** Where a driver keeps constants so that each is there once. */
export interface ConstantSource {
  constant(value: Attribute, type: Type, dialect: string, near: Rewriter): Value | undefined;
}

export class Rewriter extends Builder {
  readonly context: Context;
  override listener: ChangeListener | null = null;
  constants: ConstantSource | null = null;

  constructor(
    context: Context,
    block: Block | null = null,
    before: Operation | null = null,
    loc: Location = unknownLocation,
  ) {
    super(block, before, loc);
    this.context = context;
  }

  /** New operations go before `op` and get its place. */
  focus(op: Operation): this {
    this.block = op.block;
    this.before = op;
    this.loc = op.loc;
    return this;
  }

  override inside(block: Block): Rewriter {
    const inner = new Rewriter(this.context, block, null, this.loc);
    inner.listener = this.listener;
    inner.constants = this.constants;
    return inner;
  }

  /**
   * A constant, as one of the dialects writes it; the dialect named is asked first. Undefined if none can write it.
   * A driver that shares constants may answer one that is already there.
   */
  constant(value: Attribute, type: Type, dialect = "arith"): Value | undefined {
    if (this.constants) return this.constants.constant(value, type, dialect, this);
    return writeConstant(this.context, this, value, type, dialect);
  }

  /** Puts values in the place of the results of an operation, and erases it. */
  replace(op: Operation, values: readonly Value[]): void {
    invariant(
      values.length === op.results.length,
      `${op.name} has ${op.results.length} results, ${values.length} replace them`,
      op.loc,
    );
    for (let i = 0; i < values.length; i++) this.replaceUses(op.results[i]!, values[i]!);
    this.erase(op);
  }

  /** Gives all users of a value another one of the same type. */
  replaceUses(from: Value, to: Value): void {
    if (from === to) return;
    invariant(
      from.type === to.type,
      `a value of type ${typeText(from.type)} is replaced by one of type ${typeText(to.type)}`,
      from.location,
    );
    if (to.name === null && from.name !== null && to.definingOp) to.name = from.name;
    const changed = this.listener?.changed;
    while (from.firstUse) {
      const use = from.firstUse;
      use.set(to);
      if (changed) changed.call(this.listener, use.owner);
    }
    if (changed && from.definingOp) changed.call(this.listener, from.definingOp);
  }

  /** As `replaceUses`, only for the uses that the predicate picks. */
  replaceUsesIf(from: Value, to: Value, pick: (owner: Operation) => boolean): void {
    for (let u = from.firstUse; u; ) {
      const next = u.next;
      if (pick(u.owner)) {
        u.set(to);
        this.listener?.changed?.(u.owner);
      }
      u = next;
    }
    const def = from.definingOp;
    if (def) this.listener?.changed?.(def);
  }

  /** Removes an operation whose results nobody uses, with everything in it. */
  erase(op: Operation): void {
    if (this.listener?.erased) this.#tellErased(op);
    if (this.before === op) this.before = op.next;
    op.erase();
  }

  #tellErased(op: Operation): void {
    for (const region of op.regions) {
      for (const block of region.blocks) for (let o = block.first; o; o = o.next) this.#tellErased(o);
    }
    this.listener!.erased!(op);
  }

  /** Changes an operation in place. */
  modify(op: Operation, change: () => void): void {
    change();
    this.listener?.changed?.(op);
  }

  setOperand(op: Operation, index: number, value: Value): void {
    const old = op.operand(index);
    if (old === value) return;
    op.setOperand(index, value);
    this.listener?.changed?.(op);
    if (old.definingOp) this.listener?.changed?.(old.definingOp);
  }

  setOperands(op: Operation, values: readonly Value[], segments: readonly number[] | null = op.operandSegments): void {
    const old = op.operands;
    op.setOperands(values, segments);
    this.listener?.changed?.(op);
    for (const v of old) if (v.definingOp) this.listener?.changed?.(v.definingOp);
  }

  moveBefore(op: Operation, other: Operation): void {
    if (this.before === op) this.before = op.next;
    op.moveBefore(other);
    this.listener?.changed?.(op);
  }

  /** Moves the operations of a block before another one, its arguments replaced by values. The block is dropped. */
  inlineBlock(block: Block, before: Operation, args: readonly Value[]): void {
    invariant(args.length === block.args.length, "one value for each argument of the inlined block", before.loc);
    for (let i = 0; i < args.length; i++) this.replaceUses(block.args[i]!, args[i]!);
    for (let o = block.first; o; ) {
      const next: Operation | null = o.next;
      this.moveBefore(o, before);
      o = next;
    }
    block.parent?.remove(block);
  }

  /**
   * Replaces an operation by the content of one of its single-block regions: the terminator's operands stand for the
   * results, the terminator goes.
   */
  replaceWithRegion(op: Operation, region: Region, args: readonly Value[] = []): void {
    const block = region.entry;
    const end = block.last;
    invariant(end?.def.isTerminator, `the region of ${op.name} ends with a terminator`, op.loc);
    this.inlineBlock(block, op, args);
    const values = end.operands;
    this.erase(end);
    this.replace(op, values);
  }

  /** Removes a block with everything in it. Its arguments and results must be used inside of it alone. */
  eraseBlock(block: Block): void {
    for (let o = block.last; o; ) {
      const prev: Operation | null = o.prev;
      for (const r of o.results) invariant(!r.hasUses, `${o.name} is still used from outside its block`, o.loc);
      this.erase(o);
      o = prev;
    }
    block.parent?.remove(block);
  }
}
