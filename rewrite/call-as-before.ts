/**
 * @file Calls a function as it was called before any pass: passes may have taken signs out of its types, put bytes in
 * place of narrower elements, or made its results buffers that the caller hands over behind the arguments.
 */
import type { Operation, Value } from "../ir/core.ts";
import { dtypeOf } from "../ir/datum.ts";
import { callableLike } from "../ir/interfaces.ts";
import type { Interpreter } from "../ir/interpret.ts";
import { SymbolScope } from "../ir/symbols.ts";
import { elementOf, hasStaticShape, isShaped, type Type } from "../ir/types.ts";
import { type DType, NDArray, storageOf } from "../support/ndarray.ts";

/** The same bits under another element type; the array itself where its elements have another size. */
export function retyped(a: NDArray, dtype: DType): NDArray {
  if (a.dtype === dtype) return a;
  const { data } = a.contiguous();
  const stored = storageOf(dtype, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return stored.length === data.length ? new NDArray(dtype, a.shape, stored) : a;
}

/** The results: those of the function, then the buffers that stand for them. */
export function callAsBefore(
  interpreter: Interpreter,
  program: Operation,
  entry: string,
  args: readonly unknown[],
): readonly unknown[] {
  const target = new SymbolScope().lookup(program, { root: entry, nested: [] });
  const params: readonly Value[] = (target && callableLike.of(target)?.body(target)?.entry.args) ?? [];
  const given = args.map((a, i) => (a instanceof NDArray && params[i] ? as(a, params[i].type) : a));
  const buffers = params.slice(args.length).map(({ type }) => bufferOf(type));
  if (buffers.includes(undefined)) return interpreter.call(program, entry, given);
  return [...interpreter.call(program, entry, [...given, ...buffers]), ...buffers];
}

function as(a: NDArray, type: Type): NDArray {
  const dtype = isShaped(type) ? dtypeOf(type.element) : undefined;
  return dtype ? retyped(a, dtype) : a;
}

/** Memory for a result; undefined for what is no buffer of known size. */
function bufferOf(type: Type): NDArray | undefined {
  const dtype = type.kind === "memref" ? dtypeOf(elementOf(type)) : undefined;
  return dtype && type.kind === "memref" && hasStaticShape(type) ? NDArray.zeros(dtype, type.shape) : undefined;
}
