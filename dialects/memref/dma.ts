/**
 * @file Transfers between memories that run beside the program: started, then waited for. The interpreter moves the
 * elements at once.
 */
import { Any, Index, MemRef } from "../../ir/constraints.ts";
import type { Value } from "../../ir/core.ts";
import { defineOp } from "../../ir/define.ts";
import { reads, writes } from "../../ir/effects.ts";
import type { Evaluator } from "../../ir/evaluate.ts";
import { many, one } from "../../ir/fields.ts";
import { index as indexType, type MemRefType } from "../../ir/types.ts";
import type { NDArray } from "../../support/ndarray.ts";

/** Operands of a transfer taken apart: three memrefs with their indices, a count, and maybe a stride. */
interface Parts<T> {
  readonly source: T;
  readonly sourceIndices: readonly T[];
  readonly target: T;
  readonly targetIndices: readonly T[];
  readonly count: T;
  readonly tag: T;
  readonly tagIndices: readonly T[];
  /** `[stride, elements per stride]`, or nothing. */
  readonly stride: readonly T[];
}

function partsOf<T>(operands: readonly T[], rank: (memref: T) => number): Parts<T> {
  const target = 1 + rank(operands[0]!);
  const count = target + 1 + rank(operands[target]!);
  const stride = count + 2 + rank(operands[count + 1]!);
  return {
    source: operands[0]!,
    sourceIndices: operands.slice(1, target),
    target: operands[target]!,
    targetIndices: operands.slice(target + 1, count),
    count: operands[count]!,
    tag: operands[count + 1]!,
    tagIndices: operands.slice(count + 2, stride),
    stride: operands.slice(stride),
  };
}

const rankOf = (v: Value): number => (v.type as MemRefType).shape.length;

/** What is wrong with the operands, in the order in which they stand. */
function operandFault(operands: readonly Value[]): string | undefined {
  const isMemref = (i: number): boolean => {
    const t = operands[i]?.type;
    return t?.kind === "memref" && t.ranked;
  };
  const areIndex = (from: number, n: number): boolean =>
    operands.slice(from, from + n).every((v) => v.type === indexType);
  const atLeast = (n: number): string | undefined =>
    operands.length < n ? `expected at least ${n} operands` : undefined;
  const few = atLeast(4);
  if (few) return few;
  if (!isMemref(0)) return "expected source to be of memref type";
  const source = rankOf(operands[0]!);
  const fewer = atLeast(source + 4);
  if (fewer) return fewer;
  if (!areIndex(1, source)) return "expected source indices to be of index type";
  const target = source + 1;
  if (!isMemref(target)) return "expected destination to be of memref type";
  const targetRank = rankOf(operands[target]!);
  const fewest = atLeast(target + targetRank + 3);
  if (fewest) return fewest;
  if (!areIndex(target + 1, targetRank)) return "expected destination indices to be of index type";
  const count = target + targetRank + 1;
  if (!areIndex(count, 1)) return "expected num elements to be of index type";
  const tag = count + 1;
  if (!isMemref(tag)) return "expected tag to be of memref type";
  const tagRank = rankOf(operands[tag]!);
  const least = atLeast(tag + tagRank + 1);
  if (least) return least;
  if (!areIndex(tag + 1, tagRank)) return "expected tag indices to be of index type";
  const rest = operands.length - tag - tagRank - 1;
  if (rest !== 0 && rest !== 2) return "incorrect number of operands";
  return areIndex(operands.length - rest, rest)
    ? undefined
    : "expected stride and num elements per stride to be of type index";
}

/**
 * Moves `count` elements from one memref to another, both counted in row-major order from an index; with a stride, the
 * slower memory is read (or written) `perStride` elements at a time, that far apart.
 */
export function transfer(
  source: NDArray,
  from: readonly number[],
  target: NDArray,
  to: readonly number[],
  count: number,
  stride: readonly number[],
  run: Evaluator,
): void {
  const [step = 0, per = 0] = stride;
  const positions = (a: NDArray, start: readonly number[]): number[] => {
    const all: number[] = [];
    a.forEachPosition((at) => all.push(at));
    const first = all.indexOf(a.position(start));
    return first < 0 ? [] : all.slice(first);
  };
  const out = positions(source, from);
  const into = positions(target, to);
  const strided = per > 0;
  for (let i = 0; i < count; i++) {
    const far = strided ? Math.floor(i / per) * step + (i % per) : i;
    const x = out[far];
    const y = into[i];
    if (x === undefined || y === undefined) run.fail(`moves ${count} elements, beyond the end of a memref`);
    else target.setData(y, source.getData(x));
  }
}

export const dma_start = defineOp("memref.dma_start", {
  doc: "Starts moving elements between two memrefs; the tag element tells when it is done. Operands: source and its indices, destination and its indices, number of elements, tag and its indices, and maybe a stride and the elements per stride.",
  operands: [many("operands", Any)],
  effects: ({ operands }) => operands.filter((v) => v.type.kind === "memref").flatMap((v) => [reads(v), writes(v)]),
  parse(p) {
    const memory = () => ({ name: p.operand(), indices: p.operands("[]") });
    const source = memory();
    p.punct(",");
    const target = memory();
    p.punct(",");
    const count = p.operand();
    p.punct(",");
    const tag = memory();
    const stride = [];
    while (p.optionalPunct(",")) stride.push(p.operand());
    const at = p.here();
    const types = p.colonTypes();
    if (types.length !== 3) return p.fail("fewer/more types expected", at);
    const resolve = ({ name, indices }: typeof source, i: number): Value[] => [
      p.resolve(name, types[i]!),
      ...p.resolveAll(indices, indexType),
    ];
    return {
      operands: [
        ...resolve(source, 0),
        ...resolve(target, 1),
        p.resolve(count, indexType),
        ...resolve(tag, 2),
        ...p.resolveAll(stride, indexType),
      ],
    };
  },
  // MLIR writes attributes here, but does not read them.
  isPretty: ({ op }) => op.attributes === null || op.attributes.size === 0,
  print({ operands }, p) {
    const parts = partsOf(operands, rankOf);
    const memory = (v: Value, indices: readonly Value[]): void => {
      p.operand(v);
      p.write("[");
      p.operands(indices);
      p.write("], ");
    };
    p.write(" ");
    memory(parts.source, parts.sourceIndices);
    memory(parts.target, parts.targetIndices);
    p.operand(parts.count);
    p.write(", ");
    p.operand(parts.tag);
    p.write("[");
    p.operands(parts.tagIndices);
    p.write("]");
    for (const v of parts.stride) {
      p.write(", ");
      p.operand(v);
    }
    p.write(" : ");
    p.types([parts.source.type, parts.target.type, parts.tag.type]);
  },
  verify({ operands }, fail) {
    const message = operandFault(operands);
    if (message) fail(message, { code: "verify/operands" });
  },
  evaluate({ operands }, run) {
    const parts = partsOf(operands, (a) => (a as NDArray).rank);
    transfer(
      parts.source as NDArray,
      parts.sourceIndices as readonly number[],
      parts.target as NDArray,
      parts.targetIndices as readonly number[],
      parts.count as number,
      parts.stride as readonly number[],
      run,
    );
    return [];
  },
});

export const dma_wait = defineOp("memref.dma_wait", {
  doc: "Waits until the transfer with a tag is done.",
  operands: [one("tagMemRef", MemRef), many("tagIndices", Index), one("numElements", Index)],
  assembly: "$tagMemRef `[` $tagIndices `]` `,` $numElements attr-dict `:` type($tagMemRef)",
  effects: ({ tagMemRef }) => [reads(tagMemRef), writes(tagMemRef)],
  verify({ tagMemRef, tagIndices }, fail) {
    const rank = tagMemRef.type.shape.length;
    if (tagIndices.length !== rank) {
      fail(
        `expected tagIndices to have the same number of elements as the tagMemRef rank, expected ${rank}, but got ${tagIndices.length}`,
        { code: "verify/operands" },
      );
    }
  },
  evaluate: () => [],
});
