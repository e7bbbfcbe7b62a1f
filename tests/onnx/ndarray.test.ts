import { describe, expect, it } from "vitest";
import { byteLength, type ElementType, elementTypes } from "../../onnx/dtypes.ts";
import { fromNDArray, toNDArray } from "../../onnx/ndarray.ts";
import type { TensorData } from "../../onnx/weights.ts";
import { NDArray } from "../../support/ndarray.ts";

const data = (type: ElementType, dims: readonly number[], bytes: readonly number[]): TensorData =>
  ({ type, dims, bytes: Uint8Array.from(bytes) }) as TensorData;

describe("tensors as arrays", () => {
  const cases: readonly [ElementType, readonly number[], readonly (number | bigint)[]][] = [
    ["int4", [0xf1, 0x08], [1, -1, -8]],
    ["uint4", [0xf1, 0x08], [1, 15, 8]],
    ["int2", [0xe4], [0, 1, -2]],
    ["uint2", [0xe4], [0, 1, 2]],
    ["float4e2m1", [0x21, 0x0f], [0.5, 1, -6]],
    ["int8", [255, 0, 127], [-1, 0, 127]],
    ["bool", [0, 1, 1], [0, 1, 1]],
    ["float16", [0, 0x3c, 0, 0xc0, 0, 0], [1, -2, 0]],
    ["bfloat16", [0x80, 0x3f, 0, 0xc0, 0, 0], [1, -2, 0]],
    ["float8e4m3fn", [0x38, 0xc0, 0], [1, -2, 0]],
    ["int64", [255, 255, 255, 255, 255, 255, 255, 255, ...new Array<number>(16).fill(0)], [-1n, 0n, 0n]],
    ["float32", [0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0, 0, 0, 0, 0], [1, -2, 0]],
  ];
  for (const [type, bytes, values] of cases) {
    it(`${type}: packed bytes and elements say the same`, () => {
      const array = toNDArray(data(type, [3], bytes))!;
      expect(array.values()).toEqual(values);
      const { payload, ...tensor } = fromNDArray("x", array);
      expect(tensor).toMatchObject({ name: "x", type, dims: [3] });
      if (payload.kind !== "bytes") throw new Error("expected bytes");
      // The last byte of int2 in the case above has a fourth element, which three elements leave out.
      expect(Array.from(payload.bytes)).toEqual(type.endsWith("int2") ? [0x24] : bytes);
    });
  }

  it("are views where the bytes are aligned, copies where they are not", () => {
    const buffer = new Uint8Array(20);
    for (const offset of [0, 3, 4]) {
      const array = toNDArray({ type: "float32", dims: [4], bytes: buffer.subarray(offset, offset + 16) })!;
      expect(array.data.buffer === buffer.buffer).toBe(offset % 4 === 0);
    }
  });

  it("exist for every type but complex numbers, strings and six bits", () => {
    const without = elementTypes.filter(({ name }) => {
      const type = name as Exclude<ElementType, "string">;
      return toNDArray({ type, dims: [2], bytes: new Uint8Array(byteLength(type, 2)) }) === undefined;
    });
    expect(without.map((t) => t.name)).toEqual(["string", "complex64", "complex128", "float6e2m3", "float6e3m2"]);
  });

  it("of any strides become row-major tensors", () => {
    const { dims, payload } = fromNDArray("t", NDArray.from("u8", [2, 3], [1, 2, 3, 4, 5, 6]).transpose([1, 0]));
    expect(dims).toEqual([3, 2]);
    expect(payload).toEqual({ kind: "bytes", bytes: Uint8Array.of(1, 4, 2, 5, 3, 6) });
  });
});
