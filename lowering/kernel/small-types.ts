/**
 * @file Types narrower than a byte, and floats of a byte, for machines that have neither: one element a byte. Integers
 * are kept sign-extended, and what is left above their width is brought back; floats are their bits (their arithmetic has
 * been written out before, narrow-floats.ts).
 */
import * as arith from "../../dialects/arith/ops.ts";
import * as func from "../../dialects/func.ts";
import * as memref from "../../dialects/memref/index.ts";
import { Builder } from "../../ir/builder.ts";
import { Operation, type Value } from "../../ir/core.ts";
import { bitsOfElement } from "../../ir/datum.ts";
import type { OpInfo } from "../../ir/define.ts";
import { Elementwise } from "../../ir/traits.ts";
import {
  type Attribute,
  elementOf,
  functionType,
  type IntegerType,
  i8,
  integerAttribute,
  memref as memrefType,
  type Type,
  tensor,
} from "../../ir/types.ts";
import { definePass } from "../../rewrite/pass.ts";
import { fault } from "../../support/diagnostic.ts";

export const smallTypes = definePass("kernel-expand-small-types", {
  doc: "Keeps integers of 2 and 4 bits and floats of 4 and 8 bits in bytes, and writes arithmetic on them in 8 bits.",
  options: {},
  run(module) {
    let found = false;
    module.walk((op) => {
      found ||=
        op.uses.some((u) => isSmall(elementOf(u.value.type))) || op.results.some((r) => isSmall(elementOf(r.type)));
    });
    if (!found) return false;
    const ops: Operation[] = [];
    module.walk((op) => {
      ops.push(op);
    });
    for (const op of ops) if (isArithmetic(op)) computeInBytes(op);
    const kept = new Map<Value, Type>();
    const keep = (v: Value): void => {
      const type = stored(v.type);
      if (type === v.type) return;
      kept.set(v, v.type);
      v.type = type;
    };
    const rest: Operation[] = [];
    module.walk((op) => {
      op.results.forEach(keep);
      for (const region of op.regions) for (const block of region.blocks) block.args.forEach(keep);
      if (func.func.is(op)) setProp(op, "function_type", stored(func.func.of(op).function_type));
      if (memref.global.is(op)) storeGlobal(op);
      if (op.results.length === 1) rest.push(op);
    });
    const typeOf = (v: Value | undefined): Type | undefined => v && (kept.get(v) ?? v.type);
    const types = rest.map((op) => [typeOf(op.uses[0]?.value), typeOf(op.result())!] as const);
    rest.forEach((op, i) => {
      rewrite(op, ...types[i]!);
    });
    return true;
  },
});

const isSmallInteger = (t: Type): t is IntegerType => t.kind === "integer" && t.width > 1 && t.width < 8;
const isSmall = (t: Type): boolean => isSmallInteger(t) || (t.kind === "float" && t.width <= 8);

/** The type under which values of a type are kept. */
function stored(t: Type): Type {
  switch (t.kind) {
    case "integer":
    case "float":
      return isSmall(t) ? i8 : t;
    case "function":
      return functionType(t.inputs.map(stored), t.results.map(stored));
    case "memref":
      return t.ranked && isSmall(t.element) ? memrefType(t.shape, i8, t.layout, t.memorySpace) : t;
    case "vector":
      if (isSmall(t.element)) {
        throw fault("pass/failed", { kind: "unknown" }, "vectors of types narrower than a byte are not supported");
      }
      return t;
    default:
      return t;
  }
}

const setProp = (op: Operation, name: string, value: unknown): void => {
  op.props[op.def.attrIndex.get(name)!] = value as never;
};

/** Constants have one element a byte already: only the type changes. */
function storeGlobal(op: Operation): void {
  const { type, initial_value: value } = memref.global.of(op);
  const element = elementOf(type as Type);
  if (!isSmall(element)) return;
  setProp(op, "type", stored(type as Type));
  if (value?.kind === "dense" || value?.kind === "resource") {
    const { type: t } = value;
    setProp(op, "initial_value", { ...value, type: t.kind === "tensor" ? tensor(t.shape, i8) : stored(t) });
  }
}

// --- arithmetic ---------------------------------------------------------------------------------------------------

/** Between widths, and from bits to floats: these are rewritten themselves. */
const casts: ReadonlySet<OpInfo> = new Set<OpInfo>([arith.trunci, arith.extsi, arith.extui, arith.bitcast]);
/** Read their operands without sign. */
const unsigned: ReadonlySet<OpInfo> = new Set<OpInfo>([
  arith.divui,
  arith.remui,
  arith.shrui,
  arith.minui,
  arith.maxui,
  arith.uitofp,
  arith.index_castui,
]);

const isArithmetic = (op: Operation): boolean =>
  op.def.has(Elementwise) &&
  !casts.has(op.def) &&
  !arith.select.is(op) &&
  [...op.operands, ...op.results].some((v) => isSmallInteger(v.type));

/** The op on bytes, between conversions. */
function computeInBytes(op: Operation): void {
  const b = Builder.before(op);
  const bare = unsigned.has(op.def) || arith.cmpi.match(op)?.predicate.startsWith("u") === true;
  const widen = bare ? arith.extui : arith.extsi;
  const operands = op.operands.map((v) => (isSmallInteger(v.type) ? widen(b, v, { types: [i8] }) : v));
  const resultTypes = op.results.map((r) => (isSmallInteger(r.type) ? i8 : r.type));
  const made = b.insert(new Operation(op.def, { operands, props: op.props.slice(), resultTypes, loc: op.loc }));
  op.results.forEach((r, i) => {
    const v = made.result(i);
    r.replaceAllUsesWith(isSmallInteger(r.type) ? arith.trunci(b, v, { types: [r.type] }) : v);
  });
  op.erase();
}

// --- what moves and converts --------------------------------------------------------------------------------------

/** `from` and `to` are the types that the first operand and the result had before they became bytes. */
function rewrite(op: Operation, from: Type | undefined, to: Type): void {
  const result = op.result();
  if (op.def.isConstant) {
    if (isSmall(to)) storeConstant(op, to);
  } else if (memref.load.is(op)) {
    // Whoever has written the byte may have left anything above the width.
    if (isSmallInteger(to)) wrapLoaded(result, to);
  } else if (casts.has(op.def) && from && (isSmall(from) || isSmall(to))) {
    const b = Builder.before(op);
    result.replaceAllUsesWith(converted(b, op, from, to));
    op.erase();
  }
}

/** What a cast gives. */
function converted(b: Builder, op: Operation, from: Type, to: Type): Value {
  const x = op.operand(0);
  const types = { types: [stored(to)] };
  if (arith.bitcast.is(op)) {
    if (widthOf(to) === 8) return x;
    return isSmallInteger(to) ? wrapped(b, x, to.width) : masked(b, x, widthOf(to));
  }
  if (arith.trunci.is(op)) {
    const byte = x.type === i8 ? x : arith.trunci(b, x, types);
    return isSmallInteger(to) ? wrapped(b, byte, to.width) : byte;
  }
  const wide = arith.extui.is(op) ? masked(b, x, widthOf(from)) : x;
  const same = wide.type === types.types[0];
  return same ? wide : arith.extui.is(op) ? arith.extui(b, wide, types) : arith.extsi(b, wide, types);
}

const widthOf = (t: Type): number => (t as IntegerType).width;

/** The low bits of a byte, with their sign. */
function wrapped(b: Builder, v: Value, width: number): Value {
  const by = arith.constantInteger(b, 8 - width, i8);
  return arith.shrsi(b, arith.shli(b, v, by), by);
}

/** The low bits of a byte, without sign. */
const masked = (b: Builder, v: Value, width: number): Value =>
  arith.andi(b, v, arith.constantInteger(b, 2 ** width - 1, i8));

function wrapLoaded(loaded: Value, type: IntegerType): void {
  const uses = [...loaded.uses()];
  const value = wrapped(Builder.after(loaded.definingOp!), loaded, type.width);
  for (const u of uses) u.owner.setOperand(u.index, value);
}

/** A scalar constant as a byte: integers with their sign, bits of floats. */
function storeConstant(op: Operation, type: Type): void {
  const { value } = arith.constant.of(op).value as Attribute & { readonly value: number | bigint };
  const byte =
    type.kind === "integer" ? BigInt.asIntN(type.width, BigInt(value)) : BigInt.asIntN(8, bitsOfElement(type, value));
  setProp(op, "value", integerAttribute(byte, i8));
}
