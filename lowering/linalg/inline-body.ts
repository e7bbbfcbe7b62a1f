/** @file One structured op's body inside of another's: the step that fusion repeats. */
import { addMixed, asValue, type Mixed, mulMixed } from "../../dialects/arith/mixed.ts";
import { constant } from "../../dialects/arith/ops.ts";
import { memoizedMaps } from "../../dialects/linalg/asm.ts";
import { type Access, genericOf } from "../../dialects/linalg/builders.ts";
import { index } from "../../dialects/linalg/generic.ts";
import {
  loopIndex,
  loopsFromMaps,
  type Structure,
  type StructuredOperand,
  structureOf,
} from "../../dialects/linalg/structure.ts";
import { type AffineExpr, type AffineMap, affineMap, isPermutation, linear, substitute } from "../../ir/affine.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Block, Operation, Value } from "../../ir/core.ts";
import { arrayOfDense, attributeOfDatum } from "../../ir/datum.ts";
import { isEffectFree } from "../../ir/effects.ts";
import type { Attribute } from "../../ir/types.ts";
import { constantOf } from "../../rewrite/constants.ts";

/** An operand of the op that is being made, and the arguments of the old bodies that it stands for. */
interface Source {
  readonly access: Access;
  readonly args: (Value | undefined)[];
}

/** The producer's result can be computed where the consumer's body asks for it. */
export function canInline(producer: Structure, consumer: Structure, input: StructuredOperand): boolean {
  const result = producer.outputs[input.value.index];
  if (!result || producer.form !== "tensor" || !isPermutation(result.map)) return false;
  if (producer.loops.some((l) => l.kind !== "parallel")) return false;
  const turns = turnsOf(result.map, input.map);
  for (const op of producer.body) {
    if (op.def.isTerminator) continue;
    if (!isEffectFree(op)) return false;
    const loop = loopIndex.of(op)?.loop(op);
    if (loop !== undefined && !linear(turns[loop]!, consumer.loops.length)) return false;
  }
  const sources = sourcesOf(producer, consumer, input);
  return isBounded(consumer, sources);
}

/** The producer's loop counters as expressions over the consumer's. */
function turnsOf(result: AffineMap, read: AffineMap): AffineExpr[] {
  const turns: AffineExpr[] = [];
  result.results.forEach((e, d) => {
    if (e.kind === "dim") turns[e.index] = read.results[d]!;
  });
  return turns;
}

/** The inputs of the op that replaces the consumer; equal accesses once. */
function sourcesOf(producer: Structure, consumer: Structure, input: StructuredOperand): Source[] {
  const turns = turnsOf(producer.outputs[input.value.index]!.map, input.map);
  const sources: Source[] = [];
  const add = (value: Value, map: AffineMap, arg: Value | undefined): void => {
    const same = sources.find((s) => s.access[0] === value && s.access[1] === map);
    if (same) same.args.push(arg);
    else sources.push({ access: [value, map], args: [arg] });
  };
  const seen = [...producer.inputs, ...producer.outputs.filter((o) => o.arg?.hasUses)];
  for (const o of consumer.inputs) {
    if (o !== input) {
      add(o.value, o.map, o.arg);
      continue;
    }
    for (const p of seen) {
      const map = affineMap(
        consumer.loops.length,
        0,
        p.map.results.map((e) => substitute(e, turns)),
      );
      add(p.value, map, p.arg);
    }
  }
  return sources;
}

/** Every loop is still as long as some operand's dimension. */
function isBounded(consumer: Structure, sources: readonly Source[]): boolean {
  const maps = [...sources.map((s) => s.access[1] as AffineMap), ...consumer.outputs.map((o) => o.map)];
  const kinds = consumer.loops.map((l) => l.kind);
  return loopsFromMaps(kinds, maps, []).every((l) => l.source !== undefined);
}

/** Builds the consumer with the producer of one of its inputs in its body; answers the results. */
export function inlineProducer(consumer: Structure, input: StructuredOperand, b: Builder): readonly Value[] {
  const producer = structureOf(input.value.definingOp!)!;
  const turns = turnsOf(producer.outputs[input.value.index]!.map, input.map);
  return rebuild(consumer, sourcesOf(producer, consumer, input), b, (inner, map) => {
    copyBody(producer.body, inner, map, (loop) => turnValue(inner, turns[loop]!, consumer.loops.length));
    const made = producer.yields[input.value.index]!;
    map.set(input.arg!, map.get(made) ?? made);
  });
}

/** Builds the op with its constant scalars and splats in its body; undefined if it has none. */
export function inlineConstants(consumer: Structure, b: Builder): readonly Value[] | undefined {
  const known = new Map<StructuredOperand, Attribute>();
  for (const o of consumer.inputs) {
    const value = o.arg && scalarConstant(o);
    if (value) known.set(o, value);
  }
  if (known.size === 0) return undefined;
  const sources = consumer.inputs
    .filter((o) => !known.has(o))
    .map((o): Source => ({ access: [o.value, o.map], args: [o.arg] }));
  if (!isBounded(consumer, sources)) return undefined;
  return rebuild(consumer, sources, b, (inner, map) => {
    for (const [o, value] of known) map.set(o.arg!, constant(inner, { value }));
  });
}

/** The number that an operand is everywhere. */
function scalarConstant({ value, element }: StructuredOperand): Attribute | undefined {
  const a = constantOf(value);
  if (a?.kind !== "dense") return value.type === element ? a : undefined;
  const first = a.splat ? arrayOfDense(a)?.getData(0) : undefined;
  return first === undefined ? undefined : attributeOfDatum(first, element);
}

/** The consumer over other inputs. `prepare` fills in the values of the old arguments that are no inputs any more. */
function rebuild(
  consumer: Structure,
  sources: readonly Source[],
  b: Builder,
  prepare: (inner: Builder, map: Map<Value, Value>) => void,
): readonly Value[] {
  const { op } = consumer;
  const extra = new Map(op.attributes ?? []);
  extra.delete(memoizedMaps);
  const results = genericOf(b, {
    iterators: consumer.loops.map((l) => l.kind),
    inputs: sources.map((s) => s.access),
    outputs: consumer.outputs.map((o) => [o.value, o.map] as const),
    body(inner, ...elements) {
      const map = new Map<Value, Value>();
      sources.forEach((s, i) => {
        for (const arg of s.args) if (arg) map.set(arg, elements[i]!);
      });
      consumer.outputs.forEach((o, i) => {
        if (o.arg) map.set(o.arg, elements[sources.length + i]!);
      });
      prepare(inner, map);
      copyBody(consumer.body, inner, map);
      return consumer.yields.map((v) => map.get(v) ?? v);
    },
    ...(extra.size > 0 ? { extra } : {}),
  });
  dropDead(results[0]!.definingOp!.region().entry);
  return results;
}

/** Copies the ops of a body but its terminator; `turn` says what a loop counter is, where it is something else. */
function copyBody(body: Block, b: Builder, map: Map<Value, Value>, turn?: (loop: number) => Value): void {
  for (const op of body) {
    if (op === body.last) break;
    const loop = turn && loopIndex.of(op)?.loop(op);
    if (turn && loop !== undefined) map.set(op.result(), turn(loop));
    else b.insert(op.clone(map));
  }
}

/** A linear expression over loop counters as an index value. */
function turnValue(b: Builder, e: AffineExpr, loops: number): Value {
  const { factors, offset } = linear(e, loops)!;
  let sum: Mixed = offset;
  factors.forEach((f, dim) => {
    if (f !== 0) sum = addMixed(b, sum, mulMixed(b, index(b, { dim }), f));
  });
  return asValue(b, sum);
}

function dropDead(block: Block): void {
  for (let op: Operation | null = block.last?.prev ?? null; op; ) {
    const prev: Operation | null = op.prev;
    if (op.isUnused && isEffectFree(op)) op.erase();
    op = prev;
  }
}
