/**
 * @file The names of values and blocks in printed text, by MLIR's rules. Region by region all arguments and results
 * get a number or a name, before the regions nested in them; those wait on a stack, last in, first out. The pretty
 * form goes on from the counters of the parent region, the generic form never turns a counter back.
 */
import type { Block, Operation, Region, Value } from "../ir/core.ts";

export interface NumberingOptions {
  /** Numbers only, unique in the whole text. */
  readonly generic?: boolean;
  /** Prefers the names that values bear (from the text they were read from) over numbers and suggested names. */
  readonly keepNames?: boolean;
  /** Ops without results get numbers too, for the comments that list users. */
  readonly numberAllOps?: boolean;
}

/** The names in use in a region and around it. */
interface Scope {
  readonly used: Set<string>;
  readonly parent: Scope | null;
}

interface Pending {
  readonly region: Region;
  readonly value: number;
  readonly argument: number;
  readonly conflict: number;
  readonly scope: Scope | null;
}

const firstGroup: readonly number[] = Object.freeze([0]);

export class ValueNames {
  readonly #options: NumberingOptions;
  readonly #values = new Map<Value, string>();
  readonly #blocks = new Map<Block, number>();
  readonly #operations = new Map<Operation, number>();
  /** Where the groups of results begin, for ops that have more than one. */
  readonly #groups = new Map<Operation, readonly number[]>();
  #nextValue = 0;
  #nextArgument = 0;
  #nextConflict = 0;

  /** Names everything in the op, and its results. */
  constructor(top: Operation, options: NumberingOptions = {}) {
    this.#options = options;
    const pending: Pending[] = [];
    const push = (op: Operation, scope: Scope | null): void => {
      for (const region of op.regions) {
        pending.push({
          region,
          value: this.#nextValue,
          argument: this.#nextArgument,
          conflict: this.#nextConflict,
          scope,
        });
      }
    };
    const outermost: Scope = { used: new Set(), parent: null };
    push(top, outermost);
    this.#nameResults(top, outermost);
    for (let next = pending.pop(); next; next = pending.pop()) {
      if (!options.generic) {
        this.#nextValue = next.value;
        this.#nextArgument = next.argument;
        this.#nextConflict = next.conflict;
      }
      const scope: Scope = options.generic ? outermost : { used: new Set(), parent: next.scope };
      const parents = this.#nameRegion(next.region, scope);
      for (const op of parents) push(op, scope);
    }
  }

  /** `%0`, `%0#1`, `%cst_2`. */
  of(v: Value): string {
    return this.#values.get(v) ?? "<<UNKNOWN SSA VALUE>>";
  }

  /** `^bb0`. */
  ofBlock(b: Block): string {
    const n = this.#blocks.get(b);
    return n === undefined ? "<<UNKNOWN BLOCK>>" : `^bb${n}`;
  }

  /** `%7` for an op without results; only where all ops are numbered. */
  ofOperation(op: Operation): string {
    const n = this.#operations.get(op);
    return n === undefined ? "<<UNKNOWN OPERATION>>" : `%${n}`;
  }

  /** The position of a block in its region. */
  orderOf(b: Block): number {
    return this.#blocks.get(b) ?? -1;
  }

  /** What stands before `=`: one name per group of results, `:n` behind groups of several. */
  definitions(op: Operation): string {
    const { results } = op;
    if (results.length === 1) return this.of(results[0]!);
    const groups = this.#groups.get(op) ?? firstGroup;
    return groups
      .map((start, i) => {
        const size = (groups[i + 1] ?? results.length) - start;
        const name = this.of(results[start]!);
        return size === 1 ? name : `${name.slice(0, name.lastIndexOf("#"))}:${size}`;
      })
      .join(", ");
  }

  /** Names the values of a region and answers the ops in it that have regions. */
  #nameRegion(region: Region, scope: Scope): Operation[] {
    const parents: Operation[] = [];
    if (!this.#options.generic) this.#nameEntryArguments(region, scope);
    const { blocks } = region;
    for (let i = 0; i < blocks.length; i++) {
      const block = blocks[i]!;
      this.#blocks.set(block, i);
      for (const arg of block.args) {
        if (this.#values.has(arg)) continue;
        const kept = this.#kept(arg);
        if (kept !== undefined) this.#values.set(arg, this.#unique(kept, scope));
        else if (i > 0) this.#values.set(arg, `%${this.#nextValue++}`);
        else {
          const name = `arg${this.#nextArgument++}`;
          this.#values.set(arg, this.#options.generic ? `%${name}` : this.#unique(name, scope));
        }
      }
      for (let op = block.first; op; op = op.next) {
        this.#nameResults(op, scope);
        if (op.regions.length > 0) parents.push(op);
      }
    }
    return parents;
  }

  #nameEntryArguments(region: Region, scope: Scope): void {
    const op = region.parent;
    const entry = region.blocks[0];
    if (!op?.def.spec.argNames || !entry) return;
    const names = op.def.spec.argNames(op.def.of(op) as never, op.regions.indexOf(region));
    entry.args.forEach((arg, i) => {
      const name = this.#kept(arg) ?? names[i];
      if (name !== undefined) this.#values.set(arg, this.#unique(name, scope));
    });
  }

  #nameResults(op: Operation, scope: Scope): void {
    const { results } = op;
    if (results.length === 0) {
      if (this.#options.numberAllOps) this.#operations.set(op, this.#nextValue++);
      return;
    }
    const names = this.#suggestions(op);
    if (results.length === 1) {
      const name = names?.[0];
      this.#values.set(results[0]!, name === undefined ? `%${this.#nextValue++}` : this.#unique(name, scope));
      return;
    }
    const groups: number[] = [];
    for (let i = 0; i < results.length; i++) if (i === 0 || names?.[i] !== undefined) groups.push(i);
    // Names are given first; what has none takes the next number.
    const heads = groups.map((start) => {
      const name = names?.[start];
      return name === undefined ? undefined : this.#unique(name, scope);
    });
    if (heads[0] === undefined) heads[0] = `%${this.#nextValue++}`;
    for (let g = 0; g < groups.length; g++) {
      const start = groups[g]!;
      const end = groups[g + 1] ?? results.length;
      for (let i = start; i < end; i++) {
        this.#values.set(results[i]!, end - start === 1 ? heads[g]! : `${heads[g]}#${i - start}`);
      }
    }
    if (groups.length > 1) this.#groups.set(op, groups);
  }

  #suggestions(op: Operation): readonly (string | undefined)[] | undefined {
    if (this.#options.generic) return undefined;
    if (this.#options.keepNames && op.results.some((r) => this.#kept(r) !== undefined)) {
      // Results of one group share the name of the first.
      return op.results.map((r, i) => {
        const name = this.#kept(r);
        return i > 0 && name === op.results[i - 1]!.name ? undefined : name;
      });
    }
    return op.def.spec.names?.(op.def.of(op) as never);
  }

  /** The name that a value bears, if names are kept and it says more than a number. */
  #kept(v: Value): string | undefined {
    if (!this.#options.keepNames || this.#options.generic || v.name === null) return undefined;
    return /^(\d+|arg\d+)$/.test(v.name) ? undefined : v.name;
  }

  /** `%name`, or `%name_N` where the name is taken; N counts all conflicts of the scope. */
  #unique(wanted: string, scope: Scope): string {
    const name = sanitize(wanted);
    let found = name;
    while (isUsed(found, scope)) found = `${name}_${this.#nextConflict++}`;
    scope.used.add(found);
    return `%${found}`;
  }
}

function isUsed(name: string, scope: Scope): boolean {
  for (let s: Scope | null = scope; s; s = s.parent) if (s.used.has(name)) return true;
  return false;
}

/** A suffix identifier: no digit in front, and `_` or the code in hexadecimal for what may not stand in one. */
function sanitize(name: string): string {
  if (/^[A-Za-z$._-][\w$.-]*$/.test(name)) return name;
  const clean = name.replace(/[^\w$.-]/g, (c) => (c === " " ? "_" : c.charCodeAt(0).toString(16).toUpperCase()));
  return /^\d/.test(clean) ? `_${clean}` : clean;
}
