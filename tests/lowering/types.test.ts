/** @file Elementwise arithmetic on every element type, as WebAssembly computes it, against the interpreter. */
import { describe, expect, it } from "vitest";
import * as arith from "../../dialects/arith/ops.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { bf16, f16, f32, f64, i1, i8, i16, i32, i64, type Type, tensor as tensorType } from "../../ir/types.ts";
import { both, program } from "../support/compile.ts";

const count = 37;
type Binary = (b: Builder, x: Value, y: Value) => Value;

async function check(type: Type, result: Type, op: Binary): Promise<void> {
  const t = tensorType([count], type);
  const out = tensorType([count], result);
  const r = await both(
    program([t, t], [out], (b, x, y) =>
      linalg.genericOf(b, {
        loops: "i",
        inputs: [
          [x!, "i"],
          [y!, "i"],
        ],
        outputs: [[tensor.empty(b, [], { types: [out] }), "i"]],
        body: (inner, p, q) => op(inner, p!, q!),
      }),
    ),
  );
  expect(r.wasm[0]!.values()).toEqual(r.reference[0]!.values());
}

const floats: readonly (readonly [string, Type])[] = [
  ["f16", f16],
  ["bf16", bf16],
  ["f32", f32],
  ["f64", f64],
];
const integers: readonly (readonly [string, Type])[] = [
  ["i8", i8],
  ["i16", i16],
  ["i32", i32],
  ["i64", i64],
];

describe("floats", () => {
  it.each(floats)("%s", async (_name, type) => {
    for (const op of [arith.addf, arith.subf, arith.mulf, arith.divf, arith.maximumf, arith.minimumf, arith.maxnumf]) {
      await check(type, type, (b, x, y) => op(b, x, y));
    }
    for (const predicate of ["olt", "oge", "une", "ueq", "one", "uno", "ugt"] as const) {
      await check(type, i1, (b, x, y) => arith.cmpf(b, x, y, { predicate }));
    }
    await check(type, type, (b, x, y) =>
      arith.select(b, arith.cmpf(b, x, y, { predicate: "olt" }), y, arith.negf(b, x)),
    );
    await check(type, i32, (b, x, y) => arith.fptosi(b, arith.addf(b, x, y), { types: [i32] }));
  });
});

describe("integers", () => {
  it.each(integers)("%s", async (_name, type) => {
    const ops = [
      arith.addi,
      arith.subi,
      arith.muli,
      arith.andi,
      arith.ori,
      arith.xori,
      arith.maxsi,
      arith.minsi,
      arith.maxui,
      arith.minui,
    ];
    for (const op of ops) await check(type, type, (b, x, y) => op(b, x, y));
    const one = (b: Builder): Value => arith.constantInteger(b, 3, type as typeof i32);
    for (const op of [
      arith.divsi,
      arith.divui,
      arith.remsi,
      arith.remui,
      arith.floordivsi,
      arith.shli,
      arith.shrsi,
      arith.shrui,
    ]) {
      await check(type, type, (b, x) => op(b, x, one(b)));
    }
    for (const predicate of ["eq", "ne", "slt", "sge", "ult", "uge"] as const) {
      await check(type, i1, (b, x, y) => arith.cmpi(b, x, y, { predicate }));
    }
    await check(type, f32, (b, x, y) => arith.sitofp(b, arith.addi(b, x, y), { types: [f32] }));
    await check(type, f32, (b, x, y) => arith.uitofp(b, arith.addi(b, x, y), { types: [f32] }));
  });

  it("converts widths", async () => {
    await check(i8, i32, (b, x, y) =>
      arith.muli(b, arith.extsi(b, x, { types: [i32] }), arith.extui(b, y, { types: [i32] })),
    );
    await check(i32, i8, (b, x, y) => arith.trunci(b, arith.muli(b, x, y), { types: [i8] }));
    await check(i32, i64, (b, x, y) =>
      arith.muli(b, arith.extsi(b, x, { types: [i64] }), arith.extui(b, y, { types: [i64] })),
    );
    await check(i64, i32, (b, x, y) => arith.trunci(b, arith.addi(b, x, y), { types: [i32] }));
    await check(i1, i32, (b, x, y) =>
      arith.addi(b, arith.extui(b, x, { types: [i32] }), arith.extsi(b, y, { types: [i32] })),
    );
  });
});
