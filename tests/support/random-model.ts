/** @file Random small models: images through convolutions, pools, sums, activations and matrix products. */
import { makeModule } from "../../dialects/builtin.ts";
import { func, makeFunction } from "../../dialects/func.ts";
import { constantOfArray } from "../../dialects/graph/constant.ts";
import { conv } from "../../dialects/graph/conv.ts";
import * as elementwise from "../../dialects/graph/elementwise.ts";
import { matmul } from "../../dialects/graph/matmul.ts";
import { average_pool, max_pool } from "../../dialects/graph/pool.ts";
import { concat, pad, reshape, transpose } from "../../dialects/graph/shape.ts";
import { Builder } from "../../ir/builder.ts";
import type { Operation, Value } from "../../ir/core.ts";
import { f32, functionType, type TensorType, tensor } from "../../ir/types.ts";
import { randomArray } from "./compile.ts";
import type { Choices } from "./random-program.ts";

const shapeOf = (v: Value): readonly number[] => (v.type as TensorType).shape;
const window = (pads: number, stride: number) => ({
  strides: [stride, stride],
  dilations: [1, 1],
  pads: [pads, pads, pads, pads],
});

/** A module with one function `@main` on one or two images. */
export function randomModel(c: Choices): Operation {
  const image = tensor([1, c.of([1, 2, 3, 8]), c.of([4, 5, 7]), c.of([4, 6])], f32);
  const inputs = c.below(2) === 0 ? [image] : [image, image];
  const module = makeModule();
  const b = Builder.atEnd(module.region().entry);
  let seed = 1;
  const weight = (inner: Builder, shape: readonly number[]): Value =>
    constantOfArray(inner, randomArray(tensor(shape, f32), seed++), f32);
  const made = makeFunction(b, "main", functionType(inputs, []), (inner, ...args) => {
    const images = [...args];
    for (let i = 0; i < 6 && c.left > 0; i++) images.push(step(inner, images, c, weight));
    const last = images.at(-1)!;
    return c.below(3) > 0 ? [last] : [flattened(inner, last, weight, c)];
  });
  const results = made.region().entry.last!.operands.map((v) => v.type);
  made.props[func.attrIndex.get("function_type")!] = functionType(inputs, results);
  return module;
}

type Weight = (b: Builder, shape: readonly number[]) => Value;

function step(b: Builder, images: readonly Value[], c: Choices, weight: Weight): Value {
  const x = c.below(3) > 0 ? images.at(-1)! : c.of(images);
  const [, channels = 1, height = 1, width = 1] = shapeOf(x);
  const alike = images.filter((y) => shapeOf(y).join() === shapeOf(x).join());
  switch (c.below(12)) {
    case 0:
    case 1: {
      const out = c.of([1, 4, 8, 5]);
      const stride = height > 3 && width > 3 ? c.of([1, 2]) : 1;
      return conv(b, x, weight(b, [out, channels, 3, 3]), weight(b, [out]), window(1, stride));
    }
    case 2:
      return conv(b, x, weight(b, [c.of([2, 16]), channels, 1, 1]), undefined, window(0, 1));
    case 3:
      return conv(b, x, weight(b, [channels, 1, 3, 3]), weight(b, [channels]), { ...window(1, 1), group: channels });
    case 4:
      return height > 1 && width > 1 ? max_pool(b, x, { kernel: [2, 2], ...window(0, c.of([1, 2])) }) : x;
    case 5:
      return average_pool(b, x, { kernel: [3, 3], ...window(1, 1), count_include_pad: c.below(2) === 1 });
    case 6:
      return elementwise.add(b, x, c.of(alike));
    case 7:
      return elementwise.mul(b, x, weight(b, [channels, 1, 1]));
    case 8:
      return concat(b, [x, c.of(alike)], { axis: 1 });
    case 9:
      return elementwise.clip(b, x, { min: -1, max: 1 });
    case 10:
      return transpose(b, x, { perm: [0, 1, 3, 2] });
    default:
      return c.below(2) === 0
        ? elementwise.relu(b, x)
        : pad(b, x, undefined, { low: [0, 0, 1, 0], high: [0, 0, 0, 1] });
  }
}

/** All numbers of an image in one row, through a dense layer. */
function flattened(b: Builder, x: Value, weight: Weight, c: Choices): Value {
  const count = shapeOf(x).reduce((n, d) => n * d, 1);
  const row = reshape(b, x, undefined, { shape: [1, count] });
  return elementwise.add(b, matmul(b, row, weight(b, [count, c.of([1, 7, 8])])), weight(b, [1]));
}
