/** Models that WebGPU cannot run whole: refused with the reason, or in parts by wish, with every boundary told. */
import { describe, expect, it } from "vitest";
import { CompileError, type CompileOptions, compile as compileFor, type SplitCompiled } from "../../../index.ts";
import * as make from "../../../onnx/make.ts";
import { writeModel } from "../../../onnx/write.ts";
import { describeLocation } from "../../../support/location.ts";
import { nullBackend, onGpu } from "../../support/gpu.ts";
import { mixedModel } from "../../support/mixed-model.ts";

const options = { target: "wgsl", file: "mixed.onnx" } as const;

describe("a model with numbers of 64 bits in the middle", () => {
  const bytes = mixedModel();

  it("is refused, operation by operation, with the way out", async () => {
    const error = await compileFor(bytes, options).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(CompileError);
    const { diagnostics } = error as CompileError;
    for (const d of diagnostics)
      expect([d.code, d.help]).toEqual(["target/unsupported", expect.stringContaining("--allow-host")]);
    const places = diagnostics.map((d) => describeLocation(d.at)).join("\n");
    for (const node of ["widen", "sums", "narrow"]) expect(places).toContain(node);
    for (const node of ["first", "relu", "last"]) expect(places).not.toContain(node);
  });

  it("runs in three parts if the host is allowed, and says what crosses", async () => {
    const model = (await compileFor(bytes, { ...options, allowHost: true })) as SplitCompiled;
    const facts = new Map((await model.facts()).map((f) => [f.name, f.value]));
    expect(facts.get("parts")).toBe("device, host, device");
    expect(facts.get("read-backs")).toBe("2");
    expect(facts.get("on the host")).toMatch(/cast/);
    const boundaries = (await model.facts()).filter((f) => f.name === "boundary").map((f) => f.value);
    expect(boundaries).toEqual([
      '"r" to the host: float32 [4, 8], 128 B',
      expect.stringMatching(/^"between.*" to the device: float32 \[4, 8\], 128 B$/),
    ]);
    expect(facts.get("across")).toEqual({ bytes: 256 });
    expect(model.manifest.inputs.map((p) => p.name)).toEqual(["idle", "x"]);
    expect(model.manifest.outputs.map((p) => p.name)).toEqual(["y", "r"]);
  });

  it("ships as files of the parts and a module that runs them in turns", async () => {
    const model = (await compileFor(bytes, { ...options, allowHost: true })) as SplitCompiled;
    const files = await model.files();
    for (const name of [
      "mixed.js",
      "mixed.d.ts",
      "mixed.p0.js",
      "mixed.p1.wasm",
      "mixed.p2.weights.bin",
      "manifest.json",
    ]) {
      expect([...files.keys()]).toContain(name);
    }
    const zeros = (n: number) => ({ array: "Float32Array", values: new Array<number>(n).fill(0) });
    const job = { options: nullBackend, inputs: { x: zeros(32), idle: zeros(3) } };
    const { outputs, error } = await onGpu(job, model);
    expect(error).toBeUndefined();
    expect(Object.entries(outputs!).map(([name, v]) => [name, v.length])).toEqual([
      ["y", 32],
      ["r", 32],
    ]);
    const wrong = await onGpu({ ...job, inputs: { ...job.inputs, z: zeros(1) } }, model);
    expect(wrong.error).toBe('TypeError: the model has no input "z"');
  });

  it("says that a target of the host has nothing to allow", async () => {
    const wrong: CompileOptions = { target: "wasm-simd", allowHost: true };
    await expect(compileFor(bytes, wrong)).rejects.toThrow(/there is nothing to allow/);
  });

  it("is not cut where the device can run all of it", async () => {
    const graph = make.makeGraph("plain", {
      nodes: [make.makeNode("Relu", ["x"], ["y"])],
      inputs: [make.makeValue("x", "float32", [4])],
      outputs: [make.makeValue("y", "float32", [4])],
      valueInfo: [],
      initializers: [],
    });
    const model = await compileFor(writeModel(make.makeModel(graph, 17)), { target: "wgsl", allowHost: true });
    expect(model.manifest.gpu?.steps.length).toBe(1);
  });
});
