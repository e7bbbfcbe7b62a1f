/** @file Rules of operands: those that say nothing are dropped, equal ones merged, types made to say all that is known. */
import type { AffineMap } from "../../ir/affine.ts";
import type { Operation, Value } from "../../ir/core.ts";
import type { OpInfo, RuleLike } from "../../ir/define.ts";
import { isDynamic, type TensorType, type Type, tensor as tensorType } from "../../ir/types.ts";
import type { Rewriter } from "../../rewrite/rewriter.ts";
import { type Answer, type Rooted, rule } from "../../rewrite/rule.ts";
import { cast } from "../tensor/access.ts";
import { beforeCast } from "../tensor/rules-shape.ts";
import { genericOf } from "./builders.ts";
import { generic } from "./generic.ts";
import {
  isArray,
  loopsFromMaps,
  type Structure,
  type StructuredOperand,
  structured,
  structureOf,
} from "./structure.ts";

/** Every loop is as long as some dimension of these operands. */
function isBounded(s: Structure, operands: readonly StructuredOperand[]): boolean {
  const kinds = s.loops.map((l) => l.kind);
  const maps: AffineMap[] = operands.map((o) => o.map);
  return loopsFromMaps(kinds, maps, []).every((l) => l.source !== undefined);
}

/** The op without the inputs and outputs that are not kept; `instead` gives merged inputs' arguments another one's. */
function withOperands(
  s: Structure,
  inputs: readonly StructuredOperand[],
  outputs: readonly StructuredOperand[],
  instead: ReadonlyMap<Value, Value>,
  rw: Rewriter,
): readonly Value[] {
  const kept = [...inputs, ...outputs];
  const results = genericOf(rw, {
    iterators: s.loops.map((l) => l.kind),
    inputs: inputs.map((o) => [o.value, o.map] as const),
    outputs: outputs.map((o) => [o.value, o.map] as const),
    body(b, ...elements) {
      const map = new Map<Value, Value>();
      kept.forEach((o, i) => {
        map.set(o.arg!, elements[i]!);
      });
      for (const [from, to] of instead) map.set(from, map.get(to)!);
      for (const op of s.body) if (op !== s.body.last) b.insert(op.clone(map));
      return outputs.map((o) => {
        const v = s.yields[s.outputs.indexOf(o)]!;
        return map.get(v) ?? v;
      });
    },
    ...(s.op.attributes ? { extra: s.op.attributes } : {}),
  });
  if (s.op.results.length === 0) return [];
  const made = new Map(outputs.map((o, i) => [o, results[i]!]));
  // A result that is gone had no users: any value of its type stands for it.
  return s.outputs.map((o) => made.get(o) ?? o.value);
}

export const genericRules: readonly RuleLike[] = [
  rule(generic, "equal inputs once, and none that nobody reads", ({ op }, rw) => {
    const s = structureOf(op)!;
    const instead = new Map<Value, Value>();
    let inputs: StructuredOperand[] = [];
    for (const o of s.inputs) {
      const same = inputs.find((k) => k.value === o.value && k.map === o.map);
      if (same) instead.set(o.arg!, same.arg!);
      else inputs.push(o);
    }
    for (const o of inputs.slice()) {
      const read = o.arg!.hasUses || [...instead].some(([from, to]) => to === o.arg && from.hasUses);
      const rest = inputs.filter((k) => k !== o);
      if (!read && isBounded(s, [...rest, ...s.outputs])) inputs = rest;
    }
    if (inputs.length === s.inputs.length) return undefined;
    const kept = new Set(inputs.map((o) => o.arg!));
    for (const [from, to] of instead) if (!kept.has(to)) instead.delete(from);
    return withOperands(s, inputs, s.outputs, instead, rw);
  }),
  rule(generic, "no output whose result nobody uses", ({ op }, rw) => {
    const s = structureOf(op)!;
    if (s.form !== "tensor" || s.outputs.length < 2) return undefined;
    const outputs = s.outputs.filter((o, i) => {
      if (op.results[i]!.hasUses) return true;
      // The old element may be read only on the way to the new one, which nobody sees.
      return [...o.arg!.uses()].some((u) => u.owner !== s.body.last || u.index !== i);
    });
    if (outputs.length === s.outputs.length || outputs.length === 0) return undefined;
    return isBounded(s, [...s.inputs, ...outputs]) ? withOperands(s, s.inputs, outputs, new Map(), rw) : undefined;
  }),
  rule(generic, "a body that hands its elements on", ({ op }, rw) => identityOf(op, rw)),
];

/** What an op answers that copies elements to where they came from. */
export function identityOf(op: Operation, rw: Rewriter): Answer {
  const s = structureOf(op)!;
  if (s.body.first !== s.body.last || s.operands.some((o) => o.map !== s.operands[0]!.map)) return undefined;
  if (s.loops.some((l) => l.kind !== "parallel")) return undefined;
  const sources = s.yields.map((v) => s.operands.find((o) => o.arg === v));
  if (s.form !== "tensor") {
    const same = sources.every((o, i) => o?.value === s.outputs[i]!.value);
    return same && op.results.length === 0 ? [] : undefined;
  }
  const values: Value[] = [];
  for (const [i, source] of sources.entries()) {
    const type = op.results[i]!.type;
    if (!source || !isArray(source.value.type) || source.element !== (type as TensorType).element) return undefined;
    values.push(source.value.type === type ? source.value : cast(rw, source.value, { types: [type] }));
  }
  return values;
}

// --- rules of every structured op ---------------------------------------------------------------------------------

/** The op on other operands; results whose outputs changed are cast back. */
function retyped(op: Operation, operands: readonly Value[], rw: Rewriter): readonly Value[] {
  const inputs = structured.of(op)!.inputCount(op);
  const copy = op.clone();
  operands.forEach((v, i) => {
    copy.setOperand(i, v);
  });
  const outputs = operands.slice(inputs);
  copy.results.forEach((r, i) => {
    r.type = outputs[i]!.type;
  });
  rw.insert(copy);
  return copy.results.map((r, i) => {
    const { type } = op.results[i]!;
    return r.type === type ? r : cast(rw, r, { types: [type] });
  });
}

/** The type of an operand with the sizes that the loops tell. */
function knownType(s: Structure, { value, map }: StructuredOperand): Type {
  const t = value.type;
  if (t.kind !== "tensor" || !t.shape.some(isDynamic)) return t;
  const shape = t.shape.map((n, d) => {
    const e = map.results[d]!;
    return isDynamic(n) && e.kind === "dim" ? s.loops[e.index]!.extent : n;
  });
  return tensorType(shape, t.element, t.encoding);
}

/** The rules of one op that implements `structured`. */
export function structuredRules(def: OpInfo): RuleLike[] {
  const root = def as unknown as Rooted<{ readonly op: Operation }>;
  return [
    rule(root, "nothing is done on buffers without elements", ({ op }) => {
      const s = structureOf(op)!;
      return s.form === "memref" && s.operands.some((o) => o.shape.includes(0)) ? [] : undefined;
    }),
    rule(root, "what casts hide is seen", ({ op }, rw) => {
      if (structureOf(op)!.form !== "tensor") return undefined;
      const operands = op.operands.map((v) => beforeCast(v) ?? v);
      return operands.some((v, i) => v !== op.operand(i)) ? retyped(op, operands, rw) : undefined;
    }),
    rule(root, "sizes that one operand tells are known of all", ({ op }, rw) => {
      const s = structureOf(op)!;
      if (s.form !== "tensor") return undefined;
      const types = s.operands.map((o) => knownType(s, o));
      if (types.every((t, i) => t === op.operand(i).type)) return undefined;
      const operands = op.operands.map((v, i) => (v.type === types[i] ? v : cast(rw, v, { types: [types[i]!] })));
      return retyped(op, operands, rw);
    }),
  ];
}
