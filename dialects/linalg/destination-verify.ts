/** @file Checks of map, reduce, transpose and broadcast beyond those of all structured ops, in MLIR's words. */
import type { Operation } from "../../ir/core.ts";
import { typeText } from "../../ir/spell.ts";
import type { Fail } from "../../ir/traits.ts";
import { isDynamic, type Type } from "../../ir/types.ts";
import { elementTypeOf, shapeOf } from "./structure.ts";
import { verifyDestinations } from "./verify.ts";

const quoted = (t: Type): string => `'${typeText(t)}'`;
const sizes = (shape: readonly number[]): string => shape.map((d) => (isDynamic(d) ? `${-(2n ** 63n)}` : d)).join(", ");
const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

/** Reports the first fault that a check finds; answers whether there is none. */
const report = (fail: Fail, message: string | undefined): boolean => {
  if (message !== undefined) fail(message);
  return message === undefined;
};

export function verifyMap(op: Operation, fail: Fail): boolean {
  return verifyDestinations(op, op.operandCount - 1, fail) && report(fail, mapFault(op));
}

function mapFault(op: Operation): string | undefined {
  const types = op.uses.map((u) => u.value.type);
  const init = types.pop()!;
  const args = op.regions[0]?.blocks[0]?.args ?? [];
  if (types.length !== args.length) {
    return `expects number of operands to match the arity of mapper, but got: ${types.length} and ${args.length}`;
  }
  for (const [i, a] of args.entries()) {
    const element = elementTypeOf(types[i]!);
    if (a.type === element) continue;
    return `expected element type of input ${quoted(element)} to match bbArg type ${quoted(a.type)}`;
  }
  const shape = shapeOf(init);
  const other = types.find((t) => !sameShape(shapeOf(t), shape));
  if (!other) return undefined;
  return `expected shape of input (${sizes(shapeOf(other))}) to match shape of output (${sizes(shape)})`;
}

export function verifyReduce(op: Operation, fail: Fail): boolean {
  return verifyDestinations(op, op.operandCount >> 1, fail) && report(fail, reduceFault(op));
}

function reduceFault(op: Operation): string | undefined {
  const half = op.operandCount >> 1;
  const types = op.uses.map((u) => u.value.type);
  const dimensions = op.props[0] as readonly number[];
  if (dimensions.some((d, i) => i > 0 && d <= dimensions[i - 1]!)) {
    return "attribute 'dimensions' failed to satisfy constraint: i64 dense array attribute should be in increasing order";
  }
  if (op.operandCount === 0) return "expected 1 or more operands, but found 0";
  if (op.operandCount % 2 !== 0) return "expected as many inits as inputs";
  const input = shapeOf(types[0]!);
  const init = shapeOf(types[half]!);
  for (let i = 1; i < half; i++) {
    const same = (what: string): string =>
      `expects all ${what}puts to have the same shapes. Shape at ${what}put-index ${i} is not equal to the shape at ${what}put-index 0.`;
    if (!sameShape(shapeOf(types[i]!), input)) return same("in");
    if (!sameShape(shapeOf(types[half + i]!), init)) return same("out");
  }
  if (dimensions.some((d) => d < 0 || d >= input.length)) {
    return `dimensions for reduction should be in the range [0, ${input.length - 1}].`;
  }
  const kept = input.filter((_, d) => !dimensions.includes(d));
  if (kept.length !== init.length) {
    return `number of dimensions after reduction ${kept.length} doesn't match the init rank ${init.length}`;
  }
  if (!sameShape(kept, init)) {
    return `init dimensions [${sizes(init)}] doesn't match input dimensions after reduction [${sizes(kept)}]`;
  }
  const args = op.regions[0]?.blocks[0]?.args ?? [];
  if (args.length !== op.operandCount) return "mismatching number of operands and block arguments";
  for (const [i, a] of args.entries()) {
    const element = elementTypeOf(types[i]!);
    if (a.type === element) continue;
    const what = i < half ? "input" : "output";
    return `${what} element type ${quoted(element)} does not match corresponding block argument type ${quoted(a.type)}`;
  }
  return undefined;
}

export function verifyTranspose(op: Operation, fail: Fail): boolean {
  return verifyDestinations(op, 1, fail) && report(fail, transposeFault(op));
}

function transposeFault(op: Operation): string | undefined {
  const permutation = op.props[0] as readonly number[];
  if (!permutation.every((_, i) => permutation.includes(i))) return "permutation is not valid";
  const [input, init] = [shapeOf(op.operand(0).type), shapeOf(op.operand(1).type)];
  if (input.length !== init.length) return `input rank ${input.length} does not match init rank ${init.length}`;
  if (input.length !== permutation.length) {
    return `size of permutation ${permutation.length} does not match the argument rank ${input.length}`;
  }
  const i = permutation.findIndex((p, d) => input[p] !== init[d]);
  if (i < 0) return undefined;
  const [has, wants] = [sizes([init[i]!]), sizes([input[permutation[i]!]!])];
  return `dim(result, ${i}) = ${has} doesn't match dim(input, permutation[${i}]) = ${wants}`;
}

export function verifyBroadcast(op: Operation, fail: Fail): boolean {
  return verifyDestinations(op, 1, fail) && report(fail, broadcastFault(op));
}

function broadcastFault(op: Operation): string | undefined {
  const dimensions = op.props[0] as readonly number[];
  const [input, init] = [shapeOf(op.operand(0).type), shapeOf(op.operand(1).type)];
  if (input.length + dimensions.length !== init.length) {
    const counts = `input rank: ${input.length}, dimensions size: ${dimensions.length}, init rank: ${init.length}`;
    return `input rank plus added dimensions does not match init rank. ${counts}`;
  }
  const out = dimensions.findIndex((d) => d < 0 || d >= init.length);
  if (out >= 0) {
    return `dimension ${out} is out of range. expected range: [0, ${init.length - 1}], got: ${dimensions[out]}`;
  }
  const kept = init.flatMap((_, d) => (dimensions.includes(d) ? [] : [d]));
  const wrong = kept.findIndex((d, i) => input[i] !== init[d]);
  if (wrong < 0) return undefined;
  const d = kept[wrong]!;
  return `input dim ${wrong} should match init dim ${d}. input: ${sizes([input[wrong]!])}, init: ${sizes([init[d]!])}`;
}
