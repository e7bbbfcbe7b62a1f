/** @file Named structured ops on operands of small shapes that fit their maps. */
import { windowSteps } from "../../dialects/linalg/ops.ts";
import { type AffineMap, evaluateMap } from "../../ir/affine.ts";
import { Builder } from "../../ir/builder.ts";
import { Block, type Value } from "../../ir/core.ts";
import type { OpInfo } from "../../ir/define.ts";
import { i1, i8, i32, type Type, tensor } from "../../ir/types.ts";

export type Make = (b: Builder, inputs: Value[], outputs: Value[], rest?: Record<string, unknown>) => readonly Value[];

const special = ["generic", "index", "yield", "map", "reduce", "transpose", "broadcast", "softmax"];

/** Whether an op of linalg is one whose maps and body its name tells. */
export function isNamedOp(def: OpInfo): boolean {
  const name = def.opName.slice("linalg.".length);
  return def.dialect === "linalg" && !special.includes(name) && !name.startsWith("winograd");
}

const isScalarInput = (name: string, i: number): boolean =>
  (/_q$|^quantized/.test(name) && (i === 2 || i === 3)) || (name === "fill" && i === 0);

/**
 * A block with one op of the kind, on tensors that are arguments of the block.
 * @param below answers a number below another one: what makes the sizes and steps
 */
export function namedOpBlock(
  def: OpInfo,
  inputElement: Type,
  outputElement: Type,
  below: (n: number) => number,
): Block {
  const name = def.opName.slice("linalg.".length);
  const rest: Record<string, unknown> = {};
  const windows = def.attrIndex.has("strides") ? Number(/(\d)d|pooling_n(d?)(h?)w/.exec(name)?.[1] ?? 0) : 0;
  const rank = windows || (/^pooling/.test(name) ? name.split("_")[1]!.length - 2 : 0);
  if (def.attrIndex.has("strides")) {
    rest.strides = windowSteps(Array.from({ length: rank }, () => 1 + below(2)));
    rest.dilations = windowSteps(Array.from({ length: rank }, () => 1 + below(2)));
  }
  // Probe the maps with operands of any shape, then choose shapes that fit.
  const { nest } = def as OpInfo & { nest?: { iterators: readonly string[] } };
  const arity =
    name === "select" ? 3 : /^(add|sub|mul|div|div_unsigned|max|min|powf|elemwise_binary)$/.test(name) ? 2 : 1;
  let shapes: (readonly number[])[];
  if (!nest) {
    const shape = [2, 3, 2].map((d) => d + below(2));
    shapes = [...new Array(arity).fill(shape), shape];
  } else {
    const extents = nest.iterators.map(() => 2 + below(2));
    const steps = [rest.strides, rest.dilations].map((a) =>
      a ? [...new BigInt64Array((a as { bytes: Uint8Array }).bytes.slice().buffer)].map(Number) : undefined,
    );
    const spread = steps.map((s) => (s && s.length < rank ? new Array<number>(rank).fill(s[0]!) : s));
    const maps = (def as unknown as { nest: { maps(...s: unknown[]): readonly AffineMap[] } }).nest.maps(...spread);
    shapes = maps.map((m) =>
      evaluateMap(
        m,
        extents.map((e) => e - 1),
      ).map((last) => last + 1),
    );
  }
  const types = shapes.map((shape, i) => {
    const output = i === shapes.length - 1;
    const element = output
      ? outputElement
      : isScalarInput(name, i)
        ? inputElement === i8
          ? i32
          : outputElement
        : inputElement;
    return isScalarInput(name, i) ? element : tensor(shape, name === "select" && i === 0 ? i1 : element);
  });
  const block = new Block(types);
  const b = Builder.atEnd(block);
  const { args } = block;
  (def as unknown as Make)(b, args.slice(0, -1), args.slice(-1), rest);
  return block;
}
