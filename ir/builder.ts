/** @file Builder: where new operations go, which place they come from, and who wants to know. */
import { type Location, unknownLocation } from "../support/location.ts";
import type { Block, Operation } from "./core.ts";

/** Told of every change that goes through a builder or rewriter. */
export interface Listener {
  inserted?(op: Operation): void;
}

export class Builder {
  block: Block | null;
  /** New operations go before this one; null is the end of the block. */
  before: Operation | null;
  /** Place given to new operations. */
  loc: Location;
  listener: Listener | null = null;

  constructor(block: Block | null = null, before: Operation | null = null, loc: Location = unknownLocation) {
    this.block = block;
    this.before = before;
    this.loc = loc;
  }

  static atEnd(block: Block, loc?: Location): Builder {
    return new Builder(block, null, loc);
  }

  /** Before an operation, with its place. */
  static before(op: Operation): Builder {
    return new Builder(op.block, op, op.loc);
  }

  static after(op: Operation): Builder {
    return new Builder(op.block, op.next, op.loc);
  }

  setToEnd(block: Block): this {
    this.block = block;
    this.before = null;
    return this;
  }

  setToStart(block: Block): this {
    this.block = block;
    this.before = block.first;
    return this;
  }

  setBefore(op: Operation): this {
    this.block = op.block;
    this.before = op;
    return this;
  }

  setAfter(op: Operation): this {
    this.block = op.block;
    this.before = op.next;
    return this;
  }

  /** Places an operation at the insertion point. Without a block it stays detached. */
  insert<O extends Operation>(op: O): O {
    if (this.block) this.block.insertBefore(op, this.before);
    this.listener?.inserted?.(op);
    return op;
  }

  /** A builder for the inside of a region: same place and listener. */
  inside(block: Block): Builder {
    const b = new Builder(block, null, this.loc);
    b.listener = this.listener;
    return b;
  }

  /** Runs with the insertion point moved, and puts it back. */
  at<T>(block: Block, before: Operation | null, run: () => T): T {
    const saved = { block: this.block, before: this.before };
    this.block = block;
    this.before = before;
    try {
      return run();
    } finally {
      this.block = saved.block;
      this.before = saved.before;
    }
  }
}
