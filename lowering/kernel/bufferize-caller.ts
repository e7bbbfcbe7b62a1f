/**
 * @file The calling side of bufferization: which buffer each tensor of a function lies in, and what must be copied.
 * A tensor is made where its consumer wants it, if that can be: in a result of the function, in a slice of the tensor
 * that it is inserted into (concatenation, padding), or under another shape. What is left gets a buffer of its own.
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import { outputRole } from "../../dialects/host.ts";
import * as memref from "../../dialects/memref/index.ts";
import * as scf from "../../dialects/scf/ops.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import { Builder } from "../../ir/builder.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import {
  type Attribute,
  elementCount,
  functionType,
  isDynamic,
  memref as memrefType,
  type TensorType,
} from "../../ir/types.ts";
import { fault, invariant } from "../../support/diagnostic.ts";
import { rowMajor } from "../../support/ndarray.ts";
import { reshapeSource } from "../linalg/views.ts";
import { KernelVariants } from "./kernel-variants.ts";
import { bufferType, isRowMajor, layoutOf, type Place, placeOf, samePlace, shifted, sliced, viewOf } from "./place.ts";
import { separateBlanks } from "./separate.ts";
import { hasManyStreams, lineBytes, wayBytes } from "./streams.ts";

export class CallerBufferizer {
  readonly #module: Operation;
  readonly #fn: Operation;
  readonly #variants: KernelVariants;
  /** Where a tensor lies. */
  readonly #places = new Map<Value, Place>();
  /** Where a tensor that is yet to be made shall lie. */
  readonly #targets = new Map<Value, Place>();
  /** Sources of `insert_slice` that are made in their slice. */
  readonly #direct = new Set<Operation>();
  #outputs: readonly Value[] = [];
  #globals = 0;

  constructor(module: Operation, fn: Operation) {
    this.#module = module;
    this.#fn = fn;
    this.#variants = new KernelVariants(module);
  }

  run(): void {
    const fn = this.#fn;
    const { body, function_type: type } = func.func.of(fn);
    if (body.isEmpty) return;
    if (body.blocks.length !== 1 || type.kind !== "function") {
      throw fault("pass/failed", fn.loc, "only functions of one block are bufferized");
    }
    const block = body.entry;
    const end = block.terminator;
    invariant(end && block.first, "a function ends with return", fn.loc);
    for (const a of block.args) if (a.type.kind === "tensor") this.#places.set(a, placeOf(a, a.type.shape));
    this.#outputs = type.results.map((t) => block.addArgument(bufferType(t)));
    separateBlanks(block);
    const old = [...block];
    this.#block(block);
    end.operands.forEach((v, i) => this.#bring(Builder.before(end), v, placeOf(this.#outputs[i]!, shapeOf(v))));
    func.return(Builder.before(end), []);
    end.erase();
    sweep(old.filter((op) => op !== end));
    for (const a of block.args) a.type = bufferType(a.type);
    fn.props[fn.def.attrIndex.get("function_type")!] = functionType(
      block.args.map((a) => a.type),
      [],
    );
    // Results are arguments now: their attributes come along, and one that says what they were.
    const { arg_attrs, res_attrs } = func.func.of(fn);
    const role = (attrs: ReadonlyMap<string, Attribute> | undefined): ReadonlyMap<string, Attribute> =>
      new Map([...(attrs ?? []), outputRole]);
    fn.props[fn.def.attrIndex.get("arg_attrs")!] = [
      ...type.inputs.map((_, i) => arg_attrs?.[i] ?? new Map()),
      ...type.results.map((_, i) => role(res_attrs?.[i])),
    ];
    fn.props[fn.def.attrIndex.get("res_attrs")!] = undefined;
  }

  // --- where things go ------------------------------------------------------------------------------------------

  #target(v: Value): Place {
    let place = this.#targets.get(v);
    if (!place) {
      place = this.#wanted(v) ?? this.#allocate(v.type as TensorType, this.#hasManyStreams(v));
      this.#targets.set(v, place);
    }
    return place;
  }

  /** The place that a consumer offers. */
  #wanted(v: Value): Place | undefined {
    for (const use of v.uses()) {
      const user = use.owner;
      if (func.return.is(user)) {
        const taken = user.uses.findIndex((u) => u.value === v);
        if (taken === use.index) return placeOf(this.#outputs[use.index]!, shapeOf(v));
      }
    }
    for (const use of v.uses()) {
      const user = use.owner;
      const insert = tensor.insert_slice.match(user);
      if (insert && use.index === 0 && this.#fitsSlice(user, v)) {
        const part = sliced(this.#target(insert.result), staticSlice(user)!);
        // What is made in another shape can be made in whole rows only.
        if (made(v) === v.definingOp || isRowMajor(part)) {
          this.#direct.add(user);
          return part;
        }
      }
      if (!v.hasOneUse) continue;
      if (insert && use.index === 1) return this.#target(insert.result);
      if (reshapeSource(user) === v) {
        const seen = viewOf(this.#target(user.result()), shapeOf(v));
        if (seen) return seen;
      }
      const around = scf.yield.is(user) ? user.parentOp : undefined;
      if (around && scf.if.is(around)) return this.#target(around.result(use.index));
      // Nobody else sees what a turn starts from: the slice is written into it.
      const carried = around && scf.for.match(around)?.region.entry.args[use.index + 1];
      const update = tensor.insert_slice.match(v);
      if (carried && update?.dest === carried && carried.hasOneUse) return this.#place(carried);
    }
    return undefined;
  }

  /** The source of an insertion may be written where it will be inserted: whatever else is there is ready, or elsewhere. */
  #fitsSlice(op: Operation, source: Value): boolean {
    const slice = staticSlice(op);
    const producer = made(source);
    if (!slice || !producer || !func.call.is(producer) || producer.block !== op.block) return false;
    if (source.type.kind !== "tensor" || source.type.shape.length !== slice.sizes.length) return false;
    if (slice.strides.some((s) => s !== 1)) return false;
    for (let dest = tensor.insert_slice.of(op).dest; ; ) {
      const def = dest.definingOp;
      if (!def || def.block !== op.block) return false;
      // Whoever else starts from a tensor without content gets a buffer of their own.
      if (tensor.empty.is(def)) return true;
      if (!dest.hasOneUse) return false;
      if (func.call.is(def)) {
        // Content that depends on nothing (padding) is written first.
        if (def.uses.some((u) => u.value.type.kind === "tensor")) return false;
        if (!def.isBefore(producer)) def.moveBefore(producer);
        return def.uses.every((u) => !u.value.definingOp || this.#moveUp(u.value.definingOp, def));
      }
      const previous = tensor.insert_slice.match(def);
      const other = previous && staticSlice(def);
      if (!previous || !other || !disjoint(slice, other)) return false;
      dest = previous.dest;
    }
  }

  #moveUp(op: Operation, before: Operation): boolean {
    if (op.block !== before.block || op.isBefore(before)) return true;
    if (!op.def.isConstant) return false;
    op.moveBefore(before);
    return true;
  }

  /** A buffer of its own; with `apart` its outermost slices do not lie a multiple of `wayBytes` apart. */
  #allocate(type: TensorType, apart = false): Place {
    if (type.shape.some(isDynamic)) throw fault("pass/failed", this.#fn.loc, "a buffer of unknown size");
    const slice = elementCount(type.shape.slice(1));
    const room =
      apart && type.shape[0]! > 1 && (slice * byteWidth(type.element)) % wayBytes === 0
        ? lineBytes / byteWidth(type.element)
        : 0;
    // Allocations stand at the start of the function.
    const { entry } = func.func.of(this.#fn).body;
    const b = new Builder(entry, entry.first, this.#fn.loc);
    const shape = room > 0 ? [type.shape[0]!, slice + room] : type.shape;
    const place = placeOf(memref.alloc(b, [], [], { types: [memrefType(shape, type.element)] }), shape);
    if (room === 0) return place;
    return { ...place, shape: type.shape, strides: [slice + room, ...rowMajor(type.shape.slice(1))] };
  }

  #hasManyStreams(v: Value): boolean {
    return hasManyStreams(v, (name) => this.#variants.kernel(name));
  }

  // --- what happens ---------------------------------------------------------------------------------------------

  #block(block: Block): void {
    for (const op of [...block]) this.#op(op);
  }

  #op(op: Operation): void {
    const b = Builder.before(op);
    if (op.def.isConstant) {
      if (op.result().type.kind === "tensor") this.#places.set(op.result(), this.#constant(b, op));
      return;
    }
    if (tensor.empty.is(op)) {
      this.#places.set(op.result(), this.#target(op.result()));
      return;
    }
    if (func.call.is(op)) {
      this.#call(b, op);
      return;
    }
    if (tensor.insert_slice.is(op)) {
      this.#insert(b, op);
      return;
    }
    const extract = tensor.extract_slice.match(op);
    if (extract) {
      const part = slicePlace(b, op, this.#place(extract.source));
      this.#places.set(op.result(), reduced(part, shapeOf(op.result())));
      return;
    }
    const source = reshapeSource(op);
    if (source) {
      this.#reshape(b, op, source);
      return;
    }
    const element = tensor.extract.match(op);
    if (element) {
      const place = this.#place(element.tensor);
      const loaded = memref.load(b, layoutOf(b, place), element.indices);
      op.result().replaceAllUsesWith(loaded);
      op.erase();
      return;
    }
    if (scf.if.is(op)) {
      this.#if(b, op);
      return;
    }
    if (arith.select.is(op) && op.result().type.kind === "tensor") {
      this.#select(b, op);
      return;
    }
    if (scf.for.is(op)) {
      this.#for(b, op);
      return;
    }
    if (op.def.isTerminator || !op.results.some((r) => r.type.kind === "tensor")) return;
    throw fault(
      "pass/failed",
      op.loc,
      `'${op.name}' has no place in memory: only kernels, views and control flow may be left`,
    );
  }

  #place(v: Value): Place {
    const p = this.#places.get(v);
    invariant(p, "tensors are placed in order", v.location);
    return p;
  }

  #constant(b: Builder, op: Operation): Place {
    const type = op.result().type as TensorType;
    const buffer = memrefType(type.shape, type.element);
    const value = arith.constant.of(op).value as Attribute;
    const name = `constant_${this.#globals++}`;
    const home = new Builder(this.#module.region().entry, this.#fn, op.loc);
    memref.global(home, {
      sym_name: name,
      sym_visibility: "private",
      type: buffer,
      initial_value: value,
      constant: true,
    });
    return placeOf(memref.get_global(b, { name, types: [buffer] }), type.shape);
  }

  #call(b: Builder, op: Operation): void {
    const outputs = op.results.map((r) => this.#target(r));
    op.results.forEach((r, i) => this.#places.set(r, outputs[i]!));
    const places = [...op.operands.map((v) => (v.type.kind === "tensor" ? this.#place(v) : v)), ...outputs];
    this.#variants.call(b, func.call.of(op).callee, places);
  }

  #insert(b: Builder, op: Operation): void {
    const { source, dest, result } = tensor.insert_slice.of(op);
    const to = this.#target(result);
    this.#bring(b, dest, to);
    this.#places.set(result, to);
    if (!this.#direct.has(op)) this.#bring(b, source, reduced(slicePlace(b, op, to), shapeOf(source)));
  }

  /** Makes sure that a tensor is (also) in a place. */
  #bring(b: Builder, v: Value, to: Place): void {
    const from = this.#place(v);
    if (samePlace(from, to)) return;
    if (tensor.empty.match(v)) return;
    this.#variants.copy(b, from, to, (v.type as TensorType).element);
  }

  #reshape(b: Builder, op: Operation, source: Value): void {
    const result = op.result();
    const from = this.#place(source);
    const shape = shapeOf(result);
    const target = this.#targets.get(result);
    const seen = viewOf(from, shape);
    if (target && samePlace({ ...target, strides: [] }, { ...from, strides: [] })) this.#places.set(result, target);
    else if (seen) this.#places.set(result, seen);
    else {
      const wanted = this.#target(result);
      const to = viewOf(wanted, shapeOf(source)) ? wanted : this.#allocate(result.type as TensorType);
      this.#places.set(result, to);
      this.#variants.copy(b, from, viewOf(to, shapeOf(source))!, (result.type as TensorType).element);
    }
  }

  #if(b: Builder, op: Operation): void {
    const view = scf.if.of(op);
    const targets = op.results.map((r) => (r.type.kind === "tensor" ? this.#target(r) : undefined));
    if (targets.some((t) => !t)) throw fault("pass/failed", op.loc, "an if that gives tensors and scalars");
    for (const region of op.regions) {
      for (const block of region.blocks) {
        const old = [...block];
        this.#block(block);
        const end = block.terminator!;
        end.operands.forEach((v, i) => this.#bring(Builder.before(end), v, targets[i]!));
        end.setOperands([]);
        sweep(old);
      }
    }
    scf.if(b, view.condition, {
      types: [],
      thenRegion: detach(op, 0),
      elseRegion: detach(op, 1),
    });
    op.results.forEach((r, i) => this.#places.set(r, targets[i]!));
  }

  /** One of two tensors, chosen by a scalar. */
  #select(b: Builder, op: Operation): void {
    const { condition, true_value: yes, false_value: no, result } = arith.select.of(op);
    if (condition.type.kind === "tensor") throw fault("pass/failed", op.loc, "a choice for each element of a tensor");
    const to = this.#target(result);
    const region =
      (v: Value) =>
      (inner: Builder): readonly Value[] => {
        this.#bring(inner, v, to);
        return [];
      };
    scf.if(b, condition, { types: [], thenRegion: region(yes), elseRegion: region(no) });
    this.#places.set(result, to);
  }

  #for(b: Builder, op: Operation): void {
    const view = scf.for.of(op);
    const body = view.region.entry;
    const carried = op.results.map((r) => this.#target(r));
    view.initArgs.forEach((v, i) => this.#bring(b, v, carried[i]!));
    carried.forEach((place, i) => this.#places.set(body.args[i + 1]!, place));
    const old = [...body];
    this.#block(body);
    const end = body.terminator!;
    const e = Builder.before(end);
    // What the next turn starts from may still be read here: it is written after everything else.
    const next = end.operands.map((v) => this.#place(v));
    next.forEach((from, i) => {
      const clash = next.some((other, j) => j > i && other.base === carried[i]!.base);
      if (clash) throw fault("pass/failed", op.loc, "a loop that swaps the tensors it carries");
      if (!samePlace(from, carried[i]!)) {
        this.#variants.copy(e, from, carried[i]!, (op.result(i).type as TensorType).element);
      }
    });
    end.setOperands([]);
    sweep(old);
    const region = detach(op, 0);
    while (region.entry.args.length > 1) region.entry.eraseArgument(region.entry.args.length - 1);
    scf.for(b, view.lowerBound, view.upperBound, view.step, [], { region });
    op.results.forEach((r, i) => this.#places.set(r, carried[i]!));
  }
}

/** The op that makes a tensor, whatever shape it is given before it is used. */
function made(v: Value): Operation | null {
  const op = v.definingOp;
  const source = op && reshapeSource(op);
  return source?.hasOneUse ? made(source) : op;
}

/** Removes what was made of tensors and is said in buffers now. */
function sweep(ops: readonly Operation[]): void {
  for (const op of [...ops].reverse()) if (op.block && op.results.some((r) => r.type.kind === "tensor")) op.erase();
}

/** Takes a region out of an op that is about to be erased. */
function detach(op: Operation, i: number) {
  const region = op.region(i);
  op.regions = op.regions.map((r, n) => (n === i ? emptyRegion(r) : r));
  return region;
}

const emptyRegion = <R extends { constructor: unknown }>(r: R): R => new (r.constructor as new () => R)();

const shapeOf = (v: Value): readonly number[] => (v.type as TensorType).shape;
const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

export interface StaticSlice {
  readonly offsets: readonly number[];
  readonly sizes: readonly number[];
  readonly strides: readonly number[];
}

/** Offsets, sizes and strides of a slice op, if all are constants. */
function staticSlice(op: Operation): StaticSlice | undefined {
  const view = tensor.insert_slice.match(op) ?? tensor.extract_slice.match(op);
  if (!view) return undefined;
  const { static_offsets: offsets, static_sizes: sizes, static_strides: strides } = view;
  return [...offsets, ...sizes, ...strides].some(isDynamic) ? undefined : { offsets, sizes, strides };
}

/** Where the slice of a slice op lies in a place. */
function slicePlace(b: Builder, op: Operation, whole: Place): Place {
  const view = tensor.insert_slice.match(op) ?? tensor.extract_slice.match(op);
  invariant(view, "an op on a slice", op.loc);
  const { static_offsets: offsets, static_sizes: sizes, static_strides: strides } = view;
  if ([...sizes, ...strides].some(isDynamic)) {
    throw fault("pass/failed", op.loc, "a slice whose size is not known at compile time");
  }
  const moved = offsets.flatMap((o, axis) => (isDynamic(o) ? [axis] : []));
  const by = moved.map((axis, i) => [axis, view.offsets[i]!] as const);
  return sliced(shifted(b, whole, by), { offsets, sizes, strides });
}

const disjoint = (a: StaticSlice, b: StaticSlice): boolean =>
  a.offsets.some(
    (o, d) =>
      a.strides[d] === 1 &&
      b.strides[d] === 1 &&
      (o + a.sizes[d]! <= b.offsets[d]! || b.offsets[d]! + b.sizes[d]! <= o),
  );

/** A slice seen in a shape that lacks some of its dimensions of size 1. */
function reduced(p: Place, shape: readonly number[]): Place {
  if (sameShape(p.shape, shape)) return p;
  const strides: number[] = [];
  let d = 0;
  for (const size of shape) {
    while (d < p.shape.length && p.shape[d] !== size) d++;
    strides.push(p.strides[d] ?? 1);
    d++;
  }
  return { ...p, shape, strides };
}
