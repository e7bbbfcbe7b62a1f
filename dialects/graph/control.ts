/**
 * @file Control flow on tensors: if, loop, scan. Regions see the values around them. In lower words they are scf, whose
 * loops carry the tensors that scans fill slice by slice.
 */
import { attr } from "../../ir/attributes.ts";
import type { Builder } from "../../ir/builder.ts";
import { Block, Region, type Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { many, one, optional } from "../../ir/fields.ts";
import { typeText } from "../../ir/spell.ts";
import { type Fail, Pure, RecursiveEffects, ReturnLike, SingleBlock, Terminator } from "../../ir/traits.ts";
import {
  dynamic,
  hasStaticShape,
  i1,
  i64,
  index,
  isDynamic,
  type TensorType,
  type Type,
  tensor,
} from "../../ir/types.ts";
import { NDArray } from "../../support/ndarray.ts";
import * as arith from "../arith/ops.ts";
import { fill } from "../linalg/ops.ts";
import * as scf from "../scf/ops.ts";
import * as tensors from "../tensor/ops.ts";
import { empty } from "./expand.ts";
import { AnyTensor, BoolTensor, dtype, IntegerTensor, type Shape, shapeText, type TensorValue } from "./op.ts";

const yield_ = defineOp("graph.yield", {
  doc: "Ends a region: what it hands over.",
  operands: [many("values", AnyTensor)],
  traits: [Pure, Terminator, ReturnLike],
  evaluate: ({ values }) => values,
});

export { yield_ as yield };

/** What a region hands over. */
export const yielded = (region: Region): readonly TensorValue[] =>
  (region.blocks[0]?.last?.operands ?? []) as unknown as readonly TensorValue[];

/** Copies the ops of a region to where a builder stands: what the region hands over. */
function inlined(b: Builder, region: Region, args: readonly Value[]): readonly Value[] {
  const { entry } = region;
  const map = new Map<Value, Value>(entry.args.map((a, i) => [a, args[i]!]));
  for (const op of entry) {
    if (op === entry.last) break;
    b.insert(op.clone(map));
  }
  return entry.last!.operands.map((v) => map.get(v) ?? v);
}

/** The one element of a tensor. */
const elementOf = (b: Builder, x: Value): Value =>
  tensors.extract(
    b,
    x,
    (x.type as TensorType).shape.map(() => arith.constantIndex(b, 0)),
  );

/** A tensor of one scalar. */
const tensorOf = (b: Builder, v: Value): Value => fill(b, [v], [empty(b, tensor([], v.type))])[0]!;

function verifyTypes(what: string, given: readonly Type[], wanted: readonly Type[], fail: Fail): void {
  if (given.length !== wanted.length) {
    fail(`${what} are ${given.length}, must be ${wanted.length}`, { code: "verify/region" });
    return;
  }
  const at = given.findIndex((t, i) => !fits(t as TensorType, wanted[i] as TensorType));
  if (at >= 0) {
    const [is, must] = [typeText(given[at]!), typeText(wanted[at]!)];
    fail(`${what}: number ${at} is a ${is}, must be a ${must}`, { code: "verify/region" });
  }
}

/** Same elements and, where both are known, same sizes. */
const fits = (a: TensorType, b: TensorType): boolean =>
  a.element === b.element &&
  a.shape.length === b.shape.length &&
  a.shape.every((d, i) => d === b.shape[i] || isDynamic(d) || isDynamic(b.shape[i]!));

const typesOf = (values: readonly Value[]): Type[] => values.map((v) => v.type);
const allStatic = (values: readonly Value[]): boolean => values.every((v) => hasStaticShape(v.type as TensorType));

const if_ = defineOp("graph.if", {
  doc: "What one of two regions hands over (ONNX If).",
  operands: [one("condition", BoolTensor)],
  results: [many("results", AnyTensor)],
  regions: ["thenRegion", "elseRegion"],
  traits: [SingleBlock, RecursiveEffects],
  terminator: () => yield_,
  verify({ results, thenRegion, elseRegion }, fail) {
    for (const r of [thenRegion, elseRegion])
      verifyTypes("values of a branch", typesOf(yielded(r)), typesOf(results), fail);
  },
  evaluate: ({ condition, thenRegion, elseRegion }, run) =>
    run.call(condition.values()[0] ? thenRegion : elseRegion, []),
  expand({ condition, results, thenRegion, elseRegion }, b) {
    return scf.if(b, elementOf(b, condition), {
      types: typesOf(results),
      thenRegion: (inner) => inlined(inner, thenRegion, []),
      elseRegion: (inner) => inlined(inner, elseRegion, []),
    });
  },
});

export { if_ as if };

// --- loop -----------------------------------------------------------------------------------------------------------

export const loop = defineOp("graph.loop", {
  doc:
    "Runs its body as often as the trip count says and as long as the condition holds (ONNX Loop). The body is given the " +
    "number of the turn, the condition and the carried values; it hands over the next condition, the next carried values, and " +
    "a part of each scan output. `trip` is a trip count known at compile time; a steady loop has no condition to end it.",
  operands: [optional("trip_count", IntegerTensor), optional("condition", BoolTensor), many("inits", AnyTensor)],
  attrs: { trip: attr.int.optional(), steady: attr.bool.default(false) },
  results: [many("results", AnyTensor)],
  regions: ["body"],
  traits: [SingleBlock, RecursiveEffects],
  terminator: () => yield_,
  enter: ({ inits }) => ({ body: [tensor([], i64), tensor([], i1), ...typesOf(inits)] }),
  verify({ inits, results, body, trip, steady }, fail) {
    const [, ...values] = yielded(body);
    const carried = inits.length;
    verifyTypes("carried values of the body", typesOf(values.slice(0, carried)), typesOf(inits), fail);
    const stacked = values
      .slice(carried)
      .map((v) => stackedType(v.type, 0, steady && trip !== undefined ? trip : dynamic));
    verifyTypes("results", typesOf(results), [...typesOf(inits), ...stacked], fail);
  },
  evaluate({ trip_count, condition, inits, body, trip }, run) {
    const limit = trip ?? (trip_count ? Number(trip_count.values()[0]) : Number.POSITIVE_INFINITY);
    let go: unknown = condition ? condition.values()[0] : 1;
    let carried = inits;
    const parts: NDArray[][] = run.op.results.slice(inits.length).map(() => []);
    for (let i = 0; go && i < limit; i++) {
      const flag = NDArray.from("i1", [], [1]);
      const [next, ...values] = run.call(body, [NDArray.from("i64", [], [BigInt(i)]), flag, ...carried]) as NDArray[];
      go = next!.values()[0];
      carried = values.slice(0, inits.length);
      parts.forEach((p, n) => void p.push(values[inits.length + n]!));
    }
    return [...carried, ...parts.map((p, n) => stack(p, 0, run.resultType(inits.length + n) as TensorType))];
  },
  expand({ trip_count, condition, inits, results, body, trip, steady }, b) {
    if (!allStatic(results)) return undefined;
    if (steady && trip !== undefined) {
      return counted(b, trip, inits, results.slice(inits.length), (inner, i, carried) => {
        const number = tensorOf(inner, arith.index_cast(inner, i, { types: [i64] }));
        const [, ...values] = inlined(inner, body, [number, tensorOf(inner, truth(inner)), ...carried]);
        return values.map((v, n) => ({ value: v, at: n < inits.length ? undefined : i, axis: 0 }));
      });
    }
    // How often the parts of scan outputs are made is known only at run time.
    if (results.length > inits.length) return undefined;
    const limit =
      trip !== undefined
        ? arith.constantIndex(b, trip)
        : trip_count && arith.index_cast(b, elementOf(b, trip_count), { types: [index] });
    const start = condition ? elementOf(b, condition) : truth(b);
    return whileLoop(b, limit, start, inits, body);
  },
});

const truth = (b: Builder): Value => arith.constantInteger(b, 1, i1);

/** The type of parts laid side by side along a new dimension. */
function stackedType(part: TensorType, axis: number, count: number): TensorType {
  return tensor([...part.shape.slice(0, axis), count, ...part.shape.slice(axis)], part.element);
}

/** Parts laid side by side along a new dimension; where there are none, as the type says. */
function stack(parts: readonly NDArray[], axis: number, type: TensorType): NDArray {
  const shape = parts[0]?.shape ?? type.shape.filter((_, i) => i !== axis).map((d) => (isDynamic(d) ? 0 : d));
  const sizes = [...shape.slice(0, axis), parts.length, ...shape.slice(axis)];
  const made = NDArray.zeros(dtype(type.element), sizes);
  parts.forEach((p, i) => void partAt(made, axis, i).assign(p));
  return made;
}

/** The view of one place along a dimension, without the dimension. */
function partAt(x: NDArray, axis: number, at: number): NDArray {
  const without = <T>(list: readonly T[]): T[] => list.filter((_, i) => i !== axis);
  return new NDArray(x.dtype, without(x.shape), x.data, without(x.strides), x.offset + at * x.strides[axis]!);
}

interface Part {
  readonly value: Value;
  /** Where along the axis of a scan output it belongs; nowhere for what is carried. */
  readonly at: Value | undefined;
  readonly axis: number;
}

/** A loop of known length: carries values, and scan outputs that are filled slice by slice. */
function counted(
  b: Builder,
  trip: number,
  inits: readonly Value[],
  outputs: readonly TensorValue[],
  turn: (b: Builder, i: Value, carried: readonly Value[]) => readonly Part[],
): readonly Value[] {
  const starts = [...inits, ...outputs.map((v) => empty(b, v.type))];
  const [from, to, step] = [0, trip, 1].map((n) => arith.constantIndex(b, n));
  return scf.for(b, from!, to!, step!, starts, {
    region: (inner, i, ...carried) =>
      turn(inner, i!, carried.slice(0, inits.length)).map(({ value, at, axis }, n) =>
        at ? inserted(inner, value as TensorValue, carried[n] as TensorValue, axis, at) : value,
      ),
  });
}

/** Offsets, sizes and strides of one place along a dimension. */
function placeAt(shape: Shape, axis: number) {
  return {
    static_offsets: shape.map((_, i) => (i === axis ? dynamic : 0)),
    static_sizes: shape.map((d, i) => (i === axis ? 1 : d)),
    static_strides: shape.map(() => 1),
  };
}

const inserted = (b: Builder, part: TensorValue, into: TensorValue, axis: number, at: Value): Value =>
  tensors.insert_slice(b, part, into, [at], [], [], placeAt(into.type.shape, axis));

const extracted = (b: Builder, x: TensorValue, axis: number, at: Value): Value =>
  tensors.extract_slice(b, x, [at], [], [], {
    ...placeAt(x.type.shape, axis),
    types: [partType(x.type, axis)],
  });

/** A loop that its body may end. */
function whileLoop(
  b: Builder,
  limit: Value | undefined,
  start: Value,
  inits: readonly Value[],
  body: Region,
): readonly Value[] {
  const types = [index, i1, ...typesOf(inits)];
  const results = scf.while(b, [arith.constantIndex(b, 0), start, ...inits], {
    types,
    before: blockRegion(b, types, (inner, i, go, ...carried) => {
      const inside = limit && arith.cmpi(inner, i!, limit, { predicate: "slt" });
      scf.condition(inner, inside ? arith.andi(inner, inside, go!) : go!, [i!, go!, ...carried]);
    }),
    after: blockRegion(b, types, (inner, i, go, ...carried) => {
      const number = tensorOf(inner, arith.index_cast(inner, i!, { types: [i64] }));
      const [next, ...values] = inlined(inner, body, [number, tensorOf(inner, go!), ...carried]);
      const following = arith.addi(inner, i!, arith.constantIndex(inner, 1));
      scf.yield(inner, [following, elementOf(inner, next!), ...values]);
    }),
  });
  return results.slice(2);
}

function blockRegion(b: Builder, types: readonly Type[], fillIn: (b: Builder, ...args: Value[]) => void): Region {
  const block = new Block(types);
  fillIn(b.inside(block), ...block.args);
  return new Region([block]);
}

// --- scan -----------------------------------------------------------------------------------------------------------

export const scan = defineOp("graph.scan", {
  doc:
    "Runs its body for every place along an axis of the inputs (ONNX Scan). The body is given the states and a slice of each " +
    "input, without the axis; it hands over the next states and a part of each scan output. Flags say what runs backwards.",
  operands: [many("inits", AnyTensor), many("inputs", AnyTensor)],
  attrs: {
    input_axes: attr.ints,
    input_reverse: attr.bools,
    output_axes: attr.ints,
    output_reverse: attr.bools,
  },
  results: [many("results", AnyTensor)],
  regions: ["body"],
  traits: [SingleBlock, RecursiveEffects],
  terminator: () => yield_,
  enter: ({ inits, inputs, input_axes }) => ({
    body: [...typesOf(inits), ...inputs.map((v, i) => partType(v.type, input_axes[i]!))],
  }),
  verify(view, fail) {
    const { inits, inputs, results, body, input_axes, output_axes } = view;
    const outputs = results.length - inits.length;
    if (input_axes.length !== inputs.length || view.input_reverse.length !== inputs.length) {
      fail(`'input_axes' and 'input_reverse' need ${inputs.length} entries each`);
    } else if (output_axes.length !== outputs || view.output_reverse.length !== outputs) {
      fail(`'output_axes' and 'output_reverse' need ${outputs} entries each`);
    } else {
      const away = inputs.find((v, i) => v.type.shape[input_axes[i]!] !== trips(inputs, input_axes));
      if (away) fail(`an input of ${shapeText(away.type.shape)} has not ${trips(inputs, input_axes)} slices`);
      const values = yielded(body);
      const parts = values.slice(inits.length);
      const stacked = parts.map((v, i) => stackedType(v.type, output_axes[i] ?? 0, trips(inputs, input_axes)));
      verifyTypes("states of the body", typesOf(values.slice(0, inits.length)), typesOf(inits), fail);
      verifyTypes("results", typesOf(results), [...typesOf(inits), ...stacked], fail);
    }
  },
  evaluate({ inits, inputs, body, input_axes, input_reverse, output_axes, output_reverse }, run) {
    const count = inputs[0]?.shape[input_axes[0]!] ?? 0;
    let states = inits;
    const parts: NDArray[][] = output_axes.map(() => []);
    for (let n = 0; n < count; n++) {
      const slices = inputs.map((x, i) => partAt(x, input_axes[i]!, input_reverse[i] ? count - 1 - n : n));
      const values = run.call(body, [...states, ...slices]) as NDArray[];
      states = values.slice(0, inits.length);
      parts.forEach((p, i) => void p.push(values[inits.length + i]!));
    }
    const outputs = parts.map((p, i) =>
      stack(output_reverse[i] ? p.reverse() : p, output_axes[i]!, run.resultType(inits.length + i) as TensorType),
    );
    return [...states, ...outputs];
  },
  expand({ inits, inputs, results, body, input_axes, input_reverse, output_axes, output_reverse }, b) {
    if (!allStatic([...inputs, ...results])) return undefined;
    const count = trips(inputs, input_axes);
    return counted(b, count, inits, results.slice(inits.length), (inner, i, states) => {
      const backwards = (flags: readonly boolean[]): Value | undefined =>
        flags.includes(true) ? arith.subi(inner, arith.constantIndex(inner, count - 1), i) : undefined;
      const [readBack, writeBack] = [backwards(input_reverse), backwards(output_reverse)];
      const slices = inputs.map((x, n) => extracted(inner, x, input_axes[n]!, input_reverse[n] ? readBack! : i));
      return inlined(inner, body, [...states, ...slices]).map((value, n) => {
        const o = n - inits.length;
        if (o < 0) return { value, at: undefined, axis: 0 };
        return { value, at: output_reverse[o] ? writeBack! : i, axis: output_axes[o]! };
      });
    });
  },
});

/** How many slices the inputs have. */
const trips = (inputs: readonly TensorValue[], axes: readonly number[]): number => inputs[0]?.type.shape[axes[0]!] ?? 0;

/** The type of a slice along an axis, without it. */
export const partType = (t: TensorType, axis: number): TensorType =>
  tensor(
    t.shape.filter((_, i) => i !== axis),
    t.element,
  );
