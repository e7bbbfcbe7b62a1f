/** @file Symbol tables: who is called what, and who asks for it. */
import type { SymbolRef } from "./attributes.ts";
import type { Operation } from "./core.ts";
import { symbolLike } from "./interfaces.ts";
import { SymbolTable } from "./traits.ts";
import type { Attribute } from "./types.ts";

/** The name of an op that is a symbol. */
export const symbolName = (op: Operation): string | undefined => symbolLike.of(op)?.name(op);

/** The symbols defined directly in a symbol table. */
export function symbolsIn(table: Operation): Map<string, Operation> {
  const found = new Map<string, Operation>();
  for (const block of table.regions[0]?.blocks ?? []) {
    for (let o = block.first; o; o = o.next) {
      const name = symbolName(o);
      if (name !== undefined && !found.has(name)) found.set(name, o);
    }
  }
  return found;
}

/** The nearest symbol table around (or at) an op. */
export function nearestTable(from: Operation): Operation | null {
  for (let o: Operation | null = from; o; o = o.parentOp) if (o.def.has(SymbolTable)) return o;
  return null;
}

/** Looks symbols up and remembers the tables it has read. */
export class SymbolScope {
  readonly #tables = new Map<Operation, Map<string, Operation>>();

  /** The op that a reference means, seen from `from`: in the nearest table that knows its root, then inwards. */
  lookup(from: Operation, ref: SymbolRef): Operation | undefined {
    let found: Operation | undefined;
    for (let t = nearestTable(from); t && !found; t = t.parentOp ? nearestTable(t.parentOp) : null) {
      found = this.#symbols(t).get(ref.root);
    }
    for (const name of ref.nested) found = found && this.#symbols(found).get(name);
    return found;
  }

  forget(table?: Operation): void {
    if (table) this.#tables.delete(table);
    else this.#tables.clear();
  }

  #symbols(table: Operation): Map<string, Operation> {
    let known = this.#tables.get(table);
    if (!known) {
      known = symbolsIn(table);
      this.#tables.set(table, known);
    }
    return known;
  }
}

/** Calls `visit` with every symbol reference in the attributes of an op (not of the ops inside). */
export function symbolUses(op: Operation, visit: (ref: SymbolRef) => void): void {
  const look = (a: Attribute | undefined): void => {
    if (!a) return;
    if (a.kind === "symbol") visit(a);
    else if (a.kind === "array") a.elements.forEach(look);
    else if (a.kind === "dictionary") for (const v of a.entries.values()) look(v);
  };
  op.def.attrFields.forEach((f, i) => {
    const v = op.props[i];
    if (v !== undefined) look(f.codec.to(v));
  });
  if (!op.def.registered) for (const p of op.props) look(p as Attribute | undefined);
  if (op.attributes) for (const a of op.attributes.values()) look(a);
}
