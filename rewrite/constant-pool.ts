/** @file Each constant once: where a driver keeps them while it rewrites. */
import type { Context } from "../ir/context.ts";
import type { Operation, Region, Value } from "../ir/core.ts";
import { Isolated } from "../ir/traits.ts";
import { type Attribute, attributeKey, type Type } from "../ir/types.ts";
import { constantValue, writeConstant } from "./constants.ts";
import type { ConstantSource, Rewriter } from "./rewriter.ts";

/** The outermost region that may hold the constants of a place: that of the nearest isolated operation. */
function homeOf(place: Region): Region {
  let region = place;
  for (;;) {
    const op: Operation | null = region.parent;
    const outer = op?.block?.parent;
    if (!op || !outer || op.def.has(Isolated)) return region;
    region = outer;
  }
}

/** Constants of one isolated region: they stand at the start of its entry block, in order of arrival. */
interface Home {
  readonly known: Map<string, Value>;
  last: Operation | null;
}

/**
 * Keeps every constant once per isolated region, at its very start (as MLIR's OperationFolder does). Told of erased
 * operations, it forgets them.
 */
export class ConstantPool implements ConstantSource {
  readonly #context: Context;
  readonly #homes = new Map<Region, Home>();
  readonly #keys = new Map<Operation, readonly [Home, string]>();

  constructor(context: Context) {
    this.#context = context;
  }

  /**
   * Takes in a constant that is already there. Answers the one that stands for it: itself, moved to the start of its
   * isolated region, or an equal one that was there before.
   */
  adopt(op: Operation): Value | undefined {
    if (this.#keys.has(op)) return op.results[0];
    const value = constantValue(op);
    const region = op.parentRegion;
    if (value === undefined || !region || op.results.length !== 1) return undefined;
    const place = homeOf(region);
    const home = this.#home(place);
    const key = constantKey(op, value);
    const known = home.known.get(key);
    if (known) return known;
    this.#place(home, place, op);
    this.#keys.set(op, [home, key]);
    home.known.set(key, op.result());
    return op.result();
  }

  constant(value: Attribute, type: Type, dialect: string, near: Rewriter): Value | undefined {
    const region = near.block?.parent;
    if (!region) return writeConstant(this.#context, near, value, type, dialect);
    const place = homeOf(region);
    const home = this.#home(place);
    const tail = home.last ? home.last.next : place.entry.first;
    const made = near.at(place.entry, tail, () => writeConstant(this.#context, near, value, type, dialect));
    const op = made?.definingOp;
    if (!made || !op?.def.isConstant) return made;
    const key = constantKey(op, constantValue(op) ?? value);
    const known = home.known.get(key);
    if (known) {
      near.erase(op);
      return known;
    }
    home.known.set(key, made);
    this.#keys.set(op, [home, key]);
    home.last = op;
    return made;
  }

  /** The operation is about to go. */
  forget(op: Operation): void {
    const entry = this.#keys.get(op);
    if (!entry) return;
    const [home, key] = entry;
    this.#keys.delete(op);
    home.known.delete(key);
    // What stands before the last one at the start of the block is a constant of this pool too, or nothing.
    if (home.last === op) home.last = op.prev && this.#keys.has(op.prev) ? op.prev : null;
  }

  #home(place: Region): Home {
    let home = this.#homes.get(place);
    if (!home) {
      home = { known: new Map(), last: null };
      this.#homes.set(place, home);
    }
    return home;
  }

  #place(home: Home, place: Region, op: Operation): void {
    const entry = place.entry;
    const next = home.last ? home.last.next : entry.first;
    home.last = op;
    if (next === op) return;
    op.remove();
    entry.insertBefore(op, next);
  }
}

const constantKey = (op: Operation, value: Attribute): string =>
  `${op.name} ${op.result().type.id} ${attributeKey(value)}`;
