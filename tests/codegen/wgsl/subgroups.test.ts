/**
 * @file Kernels whose workgroups sum up together, as devices with subgroups run them: the same whatever the size of subgroups,
 * by the interpreter; and what is shipped of them.
 */
import { describe, expect, it } from "vitest";
import { alternativeOf } from "../../../dialects/alternative.ts";
import { func } from "../../../dialects/func.ts";
import { setSubgroupSize } from "../../../dialects/gpu.ts";
import { layer_norm, softmax as softmaxOp } from "../../../dialects/graph/normalize.ts";
import { reduce_max, reduce_min, reduce_sum } from "../../../dialects/graph/reduce.ts";
import { compile, type GpuCompiled } from "../../../index.ts";
import type { Builder } from "../../../ir/builder.ts";
import type { Operation, Value } from "../../../ir/core.ts";
import { interpret } from "../../../ir/interpret.ts";
import { i32, type TensorType, tensor as tensorType } from "../../../ir/types.ts";
import { writeModel } from "../../../onnx/write.ts";
import { type Numerics, setNumerics } from "../../../rewrite/numerics.ts";
import { NDArray } from "../../../support/ndarray.ts";
import { distance, program, randomArray, runPasses } from "../../support/compile.ts";
import { isForFeatures, nullBackend, onGpu, plainShadersOf, shadersOf } from "../../support/gpu.ts";
import { f, matrix, products } from "../../support/products.ts";
import { transformerModel } from "../../support/transformer-model.ts";

const lowering =
  "builtin.module(graph-to-linalg,canonicalize,cse,linalg-pack{panel=0},linalg-outline{again=true},linalg-bufferize," +
  "linalg-schedule{machine=webgpu},gpu-subgroups,linalg-to-loops)";

/** Calls the alternative of every kernel that has one; answers how many have. */
function choose(module: Operation, size: number): number {
  const others = new Map<string, string>();
  for (const fn of module.region().entry) {
    const other = alternativeOf(fn);
    if (other) others.set(other.to, func.of(fn).sym_name);
  }
  module.walk((op) => {
    if (op.name === "gpu.launch") setSubgroupSize(op, size);
    if (op.name !== "func.call") return;
    const at = op.def.attrIndex.get("callee")!;
    op.props[at] = others.get(String(op.props[at])) ?? op.props[at];
  });
  return others.size;
}

type Body = (b: Builder, x: Value, y: Value) => Value;
const last = (v: Value): number => (v.type as TensorType).shape.length - 1;
const softmax: Body = (b, x) => softmaxOp(b, x, { axis: last(x) });
const norm: Body = (b, x, gain) => layer_norm(b, x, gain, undefined, { axis: last(x), epsilon: 1e-5 });
const sum: Body = (b, x) => reduce_sum(b, x, { axes: [1], keepdims: false });
const most: Body = (b, x) => reduce_max(b, x, { axes: [last(x)], keepdims: true });
const least: Body = (b, x) => reduce_min(b, x, { axes: [last(x)], keepdims: true });
const whole = tensorType([3, 200], i32);

const made =
  (body: Body, inputs: readonly TensorType[], result: TensorType): (() => Operation) =>
  () =>
    program(inputs, [result], (b, x, y) => [body(b, x!, y!)]);

/** A name, a module, its inputs, its result, and how far results may be off. */
const cases: readonly [string, () => Operation, TensorType[], TensorType, number][] = [
  ["a softmax", made(softmax, [f(3, 64)], f(3, 64)), [f(3, 64)], f(3, 64), 1e-5],
  ["a softmax of long rows", made(softmax, [f(2, 1030)], f(2, 1030)), [f(2, 1030)], f(2, 1030), 1e-5],
  ["a norm", made(norm, [f(4, 96), f(96)], f(4, 96)), [f(4, 96), f(96)], f(4, 96), 1e-5],
  ["sums alone", made(sum, [f(6, 200)], f(6)), [f(6, 200)], f(6), 1e-5],
  ["sums of integers", made(sum, [whole], tensorType([3], i32)), [whole], tensorType([3], i32), 0],
  ["maxima", made(most, [f(2, 3, 77)], f(2, 3, 1)), [f(2, 3, 77)], f(2, 3, 1), 0],
  ["minima", made(least, [f(2, 3, 77)], f(2, 3, 1)), [f(2, 3, 77)], f(2, 3, 1), 0],
  [
    "a product whose team is its workgroup",
    () => products([f(1, 2048), f(2048, 4), f(4)], f(1, 4), matrix),
    [f(1, 2048), f(2048, 4), f(4)],
    f(1, 4),
    1e-4,
  ],
];

describe.each([4, 8, 16, 32, 64, 128])("rows by workgroups in subgroups of %d", (size) => {
  it.each(cases)("%s", (_name, make, inputs, result, most) => {
    const module = make();
    const given = inputs.map((t, i) => randomArray(t, i + 1));
    const [wanted] = interpret(module, "main", given) as [NDArray];
    runPasses(module, lowering);
    expect(choose(module, size)).toBe(1);
    const got = NDArray.zeros(wanted.dtype, result.shape);
    interpret(module, "main", [...given, got]);
    expect(distance(got, wanted)).toBeLessThanOrEqual(most);
  });
});

describe("alternatives for devices with subgroups", () => {
  const bytes = writeModel(transformerModel({ image: 16, width: 64, heads: 2, layers: 1, classes: 10 }));
  const compiled = (numerics: Numerics): Promise<GpuCompiled> =>
    compile(bytes, { target: "wgsl", file: "model.onnx", numerics });

  it("are shaders beside the others, which they are called like, and files; the module says which features they want", async () => {
    const model = await compiled("default");
    const { shaders, variants } = model.manifest.gpu!;
    expect(variants.map((v) => v.needs)).toEqual(["subgroups"]);
    const all = shadersOf(model);
    const others = Object.values(variants[0]!.shaders);
    expect(others).toEqual(others.map((_, i) => shaders.length + i));
    expect(all.length).toBe(shaders.length + others.length);
    expect(others.length).toBeGreaterThan(1);
    for (const [own, other] of Object.entries(variants[0]!.shaders)) {
      const bound = (code: string): string[] => code.match(/^@group.*$/gm) ?? [];
      expect(isForFeatures(all[other]!)).toBe(true);
      expect(bound(all[other]!)).toEqual(bound(all[Number(own)]!));
    }
    expect(plainShadersOf(model).filter(isForFeatures)).toEqual([]);
    const files = await model.files();
    expect([...files.keys()].filter((name) => name.endsWith(".wgsl")).length).toBe(all.length);
    const text = new TextDecoder().decode(files.get("model.js"));
    expect(text).toContain("export const features = variants.map((v) => v.needs);");
    const { faults } = await onGpu({ options: nullBackend, validate: all });
    expect(faults).toEqual(all.map(() => []));
  });

  it("are not made under the policy strict", async () => {
    const model = await compiled("strict");
    expect(model.manifest.gpu!.variants).toEqual([]);
    expect(shadersOf(model).length).toBe(model.manifest.gpu!.shaders.length);
    const module = program([f(3, 64)], [f(3, 64)], (b, x) => [softmax(b, x!, x!)]);
    setNumerics(module, "strict");
    runPasses(module, lowering);
    expect([...module.region().entry].filter((fn) => alternativeOf(fn))).toEqual([]);
  });
});
