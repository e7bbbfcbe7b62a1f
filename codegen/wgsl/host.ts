/**
 * @file The entry function as a list of kernel calls with everything known: which part of which buffer each argument is.
 * Loops of the entry are walked through, branches are taken, as far as they depend on nothing but constants.
 */
import { perWord } from "../../dialects/bytes.ts";
import * as func from "../../dialects/func.ts";
import { markFunction } from "../../dialects/host.ts";
import * as memref from "../../dialects/memref/index.ts";
import * as scf from "../../dialects/scf/ops.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { datumOfAttribute } from "../../ir/datum.ts";
import { evaluateOp } from "../../ir/interpret.ts";
import { elementCount, isDynamic, isShaped, type MemRefType } from "../../ir/types.ts";
import { invariant } from "../../support/diagnostic.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { Unsupported } from "./types.ts";

/** A buffer of the program. */
export interface HostBuffer {
  readonly kind: "port" | "slot" | "constant";
  /** Number of the port, or name of the constant. */
  readonly port?: number;
  readonly constant?: string;
  /** What lies in it, at one time or another. */
  readonly tensors: HostTensor[];
}

/** What lies in a buffer for a time. */
export interface HostTensor {
  readonly count: number;
  /** Its elements are bytes, four in a word. */
  packed: boolean;
}

export interface Place {
  readonly buffer: HostBuffer;
  readonly tensor: HostTensor;
  /** Elements in front of the first one. */
  readonly offset: number;
}

/** One call of a kernel. */
export interface Call {
  readonly kernel: Operation;
  readonly args: readonly (Place | number)[];
  /** Its number in a program that is profiled. */
  step?: number;
}

/** More calls than this are no program for a GPU. */
const mostCalls = 20_000;

type Known = number | bigint;

export class HostWalk {
  readonly calls: Call[] = [];
  readonly buffers: HostBuffer[] = [];
  readonly #functions = new Map<string, Operation>();
  readonly #globals = new Map<string, Operation>();
  readonly #constants = new Map<string, Place>();
  readonly #elements = new Map<Operation, NDArray>();
  readonly #places = new Map<Value, Place>();
  readonly #known = new Map<Value, Known>();

  constructor(module: Operation, entry: Operation) {
    for (const op of module.region().entry) {
      const fn = func.func.match(op);
      if (fn) this.#functions.set(fn.sym_name, op);
      const global = memref.global.match(op);
      if (global) this.#globals.set(global.sym_name, op);
    }
    const block = func.func.of(entry).body.entry;
    block.args.forEach((a, i) => {
      this.#places.set(a, placeOf(this.#buffer({ kind: "port", port: i, tensors: [] }), countOf(a)));
    });
    this.#block(block);
  }

  #buffer(b: HostBuffer): HostBuffer {
    this.buffers.push(b);
    return b;
  }

  #block(block: Block): void {
    for (const op of block) if (!op.def.isTerminator) this.#op(op);
  }

  #op(op: Operation): void {
    const call = func.call.match(op);
    if (call) this.#call(op, call.callee);
    else if (scf.for.is(op)) this.#for(op);
    else if (scf.if.is(op)) this.#if(op);
    else this.#value(op);
  }

  /** A buffer, or a number. */
  #value(op: Operation): void {
    if (op.results.length === 1 && op.result().type.kind === "memref") {
      this.#memory(op);
      return;
    }
    if (memref.load.is(op)) {
      this.#load(op);
      return;
    }
    const operands = op.operands.map((v) => this.#known.get(v));
    if (op.regions.length > 0 || op.results.length === 0 || op.results.some((r) => isShaped(r.type))) {
      throw new Unsupported(op, `'${op.name}' outside of kernels`);
    }
    // What depends on data stays unknown, and is a fault only where it is asked for.
    if (operands.some((o) => o === undefined)) return;
    evaluateOp(op, operands).forEach((v, i) => {
      this.#known.set(op.result(i), v as Known);
    });
  }

  #number(v: Value, op: Operation): number {
    const known = this.#known.get(v);
    if (known === undefined) throw new Unsupported(op, "control flow that depends on data");
    return Number(known);
  }

  #call(op: Operation, callee: string): void {
    if (callee === markFunction) {
      const last = this.calls.at(-1);
      if (last) last.step ??= this.#number(op.operand(0), op);
      return;
    }
    const kernel = this.#functions.get(callee);
    invariant(kernel, "a kernel that is called exists", op.loc);
    if (this.calls.length >= mostCalls) throw new Unsupported(op, `a program of more than ${mostCalls} dispatches`);
    const args = op.operands.map((v) => (v.type.kind === "memref" ? this.#place(v) : this.#number(v, op)));
    this.calls.push({ kernel, args });
  }

  #place(v: Value): Place {
    const p = this.#places.get(v);
    invariant(p, "buffers are placed before they are used", v.location);
    return p;
  }

  #memory(op: Operation): void {
    const result = op.result();
    const place = this.#placed(op);
    if (!place) throw new Unsupported(op, `'${op.name}' outside of kernels`);
    this.#places.set(result, place);
  }

  #placed(op: Operation): Place | undefined {
    if (memref.alloc.is(op)) return placeOf(this.#buffer({ kind: "slot", tensors: [] }), 0);
    const global = memref.get_global.match(op);
    if (global) return this.#constant(global.name, op.result());
    const view = memref.view.match(op);
    if (view) {
      const { buffer } = this.#place(view.source);
      invariant(this.#number(view.byte_shift, op) === 0, "buffers of a slot start where it starts", op.loc);
      return placeOf(buffer, countOf(op.result()));
    }
    const cast = memref.reinterpret_cast.match(op);
    if (cast) {
      const [offset = 0] = cast.static_offsets;
      const { buffer, tensor } = this.#place(cast.source);
      return { buffer, tensor, offset: isDynamic(offset) ? this.#number(cast.offsets[0]!, op) : offset };
    }
    const same = memref.cast.match(op);
    return same && this.#place(same.source);
  }

  #constant(name: string, v: Value): Place {
    let place = this.#constants.get(name);
    if (!place) {
      place = placeOf(this.#buffer({ kind: "constant", constant: name, tensors: [] }), countOf(v));
      this.#constants.set(name, place);
    }
    return place;
  }

  /** An element of a constant is known; one of anything else is not. */
  #load(op: Operation): void {
    const { memref: source, indices, result } = memref.load.of(op);
    const { buffer, offset } = this.#place(source);
    const value = buffer.constant === undefined ? undefined : this.#globals.get(buffer.constant);
    const elements = value && this.#elementsOf(value);
    if (!elements || indices.some((v) => this.#known.get(v) === undefined)) return;
    const { strides } = layoutOf(source.type as MemRefType);
    const at = indices.reduce((n, v, d) => n + Number(this.#known.get(v)) * strides[d]!, offset);
    this.#known.set(result, elements.getData(at) as Known);
  }

  /** The elements of a constant, in order; made once, as loops load them one by one. */
  #elementsOf(global: Operation): NDArray | undefined {
    let elements = this.#elements.get(global);
    if (elements === undefined) {
      const initial = memref.global.of(global).initial_value;
      elements = initial && (datumOfAttribute(initial) as NDArray).contiguous();
      if (elements) this.#elements.set(global, elements);
    }
    return elements;
  }

  #for(op: Operation): void {
    const { lowerBound, upperBound, step, initArgs, region } = scf.for.of(op);
    const [low, high, by] = [lowerBound, upperBound, step].map((v) => this.#number(v, op)) as [number, number, number];
    const body = region.entry;
    const carried = body.args.slice(1);
    let values = initArgs.map((v) => this.#known.get(v));
    const bind = (names: readonly Value[]): void =>
      names.forEach((v, i) => {
        const value = values[i];
        if (value === undefined) this.#known.delete(v);
        else this.#known.set(v, value);
      });
    for (let i = low; i < high; i += by) {
      this.#known.set(body.args[0]!, i);
      bind(carried);
      this.#block(body);
      values = body.terminator!.operands.map((v) => this.#known.get(v));
    }
    bind(op.results);
  }

  #if(op: Operation): void {
    const { condition, thenRegion, elseRegion } = scf.if.of(op);
    const taken = this.#number(condition, op) !== 0 ? thenRegion : elseRegion;
    const block = taken.blocks[0];
    if (!block) return;
    this.#block(block);
    block.terminator?.operands.forEach((v, i) => {
      const value = this.#known.get(v);
      if (value !== undefined) this.#known.set(op.result(i), value);
    });
  }
}

/** The start of a buffer, for something of so many elements. */
function placeOf(buffer: HostBuffer, count: number): Place {
  const tensor: HostTensor = { count, packed: false };
  buffer.tensors.push(tensor);
  return { buffer, tensor, offset: 0 };
}

/** Words that a buffer needs for the largest that lies in it. */
export const wordsIn = ({ tensors }: HostBuffer): number =>
  tensors.reduce((n, { count, packed }) => Math.max(n, packed ? Math.ceil(count / perWord) : count), 0);

const countOf = (v: Value): number => elementCount((v.type as MemRefType).shape);

function layoutOf(t: MemRefType): { readonly strides: readonly number[] } {
  if (t.layout && "strides" in t.layout) return { strides: t.layout.strides as readonly number[] };
  const strides = new Array<number>(t.shape.length).fill(1);
  for (let i = t.shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * t.shape[i + 1]!;
  return { strides };
}
