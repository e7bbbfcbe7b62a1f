/** @file Integers of 2 and 4 bits and floats of 4 and 8 bits, as WebAssembly computes them, against the interpreter. */
import { describe, expect, it } from "vitest";
import * as arith from "../../dialects/arith/ops.ts";
import { add } from "../../dialects/graph/elementwise.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { f32, f64, float, i8, i16, integer, type Type, tensor as tensorType } from "../../ir/types.ts";
import { floatFormats, type NarrowFloatKind } from "../../support/float.ts";
import { NDArray } from "../../support/ndarray.ts";
import { both, program, runPasses } from "../support/compile.ts";

const count = 256;
/** All bytes: the inputs of `both` are no good where every code counts. */
const bytes = NDArray.from(
  "i8",
  [count],
  Array.from({ length: count }, (_, i) => i - 128),
);

async function check(from: Type, to: Type, inputs: readonly NDArray[], body: (b: Builder, ...xs: Value[]) => Value) {
  const t = tensorType([count], from);
  const out = tensorType([count], to);
  const build = () =>
    program(
      inputs.map(() => t),
      [out],
      (b, ...args) =>
        linalg.genericOf(b, {
          loops: "i",
          inputs: args.map((a) => [a, "i"] as const),
          outputs: [[tensor.empty(b, [], { types: [out] }), "i"]],
          body: (inner, ...xs) => body(inner, ...xs.slice(0, inputs.length)),
        }),
    );
  const [wanted] = interpret(build(), "main", inputs) as readonly NDArray[];
  const { wasm } = await both(build(), "v8", inputs);
  expect(wasm[0]!.values()).toEqual(wanted!.values());
}

const kinds: readonly NarrowFloatKind[] = ["f8E4M3FN", "f8E4M3FNUZ", "f8E5M2", "f8E5M2FNUZ", "f8E8M0FNU", "f4E2M1FN"];

/** The numbers of a type, those between them, and what lies a little beside. */
function around(kind: NarrowFloatKind): number[] {
  const { max, minPositive } = floatFormats[kind];
  const special = [0, -0, Number.NaN, 1 / 0, -1 / 0, 1e-45, -1e-45, max, max * 2, 3.4e38, minPositive, minPositive / 2];
  const values = [...special];
  let state = 1;
  while (values.length < count) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const exponent = Math.log2(minPositive) - 2 + (state / 2 ** 32) * (Math.log2(max) - Math.log2(minPositive) + 4);
    // Few bits, so that ties between two numbers of the type occur.
    const x = 2 ** Math.floor(exponent) * (1 + (state & 31) / 32);
    values.push(Math.fround(state & 64 ? -x : x));
  }
  return values;
}

describe("floats of 8 and 4 bits", () => {
  it.each(kinds)("widens %s", async (kind) => {
    const type = float(kind);
    await check(i8, f32, [bytes], (b, x) => {
      const bits = type.width === 8 ? x! : arith.trunci(b, x!, { types: [integer(type.width)] });
      return arith.extf(b, arith.bitcast(b, bits, { types: [type] }), { types: [f32] });
    });
  });

  it.each(kinds)("rounds to %s", async (kind) => {
    const type = float(kind);
    const numbers = NDArray.from("f32", [count], around(kind));
    await check(f32, f32, [numbers], (b, x) => arith.extf(b, arith.truncf(b, x!, { types: [type] }), { types: [f32] }));
  });

  it.each(["f8E4M3FN", "f8E5M2"] as const)("adds in %s", async (kind) => {
    const narrow = (b: Builder, x: Value): Value => arith.bitcast(b, x, { types: [float(kind)] });
    const other = NDArray.from(
      "i8",
      [count],
      Array.from({ length: count }, (_, i) => ((i * 37) & 255) - 128),
    );
    await check(i8, f32, [bytes, other], (b, x, y) =>
      arith.extf(b, arith.addf(b, narrow(b, x!), narrow(b, y!)), { types: [f32] }),
    );
  });

  it("rounds doubles once", async () => {
    // A tie for f16 that rounding to f32 first would make of what is a little more.
    const values = Array.from(
      { length: count },
      (_, i) => (1 + (i + 0.5) / 1024 + (i % 3) * 2 ** -40) * 2 ** ((i % 9) - 4),
    );
    await check(f64, f64, [NDArray.from("f64", [count], values)], (b, x) =>
      arith.extf(b, arith.truncf(b, x!, { types: [float("f16")] }), { types: [f64] }),
    );
  });
});

describe("integers of 4 and 2 bits", () => {
  const other = NDArray.from(
    "i8",
    [count],
    Array.from({ length: count }, (_, i) => (i * 11) & 63),
  );
  const ops = [arith.addi, arith.subi, arith.muli, arith.xori, arith.maxsi, arith.minui, arith.divui, arith.remui];
  it.each([2, 4])("%i bits", async (width) => {
    const type = integer(width);
    const narrow = (b: Builder, x: Value): Value => arith.trunci(b, x, { types: [type] });
    // Of two bits, the one negative divisor that is odd overflows.
    for (const op of width > 2 ? [...ops, arith.divsi] : ops) {
      for (const widen of [arith.extsi, arith.extui]) {
        await check(i8, i16, [bytes, other], (b, x, y) => {
          // Never 0 where it divides.
          const by = arith.ori(b, narrow(b, y!), arith.constantInteger(b, 1, type));
          return widen(b, op(b, narrow(b, x!), by), { types: [i16] });
        });
      }
    }
    await check(i8, f32, [bytes], (b, x) => arith.uitofp(b, narrow(b, x!), { types: [f32] }));
    await check(i8, f32, [bytes], (b, x) => arith.sitofp(b, narrow(b, x!), { types: [f32] }));
  });
});

describe("ports of narrow integers", () => {
  it.each([
    [integer(4, "unsigned"), "u4", "u8"],
    [integer(4), "i4", "i8"],
    [integer(2, "unsigned"), "u2", "u8"],
  ] as const)("%s", (type, narrow, wide) => {
    const t = tensorType([5], type);
    const module = program([t], [t], (b, x) => [add(b, x!, x!)]);
    const values = [0, 1, 2, 3, 1];
    const [before] = interpret(module, "main", [NDArray.from(narrow, [5], values)]) as readonly NDArray[];
    runPasses(module, "builtin.module(func.func(graph-byte-ports))");
    const [after] = interpret(module, "main", [NDArray.from(wide, [5], values)]) as readonly NDArray[];
    expect(after!.dtype).toBe(wide);
    expect(after!.values()).toEqual(before!.values());
  });
});
