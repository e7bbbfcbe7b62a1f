/** Named ops and composites cut into tiles: the tiles put together are the whole. */
import { describe, expect, it } from "vitest";
import { unmixed } from "../../dialects/shaped.ts";
import * as tensor from "../../dialects/tensor/ops.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { type Tile, tiling } from "../../ir/interfaces.ts";
import { interpret } from "../../ir/interpret.ts";
import { verify } from "../../ir/verify.ts";
import { Diagnostics } from "../../support/diagnostic.ts";
import { NDArray } from "../../support/ndarray.ts";
import { print } from "../../text/printer.ts";
import { moduleOf } from "../support/run.ts";

interface Case {
  readonly types: readonly string[];
  readonly op: string;
  /** Tile size per loop; 0 is all of it. */
  readonly sizes: readonly number[];
}

const cases: Record<string, Case> = {
  "strided convolution": {
    types: ["1x9x9x3xf32", "3x3x3x8xf32", "1x4x4x8xf32"],
    op: "linalg.conv_2d_nhwc_hwcf {strides = dense<2> : tensor<2xi64>} ins(%a0, %a1 : T0, T1) outs(%a2 : T2) -> T2",
    sizes: [0, 3, 2, 5, 0, 0, 0],
  },
  "the first reduction of a convolution": {
    types: ["1x6x6x2xf32", "3x3x2x4xf32", "1x4x4x4xf32"],
    op: "linalg.conv_2d_nhwc_hwcf ins(%a0, %a1 : T0, T1) outs(%a2 : T2) -> T2",
    sizes: [0, 2, 0, 0, 2, 0, 0],
  },
  "dilated depthwise convolution": {
    types: ["1x9x7x5xf32", "3x3x5xf32", "1x5x5x5xf32"],
    op: "linalg.depthwise_conv_2d_nhwc_hwc {dilations = dense<[2, 1]> : tensor<2xi64>} ins(%a0, %a1 : T0, T1) outs(%a2 : T2) -> T2",
    sizes: [1, 2, 4, 3, 0, 0],
  },
  pooling: {
    types: ["1x8x8x3xf32", "2x2xf32", "1x4x4x3xf32"],
    op: "linalg.pooling_nhwc_max {strides = dense<2> : tensor<2xi64>} ins(%a0, %a1 : T0, T1) outs(%a2 : T2) -> T2",
    sizes: [1, 3, 3, 2, 0, 0],
  },
  "a transpose": {
    types: ["5x4x3xf32", "3x5x4xf32"],
    op: "linalg.transpose ins(%a0 : T0) outs(%a1 : T1) permutation = [2, 0, 1]",
    sizes: [2, 3, 3],
  },
  "a broadcast": {
    types: ["4x3xf32", "4x6x3xf32"],
    op: "linalg.broadcast ins(%a0 : T0) outs(%a1 : T1) dimensions = [1]",
    sizes: [3, 4, 2],
  },
  "a map": {
    types: ["4x3xf32", "4x3xf32", "4x3xf32"],
    op: "linalg.map { arith.mulf } ins(%a0, %a1 : T0, T1) outs(%a2 : T2)",
    sizes: [3, 2],
  },
  "a reduction": {
    types: ["4x7xf32", "4xf32"],
    op: "linalg.reduce { arith.addf } ins(%a0 : T0) outs(%a1 : T1) dimensions = [1]",
    sizes: [3, 2],
  },
  "random numbers by row and column": {
    types: ["4x6xf32"],
    op: "linalg.fill_rng_2d ins(%lo, %hi, %seed : f64, f64, i32) outs(%a0 : T0) -> T0",
    sizes: [3, 4],
  },
  softmax: {
    types: ["4x5x3xf32", "4x5x3xf32"],
    op: "linalg.softmax dimension(1) ins(%a0 : T0) outs(%a1 : T1) -> T1",
    sizes: [3, 2, 2],
  },
};

const constants = `  %lo = arith.constant -1.0 : f64
  %hi = arith.constant 1.0 : f64
  %seed = arith.constant 7 : i32
`;

function program({ types, op }: Case): string {
  const full = op.replace(/T(\d)/g, (_, i) => `tensor<${types[Number(i)]}>`);
  const out = `tensor<${types.at(-1)}>`;
  const args = types.map((t, i) => `%a${i}: tensor<${t}>`).join(", ");
  return `func.func @f(${args}) -> ${out} {\n${constants}  %0 = ${full}\n  return %0 : ${out}\n}`;
}

function structuredOp(module: Operation): Operation {
  let found: Operation | undefined;
  module.walk((op) => {
    if (tiling.of(op)) found ??= op;
  });
  return found!;
}

/** Replaces the op by its tiles, each put into what the one before has left. */
function tileAll(op: Operation, sizes: readonly number[]): void {
  const iface = tiling.of(op)!;
  const b = Builder.before(op);
  const extents = iface.loops(op).map((l) => l.extent);
  const last = op.operandCount - 1;
  let current: Value = op.operand(last);
  const visit = (tile: { offsets: number[]; sizes: number[] }): void => {
    const l = tile.offsets.length;
    if (l < extents.length) {
      const step = sizes[l] || extents[l]!;
      for (let i = 0; i < extents[l]!; i += step) {
        const size = Math.min(step, extents[l]! - i);
        visit({ offsets: [...tile.offsets, i], sizes: [...tile.sizes, size] });
      }
      return;
    }
    op.setOperand(last, current);
    const [part] = iface.onTile(op, tile as Tile, b);
    const place = iface.resultTile(op, 0, tile, b);
    const [at, size] = [unmixed(place.offsets), unmixed(place.sizes)];
    current = tensor.insert_slice(b, part!, current, at.dynamics, size.dynamics, [], {
      static_offsets: at.statics,
      static_sizes: size.statics,
      static_strides: place.offsets.map(() => 1),
    });
  };
  visit({ offsets: [], sizes: [] });
  op.result().replaceAllUsesWith(current);
  op.erase();
}

const array = (type: string, from: number): NDArray => {
  const shape = type.split("x").slice(0, -1).map(Number);
  const n = shape.reduce((a, d) => a * d, 1);
  return NDArray.from(
    "f32",
    shape,
    Array.from({ length: n }, (_, i) => Math.fround(Math.sin(i * 1.3 + from) * 2)),
  );
};

describe("tiles of named ops", () => {
  for (const [name, c] of Object.entries(cases)) {
    it(name, () => {
      const args = c.types.map((t, i) => array(t, i));
      const [whole] = interpret(moduleOf(program(c)), "f", args) as NDArray[];
      const module = moduleOf(program(c));
      const op = structuredOp(module);
      const opName = op.name;
      tileAll(op, c.sizes);
      const diagnostics = new Diagnostics();
      verify(module, diagnostics);
      expect(diagnostics.list.map((d) => d.message)).toEqual([]);
      const [tiled] = interpret(module, "f", args) as NDArray[];
      expect(tiled!.values()).toEqual(whole!.values());
      // Tiles of a named op have its name.
      expect(print(module).split(opName).length).toBeGreaterThan(2);
    });
  }
});

describe("softmax", () => {
  it("means what its lower words mean", () => {
    for (const dimension of [0, 1, 2]) {
      const c = { ...cases.softmax!, op: cases.softmax!.op.replace("dimension(1)", `dimension(${dimension})`) };
      const args = c.types.map((t, i) => array(t, i));
      const [whole] = interpret(moduleOf(program(c)), "f", args) as NDArray[];
      const module = moduleOf(program(c));
      const op = structuredOp(module);
      const [value] = op.def.spec.expand!(op.def.of(op) as never, Builder.before(op))!;
      op.result().replaceAllUsesWith(value!);
      op.erase();
      expect((interpret(module, "f", args) as NDArray[])[0]!.values()).toEqual(whole!.values());
    }
  });
});
