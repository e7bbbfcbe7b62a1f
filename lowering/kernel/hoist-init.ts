/**
 * @file What depends on constants only is computed once, when a program is loaded: the calls of kernels that fill such
 * buffers move into a function of their own, and the buffers stay for as long as the program does. So weights are kept
 * in the form in which they are smallest, and used in the form that is quickest.
 */
import * as bufferization from "../../dialects/bufferization.ts";
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { baseOf, viewLike } from "../../ir/interfaces.ts";
import { initAttribute } from "../../ir/interpret.ts";
import { functionType, unitAttribute } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { isKernel } from "../linalg/outline.ts";

export const hoistInit = definePass("kernel-hoist-init", {
  doc: "Moves calls of kernels that depend on constants only into a function that runs once, at load.",
  options: {},
  run(module, _options, pass) {
    const functions = [...module.region().entry].filter((op) => {
      const fn = func.func.match(op);
      return fn && !fn.body.isEmpty && fn.sym_visibility !== "private" && !isKernel(op);
    });
    const [entry] = functions;
    // Of several programs in one module none is known to be the one that is loaded.
    if (!entry || functions.length !== 1) return false;
    const moved = new Hoisting(module, entry).run();
    pass.count("moved", moved);
    return moved > 0;
  },
});

class Hoisting {
  readonly #module: Operation;
  readonly #entry: Operation;
  readonly #outputs = new Map<string, ReadonlySet<number>>();

  constructor(module: Operation, entry: Operation) {
    this.#module = module;
    this.#entry = entry;
    for (const op of module.region().entry) {
      const fn = func.func.match(op);
      if (fn && isKernel(op)) this.#outputs.set(fn.sym_name, outputsOf(op));
    }
  }

  run(): number {
    const block = func.func.of(this.#entry).body.entry;
    const buffers = new Set([...block].filter((op) => memref.alloc.is(op)).map((op) => op.result()));
    const calls: Operation[] = [];
    this.#entry.walk((op) => {
      if (func.call.is(op)) calls.push(op);
    });
    // All buffers that only kernels write and read are candidates; what is computed from anything else drops out.
    const fixed = new Set([...buffers].filter((v) => this.#onlyCalled(v)));
    for (let changed = true; changed; ) {
      changed = false;
      for (const call of calls) {
        if (this.#isFixed(call, fixed)) continue;
        for (const v of this.#written(call)) if (fixed.delete(v)) changed = true;
      }
    }
    const moved = calls.filter((c) => this.#isFixed(c, fixed));
    if (moved.length === 0) return 0;
    const written = new Set(moved.flatMap((c) => this.#written(c)));
    this.#keep([...written]);
    this.#move(moved);
    return moved.length;
  }

  /** Nothing but kernels sees the buffer. */
  #onlyCalled(v: Value): boolean {
    return [...v.uses()].every((u) => {
      if (func.call.is(u.owner)) return this.#outputs.has(func.call.of(u.owner).callee);
      return viewLike.of(u.owner)?.source(u.owner) === v && u.owner.results.every((r) => this.#onlyCalled(r));
    });
  }

  #written(call: Operation): Value[] {
    const outputs = this.#outputs.get(func.call.of(call).callee);
    return call.operands.flatMap((v, i) => (outputs?.has(i) ? [baseOf(v)] : []));
  }

  /** It always happens, reads constants and fixed buffers, and writes nothing else. */
  #isFixed(call: Operation, fixed: ReadonlySet<Value>): boolean {
    // Inside of a loop or a branch it may be one of many, or none: a state that turns carry is written there.
    if (call.block !== func.func.of(this.#entry).body.entry) return false;
    const outputs = this.#outputs.get(func.call.of(call).callee);
    if (!outputs || call.results.length > 0) return false;
    return call.operands.every((v, i) => {
      const base = baseOf(v);
      if (fixed.has(base)) return true;
      const def = base.definingOp;
      return !outputs.has(i) && def !== undefined && def !== null && (memref.get_global.is(def) || def.def.isConstant);
    });
  }

  /** Buffers become globals without a value. */
  #keep(buffers: readonly Value[]): void {
    const home = new Builder(this.#module.region().entry, this.#entry, this.#entry.loc);
    buffers.forEach((v, i) => {
      const op = v.definingOp!;
      const name = `init_${i}`;
      memref.global(home, {
        sym_name: name,
        sym_visibility: "private",
        type: v.type as never,
        initial_value: unitAttribute,
        constant: false,
      });
      v.replaceAllUsesWith(memref.get_global(Builder.before(op), { name, types: [v.type] }));
      op.erase();
    });
  }

  #move(calls: readonly Operation[]): void {
    const home = new Builder(this.#module.region().entry, this.#entry, this.#entry.loc);
    const map = new Map<Value, Value>();
    const copied = (b: Builder, v: Value): void => {
      const op = v.definingOp;
      if (!op || map.has(v)) return;
      for (const o of op.operands) copied(b, o);
      b.insert(op.clone(map));
    };
    const fill = (b: Builder): readonly Value[] => {
      for (const call of calls) {
        for (const v of call.operands) copied(b, v);
        b.insert(call.clone(map));
      }
      return [];
    };
    const made = func.makeFunction(home, "init", functionType([], []), fill, "private");
    made.setAttribute(initAttribute, unitAttribute);
    for (const call of [...calls].reverse()) call.erase();
  }
}

/** Which arguments a kernel writes. */
function outputsOf(fn: Operation): ReadonlySet<number> {
  const found = new Set<number>();
  const { entry } = func.func.of(fn).body;
  for (const op of entry) {
    const write = bufferization.materialize_in_destination.match(op);
    if (write) found.add(entry.args.indexOf(write.dest as (typeof entry.args)[number]));
  }
  return found;
}
