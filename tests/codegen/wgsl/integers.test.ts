/** @file Indices and integers of 64 bits on WebGPU: what is known of shapes is no work of the device, what is data lies in words of 32 bits. */
import { describe, expect, it } from "vitest";
import { indented } from "../../../codegen/wgsl/compact.ts";
import { compile } from "../../../index.ts";
import * as make from "../../../onnx/make.ts";
import { writeModel } from "../../../onnx/write.ts";
import { shadersOf } from "../../support/gpu.ts";

const wide = (name: string, ...values: bigint[]) =>
  make.makeTensor(name, "int64", [values.length], BigInt64Array.from(values));

/** y = Relu(x) in the shape [2 · 3, 4], which the model computes of the shape of x. */
const shapes = writeModel(
  make.makeModel(
    make.makeGraph("shapes", {
      nodes: [
        make.makeNode("Shape", ["x"], ["dims"]),
        make.makeNode("Gather", ["dims", "two"], ["front"]),
        make.makeNode("ReduceProd", ["front"], ["rows"], { keepdims: make.int(1) }),
        make.makeNode("Gather", ["dims", "last"], ["columns"]),
        make.makeNode("Concat", ["rows", "columns"], ["wanted"], { axis: make.int(0) }),
        make.makeNode("Reshape", ["x", "wanted"], ["flat"]),
        make.makeNode("Relu", ["flat"], ["y"]),
      ],
      inputs: [make.makeValue("x", "float32", [2, 3, 4])],
      outputs: [make.makeValue("y", "float32", [6, 4])],
      initializers: [wide("two", 0n, 1n), wide("last", -1n)],
    }),
    17,
  ),
);

/** n = i + big of 64-bit integers. */
const adding = (big: bigint): Uint8Array =>
  writeModel(
    make.makeModel(
      make.makeGraph("adding", {
        nodes: [make.makeNode("Add", ["i", "big"], ["n"])],
        inputs: [make.makeValue("i", "int64", [2])],
        outputs: [make.makeValue("n", "int64", [2])],
        initializers: [wide("big", big)],
      }),
      17,
    ),
  );

describe("indices on WebGPU", () => {
  it("of rows of several dimensions that lie in one piece are not divided in loops", async () => {
    const graph = make.makeGraph("rows", {
      nodes: [make.makeNode("ReduceSum", ["x"], ["y"], { keepdims: make.int(0) })],
      inputs: [make.makeValue("x", "float32", [18, 6])],
      outputs: [make.makeValue("y", "float32", [])],
    });
    const model = await compile(writeModel(make.makeModel(graph, 17)), { target: "wgsl" });
    const [code] = shadersOf(model);
    expect(code).toContain("var<workgroup>");
    const loops = indented(code!).match(/^ +for .*\{[\s\S]*?^ +\}/gm) ?? [];
    expect(loops.length).toBeGreaterThan(0);
    for (const loop of loops) expect(loop).not.toMatch(/[/%]/);
  });
});

describe("integers of 64 bits on WebGPU", () => {
  it("that say shapes are computed when the model is compiled", async () => {
    const { manifest } = await compile(shapes, { target: "wgsl" });
    expect(manifest.gpu!.steps.length).toBe(1);
    expect(manifest.outputs[0]).toMatchObject({ name: "y", shape: [6, 4] });
  });

  it("must fit into 32 bits where they are constants", async () => {
    const { manifest } = await compile(adding(2n ** 31n - 1n), { target: "wgsl" });
    expect(manifest.inputs[0]).toMatchObject({ type: "int64", bytes: 16 });
    await expect(compile(adding(2n ** 31n), { target: "wgsl" })).rejects.toMatchObject({
      diagnostics: [{ code: "target/unsupported" }],
    });
  });
});
