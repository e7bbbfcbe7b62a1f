/** @file Reading and writing memrefs: loads, stores, copies, atomic updates, prefetches, DMA. */
import type { AsmParser } from "../../ir/asm.ts";
import { attr, bounded } from "../../ir/attributes.ts";
import { Any, AnyMemRef, Index, MemRef, where } from "../../ir/constraints.ts";
import { toType, unsignedOf } from "../../ir/datum.ts";
import { defineOp, type OpInfo } from "../../ir/define.ts";
import { isEffectFree, reads, writes } from "../../ir/effects.ts";
import type { Num } from "../../ir/evaluate.ts";
import { many, one } from "../../ir/fields.ts";
import { hasParent, Pure, SingleBlock, Terminator } from "../../ir/traits.ts";
import { elementOf, type FloatType, type IntegerType, index as indexType, type Type } from "../../ir/types.ts";
import type { Location } from "../../support/location.ts";
import { compatibleShapes, plain, quoted } from "../shaped.ts";
import { loadElement, storeElement } from "./memory.ts";

const Scalar = where<IntegerType | FloatType>(
  "signless integer or floating-point",
  (t) => t.kind === "float" || (t.kind === "integer" && t.signedness === "signless"),
);

export const load = defineOp("memref.load", {
  doc: "Reads one element.",
  operands: [one("memref", MemRef), many("indices", Index)],
  attrs: { nontemporal: attr.bool.ifAbsent(false) },
  results: [one("result", Any)],
  assembly: "$memref `[` $indices `]` attr-dict `:` type($memref)",
  inferLoosely: true,
  infer: ({ memref }) => [elementOf(memref.type)],
  effects: ({ memref }) => [reads(memref)],
  verify({ memref, indices, result }, fail) {
    const rank = memref.type.shape.length;
    if (result.type !== memref.type.element) {
      fail("failed to verify that result type matches element type of 'memref'", { code: "verify/result-type" });
    } else if (indices.length !== rank) {
      fail(`incorrect number of indices for load, expected ${rank} but got ${indices.length}`, {
        code: "verify/operands",
      });
    }
  },
  evaluate: ({ memref, indices }, run) => [loadElement(memref, indices, run)],
});

export const store = defineOp("memref.store", {
  doc: "Writes one element.",
  operands: [one("value", Any), one("memref", MemRef), many("indices", Index)],
  attrs: { nontemporal: attr.bool.ifAbsent(false) },
  assembly: "$value `,` $memref `[` $indices `]` attr-dict `:` type($memref)",
  deduce: { value: (known) => elementType(known.type("memref")) },
  effects: ({ memref }) => [writes(memref)],
  verify({ value, memref, indices }, fail) {
    if (value.type !== memref.type.element) {
      fail("failed to verify that type of 'value' matches element type of 'memref'", { code: "verify/operand-type" });
    } else if (indices.length !== memref.type.shape.length) {
      fail("store index operand count not equal to memref rank", { code: "verify/operands" });
    }
  },
  evaluate({ value, memref, indices }, run) {
    storeElement(memref, indices, value, run);
    return [];
  },
});

const elementType = (t: Type | undefined): Type | undefined => t && elementOf(t);

export const copy = defineOp("memref.copy", {
  doc: "Copies all elements of one memref to another of the same shape, which may overlap.",
  operands: [one("source", AnyMemRef), one("target", AnyMemRef)],
  assembly: "$source `,` $target attr-dict `:` type($source) `to` type($target)",
  effects: ({ source, target }) => [reads(source), writes(target)],
  verify({ source, target }, fail) {
    if (source.type.element !== target.type.element) {
      fail("requires the same element type for all operands", { code: "verify/operand-type" });
    } else if (source.type.ranked && target.type.ranked && !compatibleShapes(source.type.shape, target.type.shape)) {
      fail("requires the same shape for all operands", { code: "verify/operand-type" });
    }
  },
  evaluate({ source, target }, run) {
    if (!compatibleShapes(source.shape, target.shape)) {
      run.fail(`copies ${source.shape.join("x")} elements to ${target.shape.join("x")}`);
    }
    target.assign(source);
    return [];
  },
});

// --- atomic updates -------------------------------------------------------------------------------------------------

/** AtomicRMWKind of the arith dialect, in the order of its numbers. */
export const atomicKinds = [
  "addf",
  "addi",
  "assign",
  "maximumf",
  "maxs",
  "maxu",
  "minimumf",
  "mins",
  "minu",
  "mulf",
  "muli",
  "ori",
  "andi",
  "maxnumf",
  "minnumf",
] as const;
export type AtomicKind = (typeof atomicKinds)[number];

const floatKinds: readonly AtomicKind[] = ["addf", "maximumf", "minimumf", "mulf", "maxnumf", "minnumf"];
export const isFloatKind = (kind: AtomicKind): boolean => floatKinds.includes(kind);

/** One step of an atomic update or reduction: the old value and the new one combined, in the type of both. */
export function applyKind(kind: AtomicKind, type: Type, old: Num, value: Num): Num {
  const number = (f: (a: number, b: number) => number): Num => toType(type, f(Number(old), Number(value)));
  const big = (f: (a: bigint, b: bigint) => bigint): Num => toType(type, f(BigInt(old), BigInt(value)));
  const unsignedLess = (): boolean => unsignedOf(type, old) < unsignedOf(type, value);
  switch (kind) {
    case "addf":
      return number((a, b) => a + b);
    case "mulf":
      return number((a, b) => a * b);
    case "maximumf":
      return number(Math.max);
    case "minimumf":
      return number(Math.min);
    case "maxnumf":
      return Number.isNaN(old) ? value : Number.isNaN(value) ? old : number(Math.max);
    case "minnumf":
      return Number.isNaN(old) ? value : Number.isNaN(value) ? old : number(Math.min);
    case "addi":
      return big((a, b) => a + b);
    case "muli":
      return big((a, b) => a * b);
    case "ori":
      return big((a, b) => a | b);
    case "andi":
      return big((a, b) => a & b);
    case "assign":
      return value;
    case "maxs":
      return old < value ? value : old;
    case "mins":
      return old < value ? old : value;
    case "maxu":
      return unsignedLess() ? value : old;
    case "minu":
      return unsignedLess() ? old : value;
  }
}

export const atomic_rmw = defineOp("memref.atomic_rmw", {
  doc: "Combines an element with a value in one indivisible step and answers the old element.",
  operands: [one("value", Scalar), one("memref", MemRef), many("indices", Index)],
  attrs: { kind: attr.enumInt(atomicKinds) },
  results: [one("result", Scalar)],
  assembly:
    "$kind $value `,` $memref `[` $indices `]` attr-dict `:` `(` type($value) `,` type($memref) `)` `->` type($result)",
  infer: ({ value }) => [value.type],
  inferLoosely: true,
  effects: ({ memref }) => [reads(memref), writes(memref)],
  verify({ kind, value, memref, indices, result }, fail) {
    if (value.type !== result.type) fail("failed to verify that all of {value, result} have same type");
    else if (value.type !== memref.type.element) {
      fail("failed to verify that value type matches element type of memref", { code: "verify/operand-type" });
    } else if (indices.length !== memref.type.shape.length) {
      fail("expects the number of subscripts to be equal to memref rank", { code: "verify/operands" });
    } else if (isFloatKind(kind) && value.type.kind !== "float") {
      fail(`with kind '${kind}' expects a floating-point type`, { code: "verify/operand-type" });
    } else if (!isFloatKind(kind) && kind !== "assign" && value.type.kind !== "integer") {
      fail(`with kind '${kind}' expects an integer type`, { code: "verify/operand-type" });
    }
  },
  evaluate({ kind, value, memref, indices }, run) {
    const old = loadElement(memref, indices, run) as Num;
    storeElement(memref, indices, applyKind(kind, run.resultType(0), old, value as Num), run);
    return [old];
  },
});

export const generic_atomic_rmw = defineOp("memref.generic_atomic_rmw", {
  doc: "Replaces an element by what its body makes of it, in one indivisible step; answers the old element.",
  operands: [one("memref", MemRef), many("indices", Index)],
  results: [one("result", Scalar)],
  regions: ["atomic_body"],
  traits: [SingleBlock],
  infer: ({ memref }) => [elementOf(memref.type)],
  inferLoosely: true,
  enter: ({ memref }) => ({ atomic_body: [memref.type.element] }),
  terminator: (): OpInfo => atomic_yield,
  effects: ({ memref }) => [reads(memref), writes(memref)],
  parse(p) {
    const buffer = p.operand();
    const subscripts = p.operands("[]");
    const type = p.colonType();
    const memref = p.resolve(buffer, type);
    const indices = p.resolveAll(subscripts, indexType);
    const region = p.region();
    return {
      operands: [memref, ...indices],
      regions: [region],
      attributes: p.attrDict(),
      resultTypes: [elementOf(type)],
    };
  },
  print({ op, memref, indices, atomic_body }, p) {
    p.write(" ");
    p.operand(memref);
    p.write("[");
    p.operands(indices);
    p.write("] : ");
    p.type(memref.type);
    p.write(" ");
    p.region(atomic_body);
    p.attrDict(op);
  },
  verify({ op, memref, result, atomic_body }, fail) {
    const block = atomic_body.blocks[0];
    if (result.type !== memref.type.element) {
      fail("failed to verify that result type matches element type of memref", { code: "verify/result-type" });
    } else if (block?.args.length !== 1) {
      fail("expected single number of entry block arguments", { code: "verify/region" });
    } else if (block.args[0]!.type !== result.type) {
      fail("expected block argument of the same type result type", { code: "verify/region" });
    } else {
      for (const inner of block) {
        if (!isEffectFree(inner)) {
          fail(`body of '${op.name}' should contain only operations with no side effects`, {
            op: inner,
            code: "verify/region",
            ...plain,
          });
          return;
        }
      }
    }
  },
  evaluate({ memref, indices, atomic_body }, run) {
    const old = loadElement(memref, indices, run);
    storeElement(memref, indices, run.call(atomic_body, [old])[0], run);
    return [old];
  },
});

export const atomic_yield = defineOp("memref.atomic_yield", {
  doc: "Ends the body of `memref.generic_atomic_rmw` with the new element.",
  operands: [one("result", Any)],
  traits: [hasParent("memref.generic_atomic_rmw"), Pure, Terminator],
  assembly: "$result attr-dict `:` type($result)",
  verify({ op, result }, fail) {
    const wanted = op.parentOp?.results[0]?.type;
    if (wanted && wanted !== result.type) {
      fail(`types mismatch between yield op: ${quoted(result.type)} and its parent: ${quoted(wanted)}`);
    }
  },
  evaluate: ({ result }) => [result],
});

// --- hints and transfers ----------------------------------------------------------------------------------------------

interface PrefetchHints {
  readonly isWrite: boolean;
  readonly localityHint: number;
  readonly isDataCache: boolean;
}

/** `, write, locality<3>, data` behind the subscripts of a prefetch. */
export function parsePrefetchHints(p: AsmParser, at: Location): PrefetchHints {
  p.punct(",");
  const mode = p.anyKeyword();
  if (mode !== "read" && mode !== "write") p.fail("rw specifier has to be 'read' or 'write'", at);
  p.punct(",");
  p.keyword("locality");
  p.punct("<");
  const localityHint = Number(p.integer());
  p.punct(">");
  p.punct(",");
  const cache = p.anyKeyword();
  if (cache !== "data" && cache !== "instr") p.fail("cache type has to be 'data' or 'instr'", at);
  return { isWrite: mode === "write", localityHint, isDataCache: cache === "data" };
}

export const prefetchHints = (h: PrefetchHints): string =>
  `${h.isWrite ? "write" : "read"}, locality<${h.localityHint}>, ${h.isDataCache ? "data" : "instr"}`;

export const prefetchAttrs = {
  isWrite: attr.bool,
  localityHint: bounded(
    attr.i32,
    "32-bit signless integer attribute whose minimum value is 0 whose maximum value is 3",
    (n) => n >= 0 && n <= 3,
  ),
  isDataCache: attr.bool,
};

export const prefetch = defineOp("memref.prefetch", {
  doc: "Hints that an element will be read or written soon; the hint says how long it should stay near.",
  operands: [one("memref", MemRef), many("indices", Index)],
  attrs: prefetchAttrs,
  effects: ({ memref }) => [reads(memref), writes(memref)],
  parse(p, at) {
    const buffer = p.operand();
    const subscripts = p.operands("[]");
    const hints = parsePrefetchHints(p, at);
    const attributes = p.attrDict();
    const memref = p.resolve(buffer, p.colonType());
    return { operands: [memref, ...p.resolveAll(subscripts, indexType)], props: { ...hints }, attributes };
  },
  print(view, p) {
    const { op, memref, indices } = view;
    p.write(" ");
    p.operand(memref);
    p.write("[");
    p.operands(indices);
    p.write(`], ${prefetchHints(view)}`);
    p.attrDict(op, ["isWrite", "localityHint", "isDataCache"]);
    p.write(" : ");
    p.type(memref.type);
  },
  verify({ memref, indices }, fail) {
    if (indices.length !== memref.type.shape.length) fail("too few indices", { code: "verify/operands" });
  },
  evaluate: () => [],
});
