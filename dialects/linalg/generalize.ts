/** @file Named ops said as linalg.generic, and generic contractions said by their names. */
import type { AffineMap } from "../../ir/affine.ts";
import { Builder } from "../../ir/builder.ts";
import { type Block, type Operation, Region, type Value } from "../../ir/core.ts";
import type { AttrField } from "../../ir/define.ts";
import { type Attribute, attributeKey } from "../../ir/types.ts";
import { memoizedMaps } from "./asm.ts";
import { generic } from "./generic.ts";
import * as matmuls from "./matmul.ts";
import { type CastFunction, castFunctions, NoSuchFunction } from "./scalar-ops.ts";
import { type Structure, structureOf } from "./structure.ts";

/**
 * Builds the linalg.generic that means the same as a structured op and answers its results; undefined if the op is not
 * structured or generic already. The op itself is left as it is.
 */
export function generalize(op: Operation, b: Builder): readonly Value[] | undefined {
  const s = structureOf(op);
  if (!s || generic.is(op)) return undefined;
  const region = new Region();
  const map = new Map<Value, Value>();
  const blocks = new Map<Block, Block>();
  const copy = op.region().cloneEmpty(map, blocks);
  op.region().cloneInto(copy, map, blocks);
  region.takeBlocks(copy);
  // A body that does not see the outputs' elements gets arguments for them.
  for (const o of s.outputs) if (!o.arg) region.entry.addArgument(o.element);
  const extra = discardable(op);
  return generic(
    b,
    s.inputs.map((o) => o.value),
    s.outputs.map((o) => o.value),
    {
      indexing_maps: s.operands.map((o) => o.map),
      iterator_types: s.loops.map((l) => l.kind),
      region,
      types: op.results.map((r) => r.type),
      ...(extra ? { extra } : {}),
    },
  );
}

function discardable(op: Operation): Map<string, Attribute> | undefined {
  if (!op.attributes) return undefined;
  const kept = new Map(op.attributes);
  kept.delete(memoizedMaps);
  return kept.size > 0 ? kept : undefined;
}

type Product = typeof matmuls.matmul | typeof matmuls.dot;

const signature = (iterators: readonly string[], maps: readonly AffineMap[]): string =>
  `${iterators.join(" ")}; ${maps.map((m) => m.text).join("; ")}`;

let productsBySignature: ReadonlyMap<string, Product> | undefined;

/** Named products by their loops and accesses. */
function namedProducts(): ReadonlyMap<string, Product> {
  productsBySignature ??= new Map(
    Object.values(matmuls).map((def) => [
      signature(def.nest!.iterators, def.nest!.maps(undefined, undefined)),
      def as Product,
    ]),
  );
  return productsBySignature;
}

/**
 * Builds the named product that a linalg.generic is, loop by loop and op by op of its body, and answers its results;
 * undefined if there is none.
 */
export function specialize(op: Operation, b: Builder): readonly Value[] | undefined {
  const s = generic.is(op) ? structureOf(op) : undefined;
  if (!s) return undefined;
  const def = namedProducts().get(
    signature(
      s.loops.map((l) => l.kind),
      s.operands.map((o) => o.map),
    ),
  );
  if (!def) return undefined;
  const values = s.operands.map((o) => o.value);
  const casts = def.attrIndex.has("cast") ? castFunctions : castFunctions.slice(0, 1);
  const cast = casts.find((fn) => isBody(def, fn, s));
  if (!cast) return undefined;
  const inputs = values.slice(0, s.inputs.length);
  const outputs = values.slice(s.inputs.length);
  const rest = { types: op.results.map((r) => r.type), ...(op.attributes ? { extra: op.attributes } : {}) };
  return cast === "cast_unsigned"
    ? (def as typeof matmuls.matmul)(b, inputs, outputs, { ...rest, cast })
    : (def as typeof matmuls.dot)(b, inputs, outputs, rest);
}

function isBody(def: Product, cast: CastFunction, s: Structure): boolean {
  try {
    const made = def.bodyFor(
      new Builder(),
      s.operands.map((o) => o.value),
      cast,
    );
    return sameBody(made.entry, s.body);
  } catch (e) {
    if (e instanceof NoSuchFunction) return false;
    throw e;
  }
}

/** Two bodies of one block are the same op by op. */
function sameBody(a: Block, b: Block): boolean {
  const map = new Map<Value, Value>();
  if (a.args.length !== b.args.length) return false;
  a.args.forEach((v, i) => {
    map.set(v, b.args[i]!);
  });
  let other = b.first;
  for (let op = a.first; op; op = op.next, other = other.next) {
    if (!other || op.def !== other.def || op.uses.length !== other.uses.length || op.regions.length > 0) return false;
    const same =
      op.uses.every((u, i) => (map.get(u.value) ?? u.value) === other!.uses[i]!.value) &&
      op.results.every((r, i) => r.type === other!.results[i]?.type) &&
      op.def.attrFields.every((f, i) => propKey(f, op.props[i]) === propKey(f, other!.props[i]));
    if (!same) return false;
    op.results.forEach((r, i) => {
      map.set(r, other!.results[i]!);
    });
  }
  return other === null;
}

function propKey({ codec }: AttrField, value: unknown): string | undefined {
  const a = value === undefined ? undefined : codec.to(value);
  return a && attributeKey(a);
}
