/** @file Memory accesses whose subscripts are affine. */
import type { AffineMap } from "../../ir/affine.ts";
import type { AsmParser, AsmPrinter } from "../../ir/asm.ts";
import { attr } from "../../ir/attributes.ts";
import { Any, Index, MemRef, Vector } from "../../ir/constraints.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { reads, writes } from "../../ir/effects.ts";
import type { Evaluator } from "../../ir/evaluate.ts";
import { many, one } from "../../ir/fields.ts";
import type { Fail } from "../../ir/traits.ts";
import { elementOf, index as indexType, type MemRefType, type VectorType } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { parsePrefetchHints, prefetchAttrs, prefetchHints } from "../memref/access.ts";
import { loadElement, storeElement } from "../memref/memory.ts";
import { vectorAt } from "../vector/memory.ts";
import { evaluateOn } from "./maps.ts";
import { isValidDim, scopeOf } from "./scope.ts";

interface Access {
  readonly op: Operation;
  readonly memref: Value<MemRefType>;
  readonly indices: readonly Value[];
  readonly map: AffineMap;
}

function verifyAccess({ op, memref, indices, map }: Access, fail: Fail): void {
  const code = "verify/operands";
  if (map.results.length !== memref.type.shape.length) {
    fail("affine map num results must equal memref rank", { code: "verify/attribute" });
  } else if (map.numDims + map.numSymbols !== indices.length) {
    fail("expects as many subscripts as affine map inputs", { code });
  } else {
    const scope = scopeOf(op);
    if (!indices.every((v) => isValidDim(v, scope))) {
      fail("index must be a valid dimension or symbol identifier", { code });
    }
  }
}

/** `%m[%i + 1, symbol(%n)]`: the memref's name, and the subscripts. */
function parseAccess(p: AsmParser) {
  const buffer = p.operand();
  const { map, dims, symbols } = p.affineMapOfOperands("[]");
  return { buffer, map, subscripts: () => p.resolveAll([...dims, ...symbols], indexType) };
}

function printAccess({ memref, indices, map }: Access, p: AsmPrinter): void {
  p.operand(memref);
  p.write("[");
  p.affineMapOfOperands(map, indices.slice(0, map.numDims), indices.slice(map.numDims));
  p.write("]");
}

const subscripts = (map: AffineMap, indices: readonly number[], run: Evaluator): number[] => {
  const at = evaluateOn(map, indices);
  if (at.some(Number.isNaN)) run.fail("divides by zero in a subscript");
  return at;
};

export const load = defineOp("affine.load", {
  doc: "Reads one element at subscripts that are affine in loop counters and symbols.",
  operands: [one("memref", MemRef), many("indices", Index)],
  attrs: { map: attr.map },
  results: [one("result", Any)],
  inferLoosely: true,
  infer: ({ memref }) => [elementOf(memref.type)],
  effects: ({ memref }) => [reads(memref)],
  parse(p) {
    const access = parseAccess(p);
    const attributes = p.attrDict();
    const type = p.colonType();
    const memref = p.resolve(access.buffer, type);
    return {
      operands: [memref, ...access.subscripts()],
      props: { map: access.map },
      attributes,
      resultTypes: [elementOf(type)],
    };
  },
  print(view, p) {
    p.write(" ");
    printAccess(view, p);
    p.attrDict(view.op, ["map"]);
    p.write(" : ");
    p.type(view.memref.type);
  },
  verify(view, fail) {
    if (view.result.type !== view.memref.type.element) {
      fail("result type must match element type of memref", { code: "verify/result-type" });
    } else verifyAccess(view, fail);
  },
  evaluate: ({ memref, indices, map }, run) => [loadElement(memref, subscripts(map, indices, run), run)],
});

export const store = defineOp("affine.store", {
  doc: "Writes one element at subscripts that are affine in loop counters and symbols.",
  operands: [one("value", Any), one("memref", MemRef), many("indices", Index)],
  attrs: { map: attr.map },
  effects: ({ memref }) => [writes(memref)],
  parse(p) {
    const stored = p.operand();
    p.punct(",");
    const access = parseAccess(p);
    const attributes = p.attrDict();
    const type = p.colonType();
    const value = p.resolve(stored, elementOf(type));
    const memref = p.resolve(access.buffer, type);
    return { operands: [value, memref, ...access.subscripts()], props: { map: access.map }, attributes };
  },
  print(view, p) {
    p.write(" ");
    p.operand(view.value);
    p.write(", ");
    printAccess(view, p);
    p.attrDict(view.op, ["map"]);
    p.write(" : ");
    p.type(view.memref.type);
  },
  verify(view, fail) {
    if (view.value.type !== view.memref.type.element) {
      fail("value to store must have the same type as memref element type", { code: "verify/operand-type" });
    } else verifyAccess(view, fail);
  },
  evaluate({ value, memref, indices, map }, run) {
    storeElement(memref, subscripts(map, indices, run), value, run);
    return [];
  },
});

export const vector_load = defineOp("affine.vector_load", {
  doc: "Reads a contiguous vector at affine subscripts.",
  operands: [one("memref", MemRef), many("indices", Index)],
  attrs: { map: attr.map },
  results: [one("result", Vector)],
  effects: ({ memref }) => [reads(memref)],
  parse(p) {
    const access = parseAccess(p);
    const attributes = p.attrDict();
    const type = p.colonType();
    p.punct(",");
    const result = p.type();
    const memref = p.resolve(access.buffer, type);
    return {
      operands: [memref, ...access.subscripts()],
      props: { map: access.map },
      attributes,
      resultTypes: [result],
    };
  },
  print(view, p) {
    p.write(" ");
    printAccess(view, p);
    p.attrDict(view.op, ["map"]);
    p.write(" : ");
    p.types([view.memref.type, view.result.type]);
  },
  verify: (view, fail) => verifyVector(view, view.result.type, fail),
  evaluate: ({ memref, indices, map }, run) => [
    vectorAt(memref, subscripts(map, indices, run), (run.resultType(0) as VectorType).shape, run).copy(),
  ],
});

export const vector_store = defineOp("affine.vector_store", {
  doc: "Writes a contiguous vector at affine subscripts.",
  operands: [one("value", Vector), one("memref", MemRef), many("indices", Index)],
  attrs: { map: attr.map },
  effects: ({ memref }) => [writes(memref)],
  parse(p) {
    const stored = p.operand();
    p.punct(",");
    const access = parseAccess(p);
    const attributes = p.attrDict();
    const type = p.colonType();
    p.punct(",");
    const value = p.resolve(stored, p.type());
    const memref = p.resolve(access.buffer, type);
    return { operands: [value, memref, ...access.subscripts()], props: { map: access.map }, attributes };
  },
  print(view, p) {
    p.write(" ");
    p.operand(view.value);
    p.write(", ");
    printAccess(view, p);
    p.attrDict(view.op, ["map"]);
    p.write(" : ");
    p.types([view.memref.type, view.value.type]);
  },
  verify: (view, fail) => verifyVector(view, view.value.type, fail),
  evaluate({ value, memref, indices, map }, run) {
    const into: NDArray = vectorAt(memref, subscripts(map, indices, run), value.shape, run);
    into.assign(value);
    return [];
  },
});

function verifyVector(view: Access, vector: VectorType, fail: Fail): void {
  const before = { failed: false };
  verifyAccess(view, (message, at) => {
    before.failed = true;
    fail(message, at);
  });
  if (!before.failed && view.memref.type.element !== vector.element) {
    fail("requires memref and vector types of the same elemental type", { code: "verify/operand-type" });
  }
}

export const prefetch = defineOp("affine.prefetch", {
  doc: "Hints that an element will be read or written soon.",
  operands: [one("memref", MemRef), many("indices", Index)],
  attrs: { ...prefetchAttrs, map: attr.map },
  effects: ({ memref }) => [reads(memref), writes(memref)],
  parse(p, at) {
    const access = parseAccess(p);
    const hints = parsePrefetchHints(p, at);
    const attributes = p.attrDict();
    const memref = p.resolve(access.buffer, p.colonType());
    return { operands: [memref, ...access.subscripts()], props: { ...hints, map: access.map }, attributes };
  },
  print(view, p) {
    p.write(" ");
    printAccess(view, p);
    p.write(`, ${prefetchHints(view)}`);
    p.attrDict(view.op, ["map", "isWrite", "localityHint", "isDataCache"]);
    p.write(" : ");
    p.type(view.memref.type);
  },
  verify: verifyAccess,
  evaluate: () => [],
});
