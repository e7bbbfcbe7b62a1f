/** @file symbol-dce: removes symbols that nobody can name. */
import type { SymbolRef } from "../../ir/attributes.ts";
import type { Operation } from "../../ir/core.ts";
import { symbolLike } from "../../ir/interfaces.ts";
import { SymbolScope, symbolUses } from "../../ir/symbols.ts";
import { SymbolTable } from "../../ir/traits.ts";
import { definePass } from "../../rewrite/pass.ts";

export const symbolDce = definePass("symbol-dce", {
  doc: "Removes private functions and globals that nothing refers to, directly or through others that are used.",
  example: {
    before: `func.func private @unused() {
  return
}
func.func private @used() {
  return
}
func.func @main() {
  call @used() : () -> ()
  return
}`,
    after: `func.func private @used() {
  return
}
func.func @main() {
  call @used() : () -> ()
  return
}`,
  },
  run(op, _options, pass) {
    const scope = new SymbolScope();
    const alive = new Set<Operation>();
    const waiting: Operation[] = [];
    const keep = (symbol: Operation | undefined): void => {
      for (let o: Operation | null = symbol ?? null; o && o !== op && !alive.has(o); o = o.parentOp) {
        alive.add(o);
        waiting.push(o);
      }
    };
    const keepNamed = (from: Operation, ref: SymbolRef): void => {
      keep(scope.lookup(from, ref));
      // The tables on the way to a nested symbol are needed too.
      for (let n = 0; n < ref.nested.length; n++)
        keep(scope.lookup(from, { root: ref.root, nested: ref.nested.slice(0, n) }));
    };
    // Everything that is no private symbol is a root, and all that it says inside, up to the symbols there.
    const visit = (o: Operation): void => {
      symbolUses(o, (ref) => keepNamed(o, ref));
      for (const region of o.regions) {
        for (const block of region.blocks) {
          for (let inner = block.first; inner; inner = inner.next) {
            if (!isDiscardable(inner)) {
              alive.add(inner);
              visit(inner);
            }
          }
        }
      }
    };
    visit(op);
    for (let o = waiting.pop(); o; o = waiting.pop()) visit(o);
    const dead: Operation[] = [];
    op.walk((o) => {
      if (o !== op && isDiscardable(o) && !alive.has(o)) dead.push(o);
    });
    for (const o of dead) o.erase();
    pass.count("erased", dead.length);
    return dead.length > 0;
  },
});

/** A symbol that only what is inside the same table can name. */
function isDiscardable(op: Operation): boolean {
  const symbol = symbolLike.of(op);
  return symbol?.visibility(op) === "private" && op.parentOp?.def.has(SymbolTable) === true;
}
