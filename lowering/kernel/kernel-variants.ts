/** @file Kernels by the layouts they are called with: one function for each combination that occurs, and copies. */
import { type Neighbour, setBeside } from "../../dialects/beside.ts";
import * as bufferization from "../../dialects/bufferization.ts";
import * as func from "../../dialects/func.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import { identityMap } from "../../ir/affine.ts";
import { Builder } from "../../ir/builder.ts";
import { Block, type Operation, Region, Value } from "../../ir/core.ts";
import { byteWidth } from "../../ir/datum.ts";
import { elementOf, functionType, memref, type Type, tensor as tensorType, unitAttribute } from "../../ir/types.ts";
import { invariant } from "../../support/diagnostic.ts";
import { kernelAttribute } from "../linalg/outline.ts";
import { layoutOf, type Place } from "./place.ts";

export class KernelVariants {
  readonly #module: Operation;
  readonly #functions = new Map<string, Operation>();
  /** Kernels that have been given their layout: "name types" → function. */
  readonly #variants = new Map<string, string>();
  readonly #taken = new Set<string>();

  constructor(module: Operation) {
    this.#module = module;
    for (const op of module.region().entry) {
      if (func.func.is(op)) this.#functions.set(func.func.of(op).sym_name, op);
    }
  }

  /** The function that calls of that name ask for. */
  kernel(name: string): Operation | undefined {
    return this.#functions.get(name);
  }

  /** Calls a kernel on places (memrefs) and scalars (values). */
  call(b: Builder, name: string, args: readonly (Place | Value)[]): void {
    const values = args.map((a) => (a instanceof Value ? a : layoutOf(b, a)));
    const types = values.map((v) => v.type);
    func.call(b, values, { callee: this.#variant(name, types, neighboursOf(args)), types: [] });
  }

  /** Copies elements from one place to another of the same shape. */
  copy(b: Builder, from: Place, to: Place, element: Type): void {
    const name = `copy_${from.shape.join("x")}_${element.id}`;
    if (!this.#functions.has(name)) this.#functions.set(name, this.#copyKernel(name, from.shape, element));
    this.call(b, name, [from, to]);
  }

  #variant(name: string, types: readonly Type[], neighbours: readonly Neighbour[] | undefined): string {
    const apart = neighbours?.map((n) => `${n.argument}+${n.distance}`).join(" ") ?? "";
    const key = `${name} ${types.map((t) => t.id).join(",")} ${apart}`;
    const known = this.#variants.get(key);
    if (known) return known;
    let fn = this.#functions.get(name);
    invariant(fn, `kernel ${name} exists`);
    let own = name;
    if (this.#taken.has(name)) {
      for (let n = 1; this.#functions.has(own); n++) own = `${name}_${n}`;
      const copy = fn.clone();
      copy.props[copy.def.attrIndex.get("sym_name")!] = own;
      fn.block!.insertBefore(copy, fn.next);
      fn = copy;
      this.#functions.set(own, fn);
    }
    this.#taken.add(own);
    this.#variants.set(key, own);
    const { entry } = func.func.of(fn).body;
    types.forEach((t, i) => {
      entry.args[i]!.type = t;
    });
    fn.props[fn.def.attrIndex.get("function_type")!] = functionType(types, []);
    if (neighbours) setBeside(fn, neighbours);
    return own;
  }

  /** An elementwise kernel that moves each element as it is. */
  #copyKernel(name: string, shape: readonly number[], element: Type): Operation {
    const type = tensorType(shape, element);
    const buffer = memref(shape, element);
    const block = new Block([buffer, buffer]);
    const b = Builder.atEnd(block, this.#module.loc);
    const source = bufferization.to_tensor(b, block.args[0]!, { restrict: true, types: [type] });
    const empty = tensor.empty(b, [], { types: [type] });
    const [copied] = linalg.genericOf(b, {
      inputs: [[source, identityMap(shape.length)]],
      outputs: [[empty, identityMap(shape.length)]],
      iterators: shape.map(() => "parallel" as const),
      body: (_b, x) => x!,
    });
    bufferization.materialize_in_destination(b, copied!, block.args[1]!, { restrict: true, writable: true, types: [] });
    func.return(b, []);
    return func.func(new Builder(this.#module.region().entry, this.#module.region().entry.first, this.#module.loc), {
      sym_name: name,
      sym_visibility: "private",
      function_type: functionType([buffer, buffer], []),
      body: new Region([block]),
      extra: new Map([[kernelAttribute, unitAttribute]]),
    });
  }
}

/** Fewer arguments in one buffer are not worth a kernel that knows how far apart they are. */
const worthNoting = 4;

/** Which places lie in one buffer; undefined where only few do. Scalars lie beside nothing. */
function neighboursOf(args: readonly (Place | Value)[]): Neighbour[] | undefined {
  const first = new Map<Value, { readonly index: number; readonly place: Place; count: number }>();
  const beside = args.map((place, argument): Neighbour => {
    const alone = { argument, distance: 0 };
    if (place instanceof Value) return alone;
    const known = first.get(place.base);
    if (!known) {
      first.set(place.base, { index: argument, place, count: 1 });
      return alone;
    }
    const width = byteWidth(elementOf(place.base.type));
    const distance = (place.offset - known.place.offset) * width;
    if (known.place.shift !== place.shift || distance < 0) return alone;
    known.count++;
    return { argument: known.index, distance };
  });
  return [...first.values()].some((f) => f.count >= worthNoting) ? beside : undefined;
}
