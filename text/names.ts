/** @file What the names of a text mean: SSA values with forward uses, in nested and isolated scopes, and blocks. */
import { Block, Value } from "../ir/core.ts";
import { typeText } from "../ir/spell.ts";
import type { Type } from "../ir/types.ts";

/** A name without its sigil; numbers, which most names are, stand for themselves. */
export type NameKey = string | number;

/** The key of the name at `[start, end)` of a text. */
export function keyIn(text: string, start: number, end: number): NameKey {
  const first = text.charCodeAt(start);
  if (first < 0x30 || first > 0x39 || end - start > 8) return text.slice(start, end);
  // `%01` is another name than `%1`.
  if (first === 0x30 && end - start > 1) return text.slice(start, end);
  let number = first - 0x30;
  for (let at = start + 1; at < end; at++) number = number * 10 + text.charCodeAt(at) - 0x30;
  return number;
}

/** Small numbers as text: most names are among them. */
const numerals: string[] = [];

function textOf(key: NameKey): string {
  if (typeof key === "string") return key;
  if (key >= 4096) return String(key);
  while (numerals.length <= key) numerals.push(String(numerals.length));
  return numerals[key]!;
}

export const keyOfName = (name: string): NameKey => keyIn(name, 0, name.length);

/** All that one name stands for: one value, or the results of an op (`%x#1`). */
interface Entry {
  first: Value | undefined;
  /** Results 1, 2, … */
  more: (Value | undefined)[] | undefined;
  /** Where it was defined, or first used. */
  at: number;
  state: "defined" | "forward" | "poisoned";
}

/** Numbers mostly count up from 0, so they are places in a list. */
class Scope {
  readonly #numbered: (Entry | undefined)[] = [];
  #named: Map<string, Entry> | undefined;

  get(key: NameKey): Entry | undefined {
    if (typeof key !== "number") return this.#named?.get(key);
    return key < this.#numbered.length ? this.#numbered[key] : undefined;
  }

  set(key: NameKey, entry: Entry): void {
    if (typeof key === "number") this.#numbered[key] = entry;
    else {
      this.#named ??= new Map();
      this.#named.set(key, entry);
    }
  }

  delete(key: NameKey): void {
    if (typeof key === "number") this.#numbered[key] = undefined;
    else this.#named?.delete(key);
  }
}

/** A use before the definition: its stand-in waits for the value. */
interface Forward {
  readonly name: string;
  readonly number: number;
  readonly at: number;
}

export type NameFault = (message: string, at: number, name: string, note?: { message: string; at: number }) => never;

/** The stand-ins of forward uses belong to this block, which is part of no program. */
const nowhere = new Block();

interface BlockEntry {
  readonly block: Block;
  defined: boolean;
  readonly at: number;
}

const noBlocks: readonly never[] = [];

export class Names {
  /** Scopes of isolated regions, outermost first; in each, names are unique. */
  readonly #isolated: Scope[] = [];
  #current = new Scope();
  /** Names in order of definition, and where each open region's names begin. */
  readonly #defined: NameKey[] = [];
  readonly #regions: { readonly start: number; readonly isolated: boolean; blocks: Map<string, BlockEntry> | null }[] =
    [];
  readonly #forwards = new Map<Value, Forward>();
  readonly #fail: NameFault;

  constructor(fail: NameFault) {
    this.#fail = fail;
  }

  clear(): void {
    this.#isolated.length = this.#defined.length = this.#regions.length = 0;
    this.#current = new Scope();
    this.#forwards.clear();
  }

  // --- regions ----------------------------------------------------------------------------------------------------

  get depth(): number {
    return this.#regions.length;
  }

  enterRegion(isolated: boolean): void {
    if (isolated) {
      this.#isolated.push(this.#current);
      this.#current = new Scope();
    }
    this.#regions.push({ start: this.#defined.length, isolated, blocks: null });
  }

  /** Ends the innermost region. Answers the names of blocks that were used and never defined. */
  leaveRegion(): readonly { readonly name: string; readonly at: number }[] {
    const region = this.#regions.pop()!;
    if (region.isolated) this.#current = this.#isolated.pop()!;
    else for (let i = region.start; i < this.#defined.length; i++) this.#current.delete(this.#defined[i]!);
    this.#defined.length = region.start;
    if (!region.blocks) return noBlocks;
    const missing: { name: string; at: number }[] = [];
    for (const [name, b] of region.blocks) if (!b.defined) missing.push({ name, at: b.at });
    return missing;
  }

  /** Leaves regions that a fault has cut short. */
  leaveTo(depth: number): void {
    while (this.#regions.length > depth) this.leaveRegion();
  }

  // --- values -----------------------------------------------------------------------------------------------------

  /** The value that a name means here, or a stand-in until it is defined. */
  use(key: NameKey, number: number, type: Type, at: number): Value {
    let entry = this.#current.get(key);
    if (entry) {
      const value = number === 0 ? entry.first : entry.more?.[number - 1];
      if (value) {
        if (value.type === type || entry.state === "poisoned") return value;
        const name = String(key);
        const shown = number === 0 ? name : `${name}#${number}`;
        const message =
          `use of value '%${shown}' expects different type than prior uses: ` +
          `'${typeText(type)}' vs '${typeText(value.type)}'`;
        return this.#fail(message, at, name, { message: "prior use here", at: entry.at });
      }
      if (entry.state === "defined") return this.#fail("reference to invalid result number", at, String(key));
    } else {
      entry = { first: undefined, more: undefined, at, state: "forward" };
      this.#current.set(key, entry);
    }
    const standIn = new Value(type, nowhere, 0);
    this.#put(entry, number, standIn);
    if (entry.state === "forward") this.#forwards.set(standIn, { name: String(key), number, at });
    return standIn;
  }

  /** Where a name was defined or first used, if it was. */
  placeOf(key: NameKey): number | undefined {
    const entry = this.#current.get(key);
    return entry?.state === "poisoned" ? undefined : entry?.at;
  }

  #put(entry: Entry, number: number, value: Value): void {
    if (number === 0) entry.first = value;
    else {
      entry.more ??= [];
      entry.more[number - 1] = value;
    }
  }

  /** Gives a name to a value, or to `count` results from `from` on. */
  define(key: NameKey, values: readonly Value[], from: number, count: number, at: number): void {
    const entry = this.#current.get(key);
    const first = values[from]!;
    if (entry === undefined) {
      const more = count > 1 ? values.slice(from + 1, from + count) : undefined;
      this.#current.set(key, { first, more, at, state: "defined" });
    } else {
      const name = String(key);
      if (entry.state === "defined") {
        this.#fail(`redefinition of SSA value '%${name}'`, at, name, {
          message: "previously defined here",
          at: entry.at,
        });
      }
      for (let i = 0; i < count; i++) this.#settle(entry, name, i, values[from + i]!, at);
      const extra = entry.more?.findIndex((v, i) => i >= count - 1 && v !== undefined && this.#forwards.has(v)) ?? -1;
      if (extra >= 0) {
        const use = this.#forwards.get(entry.more![extra]!)!;
        this.#forwards.delete(entry.more![extra]!);
        this.#fail("reference to invalid result number", use.at, name);
      }
      entry.state = "defined";
      entry.at = at;
    }
    this.#defined.push(key);
    const name = textOf(key);
    for (let i = 0; i < count; i++) values[from + i]!.name = name;
  }

  #settle(entry: Entry, name: string, number: number, value: Value, at: number): void {
    const standIn = number === 0 ? entry.first : entry.more?.[number - 1];
    this.#put(entry, number, value);
    if (!standIn) return;
    this.#forwards.delete(standIn);
    if (standIn.type !== value.type && entry.state === "forward") {
      this.#fail(`definition of SSA value '%${name}#${number}' has type '${typeText(value.type)}'`, at, name, {
        message: `previously used here with type '${typeText(standIn.type)}'`,
        at: entry.at,
      });
    }
    standIn.replaceAllUsesWith(value);
  }

  /** The definition of the name is lost to a fault: uses of it are no faults of their own. */
  poison(key: NameKey, at: number): void {
    const entry = this.#current.get(key);
    if (entry?.state === "defined") return;
    if (entry) {
      for (const v of [entry.first, ...(entry.more ?? [])]) if (v) this.#forwards.delete(v);
      entry.state = "poisoned";
    } else {
      this.#current.set(key, { first: undefined, more: undefined, at, state: "poisoned" });
      this.#defined.push(key);
    }
  }

  /** Uses that no definition has met, in order of the text. Asked at the end, when every scope is closed. */
  undefinedUses(): Forward[] {
    return [...this.#forwards.values()].sort((a, b) => a.at - b.at);
  }

  // --- blocks -----------------------------------------------------------------------------------------------------

  #blocks(): Map<string, BlockEntry> {
    const region = this.#regions.at(-1)!;
    region.blocks ??= new Map();
    return region.blocks;
  }

  /** A block as a successor; it may be defined later. */
  useBlock(name: string, at: number): Block {
    const blocks = this.#blocks();
    let entry = blocks.get(name);
    if (!entry) {
      entry = { block: new Block(), defined: false, at };
      blocks.set(name, entry);
    }
    return entry.block;
  }

  /** The block that a label starts. `unnamed` is a block that stands there already (the entry block). */
  defineBlock(name: string, at: number, unnamed?: Block): Block {
    const blocks = this.#blocks();
    const entry = blocks.get(name);
    if (!entry) {
      const block = unnamed ?? new Block();
      blocks.set(name, { block, defined: true, at });
      return block;
    }
    if (entry.defined) {
      this.#fail(`redefinition of block '^${name}'`, at, name, { message: "previously defined here", at: entry.at });
    }
    entry.defined = true;
    return entry.block;
  }
}
