/** @file Transfers between memories with affine subscripts. Their maps are attributes that MLIR does not declare. */
import type { AffineMap } from "../../ir/affine.ts";
import type { AsmParser, AsmPrinter, UnresolvedOperand } from "../../ir/asm.ts";
import { Any } from "../../ir/constraints.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { reads, writes } from "../../ir/effects.ts";
import type { Evaluator } from "../../ir/evaluate.ts";
import { many } from "../../ir/fields.ts";
import type { Fail } from "../../ir/traits.ts";
import { type Attribute, index as indexType, mapAttribute } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";
import { transfer } from "../memref/dma.ts";
import { evaluateOn } from "./maps.ts";
import { isValidDim, scopeOf } from "./scope.ts";

const mapNames = ["src_map", "dst_map", "tag_map"] as const;
type MapName = (typeof mapNames)[number];

const mapOf = (op: Operation, name: MapName): AffineMap | undefined => {
  const a = op.attributes?.get(name);
  return a?.kind === "map" ? a.map : undefined;
};
const inputs = (map: AffineMap): number => map.numDims + map.numSymbols;

/** A memref and the operands of its subscripts. */
interface Access<T> {
  readonly memref: T;
  readonly map: AffineMap;
  readonly indices: readonly T[];
}

/** The accesses that lead the operands, one per map, and what follows them; undefined if a map is missing. */
function accessesOf<T>(op: Operation, operands: readonly T[], names: readonly MapName[]) {
  const accesses: Access<T>[] = [];
  let at = 0;
  for (const name of names) {
    const map = mapOf(op, name);
    if (!map || at >= operands.length) return undefined;
    accesses.push({ memref: operands[at]!, map, indices: operands.slice(at + 1, at + 1 + inputs(map)) });
    at += 1 + inputs(map);
  }
  return { accesses, rest: operands.slice(at) };
}

interface ParsedAccess {
  readonly name: UnresolvedOperand;
  readonly map: AffineMap;
  readonly indices: readonly UnresolvedOperand[];
}

function parseAccess(p: AsmParser): ParsedAccess {
  const name = p.operand();
  const { map, dims, symbols } = p.affineMapOfOperands("[]");
  return { name, map, indices: [...dims, ...symbols] };
}

function printAccess({ memref, map, indices }: Access<Value>, p: AsmPrinter): void {
  p.operand(memref);
  p.write("[");
  p.affineMapOfOperands(map, indices.slice(0, map.numDims), indices.slice(map.numDims));
  p.write("]");
}

/** `%a[…], %b[…], …, %n, … : types`. */
function parseTransfer(p: AsmParser, names: readonly MapName[]) {
  const parsed: ParsedAccess[] = [];
  for (const _ of names) {
    parsed.push(parseAccess(p));
    p.punct(",");
  }
  const rest = p.operands();
  const given = p.attrDict();
  const at = p.here();
  const types = p.colonTypes();
  if (types.length !== names.length) return p.fail(`expected ${names.length} types`, at);
  const attributes = new Map<string, Attribute>(given);
  names.forEach((name, i) => {
    attributes.set(name, mapAttribute(parsed[i]!.map));
  });
  const operands = parsed.flatMap((a, i) => [p.resolve(a.name, types[i]!), ...p.resolveAll(a.indices, indexType)]);
  return { operands: [...operands, ...p.resolveAll(rest, indexType)], attributes };
}

function printTransfer(op: Operation, names: readonly MapName[], p: AsmPrinter): void {
  const { accesses, rest } = accessesOf(op, op.operands, names)!;
  p.write(" ");
  for (const a of accesses) {
    printAccess(a, p);
    p.write(", ");
  }
  p.operands(rest);
  p.attrDict(op, names);
  p.write(" : ");
  p.types(accesses.map((a) => a.memref.type));
}

/** Checks the memrefs and their subscripts; `words` name the subscripts in messages. */
function verifyTransfer(op: Operation, names: readonly MapName[], words: readonly string[], fail: Fail): boolean {
  const code = "verify/operands";
  const parts = accessesOf(op, op.operands, names);
  if (!parts || parts.accesses.some((a) => a.indices.length !== inputs(a.map))) {
    fail("incorrect number of operands", { code });
    return false;
  }
  const scope = scopeOf(op);
  for (const [i, { memref, indices }] of parts.accesses.entries()) {
    if (memref.type.kind !== "memref") {
      fail(`expected DMA ${memory[i]} to be of memref type`, { code: "verify/operand-type" });
      return false;
    }
    for (const v of indices) {
      if (v.type !== indexType) {
        fail(`${words[i]}index to dma_start must have 'index' type`, { code: "verify/operand-type" });
        return false;
      }
      if (!isValidDim(v, scope)) {
        fail(`${words[i]}index must be a valid dimension or symbol identifier`, { code });
        return false;
      }
    }
  }
  return true;
}

const memory = ["source", "destination", "tag"];

const at = (a: Access<unknown>): number[] => evaluateOn(a.map, a.indices as readonly number[]);

export const dma_start = defineOp("affine.dma_start", {
  doc: "Starts moving elements between two memrefs from affine subscripts on; the tag element tells when it is done.",
  operands: [many("operands", Any)],
  effects: ({ operands }) => operands.filter((v) => v.type.kind === "memref").flatMap((v) => [reads(v), writes(v)]),
  parse: (p) => parseTransfer(p, mapNames),
  print: ({ op }, p) => printTransfer(op, mapNames, p),
  verify({ op }, fail) {
    if (!verifyTransfer(op, mapNames, ["src ", "dst ", "tag "], fail)) return;
    const rest = accessesOf(op, op.operands, mapNames)!.rest.length;
    if (rest !== 1 && rest !== 3) fail("incorrect number of operands", { code: "verify/operands" });
  },
  evaluate({ operands }, run: Evaluator) {
    const parts = accessesOf(run.op, operands, mapNames) ?? run.fail("lacks a map of subscripts");
    const [source, target] = parts.accesses as [Access<unknown>, Access<unknown>];
    const [count, ...stride] = parts.rest as readonly number[];
    transfer(source.memref as NDArray, at(source), target.memref as NDArray, at(target), count!, stride, run);
    return [];
  },
});

export const dma_wait = defineOp("affine.dma_wait", {
  doc: "Waits until the transfer with a tag is done.",
  operands: [many("operands", Any)],
  effects: ({ operands }) => operands.filter((v) => v.type.kind === "memref").flatMap((v) => [reads(v), writes(v)]),
  parse: (p) => parseTransfer(p, ["tag_map"]),
  print: ({ op }, p) => printTransfer(op, ["tag_map"], p),
  verify({ op }, fail) {
    verifyTransfer(op, ["tag_map"], [""], fail);
  },
  evaluate: () => [],
});
