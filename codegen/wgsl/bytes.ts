/**
 * @file Which tensors of bytes lie four elements in a word: those of which every kernel writes whole words. Inputs and outputs of
 * a model have a word for each element, as callers pass them.
 */
import { perWord } from "../../dialects/bytes.ts";
import * as func from "../../dialects/func.ts";
import * as gpu from "../../dialects/gpu.ts";
import type { Operation, Value } from "../../ir/core.ts";
import type { Call, HostTensor } from "./host.ts";
import { usesOf } from "./shader.ts";

/** Decides it for everything that is called with. `alternatives` are the functions that may be called in place of a kernel. */
export function packTensors(calls: readonly Call[], alternatives: (kernel: Operation) => readonly Operation[]): void {
  const known = new Map<Operation, readonly boolean[]>();
  const packed = new Map<HostTensor, boolean>();
  for (const { kernel, args } of calls) {
    const fits = known.get(kernel) ?? bytesOf([kernel, ...alternatives(kernel)]);
    known.set(kernel, fits);
    args.forEach((a, i) => {
      if (typeof a === "number") return;
      const isWhole = a.buffer.kind !== "port" && a.offset % perWord === 0;
      packed.set(a.tensor, (packed.get(a.tensor) ?? true) && isWhole && fits[i]!);
    });
  }
  for (const [tensor, isPacked] of packed) tensor.packed = isPacked;
}

/** Of each argument of functions that are called alike, whether what their launches do with it may be done with bytes. */
function bytesOf(functions: readonly Operation[]): readonly boolean[] {
  const each = functions.map((fn) => {
    const { entry } = func.func.of(fn).body;
    const uses = [...entry].filter((op) => gpu.launch.is(op)).map(usesOf);
    return entry.args.map((v: Value) => uses.every((u) => u.get(v)?.bytes ?? true));
  });
  return each[0]!.map((_, i) => each.every((fits) => fits[i]));
}
