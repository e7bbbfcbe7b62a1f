/**
 * @file Computes elements of the tensors of a kernel on demand. A kernel is a DAG of structured ops; whoever wants an
 * element at some index reads it from memory if the tensor is an argument, or else computes it where it is wanted, from
 * the elements that the defining op wants. What was computed is remembered per index and loop level, so that a tile of
 * results shares its loads, and what does not depend on an inner loop moves out of it. Fusion is nothing but this.
 */
import * as arith from "../../../dialects/arith/ops.ts";
import * as bytes from "../../../dialects/bytes.ts";
import * as linalg from "../../../dialects/linalg/index.ts";
import { type Structure, structureOf } from "../../../dialects/linalg/structure.ts";
import * as memref from "../../../dialects/memref/index.ts";
import * as scf from "../../../dialects/scf/ops.ts";
import * as tensor from "../../../dialects/tensor/index.ts";
import * as vector from "../../../dialects/vector/index.ts";
import { type AffineExpr, add, constant, mul, substitute } from "../../../ir/affine.ts";
import { type Block, Operation, type Value } from "../../../ir/core.ts";
import { attributeOfDatum, datumOfAttribute } from "../../../ir/datum.ts";
import { stridedOf } from "../../../ir/strided.ts";
import { Elementwise } from "../../../ir/traits.ts";
import {
  attributeKey,
  elementOf,
  i32,
  isShaped,
  type MemRefType,
  type TensorType,
  type Type,
  type VectorType,
  vector as vectorType,
} from "../../../ir/types.ts";
import { fault, invariant } from "../../../support/diagnostic.ts";
import type { NDArray } from "../../../support/ndarray.ts";
import { packsBytes } from "../byte-words.ts";
import { type StaticPad, staticPad } from "../static-pad.ts";
import { staticView } from "../views.ts";
import { sourceOf } from "./borders.ts";
import { everyOther } from "./gaps.ts";
import type { GatheredRows } from "./gathered-sum.ts";
import type { Nest } from "./nest.ts";
import { type At, joined, laneStep, mapped, usesLane } from "./ranges.ts";
import { turnedBlock } from "./turn.ts";

/** How a reduction is computed for a set of elements; `reduce.ts` gives it. */
export type ReduceElements = (
  values: KernelValues,
  op: Operation,
  structure: Structure,
  points: readonly At[],
  lanes: number,
) => void;

/** Elements that are kept in the kernel's result until it is written over them (stash.ts). */
export interface Kept {
  readonly value: Value;
  /** The reduction that computes them all, row by row, before anything else asks. */
  readonly filler: Operation;
  readonly buffer: Value;
}

export class KernelValues {
  readonly nest: Nest;
  readonly kept: Kept | undefined;
  /** The reduction that computes what is kept is under way. */
  filling = false;
  /** Square blocks of what vectors read across are turned in registers. */
  turns = false;
  /** Vectors whose elements lie so far apart are shuffled out of whole ones. */
  gaps = 1;
  /** Tensors of which a part lies in memory of a workgroup, and where an element of the part is there. */
  readonly placed = new Map<Value, { readonly memory: Value; at(index: At): AffineExpr }>();
  /** What the rows of the tile read, if it has been gathered. */
  gathered: GatheredRows | undefined;
  /** Tensors that lie in memory. */
  readonly buffers: ReadonlyMap<Value, Value>;
  readonly #reduce: ReduceElements;
  readonly #ids = new Map<Value, number>();
  readonly #structures = new Map<Operation, Structure | undefined>();

  constructor(nest: Nest, buffers: ReadonlyMap<Value, Value>, reduce: ReduceElements, kept?: Kept) {
    this.nest = nest;
    this.kept = kept;
    this.buffers = buffers;
    this.#reduce = reduce;
  }

  structure(op: Operation): Structure | undefined {
    if (!this.#structures.has(op)) this.#structures.set(op, structureOf(op));
    return this.#structures.get(op);
  }

  key(value: Value, at: At, lanes: number): string {
    let id = this.#ids.get(value);
    if (id === undefined) {
      id = this.#ids.size;
      this.#ids.set(value, id);
    }
    let text = `${id}`;
    let wide = false;
    for (const e of at) {
      text += ` ${e.id}`;
      wide ||= e.hasSymbols;
    }
    return wide ? `${text} x${lanes}` : text;
  }

  resolve(at: At, lanes: number): At {
    return at.map((e) => this.nest.resolve(e, lanes));
  }

  /** The element; a vector if the lane occurs in its index, else a scalar. */
  read(value: Value, index: At, lanes: number): Value {
    if (!isShaped(value.type)) return this.#scalar(value);
    const at = this.resolve(index, lanes);
    const buffer = this.buffers.get(value);
    const key = this.key(value, at, lanes);
    const level = this.nest.levelOf(at);
    if (buffer) return this.nest.at(level, key, () => this.#load(buffer, at, lanes));
    const placed = this.placed.get(value);
    if (placed) return this.nest.at(level, key, () => this.#load(placed.memory, [placed.at(at)], lanes));
    const op = value.definingOp;
    invariant(op, "a tensor of a kernel is an argument in memory or computed by an op");
    const structure = this.structure(op);
    if (structure) {
      if (structure.loops.some((l) => l.kind === "reduction")) this.#reduce(this, op, structure, [at], lanes);
      return this.nest.at(level, key, () => {
        if (packsBytes(structure)) return this.#words(structure, at, lanes);
        if (this.kept?.value !== value) return this.#compute(op, structure, value.index, at, lanes);
        if (!this.filling) return this.#load(this.kept.buffer, at, lanes);
        const made = this.#compute(op, structure, value.index, at, lanes);
        this.store(this.kept.buffer, at, made, lanes);
        return made;
      });
    }
    const view = staticView(op);
    if (view) return this.read(view.source, view.at(at, lanes), lanes);
    const pad = staticPad(op);
    return this.nest.at(level, key, () => (pad ? this.#padded(pad, at, lanes) : this.#opaque(op)));
  }

  /** An element of a padded tensor: of the source where there is one, which is read nowhere else, or the value around it. */
  #padded({ source, value, low }: StaticPad, at: At, lanes: number): Value {
    const { shape, element } = source.type as TensorType;
    const inner = this.resolve(
      at.map((e, d) => add(e, constant(-low[d]!))),
      lanes,
    );
    const across = inner.some((e, d) => usesLane(e) && !this.nest.isWithin(e, shape[d]!, lanes));
    if (across) {
      const each = Array.from({ length: lanes }, (_, l) =>
        this.#padded(
          { source, value, low } as StaticPad,
          this.resolve(
            at.map((e) => substitute(e, [], [constant(l)])),
            1,
          ),
          1,
        ),
      );
      return vector.from_elements(this.nest.b, each, { types: [vectorType([lanes], element)] });
    }
    const outside = this.#scalar(value);
    if (inner.some((e, d) => this.nest.isWithout(e, shape[d]!, lanes))) return outside;
    let inside: Value | undefined;
    inner.forEach((e, d) => {
      if (this.nest.isWithin(e, shape[d]!, lanes)) return;
      const here = this.nest.at(this.nest.levelOf([e]), `inside ${shape[d]} ${e.id}`, () =>
        // Below zero is beyond the end of unsigned numbers.
        arith.cmpi(this.nest.b, this.nest.index(e), this.nest.constant(shape[d]!), { predicate: "ult" }),
      );
      inside = inside ? arith.andi(this.nest.b, inside, here) : here;
    });
    if (!inside) return this.read(source, inner, lanes);
    const wide = inner.some(usesLane);
    const filler = wide ? this.broadcast(outside, lanes) : outside;
    const [result] = scf.if(this.nest.b, inside, {
      types: [filler.type],
      thenRegion: (then) => {
        invariant(then.block, "a branch has a block");
        this.nest.enter(then.block, true);
        const found = this.read(source, inner, lanes);
        const whole = wide && found.type.kind !== "vector" ? this.broadcast(found, lanes) : found;
        this.nest.close();
        return [whole];
      },
      elseRegion: () => [filler],
    });
    return result!;
  }

  /** Computes the reductions that these elements need, all together, so that they share loops and loads. */
  prepare(value: Value, points: readonly At[], lanes: number): void {
    const op = value.definingOp;
    if (!op || this.buffers.has(value) || !isShaped(value.type)) return;
    const structure = this.structure(op);
    if (!structure) return;
    const resolved = points.map((p) => this.resolve(p, lanes));
    if (structure.loops.some((l) => l.kind === "reduction")) {
      // Points at different levels are computed apart: each at its own.
      const groups = new Map<number, At[]>();
      for (const p of dedupe(resolved)) {
        const depth = this.nest.levelOf(p).depth;
        groups.set(depth, [...(groups.get(depth) ?? []), p]);
      }
      for (const depth of [...groups.keys()].sort((a, b) => a - b))
        this.#reduce(this, op, structure, groups.get(depth)!, lanes);
      return;
    }
    const domains = resolved.map((p) => domainOf(structure, value.index, p));
    for (const input of structure.inputs) {
      if (isShaped(input.value.type)) {
        this.prepare(
          input.value,
          domains.map((d) => mapped(input, d)),
          lanes,
        );
      }
    }
  }

  /** The operands of a structured op's body at one point of its loops. Unused ones are left out. */
  operandsAt(structure: Structure, domain: At, lanes: number): (Value | undefined)[] {
    return structure.inputs.map((input) =>
      input.arg?.hasUses ? this.read(input.value, mapped(input, domain), lanes) : undefined,
    );
  }

  #compute(op: Operation, structure: Structure, result: number, at: At, lanes: number): Value {
    const domain = domainOf(structure, result, at);
    const args = this.operandsAt(structure, domain, lanes);
    // An elementwise op may read what its output held before (a fill does not).
    for (const out of structure.outputs) {
      args.push(out.arg?.hasUses ? this.read(out.value, mapped(out, domain), lanes) : undefined);
    }
    const answer = this.inline(structure.body, [{ args, domain }], lanes)[0]!;
    // The other results at this point of the loops have been computed along with it.
    structure.outputs.forEach((out, i) => {
      const value = answer[i];
      if (i === result || !value) return;
      const other = this.resolve(mapped(out, domain), lanes);
      this.nest.top.memo.set(this.key(op.result(i), other, lanes), value);
    });
    invariant(answer[result], `${op.name} yields its result`, op.loc);
    return answer[result];
  }

  /** Words of four bytes each, out of the memory that the bytes lie in. */
  #words(structure: Structure, at: At, lanes: number): Value {
    const { b } = this.nest;
    const whole = this.buffers.get(structure.inputs[0]!.value);
    const last = at.length - 1;
    const wide = at.some(usesLane);
    const inRow = !wide || at.map(laneStep).every((s, d) => s === (d === last ? 1 : 0));
    if (!whole || !inRow || !bytes.hasWords(whole.type as MemRefType))
      return this.#compute(structure.op, structure, 0, at, lanes);
    const first = at.map((e) => substitute(e, [], [constant(0)]));
    const { buffer, at: place } = this.#flattened(
      whole,
      this.resolve(
        first.map((e, d) => (d === last ? mul(e, constant(bytes.perWord)) : e)),
        1,
      ),
    );
    const word = bytes.load(
      b,
      buffer,
      place.map((e) => this.nest.index(e)),
      { types: [wide ? vectorType([lanes], i32) : i32] },
    );
    const [pack, ...rest] = structure.body;
    const map = new Map<Value, Value>([[pack!.result(), word]]);
    for (const op of rest) {
      if (op.def.isTerminator) continue;
      this.#inlineOp(op, map, at, lanes).forEach((v, n) => map.set(op.results[n]!, v));
    }
    return this.#inBody(map, structure.yields[0]!);
  }

  /** Elements of what is neither an argument nor a structured op. */
  #opaque(op: Operation): Value {
    const splat = arith.constant.match(op)?.value;
    if (splat?.kind === "dense" && splat.splat) {
      const type = elementOf(splat.type);
      const value = attributeOfDatum((datumOfAttribute(splat) as NDArray).getData(0), type);
      invariant(value, "an element of a constant is an attribute", op.loc);
      return this.nest.at(this.nest.levels[0]!, `splat ${attributeKey(value)}`, () =>
        arith.constant(this.nest.b, { value, types: [type] }),
      );
    }
    if (tensor.empty.is(op)) {
      // Undefined content: any value will do, and zero is one.
      const type = elementOf(op.result().type);
      return this.nest.at(this.nest.levels[0]!, `zero ${type.id}`, () => zero(this.nest, type));
    }
    throw fault("pass/failed", op.loc, `'${op.name}' cannot be computed element by element inside a kernel`);
  }

  /** A scalar from outside: an argument, or a constant of the old function. */
  #scalar(value: Value): Value {
    const op = value.definingOp;
    const known = this.buffers.get(value);
    if (known) return known;
    invariant(op?.def.isConstant, "scalars of a kernel are constants or arguments", value.location);
    const key = `scalar ${this.key(value, [], 1)}`;
    return this.nest.at(this.nest.levels[0]!, key, () => this.nest.b.insert(op.clone()).result());
  }

  #load(whole: Value, index: At, lanes: number): Value {
    const { b } = this.nest;
    const { buffer, at } = this.#flattened(whole, index);
    const type = buffer.type as MemRefType;
    if (!at.some(usesLane)) {
      return memref.load(
        b,
        buffer,
        at.map((e) => this.nest.index(e)),
      );
    }
    const first = at.map((e) => substitute(e, [], [constant(0)]));
    const steps = at.map(laneStep);
    if (steps.every((s) => s !== undefined)) {
      const { strides } = stridedOf(type)!;
      const step = steps.reduce<number>((sum, s, i) => sum + s! * strides[i]!, 0);
      if (step === 0)
        return memref.load(
          b,
          buffer,
          first.map((e) => this.nest.index(e)),
        );
      const last = steps.length - 1;
      if (step === 1 && steps[last] === 1 && steps.every((s, i) => i === last || s === 0)) {
        const type4 = vectorType([lanes], type.element);
        return vector.load(
          b,
          buffer,
          first.map((e) => this.nest.index(e)),
          { types: [type4] },
        );
      }
      if (step === 2 && this.gaps === 2 && steps[last] === 2 && strides[last] === 1 && lanes === 4)
        return everyOther(this.nest, buffer, first, (at) => this.key(buffer, at, 1));
    }
    const turned = this.turns
      ? turnedBlock(this.nest, { buffer, at, lanes }, (index) => this.key(buffer, index, lanes))
      : undefined;
    if (turned) return turned;
    const elements: Value[] = [];
    for (let l = 0; l < lanes; l++) {
      const one = at.map((e) => this.nest.resolve(substitute(e, [], [constant(l)]), 1));
      elements.push(
        memref.load(
          b,
          buffer,
          one.map((e) => this.nest.index(e)),
        ),
      );
    }
    return vector.from_elements(b, elements, { types: [vectorType([lanes], type.element)] });
  }

  /** Elements of a tensor in memory that follow each other, from one on, as a vector. */
  readRun(padded: Value, index: At, count: number): Value {
    const pad = padded.definingOp ? staticPad(padded.definingOp) : undefined;
    const source = pad && sourceOf(this.nest, pad, this.resolve(index, 1), 1);
    invariant(!source || (source.open.length === 0 && !source.isOutside), "runs of elements lie inside");
    const value = pad?.source ?? padded;
    const at = source?.at ?? this.resolve(index, 1);
    const whole = this.buffers.get(value);
    invariant(whole, "runs of elements are read from memory");
    return this.nest.at(this.nest.levelOf(at), `run of ${count} ${this.key(value, at, 1)}`, () => {
      const { buffer, at: place } = this.#flattened(whole, at);
      const types = [vectorType([count], elementOf(whole.type))];
      const { b } = this.nest;
      return vector.load(
        b,
        buffer,
        place.map((e) => this.nest.index(e)),
        { types },
      );
    });
  }

  /**
   * An index into merged dimensions, where the parts say the position in a row that dimensions make together: `[q floordiv
   * 4, q mod 4]` of rows of 4 is `[q]`. Elsewhere buffer and index as they are.
   */
  #flattened(buffer: Value, at: At): { readonly buffer: Value; readonly at: At } {
    const known = { buffer, at };
    const isPlain = (e: AffineExpr): boolean =>
      this.nest.linear(usesLane(e) ? substitute(e, [], [constant(0)]) : e) !== undefined;
    if (at.every(isPlain)) return known;
    const type = buffer.type as MemRefType;
    const { strides } = stridedOf(type)!;
    const groups: number[][] = [];
    const merged: AffineExpr[] = [];
    for (let d = 0; d < at.length; ) {
      let end = d + 1;
      let e = at[d]!;
      while (!isPlain(e) && end < at.length && strides[end - 1] === strides[end]! * type.shape[end]!) {
        e = joined(add(mul(e, constant(type.shape[end]!)), at[end]!));
        end++;
      }
      groups.push(Array.from({ length: end - d }, (_, i) => d + i));
      merged.push(e);
      d = end;
    }
    if (!merged.every(isPlain) || groups.length === at.length) return known;
    const key = `merged ${this.key(buffer, [], 1)} ${groups.map((g) => g.length).join(" ")}`;
    const view = this.nest.at(this.nest.levels[0]!, key, () =>
      memref.collapse_shape(this.nest.b, buffer, { reassociation: groups }),
    );
    return { buffer: view, at: merged };
  }

  store(whole: Value, index: At, value: Value, lanes: number): void {
    const { b } = this.nest;
    const { buffer, at } = this.#flattened(whole, index);
    if (!at.some(usesLane)) {
      memref.store(
        b,
        value,
        buffer,
        at.map((e) => this.nest.index(e)),
      );
      return;
    }
    const first = at.map((e) => substitute(e, [], [constant(0)]));
    const steps = at.map(laneStep);
    const { strides } = stridedOf(buffer.type as MemRefType)!;
    const wide = value.type.kind === "vector" ? value : this.broadcast(value, lanes);
    const last = steps.length - 1;
    if (steps.every((s, i) => s === (i === last ? 1 : 0)) && strides[last] === 1) {
      vector.store(
        b,
        wide,
        buffer,
        first.map((e) => this.nest.index(e)),
      );
      return;
    }
    for (let l = 0; l < lanes; l++) {
      const one = at.map((e) => this.nest.resolve(substitute(e, [], [constant(l)]), 1));
      const element = vector.extract(b, wide, [], { static_position: [l] });
      memref.store(
        b,
        element,
        buffer,
        one.map((e) => this.nest.index(e)),
      );
    }
  }

  /** A scalar in every lane; made where the scalar was made. */
  broadcast(value: Value, lanes: number): Value {
    const type = vectorType([lanes], value.type);
    const make = (): Value => vector.broadcast(this.nest.b, value, { types: [type] });
    const level = this.nest.levels.find((l) => l.block === value.block);
    return level ? this.nest.at(level, `broadcast ${this.key(value, [], lanes)} ${lanes}`, make) : make();
  }

  /**
   * The body of a structured op at several points at once. Ops are emitted one after the other, each for all points,
   * so that independent work stands together. A body op becomes a vector op as soon as an operand is a vector.
   */
  inline(
    body: Block,
    points: readonly { readonly args: readonly (Value | undefined)[]; readonly domain: At }[],
    lanes: number,
  ): Value[][] {
    const maps = points.map(({ args }) => {
      const map = new Map<Value, Value>();
      args.forEach((v, i) => {
        if (v) map.set(body.args[i]!, v);
      });
      return map;
    });
    for (const op of body) {
      if (op.def.isTerminator) continue;
      points.forEach((p, i) => {
        const made = this.#inlineOp(op, maps[i]!, p.domain, lanes);
        made.forEach((v, n) => maps[i]!.set(op.results[n]!, v));
      });
    }
    const end = body.terminator;
    invariant(end, "the body of a structured op ends with its results");
    return maps.map((map) => end.operands.map((v) => this.#inBody(map, v)));
  }

  /** A value used in a body: of the body itself, or a constant from outside. */
  #inBody(map: ReadonlyMap<Value, Value>, v: Value): Value {
    return map.get(v) ?? this.#scalar(v);
  }

  #inlineOp(op: Operation, map: Map<Value, Value>, domain: At, lanes: number): readonly Value[] {
    const { b } = this.nest;
    if (op.def.isConstant) return [this.#scalar(op.result())];
    const index = linalg.index.match(op);
    if (index) return [this.#indexValue(domain[index.dim]!, lanes)];
    const operands = op.operands.map((v) => (isShaped(v.type) ? v : this.#inBody(map, v)));
    const wide = operands.some((v) => v.type.kind === "vector");
    const gather = tensor.extract.match(op);
    if (gather || (wide && !op.def.has(Elementwise))) {
      const each = (l: number): readonly Value[] => {
        const scalars = operands.map((v) => this.#laneOf(v, l));
        if (gather) {
          const source = this.buffers.get(gather.tensor);
          if (!source) throw fault("pass/failed", op.loc, "an element is gathered from a tensor that is not in memory");
          return [memref.load(b, source, scalars.slice(1))];
        }
        return this.#cloneOp(
          op,
          scalars,
          op.results.map((r) => r.type),
        );
      };
      if (!wide) return each(0);
      const perLane = Array.from({ length: lanes }, (_, l) => each(l));
      return op.results.map((r, n) =>
        vector.from_elements(
          b,
          perLane.map((vs) => vs[n]!),
          { types: [vectorType([lanes], r.type)] },
        ),
      );
    }
    const types = op.results.map((r) => (wide ? vectorType([lanes], r.type) : r.type));
    return this.#cloneOp(
      op,
      wide ? operands.map((v) => (v.type.kind === "vector" ? v : this.broadcast(v, lanes))) : operands,
      types,
    );
  }

  #laneOf(v: Value, l: number): Value {
    if (v.type.kind !== "vector") return v;
    return vector.extract(this.nest.b, v, [], { static_position: [l] });
  }

  #cloneOp(op: Operation, operands: readonly Value[], types: readonly Type[]): readonly Value[] {
    return this.nest.b.insert(
      new Operation(op.def, {
        operands,
        props: op.props.slice(),
        resultTypes: types,
        attributes: op.attributes ? new Map(op.attributes) : null,
        operandSegments: op.operandSegments,
        loc: op.loc,
      }),
    ).results;
  }

  /** `linalg.index`: the loop's position, per lane where the vector lies along it. */
  #indexValue(e: AffineExpr, lanes: number): Value {
    const at = this.nest.resolve(e, lanes);
    if (!usesLane(at)) return this.nest.index(at);
    const each = Array.from({ length: lanes }, (_, l) =>
      this.nest.index(this.nest.resolve(substitute(at, [], [constant(l)]), 1)),
    );
    const type: VectorType = vectorType([lanes], each[0]!.type);
    return vector.from_elements(this.nest.b, each, { types: [type] });
  }
}

function dedupe(points: readonly At[]): At[] {
  const seen = new Map<string, At>();
  for (const p of points) seen.set(p.map((e) => e.id).join(" "), p);
  return [...seen.values()];
}

/** The point of an op's loops at which it makes an element of a result; reduction loops are left at 0. */
export function domainOf(structure: Structure, result: number, at: At): AffineExpr[] {
  const { map } = structure.outputs[result]!;
  const domain = structure.loops.map(() => constant(0));
  map.results.forEach((r, i) => {
    if (r.kind === "dim") domain[r.index] = at[i]!;
    else invariant(r.kind === "constant", "an output map of a kernel is a projected permutation");
  });
  return domain;
}

function zero(nest: Nest, type: Type): Value {
  const value =
    type.kind === "float"
      ? ({ kind: "float", value: 0, type } as const)
      : ({ kind: "integer", value: 0n, type } as const);
  return arith.constant(nest.b, { value, types: [type] });
}
