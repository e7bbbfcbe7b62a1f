/**
 * @file Writes the ops of a launch as WGSL. A value that is used once, in the block where it is made, is written where it
 * is used, unless it was read from memory that has been written meanwhile; others get a name. Names that nothing uses
 * in the end are dropped.
 */
import type { Block, Operation, Value } from "../../ir/core.ts";
import type { OpInfo } from "../../ir/define.ts";
import { effectsOf, isEffectFree } from "../../ir/effects.ts";
import type { Type } from "../../ir/types.ts";
import { invariant } from "../../support/diagnostic.ts";
import { atom, type Expr } from "../source.ts";
import { literalOf } from "./literals.ts";
import { bufferOf, type Storage, typeName, Unsupported } from "./types.ts";

/** How an op is written: the expression of its result, or statements. */
export type Row = (op: Operation, w: KernelWriter) => Expr | undefined;
export type Rows = ReadonlyMap<OpInfo, Row>;

/** A buffer of the kernel, as an argument sees it. */
export interface BufferView {
  /** The variable that is bound. */
  readonly name: string;
  readonly storage: Storage;
  /** Accessed as vectors of four only. */
  readonly wide: boolean;
  /** Elements in front of the first one: a number, or the text that names it. */
  readonly offset: number | string;
}

const letters = "acdefhijkmnoqrtuvwxyz";

/** Expressions longer than this get a name. */
const longest = 160;

interface Line {
  readonly text: string;
  /** The name that the line defines, if it does nothing else. */
  readonly defines?: string;
}

export class KernelWriter {
  readonly #rows: Rows;
  readonly #values = new Map<Value, Expr>();
  readonly #buffers: ReadonlyMap<Value, BufferView>;
  /** Ops that are written where their result is used. */
  readonly #later = new Set<Operation>();
  readonly #lines: Line[] = [];
  /** Functions that rows ask for, by name. */
  readonly helpers = new Map<string, string>();
  readonly #scopes: Map<string, { readonly id: number; readonly e: Expr }>[] = [new Map()];
  readonly #repeats: number[] = [];
  readonly #wanted: readonly number[] | undefined;
  readonly #prologue = new Map<string, string>();
  #depth = 1;
  #count = 0;

  /** `repeats`: what a writer of the same program has counted; without, everything that may be shared gets a name. */
  constructor(rows: Rows, buffers: ReadonlyMap<Value, BufferView>, repeats?: readonly number[]) {
    this.#rows = rows;
    this.#buffers = buffers;
    this.#wanted = repeats;
  }

  // --- values -------------------------------------------------------------------------------------------------

  /** The expression of a value. */
  use(v: Value): Expr {
    const known = this.#values.get(v);
    if (known) return known;
    const op = v.definingOp;
    invariant(op, "a value is written before it is used", v.location);
    const literal = literalOf(op, this);
    if (literal) return literal;
    invariant(this.#later.has(op), `the value of ${op.name} is written before it is used`, op.loc);
    return this.#expression(op);
  }

  set(v: Value, e: Expr): void {
    this.#values.set(v, e);
  }

  /** A name for what is written in one place and used in several. */
  named(e: Expr): Expr {
    if (/^[A-Za-z_]\w*(\.[xyzw])?$/.test(e.text)) return e;
    const name = this.fresh();
    this.#lines.push({ text: this.#indented(`let ${name} = ${e.text};`), defines: name });
    return atom(name);
  }

  /** What several places of a block (or of blocks in it) say alike has a name, which it gets in the first of them. */
  shared(key: string, write: () => Expr): Expr {
    for (const scope of this.#scopes) {
      const known = scope.get(key);
      if (!known) continue;
      this.#repeats[known.id]!++;
      return known.e;
    }
    const id = this.#repeats.push(0) - 1;
    const wanted = this.#wanted === undefined || this.#wanted[id]! > 0;
    const e = wanted ? this.named(write()) : write();
    this.#scopes[this.#scopes.length - 1]!.set(key, { id, e });
    return e;
  }

  /** How often each thing that may be shared was asked for again. */
  get repeats(): readonly number[] {
    return this.#repeats;
  }

  /** A line in front of all others. */
  first(text: string): string {
    const name = this.#prologue.get(text) ?? this.fresh();
    this.#prologue.set(text, name);
    return name;
  }

  fresh(): string {
    const n = this.#count++;
    // A letter and a digit are no word of the language, nor the name of a buffer or of an id.
    const letter = letters[Math.floor(n / 10)];
    return letter ? `${letter}${n % 10}` : `v${n}`;
  }

  typeOf(t: Type, op: Operation): string {
    const name = typeName(t);
    if (name === undefined) throw new Unsupported(op, `values of this type`);
    return name;
  }

  buffer(v: Value, op: Operation): BufferView {
    const view = this.#buffers.get(bufferOf(v));
    if (!view) throw new Unsupported(op, "memory of its own");
    return view;
  }

  /** The op whose result this is, if it is yet to be written and may be taken apart. */
  pending(v: Value): Operation | undefined {
    const op = v.definingOp;
    return op && this.#later.has(op) && !this.#values.has(v) ? op : undefined;
  }

  helper(name: string, text: string): string {
    this.helpers.set(name, text);
    return name;
  }

  // --- statements ---------------------------------------------------------------------------------------------

  line(text: string): void {
    this.#lines.push({ text: this.#indented(text) });
  }

  /** `head`, the body one step further in, `tail`. */
  nested(head: string, body: () => void, tail = "}"): void {
    this.line(head);
    this.inside(body);
    this.line(tail);
  }

  inside(body: () => void): void {
    this.#depth++;
    this.#scopes.push(new Map());
    body();
    this.#scopes.pop();
    this.#depth--;
  }

  /** All ops of a block but its terminator. */
  block(block: Block): void {
    for (const op of block) if (!op.def.isTerminator) this.statement(op);
  }

  statement(op: Operation): void {
    if (op.results.length === 1 && literalOf(op, this)) return;
    if (this.#mayWait(op)) {
      this.#later.add(op);
      return;
    }
    const e = this.#expression(op);
    if (e) this.set(op.result(), op.result().hasUses ? this.named(e) : e);
  }

  #expression(op: Operation): Expr {
    const row = this.#rows.get(op.def);
    if (!row) throw new Unsupported(op, `'${op.name}'`);
    const e = row(op, this) as Expr;
    return e && e.text.length > longest && op.results.length === 1 ? this.named(e) : e;
  }

  /** Used once, in this block, and nothing is written to memory until then. */
  #mayWait(op: Operation): boolean {
    if (op.results.length !== 1 || op.regions.length > 0 || !op.result().hasOneUse) return false;
    const user = op.result().firstUse!.owner;
    if (user.block !== op.block) return false;
    // Sums of indices are written anew at each access: what they are made of has a name. What is only compared has none.
    if (user.results[0]?.type.kind === "index") return false;
    if (op.result().type.kind === "index" && !comparesOnly(user)) return false;
    if (isEffectFree(op)) return true;
    if (user.regions.length > 0) return false;
    if (!effectsOf(op)?.every((e) => e.kind === "read")) return false;
    // What is read is read before the user is written; the user itself may wait, too.
    for (let o = op.next; o && o !== user; o = o.next) if (!isPassive(o)) return false;
    return !isWaiting(user);
  }

  #indented(text: string): string {
    return `${" ".repeat(this.#depth)}${text}`;
  }

  /** The lines, without definitions of names that are never used. */
  toString(): string {
    const used = new Set<string>();
    const kept: string[] = [];
    const first = [...this.#prologue].map(([text, name]) => ({ text: ` let ${name} = ${text};`, defines: name }));
    for (const { text, defines } of [...first, ...this.#lines].reverse()) {
      if (defines !== undefined && !used.has(defines)) continue;
      for (const [name] of text.matchAll(/[A-Za-z_]\w*/g)) if (name !== defines) used.add(name);
      kept.push(text);
    }
    return kept.reverse().join("\n");
  }
}

/** Its result is no index and depends on no memory. */
const comparesOnly = (op: Operation): boolean => isEffectFree(op) && op.regions.length === 0 && op.results.length === 1;

const isPassive = (op: Operation): boolean => {
  const effects = effectsOf(op);
  return effects?.every((e) => e.kind === "read") === true;
};

/** The user of something read may be moved on itself: then the read would move past what it does not look at. */
function isWaiting(op: Operation): boolean {
  if (op.results.length !== 1 || !op.result().hasOneUse) return false;
  const user = op.result().firstUse!.owner;
  if (user.block !== op.block) return false;
  for (let o = op.next; o && o !== user; o = o.next) if (!isPassive(o)) return true;
  return isWaiting(user);
}
