/** @file Views, slices, padding and control flow between kernels: where tensors lie, and that nothing is lost. */
import { describe, expect, it } from "vitest";
import * as arith from "../../dialects/arith/ops.ts";
import * as linalg from "../../dialects/linalg/index.ts";
import * as scf from "../../dialects/scf/ops.ts";
import * as tensor from "../../dialects/tensor/index.ts";
import type { Builder } from "../../ir/builder.ts";
import type { Value } from "../../ir/core.ts";
import { dynamic, f32, i1, type TensorType, tensor as tensorType } from "../../ir/types.ts";
import { print } from "../../text/printer.ts";
import { both, distance, program, runPasses } from "../support/compile.ts";

const t = (...shape: number[]): TensorType => tensorType(shape, f32);
const names = (rank: number): string => Array.from({ length: rank }, (_, i) => `d${i}`).join(", ");
const shapeOf = (v: Value): readonly number[] => (v.type as TensorType).shape;

function fill(b: Builder, shape: readonly number[], value: number): Value {
  return linalg.genericOf(b, {
    loops: names(shape.length).replaceAll(",", ""),
    inputs: [[arith.constantFloat(b, value, f32), ""]],
    outputs: [[tensor.empty(b, [], { types: [tensorType(shape, f32)] }), names(shape.length)]],
    body: (_b, x) => x!,
  })[0]!;
}

function twice(b: Builder, x: Value): Value {
  const shape = shapeOf(x);
  return linalg.genericOf(b, {
    loops: names(shape.length).replaceAll(",", ""),
    inputs: [[x, names(shape.length)]],
    outputs: [[tensor.empty(b, [], { types: [tensorType(shape, f32)] }), names(shape.length)]],
    body: (inner, v) => arith.addf(inner, v!, v!),
  })[0]!;
}

const insert = (b: Builder, source: Value, dest: Value, offsets: readonly number[]): Value =>
  tensor.insert_slice(b, source, dest, [], [], [], {
    static_offsets: offsets,
    static_sizes: shapeOf(source),
    static_strides: offsets.map(() => 1),
  });
const extract = (b: Builder, source: Value, offsets: readonly number[], sizes: readonly number[]): Value =>
  tensor.extract_slice(b, source, [], [], [], {
    static_offsets: offsets,
    static_sizes: sizes,
    static_strides: offsets.map(() => 1),
    types: [tensorType(sizes, f32)],
  });

async function same(
  inputs: readonly TensorType[],
  results: readonly TensorType[],
  body: (b: Builder, ...args: Value[]) => readonly Value[],
): Promise<void> {
  const r = await both(program(inputs, results, body));
  r.wasm.forEach((w, i) => expect(distance(w, r.reference[i]!)).toBe(0));
}

describe("buffers", () => {
  it("pads: the producer writes into the padded tensor", () =>
    same([t(1, 4, 5, 8)], [t(1, 6, 7, 8)], (b, x) => [
      twice(b, insert(b, twice(b, x!), fill(b, [1, 6, 7, 8], 0.25), [0, 1, 1, 0])),
    ]));

  it("pads two tensors alike, without copies", async () => {
    const inputs = [t(1, 4, 5, 8), t(1, 4, 5, 8)];
    const pad = (b: Builder, x: Value): Value =>
      twice(b, insert(b, twice(b, x), fill(b, [1, 6, 7, 8], 0), [0, 1, 1, 0]));
    const make = (b: Builder, ...args: Value[]): Value[] => args.map((x) => pad(b, x));
    await same(inputs, [t(1, 6, 7, 8), t(1, 6, 7, 8)], make);
    const module = program(inputs, [t(1, 6, 7, 8), t(1, 6, 7, 8)], make);
    runPasses(module, "canonicalize,cse,linalg-outline,linalg-bufferize");
    expect(print(module)).toContain("call @k");
    expect(print(module)).not.toContain("@copy");
  });

  it("pads an argument", () => same([t(3, 5)], [t(5, 9)], (b, x) => [insert(b, x!, fill(b, [5, 9], -1), [1, 2])]));

  it("concatenates", () =>
    same([t(2, 3), t(2, 4)], [t(2, 7)], (b, x, y) => {
      const empty = tensor.empty(b, [], { types: [t(2, 7)] });
      return [insert(b, twice(b, y!), insert(b, twice(b, x!), empty, [0, 0]), [0, 3])];
    }));

  it("concatenates twice into what starts from one empty tensor, without copies", async () => {
    const p = program([t(2, 3), t(2, 4)], [t(2, 7), t(2, 7)], (b, x, y) => {
      const empty = tensor.empty(b, [], { types: [t(2, 7)] });
      const joined = (p: Value, q: Value): Value => insert(b, q, insert(b, p, empty, [0, 0]), [0, 3]);
      return [joined(twice(b, x!), twice(b, y!)), joined(twice(b, twice(b, x!)), twice(b, twice(b, y!)))];
    });
    const r = await both(p);
    r.wasm.forEach((w, i) => expect(distance(w, r.reference[i]!)).toBe(0));
    expect(new TextDecoder("latin1").decode(r.code)).not.toContain("copy_");
  });

  it("makes parts of a concatenation in another shape, where their rows are whole, without copies", async () => {
    const flat = (b: Builder, x: Value): Value => tensor.collapse_shape(b, x, { reassociation: [[0, 1], [2]] });
    const made = (axis: number, shape: readonly number[]) => (b: Builder, x?: Value, y?: Value) => {
      const whole = insert(b, flat(b, twice(b, x!)), tensor.empty(b, [], { types: [tensorType(shape, f32)] }), [0, 0]);
      return [insert(b, flat(b, twice(b, y!)), whole, axis === 0 ? [6, 0] : [0, 4])];
    };
    await same([t(2, 3, 4), t(2, 3, 4)], [t(12, 4)], made(0, [12, 4]));
    await same([t(2, 3, 4), t(2, 3, 4)], [t(6, 8)], made(1, [6, 8]));
    const module = program([t(2, 3, 4), t(2, 3, 4)], [t(12, 4)], made(0, [12, 4]));
    runPasses(module, "builtin.module(linalg-outline,linalg-bufferize)");
    expect(print(module)).not.toMatch(/call @copy/);
  });

  it("concatenates a tensor with itself", () =>
    same([t(2, 3)], [t(2, 6), t(2, 3)], (b, x) => {
      const y = twice(b, x!);
      const empty = tensor.empty(b, [], { types: [t(2, 6)] });
      return [insert(b, y, insert(b, y, empty, [0, 0]), [0, 3]), y];
    }));

  it("reads slices of what it has made, and of arguments", () =>
    same([t(4, 6)], [t(2, 3), t(2, 2)], (b, x) => [
      twice(b, extract(b, twice(b, x!), [1, 2], [2, 3])),
      extract(b, x!, [2, 4], [2, 2]),
    ]));

  it("reshapes", () =>
    same([t(4, 6)], [t(24)], (b, x) => [
      tensor.collapse_shape(b, twice(b, x!), { reassociation: [[0, 1]], types: [t(24)] }),
    ]));

  it("reshapes a slice, which takes a copy", () =>
    same([t(4, 6)], [t(6)], (b, x) => [
      tensor.collapse_shape(b, extract(b, x!, [1, 2], [2, 3]), { reassociation: [[0, 1]], types: [t(6)] }),
    ]));

  it("returns an argument, and a tensor twice", () =>
    same([t(3, 3)], [t(3, 3), t(3, 3), t(3, 3)], (b, x) => {
      const y = twice(b, x!);
      return [x!, y, y];
    }));

  it("branches", () =>
    same([tensorType([], i1), t(5)], [t(5)], (b, c, x) => {
      const condition = tensor.extract(b, c!, []);
      return scf.if(b, condition, {
        types: [t(5)],
        thenRegion: (inner) => [twice(inner, x!)],
        elseRegion: (inner) => [twice(inner, twice(inner, x!))],
      });
    }));

  it("loops", () =>
    same([t(5)], [t(5)], (b, x) => {
      const [from, to, step] = [0, 3, 1].map((n) => arith.constantIndex(b, n));
      return scf.for(b, from!, to!, step!, [x!], { region: (inner, _i, acc) => [twice(inner, acc!)] });
    }));

  it("reads and writes slices at the turn of a loop, and carries a sum", () =>
    same([t(4, 6)], [t(6), t(6, 4)], (b, x) => {
      const [from, to, step] = [0, 4, 1].map((n) => arith.constantIndex(b, n));
      const outputs = tensor.empty(b, [], { types: [t(6, 4)] });
      return scf.for(b, from!, to!, step!, [fill(b, [6], 0.5), outputs], {
        region(inner, i, sum, all) {
          const row = tensor.extract_slice(inner, x!, [i!], [], [], {
            static_offsets: [dynamic, 0],
            static_sizes: [1, 6],
            static_strides: [1, 1],
            types: [t(6)],
          });
          const next = linalg.genericOf(inner, {
            loops: "d0",
            inputs: [
              [row, "d0"],
              [sum!, "d0"],
            ],
            outputs: [[tensor.empty(inner, [], { types: [t(6)] }), "d0"]],
            body: (e, u, v) => arith.addf(e, u!, v!),
          })[0]!;
          const back = arith.subi(inner, arith.constantIndex(inner, 3), i!);
          const written = tensor.insert_slice(inner, next, all!, [back], [], [], {
            static_offsets: [0, dynamic],
            static_sizes: [6, 1],
            static_strides: [1, 1],
          });
          return [next, written];
        },
      });
    }));

  it("chooses between tensors", () =>
    same([tensorType([], i1), t(5)], [t(5)], (b, c, x) => [
      arith.select(b, tensor.extract(b, c!, []), twice(b, x!), x!),
    ]));
});
