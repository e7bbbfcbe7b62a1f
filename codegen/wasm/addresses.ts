/**
 * @file Buffers become addresses. Every access is written as pointer plus constant offset; pointers move with the loops
 * (one addition per turn), so that no loop multiplies. Accesses that differ by a constant share a pointer.
 */
import * as affine from "../../dialects/affine/index.ts";
import * as arith from "../../dialects/arith/ops.ts";
import { besideOf } from "../../dialects/beside.ts";
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import * as scf from "../../dialects/scf/ops.ts";
import * as vector from "../../dialects/vector/index.ts";
import * as wasm from "../../dialects/wasm.ts";
import { linear } from "../../ir/affine.ts";
import { Builder } from "../../ir/builder.ts";
import { type Block, Operation, type Value } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import type { OpInfo } from "../../ir/define.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import { stridedOf } from "../../ir/strided.ts";
import { i32, isDynamic, type MemRefType, vector as vectorType } from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { constantForm, type Form, plusForm } from "../forms.ts";

export const addresses = definePass("wasm-addresses", {
  doc: "Turns accesses of buffers into loads and stores at addresses; pointers are carried by the loops.",
  on: func.func,
  options: {},
  run(fn) {
    new Addresses().run(fn);
  },
});

/** What accesses buffers, and which operand the buffer is; its indices follow. */
const bufferOperand: ReadonlyMap<OpInfo, number> = new Map<OpInfo, number>([
  [memref.load, 0],
  [memref.store, 1],
  [memref.prefetch, 0],
  [vector.load, 0],
  [vector.store, 1],
]);

/** A moving pointer: a buffer and what is added to its address. */
interface Pointer {
  readonly buffer: Value;
  readonly terms: ReadonlyMap<Value, number>;
  readonly constant: number;
  readonly key: string;
}

interface Access {
  readonly op: Operation;
  readonly pointer: Pointer;
  readonly offset: number;
}

class Addresses {
  readonly #forms = new Map<Value, Form>();
  readonly #ids = new Map<Value, number>();
  readonly #pointers = new Map<string, Pointer>();
  readonly #needed = new Set<Pointer>();
  /** Pointers by key; made per loop, outermost first. */
  readonly #values = new Map<string, Value>();
  /** Pointers that no loop carries, as they were computed first in each block. */
  readonly #here = new Map<Block, Map<string, Value>>();
  /** What stands for loaded values that are themselves parts of addresses. */
  readonly #loaded = new Map<Value, Value>();
  /** Pointers that each loop carries, by the loop's counter. */
  readonly #carried = new Map<Value, Map<string, Pointer>>();

  /** Buffers that lie beside another one, which has the pointer. */
  readonly #beside = new Map<Value, { readonly buffer: Value; readonly distance: number }>();

  run(fn: Operation): void {
    const args = fn.regions[0]?.blocks[0]?.args ?? [];
    for (const [i, { argument, distance }] of besideOf(fn)) {
      const [at, buffer] = [args[i], args[argument]];
      if (at && buffer) this.#beside.set(at, { buffer, distance });
    }
    const accesses: Access[] = [];
    fn.walk((op) => {
      const a = this.#access(op);
      if (a) accesses.push(a);
    });
    for (const a of accesses) {
      this.#need(a.pointer);
    }
    fn.regions.forEach((r) => {
      for (const block of r.blocks) for (const op of [...block]) this.#rebuild(op);
    });
    for (const a of accesses) this.#replace(a);
    const dead: Operation[] = [];
    fn.walkPost((op) => dead.push(op));
    for (const op of dead.reverse()) if (isTriviallyDead(op)) op.erase();
  }

  #access(op: Operation): Access | undefined {
    const at = bufferOperand.get(op.def);
    if (at === undefined) return undefined;
    const own = op.operand(at);
    const type = own.type as MemRefType;
    const whole = wholeOf(own);
    const { buffer, distance } = this.#beside.get(whole) ?? { buffer: whole, distance: 0 };
    const { strides } = stridedOf(type)!;
    if (strides.some(isDynamic)) return undefined;
    const bytes = byteWidth(type.element);
    let form = constantForm(distance);
    for (let i = 0; i < strides.length; i++) {
      form = plusForm(form, this.#form(op.operand(at + 1 + i)), strides[i]! * bytes);
    }
    // Where something is subtracted, the pointer alone might be below 0, which an offset does not mend.
    const subtracts = [...form.terms.values()].some((f) => f < 0);
    const [constant, offset] = subtracts ? [form.constant, 0] : [0, form.constant];
    return { op, pointer: this.#pointer(buffer, form.terms, constant), offset };
  }

  /** An index value as a sum over loop counters and whatever else is not further known. */
  #form(v: Value): Form {
    let form = this.#forms.get(v);
    if (!form) {
      form = this.#formOf(v);
      this.#forms.set(v, form);
    }
    return form;
  }

  #formOf(v: Value): Form {
    const op = v.definingOp;
    const constant = arith.constant.match(op)?.value;
    if (constant?.kind === "integer") return { terms: new Map(), constant: Number(constant.value) };
    const apply = affine.apply.match(op);
    const result = apply?.map.results[0];
    const sum = apply && result && linear(result, apply.map.numDims);
    if (sum) {
      return apply.mapOperands.reduce<Form>((f, d, i) => plusForm(f, this.#form(d), sum.factors[i]!), {
        terms: new Map(),
        constant: sum.offset,
      });
    }
    const add = arith.addi.match(op);
    if (add) return plusForm(this.#form(add.lhs), this.#form(add.rhs));
    return { terms: new Map([[v, 1]]), constant: 0 };
  }

  /** Pointers are equal only if they are the same. */
  #pointer(buffer: Value, terms: ReadonlyMap<Value, number>, constant = 0): Pointer {
    let key = `${this.#id(buffer)} ${constant}`;
    if (terms.size < 2) for (const [v, f] of terms) key += ` ${this.#id(v)}*${f}`;
    else {
      const parts: string[] = [];
      for (const [v, f] of terms) parts.push(`${this.#id(v)}*${f}`);
      for (const part of parts.sort()) key += ` ${part}`;
    }
    let p = this.#pointers.get(key);
    if (!p) {
      p = { buffer, terms, constant, key };
      this.#pointers.set(key, p);
    }
    return p;
  }

  #id(v: Value): number {
    let id = this.#ids.get(v);
    if (id === undefined) {
      id = this.#ids.size;
      this.#ids.set(v, id);
    }
    return id;
  }

  /** The innermost loop whose counter moves the pointer. */
  #loopOf(p: Pointer): { readonly loop: Operation; readonly counter: Value } | undefined {
    let best: { loop: Operation; counter: Value } | undefined;
    for (const v of p.terms.keys()) {
      const loop = v.definingOp ? null : v.block?.parentOp;
      if (!loop || !scf.for.is(loop) || v.index !== 0 || v.type.kind !== "index") continue;
      if (!best || best.loop.isAncestorOf(loop)) best = { loop, counter: v };
    }
    // Views and terms that are made inside of that loop cannot be part of what it carries.
    if (best && [p.buffer, ...p.terms.keys()].some((v) => v !== best.counter && isInside(v, best.loop)))
      return undefined;
    return best;
  }

  #without(p: Pointer, counter: Value): Pointer {
    const terms = new Map(p.terms);
    terms.delete(counter);
    return this.#pointer(p.buffer, terms, p.constant);
  }

  /** Registers a pointer with the loop that carries it, and what it starts from with the loops around. */
  #need(p: Pointer): void {
    if (this.#needed.has(p)) return;
    this.#needed.add(p);
    const at = this.#loopOf(p);
    if (!at) return;
    let known = this.#carried.get(at.counter);
    if (!known) {
      known = new Map();
      this.#carried.set(at.counter, known);
    }
    known.set(p.key, p);
    this.#need(this.#without(p, at.counter));
  }

  /** Gives each loop its pointers, outermost loops first. */
  #rebuild(op: Operation): void {
    let now = op;
    const loop = scf.for.match(op);
    const carried = loop && this.#carried.get(loop.region.entry.args[0]!);
    if (loop && carried) now = this.#withPointers(op, [...carried.values()]);
    for (const r of now.regions) for (const block of r.blocks) for (const inner of [...block]) this.#rebuild(inner);
  }

  #withPointers(op: Operation, pointers: readonly Pointer[]): Operation {
    const { lowerBound, upperBound, step, initArgs, region } = scf.for.of(op);
    const b = Builder.before(op);
    const body = region.entry;
    const counter = body.args[0]!;
    const lower = this.#form(lowerBound);
    const by = this.#form(step);
    const starts = pointers.map((p) => {
      const factor = p.terms.get(counter)!;
      const start = this.#materialize(b, this.#without(p, counter));
      const first = plusForm(constantForm(0), lower, factor);
      return this.#added(b, start, first);
    });
    const moving = pointers.map((p) => {
      const arg = body.addArgument(i32);
      this.#values.set(p.key, arg);
      return { arg, factor: p.terms.get(counter)! };
    });
    const end = body.terminator!;
    const e = Builder.before(end);
    const next = moving.map(({ arg, factor }) => this.#added(e, arg, plusForm(constantForm(0), by, factor)));
    end.setOperands([...end.operands, ...next]);
    op.regions = [];
    const made = new Operation(op.def, {
      operands: [lowerBound, upperBound, step, ...initArgs, ...starts],
      props: op.props.slice(),
      resultTypes: [...op.results.map((r) => r.type), ...starts.map(() => i32)],
      attributes: op.attributes,
      regions: [region],
      loc: op.loc,
    });
    b.insert(made);
    op.results.forEach((r, i) => r.replaceAllUsesWith(made.result(i)));
    op.erase();
    return made;
  }

  /** The address of a pointer: carried by a loop, or computed here. */
  #materialize(b: Builder, p: Pointer): Value {
    const known = this.#values.get(p.key);
    if (known) return known;
    const start = this.#added(b, this.#base(p.buffer), { ...constantForm(0), constant: p.constant });
    return this.#added(b, start, { terms: p.terms, constant: 0 });
  }

  /** The address of a pointer where an access stands. Accesses come in their order, so neighbours share what the first has computed. */
  #at(b: Builder, p: Pointer): Value {
    const known = this.#values.get(p.key);
    if (known || !b.block) return known ?? this.#materialize(b, p);
    let here = this.#here.get(b.block);
    if (!here) {
      here = new Map();
      this.#here.set(b.block, here);
    }
    let v = here.get(p.key);
    if (!v) {
      v = this.#materialize(b, p);
      here.set(p.key, v);
    }
    return v;
  }

  #base(buffer: Value): Value {
    const key = this.#pointer(buffer, new Map()).key;
    let v = this.#values.get(key);
    if (!v) {
      const def = buffer.definingOp;
      const at = def ? Builder.after(def) : new Builder(buffer.block, buffer.block!.first, buffer.location);
      v = wasm.address(at, buffer);
      this.#values.set(key, v);
    }
    return v;
  }

  #added(b: Builder, start: Value, form: Form): Value {
    let v = start;
    for (const [old, factor] of form.terms) {
      const term = this.#loaded.get(old) ?? old;
      const word = term.type === i32 ? term : arith.index_cast(b, term, { types: [i32] });
      const scaled = factor === 1 ? word : arith.muli(b, word, arith.constantInteger(b, factor, i32));
      v = arith.addi(b, v, scaled);
    }
    return form.constant === 0 ? v : arith.addi(b, v, arith.constantInteger(b, form.constant, i32));
  }

  #replace({ op, pointer, offset }: Access): void {
    const b = Builder.before(op);
    // Instructions take offsets from 0 up; what is below moves into the pointer.
    const low = Math.min(0, offset);
    let at = this.#at(b, pointer);
    if (low < 0) at = this.#added(b, at, { terms: new Map(), constant: low });
    const value = memref.store.match(op)?.value ?? vector.store.match(op)?.valueToStore;
    if (value) wasm.store(b, value, at, { offset: offset - low });
    else if (memref.prefetch.is(op)) wasm.prefetch(b, at, { offset: offset - low });
    else {
      const now = loaded(b, op.result(), at, offset - low);
      if (now) this.#loaded.set(op.result(), now);
    }
    op.erase();
  }
}

/** Puts a load in place of an access; a scalar that is only spread over lanes is loaded into all of them at once. */
function loaded(b: Builder, whole: Value, at: Value, offset: number): Value | undefined {
  // Neighbours that are a word are spread as one.
  const word = whole.hasOneUse ? vector.bitcast.match(whole.firstUse!.owner)?.result : undefined;
  const old = word?.type === vectorType([1], i32) ? word : whole;
  const spread = [...old.uses()].map((u) => vector.broadcast.match(u.owner)?.vector);
  const type = spread[0]?.type;
  if (old.hasUses && type && byteWidth(type.element) === 4 && spread.every((v) => v?.type === type)) {
    const splat = wasm.load_splat(b, at, { offset, types: [type] });
    for (const v of spread) {
      v!.replaceAllUsesWith(splat);
      v!.definingOp!.erase();
    }
    if (old !== whole) old.definingOp!.erase();
    return undefined;
  }
  const value = wasm.load(b, at, { offset, types: [old.type] });
  old.replaceAllUsesWith(value);
  return value;
}

/** What begins at the same address as a view that only counts its dimensions in another way: pointers to it are the loops'. */
const wholeOf = (buffer: Value): Value => {
  const collapse = memref.collapse_shape.match(buffer);
  return collapse ? wholeOf(collapse.src) : buffer;
};

/** The value is made inside of a loop. */
const isInside = (v: Value, loop: Operation): boolean => {
  const home = v.definingOp ?? v.block?.parentOp;
  return home !== null && home !== undefined && home !== loop && loop.isAncestorOf(home);
};
