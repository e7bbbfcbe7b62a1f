/**
 * @file Writes the body of one function, in the order of the IR: each value is a variable, what is read once by plain
 * arithmetic stands where it is read, and what a loop carries is updated in place. Vectors are written in one of two
 * ways: with the vector types of gcc and clang, or in C99 as arrays, where ops that follow each other share one loop over
 * the lanes (lanes.ts).
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import * as scf from "../../dialects/scf/ops.ts";
import * as vector from "../../dialects/vector/index.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { datumOfAttribute } from "../../ir/datum.ts";
import { isTriviallyDead } from "../../ir/effects.ts";
import { viewLike } from "../../ir/interfaces.ts";
import { stridedOf } from "../../ir/strided.ts";
import { elementOf, isDynamic, type MemRefType, type Type } from "../../ir/types.ts";
import { fault, invariant } from "../../support/diagnostic.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { constantForm, type Form, Forms, plusForm } from "../forms.ts";
import { atom, binding, call, type Expr, infix, Names, type SourceText, within } from "../source.ts";
import { writeDotPart } from "./dots.ts";
import { LaneGroup } from "./lanes.ts";
import { isPairPart, writePairPart } from "./pairs.ts";
import { roundingOf } from "./rounding.ts";
import { cast, readerOf, scalarRows, unsupported } from "./rows-scalar.ts";
import { isWordVector, lanesOf, vectorName } from "./rows-vector.ts";
import { writeSaturated } from "./saturate.ts";
import { literal, memoryType, valueType } from "./types.ts";
import { type VectorWriter, writeVector } from "./vectors.ts";

/** What functions of one artifact share. */
export interface ModuleScope {
  /** Starts every name of the artifact. */
  readonly prefix: string;
  /** Products of bytes are summed in vectors, whatever the number. */
  readonly blocks: boolean;
  /** Notes that a helper is needed; answers its name. */
  helper(name: string): string;
  /** The name of a kernel. */
  callee(symbol: string): string;
  /** How many lanes vectors have that are written as such: their types are needed. */
  vectorsOf(lanes: number): void;
}

/** Where a buffer starts: a pointer to elements of its type, and elements from there. */
export interface Place {
  readonly pointer: Expr;
  readonly offset: Form;
}

export class FunctionWriter implements VectorWriter {
  readonly scope: ModuleScope;
  readonly out: SourceText;
  readonly names: Names;
  /** Vectors are arrays. */
  readonly asArrays: boolean;
  readonly #exprs = new Map<Value, Expr>();
  readonly #places = new Map<Value, Place>();
  readonly #forms = new Forms();
  /** Variables that may be assigned again: what loops carry, arrays. */
  readonly #variables = new Map<Value, string>();
  /** Values that are written straight into the variable of what a loop carries. */
  readonly #direct = new Map<Value, string>();
  readonly #group: LaneGroup;
  readonly #place: (op: Operation, w: FunctionWriter) => boolean;

  /** `place` gives ops that stand for buffers their place, and says whether an op is one. */
  constructor(
    scope: ModuleScope,
    out: SourceText,
    reserved: Iterable<string>,
    asArrays: boolean,
    place: (op: Operation, w: FunctionWriter) => boolean = () => false,
  ) {
    this.scope = scope;
    this.out = out;
    this.asArrays = asArrays;
    this.#place = place;
    this.names = new Names(reserved);
    this.#group = new LaneGroup(this);
  }

  helper(name: string): string {
    return this.scope.helper(name);
  }

  bind(v: Value, e: Expr): void {
    this.#exprs.set(v, e);
  }

  bindPlace(v: Value, place: Place): void {
    this.#places.set(v, place);
  }

  placeOf(v: Value): Place {
    const place = this.#places.get(v);
    if (!place) throw fault("pass/failed", v.location, "a buffer that C has no place for");
    return place;
  }

  formOf(v: Value): Form {
    return this.#forms.of(v);
  }

  /** How a scalar, or a vector of its own type, is written. */
  expr(v: Value): Expr {
    const known = this.#exprs.get(v);
    if (known) return known;
    const constant = arith.constant.match(v)?.value;
    if (constant && v.type.kind !== "vector") {
      invariant("value" in constant, "a scalar constant has a value", v.location);
      return literal(v.type, constant.value as number | bigint | boolean);
    }
    if (constant) return this.#vectorConstant(v);
    if (v.type.kind === "index") {
      const form = this.formOf(v);
      if (!form.terms.has(v)) return this.formText(form);
    }
    throw fault("pass/failed", v.location, `'${v.definingOp?.name ?? "an argument"}' has not been written`);
  }

  #vectorConstant(v: Value): Expr {
    const array = datumOfAttribute(arith.constant.of(v.definingOp!).value) as NDArray;
    const element = elementOf(v.type);
    const mask = element.kind === "integer" && element.width === 1;
    const texts = Array.from(array.values(), (x) => (mask ? (x ? "-1" : "0") : literal(element, x).text));
    // In parentheses: its commas are no commas of a macro.
    return atom(`((${this.vectorType(v.type)}){${texts.join(", ")}})`);
  }

  vectorType(t: Type): string {
    if (!isWordVector(t)) throw fault("pass/failed", { kind: "unknown" }, "a vector that C has no type for");
    this.scope.vectorsOf(lanesOf(t));
    return `${this.scope.prefix}${vectorName(t)}`;
  }

  /** The type of a variable; arrays have their element's. */
  typeOf(t: Type): string {
    return t.kind === "vector" && !this.asArrays ? this.vectorType(t) : valueType(t);
  }

  isArray = (t: Type): boolean => t.kind === "vector" && this.asArrays;

  /** `name[lanes]` for arrays. */
  #declarator = (t: Type, name: string): string => (this.isArray(t) ? `${name}[${lanesOf(t)}]` : name);

  // --- variables ------------------------------------------------------------------------------------------------

  /** Makes the value a variable with this content, or writes it where a loop wants it. */
  define(v: Value, e: Expr): void {
    const target = this.#direct.get(v);
    if (target !== undefined) {
      this.bind(v, atom(target));
      this.out.line(`${target} = ${e.text};`);
      return;
    }
    const name = this.names.fresh("v");
    const mutable = this.#takenOver(v);
    this.bind(v, atom(name));
    if (mutable) this.#variables.set(v, name);
    this.out.line(`${mutable ? "" : "const "}${this.typeOf(v.type)} ${name} = ${e.text};`);
  }

  /** An array for a vector: the one that a loop carries, or a new one. */
  arrayOf(v: Value): string {
    const target = this.#direct.get(v);
    const name = target ?? this.names.fresh("v");
    this.bind(v, atom(name));
    if (target === undefined) {
      this.#variables.set(v, name);
      this.out.line(`${this.typeOf(v.type)} ${this.#declarator(v.type, name)};`);
    }
    return name;
  }

  /** Its only use is to be what a loop starts from: the loop may carry it in its own variable. */
  #takenOver(v: Value): boolean {
    if (!v.hasOneUse) return false;
    const { owner, index } = v.firstUse!;
    return scf.for.is(owner) && index >= 3 && owner.block === v.block;
  }

  /** Assigns several variables at once: all sources are read before any of them is written, if they are among them. */
  assign(targets: readonly { readonly name: string; readonly value: Value }[]): void {
    const moves = targets.filter(({ name, value }) => this.#exprs.get(value)?.text !== name);
    const written = new Set<string>();
    const clashes = moves.some(({ name, value }) => {
      const source = this.#exprs.get(value)?.text;
      const clash = source !== undefined && written.has(source);
      written.add(name);
      return clash;
    });
    const temporary = moves.map(({ value }) => (clashes ? this.names.fresh("t") : value));
    if (clashes) {
      moves.forEach(({ value }, i) => {
        const { type } = value;
        this.out.line(`${this.typeOf(type)} ${this.#declarator(type, temporary[i] as string)};`);
        this.#move(temporary[i] as string, value);
      });
    }
    moves.forEach(({ name, value }, i) => {
      if (!clashes) this.#move(name, value);
      else if (this.isArray(value.type))
        this.#lanes(lanesOf(value.type), (j) => `${name}[${j}] = ${temporary[i]}[${j}];`);
      else this.out.line(`${name} = ${temporary[i]};`);
    });
  }

  #move(name: string, value: Value): void {
    if (this.isArray(value.type))
      this.#lanes(lanesOf(value.type), (j) => `${name}[${j}] = ${this.lane(value, j).text};`);
    else this.out.line(`${name} = ${this.expr(value).text};`);
  }

  #lanes(count: number, line: (j: string) => string): void {
    this.loopOverLanes(count, (j) => this.out.line(line(j)));
  }

  /** A loop over lanes, which compilers turn into vectors if they are kept from writing it out first. */
  loopOverLanes(count: number, body: (j: string) => void): void {
    const j = this.names.fresh("j");
    this.out.line(`${this.scope.prefix.toUpperCase()}ROLL`);
    this.out.block(`for (int32_t ${j} = 0; ${j} < ${count}; ${j}++)`, () => body(j));
  }

  /** One lane of a vector that is an array, a broadcast, or a constant. */
  lane(v: Value, j: string): Expr {
    const known = this.#exprs.get(v);
    if (known) return v.type.kind === "vector" ? atom(`${known.text}[${j}]`) : known;
    const spread = vector.broadcast.match(v)?.source;
    if (spread) return this.lane(spread, j);
    const value = arith.constant.match(v)?.value;
    if (value?.kind === "dense" && value.splat) {
      const x = (datumOfAttribute(value) as NDArray).getData(0);
      return literal(elementOf(v.type), x);
    }
    return this.expr(v);
  }

  // --- accesses -------------------------------------------------------------------------------------------------

  /** Pointer and index of an element of a buffer. */
  element(buffer: Value, indices: readonly Value[]): { readonly pointer: Expr; readonly index: Form } {
    const type = buffer.type as MemRefType;
    const { strides } = stridedOf(type)!;
    const { pointer, offset } = this.placeOf(buffer);
    const index = indices.reduce((sum, v, i) => {
      if (isDynamic(strides[i]!)) throw fault("pass/failed", buffer.location, "a buffer whose strides are not known");
      return plusForm(sum, this.formOf(v), strides[i]!);
    }, offset);
    return { pointer, index };
  }

  formText(form: Form, also?: string): Expr {
    let sum: Expr | undefined;
    for (const [v, factor] of form.terms) {
      const size = Math.abs(factor);
      const term = size === 1 ? this.expr(v) : infix("*", this.expr(v), atom(String(size)));
      if (sum) sum = infix(factor < 0 ? "-" : "+", sum, term);
      else sum = factor < 0 ? infix("-", atom("0"), term) : term;
    }
    if (form.constant !== 0 || (!sum && also === undefined)) {
      const constant = atom(String(Math.abs(form.constant)));
      if (sum) sum = infix(form.constant < 0 ? "-" : "+", sum, constant);
      else sum = form.constant < 0 ? { text: `-${constant.text}`, level: binding.unary } : constant;
    }
    if (also === undefined) return sum!;
    return sum ? infix("+", sum, atom(also)) : atom(also);
  }

  access(buffer: Value, indices: readonly Value[], lane?: string): Expr {
    const { pointer, index } = this.element(buffer, indices);
    return atom(`${within(pointer, binding.atom)}[${this.formText(index, lane).text}]`);
  }

  addressOf(pointer: Expr, index: Form): Expr {
    return index.terms.size === 0 && index.constant === 0 ? pointer : infix("+", pointer, this.formText(index));
  }

  /** An element as it is read into a variable. */
  loaded(t: Type, e: Expr): Expr {
    return elementOf(t).kind === "index" ? cast("int32_t", e) : e;
  }

  /** A value as it is written to memory. */
  stored(t: Type, e: Expr): Expr {
    const memory = memoryType(t);
    return memory === valueType(t) ? e : cast(memory, e);
  }

  // --- blocks ---------------------------------------------------------------------------------------------------

  block(block: Block): void {
    for (const op of block) {
      if (op.def.isConstant || op.def.isTerminator || isTriviallyDead(op) || this.#isSum(op)) continue;
      if (writeDotPart(op, this) || writeSaturated(op, this)) continue;
      if (isPairPart(op)) {
        this.#group.before(op);
        writePairPart(op, this);
        continue;
      }
      const rounding = roundingOf(op);
      if (rounding) {
        if (rounding.kind === "rounded") this.bind(op.result(), this.expr(op.operand(0)));
        else if (rounding.kind === "product") {
          const { sum, by } = rounding;
          this.bind(op.result(), call(this.helper("round_product"), this.expr(sum), this.expr(by)));
        }
        continue;
      }
      if (this.asArrays && this.#group.takes(op)) continue;
      if (this.asArrays) this.#group.before(op);
      this.#op(op);
    }
    this.#group.flush();
  }

  /** Sums of indices are written where they are read. */
  #isSum(op: Operation): boolean {
    const r = op.results[0];
    return r?.type.kind === "index" && op.results.length === 1 && !this.formOf(r).terms.has(r);
  }

  #op(op: Operation): void {
    const { out } = this;
    if (this.#place(op, this)) return;
    const load = memref.load.match(op);
    if (load) {
      this.define(load.result, this.loaded(load.result.type, this.access(load.memref, load.indices)));
      return;
    }
    const store = memref.store.match(op);
    if (store) {
      const value = this.stored(store.value.type, this.expr(store.value));
      out.line(`${this.access(store.memref, store.indices).text} = ${value.text};`);
      return;
    }
    if (scf.for.is(op)) this.#for(op);
    else if (scf.if.is(op)) this.#if(op);
    else if (scf.while.is(op)) this.#while(op);
    else if (func.call.is(op)) this.#call(op);
    else if (viewLike.of(op)) this.#view(op);
    else if (op.def.dialect === "vector" || op.results.some((r) => r.type.kind === "vector")) writeVector(op, this);
    else {
      const row = scalarRows.get(op.def);
      if (!row) unsupported(op);
      this.compute(
        op,
        row(
          op,
          op.operands.map((v) => this.expr(v)),
          this,
        ),
      );
    }
  }

  /** The result as a variable, or in the place of its only reader. */
  compute(op: Operation, e: Expr): void {
    const r = op.result();
    if (readerOf(op) && !this.#direct.has(r)) this.bind(r, e);
    else this.define(r, e);
  }

  #view(op: Operation): void {
    const shaped = memref.cast.is(op) || memref.collapse_shape.is(op) || memref.expand_shape.is(op);
    if (shaped) {
      this.bindPlace(op.result(), this.placeOf(op.operand(0)));
      return;
    }
    if (!memref.reinterpret_cast.is(op)) unsupported(op);
    const { source, offsets, static_offsets, result } = memref.reinterpret_cast.of(op);
    const { pointer } = this.placeOf(source);
    const offset = isDynamic(static_offsets[0]!) ? this.formOf(offsets[0]!) : constantForm(static_offsets[0]!);
    this.bindPlace(result, { pointer, offset });
  }

  #call(op: Operation): void {
    const { callee } = func.call.of(op);
    if (op.results.length > 0) throw fault("pass/failed", op.loc, "a call that gives values");
    const args = op.operands.map((v) => {
      if (v.type.kind !== "memref") return this.expr(v);
      const { pointer, offset } = this.placeOf(v);
      return this.addressOf(pointer, offset);
    });
    this.out.line(`${call(this.scope.callee(callee), ...args).text};`);
  }

  // --- control --------------------------------------------------------------------------------------------------

  #for(op: Operation): void {
    const { lowerBound, upperBound, step, initArgs, region } = scf.for.of(op);
    const body = region.entry;
    const counter = body.args[0]!;
    const end = body.terminator!;
    const slots = initArgs.map((init, i) => ({
      init,
      arg: body.args[i + 1]!,
      result: op.result(i),
      next: end.operand(i),
    }));
    const live = slots.filter((s) => s.arg.hasUses || s.result.hasUses);
    const carried = live.map((s) => ({ ...s, name: this.#carriedVariable(s.init) }));
    this.assign(carried.map(({ name, init }) => ({ name, value: init })));
    for (const { name, arg, result } of carried) {
      this.bind(arg, atom(name));
      this.bind(result, atom(name));
      this.#variables.set(arg, name);
      this.#variables.set(result, name);
    }
    const i = this.names.fresh("i");
    this.bind(counter, atom(i));
    for (const c of carried) this.#noteDirect(c, body, end);
    const limit = this.expr(upperBound).text;
    const by = this.expr(step).text;
    const advance = by === "1" ? `${i}++` : `${i} += ${by}`;
    this.out.block(`for (int32_t ${i} = ${this.expr(lowerBound).text}; ${i} < ${limit}; ${advance})`, () => {
      this.block(body);
      this.assign(carried.map(({ name, next }) => ({ name, value: next })));
    });
  }

  /** The variable that a loop carries: that of what it starts from, if nobody else wants that, or a new one. */
  #carriedVariable(init: Value): string {
    const own = this.#takenOver(init) ? this.#variables.get(init) : undefined;
    if (own !== undefined) return own;
    const name = this.names.fresh("c");
    const { type } = init;
    this.out.line(`${this.typeOf(type)} ${this.#declarator(type, name)};`);
    return name;
  }

  /** The next value may be written over the old one where it is computed, if that is not read any more. */
  #noteDirect(
    c: { readonly arg: Value; readonly next: Value; readonly name: string },
    body: Block,
    end: Operation,
  ): void {
    const def = c.next.definingOp;
    if (!def || def.block !== body || !c.next.hasOneUse || def.regions.length > 0) return;
    for (const u of c.arg.uses()) {
      const at = this.#writtenAt(u.owner).ancestorIn(body);
      if (!at || at === end || def.isBefore(at)) return;
    }
    this.#direct.set(c.next, c.name);
  }

  #writtenAt(op: Operation): Operation {
    let at = op;
    for (let reader = readerOf(at); reader; reader = readerOf(at)) at = reader;
    return at;
  }

  #if(op: Operation): void {
    const { condition, thenRegion, elseRegion } = scf.if.of(op);
    const names = op.results.map((r) => {
      const name = this.names.fresh("c");
      this.out.line(`${this.typeOf(r.type)} ${this.#declarator(r.type, name)};`);
      return name;
    });
    const branch = (block: Block | undefined) => (): void => {
      if (!block) return;
      this.block(block);
      const values = block.terminator?.operands ?? [];
      this.assign(values.map((value, i) => ({ name: names[i]!, value })));
    };
    this.out.block(`if (${infix("!=", this.expr(condition), atom("0")).text})`, branch(thenRegion.blocks[0]));
    if (elseRegion.blocks[0]) this.out.block("else", branch(elseRegion.blocks[0]));
    op.results.forEach((r, i) => this.bind(r, atom(names[i]!)));
  }

  #while(op: Operation): void {
    const { inits, before, after } = scf.while.of(op);
    const head = before.entry;
    const tail = after.entry;
    const variables = (values: readonly Value[]): string[] =>
      values.map((v) => {
        const name = this.names.fresh("c");
        this.out.line(`${this.typeOf(v.type)} ${this.#declarator(v.type, name)};`);
        this.bind(v, atom(name));
        return name;
      });
    const carried = variables(head.args);
    const handed = variables(op.results);
    this.assign(inits.map((value, i) => ({ name: carried[i]!, value })));
    tail.args.forEach((a, i) => this.bind(a, atom(handed[i]!)));
    this.out.block("for (;;)", () => {
      this.block(head);
      const { condition, args } = scf.condition.of(head.terminator!);
      const go = this.names.fresh("t");
      this.out.line(`const int32_t ${go} = ${this.expr(condition).text};`);
      this.assign(args.map((value, i) => ({ name: handed[i]!, value })));
      this.out.line(`if (${go} == 0) break;`);
      this.block(tail);
      this.assign(tail.terminator!.operands.map((value, i) => ({ name: carried[i]!, value })));
    });
  }
}
