/** @file inline: calls of small functions become their bodies. */
import { attr } from "../../ir/attributes.ts";
import type { Operation, Region, Value } from "../../ir/core.ts";
import { callableLike, callLike, symbolLike } from "../../ir/interfaces.ts";
import { SymbolScope } from "../../ir/symbols.ts";
import { ReturnLike } from "../../ir/traits.ts";
import { definePass, type PassContext } from "../../rewrite/pass.ts";
import { Rewriter } from "../../rewrite/rewriter.ts";

export const inline = definePass("inline", {
  doc:
    "Replaces calls by the bodies of the functions they call: of functions with few operations, and of private ones " +
    "that are called once. Functions of several blocks and recursive ones stay calls.",
  options: {
    /** Bodies of at most so many operations are copied into every caller. */
    maxOps: attr.int.default(50),
  },
  example: {
    before: `func.func private @square(%x: f32) -> f32 {
  %0 = arith.mulf %x, %x : f32
  return %0 : f32
}
func.func @f(%x: f32) -> f32 {
  %0 = call @square(%x) : (f32) -> f32
  return %0 : f32
}`,
    after: `func.func private @square(%arg0: f32) -> f32 {
  %0 = arith.mulf %arg0, %arg0 : f32
  return %0 : f32
}
func.func @f(%arg0: f32) -> f32 {
  %0 = arith.mulf %arg0, %arg0 : f32
  return %0 : f32
}`,
  },
  run(op, { maxOps }, pass) {
    const n = new Inliner(op, maxOps, pass).run();
    pass.count("inlined", n);
    return n > 0;
  },
});

interface Callee {
  readonly op: Operation;
  readonly body: Region;
  /** Operations inside. */
  size: number;
  calls: number;
}

class Inliner {
  readonly #root: Operation;
  readonly #maxOps: number;
  readonly #pass: PassContext;
  readonly #scope = new SymbolScope();
  readonly #callees = new Map<Operation, Callee>();

  constructor(root: Operation, maxOps: number, pass: PassContext) {
    this.#root = root;
    this.#maxOps = maxOps;
    this.#pass = pass;
  }

  run(): number {
    const callables: Operation[] = [];
    this.#root.walk((o) => {
      if (callableLike.of(o)) callables.push(o);
      const callee = this.#calleeOf(o);
      if (callee) callee.calls++;
    });
    let inlined = 0;
    // What a function calls is inlined before the function itself is, so that bodies are copied in their final form.
    for (const fn of this.#calleesFirst(callables)) inlined += this.#inlineInto(fn);
    return inlined;
  }

  /** What a call calls, if that is known and may be copied. */
  #calleeOf(op: Operation): Callee | undefined {
    const call = callLike.of(op);
    const target = call && this.#scope.lookup(op, call.callee(op));
    const body = target && callableLike.of(target)?.body(target);
    if (!target || !body) return undefined;
    let known = this.#callees.get(target);
    if (!known) {
      let size = 0;
      target.walk(() => size++);
      known = { op: target, body, size: size - 1, calls: 0 };
      this.#callees.set(target, known);
    }
    return known;
  }

  #calleesFirst(callables: readonly Operation[]): Operation[] {
    const order: Operation[] = [];
    const seen = new Set<Operation>();
    const visit = (fn: Operation): void => {
      if (seen.has(fn)) return;
      seen.add(fn);
      fn.walk((o) => {
        const callee = this.#calleeOf(o);
        if (callee) visit(callee.op);
      });
      order.push(fn);
    };
    callables.forEach(visit);
    return order;
  }

  #inlineInto(fn: Operation): number {
    const calls: Operation[] = [];
    fn.walk((o) => {
      if (callLike.of(o)) calls.push(o);
    });
    let inlined = 0;
    for (const call of calls) {
      const callee = this.#calleeOf(call);
      if (!callee) continue;
      const why = this.#reasonAgainst(call, fn, callee);
      if (why) {
        this.#pass.remark(call, `not inlined: ${why}`);
        continue;
      }
      this.#inline(call, callee);
      inlined++;
    }
    const own = this.#callees.get(fn);
    if (own && inlined > 0) {
      own.size = -1;
      fn.walk(() => own.size++);
    }
    return inlined;
  }

  #reasonAgainst(call: Operation, into: Operation, { op, body, size, calls }: Callee): string | undefined {
    if (op === into || op.isAncestorOf(call)) return "the function calls itself";
    if (body.blocks.length !== 1 || !body.entry.last?.def.has(ReturnLike)) return "the function has several blocks";
    const args = callLike.of(call)!.args(call);
    if (args.length !== body.entry.args.length) return "the arguments do not fit";
    const once = calls === 1 && symbolLike.of(op)?.visibility(op) === "private";
    if (!once && size > this.#maxOps) return `the function has ${size} operations, the limit is ${this.#maxOps}`;
    return undefined;
  }

  #inline(call: Operation, { body }: Callee): void {
    const { entry } = body;
    const args = callLike.of(call)!.args(call);
    const map = new Map<Value, Value>(entry.args.map((a, i) => [a, args[i]!]));
    const rw = new Rewriter(this.#pass.context).focus(call);
    for (let o = entry.first; o && o !== entry.last; o = o.next) {
      const copy = o.clone(map);
      // Both places matter: where the code was written, and where it is called from.
      copy.walk((c) => {
        c.loc = { kind: "call", callee: c.loc, caller: call.loc };
      });
      rw.insert(copy);
    }
    rw.replace(
      call,
      entry.last!.operands.map((v) => map.get(v) ?? v),
    );
  }
}
