/** @file Kernels from structured ops to WebAssembly, against the interpreter. */
import { describe, expect, it } from "vitest";
import * as arith from "../../dialects/arith/ops.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import * as math from "../../dialects/math.ts";
import * as memref from "../../dialects/memref/index.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { interpret } from "../../ir/interpret.ts";
import { Resource } from "../../ir/resource.ts";
import { f32, tensor as tensorType } from "../../ir/types.ts";
import { print } from "../../text/printer.ts";
import { both, distance, hasRelaxedSimd, kernelPipeline, program, randomArray, runPasses } from "../support/compile.ts";

const empty = (b: Builder, shape: readonly number[]): Value => tensor.empty(b, [], { types: [tensorType(shape, f32)] });
const number = (b: Builder, value: number): Value => arith.constantFloat(b, value, f32);
function filled(b: Builder, shape: readonly number[], value: number): Value {
  const c = number(b, value);
  const names = shape.map((_, i) => `d${i}`);
  return linalg.genericOf(b, {
    loops: names.join(" "),
    inputs: [[c, ""]],
    outputs: [[empty(b, shape), names.join(", ")]],
    body: (_b, x) => x!,
  })[0]!;
}
function weights(b: Builder, shape: readonly number[], seed: number): Value {
  const type = tensorType(shape, f32);
  const data = randomArray(type, seed).data as Float32Array;
  const resource = Resource.of(`w${seed}`, new Uint8Array(data.buffer));
  return arith.constant(b, { value: { kind: "resource", key: `w${seed}`, type, resource } });
}
const relu = (b: Builder, x: Value): Value => arith.maximumf(b, x, number(b, 0));
function map(
  b: Builder,
  xs: readonly Value[],
  shape: readonly number[],
  at: readonly string[],
  body: (b: Builder, ...v: Value[]) => Value,
): Value {
  const names = shape.map((_, i) => `d${i}`).join(", ");
  return linalg.genericOf(b, {
    loops: names.replaceAll(",", ""),
    inputs: xs.map((x, i) => [x, at[i] || names] as const),
    outputs: [[empty(b, shape), names]],
    body: (inner, ...v) => body(inner, ...v.slice(0, xs.length)),
  })[0]!;
}

function matmul(b: Builder, x: Value, w: Value, m: number, n: number, init?: Value): Value {
  return linalg.genericOf(b, {
    loops: "m n : k",
    inputs: [
      [x, "m, k"],
      [w, "k, n"],
    ],
    outputs: [[init ?? filled(b, [m, n], 0), "m, n"]],
    body: (inner, p, q, acc) => arith.addf(inner, acc!, arith.mulf(inner, p!, q!)),
  })[0]!;
}

/** A convolution with windows of one point. */
function pointwise(b: Builder, x: Value, shape: readonly number[], w: Value): Value {
  return linalg.genericOf(b, {
    loops: "n h w o : c",
    inputs: [
      [x, "n, h, w, c"],
      [w, "c, o"],
    ],
    outputs: [[filled(b, shape, 0.5), "n, h, w, o"]],
    body: (inner, p, q, acc) => arith.addf(inner, acc!, arith.mulf(inner, p!, q!)),
  })[0]!;
}

/** Largest element, exponentials, their sum, quotients. */
function softmaxOf(b: Builder, x: Value, m: number, n: number): Value[] {
  const top = linalg.genericOf(b, {
    loops: "m : n",
    inputs: [[x, "m, n"]],
    outputs: [[filled(b, [m], Number.NEGATIVE_INFINITY), "m"]],
    body: (inner, v, acc) => arith.maximumf(inner, acc!, v!),
  })[0]!;
  const e = map(b, [x, top], [m, n], ["", "d0"], (inner, v, t) => math.exp(inner, arith.subf(inner, v!, t!)));
  const sum = linalg.genericOf(b, {
    loops: "m : n",
    inputs: [[e, "m, n"]],
    outputs: [[filled(b, [m], 0), "m"]],
    body: (inner, v, acc) => arith.addf(inner, acc!, v!),
  })[0]!;
  return [map(b, [e, sum], [m, n], ["", "d0"], (inner, v, t) => arith.divf(inner, v!, t!))];
}

/** A module after the passes for a machine up to the one that begins so. */
function lowered(module: Operation, machine: string, before: string): Operation {
  const all = kernelPipeline(machine);
  const head = all.slice(0, all.indexOf(before)).replace(/,?(func\.func\()?$/, "");
  const open = head.split("(").length - head.split(")").length;
  runPasses(module, head + ")".repeat(open));
  return module;
}

const relaxed = hasRelaxedSimd() ? ["v8-relaxed", "v8-256"] : [];

describe.each(["v8", "v8-12", ...relaxed])("kernels on %s", (machine) => {
  it.each([
    [1, 1, 1],
    [5, 8, 16],
    [7, 13, 9],
    [33, 30, 17],
    [1, 40, 64],
    [12, 3, 5],
  ])("matrix product %i x %i x %i with bias and relu in one kernel", async (m, n, k) => {
    const module = program([tensorType([m, k], f32)], [tensorType([m, n], f32)], (b, x) => {
      const bias = map(b, [weights(b, [n], 9)], [m, n], ["d1"], (_b, v) => v!);
      const y = matmul(b, x!, weights(b, [k, n], 7), m, n, bias);
      return [map(b, [y], [m, n], [""], (inner, v) => relu(inner, v!))];
    });
    const r = await both(module, machine);
    expect(distance(r.wasm[0]!, r.reference[0]!)).toBeLessThan(1e-5);
  });

  it.each([
    [8, 8, 3, 16, 3, 1],
    [9, 7, 8, 12, 3, 2],
    [6, 6, 16, 8, 1, 1],
  ])("convolution %ix%ix%i to %i, window %i, stride %i", async (h, w, c, o, k, s) => {
    const oh = Math.floor((h - k) / s) + 1;
    const ow = Math.floor((w - k) / s) + 1;
    const module = program(
      [tensorType([1, h, w, c], f32), tensorType([1, oh, ow, o], f32)],
      [tensorType([1, oh, ow, o], f32)],
      (b, x, skip) => {
        const y = linalg.genericOf(b, {
          loops: "n h w o : i j c",
          inputs: [
            [x!, `n, h * ${s} + i, w * ${s} + j, c`],
            [weights(b, [k, k, c, o], 3), "i, j, c, o"],
          ],
          outputs: [[filled(b, [1, oh, ow, o], 0.5), "n, h, w, o"]],
          body: (inner, p, q, acc) => arith.addf(inner, acc!, arith.mulf(inner, p!, q!)),
        })[0]!;
        return [map(b, [y, skip!], [1, oh, ow, o], ["", ""], (inner, v, r) => relu(inner, arith.addf(inner, v!, r!)))];
      },
    );
    const r = await both(module, machine);
    expect(distance(r.wasm[0]!, r.reference[0]!)).toBeLessThan(1e-5);
  });

  it("rows of images run as one where that leaves less over: whole tiles, and what is left", async () => {
    const build = (): Operation =>
      program([tensorType([1, 7, 7, 24], f32)], [tensorType([1, 7, 7, 32], f32)], (b, x) => [
        pointwise(b, x!, [1, 7, 7, 32], weights(b, [24, 32], 3)),
      ]);
    const r = await both(build(), machine);
    expect(distance(r.wasm[0]!, r.reference[0]!)).toBeLessThan(1e-5);
    expect(print(lowered(build(), machine, "linalg-to-loops"))).toContain("joined = array<i64: 1, 2>");
  });

  it.each([
    ["few steps: rows stay apart", 16, false],
    ["many steps: places are taken apart", 320, true],
  ])("rows are written with room between them, %s", async (_, c, isJoined) => {
    const build = (): Operation =>
      program([tensorType([1, 7, 7, c], f32)], [tensorType([1, 9, 9, 32], f32)], (b, x) => {
        const y = pointwise(b, x!, [1, 7, 7, 32], weights(b, [c, 32], 3));
        const around = filled(b, [1, 9, 9, 32], -1);
        const at = { static_offsets: [0, 1, 1, 0], static_sizes: [1, 7, 7, 32], static_strides: [1, 1, 1, 1] };
        return [tensor.insert_slice(b, y, around, [], [], [], at)];
      });
    const r = await both(build(), machine);
    expect(distance(r.wasm[0]!, r.reference[0]!)).toBeLessThan(1e-5);
    expect(print(lowered(build(), machine, "linalg-to-loops")).includes("joined")).toBe(isJoined);
  });

  it("a window over planes divides nothing: its steps are those of what lies in memory", async () => {
    const build = (): Operation =>
      program([tensorType([1, 3, 13, 13], f32)], [tensorType([1, 6, 6, 16], f32)], (b, x) => {
        const image = map(b, [x!], [1, 13, 13, 3], ["d0, d3, d1, d2"], (_b, v) => v!);
        return linalg.genericOf(b, {
          loops: "n h w o : i j c",
          inputs: [
            [image, "n, h * 2 + i, w * 2 + j, c"],
            [weights(b, [3, 3, 3, 16], 3), "i, j, c, o"],
          ],
          outputs: [[filled(b, [1, 6, 6, 16], 0.5), "n, h, w, o"]],
          body: (inner, p, q, acc) => arith.addf(inner, acc!, arith.mulf(inner, p!, q!)),
        });
      });
    const r = await both(build(), machine);
    expect(distance(r.wasm[0]!, r.reference[0]!)).toBeLessThan(1e-5);
    expect(print(lowered(build(), machine, "kernel-plan-memory"))).not.toContain("floordiv");
  });

  it.each([
    ["of one product", 1, 20],
    ["of each slice of a batch", 3, 13],
  ])("panels of weights are read ahead, %s", async (_, batch, m) => {
    const [k, n] = [160, 128];
    const types = [tensorType([batch, m, k], f32)];
    const build = (): Operation =>
      program(types, [tensorType([batch, m, n], f32)], (b, x) =>
        linalg.genericOf(b, {
          loops: "h m n : k",
          inputs: [
            [x!, "h, m, k"],
            [weights(b, [batch, k, n], 4), "h, k, n"],
          ],
          outputs: [[filled(b, [batch, m, n], 0), "h, m, n"]],
          body: (inner, p, q, acc) => arith.addf(inner, acc!, arith.mulf(inner, p!, q!)),
        }),
      );
    const r = await both(build(), machine);
    expect(distance(r.wasm[0]!, r.reference[0]!)).toBeLessThan(1e-5);
    // What is touched lies inside of the weights at every step: loads in place of hints would say if not.
    const module = lowered(build(), machine, "kernel-plan-memory");
    let count = 0;
    module.walk((op) => {
      const hint = memref.prefetch.match(op);
      if (!hint) return;
      memref.load(Builder.before(op), hint.memref, hint.indices);
      count++;
    });
    expect(count).toBeGreaterThan(0);
    const result = randomArray(tensorType([batch, m, n], f32), 2);
    interpret(module, "main", [randomArray(types[0]!, 1), result]);
    expect(distance(result, r.reference[0]!)).toBeLessThan(1e-5);
  });

  it("depthwise convolution", async () => {
    const module = program([tensorType([1, 11, 13, 10], f32)], [tensorType([1, 9, 11, 10], f32)], (b, x) =>
      linalg.genericOf(b, {
        loops: "n h w c : i j",
        inputs: [
          [x!, "n, h + i, w + j, c"],
          [weights(b, [3, 3, 10], 5), "i, j, c"],
        ],
        outputs: [[filled(b, [1, 9, 11, 10], 0), "n, h, w, c"]],
        body: (inner, p, q, acc) => arith.addf(inner, acc!, arith.mulf(inner, p!, q!)),
      }),
    );
    const r = await both(module, machine);
    expect(distance(r.wasm[0]!, r.reference[0]!)).toBeLessThan(1e-5);
  });

  it.each([
    [3, 16],
    [5, 23],
    [2, 3],
  ])("softmax over rows, %i x %i, in one kernel", async (m, n) => {
    const module = program([tensorType([m, n], f32)], [tensorType([m, n], f32)], (b, x) => softmaxOf(b, x!, m, n));
    const r = await both(module, machine);
    expect(distance(r.wasm[0]!, r.reference[0]!)).toBeLessThan(1e-6);
  });

  it("transposes, broadcasts and reads what is not contiguous", async () => {
    const module = program([tensorType([6, 9], f32), tensorType([9], f32)], [tensorType([9, 6], f32)], (b, x, y) => [
      map(b, [x!, y!], [9, 6], ["d1, d0", "d0"], (inner, v, t) => arith.addf(inner, v!, t!)),
    ]);
    const r = await both(module, machine);
    expect(distance(r.wasm[0]!, r.reference[0]!)).toBe(0);
  });

  it.each([
    ["columns in rows", "h, n, k", [3, 24, 20]],
    ["columns in rows, no whole panels", "h, n, k", [3, 13, 20]],
    ["rows far apart", "k, h, n", [20, 3, 24]],
    ["lies well already", "h, k, n", [3, 20, 8]],
  ] as const)("product of two inputs: %s", async (_, at, shape) => {
    const n = shape[at.split(", ").indexOf("n")]!;
    const types = [tensorType([18, 3, 20], f32), tensorType(shape, f32)];
    const module = program(types, [tensorType([3, 18, n], f32)], (b, x, y) =>
      linalg.genericOf(b, {
        loops: "h m n : k",
        inputs: [
          [x!, "m, h, k"],
          [y!, at],
        ],
        outputs: [[filled(b, [3, 18, n], 0), "h, m, n"]],
        body: (inner, p, q, acc) => arith.addf(inner, acc!, arith.mulf(inner, p!, q!)),
      }),
    );
    const r = await both(module, machine);
    expect(distance(r.wasm[0]!, r.reference[0]!)).toBeLessThan(1e-5);
  });

  it.each([
    [16, 24, "d1, d0"],
    [37, 18, "d1, d0"],
  ] as const)("turns blocks of %i x %i in registers", async (m, n, at) => {
    const module = program([tensorType([n, m], f32)], [tensorType([m, n], f32)], (b, x) => [
      map(b, [x!], [m, n], [at], (_b, v) => v!),
    ]);
    const r = await both(module, machine);
    expect(distance(r.wasm[0]!, r.reference[0]!)).toBe(0);
  });

  it("sums of rows that stand alone have vectors along the rows", async () => {
    const module = program([tensorType([5, 37], f32)], [tensorType([5, 1], f32)], (b, x) =>
      linalg.genericOf(b, {
        loops: "r o : k",
        inputs: [[x!, "r, k"]],
        outputs: [[filled(b, [5, 1], 0.5), "r, o"]],
        body: (inner, v, acc) => arith.addf(inner, acc!, v!, { fastmath: ["reassoc"] }),
      }),
    );
    const r = await both(module, machine);
    expect(distance(r.wasm[0]!, r.reference[0]!)).toBeLessThan(1e-5);
    let along = 0;
    module.walk((op) => {
      if (op.name === "vector.reduction") along++;
    });
    expect(along).toBeGreaterThan(0);
  });

  it("NaN spreads over its row of a softmax, and no further", async () => {
    const x = randomArray(tensorType([3, 21], f32), 4);
    (x.data as Float32Array)[21 + 9] = Number.NaN;
    const module = program([tensorType([3, 21], f32)], [tensorType([3, 21], f32)], (b, x) => softmaxOf(b, x!, 3, 21));
    const [y] = (await both(module, machine, [x])).wasm;
    const rows = [0, 1, 2].map((i) => [...(y!.data as Float32Array).subarray(21 * i, 21 * (i + 1))]);
    expect(rows.map((r) => r.every(Number.isNaN))).toEqual([false, true, false]);
    expect(rows.map((r) => r.some(Number.isNaN))).toEqual([false, true, false]);
  });

  it("two kernels pass a buffer of the arena", async () => {
    const module = program([tensorType([4, 8], f32)], [tensorType([4, 8], f32)], (b, x) => {
      const y = matmul(b, x!, weights(b, [8, 8], 1), 4, 8);
      return [matmul(b, y, weights(b, [8, 8], 2), 4, 8)];
    });
    const r = await both(module, machine);
    expect(distance(r.wasm[0]!, r.reference[0]!)).toBeLessThan(1e-5);
  });
});
